"""What events say about people: traits, direct identifiers, consents; and merging two people.

Changes are collected over a step and written set-based. A trait from an older event never
overwrites a newer one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from vocative.clock import from_micros
from vocative.collect.event import Event
from vocative.identify.applied import PersonNow
from vocative.identify.graph import Changes, IdentityGraph
from vocative.identify.personal import clean_text, split_traits
from vocative.privacy.addresses import email_domain, normal_email
from vocative.privacy.consent import Consent, Status, record
from vocative.privacy.vault import merge_statements
from vocative.stores import Transaction, in_lists
from vocative.workspace import Trait, Workspace

T = TypeVar("T")

_CONSENT_EVENTS: dict[str, Status] = {
    "Consent Given": "given",
    "Consent Withdrawn": "withdrawn",
    "Consent Requested": "pending",
    "Unsubscribed": "withdrawn",
}
_MOVE_SQL = (
    "UPDATE identities SET person_id = :kept WHERE person_id = :gone",
    "UPDATE consents SET person_id = :kept WHERE person_id = :gone",
    "UPDATE profiles SET merged_into = :kept WHERE merged_into = :gone",
    "UPDATE profiles SET merged_into = :kept WHERE person_id = :gone",
    # What was computed of half a person is worth nothing.
    "DELETE FROM scores WHERE person_id = :gone",
    "DELETE FROM recommendations WHERE person_id = :gone",
)


class Statement(msgspec.Struct, frozen=True, gc=False):
    """What an event says about its person, split at the door."""

    vault: dict[str, str | None]
    """Direct identifiers; an unusable e-mail address is None."""
    traits: dict[str, Any]


NOTHING = Statement({}, {})


def read_statement(event: Event, declared: Mapping[str, Trait]) -> Statement:
    """The traits of an identify; of any other event only the e-mail address in its context."""
    if not event.traits:
        return NOTHING
    vault, traits = split_traits(event.traits, declared)
    if vault.get("email"):
        # An unusable address is no address: it would only bounce.
        vault["email"] = address = normal_email(str(vault["email"]))
        if address:
            traits["email_domain"] = email_domain(address)
    return Statement(vault, traits)


@dataclass
class _Profile:
    """One row of `profiles`: a trait is kept with the instant at which it was stated."""

    first_seen_at: int
    updated_at: int
    traits: dict[str, tuple[Any, int]]


class ProfileChanges:
    """Collects what a step learned about people and writes it once."""

    def __init__(self, workspace: Workspace) -> None:
        self._vault_of_people = workspace.vault
        self._seen: dict[str, tuple[int, int]] = {}
        """Person → first and last instant of this step."""
        self._traits: dict[str, dict[str, tuple[Any, int]]] = {}
        self._vault: dict[str, dict[str, tuple[str | None, int]]] = {}
        self._consents: list[Consent] = []

    def observe(self, person_id: str, event: Event, stated: Statement) -> None:
        """Learn from one event."""
        at = event.at
        first, last = self._seen.get(person_id, (at, at))
        self._seen[person_id] = (min(first, at), max(last, at))
        if event.name in _CONSENT_EVENTS and event.type == "track":
            self._consents.append(_consent(person_id, event))
        if event.type == "identify" and stated is not NOTHING:
            _learn(self._traits, person_id, stated.traits, at)
            _learn(self._vault, person_id, stated.vault, at)

    def write(self, tx: Transaction, graph: IdentityGraph) -> dict[str, PersonNow]:
        """Write everything; people merged in this step end up as who survives.

        Returns:
            Everybody who was touched and is still there.
        """
        changes = graph.changes
        people = self._write_profiles(tx, changes)
        _write_identities(tx, graph)
        gone = [person_id for person_id in changes.merged if person_id not in changes.created]
        pairs = [{"gone": person_id, "kept": graph.survivor(person_id)} for person_id in gone]
        for sql in _MOVE_SQL:
            tx.run(sql, pairs)
        self._vault_of_people.learn_many(tx, self._vault)
        self._vault_of_people.join_many(tx, changes.merged)
        record(
            tx,
            [
                msgspec.structs.replace(consent, person_id=graph.survivor(consent.person_id))
                for consent in self._consents
            ],
        )
        return people

    def _write_profiles(self, tx: Transaction, changes: Changes) -> dict[str, PersonNow]:
        touched = {*self._seen, *changes.merged, *changes.merged.values()}
        profiles = _stored_profiles(tx, touched - changes.created)
        for person_id, (first, last) in self._seen.items():
            profile = profiles.setdefault(person_id, _Profile(first, last, {}))
            profile.first_seen_at = min(profile.first_seen_at, first)
            profile.updated_at = max(profile.updated_at, last)
            if person_id in self._traits:
                profile.traits = merge_statements(profile.traits, self._traits[person_id])
        for gone_id, kept_id in changes.merged.items():
            gone, kept = profiles[gone_id], profiles[kept_id]
            kept.first_seen_at = min(kept.first_seen_at, gone.first_seen_at)
            kept.updated_at = max(kept.updated_at, gone.updated_at)
            # On a tie the survivor's own statement counts: it is merged in last.
            kept.traits = merge_statements(gone.traits, kept.traits)
        left = sorted(touched - set(changes.merged))
        tx.run(
            "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits, traits_at)"
            " VALUES (:person_id, :first_seen_at, :updated_at, :traits, :traits_at)"
            " ON CONFLICT (person_id) DO UPDATE SET first_seen_at = excluded.first_seen_at,"
            " updated_at = excluded.updated_at, traits = excluded.traits,"
            " traits_at = excluded.traits_at",
            [_profile_row(person_id, profiles[person_id]) for person_id in left],
        )
        return {person_id: _person_now(profiles[person_id]) for person_id in left}


def _person_now(profile: _Profile) -> PersonNow:
    traits = {name: value for name, (value, _) in profile.traits.items()}
    return PersonNow(traits=traits, first_seen_at=profile.first_seen_at)


def _learn(
    known: dict[str, dict[str, tuple[T, int]]], person_id: str, stated: Mapping[str, T], at: int
) -> None:
    statements = {name: (value, at) for name, value in stated.items()}
    known[person_id] = merge_statements(known.get(person_id, {}), statements)


def _profile_row(person_id: str, profile: _Profile) -> dict[str, Any]:
    traits = {name: value for name, (value, _) in profile.traits.items()}
    times = {name: at for name, (_, at) in profile.traits.items()}
    return {
        "person_id": person_id,
        "first_seen_at": profile.first_seen_at,
        "updated_at": profile.updated_at,
        "traits": msgspec.json.encode(traits).decode(),
        "traits_at": msgspec.json.encode(times).decode(),
    }


def _stored_profiles(tx: Transaction, person_ids: set[str]) -> dict[str, _Profile]:
    traits_of = msgspec.json.Decoder(dict[str, Any]).decode
    times_of = msgspec.json.Decoder(dict[str, int]).decode
    found = {}
    for marks, bound in in_lists(sorted(person_ids)):
        for person_id, first_seen_at, updated_at, traits, traits_at in tx.tuples(
            "SELECT person_id, first_seen_at, updated_at, traits, traits_at FROM profiles"
            f" WHERE person_id IN ({marks})",
            bound,
        ):
            times = times_of(traits_at)
            stated = {
                name: (value, times.get(name, 0)) for name, value in traits_of(traits).items()
            }
            found[person_id] = _Profile(first_seen_at, updated_at, stated)
    return found


def _write_identities(tx: Transaction, graph: IdentityGraph) -> None:
    rows = [
        {**row, "person_id": graph.survivor(str(row["person_id"]))}
        for row in graph.changes.identities
    ]
    tx.run(
        "INSERT INTO identities (namespace, value_hash, person_id, first_seen_at)"
        " VALUES (:namespace, :value_hash, :person_id, :first_seen_at)"
        " ON CONFLICT (namespace, value_hash) DO UPDATE SET person_id = excluded.person_id",
        rows,
    )


def _consent(person_id: str, event: Event) -> Consent:
    stated = event.properties
    return Consent(
        person_id=person_id,
        purpose=_short(stated.get("purpose"), "marketing"),
        channel=_short(stated.get("channel"), "email"),
        status=_CONSENT_EVENTS[event.name],
        at=from_micros(event.at),
        source=_short(stated.get("source"), "unknown"),
        wording=_short(stated.get("wording"), "") or None,
    )


def _short(stated: Any, otherwise: str) -> str:
    """A word from outside as it may stand in a table: no address in it, and not long."""
    if not isinstance(stated, str | int):
        return otherwise
    # PostgreSQL's text has no NUL.
    return clean_text(str(stated)).replace("\0", "")[:200] or otherwise
