"""Local time: instants and dates in a person's time zone."""

import itertools
from datetime import timedelta, tzinfo
from functools import lru_cache

from vocative.sql.runtime.instants import (
    DAY,
    EPOCH,
    INFINITE,
    MAX_INSTANT,
    MICROSECOND,
    MIN_INSTANT,
)


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


@lru_cache(maxsize=8192)
def zone_offsets(zone: str, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """The same for several UTC days, the last included; one part when the clocks stay."""
    found: list[tuple[int, int]] = []
    for day in range(first, last + 1):
        found += [part for part in zone_day(zone, day) if not found or part[1] != found[-1][1]]
    return tuple(found)


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
    at = EPOCH + timedelta(
        microseconds=min(max(instant, MIN_INSTANT + 2 * DAY), MAX_INSTANT - 2 * DAY)
    )
    offset = at.astimezone(_zone(zone)).utcoffset()
    return offset // MICROSECOND if offset else 0


@lru_cache(maxsize=1024)
def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def local_time(instant: int, zone: str) -> int:
    """What a clock in a zone shows at an instant."""
    if instant in INFINITE:
        return instant
    parts = zone_day(zone, instant // DAY)
    if len(parts) == 1:
        return instant + parts[0][1]
    for starts, offset in reversed(parts):
        if starts <= instant:
            return instant + offset
    return instant + parts[0][1]


def local_date(instant: int, zone: str) -> int:
    """The date in a zone at an instant."""
    if instant in INFINITE:
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


def local_day_end(instant: int, zone: str) -> int:
    """The first later instant whose local date is another."""
    today = local_date(instant, zone)
    for day in range(instant // DAY, instant // DAY + 4):
        for starts, local in zone_dates(zone, day):
            if starts > instant and local != today:
                return starts
    return instant + DAY
