"""A tree back to text of the language, for people to read; parsing it again gives the same tree."""

import re
from collections.abc import Callable
from datetime import date, datetime

from vocative.sql.functions import FUNCTIONS
from vocative.sql.nodes import (
    Arithmetic,
    Between,
    Call,
    Case,
    Compare,
    FieldRef,
    In,
    InSegment,
    Is,
    Like,
    Literal,
    Logic,
    Negate,
    Node,
    Not,
    Now,
    Score,
    Span,
)
from vocative.sql.quote import quote_name, quote_text

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE)
RESERVED_WORDS = frozenset(
    re.findall(
        r"\w+",
        "and or not is in between like ilike case when then else end null true false interval from"
        " date timestamp extract",
    )
)
_ATOMS = (Literal, FieldRef, Now, InSegment, Score, Call, Case)


def to_text(node: Node) -> str:
    """The expression as a person would write it.

    >>> from vocative.sql import parse
    >>> to_text(parse("a  >  5 AND in_segment( 'x' )").node)
    "a > 5 and in_segment('x')"
    """
    return _WRITERS[type(node)](node)


def _inner(node: Node) -> str:
    """A part of something else: in brackets unless nothing could be misread."""
    text = to_text(node)
    minus = isinstance(node, Literal) and text.startswith("-")
    return text if isinstance(node, _ATOMS) and not minus else f"({text})"


def _side(node: Node) -> str:
    """A side of a comparison; arithmetic binds tighter and needs no brackets there."""
    return to_text(node) if isinstance(node, Arithmetic | Literal) else _inner(node)


def _literal(node: Literal) -> str:
    value = node.value
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Span):
        return _span(value)
    if isinstance(value, datetime):
        return f"timestamp '{_instant(value)}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return quote_text(value) if isinstance(value, str) else repr(value)


def _instant(at: datetime) -> str:
    if at == datetime.min:  # noqa: DTZ901 - a sentinel
        return "-infinity"
    if at == datetime.max:  # noqa: DTZ901 - a sentinel
        return "infinity"
    return at.isoformat(sep=" ")


def _span(span: Span) -> str:
    for amount, unit, size in (
        (span.months, "month", 1),
        (span.days, "day", 1),
        (span.micros, "hour", 3_600_000_000),
        (span.micros, "minute", 60_000_000),
        (span.micros, "second", 1_000_000),
    ):
        if amount and amount % size == 0:
            count = amount // size
            return f"interval '{count} {unit}{'' if abs(count) == 1 else 's'}'"
    return "interval '0 days'"


def _name(name: str) -> str:
    plain = _PLAIN.fullmatch(name) and name.lower() not in RESERVED_WORDS
    return name if plain else quote_name(name)


def _case(node: Case) -> str:
    branches = "".join(
        f" when {to_text(test)} then {to_text(value)}" for test, value in node.branches
    )
    otherwise = "" if node.otherwise is None else f" else {to_text(node.otherwise)}"
    return f"case{branches}{otherwise} end"


def _call(node: Call) -> str:
    written = node.arguments[:-1] if FUNCTIONS[node.function].local else node.arguments
    if node.function == "local_date" and isinstance(written[0], Now):
        return "today()"
    return f"{node.function}({', '.join(to_text(argument) for argument in written)})"


def _not(node: Not) -> str:
    if isinstance(node.operand, Is | In | Between | Like):
        return _WRITERS[type(node.operand)](node.operand, "not ")
    return f"not {_inner(node.operand)}"


def _is(node: Is, negation: str = "") -> str:
    word = {None: "null", True: "true", False: "false"}[node.value]
    return f"{_side(node.operand)} is {negation}{word}"


def _in(node: In, negation: str = "") -> str:
    options = ", ".join(to_text(option) for option in node.options)
    return f"{_side(node.operand)} {negation}in ({options})"


def _between(node: Between, negation: str = "") -> str:
    return f"{_side(node.operand)} {negation}between {_side(node.low)} and {_side(node.high)}"


def _like(node: Like, negation: str = "") -> str:
    word = "ilike" if node.ignore_case else "like"
    return f"{_side(node.operand)} {negation}{word} {_side(node.pattern)}"


def _logic(node: Logic) -> str:
    return f" {node.operator} ".join(
        f"({to_text(part)})" if isinstance(part, Logic) else to_text(part) for part in node.operands
    )


_WRITERS: dict[type[Node], Callable[..., str]] = {
    Literal: _literal,
    FieldRef: lambda node: ".".join(_name(part) for part in (node.name, *node.path)),
    Now: lambda _: "now()",
    InSegment: lambda node: f"in_segment({quote_text(node.segment)})",
    Score: lambda node: f"score({quote_text(node.model)})",
    Logic: _logic,
    Not: _not,
    Compare: lambda node: f"{_side(node.left)} {node.operator} {_side(node.right)}",
    Arithmetic: lambda node: f"{_inner(node.left)} {node.operator} {_inner(node.right)}",
    Negate: lambda node: f"- {_inner(node.operand)}",
    Is: _is,
    In: _in,
    Between: _between,
    Like: _like,
    Case: _case,
    Call: _call,
}
