"""What a condition proves: which values cannot be missing where it holds, and where it does not.

In comes a condition, out go two sets of paths. Only what is certain counts, so a field that is
printed without proof is a finding and never the other way round.
"""

from collections.abc import Callable
from typing import NamedTuple

from liquid.builtin.expressions import BooleanExpression, Nil, Path, StringLiteral
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalNotExpression,
    LogicalOrExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import Blank, Empty, IntegerLiteral
from liquid.expression import Expression

Segments = tuple[object, ...]
Resolve = Callable[[Path], Segments | None]
"""The full path behind a written one, with the template's own names replaced."""

_COUNT = "[count]"
"""The path segment before the number of items that a list is proven to have."""
_ORDER = (LtExpression, LeExpression, GtExpression, GeExpression)
_NONE: frozenset[Segments] = frozenset()


class Proof(NamedTuple):
    """Paths that are not missing when a condition is true, and when it is false."""

    true: frozenset[Segments]
    false: frozenset[Segments]


NOTHING = Proof(_NONE, _NONE)


def prove(expression: Expression, resolve: Resolve) -> Proof:
    """What a condition proves."""
    if isinstance(expression, BooleanExpression):
        return prove(expression.expression, resolve)
    if isinstance(expression, Path):
        return Proof(_paths(expression, resolve=resolve), _NONE)
    if isinstance(expression, LogicalNotExpression):
        proof = prove(expression.right, resolve)
        return Proof(proof.false, proof.true)
    if isinstance(expression, LogicalAndExpression | LogicalOrExpression):
        left, right = prove(expression.left, resolve), prove(expression.right, resolve)
        if isinstance(expression, LogicalAndExpression):
            return Proof(left.true | right.true, left.false & right.false)
        return Proof(left.true & right.true, left.false | right.false)
    if isinstance(expression, EqExpression | GeExpression | GtExpression):
        counted = _prove_count(expression, resolve)
        if counted:
            return Proof(counted, _NONE)
    if isinstance(expression, EqExpression | NeExpression):
        proof = _prove_equal(expression.left, expression.right, resolve)
        return proof if isinstance(expression, EqExpression) else Proof(proof.false, proof.true)
    if isinstance(expression, _ORDER):
        # Nothing is neither greater nor smaller than anything.
        return Proof(_paths(expression.left, expression.right, resolve=resolve), _NONE)
    if isinstance(expression, ContainsExpression):
        return Proof(_paths(expression.left, resolve=resolve), _NONE)
    return NOTHING


def prove_case(subject: Expression, values: list[Expression], resolve: Resolve) -> Proof:
    """What one `when` of a `case` proves."""
    if any(isinstance(value, Path | Nil | Blank | Empty) for value in values):
        return NOTHING
    return Proof(_paths(subject, resolve=resolve), _NONE)


def _prove_equal(left: Expression, right: Expression, resolve: Resolve) -> Proof:
    if isinstance(right, Path):
        left, right = right, left
    if isinstance(right, Path):
        return NOTHING
    if isinstance(right, Nil | Blank):
        return Proof(_NONE, _paths(left, resolve=resolve))
    if isinstance(right, Empty) or (isinstance(right, StringLiteral) and not right.value):
        return NOTHING
    return Proof(_paths(left, resolve=resolve), _NONE)


def _prove_count(
    expression: EqExpression | GeExpression | GtExpression, resolve: Resolve
) -> frozenset[Segments]:
    """How many items `list.size` compared with a number proves."""
    left, right = expression.left, expression.right
    if not isinstance(left, Path) or left.path[-1] != "size" or type(right) is not IntegerLiteral:
        return _NONE
    path = resolve(left)
    count = right.value + isinstance(expression, GtExpression)
    return frozenset({(*path[:-1], _COUNT, count)}) if path and count > 0 else _NONE


def _paths(*expressions: Expression, resolve: Resolve) -> frozenset[Segments]:
    found = (resolve(one) for one in expressions if isinstance(one, Path))
    return frozenset(path for path in found if path is not None)


def is_proven(path: Segments, proven: frozenset[Segments]) -> bool:
    """Whether a path cannot be missing: it is proven itself, or something within it is."""
    if any(other[: len(path)] == path for other in proven):
        return True
    item = path[-1]
    needed = 1 if item in ("first", "last") else item + 1 if isinstance(item, int) else None
    return needed is not None and any(
        other[:-1] == (*path[:-1], _COUNT) and isinstance(other[-1], int) and other[-1] >= needed
        for other in proven
    )
