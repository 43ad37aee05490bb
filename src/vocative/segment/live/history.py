"""What history has of people for groups that are filled anew, in the order of their ids."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vocative.engines.base import HISTORY_COLUMNS, Engine
from vocative.segment.live.fold import AT, EVENT_ID, ITEM_COLUMNS, NAME, PERSON, Fact
from vocative.segment.live.groups import Group
from vocative.sql import Node, quote_name, quote_text
from vocative.sql.nodes import FieldRef

if TYPE_CHECKING:
    import pyarrow as pa

_INSTANTS = ("at", "received_at")


def facts_of(
    engine: Engine,
    groups: Sequence[Group],
    people: str,
    position: int,
) -> list[tuple[str, Iterator[Fact]]]:
    """The facts that some groups keep of some people.

    Args:
        engine: Where history is.
        groups: What is wanted.
        people: Whose, as a condition about `person_id`.
        position: Nothing that came in after this position of the log.

    Returns:
        For each relation its rows, by person; columns that no group looks at are None.
    """
    found = []
    for relation in dict.fromkeys(group.relation for group in groups):
        mine = [group for group in groups if group.relation == relation]
        columns = _columns(relation, mine)
        events = ", ".join(quote_text(e) for e in sorted({e for g in mine for e in g.events}))
        chosen = ", ".join(_column_sql(name) for name in columns)
        table = engine.query(
            f"SELECT {chosen} FROM {relation} AS e WHERE {people} AND name IN ({events})"
            f" AND coalesce(position, 0) <= {position} ORDER BY person_id"
        )
        found.append((relation, _rows(relation, columns, table)))
    return found


def _columns(relation: str, groups: Sequence[Group]) -> list[str]:
    """The columns that fold functions of these groups look at."""
    known = list(HISTORY_COLUMNS[relation])
    wanted = {known[place] for place in (EVENT_ID, PERSON, NAME, AT)}
    for node in (node for group in groups for node in _nodes(group)):
        for part in node.walk():
            if isinstance(part, FieldRef):
                item = part.name == "item" and part.path[:1] and part.path[0] in ITEM_COLUMNS
                wanted.add("product_id" if item else part.name)
    return [name for name in known if name in wanted]


def _nodes(group: Group) -> Iterator[Node]:
    found = [group.condition, *(t.value for t in group.totals), *(c.value for c in group.columns)]
    found += [step.condition for column in group.columns for step in column.steps]
    yield from (node for node in found if node is not None)


def _column_sql(name: str) -> str:
    column = f"e.{quote_name(name)}"
    return f"epoch_us({column}) AS {quote_name(name)}" if name in _INSTANTS else column


def _rows(relation: str, columns: Sequence[str], table: "pa.Table") -> Iterator[Fact]:
    """Rows in the order of HISTORY_COLUMNS."""
    values: dict[str, Any] = {name: table.column(name).to_pylist() for name in columns}
    none = [None] * table.num_rows
    return zip(*(values.get(name, none) for name in HISTORY_COLUMNS[relation]), strict=True)
