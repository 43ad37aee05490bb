"""What each destination was told of whom: a row for everybody it may know.

A row is there before the first byte leaves and goes when the destination has let the person go. So
whoever may be known somewhere can be taken out there, also after a crash, and after they were
erased here: what the destination knows them by is kept, encrypted, until then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from vocative.deliver.destinations.base import Change
from vocative.errors import PrivacyError
from vocative.sealing import seal, unseal
from vocative.stores import Transaction, in_lists


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One person at one destination."""

    known_as: str
    """A keyed hash of what the destination finds them by."""
    person_id: str
    sealed: bytes
    state: str
    """`sending`, `sent` or `refused`."""
    fingerprint: str
    """Of what it was told; empty while that is not known."""
    updated_at: int


class _Known(msgspec.Struct, frozen=True):
    """What is sealed."""

    email: str | None
    phone: str | None


class Ledger:
    """The rows of one destination.

    Args:
        destination: Its name.
        key: 32 bytes, under which it is kept what people are known by.
    """

    def __init__(self, destination: str, key: bytes) -> None:
        self._name = destination
        self._key = key

    def find(self, tx: Transaction, known_as: Iterable[str]) -> dict[str, Row]:
        """The rows that there are of some people."""
        found = {}
        for marks, bound in in_lists([*known_as]):
            for row in tx.rows(
                f"{_SELECT} WHERE destination = :destination AND known_as IN ({marks})",
                {**bound, "destination": self._name},
            ):
                found[row["known_as"]] = _row(row)
        return found

    def page(self, tx: Transaction, after: str, limit: int) -> list[Row]:
        """Some rows behind one, in the order of `known_as`."""
        rows = tx.rows(
            f"{_SELECT} WHERE destination = :destination AND known_as > :after"
            " ORDER BY known_as LIMIT :limit",
            {"destination": self._name, "after": after, "limit": limit},
        )
        return [_row(row) for row in rows]

    def opened(self, row: Row, **told: Any) -> Change:
        """What the destination knows somebody by, as a change that says nothing yet.

        Raises:
            PrivacyError: the workspace key does not fit.
        """
        plain = unseal(self._key, row.sealed, self._label(row.known_as))
        if plain is None:
            raise PrivacyError(
                "what a destination knows people by cannot be opened with this workspace key",
                hint="use the key that the store was written with",
            )
        known = msgspec.json.decode(plain, type=_Known)
        return Change(
            person_id=row.person_id,
            email=known.email,
            phone=known.phone,
            since=row.updated_at,
            **told,
        )

    def claim(self, tx: Transaction, changes: Mapping[str, Change], *, at: int) -> None:
        """Note who is about to be told of, by `known_as`: from now on nobody knows what is there.

        Args:
            tx: A transaction that ends before anything is sent.
            changes: Puts.
            at: Microseconds UTC.
        """
        rows = [
            {
                "destination": self._name,
                "known_as": known_as,
                "person_id": change.person_id,
                "sealed": self._sealed(known_as, change),
                "at": at,
            }
            for known_as, change in changes.items()
        ]
        tx.run(
            "INSERT INTO destination_rows (destination, known_as, person_id, sealed, state,"
            " fingerprint, updated_at)"
            " VALUES (:destination, :known_as, :person_id, :sealed, 'sending', '', :at)"
            " ON CONFLICT (destination, known_as) DO UPDATE SET person_id = excluded.person_id,"
            " sealed = excluded.sealed, state = 'sending', fingerprint = '',"
            " updated_at = excluded.updated_at",
            rows,
        )

    def told(self, tx: Transaction, fingerprints: Mapping[str, str], *, at: int) -> None:
        """Note that the destination took what it was told of people, by `known_as`."""
        self._settle(tx, "sent", {one: (mark, None) for one, mark in fingerprints.items()}, at)

    def refused(self, tx: Transaction, refusals: Mapping[str, tuple[str, str]], *, at: int) -> None:
        """Note that it refused people, by `known_as`: (fingerprint, reason)."""
        self._settle(tx, "refused", refusals, at)

    def let_go(self, tx: Transaction, known_as: Sequence[str]) -> None:
        """Forget people whom the destination has let go."""
        tx.run(
            "DELETE FROM destination_rows WHERE destination = :destination"
            " AND known_as = :known_as",
            [{"destination": self._name, "known_as": one} for one in known_as],
        )

    def doubt(self, tx: Transaction) -> None:
        """Forget what was told, but not whom: everything is told again."""
        tx.run(
            "UPDATE destination_rows SET fingerprint = '' WHERE destination = :destination",
            {"destination": self._name},
        )

    def _settle(
        self, tx: Transaction, state: str, marks: Mapping[str, tuple[str, str | None]], at: int
    ) -> None:
        tx.run(
            "UPDATE destination_rows SET state = :state, fingerprint = :fingerprint,"
            " reason = :reason, updated_at = :at"
            " WHERE destination = :destination AND known_as = :known_as",
            [
                {
                    "destination": self._name,
                    "known_as": known_as,
                    "state": state,
                    "fingerprint": fingerprint,
                    "reason": reason,
                    "at": at,
                }
                for known_as, (fingerprint, reason) in marks.items()
            ],
        )

    def _sealed(self, known_as: str, change: Change) -> bytes:
        known = msgspec.json.encode(_Known(change.email, change.phone))
        return seal(self._key, known, self._label(known_as))

    def _label(self, known_as: str) -> bytes:
        return f"{self._name}\x1f{known_as}".encode()


_SELECT = "SELECT known_as, person_id, sealed, state, fingerprint, updated_at FROM destination_rows"


def _row(row: Mapping[str, Any]) -> Row:
    return Row(**{**row, "sealed": bytes(row["sealed"])})
