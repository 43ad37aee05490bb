"""Turns: the first instant at which something that moves with now is not what it was.

`slope` says by how many microseconds an instant or a length moves with each microsecond of now.
"""

import math

from vocative.sql.runtime.instants import (
    DAY,
    INFINITE,
    SECOND,
    add_months,
    trunc_month,
    trunc_quarter,
    trunc_week,
    trunc_year,
)
from vocative.sql.runtime.zones import local_day_end, local_time, zone_day

NEVER = 2**63 - 1


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
    if slope == 0 or instant in INFINITE:
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
    if slope == 0 or instant in INFINITE:
        return NEVER
    day = instant // DAY
    starts = [start for start, _ in zone_day(zone, day)]
    start = max((s for s in starts if s <= instant), default=day * DAY)
    end = min((s for s in starts if s > instant), default=(day + 1) * DAY)
    return _leaves(instant, slope, now, start, end)


def local_date_turn(instant: int, slope: int, now: int, zone: str) -> int:
    """When the local date of a moving instant may change; exact for one that moves with now."""
    if slope == 0 or instant in INFINITE:
        return NEVER
    if slope > 0:
        return now - (instant - local_day_end(instant, zone)) // slope
    local = local_time(instant, zone)
    starts = [start for start, _ in zone_day(zone, instant // DAY) if start <= instant]
    start = max(instant - local % DAY, *starts, instant // DAY * DAY)
    return now + (instant - start) // -slope + 1


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
    if slope == 1 and -FAR_DAYS < days < FAR_DAYS - 2:
        return now + (days + 1) * DAY - gap
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
