"""Addresses that must not be contacted, kept as keyed hashes.

An address comes in and is hashed at once. Each reason is a row of its own, so that undoing an
unsubscribe leaves a complaint standing. A suppression belongs to the address, not to the profile:
the same address imported again under another profile stays suppressed.
"""

import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.privacy.vault import Vault
from vocative.stores import Row, Transaction

Reason = Literal["bounce", "soft_bounce", "complaint", "unsubscribe", "manual"]


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """One reason not to use an address."""

    address_hash: str
    channel: str
    reason: Reason
    source: str
    added_at: datetime
    expires_at: datetime | None = None


def address_hash(vault: Vault, channel: str, address: str) -> str:
    """The keyed hash of an address; letter case and outer spaces do not matter."""
    folded = unicodedata.normalize("NFC", address).strip().casefold()
    return vault.lookup_hash(f"address:{channel}", folded)


def add(tx: Transaction, suppressions: Suppression | Iterable[Suppression]) -> None:
    """Suppress addresses; stating a reason again renews it."""
    found = [suppressions] if isinstance(suppressions, Suppression) else list(suppressions)
    tx.run(
        "INSERT INTO suppressions (address_hash, channel, reason, source, added_at, expires_at)"
        " VALUES (:address_hash, :channel, :reason, :source, :added_at, :expires_at)"
        " ON CONFLICT (address_hash, channel, reason) DO UPDATE SET source = excluded.source,"
        " added_at = excluded.added_at, expires_at = excluded.expires_at",
        [
            {
                "address_hash": suppression.address_hash,
                "channel": suppression.channel,
                "reason": suppression.reason,
                "source": suppression.source,
                "added_at": to_micros(suppression.added_at),
                "expires_at": _micros(suppression.expires_at),
            }
            for suppression in found
        ],
    )


def remove(tx: Transaction, address_hash: str, *, channel: str, reason: Reason) -> bool:
    """Undo one reason; True when it stood."""
    changed = tx.run(
        "DELETE FROM suppressions WHERE address_hash = :address_hash AND channel = :channel"
        " AND reason = :reason",
        {"address_hash": address_hash, "channel": channel, "reason": reason},
    )
    return changed > 0


def find(tx: Transaction, address_hash: str, *, channel: str) -> list[Suppression]:
    """Every reason recorded for an address, expired ones included, oldest first."""
    rows = tx.rows(
        "SELECT * FROM suppressions WHERE address_hash = :address_hash AND channel = :channel"
        " ORDER BY added_at, reason",
        {"address_hash": address_hash, "channel": channel},
    )
    return [_suppression(row) for row in rows]


def latest(
    tx: Transaction, *, at: datetime, reason: Reason | None = None, limit: int = 100
) -> list[Suppression]:
    """What stands at `at`, newest first; with `reason` only that."""
    rows = tx.rows(
        f"SELECT * FROM suppressions WHERE {_STANDS}"
        " ORDER BY added_at DESC, address_hash, channel, reason LIMIT :limit",
        {**_standing(at, reason), "limit": limit},
    )
    return [_suppression(row) for row in rows]


def count(tx: Transaction, *, at: datetime, reason: Reason | None = None) -> int:
    """How many stand at `at`; with `reason` only of that."""
    sql = f"SELECT COUNT(*) FROM suppressions WHERE {_STANDS}"
    return int(tx.value(sql, _standing(at, reason)))


_STANDS = "(expires_at IS NULL OR expires_at > :at) AND (:every = 1 OR reason = :reason)"


def _standing(at: datetime, reason: Reason | None) -> dict[str, int | str]:
    return {"at": to_micros(at), "every": int(reason is None), "reason": reason or ""}


def _suppression(row: Row) -> Suppression:
    return Suppression(
        address_hash=row["address_hash"],
        channel=row["channel"],
        reason=row["reason"],
        source=row["source"],
        added_at=from_micros(row["added_at"]),
        expires_at=None if row["expires_at"] is None else from_micros(row["expires_at"]),
    )


def _micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)
