"""The one home of direct identifiers: addresses, names, phone numbers, whatever is personal.

Fields come in by person id and lie encrypted (AES-256-GCM) under that person's own key, which
lies wrapped by the workspace key. Destroying a person's key destroys the record, in every backup
too. Look-up goes by keyed hash; nothing here is ever logged.
"""

import base64
import hmac
import os
from collections.abc import Iterable, Mapping

import msgspec

from vocative.clock import Clock, to_micros
from vocative.errors import PrivacyError
from vocative.privacy.keys import WorkspaceKey
from vocative.stores import Transaction

Fields = dict[str, str]
_NONCE_BYTES = 12
_BATCH = 500


class Vault:
    """Encrypted personal fields of a workspace's people."""

    def __init__(self, key: WorkspaceKey, clock: Clock) -> None:
        self._key = key
        self._clock = clock

    def lookup_hash(self, namespace: str, value: str) -> str:
        """The keyed hash under which an identity or address is found (128 bits, base 32)."""
        message = f"{namespace}\x1f{value}".encode()
        digest = hmac.digest(self._key.lookup, message, "sha256")
        return base64.b32encode(digest[:20]).decode().lower()

    def get_many(self, tx: Transaction, person_ids: Iterable[str]) -> dict[str, Fields]:
        """The fields of each person that has any; erased people are absent.

        Raises:
            PrivacyError: the workspace key does not fit the vault.
        """
        found: dict[str, Fields] = {}
        for chunk in _chunks(list(person_ids)):
            for person_id, wrapped, ciphertext in tx.tuples(*_select(chunk)):
                found[person_id] = self._decrypt(person_id, bytes(wrapped), bytes(ciphertext))
        return found

    def get(self, tx: Transaction, person_id: str) -> Fields:
        """The fields of one person; empty when there are none."""
        return self.get_many(tx, [person_id]).get(person_id, {})

    def put_many(self, tx: Transaction, records: Mapping[str, Mapping[str, str | None]]) -> None:
        """Merge fields into records; a None removes a field. New people get a key.

        Raises:
            PrivacyError: the workspace key does not fit the vault.
        """
        for chunk in _chunks(list(records)):
            self._put_chunk(tx, {person_id: records[person_id] for person_id in chunk})

    def _put_chunk(self, tx: Transaction, records: Mapping[str, Mapping[str, str | None]]) -> None:
        kept: dict[str, tuple[bytes, Fields]] = {}
        for person_id, wrapped, ciphertext in tx.tuples(*_select(list(records))):
            key = self._unwrap(person_id, bytes(wrapped))
            kept[person_id] = (key, self._open(person_id, key, bytes(ciphertext)))
        new_keys, rows = [], []
        now = to_micros(self._clock.now())
        for person_id, changes in records.items():
            key, fields = kept.get(person_id) or (os.urandom(32), {})
            if person_id not in kept:
                wrapped = _seal(self._key.wrap, key, person_id)
                new_keys.append({"person_id": person_id, "wrapped_key": wrapped})
            merged = {**fields, **changes}
            present = {name: value for name, value in merged.items() if value is not None}
            if person_id in kept and present == fields:
                continue
            sealed = _seal(key, msgspec.json.encode(present), person_id)
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

    def erase(self, tx: Transaction, person_id: str) -> bool:
        """Destroy a person's key and record; True when there was one."""
        bound = {"person_id": person_id}
        tx.run("DELETE FROM vault_records WHERE person_id = :person_id", bound)
        return tx.run("DELETE FROM vault_keys WHERE person_id = :person_id", bound) > 0

    def _decrypt(self, person_id: str, wrapped: bytes, ciphertext: bytes) -> Fields:
        return self._open(person_id, self._unwrap(person_id, wrapped), ciphertext)

    def _unwrap(self, person_id: str, wrapped: bytes) -> bytes:
        return _unseal(self._key.wrap, wrapped, person_id)

    @staticmethod
    def _open(person_id: str, key: bytes, ciphertext: bytes) -> Fields:
        return msgspec.json.decode(_unseal(key, ciphertext, person_id), type=Fields)


def _select(person_ids: list[str]) -> tuple[str, dict[str, str]]:
    names = {f"p{index}": person_id for index, person_id in enumerate(person_ids)}
    marks = ", ".join(f":{name}" for name in names)
    sql = (
        "SELECT k.person_id, k.wrapped_key, r.ciphertext FROM vault_keys k"
        f" JOIN vault_records r ON r.person_id = k.person_id WHERE k.person_id IN ({marks})"
    )
    return sql, names


def _chunks(person_ids: list[str]) -> Iterable[list[str]]:
    # Chunks of one size keep the set of distinct statements small.
    return (person_ids[start : start + _BATCH] for start in range(0, len(person_ids), _BATCH))


def _seal(key: bytes, plain: bytes, person_id: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, person_id.encode())


def _unseal(key: bytes, sealed: bytes, person_id: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return AESGCM(key).decrypt(nonce, body, person_id.encode())
    except InvalidTag as error:
        raise PrivacyError(
            f"the vault record of {person_id} cannot be opened with this workspace key",
            hint="use the key that the vault was written with",
        ) from error
