"""What there is of destinations, how far each is, and what it did not take."""

from datetime import datetime
from typing import Any

import msgspec

from vocative.clock import from_micros
from vocative.collect.sourcing.fields import FieldText, fields_of
from vocative.deliver.destinations import DESTINATIONS
from vocative.deliver.syncing import states
from vocative.deliver.syncing.definitions import (
    DestinationDefinition,
    find_destination,
    read_destinations,
)
from vocative.errors import AuthorError
from vocative.stores import Transaction
from vocative.workspace import Workspace

MOST_REFUSED = 100
"""Rows that are shown."""


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a destination did not take."""

    person_id: str
    reason: str
    at: datetime


class ListedDestination(msgspec.Struct, frozen=True, kw_only=True):
    """A destination, and how far it is."""

    name: str
    kind: str
    purpose: str
    describe: str = ""
    every_seconds: int
    state: states.State
    synced_at: datetime | None = None
    next_at: datetime | None = None
    error: str | None = None
    told: int = 0
    """Rows and facts that it took, ever."""
    people: dict[str, int] = {}
    """How many it may know, by what became of the latest that it was to be told of them."""


class DestinationStatus(ListedDestination, frozen=True, kw_only=True):
    """The same, with the rows that it did not take."""

    refused: list[RefusedRow] = []
    """The latest of them."""


class DestinationKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of destination."""

    kind: str
    usable: bool
    about: str
    """Its first sentence, or what it lacks."""
    fields: list[FieldText] = []


def list_destinations(workspace: Workspace) -> list[ListedDestination]:
    """Every destination, by name, and how far it is.

    Raises:
        AuthorError: a definition is wrong.
    """
    with workspace.store.read() as tx:
        return [ListedDestination(**_told(tx, one)) for one in read_destinations(workspace)]


def destination_status(workspace: Workspace, name: str) -> DestinationStatus:
    """One destination: how far it is, and whom it did not take.

    Args:
        workspace: Where.
        name: The destination.

    Raises:
        UnknownName: there is none of this name.
        AuthorError: its definition is wrong.
    """
    definition = find_destination(workspace, name)
    with workspace.store.read() as tx:
        rows = tx.rows(
            "SELECT person_id, reason, updated_at FROM destination_rows"
            " WHERE destination = :name AND state = 'refused'"
            " ORDER BY updated_at DESC, person_id LIMIT :limit",
            {"name": name, "limit": MOST_REFUSED},
        )
        refused = [
            RefusedRow(
                person_id=row["person_id"],
                reason=row["reason"] or "",
                at=from_micros(row["updated_at"]),
            )
            for row in rows
        ]
        return DestinationStatus(**_told(tx, definition), refused=refused)


def list_kinds() -> list[DestinationKind]:
    """Every kind of destination, and whether it can be used here."""
    return [_kind(name) for name in DESTINATIONS.names()]


def _kind(name: str) -> DestinationKind:
    try:
        kind = DESTINATIONS.load(name)
    except AuthorError as error:
        return DestinationKind(kind=name, usable=False, about=error.hint or error.message)
    about = (kind.__doc__ or "").strip().partition("\n")[0]
    return DestinationKind(kind=name, usable=True, about=about, fields=fields_of(kind.Options))


def _told(tx: Transaction, definition: DestinationDefinition) -> dict[str, Any]:
    state = states.state_of(tx, definition.name)
    people = tx.tuples(
        "SELECT state, count(*) FROM destination_rows WHERE destination = :name"
        " GROUP BY state ORDER BY state",
        {"name": definition.name},
    )
    return {
        "name": definition.name,
        "kind": definition.body.kind,
        "purpose": definition.body.purpose,
        "describe": definition.body.describe,
        "every_seconds": definition.every_seconds,
        "state": state.state,
        "synced_at": None if state.synced_at is None else from_micros(state.synced_at),
        "next_at": from_micros(state.next_at) if state.next_at else None,
        "error": state.error,
        "told": state.told,
        "people": dict(people),
    }
