"""An expression about an event as a function of its fact."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vocative.sql.nodes import FieldRef, Node
from vocative.sql.python.write import write
from vocative.sql.python.writer import Operand, PythonNames, Writer

Fact = tuple[Any, ...]


def event_function(
    node: Node | None,
    columns: Sequence[str],
    json_column: str,
    *,
    truth: bool = False,
    records: Mapping[str, tuple[str, Sequence[str], Mapping[str, Sequence[Any]]]] | None = None,
) -> Callable[[Fact], Any]:
    """A function that gives the value of an expression about one event.

    Args:
        node: A checked tree; None gives a function that says True to every fact.
        columns: The columns of a fact, in order.
        json_column: The column that holds the other properties: a dict, or JSON text of one.
        truth: For conditions: only whether it is true.
        records: For `item.margin` and the like, by record name: the column that holds the key,
            the fields in order, and the values of those fields by key.
    """
    if node is None:
        return lambda _: True
    writer = Writer()
    place = {name: f"fact[{position}]" for position, name in enumerate(columns)}
    json_text = writer.runtime("json_text")

    def field(ref: FieldRef) -> Operand:
        if not ref.path:
            return Operand(code=place[ref.name])
        if ref.name == json_column:
            path = f"({', '.join(map(repr, ref.path))},)"
            return Operand(code=f"{json_text}({place[ref.name]}, {path})")
        key, fields, values = (records or {})[ref.name]
        held = writer.constant(values, ref.name)
        found, again = (writer.fresh() for _ in range(2))
        writer.line(f"{found} = {held}.get({place[key]})")
        writer.line(f"{again} = None if {found} is None else {found}[{fields.index(ref.path[0])}]")
        return Operand(code=again)

    names = PythonNames(field=field, segment=_refused, score=_refused)
    found = write(node, writer, names, follow_time=False, truth=truth)
    writer.line(f"return {found.code}")
    return writer.function("event", ["fact"])


def _refused(_: str) -> Operand:
    raise AssertionError("segments and scores are refused in an expression about an event")
