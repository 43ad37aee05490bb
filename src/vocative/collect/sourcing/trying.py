"""A look at what a pull would bring: counts, and a few events without what is personal."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from vocative.clock import to_micros
from vocative.collect.event import EventRefused, read_event
from vocative.collect.sources._http import Connect, connect
from vocative.collect.sources.base import Source
from vocative.collect.sourcing import cursors
from vocative.collect.sourcing.definitions import SourceDefinition
from vocative.collect.sourcing.opening import opened_source
from vocative.collect.sourcing.pulling import only, ready_events, streams_of
from vocative.workspace import Workspace

MOST_PAGES = 3
MOST_SAMPLES = 3
HIDDEN = "…"
_SHOWN_TEXTS = frozenset(
    "type event timestamp currency product_id item_id sku category status state purpose channel"
    " plan".split()
)
"""Texts under these names say nothing of a person."""


class TriedStream(msgspec.Struct, frozen=True, kw_only=True):
    """What the next pages of a stream hold."""

    stream: str
    pages: int
    more: bool
    """Whether there are more pages than were looked at."""
    events: dict[str, int]
    """How many there are of each name."""
    items: int
    rejected: dict[str, int]
    """Records, and events, that could not be used, by reason."""
    samples: list[dict[str, Any]]
    """The first event of a few names, its texts hidden."""


def try_source(
    workspace: Workspace,
    definition: SourceDefinition,
    *,
    stream: str | None = None,
    again: bool = False,
    connect: Connect = connect,
) -> list[TriedStream]:
    """Look at the next pages of a source; nothing is kept.

    Args:
        workspace: Whose source.
        definition: Which.
        stream: Only this one.
        again: From the beginning, not from where the last pull ended.
        connect: Opens the HTTP client.

    Raises:
        SourceDown, SourceRefused, DataError: as from a pull.
        AuthorError: a secret is missing, or there is no such stream.
    """
    with opened_source(workspace, definition, connect=connect) as source:
        chosen = only(stream)(streams_of(source, definition))
        return [_tried(workspace, definition, source, one, again=again) for one in chosen]


def _tried(
    workspace: Workspace, definition: SourceDefinition, source: Source, stream: str, *, again: bool
) -> TriedStream:
    with workspace.store.read() as tx:
        cursor = None if again else cursors.reached(tx, definition.name, stream).cursor
    now = to_micros(workspace.clock.now())
    names: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    samples: list[dict[str, Any]] = []
    pages = items = 0
    more = False
    for page in source.pull(stream, cursor):
        if pages == MOST_PAGES:
            more = True
            break
        pages += 1
        items += len(page.items)
        rejected.update(page.rejected)
        for event in ready_events(workspace, definition, page):
            try:
                name = read_event(event, received_at=now).name
            except EventRefused as refused:
                rejected[str(refused)] += 1
                continue
            if name not in names and len(samples) < MOST_SAMPLES:
                samples.append(hidden(msgspec.json.decode(event)))
            names[name] += 1
    return TriedStream(
        stream=stream,
        pages=pages,
        more=more,
        events=dict(names.most_common()),
        items=items,
        rejected=dict(rejected.most_common()),
        samples=samples,
    )


def hidden(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event without its texts and ids: what it consists of, and its figures.

    >>> hidden({"userId": 7, "traits": {"email": "a@b.example", "orders": 3}})
    {'userId': '…', 'traits': {'email': '…', 'orders': 3}}
    """
    return {name: _hidden(name, value) for name, value in event.items()}


def _hidden(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return hidden(value)
    if isinstance(value, list):
        return [_hidden(name, one) for one in value]
    if (
        value is None
        or isinstance(value, bool)
        or (isinstance(value, str) and name in _SHOWN_TEXTS)
    ):
        return value
    is_id = name.endswith(("Id", "_id", "phone")) or name == "id"
    return HIDDEN if isinstance(value, str) or (is_id and name not in _SHOWN_TEXTS) else value
