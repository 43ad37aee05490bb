"""New sources: a file that says what its kind needs."""

import secrets
import string
import textwrap

import msgspec

from vocative.collect.sources import SOURCES, Source
from vocative.collect.sourcing.definitions import (
    FILL_IN,
    TRACKING,
    can_be_pulled,
    find_source,
    wrong_name,
)
from vocative.collect.sourcing.fields import FieldText, fields_of
from vocative.collect.sourcing.listing import ListedSource, listed
from vocative.errors import AuthorError, StateError, unknown_name
from vocative.workspace import Workspace

_LETTERS = string.ascii_letters + string.digits


class NewSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source that was made."""

    file: str
    source: ListedSource
    address: str
    """Where its clients, or its webhooks, send to."""
    pulled: bool = False
    pushes: bool = False
    to_fill_in: list[str] = []
    """Fields of the file that somebody must fill in before it is used."""
    secrets: list[str] = []
    """References in it: where to put the secrets."""


def new_source(workspace: Workspace, name: str, *, kind: str = TRACKING) -> NewSource:
    """Make a source; a running server knows it at once.

    Args:
        workspace: Whose.
        name: Small letters, digits and underscores.
        kind: What it is; `vocative source kinds` lists them.

    Raises:
        AuthorError: the name cannot be used, or its file cannot be written.
        UnknownName: there is no such kind.
        StateError: there is one of this name already.
    """
    if wrong := wrong_name(name):
        raise AuthorError(wrong[0], hint=wrong[1])
    if kind not in SOURCES.names():
        raise unknown_name("kind of source", kind, SOURCES.names())
    type_ = SOURCES.load(kind)
    required = [field for field in fields_of(type_.Options) if field.required]
    path = workspace.root / "sources" / f"{name}.yaml"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(_text(name, kind, type_))
    except FileExistsError as error:
        raise StateError(
            f"there is a source {name!r} already",
            where=str(path.relative_to(workspace.root)),
            hint="run `vocative source list` to see it",
        ) from error
    except OSError as error:
        raise AuthorError(f"the source cannot be written: {error.strerror}") from error
    made = (
        listed(workspace, find_source(workspace, name))
        if kind == TRACKING
        else ListedSource(name=name, kind=kind)
    )
    base = workspace.settings.base_url
    return NewSource(
        file=str(path.relative_to(workspace.root)),
        source=made,
        address=f"{base.rstrip('/')}/v1/hooks/{name}" if type_.pushes else base,
        pulled=can_be_pulled(type_),
        pushes=type_.pushes,
        to_fill_in=[one.name for one in required if not one.secret and kind != TRACKING],
        secrets=[_reference(name, one) for one in required if one.secret],
    )


def _text(name: str, kind: str, type_: type[Source]) -> str:
    if kind == TRACKING:
        write_key = "".join(secrets.choice(_LETTERS) for _ in range(32))
        return f"kind: tracking\nwrite_key: {write_key}\n"
    fields = fields_of(type_.Options)
    lines = [f"# {(type_.__doc__ or '').strip().partition(chr(10))[0]}", f"kind: {kind}"]
    if can_be_pulled(type_):
        lines.append("every: 15min")
        if type_.streams:
            lines.append(f"# streams: [{', '.join(type_.streams)}]  # all of them unless told")
        lines.append("# since: 2024-01-31  # leave out what happened before")
    for field in sorted(fields, key=lambda one: not one.required):
        lines += _comment(field)
        value = _reference(name, field) if field.secret else FILL_IN
        lines.append(f"{field.name}: {value}" if field.required else f"# {field.name}:")
    return "\n".join(lines) + "\n"


def _comment(field: FieldText) -> list[str]:
    told = f"{field.about} ({field.type})" if field.about else field.type
    return textwrap.wrap(told, 96, initial_indent="# ", subsequent_indent="# ")


def _reference(name: str, field: FieldText) -> str:
    return f"env:{name.upper()}_{field.name.upper()}"
