"""Which way a condition can go, as far as a template itself tells.

In come a condition and what is known of values where it stands, out come whether it can only be
true or only be false there, and what is known where it is true and where it is false. Only what
is certain counts: a branch is called dead when nobody can get into it.
"""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from liquid.builtin.expressions import BooleanExpression, Path
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
from liquid.builtin.expressions.primitive import Blank, Empty, Literal, Nil
from liquid.expression import Expression

Key = tuple[object, ...]
Constant = tuple[type, object]
"""A value written in a template; its type keeps `true` and 1 apart."""

_NEVER: frozenset[Constant] = frozenset()
_FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_ORDER: dict[type[Expression], str] = {
    GtExpression: ">",
    GeExpression: ">=",
    LtExpression: "<",
    LeExpression: "<=",
}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of one value; None where it can be either."""

    there: bool | None = None
    """It is not missing."""
    shown: bool | None = None
    """Something is seen when it is printed."""
    truthy: bool | None = None
    low: float = -math.inf
    high: float = math.inf
    low_itself: bool = True
    """A number may be as small as `low`."""
    high_itself: bool = True
    only: frozenset[Constant] | None = None
    """It is one of these, if it is there."""
    never: frozenset[Constant] = _NEVER
    """It is none of these."""


NOTHING = Known()
MISSING = Known(there=False, shown=False, truthy=False)
Facts = Mapping[Key, Known]


class Value(NamedTuple):
    """A value that a path leads to."""

    key: Key
    known: Known
    """What is known of it wherever it stands."""
    may_be_false: bool
    """It can be there and still be false in a condition."""


Read = Callable[[Path], Value | None]
"""The value of a path; None: nothing can be said of it."""


class Outcome(NamedTuple):
    """How a condition can turn out."""

    always: bool | None
    """True: it always holds; False: it never does; None: it depends."""
    true: Facts
    """What is known where it holds."""
    false: Facts

    def reversed(self) -> "Outcome":
        """The outcome of its opposite."""
        return Outcome(None if self.always is None else not self.always, self.false, self.true)


def judge(condition: Expression, facts: Facts, read: Read) -> Outcome:
    """How a condition can turn out where `facts` hold."""
    if isinstance(condition, BooleanExpression):
        return judge(condition.expression, facts, read)
    if isinstance(condition, LogicalNotExpression):
        return judge(condition.right, facts, read).reversed()
    if isinstance(condition, LogicalAndExpression):
        left = judge(condition.left, facts, read)
        right = judge(condition.right, left.true, read)
        return _both(left, right, facts)
    if isinstance(condition, LogicalOrExpression):
        # a or b: not (not a and not b)
        left = judge(condition.left, facts, read).reversed()
        right = judge(condition.right, left.true, read).reversed()
        return _both(left, right, facts).reversed()
    if isinstance(condition, Path):
        value = read(condition)
        return _depends(facts) if value is None else _judge_truth(value, facts)
    if isinstance(condition, EqExpression):
        return _judge_equal(condition.left, condition.right, facts, read)
    if isinstance(condition, NeExpression):
        return _judge_equal(condition.left, condition.right, facts, read).reversed()
    if type(condition) in _ORDER:
        return _judge_order(condition, facts, read)
    if isinstance(condition, ContainsExpression) and isinstance(condition.left, Path):
        value = read(condition.left)
        if value is not None:
            return Outcome(None, narrow(facts, value.key, Known(there=True)), facts)
    if isinstance(condition, Literal):
        return Outcome(condition.value not in (None, False), facts, facts)
    return Outcome(False, facts, facts) if isinstance(condition, Nil) else _depends(facts)


def look(value: Value, facts: Facts) -> Known:
    """What is known of a value; nothing can be within what is missing."""
    for length in range(1, len(value.key)):
        if facts.get(value.key[:length], NOTHING).there is False:
            return MISSING
    return _meet(value.known, facts.get(value.key, NOTHING))


def narrow(facts: Facts, key: Key, more: Known) -> Facts:
    """The facts with more known of one value; what it stands in is there if it is."""
    narrowed = {**facts, key: _meet(facts.get(key, NOTHING), more)}
    if more.there:
        for length in range(2, len(key)):
            before = narrowed.get(key[:length], NOTHING)
            narrowed[key[:length]] = _meet(before, Known(there=True))
    return narrowed


def _depends(facts: Facts) -> Outcome:
    return Outcome(None, facts, facts)


def _both(left: Outcome, right: Outcome, facts: Facts) -> Outcome:
    """The outcome of `and`; the right side was judged where the left one holds."""
    always: bool | None = None
    if left.always is False or right.always is False:
        always = False
    elif left.always and right.always:
        always = True
    false = _either(left.false, right.false)
    if left.always:
        false = right.false
    elif right.always:
        false = left.false
    return Outcome(always, right.true, facts if always else false)


def _judge_truth(value: Value, facts: Facts) -> Outcome:
    known = look(value, facts)
    always = known.truthy
    if always is None and known.there is False:
        always = False
    if always is None and known.there and not value.may_be_false:
        always = True
    false = Known(truthy=False) if value.may_be_false else MISSING
    true = Known(there=True, truthy=True)
    return Outcome(always, narrow(facts, value.key, true), narrow(facts, value.key, false))


def _judge_equal(left: Expression, right: Expression, facts: Facts, read: Read) -> Outcome:
    if isinstance(right, Path):
        left, right = right, left
    if not isinstance(left, Path):
        first, second = _constant(left), _constant(right)
        if first is None or second is None:
            return _depends(facts)
        return Outcome(first == second, facts, facts)
    value = read(left)
    if value is None:
        return _depends(facts)
    if isinstance(right, Nil | Blank):
        return _judge_missing(value, facts, blank=isinstance(right, Blank))
    constant = (str, "") if isinstance(right, Empty) else _constant(right)
    if constant is None:
        return _depends(facts)
    return _judge_constant(value, constant, facts)


def _judge_missing(value: Value, facts: Facts, *, blank: bool) -> Outcome:
    known = look(value, facts)
    always: bool | None = None
    if known.there is False or (blank and known.shown is False):
        always = True
    elif known.shown or (known.there and not blank):
        always = False
    # An empty text is blank and yet there; false is, too.
    true = Known(shown=False) if blank else MISSING
    if blank and value.may_be_false:
        true = NOTHING
    false = Known(there=True, shown=True if blank else None)
    return Outcome(always, narrow(facts, value.key, true), narrow(facts, value.key, false))


def _judge_constant(value: Value, constant: Constant, facts: Facts) -> Outcome:
    known = look(value, facts)
    always: bool | None = None
    if (
        known.there is False
        or constant in known.never
        or (known.only is not None and constant not in known.only)
        or not _within(constant, known)
    ):
        always = False
    elif known.there and known.only == frozenset((constant,)):
        always = True
    true = Known(there=True, only=frozenset((constant,)))
    if constant == (str, ""):
        true = replace(true, shown=False)
    false = Known(never=frozenset((constant,)))
    return Outcome(always, narrow(facts, value.key, true), narrow(facts, value.key, false))


def _judge_order(condition: Expression, facts: Facts, read: Read) -> Outcome:
    sign = _ORDER[type(condition)]
    left, right = condition.left, condition.right  # type: ignore[attr-defined]
    if isinstance(right, Path):
        left, right, sign = right, left, _FLIPPED[sign]
    limit = _constant(right)
    if limit is None or not _is_number(limit):
        return _depends(facts)
    number = float(limit[1])  # type: ignore[arg-type]
    if not isinstance(left, Path):
        other = _constant(left)
        if other is None or not _is_number(other):
            return _depends(facts)
        return Outcome(_COMPARE[sign](float(other[1]), number), facts, facts)  # type: ignore[arg-type]
    value = read(left)
    if value is None:
        return _depends(facts)
    true = replace(_bounded(sign, number), there=True)
    return Outcome(
        _order_holds(look(value, facts), sign, number),
        narrow(facts, value.key, true),
        # Whatever is missing compares as false: only of what is there the bound is known.
        narrow(facts, value.key, _bounded(_OPPOSITE[sign], number)),
    )


def _order_holds(known: Known, sign: str, number: float) -> bool | None:
    if known.there is False:
        return False
    if known.only is not None and all(_is_number(one) for one in known.only):
        results = {_COMPARE[sign](float(one[1]), number) for one in known.only}  # type: ignore[arg-type]
    else:
        results = {True, False}
        if _is_empty(_meet(known, _bounded(sign, number))):
            results.remove(True)
        if _is_empty(_meet(known, _bounded(_OPPOSITE[sign], number))):
            results.discard(False)
    if results == {False}:
        return False
    return True if results == {True} and known.there else None


def _bounded(sign: str, number: float) -> Known:
    itself = sign in (">=", "<=")
    if sign in (">", ">="):
        return Known(low=number, low_itself=itself)
    return Known(high=number, high_itself=itself)


def _is_empty(known: Known) -> bool:
    itself = known.low_itself and known.high_itself
    return known.low > known.high or (known.low == known.high and not itself)


def _within(constant: Constant, known: Known) -> bool:
    if not _is_number(constant):
        return True
    number = float(constant[1])  # type: ignore[arg-type]
    exactly = Known(low=number, high=number)
    return not _is_empty(_meet(known, exactly))


def _constant(expression: Expression) -> Constant | None:
    if not isinstance(expression, Literal):
        return None
    value = expression.value
    return (float, float(value)) if type(value) in (int, float) else (type(value), value)


def _is_number(constant: Constant) -> bool:
    return constant[0] is float


def _meet(one: Known, other: Known) -> Known:
    """What is known when both are."""
    low, low_open = max((one.low, not one.low_itself), (other.low, not other.low_itself))
    high, high_itself = min((one.high, one.high_itself), (other.high, other.high_itself))
    only = one.only if other.only is None else other.only
    if one.only is not None and other.only is not None:
        only = one.only & other.only
    return Known(
        there=one.there if other.there is None else other.there,
        shown=one.shown if other.shown is None else other.shown,
        truthy=one.truthy if other.truthy is None else other.truthy,
        low=low,
        low_itself=not low_open,
        high=high,
        high_itself=high_itself,
        only=only,
        never=one.never | other.never,
    )


def _either(one: Facts, other: Facts) -> Facts:
    """What is known when one of them holds, and nobody can say which."""
    return {key: _widest(one[key], other[key]) for key in one if key in other}


def _widest(one: Known, other: Known) -> Known:
    low, low_open = min((one.low, not one.low_itself), (other.low, not other.low_itself))
    high, high_itself = max((one.high, one.high_itself), (other.high, other.high_itself))
    both = one.only is not None and other.only is not None
    return Known(
        there=one.there if one.there == other.there else None,
        shown=one.shown if one.shown == other.shown else None,
        truthy=one.truthy if one.truthy == other.truthy else None,
        low=low,
        low_itself=not low_open,
        high=high,
        high_itself=high_itself,
        only=one.only | other.only if both else None,  # type: ignore[operator]
        never=one.never & other.never,
    )
