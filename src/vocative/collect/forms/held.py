"""Submissions that are hardly a person's: kept aside, encrypted, until somebody looks at them.

Released, one goes through the same door as all others and counts from when it was sent. Kept aside
for a month, it is forgotten: nobody missed it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.collect.door import OWN_SOURCE, accept
from vocative.collect.forms.guard import REASONS
from vocative.errors import PrivacyError, UnknownName
from vocative.sealing import seal, unseal
from vocative.stores import Transaction
from vocative.workspace import Workspace

KEPT = timedelta(days=30)
MOST_HELD = 10_000
"""Of one form: of a flood the rest says nothing new."""


class HeldSubmission(msgspec.Struct, frozen=True, kw_only=True):
    """A submission that is kept aside."""

    submission: str
    form: str
    held_at: datetime
    reason: str
    words: str


def hold(
    workspace: Workspace,
    form: str,
    submission: str,
    reason: str,
    events: Sequence[Mapping[str, Any]],
) -> None:
    """Keep a submission aside; once it is, it stays as it is.

    Args:
        workspace: Where.
        form: Which form was sent.
        submission: Its id.
        reason: One of `REASONS`.
        events: What it would have told.

    Raises:
        StoreBusy, StoreError: it is not kept.
    """
    now = workspace.clock.now()
    with workspace.store.transaction(durable=True) as tx:
        tx.run(
            "DELETE FROM held_submissions WHERE form = :form AND held_at < :before",
            {"form": form, "before": to_micros(now - KEPT)},
        )
        held = int(
            tx.value(
                "SELECT count(*) FROM held_submissions WHERE form = :form AND state = 'held'",
                {"form": form},
            )
        )
        if held >= MOST_HELD:
            return
        tx.run(
            "INSERT INTO held_submissions (submission_id, form, held_at, reason, state, sealed)"
            " VALUES (:submission, :form, :now, :reason, 'held', :sealed)"
            " ON CONFLICT (submission_id) DO NOTHING",
            {
                "submission": submission,
                "form": form,
                "now": to_micros(now),
                "reason": reason,
                "sealed": seal(
                    workspace.key.link, msgspec.json.encode(events), _label(form, submission)
                ),
            },
        )


def held_submissions(tx: Transaction, form: str, *, limit: int) -> list[HeldSubmission]:
    """What is kept aside of a form, newest first."""
    rows = tx.rows(
        "SELECT submission_id, form, held_at, reason FROM held_submissions"
        " WHERE form = :form AND state = 'held' ORDER BY held_at DESC, submission_id LIMIT :limit",
        {"form": form, "limit": limit},
    )
    return [
        HeldSubmission(
            submission=row["submission_id"],
            form=row["form"],
            held_at=from_micros(row["held_at"]),
            reason=row["reason"],
            words=REASONS[row["reason"]],
        )
        for row in rows
    ]


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a submission that was kept aside."""

    submission: str
    form: str
    state: str
    """released or discarded."""


def release_submission(workspace: Workspace, submission: str) -> Decided:
    """Take in a submission that was kept aside: it was a person's after all.

    Args:
        workspace: Where.
        submission: Its id, as `vocative form submissions` shows it.

    Raises:
        UnknownName: nothing of this id is kept aside.
        LogError: it is not taken in, and stays where it is.
    """
    row = _held(workspace, submission)
    label = _label(row["form"], submission)
    plain = unseal(workspace.key.link, bytes(row["sealed"]), label)
    if plain is None:
        raise PrivacyError(
            "this submission cannot be opened with the workspace's key",
            hint="use the key that it was kept with",
        )
    # Told twice after a crash in between, its events count once.
    accept(workspace, msgspec.json.decode(plain, type=list[dict[str, Any]]), source=OWN_SOURCE)
    return _decide(workspace, row, "released")


def discard_submission(workspace: Workspace, submission: str) -> Decided:
    """Forget a submission that was kept aside.

    Args:
        workspace: Where.
        submission: Its id, as `vocative form submissions` shows it.

    Raises:
        UnknownName: nothing of this id is kept aside.
    """
    return _decide(workspace, _held(workspace, submission), "discarded")


def _held(workspace: Workspace, submission: str) -> dict[str, Any]:
    with workspace.store.read() as tx:
        row = tx.row(
            "SELECT submission_id, form, sealed FROM held_submissions"
            " WHERE submission_id = :submission AND state = 'held'",
            {"submission": submission},
        )
    if row is None:
        raise UnknownName(
            f"no submission {submission[:40]!r} is kept aside",
            hint="run `vocative form submissions NAME` to see which are",
        )
    return row


def _decide(workspace: Workspace, row: Mapping[str, Any], state: str) -> Decided:
    with workspace.store.transaction() as tx:
        # What it said is not needed here any more.
        tx.run(
            "UPDATE held_submissions SET state = :state, sealed = :nothing"
            " WHERE submission_id = :submission",
            {"state": state, "nothing": b"", "submission": row["submission_id"]},
        )
    return Decided(submission=row["submission_id"], form=row["form"], state=state)


def _label(form: str, submission: str) -> bytes:
    return f"vocative held submission|{form}|{submission}".encode()
