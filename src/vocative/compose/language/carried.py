"""Filters that templates of other systems bring along; anybody may use them.

What Liquid can say itself is translated instead. Here is what only a filter can do: digests of a
value, numbers written in another system's way, and what counts as nothing there.
"""

import hashlib
import hmac
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from liquid.exceptions import FilterArgumentError
from liquid.undefined import is_undefined

_NUMBER = re.compile(r"\s*[-+]?(?:\d+(?:\.\d*)?|\.\d+)\s*\Z", re.ASCII)
_MAX_DIGITS = 30
_MAX_PLACES = 10
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_DIGITS = re.compile(r"(?<=\d)(?=(?:\d{3})+(?!\d))")


def _text(value: object) -> str:
    return "" if value is None or is_undefined(value) else str(value)


def _digest(algorithm: str) -> Callable[[object], str]:
    def digest(value: object) -> str:
        return hashlib.new(algorithm, _text(value).encode(), usedforsecurity=False).hexdigest()

    return digest


def _keyed_digest(algorithm: str) -> Callable[[object, object], str]:
    def digest(value: object, key: object) -> str:
        return hmac.new(_text(key).encode(), _text(value).encode(), algorithm).hexdigest()

    return digest


def group_digits(value: object, separator: object = ",") -> object:
    """A number with its thousands grouped, its decimals as they are.

    >>> group_digits(1234567), group_digits("1234.5678"), group_digits("words")
    ('1,234,567', '1,234.5678', 'words')
    """
    text = _text(value)
    if not _NUMBER.match(text) or len(text) > _MAX_DIGITS:
        return text
    whole, point, decimals = text.strip().partition(".")
    return _DIGITS.sub(_text(separator), whole) + point + decimals


def fixed_places(value: object, places: object = -1) -> str:
    """A number rounded to some decimal places; with a negative count none where it is whole.

    >>> fixed_places(34.23234), fixed_places(34.0), fixed_places(34, 3), fixed_places(34.26, -3)
    ('34.2', '34', '34.000', '34.260')
    """
    number = as_number(value)
    if number is None:
        return ""
    count = as_number(places)
    if count is None or count != int(count) or abs(count) > _MAX_PLACES:
        raise FilterArgumentError("fixed_places needs a small whole number", token=None)
    exact = Decimal(str(number))
    if count < 0 and exact == exact.to_integral_value():
        return f"{int(exact)}"
    try:
        rounded = exact.quantize(Decimal(1).scaleb(-abs(int(count))), rounding=ROUND_HALF_UP)
    except InvalidOperation as error:
        raise FilterArgumentError("fixed_places cannot use this value", token=None) from error
    return f"{rounded:f}"


def as_number(value: object) -> int | float | None:
    """A number, also one that is written as text; anything else is nothing.

    >>> as_number("12"), as_number(" 2.50 "), as_number("12 or so"), as_number(True)
    (12, 2.5, None, None)
    """
    if isinstance(value, bool) or value is None or is_undefined(value):
        return None
    if isinstance(value, int | float):
        return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124
    if isinstance(value, Decimal):
        return float(value)
    if not isinstance(value, str) or len(value) > _MAX_DIGITS or not _NUMBER.match(value):
        return None
    return float(value) if "." in value else int(value)


def only_number(value: object) -> object:
    """A number as it is; anything else, also text that looks like one, is nothing."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return value if is_number else None


def only_container(value: object) -> object:
    """A text, list or mapping as it is; anything else, which cannot hold anything, is nothing."""
    return value if isinstance(value, str | list | tuple | dict) else None


def zero_as_nothing(value: object) -> object:
    """Nothing for 0, any other value as it is: for systems in which 0 is replaced by a default.

    >>> zero_as_nothing(0), zero_as_nothing(7), zero_as_nothing("")
    (None, 7, '')
    """
    is_zero = isinstance(value, int | float | Decimal) and value == 0
    return None if is_zero else value


def title_case(value: object) -> str:
    """Every word with a capital and the rest of it in lower case.

    >>> title_case("anna-maria O'NEILL")
    "Anna-Maria O'neill"
    """
    return _WORD.sub(lambda word: word[0][0].upper() + word[0][1:].lower(), _text(value))


FILTERS: dict[str, Callable[..., Any]] = {
    "as_number": as_number,
    "fixed_places": fixed_places,
    "group_digits": group_digits,
    "hmac_sha1": _keyed_digest("sha1"),
    "hmac_sha256": _keyed_digest("sha256"),
    "md5": _digest("md5"),
    "only_container": only_container,
    "only_number": only_number,
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "title_case": title_case,
    "zero_as_nothing": zero_as_nothing,
}
