"""A person as of an instant: who it consisted of, and what these had stated by then.

Only what somebody stated last is kept. What was stated before is still on the log, and history
says where: so the statements of a person's profiles are read again there, up to the instant.
Instants are those of the events: what arrived late counts from when it happened on.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from vocative.collect.quality.rules import read_rules
from vocative.errors import StateError, UnknownName
from vocative.identify.graph import Identity
from vocative.identify.person import Person
from vocative.identify.reading import ReadEvent, read_batches
from vocative.identify.separating import Joined
from vocative.identify.whole import Link, parts, together
from vocative.privacy.vault import Statements, merge_statements
from vocative.stores import Transaction, in_lists
from vocative.workspace import Workspace
from vocative.workspace.analytics import open_history

_STATING = "Identified"
"""How history calls the events that state traits."""


class PastIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Something that led to a person then."""

    namespace: str
    value: str | None
    """None: nothing that was read says what it is, for only its hash is kept."""
    since: int
    """Microseconds UTC."""


class PastPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Who somebody was."""

    person_id: str
    """The profile that survived then."""
    profiles: list[str]
    first_seen_at: int
    """Microseconds UTC."""
    traits: dict[str, tuple[Any, int]]
    """Trait → (value, when it was stated)."""
    fields: dict[str, str]
    """Personal fields; none of people whose record was destroyed."""
    identities: list[PastIdentity]
    merges: list[Joined]
    """By which the profiles were one person, oldest first."""


class _Edge(msgspec.Struct, frozen=True):
    """A merge, and between which instants it held."""

    number: int
    gone: str
    kept: str
    decided: bool
    at: int
    until: int | None

    def holds(self, at: int) -> bool:
        return self.at <= at and (self.until is None or self.until > at)


def person_at(workspace: Workspace, tx: Transaction, person_id: str, at: int) -> PastPerson:
    """Who a profile was part of at an instant, and what was known of that person.

    Args:
        workspace: Where.
        tx: Where the store is read.
        person_id: A profile: who is there now, or was merged into somebody.
        at: Microseconds UTC.

    Raises:
        UnknownName: nothing is known of it up to then.
        StateError: the log does not reach back to what was stated.
    """
    held = [edge for edge in _edges(tx, person_id) if edge.holds(at)]
    survivor, profiles = _together_then(held, person_id)
    first, places = _seen(workspace, tx, profiles, at)
    if first is None:
        raise UnknownName(
            f"nothing is known of {person_id} up to then", hint="ask for a later instant"
        )
    stated = _stated(workspace, places, profiles)
    hidden = _without_key(tx, profiles)
    order = sorted(profiles, key=lambda one: (one == survivor, one))
    traits = together(stated[one].traits for one in order)
    fields = together(stated[one].fields for one in order if one not in hidden)
    return PastPerson(
        person_id=survivor,
        profiles=sorted(profiles),
        first_seen_at=first,
        traits=traits,
        fields={name: value for name, (value, _) in fields.items() if value is not None},
        identities=_identities(workspace, tx, at, stated, hidden=bool(hidden)),
        merges=[
            Joined(gone=edge.gone, kept=edge.kept, decided=edge.decided, at=edge.at)
            for edge in held
            if edge.gone in profiles
        ],
    )


def _edges(tx: Transaction, person_id: str) -> list[_Edge]:
    """Every merge there ever was between a profile and others, directly or not."""
    found: dict[int, _Edge] = {}
    known, fresh = set[str](), {person_id}
    while fresh:
        edges = [*_merges(tx, sorted(fresh)), *_old_merges(tx, sorted(fresh))]
        found |= {edge.number: edge for edge in edges}
        known |= fresh
        fresh = {one for edge in edges for one in (edge.gone, edge.kept)} - known
    return [found[number] for number in sorted(found)]


def _merges(tx: Transaction, profiles: Sequence[str]) -> Iterator[_Edge]:
    for marks, bound in in_lists(profiles):
        for number, gone, kept, decided, at, until in tx.tuples(
            "SELECT number, gone, kept, decided, at, undone_at FROM merges"
            f" WHERE gone IN ({marks}) OR kept IN ({marks})",
            bound,
        ):
            yield _Edge(number, gone, kept, bool(decided), at, until)


def _old_merges(tx: Transaction, profiles: Sequence[str]) -> Iterator[_Edge]:
    """Merges from before they were kept with their instants: they count as having always held."""
    for marks, bound in in_lists(profiles):
        rows = tx.rows(
            "SELECT o.origin, o.joined_to FROM origins o WHERE o.joined_to IS NOT NULL"
            f" AND (o.origin IN ({marks}) OR o.joined_to IN ({marks})) AND NOT EXISTS"
            " (SELECT 1 FROM merges m WHERE m.gone = o.origin AND m.kept = o.joined_to)"
            " ORDER BY o.origin",
            bound,
        )
        for place, row in enumerate(rows):
            number = -1 - place - len(profiles)
            yield _Edge(number, row["origin"], row["joined_to"], False, 0, None)


def _together_then(held: Sequence[_Edge], person_id: str) -> tuple[str, set[str]]:
    """Who survived of those that a profile was one with by some merges, and all of them."""
    names = {person_id, *(one for edge in held for one in (edge.gone, edge.kept))}
    origins = {one: Person(one, 0, 0) for one in names}
    links = []
    for edge in held:
        if edge.decided:
            links.append(Link(edge.number, edge.gone, edge.kept))
        else:
            origins[edge.gone].joined_to = origins[edge.kept]
    for survivor, members in parts(origins, links):
        found = {member.person_id for member in members}
        if person_id in found:
            return survivor.person_id, found
    raise AssertionError(person_id)  # everybody is in one of the parts


def _seen(
    workspace: Workspace, tx: Transaction, profiles: set[str], at: int
) -> tuple[int | None, dict[str, tuple[str, int]]]:
    """When profiles were seen first; and by event that states something, whose it is and where."""
    bound = {"ids": sorted(profiles), "at": at}
    condition = 'list_contains($ids, person_id) AND epoch_us("at") <= $at'
    with open_history(workspace, tx, apart=True) as engine:
        first = engine.rows(
            f'SELECT min(epoch_us("at")) AS first FROM events WHERE {condition}'
            " AND name NOT IN ('Identity Merged', 'Identity Split')",
            bound,
        )[0]["first"]
        rows = engine.rows(
            "SELECT event_id, person_id, position FROM events"
            f" WHERE {condition} AND name = '{_STATING}'",
            bound,
        )
    return first, {row["event_id"]: (row["person_id"], int(row["position"])) for row in rows}


class _Said:
    """What one profile stated up to an instant."""

    def __init__(self) -> None:
        self.traits: dict[str, tuple[Any, int]] = {}
        self.fields: Statements = {}
        self.named: dict[Identity, int] = {}
        """By which identities, and when first."""

    def take(self, one: ReadEvent) -> None:
        at = one.event.at
        self.traits = merge_statements(
            self.traits, {name: (value, at) for name, value in one.stated.traits.items()}
        )
        self.fields = merge_statements(
            self.fields, {name: (value, at) for name, value in one.stated.vault.items()}
        )
        for identity in one.identities:
            self.named[identity] = min(at, self.named.get(identity, at))


def _stated(
    workspace: Workspace, places: Mapping[str, tuple[str, int]], profiles: set[str]
) -> dict[str, _Said]:
    said = {one: _Said() for one in profiles}
    rules = read_rules(workspace)
    for position in sorted({position for _, position in places.values()}):
        batch = next(workspace.log.read(position - 1, most_events=1), None)
        if batch is None or batch.position != position:
            raise StateError(
                f"the event log has nothing at position {position:,} any more",
                where=".vocative/log.db",
                hint="what was stated then cannot be told; what counts now can",
            )
        for one in read_batches([batch], rules)[0]:
            profile = places.get(one.event_id)
            if profile is not None and profile[1] == position and one.event.type == "identify":
                said[profile[0]].take(one)
    return said


def _without_key(tx: Transaction, profiles: set[str]) -> set[str]:
    """Profiles of people whose personal record was destroyed, or who never had one."""
    found: set[str] = set()
    for marks, bound in in_lists(sorted(profiles)):
        rows = tx.tuples(
            f"SELECT p.person_id FROM profiles p WHERE p.person_id IN ({marks}) AND NOT EXISTS"
            " (SELECT 1 FROM vault_keys k"
            " WHERE k.person_id = coalesce(p.merged_into, p.person_id))",
            bound,
        )
        found.update(row[0] for row in rows)
    return found


def _identities(
    workspace: Workspace, tx: Transaction, at: int, stated: Mapping[str, _Said], *, hidden: bool
) -> list[PastIdentity]:
    """What led to some profiles; in plain where they were named by it, unless that is hidden."""
    named: dict[tuple[str, str], tuple[str, int]] = {}
    for said in stated.values():
        for (namespace, text), first in said.named.items():
            named[namespace, workspace.vault.lookup_hash(namespace, text)] = text, first
    found = []
    for key, turns in _owners(tx, stated.keys()).items():
        plain, first = named.get(key, (None, turns[0][0]))
        # What arrived late may have named it earlier than what came in first.
        turns[0] = min(first, turns[0][0]), turns[0][1]
        past = [turn for turn in turns if turn[0] <= at]
        if past and past[-1][1] in stated:
            value = None if hidden else plain
            found.append(PastIdentity(namespace=key[0], value=value, since=past[-1][0]))
    return sorted(found, key=lambda one: (one.namespace, one.since, one.value or ""))


_Owners = dict[tuple[str, str], list[tuple[int, str]]]
"""(namespace, hash) → from when on it was whose, in order."""


def _owners(tx: Transaction, profiles: Collection[str]) -> _Owners:
    """The identities that ever led to one of some profiles."""
    found: _Owners = {}
    for marks, bound in in_lists(sorted(profiles)):
        rows = tx.tuples(
            "SELECT i.namespace, i.value_hash, i.first_seen_at, coalesce(i.origin, i.person_id)"
            " FROM identities i JOIN profiles p"
            " ON i.person_id = coalesce(p.merged_into, p.person_id)"
            f" WHERE p.person_id IN ({marks}) AND coalesce(i.origin, i.person_id) = p.person_id"
            " UNION SELECT i.namespace, i.value_hash, i.first_seen_at,"
            " coalesce(i.origin, i.person_id) FROM identity_moves m JOIN identities i"
            " ON i.namespace = m.namespace AND i.value_hash = m.value_hash"
            f" WHERE m.from_origin IN ({marks})",
            bound,
        )
        for namespace, value_hash, first, owner in rows:
            found[namespace, value_hash] = [(first, owner)]
    for (namespace, value_hash), turns in found.items():
        moves = tx.tuples(
            "SELECT from_origin, to_origin, at FROM identity_moves WHERE namespace = :namespace"
            " AND value_hash = :value_hash ORDER BY number",
            {"namespace": namespace, "value_hash": value_hash},
        )
        if moves:
            turns[:] = [(turns[0][0], moves[0][0]), *((at, whose) for _, whose, at in moves)]
    return found
