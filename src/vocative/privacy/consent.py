"""The consent ledger: what a person allowed, for one purpose on one channel, and how we know.

Changes come in and are appended; nothing is ever overwritten. The newest change counts. A request
for consent (`pending`) counts only while nothing else was stated: whoever types somebody's address
into a form neither takes that person's consent back nor lifts what was withdrawn. Recording the
same change twice leaves one row, so events can be replayed.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.errors import DataError
from vocative.stores import Transaction, in_lists

Status = Literal["given", "pending", "withdrawn"]
_RANK: dict[Status, str] = {"pending": "a", "given": "g", "withdrawn": "w"}


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """One change of mind, as it was stated."""

    person_id: str
    purpose: str
    channel: str
    status: Status
    at: datetime
    source: str
    wording: str | None = None
    """The version of the text that the person saw."""
    evidence: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Anything that proves it, without direct identifiers."""
    origin: str | None = None
    """Of a person who consists of several: which of them stated it."""

    @property
    def consent_id(self) -> str:
        """Derived from the change itself; of changes at one instant the most careful sorts last."""
        parts = (
            self.origin or self.person_id,
            self.purpose,
            self.channel,
            self.status,
            self.source,
        )
        stated = "\x1f".join((*parts, str(to_micros(self.at))))
        return _RANK[self.status] + hashlib.sha256(stated.encode()).hexdigest()[:31]


def record(tx: Transaction, consents: Consent | Iterable[Consent]) -> int:
    """Append changes; those already known are left alone.

    Returns:
        How many were new.

    Raises:
        DataError: a status is none of given, pending and withdrawn.
    """
    found = [consents] if isinstance(consents, Consent) else list(consents)
    for consent in found:
        if consent.status not in get_args(Status):
            raise DataError(
                f"{consent.status!r} is no consent status", hint="use given, pending or withdrawn"
            )
    return tx.run(
        "INSERT INTO consents (consent_id, person_id, purpose, channel, status, at, source,"
        " wording, evidence, origin) VALUES (:consent_id, :person_id, :purpose, :channel, :status,"
        " :at, :source, :wording, :evidence, :origin) ON CONFLICT (consent_id) DO NOTHING",
        [_row(consent) for consent in found],
    )


def latest(
    tx: Transaction, person_ids: Sequence[str], *, purpose: str, channel: str
) -> dict[str, Consent]:
    """The change that counts now for each person who ever stated one."""
    found: dict[str, Consent] = {}
    for marks, bound in in_lists(person_ids):
        # Later rows replace earlier ones in the mapping.
        for row in tx.rows(
            f"SELECT * FROM consents WHERE person_id IN ({marks}) AND purpose = :purpose"
            " AND channel = :channel ORDER BY status <> 'pending', at, consent_id",
            {**bound, "purpose": purpose, "channel": channel},
        ):
            found[row["person_id"]] = _consent(row)
    return found


def history(tx: Transaction, person_id: str) -> list[Consent]:
    """Everything a person ever stated, oldest first."""
    rows = tx.rows(
        "SELECT * FROM consents WHERE person_id = :person_id ORDER BY at, consent_id",
        {"person_id": person_id},
    )
    return [_consent(row) for row in rows]


def stated_by(tx: Transaction, origins: Sequence[str], *, until: datetime) -> list[Consent]:
    """What some origins of people stated up to an instant, oldest first.

    Args:
        tx: Where it is read.
        origins: Whoever they are part of now.
        until: The instant.
    """
    found: list[Consent] = []
    for marks, bound in in_lists(origins):
        rows = tx.rows(
            "SELECT c.* FROM profiles p JOIN consents c"
            " ON c.person_id = coalesce(p.merged_into, p.person_id)"
            f" WHERE p.person_id IN ({marks}) AND coalesce(c.origin, c.person_id) = p.person_id"
            " AND c.at <= :until",
            {**bound, "until": to_micros(until)},
        )
        found += [_consent(row) for row in rows]
    return sorted(found, key=lambda one: (one.at, one.consent_id))


def _row(consent: Consent) -> dict[str, Any]:
    return {
        "consent_id": consent.consent_id,
        "person_id": consent.person_id,
        "purpose": consent.purpose,
        "channel": consent.channel,
        "status": consent.status,
        "at": to_micros(consent.at),
        "source": consent.source,
        "wording": consent.wording,
        "evidence": msgspec.json.encode(consent.evidence).decode(),
        "origin": consent.origin,
    }


def _consent(row: Mapping[str, Any]) -> Consent:
    return Consent(
        person_id=row["person_id"],
        purpose=row["purpose"],
        channel=row["channel"],
        status=row["status"],
        at=from_micros(row["at"]),
        source=row["source"],
        wording=row["wording"],
        evidence=msgspec.json.decode(row["evidence"]),
        origin=row["origin"],
    )
