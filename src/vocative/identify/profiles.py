"""What events say about people: traits, direct identifiers, consents; and merging two people.

Changes are collected over a step and written set-based. A trait from an older event never
overwrites a newer one.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from vocative.clock import from_micros
from vocative.collect.event import Event
from vocative.identify.graph import IdentityGraph
from vocative.identify.personal import split_traits
from vocative.privacy.addresses import email_domain, normal_email
from vocative.privacy.consent import Consent, Status, record
from vocative.stores import Transaction
from vocative.workspace import Workspace

_LOOKUP = 400
_CONSENT_EVENTS: dict[str, Status] = {
    "Consent Given": "given",
    "Consent Withdrawn": "withdrawn",
    "Consent Requested": "pending",
    "Unsubscribed": "withdrawn",
}


class ProfileChanges:
    """Collects what a step learned about people and writes it once."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._declared = workspace.traits
        self._traits: dict[str, dict[str, tuple[int, Any]]] = {}
        self._vault: dict[str, dict[str, tuple[int, str | None]]] = {}
        self._last_at: dict[str, int] = {}
        self._consents: list[Consent] = []

    def observe(self, person_id: str, event: Event) -> None:
        """Learn from one event."""
        self._last_at[person_id] = max(event.at, self._last_at.get(person_id, 0))
        if event.name in _CONSENT_EVENTS and event.type == "track":
            self._consents.append(_consent(person_id, event))
        if event.type != "identify" or not event.traits:
            return
        vault, open_traits = split_traits(event.traits, self._declared)
        if vault.get("email"):
            address = normal_email(str(vault["email"]))
            # An unusable address is no address: it would only bounce.
            vault["email"] = address
            if address:
                open_traits["email_domain"] = email_domain(address)
        _keep_newer(self._traits.setdefault(person_id, {}), open_traits, event.at)
        _keep_newer(self._vault.setdefault(person_id, {}), vault, event.at)

    def write(self, tx: Transaction, graph: IdentityGraph) -> None:
        """Write everything; people merged in this step end up as who survives."""
        survivor = graph.survivor
        self._traits = _regrouped(self._traits, survivor)
        self._vault = _regrouped(self._vault, survivor)
        people = {survivor(person_id) for person_id in self._last_at}
        last_at: dict[str, int] = {}
        for person_id, at in self._last_at.items():
            last_at[survivor(person_id)] = max(at, last_at.get(survivor(person_id), 0))
        stored = _stored_profiles(tx, people | set(graph.changes.merged) - graph.changes.created)
        self._write_profiles(tx, graph, people, last_at, stored)
        _write_identities(tx, graph)
        self._merge(tx, graph, stored)
        self._write_vault(tx, stored)
        record(
            tx,
            [msgspec.structs.replace(c, person_id=survivor(c.person_id)) for c in self._consents],
        )

    def _write_profiles(
        self,
        tx: Transaction,
        graph: IdentityGraph,
        people: set[str],
        last_at: Mapping[str, int],
        stored: Mapping[str, tuple[int, int, dict[str, Any]]],
    ) -> None:
        absorbed: dict[str, dict[str, Any]] = {}
        for gone in graph.changes.merged:
            if gone in stored:
                absorbed.setdefault(graph.survivor(gone), {}).update(stored[gone][2])
        rows = []
        for person_id in sorted(people):
            first_seen, updated_at, traits = stored.get(person_id, (None, 0, {}))
            merged = {**absorbed.get(person_id, {}), **traits}
            for name, (at, value) in self._traits.get(person_id, {}).items():
                if at >= updated_at or merged.get(name) is None:
                    merged[name] = value
            rows.append(
                {
                    "person_id": person_id,
                    "first_seen_at": min(
                        first_seen if first_seen is not None else last_at[person_id],
                        graph.first_seen(person_id)
                        if graph.knows(person_id)
                        else last_at[person_id],
                    ),
                    "updated_at": max(updated_at, last_at[person_id]),
                    "traits": msgspec.json.encode(merged).decode(),
                }
            )
        tx.run(
            "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
            " VALUES (:person_id, :first_seen_at, :updated_at, :traits)"
            " ON CONFLICT (person_id) DO UPDATE SET first_seen_at = excluded.first_seen_at,"
            " updated_at = excluded.updated_at, traits = excluded.traits",
            rows,
        )

    def _merge(
        self,
        tx: Transaction,
        graph: IdentityGraph,
        stored: Mapping[str, tuple[int, int, dict[str, Any]]],
    ) -> None:
        """Move everything of people who disappeared to who survives."""
        gone = [person_id for person_id in graph.changes.merged if person_id in stored]
        if not gone:
            return
        pairs = [{"gone": person_id, "kept": graph.survivor(person_id)} for person_id in gone]
        for sql in (
            "UPDATE identities SET person_id = :kept WHERE person_id = :gone",
            "UPDATE consents SET person_id = :kept WHERE person_id = :gone",
            "UPDATE profiles SET merged_into = :kept WHERE merged_into = :gone",
            "UPDATE profiles SET merged_into = :kept WHERE person_id = :gone",
            "DELETE FROM scores WHERE person_id = :gone",
            "DELETE FROM recommendations WHERE person_id = :gone",
        ):
            tx.run(sql, [_only(pair, sql) for pair in pairs])
        records = self._workspace.vault.get_many(tx, gone)
        for pair in pairs:
            target = self._vault.setdefault(pair["kept"], {})
            for name, value in records.get(pair["gone"], {}).items():
                target.setdefault(name, (0, value))
            self._workspace.vault.erase(tx, pair["gone"])

    def _write_vault(
        self, tx: Transaction, stored: Mapping[str, tuple[int, int, dict[str, Any]]]
    ) -> None:
        known = self._workspace.vault.get_many(tx, [p for p in self._vault if p in stored])
        changes: dict[str, dict[str, str | None]] = {}
        for person_id, fields in self._vault.items():
            updated_at = stored[person_id][1] if person_id in stored else 0
            present = known.get(person_id, {})
            fitting = {
                name: value
                for name, (at, value) in fields.items()
                if at >= updated_at or name not in present
            }
            if fitting:
                changes[person_id] = fitting
        self._workspace.vault.put_many(tx, changes)


def _only(pair: dict[str, str], sql: str) -> dict[str, str]:
    return {name: value for name, value in pair.items() if f":{name}" in sql}


def _consent(person_id: str, event: Event) -> Consent:
    stated = event.properties
    wording = stated.get("wording")
    return Consent(
        person_id=person_id,
        purpose=str(stated.get("purpose") or "marketing"),
        channel=str(stated.get("channel") or "email"),
        status=_CONSENT_EVENTS[event.name],
        at=from_micros(event.at),
        source=str(stated.get("source") or "unknown")[:200],
        wording=None if wording is None else str(wording)[:200],
    )


def _keep_newer(kept: dict[str, tuple[int, Any]], changes: Mapping[str, Any], at: int) -> None:
    for name, value in changes.items():
        if name not in kept or kept[name][0] <= at:
            kept[name] = (at, value)


def _regrouped(
    changes: dict[str, dict[str, tuple[int, Any]]], survivor: Any
) -> dict[str, dict[str, tuple[int, Any]]]:
    grouped: dict[str, dict[str, tuple[int, Any]]] = {}
    for person_id, fields in changes.items():
        target = grouped.setdefault(survivor(person_id), {})
        for name, (at, value) in fields.items():
            _keep_newer(target, {name: value}, at)
    return grouped


def _stored_profiles(
    tx: Transaction, person_ids: set[str]
) -> dict[str, tuple[int, int, dict[str, Any]]]:
    decoder = msgspec.json.Decoder(dict[str, Any])
    found = {}
    ordered = sorted(person_ids)
    for start in range(0, len(ordered), _LOOKUP):
        chunk = ordered[start : start + _LOOKUP]
        names = {f"p{index}": person_id for index, person_id in enumerate(chunk)}
        marks = ", ".join(f":{name}" for name in names)
        rows = tx.tuples(
            "SELECT person_id, first_seen_at, updated_at, traits FROM profiles"
            f" WHERE person_id IN ({marks})",
            names,
        )
        for person_id, first_seen_at, updated_at, traits in rows:
            found[person_id] = (first_seen_at, updated_at, decoder.decode(traits))
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
