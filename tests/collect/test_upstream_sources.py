"""Segment and RudderStack as upstreams: genuine events come as they are and count once."""

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from asked import ask
from called import call, no_connection

from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.collect.sources import rudderstack, segment
from vocative.collect.sources.base import NotGenuine, NotReadable, Source
from vocative.identify.apply import apply_log
from vocative.server.app import create_app
from vocative.testing.source_laws import LAWS, SourceBench
from vocative.workspace import Workspace

SECRET = "shared secret"
EVENTS: list[dict[str, Any]] = [
    {
        "type": "identify",
        "messageId": "m1",
        "userId": "ana",
        "traits": {"email": "ana@example.com"},
        "timestamp": "2026-03-01T08:00:00.000Z",
        "originalTimestamp": "2026-03-01T07:00:00.000Z",
        "receivedAt": "2026-03-01T08:00:01.000Z",
        "context": {"library": {"name": "analytics.js"}},
        "version": 2,
    },
    {
        "type": "track",
        "event": "Order Completed",
        "messageId": "m2",
        "userId": "ana",
        "properties": {"order_id": "Ünïcode 7", "revenue": 12.5},
        "timestamp": "2026-03-01T08:00:02.000Z",
    },
]


def sent(body: Any) -> bytes:
    """As JSON.stringify writes it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def sha1(content: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha1).hexdigest()


@pytest.fixture
def from_segment(clock: FixedClock) -> Source:
    return segment.Segment(
        segment.SegmentOptions(secret=SECRET), connect=no_connection, clock=clock
    )


def test_segment_signs_one_event_either_way(from_segment: Source, clock: FixedClock) -> None:
    body = sent(EVENTS[1])
    for name in ("x_signature", "x_segment_signature"):
        page = from_segment.receive(call(body, clock.now(), **{name: sha1(body)}))
        assert page.events == [EVENTS[1]]


def test_a_batch_of_segment_must_be_signed_as_a_whole(
    from_segment: Source, clock: FixedClock
) -> None:
    body, now = sent(EVENTS), clock.now()
    page = from_segment.receive(call(body, now, x_segment_signature=sha1(body)))
    assert page.events == EVENTS
    first_only = sha1(sent(EVENTS[0]))
    for signature in (first_only, sha1(body)):
        with pytest.raises(NotGenuine, match="X-Segment-Signature"):
            from_segment.receive(call(b" " + body, now, x_signature=signature))
    with pytest.raises(NotGenuine):
        from_segment.receive(call(body, now, x_segment_signature=first_only))


def test_what_segment_did_not_sign_is_refused(from_segment: Source, clock: FixedClock) -> None:
    body, now = sent(EVENTS[0]), clock.now()
    wrong = [
        call(body, now),
        call(body, now, x_signature=sha1(body, "other")),
        call(body, now, x_signature=""),
        call(body + b" ", now, x_signature=sha1(body)),
        # The new header decides where both are sent.
        call(body, now, x_signature=sha1(body), x_segment_signature="0"),
    ]
    for one in wrong:
        with pytest.raises(NotGenuine):
            from_segment.receive(one)


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        ({}, {"authorization": SECRET}),
        ({}, {"authorization": f"Bearer {SECRET}"}),
        ({"header": "X-Signing-Key"}, {"x_signing_key": SECRET}),
    ],
)
def test_rudderstack_shows_the_secret_of_its_header(
    clock: FixedClock, options: dict[str, str], headers: dict[str, str]
) -> None:
    upstream = rudderstack.RudderStack(
        rudderstack.RudderStackOptions(secret=SECRET, **options), connect=no_connection, clock=clock
    )
    assert upstream.receive(call(sent(EVENTS), clock.now(), **headers)).events == EVENTS
    for wrong in ({}, dict.fromkeys(headers, "other"), dict.fromkeys(headers, "Bearer ")):
        with pytest.raises(NotGenuine):
            upstream.receive(call(sent(EVENTS), clock.now(), **wrong))


@pytest.mark.parametrize("counts_as", ["web", None])
def test_the_same_event_over_both_ways_counts_once_where_asked_for(
    workspace: Workspace, counts_as: str | None
) -> None:
    folder = workspace.root / "sources"
    folder.mkdir()
    (workspace.root / "hook.txt").write_text(SECRET)
    (folder / "web.yaml").write_text("kind: tracking\nwrite_key: abcdefgh\n")
    stated = f"counts_as: {counts_as}\n" if counts_as else ""
    (folder / "up.yaml").write_text(f"kind: segment\nsecret: file:hook.txt\n{stated}")
    app = create_app(workspace)
    body = sent(EVENTS)
    direct = json.dumps({"writeKey": "abcdefgh", "batch": EVENTS}).encode()
    assert ask(app, "/v1/batch", direct).status == 200
    assert ask(app, "/v1/hooks/up", body, x_segment_signature=sha1(body)).status == 200
    assert apply_log(workspace).applied == (2 if counts_as else 4)


@pytest.mark.parametrize("name", ["vocative", "Web Shop", ""])
def test_a_name_that_no_source_has_is_told(name: str) -> None:
    options = segment.SegmentOptions(secret="env:X", counts_as=name)
    assert [path for path, *_ in segment.Segment.faults(options)] == [("counts_as",)]


def test_rudderstack_keeps_the_laws_of_sources(clock: FixedClock) -> None:
    options = rudderstack.RudderStackOptions(secret=SECRET)
    bench = SourceBench(
        open=lambda: rudderstack.RudderStack(options, connect=no_connection, clock=clock),
        calls=[call(sent(EVENTS), clock.now(), authorization=f"Bearer {SECRET}")],
        signs_body=False,
        secrets=[SECRET],
    )
    for law in LAWS:
        law(bench)


@pytest.mark.parametrize("body", [b"", b"[1]", b"3", b"{", b"\xff", b"[" * 9999])
def test_what_is_no_event_is_told(from_segment: Source, clock: FixedClock, body: bytes) -> None:
    with pytest.raises(NotReadable):
        from_segment.receive(call(body, clock.now(), x_segment_signature=sha1(body)))


def test_an_event_that_comes_alone_and_in_a_batch_counts_once(
    from_segment: Source, workspace: Workspace, clock: FixedClock
) -> None:
    deletion = {"type": "delete", "userId": "ana", "messageId": "m3"}
    for body in (EVENTS[0], EVENTS[1], [*EVENTS, deletion], {"batch": EVENTS}):
        raw = sent(body)
        page = from_segment.receive(call(raw, clock.now(), x_segment_signature=sha1(raw)))
        accept(workspace, page.events, source="segment")
    report = apply_log(workspace)
    assert (report.applied, report.duplicates) == (2, 4)
    assert report.rejected == {"unknown event type": 1}
    with workspace.engine() as engine:
        (order,) = engine.rows("SELECT order_id FROM events WHERE name = 'Order Completed'")
    assert order["order_id"] == "Ünïcode 7"


@pytest.mark.may_skip
def test_what_real_libraries_sent_comes_through_unchanged(
    from_segment: Source, shared_data: Path, workspace: Workspace, clock: FixedClock
) -> None:
    """Recorded requests of Segment's and RudderStack's libraries, handed on as a batch."""
    handed_on = 0
    recorded = (shared_data / "segment-captures" / "fixtures.jsonl").read_text().splitlines()
    for line in recorded:
        body = json.loads(line).get("json")
        if not isinstance(body, dict) or not isinstance(body.get("batch"), list):
            continue
        # Some libraries send what is no JSON; that is read as the tracking API reads it.
        strange = any(word in line for word in ("NaN", "\\ud800", "\\u0000"))
        raw = json.dumps(body["batch"], separators=(",", ":"), ensure_ascii=strange).encode()
        page = from_segment.receive(call(raw, clock.now(), x_segment_signature=sha1(raw)))
        assert len(page.events) == len(body["batch"])
        assert strange or page.events == body["batch"]
        accept(workspace, page.events, source="segment")
        handed_on += len(page.events)
    report = apply_log(workspace)
    assert handed_on > 20
    assert report.events == handed_on
