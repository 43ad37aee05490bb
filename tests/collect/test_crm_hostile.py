"""Sources of CRMs and support desks, whatever they are answered and sent."""

import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vocative.clock import FixedClock, to_micros
from vocative.collect.event import EventRefused, read_event
from vocative.collect.sources._events import instant
from vocative.collect.sources._hubspot_records import Record, Status, contact_events, deal_events
from vocative.collect.sources._salesforce_streams import Streams
from vocative.collect.sources._signatures import base64_hmac_sha256
from vocative.collect.sources._zendesk_records import (
    rating_events,
    ticket_events,
    user_events,
)
from vocative.collect.sources.base import Call, Event, NotReadable
from vocative.collect.sources.hubspot import HubSpot
from vocative.collect.sources.salesforce import Salesforce
from vocative.collect.sources.zendesk import Zendesk
from vocative.errors import DataError

SECRET = "secret"
URL = "https://track.shop.example/v1/hooks/crm"
NAMES = st.sampled_from(
    [
        *("id", "Id", "email", "Email", "updated_at", "created_at", "requester_id", "status"),
        *("role", "active", "score", "tags", "via", "channel", "ticket_id", "solved_at"),
        *("firstname", "hs_email_optout", "hs_is_closed_won", "hs_is_closed", "closedate"),
        *("createdate", "amount", "dealstage", "CreatedDate", "IsConverted", "ConvertedDate"),
        *("ConvertedContactId", "HasOptedOutOfEmail", "ActivatedDate", "BillToContactId"),
        *("TotalAmount", "StatusCode", "OrderItems", "OpportunityContactRoles", "records"),
        *("IsClosed", "IsWon", "LastStageChangeDate", "Account", "Name", "Quantity"),
        *("type", "detail", "event", "current", "previous", "time", "objectId", "occurredAt"),
        *("subscriptionType", "propertyName", "propertyValue", "objectTypeId", "user_fields"),
    ]
)
WORDS = st.sampled_from(
    [
        *("true", "false", "solved", "good", "end-user", "2026-02-01T08:00:00Z", "2026-02-01"),
        *("1772440000000", "9" * 30, "0001-01-01T00:00:00+14:00", "a@example.com", "", "\x00"),
        *("zen:event-type:ticket.status_changed", "zen:event-type:user.created"),
        *("contact.propertyChange", "contact.privacyDeletion", "email", "hs_email_optout_1"),
    ]
)
PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)
VALUES = st.recursive(
    PLAIN | WORDS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.dictionaries(NAMES, VALUES, max_size=14)
quietly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def check(events: Iterable[Event]) -> None:
    """Every event is read, or refused for a reason; none breaks anything."""
    now = instant("2026-03-02T09:30:00Z")
    assert now is not None
    for event in events:
        assert event["messageId"]
        try:
            read_event(msgspec.json.encode(event), received_at=to_micros(now))
        except EventRefused:
            continue


@quietly
@given(RECORDS)
def test_records_of_salesforce(record: dict[str, Any]) -> None:
    options = Salesforce.Options(client_id="c", refresh_token="r", user_id="Id", opportunities=True)
    streams = Streams(options, lambda _: {"records": []})
    at = instant("2026-02-01")
    assert at is not None
    for name in Salesforce.streams:
        # A subquery's result of another shape is one: it is no record's fault.
        with suppress(DataError):
            check(streams.named(name).events({"Id": "003", **record}, at))


@quietly
@given(RECORDS, st.text(max_size=5), st.lists(VALUES, max_size=2))
def test_records_of_hubspot(stated: dict[str, Any], record_id: str, times: list[Any]) -> None:
    options = HubSpot.Options(token="t", subscriptions={"1": "news"}, user_id="email")
    at = instant("2026-02-01")
    assert at is not None
    record = Record(id=record_id, properties=stated)
    statuses = [Status(subscription_id=1, status="SUBSCRIBED", timestamp=one) for one in times]
    check(contact_events(options, record, statuses, at))
    check(deal_events(record, "7", at))


@quietly
@given(RECORDS, RECORDS)
def test_records_of_zendesk(record: dict[str, Any], metrics: dict[str, Any]) -> None:
    options = Zendesk.Options(url="u", oauth_token="t", user_id="id", traits={"x": "via.channel"})
    at = instant("2026-02-01")
    assert at is not None
    check(user_events(options, record))
    check(ticket_events(record, metrics))
    check(rating_events(record, at))


def signed(kind: str, body: bytes, clock: FixedClock) -> Call:
    """A genuine call."""
    if kind == "zendesk":
        timestamp = clock.now().isoformat()
        signature = base64_hmac_sha256(SECRET, timestamp.encode() + body)
        names = ("x-zendesk-webhook-signature", "x-zendesk-webhook-signature-timestamp")
    else:
        timestamp = str(round(clock.now().timestamp() * 1000))
        signature = base64_hmac_sha256(SECRET, f"POST{URL}".encode() + body + timestamp.encode())
        names = ("x-hubspot-signature-v3", "x-hubspot-request-timestamp")
    return Call(headers=dict(zip(names, (signature, timestamp), strict=True)), body=body, url=URL)


@pytest.fixture
def sources(clock: FixedClock) -> dict[str, HubSpot | Zendesk]:
    def connect(*_: Any, **__: Any) -> Any:
        raise AssertionError("a webhook asks nobody")

    hubspot = HubSpot.Options(token="t", client_secret=SECRET, subscriptions={"1": "news"})
    zendesk = Zendesk.Options(url="u", oauth_token="t", signing_secret=SECRET)
    return {
        "hubspot": HubSpot(hubspot, connect=connect, clock=clock),
        "zendesk": Zendesk(zendesk, connect=connect, clock=clock),
    }


@pytest.mark.parametrize("kind", ["hubspot", "zendesk"])
@quietly
@given(body=st.lists(RECORDS, max_size=3) | RECORDS | VALUES)
def test_genuine_calls(
    sources: dict[str, HubSpot | Zendesk], clock: FixedClock, kind: str, body: Any
) -> None:
    try:
        page = sources[kind].receive(signed(kind, json.dumps(body).encode(), clock))
    except NotReadable:
        return
    check(page.events)


@pytest.mark.parametrize("kind", ["hubspot", "zendesk"])
@quietly
@given(body=st.binary(max_size=40))
def test_calls_that_are_no_json(
    sources: dict[str, HubSpot | Zendesk], clock: FixedClock, kind: str, body: bytes
) -> None:
    try:
        sources[kind].receive(signed(kind, body, clock))
    except NotReadable:
        return


@quietly
@given(VALUES | st.text() | st.integers() | st.datetimes().map(str))
def test_times_are_times_or_nothing(stated: Any) -> None:
    at = instant(stated)
    assert at is None or at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("kind", ["hubspot", "zendesk"])
@pytest.mark.parametrize("begin", [b"[", b'{"detail": {"a": ', b'[{"propertyValue": '])
def test_a_call_that_is_nested_without_end(
    sources: dict[str, HubSpot | Zendesk], clock: FixedClock, kind: str, begin: bytes
) -> None:
    with pytest.raises(NotReadable):
        sources[kind].receive(signed(kind, begin + b"[" * 100_000, clock))
