"""The one door through which facts come in: durable first, acknowledged after.

Events of every source come in as JSON; they leave as batches on the log, unchanged. What is
wrong with one of them is found when the log is applied (`identify/`) and counted there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.workspace import Workspace

BATCH_SIZE = 5_000
OWN_SOURCE = "vocative"
"""Events that Vocative makes itself; only these may name a person by id."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """What was made durable."""

    events: int
    first_position: int
    last_position: int


def accept(
    workspace: Workspace, events: Sequence[bytes | Mapping[str, Any]], *, source: str
) -> Accepted:
    """Append events to the log.

    Args:
        workspace: Whose log.
        events: JSON objects, as bytes or as mappings.
        source: Where they came from; `messageId`s are unique within a source.

    Raises:
        LogError: not everything is durable; sending the same events again is safe.
    """
    raw = [event if isinstance(event, bytes) else msgspec.json.encode(event) for event in events]
    received_at = to_micros(workspace.clock.now())
    first = last = 0
    for start in range(0, len(raw), BATCH_SIZE):
        batch = raw[start : start + BATCH_SIZE]
        last = workspace.log.append(batch, source=source, received_at=received_at)
        first = first or last
    return Accepted(events=len(raw), first_position=first, last_position=last)


def accept_together(workspace: Workspace, brought: Iterable[tuple[str, Sequence[bytes]]]) -> None:
    """Append what several requests brought, all of it or nothing, with one flush to disk.

    Args:
        workspace: Whose log.
        brought: (source, events) of each request, at most `BATCH_SIZE` events each.

    Raises:
        LogError: nothing is durable.
    """
    filling: dict[str, list[bytes]] = {}
    batches: list[tuple[str, list[bytes]]] = []
    for source, events in brought:
        batch = filling.get(source)
        if batch is None or len(batch) + len(events) > BATCH_SIZE:
            batch = filling[source] = []
            batches.append((source, batch))
        batch += events
    received_at = to_micros(workspace.clock.now())
    log = workspace.log
    sealed = [
        log.sealed(events, source=source, received_at=received_at) for source, events in batches
    ]
    with log.transaction() as tx:
        for one in sealed:
            tx.append(one)
