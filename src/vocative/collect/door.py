"""The one door through which facts come in: durable first, acknowledged after.

Events of every source come in as JSON; they leave unchanged as batches on the log, or, where the
workspace names a stream, as records of that stream, which a relay carries over to the log. What is
wrong with one of them is found when the log is applied (`identify/`) and counted there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.collect.publishing import publish
from vocative.workspace import Workspace

BATCH_SIZE = 5_000
OWN_SOURCE = "vocative"
"""Events that Vocative makes itself; only these may name a person by id."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What was made durable."""

    events: int
    first_position: int
    """On the log; 0 when a stream has the events, and their positions are given later."""
    last_position: int


def accept(
    workspace: Workspace, events: Sequence[bytes | Mapping[str, Any]], *, source: str
) -> Accepted:
    """Make events durable: in the workspace's stream if it has one, else on the log.

    Vocative's own events go to the log in either case. They are trusted, which whoever may write to
    the stream is not, and somebody must be able to unsubscribe while the stream is down.

    Args:
        workspace: Whose log.
        events: JSON objects, as bytes or as mappings.
        source: Where they came from; `messageId`s are unique within a source.

    Raises:
        LogError, StreamDown: not everything is durable; sending the same events again is safe.
    """
    stream = workspace.stream
    if stream is None or source == OWN_SOURCE:
        return put_on_log(workspace, events, source=source)
    now = to_micros(workspace.clock.now())
    count = publish(stream, [(source, _as_bytes(events))], received_at=now)
    return Accepted(events=count, first_position=0, last_position=0)


def put_on_log(
    workspace: Workspace, events: Sequence[bytes | Mapping[str, Any]], *, source: str
) -> Accepted:
    """Append events to the log, whether or not a stream lies in front of it.

    For those who then apply the log and tell what became of the events: imports.

    Args:
        workspace: Whose log.
        events: JSON objects, as bytes or as mappings.
        source: Where they came from; `messageId`s are unique within a source.

    Raises:
        LogError: not everything is durable; sending the same events again is safe.
    """
    raw = _as_bytes(events)
    received_at = to_micros(workspace.clock.now())
    first = last = 0
    for start in range(0, len(raw), BATCH_SIZE):
        batch = raw[start : start + BATCH_SIZE]
        last = workspace.log.append(batch, source=source, received_at=received_at)
        first = first or last
    return Accepted(events=len(raw), first_position=first, last_position=last)


def _as_bytes(events: Sequence[bytes | Mapping[str, Any]]) -> list[bytes]:
    return [event if isinstance(event, bytes) else msgspec.json.encode(event) for event in events]


def accept_together(workspace: Workspace, brought: Iterable[tuple[str, Sequence[bytes]]]) -> None:
    """Make durable what several requests brought, waiting for the disk or the stream once.

    On the log it is all of it or nothing.

    Args:
        workspace: Whose log.
        brought: (source, events) of each request, at most `BATCH_SIZE` events each.

    Raises:
        LogError, StreamDown: not everything is durable; sending the same events again is safe.
    """
    received_at = to_micros(workspace.clock.now())
    if workspace.stream is not None:
        publish(workspace.stream, brought, received_at=received_at)
        return
    filling: dict[str, list[bytes]] = {}
    batches: list[tuple[str, list[bytes]]] = []
    for source, events in brought:
        batch = filling.get(source)
        if batch is None or len(batch) + len(events) > BATCH_SIZE:
            batch = filling[source] = []
            batches.append((source, batch))
        batch += events
    log = workspace.log
    sealed = [
        log.sealed(events, source=source, received_at=received_at) for source, events in batches
    ]
    with log.transaction() as tx:
        for one in sealed:
            tx.append(one)
