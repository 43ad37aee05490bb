"""What events say about people: traits, direct identifiers, consents; and merging two people.

Changes are collected over a step and written set-based. A trait from an older event never
overwrites a newer one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vocative.clock import from_micros
from vocative.collect.addresses import email_kind
from vocative.collect.event import Event
from vocative.collect.quality.rules import Rules
from vocative.collect.standard.traits import standard_traits
from vocative.identify.graph import Changes, IdentityGraph
from vocative.identify.person import Person, write_people
from vocative.identify.personal import clean_properties, clean_text, split_traits
from vocative.privacy.addresses import email_domain, normal_email
from vocative.privacy.consent import Consent, Status, record
from vocative.privacy.vault import merge_statements
from vocative.stores import Transaction
from vocative.workspace import Workspace

_CONSENT_EVENTS: dict[str, Status] = {
    "Consent Given": "given",
    "Consent Withdrawn": "withdrawn",
    "Consent Requested": "pending",
    "Unsubscribed": "withdrawn",
}
MOST_EVIDENCE = 20
"""Words about a consent."""
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
    unreadable: Sequence[str] = ()
    """Names of those that could not be brought to their standard form."""


NOTHING = Statement({}, {})


def read_statement(event: Event, rules: Rules) -> Statement:
    """The traits of an identify; of any other event only the e-mail address in its context."""
    if not event.traits:
        return NOTHING
    stated: Mapping[str, Any] = event.traits
    unreadable: Sequence[str] = ()
    if rules.standards and event.type == "identify":
        stated, unreadable = standard_traits(stated, rules.standards)
    vault, traits = split_traits(stated, rules.declared)
    if vault.get("email"):
        # An unusable address is no address: it would only bounce.
        vault["email"] = address = normal_email(str(vault["email"]))
        if address:
            traits["email_domain"] = email_domain(address)
            traits["email_kind"] = email_kind(address)
    return Statement(vault, traits, unreadable)


class ProfileChanges:
    """Collects what a step learned about people and writes it once."""

    def __init__(self, workspace: Workspace) -> None:
        self._vault_of_people = workspace.vault
        self._touched: set[Person] = set()
        self._vault: dict[Person, dict[str, tuple[str | None, int]]] = {}
        self._consents: list[Consent] = []

    def observe(self, person: Person, event: Event, stated: Statement) -> None:
        """Learn from one event."""
        at = event.at
        self._touched.add(person)
        person.seen(at)
        if event.name in _CONSENT_EVENTS and event.type == "track":
            # Its id comes from who the person was when it was given: merges do not change it.
            self._consents.append(_consent(person.person_id, event))
        if stated is not NOTHING and event.type == "identify":
            person.state(stated.traits, at)
            statements = {name: (value, at) for name, value in stated.vault.items()}
            self._vault[person] = merge_statements(self._vault.get(person, {}), statements)

    def write(self, tx: Transaction, graph: IdentityGraph) -> list[Person]:
        """Write everything; people merged in this step end up as who survives.

        Returns:
            Everybody who was touched and is still there.
        """
        changes = graph.changes
        touched = {person.living for person in self._touched.union(changes.merged)}
        write_people(tx, touched)
        _write_identities(tx, graph)
        if self._consents:
            record(tx, self._consents)
        pairs = [
            {"gone": person.person_id, "kept": person.living.person_id} for person in changes.merged
        ]
        for sql in _MOVE_SQL:
            tx.run(sql, pairs)
        self._write_vault(tx, changes)
        return list(touched)

    def _write_vault(self, tx: Transaction, changes: Changes) -> None:
        vault = self._vault_of_people
        if self._vault:
            vault.learn_many(
                tx, {person.person_id: stated for person, stated in self._vault.items()}
            )
        if changes.merged:
            merged = {
                one.person_id: one.merged_into.person_id
                for one in changes.merged
                if one.merged_into
            }
            vault.join_many(tx, merged)


def _write_identities(tx: Transaction, graph: IdentityGraph) -> None:
    rows = [
        (identity[0], graph.value_hash(identity), person.living.person_id, at)
        for identity, person, at in graph.changes.claims
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
        evidence=_evidence(stated.get("evidence")),
    )


def _evidence(stated: Any) -> dict[str, Any]:
    """What proves a consent, without what identifies a person, and not much of it."""
    if not isinstance(stated, dict) or len(stated) > MOST_EVIDENCE:
        return {}
    found = clean_properties(stated)
    return {_short(name, ""): _short(value, "") for name, value in found.items()}


def _short(stated: Any, otherwise: str) -> str:
    """A word from outside as it may stand in a table: no address in it, and not long."""
    if not isinstance(stated, str | int):
        return otherwise
    # PostgreSQL's text has no NUL.
    return clean_text(str(stated)).replace("\0", "")[:200] or otherwise
