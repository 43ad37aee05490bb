"""The stream that a workspace's `stream:` setting names."""

from pathlib import Path
from typing import Any

import msgspec

from vocative.errors import AuthorError
from vocative.streams.outside import STREAMS, Stream
from vocative.workspace.settings import convert, secret
from vocative.workspace.yaml_text import read_yaml


def open_stream(root: Path, stated: dict[str, Any]) -> Stream:
    """The stream of these settings; nothing is connected yet.

    Args:
        root: The workspace's folder.
        stated: What `vocative.yaml` says under `stream`.

    Raises:
        UnknownName: there is no such stream.
        AuthorError: a setting is unknown, missing or wrong; the error points at it.
    """
    text = read_yaml(root / "vocative.yaml")
    name = stated.get("kind")
    if not isinstance(name, str):
        raise AuthorError(
            "stream.kind is missing",
            where=text.where(("stream",)),
            hint=f"one of: {', '.join(STREAMS.names())}",
        )
    kind = STREAMS.load(name)
    own = {key: value for key, value in stated.items() if key != "kind"}
    try:
        settings = convert(text, ("stream",), own, kind.Settings)
    except AuthorError as error:
        fields = msgspec.structs.fields(kind.Settings)
        raise AuthorError(
            f"stream: {error.message}",
            where=error.where,
            hint=error.hint or f"settings: {', '.join(one.encode_name for one in fields)}",
        ) from error
    found = {name: _with_secrets(value, name) for name, value in _values(settings).items()}
    return kind(msgspec.structs.replace(settings, **found))


def _values(settings: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


def _with_secrets(value: Any, name: str) -> Any:
    """The value with every `env:NAME` in it replaced by the variable's value."""
    if isinstance(value, dict):
        return {key: _with_secrets(inner, f"{name}.{key}") for key, inner in value.items()}
    if isinstance(value, str):
        return secret(value, setting=f"stream.{name}")
    return value
