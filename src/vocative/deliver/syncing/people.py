"""What a destination should know of people: nothing of those who gave no leave to its purpose."""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from vocative.deliver.destinations.base import Change, Value
from vocative.deliver.syncing.definitions import SCORE, DestinationDefinition
from vocative.privacy import suppression
from vocative.privacy.addresses import normal_email
from vocative.privacy.permit import Contact, ContactRules, Permit, issue_many
from vocative.stores import Transaction, in_lists
from vocative.workspace import Workspace

MEDIUM = "email"
"""Consent is given for a purpose on a medium; destinations go by that for e-mail."""


class People:
    """Reads people as one destination should know them.

    Args:
        workspace: Whose.
        definition: The destination.
    """

    def __init__(self, workspace: Workspace, definition: DestinationDefinition) -> None:
        self._workspace = workspace
        self._definition = definition
        body = definition.body
        purpose = msgspec.structs.replace(
            workspace.settings.purposes[body.purpose], max_per_week=None
        )
        # Nobody is contacted: caps and quiet hours say nothing here.
        self._rules = ContactRules(purposes={body.purpose: purpose})
        audience = [] if body.audience is None else [body.audience]
        self._segments = sorted({*body.segments.values(), *audience})

    def wanted(self, tx: Transaction, person_ids: Iterable[str]) -> dict[str, Change]:
        """Of those who should be known there, what; the others are absent.

        Raises:
            PrivacyError: the workspace key does not fit the vault.
        """
        body = self._definition.body
        ids = sorted({*person_ids})
        if body.empty or not ids:
            return {}
        vault = self._workspace.vault.get_many(tx, ids)
        emails = {
            one: address
            for one, fields in vault.items()
            if (address := normal_email(fields.get("email", ""))) is not None
        }
        allowed = self._allowed(tx, emails)
        segments = self._memberships(tx, allowed)
        if body.audience is not None:
            allowed = [one for one in allowed if body.audience in segments.get(one, ())]
        traits, scores = self._traits(tx, allowed), self._scores(tx, allowed)
        found = {}
        for one in allowed:
            known = {**traits.get(one, {}), **vault[one], **scores.get(one, {})}
            found[one] = Change(
                person_id=one,
                action="put",
                email=emails[one],
                phone=vault[one].get("phone"),
                fields={name: _plain(known.get(source)) for name, source in body.fields.items()},
                segments={
                    name: segment in segments.get(one, ())
                    for name, segment in body.segments.items()
                },
            )
        return found

    def known_as(self, change: Change | None) -> str | None:
        """The keyed hash of what the destination finds somebody by; None of nobody."""
        if change is None:
            return None
        known_by = self._definition.type.known_by
        value = change.email if known_by == "email" else change.person_id
        return self._workspace.vault.lookup_hash(f"destination:{known_by}", value or "")

    def fingerprint(self, change: Change) -> str:
        """Changes when anything does that the destination is told."""
        told = msgspec.json.encode(
            [change.email, change.phone, change.fields, change.segments], order="deterministic"
        )
        return hmac.digest(self._workspace.key.lookup, b"told:" + told, "sha256").hex()[:32]

    def gone(self, change: Change) -> Change:
        """What is to be told of somebody who leaves: every field empty, in no segment."""
        body = self._definition.body
        return replace(
            change, fields=dict.fromkeys(body.fields), segments=dict.fromkeys(body.segments, False)
        )

    def _allowed(self, tx: Transaction, emails: Mapping[str, str]) -> list[str]:
        """Who has given leave to the purpose, and whose address nobody has suppressed."""
        vault = self._workspace.vault
        contacts = [
            Contact(person_id=one, address_hash=suppression.address_hash(vault, MEDIUM, address))
            for one, address in emails.items()
        ]
        answers = issue_many(
            tx,
            contacts,
            purpose=self._definition.body.purpose,
            channel=MEDIUM,
            rules=self._rules,
            at=self._workspace.clock.now(),
        )
        return [one.person_id for one in answers if isinstance(one, Permit)]

    def _memberships(self, tx: Transaction, ids: Sequence[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        if not self._segments:
            return found
        names = {f"s{index}": name for index, name in enumerate(self._segments)}
        marks_of_names = ", ".join(f":{name}" for name in names)
        for marks, bound in in_lists(ids):
            for person_id, segment in tx.tuples(
                "SELECT person_id, segment FROM memberships WHERE until_at IS NULL"
                f" AND person_id IN ({marks}) AND segment IN ({marks_of_names})",
                {**bound, **names},
            ):
                found.setdefault(person_id, set()).add(segment)
        return found

    def _traits(self, tx: Transaction, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        if all(source.startswith(SCORE) for source in self._definition.body.fields.values()):
            return {}
        return {
            person_id: msgspec.json.decode(traits)
            for marks, bound in in_lists(ids)
            for person_id, traits in tx.tuples(
                f"SELECT person_id, traits FROM profiles WHERE person_id IN ({marks})", bound
            )
        }

    def _scores(self, tx: Transaction, ids: Sequence[str]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        if not any(one.startswith(SCORE) for one in self._definition.body.fields.values()):
            return found
        for marks, bound in in_lists(ids):
            for person_id, model, value in tx.tuples(
                f"SELECT person_id, model, value FROM scores WHERE person_id IN ({marks})", bound
            ):
                # No more digits than mean something: a change in the last one is no news.
                found.setdefault(person_id, {})[SCORE + model] = round(value, 6)
        return found


def _plain(value: Any) -> Value:
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return msgspec.json.encode(value).decode()
