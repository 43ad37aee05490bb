"""Calendars in compiled expressions: of finite instants, in UTC."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

SECOND = 1_000_000
DAY = 86_400 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MIN_INSTANT: int = (datetime.min.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
MAX_INSTANT: int = (datetime.max.replace(tzinfo=UTC) - EPOCH) // MICROSECOND
"""Minus and plus infinity."""
INFINITE = (MIN_INSTANT, MAX_INSTANT)
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


@lru_cache(maxsize=65536)
def days_to_anniversary(day: int, today: int) -> int | None:
    """Days from a date to the next return of the month and day of another."""
    if day in INFINITE:
        return None
    born = _date(day)[0]
    now, cycles = _date(today)
    month, of_month = born.month, born.day
    year = now.year + 400 * cycles
    if (month, of_month) < (now.month, now.day):
        year += 1
    returns = _midnight(year, month, min(of_month, _length(year, month)))
    return (returns - today) // DAY
