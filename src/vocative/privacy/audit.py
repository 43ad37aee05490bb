"""Who did what to whose data: a chain in which no entry can be changed or taken out unseen.

Each entry holds a SHA-256 over itself and the entry before. Subjects are pseudonymous ids.
"""

import hashlib
from datetime import datetime

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.stores import Transaction

_FIRST = "0" * 64
_PAGE = 1_000


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody did."""

    entry: int
    at: datetime
    actor: str
    action: str
    subject: str


def append(tx: Transaction, *, at: datetime, actor: str, action: str, subject: str) -> int:
    """Add an entry to the end of the chain.

    Returns:
        Its number; numbers have no gaps.
    """
    if tx.dialect == "postgresql":
        # Two entries must never follow the same one.
        tx.run("LOCK TABLE audit IN EXCLUSIVE MODE")
    last = tx.row("SELECT entry, chain FROM audit ORDER BY entry DESC LIMIT 1")
    entry, before = (last["entry"] + 1, last["chain"]) if last else (1, _FIRST)
    row = {
        "entry": entry,
        "at": to_micros(at),
        "actor": actor,
        "action": action,
        "subject": subject,
    }
    tx.run(
        "INSERT INTO audit (entry, at, actor, action, subject, chain)"
        " VALUES (:entry, :at, :actor, :action, :subject, :chain)",
        {**row, "chain": _chain(before, row)},
    )
    return int(entry)


def first_broken(tx: Transaction) -> int | None:
    """The number of the first entry that does not fit the chain; None when all do."""
    before, expected = _FIRST, 1
    while True:
        page = tx.rows(
            "SELECT * FROM audit WHERE entry >= :entry ORDER BY entry LIMIT :page",
            {"entry": expected, "page": _PAGE},
        )
        for row in page:
            chain = row.pop("chain")
            if row["entry"] != expected or chain != _chain(before, row):
                return expected
            before, expected = chain, expected + 1
        if len(page) < _PAGE:
            return None


def entries(tx: Transaction, *, subject: str | None = None, limit: int = 100) -> list[AuditEntry]:
    """The newest entries, newest first."""
    rows = tx.rows(
        "SELECT * FROM audit WHERE (CAST(:subject AS TEXT) IS NULL OR subject = :subject)"
        " ORDER BY entry DESC LIMIT :limit",
        {"subject": subject, "limit": limit},
    )
    return [
        AuditEntry(
            entry=row["entry"],
            at=from_micros(row["at"]),
            actor=row["actor"],
            action=row["action"],
            subject=row["subject"],
        )
        for row in rows
    ]


def _chain(before: str, row: dict[str, object]) -> str:
    parts = [before, *(str(row[name]) for name in ("entry", "at", "actor", "action", "subject"))]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
