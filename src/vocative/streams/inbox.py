"""What the log keeps of streams that lie in front of it: how far each is taken in, dead letters.

These are tables of the log's own file, so that events, the positions they came from and the records
that are no events are written in one transaction. Whatever is read twice is appended once.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from vocative.errors import Retryable, StateError
from vocative.streams.embedded import EmbeddedLog, LogTransaction, SealedBatch


class Overtaken(StateError, Retryable):
    """Somebody else took in what was read, or moved the position; nothing was appended."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Events in their order that came in at one instant from one source."""

    source: str
    received_at: int
    events: list[bytes]


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that is no event."""

    partition: str
    position: str | None
    """Where reading goes on after it."""
    source: str
    received_at: int
    """Microseconds UTC."""
    reason: str
    body: bytes


class KeptLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as it is listed: without what it says, which may be personal."""

    letter_id: int
    stream: str
    partition: str
    position: str | None
    source: str
    received_at: int
    """Microseconds UTC."""
    reason: str
    size: int
    """Bytes."""


class Inbox:
    """The tables."""

    reader: str

    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log
        with log.transaction() as tx:
            tx.connection.execute(
                "CREATE TABLE IF NOT EXISTS stream_positions (stream TEXT NOT NULL, part TEXT NOT"
                " NULL, position TEXT NOT NULL, PRIMARY KEY (stream, part)) WITHOUT ROWID"
            )
            tx.connection.execute(
                "CREATE TABLE IF NOT EXISTS dead_letters (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                " stream TEXT NOT NULL, part TEXT NOT NULL, position TEXT, source TEXT NOT NULL,"
                " received_at INTEGER NOT NULL, reason TEXT NOT NULL, size INTEGER NOT NULL,"
                " body BLOB NOT NULL)"
            )
            tx.connection.execute("CREATE TABLE IF NOT EXISTS reader (name TEXT NOT NULL)")
            tx.connection.execute(
                "INSERT INTO reader SELECT ? WHERE NOT EXISTS (SELECT 1 FROM reader)",
                (secrets.token_hex(6),),
            )
            (self.reader,) = tx.connection.execute("SELECT name FROM reader").fetchone()
            """Who reads into this log: relays of one log share a stream, those of others do not."""

    def positions(self, stream: str) -> dict[str, str]:
        """Where reading each partition goes on.

        Raises:
            LogError: the log cannot be read.
        """
        with self._log.transaction() as tx:
            return _positions(tx, stream)

    def take_in(
        self,
        stream: str,
        batches: Sequence[Batch],
        moved: Mapping[str, tuple[str | None, str]],
        letters: Sequence[DeadLetter],
    ) -> None:
        """Append what was read, all of it or nothing.

        Args:
            stream: Its name.
            batches: The events.
            moved: By partition, the position reading began at and the one it reached.
            letters: What was no event.

        Raises:
            Overtaken: a position is not where reading began.
            LogError: nothing was kept.
        """
        sealed = [self._sealed(batch) for batch in batches]
        shut = [self._shut(stream, letter) for letter in letters]
        with self._log.transaction() as tx:
            kept = _positions(tx, stream) if moved else {}
            for partition, (began, _) in moved.items():
                if kept.get(partition) != began:
                    raise Overtaken(
                        f"partition {partition} of {stream} was taken in by another relay",
                        where=".vocative/log.db",
                    )
            for batch in sealed:
                tx.append(batch)
            _move(tx, stream, {part: reached for part, (_, reached) in moved.items()})
            tx.connection.executemany(
                "INSERT INTO dead_letters (stream, part, position, source, received_at, reason,"
                " size, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                shut,
            )

    def rewind(self, stream: str, positions: Mapping[str, str]) -> None:
        """Go on reading elsewhere; a relay that runs notices with its next batch.

        Raises:
            LogError: nothing was changed.
        """
        with self._log.transaction() as tx:
            _move(tx, stream, positions)

    def letters(self, *, after: int = 0, limit: int = 100) -> list[KeptLetter]:
        """Dead letters in the order they came, those after an id.

        Raises:
            LogError: the log cannot be read.
        """
        with self._log.transaction() as tx:
            rows = tx.connection.execute(
                "SELECT id, stream, part, position, source, received_at, reason, size"
                " FROM dead_letters WHERE id > ? ORDER BY id LIMIT ?",
                (after, limit),
            ).fetchall()
        names = KeptLetter.__struct_fields__
        return [KeptLetter(**dict(zip(names, row, strict=True))) for row in rows]

    def count_letters(self) -> dict[str, int]:
        """How many dead letters there are, by reason.

        Raises:
            LogError: the log cannot be read.
        """
        with self._log.transaction() as tx:
            return dict(
                tx.connection.execute(
                    "SELECT reason, count(*) FROM dead_letters GROUP BY reason ORDER BY 2 DESC, 1"
                ).fetchall()
            )

    def body(self, letter: KeptLetter) -> bytes | None:
        """What a dead letter says; None: it is gone, or the workspace key does not fit.

        Raises:
            LogError: the log cannot be read.
        """
        with self._log.transaction() as tx:
            row = tx.connection.execute(
                "SELECT body FROM dead_letters WHERE id = ?", (letter.letter_id,)
            ).fetchone()
        return row and self._log.unseal(row[0], _label(letter.stream, letter.partition))

    def append_letter(self, letter: KeptLetter, body: bytes) -> bool:
        """Turn a dead letter into an event of the log; False when somebody else was faster.

        Raises:
            LogError: nothing was changed.
        """
        batch = Batch(source=letter.source, received_at=letter.received_at, events=[body])
        sealed = self._sealed(batch)
        with self._log.transaction() as tx:
            if not _dropped(tx, letter.letter_id):
                return False
            tx.append(sealed)
            return True

    def drop_letter(self, letter_id: int) -> bool:
        """Forget a dead letter; False when there is none.

        Raises:
            LogError: nothing was changed.
        """
        with self._log.transaction() as tx:
            return _dropped(tx, letter_id)

    def _sealed(self, batch: Batch) -> SealedBatch:
        return self._log.sealed(batch.events, source=batch.source, received_at=batch.received_at)

    def _shut(self, stream: str, letter: DeadLetter) -> tuple[object, ...]:
        return (
            stream,
            letter.partition,
            letter.position,
            letter.source,
            letter.received_at,
            letter.reason,
            len(letter.body),
            self._log.seal(letter.body, _label(stream, letter.partition)),
        )


def _positions(tx: LogTransaction, stream: str) -> dict[str, str]:
    return dict(
        tx.connection.execute(
            "SELECT part, position FROM stream_positions WHERE stream = ?", (stream,)
        ).fetchall()
    )


def _move(tx: LogTransaction, stream: str, positions: Mapping[str, str]) -> None:
    tx.connection.executemany(
        "INSERT INTO stream_positions (stream, part, position) VALUES (?, ?, ?)"
        " ON CONFLICT (stream, part) DO UPDATE SET position = excluded.position",
        [(stream, partition, position) for partition, position in positions.items()],
    )


def _dropped(tx: LogTransaction, letter_id: int) -> bool:
    found = tx.connection.execute("DELETE FROM dead_letters WHERE id = ?", (letter_id,))
    return found.rowcount > 0


def _label(stream: str, partition: str) -> bytes:
    return f"dead|{stream}|{partition}".encode()
