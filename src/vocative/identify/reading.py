"""Reads what stands on the log: raw events in, checked ones with what they say about whom out."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from vocative.collect.door import OWN_SOURCE
from vocative.collect.event import Event, EventRefused, read_event
from vocative.identify.facts import event_columns
from vocative.identify.graph import Identity
from vocative.identify.personal import clean_properties
from vocative.identify.profiles import NOTHING, Statement, read_statement
from vocative.ids import event_key_for
from vocative.streams.embedded import LogBatch
from vocative.workspace import Trait


class ReadEvent(msgspec.Struct, frozen=True, gc=False):
    """A readable event, what it says about whom, and what history will say of it."""

    event_id: str
    key: bytes
    """The same id as it is kept in `seen_events`."""
    event: Event
    position: int
    """Of its batch on the log."""
    identities: tuple[Identity, ...]
    """Strongest first."""
    stated: Statement
    columns: tuple[Any, ...]
    """Of its row of `events`, from name on."""
    lines: Sequence[tuple[Any, ...]]
    """Of its rows of `order_lines`, from name on."""


class Refused(msgspec.Struct, frozen=True, gc=False):
    """An event that cannot be used."""

    position: int
    index: int
    source: str
    reason: str


def read_batches(
    batches: list[LogBatch], declared: Mapping[str, Trait]
) -> tuple[list[ReadEvent], list[Refused]]:
    """Every event of some batches, in their order, and those that cannot be used."""
    read: list[ReadEvent] = []
    refused: list[Refused] = []
    for batch in batches:
        for index, raw in enumerate(batch.events):
            try:
                read.append(_read(raw, batch, declared))
            except EventRefused as refusal:
                refused.append(Refused(batch.position, index, batch.source, str(refusal)))
    return read, refused


def _read(raw: bytes, batch: LogBatch, declared: Mapping[str, Trait]) -> ReadEvent:
    source, position = batch.source, batch.position
    event = read_event(raw, received_at=batch.received_at, trusted=source == OWN_SOURCE)
    try:
        stated = read_statement(event, declared) if event.traits else NOTHING
        name, values, rest, products = event_columns(event.name, clean_properties(event.properties))
    except RecursionError as error:
        raise EventRefused("nested too deeply") from error
    identities = _identities(event, stated)
    if not (identities or event.person_id or event.nobody):
        raise EventRefused("no userId, no anonymousId and no usable e-mail address")
    key, at = event_key_for(source, event.message_id), event.at
    return ReadEvent(
        key.hex(),
        key,
        event,
        position,
        identities,
        stated,
        (name, at, batch.received_at, source, *values, rest, position),
        [(name, at, values[0], *line, position) for line in products] if products else products,
    )


def _identities(event: Event, stated: Statement) -> tuple[Identity, ...]:
    found: list[Identity] = []
    if event.user_id:
        found.append(("user_id", event.user_id))
    if stated is not NOTHING and (email := stated.vault.get("email")):
        found.append(("email", email))
    if event.anonymous_id:
        found.append(("anonymous_id", event.anonymous_id))
    if event.type == "alias" and event.user_id and event.previous_id:
        # Clients send the former id of an account or of a device, and do not say which.
        found += [("user_id", event.previous_id), ("anonymous_id", event.previous_id)]
    return tuple(found)
