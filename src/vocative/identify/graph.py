"""The identity graph: which person an event belongs to.

Identities (namespace, value) come in, one person goes out. Deterministic rules only:

- a user id, an e-mail address or an anonymous id that is known leads to its person;
- a user id and an e-mail address that turn out to belong to two people join them, the older
  one survives;
- an anonymous id joins its person to a named one only while that person has no name of its
  own: a shared device does not make two customers one;
- phone numbers join nobody: households share them;
- an alias says that two ids are one person's, whatever they were called before;
- no rule joins people who were told apart, and none makes one person of very many accounts: an
  identity that would stays where it is.

Beside the rules, somebody may decide that people are one, or take that back (`merging.py`). The
rules do not look at decisions, so a decision that is taken back leaves no trace.

Joining moves nothing: each identity, each event and each statement stays with the origin it came
with (`whole.py`). Values are stored as keyed hashes only. What was looked up is kept in memory from
step to step: it stays true while this process alone applies the log and every step is committed.
Otherwise the graph must be told to `forget`.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from vocative.identify.origins import (
    Merge,
    Undone,
    is_noted,
    load_wholes,
    told_apart,
)
from vocative.identify.person import PERSON_COLUMNS, Person
from vocative.identify.whole import Link, Whole, branch, cluster, parts
from vocative.ids import person_id_for
from vocative.privacy.vault import Vault
from vocative.stores import Transaction, in_lists

Identity = tuple[str, str]
"""(namespace, value): namespaces are user_id, email and anonymous_id."""

NAMED = ("user_id", "email")
MOST_ACCOUNTS = 20
"""So many user ids may rules bring together in one person. Families share an address, support
staff and test users use one for everybody."""
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
    moves: list[tuple[Identity, Person, Person, int]] = field(default_factory=list)
    """(identity, whose it was, whose it is from now on, instant of the event)."""
    merges: list[Merge | Undone] = field(default_factory=list)
    """In their order."""
    regrouped: dict[str, Person] = field(default_factory=dict)
    """Everybody who is with others than before, or alone."""
    merged: dict[str, str] = field(default_factory=dict)
    """Person who is gone since this step → who survives; known when the step is written."""
    split: set[Person] = field(default_factory=set)
    """Those who were one with somebody and came apart."""


class IdentityGraph:
    """Resolves the identities of one step after the other; look-ups are made in bulk beforehand."""

    def __init__(self, vault: Vault, person_key: bytes) -> None:
        self._vault = vault
        self._person_key = person_key
        self._owner: dict[Identity, Person] = {}
        self._people: dict[str, Person] = {}
        self._hashes: dict[Identity, str] = {}
        self._apart: dict[str, set[str]] | None = None
        self._number = 0
        """Of the latest merge or undoing; known when `_apart` is."""
        self._tx: Transaction | None = None
        self.changes = Changes()

    def forget(self) -> None:
        """Look everything up again: a step was rolled back, or somebody else applied one."""
        self._owner, self._people, self._apart = {}, {}, None

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
        self._tx = tx
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
        """The origin to which an event with these identities belongs; its `living` is the person.

        It is made when nobody has any of them.

        Args:
            identities: At least one, strongest first.
            at: Microseconds UTC of the event.
        """
        owners = self._owner
        first = owners.get(identities[0])
        if first is not None:
            root = first if first.joined_to is None else first.root
            # Nearly always everything leads to one person, and nothing changes.
            for identity in identities:
                owner = owners.get(identity)
                if owner is not first and (owner is None or owner.root is not root):
                    break
            else:
                return first
        return self._decide(identities, at)

    def person(self, person_id: str, *, at: int) -> Person:
        """The origin that an event names itself."""
        person = self._people.get(person_id)
        if person is None:
            person = self._people[person_id] = Person(person_id, at, at, stored=False)
        return person

    def join(self, person_ids: Sequence[str], *, at: int) -> Person | None:
        """Somebody decided that people are one.

        Args:
            person_ids: People who were loaded; others are nobody.
            at: Microseconds UTC of the decision.

        Returns:
            The first of them; None when none is known.
        """
        people = list(dict.fromkeys(p for one in person_ids if (p := self._people.get(one))))
        for other in people[1:]:
            kept, gone = sorted((people[0], other), key=lambda one: _age(one.root))
            merge = self._note(gone, kept, decided=True, at=at)
            self._unite([kept, gone], Link(merge.number, merge.gone, merge.kept))
        return people[0] if people else None

    def undo(self, one_id: str, other_id: str, *, at: int) -> Person | None:
        """Somebody took back that two people are one; what else joins them goes on doing so.

        Returns:
            The first of the two; None when nobody is known by that id.
        """
        one = self._people.get(one_id)
        whole = None if one is None else one.whole
        if whole is None:
            return one
        links = [x for x in whole.links if {x.gone, x.kept} == {one_id, other_id}]
        for link in links:
            self.changes.merges.append(Undone(link.gone, link.kept, 1, at, 0))
        if links:
            self._cut(whole, links)
        return one

    def separate(self, person_id: str, *, at: int) -> Person | None:
        """Take an origin, with everybody whom rules joined to it, out of its person.

        No rule joins it again to what it is taken from.

        Returns:
            The origin; None when nobody is known by that id.
        """
        origin = self._people.get(person_id)
        if origin is None or origin.whole is None:
            return origin
        whole, leaving, joined_to = origin.whole, branch(origin), origin.joined_to
        links = [x for x in whole.links if (x.gone in leaving) != (x.kept in leaving)]
        if joined_to is not None and self._is_noted(origin, joined_to):
            self._tell_apart(person_id, joined_to.person_id, decided=False, at=at)
            origin.joined_to = None
        for link in links:
            self._tell_apart(link.gone, link.kept, decided=True, at=at)
        if links or origin.joined_to is not joined_to:
            self._cut(whole, links)
        return origin

    def knows(self, identity: Identity) -> bool:
        """Whether somebody has this identity, which was loaded."""
        return identity in self._owner

    def is_known(self, person_id: str) -> bool:
        """Whether there is somebody with this id, who was loaded."""
        return person_id in self._people

    def value_hash(self, identity: Identity) -> str:
        """The keyed hash of an identity's value."""
        return self._hashes.get(identity) or self._vault.lookup_hash(*identity)

    def next_number(self) -> int:
        """The number of the next change of who is who; they are numbered for good."""
        self._known_apart()
        self._number += 1
        return self._number

    # Rules

    def _decide(self, identities: Sequence[Identity], at: int) -> Person:
        root = self._agreed(identities, at) or self._create(identities[0], at)
        origin = next(
            (o for one in identities if (o := self._owner.get(one)) and o.root is root), root
        )
        origin.seen(at)
        for identity in identities:
            owner = self._owner.get(identity)
            if owner is None:
                if identity[0] in NAMED:
                    origin.named = True
            elif owner.root is root or identity[0] in NAMED:
                continue  # its own already, or of somebody whom no rule joins
            else:
                self.changes.moves.append((identity, owner, origin, at))
            self._owner[identity] = origin
            self.changes.claims.append((identity, origin, at))
        return origin

    def _agreed(self, identities: Sequence[Identity], at: int) -> Person | None:
        """The one that the known identities lead to, joined where need be."""
        named = [p for one in identities if one[0] in NAMED and (p := self._find(one))]
        if named and identities[0][0] == "user_id" and identities[0] not in self._owner:
            # One account more, by way of an address.
            named = [p for p in named if self._accounts([p]) < MOST_ACCOUNTS]
        person = self._joined(named, at) if named else None
        has_name = any(identity[0] in NAMED for identity in identities)
        for identity in identities:
            candidate = self._find(identity) if identity[0] not in NAMED else None
            if candidate is None or candidate is person:
                continue
            if person is not None:
                if not _is_named(candidate):
                    person = self._joined([person, candidate], at)
            elif not (has_name and _is_named(candidate)):
                # A new name on a device that belongs to somebody else starts a new person.
                person = candidate
        return person

    def _find(self, identity: Identity) -> Person | None:
        owner = self._owner.get(identity)
        return None if owner is None else owner.root

    def _joined(self, people: Sequence[Person], at: int) -> Person:
        """Make one of those that may be one with the first; by the rules, so of roots."""
        group = [people[0]]
        for person in people[1:]:
            if person not in group and all(self._may_join(person, other) for other in group):
                group.append(person)
        survivor = min(group, key=_age)
        for person in group:
            if person is not survivor:
                self._note(person, survivor, decided=False, at=at)
                person.joined_to = survivor
                self._unite([survivor, person])
        return survivor

    def _may_join(self, one: Person, other: Person) -> bool:
        apart = self._known_apart()
        if apart:
            theirs = {origin.person_id for origin in cluster(other)}
            told = (apart.get(origin.person_id) for origin in cluster(one))
            if any(others and not others.isdisjoint(theirs) for others in told):
                return False
        if not (_is_named(one) and _is_named(other)):
            return True
        return self._accounts([one, other]) <= MOST_ACCOUNTS

    def _accounts(self, roots: Sequence[Person]) -> int:
        """How many user ids lead to these."""
        people = {origin.person_id: origin for root in roots for origin in cluster(root)}
        new = sum(i[0] == "user_id" and p.person_id in people for i, p, _ in self.changes.claims)
        for marks, bound in in_lists(sorted({origin.home for origin in people.values()})):
            rows = self._open.tuples(
                "SELECT coalesce(origin, person_id), count(*) FROM identities"
                f" WHERE person_id IN ({marks}) AND namespace = 'user_id' GROUP BY 1",
                bound,
            )
            new += sum(count for origin, count in rows if origin in people)
        return new

    def _create(self, identity: Identity, at: int) -> Person:
        person_id = person_id_for(self._person_key, *identity)
        person = self._people[person_id] = Person(person_id, at, at, stored=False)
        return person

    # Who is with whom

    def _unite(self, people: Sequence[Person], *links: Link) -> None:
        origins: dict[str, Person] = {}
        kept = list(links)
        for person in people:
            whole = person.whole or Whole([person], (), person)
            origins |= whole.origins
            kept += [link for link in whole.links if link not in kept]
        self._regroup(Whole(origins.values(), kept, people[0].living))

    def _regroup(self, whole: Whole) -> None:
        """See anew who is one person among the origins of what was one."""
        self.changes.regrouped |= whole.origins
        found = parts(whole.origins, whole.links)
        if len(found) > 1:
            self.changes.split |= set(whole.origins.values())
        for survivor, members in found:
            ids = {one.person_id for one in members}
            links = [link for link in whole.links if link.gone in ids]
            Whole(members, links, survivor)
            if len(members) == 1:
                survivor.whole = None

    def _cut(self, whole: Whole, links: Sequence[Link]) -> None:
        whole.links = [link for link in whole.links if link not in links]
        self._regroup(whole)

    def _note(self, gone: Person, kept: Person, *, decided: bool, at: int) -> Merge:
        merge = Merge(self.next_number(), gone.person_id, kept.person_id, int(decided), at)
        self.changes.merges.append(merge)
        return merge

    def _is_noted(self, gone: Person, kept: Person) -> bool:
        pair = (gone.person_id, kept.person_id, 0)
        here = ((m.gone, m.kept, m.decided) for m in self.changes.merges if isinstance(m, Merge))
        return pair in here or is_noted(self._open, gone.person_id, kept.person_id)

    def _tell_apart(self, gone: str, kept: str, *, decided: bool, at: int) -> None:
        self.changes.merges.append(Undone(gone, kept, int(decided), at, 1))
        apart = self._known_apart()
        apart.setdefault(gone, set()).add(kept)
        apart.setdefault(kept, set()).add(gone)

    def _known_apart(self) -> dict[str, set[str]]:
        """Origins that no rule joins with some others."""
        if self._apart is None:
            self._apart, self._number = told_apart(self._open)
        return self._apart

    @property
    def _open(self) -> Transaction:
        """The transaction of the step."""
        assert self._tx is not None  # noqa: S101 - a step begins with `load`
        return self._tx

    # Reading

    def _load_owners(self, tx: Transaction, namespace: str, hashes: Mapping[str, Identity]) -> None:
        named = "1" if namespace in NAMED else _NAME_SQL
        several: list[tuple[str, str]] = []
        wholes: set[str] = set()
        for marks, bound in in_lists(list(hashes)):
            rows = tx.tuples(
                f"SELECT i.value_hash, i.origin, {named}, {PERSON_COLUMNS} FROM identities i"
                " JOIN profiles p ON p.person_id = i.person_id"
                f" WHERE i.namespace = :namespace AND i.value_hash IN ({marks})",
                (namespace, *bound.values()),
            )
            for value_hash, origin, has_name, person_id, *row in rows:
                if origin is not None:
                    several.append((value_hash, origin))
                    if origin not in self._people:
                        wholes.add(person_id)
                    continue
                person = self._people.get(person_id)
                if person is None:
                    person = self._people[person_id] = Person(person_id, *row)
                person.named = person.named or bool(has_name)
                self._owner[hashes[value_hash]] = person
        if several:
            load_wholes(tx, wholes, self._people)
            for value_hash, origin in several:
                self._owner[hashes[value_hash]] = self._people[origin]

    def _load_people(self, tx: Transaction, person_ids: Set[str]) -> None:
        wholes: set[str] = set()
        for marks, bound in in_lists(sorted(one for one in person_ids if one not in self._people)):
            rows = tx.tuples(
                f"SELECT o.person_id, {_NAME_SQL}, {PERSON_COLUMNS} FROM profiles p"
                f" LEFT JOIN origins o ON o.origin = p.person_id WHERE p.person_id IN ({marks})",
                bound,
            )
            for whole, has_name, person_id, *row in rows:
                if whole is not None:
                    wholes.add(whole)
                else:
                    person = self._people[person_id] = Person(person_id, *row)
                    person.named = bool(has_name)
        load_wholes(tx, wholes, self._people)


def _age(root: Person) -> tuple[bool, int, str]:
    """Of two that are one, whoever has a name goes on, then the older one."""
    first = min(origin.first_seen_at for origin in cluster(root))
    return (not _is_named(root), first, root.person_id)


def _is_named(root: Person) -> bool:
    """Whether a user id or an e-mail address leads to somebody, as far as the rules go."""
    return root.named or (root.whole is not None and any(o.named for o in cluster(root)))
