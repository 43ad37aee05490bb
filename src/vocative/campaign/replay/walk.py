"""One person's way through a journey, from what happened to them.

Pure: it steps with the functions of the worker, and asks for facts through `Facts`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from vocative.campaign.journeys.definition import Journey
from vocative.campaign.journeys.entering import Earlier, Refused, Trigger, enter, trigger_of
from vocative.campaign.journeys.run import (
    Advanced,
    Happened,
    Moment,
    Note,
    Run,
    Send,
    Verdict,
)
from vocative.campaign.journeys.stepping import advance
from vocative.privacy.permit import HoursRule


@dataclass(frozen=True, kw_only=True)
class Occasion:
    """Something at which a journey is looked at for one person."""

    at: int
    event: Happened | None = None
    trigger: Trigger | None = None
    """What brings the person in other than an event; neither: only runs are looked at."""


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A message that would have been planned."""

    run_id: str
    slot: int
    key: str
    trigger_id: str
    step: str
    at: int


@dataclass(kw_only=True)
class Walked:
    """What came of it for one person."""

    runs: dict[str, Run] = field(default_factory=dict)
    notes: dict[str, list[Note]] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    refused: list[tuple[int, Refused]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Person:
    """Whose way it is, and what is asked about them."""

    person_id: str
    zone: ZoneInfo
    known: Callable[[str, int], Mapping[str, Verdict]]
    quiet_hours: HoursRule | None

    def moment(self, at: int, event: Happened | None = None) -> Moment:
        """What is true for them at an instant."""
        return Moment(
            now=at,
            zone=self.zone,
            known=self.known(self.person_id, at),
            quiet_hours=self.quiet_hours,
            event=event,
        )


def walk(
    journey: Journey, person: Person, occasions: Sequence[Occasion], *, since: int, until: int
) -> Walked:
    """Take a person through a journey.

    Args:
        journey: In which version.
        person: Who.
        occasions: What happened, in its order.
        since: When the journey would have been started (microseconds).
        until: How far; whoever is in it then stays in it.

    Raises:
        NotKnown: a condition must be computed first.
    """
    walked = Walked()
    for occasion in occasions:
        _fire(journey, person, walked, before=occasion.at)
        moment = person.moment(occasion.at, occasion.event)
        for run in list(walked.runs.values()):
            _note(walked, advance(journey, run, moment), occasion.at)
        trigger = occasion.trigger
        if trigger is None and occasion.event is not None:
            trigger = trigger_of(journey, occasion.event)
        if trigger is not None:
            _enter(journey, person, walked, trigger, moment, since)
    _fire(journey, person, walked, before=until + 1)
    return walked


def _active(walked: Walked) -> list[Run]:
    return [run for run in walked.runs.values() if run.state == "active"]


def _fire(journey: Journey, person: Person, walked: Walked, *, before: int) -> None:
    """Let time pass: each timer at its own instant."""
    while True:
        due = [run for run in _active(walked) if run.wake_at is not None and run.wake_at < before]
        if not due:
            return
        run = min(due, key=lambda one: (one.wake_at, one.run_id))
        at = int(run.wake_at or 0)
        _note(walked, advance(journey, run, person.moment(at)), at)


def _enter(
    journey: Journey, person: Person, walked: Walked, trigger: Trigger, moment: Moment, since: int
) -> None:
    earlier = [
        Earlier(run.key, run.entered_at, run.state == "active", run.slot)
        for run in walked.runs.values()
    ]
    found = enter(journey, person.person_id, trigger, moment, earlier, started_at=since)
    if isinstance(found, Refused):
        walked.refused.append((trigger.at, found))
    elif found.run.run_id not in walked.runs:
        _note(walked, found, moment.now)


def _note(walked: Walked, done: Advanced, at: int) -> None:
    run = done.run
    walked.runs[run.run_id] = run
    walked.notes.setdefault(run.run_id, []).extend(done.notes)
    walked.sent += [
        Sent(
            run_id=run.run_id,
            slot=run.slot,
            key=run.key,
            trigger_id=str(run.entry.get("trigger_id", "")),
            step=effect.step,
            at=at,
        )
        for effect in done.effects
        if isinstance(effect, Send)
    ]
