"""One run of a campaign as the ledger recorded it: definition, sizes and the rows themselves.

In comes the operational store; out go the run's goal and intended shares, counts by state, and
an Arrow table of who was assigned to what. It refuses names that no run answers to and
definitions it cannot read.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.clock import from_micros
from vocative.errors import AuthorError, StateError, unknown_name
from vocative.workspace.durations import seconds_of

if TYPE_CHECKING:
    import pyarrow as pa

    from vocative.stores import Transaction

HOLDOUT = "holdout"


class Variant(msgspec.Struct, frozen=True):
    """What the report needs to know of a variant."""

    weight: float = 1.0
    subject: str | None = None


class Goal(msgspec.Struct, frozen=True):
    """What the campaign is for: an event within a time, and which number of it counts."""

    event: str
    within: str | int = "7d"
    value: str | None = None

    @property
    def within_seconds(self) -> int:
        """The length of the window."""
        return duration_seconds(self.within)


class RunDefinition(msgspec.Struct, frozen=True):
    """The parts of a recorded definition that measurement uses."""

    holdout: float | str = 0.0
    variants: dict[str, Variant] | None = None
    goal: Goal | None = None

    @property
    def holdout_share(self) -> float:
        """The share of people to be held out, in [0, 1)."""
        if isinstance(self.holdout, str):
            return float(self.holdout.strip().removesuffix("%")) / 100
        return self.holdout


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One occurrence of a campaign."""

    campaign: str
    occurrence: str
    status: str
    planned_at: datetime
    definition: RunDefinition


class StateCount(msgspec.Struct, frozen=True):
    """How many messages of an arm are in a state for a reason."""

    arm: str
    state: str
    reason: str | None
    messages: int


def duration_seconds(text: str | int) -> int:
    """The seconds of a duration such as `7d`, `24h`, `90m`; a plain number is seconds.

    Raises:
        AuthorError: it is no duration above zero.

    >>> duration_seconds("7d")
    604800
    """
    found = text if isinstance(text, int) else seconds_of(text) or 0
    if found <= 0:
        raise AuthorError(
            f"{text!r} is no length of time", hint="write a number and s, m, h, d or w: 7d"
        )
    return found


def read_run(tx: "Transaction", campaign: str, occurrence: str | None) -> Run:
    """A run of a campaign: the named one, or the last.

    Raises:
        UnknownName: the campaign has not run, or not in this occurrence.
        StateError: the recorded definition cannot be read.
    """
    rows = tx.rows(
        "SELECT occurrence, status, definition, planned_at FROM campaign_runs"
        " WHERE campaign = :campaign AND status <> 'scheduled' ORDER BY planned_at, occurrence",
        {"campaign": campaign},
    )
    if not rows:
        known = [name for (name,) in tx.tuples("SELECT DISTINCT campaign FROM campaign_runs")]
        raise unknown_name("campaign that has run", campaign, known)
    found = {row["occurrence"]: row for row in rows}
    if occurrence is not None and occurrence not in found:
        raise unknown_name(f"run of {campaign}", occurrence, found)
    row = found[occurrence] if occurrence is not None else rows[-1]
    try:
        definition = msgspec.json.decode(row["definition"], type=RunDefinition, strict=False)
    except msgspec.DecodeError as error:
        raise StateError(
            f"the recorded definition of {campaign} cannot be read: {error}",
            where=f"campaign_runs {campaign} {row['occurrence']}",
        ) from error
    return Run(
        campaign=campaign,
        occurrence=row["occurrence"],
        status=row["status"],
        planned_at=from_micros(row["planned_at"]),
        definition=definition,
    )


def count_states(tx: "Transaction", run: Run, until_micros: int) -> list[StateCount]:
    """The run's messages by arm, state and reason, of those planned by an instant."""
    rows = tx.tuples(
        "SELECT arm, state, reason, count(*) FROM messages WHERE campaign = :campaign"
        " AND occurrence = :occurrence AND planned_at <= :until GROUP BY arm, state, reason"
        " ORDER BY arm, state, reason",
        _bounds(run, until_micros),
    )
    return [StateCount(*row) for row in rows]


def read_ledger(tx: "Transaction", run: Run, until_micros: int) -> "pa.Table":
    """The run's rows of those planned by an instant.

    Returns:
        One row per message: message_id, person_id, arm, accepted, planned_at, handed_at (naive
        UTC; null: not handed over by the instant).
    """
    import pyarrow as pa

    rows = tx.tuples(
        "SELECT message_id, person_id, arm, CASE state WHEN 'accepted' THEN 1 ELSE 0 END,"
        " planned_at, CASE WHEN handed_at <= :until THEN handed_at END FROM messages"
        " WHERE campaign = :campaign AND occurrence = :occurrence AND planned_at <= :until",
        _bounds(run, until_micros),
    )
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [()] * 6
    kinds = {
        "message_id": pa.string(),
        "person_id": pa.string(),
        "arm": pa.string(),
        "accepted": pa.int64(),
        "planned_at": pa.timestamp("us"),
        "handed_at": pa.timestamp("us"),
    }
    return pa.table(
        {
            name: pa.array(column, kind)
            for (name, kind), column in zip(kinds.items(), columns, strict=True)
        }
    )


def first_planned_at(ledger: "pa.Table") -> datetime | None:
    """When the first row was planned, naive UTC; nothing before it can matter to the run."""
    import pyarrow.compute as pc

    first: datetime | None = pc.min(ledger["planned_at"]).as_py()
    return first


def _bounds(run: Run, until_micros: int) -> dict[str, Any]:
    return {"campaign": run.campaign, "occurrence": run.occurrence, "until": until_micros}
