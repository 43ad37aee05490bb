"""`wait`: a length of time, or until a local time of day, or both."""

from datetime import time
from typing import Any, ClassVar

import msgspec

from vocative.campaign.journeys.calendar import WEEKDAYS, next_local
from vocative.campaign.journeys.run import Go, Moment, Outcome, Run, Stay
from vocative.campaign.journeys.steps.base import Author, Step, StepKind
from vocative.workspace.durations import seconds_of


class WaitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long."""

    length: str | None = msgspec.field(default=None, name="for")
    until: str | None = None
    """A local time of day such as 09:00, after the length of time."""
    on: list[str] = []
    """Weekdays on which it may be."""


class Wait(StepKind):
    """Waits for time to pass."""

    name = "wait"
    Body = WaitBody
    short: ClassVar = "for"

    def check(self, body: WaitBody, author: Author) -> None:
        """Refuse what is no time."""
        if body.length is None and body.until is None:
            raise author.wrong("a wait needs for: or until:", hint="write wait: 2d")
        if body.length is not None:
            author.length(body.length, "for")
        if body.until is not None and time_of(body.until) is None:
            raise author.wrong("this is no time of day", "until", hint='write "09:00"')
        if body.on and body.until is None:
            raise author.wrong("weekdays need a time of day", "on", hint='add until: "09:00"')
        for index, day in enumerate(body.on):
            if day not in WEEKDAYS:
                raise author.wrong(
                    f"{day!r} is no weekday", "on", index, hint=f"known: {', '.join(WEEKDAYS)}"
                )

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:
        """Go on when the time has come."""
        body: WaitBody = step.body
        until = run.arrived_at + micros_of(body.length)
        at = time_of(body.until) if body.until else None
        if at is not None:
            until = next_local(until, at, moment.zone, body.on)
        if moment.due < until:
            return Stay(until=until, did="waits")
        return Go(did="waited", at=until)


def micros_of(written: str | None) -> int:
    """A checked length of time in microseconds; nothing is no time."""
    return (seconds_of(written) or 0) * 1_000_000 if written else 0


def time_of(written: Any) -> time | None:
    """A local time of day written like 09:00 or 9:30; None: it is none."""
    hour, _, minute = str(written).partition(":")
    if not (hour.isdecimal() and minute.isdecimal() and len(hour) <= 2 and len(minute) == 2):
        return None
    try:
        return time(int(hour), int(minute))
    except ValueError:
        return None
