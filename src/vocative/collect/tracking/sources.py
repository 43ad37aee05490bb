"""Sources: who may send events, and under which name they are kept.

A source is a file `sources/NAME.yaml`. Its name becomes the source of its events on the log, within
which a `messageId` counts once. A running server takes up a file that comes, goes or changes.
"""

import logging
import re
import secrets
import string
import time
from collections.abc import Iterator, Mapping

import msgspec

from vocative.collect.door import OWN_SOURCE
from vocative.errors import AuthorError, StateError, unknown_name
from vocative.workspace import Workspace
from vocative.workspace.definitions import definitions_stamp
from vocative.workspace.settings import convert

KINDS_OF_SOURCES = ("tracking",)
LOOK_SECONDS = 1.0
"""How long a source that is gone may still send."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,62}")
_WRITE_KEY = re.compile(r"[A-Za-z0-9_-]{4,200}")
_LETTERS = string.ascii_letters + string.digits

log = logging.getLogger("vocative.tracking")


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


class NewSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source that was made."""

    file: str
    source: Source
    address: str
    """Where its clients send to."""


def list_sources(workspace: Workspace) -> list[Source]:
    """Every source, by name."""
    return sorted(read_sources(workspace), key=lambda source: source.name)


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


class KnownSources:
    """The sources as the folder has them now, by write key.

    A file that is wrong changes nothing: what was known before goes on.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._by_key: dict[str, Source] | None = None
        self._stamp: object = None
        self._looked_at = 0.0

    def find(self, write_key: str) -> Source | None:
        """The source that has a write key.

        Raises:
            AuthorError: the files are wrong, and nothing is known from before.
        """
        # Somebody unknown may be new: then at once.
        if time.monotonic() - self._looked_at > LOOK_SECONDS or not self._knows(write_key):
            self._look()
        return self._by_key.get(write_key) if self._by_key else None

    def _knows(self, write_key: str) -> bool:
        return self._by_key is not None and write_key in self._by_key

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        stamp = definitions_stamp(self._workspace.root, "source")
        if stamp == self._stamp and self._by_key is not None:
            return
        try:
            found = read_sources(self._workspace)
        except AuthorError as error:
            if self._by_key is None:
                raise
            log.warning("%s; sources go on as they were before", error)
        else:
            self._by_key = {source.write_key: source for source in found}
        self._stamp = stamp
