"""Runs of campaigns as the store keeps them: which there are, how they stand, what is due.

scheduled ─► sending ⇄ waiting ─► finished
    │           │  ▲
    │           ├──┼─ paused       by somebody
    │           ├──┼─ held         the first share went badly
    └───────────┴──┴─ unapproved   more people than may be written to without approval
                └───► canceled
"""

from datetime import datetime
from typing import Literal

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.deliver.ledger import LEASED, QUERIES
from vocative.errors import UnknownName
from vocative.stores import Row, Transaction

Status = Literal[
    "scheduled", "unapproved", "sending", "waiting", "paused", "held", "canceled", "finished"
]
Unless = Literal["opened", "clicked"]


class Again(msgspec.Struct, frozen=True):
    """A run for those whom an earlier one did not move."""

    of: str
    """The earlier occurrence."""
    unless: Unless


class Approval(msgspec.Struct, frozen=True):
    """Who let a run go to how many people."""

    by: str
    people: int
    at: datetime


class Details(msgspec.Struct, frozen=True):
    """What else is known of a run."""

    again: Again | None = None
    approval: Approval | None = None
    override: str | None = None
    """Why it may go out against its pre-flight."""
    why: str | None = None
    """Why it stands still."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a campaign."""

    campaign: str
    occurrence: str
    status: Status
    planned_at: datetime
    """When it was planned, or scheduled."""
    starts_at: datetime | None
    finished_at: datetime | None
    channel: str | None
    """None: a mail server that only a command knows."""
    conductor: str | None
    """`server` or `command`: who sends."""
    details: Details

    @property
    def is_planned(self) -> bool:
        """Whether it has messages."""
        return self.status != "scheduled"


_COLUMNS = (
    "campaign, occurrence, status, planned_at, starts_at, finished_at, channel, conductor, details"
)


def find_run(tx: Transaction, campaign: str, occurrence: str) -> Run | None:
    """One run, or None."""
    row = tx.row(
        f"SELECT {_COLUMNS} FROM campaign_runs WHERE campaign = :campaign"
        " AND occurrence = :occurrence",
        {"campaign": campaign, "occurrence": occurrence},
    )
    return None if row is None else _run(row)


def get_run(tx: Transaction, campaign: str, occurrence: str) -> Run:
    """One run.

    Raises:
        UnknownName: there is no such run.
    """
    run = find_run(tx, campaign, occurrence)
    if run is None:
        raise UnknownName(
            f"the campaign {campaign!r} has no run {occurrence!r}",
            hint=f"see `vocative campaign runs {campaign}`, or start one:"
            f" vocative campaign schedule {campaign}",
        )
    return run


def list_runs(tx: Transaction, campaign: str | None = None) -> list[Run]:
    """Runs, latest first."""
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM campaign_runs"
        " WHERE CAST(:campaign AS TEXT) IS NULL OR campaign = :campaign"
        " ORDER BY planned_at DESC, campaign, occurrence",
        {"campaign": campaign},
    )
    return [_run(row) for row in rows]


def _run(row: Row) -> Run:
    return Run(
        campaign=row["campaign"],
        occurrence=row["occurrence"],
        status=row["status"],
        planned_at=from_micros(row["planned_at"]),
        starts_at=None if row["starts_at"] is None else from_micros(row["starts_at"]),
        finished_at=None if row["finished_at"] is None else from_micros(row["finished_at"]),
        channel=row["channel"],
        conductor=row["conductor"],
        details=msgspec.json.decode(row["details"] or "{}", type=Details),
    )


def write_run(tx: Transaction, run: Run, definition: str) -> bool:
    """Keep a new run, or one that was only scheduled so far; False: it is there already.

    Args:
        tx: Commits it, together with its messages.
        run: The run.
        definition: The campaign's, as JSON.
    """
    added = tx.run(
        "INSERT INTO campaign_runs (campaign, occurrence, status, definition, planned_at,"
        " starts_at, channel, conductor, details)"
        " VALUES (:campaign, :occurrence, :status, :definition, :planned_at,"
        " :starts_at, :channel, :conductor, :details)"
        " ON CONFLICT (campaign, occurrence) DO UPDATE SET status = excluded.status,"
        " definition = excluded.definition, planned_at = excluded.planned_at,"
        " starts_at = excluded.starts_at, channel = excluded.channel,"
        " conductor = excluded.conductor, details = excluded.details"
        " WHERE campaign_runs.status = 'scheduled'",
        {
            "campaign": run.campaign,
            "occurrence": run.occurrence,
            "status": run.status,
            "definition": definition,
            "planned_at": to_micros(run.planned_at),
            "starts_at": _micros(run.starts_at),
            "channel": run.channel,
            "conductor": run.conductor,
            "details": msgspec.json.encode(run.details).decode(),
        },
    )
    return added > 0


def change_run(
    tx: Transaction,
    run: Run,
    *,
    status: Status,
    came_from: tuple[Status, ...] | None = None,
    conductor: str | None = None,
    channel: str | None = None,
    details: Details | None = None,
    finished_at: datetime | None = None,
) -> bool:
    """Bring a run to another status; False when it had none of those it may come from.

    Args:
        tx: Commits it.
        run: As it was read; what is not given stays as it is there.
        status: The new one.
        came_from: Of which it must have one still; its own unless told.
        conductor: Who sends from now on.
        channel: What carries the messages from now on.
        details: Replaces those of the run.
        finished_at: When everything was done.
    """
    states = ", ".join(f"'{name}'" for name in came_from or (run.status,))
    changed = tx.run(
        "UPDATE campaign_runs SET status = :status, conductor = :conductor, channel = :channel,"
        " details = :details, finished_at = :finished_at, starts_at = :starts_at"
        f" WHERE campaign = :campaign AND occurrence = :occurrence AND status IN ({states})",
        {
            "campaign": run.campaign,
            "occurrence": run.occurrence,
            "status": status,
            "conductor": conductor or run.conductor,
            "channel": channel or run.channel,
            "details": msgspec.json.encode(details or run.details).decode(),
            "finished_at": _micros(finished_at),
            "starts_at": _micros(run.starts_at),
        },
    )
    return changed > 0


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


# Named one by one, so that the index over states answers.
_OPEN = "state IN ({})".format(", ".join(f"'{s}'" for s in ("planned", "deferred", *LEASED)))


def people_left(tx: Transaction, run: Run, *, due_before: datetime | None = None) -> list[str]:
    """Whose messages are not settled, sorted; only those due before an instant, if one is given."""
    due = "" if due_before is None else " AND (state <> 'deferred' OR next_attempt_at <= :due)"
    rows = tx.tuples(
        "SELECT person_id FROM messages WHERE campaign = :campaign"
        f" AND occurrence = :occurrence AND {_OPEN}{due} ORDER BY person_id",
        {
            "campaign": run.campaign,
            "occurrence": run.occurrence,
            "due": _micros(due_before),
        },
    )
    return [row[0] for row in rows]


def anything_left(tx: Transaction, run: Run) -> bool:
    """Whether any message of a run is not settled."""
    found = tx.value(
        "SELECT 1 FROM messages WHERE campaign = :campaign AND occurrence = :occurrence"
        f" AND {_OPEN} LIMIT 1",
        {"campaign": run.campaign, "occurrence": run.occurrence},
    )
    return found is not None


def anything_due(tx: Transaction, run: Run, *, at: datetime) -> bool:
    """Whether a message of a run waits for a sender now."""
    found = tx.value(
        "SELECT 1 FROM messages WHERE campaign = :campaign AND occurrence = :occurrence"
        " AND (state = 'planned' OR (state = 'deferred' AND next_attempt_at <= :at)) LIMIT 1",
        {"campaign": run.campaign, "occurrence": run.occurrence, "at": to_micros(at)},
    )
    return found is not None


def anything_kept_back(tx: Transaction, run: Run) -> bool:
    """Whether messages of a run wait until its first share has gone well."""
    named = {"campaign": run.campaign, "occurrence": run.occurrence}
    return bool(tx.rows(QUERIES["kept_back"] + " LIMIT 1", named))


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """What one sender holds of a run until an instant, in microseconds."""

    lease_owner: str
    lease_until: int


def held_leases(tx: Transaction, run: Run) -> list[Lease]:
    """What senders hold of a run."""
    states = ", ".join(f"'{state}'" for state in LEASED)
    rows = tx.rows(
        "SELECT DISTINCT lease_owner, lease_until FROM messages"
        f" WHERE campaign = :campaign AND occurrence = :occurrence AND state IN ({states})",
        {"campaign": run.campaign, "occurrence": run.occurrence},
    )
    return [Lease(**row) for row in rows]
