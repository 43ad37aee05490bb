"""Definitions of destinations: files `destinations/NAME.yaml`, read and checked."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from vocative.collect.sourcing.secrets import check_references
from vocative.deliver.destinations import DESTINATIONS, Destination
from vocative.deliver.destinations.base import ColumnType, Fault
from vocative.errors import AuthorError, nearest, unknown_name
from vocative.segment.catalog import model_names
from vocative.segment.plan import base_name
from vocative.workspace import Definition, Workspace
from vocative.workspace.durations import seconds_of
from vocative.workspace.settings import convert

ALWAYS_THERE = ("email", "phone")
"""Personal fields that are known even if `traits.yaml` does not list them."""
SCORE = "score."
_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,62}")
_COLUMNS: dict[str, ColumnType] = {"number": "number", "integer": "integer", "boolean": "boolean"}


class DestinationBody(msgspec.Struct, frozen=True, kw_only=True):
    """What the file of every destination may say; the rest are the options of its kind."""

    kind: str
    purpose: str
    describe: str = ""
    every: str = "15min"
    """How often it is brought up to date."""
    audience: str | None = None
    """The segment whose people go there; everybody with leave unless told."""
    fields: dict[str, str] = {}
    """Name there → a trait, or `score.MODEL`."""
    segments: dict[str, str] = {}
    """Name there → a segment: of each person whether they are in it."""
    empty: bool = False
    """Take everybody out again."""


COMMON_FIELDS = DestinationBody.__struct_fields__


@dataclass(frozen=True, kw_only=True)
class DestinationDefinition:
    """A destination as its file says it."""

    name: str
    type: type[Destination]
    body: DestinationBody
    every_seconds: int
    options: Any
    """Of the type `type.Options`; secrets are still references."""
    definition: Definition


def read_destinations(workspace: Workspace) -> list[DestinationDefinition]:
    """Every destination of the folder, checked by itself, by name.

    Raises:
        AuthorError: one is wrong.
    """
    definitions = workspace.definitions("destination")
    return [read_destination(name, definitions[name]) for name in sorted(definitions)]


def find_destination(workspace: Workspace, name: str) -> DestinationDefinition:
    """The destination of a name, checked against the workspace, too.

    Raises:
        UnknownName: there is none.
        AuthorError: its file is wrong.
    """
    definitions = workspace.definitions("destination")
    if name not in definitions:
        raise unknown_name("destination", name, definitions)
    found = read_destination(name, definitions[name])
    check_names(workspace, found)
    return found


def check_definitions(workspace: Workspace) -> None:
    """Check every destination; whether secrets are where they should be is not looked at.

    Raises:
        AuthorError: one is wrong, or names a purpose, trait, model or segment that is not there.
    """
    for destination in read_destinations(workspace):
        check_names(workspace, destination)


def read_destination(name: str, definition: Definition) -> DestinationDefinition:
    """A destination, checked by itself.

    Raises:
        AuthorError: something is wrong; the error points at it.
    """
    if not _NAME.fullmatch(name):
        raise AuthorError(
            f"{name!r} cannot be the name of a destination",
            where=definition.where(),
            hint="use small letters, digits and underscores, such as mail_tool",
        )
    stated = definition.body
    common = {key: value for key, value in stated.items() if key in COMMON_FIELDS}
    body = convert(definition.text, (), common, DestinationBody)
    if body.kind not in DESTINATIONS.names():
        where = definition.where("kind")
        raise unknown_name("kind of destination", body.kind, DESTINATIONS.names(), where=where)
    kind = DESTINATIONS.load(body.kind)
    for path, message, hint in _faults(stated, body, kind):
        raise AuthorError(message, where=definition.where(*path), hint=hint)
    own = {key: value for key, value in stated.items() if key not in COMMON_FIELDS}
    options = convert(definition.text, (), own, kind.Options)
    check_references(options, definition)
    for path, message, hint in kind.faults(options):
        raise AuthorError(message, where=definition.where(*path), hint=hint)
    return DestinationDefinition(
        name=name,
        type=kind,
        body=body,
        every_seconds=seconds_of(body.every) or 0,
        options=options,
        definition=definition,
    )


def check_names(workspace: Workspace, destination: DestinationDefinition) -> None:
    """Check what a destination names of the workspace.

    Raises:
        AuthorError: a purpose, trait, model or segment is not there.
    """
    body, where = destination.body, destination.definition.where
    if body.purpose not in workspace.settings.purposes:
        raise unknown_name(
            "purpose", body.purpose, workspace.settings.purposes, where=where("purpose")
        )
    segments = workspace.definitions("segment")
    named: dict[tuple[str, ...], str] = {
        ("segments", key): name for key, name in body.segments.items()
    }
    if body.audience is not None:
        named["audience",] = body.audience
    for path, name in named.items():
        if base_name(name) not in segments:
            raise unknown_name("segment", name, segments, where=where(*path))
    traits = [*workspace.traits, *ALWAYS_THERE]
    models = model_names(workspace.definitions("model"))
    for key, source in body.fields.items():
        is_score = source.startswith(SCORE)
        what, known = ("model", models) if is_score else ("trait", traits)
        if source.removeprefix(SCORE if is_score else "") not in known:
            name = source.removeprefix(SCORE)
            raise unknown_name(what, name, known, where=where("fields", key))


def column_types(
    workspace: Workspace, destination: DestinationDefinition
) -> Mapping[str, ColumnType]:
    """What each field of a destination holds; what is in the vault is text."""
    found: dict[str, ColumnType] = {}
    for name, source in destination.body.fields.items():
        trait = workspace.traits.get(source)
        if source.startswith(SCORE):
            found[name] = "number"
        elif trait is None or trait.personal:
            found[name] = "text"
        else:
            found[name] = _COLUMNS.get(trait.type, "text")
    return found


def _faults(
    stated: Mapping[str, Any], body: DestinationBody, kind: type[Destination]
) -> Iterator[Fault]:
    fields = [*COMMON_FIELDS, *(one.encode_name for one in msgspec.structs.fields(kind.Options))]
    for name in stated:
        if name not in fields:
            guess = nearest(name, fields)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(fields)}"
            message = f"a destination of kind {body.kind!r} has no field {name!r}"
            yield (name, "@key"), message, hint
    for name in ("fields", "segments"):
        if name in stated and name not in kind.takes:
            message = f"a destination of kind {body.kind!r} takes no {name}"
            yield (name, "@key"), message, "leave it out"
    for name in {*body.fields} & {*body.segments}:
        yield ("segments", name), f"{name!r} is the name of a field, too", "choose another name"
    if not seconds_of(body.every):
        yield ("every",), "this is no length of time", "write it as 30s, 15min, 6h or 1d"
