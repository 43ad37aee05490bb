"""Whether somebody enters a journey: what brings them, the re-entry rule, the holdout.

Pure, like stepping. An entry that is refused has a reason, so that `explain` can tell it.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from vocative.campaign.journeys.definition import Journey
from vocative.campaign.journeys.matching import COLUMNS
from vocative.campaign.journeys.run import Advanced, Happened, Moment, Note, Run, Tell
from vocative.campaign.journeys.stepping import advance
from vocative.campaign.journeys.steps.wait import micros_of
from vocative.decide import HOLDOUT, assign

TriggerKind = Literal["event", "segment", "date", "api"]
_ENTRY = ("order_id", "product_id", "category", "revenue")
"""What of the entering event a run keeps; the rest stays in history."""


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """What may bring a person into a journey."""

    kind: TriggerKind
    id: str
    """The same however often it is looked at."""
    at: int
    key: str = ""
    entry: dict[str, Any] = {}


class Earlier(NamedTuple):
    """A run of the same person in the same journey."""

    key: str
    entered_at: int
    is_active: bool
    slot: int


class Refused(NamedTuple):
    """Nobody entered, and why."""

    reason: str
    words: str


def run_id_for(journey: str, person_id: str, trigger: Trigger) -> str:
    """The id of the run that a trigger begins: looking at it twice begins one."""
    named = msgspec.json.encode([journey, person_id, trigger.kind, trigger.key, trigger.id])
    return hashlib.sha256(named).hexdigest()[:32]


def trigger_of(journey: Journey, event: Happened) -> Trigger | None:
    """The trigger that an event is for a journey; None: it is none."""
    matcher = journey.entry
    if matcher is None or not matcher.matches(event.name, event.fact):
        return None
    row = dict(zip(COLUMNS, event.fact, strict=True))
    kept = {name: row[name] for name in _ENTRY if row[name] is not None}
    kind: TriggerKind = "api" if journey.body.enter.api else "event"
    return Trigger(
        kind=kind,
        id=event.event_id,
        at=event.at,
        key=matcher.key_of(event.fact),
        entry={"event": event.name, **kept},
    )


def enter(
    journey: Journey,
    person_id: str,
    trigger: Trigger,
    moment: Moment,
    earlier: Sequence[Earlier],
    *,
    started_at: int,
) -> Advanced | Refused:
    """Begin a run and take it as far as it goes.

    Args:
        journey: Which, in the version that is live.
        person_id: Who.
        trigger: What brings them.
        moment: Now, and what is true of them.
        earlier: Their runs in this journey, of any version.
        started_at: When the journey was started: what happened before it brings nobody in.
    """
    refused = _refused(journey, trigger, moment, earlier, started_at)
    if refused is not None:
        return refused
    # What is stated to happen later has happened now at the latest.
    at = min(trigger.at, moment.now) if trigger.kind != "date" else trigger.at
    run = Run(
        run_id=run_id_for(journey.name, person_id, trigger),
        journey=journey.name,
        version=journey.version,
        person_id=person_id,
        key=trigger.key,
        slot=1 + max((one.slot for one in earlier if one.key == trigger.key), default=0),
        step=journey.first,
        entered_at=at,
        arrived_at=at,
        entry={"trigger": trigger.kind, "trigger_id": trigger.id, **trigger.entry},
    )
    return _begun(journey, run, moment)


def _begun(journey: Journey, run: Run, moment: Moment) -> Advanced:
    experiment = f"journey/{journey.name}"
    assigned = assign(experiment, run.person_id, weights={"in": 1}, holdout=journey.holdout)
    entered = Note(
        step="enter", kind="enter", at=moment.now, did="entered", saw={**run.entry, "key": run.key}
    )
    told = Tell(
        step="enter",
        event="Experiment Exposed",
        properties={"experiment": experiment, "arm": assigned.arm},
    )
    if assigned.arm == HOLDOUT:
        held = msgspec.structs.replace(
            run, state="holdout", outcome=HOLDOUT, step=None, ended_at=moment.now
        )
        kept = msgspec.structs.replace(entered, did="entered, and is held out: gets nothing")
        return Advanced(run=held, effects=[told], notes=[kept])
    # The event that brings somebody in is not the one that they are waited for.
    done = advance(journey, run, _without_event(moment))
    effects = [told, *done.effects] if journey.holdout else done.effects
    return Advanced(run=done.run, effects=effects, notes=[entered, *done.notes])


def _without_event(moment: Moment) -> Moment:
    """The same moment without its event."""
    return Moment(
        now=moment.now, zone=moment.zone, known=moment.known, quiet_hours=moment.quiet_hours
    )


def _refused(
    journey: Journey,
    trigger: Trigger,
    moment: Moment,
    earlier: Sequence[Earlier],
    started_at: int,
) -> Refused | None:
    rule = journey.body.enter
    same = [one for one in earlier if one.key == trigger.key]
    if trigger.at < started_at:
        return Refused("before_start", "it happened before the journey was started")
    if moment.now - trigger.at > micros_of(rule.late):
        return Refused("too_late", f"it became known more than {rule.late} after it happened")
    if any(one.is_active for one in same):
        return Refused("already_in", "is in this journey already")
    if same and rule.again == "never":
        return Refused("was_in", "was in this journey before")
    if same and rule.again != "always":
        last = max(one.entered_at for one in same)
        if trigger.at - last < micros_of(rule.again):
            return Refused("was_in", f"was in this journey less than {rule.again} before")
    if rule.when is not None and not moment.known[rule.when].holds:
        return Refused("condition", f"is not true: {rule.when}")
    return None
