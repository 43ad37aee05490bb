"""Local calendars: the next Tuesday at nine, a birthday, the end of a month, the end of the night.

Everything is asked in the person's zone and answered as an instant. A local time that a change of
the clocks leaves out is taken as RFC 5545 does: by the offset from before the change, so 02:30
becomes 03:30. One that comes twice is the first of the two.
"""

import calendar as months
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from vocative.clock import from_micros, to_micros
from vocative.privacy.permit import HoursRule, quiet_until

Every = Literal["year", "month"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)
_DAYS_SEARCHED = 9
_MOST_NIGHTS = 4


def instant_of(day: date, at: time, zone: ZoneInfo) -> int:
    """The instant (microseconds) of a local date and time."""
    return to_micros(datetime.combine(day, at, tzinfo=zone).astimezone(UTC))


def local_day(at: int, zone: ZoneInfo) -> date:
    """The local date of an instant."""
    return from_micros(at).astimezone(zone).date()


def next_local(after: int, at: time, zone: ZoneInfo, weekdays: Collection[str] = ()) -> int:
    """The first instant not before `after` at a local time, on one of some weekdays.

    Args:
        after: Microseconds UTC.
        at: The local time of day.
        zone: Whose.
        weekdays: As in WEEKDAYS; any day unless told.
    """
    day = local_day(after, zone)
    for ahead in range(_DAYS_SEARCHED):
        candidate = day + ahead * _DAY
        if weekdays and WEEKDAYS[candidate.weekday()] not in weekdays:
            continue
        found = instant_of(candidate, at, zone)
        if found >= after:
            return found
    raise AssertionError("a week has every weekday")


def anniversaries(first: date, every: Every, start: date, end: date) -> Iterator[date]:
    """The days from `start` to `end` (inclusive) on which a date comes round, after the first.

    What a month does not have is its last day: 29 February is the 28th in other years, the 31st
    is the 30th in June.

    >>> [str(day) for day in anniversaries(date(2000, 2, 29), "year", date(2027, 1, 1),
    ...                                    date(2028, 12, 31))]
    ['2027-02-28', '2028-02-29']
    """
    day = start
    while day <= end:
        right_month = every == "month" or day.month == first.month
        last = months.monthrange(day.year, day.month)[1]
        if right_month and day.day == min(first.day, last) and day > first:
            yield day
        day += _DAY


def after_quiet_hours(at: int, zone: ZoneInfo, hours: HoursRule | None) -> int:
    """The first instant from `at` on that is not in quiet hours."""
    if hours is None:
        return at
    # A change of the clocks can lead from one quiet hour into another one.
    for _ in range(_MOST_NIGHTS):
        until = quiet_until(from_micros(at), zone, hours)
        if until is None:
            return at
        at = max(to_micros(until), at + 1)
    return at
