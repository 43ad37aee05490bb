"""What is particular to Kinesis and Pub/Sub, from the door to what is applied."""

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from kinesis_server import ClosingShards
from numbered import numbered_events, numbers_on_log
from relay_processes import Relays

from vocative.collect import streaming
from vocative.collect.door import accept
from vocative.collect.relay import Relay
from vocative.identify.apply import apply_log
from vocative.streams.inbox import Inbox
from vocative.workspace import Workspace

PEOPLE = 20
MakeWorkspace = Callable[..., Workspace]
events = partial(numbered_events, people=PEOPLE)


def relay_until(workspace: Workspace, count: int) -> Relay:
    """Take in until so many different events are on the log."""
    stream = workspace.stream
    assert stream is not None
    relay = Relay(workspace, stream)
    until = time.monotonic() + 60
    while len(set(numbers_on_log(workspace))) < count and time.monotonic() < until:
        relay.step()
    return relay


def test_kinesis_from_the_door_to_the_profiles(
    with_stream: MakeWorkspace, kinesis_server: Any
) -> None:
    shop = with_stream(kind="kinesis", topic=kinesis_server.new_topic(), **kinesis_server.settings)
    accept(shop, events(0, 300), source="shop")
    relay_until(shop, 200).leave()  # A relay that stops somewhere,
    accept(shop, events(300, 100), source="shop")
    relay_until(shop, 400).leave()  # and another that goes on there.
    found = numbers_on_log(shop)
    assert sorted(found) == list(range(400))
    of_person: dict[int, list[int]] = defaultdict(list)
    for number in found:
        of_person[number % 20].append(number)
    assert all(numbers == sorted(numbers) for numbers in of_person.values())
    assert {(batch.source, batch.received_at) for batch in shop.log.read(0)} == {
        ("shop", 1_772_443_800_000_000)
    }
    report = apply_log(shop)
    assert (report.applied, report.duplicates) == (400, 0)
    status = streaming.stream_status(shop)
    assert [one.seconds for one in status.partitions] == [0, 0, 0]


def test_kinesis_takes_bare_events_of_other_programs(
    with_stream: MakeWorkspace, kinesis_server: Any
) -> None:
    topic = kinesis_server.new_topic(shards=1)
    shop = with_stream(kind="kinesis", topic=topic, source="till", **kinesis_server.settings)
    client = kinesis_server.client()
    bare = {**events(0, 1)[0], "source": "x", "received_at": "y"}
    for data in (json.dumps(bare).encode(), b"[]"):
        client.put_record(StreamName=topic, Data=data, PartitionKey="k")
    relay_until(shop, 1).leave()
    batch = next(iter(shop.log.read(0)))
    assert (batch.source, json.loads(batch.events[0])) == ("till", bare)
    assert streaming.dead_letters(shop).by_reason in ({}, {"no JSON object": 1})


def test_children_of_a_shard_are_read_after_it() -> None:
    pytest.importorskip("boto3", reason="no boto3: run `make clouds`")
    from vocative.streams.outside.kinesis import Kinesis, KinesisSettings

    client = ClosingShards()
    client.add("a", [b'{"n": %d}' % n for n in range(5)])
    client.add("b", [b'{"n": 5}'], "a")
    client.add("c", [b'{"n": 6}'], "a")
    client.add("d", [b'{"n": 7}'], "b", "c")
    stream = Kinesis(KinesisSettings(topic="t"), client=client)
    kept: dict[str, str] = {}
    found: list[bytes] = []
    for _ in range(6):  # A reader each, as if each had been killed after one answer.
        subscription = stream.subscribe(kept.get, reader="r")
        arrivals = subscription.read(2, 2.0)
        for one in arrivals:
            kept[one.partition] = str(one.position)
            found.append(one.body)
        subscription.close()
    assert sorted(found) == [b'{"n": %d}' % n for n in range(8)]
    assert found[:5] == [b'{"n": %d}' % n for n in range(5)]
    assert found[-1] == b'{"n": 7}'
    client.parents.pop("a")  # It is older than what is kept.
    assert stream.subscribe(kept.get, reader="r").read(10, 1.0) == []


def test_kinesis_begins_again_where_a_position_is_not_known(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("boto3", reason="no boto3: run `make clouds`")
    from vocative.streams.outside.kinesis import Kinesis, KinesisSettings

    client = ClosingShards()
    client.add("a", [b"{}", b'{"n": 1}'])
    stream = Kinesis(KinesisSettings(topic="t"), client=client)
    subscription = stream.subscribe({"a": "12345"}.get, reader="r")
    assert [one.body for one in subscription.read(10, 1.0)] == [b"{}", b'{"n": 1}']
    assert "shard a of t does not know position 12345" in caplog.text


def test_pubsub_gives_messages_again_and_they_count_once(
    with_stream: MakeWorkspace, pubsub_server: Any
) -> None:
    shop = with_stream(kind="pubsub", project="p", topic="shop", subscription="shop")
    pubsub_server.redeliver_unasked = 60
    for start in range(0, 500, 50):
        accept(shop, events(start, 50), source="shop")
    relay = relay_until(shop, 500)
    while relay.step():
        pass
    relay.leave()
    found = numbers_on_log(shop)
    assert set(found) == set(range(500))
    assert len(found) >= 560
    first: dict[int, list[int]] = defaultdict(list)
    for number in dict.fromkeys(found):
        first[number % 20].append(number)
    assert all(numbers == sorted(numbers) for numbers in first.values())
    report = apply_log(shop)
    assert (report.applied, report.duplicates) == (500, len(found) - 500)
    assert streaming.stream_status(shop).partitions == []


def test_pubsub_loses_nothing_when_the_log_cannot_be_written(
    with_stream: MakeWorkspace, pubsub_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = with_stream(kind="pubsub", project="p", topic="full", subscription="full")
    accept(shop, events(0, 30), source="shop")
    stream = shop.stream
    assert stream is not None
    relay = Relay(shop, stream)

    def full(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Inbox, "take_in", full)
        with pytest.raises(OSError, match="full"):
            relay.step()
    assert numbers_on_log(shop) == []
    relay_until(shop, 30).leave()
    assert sorted(numbers_on_log(shop)) == list(range(30))


def test_pubsub_is_read_again_from_its_beginning(
    with_stream: MakeWorkspace, pubsub_server: Any
) -> None:
    shop = with_stream(kind="pubsub", project="p", topic="again", subscription="again")
    accept(shop, events(0, 40), source="shop")
    relay = relay_until(shop, 40)
    assert streaming.rewind_stream(shop).positions == {}
    taken = 0
    until = time.monotonic() + 30
    while taken < 40 and time.monotonic() < until:
        taken += relay.step()
    relay.leave()
    report = apply_log(shop)
    assert (report.applied, report.duplicates) == (40, 40)


@pytest.mark.parametrize("kind", ["kinesis", "pubsub"])
def test_killed_relays_lose_nothing_and_what_is_applied_counts_once(
    kind: str, request: pytest.FixtureRequest, with_stream: MakeWorkspace, relays: Relays
) -> None:
    if kind == "kinesis":
        server = request.getfixturevalue("kinesis_server")
        shop = with_stream(kind=kind, topic=server.new_topic(), **server.settings)
    else:
        request.getfixturevalue("pubsub_server").deadline_seconds = 1.0
        shop = with_stream(kind=kind, project="p", topic="kill", subscription="kill")
    chance = random.Random(7)
    relays.start()
    sent = 0
    for _ in range(10):
        before, until = shop.log.waiting(0), time.monotonic() + 10
        while shop.log.waiting(0) == before and time.monotonic() < until:
            accept(shop, events(sent, 20), source="shop")
            sent += 20
        time.sleep(chance.uniform(0, 0.3))
        relays.kill()
        relays.start()
    taken_while_killed = len(set(numbers_on_log(shop)))
    until = time.monotonic() + 60
    while len(set(numbers_on_log(shop))) < sent and time.monotonic() < until:
        time.sleep(0.2)
    relays.end()
    found = numbers_on_log(shop)
    assert sorted(set(found)) == list(range(sent))
    if kind == "kinesis":
        assert len(found) == sent
    assert taken_while_killed > 0, "the relays were killed before they did anything"
    first: dict[int, list[int]] = defaultdict(list)
    for number in dict.fromkeys(found):
        first[number % 20].append(number)
    assert all(numbers == sorted(numbers) for numbers in first.values())
    report = apply_log(shop)
    assert (report.applied, report.rejected) == (sent, {})
    print(f"{kind}: 10 kills, {sent} events, {len(found) - sent} twice on the log")
