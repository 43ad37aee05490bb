"""The filter `ampscript`: functions and comparisons of AMPscript where Liquid has none like them.

`{{ value | ampscript: "DateAdd", 1, "D" }}` calls the function with the value as its first
argument. Names do not mind upper and lower case, as in AMPscript. A value that a function cannot
use ends the render, as it does there; `docs/dialects/ampscript.md` lists the functions.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import InvalidOperation

from liquid.exceptions import FilterArgumentError
from liquid.undefined import is_undefined

from vocative.compose.foreign import ampscript_dates as dates
from vocative.compose.foreign import ampscript_numbers as numbers
from vocative.compose.foreign import ampscript_rows as rows
from vocative.compose.foreign import ampscript_texts as texts

_FAILURES = (
    ArithmeticError,
    AttributeError,
    InvalidOperation,
    LookupError,
    OverflowError,
    TypeError,
    ValueError,
)


def ampscript(value: object, function: object, *given: object) -> object:
    """What a function of AMPscript gives.

    Args:
        value: Its first argument.
        function: Its name, or a comparison such as `==`.
        given: Its other arguments.

    Raises:
        FilterArgumentError: there is no such function, or it cannot use these values.
    """
    called = FUNCTIONS.get(str(function).lower())
    if called is None:
        raise FilterArgumentError("AMPscript has no such function here", token=None)
    if _is_empty(_plain(value)) and str(function).lower() in _FORMATS:
        # Somebody without the value still gets the message.
        return ""
    try:
        return called(_plain(value), *(_plain(one) for one in given))
    except _FAILURES as error:
        raise FilterArgumentError(
            "a function of AMPscript cannot use these values", token=None
        ) from error


def _plain(value: object) -> object:
    if is_undefined(value):
        return None
    return str(value) if isinstance(value, str) else value


def is_true(value: object) -> bool:
    """Whether a condition holds: true, a number that is not 0, or the words for it.

    >>> [is_true(one) for one in (True, 1, "true", "1", None, "", "no", 0)]
    [True, True, True, True, False, False, False, False]
    """
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1")
    return bool(value)


def same(left: object, right: object) -> bool:
    """Whether two values are equal: text whatever its case, nothing like the empty text.

    >>> same("GOLD", "gold"), same("5", 5), same(None, ""), same("1/2/2026", "2026-01-02")
    (True, True, True, False)
    """
    one, other = numbers.number_or_none(left), numbers.number_or_none(right)
    if one is not None and other is not None:
        return one == other
    if isinstance(left, datetime) or isinstance(right, datetime):
        return dates.date_or_none(left) == dates.date_or_none(right)
    return texts.text(left).lower() == texts.text(right).lower()


def less(left: object, right: object) -> bool:
    """Whether the first value is smaller: numbers, dates, or text."""
    one, other = numbers.number_or_none(left), numbers.number_or_none(right)
    if one is not None and other is not None:
        return one < other
    first, second = dates.date_or_none(left), dates.date_or_none(right)
    if first is not None and second is not None:
        return first < second
    if left is None or right is None or one is not None or other is not None:
        # Nothing and words are neither smaller nor greater than a number.
        return False
    return texts.text(left).lower() < texts.text(right).lower()


def _less_or_same(left: object, right: object) -> bool:
    return less(left, right) or same(left, right)


def _is_empty(value: object) -> bool:
    return value is None or value == ""


FUNCTIONS: dict[str, Callable[..., object]] = {
    "==": same,
    "!=": lambda left, right: not same(left, right),
    "<": less,
    "<=": _less_or_same,
    ">": lambda left, right: less(right, left),
    ">=": lambda left, right: _less_or_same(right, left),
    "and": lambda left, right: is_true(left) and is_true(right),
    "or": lambda left, right: is_true(left) or is_true(right),
    "not": lambda value: not is_true(value),
    "true": is_true,
    "empty": _is_empty,
    "isnull": lambda value: value is None,
    "isnulldefault": lambda value, default: default if value is None else value,
    "text": texts.text,
    **dates.FUNCTIONS,
    **numbers.FUNCTIONS,
    **rows.FUNCTIONS,
    **texts.FUNCTIONS,
}
_FORMATS = frozenset(("format", "formatcurrency", "formatdate", "formatnumber"))
