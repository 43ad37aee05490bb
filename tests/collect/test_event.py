"""The event contract, on what real clients send and on what they should not."""

import json
from typing import Any

import pytest

from vocative.clock import from_micros
from vocative.collect.event import Event, EventRefused, read_event

NOW = 1_767_225_600_000_000


def read(trusted: bool = False, **fields: Any) -> Event:
    return read_event(json.dumps(fields).encode(), received_at=NOW, trusted=trusted)


def test_a_track_event() -> None:
    event = read(type="track", event=" Product Viewed ", userId=5, properties={"a": 1})
    assert (event.name, event.user_id, event.at) == ("Product Viewed", "5", NOW)
    assert event.properties == {"a": 1}
    assert len(event.message_id) == 32


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("identify", "Identified"),
        ("group", "Grouped"),
        ("alias", "Aliased"),
        ("page", "Page Viewed"),
        ("screen", "Screen Viewed"),
    ],
)
def test_other_types_have_a_name_of_their_own(kind: str, name: str) -> None:
    assert read(type=kind, userId="u").name == name


def test_a_page_keeps_its_name() -> None:
    assert read(type="page", name="Home", anonymousId="a").properties == {"name": "Home"}
    assert read(event="X", name="Home", anonymousId="a").properties == {}


@pytest.mark.parametrize(
    ("stated", "instant"),
    [
        ("2025-12-31T10:00:00.123Z", "2025-12-31 10:00:00.123000+00:00"),
        ("2025-12-31T10:00:00+02:00", "2025-12-31 08:00:00+00:00"),
        ("2025-12-31 10:00", "2025-12-31 10:00:00+00:00"),
        ("2025-12-31", "2025-12-31 00:00:00+00:00"),
        (1_767_000_000, "2025-12-29 09:20:00+00:00"),
        (1_767_000_000_123, "2025-12-29 09:20:00.123000+00:00"),
        (None, "2026-01-01 00:00:00+00:00"),
    ],
)
def test_times(stated: object, instant: str) -> None:
    assert str(from_micros(read(event="X", userId="u", timestamp=stated).at)) == instant
    late = read(event="X", userId="u", originalTimestamp=stated)
    assert str(from_micros(late.at)) == instant


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"event": "X"}, "no userId and no anonymousId"),
        ({"event": "X", "userId": "", "anonymousId": " "}, "no userId and no anonymousId"),
        ({"event": " ", "userId": "u"}, "a track event without a name"),
        ({"type": "Track", "event": "X", "userId": "u"}, "unknown event type"),
        ({"event": 5, "userId": "u"}, "event has the wrong type"),
        ({"event": "X", "userId": 1.5}, "userId has the wrong type"),
        ({"event": "X", "userId": "u", "context": "c"}, "context has the wrong type"),
        ({"event": "X", "userId": "u", "timestamp": "x"}, "an unreadable timestamp"),
        ({"event": "X", "userId": "u", "timestamp": 1.5}, "timestamp has the wrong type"),
        ({"event": "X", "userId": "u", "timestamp": "1989-12-31"}, "in the future or before 1990"),
        ({"event": "X", "userId": "u", "timestamp": "2026-01-02T00:00:01Z"}, "in the future"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(EventRefused, match=reason):
        read(**fields)


def test_only_our_own_events_name_a_person() -> None:
    own = {"event": "X", "context": {"personId": "p1"}}
    assert read(trusted=True, **own).person_id == "p1"
    with pytest.raises(EventRefused):
        read(**own)
    with pytest.raises(EventRefused):
        read(trusted=True, event="X", context={"personId": ["p1"]})


def test_the_same_bytes_are_the_same_message() -> None:
    one, other = read(event="X", userId="u"), read(event="X", userId="u")
    assert one.message_id == other.message_id != read(event="X", userId="v").message_id
    assert read(event="X", userId="u", messageId="m").message_id == "m"
