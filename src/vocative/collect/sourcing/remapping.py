"""Records that a mapping had no use for, mapped again once the mapping is mended.

They stand on the log, and are listed with their reason by whoever applied it. One that can be used
now becomes events, and is no longer listed; nothing is lost in between, for events have ids.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import msgspec

from vocative.collect.catalog import upsert_items
from vocative.collect.door import accept
from vocative.collect.records import MapsRecords, Record, record_of
from vocative.collect.sourcing.definitions import find_source
from vocative.collect.sourcing.opening import open_source
from vocative.errors import AuthorError
from vocative.workspace import Workspace

_AT_ONCE = 500


class MappedAgain(msgspec.Struct, frozen=True, kw_only=True):
    """What came of mapping again."""

    source: str
    mapped: int
    """Records that became events."""
    refused: dict[str, int]
    """How many still cannot be used, by reason."""
    gone: int
    """Records whose body is no longer on the log."""
    events: int
    items: int


@dataclass(frozen=True, slots=True)
class _Kept:
    """A record on the log."""

    position: int
    index: int
    record: Record


def map_again(workspace: Workspace, name: str) -> MappedAgain:
    """Map what a source's mapping had no use for again, by the mapping as it is now.

    Args:
        workspace: Where.
        name: The source.

    Raises:
        UnknownName: there is no such source.
        AuthorError: its records go through no mapping, or the mapping is wrong.
        LogError, StreamDown: not everything is durable; mapping again goes on there.
    """
    source = open_source(workspace, find_source(workspace, name))
    with closing(source):
        if not isinstance(source, MapsRecords):
            raise AuthorError(
                f"the records of the source {name!r} go through no mapping",
                hint="only what a mapping refused can be mapped again",
            )
        mapped = events = items = gone = 0
        refused: dict[str, int] = {}
        for kept, missing in _kept(workspace, name):
            gone += missing
            found = source.map_records([one.record for one in kept])
            accept(workspace, found.events, source=name)
            items += upsert_items(workspace, found.items)
            events += len(found.events)
            mapped += len(kept) - len(found.refused)
            for reason in found.refused.values():
                refused[reason] = refused.get(reason, 0) + 1
            _note(workspace, kept, found.refused)
    return MappedAgain(
        source=name, mapped=mapped, refused=refused, gone=gone, events=events, items=items
    )


def _kept(workspace: Workspace, name: str) -> Iterator[tuple[list[_Kept], int]]:
    """Records of a source that were refused, some at a time, and how many of them are gone."""
    position = index = -1
    while True:
        with workspace.store.read() as tx:
            rows = tx.tuples(
                "SELECT position, event_index FROM rejected_events WHERE source = :source AND"
                " (position > :position OR position = :position AND event_index > :index)"
                " ORDER BY position, event_index LIMIT :limit",
                {"source": name, "position": position, "index": index, "limit": _AT_ONCE},
            )
        if not rows:
            return
        yield _read(workspace, [(int(one), int(other)) for one, other in rows])
        position, index = rows[-1]


def _read(workspace: Workspace, places: Sequence[tuple[int, int]]) -> tuple[list[_Kept], int]:
    kept, gone = [], 0
    bodies: dict[int, list[bytes]] = {}
    for position, index in places:
        if position not in bodies:
            batch = next(workspace.log.read(position - 1, most_events=1), None)
            found = batch is not None and batch.position == position
            bodies[position] = batch.events if batch is not None and found else []
        events = bodies[position]
        if index >= len(events):
            gone += 1
        elif (record := record_of(events[index])) is not None:
            kept.append(_Kept(position, index, record))
    return kept, gone


def _note(workspace: Workspace, kept: Sequence[_Kept], refused: dict[int, str]) -> None:
    """Take what was mapped from the list of what was refused, and bring reasons up to date."""
    places = [{"position": one.position, "index": one.index} for one in kept]
    where = " WHERE position = :position AND event_index = :index"
    done = [place for number, place in enumerate(places) if number not in refused]
    still = [{**places[number], "reason": reason} for number, reason in refused.items()]
    with workspace.store.transaction() as tx:
        if done:
            tx.run(f"DELETE FROM rejected_events{where}", done)
        if still:
            tx.run(f"UPDATE rejected_events SET reason = :reason{where}", still)
