"""A stream in memory, for tests: partitions, positions, and a switch that takes it down."""

import threading
import zlib
from collections.abc import Mapping, Sequence
from typing import ClassVar

from vocative.clock import SystemClock, to_micros
from vocative.streams.outside import (
    Arrival,
    Lag,
    Record,
    Stream,
    StreamDown,
    StreamSettings,
    Subscription,
)
from vocative.streams.outside.base import Begin


class MemoryTopic:
    """What is kept: per partition, the records with the instants they came in."""

    def __init__(self, partitions: int = 3) -> None:
        self.partitions: list[list[tuple[int, Record]]] = [[] for _ in range(partitions)]
        self.down = False
        self.lock = threading.Lock()

    def reached(self) -> None:
        """Raises `StreamDown` while it is down."""
        if self.down:
            raise StreamDown("the stream in memory is down")


class MemoryStream(Stream):
    """A topic in memory; everything is lost with the process."""

    capabilities = frozenset({"rewinds", "measures"})
    Settings: ClassVar[type[StreamSettings]] = StreamSettings

    def __init__(self, topic: MemoryTopic, settings: StreamSettings | None = None) -> None:
        super().__init__(settings or StreamSettings())
        self._topic = topic

    @property
    def name(self) -> str:
        """There is one topic."""
        return "memory"

    def deliver(self, records: Sequence[Record]) -> None:
        """Put each behind the others of its partition."""
        self._topic.reached()
        now = to_micros(SystemClock().now())
        with self._topic.lock:
            for record in records:
                number = zlib.crc32((record.key or "").encode()) % len(self._topic.partitions)
                self._topic.partitions[number].append((now, record))

    def subscribe(self, begin: Begin, *, reader: str) -> Subscription:  # noqa: ARG002
        """Read all partitions."""
        self._topic.reached()
        numbers = range(len(self._topic.partitions))
        return _Reader(self._topic, [int(begin(str(number)) or 0) for number in numbers])

    def rewind(self, to: int | None) -> dict[str, str]:
        """How many records came in before an instant."""
        return {
            str(number): str(sum(at < (to or 0) for at, _ in records))
            for number, records in enumerate(self._topic.partitions)
        }

    def lags(self, positions: Mapping[str, str]) -> list[Lag]:
        """How many records lie behind each position."""
        return [
            Lag(
                partition=str(number),
                position=positions.get(str(number)),
                records=len(records) - int(positions.get(str(number), 0)),
            )
            for number, records in enumerate(self._topic.partitions)
        ]

    def close(self) -> None:
        """Nothing is open."""


class _Reader(Subscription):
    def __init__(self, topic: MemoryTopic, reached: list[int]) -> None:
        self._topic = topic
        self._reached = reached

    def read(self, most: int, timeout_seconds: float) -> list[Arrival]:  # noqa: ARG002
        """What is there; nobody waits."""
        self._topic.reached()
        found: list[Arrival] = []
        with self._topic.lock:
            for number, records in enumerate(self._topic.partitions):
                for _, one in records[self._reached[number] : self._reached[number] + most]:
                    self._reached[number] += 1
                    position = str(self._reached[number])
                    found.append(
                        Arrival(str(number), position, one.body, one.source, one.received_at)
                    )
        return found

    def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Positions are all there is."""

    def close(self) -> None:
        """Nothing is open."""
