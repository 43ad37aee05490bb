"""How far each stream of each source is: its cursor, when it is due again, and what came of it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from vocative.clock import from_micros
from vocative.stores import Transaction

State = Literal["pulling", "waiting", "down", "refused", "failed"]
"""`down`: it does not answer now. `refused`: it does not let us; tried again when its definition or
secret changes, or after an hour. `failed`: what it says cannot be understood, or we failed."""
HOOK = "webhook"
"""The stream of what a source sends by itself; no stream that is pulled has this name."""


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of a source."""

    stream: str
    state: State
    pulled_at: datetime | None
    """When it was last pulled to its end, or a webhook last came."""
    next_at: datetime | None
    """When it is pulled again."""
    has_cursor: bool
    events: int
    items: int
    rejected: dict[str, int]
    """How many records could not be used, by reason."""
    error: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reached:
    """What the runner must know of a stream."""

    cursor: str | None
    state: State
    next_at: int
    """Microseconds UTC; 0: now."""
    failures: int
    fingerprint: str


_NEW = Reached(cursor=None, state="waiting", next_at=0, failures=0, fingerprint="")


def read_states(tx: Transaction) -> dict[str, list[StreamState]]:
    """Every stream that was ever pulled, by source."""
    found: dict[str, list[StreamState]] = {}
    for row in tx.rows("SELECT * FROM source_cursors ORDER BY source, stream"):
        found.setdefault(row["source"], []).append(
            StreamState(
                stream=row["stream"],
                state=row["state"],
                pulled_at=_at(row["pulled_at"]),
                next_at=_at(row["next_at"] or None),
                has_cursor=row["cursor"] is not None,
                events=row["events"],
                items=row["items"],
                rejected=msgspec.json.decode(row["rejected"], type=dict[str, int]),
                error=row["error"],
            )
        )
    return found


def reached(tx: Transaction, source: str, stream: str) -> Reached:
    """How far a stream is; one that was never pulled is due at once."""
    row = tx.row(
        "SELECT cursor, state, next_at, failures, fingerprint FROM source_cursors"
        " WHERE source = :source AND stream = :stream",
        {"source": source, "stream": stream},
    )
    return _NEW if row is None else Reached(**{**row, "next_at": row["next_at"] or 0})


def begin(tx: Transaction, source: str, stream: str, fingerprint: str) -> None:
    """Note that a stream is being pulled, by a definition and secrets with this fingerprint."""
    tx.run(
        "INSERT INTO source_cursors (source, stream, state, failures, fingerprint, events, items,"
        " rejected) VALUES (:source, :stream, 'pulling', 0, :fingerprint, 0, 0, '{}')"
        " ON CONFLICT (source, stream) DO UPDATE SET state = 'pulling',"
        " fingerprint = excluded.fingerprint",
        {"source": source, "stream": stream, "fingerprint": fingerprint},
    )


def restart(tx: Transaction, source: str, streams: Iterable[str]) -> None:
    """Forget the cursors of some streams: their next pull begins at the beginning."""
    tx.run(
        "UPDATE source_cursors SET cursor = NULL WHERE source = :source AND stream = :stream",
        [{"source": source, "stream": stream} for stream in streams],
    )


def note_received(
    tx: Transaction,
    source: str,
    *,
    at: int,
    events: int,
    items: int,
    rejected: Mapping[str, int],
) -> None:
    """Count what webhooks brought, the latest of them at an instant."""
    begin(tx, source, HOOK, "")
    move(tx, source, HOOK, cursor=None, events=events, items=items, rejected=rejected)
    tx.run(
        "UPDATE source_cursors SET state = 'waiting', pulled_at = :at"
        " WHERE source = :source AND stream = :stream",
        {"source": source, "stream": HOOK, "at": at},
    )


def move(
    tx: Transaction,
    source: str,
    stream: str,
    *,
    cursor: str | None,
    events: int,
    items: int,
    rejected: Mapping[str, int],
) -> None:
    """Keep how far a stream is, once the page before the cursor is durable.

    Args:
        tx: The transaction.
        source: Whose stream.
        stream: Which.
        cursor: The page's; None leaves the one there is.
        events: How many the page brought.
        items: Of the catalog.
        rejected: Records that could not be used, by reason.
    """
    place = {"source": source, "stream": stream}
    where = " WHERE source = :source AND stream = :stream"
    if rejected:
        before = tx.value(f"SELECT rejected FROM source_cursors{where}", place) or "{}"
        counts = Counter(msgspec.json.decode(before, type=dict[str, int])) + Counter(rejected)
        kept = msgspec.json.encode(dict(counts.most_common(100))).decode()
        tx.run(f"UPDATE source_cursors SET rejected = :kept{where}", {**place, "kept": kept})
    tx.run(
        "UPDATE source_cursors SET events = events + :events, items = items + :items,"
        f" cursor = coalesce(CAST(:cursor AS TEXT), cursor){where}",
        {**place, "events": events, "items": items, "cursor": cursor},
    )


def finish(tx: Transaction, source: str, stream: str, *, at: int, next_at: int) -> None:
    """Note that a stream was pulled to its end."""
    tx.run(
        "UPDATE source_cursors SET state = 'waiting', pulled_at = :at, next_at = :next_at,"
        " failures = 0, error = NULL WHERE source = :source AND stream = :stream",
        {"source": source, "stream": stream, "at": at, "next_at": next_at},
    )


def leave(tx: Transaction, source: str, stream: str) -> None:
    """Note that a pull ended before the stream's end; it is due again as it was."""
    tx.run(
        "UPDATE source_cursors SET state = 'waiting' WHERE source = :source AND stream = :stream",
        {"source": source, "stream": stream},
    )


def fail(
    tx: Transaction,
    source: str,
    stream: str,
    *,
    state: State,
    error: str,
    next_at: int,
    fingerprint: str | None = None,
) -> None:
    """Note why a stream cannot be pulled, and when to try again.

    Args:
        tx: The transaction.
        source: Whose stream.
        stream: Which.
        state: What became of it.
        error: Why, without anything personal or secret.
        next_at: Microseconds UTC.
        fingerprint: Of what it was tried with; None leaves the one there is.
    """
    tx.run(
        "INSERT INTO source_cursors (source, stream, state, next_at, failures, fingerprint, error,"
        " events, items, rejected) VALUES (:source, :stream, :state, :next_at, 1,"
        " coalesce(CAST(:fingerprint AS TEXT), ''), :error, 0, 0, '{}')"
        " ON CONFLICT (source, stream) DO UPDATE SET state = excluded.state,"
        " next_at = excluded.next_at, error = excluded.error,"
        " fingerprint = coalesce(CAST(:fingerprint AS TEXT), source_cursors.fingerprint),"
        " failures = source_cursors.failures + 1",
        {
            "source": source,
            "stream": stream,
            "state": state,
            "next_at": next_at,
            "error": error[:1_000],
            "fingerprint": fingerprint,
        },
    )


def _at(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
