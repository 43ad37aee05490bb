"""What a campaign did and what came of it.

In come a run's ledger rows and the event history; out goes one `CampaignReport`. The engine only
joins, counts and sums; all judgement is in `experiments`. Everybody who was planned counts in the
arm they fell into, whether or not a message reached them: that is what keeps comparisons fair.
It refuses campaigns that have not run.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import combinations
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.clock import naive_utc, to_micros
from vocative.measure import relations, words
from vocative.measure.experiments import (
    HOLDOUT_LIFT,
    HOLDOUT_VISIBLE_LIFT,
    Arm,
    check_sample_ratio,
    compare_means,
    compare_rates,
    rate_of,
)
from vocative.measure.recorded import (
    HOLDOUT,
    Goal,
    Run,
    RunDefinition,
    StateCount,
    count_states,
    first_planned_at,
    read_ledger,
    read_run,
)
from vocative.measure.results import (
    ArmResult,
    Attribution,
    CampaignReport,
    Comparison,
    GoalSeen,
    Holdout,
    Interval,
    Method,
    SampleRatio,
    Touches,
)
from vocative.measure.statistics import Statistics

if TYPE_CHECKING:
    import pyarrow as pa

    from vocative.engines.base import Engine
    from vocative.workspace import Workspace

LEVEL = 0.95
_WAITING = ("planned", "permitted", "rendered", "claimed", "handed")
_OUTLIER_SHARE = 0.25

Row = dict[str, Any]


def report(
    workspace: "Workspace",
    campaign: str,
    occurrence: str | None = None,
    as_of: datetime | None = None,
    *,
    method: Method = "always_valid",
) -> CampaignReport:
    """Measure one run of a campaign.

    Args:
        workspace: where it ran.
        campaign: its name.
        occurrence: which run; the last one unless told.
        as_of: the instant up to which events count, aware; now unless told. States of messages
            are always the present ones.
        method: `always_valid` may be looked at any time; `fixed_horizon` gives narrower intervals
            that hold for one look at an instant chosen before the campaign.

    Raises:
        UnknownName: the campaign or the occurrence has not run.
        EngineError: the store or the history cannot be read.
    """
    as_of = as_of or workspace.clock.now()
    with workspace.store.read() as tx:
        run = read_run(tx, campaign, occurrence)
        states = count_states(tx, run, to_micros(as_of))
        ledger = read_ledger(tx, run, to_micros(as_of))
    with workspace.engine() as engine:
        engine.register("ledger", ledger)
        seen = _see(engine, run.definition.goal, since=first_planned_at(ledger), as_of=as_of)
    judge = _Judge(currency=workspace.settings.currency, method=method)
    return _report(run, states, seen, as_of=as_of, judge=judge)


class _Judge(msgspec.Struct, frozen=True, kw_only=True):
    """How comparisons of this report are made and in which money they are told."""

    currency: str
    method: Method

    def unit(self, goal: Goal) -> str:
        """The unit of the goal's value."""
        return self.currency if goal.value == "revenue" else ""

    def rates(self, a: Arm, b: Arm, metric: str, **options: float) -> Comparison:
        """Two arms' shares of people."""
        return compare_rates(a, b, metric, method=self.method, **options)

    def values(self, a: Arm, b: Arm, goal: Goal, **options: float) -> Comparison:
        """Two arms' values per person."""
        return compare_means(a, b, "revenue", unit=self.unit(goal), method=self.method, **options)


class _Seen(msgspec.Struct, frozen=True):
    """What the engine counted."""

    arms: dict[str, Row]
    funnel: dict[tuple[str, bool], Row]
    attributed: Row | None
    fresh_until: datetime | None

    def statistics(self, arm: str) -> Statistics:
        """The sufficient statistics of everyone assigned to an arm."""
        return statistics_in(self.arms[arm])

    def feedback(self, kind: str, count: str = "messages") -> int:
        """Messages with this kind of feedback, whoever made it."""
        name = relations.FEEDBACK[kind]
        rows = [self.funnel.get((name, by_machine)) for by_machine in (False, True)]
        return sum(int(row[count]) for row in rows if row is not None)

    def touches(self, kind: str) -> Touches:
        """Opens or clicks by who is believed to have made them."""
        name = relations.FEEDBACK[kind]
        nothing = {"messages": 0, "events": 0}
        human = self.funnel.get((name, False), nothing)
        machine = self.funnel.get((name, True), nothing)
        return Touches(
            human_messages=human["messages"],
            human_events=human["events"],
            machine_messages=machine["messages"],
            machine_events=machine["events"],
        )


def statistics_in(row: Row) -> Statistics:
    """Sufficient statistics out of one row of `relations.arms_sql`."""
    products = {(name, name): float(row[f"{name}_square"]) for name in relations.METRICS}
    products["converted", "revenue"] = float(row["converted_revenue"])
    sums = {name: float(row[name]) for name in relations.METRICS}
    return Statistics(int(row["people"]), sums, products)


def _see(engine: "Engine", goal: Goal | None, *, since: datetime | None, as_of: datetime) -> _Seen:
    span: dict[str, Any] = {"since": since, "as_of": naive_utc(as_of)}
    within = {"within": goal.within_seconds if goal else 0}
    engine.register("touches", engine.query(relations.touches_sql(), span))
    engine.register("goals", _goals(engine, goal, span))
    arms = engine.rows(relations.arms_sql(), {"as_of": span["as_of"], **within})
    attributed = None
    if goal is not None:
        engine.register("clicks", engine.query(relations.clicks_sql(), span))
        attributed = engine.rows(relations.attributed_sql(), within)[0]
    fresh = engine.value(relations.freshness_sql())
    return _Seen(
        arms={row["arm"]: row for row in arms},
        funnel={
            (row["name"], row["by_machine"]): row for row in engine.rows(relations.funnel_sql())
        },
        attributed=attributed,
        fresh_until=None if fresh is None else fresh.replace(tzinfo=UTC),
    )


def _goals(engine: "Engine", goal: Goal | None, span: Row) -> "pa.Table":
    """The goal's events; none without a goal."""
    bound = {**span, "goal": None if goal is None else goal.event}
    value = None if goal is None else goal.value
    path = relations.value_path(value)
    if path is not None:
        bound["value"] = path
    return engine.query(relations.goals_sql(value), bound)


def _report(
    run: Run, states: Sequence[StateCount], seen: _Seen, *, as_of: datetime, judge: _Judge
) -> CampaignReport:
    goal = run.definition.goal
    variants = _variants_of(run, seen)
    counts = _by_state(states)
    sample_ratio = _sample_ratio(run.definition, seen)
    trusted = sample_ratio is None or sample_ratio.fits
    comparisons = _compare_variants(variants, seen, goal, judge)
    winner = _winner(variants, comparisons) if trusted else None
    reached = [seen.statistics(name) for name in variants]
    everyone = sum(reached, Statistics())
    after_bounce = seen.feedback("bounced", "accepted")
    found = CampaignReport(
        campaign=run.campaign,
        occurrence=run.occurrence,
        status=run.status,
        currency=judge.currency,
        planned_at=run.planned_at,
        as_of=as_of,
        fresh_until=seen.fresh_until,
        planned=sum(count.messages for count in states),
        held_out=sum(count.messages for count in states if count.arm == HOLDOUT),
        in_progress=sum(counts.get(state, 0) for state in _WAITING),
        accepted=counts.get("accepted", 0),
        skipped=_skipped(states),
        ambiguous=counts.get("ambiguous", 0),
        failed=counts.get("failed", 0),
        deferred=counts.get("deferred", 0),
        bounced=counts.get("bounced", 0) + after_bounce,
        delivered=counts.get("accepted", 0) - after_bounce,
        delivery_confirmed=seen.feedback("delivered"),
        opens=seen.touches("opened"),
        clicks=seen.touches("clicked"),
        unsubscribed=seen.feedback("unsubscribed"),
        complained=seen.feedback("complained"),
        goal=_goal_seen(goal, seen),
        conversions=round(everyone.total("converted")),
        revenue=everyone.total("revenue"),
        arms=[_arm_result(name, run, states, seen) for name in seen.arms],
        comparisons=comparisons,
        winner=winner,
        verdict=words.verdict_words(variants, comparisons, winner, trusted=trusted),
        holdout=_holdout(variants, seen, goal, judge),
        sample_ratio=sample_ratio,
        attribution=_attribution(seen, goal, judge),
        notes=[],
    )
    return msgspec.structs.replace(
        found, notes=[*words.notes(found), *_outliers(seen, judge.currency)]
    )


def _variants_of(run: Run, seen: _Seen) -> list[str]:
    """Arms that get a message: those of the definition in its order, then any other."""
    declared = [name for name in run.definition.variants or {} if name in seen.arms]
    return declared + [name for name in seen.arms if name not in {*declared, HOLDOUT}]


def _by_state(states: Sequence[StateCount]) -> dict[str, int]:
    found: dict[str, int] = {}
    for count in states:
        found[count.state] = found.get(count.state, 0) + count.messages
    return found


def _skipped(states: Sequence[StateCount]) -> dict[str, int]:
    """Skipped messages by reason; those held out are no skips."""
    found: dict[str, int] = {}
    for count in states:
        if count.state == "skipped" and count.arm != HOLDOUT:
            reason = count.reason or "no reason recorded"
            found[reason] = found.get(reason, 0) + count.messages
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _sample_ratio(definition: RunDefinition, seen: _Seen) -> SampleRatio | None:
    """The arms' sizes against the definition; None when there is nothing to choose between."""
    share = definition.holdout_share
    variants = definition.variants or {}
    whole = sum(variant.weight for variant in variants.values())
    shares = {
        name: (1 - share) * variant.weight / whole for name, variant in variants.items() if whole
    }
    if not shares:
        shares = {name: 1 - share for name in seen.arms if name != HOLDOUT}
    if share or HOLDOUT in seen.arms:
        shares[HOLDOUT] = share
    if len(shares) < 2 or not seen.arms:
        return None
    return check_sample_ratio({name: row["people"] for name, row in seen.arms.items()}, shares)


def _compare_variants(
    variants: Sequence[str], seen: _Seen, goal: Goal | None, judge: _Judge
) -> list[Comparison]:
    """Every pair of variants on the goal, its value, and human clicks and opens.

    With more than two variants each pair gets a stricter level (Bonferroni), so that all pairs of
    one metric together keep to 95 %.
    """
    pairs = list(combinations([Arm(name, seen.statistics(name)) for name in variants], 2))
    level = 1 - (1 - LEVEL) / max(1, len(pairs))
    found = []
    if goal is not None:
        found += [judge.rates(a, b, "converted", level=level) for a, b in pairs]
        if goal.value is not None:
            found += [judge.values(a, b, goal, level=level) for a, b in pairs]
    for metric in ("clicked", "opened"):
        found += [judge.rates(a, b, metric, level=level) for a, b in pairs]
    return found


def _winner(variants: Sequence[str], comparisons: Sequence[Comparison]) -> str | None:
    """The variant that is shown to be better than every other on the first metric."""
    if not comparisons:
        return None
    first = [found for found in comparisons if found.metric == comparisons[0].metric]
    for name in variants:
        if sum(found.better == name for found in first) == len(variants) - 1:
            return name
    return None


def _arm_result(name: str, run: Run, states: Sequence[StateCount], seen: _Seen) -> ArmResult:
    numbers = seen.statistics(name)
    variant = (run.definition.variants or {}).get(name)
    rates = {
        metric: rate_of(round(numbers.total(metric)), numbers.count)
        for metric in ("opened", "clicked", "unsubscribed", "converted")
    }
    return ArmResult(
        name=name,
        subject=variant.subject if variant else None,
        people=numbers.count,
        accepted=sum(c.messages for c in states if c.arm == name and c.state == "accepted"),
        **rates,
        revenue=numbers.total("revenue"),
        revenue_per_person=numbers.mean("revenue") if numbers.count else None,
    )


def _holdout(
    variants: Sequence[str], seen: _Seen, goal: Goal | None, judge: _Judge
) -> Holdout | None:
    """Everyone assigned to a message against everyone held out."""
    if goal is None or HOLDOUT not in seen.arms or not variants:
        return None
    sent = Arm("the campaign", sum((seen.statistics(name) for name in variants), Statistics()))
    kept = Arm("the holdout", seen.statistics(HOLDOUT))
    lifts = {"typical_lift": HOLDOUT_LIFT, "visible_lift": HOLDOUT_VISIBLE_LIFT}
    conversion = judge.rates(sent, kept, "converted", **lifts)
    revenue = None if goal.value is None else judge.values(sent, kept, goal, **lifts)
    people = sent.statistics.count
    found = Holdout(
        conversion=conversion,
        revenue=revenue,
        incremental_conversions=_total(conversion, people),
        incremental_conversions_interval=_total_interval(conversion, people),
        incremental_revenue=_total(revenue, people),
        incremental_revenue_interval=_total_interval(revenue, people),
    )
    return msgspec.structs.replace(found, words=words.holdout_words(found, goal.event))


def _total(found: Comparison | None, people: int) -> float | None:
    """A difference per person, for all who were assigned to a message."""
    return None if found is None or found.difference is None else found.difference * people


def _total_interval(found: Comparison | None, people: int) -> Interval | None:
    if found is None or found.interval is None:
        return None
    low, high = found.interval.low * people, found.interval.high * people
    return Interval(low=low, high=high, level=found.interval.level)


def _goal_seen(goal: Goal | None, seen: _Seen) -> GoalSeen | None:
    if goal is None:
        return None
    open_windows = sum(int(row["open_windows"]) for row in seen.arms.values())
    people = sum(int(row["people"]) for row in seen.arms.values())
    found = GoalSeen(
        event=goal.event,
        within_seconds=goal.within_seconds,
        value=goal.value,
        open_windows=open_windows,
    )
    return msgspec.structs.replace(found, words=words.goal_words(found, people))


def _attribution(seen: _Seen, goal: Goal | None, judge: _Judge) -> Attribution | None:
    if goal is None or seen.attributed is None:
        return None
    found = Attribution(
        conversions=int(seen.attributed["people"]), revenue=float(seen.attributed["revenue"])
    )
    said = words.attribution_words(found, judge.unit(goal))
    return msgspec.structs.replace(found, words=said)


def _outliers(seen: _Seen, currency: str) -> list[str]:
    """A sentence for every arm in which one person carries much of the revenue."""
    found = []
    for name, row in seen.arms.items():
        revenue, largest = float(row["revenue"]), float(row["largest_revenue"])
        if row["converted"] >= 2 and revenue > 0 and largest > _OUTLIER_SHARE * revenue:
            found.append(words.outlier_words(name, largest, revenue, currency))
    return found
