"""One checked tree as lines of Python."""

from vocative.sql.nodes import Node
from vocative.sql.python.moving import Moving
from vocative.sql.python.plain import Plain
from vocative.sql.python.writer import Operand, PythonNames, Writer


def write(
    node: Node, writer: Writer, names: PythonNames, *, follow_time: bool, truth: bool = False
) -> Operand:
    """Write the lines that give the value of a tree.

    Args:
        node: A tree that `check` gave back.
        writer: Where the lines go.
        names: How fields, segments, scores, now and the zone are written.
        follow_time: Whether the operand says until when the value holds.
        truth: For conditions: only whether it is true, so that unknown comes out as False. This
            is what a segment asks, and it is cheaper.

    Returns:
        The value; its code is a local name or a literal.
    """
    pieces = Moving(writer, names) if follow_time else Plain(writer, names)
    pieces.ask(node)
    value = pieces.truth(node) if truth else pieces.value(node)
    code = writer.let(value.code)
    if isinstance(pieces, Moving):
        until = pieces.end(value)
        return Operand(
            code=code,
            nullable=value.nullable,
            finite=value.finite,
            until=None if until is None else writer.let(until, "u"),
            slope=value.slope,
        )
    return Operand(code=code, nullable=value.nullable, finite=value.finite)
