"""`vocative.yaml` and `traits.yaml`: what a workspace is and which traits its people have."""

import os
import zoneinfo
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from vocative.errors import AuthorError, nearest
from vocative.workspace.yaml_text import YamlPath, YamlText, read_yaml

S = TypeVar("S")


class Sender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the mails are from."""

    email: str
    name: str


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a consent is for."""

    describe: str = ""
    consent: Literal["opt_in", "opt_out"] = "opt_in"
    max_per_week: int | None = None


class QuietHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Local hours in which nobody is contacted, `start` inclusive, `end` exclusive."""

    start: int
    end: int


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One workspace, as written in `vocative.yaml`."""

    workspace: str
    sender: Sender
    postal_address: str
    timezone: str = "UTC"
    currency: str = "EUR"
    base_url: str = "http://127.0.0.1:8750"
    store: str | None = None
    channels: dict[str, dict[str, Any]] = msgspec.field(
        default_factory=lambda: {"outbox_folder": {}}
    )
    purposes: dict[str, Purpose] = msgspec.field(
        default_factory=lambda: {"marketing": Purpose(describe="news and offers")}
    )
    quiet_hours: QuietHours | None = None


class Trait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stated attribute of a person; a personal one lives in the vault only."""

    type: Literal["text", "number", "integer", "boolean", "instant", "date"] = "text"
    personal: bool = False
    describe: str = ""


def convert(text: YamlText, path: YamlPath, value: Any, to: type[S]) -> S:
    """`value`, found at `path` of a document, as a typed struct.

    Raises:
        AuthorError: a key is unknown, missing or of the wrong type; the error points at it.
    """
    try:
        return msgspec.convert(value, to)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at ")
        found = (*path, *_path_of(at.strip("`")))
        hint = None
        if "unknown field" in message:
            unknown = message.split("`")[1]
            found = (*found, unknown, "@key")
            fields = _field_names(to)
            guess = nearest(unknown, fields)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(sorted(fields))}"
        raise AuthorError(message, where=text.where(found), hint=hint) from error


def _field_names(to: type[Any]) -> list[str]:
    try:
        return [field.encode_name for field in msgspec.structs.fields(to)]
    except TypeError:
        return []


def _path_of(at: str) -> YamlPath:
    """`$.sender.email` as a path; msgspec writes mapping values as `[...]`."""
    return tuple(part for part in at.lstrip("$").split(".") if part and "[" not in part)


def read_settings(root: Path) -> Settings:
    """`vocative.yaml`, checked.

    Raises:
        AuthorError: the folder is no workspace, or the file is wrong somewhere.
    """
    path = root / "vocative.yaml"
    if not path.exists():
        raise AuthorError(
            "this folder is no Vocative workspace: it has no vocative.yaml",
            where=path.name,
            hint="run `vocative init FOLDER`, or point to one with --workspace FOLDER",
        )
    text = read_yaml(path)
    settings = convert(text, (), text.value, Settings)
    try:
        zoneinfo.ZoneInfo(settings.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        guess = nearest(settings.timezone, zoneinfo.available_timezones())
        raise AuthorError(
            f"unknown time zone {settings.timezone!r}",
            where=text.where(("timezone",)),
            hint=f"did you mean {guess!r}?" if guess else "use a name such as Europe/Berlin",
        ) from error
    if not settings.base_url.startswith(("http://", "https://")):
        raise AuthorError(
            "base_url must start with http:// or https://", where=text.where(("base_url",))
        )
    return settings


def read_traits(root: Path) -> dict[str, Trait]:
    """`traits.yaml`: the catalog of traits; a missing file means none.

    Raises:
        AuthorError: the file is wrong somewhere.
    """
    path = root / "traits.yaml"
    if not path.exists():
        return {}
    text = read_yaml(path)
    found = {}
    for name, body in text.value.items():
        if not name.isidentifier() or name != name.lower():
            raise AuthorError(
                f"the trait name {name!r} is not a plain lower-case word",
                where=text.where((name, "@key")),
                hint="use letters, digits and _",
            )
        found[name] = convert(text, (name,), body or {}, Trait)
    return found


def secret(value: str, *, setting: str) -> str:
    """The text of a setting; `env:NAME` reads it from the environment instead of the file.

    Raises:
        AuthorError: the environment has no such variable.
    """
    if not value.startswith("env:"):
        return value
    name = value.removeprefix("env:")
    found = os.environ.get(name)
    if found is None:
        raise AuthorError(
            f"the setting {setting} takes its value from the environment variable {name},"
            " which is not set",
            where="vocative.yaml",
            hint=f"export {name}=… and run the command again",
        )
    return found
