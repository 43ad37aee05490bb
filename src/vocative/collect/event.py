"""The event contract: one JSON object in the shape of the Segment spec.

Raw bytes come in; a checked `Event` goes out. Refused, with a reason in words that never quotes
the event: what is not a JSON object, has no name, no person or no believable time.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast, get_args

import msgspec

from vocative.clock import micros_from_unix, to_micros

MAX_EVENT_BYTES = 1_000_000
"""An order of a wholesaler can have thousands of lines."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
TOLERANCE = timedelta(days=1)
"""How far a client's clock may be ahead of ours."""
_EARLIEST = to_micros(EARLIEST)
_TOLERANCE = TOLERANCE // timedelta(microseconds=1)
_NETWORK = 30_000_000
"""How long, in microseconds, a request can take on its way: clients give up after 10 to 15 s."""

EventType = Literal["track", "identify", "page", "screen", "group", "alias"]

Identifier = str | int | None


class _Context(msgspec.Struct, rename="camel", gc=False):
    """The parts of a context that say who the event is about; the rest is not even decoded."""

    traits: Any = None
    person_id: Any = None
    nobody: Any = None
    protocols: Any = None


class _Wire(msgspec.Struct, rename="camel", gc=False):
    """An event as clients write it; everything is optional on the wire."""

    type: str = "track"
    event: str | None = None
    message_id: Identifier = None
    user_id: Identifier = None
    anonymous_id: Identifier = None
    previous_id: Identifier = None
    timestamp: str | int | None = None
    original_timestamp: str | int | None = None
    name: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: _Context | None = None
    clock_skew: int = 0
    """Microseconds to add to its time: the tracking API saw that its client's clock is wrong."""
    too_large_for: int | None = None
    """The limit of the tracking API that it is over."""
    not_mapped: Any = None
    """Of a record that a mapping had no use for: see `collect.records`."""


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A checked event. Instants are microseconds UTC.

    Events hold no cycles: keeping them from the garbage collector saves a quarter of the time.
    """

    type: EventType
    name: str
    message_id: str
    user_id: str | None
    anonymous_id: str | None
    previous_id: str | None
    """Of an alias: the id that is the same person's."""
    person_id: str | None
    """Set only in events that Vocative makes itself about a person it knows."""
    nobody: bool
    """A sale nobody signed for: it counts for its items and for no person."""
    at: int
    received_at: int
    properties: dict[str, Any]
    traits: dict[str, Any]
    """What the event says about its person, not about a group."""
    schema_version: str | None = None
    """Of the tracking plan, when the event says one."""


class EventRefused(ValueError):
    """The event cannot be used; the text says why and holds nothing of the event."""


_decoder = msgspec.json.Decoder(_Wire)
_NO_TRAITS: dict[str, Any] = {}
_TYPES = frozenset(get_args(EventType))
_NAMES: dict[str, str] = {
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "identify": "Identified",
    "group": "Grouped",
    "alias": "Aliased",
}


def read_event(raw: bytes, *, received_at: int, trusted: bool = False) -> Event:
    """Check one raw event.

    Args:
        raw: A JSON object.
        received_at: Microseconds UTC; stands in for a missing timestamp.
        trusted: The event is Vocative's own and may name a person by id.

    Raises:
        EventRefused: it cannot be used.
    """
    if len(raw) > MAX_EVENT_BYTES:
        raise EventRefused(f"larger than {MAX_EVENT_BYTES:,} bytes")
    wire = _decode(raw)
    if wire.too_large_for is not None:
        raise EventRefused(f"larger than {wire.too_large_for:,} bytes")
    if wire.not_mapped is not None:
        raise EventRefused(_why_not_mapped(wire.not_mapped))
    kind = wire.type
    if kind not in _TYPES:
        raise EventRefused("unknown event type")
    # Most events have no more than one or two of these: asking first saves a call for each.
    user_id = None if wire.user_id is None else _identifier(wire.user_id)
    anonymous_id = None if wire.anonymous_id is None else _identifier(wire.anonymous_id)
    previous_id = None if wire.previous_id is None else _identifier(wire.previous_id)
    person_id, nobody, traits, schema_version = None, False, _NO_TRAITS, None
    context = wire.context
    if context is not None:
        nobody = context.nobody is True
        if trusted and isinstance(context.person_id, str):
            person_id = context.person_id
        if isinstance(context.traits, dict):
            traits = context.traits
        if context.protocols is not None:
            schema_version = _version(context.protocols)
    if kind == "identify" and wire.traits:
        # The traits of a group call are the group's; of other calls only the context has any.
        traits = wire.traits
    if not (user_id or anonymous_id or person_id or traits or nobody):
        raise EventRefused("no userId and no anonymousId")
    properties = wire.properties or {}
    if wire.name and kind in ("page", "screen"):
        properties = {"name": wire.name, **properties}
    return Event(
        type=cast("EventType", kind),
        name=_name(wire),
        message_id=str(wire.message_id or "") or _derived_id(raw),
        user_id=user_id,
        anonymous_id=anonymous_id,
        previous_id=previous_id,
        person_id=person_id,
        nobody=nobody,
        at=_time(wire, received_at),
        received_at=received_at,
        properties=properties,
        traits=traits,
        schema_version=schema_version,
    )


def _decode(raw: bytes) -> _Wire:
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError as error:
        _, found, place = str(error).rpartition(" - at ")
        named = place.strip("`$.") if found else ""
        raise EventRefused(f"{named or 'the event'} has the wrong type") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EventRefused("not valid JSON") from error
    except RecursionError as error:
        raise EventRefused("nested too deeply") from error


def _why_not_mapped(stated: Any) -> str:
    reason = stated.get("reason") if isinstance(stated, dict) else None
    return reason[:200] if isinstance(reason, str) and reason else "not mapped"


def _version(protocols: Any) -> str | None:
    stated = protocols.get("event_version") if isinstance(protocols, dict) else None
    return str(stated)[:20] if isinstance(stated, str | int) and stated != "" else None


def _name(wire: _Wire) -> str:
    if wire.type == "track":
        name = (wire.event or "").strip()
        if not name:
            raise EventRefused("a track event without a name")
        return name[:200]
    return _NAMES[wire.type]


def _identifier(value: Identifier) -> str | None:
    if value is None:
        return None
    text = str(value).strip()
    return text[:500] or None


def _derived_id(raw: bytes) -> str:
    import hashlib

    return hashlib.sha256(raw).hexdigest()[:32]


def _time(wire: _Wire, received_at: int) -> int:
    stated = wire.timestamp
    if stated is None or stated == "":
        stated = wire.original_timestamp
    if stated is None or stated == "":
        return received_at
    try:
        at = _micros(stated)
    except (ValueError, OverflowError) as error:
        raise EventRefused("an unreadable timestamp") from error
    latest = received_at + _TOLERANCE
    if wire.clock_skew and _EARLIEST <= at + wire.clock_skew <= latest:
        return at + wire.clock_skew
    if not _EARLIEST <= at <= latest:
        raise EventRefused("a timestamp in the future or before 1990")
    return at


def clock_skew(sent_at: object, received_at: int) -> int:
    """By how much a client's clock is wrong: what to add to its times, in microseconds.

    The time that an event was sent at and the time that it was received at are the same instant by
    two clocks. A difference that a slow network explains is none: taken for one, it would put
    events of one person in another order.

    Args:
        sent_at: As the client says it.
        received_at: Microseconds UTC.

    >>> clock_skew("2026-03-01T08:00:00Z", 1_772_355_600_000_000) // 1_000_000
    3600
    """
    if not isinstance(sent_at, str | int):
        return 0
    try:
        skew = received_at - _micros(sent_at)
    except (ValueError, OverflowError):
        return 0
    return skew if abs(skew) > _NETWORK else 0


def _micros(stated: str | int) -> int:
    if isinstance(stated, int):
        return micros_from_unix(stated)
    read = datetime.fromisoformat(stated)
    return to_micros(read if read.tzinfo else read.replace(tzinfo=UTC))
