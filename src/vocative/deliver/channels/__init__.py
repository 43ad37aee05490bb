"""Ways to carry a message, one file each; see `base.py`."""

from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from vocative.deliver.channels.base import Channel
from vocative.deliver.pace import Pace, Pacing
from vocative.errors import AuthorError
from vocative.registry import Kind
from vocative.workspace import Workspace
from vocative.workspace.settings import convert, secret
from vocative.workspace.yaml_text import read_yaml

S = TypeVar("S", bound=msgspec.Struct)
_PACING_KEYS = {field.encode_name for field in msgspec.structs.fields(Pacing)}
"""What every channel may have beside its own settings."""
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
    pacing = {key: stated[key] for key in _PACING_KEYS & stated.keys()}
    own = {key: value for key, value in stated.items() if key not in pacing}
    settings = _read(workspace, name, own, kind.Settings)
    channel = kind(_with_secrets(settings, name), state_dir=workspace.state_dir)
    if pacing:
        channel.pace = _pace(workspace, name, _read(workspace, name, pacing, Pacing))
    parts = kind.made_of(settings)
    if name in parts:
        raise AuthorError(f"channels.{name} names itself", where="vocative.yaml")
    channel.join([(part, channel_for(workspace, part)) for part in parts])
    return channel


def _read(workspace: Workspace, name: str, stated: dict[str, Any], to: type[S]) -> S:
    text = read_yaml(workspace.root / "vocative.yaml")
    try:
        return convert(text, ("channels", name), stated, to)
    except AuthorError as error:
        at = str(error.__cause__).partition("- at `$")[2].strip("`")
        raise AuthorError(
            f"channels.{name}{at}: {error.message}",
            where=error.where,
            hint=error.hint or _known(to),
        ) from error


def _pace(workspace: Workspace, name: str, pacing: Pacing) -> Pace:
    zone = ZoneInfo(workspace.settings.timezone)
    return Pace(
        pacing,
        counter=workspace.state_dir / "pace" / name,
        today=lambda: workspace.clock.now().astimezone(zone).date(),
    )


def _known(kind: type[msgspec.Struct]) -> str:
    fields = msgspec.structs.fields(kind)
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
