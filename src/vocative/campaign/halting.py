"""The kill switch: nothing of one campaign, or nothing at all, is sent until it is taken back.

It is looked at before anything is begun and, by every sender, while it sends. What is in flight
is finished; what is left waits in the ledger.
"""

import getpass
from datetime import datetime

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.errors import StateError
from vocative.privacy import audit
from vocative.stores import Transaction
from vocative.workspace import Workspace

EVERYTHING = "*"


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """Something that must not be sent."""

    campaign: str | None
    """None: everything."""
    at: datetime
    by: str
    reason: str


class Halts(msgspec.Struct, frozen=True, kw_only=True):
    """What must not be sent now."""

    everything: bool
    halts: list[Halt]


def halt(
    workspace: Workspace, *, campaign: str | None = None, reason: str = "", by: str | None = None
) -> Halts:
    """Stop sending at once: one campaign, or everything.

    Journeys and mails of double opt-in stop, too, when everything does.

    Args:
        workspace: Where.
        campaign: Which; everything unless told.
        reason: Why, for whoever wonders; kept in the audit trail.
        by: Who says so; the user of the machine unless told.
    """
    now, who = workspace.clock.now(), by or getpass.getuser()
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO sending_halts (scope, at, actor, reason)"
            " VALUES (:scope, :at, :actor, :reason) ON CONFLICT (scope) DO NOTHING",
            {
                "scope": campaign or EVERYTHING,
                "at": to_micros(now),
                "actor": who,
                "reason": reason[:500],
            },
        )
        audit.append(
            tx, at=now, actor=who, action=f"halted: {reason[:500]}", subject=_subject(campaign)
        )
    return list_halts(workspace)


def unhalt(workspace: Workspace, *, campaign: str | None = None, by: str | None = None) -> Halts:
    """Take a halt back; what waits is sent from now on.

    Args:
        workspace: Where.
        campaign: Which; the halt of everything unless told.
        by: Who says so; the user of the machine unless told.

    Raises:
        StateError: there is no such halt.
    """
    now, who = workspace.clock.now(), by or getpass.getuser()
    with workspace.store.transaction() as tx:
        scope = {"scope": campaign or EVERYTHING}
        if not tx.run("DELETE FROM sending_halts WHERE scope = :scope", scope):
            raise StateError(
                f"{_subject(campaign)} is not halted", hint="see `vocative campaign halts`"
            )
        audit.append(tx, at=now, actor=who, action="took a halt back", subject=_subject(campaign))
    return list_halts(workspace)


def list_halts(workspace: Workspace) -> Halts:
    """What must not be sent now."""
    with workspace.store.read() as tx:
        rows = tx.rows("SELECT scope, at, actor, reason FROM sending_halts ORDER BY scope")
    return Halts(
        everything=any(row["scope"] == EVERYTHING for row in rows),
        halts=[
            Halt(
                campaign=None if row["scope"] == EVERYTHING else row["scope"],
                at=from_micros(row["at"]),
                by=row["actor"],
                reason=row["reason"],
            )
            for row in rows
        ],
    )


def halted(tx: Transaction, campaign: str) -> str | None:
    """Who halted a campaign or everything and why, in words; None: it is not."""
    row = tx.row(
        "SELECT scope, actor, reason FROM sending_halts WHERE scope IN ('*', :campaign)"
        " ORDER BY scope LIMIT 1",
        {"campaign": campaign},
    )
    if row is None:
        return None
    what = "everything" if row["scope"] == EVERYTHING else row["scope"]
    return f"{what} was halted by {row['actor']}" + (f": {row['reason']}" if row["reason"] else "")


def refuse_halted(tx: Transaction, campaign: str) -> None:
    """Begin nothing that is halted.

    Raises:
        StateError: it is.
    """
    why = halted(tx, campaign)
    if why is not None:
        raise StateError(why, hint="`vocative campaign unhalt` takes it back")


def _subject(campaign: str | None) -> str:
    return f"campaign {campaign}" if campaign else "sending of everything"
