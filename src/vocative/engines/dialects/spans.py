"""Lengths of time, which few engines have as values.

Between instants DuckDB's text has only two kinds: what an author wrote (`INTERVAL '30' DAY`), and
`to_microseconds(…)`. Added to an instant they stay what they are; everywhere else (compared, chosen
by CASE) they become a number of microseconds, with a month as 30 days, which is how DuckDB and
PostgreSQL compare them.
"""

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from vocative.engines.dialects.base import CannotBeWritten
from vocative.engines.dialects.kinds import kind_of

_DAY = 86_400_000_000
_MICROS = {
    "MICROSECOND": 1,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": _DAY,
    "MONTH": 30 * _DAY,
}
_CHOICES = (exp.Paren, exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif, exp.Add, exp.Sub, exp.Neg)
_USES = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is)


def spread_spans(tree: exp.Expression) -> None:
    """`x + (1 month + 3 days)` becomes `(x + 1 month) + 3 days`, which every engine can."""
    for node in list(tree.find_all(exp.Add, exp.Sub)):
        left, right = node.this, node.expression
        if isinstance(node, exp.Add) and kind_of(left) == "span" and kind_of(right) != "span":
            node.set("this", right)
            node.set("expression", left)
            left, right = right, left
        sum_ = right.unnest()
        if kind_of(left) == "span" or not isinstance(sum_, exp.Add):
            continue
        parts = list(sum_.flatten())
        if all(isinstance(part, exp.Interval) for part in parts):
            for part in parts[:-1]:
                left = type(node)(this=left, expression=part.copy())
            node.set("this", left)
            node.set("expression", parts[-1].copy())


def spans_as_micros(tree: exp.Expression) -> None:
    """Write every span that is no plain operand of an instant as microseconds, in place."""
    for node in list(tree.find_all(*_USES)):
        parts: list[Any] = list(node.iter_expressions())
        operands = [part for part in parts if kind_of(part) == "span"]
        for operand in operands:
            operand.replace(_micros(operand.copy()))
    for node in list(tree.find_all(exp.Add, exp.Sub)):
        span: Any = node.expression.unnest()
        if kind_of(span) != "span" or isinstance(span, exp.Interval) or _is_micros(span):
            continue
        if any(unit_of(part) == "MONTH" for part in span.find_all(exp.Interval)):
            raise CannotBeWritten("a number of months that is chosen by a condition")
        moved = exp.Anonymous(this="to_microseconds", expressions=[_micros(span.copy())])
        node.set("expression", moved)


def unit_of(interval: exp.Expression) -> str:
    """The unit of an interval, such as DAY."""
    return str(interval.args["unit"].name)


def _is_micros(node: exp.Expression) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).lower() == "to_microseconds"


def _micros(node: exp.Expression) -> exp.Expression:
    """The same length as a number of microseconds."""
    if isinstance(node, exp.Interval):
        return exp.Literal(this=str(int(node.this.name) * _MICROS[unit_of(node)]), is_string=False)
    if _is_micros(node):
        return exp.Paren(this=node.expressions[0])
    if isinstance(node, exp.Case):
        for branch in node.args["ifs"]:
            branch.set("true", _micros(branch.args["true"]))
        if node.args.get("default") is not None:
            node.set("default", _micros(node.args["default"]))
        return node
    if isinstance(node, _CHOICES):
        _each(node, _micros)
        return node
    if isinstance(node, exp.Null | exp.Cast):
        return exp.Null()
    raise CannotBeWritten("an interval in a place where engines do not have one")


def _each(node: exp.Expression, change: Callable[[Any], Any]) -> None:
    for part in list(node.iter_expressions()):
        part.replace(change(part.copy()))
