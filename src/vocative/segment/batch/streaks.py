"""How many calendar periods in a row something happened in, as SQL.

Periods are numbered through (days since 1970-01-01, weeks from Monday, months), in the zone of the
person. Numbered backwards, the periods of one unbroken run all have the same sum of period and
place; the run that reaches the newest period is the streak, when that is the current one or the
one before.
"""

from vocative.segment.batch.aggregates import facts_sql
from vocative.segment.batch.groups import MOST_PERIODS, Group
from vocative.segment.batch.names import LOCAL_ZONE
from vocative.segment.batch.relations import Relation
from vocative.segment.batch.scope import Scope
from vocative.segment.definitions import Period
from vocative.segment.plan import FeatureDef
from vocative.sql import quote_name


def streak_relations(group: Group, scope: Scope) -> list[Relation]:
    """The relations behind one streak; the last one has the group's name."""
    (feature,), name = group.features, group.name
    return [
        (f"{name}_facts", _periods_sql(group, scope, _period(feature))),
        (f"{name}_runs", _runs_sql(f"{name}_facts", scope)),
        (name, _streak_sql(f"{name}_runs", feature, scope)),
    ]


def _period(feature: FeatureDef) -> Period:
    if feature.aggregate is None:
        raise AssertionError("a streak is an aggregate")
    return feature.aggregate.period


def _runs_sql(below: str, scope: Scope) -> str:
    """Each period with the run it belongs to, and the newest one."""
    keys = scope.own_keys
    return (
        "SELECT *,\n"
        f"  period + row_number() OVER (PARTITION BY {keys} ORDER BY period DESC) AS run,\n"
        f"  max(period) OVER (PARTITION BY {keys}) AS newest\n"
        f"FROM {quote_name(below)}\nWHERE period <= current_period"
    )


def _streak_sql(below: str, feature: FeatureDef, scope: Scope) -> str:
    """How long the run is that reaches the current period or the one before."""
    keys = scope.own_keys
    return (
        f"SELECT {keys}, least(count(*), {MOST_PERIODS}) AS {quote_name(feature.name)}\n"
        f"FROM {quote_name(below)}\n"
        f"WHERE newest >= current_period - 1 AND run = newest + 1\nGROUP BY {keys}"
    )


def _periods_sql(group: Group, scope: Scope, period: Period) -> str:
    """A row per person and period in which something happened."""
    from_facts, where, rest = facts_sql(group, scope).partition("\nWHERE ")
    if not scope.joined:
        # Most people have no streak, and calendars of many zones are slow: only those are looked
        # at who did something in the last two periods.
        recent = facts_sql(group, scope, back=_RECENT_SECONDS[period])
        rest += f"\n  AND e.person_id IN (\nSELECT e.person_id\n{recent})"
    return (
        f"SELECT DISTINCT {scope.key_columns},\n"
        f"  {_number_sql(period, 'e.at')} AS period,\n"
        f"  {_number_sql(period, scope.as_of)} AS current_period\n"
        f"{from_facts}\n  JOIN people AS who ON who.person_id = e.person_id{where}{rest}"
    )


_RECENT_SECONDS = {"day": 4 * 86_400, "week": 16 * 86_400, "month": 64 * 86_400}
"""Longer than two periods in any zone."""


def _number_sql(period: Period, instant: str) -> str:
    """The number of the period that an instant falls into on the person's calendar."""
    local = f"timezone(who.{LOCAL_ZONE}, timezone('UTC', {instant}))"
    if period == "month":
        return f"(date_part('year', {local}) * 12 + date_part('month', {local}))"
    days = f"date_diff('day', DATE '1970-01-01', CAST({local} AS DATE))"
    # 1970-01-01 was a Thursday, the fourth day of its week.
    return days if period == "day" else f"CAST(floor(({days} + 3) / 7e0) AS BIGINT)"
