"""From a definition to a source that can be asked."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from vocative.collect.sources._http import Connect, connect
from vocative.collect.sources.base import Place, Source
from vocative.collect.sourcing.definitions import SourceDefinition
from vocative.collect.sourcing.secrets import with_values
from vocative.errors import unknown_name
from vocative.workspace import KINDS, Workspace
from vocative.workspace.yaml_text import YamlText


@contextmanager
def opened_source(
    workspace: Workspace, definition: SourceDefinition, *, connect: Connect = connect
) -> Iterator[Source]:
    """The source of a definition, with its secrets; closed at the end.

    Raises:
        AuthorError: a secret is not where it should be, or the options cannot be used.
    """
    source = open_source(workspace, definition, connect=connect)
    try:
        yield source
    finally:
        with suppress(Exception):  # what it failed with matters more
            source.close()


def open_source(
    workspace: Workspace, definition: SourceDefinition, *, connect: Connect = connect
) -> Source:
    """The source of a definition, with its secrets; the caller closes it.

    Raises:
        AuthorError: a secret is not where it should be, or the options cannot be used.
    """
    place = Place(
        mapping=lambda name: _mapping(workspace, name),
        timezone=workspace.settings.timezone,
        scratch=workspace.state_dir / "scratch" / f"source-{definition.name}",
        source=definition.name,
        since=definition.since,
    )
    options = with_values(definition.options, definition.definition, workspace.root)
    return definition.type(options, connect=connect, clock=workspace.clock, place=place)


def fingerprint(workspace: Workspace, definition: SourceDefinition) -> str:
    """Changes when the definition changes, one of its secrets, or a mapping that it names.

    Raises:
        AuthorError: a secret is not where it should be.
    """
    whole: Any = with_values(definition.options, definition.definition, workspace.root)
    named = [name for _, name in definition.type.mappings(definition.options)]
    mappings = [_written(workspace, name) for name in named]
    body = msgspec.json.encode([definition.definition.body, msgspec.to_builtins(whole), mappings])
    return hmac.new(workspace.key.lookup, b"source:" + body, hashlib.sha256).hexdigest()[:32]


def _written(workspace: Workspace, name: str) -> bytes | None:
    """The text of a mapping, unread: this is looked at often."""
    folder = workspace.root / KINDS["mapping"].folder
    for path in (folder / f"{name}.yaml", folder / f"{name}.yml"):
        with suppress(OSError):
            return path.read_bytes()
    return None


def _mapping(workspace: Workspace, name: str) -> YamlText:
    definitions = workspace.definitions("mapping")
    if name not in definitions:
        raise unknown_name("mapping", name, definitions, hint=f"write mappings/{name}.yaml")
    return definitions[name].text
