"""From a definition to a destination that can be told something."""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from vocative.collect.sources._http import connect
from vocative.collect.sourcing.secrets import with_values
from vocative.deliver.destinations.base import Connect, Destination, Place
from vocative.deliver.syncing.definitions import DestinationDefinition, column_types
from vocative.workspace import Workspace


@contextmanager
def opened(
    workspace: Workspace, definition: DestinationDefinition, *, connect: Connect = connect
) -> Iterator[Destination]:
    """The destination of a definition, with its secrets; closed at the end.

    Raises:
        AuthorError: a secret is not where it should be, or the options cannot be used.
    """
    place = Place(
        destination=definition.name,
        columns=column_types(workspace, definition),
        segments=tuple(definition.body.segments),
    )
    options = with_values(definition.options, definition.definition, workspace.root)
    destination = definition.type(options, connect=connect, clock=workspace.clock, place=place)
    try:
        yield destination
    finally:
        with suppress(Exception):  # what it failed with matters more
            destination.close()


def fingerprint(workspace: Workspace, definition: DestinationDefinition) -> str:
    """Changes when the definition changes, or one of its secrets.

    Raises:
        AuthorError: a secret is not where it should be.
    """
    whole: Any = with_values(definition.options, definition.definition, workspace.root)
    body = msgspec.json.encode([definition.definition.body, msgspec.to_builtins(whole)])
    return hmac.new(workspace.key.lookup, b"destination:" + body, hashlib.sha256).hexdigest()[:32]
