"""When messages of a run are due: at once, at a local time, in a window, at a person's best hour.

A campaign's `schedule:` comes in, with a person's zone; an instant goes out. Refused when it is
read: times that are none, windows that quiet hours cover, two ways to choose the hour.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from vocative.errors import AuthorError
from vocative.ids import stable_fraction
from vocative.privacy.permit import ContactRules, contact_from
from vocative.workspace import Definition, Settings

_Hour = Annotated[int, msgspec.Meta(ge=0, le=23)]
_FIRST_ZONE = timezone(timedelta(hours=14))
"""Where every day begins first."""


class Window(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Local hours in which messages may leave, `start` inclusive, `end` exclusive."""

    start: _Hour
    end: Annotated[int, msgspec.Meta(ge=1, le=24)]

    def __contains__(self, hour: int) -> bool:
        if self.start < self.end:
            return self.start <= hour < self.end
        return hour >= self.start or hour < self.end


class BestHour(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hour at which each person reads: a model's, else what they did, else a fixed one."""

    score: str | None = None
    """A model whose score is an hour of the day, 0 to below 24."""
    otherwise: _Hour = 10


class ScheduleBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a campaign is sent."""

    at: str | None = None
    """Date and time; in the workspace's zone unless it says an offset."""
    local: bool = False
    """`at` is the time on each person's own clock."""
    window: Window | None = None
    best_hour: BestHour | None = None


@dataclass(frozen=True, kw_only=True)
class Timing:
    """What decides when the messages of one run are due."""

    start: datetime
    """When the run is planned, aware UTC; nothing is due before."""
    wall: datetime | None
    """The local date and time for everybody; None: the same instant for all."""
    chooses_hour: bool
    rules: ContactRules

    def send_at(self, zone: ZoneInfo, hour: int | None = None, *, person_id: str = "") -> datetime:
        """When a person's message is due, aware UTC.

        Args:
            zone: The person's.
            hour: Their best hour.
            person_id: Spreads messages over the minutes of that hour.
        """
        due = self.start
        if self.wall is not None:
            due = max(local_instant(self.wall, zone), self.start)
        elif hour is not None:
            minute = int(stable_fraction("minute", person_id) * 60)
            due = next_local(self.start, time(hour, minute), zone)
        return contact_from(due, zone, self.rules)


def local_instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a local date and time, aware UTC.

    A time that a clock change skips is as much later as the clocks were put on; of one that there
    is twice, it is the first.

    >>> local_instant(datetime(2026, 3, 29, 2, 30), ZoneInfo("Europe/Berlin")).isoformat()
    '2026-03-29T01:30:00+00:00'
    """
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def next_local(after: datetime, at: time, zone: ZoneInfo) -> datetime:
    """The first instant from `after` on at which it is `at` on the clocks of a zone, aware UTC."""
    day = after.astimezone(zone).date()
    for days in range(4):
        found = local_instant(datetime.combine(day + timedelta(days=days), at), zone)
        if found >= after:
            return found
    raise AssertionError("every zone has every time of day within four days")


def starts_at(schedule: ScheduleBody, settings: Settings) -> datetime | None:
    """When a run by this schedule is planned, aware UTC; None: when somebody says so.

    With local times that is when the time comes where the day begins first.
    """
    if schedule.at is None:
        return None
    at = datetime.fromisoformat(schedule.at)
    if schedule.local:
        at = at.replace(tzinfo=_FIRST_ZONE)
    elif at.tzinfo is None:
        return local_instant(at, ZoneInfo(settings.timezone))
    return at.astimezone(UTC)


def timing(schedule: ScheduleBody, settings: Settings, *, start: datetime) -> Timing | None:
    """What decides when messages are due; None: all of them at once.

    Args:
        schedule: A checked one.
        settings: The workspace's.
        start: When the run is planned.
    """
    if not schedule.local and schedule.window is None and schedule.best_hour is None:
        return None
    wall = datetime.fromisoformat(schedule.at) if schedule.local and schedule.at else None
    return Timing(
        start=start,
        wall=wall,
        chooses_hour=schedule.best_hour is not None,
        rules=ContactRules(purposes={}, quiet_hours=settings.quiet_hours, window=schedule.window),
    )


def check_schedule(definition: Definition, schedule: ScheduleBody, settings: Settings) -> None:
    """Refuse a schedule that cannot be kept.

    Raises:
        AuthorError: with the place of what is wrong.
    """
    if schedule.at is not None:
        _check_at(definition, schedule)
    if schedule.local and schedule.at is None:
        raise AuthorError(
            "a local time needs at:",
            where=definition.where("schedule", "local"),
            hint='for example `at: "2026-12-01 09:00"`',
        )
    if schedule.local and schedule.best_hour is not None:
        raise AuthorError(
            "local: and best_hour: both choose the hour",
            where=definition.where("schedule", "best_hour"),
            hint="remove one",
        )
    quiet = settings.quiet_hours
    if schedule.window is None or quiet is None or quiet.start == quiet.end:
        return
    night = Window(quiet.start % 24, quiet.end or 24)
    if all(hour in night for hour in range(24) if hour in schedule.window):
        raise AuthorError(
            "quiet hours cover the whole window: nothing would ever be sent",
            where=definition.where("schedule", "window"),
            hint=f"quiet hours are from {quiet.start} to {quiet.end}, see vocative.yaml",
        )


def _check_at(definition: Definition, schedule: ScheduleBody) -> None:
    written = schedule.at or ""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        at = None
    # Near the ends of the calendar an instant has no local time in every zone.
    if at is None or not 2000 <= at.year < 3000:
        raise AuthorError(
            f"{written!r} is no date and time",
            where=definition.where("schedule", "at"),
            hint='write "2026-12-01 09:00"; for another zone add its offset: +01:00',
        )
    if schedule.local and at.tzinfo is not None:
        raise AuthorError(
            "a local time has no offset: it is on each person's own clock",
            where=definition.where("schedule", "at"),
            hint="remove the offset, or local:",
        )
