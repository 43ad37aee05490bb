"""Who is in which segment, as SQL over everyone's features, traits and scores."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from vocative.segment.batch.names import (
    LOCAL_ZONE,
    person_names,
    score_column,
    segment_column,
    segments_in,
    trait_sql,
    uses_zone,
)
from vocative.segment.batch.relations import with_relations
from vocative.segment.order import layers
from vocative.segment.plan import Plan, SegmentDef, base_name
from vocative.sql import Node, quote_name, quote_text, to_sql

if TYPE_CHECKING:
    import pyarrow as pa


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
    asked = {s for node in conditions.values() for s in segments_in(node)}
    needed = plan.segments_needed([*(plan.segments if names is None else names), *asked])
    members = sorted({s for found in needed.values() for s in found.segments if ":" in s} | asked)
    zone = uses_zone([*conditions.values(), *(found.node for found in needed.values())])
    relations = [("subjects", subjects_sql(plan, zone=zone))]
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


def subjects_sql(plan: Plan, *, zone: bool) -> str:
    """Each person with features, traits and scores; people without a profile are gone.

    Args:
        plan: The workspace's plan.
        zone: Whether conditions ask about the person's own calendar.
    """
    traits = [name for name, trait in plan.traits.items() if not trait.personal]
    columns = ", ".join(f"{trait_sql(name)} AS {quote_name(name)}" for name in traits)
    scores = "".join(
        f",\n  (SELECT max(value) FROM scores WHERE scores.person_id = population.person_id"
        f" AND model = {quote_text(model)}) AS {quote_name(score_column(model))}"
        for model in plan.models
    )
    zoned = f", people.{LOCAL_ZONE}" if zone else ""
    return (
        f"SELECT population.*, {columns}{zoned}{scores}\n"
        "FROM current_features AS population JOIN people USING (person_id)"
    )


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
