"""What history has of people for the groups that are filled from it, in the order of their ids."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vocative.engines.base import HISTORY_COLUMNS, Engine
from vocative.segment.live.fold import AT, EVENT_ID, ITEM_COLUMNS, NAME, PERSON, POSITION, Fact
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
    after: int | None = None,
    *,
    now: int,
) -> list[tuple[str, Iterator[Fact]]]:
    """The facts that some groups keep of some people.

    Args:
        engine: Where history is.
        groups: What is wanted.
        people: Whose, as a condition about `person_id`.
        position: Nothing that came in after this position of the log.
        after: Only what came in after this one; None: all of it.
        now: Microseconds UTC. Facts later than that are kept for definitions to come.

    Returns:
        For each relation its rows, by person and instant; columns that no group looks at are None,
        unless there are later facts.
    """
    found = []
    for relation in dict.fromkeys(group.relation for group in groups):
        mine = [group for group in groups if group.relation == relation]
        events = ", ".join(quote_text(e) for e in sorted({e for g in mine for e in g.events}))
        wanted = (
            f" FROM {relation} AS e WHERE {people} AND name IN ({events})"
            f" AND coalesce(position, 0) <= {position}"
            + ("" if after is None else f" AND position > {after}")
        )
        latest = engine.query(f"SELECT max(epoch_us(e.at)) AS latest {wanted}")["latest"][0].as_py()
        everything = latest is not None and latest > now
        columns = list(HISTORY_COLUMNS[relation]) if everything else _columns(relation, mine)
        chosen = ", ".join(_column_sql(name) for name in columns)
        table = engine.query(f"SELECT {chosen}{wanted} ORDER BY e.person_id, e.at")
        found.append((relation, _rows(relation, columns, table)))
    return found


def _columns(relation: str, groups: Sequence[Group]) -> list[str]:
    """The columns that fold functions of these groups look at."""
    known = list(HISTORY_COLUMNS[relation])
    wanted = {known[place] for place in (EVENT_ID, PERSON, NAME, AT, POSITION)}
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
