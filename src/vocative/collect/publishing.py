"""Hands events to the stream in front of the log, each under the key of its person."""

from collections.abc import Iterable, Sequence

from vocative.streams.outside import Record, Stream
from vocative.streams.outside.base import key_of

RECORDS_AT_ONCE = 5_000


def publish(
    stream: Stream, brought: Iterable[tuple[str, Sequence[bytes]]], *, received_at: int
) -> int:
    """Publish events; returns when the stream has all of them durably.

    Args:
        stream: Where to.
        brought: (source, events), the events as JSON objects.
        received_at: Microseconds UTC.

    Returns:
        How many there were.

    Raises:
        StreamDown: not all are durable; sending the same events again is safe.
        RecordTooLarge: the stream carries no event of this size.
    """
    records = [
        Record(body=event, key=key_of(event), source=source, received_at=received_at)
        for source, events in brought
        for event in events
    ]
    for start in range(0, len(records), RECORDS_AT_ONCE):
        stream.publish(records[start : start + RECORDS_AT_ONCE])
    return len(records)
