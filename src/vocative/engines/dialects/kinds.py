"""What an expression of DuckDB's SQL gives, as far as its own text tells.

`number` (a double), `whole` (an integer), `span` (an interval), `boolean`, or None when only the
columns know. The plan writes doubles so that they can be told: `1.5e0`, CAST(… AS DOUBLE).
"""

from collections.abc import Callable

from sqlglot import exp

Kind = str | None

_OPERATORS = (exp.Mul, exp.Div, exp.Neg)
_SAME_AS_PARTS = (exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif, exp.Max, exp.Min)
_WHOLE = (exp.Count, exp.Rank, exp.RowNumber, exp.DenseRank, exp.Length, exp.Ntile, exp.DateDiff)
_NUMBERS = (exp.Round, exp.Pow, exp.Exp)
_CONDITIONS = (
    exp.Predicate,
    exp.Connector,
    exp.Not,
    exp.Boolean,
    exp.StartsWith,
    exp.ArrayContains,
    exp.LogicalOr,
    exp.LogicalAnd,
)
_CASTS = {
    exp.DataType.Type.DOUBLE: "number",
    exp.DataType.Type.BIGINT: "whole",
    exp.DataType.Type.INT: "whole",
    exp.DataType.Type.BOOLEAN: "boolean",
    exp.DataType.Type.INTERVAL: "span",
}
_FUNCTIONS = {"to_microseconds": "span", "epoch_us": "whole", "date_part": "whole"}


def kind_of(node: exp.Expression | None) -> Kind:
    """The kind of a node; one that was already written says so itself."""
    if node is None:
        return None
    if "kind" in node.meta:
        return str(node.meta["kind"])
    for types, kind in _RULES:
        if isinstance(node, types):
            return kind(node)
    return None


def _literal(node: exp.Expression) -> Kind:
    if node.is_string:
        return None
    return "number" if set(str(node.this)) & set("eE.") else "whole"


def _any(nodes: list[exp.Expression]) -> Kind:
    """The kind of operands or branches together: whichever of them tells."""
    kinds = [kind for kind in map(kind_of, nodes) if kind]
    for first in ("span", "number"):
        if first in kinds:
            return first
    return kinds[0] if kinds else None


def _sum(node: exp.Expression) -> Kind:
    spans = [kind_of(side) == "span" for side in (node.this, node.expression)]
    # An instant that is moved is an instant.
    return None if spans.count(True) == 1 else _any([node.this, node.expression])


def _case(node: exp.Expression) -> Kind:
    branches = [branch.args["true"] for branch in node.args["ifs"]]
    return _any([*branches, *([node.args["default"]] if node.args.get("default") else [])])


_RULES: list[tuple[type | tuple[type, ...], Callable[[exp.Expression], Kind]]] = [
    (exp.Literal, _literal),
    (exp.Interval, lambda _: "span"),
    ((exp.Cast, exp.TryCast), lambda node: _CASTS.get(node.args["to"].this)),
    (_WHOLE, lambda _: "whole"),
    (_NUMBERS, lambda _: "number"),
    (exp.Anonymous, lambda node: _FUNCTIONS.get(str(node.this).lower())),
    ((exp.Paren, exp.Filter, exp.Window, exp.Abs, exp.Floor, exp.Ceil), lambda n: kind_of(n.this)),
    (exp.Sum, lambda node: "number" if kind_of(node.this) == "number" else None),
    ((exp.Add, exp.Sub), _sum),
    (_OPERATORS, lambda node: _any(list(node.iter_expressions()))),
    (_SAME_AS_PARTS, lambda node: _any(list(node.iter_expressions()))),
    (exp.Case, _case),
    (_CONDITIONS, lambda _: "boolean"),
]
