"""A checked tree to SQL.

The text is written for DuckDB, with what the subset fixes spelled out: `/` divides floats and gives
NULL by zero, arithmetic goes through DOUBLE, `like` has no escape. sqlglot rewrites it for others.
"""

from collections.abc import Callable
from dataclasses import dataclass

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
    Zone,
)
from vocative.sql.quote import literal_sql
from vocative.sql.types import NUMERIC, Type


@dataclass(frozen=True, kw_only=True)
class Names:
    """How the names in an expression are written in one query.

    `zone` is SQL of the name of the person's time zone.
    """

    field: Callable[[FieldRef], str]
    now: str
    segment: Callable[[str], str]
    score: Callable[[str], str]
    zone: str = "local_zone"


def to_sql(node: Node, names: Names, *, dialect: str = "duckdb") -> str:
    """SQL of a checked tree, bracketed so that it can stand anywhere.

    Args:
        node: A tree that `check` gave back.
        names: How fields, now(), segments and scores are written.
        dialect: A dialect of sqlglot.
    """
    text = _RENDERERS[type(node)](node, lambda child: to_sql(child, names), names)
    if dialect == "duckdb":
        return text
    import sqlglot

    return sqlglot.transpile(text, read="duckdb", write=dialect)[0]


Inner = Callable[[Node], str]


def _literal(node: Literal, _: Inner, __: Names) -> str:
    return literal_sql(node.value, node.type)


def _field(node: FieldRef, _: Inner, names: Names) -> str:
    return names.field(node)


def _now(_: Now, __: Inner, names: Names) -> str:
    return names.now


def _zone(_: Zone, __: Inner, names: Names) -> str:
    return names.zone


def _in_segment(node: InSegment, _: Inner, names: Names) -> str:
    return names.segment(node.segment)


def _score(node: Score, _: Inner, names: Names) -> str:
    return names.score(node.model)


def _logic(node: Logic, sql: Inner, _: Names) -> str:
    return "(" + f" {node.operator.upper()} ".join(sql(part) for part in node.operands) + ")"


def _not(node: Not, sql: Inner, _: Names) -> str:
    return f"(NOT {sql(node.operand)})"


def _compare(node: Compare, sql: Inner, _: Names) -> str:
    return f"({sql(node.left)} {node.operator} {sql(node.right)})"


def _double(node: Node, sql: Inner) -> str:
    if isinstance(node, Literal) and node.type is Type.INTEGER:
        return literal_sql(node.value, Type.NUMBER)
    return sql(node) if node.type is Type.NUMBER else f"CAST({sql(node)} AS DOUBLE)"


def _arithmetic(node: Arithmetic, sql: Inner, _: Names) -> str:
    if node.type is Type.INTERVAL:
        # Through microseconds, because subtracting an infinite instant is an error in DuckDB.
        left, right = (f"epoch_us(CAST({sql(s)} AS TIMESTAMP))" for s in (node.left, node.right))
        return f"to_microseconds({left} - {right})"
    if node.type is Type.INSTANT:
        moment = sql(node.left)
        if _in_months(node.right):
            # DuckDB takes a month and 30 days for the same constant: in one query it would
            # compute only one of `x + 1 month` and `x + 30 days`, and use it for both.
            moment = f"({moment} + INTERVAL '0' DAY)"
        return f"({moment} {node.operator} {sql(node.right)})"
    left, right = _double(node.left, sql), _double(node.right, sql)
    if node.operator == "/":
        return f"({left} / nullif({right}, 0))"
    return _whole(f"{left} {node.operator} {right}", node)


def _in_months(node: Node) -> bool:
    return any(
        isinstance(part, Literal) and isinstance(part.value, Span) and part.value.months
        for part in node.walk()
    )


def _whole(sql: str, node: Node) -> str:
    """Arithmetic of integers: through doubles, so that too large a result is unknown, no error."""
    return f"TRY_CAST({sql} AS BIGINT)" if node.type is Type.INTEGER else f"({sql})"


def _negate(node: Negate, sql: Inner, _: Names) -> str:
    return _whole(f"- {_double(node.operand, sql)}", node)


def _is(node: Is, sql: Inner, _: Names) -> str:
    word = {None: "NULL", True: "TRUE", False: "FALSE"}[node.value]
    return f"({sql(node.operand)} IS {word})"


def _in(node: In, sql: Inner, _: Names) -> str:
    return f"({sql(node.operand)} IN ({', '.join(sql(option) for option in node.options)}))"


def _between(node: Between, sql: Inner, _: Names) -> str:
    return f"({sql(node.operand)} BETWEEN {sql(node.low)} AND {sql(node.high)})"


def _like(node: Like, sql: Inner, _: Names) -> str:
    return f"({sql(node.operand)} {'ILIKE' if node.ignore_case else 'LIKE'} {sql(node.pattern)})"


def _case(node: Case, sql: Inner, _: Names) -> str:
    branches = "".join(f" WHEN {sql(test)} THEN {sql(value)}" for test, value in node.branches)
    otherwise = "" if node.otherwise is None else f" ELSE {sql(node.otherwise)}"
    return f"(CASE{branches}{otherwise} END)"


def _call(node: Call, sql: Inner, _: Names) -> str:
    same = node.type is Type.NUMBER and FUNCTIONS[node.function].gives is None
    arguments = [
        _double(argument, sql) if same and argument.type in NUMERIC else sql(argument)
        for argument in node.arguments
    ]
    if node.function == "round" and len(arguments) == 1:
        arguments.append("0")
    if node.function == "days_to_anniversary":
        return _anniversary(*arguments)
    return FUNCTIONS[node.function].sql.format(*arguments, all=", ".join(arguments))


def _anniversary(day: str, today: str) -> str:
    """Days from today until the month and day of a date come again.

    29 February is looked for as the day before 1 March.
    """
    month, of_month = (f"date_part('{unit}', CAST({day} AS TIMESTAMP))" for unit in _MONTH_AND_DAY)
    now = {unit: f"date_part('{unit}', CAST({today} AS TIMESTAMP))" for unit in _DATE}
    leap = f"({month} = 2 AND {of_month} = 29)"
    gone = f"{month} * 100 + {of_month} < {now['month']} * 100 + {now['day']}"
    returns = (
        f"make_date({now['year']} + CASE WHEN {gone} THEN 1 ELSE 0 END,"
        f" CASE WHEN {leap} THEN 3 ELSE {month} END,"
        f" CASE WHEN {leap} THEN 1 ELSE {of_month} END)"
    )
    days = FUNCTIONS["days_between"].sql.format(today, returns)
    return f"({days} - CASE WHEN {leap} THEN 1 ELSE 0 END)"


_MONTH_AND_DAY = ("month", "day")
_DATE = ("year", "month", "day")


_RENDERERS: dict[type[Node], Callable[..., str]] = {
    Literal: _literal,
    FieldRef: _field,
    Now: _now,
    Zone: _zone,
    InSegment: _in_segment,
    Score: _score,
    Logic: _logic,
    Not: _not,
    Compare: _compare,
    Arithmetic: _arithmetic,
    Negate: _negate,
    Is: _is,
    In: _in,
    Between: _between,
    Like: _like,
    Case: _case,
    Call: _call,
}
