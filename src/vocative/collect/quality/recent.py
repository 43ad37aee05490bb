"""The newest events of the log, as they came in."""

from collections.abc import Iterator

from vocative.collect.door import OWN_SOURCE
from vocative.collect.event import Event, EventRefused, read_event
from vocative.workspace import Workspace

EVENTS = 10_000


def recent_events(
    workspace: Workspace, events: int, source: str | None = None
) -> Iterator[tuple[str, Event]]:
    """(source, event) of the newest events that can be read, the oldest first.

    Args:
        workspace: Whose log.
        events: At least so many are looked at if there are so many.
        source: Only those of one source.

    Raises:
        LogError, PrivacyError: the log cannot be read.
    """
    for batch in workspace.log.read(workspace.log.before_last(events)):
        if batch.source == OWN_SOURCE or source not in (None, batch.source):
            continue
        for raw in batch.events:
            try:
                yield batch.source, read_event(raw, received_at=batch.received_at)
            except EventRefused:
                continue
