"""What came back of messages, joined to the ledger: events, and addresses to leave alone.

`Report`s of mails and webhooks come in. The log is told first, then, in one transaction, each is
noted in `returns` and the address suppressed where that follows. Done again after a crash, or with
a report that comes twice or by two ways, nothing counts twice.

Only addresses of the person whom the message went to are ever suppressed, whatever a report says:
anybody may write to the address that bounces go to.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.deliver.feedback.returned_mail import Report
from vocative.deliver.feedback.settings import Soft
from vocative.deliver.recipient import Recipient, address_hashes, find_recipient
from vocative.ids import event_id_for
from vocative.privacy import suppression
from vocative.stores import Transaction, load_queries
from vocative.workspace import Workspace

QUERIES = load_queries(Path(__file__).parent, "returns")
_MEDIUM = "email"
_ADDRESSES = [(_MEDIUM, "email")]
_EVENTS = {
    "hard": "Email Bounced",
    "soft": "Email Bounced",
    "block": "Email Bounced",
    "complaint": "Email Marked as Spam",
    "delayed": "Email Delayed",
    "auto_reply": "Email Auto-Replied",
    "challenge": "Email Challenged",
}


class TakenIn(msgspec.Struct, frozen=True, kw_only=True):
    """What became of some reports."""

    reports: int = 0
    noted: int = 0
    """New, of messages that we know."""
    doubled: int = 0
    """Noted before."""
    unknown: int = 0
    """Of no message that we know, or of nothing that happened to one."""
    suppressed: int = 0
    """Addresses that are left alone because of them, for a while or for good."""


class _Return(msgspec.Struct, frozen=True, kw_only=True):
    """A report of a message that we know."""

    return_id: str
    report: Report
    recipient: Recipient
    address_hash: str | None


def take_in(
    workspace: Workspace, reports: Sequence[Report], *, source: str, soft: Soft | None = None
) -> TakenIn:
    """Note reports and do what follows from them.

    Args:
        workspace: Whose messages.
        reports: Of one mail or call.
        source: By which way: `mailbox`, `ses`, `sendgrid`, `mailgun`, `postmark`.
        soft: When soft bounces add up; the settings' default unless told.

    Raises:
        LogError, StoreError: not everything is durable; taking them in again is safe.
    """
    now = workspace.clock.now()
    with workspace.store.read() as tx:
        found = [one for report in reports if (one := _known(workspace, tx, report)) is not None]
        campaigns = {
            one.recipient.message_id: tx.row(
                QUERIES["campaign_of"], {"message_id": one.recipient.message_id}
            )
            for one in found
        }
    events = [_event(one, campaigns[one.recipient.message_id] or {}, source, now) for one in found]
    if events:
        # First the log, then the note: events that are told again are known by their ids.
        accept(workspace, events, source=OWN_SOURCE)
    noted = suppressed = 0
    with workspace.store.transaction() as tx:
        for one in found:
            if tx.run(QUERIES["note"], _row(one, source, now)):
                noted += 1
                suppressed += _suppress(tx, one, soft or Soft(), now)
    return TakenIn(
        reports=len(reports),
        noted=noted,
        doubled=len(found) - noted,
        unknown=len(reports) - len(found),
        suppressed=suppressed,
    )


def _known(workspace: Workspace, tx: Transaction, report: Report) -> _Return | None:
    if report.kind not in _EVENTS or report.message_id is None:
        return None
    recipient = find_recipient(tx, report.message_id)
    if recipient is None:
        return None
    told = f"{report.message_id}:{report.kind}"
    return _Return(
        return_id=event_id_for("return", told),
        report=report,
        recipient=recipient,
        address_hash=_own_address(workspace, tx, report, recipient),
    )


def _own_address(
    workspace: Workspace, tx: Transaction, report: Report, recipient: Recipient
) -> str | None:
    """The hash of the address that the report is about, if it is the person's."""
    own = [one for _, one in address_hashes(workspace, tx, recipient, _ADDRESSES)]
    if report.recipient is None:
        return own[0] if len(own) == 1 else None
    told = suppression.address_hash(workspace.vault, _MEDIUM, report.recipient)
    return told if told in own else None


def _event(one: _Return, campaign: dict[str, Any], source: str, now: datetime) -> dict[str, Any]:
    report = one.report
    at = min(report.at or now, now)
    properties = {
        **campaign,
        "message_id": one.recipient.message_id,
        "reason": report.reason,
        "rule": report.rule,
        "source": source,
    }
    if report.status is not None:
        properties["status"] = report.status
    if _EVENTS[report.kind] == "Email Bounced":
        properties["bounce_type"] = report.kind
    return {
        "type": "track",
        "event": _EVENTS[report.kind],
        "messageId": one.return_id,
        "timestamp": at.isoformat(),
        "context": {"personId": one.recipient.profile},
        "properties": properties,
    }


def _row(one: _Return, source: str, now: datetime) -> dict[str, Any]:
    return {
        "return_id": one.return_id,
        "message_id": one.recipient.message_id,
        "person_id": one.recipient.profile,
        "address_hash": one.address_hash,
        "channel": _MEDIUM,
        "kind": one.report.kind,
        "reason": one.report.reason,
        "rule": one.report.rule,
        "status": one.report.status,
        "source": source,
        "noted_at": to_micros(now),
    }


def _suppress(tx: Transaction, one: _Return, soft: Soft, now: datetime) -> bool:
    """Leave the address alone where that follows."""
    if one.address_hash is None:
        return False
    reason: suppression.Reason
    expires_at = None
    if one.report.kind == "complaint":
        reason = "complaint"
    elif one.report.kind == "hard":
        reason = "bounce"
    elif one.report.kind == "soft" and _adds_up(tx, one.address_hash, soft, now):
        reason, expires_at = "soft_bounce", now + timedelta(days=soft.pause_days)
    else:
        return False
    suppression.add(
        tx,
        suppression.Suppression(
            address_hash=one.address_hash,
            channel=_MEDIUM,
            reason=reason,
            source=f"message {one.recipient.message_id}",
            added_at=now,
            expires_at=expires_at,
        ),
    )
    return True


def _adds_up(tx: Transaction, address_hash: str, soft: Soft, now: datetime) -> bool:
    """Whether so many messages bounced softly of late; those before a pause do not count again."""
    since = now - timedelta(days=soft.within_days)
    bounced = tx.value(
        QUERIES["soft_bounces"],
        {"address_hash": address_hash, "since": to_micros(since), "now": to_micros(now)},
    )
    return int(bounced) >= soft.limit
