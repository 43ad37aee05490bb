"""Apache Kafka, and what speaks its protocol, through librdkafka.

Publishing waits for all replicas and is idempotent: a retry within librdkafka neither doubles nor
reorders. Reading is a member of a consumer group, so several relays share the partitions; where
each begins is asked of the log. What is committed to the broker is for its monitoring only.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)

from vocative.errors import AuthorError
from vocative.streams.outside.base import (
    RECEIVED_HEADER,
    SOURCE_HEADER,
    Arrival,
    Begin,
    Lag,
    Record,
    Stream,
    StreamDown,
    StreamSettings,
    Subscription,
    read_instant,
    written_instant,
)

MOST_BYTES = 8_000_000
"""Of records that are read at once."""
_OWN_OPTIONS = {
    "bootstrap.servers",
    "group.id",
    "enable.idempotence",
    "acks",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
}
_PRODUCER = ("linger.", "batch.", "compression.", "queue.buffering.", "message.", "partitioner")
_CONSUMER = ("fetch.", "session.", "heartbeat.", "max.poll.", "max.partition.", "queued.", "group.")

log = logging.getLogger("vocative.kafka")


class KafkaSettings(StreamSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`stream` in vocative.yaml with `kind: kafka`."""

    servers: str
    """host:port, several with commas."""
    topic: str
    group: str = "vocative"
    """The consumer group of the relays."""
    options: dict[str, str | int | float | bool] = msgspec.field(default_factory=dict)
    """Handed to librdkafka as they are: TLS, SASL, timeouts."""


class Kafka(Stream):
    """A topic of Apache Kafka."""

    capabilities = frozenset({"shares", "rewinds", "measures"})
    Settings: ClassVar[type[StreamSettings]] = KafkaSettings
    settings: KafkaSettings

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__(settings)
        taken = sorted(_OWN_OPTIONS & settings.options.keys())
        if taken:
            raise AuthorError(
                f"stream.options cannot set {taken[0]}: what Vocative promises rests on it",
                hint="leave it out" if "." in taken[0] else "use stream.servers and stream.group",
            )
        self._lock = threading.Lock()
        self._producer: _Publisher | None = None

    @property
    def name(self) -> str:
        """`kafka:` and the topic."""
        return f"kafka:{self.settings.topic}"

    def deliver(self, records: Sequence[Record]) -> None:
        """Produce, then wait for every delivery report."""
        with self._lock:
            if self._producer is None or self._producer.broken:
                if self._producer is not None:
                    self._producer.close()
                self._producer = _Publisher(self.settings, self._options(_CONSUMER))
            producer = self._producer
        producer.publish(records)

    def subscribe(self, begin: Begin) -> Subscription:
        """Join the consumer group."""
        return _Reader(self._consumer(), self.settings.topic, begin)

    def rewind(self, to: int | None) -> dict[str, str]:
        """The first offsets at or after an instant."""
        with _Looking(self._consumer(), self.settings) as look:
            low = {number: look.bounds(number)[0] for number in look.partitions()}
            if to is None:
                return {str(number): str(offset) for number, offset in low.items()}
            millis = to // 1000
            found = look.at(list(low), millis)
            return {
                str(number): str(offset if offset >= 0 else look.bounds(number)[1])
                for number, offset in found.items()
            }

    def lags(self, positions: Mapping[str, str]) -> list[Lag]:
        """The newest offsets less those that were reached."""
        found = []
        with _Looking(self._consumer(), self.settings) as look:
            for number in look.partitions():
                low, high = look.bounds(number)
                position = positions.get(str(number))
                reached = low if position is None else max(low, int(position))
                found.append(
                    Lag(partition=str(number), position=position, records=max(0, high - reached))
                )
        return found

    def close(self) -> None:
        """Send what waits, then let go."""
        with self._lock:
            if self._producer is not None:
                self._producer.close()
                self._producer = None

    def _options(self, without: Sequence[str]) -> dict[str, Any]:
        """What producer and consumer both need; the other's own options are left out."""
        stated = {
            k: v for k, v in self.settings.options.items() if not k.startswith(tuple(without))
        }
        return {
            "client.id": "vocative",
            "error_cb": _heard,
            "logger": log,
            **stated,
            "bootstrap.servers": self.settings.servers,
        }

    def _consumer(self) -> Consumer:
        consumer: Consumer = _made(
            lambda: Consumer(
                {
                    "partition.assignment.strategy": "cooperative-sticky",
                    "queued.max.messages.kbytes": 16_384,
                    # How long nobody reads the partitions of a relay that was killed.
                    "session.timeout.ms": 10_000,
                    **self._options(_PRODUCER),
                    "group.id": self.settings.group,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    # Never silently on past what was lost: see `_Reader._offset`.
                    "auto.offset.reset": "error",
                }
            )
        )
        return consumer


class _Publisher:
    """A producer and the thread that hands out its delivery reports."""

    def __init__(self, settings: KafkaSettings, options: dict[str, Any]) -> None:
        self._topic = settings.topic
        self._timeout_seconds = settings.timeout_seconds
        self._producer: Producer = _made(
            lambda: Producer(
                {
                    # What Kafka's own clients use: a person has one partition whoever publishes.
                    "partitioner": "murmur2_random",
                    "linger.ms": 2,
                    "compression.type": "lz4",
                    **options,
                    "message.max.bytes": settings.most_event_bytes + 10_000,
                    "message.timeout.ms": int(settings.timeout_seconds * 1000),
                    "enable.idempotence": True,
                }
            )
        )
        self.broken = False
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._hand_out, name="kafka", daemon=True)
        self._thread.start()

    def publish(self, records: Sequence[Record]) -> None:
        """Produce all and wait for all."""
        waiting = _Waiting(len(records))
        deadline = time.monotonic() + self._timeout_seconds
        for record in records:
            self._produce(record, waiting.told, deadline)
        # librdkafka gives up at its own deadline, which began a little later.
        if not waiting.done.wait(self._timeout_seconds + 5):
            raise _down("the broker did not answer in time")
        if waiting.error is not None:
            self.broken = self.broken or waiting.error.fatal()
            raise _down(waiting.error.str())

    def close(self) -> None:
        """Wait shortly for what is under way."""
        self._producer.flush(1)
        self._closing.set()
        self._thread.join(timeout=5)

    def _produce(self, record: Record, told: Callable[..., None], deadline: float) -> None:
        headers: list[tuple[str, str | bytes | None]] = [
            (SOURCE_HEADER, record.source.encode()),
            (RECEIVED_HEADER, written_instant(record.received_at).encode()),
        ]
        key = None if record.key is None else record.key.encode("utf-8", "replace")
        while True:
            try:
                self._producer.produce(
                    self._topic, record.body, key=key, headers=headers, on_delivery=told
                )
            except BufferError:
                # The local queue is full: the broker is slower than we are.
                if time.monotonic() > deadline:
                    raise _down("the broker is too slow") from None
                time.sleep(0.01)
            except KafkaException as error:
                self.broken = True
                raise _down(str(error.args[0])) from error
            else:
                return

    def _hand_out(self) -> None:
        while not self._closing.is_set():
            self._producer.poll(0.2)


class _Waiting:
    """Counts the delivery reports of one batch."""

    def __init__(self, count: int) -> None:
        self._left = count
        self.error: KafkaError | None = None
        self.done = threading.Event()

    def told(self, error: KafkaError | None, _: Message) -> None:
        """One more record is durable, or will not be."""
        if error is not None:
            self.error = error
        self._left -= 1
        if not self._left:
            self.done.set()


class _Reader(Subscription):
    """One member of the group."""

    def __init__(self, consumer: Consumer, topic: str, begin: Begin) -> None:
        self._consumer = consumer
        self._topic = topic
        self._begin = begin
        self._failed: Exception | None = None
        self._closed = False
        consumer.subscribe([topic], on_assign=self._assigned, on_lost=self._lost)

    def read(self, most: int, timeout_seconds: float) -> list[Arrival]:
        """What librdkafka has fetched."""
        found: list[Arrival] = []
        size = 0
        message = self._guarded(lambda: self._consumer.poll(timeout_seconds))
        messages = [] if message is None else [message]
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
        try:
            found = call()
            if self._failed is not None:
                failed, self._failed = self._failed, None
                raise failed
        except KafkaException as error:
            raise _down(str(error.args[0])) from error
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
            raise _down(
                f"there is no topic {self._topic!r}", hint="create the topic, then it goes on"
            )
        # An offset out of range too: who subscribes again looks at what there is.
        if code != KafkaError._PARTITION_EOF:
            raise _down(error.str())

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            for one in partitions:
                one.offset = self._offset(consumer, one)
            consumer.incremental_assign(partitions)
        except Exception as error:  # noqa: BLE001 - it is raised where the caller waits
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


class _Looking:
    """A consumer that asks about the topic and reads nothing."""

    def __init__(self, consumer: Consumer, settings: KafkaSettings) -> None:
        self._consumer = consumer
        self._topic = settings.topic
        self._timeout = settings.timeout_seconds

    def partitions(self) -> list[int]:
        topic = self._asked(
            lambda: self._consumer.list_topics(self._topic, timeout=self._timeout)
        ).topics[self._topic]
        if topic.error is not None:
            raise _down(topic.error.str())
        return sorted(topic.partitions)

    def bounds(self, number: int) -> tuple[int, int]:
        """The oldest offset, and the one after the newest."""
        where = TopicPartition(self._topic, number)
        low, high = self._asked(
            lambda: self._consumer.get_watermark_offsets(where, timeout=self._timeout)
        )
        return int(low), int(high)

    def at(self, numbers: Sequence[int], millis: int) -> dict[int, int]:
        """The first offset at or after an instant; -1: there is none."""
        where = [TopicPartition(self._topic, number, millis) for number in numbers]
        found = self._asked(lambda: self._consumer.offsets_for_times(where, timeout=self._timeout))
        return {one.partition: one.offset for one in found}

    def __enter__(self) -> "_Looking":
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    def _asked(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except KafkaException as error:
            raise _down(str(error.args[0])) from error


def _text(header: str | bytes | None) -> str | None:
    if isinstance(header, bytes):
        return header.decode("utf-8", "replace")
    return header


def _heard(error: KafkaError) -> None:
    # librdkafka tries again by itself; this is for whoever wonders why nothing comes.
    log.warning("%s", error.str())


def _made(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except KafkaException as error:
        raise AuthorError(
            f"Kafka's client refuses stream.options: {error.args[0].str()}",
            where="vocative.yaml",
            hint="see librdkafka's list of configuration properties",
        ) from error


def _down(why: str, hint: str | None = None) -> StreamDown:
    return StreamDown(
        f"Kafka: {why}",
        where="vocative.yaml",
        hint=hint or "check that the brokers of stream.servers run and can be reached",
    )
