"""What a request holds: its events, each with all that is said of it.

A body comes in; events go out as the bytes they came as. What they do not say themselves stands
in front of them: the request's type and time, what the batch says for all, an id for those without
one. What cannot be an event at all is not refused here: it goes on the log, is refused when the log
is applied, and counted there with its reason.
"""

import uuid
from collections.abc import Mapping
from typing import Any

import msgspec

from vocative.collect.event import MAX_EVENT_BYTES, clock_skew
from vocative.collect.tracking.lenient import is_plain, tidied
from vocative.collect.tracking.refusals import malformed, too_large

MOST_EVENTS = 5_000
"""In one request. Libraries send a hundred at most."""


class Payload(msgspec.Struct, frozen=True):
    """A request that can be read."""

    write_key: str | None
    """As the body has it."""
    events: list[bytes]


class _Batch(msgspec.Struct, rename="camel", gc=False):
    batch: list[msgspec.Raw]
    write_key: Any = None
    sent_at: msgspec.Raw = msgspec.Raw(b"null")
    context: msgspec.Raw = msgspec.Raw(b"null")
    integrations: msgspec.Raw = msgspec.Raw(b"null")


class _Head(msgspec.Struct, rename="camel", gc=False):
    """What the tracking API looks at; the rest of an event is not even decoded."""

    message_id: Any = msgspec.UNSET
    type: Any = msgspec.UNSET
    sent_at: Any = msgspec.UNSET
    received_at: Any = msgspec.UNSET
    write_key: Any = msgspec.UNSET
    not_mapped: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_batch = msgspec.json.Decoder(_Batch)
_head = msgspec.json.Decoder(_Head)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NOTHING = (msgspec.UNSET, None, "")
_OfAll = Mapping[str, Mapping[str, msgspec.Raw]]


def read_payload(
    body: bytes, *, event_type: str | None, received_at: int, max_event_bytes: int
) -> Payload:
    """The events of a request.

    Args:
        body: As it came, unpacked.
        event_type: What the path says of the one event in it; None for a batch.
        received_at: Microseconds UTC.
        max_event_bytes: A larger event is marked, to be refused when the log is applied.

    Raises:
        Refused: the body is not JSON, or no request at all.
    """
    if not is_plain(body):
        body = _tidied(body)
    try:
        return _read(body, event_type, received_at, max_event_bytes)
    except (msgspec.DecodeError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError):
            raise malformed(_expected(event_type)) from None
    try:
        return _read(_tidied(body), event_type, received_at, max_event_bytes)
    except msgspec.ValidationError:
        raise malformed(_expected(event_type)) from None
    except (msgspec.DecodeError, RecursionError):
        raise malformed("the body is nested too deeply") from None


def _tidied(body: bytes) -> bytes:
    try:
        return tidied(body)
    except ValueError:
        raise malformed("the body is not valid JSON") from None
    except RecursionError:
        raise malformed("the body is nested too deeply") from None


def _expected(event_type: str | None) -> str:
    if event_type is None:
        return 'the body must be a JSON object with a list of events: {"batch": […]}'
    return "the body must be a JSON object: one event"


def _read(body: bytes, event_type: str | None, received_at: int, max_event_bytes: int) -> Payload:
    if event_type is not None:
        head = _head.decode(body)
        said: dict[str, Any] = {}
        if head.type in _NOTHING:
            said["type"] = event_type
        event = _ready(body.strip(), head, said, received_at, max_event_bytes)
        return Payload(_text(head.write_key), [_bounded(event, max_event_bytes)])
    whole = _batch.decode(body)
    if len(whole.batch) > MOST_EVENTS:
        raise too_large(f"a batch may have {MOST_EVENTS:,} events")
    of_all = _of_all(whole)
    sent_at = _value(whole.sent_at)
    events = [
        _of_batch(bytes(raw), of_all, sent_at, received_at, max_event_bytes) for raw in whole.batch
    ]
    return Payload(_text(whole.write_key), [_bounded(one, max_event_bytes) for one in events])


def _bounded(event: bytes, max_event_bytes: int) -> bytes:
    """The event; of one that nobody could ever use for its size, only that it came.

    A stream in front of the log would refuse it, and with it all that comes at the same time.
    """
    if len(event) <= MAX_EVENT_BYTES:
        return event
    return msgspec.json.encode({"tooLargeFor": max_event_bytes})


def _of_all(whole: _Batch) -> _OfAll:
    """The objects that a batch says for all of its events."""
    objects = {"context": whole.context, "integrations": whole.integrations}
    return {name: found for name, raw in objects.items() if (found := _object(raw))}


def _object(raw: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return _fields.decode(raw)
    except msgspec.ValidationError:
        return None


def _value(raw: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return None


def _of_batch(
    event: bytes, of_all: _OfAll, sent_at: Any, received_at: int, max_event_bytes: int
) -> bytes:
    try:
        head = _head.decode(event)
    except msgspec.ValidationError:
        return event  # It is no object.
    said: dict[str, Any] = {}
    if sent_at is not None and head.sent_at in _NOTHING:
        said["sentAt"] = head.sent_at = sent_at
    if of_all:
        said |= _merged(_fields.decode(event), of_all)
    return _ready(event, head, said, received_at, max_event_bytes)


def _merged(fields: Mapping[str, msgspec.Raw], of_all: _OfAll) -> dict[str, Any]:
    """What a batch says for all of its events; what an event says itself comes first."""
    found: dict[str, Any] = {}
    for name, common in of_all.items():
        own = _object(fields[name]) if name in fields else {}
        if own is not None:  # Something else than an object stays, to be refused for that.
            found[name] = {**common, **own}
    return found


def _ready(
    event: bytes, head: _Head, said: dict[str, Any], received_at: int, max_event_bytes: int
) -> bytes:
    """An event with what was said of it and what it lacks."""
    if len(event) > max_event_bytes:
        said["tooLargeFor"] = max_event_bytes
    if head.not_mapped is not msgspec.UNSET:
        # Only mappings refuse with words of their own: a client's would fill the lists of reasons.
        said["notMapped"] = None
    if head.message_id in _NOTHING:
        # Two equal events without an id are two events: a page can be viewed twice.
        said["messageId"] = str(uuid.uuid4())
    # The time of one that was received elsewhere is corrected already.
    if head.received_at in _NOTHING and (skew := clock_skew(head.sent_at, received_at)):
        said["clockSkew"] = skew
    return _spliced(event, said) if said else event


def _spliced(event: bytes, said: dict[str, Any]) -> bytes:
    """The event with more fields: before its own, which stay the bytes they are."""
    fields = _fields.decode(event)
    if not fields.keys().isdisjoint(said):
        return msgspec.json.encode({**fields, **said})
    return b"%b%b%b" % (msgspec.json.encode(said)[:-1], b"," if fields else b"", event[1:].lstrip())


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
