"""Amazon Kinesis Data Streams.

A record there has no headers, so an event travels in an envelope that says its source and when it
came in. Each shard is read by its sequence numbers; a shard that others were split from or merged
into is read to its end before them, so that a person keeps their order.
"""

import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from vocative.errors import AuthorError
from vocative.streams.outside.base import (
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

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
except ModuleNotFoundError as missing:
    raise AuthorError(
        "the stream 'kinesis' needs boto3, which is not installed",
        hint="pip install 'vocative[kinesis]'",
    ) from missing

MOST_AT_ONCE = 500
MOST_BYTES_AT_ONCE = 4_500_000
"""Of one PutRecords; the service takes 500 records and 5 MiB."""
MOST_BYTES = 8_000_000
"""Of records that are read at once."""
READ_EVERY_SECONDS = 0.25
"""Per shard; the service allows five reads a second."""
BEGINNING = "beginning"
AT = "at:"
"""A position that is an instant, in milliseconds."""

log = logging.getLogger("vocative.kinesis")


class KinesisSettings(StreamSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`stream` in vocative.yaml with `kind: kinesis`."""

    topic: str
    """The stream's name."""
    region: str | None = None
    options: dict[str, str | bool] = msgspec.field(default_factory=dict)
    """Handed to boto3's client as they are; keys that are not here are found as AWS's tools do."""


class _Envelope(msgspec.Struct, gc=False):
    source: str
    received_at: str
    event: msgspec.Raw


_envelope = msgspec.json.Decoder(_Envelope)


class Kinesis(Stream):
    """A stream of Amazon Kinesis."""

    capabilities = frozenset({"rewinds", "measures"})
    Settings: ClassVar[type[StreamSettings]] = KinesisSettings
    settings: KinesisSettings

    def __init__(self, settings: KinesisSettings, *, client: Any = None) -> None:
        super().__init__(settings)
        self._client = client

    @property
    def name(self) -> str:
        """`kinesis:` and the stream's name."""
        return f"kinesis:{self.settings.topic}"

    def deliver(self, records: Sequence[Record]) -> None:
        """Put them in rounds: of one person at most one record is under way."""
        deadline = time.monotonic() + self.settings.timeout_seconds
        for batch in _rounds(records):
            left = batch
            while left:
                answer = self._ask("put_records", Records=left)
                refused = [one.get("ErrorCode") for one in answer["Records"]]
                left = [one for one, code in zip(left, refused, strict=True) if code]
                if left and time.monotonic() > deadline:
                    raise _down(f"{len(left)} records were refused: {next(filter(None, refused))}")
                if left:
                    time.sleep(0.1)

    def subscribe(self, begin: Begin, *, reader: str) -> Subscription:  # noqa: ARG002
        """Read all shards."""
        return _Reader(self, begin)

    def rewind(self, to: int | None) -> dict[str, str]:
        """The same instant for each shard."""
        position = BEGINNING if to is None else f"{AT}{to // 1000}"
        return {str(one["ShardId"]): position for one in self.shards()}

    def lags(self, positions: Mapping[str, str]) -> list[Lag]:
        """How old the oldest record is that waits, as the service tells."""
        found = []
        for shard in self.shards():
            name = str(shard["ShardId"])
            position = positions.get(name)
            iterator = self.iterator(name, position)
            if iterator is None:
                continue
            answer = self._ask("get_records", False, ShardIterator=iterator, Limit=1)
            behind = float(answer.get("MillisBehindLatest") or 0) / 1000
            found.append(Lag(partition=name, position=position, seconds=behind))
        return found

    def close(self) -> None:
        """Let the connections go."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def shards(self) -> list[dict[str, Any]]:
        """All that still hold records."""
        answer = self._ask("list_shards")
        found = list(answer["Shards"])
        while token := answer.get("NextToken"):
            answer = self._ask("list_shards", False, NextToken=token)
            found += answer["Shards"]
        return found

    def iterator(self, shard: str, position: str | None) -> str | None:
        """Where reading a shard goes on; None: the shard is gone."""
        if position is None or position == BEGINNING:
            start: dict[str, Any] = {"ShardIteratorType": "TRIM_HORIZON"}
        elif position.startswith(AT):
            at = int(position.removeprefix(AT)) / 1000
            start = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": at}
        else:
            start = {
                "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
                "StartingSequenceNumber": position,
            }
        try:
            answer = self._ask("get_shard_iterator", ShardId=shard, **start)
        except StreamDown as error:
            code = _code(error.__cause__)
            if code == "ResourceNotFoundException":
                return None
            if code != "InvalidArgumentException" or position in (None, BEGINNING):
                raise
            log.error(  # noqa: TRY400 - it goes on
                "shard %s of %s does not know position %s, as if it had been made anew. It is read"
                " from its beginning",
                shard,
                self.settings.topic,
                position,
            )
            return self.iterator(shard, None)
        return str(answer["ShardIterator"])

    def records(self, iterator: str, most: int) -> dict[str, Any]:
        """One answer of GetRecords."""
        return self._ask("get_records", False, ShardIterator=iterator, Limit=min(most, 1000))

    def _ask(self, name: str, of_stream: bool = True, **arguments: Any) -> dict[str, Any]:  # noqa: FBT001, FBT002
        if of_stream:
            arguments["StreamName"] = self.settings.topic
        try:
            found: dict[str, Any] = getattr(self._connected(), name)(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise _down(str(error)) from error
        return found

    def _connected(self) -> Any:
        if self._client is None:
            seconds = self.settings.timeout_seconds
            config = Config(
                connect_timeout=min(seconds, 5),
                read_timeout=seconds,
                retries={"total_max_attempts": 2},
                max_pool_connections=20,
            )
            try:
                self._client = boto3.client(
                    "kinesis",
                    region_name=self.settings.region,
                    config=config,
                    **self.settings.options,
                )
            except (BotoCoreError, TypeError, ValueError) as error:
                raise AuthorError(
                    f"boto3 refuses the settings of stream: {error}", where="vocative.yaml"
                ) from error
        return self._client


class _Reader(Subscription):
    """Reads the shards in turns, parents before their children."""

    def __init__(self, stream: Kinesis, begin: Begin) -> None:
        self._stream = stream
        self._begin = begin
        self._finished: set[str] = set()
        self._open: dict[str, str] = {}
        """Iterators, by shard."""
        self._read_at: dict[str, float] = {}
        self._look()

    def read(self, most: int, timeout_seconds: float) -> list[Arrival]:
        """A round over the shards, or several until something came."""
        until = time.monotonic() + timeout_seconds
        found: list[Arrival] = []
        while True:
            for shard in list(self._open):
                found += self._read(shard, most - len(found))
                if len(found) >= most or sum(len(one.body) for one in found) >= MOST_BYTES:
                    return found
            if found or time.monotonic() >= until:
                return found
            time.sleep(READ_EVERY_SECONDS / 5)

    def acknowledge(self, arrivals: Sequence[Arrival]) -> None:
        """Positions are all there is."""

    def close(self) -> None:
        """Nothing is open at the service."""
        self._open.clear()

    def _look(self) -> None:
        """Open the shards whose parents are read to their end, or gone."""
        shards = {str(one["ShardId"]): one for one in self._stream.shards()}
        gone = True
        while gone:
            gone = False
            for name, one in shards.items():
                parents = {one.get("ParentShardId"), one.get("AdjacentParentShardId")}
                waits = (parents & shards.keys()) - self._finished
                if name in self._open or name in self._finished or waits:
                    continue
                iterator = self._stream.iterator(name, self._begin(name))
                if iterator is None:
                    self._finished.add(name)
                    gone = True
                else:
                    self._open[name] = iterator

    def _read(self, shard: str, most: int) -> list[Arrival]:
        now = time.monotonic()
        if now - self._read_at.get(shard, 0) < READ_EVERY_SECONDS:
            return []
        self._read_at[shard] = now
        answer = self._stream.records(self._open[shard], most)
        following = answer.get("NextShardIterator")
        if following is None:
            # It was split or merged, and this was its last record.
            del self._open[shard]
            self._finished.add(shard)
            self._look()
        else:
            self._open[shard] = following
        return [_arrival(shard, one) for one in answer["Records"]]


def _rounds(records: Sequence[Record]) -> list[list[dict[str, Any]]]:
    """Batches of which none has two records of one key: the service may refuse any one of them.

    >>> records = [Record(b"{}", key, "s", 0) for key in "aab"]
    >>> [[one["PartitionKey"] for one in batch] for batch in _rounds(records)]
    [['a', 'b'], ['a']]
    """
    rounds: list[list[dict[str, Any]]] = []
    sizes: list[int] = []
    last: dict[str, int] = {}
    full = 0
    """Every round before this one is full."""
    for record in records:
        key = record.key or uuid.uuid4().hex
        data = _wrapped(record)
        size = len(data) + len(key.encode())
        number = max(last.get(key, -1) + 1, full)
        while number < len(rounds) and (
            len(rounds[number]) >= MOST_AT_ONCE or sizes[number] + size > MOST_BYTES_AT_ONCE
        ):
            full += number == full
            number += 1
        if number == len(rounds):
            rounds.append([])
            sizes.append(0)
        rounds[number].append({"Data": data, "PartitionKey": key})
        sizes[number] += size
        last[key] = number
    return rounds


def _wrapped(record: Record) -> bytes:
    return msgspec.json.encode(
        _Envelope(record.source, written_instant(record.received_at), msgspec.Raw(record.body))
    )


def _arrival(shard: str, record: Mapping[str, Any]) -> Arrival:
    data: bytes = record["Data"]
    came_at = int(record["ApproximateArrivalTimestamp"].timestamp() * 1_000_000)
    source, received_at, body = None, came_at, data
    try:
        envelope = _envelope.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        pass  # Another program's: the event itself.
    else:
        if not bytes(envelope.event).startswith(b'"'):  # There it would be an event's name.
            source, body = envelope.source, bytes(envelope.event)
            received_at = read_instant(envelope.received_at, otherwise=came_at)
    return Arrival(shard, record["SequenceNumber"], body, source, received_at)


def _code(error: BaseException | None) -> str | None:
    return error.response["Error"]["Code"] if isinstance(error, ClientError) else None


def _down(why: str) -> StreamDown:
    return StreamDown(
        f"Kinesis: {why}",
        where="vocative.yaml",
        hint="check stream.topic, stream.region and the credentials",
    )
