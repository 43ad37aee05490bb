"""Versions of journeys: starting one, pausing, what becomes of people who are in an older one.

A version never changes once it was started. Starting the same text again only ends a pause.
"""

import msgspec

from vocative.campaign.journeys import state
from vocative.campaign.journeys.definition import (
    InFlight,
    Journey,
    compile_journey,
    kept_definition,
    read_journey,
)
from vocative.campaign.journeys.state import QUERIES, Kept, Version
from vocative.campaign.journeys.stepping import end, move
from vocative.clock import to_micros
from vocative.compose.kept import load_to_send
from vocative.errors import StateError, unknown_name
from vocative.identify.apply import CONSUMER as IDENTIFY
from vocative.segment import Plan, build_plan
from vocative.stores import Transaction
from vocative.workspace import Workspace

LOCK = "journeys"
EVENTS, CHANGES = "journeys", "journeys_segments"
"""How far the log and the changes of segments are looked through, in `stream_offsets`."""
_PAGE = 500


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """What starting a journey did."""

    journey: str
    version: int
    is_new: bool
    """Whether this is a version that was not there before."""
    moved: int = 0
    """People who went over into it."""
    ended: int = 0
    """People of older versions whose way ended."""
    stayed: int = 0
    """People who finish the version they are in."""


def start(workspace: Workspace, journey: str, *, in_flight: InFlight | None = None) -> Started:
    """Start a journey as its file says it now, or let a paused one go on.

    Args:
        workspace: Whose.
        journey: Its name.
        in_flight: What becomes of people in an older version; what the file says unless told.

    Raises:
        UnknownName: there is no such journey.
        AuthorError: its definition is wrong; then nothing changes.
    """
    drafted = read_journey(workspace, journey)
    for step in drafted.steps.values():
        if step.kind == "send":
            load_to_send(workspace, step.body.template)
    body = msgspec.to_builtins(drafted.body)
    now = to_micros(workspace.clock.now())
    with workspace.worker_lock(LOCK), workspace.store.transaction() as tx:
        latest = _latest(tx, journey)
        if latest is not None and latest.definition == body:
            _set_status(tx, latest, "live")
            _look_from_here(tx, except_for=journey)
            return Started(journey=journey, version=latest.version, is_new=False)
        version = 1 if latest is None else latest.version + 1
        _look_from_here(tx, except_for=journey)
        if latest is not None:
            _set_status(tx, latest, "replaced")
        tx.run(
            QUERIES["add_version"],
            {
                "journey": journey,
                "version": version,
                "definition": msgspec.json.encode(body).decode(),
                "at": now,
            },
        )
        compiled = compile_journey(
            workspace, kept_definition(journey, version, body), build_plan(workspace),
            version=version,
        )  # fmt: skip
        return _settle(tx, compiled, in_flight or drafted.body.in_flight, now)


def pause(workspace: Workspace, journey: str) -> Version:
    """Let nobody enter a journey and nobody go on in it until it is started again.

    Goals and exit rules still end runs meanwhile.

    Raises:
        UnknownName: there is no such journey.
        StateError: it was never started.
    """
    with workspace.worker_lock(LOCK), workspace.store.transaction() as tx:
        latest = _latest(tx, journey)
        if latest is None:
            known = workspace.definitions("journey")
            if journey not in known:
                raise unknown_name("journey", journey, known)
            raise StateError(
                f"the journey {journey} was never started",
                hint=f"start it with `vocative journey start {journey}`",
            )
        _set_status(tx, latest, "paused")
        return msgspec.structs.replace(latest, status="paused")


def compiled(workspace: Workspace, version: Version, plan: Plan) -> Journey:
    """A version that was started, ready for stepping.

    Raises:
        AuthorError: it names something that is gone since.
    """
    definition = kept_definition(version.journey, version.version, version.definition)
    return compile_journey(workspace, definition, plan, version=version.version)


def _latest(tx: Transaction, journey: str) -> Version | None:
    found = state.versions(tx, journey)
    return found[-1] if found else None


def _set_status(tx: Transaction, version: Version, status: str) -> None:
    named = {"journey": version.journey, "version": version.version, "status": status}
    tx.run(QUERIES["set_status"], named)


def _look_from_here(tx: Transaction, *, except_for: str) -> None:
    """What came in while no journey looked brings nobody in."""
    others = [
        one for one in state.versions(tx) if one.status != "replaced" and one.journey != except_for
    ]
    if others or _was_looked_at(tx, except_for):
        return
    state.set_position(tx, EVENTS, state.position(tx, IDENTIFY))
    last = tx.value("SELECT max(seq) FROM membership_changes")
    state.set_position(tx, CHANGES, int(last or 0))


def _was_looked_at(tx: Transaction, journey: str) -> bool:
    """Whether a version of the journey looks already, so that nothing may be passed over."""
    latest = _latest(tx, journey)
    return latest is not None


def _settle(tx: Transaction, journey: Journey, in_flight: InFlight, now: int) -> Started:
    """Do with people in older versions as the policy says."""
    told = {"moved": 0, "ended": 0, "stayed": 0}
    after = ""
    while page := state.active_runs(tx, journey.name, after=after, most=_PAGE):
        after = page[-1].run.run_id
        if in_flight == "finish":
            told["stayed"] += len(page)
            continue
        changed: list[Kept] = []
        for one in page:
            if in_flight == "move":
                outcome = move(journey, one.run, now)
            else:
                outcome = end(one.run, "version_replaced", "a new version was started", now)
            told["moved" if outcome.run.state == "active" else "ended"] += 1
            changed.append(one.after(outcome))
        state.write_runs(tx, changed)
        withdraw(tx, changed, now)
    return Started(journey=journey.name, version=journey.version, is_new=True, **told)


def withdraw(tx: Transaction, runs: list[Kept], now: int) -> None:
    """Take back messages that have not left, of people who left a journey before its end."""
    rows = [
        {"message_id": message_id, "at": now}
        for one in runs
        if one.run.state == "exited"
        for message_id in one.run.sent.values()
    ]
    tx.run(QUERIES["withdraw"], rows)
