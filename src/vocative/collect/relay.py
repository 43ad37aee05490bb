"""Carries what a stream holds over to the log: every record once, in the order of its person.

Records come out of the stream in the order of their partitions; they leave as batches on the log,
in one transaction with the positions reached. A record that is no event goes to the dead letters
with its reason, and the next one is taken.
"""

from collections.abc import Sequence

import msgspec

from vocative.collect.door import OWN_SOURCE
from vocative.streams.inbox import Batch, DeadLetter, Inbox
from vocative.streams.outside import Arrival, Stream, Subscription
from vocative.workspace import Workspace

RECORDS_PER_STEP = 5_000
WAIT_SECONDS = 0.5
"""How long to wait for a first record, and so how long it takes to stop."""


class Relay:
    """Reads one stream into one workspace's log."""

    def __init__(self, workspace: Workspace, stream: Stream) -> None:
        self._stream = stream
        self._inbox = Inbox(workspace.log)
        self._subscription: Subscription | None = None
        self._reached: dict[str, str | None] = {}
        """By partition: what the log says, unless somebody else has moved it."""

    def step(self, wait_seconds: float = WAIT_SECONDS) -> int:
        """Take in what there is, or wait a little for it.

        Args:
            wait_seconds: How long to wait for a first record.

        Returns:
            How many records were taken in, dead letters included.

        Raises:
            StreamDown: the stream cannot be read.
            Overtaken: another relay, or a replay, moved a position.
            LogError: the log cannot be written.

        After an error nothing was kept; the next step subscribes again and goes on where the log
        is.
        """
        try:
            if self._subscription is None:
                self._subscription = self._stream.subscribe(self._begin, reader=self._inbox.reader)
            arrivals = self._subscription.read(RECORDS_PER_STEP, wait_seconds)
            if arrivals:
                self._take_in(arrivals)
                self._subscription.acknowledge(arrivals)
        except BaseException:
            self.leave()
            raise
        return len(arrivals)

    def leave(self) -> None:
        """Stop reading, so that others get what this relay had."""
        subscription, self._subscription = self._subscription, None
        self._reached.clear()
        if subscription is not None:
            subscription.close()

    def _begin(self, partition: str) -> str | None:
        position = self._inbox.positions(self._stream.name).get(partition)
        self._reached[partition] = position
        return position

    def _take_in(self, arrivals: Sequence[Arrival]) -> None:
        batches: list[Batch] = []
        letters: list[DeadLetter] = []
        moved: dict[str, tuple[str | None, str]] = {}
        for one in arrivals:
            source = one.source or self._stream.settings.source
            reason = fault(one.body, one.source, self._stream.settings.most_event_bytes)
            if reason is None:
                _add(batches, source, one)
            else:
                letters.append(_letter(one, source, reason))
            if one.position is not None:
                moved[one.partition] = self._reached.get(one.partition), one.position
        self._inbox.take_in(self._stream.name, batches, moved, letters)
        self._reached.update({partition: reached for partition, (_, reached) in moved.items()})


class _AnyObject(msgspec.Struct):
    """Accepts every JSON object and keeps nothing of it."""


_object = msgspec.json.Decoder(_AnyObject)


def fault(body: bytes, source: str | None, most_bytes: int) -> str | None:
    """Why a record is no event; None when it may be one.

    Whether an event can be used is found when it is applied: its body stays on the log, which a
    record that is no JSON object would not deserve.

    >>> fault(b"[1]", None, 100)
    'no JSON object'
    """
    if len(body) > most_bytes:
        return f"larger than {most_bytes:,} bytes"
    if source == OWN_SOURCE:
        # Such events may name a person by id. Vocative's own never come this way.
        return "claims to be from Vocative itself"
    if not body:
        return "empty"
    try:
        _object.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return "no JSON object"
    return None


def _add(batches: list[Batch], source: str, one: Arrival) -> None:
    """Put an event behind the others; those of one moment and source make one batch."""
    last = batches[-1] if batches else None
    if last is None or last.source != source or last.received_at != one.received_at:
        last = Batch(source=source, received_at=one.received_at, events=[])
        batches.append(last)
    last.events.append(one.body)


def _letter(one: Arrival, source: str, reason: str) -> DeadLetter:
    return DeadLetter(
        partition=one.partition,
        position=one.position,
        source=source,
        received_at=one.received_at,
        reason=reason,
        body=one.body,
    )
