"""How expressions name things in the relations of this package."""

from collections.abc import Iterable

from vocative.segment.batch.scope import Scope
from vocative.sql import Names, Node, quote_name
from vocative.sql.nodes import FieldRef, InSegment, Zone
from vocative.workspace.facts import fact_sql


def event_names(scope: Scope) -> Names:
    """Names in an expression about a fact `e` and its product `item`."""
    return Names(field=_event_field, now=scope.as_of, segment=_never, score=_never)


def _event_field(ref: FieldRef) -> str:
    if ref.name == "item" and ref.path:
        return f"item.{quote_name(ref.path[0])}"
    return fact_sql(ref)


def _never(_: str) -> str:
    raise AssertionError("segments and scores are refused in an expression about an event")


def person_names() -> Names:
    """Names in a condition about a person: columns of the row that holds everything of them."""
    return Names(
        field=lambda ref: quote_name(ref.name),
        now="as_of",
        segment=lambda name: quote_name(segment_column(name)),
        score=lambda model: quote_name(score_column(model)),
        zone=LOCAL_ZONE,
    )


LOCAL_ZONE = "local_zone"
"""The column of `people` that holds the zone by which a person's days and hours go."""


def segment_column(name: str) -> str:
    """The column that says whether a person is in a segment; no feature can have its name."""
    return f"segment {name}"


def score_column(model: str) -> str:
    """The column that holds a model's score."""
    return f"score {model}"


def trait_sql(name: str) -> str:
    """A trait of `people`, as of the population's instant where it has one."""
    column = f"people.{quote_name(name)}"
    if name == "first_seen_at":
        return f"CASE WHEN {column} <= population.as_of THEN {column} END"
    return column


def uses_zone(nodes: Iterable[Node | None]) -> bool:
    """Whether any of these expressions asks about a person's own calendar or clock."""
    return any(isinstance(part, Zone) for node in nodes if node for part in node.walk())


def segments_in(node: Node) -> set[str]:
    """The segments that a condition asks about."""
    return {part.segment for part in node.walk() if isinstance(part, InSegment)}
