"""The embedded event log: one SQLite file that only grows, flushed to disk on every append.

An append is one row: a batch of events, compressed and encrypted under a key of the workspace,
because raw events hold direct identifiers. Its position is acknowledged only after the disk has
it. Reading goes by position; consumers keep their own offsets with their effects.
"""

import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vocative.errors import EngineError, PrivacyError, Retryable
from vocative.sealing import seal, unseal

_PAGE = 100
_NO_END = 2**63 - 1


class LogError(EngineError, Retryable):
    """The event log cannot be written or read now; nothing was acknowledged."""


@dataclass(frozen=True, kw_only=True)
class LogBatch:
    """One appended batch: raw JSON events as they came in."""

    position: int
    source: str
    received_at: int
    events: list[bytes]


@dataclass(frozen=True, kw_only=True)
class SealedBatch:
    """A batch that is ready to be written: compressed and encrypted."""

    source: str
    received_at: int
    event_count: int
    body: bytes


class LogTransaction:
    """What is durable together or not at all."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def append(self, batch: SealedBatch) -> int:
        """Write a batch; its position counts once the transaction has ended."""
        cursor = self.connection.execute(
            "INSERT INTO batches (source, received_at, event_count, body) VALUES (?, ?, ?, ?)",
            (batch.source, batch.received_at, batch.event_count, batch.body),
        )
        position = cursor.lastrowid
        assert position is not None  # noqa: S101 - an INSERT into a rowid table has one
        return position


class EmbeddedLog:
    """Append-only batches at positions 1, 2, 3 and so on."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._key = key
        self._lock = threading.Lock()
        with self._guarded():
            self._connection = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=15
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            # An acknowledged event must survive a power cut, not just a killed process.
            self._connection.execute("PRAGMA synchronous = FULL")
            # AUTOINCREMENT: a position is never given twice, whatever is forgotten.
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS batches (position INTEGER PRIMARY KEY AUTOINCREMENT,"
                " source TEXT NOT NULL, received_at INTEGER NOT NULL, event_count INTEGER"
                " NOT NULL, body BLOB NOT NULL)"
            )

    def append(self, events: Sequence[bytes], *, source: str, received_at: int) -> int:
        """Make a batch durable.

        Args:
            events: JSON objects as bytes.
            source: Where they came from; part of the deduplication key.
            received_at: Microseconds UTC.

        Returns:
            Its position.

        Raises:
            LogError: the batch is not durable; the caller must not acknowledge it.
        """
        batch = self.sealed(events, source=source, received_at=received_at)
        with self._guarded():
            return LogTransaction(self._connection).append(batch)

    @contextmanager
    def transaction(self) -> Iterator[LogTransaction]:
        """Several appends, and what belongs to them, as one: the disk is waited for once.

        Raises:
            LogError: nothing of it was kept.
        """
        with self._guarded():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield LogTransaction(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def sealed(self, events: Sequence[bytes], *, source: str, received_at: int) -> SealedBatch:
        """A batch to append in a transaction, made before it: sealing takes longest."""
        plain = msgspec.msgpack.encode(list(events))
        return SealedBatch(
            source=source,
            received_at=received_at,
            event_count=len(events),
            body=self.seal(plain, _label(source, received_at)),
        )

    def seal(self, plain: bytes, label: bytes) -> bytes:
        """Compress and encrypt; only with the same label can it be opened again."""
        return seal(self._key, zlib.compress(plain, level=1), label)

    def unseal(self, body: bytes, label: bytes) -> bytes | None:
        """What was sealed; None when key or label do not fit."""
        packed = unseal(self._key, body, label)
        return None if packed is None else zlib.decompress(packed)

    def read(self, after: int, *, most_events: int | None = None) -> Iterator[LogBatch]:
        """Batches after a position, in order, until there are no more.

        Args:
            after: The position before the first batch.
            most_events: Stop before the batch that would make more; one batch is always read.

        Raises:
            LogError: the log cannot be read.
            PrivacyError: the workspace key does not fit the log.
        """
        until = None if most_events is None else self._last_within(after, most_events)
        while rows := self._page(after, until):
            for position, source, received_at, body in rows:
                yield LogBatch(
                    position=position,
                    source=source,
                    received_at=received_at,
                    events=self._opened(position, body, source, received_at),
                )
            after = rows[-1][0]

    def last_position(self) -> int:
        """The newest position ever given; 0 when nothing was appended."""
        with self._guarded():
            found = self._connection.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = 'batches'"
            ).fetchone()
        return int(found[0]) if found else 0

    def waiting(self, after: int) -> int:
        """How many events were appended after a position."""
        with self._guarded():
            found = self._connection.execute(
                "SELECT sum(event_count) FROM batches WHERE position > ?", (after,)
            ).fetchone()
        return int(found[0] or 0)

    def before_last(self, events: int) -> int:
        """The position after which the newest events stand, at least so many; 0: all of them."""
        left = events
        with self._guarded():
            counts = self._connection.execute(
                "SELECT position, event_count FROM batches ORDER BY position DESC"
            )
            for position, count in counts:
                left -= count
                if left <= 0:
                    counts.close()
                    return int(position) - 1
        return 0

    def forget_before(self, position: int) -> None:
        """Drop batches below a position: the log is kept for replay, not forever."""
        with self._guarded():
            self._connection.execute("DELETE FROM batches WHERE position < ?", (position,))

    def close(self) -> None:
        """Close the file."""
        with self._guarded():
            self._connection.close()

    def _page(self, after: int, until: int | None) -> list[tuple[int, str, int, bytes]]:
        with self._guarded():
            return self._connection.execute(
                "SELECT position, source, received_at, body FROM batches"
                " WHERE position > ? AND position <= ? ORDER BY position LIMIT ?",
                (after, _NO_END if until is None else until, _PAGE),
            ).fetchall()

    def _last_within(self, after: int, most_events: int) -> int:
        """The last of the batches after a position that together hold so many events, or one."""
        last, events = after, 0
        with self._guarded():
            # Only the beginning of each row is read: the bodies lie behind the counts.
            counts = self._connection.execute(
                "SELECT position, event_count FROM batches WHERE position > ? ORDER BY position",
                (after,),
            )
            for position, count in counts:
                events += count
                if events > most_events and last > after:
                    break
                last = position
                if events >= most_events:
                    break
            counts.close()
        return last

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """One thread at a time, and SQLite's errors as ours."""
        with self._lock:
            try:
                yield
            except sqlite3.Error as error:
                raise LogError(
                    f"the event log failed: {error}",
                    where=".vocative/log.db",
                    hint="check that the disk has space and that the folder is writable, then try"
                    " again",
                ) from error

    def _opened(self, position: int, body: bytes, source: str, received_at: int) -> list[bytes]:
        plain = self.unseal(body, _label(source, received_at))
        if plain is None:
            raise PrivacyError(
                f"batch {position} of the event log cannot be opened with this workspace key",
                hint="use the key that the log was written with",
            )
        return msgspec.msgpack.decode(plain, type=list[bytes])


def _label(source: str, received_at: int) -> bytes:
    # Sealed with the body: a batch cannot be passed off as another source's, such as our own.
    return f"log|{source}|{received_at}".encode()
