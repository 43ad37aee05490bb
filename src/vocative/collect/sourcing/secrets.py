"""Secrets of sources: definitions name the place, the value is read when it is needed.

`env:NAME` is an environment variable; `file:PATH` is a file, a relative path being within the
workspace. Whatever goes wrong is told without the value.
"""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from vocative.errors import AuthorError, Where
from vocative.workspace import Definition
from vocative.workspace.yaml_text import YamlPath

MOST_BYTES = 100_000
_REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")

Change = Callable[[str, YamlPath], str]
"""What is to stand for the text of a secret, which stands at a path."""


def check_references(options: Any, definition: Definition) -> None:
    """Refuse secrets that are written out.

    Raises:
        AuthorError: one is; the error points at it and does not show it.
    """

    def checked(text: str, path: YamlPath) -> str:
        if not _REFERENCE.fullmatch(text):
            raise AuthorError(
                "a secret must not be written into a definition",
                where=_hidden(definition.where(*path)),
                hint="keep it in the environment and write env:NAME here, or file:PATH",
            )
        return text

    _changed(msgspec.inspect.type_info(type(options)), options, (), checked)


def with_values(options: Any, definition: Definition, root: Path) -> Any:
    """Options in which every secret stands itself in the place of its reference.

    Raises:
        AuthorError: one is not where it should be.
    """

    def read(text: str, path: YamlPath) -> str:
        return _read(text, definition.where(*path), root)

    return _changed(msgspec.inspect.type_info(type(options)), options, (), read)


def _read(reference: str, where: Where, root: Path) -> str:
    place, _, name = reference.partition(":")
    if place == "env":
        found = os.environ.get(name, "")
        if not found:
            raise AuthorError(
                f"the environment variable {name} is not set",
                where=where,
                hint=f"export {name}=… and start Vocative again",
            )
        return found
    try:
        raw = (root / name).read_bytes()
    except OSError as error:
        raise AuthorError(
            f"the file of this secret cannot be read: {error.strerror}", where=where
        ) from error
    try:
        text = raw.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        text = ""
    if not text or len(raw) > MOST_BYTES:
        raise AuthorError(
            f"the file of this secret is empty, no text or over {MOST_BYTES:,} bytes", where=where
        )
    return text


def _hidden(where: Where) -> Where:
    """The place without what stands there."""
    if where.source_line is None or where.column is None:
        return where
    return replace(where, source_line=where.source_line[: where.column - 1] + "…")


def _changed(kind: Any, value: Any, path: YamlPath, change: Change) -> Any:
    """The value with every secret in it changed, as its type says where they are."""
    match kind:
        case msgspec.inspect.Metadata(extra={"secret": True}) if isinstance(value, str):
            return change(value, path)
        case msgspec.inspect.Metadata():
            return _changed(kind.type, value, path, change)
        case msgspec.inspect.UnionType():
            return _changed_choice(kind, value, path, change)
        case msgspec.inspect.StructType() if isinstance(value, kind.cls):
            found = {
                one.name: _changed(
                    one.type, getattr(value, one.name), (*path, one.encode_name), change
                )
                for one in kind.fields
            }
            return msgspec.structs.replace(value, **found)
        case msgspec.inspect.DictType() if isinstance(value, dict):
            return {
                key: _changed(kind.value_type, inner, (*path, key), change)
                for key, inner in value.items()
            }
        case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType() if isinstance(
            value, list | tuple
        ):
            return type(value)(
                _changed(kind.item_type, inner, (*path, index), change)
                for index, inner in enumerate(value)
            )
    return value


def _changed_choice(kind: Any, value: Any, path: YamlPath, change: Change) -> Any:
    for choice in kind.types:
        found = _changed(choice, value, path, change)
        if found is not value:
            return found
    return value
