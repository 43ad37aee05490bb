"""Webhooks over our route: genuine ones are durable before the answer, others change nothing."""

import asyncio
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from asked import Answer, ask, asked

from vocative.collect.sources.base import Call, NotGenuine, Page
from vocative.collect.sources.segment import Segment
from vocative.collect.sourcing.listing import list_sources, show_source
from vocative.collect.sourcing.starters import new_source
from vocative.collect.tracking import TrackingFace, hooks
from vocative.identify.apply import apply_log
from vocative.server.app import create_app
from vocative.workspace import Workspace

PERSONAL = "about jane@example.com"
EVENT = {
    "type": "track",
    "event": "Order Completed",
    "messageId": "order 1",
    "userId": "ana",
    "timestamp": "2026-03-01T10:00:00Z",
    "properties": {"order_id": "1"},
}


@pytest.fixture
def app(workspace: Workspace) -> TrackingFace:
    """A server in this process, with a source that takes webhooks and one that takes none."""
    define(workspace.root)
    new_source(workspace, "web")
    face = create_app(workspace)
    assert isinstance(face, TrackingFace)
    return face


def define(root: Path, secret: str = "file:hook.txt") -> None:
    (root / "hook.txt").write_text("s3cr3t")
    (root / "sources").mkdir(exist_ok=True)
    (root / "sources" / "up.yaml").write_text(f"kind: segment\nsecret: {secret}\n")


def signed(body: bytes, key: str = "s3cr3t") -> dict[str, str]:
    return {"x_segment_signature": hmac.new(key.encode(), body, hashlib.sha1).hexdigest()}


def post(app: TrackingFace, value: Any = EVENT, *, path: str = "/v1/hooks/up") -> Answer:
    body = json.dumps(value).encode()
    return ask(app, path, body, **signed(body))


def kept(workspace: Workspace, source: str = "up") -> list[dict[str, Any]]:
    batches = [batch for batch in workspace.log.read(0) if batch.source == source]
    return [json.loads(event) for batch in batches for event in batch.events]


def test_what_a_genuine_one_tells_is_durable(app: TrackingFace, workspace: Workspace) -> None:
    assert (post(app).status, post(app).json) == (200, {"success": True})
    assert post(app, path="/below/a/prefix/v1/hooks/up/").status == 200
    assert [event["messageId"] for event in kept(workspace)] == ["order 1"] * 3
    apply_log(workspace)
    listed = show_source(workspace, "up")
    assert (listed.applied, listed.duplicates) == (1, 2)
    assert listed.hook == "http://127.0.0.1:8750/v1/hooks/up"


def test_what_is_not_genuine_is_refused(app: TrackingFace, workspace: Workspace) -> None:
    body = json.dumps(EVENT).encode()
    for headers in ({}, signed(body, "other"), signed(body + b" "), {"x_segment_signature": "é"}):
        refused = ask(app, "/v1/hooks/up", body, **headers)
        assert (refused.status, refused.json["code"]) == (401, "not_genuine")
    assert kept(workspace) == []


def test_what_cannot_be_understood_is_told(app: TrackingFace, workspace: Workspace) -> None:
    body = b"{"
    refused = ask(app, "/v1/hooks/up", body, **signed(body))
    assert (refused.status, refused.json["code"]) == (400, "malformed")


@pytest.mark.parametrize("name", ["nobody", "web", "UP", "a" * 200])
def test_sources_that_take_none(app: TrackingFace, name: str) -> None:
    refused = post(app, path=f"/v1/hooks/{name}")
    assert (refused.status, refused.json["code"]) == (404, "unknown_source")


def test_methods_and_sizes(app: TrackingFace, workspace: Workspace) -> None:
    assert ask(app, "/v1/hooks/up", method="PUT").status == 405
    assert ask(app, "/v1/hooks/up", method="GET").status == 400  # nothing to greet with
    most = workspace.settings.tracking.max_request_bytes
    assert ask(app, "/v1/hooks/up", b" " * (most + 1)).status == 413


def test_an_address_can_be_tested(app: TrackingFace, monkeypatch: pytest.MonkeyPatch) -> None:
    def greet(_: Segment, call: Call) -> str:
        if call.query.get("token") != "t":
            raise NotGenuine
        return call.query["challenge"]

    monkeypatch.setattr(Segment, "greet", greet)
    answered = ask(app, "/v1/hooks/up?token=t&challenge=1158201444", method="GET")
    assert (answered.status, answered.body) == (200, b"1158201444")
    assert ask(app, "/v1/hooks/up?challenge=1", method="GET").status == 401


def test_a_call_is_as_it_came(app: TrackingFace, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Call] = []

    def receive(_: Segment, call: Call) -> Page:
        calls.append(call)
        return Page()

    monkeypatch.setattr(Segment, "receive", receive)
    ask(
        app,
        "/v1/hooks/up?a=1&b=x%20y",
        b"\x1f\x8bnot unpacked",
        host="shop.example",
        x_forwarded_proto="https",
    )
    (call,) = calls
    assert call.body == b"\x1f\x8bnot unpacked"
    assert call.url == "https://shop.example/v1/hooks/up?a=1&b=x%20y"
    assert call.query == {"a": "1", "b": "x y"}
    assert call.received_at > 0


def test_items_go_to_the_catalog(
    app: TrackingFace, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Segment, "receive", lambda *_: Page(items=[{"item_id": "cup", "price": 4.5}])
    )
    assert post(app).status == 200
    with workspace.store.read() as tx:
        assert tx.tuples("SELECT item_id, price FROM items") == [("cup", 4.5)]
    monkeypatch.setattr(Segment, "receive", lambda *_: Page(items=[{"price": 4.5}]))
    assert post(app).status == 400


def test_what_cannot_be_kept_is_asked_for_again(
    app: TrackingFace, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vocative.collect.tracking import commits
    from vocative.streams.embedded import LogError

    def fail(*_: object) -> None:
        raise LogError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(commits, "accept_together", fail)
        refused = post(app)
    assert refused.status == 503
    assert "retry-after" in refused.headers
    assert post(app).status == 200


def test_a_definition_that_is_wrong_now_loses_nothing(
    app: TrackingFace, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "LOOK_SECONDS", 0.0)
    assert post(app).status == 200
    for wrong in ("secret: s3cr3t", "kind: segmant", "secret: env:NOT_THERE_AT_ALL"):
        (workspace.root / "sources" / "up.yaml").write_text(f"kind: segment\n{wrong}\n")
        refused = post(app)
        assert refused.status == 503, wrong
        assert b"s3cr3t" not in refused.body
    define(workspace.root)
    assert post(app).status == 200


def test_a_secret_that_changes_is_taken_up(
    app: TrackingFace, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "LOOK_SECONDS", 0.0)
    assert post(app).status == 200
    (workspace.root / "hook.txt").write_text("another")
    assert post(app).status == 401
    body = json.dumps(EVENT).encode()
    assert ask(app, "/v1/hooks/up", body, **signed(body, "another")).status == 200


def test_a_fault_in_a_source_is_asked_for_again_and_shows_nothing(
    app: TrackingFace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def receive(*_: object) -> Page:
        raise ZeroDivisionError(PERSONAL)

    monkeypatch.setattr(Segment, "receive", receive)
    refused = post(app)
    assert refused.status == 503
    assert b"jane" not in refused.body
    assert "ZeroDivisionError" in caplog.text
    assert "jane" not in caplog.text


def test_one_that_is_slow_keeps_no_other_source_waiting(
    app: TrackingFace, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    def receive(*_: object) -> Page:
        time.sleep(0.5)
        return Page()

    monkeypatch.setattr(Segment, "receive", receive)
    (key,) = [one.write_key for one in list_sources(workspace) if one.write_key]

    async def both() -> float:
        body = json.dumps(EVENT).encode()
        slow = asyncio.create_task(asked(app, "/v1/hooks/up", body, **signed(body)))
        await asyncio.sleep(0.1)
        began = time.monotonic()
        answered = await asked(app, "/v1/track", {**EVENT, "writeKey": key})
        took = time.monotonic() - began
        assert answered.status == 200
        assert not slow.done()
        await slow
        return took

    assert asyncio.run(both()) < 0.3


def test_they_are_counted(
    app: TrackingFace, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "COUNT_SECONDS", 0.05)
    body = json.dumps(EVENT).encode()

    async def some() -> None:
        for headers in (signed(body), signed(body), {}):
            await asked(app, "/v1/hooks/up", body, **headers)
        await asyncio.sleep(0.1)

    asyncio.run(some())
    app._hooks._threads.shutdown()
    (stream,) = show_source(workspace, "up").streams
    assert (stream.stream, stream.events, sum(stream.rejected.values())) == ("webhook", 2, 1)
    assert stream.pulled_at == workspace.clock.now()
