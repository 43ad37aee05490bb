"""How far each destination is, and when it is its turn again."""

from dataclasses import dataclass
from typing import Literal

import msgspec

from vocative.stores import Transaction

State = Literal["never", "waiting", "down", "refused", "failed"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncState:
    """How far a destination is. Instants are microseconds UTC."""

    state: State = "never"
    position: str | None = None
    fingerprint: str = ""
    synced_at: int | None = None
    next_at: int = 0
    failures: int = 0
    error: str | None = None
    told: int = 0


WHOLE = "~"
"""Greater than the id of any event."""


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """Until where facts were told."""

    changes: int = 0
    """The number of a change of membership."""
    events: int = 0
    """A position of the log."""
    event_id: str = WHOLE
    """The last event told of that position; the next one is greater."""


def state_of(tx: Transaction, destination: str) -> SyncState:
    """How far a destination is; one that was never synced is due at once."""
    row = tx.row(
        "SELECT state, position, fingerprint, synced_at, next_at, failures, error, told"
        " FROM destination_syncs WHERE destination = :destination",
        {"destination": destination},
    )
    return SyncState() if row is None else SyncState(**{**row, "next_at": row["next_at"] or 0})


def begin(tx: Transaction, destination: str, fingerprint: str) -> None:
    """Note by which definition and secrets a destination is told now."""
    tx.run(
        "INSERT INTO destination_syncs (destination, state, fingerprint, failures, told)"
        " VALUES (:destination, 'never', :fingerprint, 0, 0)"
        " ON CONFLICT (destination) DO UPDATE SET fingerprint = excluded.fingerprint",
        {"destination": destination, "fingerprint": fingerprint},
    )


def count(tx: Transaction, destination: str, told: int) -> None:
    """Count what a destination took."""
    tx.run(
        "UPDATE destination_syncs SET told = told + :told WHERE destination = :destination",
        {"destination": destination, "told": told},
    )


def move(tx: Transaction, destination: str, position: Position) -> None:
    """Keep until where facts were told."""
    tx.run(
        "UPDATE destination_syncs SET position = :position WHERE destination = :destination",
        {"destination": destination, "position": msgspec.json.encode(position).decode()},
    )


def finish(tx: Transaction, destination: str, *, at: int, next_at: int) -> None:
    """Note that a destination knows everything."""
    tx.run(
        "UPDATE destination_syncs SET state = 'waiting', synced_at = :at, next_at = :next_at,"
        " failures = 0, error = NULL WHERE destination = :destination",
        {"destination": destination, "at": at, "next_at": next_at},
    )


def fail(tx: Transaction, destination: str, state: State, *, error: str, next_at: int) -> None:
    """Note why it cannot be told, and when to try again."""
    tx.run(
        "INSERT INTO destination_syncs"
        " (destination, state, fingerprint, next_at, failures, error, told)"
        " VALUES (:destination, :state, '', :next_at, 1, :error, 0)"
        " ON CONFLICT (destination) DO UPDATE SET state = excluded.state,"
        " next_at = excluded.next_at, error = excluded.error,"
        " failures = destination_syncs.failures + 1",
        {
            "destination": destination,
            "state": state,
            "error": error[:1_000],
            "next_at": next_at,
        },
    )


def make_due(tx: Transaction, destination: str) -> None:
    """Let `vocative serve` sync a destination now."""
    tx.run(
        "UPDATE destination_syncs SET next_at = 0 WHERE destination = :destination",
        {"destination": destination},
    )
