"""Local time for many instants at once.

In: instants in milliseconds UTC and the place of each. Out: local instants, hours, and instants
of a wanted local hour. The offset is that of the day's noon, so the two nights a year on which
clocks change are an hour off until morning.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from vocative.simulate.words import PLACES
from vocative.simulate.world import DAY_MS, HOUR_MS, Ints


class LocalTime:
    """UTC offsets of every place for every day of a span."""

    def __init__(self, first_ms: int, last_ms: int) -> None:
        self._first_day = first_ms // DAY_MS - 1
        days = range(self._first_day, last_ms // DAY_MS + 2)
        per_zone = {zone: _offsets(zone, days) for zone in {place.zone for place in PLACES}}
        self._offset_ms = np.array([per_zone[place.zone] for place in PLACES], dtype=np.int64)

    def offset_ms(self, at_ms: Ints, place: Ints) -> Ints:
        """What to add to UTC to get local time."""
        day = np.clip(at_ms // DAY_MS - self._first_day, 0, self._offset_ms.shape[1] - 1)
        return self._offset_ms[place, day]

    def local_ms(self, at_ms: Ints, place: Ints) -> Ints:
        """Local wall-clock instants, as if they were UTC."""
        return at_ms + self.offset_ms(at_ms, place)

    def hour(self, at_ms: Ints, place: Ints) -> Ints:
        """Local hour, 0 to 23."""
        return self.local_ms(at_ms, place) // HOUR_MS % 24

    def at_local_time_of_day(self, at_ms: Ints, place: Ints, time_of_day_ms: Ints) -> Ints:
        """The instant of a local time of day on the local date of `at_ms`."""
        local_day = self.local_ms(at_ms, place) // DAY_MS * DAY_MS
        return local_day + time_of_day_ms - self.offset_ms(at_ms, place)


def _offsets(zone: str, days: range) -> list[int]:
    info = ZoneInfo(zone)
    noon = datetime(1970, 1, 1, 12, tzinfo=UTC)
    offsets = []
    for day in days:
        offset = (noon + timedelta(days=day)).astimezone(info).utcoffset() or timedelta()
        offsets.append(offset // timedelta(milliseconds=1))
    return offsets


def months_of(at_ms: Ints) -> Ints:
    """Calendar month of each instant (UTC), January is 0."""
    return at_ms.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64) % 12
