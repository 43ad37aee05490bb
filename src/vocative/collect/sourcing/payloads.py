"""The latest calls of each webhook, so that whoever writes its mapping sees what really comes.

Few are kept, for some days, in the log's own file and sealed as its events are: they are no record
of anything, and what they stood for is on the log.
"""

import time
from collections.abc import Collection
from datetime import datetime

import msgspec

from vocative.clock import from_micros
from vocative.collect.sources.base import Call
from vocative.streams.embedded import EmbeddedLog

MOST_KEPT = 20
"""Of one source."""
MOST_BYTES = 262_144
"""A larger call is not kept: nobody reads it."""
KEPT_DAYS = 7
_PAUSE_SECONDS = 1.0
"""A source that calls all the time must not make the log write twice each time."""
_DAY_MICROS = 86_400_000_000
_SECRET_WORDS = ("auth", "cookie", "key", "password", "secret", "sign", "token")


class KeptPayload(msgspec.Struct, frozen=True, kw_only=True):
    """A call as it is listed: without what it says."""

    payload_id: int
    received_at: datetime
    size: int
    """Bytes."""


class _Sealed(msgspec.Struct):
    headers: dict[str, str]
    body: bytes


class KeptPayloads:
    """The table of them; for any number of threads."""

    def __init__(self, log: EmbeddedLog) -> None:
        self._log = log
        self._next_at: dict[str, float] = {}
        with log.transaction() as tx:
            tx.connection.execute(
                "CREATE TABLE IF NOT EXISTS hook_payloads (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                " source TEXT NOT NULL, received_at INTEGER NOT NULL, size INTEGER NOT NULL,"
                " body BLOB NOT NULL)"
            )

    def keep(self, source: str, call: Call, *, hidden: Collection[str] = ()) -> None:
        """Keep a genuine call, unless it is large or one was kept just before.

        Args:
            source: Who was called.
            call: What came.
            hidden: Headers with secrets, beside those whose names say so.

        Raises:
            LogError: it cannot be written.
        """
        now = time.monotonic()
        if len(call.body) > MOST_BYTES or now < self._next_at.get(source, 0.0):
            return
        self._next_at[source] = now + _PAUSE_SECONDS
        told = _Sealed(headers=_shown(call, hidden), body=call.body)
        body = self._log.seal(msgspec.msgpack.encode(told), _label(source, call.received_at))
        with self._log.transaction() as tx:
            tx.connection.execute(
                "INSERT INTO hook_payloads (source, received_at, size, body) VALUES (?, ?, ?, ?)",
                (source, call.received_at, len(call.body), body),
            )
            tx.connection.execute(
                "DELETE FROM hook_payloads WHERE received_at < ? OR source = ? AND id NOT IN"
                " (SELECT id FROM hook_payloads WHERE source = ? ORDER BY id DESC LIMIT ?)",
                (call.received_at - KEPT_DAYS * _DAY_MICROS, source, source, MOST_KEPT),
            )

    def latest(self, source: str) -> list[KeptPayload]:
        """What is kept of a source, the newest first.

        Raises:
            LogError: the log cannot be read.
        """
        with self._log.transaction() as tx:
            rows = tx.connection.execute(
                "SELECT id, received_at, size FROM hook_payloads WHERE source = ? ORDER BY id DESC",
                (source,),
            ).fetchall()
        return [
            KeptPayload(payload_id=row[0], received_at=from_micros(row[1]), size=row[2])
            for row in rows
        ]

    def read(self, source: str, payload_id: int) -> Call | None:
        """A call that was kept; None when it is gone, or the workspace key does not fit.

        Raises:
            LogError: the log cannot be read.
        """
        with self._log.transaction() as tx:
            row = tx.connection.execute(
                "SELECT received_at, body FROM hook_payloads WHERE id = ? AND source = ?",
                (payload_id, source),
            ).fetchone()
        plain = row and self._log.unseal(row[1], _label(source, row[0]))
        if plain is None:
            return None
        told = msgspec.msgpack.decode(plain, type=_Sealed)
        return Call(headers=told.headers, body=told.body, received_at=row[0])


def _shown(call: Call, hidden: Collection[str]) -> dict[str, str]:
    secret = {name.lower() for name in hidden}
    return {
        name: value
        for name, value in call.headers.items()
        if name not in secret and not any(word in name for word in _SECRET_WORDS)
    }


def _label(source: str, received_at: int) -> bytes:
    return f"hook|{source}|{received_at}".encode()
