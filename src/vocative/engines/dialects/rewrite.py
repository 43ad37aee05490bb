"""DuckDB's SQL to another engine's, operation by operation.

sqlglot parses the query and writes what means the same everywhere. Operations that engines
disagree about (rounding, overflow, calendars, JSON, patterns, order of text) are written by the
dialect's own forms; one that has no form and that sqlglot does not know is refused.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from vocative.engines.base import Params
from vocative.engines.dialects.base import CannotBeWritten, Dialect
from vocative.engines.dialects.kinds import kind_of
from vocative.engines.dialects.names import fitting
from vocative.engines.dialects.picks import known_values_only, marked_rows
from vocative.engines.dialects.spans import spans_as_micros, spread_spans, unit_of

_INSTANT = exp.DataType.Type.TIMESTAMPNTZ
_ENDS = {"infinity": "end of time", "-infinity": "start of time"}
# sqlglot's nodes that need brackets when they become an operand.
_LOOSE = (exp.Binary, exp.Unary, exp.Between, exp.In, exp.Interval)
_ORDERED = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between)
_SAME = (exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif, exp.DPipe, exp.Alias)


@lru_cache(maxsize=256)
def rewrite(sql: str, dialect: Dialect, *, pretty: bool = False) -> str:
    """One query of DuckDB's in another dialect.

    Args:
        sql: One SELECT, or WITH … SELECT.
        dialect: What to write.
        pretty: Whether to lay it out in lines.

    Raises:
        CannotBeWritten: it holds a function without an equal there.
    """
    tree: Any = sqlglot.parse_one(sql, read="duckdb")
    spread_spans(tree)
    spans_as_micros(tree)
    _name_subqueries(tree)
    if not dialect.frames_with_nulls:
        _order_plainly(tree)
    if dialect.names_columns:
        _name_columns(tree)
    if not dialect.filters:
        _fold_filters(tree)
    if dialect.picks_by_tuple is None:
        tree = marked_rows(tree)
        if not dialect.filters:
            _fold_filters(tree)
    else:
        known_values_only(tree, dialect.picks_by_tuple)
    writer = Writer(dialect)
    # Backwards: operands are written before what they are operands of.
    for node in reversed(list(tree.walk(bfs=False))):
        written = writer.write(node)
        if written is not None and written is not node:
            node.replace(written)
    return str(
        tree.sql(
            dialect=dialect.name,
            identify=True,
            pretty=pretty,
            unsupported_level=sqlglot.ErrorLevel.RAISE,
        )
    )


class Writer:
    """Writes one node at a time; its operands have been written already."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect

    def write(self, node: exp.Expression) -> exp.Expression | None:
        """What stands for a node in this dialect, None when it can stay."""
        if isinstance(node, exp.Anonymous):
            return self._function(node)
        for types, reader in _READERS:
            if isinstance(node, types):
                return reader(self, node)
        return None

    def _function(self, node: exp.Anonymous) -> exp.Expression | None:
        name = str(node.this).lower()
        if name == self.dialect.picks_by_tuple:
            return None
        reader = _FUNCTIONS.get(name)
        found = reader(self, node) if reader else None
        if found is None:
            raise CannotBeWritten(f"{name}() has no equal in the SQL of {self.dialect.name}")
        return found

    def say(
        self, operation: str, *operands: Any, kind: str | None = None, **words: str
    ) -> exp.Expression | None:
        """The dialect's form of an operation, None when it has none of its own."""
        form = self.dialect.forms.get(operation)
        if form is None:
            return None
        texts = [
            operand if isinstance(operand, str) else self.text(operand) for operand in operands
        ]
        written = exp.Var(this=form.format(*texts, all=", ".join(texts), **words))
        if kind is not None:
            written.meta["kind"] = kind
        return written

    def text(self, node: exp.Expression) -> str:
        """A node as an operand."""
        text = str(node.sql(dialect=self.dialect.name, identify=True))
        loose = isinstance(node, _LOOSE) and not isinstance(node, exp.Paren | exp.Dot)
        return f"({text})" if loose else text


def _name_subqueries(tree: exp.Expression) -> None:
    """A SELECT in FROM has a name: some engines ask for it."""
    nameless = [
        node
        for node in tree.find_all(exp.Subquery)
        if isinstance(node.parent, exp.From | exp.Join) and not node.alias
    ]
    for number, node in enumerate(nameless, start=1):
        node.set("alias", exp.TableAlias(this=exp.to_identifier(f"given_{number}")))


def _order_plainly(tree: exp.Expression) -> None:
    """In a window with a frame the plan orders by what is never NULL: nothing is to be said."""
    for window in tree.find_all(exp.Window):
        if window.args.get("spec") and window.args.get("order"):
            for ordered in window.args["order"].expressions:
                ordered.set("nulls_first", not ordered.args.get("desc"))


def _name_columns(tree: exp.Expression) -> None:
    """`SELECT e.name` becomes `SELECT e.name AS name`."""
    for select in tree.find_all(exp.Select):
        for column in select.expressions:
            if isinstance(column, exp.Column) and column.table and column.name != "*":
                column.replace(exp.alias_(column.copy(), column.name))


def _fold_filters(tree: exp.Expression) -> None:
    """`count(x) FILTER (WHERE c)` becomes `count(CASE WHEN c THEN x END)`."""
    for node in list(tree.find_all(exp.Filter)):
        aggregate, condition = node.this, node.expression.this
        if isinstance(aggregate, exp.ArgMax | exp.ArgMin):
            continue
        inside = aggregate.this
        if isinstance(inside, exp.Distinct):
            inside.set("expressions", [_only_if(condition, inside.expressions[0])])
        else:
            value = exp.Literal.number(1) if isinstance(inside, exp.Star) else inside
            aggregate.set("this", _only_if(condition, value))
        node.replace(aggregate)


def _only_if(condition: exp.Expression, value: exp.Expression) -> exp.Expression:
    return exp.Case(ifs=[exp.If(this=condition.copy(), true=value.copy())])


def _name(writer: Writer, node: exp.Expression) -> None:
    node.set("this", fitting(node.name, writer.dialect))


def _literal(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    if not node.is_string:
        kind = kind_of(node)
        return writer.say("number literal", str(node.this), kind=kind) if kind == "number" else None
    parent = node.parent
    branch = isinstance(parent, exp.If) and node.arg_key == "true"
    otherwise = isinstance(parent, exp.Case) and node.arg_key == "default"
    if branch or otherwise or isinstance(parent, (*_ORDERED, *_SAME)):
        return writer.say("text literal", node)
    return None


def _cast(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    inside, to = node.this, node.args["to"].this
    if isinstance(node, exp.TryCast):
        kind = "whole" if to is exp.DataType.Type.BIGINT else "number"
        return writer.say(f"{kind} or unknown", inside, kind=kind)
    if to is not _INSTANT:
        operation = {"TEXT": "as text", "VARCHAR": "as text"}.get(to.name, f"as {to.name.lower()}")
        return writer.say(operation, inside, kind=kind_of(node))
    if isinstance(inside, exp.Literal) and inside.is_string:
        end = _ENDS.get(inside.this)
        return writer.say(end) if end else writer.say("instant literal", str(inside.this))
    return writer.say("as instant", inside)


_ARITHMETIC: dict[type[exp.Expression], str] = {
    exp.Add: "plus",
    exp.Sub: "minus",
    exp.Mul: "times",
    exp.Div: "divided",
}


def _arithmetic(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    left, right = kind_of(node.this), kind_of(node.expression)
    if right == "span":
        return _moved(writer, node)
    if "whole" in (left, right) and "number" not in (left, right):
        return None
    return writer.say(_ARITHMETIC[type(node)], node.this, node.expression, kind="number")


def _moved(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    """An instant and an interval; `endless` when the instant may be one of the ends of time."""
    span = node.expression.unnest()
    sign, verb = ("+", "ADD") if isinstance(node, exp.Add) else ("-", "SUB")
    ends = [writer.dialect.forms.get(end, end) for end in _ENDS.values()]
    endless = "endless " if any(end in writer.text(node.this) for end in ends) else ""
    if isinstance(span, exp.Interval):
        amount, words = span.this.name, {"unit": unit_of(span), "sign": sign, "verb": verb}
        if amount == "0":
            return node.this if kind_of(node.this) else writer.say("as instant", node.this)
        operation = "moved"
    else:
        # The plan writes every other interval as a number of microseconds.
        (amount,), words = span.expressions, {"unit": "MICROSECOND", "sign": sign, "verb": verb}
        operation = "moved by micros"
    for name in (endless + operation, operation):
        if (written := writer.say(name, node.this, amount, **words)) is not None:
            return written
    return None


def _round(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    decimals = node.args.get("decimals")
    digits = int(decimals.name) if decimals is not None else 0
    if digits == 0:
        return writer.say("round", node.this, kind="number")
    return writer.say("round to", node.this, f"1e{digits}", kind="number")


def _whole_part(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    """floor() and ceil(); inside a CAST the plan knows that the result fits an integer."""
    if isinstance(node.parent, exp.Cast) and not isinstance(node.parent, exp.TryCast):
        return None
    operation = "floor" if isinstance(node, exp.Floor) else "ceil"
    return writer.say(operation, node.this, kind=kind_of(node))


def _days(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    """date_diff('day', earlier, later) of two dates."""
    return writer.say("days from to", node.expression, node.this, kind="whole")


def _truncated(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    unit = node.args["unit"].name.lower()
    special = f"start of {unit}"
    operation = special if special in writer.dialect.forms else "start of"
    return writer.say(operation, node.this, unit=unit)


def _part(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    unit = node.expressions[0].name.lower()
    special = f"part {unit}"
    operation = special if special in writer.dialect.forms else "part"
    return writer.say(operation, node.expressions[1], unit=unit, kind="whole")


def _json(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    steps = [step for step in node.expression.expressions if isinstance(step, exp.JSONPathKey)]
    keys = tuple(str(step.this) for step in steps)
    return exp.Var(this=writer.dialect.json_text(writer.text(node.this), keys))


def _like(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    text, pattern = node.this, node.expression
    ignore_case = isinstance(node, exp.ILike)
    if writer.dialect.escapes_like:
        if isinstance(pattern, exp.Literal):
            pattern = exp.Literal.string(pattern.name.replace("\\", "\\\\"))
        else:
            pattern = writer.say("doubled backslashes", pattern) or pattern
        node.set("expression", pattern)
    return writer.say("like ignoring case" if ignore_case else "like", text, pattern)


def _match(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    pattern = exp.Literal.string(writer.dialect.pattern(node.expression.name))
    return writer.say("match", node.this, pattern)


def _extreme(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    operands = [node.this, *node.expressions]
    if len(operands) == 1:
        return node.this  # type: ignore[no-any-return]
    if all(isinstance(operand, exp.Count | exp.Literal) for operand in operands):
        # Never unknown, and all engines agree about the largest of known values.
        return None
    name = "greatest" if isinstance(node, exp.Greatest) else "least"
    return writer.say(name, *operands, kind=kind_of(node))


def _any_or_every(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    """max() and min() of true and false, which few engines have under that name."""
    if kind_of(node.this) != "boolean" or "max of booleans" in writer.dialect.forms:
        return None
    return (
        exp.LogicalOr(this=node.this)
        if isinstance(node, exp.Max)
        else exp.LogicalAnd(this=node.this)
    )


def _simple(operation: str, kind: str | None = None) -> Callable[..., exp.Expression | None]:
    """A function whose operands are its arguments, in order."""

    def reader(writer: Writer, node: exp.Expression) -> exp.Expression | None:
        operands = list(node.iter_expressions())
        return writer.say(operation, *operands, kind=kind)

    return reader


def _is(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    if not isinstance(node.expression, exp.Boolean):
        return None
    return writer.say(f"is {str(node.expression.this).lower()}", node.this, kind="boolean")


def _zoned(writer: Writer, node: exp.Expression) -> exp.Expression | None:
    """timezone(zone, timezone('UTC', at)): the wall clock of a zone."""
    zone, inner = node.expressions
    if isinstance(inner, exp.Literal) or zone.name == "UTC":
        # The inner one of the two: kept until the outer one is read.
        return exp.Tuple(expressions=[zone, inner])
    if not isinstance(inner, exp.Tuple):
        raise CannotBeWritten("timezone() is understood only as timezone(zone, timezone('UTC', …))")
    return writer.say("wall clock", zone, inner.expressions[1])


_READERS: list[tuple[Any, Callable[..., exp.Expression | None]]] = [
    (exp.Identifier, _name),
    (exp.Literal, _literal),
    ((exp.Cast, exp.TryCast), _cast),
    ((exp.Add, exp.Sub, exp.Mul, exp.Div), _arithmetic),
    (exp.Is, _is),
    (exp.Round, _round),
    ((exp.Floor, exp.Ceil), _whole_part),
    (exp.DateFromParts, _simple("date of")),
    (exp.DateDiff, _days),
    ((exp.TimestampTrunc, exp.DateTrunc), _truncated),
    (exp.JSONExtractScalar, _json),
    ((exp.Like, exp.ILike), _like),
    (exp.RegexpExtract, _match),
    ((exp.Greatest, exp.Least), _extreme),
    ((exp.Max, exp.Min), _any_or_every),
    (exp.Lower, _simple("lower")),
    (exp.Upper, _simple("upper")),
    (exp.Trim, _simple("trim")),
    (exp.Length, _simple("length", "whole")),
    (exp.StartsWith, _simple("starts with", "boolean")),
    (exp.SplitPart, _simple("part of text")),
    (exp.ArrayContains, _simple("contains", "boolean")),
    (exp.Pow, _simple("power", "number")),
]

_FUNCTIONS: dict[str, Callable[..., exp.Expression | None]] = {
    "epoch_us": _simple("micros", "whole"),
    # Stays until the instant that it moves is written.
    "to_microseconds": lambda _, node: node,
    "date_part": _part,
    "timezone": _zoned,
}


def with_values(sql: str, params: Params | None) -> str:
    """The query with its `$name` and `?` filled in, as literals of DuckDB's."""
    if not params:
        return sql
    tree: Any = sqlglot.parse_one(sql, read="duckdb")
    if isinstance(params, Mapping):
        for node in list(tree.find_all(exp.Parameter, exp.Placeholder)):
            node.replace(exp.convert(params[node.name]))
    else:
        places = [node for node in tree.find_all(exp.Placeholder) if not node.args.get("this")]
        for node, value in zip(places, params, strict=True):
            node.replace(exp.convert(value))
    return str(tree.sql(dialect="duckdb"))


def long_names(sql: str, dialect: Dialect) -> dict[str, str]:
    """What a query's shortened names stand for."""
    tree: Any = sqlglot.parse_one(sql, read="duckdb")
    names = {node.name for node in tree.find_all(exp.Identifier)}
    return {short: name for name in names if (short := fitting(name, dialect)) != name}
