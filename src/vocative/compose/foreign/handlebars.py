"""The filter `handlebars`: what Handlebars means where Liquid means something else.

`{{ value | handlebars: "each" }}` and its like are written by the importer of Handlebars and
Mustache; `docs/dialects/handlebars.md` lists them. Values are those of JSON.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from liquid.exceptions import FilterArgumentError
from liquid.undefined import is_undefined

from vocative.compose.foreign.patterns import from_moment
from vocative.compose.language.carried import as_number

_ESCAPES = str.maketrans(
    {
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        '"': "&quot;",
        "'": "&#x27;",
        "`": "&#x60;",
        "=": "&#x3D;",
    }
)
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})\Z")
_MAX_DEPTH = 20


def handlebars(value: object, meaning: object, *given: object) -> object:
    """The value as Handlebars takes it.

    Args:
        value: What stands before the filter.
        meaning: One of `MEANINGS`.
        given: What this one needs.

    Raises:
        FilterArgumentError: there is no such meaning, or too little is given.
    """
    function = MEANINGS.get(str(meaning))
    if function is None:
        raise FilterArgumentError("handlebars has no such meaning", token=None)
    try:
        return function(_present(value), *(_present(one) for one in given))
    except TypeError as error:
        raise FilterArgumentError("handlebars cannot use these values", token=None) from error


def text(value: object) -> str:
    """A value as Handlebars prints it.

    >>> text(None), text(False), text([1, [2, None]]), text({"a": 1}), text(2.0)
    ('', 'false', '1,2,', '[object Object]', '2')
    """
    return _text(value, _MAX_DEPTH)


def _text(value: object, depth: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    if isinstance(value, list | tuple):
        return ",".join(_text(one, depth - 1) for one in value) if depth else ""
    return "[object Object]" if isinstance(value, Mapping) else str(value)


def escaped(value: object) -> str:
    """A value as Handlebars prints it into HTML.

    >>> escaped("<b>'=`")
    '&lt;b&gt;&#x27;&#x3D;&#x60;'
    """
    return text(value).translate(_ESCAPES)


def items(value: object) -> list[Any]:
    """What `{{#each}}` goes through: the items of a list, or the values of an object."""
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def entries(value: object) -> list[dict[str, Any]]:
    """What `{{#each}}` goes through, each with its `key`: the number of an item from 0."""
    pairs = value.items() if isinstance(value, Mapping) else enumerate(items(value))
    return [{"key": key, "value": one} for key, one in pairs]


def section(value: object) -> list[Any]:
    """What `{{#value}}` goes through: items of a list, one value, or nothing.

    >>> section([1, 2]), section("a"), section(0), section(True), section(False), section(None)
    ([1, 2], ['a'], [0], [True], [], [])
    """
    if value is None or value is False:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def get(value: object, *names: object) -> object:
    """A value inside another one, a step for each name; nothing where there is none.

    >>> get({"a": [{"b": 5}]}, "a", 0, "b"), get("bye", "length"), get({"size": 1}, "length")
    (5, 3, None)
    """
    for name in names:
        value = _step(value, name)
    return value


def _step(value: object, name: object) -> object:
    if isinstance(value, Mapping):
        return value.get(text(name))
    if isinstance(value, str | list | tuple):
        if name == "length":
            return len(value)
        index = as_number(name)
        if isinstance(index, int) and 0 <= index < len(value):
            return value[index]
    return None


def in_section(item: object, outer: object, *names: object) -> object:
    """A name within `{{#value}}`: of the item; of what is around it when the value was `true`."""
    return outer if item is True else get(item, *names)


def around(item: object, same: object, other: object) -> object:
    """What `..` leads to within `{{#value}}`: a section of `true` opens no context of its own."""
    return same if item is True else other


def nearest(item: object, name: object, *outer: object) -> object:
    """A Mustache name: of the innermost context that has it; the last one is the data's own.

    >>> nearest({"b": 1}, "a", {"a": None}, 5), nearest({"a": {"b": 2}}, "a.b", 3)
    (None, 2)
    """
    first, *rest = str(name).split(".")
    for context in (item, *outer[:-1]):
        if isinstance(context, Mapping) and first in context:
            return get(context[first], *rest)
    return outer[-1]


def nearest_value(item: object, name: object, *outer: object) -> object:
    """As `nearest`, going on outwards where the name stands for nothing."""
    first, *rest = str(name).split(".")
    for context in (item, *outer[:-1]):
        found = get(context, first)
        if found is not None:
            return get(found, *rest)
    return outer[-1]


def is_true(value: object) -> bool:
    """Whether `{{#if}}` takes a value for true; an object always is.

    >>> [is_true(one) for one in ({}, [], "", 0, None, "no")]
    [True, False, False, False, False, True]
    """
    if isinstance(value, Mapping):
        return True
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value != 0 and value == value  # noqa: PLR0124 - not a number is false
    return bool(value)


def same(left: object, right: object) -> bool:
    """Whether two values are equal; a number equals the text that spells it.

    >>> same(5, "5"), same("a", "A"), same(None, ""), same(True, 1)
    (True, False, False, False)
    """
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    one, other = as_number(left), as_number(right)
    return one == other if one is not None and other is not None else left == right


def greater(left: object, right: object) -> bool:
    """Whether the first value is greater: numbers as numbers, text as text."""
    one, other = as_number(left), as_number(right)
    if one is not None and other is not None:
        return one > other
    return isinstance(left, str) and isinstance(right, str) and left > right


def length(value: object) -> int:
    """How many items or characters there are."""
    return len(value) if isinstance(value, str | list | tuple | Mapping) else 0


def indented(value: object, blanks: object) -> str:
    """Text with blanks before each of its lines."""
    *lines, last = str(value).split("\n")
    return "".join(f"{blanks}{line}\n" for line in lines) + (f"{blanks}{last}" if last else "")


def format_date(value: object, pattern: object, zone: object = None) -> str:
    """A date in a pattern such as `MMMM DD, YYYY`, in a time zone or an offset such as `-0800`.

    >>> format_date("2026-01-31T23:30:00Z", "DD/MM/YYYY HH:mm", "+0100")
    '01/02/2026 00:30'
    """
    instant = _instant(value)
    if instant is None:
        return text(value)
    return from_moment(str(pattern), instant.astimezone(_zone(zone)))


def _instant(value: object) -> datetime | None:
    number = as_number(value)
    try:
        if number is not None:
            # SendGrid's data has milliseconds or seconds.
            return datetime.fromtimestamp(number / 1000 if abs(number) > 1e11 else number, UTC)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time.min)
        if isinstance(value, str):
            value = datetime.fromisoformat(value.strip())
    except (ValueError, OverflowError, OSError):
        return None
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _zone(name: object) -> tzinfo:
    if not name:
        return UTC
    offset = _OFFSET.match(str(name))
    if offset is not None:
        minutes = int(offset[2]) * 60 + int(offset[3])
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FilterArgumentError("unknown time zone", token=None) from error


def _present(value: object) -> object:
    return None if is_undefined(value) else value


MEANINGS: dict[str, Callable[..., object]] = {
    "and": lambda left, right: is_true(left) and is_true(right),
    "around": around,
    "date": format_date,
    "each": items,
    "entries": entries,
    "equals": same,
    "escape": escaped,
    "get": get,
    "greater": greater,
    "in_section": in_section,
    "indent": indented,
    "length": length,
    "nearest": nearest,
    "nearest_value": nearest_value,
    "not": lambda value: not is_true(value),
    "or": lambda left, right: is_true(left) or is_true(right),
    "section": section,
    "text": text,
    "true": is_true,
}
