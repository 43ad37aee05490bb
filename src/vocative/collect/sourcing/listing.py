"""What there is of sources, and how far each is."""

from typing import Any

import msgspec

from vocative.collect.sources import SOURCES
from vocative.collect.sourcing.cursors import StreamState, read_states
from vocative.collect.sourcing.definitions import (
    SourceDefinition,
    can_be_pulled,
    find_source,
    read_sources,
)
from vocative.collect.sourcing.fields import FieldText, fields_of
from vocative.errors import AuthorError
from vocative.workspace import Workspace


class ListedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source, how far it is, and what became of its events as far as the log is applied."""

    name: str
    kind: str
    describe: str = ""
    write_key: str | None = None
    """Of clients."""
    events_per_second: int | None = None
    every_seconds: int | None = None
    """How often it is pulled; None when it only sends."""
    hook: str | None = None
    """Where it sends to, when it takes webhooks."""
    streams: list[StreamState] = []
    applied: int = 0
    duplicates: int = 0
    """Events that had come before."""
    rejected: dict[str, int] = {}
    """How many could not be used, by reason."""


class SourceKind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of source."""

    kind: str
    usable: bool
    about: str
    """Its first sentence, or what it lacks."""
    pulled: bool = False
    pushes: bool = False
    streams: list[str] = []
    fields: list[FieldText] = []


def list_sources(workspace: Workspace) -> list[ListedSource]:
    """Every source, by name, with what became of its events.

    Raises:
        AuthorError: a definition is wrong.
    """
    return _listed(workspace, read_sources(workspace))


def show_source(workspace: Workspace, name: str) -> ListedSource:
    """One source: how far each of its streams is, and what became of its events.

    Args:
        workspace: Where.
        name: The source.

    Raises:
        UnknownName: there is none of this name.
        AuthorError: its definition is wrong.
    """
    (found,) = _listed(workspace, [find_source(workspace, name)])
    return found


def listed(workspace: Workspace, source: SourceDefinition, **told: Any) -> ListedSource:
    """A source as it is listed, with what else is told of it."""
    options = source.options
    base = workspace.settings.base_url.rstrip("/")
    return ListedSource(
        name=source.name,
        kind=source.kind,
        describe=source.describe,
        write_key=getattr(options, "write_key", None),
        events_per_second=getattr(options, "events_per_second", None),
        every_seconds=source.every_seconds if source.can_be_pulled else None,
        hook=f"{base}/v1/hooks/{source.name}" if source.type.pushes else None,
        **told,
    )


def list_kinds() -> list[SourceKind]:
    """Every kind of source, and whether it can be used here."""
    return [_kind(name) for name in SOURCES.names()]


def _kind(name: str) -> SourceKind:
    try:
        kind = SOURCES.load(name)
    except AuthorError as error:
        return SourceKind(kind=name, usable=False, about=error.hint or error.message)
    return SourceKind(
        kind=name,
        usable=True,
        about=(kind.__doc__ or "").strip().partition("\n")[0],
        pulled=can_be_pulled(kind),
        pushes=kind.pushes,
        streams=list(kind.streams),
        fields=fields_of(kind.Options),
    )


def _listed(workspace: Workspace, sources: list[SourceDefinition]) -> list[ListedSource]:
    with workspace.store.read() as tx:
        counted = {
            source: (int(applied), int(duplicates))
            for source, applied, duplicates in tx.tuples(
                "SELECT source, sum(applied), sum(duplicates) FROM applied_batches GROUP BY source"
            )
        }
        rejected: dict[str, dict[str, int]] = {}
        for source, reason, events in tx.tuples(
            "SELECT source, reason, count(*) FROM rejected_events GROUP BY source, reason"
            " ORDER BY count(*) DESC, reason"
        ):
            rejected.setdefault(source, {})[reason] = int(events)
        states = read_states(tx)
    return [
        listed(
            workspace,
            source,
            streams=states.get(source.name, []),
            applied=counted.get(source.name, (0, 0))[0],
            duplicates=counted.get(source.name, (0, 0))[1],
            rejected=rejected.get(source.name, {}),
        )
        for source in sources
    ]
