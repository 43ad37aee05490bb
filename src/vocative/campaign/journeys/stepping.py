"""A run's next steps: a state and an instant or event go in, the next state and effects come out.

Pure: the same run, journey and moment give the same answer. The live runner writes it down in one
transaction; a replay asks the same function about events of the past.
"""

from zoneinfo import ZoneInfo

import msgspec

from vocative.campaign.journeys.definition import Journey
from vocative.campaign.journeys.run import (
    Advanced,
    Effect,
    Go,
    Happened,
    Leave,
    Moment,
    Note,
    Outcome,
    Run,
    RunState,
    Stay,
)
from vocative.campaign.journeys.steps import KINDS

GOAL, EXIT_RULE = "goal", "exit_rule"


def advance(journey: Journey, run: Run, moment: Moment) -> Advanced:
    """Take a run as far as it goes now.

    With an event, rules that end the run come first; then the timers that were due before it
    happened; then the step that waits for it. So an order that was heard of late still keeps the
    reminder from being sent.

    Args:
        journey: In the version that the run is in.
        run: As it is.
        moment: Now, what is true of the person, and the event, if one brought us here.

    Returns:
        The run as it is then, what is to be done, and what to note of every step.
    """
    ended = listen(journey, run, moment)
    if ended.run.state != "active":
        return ended
    event = moment.event
    if event is None:
        return _steps(journey, run, moment)
    before = _steps(journey, run, _before(moment, event))
    after = _steps(journey, before.run, moment)
    return Advanced(
        run=after.run,
        effects=[*before.effects, *after.effects],
        notes=[*before.notes, *after.notes],
    )


def listen(journey: Journey, run: Run, moment: Moment) -> Advanced:
    """Only look whether the goal or an exit rule ends a run: what a paused journey still does."""
    ended = reached(journey, run, moment.event)
    if run.state != "active":
        return Advanced(run=ended or run)
    if ended is not None:
        return _ended(ended, GOAL, f"reached the goal: {journey.goal_words}", moment)
    left = _left_by(journey, run, moment)
    return Advanced(run=run) if left is None else _ended(run, EXIT_RULE, left, moment)


def reached(journey: Journey, run: Run, event: Happened | None) -> Run | None:
    """The run with its goal noted, if an event reaches it; None when it does not."""
    goal = journey.goal
    if goal is None or event is None or run.reached_at is not None:
        return None
    until = run.entered_at + journey.goal_micros
    if not run.entered_at <= event.at <= until:
        return None
    if not goal.meets(event.name, event.fact, run.key):
        return None
    return msgspec.structs.replace(run, reached_at=event.at)


def move(journey: Journey, run: Run, now: int) -> Advanced:
    """Take a run of another version over into a version of its journey.

    It goes on at the step with the same id, timed as that version says. Without such a step of the
    same kind it ends.
    """
    taken = msgspec.structs.replace(run, version=journey.version)
    if run.state != "active" or (run.step is not None and run.step in journey.steps):
        return Advanced(run=msgspec.structs.replace(taken, wake_at=now))
    moment = _instant(now)
    return _ended(taken, "step_removed", "its step is not in the new version", moment)


def end(run: Run, outcome: str, did: str, now: int) -> Advanced:
    """End a run from outside: another version, a merge of people, somebody's wish."""
    return _ended(run, outcome, did, _instant(now))


def _instant(now: int) -> Moment:
    return Moment(now=now, zone=ZoneInfo("UTC"))


def _before(moment: Moment, event: Happened) -> Moment:
    """The same moment without the event: only what was due before it."""
    return Moment(
        now=moment.now,
        zone=moment.zone,
        known=moment.known,
        quiet_hours=moment.quiet_hours,
        until=event.at,
    )


def _left_by(journey: Journey, run: Run, moment: Moment) -> str | None:
    """Which exit rule ends the run, in words; None: none does."""
    event = moment.event
    for rule in journey.exits:
        if rule.condition is not None:
            verdict = moment.known.get(rule.condition)
            if verdict is not None and verdict.holds:
                return f"is in {rule.segment}"
        elif (
            event is not None
            and rule.matcher is not None
            and event.at >= run.entered_at
            and rule.matcher.meets(event.name, event.fact, run.key)
        ):
            return f"{event.name} happened"
    return None


def _steps(journey: Journey, run: Run, moment: Moment) -> Advanced:
    effects: list[Effect] = []
    notes: list[Note] = []
    moved = False
    while run.state == "active":
        if run.step is None:
            done = _ended(run, "completed", "came to the end", moment, state="finished")
            run = done.run
            notes += done.notes
            break
        step = journey.steps[run.step]
        outcome: Outcome = KINDS[step.kind].take(step, run, moment)
        if isinstance(outcome, Stay):
            if moved or outcome.until != run.wake_at:
                notes.append(_note(step.id, step.kind, moment, outcome.did))
            run = msgspec.structs.replace(run, wake_at=outcome.until)
            break
        if isinstance(outcome, Leave):
            # As it was meant to: what was planned before still leaves.
            left = _ended(run, outcome.outcome, outcome.did, moment, state="finished")
            return Advanced(run=left.run, effects=effects, notes=[*notes, *left.notes])
        notes.append(_note(step.id, step.kind, moment, outcome.did, outcome))
        effects += outcome.effects
        run = msgspec.structs.replace(
            run,
            step=(step.arms[outcome.arm] if outcome.arm else None) or step.next,
            arrived_at=run.arrived_at if outcome.at is None else outcome.at,
            wake_at=None,
            chosen={**run.chosen, **outcome.chosen},
        )
        moved = True
    return Advanced(run=run, effects=effects, notes=notes)


def _note(step: str, kind: str, moment: Moment, did: str, outcome: Go | None = None) -> Note:
    saw = outcome.saw if outcome is not None else {}
    return Note(step=step, kind=kind, at=moment.now, did=did, saw=saw)


def _ended(
    run: Run, outcome: str, did: str, moment: Moment, *, state: RunState = "exited"
) -> Advanced:
    note = Note(step=run.step or "end", kind="exit", at=moment.now, did=did)
    ended = msgspec.structs.replace(
        run, state=state, outcome=outcome, step=None, wake_at=None, ended_at=moment.now
    )
    return Advanced(run=ended, notes=[note])
