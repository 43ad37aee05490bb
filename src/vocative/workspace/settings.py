"""`vocative.yaml` and `traits.yaml`: what a workspace is and which traits its people have."""

import os
import re
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from vocative.errors import AuthorError, nearest, unknown_name
from vocative.pages.brand import Brand, brand_faults
from vocative.pages.words import Text, missing_languages, spoken
from vocative.privacy.caps import Cap
from vocative.workspace.standards import Standard, StandardKind, standard_faults, standard_of
from vocative.workspace.yaml_text import YamlPath, YamlText, read_yaml

S = TypeVar("S")
ENGINES = ("duckdb", "postgres", "spark", "snowflake", "bigquery", "redshift", "clickhouse")
"""Where the plan's SQL can be answered, or written for."""
RESERVED_TRAITS = ("person_id", "first_seen_at", "email_domain", "email_kind")


class Sender(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the mails are from."""

    email: str
    name: str


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a consent is for."""

    title: Text = ""
    describe: Text = ""
    listed: bool = True
    """Whether people find it in their preferences."""
    consent: Literal["opt_in", "opt_out"] = "opt_in"
    max_per_week: int | None = None


class Pages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What recipients find behind the links of a mail."""

    view_days: Annotated[int, msgspec.Meta(ge=1, le=3_650)] = 365
    """How long a mail can be looked at in a browser."""


class QuietHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Local hours in which nobody is contacted, `start` inclusive, `end` exclusive."""

    start: int
    end: int


class Tracking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much the tracking API takes at once."""

    max_request_bytes: Annotated[int, msgspec.Meta(ge=1_000, le=100_000_000)] = 8_500_000
    """Unpacked. One library fills a batch until it has passed 4 MB, with events of up to 4 MB."""
    max_event_bytes: Annotated[int, msgspec.Meta(ge=1_000, le=1_000_000)] = 32_768


class Addresses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of an identify with an e-mail address of a doubtful kind."""

    disposable: Literal["flag", "reject"] = "flag"
    misspelt: Literal["flag", "reject"] = "flag"
    role: Literal["flag", "reject"] = "flag"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One workspace, as written in `vocative.yaml`."""

    workspace: str
    sender: Sender
    postal_address: str
    timezone: str = "UTC"
    currency: str = "EUR"
    language: str = "en"
    """What templates are written in whose name tells no language."""
    languages: list[str] = []
    """Languages that every template should be there in."""
    base_url: str = "http://127.0.0.1:8750"
    store: str | None = None
    engine: str = "duckdb"
    stream: dict[str, Any] | None = None
    channels: dict[str, dict[str, Any]] = msgspec.field(
        default_factory=lambda: {"outbox_folder": {}}
    )
    purposes: dict[str, Purpose] = msgspec.field(
        default_factory=lambda: {"marketing": Purpose(describe="news and offers")}
    )
    quiet_hours: QuietHours | None = None
    caps: list[Cap] = []
    """How many messages one person may get in a time."""
    approve_above: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """A campaign to more people than this waits until somebody approves it."""
    tracking: Tracking = Tracking()
    addresses: Addresses = Addresses()
    feedback: dict[str, Any] = {}
    """See `deliver.feedback.settings`."""
    brand: Brand = Brand()
    pages: Pages = Pages()

    @property
    def page_language(self) -> str:
        """What pages speak to somebody of whom no language is known that they speak."""
        return spoken(self.language) or "en"

    @property
    def imprint(self) -> str:
        """Who mails and pages are from, and where they live."""
        if self.postal_address.startswith(self.sender.name):
            return self.postal_address
        return f"{self.sender.name}, {self.postal_address}"


class Trait(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stated attribute of a person; a personal one lives in the vault only."""

    type: Literal["text", "number", "integer", "boolean", "instant", "date"] = "text"
    personal: bool = False
    describe: str = ""
    kind: StandardKind | None = None
    """What its values are, when they are to be brought to one form."""
    format: str | list[str] | None = None
    region: str | None = None

    @property
    def standard(self) -> Standard | None:
        """The form that its values are brought to."""
        return standard_of(self.kind, self.format, self.region)


def convert(text: YamlText, path: YamlPath, value: Any, to: type[S]) -> S:
    """`value`, found at `path` of a document, as a typed struct.

    Raises:
        AuthorError: a key is unknown, missing or of the wrong type; the error points at it.
    """
    try:
        return msgspec.convert(value, to)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at ")
        found = _path_of(at.strip("`"), value, to)
        hint = None
        if "unknown field" in message:
            unknown = message.split("`")[1]
            fields = _field_names(to, found)
            found = (*found, unknown, "@key")
            guess = nearest(unknown, fields)
            hint = f"did you mean {guess!r}?" if guess else f"known: {', '.join(sorted(fields))}"
        raise AuthorError(message, where=text.where((*path, *found)), hint=hint) from error


def _path_of(at: str, value: Any, to: type[Any]) -> YamlPath:
    """`$.sender.email` as a path.

    msgspec writes the values of a mapping as `[...]`, whichever it is: the one meant is found by
    converting again with that one alone.
    """
    path: YamlPath = ()
    here = value
    for part in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", at):
        name, index = part
        key: str | int
        if name:
            key = name
        elif index != "...":
            key = int(index)
        else:
            found = next((key for key in here if _refuses(_only(value, path, key), to)), None)
            if found is None:
                return path
            key = found
        path = (*path, key)
        here = here[key]
    return path


def _refuses(value: Any, to: type[Any]) -> bool:
    try:
        msgspec.convert(value, to)
    except msgspec.ValidationError:
        return True
    return False


def _only(value: Any, path: YamlPath, key: str) -> Any:
    """The value in which the mapping at `path` has no other entry than `key`."""
    if not path:
        return {key: value[key]}
    first, rest = path[0], path[1:]
    if isinstance(value, list):
        return [_only(value[int(first)], rest, key)]
    return {**value, first: _only(value[first], rest, key)}


def _field_names(to: Any, path: YamlPath) -> list[str]:
    """The fields of the struct that stands at a path of another one."""
    kind: Any = msgspec.inspect.type_info(to)
    for part in path:
        kind = next((one for one in _choices(kind) if not _is_none(one)), kind)
        if isinstance(kind, msgspec.inspect.StructType):
            kind = next(field.type for field in kind.fields if field.encode_name == part)
        elif isinstance(kind, msgspec.inspect.DictType):
            kind = kind.value_type
        elif isinstance(kind, msgspec.inspect.ListType):
            kind = kind.item_type
    for one in _choices(kind):
        if isinstance(one, msgspec.inspect.StructType):
            return [field.encode_name for field in one.fields]
    return []


def _choices(kind: Any) -> list[Any]:
    return list(kind.types) if isinstance(kind, msgspec.inspect.UnionType) else [kind]


def _is_none(kind: Any) -> bool:
    return isinstance(kind, msgspec.inspect.NoneType)


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
    if settings.engine not in ENGINES:
        raise unknown_name("engine", settings.engine, ENGINES, where=text.where(("engine",)))
    if not settings.base_url.startswith(("http://", "https://")):
        raise AuthorError(
            "base_url must start with http:// or https://", where=text.where(("base_url",))
        )
    for place, message, hint in _page_faults(settings):
        raise AuthorError(message, where=text.where(place), hint=hint)
    return settings


def _page_faults(settings: Settings) -> Iterator[tuple[YamlPath, str, str | None]]:
    """What is wrong with what people see on pages."""
    for path, message, hint in brand_faults(settings.brand):
        yield ("brand", *path), message, hint
    texts: list[tuple[YamlPath, Text]] = [
        (("brand", "links", index, "text"), link.text)
        for index, link in enumerate(settings.brand.links)
    ]
    for name, purpose in settings.purposes.items():
        texts += [
            (("purposes", name, "title"), purpose.title),
            (("purposes", name, "describe"), purpose.describe),
        ]
    for at, written in texts:
        for language, message in missing_languages(written, settings.page_language).items():
            known = isinstance(written, dict) and language in written
            yield (*at, language, "@key") if known else at, message, None


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
        if name in RESERVED_TRAITS:
            raise AuthorError(
                f"the name {name!r} is taken: Vocative fills it in itself",
                where=text.where((name, "@key")),
                hint="give the trait another name",
            )
        trait = convert(text, (name,), {} if body is None else body, Trait)
        for field, message, hint in _trait_faults(trait):
            raise AuthorError(message, where=text.where((name, field)), hint=hint)
        found[name] = trait
    return found


def _trait_faults(trait: Trait) -> Iterator[tuple[str, str, str | None]]:
    yield from standard_faults(trait.kind, trait.format, trait.region)
    if trait.kind is not None and trait.type not in ("text", trait.kind):
        yield "kind", f"a {trait.kind} is text, not {trait.type}", "leave `type:` out"


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
