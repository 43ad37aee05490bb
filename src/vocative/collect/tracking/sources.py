"""Sources: who may send events, and under which name they are kept.

A source is a file `sources/NAME.yaml`. Its name becomes the source of its events on the log, within
which a `messageId` counts once.
"""

import re
import secrets
import string
from collections.abc import Iterator, Mapping

import msgspec

from vocative.collect.door import OWN_SOURCE
from vocative.errors import AuthorError, StateError, unknown_name
from vocative.workspace import Workspace
from vocative.workspace.settings import convert

KINDS_OF_SOURCES = ("tracking",)
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,62}")
_WRITE_KEY = re.compile(r"[A-Za-z0-9_-]{4,200}")
_LETTERS = string.ascii_letters + string.digits


class SourceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source file."""

    kind: str
    write_key: str
    """What clients show. It stands in web pages and apps: it lets send, and nothing else."""
    describe: str = ""
    events_per_second: int | None = None
    """How many it may send; without it as many as the server can take."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may send events."""

    name: str
    kind: str
    write_key: str
    describe: str = ""
    events_per_second: int | None = None


class ListedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source and what became of its events, as far as the log is applied."""

    name: str
    kind: str
    write_key: str
    describe: str
    events_per_second: int | None
    applied: int
    duplicates: int
    """Events that had come before."""
    rejected: dict[str, int]
    """How many could not be used, by reason."""


class NewSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source that was made."""

    file: str
    source: Source
    address: str
    """Where its clients send to."""


def list_sources(workspace: Workspace) -> list[ListedSource]:
    """Every source, by name, with what became of its events."""
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
    found = []
    for source in sorted(read_sources(workspace), key=lambda one: one.name):
        applied, duplicates = counted.get(source.name, (0, 0))
        found.append(
            ListedSource(
                **msgspec.structs.asdict(source),
                applied=applied,
                duplicates=duplicates,
                rejected=rejected.get(source.name, {}),
            )
        )
    return found


def new_source(workspace: Workspace, name: str) -> NewSource:
    """Make a source with a write key of its own; a running server knows it at once.

    Args:
        workspace: Whose.
        name: Small letters, digits and underscores.

    Raises:
        AuthorError: the name cannot be used, or its file cannot be written.
        StateError: there is one of this name already.
    """
    if wrong := _wrong_name(name):
        raise AuthorError(wrong[0], hint=wrong[1])
    path = workspace.root / "sources" / f"{name}.yaml"
    write_key = "".join(secrets.choice(_LETTERS) for _ in range(32))
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(f"kind: tracking\nwrite_key: {write_key}\n")
    except FileExistsError as error:
        raise StateError(
            f"there is a source {name!r} already",
            where=str(path.relative_to(workspace.root)),
            hint="run `vocative source list` to see its write key",
        ) from error
    except OSError as error:
        raise AuthorError(f"the source cannot be written: {error.strerror}") from error
    return NewSource(
        file=str(path.relative_to(workspace.root)),
        source=Source(name=name, kind="tracking", write_key=write_key),
        address=workspace.settings.base_url,
    )


def check_definitions(workspace: Workspace) -> None:
    """Check every source.

    Raises:
        AuthorError: one is wrong.
    """
    read_sources(workspace)


def read_sources(workspace: Workspace) -> list[Source]:
    """Every source of the folder, checked.

    Raises:
        AuthorError: one is wrong, or two have the same write key.
    """
    found: list[Source] = []
    by_key: dict[str, str] = {}
    for name, definition in workspace.definitions("source").items():
        body = convert(definition.text, (), definition.body, SourceBody)
        for path, message, hint in _faults(name, body, by_key):
            raise AuthorError(message, where=definition.where(*path), hint=hint)
        if body.kind not in KINDS_OF_SOURCES:
            where = definition.where("kind")
            raise unknown_name("kind of source", body.kind, KINDS_OF_SOURCES, where=where)
        by_key[body.write_key] = name
        found.append(Source(name=name, **msgspec.structs.asdict(body)))
    return found


def _faults(
    name: str, body: SourceBody, by_key: Mapping[str, str]
) -> Iterator[tuple[tuple[str, ...], str, str | None]]:
    """(where, what, what next) of everything that no single field can tell."""
    if wrong := _wrong_name(name):
        yield (), *wrong
    if not _WRITE_KEY.fullmatch(body.write_key):
        hint = "4 to 200 letters, digits, - and _; `vocative source new NAME` makes one"
        yield ("write_key",), "this cannot be a write key", hint
    if body.write_key in by_key:
        message = f"the source {by_key[body.write_key]!r} has this write key, too"
        yield ("write_key",), message, "give each its own: it tells them apart"
    if body.events_per_second is not None and body.events_per_second < 1:
        yield ("events_per_second",), "at least 1", "leave it out to set no limit"


def _wrong_name(name: str) -> tuple[str, str] | None:
    if name == OWN_SOURCE:
        return f"{name!r} is the name of Vocative's own events", "choose another name"
    if not _NAME.fullmatch(name):
        hint = "use small letters, digits and underscores, such as web_shop"
        return f"{name!r} cannot be the name of a source", hint
    return None
