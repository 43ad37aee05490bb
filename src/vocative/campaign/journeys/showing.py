"""What can be asked of journeys: which there are, who is where, and why they are there."""

from datetime import datetime
from typing import Any

import msgspec

from vocative.campaign.explain import find_person
from vocative.campaign.journeys import state
from vocative.campaign.journeys.definition import API_EVENT, read_journey
from vocative.campaign.journeys.handing import hand_over
from vocative.campaign.journeys.run import Note, Run
from vocative.campaign.journeys.runner import JourneyRunner
from vocative.campaign.journeys.state import QUERIES, Kept
from vocative.campaign.journeys.versions import compiled
from vocative.clock import from_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.errors import AuthorError, StateError, UnknownName, unknown_name
from vocative.ids import event_id_for
from vocative.segment import advance as bring_up_to_date
from vocative.segment import build_plan
from vocative.stores import Transaction
from vocative.workspace import Workspace
from vocative.workspace.paging import part_of

PAGE = 50
MOST = 500
_MOST_ROUNDS = 20


class JourneySummary(msgspec.Struct, frozen=True, kw_only=True):
    """One journey in a list."""

    journey: str
    describe: str
    status: str
    """`draft`, `live` or `paused`."""
    version: int
    """0: never started."""
    changed: bool
    """Whether its file says something else than the version that was started last."""
    started_at: datetime | None = None
    active: int = 0
    finished: int = 0
    exited: int = 0
    holdout: int = 0
    broken: str | None = None
    """Why it cannot go on."""


class StepShown(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a journey."""

    id: str
    kind: str
    next: str | None
    arms: dict[str, str | None]
    waiting: int
    """People who are there now."""


class JourneyShown(msgspec.Struct, frozen=True, kw_only=True):
    """A journey with its steps."""

    summary: JourneySummary
    steps: list[StepShown]
    definition: dict[str, Any]


class RunShown(msgspec.Struct, frozen=True, kw_only=True):
    """One person's way, as it stands."""

    run_id: str
    person_id: str
    version: int
    key: str
    state: str
    outcome: str | None
    step: str | None
    entered_at: datetime
    wake_at: datetime | None
    ended_at: datetime | None
    reached_at: datetime | None
    """When the goal was reached."""
    messages: dict[str, str]
    """The message of each step that has planned one, by id."""


class RunPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of runs, the latest to enter first."""

    runs: list[RunShown]
    next: str | None


class NoteShown(msgspec.Struct, frozen=True, kw_only=True):
    """What happened at one step."""

    at: datetime
    step: str
    kind: str
    did: str
    saw: dict[str, Any]


class MessageShown(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message."""

    message_id: str
    step: str
    state: str
    reason: str | None


class RunExplained(msgspec.Struct, frozen=True, kw_only=True):
    """A run, everything that happened in it, and its messages."""

    run: RunShown
    notes: list[NoteShown]
    messages: list[MessageShown]


class JourneyExplained(msgspec.Struct, frozen=True, kw_only=True):
    """Why a person got what they got of a journey, or nothing."""

    person_id: str
    journey: str
    sentence: str
    runs: list[RunExplained]


class Advance(msgspec.Struct, frozen=True, kw_only=True):
    """What taking all journeys as far as they go did."""

    events: int
    entered: int
    ended: int
    planned: int
    accepted: int
    calls: int
    broken: dict[str, str]


class EntryAsked(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that was asked for; whether it is granted is decided by the journey's rules."""

    person_id: str
    event_id: str


def list_journeys(workspace: Workspace) -> list[JourneySummary]:
    """Journeys with their state and how many people are where."""
    definitions = workspace.definitions("journey")
    with workspace.store.read() as tx:
        kept = {one.journey: one for one in state.versions(tx)}
        counts = tx.rows(QUERIES["counts"])
    counted: dict[str, dict[str, int]] = {}
    for row in counts:
        by_state = counted.setdefault(row["journey"], {})
        by_state[row["state"]] = by_state.get(row["state"], 0) + int(row["runs"])
    found = []
    for name in sorted({*definitions, *kept}):
        drafted, broken = None, None
        if name in definitions:
            try:
                drafted = msgspec.to_builtins(read_journey(workspace, name).body)
            except AuthorError as error:
                broken = error.message
        version = kept.get(name)
        shown = drafted or (version.definition if version else {})
        found.append(
            JourneySummary(
                journey=name,
                describe=str(shown.get("describe") or ""),
                status=version.status if version else "draft",
                version=version.version if version else 0,
                changed=version is None or drafted != version.definition,
                started_at=from_micros(version.started_at) if version else None,
                broken=broken,
                **{
                    one: counted.get(name, {}).get(one, 0)
                    for one in ("active", "finished", "exited", "holdout")
                },
            )
        )
    return found


def show_journey(workspace: Workspace, journey: str) -> JourneyShown:
    """One journey: its steps, and how many people are at each.

    Args:
        workspace: Where.
        journey: Its name.

    Raises:
        UnknownName: there is no such journey.
        AuthorError: its definition is wrong.
    """
    summaries = {one.journey: one for one in list_journeys(workspace)}
    if journey not in summaries:
        raise unknown_name("journey", journey, summaries)
    with workspace.store.read() as tx:
        kept = state.versions(tx, journey)
        at = _people_at(tx, journey)
    if journey in workspace.definitions("journey"):
        found = read_journey(workspace, journey)
    else:
        found = compiled(workspace, kept[-1], build_plan(workspace))
    return JourneyShown(
        summary=summaries[journey],
        steps=[
            StepShown(
                id=step.id,
                kind=step.kind,
                next=None if step.kind == "exit" else step.next,
                arms=dict(step.arms),
                waiting=at.get(step.id, 0),
            )
            for step in found.steps.values()
        ],
        definition=msgspec.to_builtins(found.body),
    )


def check_journey(workspace: Workspace, journey: str) -> JourneyShown:
    """Check a journey's file; nothing is started.

    Args:
        workspace: Where.
        journey: Its name.

    Raises:
        UnknownName: there is no such journey, or it names something that does not exist.
        AuthorError: its definition is wrong.
    """
    read_journey(workspace, journey)
    return show_journey(workspace, journey)


def list_runs(
    workspace: Workspace,
    journey: str,
    *,
    state_is: str | None = None,
    limit: int = PAGE,
    after: str | None = None,
) -> RunPage:
    """People's ways through a journey, the latest to enter first.

    Args:
        workspace: Where.
        journey: Its name.
        state_is: Only runs that are active, finished, exited or holdout.
        limit: How many, at most 500.
        after: The `next` of the page before.

    Raises:
        UnknownName: there is no such journey.
    """
    part = part_of(after, limit, most=MOST)
    with workspace.store.read() as tx:
        _known(workspace, tx, journey)
        rows = tx.rows(
            QUERIES["page"],
            {"journey": journey, "state": state_is, "wanted": part.wanted, "skip": part.skip},
        )
    runs = [msgspec.json.decode(row["body"], type=Run) for row in rows[: part.limit]]
    return RunPage(runs=[_shown(run) for run in runs], next=part.next(len(rows)))


def explain_journey(workspace: Workspace, person: str, journey: str) -> JourneyExplained:
    """Every step that a person went through in a journey, with the values it saw.

    Args:
        workspace: Where.
        person: An id, an e-mail address or a user id.
        journey: Its name.

    Raises:
        UnknownName: there is no such journey, or nobody is known by that.
    """
    person_id = find_person(workspace, person)
    with workspace.store.read() as tx:
        _known(workspace, tx, journey)
        kept = [one for one in state.runs_of(tx, [person_id])[person_id]
                if one.run.journey == journey]  # fmt: skip
        explained = [_explained(tx, one) for one in kept]
    return JourneyExplained(
        person_id=person_id,
        journey=journey,
        sentence=_sentence(journey, kept),
        runs=explained,
    )


def request_entry(
    workspace: Workspace,
    journey: str,
    person: str,
    *,
    key: str | None = None,
    request_id: str | None = None,
) -> EntryAsked:
    """Ask that somebody enters a journey whose entry is `api: true`.

    Args:
        workspace: Where.
        journey: Its name.
        person: An id, an e-mail address or a user id.
        key: What the entry is about, for example an order.
        request_id: The same request with the same id is one request.

    Raises:
        UnknownName: there is no such journey, or nobody is known by that.
        StateError: the journey is not entered this way.
    """
    with workspace.store.read() as tx:
        _known(workspace, tx, journey)
        kept = state.versions(tx, journey)
    if not kept or not kept[-1].definition["enter"].get("api"):
        raise StateError(
            f"nobody enters {journey} by a request",
            hint="write enter: {api: true} in its file, and start it",
        )
    person_id = find_person(workspace, person)
    now = workspace.clock.now()
    message_id = f"entry-{journey}-{person_id}-{request_id or now.isoformat()}"
    event = {
        "messageId": message_id,
        "type": "track",
        "event": API_EVENT,
        "timestamp": now.isoformat(),
        "context": {"personId": person_id},
        "properties": {"journey": journey, **({"key": key} if key else {})},
    }
    accept(workspace, [event], source=OWN_SOURCE)
    return EntryAsked(person_id=person_id, event_id=event_id_for(OWN_SOURCE, message_id))


def advance_journeys(workspace: Workspace) -> Advance:
    """Take everybody in every journey as far as they go now, and send what is due.

    The server does this by itself, all the time.

    Args:
        workspace: Where.
    """
    runner = JourneyRunner(workspace)
    accepted = calls = 0
    for _ in range(_MOST_ROUNDS):
        bring_up_to_date(workspace)
        before = runner.report.events + runner.report.planned
        runner.run()
        handed = hand_over(workspace)
        accepted += handed.accepted
        calls += handed.calls
        if not handed.events and before == runner.report.events + runner.report.planned:
            break
    told = runner.report
    return Advance(
        events=told.events,
        entered=told.entered,
        ended=told.ended,
        planned=told.planned,
        accepted=accepted,
        calls=calls,
        broken=told.broken,
    )


def _known(workspace: Workspace, tx: Transaction, journey: str) -> None:
    if not state.versions(tx, journey):
        known = workspace.definitions("journey")
        if journey not in known:
            raise UnknownName(str(unknown_name("journey", journey, known).message))


def _people_at(tx: Transaction, journey: str) -> dict[str, int]:
    found: dict[str, int] = {}
    after = ""
    while page := state.active_runs(tx, journey, after=after, most=MOST):
        after = page[-1].run.run_id
        for one in page:
            found[str(one.run.step)] = found.get(str(one.run.step), 0) + 1
    return found


def _shown(run: Run) -> RunShown:
    def at(micros: int | None) -> datetime | None:
        return None if micros is None else from_micros(micros)

    return RunShown(
        run_id=run.run_id,
        person_id=run.person_id,
        version=run.version,
        key=run.key,
        state=run.state,
        outcome=run.outcome,
        step=run.step,
        entered_at=from_micros(run.entered_at),
        wake_at=at(run.wake_at),
        ended_at=at(run.ended_at),
        reached_at=at(run.reached_at),
        messages=run.sent,
    )


def _explained(tx: Transaction, one: Kept) -> RunExplained:
    messages = []
    for step, message_id in one.run.sent.items():
        row = tx.row(
            "SELECT state, reason FROM messages WHERE message_id = :id", {"id": message_id}
        )
        if row is not None:
            messages.append(MessageShown(message_id=message_id, step=step, **row))
    return RunExplained(
        run=_shown(one.run), notes=[_note(note) for note in one.notes], messages=messages
    )


def _note(note: Note) -> NoteShown:
    return NoteShown(
        at=from_micros(note.at), step=note.step, kind=note.kind, did=note.did, saw=note.saw
    )


def _sentence(journey: str, kept: list[Kept]) -> str:
    if not kept:
        return f"This person was never in {journey}."
    last = kept[-1].run
    if last.state == "active":
        return f"This person is in {journey}, at the step {last.step}."
    if last.state == "holdout":
        return f"This person is held out of {journey}: they get nothing of it."
    return f"This person was in {journey}: {str(last.outcome).replace('_', ' ')}."
