"""Reads what stands on the log: raw events in, checked ones with what they say about whom out."""

from collections.abc import Mapping
from typing import Any

import msgspec

from vocative.collect.door import OWN_SOURCE
from vocative.collect.event import Event, EventRefused, read_event
from vocative.identify.graph import Identity
from vocative.identify.personal import clean_properties
from vocative.identify.profiles import NOTHING, Statement, read_statement
from vocative.ids import event_id_for
from vocative.streams.embedded import LogBatch
from vocative.workspace import Trait


class ReadEvent(msgspec.Struct, frozen=True, gc=False):
    """A readable event with its place on the log and what it says about whom."""

    event_id: str
    key: bytes
    """The same id as it is kept in `seen_events`."""
    event: Event
    batch: LogBatch
    identities: tuple[Identity, ...]
    """Strongest first."""
    stated: Statement
    properties: dict[str, Any]
    """Without what identifies a person."""


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
    event = read_event(raw, received_at=batch.received_at, trusted=batch.source == OWN_SOURCE)
    try:
        stated = read_statement(event, declared)
        properties = clean_properties(event.properties)
    except RecursionError as error:
        raise EventRefused("nested too deeply") from error
    identities = _identities(event, stated)
    if not (identities or event.person_id or event.nobody):
        raise EventRefused("no userId, no anonymousId and no usable e-mail address")
    event_id = event_id_for(batch.source, event.message_id)
    key = bytes.fromhex(event_id)
    return ReadEvent(event_id, key, event, batch, identities, stated, properties)


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
