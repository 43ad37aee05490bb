"""Every stream that Vocative brings keeps every law of streams."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from kafka_brokers import LIBRARIES, QUICK, Broker, Imitation

from vocative.streams.outside import STREAMS, Stream
from vocative.testing.memory_stream import MemoryStream, MemoryTopic
from vocative.testing.stream_laws import (
    LAWS,
    StreamBench,
    gives_back_what_was_published,
    goes_on_where_it_was,
    measures_only_if_it_claims_to,
    service_now,
    shares_only_if_it_claims_to,
    takes_from_several_threads,
)

Law = Callable[[StreamBench], None]
every_law = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)


def opened(name: str, **settings: object) -> Stream:
    kind = STREAMS.load(name)
    return kind(kind.Settings(**settings))


def kafka_bench(servers: str, topic: str, options: Mapping[str, object] = QUICK) -> StreamBench:
    group = f"g-{uuid.uuid4().hex[:8]}"

    def stream() -> Stream:
        return opened("kafka", servers=servers, topic=topic, group=group, options=options)

    def nowhere() -> Stream:
        return opened("kafka", servers="127.0.0.1:1", topic=topic, timeout_seconds=1.5)

    return StreamBench(stream=stream, nowhere=nowhere, now=service_now)


@every_law
def test_the_stream_for_tests_keeps_the_laws(law: Law) -> None:
    topic = MemoryTopic()
    nowhere = MemoryTopic()
    nowhere.down = True
    law(
        StreamBench(
            stream=lambda: MemoryStream(topic),
            nowhere=lambda: MemoryStream(nowhere),
            now=service_now,
        )
    )


@pytest.mark.may_skip
@every_law
def test_kafka_keeps_the_laws(law: Law, broker: Broker) -> None:
    law(kafka_bench(broker.servers, broker.new_topic()))


@pytest.mark.may_skip
@pytest.mark.skipif(LIBRARIES is not None, reason="a real broker is here, and keeps them all")
@pytest.mark.parametrize(
    "law",
    [
        gives_back_what_was_published,
        goes_on_where_it_was,
        takes_from_several_threads,
        measures_only_if_it_claims_to,
        shares_only_if_it_claims_to,
    ],
    ids=lambda law: law.__name__,
)
def test_kafka_keeps_these_laws_with_an_imitated_broker(law: Law, imitation: Imitation) -> None:
    # Not all: a group takes three seconds to form there, and it knows no offsets by time.
    law(kafka_bench(imitation.servers, imitation.new_topic(), {"session.timeout.ms": 6000}))


@every_law
def test_kinesis_keeps_the_laws(law: Law, kinesis_server: Any) -> None:
    topic = kinesis_server.new_topic()
    away = {**kinesis_server.settings["options"], "endpoint_url": "http://127.0.0.1:1"}
    law(
        StreamBench(
            stream=lambda: opened("kinesis", topic=topic, **kinesis_server.settings),
            nowhere=lambda: opened("kinesis", topic=topic, region="eu-west-1", options=away),
            now=service_now,
        )
    )


@every_law
def test_pubsub_keeps_the_laws(
    law: Law, pubsub_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server is near: nothing is lost on the way.
    monkeypatch.setattr("vocative.streams.outside.pubsub.WAIT_SECONDS", 0.2)
    topic = f"t-{uuid.uuid4().hex[:12]}"

    def stream() -> Stream:
        return opened("pubsub", project="p", topic=topic, subscription=topic)

    def nowhere() -> Stream:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", "127.0.0.1:1")
        return opened("pubsub", project="p", topic="t", subscription="t", timeout_seconds=1.5)

    law(StreamBench(stream=stream, nowhere=nowhere, now=service_now))
