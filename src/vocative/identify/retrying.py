"""Rejected events: what they are, and applying those that can be used now.

A rejected event has a row with its place on the log and the reason; its body stays where it is.
When the plan, or whatever refused it, has changed, it is judged again. What is wanted now is put on
the log once more, under the same source and time of receipt, and its row goes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from vocative.clock import from_micros
from vocative.collect.quality.rules import Rules, read_rules
from vocative.identify.reading import read_batches
from vocative.streams.embedded import LogBatch
from vocative.workspace import Workspace


class RejectedReason(msgspec.Struct, frozen=True, kw_only=True):
    """Events of a source that were rejected for one reason."""

    source: str
    reason: str
    events: int
    last_rejected_at: datetime


class Retried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of rejected events that were tried again."""

    put_back: int
    """Are on the log again, and applied with what comes next."""
    rejected: dict[str, int]
    """Stay rejected, by reason."""
    gone: int
    """Are on the log no more."""


def list_rejected(workspace: Workspace, *, source: str | None = None) -> list[RejectedReason]:
    """Rejected events by source and reason, most first.

    Args:
        workspace: Whose.
        source: Only those of one source.
    """
    only, bound = _only(source, None)
    with workspace.store.read() as tx:
        rows = tx.tuples(
            "SELECT source, reason, count(*), max(rejected_at) FROM rejected_events"
            f" WHERE {only} GROUP BY source, reason ORDER BY count(*) DESC, source, reason",
            bound,
        )
    return [
        RejectedReason(
            source=named, reason=reason, events=int(events), last_rejected_at=from_micros(last)
        )
        for named, reason, events, last in rows
    ]


def retry_rejected(
    workspace: Workspace, *, source: str | None = None, reason: str | None = None
) -> Retried:
    """Put rejected events that can be used now on the log again.

    Stopped halfway, what was done is done: an event that is on the log twice counts once.

    Args:
        workspace: Whose.
        source: Only those of one source.
        reason: Only those that were rejected for this reason, as `vocative event rejected` says it.

    Raises:
        AuthorError: a plan is wrong.
        LogError: the log cannot be read or written; what was not put back stays rejected.
    """
    rules = read_rules(workspace)
    put_back, gone = 0, 0
    rejected: Counter[str] = Counter()
    with workspace.worker_lock("apply"):
        for position, indexes in _places(workspace, source, reason):
            batch = _batch(workspace, position)
            if batch is None:
                gone += len(indexes)
                continue
            usable, refused = _judged(batch, indexes, rules)
            rejected.update(refused)
            if usable:
                raw = [batch.events[index] for index in usable]
                workspace.log.append(raw, source=batch.source, received_at=batch.received_at)
                _forget(workspace, position, usable)
                put_back += len(usable)
    return Retried(put_back=put_back, rejected=dict(rejected), gone=gone)


def _only(source: str | None, reason: str | None) -> tuple[str, dict[str, str]]:
    """A condition on `rejected_events` and its values."""
    asked = {"source": source, "reason": reason}
    bound = {name: value for name, value in asked.items() if value is not None}
    return " AND ".join(f"{name} = :{name}" for name in bound) or "1 = 1", bound


def _places(
    workspace: Workspace, source: str | None, reason: str | None
) -> Iterator[tuple[int, list[int]]]:
    """(position, indexes in its batch) of rejected events, in the order of the log."""
    only, bound = _only(source, reason)
    with workspace.store.read() as tx:
        rows = tx.tuples(
            f"SELECT position, event_index FROM rejected_events WHERE {only}"
            " ORDER BY position, event_index",
            bound,
        )
    places: dict[int, list[int]] = {}
    for position, index in rows:
        places.setdefault(position, []).append(index)
    yield from places.items()


def _batch(workspace: Workspace, position: int) -> LogBatch | None:
    found = next(workspace.log.read(position - 1, most_events=1), None)
    return found if found is not None and found.position == position else None


def _judged(
    batch: LogBatch, indexes: Sequence[int], rules: Rules
) -> tuple[list[int], Counter[str]]:
    """The events of a batch that can be used now, and why the others cannot."""
    chosen = LogBatch(
        position=batch.position,
        source=batch.source,
        received_at=batch.received_at,
        events=[batch.events[index] for index in indexes],
    )
    _, refused = read_batches([chosen], rules)
    unusable = {one.index for one in refused}
    usable = [index for place, index in enumerate(indexes) if place not in unusable]
    return usable, Counter(one.reason for one in refused)


def _forget(workspace: Workspace, position: int, indexes: Sequence[int]) -> None:
    """These are rejected no more."""
    with workspace.store.transaction() as tx:
        tx.run(
            "DELETE FROM rejected_events WHERE position = :position AND event_index = :event_index",
            [(position, index) for index in indexes],
        )
        tx.run(
            "UPDATE applied_batches SET rejected = rejected - :events WHERE position = :position",
            {"events": len(indexes), "position": position},
        )
