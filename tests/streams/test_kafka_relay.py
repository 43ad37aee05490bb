"""From the door over a real Kafka broker to applied profiles: nothing lost, nothing doubled."""

import json
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from kafka_brokers import QUICK, Broker
from numbered import numbered_events, numbers_on_log
from relay_processes import Relays

from vocative.collect import streaming
from vocative.collect.door import accept
from vocative.collect.sourcing.starters import new_source
from vocative.identify.apply import apply_log
from vocative.streams.inbox import Inbox
from vocative.streams.outside import StreamDown
from vocative.workspace import Workspace, prepare_state

pytestmark = [pytest.mark.may_skip, pytest.mark.timeout(280)]
PEOPLE = 40
MakeWorkspace = Callable[..., Workspace]
events = partial(numbered_events, people=PEOPLE)


def wait_for(workspace: Workspace, count: int, seconds: float = 60) -> list[int]:
    """What is on the log, once so many events are there."""
    until = time.monotonic() + seconds
    while len(found := numbers_on_log(workspace)) < count and time.monotonic() < until:
        time.sleep(0.2)
    assert len(found) == count
    return found


def assert_in_order(found: list[int]) -> None:
    of_person: dict[int, list[int]] = defaultdict(list)
    for number in found:
        of_person[number % PEOPLE].append(number)
    for numbers in of_person.values():
        assert numbers == sorted(numbers)


def test_killed_relays_lose_and_double_nothing(
    with_stream: MakeWorkspace, broker: Broker, relays: Relays
) -> None:
    topic = broker.new_topic()
    shop = with_stream(kind="kafka", servers=broker.servers, topic=topic, options=QUICK)
    sent = 0
    done = threading.Event()

    def produce() -> None:
        nonlocal sent
        while not done.is_set():
            accept(shop, events(sent, 50), source="shop")
            sent += 50
            time.sleep(0.02)

    producer = threading.Thread(target=produce)
    producer.start()
    kills, chance = 0, random.Random(4)
    relays.start()
    while kills < 10:
        time.sleep(chance.uniform(0.4, 2.5))
        relays.kill()
        kills += 1
        relays.start()
    taken_while_killed = len(numbers_on_log(shop))
    done.set()
    producer.join()
    found = wait_for(shop, sent)
    relays.end()
    assert sorted(found) == list(range(sent))
    assert_in_order(found)
    assert taken_while_killed > sent / 4, "the relays were killed before they did anything"
    report = apply_log(shop)
    assert (report.applied, report.duplicates, report.rejected) == (sent, 0, {})
    with shop.store.read() as tx:
        assert tx.value("SELECT count(*) FROM profiles") == PEOPLE
    status = streaming.stream_status(shop)
    assert [one.records for one in status.partitions] == [0, 0, 0, 0]
    print(f"{kills} kills, {sent} events, {taken_while_killed} taken in before the last")


def test_a_person_keeps_their_order_when_relays_come_and_go(
    with_stream: MakeWorkspace, broker: Broker, relays: Relays
) -> None:
    topic = broker.new_topic(partitions=6)
    shop = with_stream(kind="kafka", servers=broker.servers, topic=topic, options=QUICK)
    relays.start()
    for step in range(60):
        accept(shop, events(step * 50, 50), source="shop")
        if step in (10, 20):
            relays.start()
        if step in (30, 45):
            relays.kill()
        time.sleep(0.15)
    found = wait_for(shop, 3_000)
    relays.end()
    assert sorted(found) == list(range(3_000))
    assert_in_order(found)


def test_a_broker_that_is_away_is_waited_for(
    with_stream: MakeWorkspace, tmp_path: Path, relays: Relays
) -> None:
    broker = Broker(tmp_path / "kafka")
    topic = broker.new_topic()
    shop = with_stream(
        kind="kafka", servers=broker.servers, topic=topic, options=QUICK, timeout_seconds=3
    )
    try:
        relays.start()
        accept(shop, events(0, 100), source="shop")
        wait_for(shop, 100)
        broker.kill()
        with pytest.raises(StreamDown):
            accept(shop, events(100, 100), source="shop")
        assert len(numbers_on_log(shop)) == 100
        broker.start()
        until = time.monotonic() + 60
        while True:
            try:
                accept(shop, events(100, 100), source="shop")
            except StreamDown:
                assert time.monotonic() < until
            else:
                break
        # What was not acknowledged may be there all the same: its ids tell.
        while len(set(numbers_on_log(shop))) < 200:
            assert time.monotonic() < until
            time.sleep(0.2)
        relays.end()
        report = apply_log(shop)
        assert (report.applied, report.rejected) == (200, {})
    finally:
        broker.kill()


def test_a_fresh_workspace_becomes_the_same_from_the_stream(
    with_stream: MakeWorkspace, broker: Broker, relays: Relays, workspace: Workspace, tmp_path: Path
) -> None:
    settings = {"kind": "kafka", "servers": broker.servers, "options": QUICK}
    shop = with_stream(**settings, topic=broker.new_topic())
    accept(shop, events(0, 500), source="shop")
    traits = {"email": "p1@example.com", "country": "DE"}
    accept(
        shop,
        [{"messageId": "i", "type": "identify", "userId": "p1", "traits": traits}, *events(500, 9)],
        source="shop",
    )
    accept(shop, [{"messageId": "x"}], source="shop")
    relays.start()
    until = time.monotonic() + 60
    while shop.log.waiting(0) < 511 and time.monotonic() < until:
        time.sleep(0.1)
    relays.end()
    apply_log(shop)

    twin_root = tmp_path / "twin"
    twin_root.mkdir()
    shutil.copy(shop.root / "vocative.yaml", twin_root)
    prepare_state(twin_root)
    shutil.copy(shop.state_dir / "key", twin_root / ".vocative" / "key")
    with Workspace(twin_root, clock=workspace.clock) as twin:
        other = Relays(twin_root)
        other.start()
        while twin.log.waiting(0) < 511 and time.monotonic() < until:
            time.sleep(0.1)
        other.end()
        apply_log(twin)
        assert _people(twin) == _people(shop)
        assert len(_people(twin)) == PEOPLE


def _people(workspace: Workspace) -> list[tuple[object, ...]]:
    with workspace.store.read() as tx:
        people = tx.tuples("SELECT person_id, traits, first_seen_at FROM profiles ORDER BY 1")
        counts = tx.tuples("SELECT sum(applied), sum(rejected) FROM applied_batches")
        return [(*one, *counts[0]) for one in people]


def test_records_that_are_gone_before_they_were_read_are_told(
    with_stream: MakeWorkspace, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    from vocative.collect.relay import Relay

    topic = broker.new_topic(partitions=1)
    shop = with_stream(kind="kafka", servers=broker.servers, topic=topic, options=QUICK)
    accept(shop, events(0, 10), source="shop")
    stream = shop.stream
    assert stream is not None
    # As if the topic had been made anew: the position lies behind its end.
    Inbox(shop.log).rewind(stream.name, {"0": "99"})
    relay = Relay(shop, stream)
    until = time.monotonic() + 30
    while not relay.step() and time.monotonic() < until:
        pass
    relay.leave()
    assert numbers_on_log(shop) == list(range(10))
    assert "does not hold what comes after position 99: it holds 0 to 10" in caplog.text


def test_records_of_other_programs_are_taken_in(with_stream: MakeWorkspace, broker: Broker) -> None:
    from confluent_kafka import Producer

    from vocative.collect.relay import Relay

    topic = broker.new_topic(partitions=1)
    shop = with_stream(kind="kafka", servers=broker.servers, topic=topic, source="till")
    other = Producer({"bootstrap.servers": broker.servers})
    body = json.dumps(events(1, 1)[0]).encode()
    other.produce(topic, body)
    other.produce(topic, b"hello")
    other.produce(topic, key=b"gone")
    other.produce(topic, body, headers={"source": b"shop", "received_at": b"2026-03-02T09:30:00Z"})
    assert other.flush(20) == 0
    stream = shop.stream
    assert stream is not None
    relay = Relay(shop, stream)
    taken, until = 0, time.monotonic() + 30
    while taken < 4 and time.monotonic() < until:
        taken += relay.step()
    relay.leave()
    batches = list(shop.log.read(0))
    assert [batch.source for batch in batches] == ["till", "shop"]
    assert batches[1].received_at == 1_772_443_800_000_000
    assert abs(batches[0].received_at / 1e6 - time.time()) < 60
    reasons = [(one.reason, one.position) for one in streaming.dead_letters(shop).letters]
    assert reasons == [("no JSON object", "2"), ("empty", "3")]


def test_serve_takes_events_over_http_into_the_stream_and_applies_them(
    with_stream: MakeWorkspace, tmp_path: Path
) -> None:
    broker = Broker(tmp_path / "kafka")
    topic = broker.new_topic()
    shop = with_stream(
        kind="kafka", servers=broker.servers, topic=topic, options=QUICK, timeout_seconds=3
    )
    key = new_source(shop, "web").source.write_key
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "vocative", "serve", "-w", str(shop.root), "--port", str(port)]

    def post(first: int) -> int:
        body = json.dumps({"writeKey": key, "batch": events(first, 50)}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/batch", data=body)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    def applied() -> int:
        with shop.store.read() as tx:
            return int(tx.value("SELECT coalesce(sum(applied), 0) FROM applied_batches") or 0)

    def wait_until(done: Callable[[], bool]) -> None:
        until = time.monotonic() + 60
        while not done():
            assert time.monotonic() < until
            time.sleep(0.2)

    def listens() -> bool:
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", port)) == 0

    served = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_until(listens)
        assert [post(first) for first in (0, 50, 100)] == [200, 200, 200]
        wait_until(lambda: applied() == 150)
        broker.kill()
        assert post(150) == 503
        assert applied() == 150
        broker.start()
        wait_until(lambda: post(150) == 200)
        wait_until(lambda: applied() == 200)
    finally:
        served.terminate()
        served.wait(timeout=60)
        broker.kill()
    assert sorted(set(numbers_on_log(shop))) == list(range(200))
