"""A group of aggregates as SQL: one pass over its facts, a FILTER per feature.

Each filter says which facts a feature counts (names, condition, window); the facts that count for
no feature are left out before they are grouped.
"""

from dataclasses import dataclass

from vocative.segment.batch.groups import Group, how_of
from vocative.segment.batch.names import event_names
from vocative.segment.batch.relations import Relation, interval_sql
from vocative.segment.batch.scope import ITEM_JOIN, Scope
from vocative.segment.definitions import AggregateFeature, EventFeature, PointsFeature
from vocative.segment.plan import FeatureDef
from vocative.sql import Node, quote_name, quote_text, to_sql
from vocative.sql.nodes import FieldRef

_AT = 'e."at"'
# Sums are of whole millionths: doubles add those exactly and in any order, up to 9 billion.
_GRAIN = "1e6"
_NEWEST = "newest"
# A double knows no smaller power of two; engines would fail or say so.
_MOST_HALVINGS = 1_000


def group_relations(group: Group, scope: Scope) -> list[Relation]:
    """The relations behind a group of aggregates; the last one has its name."""
    writer = _Writer(group=group, scope=scope)
    found: list[Relation] = []
    if group.ranked:
        found.append((writer.ranked_name, writer.ranked_sql()))
    if group.dimension is None:
        found.append((group.name, writer.facts_sql()))
    else:
        found.append((f"{group.name}_values", writer.values_sql(group.dimension)))
        found.append((group.name, writer.compared_sql()))
    return found


def facts_sql(group: Group, scope: Scope, *, back: int | None = None) -> str:
    """FROM … WHERE of the facts that count for some feature of a group.

    Args:
        group: The features.
        scope: Whose facts, and as of when.
        back: How many seconds to look back instead of as far as they matter.
    """
    facts = scope.facts_sql(group.relation, items=group.uses_items)
    reach: dict[str, int | None] = {name: back or own for name, own in group.events.items()}
    return f"{facts}{_needed_sql(group, reach, scope)}"


def _needed_sql(group: Group, reach: dict[str, int | None], scope: Scope) -> str:
    """Names, each as far back as it matters, and the filter that all features share."""
    by_reach: dict[int | None, list[str]] = {}
    for name, back in reach.items():
        by_reach.setdefault(back, []).append(name)
    parts = [
        _both(name_sql(names), _within_sql(back, scope))
        for back, names in sorted(by_reach.items(), key=lambda part: -(part[0] or 10**12))
    ]
    needed = parts[0] if len(parts) == 1 else "(" + "\n    OR ".join(parts) + ")"
    shared = "" if group.condition is None else to_sql(group.condition, event_names(scope))
    return f"\n  AND {_both(needed, shared)}"


def name_sql(names: list[str] | tuple[str, ...]) -> str:
    """Whether a fact has one of some names."""
    return f"e.name IN ({', '.join(quote_text(name) for name in names)})"


def _within_sql(seconds: int | None, scope: Scope) -> str:
    return "" if seconds is None else f"e.at > {scope.as_of} - {interval_sql(seconds)}"


def _both(*conditions: str) -> str:
    return " AND ".join(condition for condition in conditions if condition)


@dataclass(frozen=True, kw_only=True)
class _Writer:
    """Prints one group in one scope."""

    group: Group
    scope: Scope

    @property
    def ranked_name(self) -> str:
        return f"{self.group.name}_ranked"

    @property
    def seen(self) -> Scope:
        """The scope beside a fact: ranked facts have their row's instant among their columns."""
        if not (self.group.ranked and self.scope.joined):
            return self.scope
        return Scope(as_of="e.as_of", keys=self.scope.keys, chosen=True)

    @property
    def keys(self) -> str:
        ranked = self.group.ranked
        return (
            ", ".join(f"e.{key}" for key in self.scope.keys) if ranked else self.scope.key_columns
        )

    def ranked_sql(self) -> str:
        """The facts numbered from the newest."""
        columns = "e.*, p.as_of" if self.scope.joined else "e.*"
        order = f"PARTITION BY {self.scope.key_columns} ORDER BY e.at DESC, e.event_id DESC"
        return (
            f"SELECT {columns},\n  row_number() OVER ({order}) AS {_NEWEST}\n"
            f"{facts_sql(self.group, self.scope)}"
        )

    def source_sql(self) -> str:
        if not self.group.ranked:
            return facts_sql(self.group, self.scope)
        items = ITEM_JOIN if self.group.uses_items else ""
        most = max(how_of(feature).window.newest or 0 for feature in self.group.features)
        return f"FROM {quote_name(self.ranked_name)} AS e{items}\nWHERE e.{_NEWEST} <= {most}"

    def facts_sql(self) -> str:
        """A row per person with the aggregates."""
        columns = "".join(
            f",\n  {self.aggregate_sql(feature)} AS {quote_name(feature.name)}"
            for feature in self.group.features
        )
        return f"SELECT {self.keys}{columns}\n{self.source_sql()}\nGROUP BY {self.keys}"

    def aggregate_sql(self, feature: FeatureDef) -> str:
        how = how_of(feature)
        if isinstance(how, PointsFeature):
            return self.points_sql(feature, how)
        value = self.sql(feature.value)
        only = self.filter_sql(feature)
        known = self.filter_sql(feature, f"{value} IS NOT NULL")
        # Facts of one instant are put in the order of their ids, so that the answer is always the
        # same; the lines of one order have one id and go by their value.
        moment = "(e.at, e.event_id)"
        if self.group.relation == "order_lines":
            moment = f"(e.at, e.event_id, {value})"
        total = f"round(sum(round(CAST({value} AS DOUBLE) * {_GRAIN})){only}) / {_GRAIN}"
        return {
            "count": _unless(f"count(*){only}", "0", feature),
            "exists": _unless(f"count(*){only} > 0", "FALSE", feature),
            "sum": total,
            "avg": f"{total} / nullif(count({value}){only}, 0)",
            "min": f"min({value}){only}",
            "max": f"max({value}){only}",
            "first": f"min(e.at){only}" if value == _AT else f"arg_min({value}, {moment}){known}",
            "last": f"max(e.at){only}" if value == _AT else f"arg_max({value}, {moment}){known}",
        }[_function(how)]

    def points_sql(self, feature: FeatureDef, how: PointsFeature) -> str:
        """The points of all facts, each halved once per half-life since it happened."""
        branches = " ".join(f"WHEN {quote_text(n)} THEN {w!r}e0" for n, w in how.points)
        worth = f"CASE e.name {branches} END"
        if how.half_life_seconds is not None:
            age = f"(epoch_us({self.seen.as_of}) - epoch_us(e.at))"
            halvings = f"{age} / {how.half_life_seconds * 1e6!r}"
            worth += f" * pow(2e0, greatest(- {halvings}, -{_MOST_HALVINGS}e0))"
        return f"round(sum({worth}){self.filter_sql(feature)}, 6)"

    def values_sql(self, dimension: Node) -> str:
        """A row per person and value: how often, how much, and when it came last."""
        value = self.sql(dimension)
        columns = "".join(self.value_columns(feature) for feature in self.group.features)
        return (
            f"SELECT {self.keys}, {value} AS value{columns}\n{self.source_sql()}\n"
            f"  AND {value} IS NOT NULL\nGROUP BY {self.keys}, {value}"
        )

    def value_columns(self, feature: FeatureDef) -> str:
        only = self.filter_sql(feature)
        columns = {_found(feature): f"count(*){only}"}
        if feature.weight is not None:
            weight = f"coalesce(CAST({self.sql(feature.weight)} AS DOUBLE), 0e0)"
            columns[_much(feature)] = f"round(sum(round({weight} * {_GRAIN})){only})"
        if not _counts_values(feature):
            columns[_latest(feature)] = f"max(e.at){only}"
        return "".join(f",\n  {sql} AS {name}" for name, sql in columns.items())

    def compared_sql(self) -> str:
        """The value with the most; of equal ones the latest, then the last by alphabet."""
        columns = []
        for feature in self.group.features:
            only = f" FILTER (WHERE {_found(feature)} > 0)"
            if _counts_values(feature):
                found = _unless(f"count(*){only}", "0", feature)
            else:
                most = _found(feature) if feature.weight is None else _much(feature)
                found = f"arg_max(value, ({most}, {_latest(feature)}, value)){only}"
            columns.append(f",\n  {found} AS {quote_name(feature.name)}")
        keys = self.scope.own_keys
        return (
            f"SELECT {keys}{''.join(columns)}\n"
            f"FROM {quote_name(self.group.name + '_values')}\nGROUP BY {keys}"
        )

    def filter_sql(self, feature: FeatureDef, more: str = "") -> str:
        """Which facts of the group a feature counts; what all its facts fulfil is left out."""
        how, group = how_of(feature), self.group
        parts = []
        if set(how.events) != set(group.events):
            parts.append(name_sql(how.events))
        if how.window.seconds is not None and set(group.events.values()) != {how.window.seconds}:
            parts.append(_within_sql(how.window.seconds, self.seen))
        newest = {how_of(other).window.newest for other in group.features}
        if how.window.newest is not None and len(newest) > 1:
            parts.append(f"e.{_NEWEST} <= {how.window.newest}")
        if feature.condition is not None and group.condition is None:
            own = self.sql(feature.condition)
            # CASE, so that engines take JSON apart for facts of the right names only.
            dear = parts and any(
                isinstance(n, FieldRef) and n.name == "properties" for n in feature.condition.walk()
            )
            parts = [
                f"CASE WHEN {_both(*parts)} THEN {own} ELSE FALSE END"
                if dear
                else _both(*parts, own)
            ]
        condition = _both(*parts, more)
        return f" FILTER (WHERE {condition})" if condition else ""

    def sql(self, node: Node | None) -> str:
        return "" if node is None else to_sql(node, event_names(self.seen))


def _unless(found: str, nothing: str, feature: FeatureDef) -> str:
    """An answer that is left unknown without facts when the author gave it a default."""
    return found if feature.default in (0, False) else f"nullif({found}, {nothing})"


def _function(how: EventFeature) -> str:
    return how.function if isinstance(how, AggregateFeature) else ""


def _counts_values(feature: FeatureDef) -> bool:
    return _function(how_of(feature)) == "distinct"


def _found(feature: FeatureDef) -> str:
    return quote_name(f"{feature.name} found")


def _much(feature: FeatureDef) -> str:
    return quote_name(f"{feature.name} total")


def _latest(feature: FeatureDef) -> str:
    return quote_name(f"{feature.name} latest")
