"""Tracking plans: what events and traits should look like, as `plans/NAME.yaml` says it."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from vocative.collect.naming import trait_name
from vocative.collect.quality.faults import Outcome
from vocative.errors import AuthorError
from vocative.workspace import Definition, Workspace
from vocative.workspace.settings import Trait, convert
from vocative.workspace.standards import Standard, StandardKind, standard_faults, standard_of
from vocative.workspace.yaml_text import YamlPath

PropertyType = Literal["text", "number", "integer", "boolean", "instant", "date", "list", "object"]
_NUMBERS = ("number", "integer")
_NESTED = ("list", "object")


class Property(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a property or trait should be."""

    type: PropertyType | None = None
    required: bool = False
    values: list[str | int | float | bool] | None = None
    pattern: str | None = None
    """A regular expression (RE2) that the whole text must fit."""
    min: float | None = None
    max: float | None = None
    personal: bool = False
    """It never reaches history."""
    kind: StandardKind | None = None
    format: str | list[str] | None = None
    region: str | None = None
    describe: str = ""

    @property
    def standard(self) -> Standard | None:
        """The form that its values are brought to."""
        return standard_of(self.kind, self.format, self.region)


class OuterProperty(Property, frozen=True, forbid_unknown_fields=True):
    """A property of an event; of a list's elements or an object it can say more."""

    properties: dict[str, Property] = {}


class Version(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An earlier schema of an event."""

    version: int
    properties: dict[str, OuterProperty] = {}
    retired: bool = False


class PlannedEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event as it should be."""

    version: int = 1
    properties: dict[str, OuterProperty] = {}
    violations: Outcome | None = None
    unknown_properties: Outcome | None = None
    older: list[Version] = []
    describe: str = ""

    @property
    def versions(self) -> list[Version]:
        """All of them, the newest first."""
        newest = Version(version=self.version, properties=self.properties)
        return [newest, *sorted(self.older, key=lambda one: -one.version)]


class PlanBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan file."""

    sources: list[str] | None = None
    violations: Outcome = "flag"
    unknown_events: Outcome = "flag"
    unknown_properties: Outcome = "keep"
    events: dict[str, PlannedEvent] = {}
    traits: dict[str, Property] = {}
    describe: str = ""

    @property
    def for_sources(self) -> list[str | None]:
        """Whose events it is for; None: everybody's that no other plan names."""
        return [None] if self.sources is None else [*self.sources]


def check_definitions(workspace: Workspace) -> None:
    """Check the workspace's plans.

    Raises:
        AuthorError: one is wrong somewhere.
    """
    read_plans(workspace.definitions("plan"), workspace.traits)


def read_plans(
    definitions: Mapping[str, Definition], declared: Mapping[str, Trait]
) -> dict[str, PlanBody]:
    """Plans by name.

    Args:
        definitions: Those of the kind `plan`.
        declared: The traits of `traits.yaml`.

    Raises:
        AuthorError: one is wrong, or two are for the same source.
    """
    found: dict[str, PlanBody] = {}
    taken: dict[str | None, str] = {}
    for name, definition in definitions.items():
        body = convert(definition.text, (), definition.body, PlanBody)
        for path, message, hint in _faults(body, declared):
            raise AuthorError(message, where=definition.where(*path), hint=hint)
        for source in body.for_sources:
            other = taken.setdefault(source, name)
            if other != name:
                whose = f"the source {source!r}" if source else "every other source"
                raise AuthorError(
                    f"the plan {other!r} is for {whose}, too",
                    where=definition.where("sources" if source else "@key"),
                    hint="name its sources: `sources: [NAME]`",
                )
        found[name] = body
    return found


_Faults = Iterator[tuple[YamlPath, str, str | None]]


def _faults(body: PlanBody, declared: Mapping[str, Trait]) -> _Faults:
    """(where, what, what next) of everything that no single field can tell."""
    if not (body.events or body.traits):
        yield (), "this plan says nothing", "add events: or traits:"
    for name, event in body.events.items():
        yield from _event_faults(("events", name), event)
    for name, trait in body.traits.items():
        path = ("traits", name)
        yield from _property_faults(path, trait)
        yield from _trait_faults(path, name, trait, declared)


def _event_faults(path: YamlPath, event: PlannedEvent) -> _Faults:
    for name, one in event.properties.items():
        yield from _outer_faults((*path, "properties", name), one)
    numbers = {event.version}
    for index, older in enumerate(event.older):
        at = (*path, "older", index)
        if older.version in numbers:
            yield (*at, "version"), f"version {older.version} is there already", None
        if older.version > event.version:
            hint = "the newest stands beside `version:`"
            yield (*at, "version"), f"version {older.version} is newer than the event's", hint
        numbers.add(older.version)
        for name, one in older.properties.items():
            yield from _outer_faults((*at, "properties", name), one)


def _outer_faults(path: YamlPath, one: OuterProperty) -> _Faults:
    yield from _property_faults(path, one)
    if one.properties and one.type not in _NESTED:
        hint = "add `type: list` or `type: object`"
        yield (*path, "properties"), "only lists and objects have properties", hint
    for name, inner in one.properties.items():
        yield from _property_faults((*path, "properties", name), inner)


def _property_faults(path: YamlPath, one: Property) -> _Faults:
    for field, message, hint in standard_faults(one.kind, one.format, one.region):
        yield (*path, field), message, hint
    if one.kind is not None and one.type not in (None, "text", one.kind):
        yield (*path, "type"), f"a {one.kind} is text, not {one.type}", "leave `type:` out"
    for bound in ("min", "max"):
        if getattr(one, bound) is not None and one.type not in _NUMBERS:
            yield (*path, bound), f"only numbers have a {bound}", "add `type: number`"
    if one.pattern is not None:
        if one.type not in (None, "text"):
            yield (*path, "pattern"), f"a pattern is for text, not for {one.type}", None
        elif why := _wrong_pattern(one.pattern):
            yield (*path, "pattern"), f"this is no pattern: {why}", "write it in RE2's syntax"


def _trait_faults(
    path: YamlPath, name: str, one: Property, declared: Mapping[str, Trait]
) -> _Faults:
    if (usual := trait_name(name)) != name:
        yield (*path, "@key"), f"the trait {name!r} is kept as {usual!r}", f"write {usual!r}"
    known = declared.get(name)
    if one.personal and known is not None and not known.personal:
        hint = f"say `{name}: {{personal: true}}` in traits.yaml"
        yield (*path, "personal"), "traits.yaml keeps this trait in the open", hint
    if one.kind is not None:
        hint = "it is told there for every source"
        yield (*path, "kind"), "the kind of a trait stands in traits.yaml", hint


def _wrong_pattern(pattern: str) -> str | None:
    from vocative.collect.quality.patterns import wrong_pattern

    return wrong_pattern(pattern)
