"""Helpers of Handlebars and SendGrid as Liquid: values (`insert`) and conditions (`if`)."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from vocative.compose.dialects._handlebars.scope import Scope
from vocative.compose.dialects._handlebars.tree import Call, Expression, Literal, Span
from vocative.compose.dialects._handlebars.values import NOTHING, UNKNOWN, Value, part_of

_NUMBER = re.compile(r"\s*[-+]?[\d.]+\s*\Z")
_DEFAULT = "default="
CONDITIONS = frozenset(
    ("if", "unless", "equals", "notEquals", "greaterThan", "lessThan", "and", "or")
)


class Host(Protocol):
    """The writer, as far as helpers need it."""

    def value(self, expression: Expression, scope: Scope, span: Span) -> Value:
        """The value of an expression."""

    def simple(self, value: Value, at: int) -> Value:
        """The value as one that can stand anywhere."""

    def quote(self, text: str) -> str:
        """A text as a Liquid literal."""

    def refuse(self, span: Span, reason: str, fix: str) -> Value:
        """Note what cannot be carried."""

    def refuse_helper(self, call: Call, span: Span) -> None:
        """Note a helper that is not known."""


class Helpers:
    """The helpers that are known."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._values: dict[str, Callable[[Call, Scope, Span], Value]] = {
            "lookup": self._lookup,
            "length": self._length,
            "insert": self._insert,
            "formatDate": self._format_date,
        }

    def knows(self, name: str) -> bool:
        """Whether there is such a helper."""
        return name in self._values or name in CONDITIONS or name in ("each", "with", "log")

    def value(self, call: Call, scope: Scope, span: Span) -> Value:
        """What a helper gives."""
        name = call.path.original
        written = self._values.get(name)
        if written is not None:
            if call.params:
                return written(call, scope, span)
            return self._host.refuse(span, f"{name} is given nothing", "say what it is for")
        if name in CONDITIONS:
            return self._truth(call, scope, span)
        self._host.refuse_helper(call, span)
        return NOTHING

    def condition(self, call: Call, scope: Scope, span: Span) -> str:
        """A condition as Liquid; that of `unless` and `notEquals` is the opposite of theirs."""
        name = call.path.original
        needed = 1 if name in ("if", "unless") else 2
        if len(call.params) < needed:
            self._host.refuse(span, f"#{name} needs {needed} values", "add what is missing")
            return "false"
        if needed == 1:
            zero = call.named.get("includeZero")
            counts = isinstance(zero, Literal) and zero.value is True
            return self._is_true(call.params[0], scope, span, zero=counts)
        if name in ("and", "or"):
            return f" {name} ".join(self._truths(call, scope, span))
        left, right = (self._simple(one, scope, span) for one in call.params[:2])
        if name in ("equals", "notEquals") and (_is_word(left) or _is_word(right)):
            return f"{left} == {right}" if _is_word(right) else f"{right} == {left}"
        return str(self._compared(name, left, right, span))

    def _is_true(self, expression: Expression, scope: Scope, span: Span, *, zero: bool) -> str:
        if isinstance(expression, Call) and expression.path.original in CONDITIONS:
            return str(self._host.simple(self._truth(expression, scope, span), span.start))
        value = self._host.value(expression, scope, span)
        if value.constant is not UNKNOWN:
            is_zero = value.constant == 0 and not isinstance(value.constant, bool)
            return "true" if value.constant or (zero and is_zero) else "false"
        if value.text.endswith(("forloop.first", "forloop.last")):
            return value.text
        if value.text.endswith(".index0") and value.text.startswith("forloop"):
            return "true" if zero else f"{value} != 0"
        simple = self._host.simple(value, span.start)
        if zero:
            return f"{simple} == 0 or {simple} and {simple} != empty"
        return f"{simple} and {simple} != empty and {simple} != 0"

    def _truth(self, call: Call, scope: Scope, span: Span) -> Value:
        """A condition as a value, for a subexpression."""
        name = call.path.original
        if len(call.params) < (1 if name in ("if", "unless") else 2):
            return self._host.refuse(span, f"{name} needs more values", "add what is missing")
        if name in ("if", "unless", "and", "or"):
            truths = self._truths(call, scope, span)
            joined = truths[0]
            for other in truths[1:]:
                either = f'{joined} | handlebars: "{name}", {other}'
                joined = str(self._host.simple(Value(*either.split(" | ", 1)), span.start))
            truth = Value(joined)
            return truth.filtered('handlebars: "not"') if name == "unless" else truth
        left, right = (self._simple(one, scope, span) for one in call.params[:2])
        compared = self._compared(name, left, right, span)
        return compared.filtered('handlebars: "not"') if name == "notEquals" else compared

    def _truths(self, call: Call, scope: Scope, span: Span) -> list[str]:
        """Whether each value that is given is true, as names that are set before."""
        given = (self._host.value(one, scope, span) for one in call.params)
        return [
            str(self._host.simple(one.filtered('handlebars: "true"'), span.start)) for one in given
        ]

    def _compared(self, name: str, left: Value, right: Value, span: Span) -> Value:
        if name == "lessThan":
            left, right = right, left
        meaning = "greater" if name in ("greaterThan", "lessThan") else "equals"
        return self._host.simple(left.filtered(f'handlebars: "{meaning}", {right}'), span.start)

    def _simple(self, expression: Expression, scope: Scope, span: Span) -> Value:
        return self._host.simple(self._host.value(expression, scope, span), span.start)

    def _lookup(self, call: Call, scope: Scope, span: Span) -> Value:
        value = self._host.value(call.params[0], scope, span)
        if len(call.params) < 2:
            return NOTHING
        key = self._simple(call.params[1], scope, span)
        if isinstance(key.constant, str | int) and not isinstance(key.constant, bool):
            return part_of(value, (str(key.constant),), self._host.quote)
        return value.filtered(f'handlebars: "get", {key}')

    def _length(self, call: Call, scope: Scope, span: Span) -> Value:
        return self._host.value(call.params[0], scope, span).filtered('handlebars: "length"')

    def _insert(self, call: Call, scope: Scope, span: Span) -> Value:
        """`{{insert name "default=there"}}`."""
        value = self._host.value(call.params[0], scope, span)
        for one in call.params[1:]:
            if isinstance(one, Literal) and str(one.value).startswith(_DEFAULT):
                return replace(value, fallback=str(one.value).removeprefix(_DEFAULT))
        named = call.named.get("default")
        if isinstance(named, Literal):
            return replace(value, fallback=str(named.value))
        return value

    def _format_date(self, call: Call, scope: Scope, span: Span) -> Value:
        value = self._host.value(call.params[0], scope, span)
        given = [self._simple(one, scope, span) for one in call.params[1:3]]
        if not given:
            return self._host.refuse(span, "formatDate is given no format", "add one")
        return value.filtered(f'handlebars: "date", {", ".join(map(str, given))}')


def _is_word(value: Value) -> bool:
    """A constant that is text and no number, so that Liquid compares it as Handlebars does."""
    return isinstance(value.constant, str) and not _NUMBER.match(value.constant)
