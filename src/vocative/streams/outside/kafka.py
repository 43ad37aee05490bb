"""Apache Kafka, and what speaks its protocol, through librdkafka.

Publishing waits for all replicas and is idempotent: a retry within librdkafka neither doubles nor
reorders. Reading is a member of a consumer group, so several relays share the partitions; where
each begins is asked of the log. What is committed to the broker is for its monitoring only.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from confluent_kafka import Consumer

from vocative.errors import AuthorError
from vocative.streams.librdkafka.faults import Heard, log, made
from vocative.streams.librdkafka.publisher import Publisher
from vocative.streams.librdkafka.reader import Looking, Reader
from vocative.streams.outside.base import Begin, Lag, Record, Stream, StreamSettings, Subscription

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


class KafkaSettings(StreamSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`stream` in vocative.yaml with `kind: kafka`."""

    servers: str
    """host:port, several with commas."""
    topic: str
    group: str | None = None
    """The consumer group of the relays; by default one of the log's own."""
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
                hint="leave it out",
            )
        self._lock = threading.Lock()
        self._producer: Publisher | None = None

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
                self._producer = Publisher(
                    self.settings.topic,
                    self._options(_CONSUMER),
                    most_bytes=self.settings.most_event_bytes,
                    timeout_seconds=self.settings.timeout_seconds,
                )
            producer = self._producer
        producer.publish(records)

    def subscribe(self, begin: Begin, *, reader: str) -> Subscription:
        """Join the consumer group."""
        group = self.settings.group or f"vocative-{reader}"
        return Reader(self._consumer(group), self.settings.topic, begin)

    def rewind(self, to: int | None) -> dict[str, str]:
        """The first offsets at or after an instant."""
        with self._look() as look:
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
        with self._look() as look:
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
            "error_cb": Heard(),
            "logger": log,
            "log_level": 2,  # What is less comes to `Heard` as well.
            "reconnect.backoff.ms": 500,
            "reconnect.backoff.max.ms": 5_000,
            **stated,
            "bootstrap.servers": self.settings.servers,
        }

    def _look(self) -> Looking:
        return Looking(
            self._consumer("vocative-looking"), self.settings.topic, self.settings.timeout_seconds
        )

    def _consumer(self, group: str) -> Consumer:
        consumer: Consumer = made(
            lambda: Consumer(
                {
                    "partition.assignment.strategy": "cooperative-sticky",
                    "queued.max.messages.kbytes": 16_384,
                    # How long nobody reads the partitions of a relay that was killed.
                    "session.timeout.ms": 10_000,
                    **self._options(_PRODUCER),
                    "group.id": group,
                    "enable.auto.commit": False,
                    "enable.auto.offset.store": False,
                    # Never silently on past what was lost: see `Reader._offset`.
                    "auto.offset.reset": "error",
                }
            )
        )
        return consumer
