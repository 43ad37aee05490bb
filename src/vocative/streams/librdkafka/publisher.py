"""Publishes batches of records: idempotently, and returning when every replica has them."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from vocative.streams.librdkafka.faults import down, made
from vocative.streams.outside.base import RECEIVED_HEADER, SOURCE_HEADER, Record, written_instant


class Publisher:
    """A producer and the thread that hands out its delivery reports."""

    def __init__(
        self, topic: str, options: dict[str, Any], *, most_bytes: int, timeout_seconds: float
    ) -> None:
        self._topic = topic
        self._timeout_seconds = timeout_seconds
        self._producer: Producer = made(
            lambda: Producer(
                {
                    # What Kafka's own clients use: a person has one partition whoever publishes.
                    "partitioner": "murmur2_random",
                    "linger.ms": 2,
                    "compression.type": "lz4",
                    **options,
                    "message.max.bytes": most_bytes + 10_000,
                    "message.timeout.ms": int(timeout_seconds * 1000),
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
            raise down("the broker did not answer in time")
        if waiting.error is not None:
            self.broken = self.broken or waiting.error.fatal()
            raise down(waiting.error.str())

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
                    raise down("the broker is too slow") from None
                time.sleep(0.01)
            except KafkaException as error:
                self.broken = True
                raise down(str(error.args[0])) from error
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
