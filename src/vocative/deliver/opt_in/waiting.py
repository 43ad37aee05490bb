"""What waits to be confirmed, as the event log has it."""

from collections.abc import Iterator

import msgspec

from vocative.collect.forms.submission import SUBMITTED, Waiting
from vocative.streams.embedded import EmbeddedLog

_MARK = b'"formWaiting":{'
"""Stands in no other events of Vocative's own: so only those are decoded."""


class _Context(msgspec.Struct):
    waiting: Waiting | None = msgspec.field(default=None, name="formWaiting")


class _Submitted(msgspec.Struct):
    event: str = ""
    context: _Context = msgspec.field(default_factory=_Context)


_decoder = msgspec.json.Decoder(_Submitted)


def find_waiting(log: EmbeddedLog, position: int | None, submission: str) -> Waiting | None:
    """What waits of one submission; None when the log does not have it any more.

    Args:
        log: The workspace's.
        position: Of the batch with the submission.
        submission: Its id.

    Raises:
        LogError: the log cannot be read.
    """
    found = waiting_at(log, position) if position is not None else iter(())
    return next((one for one in found if one.proof["submission"] == submission), None)


def waiting_at(log: EmbeddedLog, position: int) -> Iterator[Waiting]:
    """What waits of the batch at a position of the log, which must be of Vocative's own events.

    Raises:
        LogError: the log cannot be read.
    """
    batch = next(log.read(position - 1, most_events=1), None)
    if batch is None or batch.position != position:
        return  # It was dropped from the log.
    for raw in batch.events:
        if _MARK in raw:
            told = _decoder.decode(raw)
            if told.event == SUBMITTED and told.context.waiting is not None:
                yield told.context.waiting
