"""Expressions as Python expressions: one string per node, no lines, nothing evaluated twice.

Every piece is total: it never raises, whatever the values. So pieces may be evaluated where their
value is not needed in the end, and Python's own `and`, `or` and `if` skip what they can.

A condition is written in one of two ways. `value` gives True, False or None. `truth` asks "is it
true?" or "is it false?" and gives True or False; it needs no third value anywhere below.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import ClassVar

from vocative.clock import to_micros
from vocative.sql.nodes import (
    FieldRef,
    InSegment,
    Node,
    Score,
    Span,
)
from vocative.sql.python.writer import Operand, PythonNames, Writer, is_atom
from vocative.sql.runtime import DAY, MAX_INSTANT, MIN_INSTANT
from vocative.sql.types import Type

_DEEPEST = 12
"""Brackets in one piece; Python reads at most 200, deeper pieces get a name."""
EXACT = 2**53
LIMIT = "9.223372036854775808e18"
INVERSE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
SWAPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
PYTHON = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, kw_only=True)
class Value:
    """A piece of Python that gives the value of a node.

    `constant` is set when it is a known literal. `crossing` writes when the answer to `value
    operator number` may change, where more is known than when the value does. The last five say
    how the value changes as time passes, see `moving.py`.
    """

    code: str
    type: Type
    nullable: bool = True
    finite: bool = True
    constant: int | float | None = None
    crossing: Callable[[str, int | float], str | None] | None = None
    depth: int = 0
    until: str | None = None
    slope: str = "0"
    exact_until: str | None = None
    drift: str = "0"
    wobble: int = 0


@dataclass(frozen=True, kw_only=True)
class Given(Node):
    """A value that is already there, to stand in a tree."""

    value: Value


def given(value: Value) -> Given:
    """A node for a value."""
    return Given(value=value, type=value.type, nullable=value.nullable)


def micros_of(value: date | datetime) -> int:
    """A literal date or instant as microseconds."""
    at = value if isinstance(value, datetime) else datetime.combine(value, time())
    return to_micros(at.replace(tzinfo=UTC))


def span_micros(span: Span) -> int:
    """A length as intervals compare: a month counts 30 days."""
    return (30 * span.months + span.days) * DAY + span.micros


class Pieces:
    """Writes the pieces of one expression; `plain.py` says by what."""

    pieces: ClassVar[dict[type[Node], Callable[..., Value]]]
    truths: ClassVar[dict[type[Node], Callable[..., Value]]]
    otherwise: ClassVar[Callable[..., Value]]

    def __init__(self, writer: Writer, names: PythonNames) -> None:
        self.writer = writer
        self.names = names
        self.operands: dict[Node, Operand] = {}

    def ask(self, node: Node) -> None:
        """Ask for every name below a node, before anything is written."""
        for part in node.walk():
            if part in self.operands:
                continue
            if isinstance(part, FieldRef):
                self.operands[part] = self.names.field(part)
            elif isinstance(part, InSegment):
                self.operands[part] = self.names.segment(part.segment)
            elif isinstance(part, Score):
                self.operands[part] = self.names.score(part.model)

    # Pieces

    def value(self, node: Node) -> Value:
        """A piece that gives the node's value."""
        return self.plain(node)

    def plain(self, node: Node) -> Value:
        """The piece of a node whose parts are pieces."""
        made = self.pieces[type(node)](self, node)
        return self.named(made) if made.depth > _DEEPEST else made

    def truth(self, node: Node, *, wanted: bool = True) -> Value:
        """A piece that says whether the node is `wanted`; unknown is neither."""
        write = self.truths.get(type(node), self.otherwise)
        made = write(self, node, wanted=wanted)
        return self.named(made) if made.depth > _DEEPEST else made

    def named(self, value: Value) -> Value:
        """The value under a local name."""
        return replace(value, code=self.writer.let(value.code), depth=0)

    def made(self, code: str, kind: Type, *parts: Value, **more: object) -> Value:
        """A piece made of others."""
        depth = 1 + max((part.depth for part in parts), default=0)
        return replace(Value(code=code, type=kind, depth=depth), **more)  # type: ignore[arg-type]

    def known(self, values: Sequence[Value], word: str = "is") -> tuple[list[str], list[str]]:
        """Tests for None of those that can be, and what to call each after the tests."""
        tests, codes = [], []
        for value in values:
            code = value.code
            if value.nullable:
                if not is_atom(code):
                    name = self.writer.fresh()
                    tests.append(f"({name} := {code}) {word} None")
                    codes.append(name)
                    continue
                tests.append(f"{code} {word} None")
            codes.append(code)
        return tests, codes

    def strict(
        self,
        node: Node,
        values: Sequence[Value],
        build: Callable[..., str],
        *,
        nullable: bool = False,
        finite: bool = True,
    ) -> Value:
        """What is unknown as soon as a part is; `build` takes the codes of known parts."""
        tests, codes = self.known(values)
        body = build(*codes)
        code = f"(None if {' or '.join(tests)} else {body})" if tests else body
        return self.made(code, node.type, *values, nullable=bool(tests) or nullable, finite=finite)

    def asked(
        self, values: Sequence[Value], build: Callable[..., str], *, nullable: bool = False
    ) -> Value:
        """A condition that is not so as soon as a part is unknown."""
        tests, codes = self.known(values, "is not")
        body = build(*codes)
        code = " and ".join([*tests, f"{body} is True" if nullable else body])
        return self.made(f"({code})" if tests else code, Type.BOOLEAN, *values, nullable=False)

    def twice(self, code: str) -> tuple[str, str]:
        """How to mention a piece first and again."""
        if is_atom(code):
            return code, code
        name = self.writer.fresh()
        return f"({name} := {code})", name


def double(value: Value, code: str) -> str:
    """A number as a double, with what an integer loses beyond 2**53."""
    if value.type is not Type.INTEGER:
        return code
    return repr(float(value.constant)) if value.constant is not None else f"({code} + 0.0)"


def is_small(value: Value) -> bool:
    """Whether a literal is exact as an integer and as a double."""
    return value.constant is not None and abs(value.constant) < EXACT


def finite_test(code: str) -> str:
    """Whether an instant is not infinite; mentions it once."""
    return f"{MIN_INSTANT} != {code} != {MAX_INSTANT}"
