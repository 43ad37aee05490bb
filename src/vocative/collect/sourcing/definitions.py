"""Definitions of sources: files `sources/NAME.yaml`, read and checked.

The file's name becomes the source of its events on the log, within which a `messageId` counts once.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from vocative.collect.door import OWN_SOURCE
from vocative.collect.sources import SOURCES, Source
from vocative.collect.sources.base import Fault
from vocative.collect.sourcing.secrets import check_references
from vocative.errors import AuthorError, nearest, unknown_name
from vocative.workspace import Definition, Workspace
from vocative.workspace.durations import seconds_of
from vocative.workspace.known import KnownByName
from vocative.workspace.settings import convert
from vocative.workspace.yaml_text import YamlPath

FILL_IN = "FILL_IN"
"""What `vocative source new` writes where only a person knows the value."""
TRACKING = "tracking"
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,62}")

log = logging.getLogger("vocative.sources")


class SourceBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the file of every source may say; the rest are the options of its kind."""

    kind: str
    describe: str = ""
    every: str = "15min"
    """How often it is pulled."""
    streams: list[str] | None = None
    """Which of its streams are pulled; all of them unless told."""
    since: str | None = None
    """Events that happened before this are left out."""


COMMON_FIELDS = SourceBody.__struct_fields__


@dataclass(frozen=True, kw_only=True)
class SourceDefinition:
    """A source as its file says it."""

    name: str
    kind: str
    type: type[Source]
    describe: str
    every_seconds: int
    streams: tuple[str, ...] | None
    since: datetime | None
    options: Any
    """Of the type `type.Options`; secrets are still references."""
    definition: Definition

    @property
    def can_be_pulled(self) -> bool:
        """Whether it is asked; otherwise it only sends."""
        return can_be_pulled(self.type)


def can_be_pulled(kind: type[Source]) -> bool:
    """Whether sources of a kind are asked; otherwise they only send."""
    return kind.pull is not Source.pull


def read_sources(workspace: Workspace) -> list[SourceDefinition]:
    """Every source of the folder, checked, by name.

    Raises:
        AuthorError: one is wrong, or two have the same write key.
    """
    definitions = workspace.definitions("source")
    found = [read_source(name, definitions[name]) for name in sorted(definitions)]
    _check_write_keys(found)
    return found


def read_tracking(workspace: Workspace) -> list[SourceDefinition]:
    """The sources of clients, which have write keys; one of another kind may be wrong.

    Raises:
        AuthorError: one is wrong, or may be one of these.
    """
    others = {*SOURCES.names()} - {TRACKING}
    definitions = workspace.definitions("source")
    found = [
        read_source(name, definition)
        for name, definition in sorted(definitions.items())
        if definition.body.get("kind") not in others
    ]
    _check_write_keys(found)
    return found


def known_tracking(workspace: Workspace) -> KnownByName[SourceDefinition]:
    """The sources of clients as the folder has them now, by write key."""
    return KnownByName(
        workspace,
        "source",
        lambda one: {source.options.write_key: source for source in read_tracking(one)},
        log=log,
        otherwise="sources go on as they were before",
    )


def find_source(workspace: Workspace, name: str) -> SourceDefinition:
    """The source of a name.

    Raises:
        UnknownName: there is none.
        AuthorError: its file is wrong.
    """
    definitions = workspace.definitions("source")
    if name not in definitions:
        raise unknown_name("source", name, definitions)
    return read_source(name, definitions[name])


def check_definitions(workspace: Workspace) -> None:
    """Check every source; whether secrets are where they should be is not looked at.

    Raises:
        AuthorError: one is wrong, or names a mapping that is not there.
    """
    mappings = workspace.definitions("mapping")
    for source in read_sources(workspace):
        for path, name in source.type.mappings(source.options):
            if name not in mappings:
                where = source.definition.where(*path)
                hint = f"write mappings/{name}.yaml"
                raise unknown_name("mapping", name, mappings, where=where, hint=hint)


def read_source(name: str, definition: Definition) -> SourceDefinition:
    """A source, checked.

    Raises:
        AuthorError: something is wrong; the error points at it.
    """
    if wrong := wrong_name(name):
        raise AuthorError(wrong[0], where=definition.where(), hint=wrong[1])
    body = convert(definition.text, (), _common(definition.body), SourceBody)
    if body.kind not in SOURCES.names():
        where = definition.where("kind")
        raise unknown_name("kind of source", body.kind, SOURCES.names(), where=where)
    try:
        kind = SOURCES.load(body.kind)
    except AuthorError as error:  # it needs a package that is not installed
        raise AuthorError(error.message, where=definition.where("kind"), hint=error.hint) from error
    for path, message, hint in _faults(definition.body, body, kind):
        raise AuthorError(message, where=definition.where(*path), hint=hint)
    stated = {key: value for key, value in definition.body.items() if key not in COMMON_FIELDS}
    options = convert(definition.text, (), stated, kind.Options)
    check_references(options, definition)
    for path, message, hint in kind.faults(options):
        raise AuthorError(message, where=definition.where(*path), hint=hint)
    return SourceDefinition(
        name=name,
        kind=body.kind,
        type=kind,
        describe=body.describe,
        every_seconds=seconds_of(body.every) or 0,
        streams=None if body.streams is None else tuple(body.streams),
        since=None if body.since is None else _instant(body.since),
        options=options,
        definition=definition,
    )


def wrong_name(name: str) -> tuple[str, str] | None:
    """(what, what next) of a name that no source can have."""
    if name == OWN_SOURCE:
        return f"{name!r} is the name of Vocative's own events", "choose another name"
    if not _NAME.fullmatch(name):
        hint = "use small letters, digits and underscores, such as web_shop"
        return f"{name!r} cannot be the name of a source", hint
    return None


def _common(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key in COMMON_FIELDS}


def _faults(stated: Mapping[str, Any], body: SourceBody, kind: type[Source]) -> Iterator[Fault]:
    fields = [*COMMON_FIELDS, *(one.encode_name for one in msgspec.structs.fields(kind.Options))]
    for name in stated:
        if name not in fields:
            guess = nearest(name, fields)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(fields)}"
            yield (name, "@key"), f"a source of kind {body.kind!r} has no field {name!r}", hint
    for path in _unfilled(stated, ()):
        yield path, "this is still to be filled in", f"docs/sources/{body.kind}.md says with what"
    if not can_be_pulled(kind):
        for name in ("every", "streams", "since"):
            if name in stated:
                message = f"a source of kind {body.kind!r} is not asked: it sends by itself"
                yield (name, "@key"), message, "leave it out"
    if not seconds_of(body.every):
        yield ("every",), "this is no length of time", "write it as 30s, 15min, 6h or 1d"
    known = kind.streams
    for index, stream in enumerate(body.streams or ()):
        if known and stream not in known:
            guess = nearest(stream, known)
            hint = f"did you mean {guess!r}?" if guess else f"it has: {', '.join(known)}"
            yield ("streams", index), f"there is no stream {stream!r}", hint
    if body.since is not None and _instant(body.since) is None:
        yield ("since",), "this is no day and no instant", "write it as 2024-01-31"


def _unfilled(value: Any, path: YamlPath) -> Iterator[YamlPath]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _unfilled(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unfilled(inner, (*path, index))
    elif value == FILL_IN:
        yield path


def _instant(stated: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(stated)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _check_write_keys(sources: list[SourceDefinition]) -> None:
    by_key: dict[str, str] = {}
    for source in sources:
        if source.kind != TRACKING:
            continue
        key = source.options.write_key
        if key in by_key:
            raise AuthorError(
                f"the source {by_key[key]!r} has this write key, too",
                where=source.definition.where("write_key"),
                hint="give each its own: it tells them apart",
            )
        by_key[key] = source.name
