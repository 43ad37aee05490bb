"""What kind of value stands at a place in a template, and what may be done with it.

In come shapes, filters and comparisons, out goes what is wrong with them, in words; None when
nothing is, or nothing can be said.
"""

from collections.abc import Iterable, Mapping

from liquid.builtin.expressions.logical import ContainsExpression, EqExpression, NeExpression
from liquid.builtin.expressions.primitive import (
    FalseLiteral,
    FloatLiteral,
    IntegerLiteral,
    StringLiteral,
    TrueLiteral,
)
from liquid.expression import Expression

from vocative.compose.checking.fields import Shape

NUMBERS = frozenset(("number", "integer"))
_TEXTS = frozenset(("text", "url"))
_MOMENTS = frozenset(("instant", "date"))
_SINGLE = NUMBERS | _TEXTS | _MOMENTS | {"boolean"}
_ARITHMETIC = (
    "abs at_least at_most ceil divided_by floor minus modulo money plus round times"
).split()
_LISTS = "compact concat join map reverse sort sort_natural sum uniq where".split()
_REFUSED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_ARITHMETIC, _SINGLE - NUMBERS | {"list", "object"}),
    **dict.fromkeys(_LISTS, _SINGLE - _TEXTS),
    "date": frozenset(("number", "boolean", "list", "object")),
}
"""The kinds that a filter cannot use."""
_MAKES: Mapping[str, str] = {
    **dict.fromkeys([*_ARITHMETIC, "size"], "number"),
    **dict.fromkeys(
        "append capitalize date downcase escape html join money prepend remove replace strip"
        " strip_html truncate upcase url_encode".split(),
        "text",
    ),
    **dict.fromkeys(
        "compact concat map reverse sort sort_natural split uniq where".split(), "list"
    ),
}
_LITERALS: tuple[tuple[type[Expression], str], ...] = (
    (TrueLiteral, "boolean"),
    (FalseLiteral, "boolean"),
    (IntegerLiteral, "number"),
    (FloatLiteral, "number"),
    (StringLiteral, "text"),
)


def kind_of(shape: Shape | None) -> str | None:
    """The kind of what has a shape; None when it can be anything."""
    if shape is None or shape.open:
        return None
    if shape.item is not None:
        return "list"
    return "object" if shape.fields is not None else shape.type


def kind_of_literal(expression: Expression) -> str | None:
    """The kind of a value that is written in the template."""
    return next((kind for type_, kind in _LITERALS if type(expression) is type_), None)


def misused(kind: str | None, filters: Iterable[str]) -> tuple[str, str] | None:
    """The first filter that cannot use what comes into it, and what that is."""
    for name in filters:
        if kind is not None and kind in _REFUSED.get(name, ()):
            return name, kind
        if name == "default":
            continue
        kind = _MAKES.get(name)
    return None


def unprintable(kind: str | None, filters: Iterable[str]) -> str | None:
    """What would be printed with brackets and quotes, as only programmers write it."""
    for name in filters:
        kind = kind if name == "default" else _MAKES.get(name)
    return kind if kind in ("list", "object") else None


def incomparable(condition: Expression, left: str | None, right: str | None) -> str | None:
    """What is wrong with comparing a value of one kind with one of another."""
    if left is None or right is None:
        return None
    if isinstance(condition, ContainsExpression):
        return None if left in _TEXTS | {"list"} else f"{_named(left)} contains nothing"
    if _family(left) == _family(right) and _family(left) in ("number", "text", "moment"):
        return None
    if left == right == "boolean":
        return None
    same = isinstance(condition, EqExpression | NeExpression)
    return f"{_named(left)} {'never equals' if same else 'cannot be ordered with'} {_named(right)}"


def _family(kind: str) -> str:
    if kind in NUMBERS:
        return "number"
    return "text" if kind in _TEXTS else "moment" if kind in _MOMENTS else kind


def _named(kind: str) -> str:
    if kind in _TEXTS:
        return "text"
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def named(kind: str) -> str:
    """A kind in words."""
    return _named(kind)
