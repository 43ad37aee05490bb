"""The event contract: one JSON object in the shape of the Segment spec.

Raw bytes come in; a checked `Event` goes out. Refused, with a reason in words that never quotes
the event: what is not a JSON object, has no name, no person or no believable time.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from vocative.clock import to_micros

MAX_EVENT_BYTES = 64_000
_EARLIEST = to_micros(datetime(1990, 1, 1, tzinfo=UTC))
_TOLERANCE = timedelta(days=1) // timedelta(microseconds=1)

EventType = Literal["track", "identify", "page", "screen", "group", "alias"]

Identifier = str | int | None


class _Wire(msgspec.Struct, rename="camel"):
    """An event as clients write it; everything is optional on the wire."""

    type: str = "track"
    event: str | None = None
    message_id: str | None = None
    user_id: Identifier = None
    anonymous_id: Identifier = None
    previous_id: Identifier = None
    timestamp: str | int | None = None
    original_timestamp: str | int | None = None
    sent_at: str | int | None = None
    name: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A checked event. Instants are microseconds UTC."""

    type: EventType
    name: str
    message_id: str
    user_id: str | None
    anonymous_id: str | None
    person_id: str | None
    """Set only in events that Vocative makes itself about a person it knows."""
    at: int
    received_at: int
    properties: dict[str, Any]
    traits: dict[str, Any]


class EventRefused(ValueError):
    """The event cannot be used; the text says why and holds nothing of the event."""


_decoder = msgspec.json.Decoder(_Wire)
_NAMES: dict[str, str] = {
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
    if wire.type not in ("track", "identify", "page", "screen", "group", "alias"):
        raise EventRefused("unknown event type")
    name = _name(wire)
    context = wire.context or {}
    person_id = context.get("personId") if trusted else None
    user_id, anonymous_id = _identifier(wire.user_id), _identifier(wire.anonymous_id)
    traits = wire.traits or context.get("traits") or {}
    known = user_id or anonymous_id or person_id or traits.get("email")
    if not (known or context.get("nobody") is True):
        raise EventRefused("no userId and no anonymousId")
    return Event(
        type=wire.type,  # type: ignore[arg-type]  # checked above
        name=name,
        message_id=wire.message_id or _derived_id(raw),
        user_id=user_id,
        anonymous_id=anonymous_id,
        person_id=person_id,
        at=_time(wire, received_at),
        received_at=received_at,
        properties=wire.properties or {},
        traits=traits if isinstance(traits, dict) else {},
    )


def _decode(raw: bytes) -> _Wire:
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError as error:
        place = str(error).rpartition(" - at ")[2].strip("`$.")
        raise EventRefused(f"{place or 'the event'} has the wrong type") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise EventRefused("not valid JSON") from error
    except RecursionError as error:
        raise EventRefused("nested too deeply") from error


def _name(wire: _Wire) -> str:
    if wire.type == "track":
        name = (wire.event or "").strip()
        if not name:
            raise EventRefused("a track event without a name")
        return name[:200]
    if wire.type in ("page", "screen"):
        return f"{wire.type.capitalize()} Viewed"
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
    stated = wire.timestamp if wire.timestamp is not None else wire.original_timestamp
    if stated is None:
        return received_at
    at = _instant(stated)
    if not _EARLIEST <= at <= received_at + _TOLERANCE:
        raise EventRefused("a timestamp in the future or before 1990")
    return at


def _instant(stated: str | int) -> int:
    try:
        if isinstance(stated, int):
            # Seconds until the year 5138, else milliseconds: what clients send.
            return stated * (1_000_000 if abs(stated) < 10**11 else 1_000)
        at = datetime.fromisoformat(stated)
        return to_micros(at if at.tzinfo else at.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise EventRefused("an unreadable timestamp") from error
