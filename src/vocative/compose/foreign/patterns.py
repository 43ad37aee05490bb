"""Date patterns of other systems, written out for one instant.

A pattern is read as its own system reads it: `MMMM DD, YYYY` of Moment (SendGrid), `MMMM dd, yyyy`
of .NET (Salesforce). Names of days and months are English, as they are there by default.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

_MOMENT = re.compile(
    r"\[[^\]]*\]|YYYY|YY|MMMM|MMM|MM|M|Do|DD|D|dddd|ddd|HH|H|hh|h|mm|m|ss|s|SSS|A|a|ZZ|Z|z|X"
)
Part = Callable[[datetime], str]


def _hour12(at: datetime) -> int:
    return at.hour % 12 or 12


def _offset(at: datetime, colon: str) -> str:
    digits = at.strftime("%z") or "+0000"
    return f"{digits[:3]}{colon}{digits[3:5]}"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10)
    return f"{number}{ending or 'th'}"


_MOMENT_PARTS: Mapping[str, Part] = {
    "YYYY": lambda at: f"{at.year:04}",
    "YY": lambda at: f"{at.year % 100:02}",
    "MMMM": lambda at: at.strftime("%B"),
    "MMM": lambda at: at.strftime("%b"),
    "MM": lambda at: f"{at.month:02}",
    "M": lambda at: str(at.month),
    "Do": lambda at: _ordinal(at.day),
    "DD": lambda at: f"{at.day:02}",
    "D": lambda at: str(at.day),
    "dddd": lambda at: at.strftime("%A"),
    "ddd": lambda at: at.strftime("%a"),
    "HH": lambda at: f"{at.hour:02}",
    "H": lambda at: str(at.hour),
    "hh": lambda at: f"{_hour12(at):02}",
    "h": lambda at: str(_hour12(at)),
    "mm": lambda at: f"{at.minute:02}",
    "m": lambda at: str(at.minute),
    "ss": lambda at: f"{at.second:02}",
    "s": lambda at: str(at.second),
    "SSS": lambda at: f"{at.microsecond // 1000:03}",
    "A": lambda at: "PM" if at.hour >= 12 else "AM",
    "a": lambda at: "pm" if at.hour >= 12 else "am",
    "ZZ": lambda at: _offset(at, ""),
    "Z": lambda at: _offset(at, ":"),
    "z": lambda at: at.tzname() or "",
    "X": lambda at: str(int(at.timestamp())),
}


def from_moment(pattern: str, at: datetime) -> str:
    """An instant in a pattern of Moment; text in brackets means itself.

    >>> from_moment("dddd, MMMM Do YYYY [at] h:mm A", datetime(2026, 3, 2, 15, 4))
    'Monday, March 2nd 2026 at 3:04 PM'
    """

    def written(found: re.Match[str]) -> str:
        part = _MOMENT_PARTS.get(found[0])
        return part(at) if part else found[0][1:-1]

    return _MOMENT.sub(written, pattern)
