"""What events say about people: traits, direct identifiers, consents.

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
from vocative.identify import origins
from vocative.identify.graph import IdentityGraph
from vocative.identify.merging import IDENTITY_EVENTS
from vocative.identify.person import Person, write_people
from vocative.identify.personal import clean_properties, clean_text, split_traits
from vocative.identify.whole import Whole
from vocative.privacy.addresses import email_domain, normal_email
from vocative.privacy.consent import Consent, Status, record
from vocative.privacy.vault import merge_statements
from vocative.stores import Transaction, hold
from vocative.workspace import Workspace

_CONSENT_EVENTS: dict[str, Status] = {
    "Consent Given": "given",
    "Consent Withdrawn": "withdrawn",
    "Consent Requested": "pending",
    "Unsubscribed": "withdrawn",
}
MOST_EVIDENCE = 20
"""Words about a consent."""


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
        self._consents: list[tuple[Person, Consent]] = []

    def observe(self, person: Person, event: Event, stated: Statement) -> None:
        """Learn from one event.

        Args:
            person: The origin to which it belongs.
            event: The event. What says who is who says nothing about anybody.
            stated: What it states.
        """
        self._touched.add(person)
        if event.person_id is not None and event.name in IDENTITY_EVENTS:
            return
        at = event.at
        person.seen(at)
        if event.name in _CONSENT_EVENTS and event.type == "track":
            # Its id comes from the origin that gave it: merges do not change it.
            self._consents.append((person, _consent(person.person_id, event)))
        if event.type == "identify" and (stated.traits or stated.vault):
            person.state(stated.traits, at)
            statements = {name: (value, at) for name, value in stated.vault.items()}
            self._vault[person] = merge_statements(self._vault.get(person, {}), statements)

    def write(self, tx: Transaction, graph: IdentityGraph, *, now: int) -> list[Person | Whole]:
        """Write everything; people joined or separated in this step end up as what they are now.

        Args:
            tx: The transaction of the step.
            graph: What resolved the step's events.
            now: Microseconds UTC.

        Returns:
            Everybody who was touched and is still there.
        """
        changes = graph.changes
        regrouped = changes.regrouped
        if regrouped:
            # A message that is being handed over to one of them counts for all of them.
            hold(tx, {*regrouped, *(person.living.person_id for person in regrouped.values())})
        touched = self._touched.union(regrouped.values()) if regrouped else self._touched
        wholes = {person.whole for person in touched if person.whole is not None}
        alone = [person for person in touched if person.whole is None]
        for person in regrouped.values():
            if person.home == person.person_id and person.living is not person:
                changes.merged[person.person_id] = person.living.person_id
            if person.whole is None:
                # The store has the row of the whole that it was part of.
                person.restated = person.news = True
        write_people(tx, alone)
        if wholes:
            origins.write_wholes(tx, wholes)
        if regrouped:
            origins.move(tx, regrouped, changes.split)
        self._write_identities(tx, graph)
        if self._consents:
            record(tx, [_as_shown(person, consent) for person, consent in self._consents])
        self._write_vault(tx, regrouped)
        if regrouped:
            origins.write_merges(tx, changes.merges)
            origins.settle(tx, regrouped, now)
        return [*alone, *wholes]

    def _write_vault(self, tx: Transaction, regrouped: Mapping[str, Person]) -> None:
        vault = self._vault_of_people
        alone, parts = {}, {}
        for person, stated in self._vault.items():
            if person.whole is None and person.person_id not in regrouped:
                alone[person.person_id] = stated
            else:
                parts[person] = stated
        if alone:
            vault.learn_many(tx, alone)
        if parts or regrouped:
            origins.write_vault(tx, vault, parts, regrouped)

    def _write_identities(self, tx: Transaction, graph: IdentityGraph) -> None:
        rows = [
            (
                identity[0],
                graph.value_hash(identity),
                person.living.person_id,
                at,
                None if person.whole is None else person.person_id,
            )
            for identity, person, at in graph.changes.claims
        ]
        tx.run(
            "INSERT INTO identities (namespace, value_hash, person_id, first_seen_at, origin)"
            " VALUES (:namespace, :value_hash, :person_id, :first_seen_at, :origin)"
            " ON CONFLICT (namespace, value_hash) DO UPDATE SET person_id = excluded.person_id,"
            " origin = excluded.origin",
            rows,
        )
        tx.run(
            "INSERT INTO identity_moves"
            " (namespace, value_hash, number, from_origin, to_origin, at)"
            " VALUES (:namespace, :value_hash, :number, :from_origin, :to_origin, :at)",
            [
                (
                    identity[0],
                    graph.value_hash(identity),
                    graph.next_number(),
                    was.person_id,
                    now.person_id,
                    at,
                )
                for identity, was, now, at in graph.changes.moves
            ],
        )


def _as_shown(person: Person, consent: Consent) -> Consent:
    """A consent under the person whom its origin is part of."""
    if person.whole is None:
        return consent
    return msgspec.structs.replace(
        consent, person_id=person.living.person_id, origin=person.person_id
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
