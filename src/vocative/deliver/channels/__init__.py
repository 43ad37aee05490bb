"""Ways to carry a message, one file each; see `base.py`."""

import msgspec

from vocative.deliver.channels.base import Channel
from vocative.errors import AuthorError
from vocative.registry import Kind
from vocative.workspace import Workspace
from vocative.workspace.settings import convert, secret
from vocative.workspace.yaml_text import read_yaml

# mypy takes an abstract class for no type[T]; Kind only ever hands out concrete ones.
CHANNELS: Kind[Channel] = Kind("channels", "vocative.deliver.channels", Channel)  # type: ignore[type-abstract]


def channel_for(workspace: Workspace, name: str) -> Channel:
    """The channel called `name`, with its settings from `vocative.yaml`; it is not opened yet.

    Raises:
        UnknownName: there is no such channel.
        AuthorError: one of its settings is unknown, missing or wrong; the error points at it.
    """
    kind = CHANNELS.load(name)
    stated = workspace.settings.channels.get(name) or {}
    path = workspace.root / "vocative.yaml"
    try:
        settings = convert(read_yaml(path), ("channels", name), stated, kind.Settings)
    except AuthorError as error:
        at = str(error.__cause__).partition("- at `$")[2].strip("`")
        raise AuthorError(
            f"channels.{name}{at}: {error.message}",
            where=error.where,
            hint=error.hint or _known(kind),
        ) from error
    return kind(_with_secrets(settings, name), state_dir=workspace.state_dir)


def _known(kind: type[Channel]) -> str:
    fields = msgspec.structs.fields(kind.Settings)
    return "settings: " + ", ".join(field.encode_name for field in fields)


def _with_secrets(settings: msgspec.Struct, name: str) -> msgspec.Struct:
    """Settings in which every `env:NAME` is replaced by the variable's value."""
    found = {
        field: secret(value, setting=f"channels.{name}.{field}")
        for field in settings.__struct_fields__
        if isinstance(value := getattr(settings, field), str) and value.startswith("env:")
    }
    return msgspec.structs.replace(settings, **found) if found else settings


__all__ = ["CHANNELS", "Channel", "channel_for"]
