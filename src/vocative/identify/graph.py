"""The identity graph: which profile an event belongs to.

Identities (namespace, value) come in, one person id goes out. Deterministic rules only:

- a user id, an e-mail address or an anonymous id that is known leads to its profile;
- a user id and an e-mail address that turn out to belong to two profiles join them, the older
  one survives;
- an anonymous id joins its profile to a named one only while that profile has no name of its
  own: a shared device does not make two customers one;
- phone numbers join nobody: households share them;
- an alias says that two ids are one person's, whatever they were called before.

Values are kept as keyed hashes only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from vocative.ids import person_id_for
from vocative.privacy.vault import Vault
from vocative.stores import Transaction, in_lists

Identity = tuple[str, str]
"""(namespace, value): namespaces are user_id, email and anonymous_id."""
Key = tuple[str, str]
"""(namespace, keyed hash of the value)."""

NAMED = ("user_id", "email")


@dataclass
class _Profile:
    person_id: str
    first_seen_at: int
    named: bool = False


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
        self._keys: dict[Identity, Key] = {}
        self._owner: dict[Key, str] = {}
        self._moved: dict[str, str] = {}
        self._profiles: dict[str, _Profile] = {}
        self.changes = Changes()

    def load(
        self, tx: Transaction, identities: Iterable[Identity], person_ids: Iterable[str] = ()
    ) -> None:
        """Read what the store knows about these identities, and whether these people were merged.

        Args:
            tx: The transaction in which the batch is applied.
            identities: Everything that `resolve` will be asked about.
            person_ids: People that events name themselves.
        """
        by_namespace: dict[str, list[str]] = {}
        for identity in set(identities):
            value_hash = self._vault.lookup_hash(*identity)
            self._keys[identity] = (identity[0], value_hash)
            by_namespace.setdefault(identity[0], []).append(value_hash)
        for namespace, hashes in by_namespace.items():
            self._load_owners(tx, namespace, hashes)
        self._load_names(tx)
        for marks, bound in in_lists(list(person_ids)):
            self._moved.update(
                tx.tuples(
                    "SELECT person_id, merged_into FROM profiles WHERE merged_into IS NOT NULL"
                    f" AND person_id IN ({marks})",
                    bound,
                )
            )

    def resolve(self, identities: Sequence[Identity], *, at: int) -> str:
        """The person these identities belong to; made when nobody has any of them.

        Args:
            identities: At least one, strongest first.
            at: Microseconds UTC of the event.
        """
        keys = [self._keys[identity] for identity in identities]
        person = self._agreed(keys) or self._create(identities[0], at)
        person.first_seen_at = min(person.first_seen_at, at)
        for key in keys:
            if key[0] in NAMED:
                person.named = True
            if self._owner.get(key) != person.person_id:
                self._claim(key, person, at)
        return person.person_id

    def _agreed(self, keys: list[Key]) -> _Profile | None:
        """The one profile that the known ones among the keys lead to, joined where need be."""
        if len(keys) == 1:
            return self._find(keys[0])
        named = [p for key in keys if key[0] in NAMED and (p := self._find(key))]
        person = self._joined(named) if named else None
        has_name = any(key[0] in NAMED for key in keys)
        for key in keys:
            candidate = self._find(key) if key[0] not in NAMED else None
            if candidate is None or candidate is person:
                continue
            if person is not None:
                if not candidate.named:
                    person = self._joined([person, candidate])
            elif not (has_name and candidate.named):
                # A new name on a device that belongs to somebody else starts a new person.
                person = candidate
        return person

    def survivor(self, person_id: str) -> str:
        """The person that a merged person lives on as."""
        person_id = self._moved.get(person_id, person_id)
        while person_id in self.changes.merged:
            person_id = self.changes.merged[person_id]
        return person_id

    def knows(self, identity: Identity) -> bool:
        """Whether somebody has this identity, which was loaded."""
        return self._keys[identity] in self._owner

    def _load_owners(self, tx: Transaction, namespace: str, hashes: Sequence[str]) -> None:
        rows = [
            row
            for marks, bound in in_lists(hashes)
            for row in tx.tuples(
                "SELECT i.value_hash, i.person_id, p.first_seen_at FROM identities i"
                " JOIN profiles p ON p.person_id = i.person_id"
                f" WHERE i.namespace = :namespace AND i.value_hash IN ({marks})",
                {"namespace": namespace, **bound},
            )
        ]
        for value_hash, person_id, first_seen_at in rows:
            self._owner[namespace, value_hash] = person_id
            known = self._profiles.get(person_id)
            if known is None:
                known = self._profiles[person_id] = _Profile(person_id, first_seen_at)
            known.named = known.named or namespace in NAMED

    def _load_names(self, tx: Transaction) -> None:
        """Learn which profiles that were found by a device have a name all the same."""
        unsure = [person.person_id for person in self._profiles.values() if not person.named]
        for marks, bound in in_lists(unsure):
            rows = tx.tuples(
                "SELECT DISTINCT person_id FROM identities WHERE namespace IN ('user_id', 'email')"
                f" AND person_id IN ({marks})",
                bound,
            )
            for (person_id,) in rows:
                self._profiles[person_id].named = True

    def _find(self, key: Key) -> _Profile | None:
        owner = self._owner.get(key)
        return None if owner is None else self._profiles[self.survivor(owner)]

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
        profile = self._profiles[person_id] = _Profile(person_id, at)
        self.changes.created.add(person_id)
        return profile

    def _claim(self, key: Key, person: _Profile, at: int) -> None:
        self._owner[key] = person.person_id
        self.changes.identities.append(
            {
                "namespace": key[0],
                "value_hash": key[1],
                "person_id": person.person_id,
                "first_seen_at": at,
            }
        )
