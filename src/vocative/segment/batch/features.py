"""The features of a population as SQL, and their answers.

Each window is (as_of - w, as_of], exact to the microsecond, and nothing later than as_of is looked
at. Traits are as they are now: only `first_seen_at` is hidden when it lies after as_of. The
catalog is as it is now, too.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from vocative.clock import from_micros, naive_utc
from vocative.engines.base import Engine
from vocative.errors import unknown_name
from vocative.segment.batch.aggregates import group_relations
from vocative.segment.batch.groups import Group, groups_of
from vocative.segment.batch.names import LOCAL_ZONE, person_names, trait_sql, uses_zone
from vocative.segment.batch.relations import Relation, with_relations
from vocative.segment.batch.scope import EACH_ROW, Scope, at_one_instant
from vocative.segment.batch.sequences import sequence_relations
from vocative.segment.batch.streaks import streak_relations
from vocative.segment.definitions import BucketFeature
from vocative.segment.order import layers
from vocative.segment.plan import FeatureDef, Places, Plan
from vocative.sql import Type, quote_name, quote_text, to_sql
from vocative.sql.quote import instant_sql, literal_sql
from vocative.sql.types import SQL_TYPES

if TYPE_CHECKING:
    import pyarrow as pa


def features_sql(plan: Plan, population_sql: str, names: Iterable[str] | None = None) -> str:
    """The features of a population, each row as of its own instant.

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
    population = (
        "SELECT DISTINCT person_id, CAST(as_of AS TIMESTAMP) AS as_of\n"
        f"FROM ({population_sql})\nWHERE person_id IS NOT NULL"
    )
    return _features_sql(plan, population, EACH_ROW, names)


def features_at_sql(
    plan: Plan,
    as_of: datetime,
    names: Iterable[str] | None = None,
    *,
    people: Iterable[str] | None = None,
) -> str:
    """The features of everybody, or of some people, as of one instant.

    The same answers as `features_sql`, with each relation of history read once.

    Args:
        plan: The workspace's plan.
        as_of: The instant (aware).
        names: Which features; all of them unless told.
        people: Whose; everyone's with a profile unless told.

    Raises:
        UnknownName: there is no such feature.
    """
    population = everyone_sql(as_of)
    if people is not None:
        listed = ", ".join(quote_text(person) for person in people) or "NULL"
        population += f" WHERE person_id IN ({listed})"
    scope = at_one_instant(as_of, chosen=people is not None)
    return _features_sql(plan, population, scope, names)


def everyone_sql(as_of: datetime) -> str:
    """The population of everyone with a profile, as of one instant."""
    return f"SELECT person_id, {instant_sql(naive_utc(as_of))} AS as_of FROM people"


def _features_sql(plan: Plan, population: str, scope: Scope, names: Iterable[str] | None) -> str:
    asked = list(plan.features if names is None else names)
    for name in asked:
        if name not in plan.features:
            raise unknown_name("feature", name, plan.features)
    needed = plan.features_needed(asked)
    groups = groups_of(needed.values())
    relations = [("population", population)]
    for group in groups:
        relations.extend(_relations(group, scope))
    relations.append(("layer_0", _joined_sql(plan, needed, groups, scope)))
    made = {name: feature for name, feature in needed.items() if feature.of_events is None}
    for depth, layer in enumerate(layers(made, lambda feature: feature.needs), start=1):
        relations.append((f"layer_{depth}", _layer_sql(plan, f"layer_{depth - 1}", layer)))
    columns = ", ".join(quote_name(name) for name in ("person_id", "as_of", *asked))
    return with_relations(relations, f"SELECT {columns} FROM {relations[-1][0]}")


def _relations(group: Group, scope: Scope) -> list[Relation]:
    match group.kind:
        case "facts":
            return group_relations(group, scope)
        case "streak":
            return streak_relations(group, scope)
        case "sequence":
            return sequence_relations(group, scope)


def _joined_sql(
    plan: Plan, features: dict[str, FeatureDef], groups: tuple[Group, ...], scope: Scope
) -> str:
    """Each row of the population with its aggregates and what features need of the person."""
    columns: list[str] = []
    joins: list[str] = []
    for group in groups:
        name = quote_name(group.name)
        joins.append(
            f"\nLEFT JOIN {name} ON "
            + " AND ".join(f"{name}.{key} = population.{key}" for key in scope.keys)
        )
        columns.extend(
            f",\n  {_defaulted_sql(feature, f'{name}.{quote_name(feature.name)}')}"
            f" AS {quote_name(feature.name)}"
            for feature in group.features
        )
    needed = {name for feature in features.values() for name in feature.needs}
    known = [f"{trait_sql(n)} AS {quote_name(n)}" for n in plan.traits if n in needed]
    if uses_zone(node for f in features.values() for node in (f.value, f.condition)):
        known.append(f"people.{LOCAL_ZONE}")
    if known:
        columns.extend(f",\n  {column}" for column in known)
        joins.append("\nLEFT JOIN people ON people.person_id = population.person_id")
    return (
        f"SELECT population.person_id, population.as_of{''.join(columns)}\n"
        f"FROM population{''.join(joins)}"
    )


def _defaulted_sql(feature: FeatureDef, column: str) -> str:
    if feature.default is None:
        return column
    return f"coalesce({column}, {literal_sql(feature.default, feature.type)})"


def _layer_sql(plan: Plan, below: str, layer: dict[str, FeatureDef]) -> str:
    columns = "".join(
        f",\n  {_made_sql(feature, plan.cuts.get(feature.name))} AS {quote_name(feature.name)}"
        for feature in layer.values()
    )
    return f"SELECT *{columns}\nFROM {below}"


def _made_sql(feature: FeatureDef, cuts: Places | None) -> str:
    if feature.value is None:
        raise AssertionError("a feature made from others has an expression")
    value = to_sql(feature.value, person_names())
    if not isinstance(feature.written, BucketFeature):
        return f"CAST({value} AS {SQL_TYPES[feature.type]})"
    eligible = f"{value} IS NOT NULL"
    if feature.condition is not None:
        eligible = f"({eligible} AND coalesce({to_sql(feature.condition, person_names())}, FALSE))"
    if cuts is not None:
        return f"CASE WHEN {eligible} THEN {_bucket_sql(feature, value, cuts)} END"
    among = f"PARTITION BY as_of, {eligible}"
    direction = "DESC" if feature.written.descending else "ASC"
    # rank() gives equal values one bucket, where ntile() would part them by chance.
    return (
        f"CASE WHEN {eligible} THEN CAST(1 + floor({feature.written.buckets}"
        f" * (rank() OVER ({among} ORDER BY {value} {direction}) - 1)"
        f" / (count(*) OVER ({among}))) AS BIGINT) END"
    )


def _bucket_sql(feature: FeatureDef, value: str, cuts: Places) -> str:
    """The bucket of a value, by where the buckets were last seen to begin."""
    kind = Type.NULL if feature.value is None else feature.value.type
    descending = isinstance(feature.written, BucketFeature) and feature.written.descending
    operator = "<=" if descending else ">="
    # The farthest bucket first: the value belongs to the last one that has begun.
    ordered = sorted(cuts, key=lambda place: place[1], reverse=True)
    branches = [
        f"WHEN {value} {operator} {_cut_sql(cut, kind)} THEN {bucket}" for cut, bucket in ordered
    ]
    return f"CASE {' '.join(branches)} ELSE 1 END" if branches else "NULL"


def _cut_sql(cut: float, kind: Type) -> str:
    if kind in (Type.INSTANT, Type.DATE):
        return instant_sql(naive_utc(from_micros(int(cut))))
    return literal_sql(cut, kind)


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
    return engine.query(features_at_sql(plan, as_of, names, people=people))


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
