"""Expressions as lines of Python that also say how long their value stays.

Each value that depends on time comes with what is known of its course while only time passes:

- until `exact_until` it moves by `slope` with each microsecond of now (a condition, a number or a
  text has slope 0: it stays);
- until `until` it keeps within `wobble` of moving by `drift`. This looser law lets a comparison
  far from its turning point sleep until it is near: a month ago moves with now, except that days
  are missing at the ends of months; today() jumps once a day and is yet never far from now.

An absent instant is never. Both instants may be calls, which are made where they are needed.

A condition of several parts needs only some of them: `and` that is false stays so as long as the
most lasting of its false parts.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, ClassVar

from vocative.sql.nodes import (
    Call,
    FieldRef,
    InSegment,
    Node,
    Now,
    Score,
)
from vocative.sql.python.pieces import (
    Given,
    Value,
    given,
)
from vocative.sql.python.plain import Plain
from vocative.sql.python.writer import NEVER

NEVER_TEXT = str(NEVER)
ALWAYS = "if True:"  # Python leaves such a test out


class Course(Plain):
    """Writes the pieces of one expression, and until when each holds; `moving.py` says by what."""

    moving_pieces: ClassVar[dict[type[Node] | str, Callable[..., Value]]]
    moving_truths: ClassVar[dict[type[Node], Callable[..., Value]]]

    def moves(self, node: Node) -> bool:
        """Whether the value of a node depends on time."""
        if isinstance(node, Now):
            return True
        if isinstance(node, Given):
            return _moves(node.value)
        if isinstance(node, FieldRef | InSegment | Score):
            operand = self.operands[node]
            return operand.until is not None or operand.slope != "0"
        found = self._moving.get(id(node))
        if found is None:
            found = self._moving[id(node)] = any(map(self.moves, node.children()))
            self._kept.append(node)
        return found

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._moving: dict[int, bool] = {}
        self._kept: list[Node] = []  # so that no id is used twice

    def value(self, node: Node) -> Value:
        """A piece that gives the node's value; a name if it moves."""
        if isinstance(node, Given):
            return node.value
        if not self.moves(node):
            return self.plain(node)
        key = node.function if isinstance(node, Call) else type(node)
        return self.moving_pieces.get(key, of_parts)(self, node)

    def truth(self, node: Node, *, wanted: bool = True) -> Value:
        """A piece that says whether the node is `wanted`; unknown is neither."""
        if not self.moves(node):
            return super().truth(node, wanted=wanted)
        special = self.moving_truths.get(type(node))
        if special is not None:
            return special(self, node, wanted=wanted)
        value = self.value(node)
        return replace(
            self.named(super().truth(given(value), wanted=wanted)), until=self.end(value)
        )

    # Instants of change

    def earliest(self, untils: Iterable[str | None]) -> str | None:
        """A name for the first of some instants."""
        known = list(dict.fromkeys(until for until in untils if until is not None))
        if len(known) < 2:
            return known[0] if known else None
        name = self.writer.fresh("u")
        self.writer.line(f"{name} = {known[0]}")
        for until in known[1:]:
            self.sooner(name, until)
        return name

    def end(self, value: Value) -> str | None:
        """Until when a value keeps to its slope."""
        return self.earliest([value.until, value.exact_until])

    def flat(self, value: Value) -> Value:
        """The value with its exact law only."""
        return replace(value, until=self.end(value), exact_until=None, drift=value.slope, wobble=0)

    def sooner(self, name: str, until: str | None) -> None:
        """Bring an instant forward."""
        if until is not None:
            until = self.writer.let(until, "u")
            self.writer.line(f"if {until} < {name}: {name} = {until}")

    def added(self, left: str, sign: str, right: str) -> str:
        """A slope plus or minus another."""
        if is_static(left) and is_static(right):
            return str(int(left) + int(right) if sign == "+" else int(left) - int(right))
        name = self.writer.fresh("s")
        self.writer.line(f"{name} = {left} {sign} {right}")
        return name


def is_static(slope: str) -> bool:
    """Whether a slope is known when the code is written."""
    return slope.lstrip("-").isdigit()


def _moves(value: Value) -> bool:
    still = value.slope == "0" and value.drift == "0"
    return not still or value.until is not None or value.exact_until is not None


def of_parts(moving: Course, node: Node) -> Value:
    """A value that may change when any of its parts does."""
    untils: list[str | None] = []

    def settled(part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(settled(one) for one in part)
        if not isinstance(part, Node) or not moving.moves(part):
            return part
        value = moving.named(moving.value(part))
        untils.append(moving.end(value))
        return given(value)

    held = replace(node, **{name: settled(getattr(node, name)) for name in node.parts})
    made = moving.named(moving.plain(held))
    return replace(made, until=moving.earliest(untils))
