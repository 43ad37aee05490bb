"""What happens when the owner of an address confirms it.

The id of a message comes in, known from a signed link. Out goes what waited since the form was
sent: who it is, the consents with their proof, and that they were confirmed. An earlier unsubscribe
of the address ends: its owner has just asked for mails.
"""

from typing import Any, Literal

import msgspec

from vocative.clock import to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.collect.forms.submission import CONFIRMED, Waiting, consent_properties
from vocative.deliver.opt_in.planning import CAMPAIGN, Decision
from vocative.deliver.opt_in.waiting import find_waiting
from vocative.privacy import consent, suppression
from vocative.stores import Transaction
from vocative.workspace import Workspace


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A question that was asked, and where it stands."""

    message_id: str
    person_id: str
    decision: Decision
    state: Literal["open", "confirmed", "expired"]


def find_request(workspace: Workspace, message_id: str) -> Request | None:
    """What a link asks; None when the message or the person is gone."""
    with workspace.store.read() as tx:
        row = tx.row(
            "SELECT COALESCE(p.merged_into, p.person_id) AS person_id, m.decision"
            " FROM messages m JOIN profiles p ON p.person_id = m.person_id"
            " WHERE m.message_id = :message_id AND m.campaign = :campaign",
            {"message_id": message_id, "campaign": CAMPAIGN},
        )
        if row is None:
            return None
        person_id = str(row["person_id"])
        decision = msgspec.json.decode(row["decision"], type=Decision)
        state: Literal["open", "confirmed", "expired"] = "open"
        if _is_confirmed(tx, person_id, decision.submission):
            state = "confirmed"
        elif to_micros(workspace.clock.now()) > decision.expires_at:
            state = "expired"
    return Request(message_id=message_id, person_id=person_id, decision=decision, state=state)


def _is_confirmed(tx: Transaction, person_id: str, submission: str) -> bool:
    return any(
        stated.status == "given" and stated.evidence.get("submission") == submission
        for stated in consent.history(tx, person_id)
    )


def confirm(workspace: Workspace, request: Request, *, network: str | None) -> bool:
    """Let what waited count; doing it twice is doing it once.

    Args:
        workspace: Where.
        request: An open one.
        network: Where the confirmation comes from, as a keyed hash.

    Returns:
        Whether there was anything to confirm: the log keeps events for replay, not for ever.

    Raises:
        LogError, StoreError: it is not confirmed, and can be tried again.
    """
    decision = request.decision
    waiting = find_waiting(workspace.log, decision.position, decision.submission)
    if waiting is None:
        return False
    with workspace.store.transaction() as tx:
        suppression.remove(tx, decision.address_hash, channel="email", reason="unsubscribe")
    accept(workspace, _events(workspace, request, waiting, network), source=OWN_SOURCE)
    return True


def _events(
    workspace: Workspace, request: Request, waiting: Waiting, network: str | None
) -> list[dict[str, Any]]:
    submission, at = request.decision.submission, workspace.clock.now().isoformat()
    proof = {**waiting.proof, "message_id": request.message_id}
    if network is not None:
        proof["confirmed_from"] = network
    who = {"timestamp": at, "context": {"personId": request.person_id}}
    given = [
        {
            **who,
            "type": "track",
            "event": "Consent Given",
            "messageId": f"form-{submission}-given-{consent.purpose}",
            "properties": consent_properties(consent, proof),
        }
        for consent in waiting.consents
    ]
    return [
        {
            "type": "identify",
            "messageId": f"form-{submission}-confirmed-who",
            "timestamp": at,
            "anonymousId": waiting.anonymous_id,
            "traits": {**waiting.traits, "email": waiting.email},
        },
        *given,
        *_left_behind(waiting, proof, at),
        {
            **who,
            "type": "track",
            "event": CONFIRMED,
            "messageId": f"form-{submission}-confirmed",
            "properties": {
                "form": waiting.proof["form"],
                "version": waiting.proof["version"],
                "submission": submission,
            },
        },
    ]


def _left_behind(waiting: Waiting, proof: dict[str, str], at: str) -> list[dict[str, Any]]:
    """That the address which this one takes the place of gets nothing of it any more."""
    if waiting.moves_from is None:
        return []
    return [
        {
            "type": "track",
            "event": "Consent Withdrawn",
            "messageId": f"form-{proof['submission']}-left-{consent.purpose}",
            "timestamp": at,
            "context": {"personId": waiting.moves_from},
            "properties": consent_properties(consent, proof),
        }
        for consent in waiting.consents
    ]
