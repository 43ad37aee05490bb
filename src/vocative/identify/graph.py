"""The identity graph: which profile an event belongs to.

Identities (namespace, value) come in, one person id goes out. Deterministic rules only:

- a user id, an e-mail address or an anonymous id that is known leads to its profile;
- a user id and an e-mail address that turn out to belong to two profiles join them, the older
  one survives;
- an anonymous id joins its profile to a named one only while that profile has no name of its
  own: a shared device does not make two customers one;
- phone numbers join nobody: households share them.

Values are kept as keyed hashes only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from vocative.ids import person_id_for
from vocative.privacy.vault import Vault
from vocative.stores import Transaction

Identity = tuple[str, str]
"""(namespace, value): namespaces are user_id, email and anonymous_id."""

NAMED = ("user_id", "email")
_LOOKUP = 400


@dataclass
class _Profile:
    person_id: str
    first_seen_at: int
    named: bool
    new: bool = False


@dataclass
class Changes:
    """What resolving did, to be written with its batch."""

    identities: list[dict[str, str | int]] = field(default_factory=list)
    merged: dict[str, str] = field(default_factory=dict)
    """Person that disappeared → person that survives."""
    created: set[str] = field(default_factory=set)


class IdentityGraph:
    """Resolves the identities of one batch; look-ups are made in bulk beforehand."""

    def __init__(self, vault: Vault, person_key: bytes) -> None:
        self._vault = vault
        self._person_key = person_key
        self._hashes: dict[Identity, str] = {}
        self._owner: dict[tuple[str, str], str] = {}
        self._profiles: dict[str, _Profile] = {}
        self.changes = Changes()

    def load(self, tx: Transaction, identities: Iterable[Identity]) -> None:
        """Read what the store knows about these identities."""
        by_namespace: dict[str, list[str]] = {}
        for identity in set(identities):
            value_hash = self._vault.lookup_hash(*identity)
            self._hashes[identity] = value_hash
            by_namespace.setdefault(identity[0], []).append(value_hash)
        for namespace, hashes in by_namespace.items():
            for start in range(0, len(hashes), _LOOKUP):
                self._load_some(tx, namespace, hashes[start : start + _LOOKUP])
        self._load_names(tx)

    def resolve(self, identities: list[Identity], *, at: int) -> str:
        """The person these identities belong to; made when nobody has any of them.

        Args:
            identities: At least one, strongest first.
            at: Microseconds UTC of the event.
        """
        keys = [(identity[0], self._hashes[identity]) for identity in identities]
        named = [self._find(key) for key in keys if key[0] in NAMED and key in self._owner]
        anonymous = [self._find(key) for key in keys if key[0] not in NAMED and key in self._owner]
        has_name = any(key[0] in NAMED for key in keys)
        person = self._joined(named) if named else None
        for candidate in anonymous:
            if person is None:
                # A named event on a device that belongs to somebody else starts a new person.
                if not (has_name and candidate.named):
                    person = candidate
            elif candidate is not person and not candidate.named:
                person = self._joined([person, candidate])
        if person is None:
            person = self._create(identities[0], at)
        person.first_seen_at = min(person.first_seen_at, at)
        person.named = person.named or has_name
        for key in keys:
            self._claim(key, person, at)
        return person.person_id

    def survivor(self, person_id: str) -> str:
        """The person that a person merged in this batch lives on as."""
        while person_id in self.changes.merged:
            person_id = self.changes.merged[person_id]
        return person_id

    def knows(self, person_id: str) -> bool:
        """Whether this step resolved anything to the person."""
        return person_id in self._profiles

    def first_seen(self, person_id: str) -> int:
        """Microseconds UTC of the earliest event of a person in this batch or before."""
        return self._profiles[person_id].first_seen_at

    def _load_some(self, tx: Transaction, namespace: str, hashes: list[str]) -> None:
        names = {f"h{index}": value for index, value in enumerate(hashes)}
        marks = ", ".join(f":{name}" for name in names)
        rows = tx.tuples(
            "SELECT i.value_hash, i.person_id, p.first_seen_at FROM identities i"
            " JOIN profiles p ON p.person_id = i.person_id"
            f" WHERE i.namespace = :namespace AND i.value_hash IN ({marks})",
            {"namespace": namespace, **names},
        )
        for value_hash, person_id, first_seen_at in rows:
            self._owner[namespace, value_hash] = person_id
            self._profiles.setdefault(
                person_id, _Profile(person_id, first_seen_at, named=namespace in NAMED)
            ).named |= namespace in NAMED

    def _load_names(self, tx: Transaction) -> None:
        """Learn which profiles that were found by a device have a name all the same."""
        unsure = [person for person in self._profiles.values() if not person.named]
        for start in range(0, len(unsure), _LOOKUP):
            chunk = {
                f"p{index}": person.person_id
                for index, person in enumerate(unsure[start : start + _LOOKUP])
            }
            marks = ", ".join(f":{name}" for name in chunk)
            rows = tx.tuples(
                "SELECT DISTINCT person_id FROM identities WHERE namespace IN ('user_id', 'email')"
                f" AND person_id IN ({marks})",
                chunk,
            )
            for (person_id,) in rows:
                self._profiles[person_id].named = True

    def _find(self, key: tuple[str, str]) -> _Profile:
        return self._profiles[self.survivor(self._owner[key])]

    def _joined(self, profiles: list[_Profile]) -> _Profile:
        survivor = min(
            profiles,
            key=lambda profile: (not profile.named, profile.first_seen_at, profile.person_id),
        )
        for profile in profiles:
            if profile is not survivor and profile.person_id not in self.changes.merged:
                self.changes.merged[profile.person_id] = survivor.person_id
                survivor.first_seen_at = min(survivor.first_seen_at, profile.first_seen_at)
        return survivor

    def _create(self, identity: Identity, at: int) -> _Profile:
        person_id = person_id_for(self._person_key, *identity)
        if person_id in self._profiles:
            # The identity was taken over by another profile; its first bearer keeps the plain id.
            person_id = person_id_for(self._person_key, identity[0], f"{identity[1]}\x1f{at}")
        profile = _Profile(person_id, at, named=identity[0] in NAMED, new=True)
        self._profiles[person_id] = profile
        self.changes.created.add(person_id)
        return profile

    def _claim(self, key: tuple[str, str], person: _Profile, at: int) -> None:
        if self._owner.get(key) == person.person_id:
            return
        self._owner[key] = person.person_id
        self.changes.identities.append(
            {
                "namespace": key[0],
                "value_hash": key[1],
                "person_id": person.person_id,
                "first_seen_at": at,
            }
        )
