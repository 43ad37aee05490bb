"""The identity graph: which person an event belongs to.

Identities (namespace, value) come in, one person goes out. Deterministic rules only:

- a user id, an e-mail address or an anonymous id that is known leads to its person;
- a user id and an e-mail address that turn out to belong to two people join them, the older
  one survives;
- an anonymous id joins its person to a named one only while that person has no name of its
  own: a shared device does not make two customers one;
- phone numbers join nobody: households share them;
- an alias says that two ids are one person's, whatever they were called before;
- people whom somebody took for one are joined, whatever identities they have (`merging.py`).

Values are stored as keyed hashes only. What was looked up is kept in memory from step to step:
it stays true while this process alone applies the log and every step is committed. Otherwise
the graph must be told to `forget`.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from vocative.identify.person import PERSON_COLUMNS, Person
from vocative.ids import person_id_for
from vocative.privacy.vault import Vault
from vocative.stores import Transaction, in_lists

Identity = tuple[str, str]
"""(namespace, value): namespaces are user_id, email and anonymous_id."""

NAMED = ("user_id", "email")
MOST_KEPT = 200_000
"""How many identities are kept from step to step: about 100 MB with their people."""

_NAME_SQL = (
    "EXISTS (SELECT 1 FROM identities n WHERE n.person_id = p.person_id"
    " AND n.namespace IN ('user_id', 'email'))"
)


@dataclass
class Changes:
    """What resolving did in one step, to be written with it."""

    claims: list[tuple[Identity, Person, int]] = field(default_factory=list)
    """(identity, whose it is from now on, instant of the event)."""
    merged: list[Person] = field(default_factory=list)
    """People who disappeared, in the order of the merges."""


class IdentityGraph:
    """Resolves the identities of one step after the other; look-ups are made in bulk beforehand."""

    def __init__(self, vault: Vault, person_key: bytes) -> None:
        self._vault = vault
        self._person_key = person_key
        self._owner: dict[Identity, Person] = {}
        self._people: dict[str, Person] = {}
        self._hashes: dict[Identity, str] = {}
        self.changes = Changes()

    def forget(self) -> None:
        """Look everything up again: a step was rolled back, or somebody else applied one."""
        self._owner, self._people = {}, {}

    def load(
        self, tx: Transaction, identities: Set[Identity], person_ids: Set[str] = frozenset()
    ) -> None:
        """Begin a step: read what the store knows of these identities and people.

        Args:
            tx: The transaction in which the step is applied.
            identities: Everything that `resolve` will be asked about.
            person_ids: People that events name themselves.
        """
        self.changes, self._hashes = Changes(), {}
        if len(self._owner) > MOST_KEPT:
            self.forget()
        by_namespace: dict[str, dict[str, Identity]] = {}
        for identity in [one for one in identities if one not in self._owner]:
            value_hash = self._hashes[identity] = self._vault.lookup_hash(*identity)
            by_namespace.setdefault(identity[0], {})[value_hash] = identity
        for namespace, hashes in by_namespace.items():
            self._load_owners(tx, namespace, hashes)
        self._load_people(tx, person_ids)

    def resolve(self, identities: Sequence[Identity], *, at: int) -> Person:
        """The person these identities belong to; made when nobody has any of them.

        Args:
            identities: At least one, strongest first.
            at: Microseconds UTC of the event.
        """
        owners = self._owner
        first = owners.get(identities[0])
        if first is not None:
            if first.merged_into is not None:
                first = first.living
            # Nearly always everything leads to one person, and nothing changes.
            for identity in identities:
                owner = owners.get(identity)
                if owner is not first and (owner is None or owner.living is not first):
                    break
            else:
                return first
        return self._decide(identities, at)

    def person(self, person_id: str, *, at: int) -> Person:
        """The person whom an event names itself, or who they live on as."""
        person = self._people.get(person_id)
        if person is None:
            person = self._people[person_id] = Person(person_id, at, at, stored=False)
        return person.living

    def join(self, person_ids: Sequence[str]) -> Person | None:
        """Make one of people who were loaded; None when none of them is known any more."""
        people = [self._people[one].living for one in person_ids if one in self._people]
        return self._joined(people) if people else None

    def knows(self, identity: Identity) -> bool:
        """Whether somebody has this identity, which was loaded."""
        return identity in self._owner

    def value_hash(self, identity: Identity) -> str:
        """The keyed hash of an identity's value."""
        return self._hashes.get(identity) or self._vault.lookup_hash(*identity)

    def _decide(self, identities: Sequence[Identity], at: int) -> Person:
        person = self._agreed(identities) or self._create(identities[0], at)
        person.seen(at)
        for identity in identities:
            if identity[0] in NAMED:
                person.named = True
            owner = self._owner.get(identity)
            if owner is None or owner.living is not person:
                self._owner[identity] = person
                self.changes.claims.append((identity, person, at))
        return person

    def _agreed(self, identities: Sequence[Identity]) -> Person | None:
        """The one person that the known identities lead to, joined where need be."""
        named = [p for one in identities if one[0] in NAMED and (p := self._find(one))]
        person = self._joined(named) if named else None
        has_name = any(identity[0] in NAMED for identity in identities)
        for identity in identities:
            candidate = self._find(identity) if identity[0] not in NAMED else None
            if candidate is None or candidate is person:
                continue
            if person is not None:
                if not candidate.named:
                    person = self._joined([person, candidate])
            elif not (has_name and candidate.named):
                # A new name on a device that belongs to somebody else starts a new person.
                person = candidate
        return person

    def _find(self, identity: Identity) -> Person | None:
        owner = self._owner.get(identity)
        return None if owner is None else owner.living

    def _joined(self, people: list[Person]) -> Person:
        survivor = min(
            people, key=lambda person: (not person.named, person.first_seen_at, person.person_id)
        )
        for person in people:
            if person is not survivor and person.merged_into is None:
                survivor.absorb(person)
                self.changes.merged.append(person)
        return survivor

    def _create(self, identity: Identity, at: int) -> Person:
        person_id = person_id_for(self._person_key, *identity)
        person = self._people[person_id] = Person(person_id, at, at, stored=False)
        return person

    def _load_owners(self, tx: Transaction, namespace: str, hashes: Mapping[str, Identity]) -> None:
        named = "1" if namespace in NAMED else _NAME_SQL
        for marks, bound in in_lists(list(hashes)):
            rows = tx.tuples(
                f"SELECT i.value_hash, {named}, {PERSON_COLUMNS} FROM identities i"
                " JOIN profiles p ON p.person_id = i.person_id"
                f" WHERE i.namespace = :namespace AND i.value_hash IN ({marks})",
                (namespace, *bound.values()),
            )
            for value_hash, has_name, person_id, *row in rows:
                person = self._people.get(person_id)
                if person is None:
                    person = self._people[person_id] = Person(person_id, *row)
                person.named = person.named or bool(has_name)
                self._owner[hashes[value_hash]] = person

    def _load_people(self, tx: Transaction, person_ids: Set[str]) -> None:
        merged: dict[str, str] = {}
        for marks, bound in in_lists(sorted(one for one in person_ids if one not in self._people)):
            rows = tx.tuples(
                f"SELECT p.merged_into, {_NAME_SQL}, {PERSON_COLUMNS} FROM profiles p"
                f" WHERE p.person_id IN ({marks})",
                bound,
            )
            for survivor, has_name, person_id, *row in rows:
                person = self._people[person_id] = Person(person_id, *row)
                person.named = bool(has_name)
                if survivor is not None:
                    merged[person_id] = survivor
        if merged:
            # Whoever survives was not merged again: then this row would name the last survivor.
            self._load_people(tx, set(merged.values()))
            for person_id, survivor in merged.items():
                self._people[person_id].merged_into = self._people[survivor]
