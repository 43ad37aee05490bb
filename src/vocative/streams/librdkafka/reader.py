"""Reads a topic as a member of a consumer group, and looks at what the topic holds."""

import logging
from collections.abc import Callable, Sequence
from typing import Any, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from vocative.streams.librdkafka.faults import asked, down
from vocative.streams.outside.base import (
    RECEIVED_HEADER,
    SOURCE_HEADER,
    Arrival,
    Begin,
    Subscription,
    read_instant,
)

MOST_BYTES = 8_000_000
"""Of records that are read at once."""

log = logging.getLogger("vocative.kafka")


class Reader(Subscription):
    """One member of the group."""

    def __init__(self, consumer: Consumer, topic: str, begin: Begin) -> None:
        self._consumer = consumer
        self._topic = topic
        self._begin = begin
        self._failed: Exception | None = None
        self._anew: set[str] = set()
        """Partitions that were given to us since the last look."""
        self._closed = False
        consumer.subscribe([topic], on_assign=self._assigned, on_lost=self._lost)

    def read(self, most: int, timeout_seconds: float) -> list[Arrival]:
        """What librdkafka has fetched."""
        found: list[Arrival] = []
        size = 0
        message = self._guarded(lambda: self._consumer.poll(timeout_seconds))
        messages = [] if message is None else [message]
        self._anew.clear()
        while messages:
            for one in messages:
                arrival = self._arrival(one)
                if arrival is not None:
                    found.append(arrival)
                    size += len(arrival.body)
            if len(found) >= most or size >= MOST_BYTES:
                break
            # In small numbers, so that large records cannot fill the memory.
            messages = self._guarded(lambda: self._consumer.consume(100, 0))
            if self._anew:
                # Gone and come back meanwhile: they begin where the log is, so this comes again.
                found = [one for one in found if one.partition not in self._anew]
                self._anew.clear()
        return found

    def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Commit the offsets, so that the broker's tools show the lag; nothing rests on it."""
        reached = {one.partition: one.position for one in arrivals}
        offsets = [
            TopicPartition(self._topic, int(partition), int(position))
            for partition, position in reached.items()
            if position is not None
        ]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            # In a rebalance (ILLEGAL_GENERATION and others); the next commit will do.
            log.debug("%s", error)

    def close(self) -> None:
        """Leave the group."""
        if not self._closed:
            self._closed = True
            self._consumer.close()

    def _guarded(self, call: Callable[[], Any]) -> Any:
        found = asked(call)
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        return found

    def _arrival(self, message: Message) -> Arrival | None:
        error = message.error()
        if error is not None:
            self._judge(error)
            return None
        headers = dict(cast("list[tuple[str, bytes | None]]", message.headers() or []))
        _, stamp = message.timestamp()
        offset = message.offset()
        return Arrival(
            str(message.partition()),
            str((offset or 0) + 1),
            message.value() or b"",
            _text(headers.get(SOURCE_HEADER)),
            read_instant(_text(headers.get(RECEIVED_HEADER)), otherwise=max(0, stamp) * 1000),
        )

    def _judge(self, error: KafkaError) -> None:
        code = error.code()
        if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise down(
                f"there is no topic {self._topic!r}", hint="create the topic, then it goes on"
            )
        # An offset out of range too: who subscribes again looks at what there is.
        if code != KafkaError._PARTITION_EOF:
            raise down(error.str())

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            for one in partitions:
                one.offset = self._offset(consumer, one)
                self._anew.add(str(one.partition))
            consumer.incremental_assign(partitions)
        # Raised where the caller waits: here librdkafka would swallow it.
        except KafkaException as error:
            self._failed = down(str(error.args[0]))
        except Exception as error:  # noqa: BLE001
            self._failed = error

    def _offset(self, consumer: Consumer, where: TopicPartition) -> int:
        """Where to begin; at the beginning when the broker does not have what comes next."""
        position = self._begin(str(where.partition))
        if position is None:
            return OFFSET_BEGINNING
        low, high = consumer.get_watermark_offsets(where, timeout=10)
        if low <= int(position) <= high:
            return int(position)
        log.error(
            "partition %s of %s does not hold what comes after position %s: it holds %s to %s. It"
            " is read from its beginning; what lay between is lost unless it is published again",
            where.partition,
            self._topic,
            position,
            low,
            high,
        )
        return low

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Somebody else may have them already: the log refuses what we would still append.
        consumer.incremental_unassign(partitions)


class Looking:
    """A consumer that asks about the topic and reads nothing."""

    def __init__(self, consumer: Consumer, topic: str, timeout_seconds: float) -> None:
        self._consumer = consumer
        self._topic = topic
        self._timeout = timeout_seconds

    def partitions(self) -> list[int]:
        """Their numbers."""
        topic = asked(
            lambda: self._consumer.list_topics(self._topic, timeout=self._timeout)
        ).topics[self._topic]
        if topic.error is not None:
            raise down(topic.error.str())
        return sorted(topic.partitions)

    def bounds(self, number: int) -> tuple[int, int]:
        """The oldest offset, and the one after the newest."""
        where = TopicPartition(self._topic, number)
        low, high = asked(
            lambda: self._consumer.get_watermark_offsets(where, timeout=self._timeout)
        )
        return int(low), int(high)

    def at(self, numbers: Sequence[int], millis: int) -> dict[int, int]:
        """The first offset at or after an instant; -1: there is none."""
        where = [TopicPartition(self._topic, number, millis) for number in numbers]
        found = asked(lambda: self._consumer.offsets_for_times(where, timeout=self._timeout))
        return {one.partition: one.offset for one in found}

    def __enter__(self) -> "Looking":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def _text(header: str | bytes | None) -> str | None:
    if isinstance(header, bytes):
        return header.decode("utf-8", "replace")
    return header
