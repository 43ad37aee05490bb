"""What journeys do outside the store: events onto the log, webhooks, messages to their channels.

Everything waits in `journey_effects`, written in the transaction of the step that wants it, and is
forgotten once it is done. Events carry ids that follow from the step, and webhooks the same
`webhook-id` each time, so what is done twice counts once. Messages go through the ledger.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.campaign.journeys import state
from vocative.campaign.journeys.definition import Journey
from vocative.campaign.journeys.ledgering import as_campaign, step_of
from vocative.campaign.journeys.state import Waiting
from vocative.campaign.journeys.versions import compiled
from vocative.campaign.rendering import Renderer
from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.compose.kept import load_to_send
from vocative.deliver import ledger
from vocative.deliver.channels import CHANNELS, Channel, channel_for
from vocative.deliver.ledger import LEASED, Claim, PlannedMessage
from vocative.deliver.message import OutgoingMessage, Skip
from vocative.deliver.sender import deliver
from vocative.deliver.signed_webhooks import signed_headers, webhook_key
from vocative.errors import AuthorError, VocativeError
from vocative.segment import build_plan
from vocative.stores import Row, Transaction, in_lists
from vocative.workspace import Workspace
from vocative.workspace.settings import secret

if TYPE_CHECKING:
    import httpx2

PIECE = 1_000
MOST_CALLS = 100
MOST_ATTEMPTS = 12
"""Of a webhook: the last one is some 16 hours after the first."""
CALL_SECONDS = 10.0
_AGAIN_MICROS = 5_000_000
"""After which what is in a sender's hands is looked at again."""
_NOT_LEFT = ("planned", "deferred", *LEASED)
_TOLD = {"accepted": "Email Delivered", "bounced": "Email Bounced"}


class HandedOver(msgspec.Struct, kw_only=True):
    """What was done outside the store."""

    events: int = 0
    calls: int = 0
    accepted: int = 0
    """Messages."""
    postponed: int = 0


def hand_over(workspace: Workspace, *, stop: Callable[[], bool] = lambda: False) -> HandedOver:
    """Do everything that is due.

    Args:
        workspace: Whose.
        stop: Asked in between; True finishes what is under way.

    Raises:
        LogError: events wait until the log can be written.
    """
    report = HandedOver()
    while not stop() and (told := tell_events(workspace)):
        report.events += told
    report.accepted = send_messages(workspace, stop=stop)
    while not stop() and (done := make_calls(workspace)) is not None:
        report.calls += done.calls
        report.postponed += done.postponed
    while not stop() and (told := tell_events(workspace)):
        report.events += told
    return report


def tell_events(workspace: Workspace) -> int:
    """Put events onto the log that steps have stated; how many."""
    now = to_micros(workspace.clock.now())
    with workspace.store.read() as tx:
        due = state.waiting(tx, "event", at=now, most=PIECE)
    if due:
        # Durable first, forgotten after: an event that is there twice counts once.
        accept(workspace, [one.body for one in due], source=OWN_SOURCE)
        with workspace.store.transaction() as tx:
            state.done(tx, [one.effect_id for one in due])
    return len(due)


# Webhooks


def make_calls(workspace: Workspace) -> HandedOver | None:
    """Make webhook calls that are due; None when none is."""
    now = workspace.clock.now()
    with workspace.store.read() as tx:
        due = state.waiting(tx, "call", at=to_micros(now), most=MOST_CALLS)
    if not due:
        return None
    import httpx2

    report = HandedOver()
    with httpx2.Client(timeout=CALL_SECONDS, follow_redirects=False) as client:
        for one in due:
            error = _called(client, one, int(now.timestamp()))
            with workspace.store.transaction() as tx:
                if error is None:
                    state.done(tx, [one.effect_id])
                    report.calls += 1
                else:
                    state.postpone(tx, [_again(one, error, to_micros(now))])
                    report.postponed += 1
    return report


def _called(client: "httpx2.Client", one: Waiting, stamp: int) -> str | None:
    """Call once; why it did not work, in words that hold nothing of the answer."""
    import httpx2

    content = msgspec.json.encode(one.body["told"])
    try:
        key = webhook_key(secret(one.body["secret"], setting="webhook"))
        if key is None:
            return "the webhook's secret is not whsec_ and 24 to 64 bytes in base 64"
        headers = signed_headers(key, one.effect_id, stamp, content)
        answer = client.post(one.body["url"], content=content, headers=headers)
    except AuthorError as error:
        return error.message
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return f"no answer ({type(error).__name__})"
    if answer.is_success:
        return None
    return f"answered {answer.status_code}"


def _again(one: Waiting, error: str, now: int) -> Waiting:
    attempts = one.attempts + 1
    wait = ledger.backoff(one.effect_id, attempts) // timedelta(microseconds=1)
    return msgspec.structs.replace(
        one,
        attempts=attempts,
        due_at=None if attempts >= MOST_ATTEMPTS else now + wait,
        error=error,
    )


# Messages


def send_messages(workspace: Workspace, *, stop: Callable[[], bool] = lambda: False) -> int:
    """Deliver messages that wait, and tell what became of them; how many were accepted.

    A channel that is down keeps nobody else's messages: the rest goes on, and it is tried again.
    """
    accepted = 0
    while not stop() and (due := _due(workspace)):
        accepted += _send(workspace, due, stop)
    return accepted


def _send(workspace: Workspace, due: "Sequence[_Due]", stop: Callable[[], bool]) -> int:
    mail = _JourneyMail(workspace)
    accepted = 0
    problem: VocativeError | None = None
    for (campaign, occurrence), medium in sorted(_groups(due).items()):
        if stop():
            break
        try:
            done = deliver(
                workspace,
                campaign,
                occurrence,
                mail.compose,
                _channel(workspace, medium),
                stop=stop,
                patience_seconds=0,
            )
        except VocativeError as error:
            problem = error
        else:
            accepted += done.accepted
    _settle(workspace, due)
    if problem is not None:
        raise problem
    return accepted


def _groups(due: "Sequence[_Due]") -> dict[tuple[str, str], str]:
    """The medium of each campaign and occurrence in which a message waits to leave."""
    return {
        (one.row["campaign"], one.row["occurrence"]): one.row["channel"]
        for one in due
        if one.row is not None and one.row["state"] in _NOT_LEFT
    }


class _Due(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a run waits to hear of, and its row of the ledger."""

    effect: Waiting
    row: Row | None


def _due(workspace: Workspace) -> list[_Due]:
    now = to_micros(workspace.clock.now())
    with workspace.store.read() as tx:
        effects = state.waiting(tx, "message", at=now, most=PIECE)
        rows = _rows(tx, [one.effect_id for one in effects])
    return [_Due(effect=one, row=rows.get(one.effect_id)) for one in effects]


def _rows(tx: Transaction, message_ids: Sequence[str]) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for marks, bound in in_lists(message_ids):
        rows = tx.rows(
            "SELECT message_id, campaign, occurrence, person_id, channel, purpose, arm, state,"
            " reason, handed_at, next_attempt_at, decision FROM messages"
            f" WHERE message_id IN ({marks})",
            bound,
        )
        found |= {row["message_id"]: row for row in rows}
    return found


def _settle(workspace: Workspace, due: Sequence[_Due]) -> None:
    """Tell what became of messages, and forget those of which nothing more is to be told."""
    now = workspace.clock.now()
    with workspace.store.read() as tx:
        rows = _rows(tx, [one.effect.effect_id for one in due])
    events: list[Mapping[str, Any]] = []
    over: list[str] = []
    later: list[Waiting] = []
    again: list[Row] = []
    for one in due:
        row = rows.get(one.effect.effect_id)
        if row is not None and row["state"] in _NOT_LEFT:
            due_at = max(row["next_attempt_at"] or 0, to_micros(now) + _AGAIN_MICROS)
            later.append(msgspec.structs.replace(one.effect, due_at=due_at))
            continue
        over.append(one.effect.effect_id)
        if row is not None and row["state"] in _TOLD:
            events.append(_told(row))
        elif row is not None and row["reason"] == "merged":
            again.append(row)
    if events:
        accept(workspace, events, source=OWN_SOURCE)
    with workspace.store.transaction() as tx:
        for row in again:
            _plan_for_survivor(tx, row, now=to_micros(now))
        state.postpone(tx, later)
        state.done(tx, over)


def _plan_for_survivor(tx: Transaction, row: Row, *, now: int) -> None:
    """Plan a message once more for who the person lives on as, unless it was planned for them."""
    living = tx.value(
        "SELECT merged_into FROM profiles WHERE person_id = :person", {"person": row["person_id"]}
    )
    if living is None:
        return
    decision = msgspec.json.decode(row["decision"])
    message = PlannedMessage(
        campaign=row["campaign"],
        occurrence=row["occurrence"],
        person_id=living,
        channel=row["channel"],
        purpose=row["purpose"],
        arm=row["arm"],
        decision=decision,
    )
    ledger.plan(tx, [message], at=from_micros(now))
    effect = Waiting(
        effect_id=message.message_id,
        run_id=str(decision.get("run")),
        kind="message",
        body={},
        due_at=now,
    )
    state.write_waiting(tx, [effect])


def _told(row: Row) -> dict[str, Any]:
    return {
        "messageId": f"{row['state']}-{row['message_id']}",
        "type": "track",
        "event": _TOLD[row["state"]],
        "timestamp": from_micros(row["handed_at"]).isoformat(),
        "context": {"personId": row["person_id"]},
        "properties": {"campaign": row["campaign"], "message_id": row["message_id"]},
    }


def _channel(workspace: Workspace, medium: str) -> Channel:
    """The first channel of the settings that carries a medium."""
    for name in workspace.settings.channels:
        if CHANNELS.load(name).medium == medium:
            return channel_for(workspace, name)
    raise AuthorError(
        f"vocative.yaml names no channel that carries {medium}",
        where="vocative.yaml",
        hint="a journey needs one: add `channels: {outbox_folder: {}}`",
    )


class _JourneyMail:
    """Renders messages of any version and step."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._plan = build_plan(workspace)
        with workspace.store.read() as tx:
            self._versions = {(one.journey, one.version): one for one in state.versions(tx)}
        self._journeys: dict[tuple[str, int], Journey | None] = {}

    def compose(self, claims: list[Claim]) -> list[OutgoingMessage | Skip]:
        """One message, or the reason for none, per claim."""
        by_step: dict[tuple[str, int, str], list[Claim]] = defaultdict(list)
        for claim in claims:
            decision = claim.decision
            place = (decision["journey"], decision["journey_version"], decision["step"])
            by_step[place].append(claim)
        made: dict[str, OutgoingMessage | Skip] = {}
        for (name, version, _), group in by_step.items():
            for message in self._composed(self._journey(name, version), group):
                made[message.message_id] = message
        return [made[claim.message_id] for claim in claims]

    def _composed(
        self, journey: Journey | None, claims: list[Claim]
    ) -> list[OutgoingMessage | Skip]:
        step = None if journey is None else step_of(journey, claims[0].decision)
        if journey is None or step is None:
            return [
                Skip(message_id=claim.message_id, reason="definition_broken") for claim in claims
            ]
        people = [claim.person_id for claim in claims]
        renderer = Renderer(self._workspace, as_campaign(journey, step), people, load=load_to_send)
        try:
            return renderer.compose(claims)
        except AuthorError:
            # With somebody's data it cannot be rendered: nobody else waits for that.
            return [self._alone(renderer, claim) for claim in claims]

    def _alone(self, renderer: Renderer, claim: Claim) -> OutgoingMessage | Skip:
        try:
            return renderer.compose([claim])[0]
        except AuthorError:
            return Skip(message_id=claim.message_id, reason="cannot_be_rendered")

    def _journey(self, name: str, version: int) -> Journey | None:
        key = (name, version)
        if key not in self._journeys:
            try:
                self._journeys[key] = compiled(self._workspace, self._versions[key], self._plan)
            except AuthorError:
                self._journeys[key] = None
        return self._journeys[key]
