"""AMPscript's functions on dates and times.

A date may be a value of its own or text, read as Americans write it. There is no time zone in it:
Salesforce reckons in its server's, Vocative in UTC.
"""

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from vocative.compose.foreign.ampscript_numbers import format_number, number_or_none, whole

_MAX_TEXT = 64
_MAX_YEARS = 10_000
_DIGITS = re.compile(r"\d")
_PARTS = re.compile(
    r"'[^']*'|\"[^\"]*\"|y{4}|Y{4}|y{2}|Y{2}|M{1,4}|d{1,4}|D{1,2}|H{1,2}|h{1,2}|m{1,2}|s{1,2}|f{1,6}"
    r"|t{1,2}"
)
_WRITTEN: Mapping[str, Callable[[datetime], str]] = {
    "yyyy": lambda at: f"{at.year:04}",
    "yy": lambda at: f"{at.year % 100:02}",
    "MMMM": lambda at: at.strftime("%B"),
    "MMM": lambda at: at.strftime("%b"),
    "MM": lambda at: f"{at.month:02}",
    "M": lambda at: str(at.month),
    "dddd": lambda at: at.strftime("%A"),
    "ddd": lambda at: at.strftime("%a"),
    "dd": lambda at: f"{at.day:02}",
    "d": lambda at: str(at.day),
    "HH": lambda at: f"{at.hour:02}",
    "H": lambda at: str(at.hour),
    "hh": lambda at: f"{at.hour % 12 or 12:02}",
    "h": lambda at: str(at.hour % 12 or 12),
    "mm": lambda at: f"{at.minute:02}",
    "m": lambda at: str(at.minute),
    "ss": lambda at: f"{at.second:02}",
    "s": lambda at: str(at.second),
    "tt": lambda at: "PM" if at.hour >= 12 else "AM",
    "t": lambda at: "P" if at.hour >= 12 else "A",
}
# Patterns of one letter, as .NET has them for the United States.
_STANDARD = {
    "d": "M/d/yyyy",
    "D": "dddd, MMMM d, yyyy",
    "f": "dddd, MMMM d, yyyy h:mm tt",
    "F": "dddd, MMMM d, yyyy h:mm:ss tt",
    "g": "M/d/yyyy h:mm tt",
    "G": "M/d/yyyy h:mm:ss tt",
    "m": "MMMM d",
    "M": "MMMM d",
    "s": "yyyy-MM-dd'T'HH:mm:ss",
    "t": "h:mm tt",
    "T": "h:mm:ss tt",
    "y": "MMMM yyyy",
    "Y": "MMMM yyyy",
}
_UNITS = {
    "y": "year",
    "year": "year",
    "m": "month",
    "month": "month",
    "monthname": "month name",
    "d": "day",
    "day": "day",
    "h": "hour",
    "hour": "hour",
    "mi": "minute",
    "minute": "minute",
}


def date_of(value: object) -> datetime:
    """A value as an instant without a time zone.

    Raises:
        ValueError: it is none.
    """
    found = date_or_none(value)
    if found is None:
        raise ValueError("not a date")
    return found


def date_or_none(value: object) -> datetime | None:
    """A value as an instant without a time zone; None: it is none."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    return _read(value, utc=False) if isinstance(value, str) else None


@lru_cache(maxsize=2048)
def _read(text: str, *, utc: bool) -> datetime | None:
    from dateutil import parser  # type: ignore[import-untyped]

    if len(text) > _MAX_TEXT or not _DIGITS.search(text):
        return None
    try:
        found: datetime = parser.parse(text, default=datetime(1970, 1, 1))  # noqa: DTZ001
    except (parser.ParserError, OverflowError, ValueError):
        return None
    if found.tzinfo is not None and utc:
        found = found.astimezone(UTC)
    return found.replace(tzinfo=None)


def written(at: datetime) -> str:
    """An instant as it is printed without a pattern: `5/1/2023 3:30:00 PM`."""
    return in_pattern(at, _STANDARD["G"])


def in_pattern(at: datetime, pattern: str) -> str:
    """An instant in a pattern such as `MMMM d, yyyy`; text in quotes means itself.

    >>> in_pattern(datetime(2026, 3, 2, 15, 4), "ddd, MMM dd yyyy 'at' h:mm tt")
    'Mon, Mar 02 2026 at 3:04 PM'
    """

    def part(found: re.Match[str]) -> str:
        word = found[0]
        if word[0] in "'\"":
            return word[1:-1]
        if word[0] == "f":
            return f"{at.microsecond:06}"[: len(word)]
        return _WRITTEN[word.lower() if word[0] in "YD" else word](at)

    return _PARTS.sub(part, pattern[:100])


def format_date(
    value: object, pattern: object = "", clock: object = "", culture: object = ""
) -> str:
    """A date in a pattern for its day and one for its time.

    Raises:
        ValueError: it is no date, or the culture is not English.
    """
    if culture and not str(culture).lower().startswith("en"):
        raise ValueError("only English names of days and months are known")
    at = date_of(value)
    day, hours = str(pattern or ""), str(clock or "")
    if day.lower() == "iso" or hours.lower() == "iso":
        return at.isoformat(timespec="seconds")
    named = {"l": _STANDARD["D"], "s": _STANDARD["d"], "": "" if hours else _STANDARD["d"]}
    hour_names = {"l": _STANDARD["T"], "s": _STANDARD["t"]}
    joined = f"{named.get(day.lower(), day)} {hour_names.get(hours.lower(), hours)}"
    return in_pattern(at, joined.strip())


def format_value(value: object, pattern: object, kind: object = None, culture: object = "") -> str:
    """A number or a date in a pattern of .NET.

    Args:
        value: A number or a date.
        pattern: A letter such as `D` or `C`, or a pattern of one's own.
        kind: `Date` or `Number` (`Numeric`); without it the value decides.
        culture: Whose ways, such as `en-US`.
    """
    named = str(kind or "").lower()
    if named in ("number", "numeric") or (not named and number_or_none(value) is not None):
        return format_number(value, pattern, culture or "en-US")
    if culture and not str(culture).lower().startswith("en"):
        raise ValueError("only English names of days and months are known")
    wanted = str(pattern)
    return in_pattern(date_of(value), _STANDARD.get(wanted, wanted))


def date_add(value: object, amount: object, unit: object) -> datetime:
    """A date and some years, months, days, hours or minutes."""
    at, count = date_of(value), whole(amount)
    name = _UNITS[str(unit).lower()]
    if name in ("year", "month"):
        months = at.year * 12 + at.month - 1 + count * (12 if name == "year" else 1)
        if not 12 <= months < 12 * _MAX_YEARS:
            raise ValueError("there is no such year")
        year, month = divmod(months, 12)
        day = min(at.day, calendar.monthrange(year, month + 1)[1])
        return at.replace(year=year, month=month + 1, day=day)
    seconds = {"day": 86_400, "hour": 3_600, "minute": 60}[name]
    return at + timedelta(seconds=count * seconds)


def date_diff(start: object, end: object, unit: object) -> int:
    """How many units lie between two dates; years and months as the calendar changes them."""
    first, last = date_of(start), date_of(end)
    name = _UNITS[str(unit).lower()]
    if name == "year":
        return last.year - first.year
    if name == "month":
        return (last.year - first.year) * 12 + last.month - first.month
    if name == "day":
        return (last.date() - first.date()).days
    seconds = {"hour": 3_600, "minute": 60}[name]
    return int((last - first).total_seconds() / seconds)


def date_part(value: object, part: object) -> str:
    """A part of a date as text; months and days with two digits."""
    at = date_of(value)
    name = _UNITS[str(part).lower()]
    return {
        "year": f"{at.year}",
        "month": f"{at.month:02}",
        "month name": at.strftime("%B"),
        "day": f"{at.day:02}",
        "hour": f"{at.hour}",
        "minute": f"{at.minute}",
    }[name]


def date_parse(value: object, utc: object = 0) -> datetime:
    """Text as a date; as UTC when it says how far it is from it and that is wanted."""
    if isinstance(value, str) and utc in (True, 1, "1", "true"):
        found = _read(value, utc=True)
        if found is not None:
            return found
    return date_of(value)


FUNCTIONS: dict[str, Callable[..., object]] = {
    "dateadd": date_add,
    "datediff": date_diff,
    "datepart": date_part,
    "dateparse": date_parse,
    "stringtodate": date_parse,
    "formatdate": format_date,
    "format": format_value,
}
