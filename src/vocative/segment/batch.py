"""The plan as SQL, and its answers.

`features_sql` is one text for every use: computing everyone's features now, and point-in-time
datasets. Its population says who and as of when; each window is (as_of - w, as_of], exact to the
microsecond, and nothing later than as_of is looked at. Traits are as they are now: only
`first_seen_at` is hidden when it lies after as_of.

Each step is a named relation from a pure function, so that the text reads like the plan.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from vocative.clock import naive_utc
from vocative.engines.base import Engine
from vocative.errors import unknown_name
from vocative.segment.definitions import BucketFeature
from vocative.segment.order import layers
from vocative.segment.plan import FeatureDef, Group, Plan, SegmentDef, base_name, groups_of
from vocative.sql import Names, Node, quote_name, quote_text, to_sql
from vocative.sql.nodes import FieldRef
from vocative.sql.quote import instant_sql, literal_sql
from vocative.sql.types import SQL_TYPES

if TYPE_CHECKING:
    import pyarrow as pa

Relation = tuple[str, str]
"""A name and the SELECT behind it."""

# Sums are of whole millionths: doubles add those exactly and in any order, up to 9 billion.
_GRAIN = "1e6"


def features_sql(plan: Plan, population_sql: str, names: Iterable[str] | None = None) -> str:
    """The features of a population.

    Args:
        plan: The workspace's plan.
        population_sql: A SELECT of person_id and as_of (naive UTC timestamps).
        names: Which features; all of them unless told.

    Returns:
        A query that gives person_id, as_of and one column per feature; a row per distinct
        person and instant of the population.

    Raises:
        UnknownName: there is no such feature.
    """
    asked = list(plan.features if names is None else names)
    for name in asked:
        if name not in plan.features:
            raise unknown_name("feature", name, plan.features)
    needed = plan.features_needed(asked)
    relations = [("population", _population_sql(population_sql)), *_group_relations(needed)]
    relations.append(("layer_0", _joined_sql(plan, needed)))
    made = {name: feature for name, feature in needed.items() if feature.aggregate is None}
    for depth, layer in enumerate(layers(made, lambda feature: feature.needs), start=1):
        relations.append((f"layer_{depth}", _layer_sql(f"layer_{depth - 1}", layer)))
    columns = ", ".join(quote_name(name) for name in ("person_id", "as_of", *asked))
    return with_relations(relations, f"SELECT {columns} FROM {relations[-1][0]}")


def with_relations(relations: Iterable[Relation], select: str) -> str:
    """One query text: named relations, then the SELECT that uses them."""
    parts = ",\n".join(f"{quote_name(name)} AS (\n{sql}\n)" for name, sql in relations)
    return f"WITH {parts}\n{select}" if parts else select


def _population_sql(given: str) -> str:
    return (
        "SELECT DISTINCT person_id, CAST(as_of AS TIMESTAMP) AS as_of\n"
        f"FROM ({given})\nWHERE person_id IS NOT NULL"
    )


def _group_relations(features: dict[str, FeatureDef]) -> list[Relation]:
    found: list[Relation] = []
    for group in groups_of(features.values()):
        if group.dimension is None:
            found.append((group.name, _group_sql(group)))
        else:
            found.append((f"{group.name}_counts", _top_counts_sql(group)))
            found.append((group.name, _top_sql(group)))
    return found


def _group_sql(group: Group) -> str:
    columns = "".join(
        f",\n  {_aggregate_sql(feature)} AS {quote_name(feature.name)}"
        for feature in group.features
    )
    return (
        f"SELECT p.person_id, p.as_of{columns}\n{_facts_sql(group)}\nGROUP BY p.person_id, p.as_of"
    )


def _facts_sql(group: Group) -> str:
    """The facts of a group that a row of the population may see."""
    events = ", ".join(quote_text(name) for name in group.events)
    condition = ""
    if group.condition is not None:
        condition = f"\n  AND {to_sql(group.condition, _EVENT_NAMES)}"
    within = _within_sql(group.window_seconds)
    return (
        f"FROM population AS p JOIN {quote_name(group.relation)} AS e\n"
        f"  ON e.person_id = p.person_id AND e.at <= p.as_of{' AND ' + within if within else ''}\n"
        f"WHERE e.name IN ({events}){condition}"
    )


def _within_sql(window_seconds: int | None) -> str:
    if window_seconds is None:
        return ""
    days, seconds = divmod(window_seconds, 86_400)
    length = f"INTERVAL '{days}' DAY" if not seconds else f"INTERVAL '{window_seconds}' SECOND"
    return f"e.at > p.as_of - {length}"


def _filter_sql(feature: FeatureDef) -> str:
    within = _within_sql(feature.aggregate.window.seconds if feature.aggregate else None)
    return f" FILTER (WHERE {within})" if within else ""


def _aggregate_sql(feature: FeatureDef) -> str:
    how = feature.aggregate
    if how is None:
        raise AssertionError("only aggregates belong to groups")
    value = "" if feature.value is None else to_sql(feature.value, _EVENT_NAMES)
    only = _filter_sql(feature)
    # Facts of one instant are put in the order of their ids, so that the answer is always the same.
    moment = f"(e.at, e.event_id, {value})"
    total = f"round(sum(round(CAST({value} AS DOUBLE) * {_GRAIN})){only}) / {_GRAIN}"
    return {
        "count": f"count(*){only}",
        "exists": f"count(*){only} > 0",
        "sum": total,
        "avg": f"{total} / nullif(count({value}){only}, 0)",
        "min": f"min({value}){only}",
        "max": f"max({value}){only}",
        "first": f"arg_min({value}, {moment}){only}" if value != _AT else f"min(e.at){only}",
        "last": f"arg_max({value}, {moment}){only}" if value != _AT else f"max(e.at){only}",
        "distinct": f"count(DISTINCT {value}){only}",
    }[how.function]


def _top_counts_sql(group: Group) -> str:
    value = "" if group.dimension is None else to_sql(group.dimension, _EVENT_NAMES)
    columns = "".join(
        f",\n  count(*){_filter_sql(feature)} AS {quote_name(feature.name + ' count')}"
        f",\n  max(e.at){_filter_sql(feature)} AS {quote_name(feature.name + ' latest')}"
        for feature in group.features
    )
    return (
        f"SELECT p.person_id, p.as_of, {value} AS value{columns}\n{_facts_sql(group)}\n"
        f"  AND {value} IS NOT NULL\nGROUP BY p.person_id, p.as_of, {value}"
    )


def _top_sql(group: Group) -> str:
    """The most frequent value; of equally frequent ones the latest, then the last by alphabet."""
    columns = []
    for feature in group.features:
        count, latest = quote_name(f"{feature.name} count"), quote_name(f"{feature.name} latest")
        columns.append(
            f",\n  arg_max(value, ({count}, {latest}, value)) FILTER (WHERE {count} > 0)"
            f" AS {quote_name(feature.name)}"
        )
    return (
        f"SELECT person_id, as_of{''.join(columns)}\n"
        f"FROM {quote_name(group.name + '_counts')}\nGROUP BY person_id, as_of"
    )


def _joined_sql(plan: Plan, features: dict[str, FeatureDef]) -> str:
    """Each row of the population with its aggregates and the traits that features need."""
    columns: list[str] = []
    joins: list[str] = []
    for group in groups_of(features.values()):
        name = quote_name(group.name)
        joins.append(f"\nLEFT JOIN {name} USING (person_id, as_of)")
        columns.extend(
            f",\n  {_defaulted_sql(feature, f'{name}.{quote_name(feature.name)}')}"
            f" AS {quote_name(feature.name)}"
            for feature in group.features
        )
    needed = {name for feature in features.values() for name in feature.needs}
    traits = [name for name in plan.traits if name in needed]
    if traits:
        columns.extend(f",\n  {trait_sql(name)} AS {quote_name(name)}" for name in traits)
        joins.append("\nLEFT JOIN people ON people.person_id = population.person_id")
    return (
        f"SELECT population.person_id, population.as_of{''.join(columns)}\n"
        f"FROM population{''.join(joins)}"
    )


def trait_sql(name: str) -> str:
    """A trait of `people`, as of the population's instant where it has one."""
    column = f"people.{quote_name(name)}"
    if name == "first_seen_at":
        return f"CASE WHEN {column} <= population.as_of THEN {column} END"
    return column


def _defaulted_sql(feature: FeatureDef, column: str) -> str:
    if feature.default is None:
        return column
    return f"coalesce({column}, {literal_sql(feature.default, feature.type)})"


def _layer_sql(below: str, layer: dict[str, FeatureDef]) -> str:
    columns = "".join(
        f",\n  {_made_sql(feature)} AS {quote_name(feature.name)}" for feature in layer.values()
    )
    return f"SELECT *{columns}\nFROM {below}"


def _made_sql(feature: FeatureDef) -> str:
    if feature.value is None:
        raise AssertionError("a feature made from others has an expression")
    value = to_sql(feature.value, person_names())
    if not isinstance(feature.written, BucketFeature):
        return f"CAST({value} AS {SQL_TYPES[feature.type]})"
    eligible = f"{value} IS NOT NULL"
    if feature.condition is not None:
        eligible = f"({eligible} AND coalesce({to_sql(feature.condition, person_names())}, FALSE))"
    among = f"PARTITION BY as_of, {eligible}"
    direction = "DESC" if feature.written.descending else "ASC"
    # rank() gives equal values one bucket, where ntile() would part them by chance.
    return (
        f"CASE WHEN {eligible} THEN CAST(1 + floor({feature.written.buckets}"
        f" * (rank() OVER ({among} ORDER BY {value} {direction}) - 1)"
        f" / (count(*) OVER ({among}))) AS BIGINT) END"
    )


def _event_field(ref: FieldRef) -> str:
    if ref.path:
        path = "$" + "".join('."' + part.replace('"', "") + '"' for part in ref.path)
        return f"json_extract_string(e.{quote_name(ref.name)}, {quote_text(path)})"
    return f"e.{quote_name(ref.name)}"


def _never(_: str) -> str:
    raise AssertionError("segments and scores are refused in an expression about an event")


_EVENT_NAMES = Names(field=_event_field, now="p.as_of", segment=_never, score=_never)
_AT = 'e."at"'


def person_names() -> Names:
    """How a condition about a person names things in the relations of this module."""
    return Names(
        field=lambda ref: quote_name(ref.name),
        now="as_of",
        segment=lambda name: quote_name(segment_column(name)),
        score=lambda model: quote_name(score_column(model)),
    )


def segment_column(name: str) -> str:
    """The column that says whether a person is in a segment; no feature can have its name."""
    return f"segment {name}"


def score_column(model: str) -> str:
    """The column that holds a model's score."""
    return f"score {model}"


def segments_sql(
    plan: Plan,
    names: Iterable[str] | None = None,
    *,
    conditions: dict[str, Node] | None = None,
    select: Callable[[str], str] | None = None,
) -> str:
    """Who is in which segment, from the relations `current_features`, `people` and `scores`.

    Args:
        plan: The workspace's plan.
        names: Which segments; all of them unless told.
        conditions: More conditions to answer, by column name; they may ask about any segment.
        select: What to make of the last relation's name; every column unless told.

    Returns:
        A query that gives a row per person, with a boolean column per segment (named by
        `segment_column`), families as the value they go by, and every feature and trait.
    """
    conditions = conditions or {}
    asked = {s for node in conditions.values() for s in _segments_in(node)}
    needed = plan.segments_needed([*(plan.segments if names is None else names), *asked])
    members = sorted({s for found in needed.values() for s in found.segments if ":" in s} | asked)
    relations = [("subjects", _subjects_sql(plan))]
    for depth, layer in enumerate(layers(needed, _bases)):
        columns = [(segment_column(name), _segment_sql(found)) for name, found in layer.items()]
        below = relations[-1][0]
        relations.append((f"segments_{depth}", _with_columns_sql(below, columns)))
        families = [name for name in members if ":" in name and base_name(name) in layer]
        if families:
            columns = [(segment_column(name), _family_member_sql(name)) for name in families]
            below = relations[-1][0]
            relations.append((f"families_{depth}", _with_columns_sql(below, columns)))
    if conditions:
        columns = [(name, to_sql(node, person_names())) for name, node in conditions.items()]
        relations.append(("conditions", _with_columns_sql(relations[-1][0], columns)))
    last = relations[-1][0]
    return with_relations(relations, select(last) if select else f"SELECT * FROM {last}")


def _segments_in(node: Node) -> set[str]:
    from vocative.sql.nodes import InSegment

    return {part.segment for part in node.walk() if isinstance(part, InSegment)}


def _bases(found: SegmentDef) -> set[str]:
    return {base_name(name) for name in found.segments}


def _with_columns_sql(below: str, columns: list[tuple[str, str]]) -> str:
    text = "".join(f",\n  {sql} AS {quote_name(name)}" for name, sql in columns)
    return f"SELECT *{text}\nFROM {below}"


def _segment_sql(found: SegmentDef) -> str:
    condition = to_sql(found.node, person_names())
    return f"CAST({condition} AS VARCHAR)" if found.is_family else f"coalesce({condition}, FALSE)"


def _family_member_sql(name: str) -> str:
    family, _, value = name.partition(":")
    return f"coalesce({quote_name(segment_column(family))} = {quote_text(value)}, FALSE)"


def _subjects_sql(plan: Plan) -> str:
    """Each person with features, traits and scores; people without a profile are gone."""
    traits = [name for name, trait in plan.traits.items() if not trait.personal]
    columns = ", ".join(f"{trait_sql(name)} AS {quote_name(name)}" for name in traits)
    scores = "".join(
        f",\n  (SELECT max(value) FROM scores WHERE scores.person_id = population.person_id"
        f" AND model = {quote_text(model)}) AS {quote_name(score_column(model))}"
        for model in plan.models
    )
    return (
        f"SELECT population.*, {columns}{scores}\n"
        "FROM current_features AS population JOIN people USING (person_id)"
    )


def everyone_sql(as_of: datetime) -> str:
    """The population of everyone with a profile, as of one instant."""
    return f"SELECT person_id, {instant_sql(naive_utc(as_of))} AS as_of FROM people"


def compute_features(
    engine: Engine,
    plan: Plan,
    as_of: datetime,
    people: Iterable[str] | None = None,
    names: Iterable[str] | None = None,
) -> "pa.Table":
    """Features of everyone, or of some people, as of one instant.

    Returns:
        A table of person_id, as_of and one column per feature; a row per person.
    """
    population = everyone_sql(as_of)
    if people is not None:
        listed = ", ".join(quote_text(person) for person in people) or "NULL"
        population += f" WHERE person_id IN ({listed})"
    return engine.query(features_sql(plan, population, names))


def point_in_time(
    engine: Engine, plan: Plan, population: "pa.Table", names: Iterable[str] | None = None
) -> "pa.Table":
    """Features of each person as they were at that row's instant.

    Args:
        engine: Where history is.
        plan: The workspace's plan.
        population: person_id (text) and as_of (timestamp, naive UTC); a person may have several.
        names: Which features; all of them unless told. Quintiles compare people within the
            population that is given, separately for each as_of.

    Returns:
        A table of person_id, as_of and one column per feature; a row per distinct pair.
    """
    engine.register("population_given", population.select(["person_id", "as_of"]))
    return engine.query(features_sql(plan, "SELECT person_id, as_of FROM population_given", names))


def empty_scores() -> "pa.Table":
    """The `scores` relation before any model has scored."""
    import pyarrow as pa

    return pa.table(
        {
            "person_id": pa.array([], pa.string()),
            "model": pa.array([], pa.string()),
            "value": pa.array([], pa.float64()),
        }
    )
