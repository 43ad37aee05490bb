# ruff: noqa: PLR0124 - what is not a number is not equal to itself
"""What compiled expressions call: the parts of the language that take more than one operator.

Instants are microseconds since 1970 UTC, dates the microseconds of their midnight. Every function
takes known values (calendars: finite instants) and gives a value or None; none raises.
"""

import itertools
import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

NEVER = 2**63 - 1
SECOND = 1_000_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
MIN_INSTANT: int = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
MAX_INSTANT: int = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""Minus and plus infinity."""
_INFINITE = (MIN_INSTANT, MAX_INSTANT)

floor = math.floor
ceil = math.ceil

# Text


class _Simple(dict[int, int]):
    """Letters one by one, as Unicode's simple case mappings have them: 'ß' is not two letters."""

    def __init__(self, change: Callable[[str], str], others: dict[str, str]) -> None:
        super().__init__({ord(letter): ord(changed) for letter, changed in others.items()})
        self._change = change

    def __missing__(self, code: int) -> int:
        changed = self._change(chr(code))
        self[code] = found = ord(changed) if len(changed) == 1 else code
        return found


# Python spells these with two letters; they have a capital of their own.
_GREEK = {chr(base + i): chr(base + 8 + i) for base in (0x1F80, 0x1F90, 0x1FA0) for i in range(8)}
_LOWER = _Simple(str.lower, {"İ": "i"})
_UPPER = _Simple(str.upper, {"ß": "ẞ", "ᾳ": "ᾼ", "ῃ": "ῌ", "ῳ": "ῼ", **_GREEK})


def lower(text: str) -> str:
    """Text in lower case, letter by letter."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def upper(text: str) -> str:
    """Text in upper case, letter by letter."""
    return text.upper() if text.isascii() else text.translate(_UPPER)


_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,30}(?:[.][0-9]{0,30})?|[.][0-9]{1,30})(?:[eE][+-]?[0-9]{1,2})?"
)


def to_number(text: str) -> float | None:
    """The number a text spells, or None."""
    text = text.strip(" ")
    return float(text) if _NUMBER.fullmatch(text) else None


@lru_cache(maxsize=1024)
def like_pattern(pattern: str) -> Callable[[str], Any]:
    """What matches a pattern of `like`: `%` any text, `_` any character."""
    first, *rest = (
        "".join("." if letter == "_" else re.escape(letter) for letter in part)
        for part in re.split("%+", pattern)
    )
    if not rest:
        return re.compile(first, re.DOTALL).fullmatch
    *middle, last = rest
    # The leftmost match of each part is as good as any; atomic groups keep it from being retried.
    inner = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{inner}.*{last}", re.DOTALL).fullmatch


def like(text: str, pattern: str) -> bool:
    """`text like pattern`."""
    return like_pattern(pattern)(text) is not None


def ilike(text: str, pattern: str) -> bool:
    """`text ilike pattern`."""
    return like_pattern(lower(pattern))(lower(text)) is not None


# JSON


def json_text(record: Any, path: tuple[str, ...]) -> str | None:
    """A part of a JSON object as text: a text as it is, anything else as JSON; null is None.

    Args:
        record: The object, or the text of it.
        path: The names that lead to the part.
    """
    found = msgspec.json.decode(record) if isinstance(record, str | bytes) else record
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    if isinstance(found, str) or found is None:
        return found
    return _json(found)


def _json(value: Any) -> str:
    """JSON as DuckDB writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, float):
        return number_text(value)
    if isinstance(value, list):
        return "[" + ",".join(_json(part) for part in value) + "]"
    if isinstance(value, dict):
        parts = (f"{_json(str(name))}:{_json(part)}" for name, part in value.items())
        return "{" + ",".join(parts) + "}"
    if isinstance(value, str):
        return '"' + _ESCAPED.sub(lambda found: _ESCAPES[found[0]], value) + '"'
    return msgspec.json.encode(value).decode()


_ESCAPED = re.compile(r'[\x00-\x1f"\\]')
_ESCAPES = {
    **{chr(code): f"\\u{code:04X}" for code in range(32)},
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    '"': r"\"",
    "\\": r"\\",
}


def number_text(value: float) -> str:
    """The shortest digits of a double; an exponent only from 1e21 on and below 1e-6."""
    if not math.isfinite(value):
        return "null"
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    point = len(digits) + int(exponent)
    minus = "-" if sign else ""
    if text == "0":
        return minus + "0.0"
    if not -6 < point <= 21:
        rest = f".{text[1:]}" if len(text) > 1 else ""
        return f"{minus}{text[0]}{rest}e{point - 1}"
    if point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    return f"{minus}{text[:point].ljust(point, '0')}.{text[point:] or '0'}"


# Numbers


def round_number(value: float, scale: float) -> float:
    """Rounded to 1 / scale, halves away from zero."""
    scaled = value * scale
    if scaled - scaled != 0:
        return float(value)
    whole = math.trunc(scaled)
    rest = scaled - whole
    if rest >= 0.5:
        whole += 1
    elif rest <= -0.5:
        whole -= 1
    return whole / scale


def greatest(*values: Any) -> Any:
    """The largest known value."""
    found = None
    for value in values:
        if value is not None and (found is None or value > found):
            found = value
    return found


def least(*values: Any) -> Any:
    """The smallest known value."""
    found = None
    for value in values:
        if value is not None and (found is None or value < found):
            found = value
    return found


def greatest_number(*values: float | None) -> float | None:
    """The largest known number; what is not a number is larger than all."""
    found = None
    for value in values:
        if value is not None and (found is None or not value <= found):
            found = value
            if value != value:
                break
    return found


def least_number(*values: float | None) -> float | None:
    """The smallest known number; what is not a number is larger than all."""
    found = None
    for value in values:
        if value is not None and (found is None or value < found or found != found):
            found = value
    return found


# Calendar: of finite instants

_CYCLE = 146_097
"""Days of 400 years, after which the calendar repeats."""
_FIRST = 719_163
"""The ordinal of 1970-01-01."""


def _date(instant: int) -> tuple[date, int]:
    """The date of an instant, and by how many cycles of 400 years it had to be moved."""
    ordinal = instant // DAY + _FIRST
    if 0 < ordinal <= 3_652_059:
        return date.fromordinal(ordinal), 0
    cycles = (ordinal - 1) // _CYCLE
    return date.fromordinal(ordinal - cycles * _CYCLE), cycles


def _midnight(year: int, month: int, day: int) -> int:
    cycles = (year - 1) // 400
    ordinal = date(year - 400 * cycles, month, day).toordinal() + cycles * _CYCLE
    return (ordinal - _FIRST) * DAY


_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _length(year: int, month: int) -> int:
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 29 if leap else _LENGTHS[month]


def add_months(instant: int, months: int) -> int:
    """The same day so many months on, or the last of that month."""
    return instant + _months_length(instant // DAY, months)


@lru_cache(maxsize=8192)
def _months_length(day: int, months: int) -> int:
    start, cycles = _date(day * DAY)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    year += 400 * cycles
    last = min(start.day, _length(year, month + 1))
    return _midnight(year, month + 1, last) - day * DAY


def trunc_minute(instant: int) -> int:
    """The start of the minute."""
    return instant - instant % 60_000_000


def trunc_hour(instant: int) -> int:
    """The start of the hour."""
    return instant - instant % 3_600_000_000


def trunc_day(instant: int) -> int:
    """The start of the day."""
    return instant - instant % DAY


def trunc_week(instant: int) -> int:
    """The start of the Monday."""
    return instant - (instant - 4 * DAY) % (7 * DAY)


def trunc_month(instant: int) -> int:
    """The start of the month."""
    day, _ = _date(instant)
    return instant - instant % DAY - (day.day - 1) * DAY


def trunc_quarter(instant: int) -> int:
    """The start of the quarter."""
    day, cycles = _date(instant)
    return _midnight(day.year + 400 * cycles, day.month - (day.month - 1) % 3, 1)


def trunc_year(instant: int) -> int:
    """The start of the year."""
    day, cycles = _date(instant)
    return _midnight(day.year + 400 * cycles, 1, 1)


def part_second(instant: int) -> int:
    """Seconds of the minute."""
    return instant // SECOND % 60


def part_minute(instant: int) -> int:
    """Minutes of the hour."""
    return instant // 60_000_000 % 60


def part_hour(instant: int) -> int:
    """Hours of the day."""
    return instant // 3_600_000_000 % 24


def part_isodow(instant: int) -> int:
    """1 for Monday to 7."""
    return (instant // DAY + 3) % 7 + 1


def part_day(instant: int) -> int:
    """The day of the month."""
    return _date(instant)[0].day


def part_week(instant: int) -> int:
    """The ISO week."""
    return _date(instant)[0].isocalendar()[1]


def part_month(instant: int) -> int:
    """The month of the year."""
    return _date(instant)[0].month


def part_quarter(instant: int) -> int:
    """The quarter of the year."""
    return (_date(instant)[0].month + 2) // 3


def part_year(instant: int) -> int:
    """The year."""
    day, cycles = _date(instant)
    return day.year + 400 * cycles


# Local time


@lru_cache(maxsize=8192)
def zone_day(zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """When which offset from UTC begins during one UTC day, both in microseconds.

    The first begins with the day.
    """
    starts = day * DAY
    hours = [starts + hour * 3_600_000_000 for hour in range(25)]
    offsets = [_offset(zone, hour) for hour in hours]
    found = [(starts, offsets[0])]
    found.extend(
        (_change(zone, hours[i], hours[i + 1]), offsets[i + 1])
        for i in range(24)
        if offsets[i] != offsets[i + 1]
    )
    return tuple(part for part in found if part[0] < starts + DAY)


def _change(zone: str, before: int, after: int) -> int:
    offset = _offset(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: str, instant: int) -> int:
    # Beyond the years that Python knows the outermost offset goes on.
    at = _EPOCH + timedelta(
        microseconds=min(max(instant, MIN_INSTANT + 2 * DAY), MAX_INSTANT - 2 * DAY)
    )
    offset = at.astimezone(_zone(zone)).utcoffset()
    return offset // _MICROSECOND if offset else 0


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def local_time(instant: int, zone: str) -> int:
    """What a clock in a zone shows at an instant."""
    if instant in _INFINITE:
        return instant
    parts = zone_day(zone, instant // DAY)
    for starts, offset in reversed(parts):
        if starts <= instant:
            return instant + offset
    return instant + parts[0][1]


def local_date(instant: int, zone: str) -> int:
    """The date in a zone at an instant."""
    if instant in _INFINITE:
        return instant
    found = 0
    for starts, day in zone_dates(zone, instant // DAY):
        if starts > instant:
            break
        found = day
    return found


@lru_cache(maxsize=8192)
def zone_dates(zone: str, day: int) -> tuple[tuple[int, int], ...]:
    """When which local date begins during one UTC day; the first begins with the day."""
    parts = [*zone_day(zone, day), ((day + 1) * DAY, 0)]
    found: list[tuple[int, int]] = []
    for (starts, offset), (ends, _) in itertools.pairwise(parts):
        at = starts
        while at < ends:
            local = (at + offset) // DAY * DAY
            if not found or found[-1][1] != local:
                found.append((at, local))
            at = local + DAY - offset
    return tuple(found)


@lru_cache(maxsize=65536)
def days_to_anniversary(day: int, today: int) -> int | None:
    """Days from a date to the next return of the month and day of another."""
    if day in _INFINITE:
        return None
    born = _date(day)[0]
    now, cycles = _date(today)
    month, of_month = born.month, born.day
    year = now.year + 400 * cycles
    if (month, of_month) < (now.month, now.day):
        year += 1
    returns = _midnight(year, month, min(of_month, _length(year, month)))
    return (returns - today) // DAY


# Turns: the first instant at which something that moves with now is not what it was. `slope` says
# by how many microseconds an instant or a length moves with each microsecond of now.


def turn(operator: str, gap: int, slope: int, now: int) -> int:
    """When `gap operator 0` changes."""
    if slope == 0:
        return NEVER
    if slope > 0:
        gap, slope, operator = -gap, -slope, _SWAPPED[operator]
    if operator in ("<", ">="):
        return now + gap // -slope + 1 if gap >= 0 else NEVER
    if gap == 0 and operator in ("=", "<>"):
        return now + 1
    return now - gap // slope if gap > 0 else NEVER


_SWAPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_FIXED = {
    "second": SECOND,
    "minute": 60 * SECOND,
    "hour": 3600 * SECOND,
    "day": DAY,
    "week": 7 * DAY,
}
_MONTHS = {"month": (trunc_month, 1), "quarter": (trunc_quarter, 3), "year": (trunc_year, 12)}


def unit_turn(instant: int, slope: int, now: int, unit: str) -> int:
    """When a moving instant leaves its minute … year."""
    if slope == 0 or instant in _INFINITE:
        return NEVER
    if unit in _FIXED:
        length = _FIXED[unit]
        start = trunc_week(instant) if unit == "week" else instant - instant % length
        end = start + length
    else:
        trunc, months = _MONTHS[unit]
        start = trunc(instant)
        end = add_months(start, months)
    return _leaves(instant, slope, now, start, end)


def _leaves(instant: int, slope: int, now: int, start: int, end: int) -> int:
    """When an instant gets to `end` or below `start`."""
    if slope > 0:
        return now - (instant - end) // slope
    return now + (instant - start) // -slope + 1


def offset_turn(instant: int, slope: int, now: int, zone: str) -> int:
    """When a moving instant may get to another offset from UTC; looks one UTC day ahead."""
    if slope == 0 or instant in _INFINITE:
        return NEVER
    day = instant // DAY
    starts = [start for start, _ in zone_day(zone, day)]
    start = max((s for s in starts if s <= instant), default=day * DAY)
    end = min((s for s in starts if s > instant), default=(day + 1) * DAY)
    return _leaves(instant, slope, now, start, end)


def local_date_turn(instant: int, slope: int, now: int, zone: str) -> int:
    """When the local date of a moving instant may change; exact for one that moves with now."""
    if slope == 0 or instant in _INFINITE:
        return NEVER
    if slope > 0:
        return now - (instant - local_day_end(instant, zone)) // slope
    local = local_time(instant, zone)
    starts = [start for start, _ in zone_day(zone, instant // DAY) if start <= instant]
    start = max(instant - local % DAY, *starts, instant // DAY * DAY)
    return now + (instant - start) // -slope + 1


def local_day_end(instant: int, zone: str) -> int:
    """The first later instant whose local date is another."""
    today = local_date(instant, zone)
    for day in range(instant // DAY, instant // DAY + 4):
        for starts, local in zone_dates(zone, day):
            if starts > instant and local != today:
                return starts
    return instant + DAY


def days_turn(operator: str, number: float, gap: int, slope: int, now: int) -> int:
    """When `days operator number` changes, for the whole days of a moving length."""
    if operator in ("=", "<>"):
        if number != math.floor(number):
            return NEVER
        day = int(number)
        return min(_reaches(day, gap, slope, now), _reaches(day + 1, gap, slope, now))
    # Whole days are above (or at) the number as soon as they get to this one.
    day = math.floor(number) + 1 if operator in (">", "<=") else math.ceil(number)
    return _reaches(day, gap, slope, now)


def next_day_turn(gap: int, slope: int, now: int) -> int:
    """When the whole days of a moving length change."""
    days = gap // DAY
    return min(_reaches(day, gap, slope, now) for day in (days - 1, days, days + 1, days + 2))


FAR_DAYS = 100_000
_SLACK = 1_000


def _reaches(days: int, gap: int, slope: int, now: int) -> int:
    """When a moving length gets to so many days, from either side."""
    threshold = days * DAY
    far = abs(days) > FAR_DAYS
    if slope > 0 and (gap < threshold or (far and gap < threshold + _SLACK)):
        wait = -((gap - threshold) // slope)
    elif slope < 0 and (gap >= threshold or (far and gap >= threshold - _SLACK)):
        wait = (gap - threshold) // -slope + 1
    else:
        return NEVER
    # Days go through doubles, which are some microseconds off after 270 years.
    return now + (max(1, wait - _SLACK) if far else wait)


def countdown_turn(operator: str, number: float, days: int, tomorrow: int) -> int:
    """When `days operator number` changes, for days that count down to 0 and start again.

    Args:
        operator: Of the comparison.
        number: What days are compared with.
        days: As they are now.
        tomorrow: When they change next.
    """
    if operator in ("=", "<>"):
        # The first change of either side of the number.
        whole = number == math.floor(number)
        wait = 1 if days == number else days - int(number) if whole else 0
    elif operator in ("<", ">="):
        wait = days - (math.ceil(number) - 1)
    else:
        wait = days - math.floor(number)
    # After the anniversary the count starts again.
    wait = wait if 0 < wait <= days else days + 1
    # Days of local time may be some hours shorter: look again at the last but one.
    return tomorrow + max(0, wait - 2) * DAY


def first_of(
    sign: int, now: int, *parts: tuple[int | None, int, int]
) -> tuple[int | None, int, int]:
    """The greatest (sign 1) or least (-1) of moving instants: its value, slope and until.

    Each part is a value, its slope, and until when both hold.
    """
    best, best_slope = None, 0
    for value, slope, _ in parts:
        if value is not None and (
            best is None or (sign * value, sign * slope) > (sign * best, sign * best_slope)
        ):
            best, best_slope = value, slope
    until = min(part[2] for part in parts)
    for value, slope, _ in parts:
        if best is not None and value is not None:
            gap, speed = sign * (best - value), sign * (best_slope - slope)
            until = min(until, turn(">=", gap, speed, now))
    return best, best_slope, until
