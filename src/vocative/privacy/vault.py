"""The one home of direct identifiers: addresses, names, phone numbers, whatever is personal.

Fields come in by person id and lie encrypted (AES-256-GCM) under that person's own key, which
lies wrapped by the workspace key. Without the person's key the record cannot be read any more;
backups of the store hold both, so they must be let go too. Look-up goes by keyed hash; nothing
here is ever logged.
"""

import hmac
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from vocative.clock import Clock, to_micros
from vocative.errors import PrivacyError
from vocative.privacy.keys import WorkspaceKey
from vocative.sealing import seal, unseal
from vocative.stores import Transaction, in_lists

Fields = dict[str, str]
Statements = Mapping[str, tuple[str | None, int]]
"""Field → (value, when it was stated in microseconds UTC); the value None removes it."""
T = TypeVar("T")
_Kept = tuple[bytes, Statements]
_Record = tuple[bytes | None, Statements]
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _BASE32 for second in _BASE32]
"""Two characters of base 32 for each 10 bits: nearly twice as fast as the module base64."""
_decoder = msgspec.json.Decoder(dict[str, tuple[str | None, int]])


class Vault:
    """Encrypted personal fields of a workspace's people.

    Every field is kept with the instant at which it was stated; the newest statement counts.
    A removed field keeps its instant, so that an older statement cannot bring it back.
    """

    def __init__(self, key: WorkspaceKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def lookup_hash(self, namespace: str, value: str) -> str:
        """The keyed hash under which an identity or address is found (160 bits, base 32)."""
        message = f"{namespace}\x1f{value}".encode("utf-8", "surrogatepass")
        digest = hmac.digest(self._key.lookup, message, "sha256")
        number = int.from_bytes(digest[:20], "big")
        return "".join([_PAIRS[number >> shift & 1023] for shift in range(150, -1, -10)])

    def get_many(self, tx: Transaction, person_ids: Iterable[str]) -> dict[str, Fields]:
        """The fields of each person that has any; erased people are absent.

        Raises:
            PrivacyError: the workspace key does not fit the vault.
        """
        return {
            person_id: {name: value for name, (value, _) in record.items() if value is not None}
            for person_id, (_, record) in self._records(tx, person_ids).items()
        }

    def get(self, tx: Transaction, person_id: str) -> Fields:
        """The fields of one person; empty when there are none."""
        return self.get_many(tx, [person_id]).get(person_id, {})

    def put_many(self, tx: Transaction, records: Mapping[str, Mapping[str, str | None]]) -> None:
        """Merge fields, stated now, into records; a None removes a field. New people get a key.

        Raises:
            PrivacyError: the workspace key does not fit the vault.
        """
        now = to_micros(self._clock.now())
        self.learn_many(
            tx,
            {
                person_id: {name: (value, now) for name, value in fields.items()}
                for person_id, fields in records.items()
            },
        )

    def learn_many(self, tx: Transaction, statements: Mapping[str, Statements]) -> None:
        """Merge fields, each with its instant; an older statement never replaces a newer one.

        Raises:
            PrivacyError: the workspace key does not fit the vault.
        """
        kept = self._records(tx, statements)
        changed: dict[str, _Record] = {}
        for person_id, stated in statements.items():
            known = kept.get(person_id)
            record = merge_statements(known[1] if known else {}, stated)
            if known is None or record != known[1]:
                changed[person_id] = (known[0] if known else None, record)
        self._write(tx, changed)

    def stated(self, tx: Transaction, person_ids: Iterable[str]) -> dict[str, Statements]:
        """What is kept of people, each field with its instant; people without any are absent."""
        return {one: record for one, (_, record) in self._records(tx, person_ids).items()}

    def stated_apart(
        self, tx: Transaction, sealed: Mapping[str, tuple[str, bytes]]
    ) -> dict[str, Statements]:
        """What origins of people stated, as `replace` sealed it.

        Args:
            tx: Where the people's keys are read.
            sealed: Origin → (the person it is part of, sealed fields). Of people who have no key
                any more nothing can be read.

        Raises:
            PrivacyError: the workspace key does not fit the vault.
        """
        people = self._records(tx, {person_id for person_id, _ in sealed.values()})
        return {
            origin: _decoder.decode(_opened(people[person_id][0], body, origin))
            for origin, (person_id, body) in sealed.items()
            if person_id in people
        }

    def replace(
        self,
        tx: Transaction,
        records: Mapping[str, Statements],
        parts: Mapping[str, Mapping[str, Statements]],
        *,
        gone: Sequence[str] = (),
    ) -> dict[str, bytes]:
        """Write whole records anew; what is known of these people is not looked at.

        Args:
            tx: The transaction in which people were joined or separated.
            records: Of each person what is shown.
            parts: Of people who consist of several, what each origin stated.
            gone: People whose key and record are destroyed.

        Returns:
            Origin → its fields, sealed under the key of the person it is part of.
        """
        _destroy(tx, gone)
        known = self._records(tx, records)
        keys = self._write(
            tx,
            {
                one: (known[one][0] if one in known else None, record)
                for one, record in records.items()
            },
        )
        return {
            origin: seal(keys[person_id], msgspec.json.encode(stated), origin.encode())
            for person_id, origins in parts.items()
            for origin, stated in origins.items()
        }

    def erase(self, tx: Transaction, person_id: str) -> bool:
        """Destroy a person's key and record; True when there was one."""
        tx.run(
            "UPDATE origins SET vault = NULL WHERE person_id = :person_id", {"person_id": person_id}
        )
        return _destroy(tx, [person_id]) > 0

    def _records(self, tx: Transaction, person_ids: Iterable[str]) -> dict[str, _Kept]:
        found: dict[str, _Kept] = {}
        for marks, bound in in_lists(list(person_ids)):
            for person_id, wrapped, ciphertext in tx.tuples(
                "SELECT k.person_id, k.wrapped_key, r.ciphertext FROM vault_keys k"
                " JOIN vault_records r ON r.person_id = k.person_id"
                f" WHERE k.person_id IN ({marks})",
                bound,
            ):
                key = _opened(self._key.wrap, bytes(wrapped), person_id)
                plain = _opened(key, bytes(ciphertext), person_id)
                found[person_id] = (key, _decoder.decode(plain))
        return found

    def _write(self, tx: Transaction, records: Mapping[str, _Record]) -> dict[str, bytes]:
        """Write records; returns the key of each person."""
        new_keys, rows, keys = [], [], {}
        now = to_micros(self._clock.now())
        for person_id, (known_key, record) in records.items():
            key = keys[person_id] = known_key or os.urandom(32)
            if known_key is None:
                wrapped = seal(self._key.wrap, key, person_id.encode())
                new_keys.append({"person_id": person_id, "wrapped_key": wrapped})
            sealed = seal(key, msgspec.json.encode(record), person_id.encode())
            rows.append({"person_id": person_id, "ciphertext": sealed, "updated_at": now})
        tx.run(
            "INSERT INTO vault_keys (person_id, wrapped_key) VALUES (:person_id, :wrapped_key)"
            " ON CONFLICT (person_id) DO UPDATE SET wrapped_key = excluded.wrapped_key",
            new_keys,
        )
        tx.run(
            "INSERT INTO vault_records (person_id, ciphertext, updated_at)"
            " VALUES (:person_id, :ciphertext, :updated_at) ON CONFLICT (person_id)"
            " DO UPDATE SET ciphertext = excluded.ciphertext, updated_at = excluded.updated_at",
            rows,
        )
        return keys


def _destroy(tx: Transaction, person_ids: Sequence[str]) -> int:
    """Delete people's records and keys; how many keys there were."""
    rows = [(person_id,) for person_id in person_ids]
    tx.run("DELETE FROM vault_records WHERE person_id = :person_id", rows)
    return tx.run("DELETE FROM vault_keys WHERE person_id = :person_id", rows)


def merge_statements(
    known: Mapping[str, tuple[T, int]], stated: Mapping[str, tuple[T, int]]
) -> dict[str, tuple[T, int]]:
    """Both together: of two statements about one name the later, on a tie the second.

    >>> merge_statements({"city": ("Bath", 5)}, {"city": ("York", 3), "zip": ("BA1", 3)})
    {'city': ('Bath', 5), 'zip': ('BA1', 3)}
    """
    merged = dict(known)
    for name, statement in stated.items():
        if name not in merged or merged[name][1] <= statement[1]:
            merged[name] = statement
    return merged


def _opened(key: bytes, sealed: bytes, person_id: str) -> bytes:
    plain = unseal(key, sealed, person_id.encode())
    if plain is None:
        raise PrivacyError(
            f"the vault record of {person_id} cannot be opened with this workspace key",
            hint="use the key that the vault was written with",
        )
    return plain
