"""The relay copies each record once, whatever fails, and nothing that comes in can stop it."""

import json
from collections.abc import Sequence

import pytest

from vocative.collect import streaming
from vocative.collect.door import OWN_SOURCE, accept, put_on_log
from vocative.collect.publishing import publish
from vocative.collect.relay import Relay, fault
from vocative.errors import AuthorError, StateError
from vocative.streams.embedded import LogError
from vocative.streams.inbox import Inbox, Overtaken
from vocative.streams.outside import Record, StreamDown, StreamSettings
from vocative.streams.outside.base import key_of, read_instant, written_instant
from vocative.testing.memory_stream import MemoryStream, MemoryTopic
from vocative.workspace import Workspace

AT = 1_772_443_800_123_456


@pytest.fixture
def topic() -> MemoryTopic:
    return MemoryTopic()


@pytest.fixture
def stream(workspace: Workspace, topic: MemoryTopic) -> MemoryStream:
    """The workspace's stream, as if its settings named it."""
    stream = MemoryStream(topic)
    workspace.__dict__["stream"] = stream
    return stream


def event(number: int, person: int = 0) -> dict[str, object]:
    return {"messageId": f"m{number}", "type": "track", "event": "Seen", "userId": f"p{person}"}


def on_log(workspace: Workspace) -> list[str]:
    """The message ids on the log, in order."""
    return [json.loads(raw)["messageId"] for batch in workspace.log.read(0) for raw in batch.events]


def put(stream: MemoryStream, bodies: Sequence[bytes], source: str = "shop") -> None:
    stream.publish([Record(body, "k", source, AT) for body in bodies])


def test_what_is_accepted_reaches_the_log_by_way_of_the_stream(
    workspace: Workspace, stream: MemoryStream
) -> None:
    accepted = accept(workspace, [event(n, n % 3) for n in range(10)], source="shop")
    assert (accepted.events, accepted.last_position) == (10, 0)
    assert on_log(workspace) == []
    assert Relay(workspace, stream).step(0) == 10
    assert sorted(on_log(workspace)) == sorted(f"m{n}" for n in range(10))
    now = {(batch.source, batch.received_at) for batch in workspace.log.read(0)}
    assert now == {("shop", 1_772_443_800_000_000)}
    assert Relay(workspace, stream).step(0) == 0


def test_records_of_one_moment_become_few_batches(
    workspace: Workspace, stream: MemoryStream
) -> None:
    accept(workspace, [event(n, n) for n in range(500)], source="shop")
    Relay(workspace, stream).step(0)
    assert workspace.log.last_position() == 1


def test_own_events_and_imports_go_to_the_log_directly(
    workspace: Workspace, stream: MemoryStream, topic: MemoryTopic
) -> None:
    topic.down = True
    accept(workspace, [event(1)], source=OWN_SOURCE)
    put_on_log(workspace, [event(2)], source="import")
    assert on_log(workspace) == ["m1", "m2"]


def test_nothing_is_acknowledged_while_the_stream_is_down(
    workspace: Workspace, stream: MemoryStream, topic: MemoryTopic
) -> None:
    topic.down = True
    with pytest.raises(StreamDown):
        accept(workspace, [event(1)], source="shop")
    relay = Relay(workspace, stream)
    with pytest.raises(StreamDown):
        relay.step(0)
    topic.down = False
    accept(workspace, [event(1)], source="shop")
    assert relay.step(0) == 1
    assert on_log(workspace) == ["m1"]


def test_a_step_that_cannot_be_written_is_taken_again(
    workspace: Workspace, stream: MemoryStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(workspace, [event(n, n) for n in range(9)], source="shop")
    relay = Relay(workspace, stream)

    def full(*_: object) -> None:
        raise LogError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("vocative.streams.inbox._move", full)
        with pytest.raises(LogError):
            relay.step(0)
    assert on_log(workspace) == []
    assert Inbox(workspace.log).positions("memory") == {}
    assert relay.step(0) == 9
    assert sorted(on_log(workspace)) == sorted(f"m{n}" for n in range(9))


def test_of_two_relays_that_read_the_same_one_is_refused(
    workspace: Workspace, stream: MemoryStream
) -> None:
    slow, fast = Relay(workspace, stream), Relay(workspace, stream)
    assert slow.step(0) == fast.step(0) == 0
    accept(workspace, [event(n, n) for n in range(20)], source="shop")
    assert fast.step(0) == 20
    with pytest.raises(Overtaken):
        slow.step(0)
    assert slow.step(0) == 0
    accept(workspace, [event(20)], source="shop")
    assert slow.step(0) == 1
    with pytest.raises(Overtaken):
        fast.step(0)
    assert sorted(on_log(workspace)) == sorted(f"m{n}" for n in range(21))


POISON = {
    b"": "empty",
    b"[1, 2]": "no JSON object",
    b"no json": "no JSON object",
    b"\xff\xfe": "no JSON object",
    b'{"a": ': "no JSON object",
    b'{"a":' * 100_000: "no JSON object",
    b'{"x": "' + b"x" * 1_000_000 + b'"}': "larger than 1,000,000 bytes",
}


def test_what_is_no_event_becomes_a_dead_letter_and_stops_nothing(
    workspace: Workspace, topic: MemoryTopic
) -> None:
    stream = MemoryStream(topic, StreamSettings(most_event_bytes=10_000_000))
    bodies = [json.dumps(event(n)).encode() for n in range(len(POISON) + 1)]
    mixed = [part for pair in zip(bodies, POISON, strict=False) for part in pair]
    put(stream, [*mixed, bodies[-1]])
    put(stream, [bodies[0]], source=OWN_SOURCE)
    Relay(workspace, MemoryStream(topic)).step(0)
    assert on_log(workspace) == [f"m{n}" for n in range(len(bodies))]
    found = streaming.dead_letters(workspace)
    assert [one.reason for one in found.letters] == [
        *POISON.values(),
        "claims to be from Vocative itself",
    ]
    assert found.by_reason["no JSON object"] == 5
    assert [one.size for one in found.letters[:-1]] == [len(body) for body in POISON]
    first = found.letters[0]
    assert (first.source, first.received_at, first.stream) == ("shop", AT, "memory")
    # At its position it can be found in the stream again.
    letters = Inbox(workspace.log)
    assert [letters.body(one) for one in found.letters[:-1]] == list(POISON)


def test_nobody_without_the_key_reads_a_dead_letter(
    workspace: Workspace, stream: MemoryStream
) -> None:
    put(stream, [b"not json, but jane@example.com"])
    Relay(workspace, stream).step(0)
    for file in workspace.state_dir.glob("log.db*"):
        assert b"jane" not in file.read_bytes()


def test_dead_letters_are_taken_in_after_what_stopped_them_is_gone(
    workspace: Workspace, topic: MemoryTopic
) -> None:
    large = json.dumps({**event(1), "properties": {"x": "x" * 2_000}}).encode()
    put(MemoryStream(topic), [large, b"[]"])
    small = MemoryStream(topic, StreamSettings(most_event_bytes=1_000))
    workspace.__dict__["stream"] = small
    Relay(workspace, small).step(0)
    unchanged = streaming.retry_dead_letters(workspace)
    assert (unchanged.appended, sum(unchanged.still_dead.values())) == (0, 2)
    workspace.__dict__["stream"] = MemoryStream(topic)
    retried = streaming.retry_dead_letters(workspace)
    assert (retried.appended, retried.still_dead) == (1, {"no JSON object": 1})
    assert [batch.events for batch in workspace.log.read(0)] == [[large]]
    assert streaming.retry_dead_letters(workspace).appended == 0
    last = streaming.dead_letters(workspace).letters[-1].letter_id
    assert streaming.discard_dead_letters(workspace, until=last).discarded == 1
    assert streaming.dead_letters(workspace).letters == []
    assert streaming.dead_letters(workspace, after=2**70, limit=2**70).letters == []


def test_a_record_without_headers_has_the_source_of_the_settings(
    workspace: Workspace, topic: MemoryTopic
) -> None:
    stream = MemoryStream(topic, StreamSettings(source="till"))
    stream.publish([Record(json.dumps(event(1)).encode(), None, "", AT)])
    Relay(workspace, stream).step(0)
    assert [batch.source for batch in workspace.log.read(0)] == ["till"]


def test_the_status_tells_what_waits(workspace: Workspace, stream: MemoryStream) -> None:
    accept(workspace, [event(n, n) for n in range(30)], source="shop")
    waiting = streaming.stream_status(workspace)
    assert (waiting.stream, sum(one.records or 0 for one in waiting.partitions)) == ("memory", 30)
    Relay(workspace, stream).step(0)
    put(stream, [b"[]"])
    Relay(workspace, stream).step(0)
    status = streaming.stream_status(workspace)
    assert sum(one.records or 0 for one in status.partitions) == 0
    assert status.dead_letters == {"no JSON object": 1}


def test_a_replay_is_noticed_by_the_relay_that_runs(
    workspace: Workspace, stream: MemoryStream
) -> None:
    accept(workspace, [event(n, n) for n in range(12)], source="shop")
    relay = Relay(workspace, stream)
    relay.step(0)
    rewound = streaming.rewind_stream(workspace)
    assert (rewound.since, rewound.positions) == (None, {"0": "0", "1": "0", "2": "0"})
    accept(workspace, [event(12)], source="shop")
    with pytest.raises(Overtaken):
        relay.step(0)
    assert relay.step(0) == 13
    assert len(on_log(workspace)) == 25
    assert streaming.rewind_stream(workspace, since="2100-01-01T00:00:00Z").since is not None
    assert Relay(workspace, stream).step(0) == 0
    with pytest.raises(AuthorError, match="no instant"):
        streaming.rewind_stream(workspace, since="yesterday")


def test_without_a_stream_there_is_nothing_to_tell(workspace: Workspace) -> None:
    assert streaming.stream_status(workspace).stream is None
    with pytest.raises(StateError, match="no stream"):
        streaming.rewind_stream(workspace)
    assert streaming.dead_letters(workspace).letters == []
    assert streaming.retry_dead_letters(workspace).appended == 0


@pytest.mark.parametrize(
    ("stated", "key"),
    [
        ({"userId": "u", "anonymousId": "a", "messageId": "m"}, "u"),
        ({"userId": 12}, "12"),
        ({"userId": " ", "anonymousId": "a"}, "a"),
        ({"traits": {"email": " Jane@Example.com "}, "messageId": "m"}, "jane@example.com"),
        ({"context": {"traits": {"email": "j@example.com"}}}, "j@example.com"),
        ({"messageId": "m", "traits": "none"}, "m"),
        ({"userId": {"a": 1}}, None),
        ({}, None),
    ],
)
def test_a_person_has_one_key(stated: dict[str, object], key: str | None) -> None:
    assert key_of(json.dumps(stated).encode()) == key


def test_a_key_is_never_long_and_nothing_breaks_it() -> None:
    assert len(key_of(json.dumps({"userId": "x" * 5_000}).encode()) or "") == 64
    for broken in (b"", b"[]", b"\xff", b"{" * 200_000, b'{"userId": "\\ud800"}'):
        key_of(broken)


def test_the_instant_of_a_header_comes_back() -> None:
    assert read_instant(written_instant(AT), otherwise=0) == AT
    assert read_instant("2026-03-02T09:30:00Z", otherwise=0) == 1_772_443_800_000_000
    for wrong in (None, "", "yesterday", "1066-10-14"):
        assert read_instant(wrong, otherwise=7) == 7


def test_an_object_is_judged_without_reading_it_whole() -> None:
    assert fault(b'{"any": ["thing", {"deep": 1}]}', "shop", 100) is None


def test_publishing_says_how_many(stream: MemoryStream) -> None:
    brought = [("a", [b"{}"] * 7_000), ("b", [b"{}"])]
    assert publish(stream, brought, received_at=AT) == 7_001
