"""Unsubscribing and taking it back: consent, suppression and the event, in one place.

A message's id comes in, known from a signed link. Consent for the message's purpose is withdrawn
and the address suppressed at once, in one transaction; the event log is told afterwards.

Also when a scanner was at the message's links just then, and may have pressed the button: a request
to leave must be honoured (RFC 8058), and nobody is harmed by a mail that does not come. Only the
event says so (`doubtful`), for whoever counts, or asks the person in another way.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from vocative.clock import to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.deliver.feedback.visits import machine_around
from vocative.deliver.recipient import Recipient, address_hashes, find_recipient
from vocative.privacy import consent, suppression
from vocative.stores import Transaction
from vocative.workspace import Workspace

_MEDIUM = "email"
_ADDRESSES = [(_MEDIUM, "email")]

Source = Literal["one-click", "unsubscribe page"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where the person that a message went to stands now."""

    recipient: Recipient
    unsubscribed: bool


def standing(workspace: Workspace, message_id: str) -> Standing | None:
    """Whether the person has unsubscribed; None when the message or person is gone."""
    with workspace.store.read() as tx:
        return _standing(workspace, tx, message_id)


def unsubscribe(workspace: Workspace, message_id: str, *, source: Source) -> Standing | None:
    """Withdraw consent and suppress the address; None when the message or person is gone."""
    return _change(workspace, message_id, "withdrawn", source)


def resubscribe(workspace: Workspace, message_id: str) -> Standing | None:
    """Take an unsubscribe back; other reasons not to write stay."""
    return _change(workspace, message_id, "given", "unsubscribe page")


def _change(
    workspace: Workspace, message_id: str, status: consent.Status, source: Source
) -> Standing | None:
    now = workspace.clock.now()
    with workspace.store.transaction() as tx:
        found = find_recipient(tx, message_id)
        if found is None:
            return None
        evidence = {"message_id": message_id}
        doubtful = machine_around(tx, message_id, now) if status == "withdrawn" else None
        if doubtful is not None:
            evidence["doubtful"] = doubtful
        change = consent.Consent(
            person_id=found.person_id,
            origin=found.origin,
            purpose=found.purpose,
            channel=_MEDIUM,
            status=status,
            at=now,
            source=source,
            evidence=evidence,
        )
        consent.record(tx, change)
        hashes = [one for _, one in address_hashes(workspace, tx, found, _ADDRESSES)]
        if status == "withdrawn":
            suppression.add(tx, [_suppressed(one, message_id, now) for one in hashes])
        else:
            for one in hashes:
                suppression.remove(tx, one, channel=_MEDIUM, reason="unsubscribe")
    accept(workspace, [_event(found, change)], source=OWN_SOURCE)
    return Standing(recipient=found, unsubscribed=status == "withdrawn")


def _standing(workspace: Workspace, tx: Transaction, message_id: str) -> Standing | None:
    found = find_recipient(tx, message_id)
    if found is None:
        return None
    person_id = found.person_id
    stated = consent.latest(tx, [person_id], purpose=found.purpose, channel=_MEDIUM).get(person_id)
    reasons = [
        reason
        for channel, one in address_hashes(workspace, tx, found, _ADDRESSES)
        for reason in suppression.find(tx, one, channel=channel)
    ]
    return Standing(
        recipient=found,
        unsubscribed=(stated is not None and stated.status == "withdrawn")
        or any(reason.reason == "unsubscribe" for reason in reasons),
    )


def _suppressed(address_hash: str, message_id: str, at: datetime) -> suppression.Suppression:
    return suppression.Suppression(
        address_hash=address_hash,
        channel=_MEDIUM,
        reason="unsubscribe",
        source=f"message {message_id}",
        added_at=at,
    )


def _event(found: Recipient, change: consent.Consent) -> dict[str, Any]:
    """The same change as an event; applying it adds no second row, its consent id is the same."""
    return {
        "type": "track",
        "event": "Unsubscribed" if change.status == "withdrawn" else "Consent Given",
        "messageId": f"{change.status}-{found.message_id}-{to_micros(change.at)}",
        "timestamp": change.at.isoformat(),
        "context": {"personId": found.profile},
        "properties": {
            "campaign": found.campaign,
            "message_id": found.message_id,
            "purpose": found.purpose,
            "channel": _MEDIUM,
            "source": change.source,
            **{name: why for name, why in change.evidence.items() if name == "doubtful"},
        },
    }
