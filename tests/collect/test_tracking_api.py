"""The tracking API: what it takes, what it answers, and what becomes of the events."""

import asyncio
import base64
import gzip
import json
import sqlite3
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from asked import Answer, ask, asked, basic

from vocative.clock import FixedClock
from vocative.collect.tracking import TrackingFace, commits
from vocative.collect.tracking.body import Room
from vocative.identify.apply import apply_log
from vocative.server.app import create_app
from vocative.workspace import Workspace

KEY = "wk_of_the_tests"
ME = basic(KEY)
HELLO = {"type": "track", "event": "Hello", "userId": "u-1", "messageId": "m-1"}


@pytest.fixture
def sources(workspace: Workspace) -> Path:
    """The folder of sources, with one in it."""
    folder = workspace.root / "sources"
    folder.mkdir()
    (folder / "web.yaml").write_text(f"kind: tracking\nwrite_key: {KEY}\n")
    return folder


@pytest.fixture
def app(workspace: Workspace, sources: Path) -> Any:
    return create_app(workspace)


def on_log(workspace: Workspace) -> list[Any]:
    return [json.loads(event) for batch in workspace.log.read(0) for event in batch.events]


def refused(workspace: Workspace) -> Counter[str]:
    apply_log(workspace)
    with workspace.store.read() as tx:
        return Counter(reason for (reason,) in tx.tuples("SELECT reason FROM rejected_events"))


def history(workspace: Workspace) -> list[dict[str, Any]]:
    apply_log(workspace)
    with workspace.engine() as engine:
        return list(engine.rows("SELECT * FROM events ORDER BY name", {}))


def assert_taken(answer: Answer) -> None:
    assert (answer.status, answer.body) == (200, b'{"success":true}')
    assert answer.headers["content-type"] == "application/json"


def assert_refused(answer: Answer, status: int, code: str) -> None:
    assert (answer.status, answer.json["success"], answer.json["code"]) == (status, False, code)
    assert answer.json["message"]


@pytest.mark.parametrize("prefix", ["", "/shop", "/a/v1/b"])
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("name", ["identify", "track", "page", "screen", "group", "alias"])
def test_the_path_says_the_type_of_an_event(
    app: Any, workspace: Workspace, name: str, prefix: str, slash: str
) -> None:
    for word in (name, name[0]):
        assert_taken(ask(app, f"{prefix}/v1/{word}{slash}", {"userId": "u", "event": "e"}, **ME))
    assert [event["type"] for event in on_log(workspace)] == [name, name]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch"])
def test_batches(app: Any, workspace: Workspace, path: str) -> None:
    assert_taken(ask(app, path, {"batch": [HELLO, {**HELLO, "messageId": "m-2"}]}, **ME))
    assert [event["messageId"] for event in on_log(workspace)] == ["m-1", "m-2"]


def test_an_event_that_says_everything_is_kept_byte_for_byte(
    app: Any, workspace: Workspace
) -> None:
    body = b'{"type" : "track","event":"\xc3\xa9", "userId":"u", "messageId":"m" ,"x":1e2}'
    assert_taken(ask(app, "/v1/track", b"  " + body + b"\n", **ME))
    (batch,) = workspace.log.read(0)
    assert (batch.source, batch.events) == ("web", [body])


def test_the_write_key_is_in_the_header_the_body_or_the_address(app: Any) -> None:
    batch = {"batch": [HELLO]}
    assert_taken(ask(app, "/v1/batch", batch, **ME))
    assert_taken(ask(app, "/v1/batch", {**batch, "writeKey": KEY}))
    assert_taken(ask(app, "/v1/track", {**HELLO, "writeKey": KEY}))
    assert_taken(ask(app, f"/beacon/v1/batch?writeKey={KEY}", batch))
    assert_taken(ask(app, "/v1/batch", {**batch, "writeKey": KEY}, authorization="Basic Og=="))


@pytest.mark.parametrize(
    "headers",
    [{}, basic("wk_of_nobody"), {"authorization": "Bearer x"}, {"authorization": "Basic"}],
)
def test_somebody_unknown(app: Any, workspace: Workspace, headers: dict[str, str]) -> None:
    assert_refused(ask(app, "/v1/track", HELLO, **headers), 401, "unknown_write_key")
    assert on_log(workspace) == []


def test_bodies_are_unpacked_whatever_the_headers_say(app: Any, workspace: Workspace) -> None:
    plain = json.dumps({"batch": [HELLO]}).encode()
    packed = gzip.compress(plain)
    form = "application/x-www-form-urlencoded"
    two = gzip.compress(plain[:20]) + gzip.compress(plain[20:])
    assert_taken(ask(app, "/v1/batch", packed, **ME, content_encoding="gzip", content_type=form))
    assert_taken(ask(app, "/v1/batch", packed, **ME))
    assert_taken(ask(app, "/v1/batch", plain, **ME, content_encoding="gzip"))
    assert_taken(ask(app, "/v1/batch", zlib.compress(plain), **ME, content_encoding="deflate"))
    assert_taken(ask(app, "/v1/batch", two, **ME))
    assert_taken(ask(app, "/v1/batch", **ME, parts=[packed[:9], b"", packed[9:]]))
    assert len(on_log(workspace)) == 6


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/batch", b""),
        ("/v1/batch", b"{"),
        ("/v1/batch", b'{"batch":[{"a":1},]}'),
        ("/v1/batch", b"[]"),
        ("/v1/batch", b"{}"),
        ("/v1/batch", b'{"batch":{}}'),
        ("/v1/track", b"[1]"),
        ("/v1/track", b"null"),
        ("/v1/track", b'"x"'),
        ("/v1/track", b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}"),
        ("/v1/batch", b'{"batch":[' + b"[" * 200_000),
        ("/v1/batch", gzip.compress(b'{"batch":[]}')[:-9]),
        ("/v1/batch", b"\x1f\x8bxxxxxxxxxx"),
    ],
)
def test_what_nobody_can_read(app: Any, workspace: Workspace, path: str, body: bytes) -> None:
    assert_refused(ask(app, path, body, **ME), 400, "malformed")
    assert on_log(workspace) == []


def test_a_request_has_a_largest_size_also_unpacked(app: Any) -> None:
    most = 8_500_000
    bomb = gzip.compress(b'{"batch":[' + b" " * (most + 1))
    assert len(bomb) < 20_000
    assert_refused(ask(app, "/v1/batch", bomb, **ME), 413, "too_large")
    parts = [b" " * 1_000_000] * 9
    assert_refused(ask(app, "/v1/batch", parts=parts, **ME), 413, "too_large")
    many = b'{"batch":[' + b",".join([b"1"] * 5_001) + b"]}"
    assert_refused(ask(app, "/v1/batch", many, **ME), 413, "too_large")


def test_bad_events_do_not_harm_good_ones(app: Any, workspace: Workspace) -> None:
    large = {"type": "track", "event": "Large", "userId": "u", "messageId": "m-3"}
    batch = [
        HELLO,
        5,
        None,
        "text",
        {},
        {"type": "track", "userId": "u"},
        {"type": "wrong", "userId": "u"},
        {**large, "properties": {"text": "x" * 32_768}},
        {**HELLO, "messageId": "m-2"},
    ]
    assert_taken(ask(app, "/v1/batch", {"batch": batch}, **ME))
    assert refused(workspace) == {
        "the event has the wrong type": 3,
        "no userId and no anonymousId": 1,
        "a track event without a name": 1,
        "unknown event type": 1,
        "larger than 32,768 bytes": 1,
    }
    assert len(history(workspace)) == 2


def test_what_is_far_too_large_is_counted_and_not_kept(app: Any, workspace: Workspace) -> None:
    text = "x" * 1_100_000
    batch = [{**HELLO, "messageId": "m-2", "properties": {"text": text}}, text, HELLO]
    assert_taken(ask(app, "/v1/batch", {"batch": batch}, **ME))
    assert_taken(ask(app, "/v1/track", {**HELLO, "properties": {"text": text}}, **ME))
    assert max(len(json.dumps(event)) for event in on_log(workspace)) < 200
    assert refused(workspace) == {"larger than 32,768 bytes": 3}
    assert len(history(workspace)) == 1


def test_the_largest_event_is_a_setting(workspace: Workspace, sources: Path) -> None:
    settings = workspace.root / "vocative.yaml"
    settings.write_text(settings.read_text() + "tracking: {max_event_bytes: 1000}\n")
    with Workspace(workspace.root, clock=workspace.clock) as other:
        app = create_app(other)
        assert_taken(ask(app, "/v1/track", {**HELLO, "properties": {"t": "x" * 1_000}}, **ME))
        assert refused(other) == {"larger than 1,000 bytes": 1}


def test_a_message_counts_once(app: Any, workspace: Workspace, sources: Path) -> None:
    (sources / "app.yaml").write_text("kind: tracking\nwrite_key: wk_of_the_app\n")
    for _ in range(3):
        assert_taken(ask(app, "/v1/track", HELLO, **ME))
    assert_taken(ask(app, "/v1/track", {**HELLO, "messageId": 17}, **ME))
    assert_taken(ask(app, "/v1/track", {**HELLO, "messageId": "17"}, **ME))
    assert len(history(workspace)) == 2
    # Another source's ids are its own.
    assert_taken(ask(app, "/v1/track", HELLO, **basic("wk_of_the_app")))
    assert len(history(workspace)) == 3


@pytest.mark.parametrize("missing", [{}, {"messageId": ""}, {"messageId": None}])
def test_two_equal_events_without_an_id_are_two(
    app: Any, workspace: Workspace, missing: dict[str, Any]
) -> None:
    viewed = {"userId": "u", "name": "Home", **missing}
    assert_taken(ask(app, "/v1/page", viewed, **ME))
    assert_taken(ask(app, "/v1/page", viewed, **ME))
    assert len(history(workspace)) == 2


def test_what_a_batch_says_for_all_reaches_each_event(app: Any, workspace: Workspace) -> None:
    batch = {
        "sentAt": "2026-03-02T09:29:59Z",
        "context": {"ip": "203.0.113.9", "locale": "de"},
        "integrations": {"All": True},
        "batch": [HELLO, {**HELLO, "messageId": "m-2", "context": {"locale": "fr"}}],
    }
    assert_taken(ask(app, "/v1/batch", batch, **ME))
    one, other = on_log(workspace)
    said = {"sentAt": batch["sentAt"], "integrations": {"All": True}}
    assert one == {**HELLO, **said, "context": {"ip": "203.0.113.9", "locale": "de"}}
    assert other["context"] == {"ip": "203.0.113.9", "locale": "fr"}
    odd = {"batch": [HELLO, {**HELLO, "context": 5}], "context": "x", "sentAt": {}, "writeKey": []}
    assert_taken(ask(app, "/v1/batch", odd, **ME))


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        # The client's clock is an hour behind; the event was ten minutes before it was sent.
        ({"timestamp": "2026-03-02T08:20:00Z", "sentAt": "2026-03-02T08:30:00Z"}, "09:20:00"),
        # Two hours ahead, and in the other field.
        (
            {"originalTimestamp": "2026-03-02T11:29:00Z", "sentAt": "2026-03-02T11:30:00Z"},
            "09:29:00",
        ),
        # A slow network is no wrong clock.
        ({"timestamp": "2026-03-02T09:20:00Z", "sentAt": "2026-03-02T09:29:45Z"}, "09:20:00"),
        # Corrected already, by whoever received it first.
        (
            {
                "timestamp": "2026-03-02T08:20:00Z",
                "sentAt": "2026-03-02T08:30:00Z",
                "receivedAt": "2026-03-02T08:30:01Z",
            },
            "08:20:00",
        ),
        ({"timestamp": "2026-03-02T08:20:00Z", "sentAt": "yesterday"}, "08:20:00"),
        ({"timestamp": "2026-03-02T08:20:00Z", "sentAt": True}, "08:20:00"),
        ({"timestamp": "", "originalTimestamp": None, "sentAt": ""}, "09:30:00"),
    ],
)
def test_a_wrong_clock_is_corrected(
    app: Any, workspace: Workspace, fields: dict[str, Any], at: str
) -> None:
    assert_taken(ask(app, "/v1/track", {**HELLO, **fields}, **ME))
    sent_at = fields.pop("sentAt")
    batch = {"batch": [{**HELLO, **fields, "messageId": "m-2"}], "sentAt": sent_at}
    assert_taken(ask(app, "/v1/batch", batch, **ME))
    assert [f"{row['at']:%H:%M:%S}" for row in history(workspace)] == [at, at]


def test_what_libraries_in_python_make_of_json(app: Any, workspace: Workspace) -> None:
    odd = (
        b'{"x": NaN, "inf": -Infinity, "far": 1e999, "nul": "a\\u0000b", "not": "a\\\\u0000b",'
        b' "half": "\\ud800", "whole": "\\ud83d\\ude00", "big": 1208925819614629174706176,'
        b' "long": ' + b"9" * 5_000 + b', "raw": "\xff", "tab": "\t"}'
    )
    first = b'{"type":"track","event":"Odd","userId":"u","messageId":"m","properties":' + odd + b"}"
    assert_taken(ask(app, "/v1/batch", b'{"batch":[' + first + b"," + first + b"]}", **ME))
    properties = on_log(workspace)[0]["properties"]
    assert properties == {
        "x": None,
        "inf": None,
        "far": None,
        "nul": "ab",
        "not": "a\\u0000b",
        "half": "\ufffd",
        "whole": "😀",
        "big": 2**80,
        "long": None,
        "raw": "\ufffd",
        "tab": "\t",
    }
    assert len(history(workspace)) == 1


def test_a_log_that_cannot_be_written_is_no_answer_for_good(
    workspace: Workspace, sources: Path
) -> None:
    (workspace.state_dir / "log.db").mkdir()
    answer = ask(create_app(workspace), "/v1/track", HELLO, **ME)
    assert_refused(answer, 503, "not_now")
    assert int(answer.headers["retry-after"]) > 0


def test_sources_that_cannot_be_read_are_no_answer_for_good(
    workspace: Workspace, sources: Path
) -> None:
    (sources / "web.yaml").write_text("kind: [\n")
    app = create_app(workspace)
    assert_refused(ask(app, "/v1/track", HELLO, **ME), 503, "not_now")
    (sources / "web.yaml").write_text(f"kind: tracking\nwrite_key: {KEY}\n")
    assert_taken(ask(app, "/v1/track", HELLO, **ME))


def test_a_running_server_takes_up_sources(
    app: Any, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vocative.workspace.known.LOOK_SECONDS", 0)
    assert_taken(ask(app, "/v1/track", HELLO, **ME))
    (sources / "web.yaml").write_text("kind: tracking\nwrite_key: wk_of_today\n")
    assert_taken(ask(app, "/v1/track", HELLO, **basic("wk_of_today")))
    assert_refused(ask(app, "/v1/track", HELLO, **ME), 401, "unknown_write_key")
    (sources / "web.yaml").write_text("kind: trakking\nwrite_key: wk_of_today\n")
    assert_taken(ask(app, "/v1/track", HELLO, **basic("wk_of_today")))


def test_requests_that_come_together_are_committed_together(app: Any, workspace: Workspace) -> None:
    async def together() -> list[Answer]:
        calls = [{**HELLO, "messageId": f"m-{n}"} for n in range(300)]
        return await asyncio.gather(*(asked(app, "/v1/track", call, **ME) for call in calls))

    for answer in asyncio.run(together()):
        assert_taken(answer)
    batches = list(workspace.log.read(0))
    assert sum(len(batch.events) for batch in batches) == 300
    assert len(batches) < 50
    assert len(history(workspace)) == 300


def test_when_the_disk_does_not_keep_up_no_more_is_let_in(
    app: Any, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "MOST_WAITING_BYTES", 100)
    workspace.log.last_position()
    other = sqlite3.connect(workspace.state_dir / "log.db", isolation_level=None)

    async def one_waits_and_one_is_refused() -> tuple[Answer, Answer]:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(
            asked(app, "/v1/track", {**HELLO, "properties": {"t": "x" * 100}}, **ME)
        )
        await asyncio.sleep(0.2)
        refused = await asked(app, "/v1/track", {**HELLO, "messageId": "m-2"}, **ME)
        other.execute("ROLLBACK")
        return await waiting, refused

    waited, turned_away = asyncio.run(one_waits_and_one_is_refused())
    other.close()
    assert_taken(waited)
    assert_refused(turned_away, 503, "not_now")
    assert int(turned_away.headers["retry-after"]) > 0
    assert [event["messageId"] for event in on_log(workspace)] == ["m-1"]


def test_unfinished_requests_have_little_room(workspace: Workspace, sources: Path) -> None:
    app: Any = create_app(workspace)
    app._room = Room(1_000)
    parts = [b'{"batch":[', b" " * 600, b"]}"]

    async def at_once() -> list[int]:
        calls = (asked(app, "/v1/batch", parts=parts, **ME) for _ in range(3))
        return [answer.status for answer in await asyncio.gather(*calls)]

    assert_taken(ask(app, "/v1/batch", parts=parts, **ME))
    slow = [b'{"batch":[', b" " * 1_000, b"]}"]
    assert_refused(ask(app, "/v1/batch", parts=slow, **ME), 503, "not_now")
    # What a refused request took is given back.
    assert asyncio.run(at_once()) == [200, 200, 200]


def test_a_source_may_have_a_limit(app: Any, workspace: Workspace, sources: Path) -> None:
    text = "kind: tracking\nwrite_key: wk_of_the_slow\nevents_per_second: 2\n"
    (sources / "slow.yaml").write_text(text)
    batch = {"batch": [{**HELLO, "messageId": f"m-{n}"} for n in range(9)]}
    assert_taken(ask(app, "/v1/batch", batch, **basic("wk_of_the_slow")))
    answer = ask(app, "/v1/batch", batch, **basic("wk_of_the_slow"), origin="https://shop.example")
    assert_refused(answer, 429, "too_fast")
    assert answer.headers["retry-after"] in ("3", "4")
    assert answer.headers["access-control-expose-headers"] == "Retry-After"
    assert_taken(ask(app, "/v1/track", HELLO, **ME))
    assert len(on_log(workspace)) == 10


def test_a_client_that_goes_away_leaves_nothing(workspace: Workspace, sources: Path) -> None:
    app = create_app(workspace)

    async def leaves() -> list[Any]:
        sent: list[Any] = []
        messages = [{"type": "http.request", "body": b"{", "more_body": True}]

        async def receive() -> Any:
            return messages.pop() if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/track", "query_string": b""}
        await app(
            {**scope, "headers": [(b"authorization", ME["authorization"].encode())]}, receive, send
        )
        return sent

    assert asyncio.run(leaves()) == []
    assert on_log(workspace) == []


def test_a_client_that_is_too_slow(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vocative.collect.tracking.body.PATIENCE_SECONDS", 0.05)

    async def slow() -> Answer:
        sent: list[Any] = []

        async def receive() -> Any:
            await asyncio.sleep(10)

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/track", "query_string": b""}
        await app({**scope, "headers": []}, receive, send)
        return Answer(sent[0]["status"], {}, sent[1]["body"])

    assert_refused(asyncio.run(slow()), 503, "not_now")


def test_pages_of_other_sites_may_send(app: Any) -> None:
    shop = "https://shop.example"
    wanted = "authorization,content-type,x-retry-count"
    asked_first = ask(
        app, "/v1/t", method="OPTIONS", origin=shop, access_control_request_headers=wanted
    )
    assert asked_first.status == 204
    assert asked_first.headers["access-control-allow-origin"] == shop
    assert asked_first.headers["access-control-allow-headers"] == wanted
    assert "POST" in asked_first.headers["access-control-allow-methods"]
    assert int(asked_first.headers["access-control-max-age"]) > 600
    odd = ask(app, "/v1/t", method="OPTIONS", access_control_request_headers="x\r\ny: z")
    assert "authorization" in odd.headers["access-control-allow-headers"]
    for answer in (
        ask(app, "/v1/t", HELLO, **ME, origin=shop),
        ask(app, "/v1/t", HELLO, origin=shop),
        ask(app, "/v1/projects/x/settings", method="GET", origin=shop),
    ):
        assert answer.headers["access-control-allow-origin"] == shop
        assert answer.headers["vary"] == "Origin"


def test_settings_name_the_host_that_was_asked_and_forbid_telemetry(app: Any) -> None:
    told = ask(app, "/v1/projects/anything/settings", method="GET", host="track.shop.example")
    assert told.status == 200
    assert told.json["metrics"] == {"sampleRate": 0}
    segment = told.json["integrations"]["Segment.io"]
    assert (segment["apiKey"], segment["apiHost"], segment["protocol"]) == (
        "anything",
        "track.shop.example/v1",
        "http",
    )
    behind = ask(
        app, "/in/v1/projects/k/settings", method="GET", host="x.example", x_forwarded_proto="https"
    )
    segment = behind.json["integrations"]["Segment.io"]
    assert (segment["apiHost"], segment["protocol"]) == ("x.example/in/v1", "https")
    forged = ask(app, "/v1/projects/k/settings", method="GET", host='x"><script>')
    assert forged.json["integrations"]["Segment.io"]["apiHost"] == "127.0.0.1:8750/v1"


def test_settings_need_neither_store_nor_sources(workspace: Workspace) -> None:
    (workspace.root / "sources").write_text("a file where a folder should be")
    (workspace.state_dir / "key").unlink()

    async def nothing(*_: object) -> None:
        raise AssertionError("this is for the tracking API")

    app = TrackingFace(workspace, nothing)
    assert ask(app, "/v1/projects/k/settings", method="GET").status == 200
    assert ask(app, "/sourceConfig/?writeKey=k", method="GET").json["source"]["writeKey"] == "k"


def test_the_library_itself_is_there_if_the_workspace_has_it(app: Any, sources: Path) -> None:
    path = "/analytics.js/v1/k-1/analytics.min.js"
    answer = ask(app, path, method="GET")
    assert answer.status == 404
    assert b"@segment/analytics-next" in answer.body
    (sources / "analytics.min.js").write_text('key = "__WRITE_KEY__"')
    answer = ask(app, path, method="GET")
    assert (answer.status, answer.body) == (200, b'key = "k-1"')
    assert answer.headers["content-type"].startswith("text/javascript")
    packed = ask(app, path, method="GET", accept_encoding="gzip, br")
    assert gzip.decompress(packed.body) == answer.body
    (sources / "analytics.min.js").write_text('another = "__WRITE_KEY__"')
    assert ask(app, path, method="GET").body == b'another = "k-1"'
    # Nobody's address writes into a script.
    for key in ('"+alert(1)+"', "a;b", "a" * 300):
        forged = f"/analytics.js/v1/{key}/analytics.min.js"
        assert ask(app, forged, method="GET").status == 404


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
def test_an_event_in_the_address_of_a_picture(
    app: Any, workspace: Workspace, encode: Any, padded: bool
) -> None:
    event = {"userId": "u", "event": "Scanned?>~", "writeKey": KEY, "messageId": "m"}
    data = encode(json.dumps(event).encode()).decode()
    data = data if padded else data.rstrip("=")
    answer = ask(app, f"/v1/pixel/track?data={data}", method="GET")
    assert (answer.status, answer.body[:6]) == (200, b"GIF89a")
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == (
        "image/gif",
        "no-store",
    )
    (found,) = on_log(workspace)
    assert (found["type"], found["event"]) == ("track", "Scanned?>~")


def test_pictures_that_say_nothing(app: Any, workspace: Workspace) -> None:
    for query in ("", "?data=", "?data=%25%25", "?data=e30"):
        answer = ask(app, f"/v1/pixel/page{query}", method="GET")
        assert answer.json["code"] in ("malformed", "unknown_write_key")
    assert_refused(ask(app, "/v1/pixel/track?data=e30", HELLO, **ME), 405, "wrong_method")
    data = base64.b64encode(json.dumps({**HELLO, "writeKey": KEY}).encode()).decode()
    # Whoever only asks whether it is there has not seen it.
    assert ask(app, f"/v1/pixel/track?data={data}", method="HEAD").status == 200
    assert on_log(workspace) == []


def test_metrics_of_libraries_stay_here(app: Any, workspace: Workspace) -> None:
    assert_taken(ask(app, "/v1/m", {"series": []}))
    assert on_log(workspace) == []


def test_other_methods_and_other_paths(app: Any) -> None:
    assert_refused(ask(app, "/v1/track", method="GET"), 405, "wrong_method")
    assert_refused(ask(app, "/v1/projects/k/settings", b"{}"), 405, "wrong_method")
    assert ask(app, "/api/v1/track", HELLO, **ME).json["error"]["kind"] == "unknown_name"
    assert ask(app, "/v1/unknown", HELLO, **ME).status in (404, 405)


def captured(shared_data: Path, name: str) -> list[dict[str, Any]]:
    path = shared_data / "segment-captures" / name
    if not path.exists():
        pytest.skip("the recorded requests are not here")
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", ["fixtures.jsonl", "requests.jsonl"])
def test_recorded_requests_of_real_libraries(
    workspace: Workspace, clock: FixedClock, sources: Path, shared_data: Path, name: str
) -> None:
    rows = captured(shared_data, name)
    keys = {row["wk"] for row in rows if row["wk"]}
    for number, key in enumerate(sorted(keys)):
        (sources / f"s{number}.yaml").write_text(f"kind: tracking\nwrite_key: {key}\n")
    app = create_app(workspace)
    sent: set[tuple[str, str]] = set()
    posted = 0
    for row in rows:
        headers = {key.lower().replace("-", "_"): value for key, value in row["headers"]}
        body = b""
        if row["method"] == "POST":
            body = json.dumps(row["json"]).encode()
            if headers.get("content_encoding") == "gzip":
                body = gzip.compress(body)
        answer = ask(app, row["path"], body, method=row["method"], **headers)
        if row["method"] == "POST":
            assert_taken(answer)
            events = row["json"].get("batch", [row["json"]])
            posted += len(events)
            sent |= {(row["wk"], event["messageId"]) for event in events}
        elif "analytics.js" not in row["path"]:
            assert answer.status in (200, 204)
    assert len(on_log(workspace)) == posted
    assert len(history(workspace)) == len(sent)
    assert refused(workspace) == {}
