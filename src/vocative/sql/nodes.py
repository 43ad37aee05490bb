"""The tree of an expression: small frozen values, without any knowledge of an engine.

`start` and `end` are offsets of the node's first and last known character in the source text.
The parser leaves `type` and `nullable` open; the checker returns a tree that has them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from vocative.sql.types import Type


@dataclass(frozen=True)
class Span:
    """A length of time. A month is a calendar month, a day is 24 hours."""

    months: int = 0
    days: int = 0
    micros: int = 0

    def negated(self) -> "Span":
        """The same length backwards."""
        return Span(-self.months, -self.days, -self.micros)


Scalar = bool | int | float | str | date | datetime | Span | None


@dataclass(frozen=True, kw_only=True)
class Node:
    """One part of an expression."""

    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)
    type: Type = Type.NULL
    nullable: bool = True

    parts: ClassVar[tuple[str, ...]] = ()
    """Attributes that hold nodes, from left to right."""

    def children(self) -> "tuple[Node, ...]":
        """The nodes this one is made of, from left to right."""
        return tuple(_nodes_in([getattr(self, part) for part in self.parts]))

    def walk(self) -> "Iterator[Node]":
        """This node and everything below it."""
        yield self
        for child in self.children():
            yield from child.walk()


def _nodes_in(value: Any) -> "Iterator[Node]":
    if isinstance(value, Node):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _nodes_in(part)


@dataclass(frozen=True, kw_only=True)
class Literal(Node):
    """A value written in the text."""

    value: Scalar


@dataclass(frozen=True, kw_only=True)
class FieldRef(Node):
    """A trait, feature, score or column by its name; `path` leads into a JSON column."""

    name: str
    path: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Now(Node):
    """The instant the expression is asked about."""


@dataclass(frozen=True, kw_only=True)
class Zone(Node):
    """The name of the person's time zone; not written, functions of local time bring it along."""


@dataclass(frozen=True, kw_only=True)
class InSegment(Node):
    """Whether the person is in another segment."""

    segment: str
    name_at: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Score(Node):
    """A model's output for the person."""

    model: str
    name_at: int = field(default=0, compare=False)


@dataclass(frozen=True, kw_only=True)
class Call(Node):
    """A function of the table in `functions.py`."""

    parts = ("arguments",)

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Logic(Node):
    """`and` or `or` over two or more operands."""

    parts = ("operands",)

    operator: str
    operands: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Not(Node):
    """Negation; unknown stays unknown."""

    parts = ("operand",)

    operand: Node


@dataclass(frozen=True, kw_only=True)
class Compare(Node):
    """`=`, `<>`, `<`, `<=`, `>` or `>=`."""

    parts = ("left", "right")

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, kw_only=True)
class Arithmetic(Node):
    """`+`, `-`, `*` or `/`."""

    parts = ("left", "right")

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, kw_only=True)
class Negate(Node):
    """Unary minus."""

    parts = ("operand",)

    operand: Node


@dataclass(frozen=True, kw_only=True)
class Is(Node):
    """`is null` (value None), `is true` or `is false`: never unknown itself."""

    parts = ("operand",)

    operand: Node
    value: bool | None


@dataclass(frozen=True, kw_only=True)
class In(Node):
    """Whether a value is one of a list."""

    parts = ("operand", "options")

    operand: Node
    options: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Between(Node):
    """`low <= operand <= high`."""

    parts = ("operand", "low", "high")

    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True, kw_only=True)
class Like(Node):
    """A pattern match: `%` any text, `_` any one character, nothing else is special."""

    parts = ("operand", "pattern")

    operand: Node
    pattern: Node
    ignore_case: bool


@dataclass(frozen=True, kw_only=True)
class Case(Node):
    """The value of the first branch whose condition is true."""

    parts = ("branches", "otherwise")

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None
