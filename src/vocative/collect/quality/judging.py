"""Judges events by a plan: what is wrong with one, and what becomes of it.

A plan is turned into checks once. An event that says which version it is (`context.protocols.
event_version`, as Segment's libraries do) is judged by that one. Of others the newest counts, or
any older one that is not retired if the event fits it: clients are not changed all at once.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from vocative.collect.event import Event
from vocative.collect.naming import snake, trait_name
from vocative.collect.quality.faults import Fault, Outcome, What, shown_name
from vocative.collect.quality.patterns import fits
from vocative.collect.quality.plan import PlanBody, PlannedEvent, Property, Version
from vocative.collect.standard import iso_date, standard_form
from vocative.workspace.standards import Standard

_Check = Callable[[Any], What | None]
_NOTHING = (None, "")
_Found = Sequence[tuple[str, What]]
"""(property, what is wrong with it)."""


class Verdict(NamedTuple):
    """What a plan says of an event."""

    faults: Sequence[Fault]
    personal: frozenset[str]
    """Names of properties, in snake case, that must not reach history."""
    properties: dict[str, Any]
    """With values in their standard form."""

    @property
    def refused_for(self) -> Fault | None:
        """The first fault for which the event is not to be used."""
        return next((one for one in self.faults if one.outcome == "reject"), None)


_NONE: frozenset[str] = frozenset()


class Judge:
    """Judges the events of the sources that one plan is for."""

    def __init__(self, plan: PlanBody) -> None:
        self._plan = plan
        self._events = {name: _EventJudge(name, one, plan) for name, one in plan.events.items()}
        self._traits = _Fields(plan.traits)

    def judge(self, event: Event) -> Verdict:
        """What is wrong with an event. It is not changed."""
        judge = self._events.get(event.name)
        if judge is not None:
            return judge.judge(event)
        if event.type == "identify" and self._plan.traits:
            return Verdict(self._trait_faults(event), _NONE, event.properties)
        faults: Sequence[Fault] = ()
        outcome = self._plan.unknown_events
        if event.type == "track" and self._plan.events and outcome != "keep":
            faults = [Fault(shown_name(event.name), "", "unknown_event", outcome)]
        return Verdict(faults, _NONE, event.properties)

    def _trait_faults(self, event: Event) -> list[Fault]:
        stated = {trait_name(name): value for name, value in event.traits.items()}
        outcome = self._plan.violations
        faults = [
            Fault(event.name, name, what, outcome) for name, what in self._traits.look(stated)
        ]
        return faults + _unknown(event.name, self._traits, stated, self._plan.unknown_properties)


class _EventJudge:
    """Judges events of one name."""

    def __init__(self, name: str, event: PlannedEvent, plan: PlanBody) -> None:
        self._name = name
        self._violations: Outcome = event.violations or plan.violations
        self._unknown: Outcome = event.unknown_properties or plan.unknown_properties
        versions = event.versions
        self._versions = {str(one.version): _VersionJudge(one) for one in versions}
        self._newest, *self._older = self._versions.values()
        self._personal = frozenset(
            snake(name)
            for one in versions
            for name, said in _all_properties(one.properties)
            if said.personal
        )

    def judge(self, event: Event) -> Verdict:
        stated = event.schema_version
        properties = event.properties
        if stated is None:
            version, found = self._fitting(properties)
        else:
            named = self._versions.get(stated)
            if named is None or named.retired:
                what: What = "unknown_version" if named is None else "retired_version"
                fault = Fault(self._name, "", what, self._violations)
                return Verdict([fault], self._personal, properties)
            version, found = named, named.fields.look(properties)
        faults = [Fault(self._name, name, what, self._violations) for name, what in found]
        faults += _unknown(self._name, version.fields, properties, self._unknown)
        return Verdict(faults, self._personal, version.fields.standard(properties))

    def _fitting(self, properties: Mapping[str, Any]) -> "tuple[_VersionJudge, _Found]":
        found = self._newest.fields.look(properties)
        if found:
            for older in self._older:
                if not older.retired and not older.fields.look(properties):
                    return older, ()
        return self._newest, found


class _VersionJudge:
    """Judges by one version of an event's schema."""

    def __init__(self, version: Version) -> None:
        self.retired = version.retired
        self.fields = _Fields(version.properties)


class _Fields:
    """What an object's properties should be."""

    def __init__(self, said: Mapping[str, Property]) -> None:
        self.known = said.keys()
        self._checks = [(name, _check(one), one.required) for name, one in said.items()]
        self._inner = {name: inner for name, one in said.items() if (inner := _inner_fields(one))}
        self._standards = {
            name: standard for name, one in said.items() if (standard := one.standard)
        }
        self.has_standards: bool = bool(self._standards) or any(
            one.has_standards for one in self._inner.values()
        )
        """Whether any value is brought to one form."""

    def look(self, stated: Mapping[str, Any]) -> _Found:
        """What is wrong, each once."""
        found: list[tuple[str, What]] = []
        get = stated.get
        for name, check, required in self._checks:
            value = get(name)
            if value is None or value == "":
                if required:
                    found.append((name, "missing"))
            elif check is not None and (what := check(value)) is not None:
                found.append((name, what))
            elif name in self._inner:
                found += self._look_inside(name, value)
        return found

    def _look_inside(self, name: str, value: Any) -> _Found:
        inner = self._inner[name]
        listed = isinstance(value, list)
        found: dict[tuple[str, What], None] = {}
        for element in value if listed else [value]:
            if not isinstance(element, dict):
                found[name, "wrong_type"] = None
                continue
            for part, what in inner.look(element):
                found[f"{name}{'[]' if listed else ''}.{part}", what] = None
        return list(found)

    def standard(self, stated: dict[str, Any]) -> dict[str, Any]:
        """The same properties with their values in standard form, as far as they can be read."""
        if not self.has_standards:
            return stated
        replaced = dict(stated)
        for name, inner in self._inner.items():
            if inner.has_standards and name in stated:
                replaced[name] = inner.standard_inside(stated[name])
        for name, standard in self._standards.items():
            value = stated.get(name)
            if value not in _NOTHING and (form := standard_form(value, standard)) is not None:
                replaced[name] = form
        return replaced

    def standard_inside(self, value: Any) -> Any:
        """The same of an object, or of the objects of a list."""
        if isinstance(value, list):
            return [self.standard_inside(element) for element in value]
        return self.standard(value) if isinstance(value, dict) else value


def _inner_fields(said: Property) -> _Fields | None:
    properties = getattr(said, "properties", None)
    return _Fields(properties) if properties else None


def _all_properties(said: Mapping[str, Property]) -> list[tuple[str, Property]]:
    found = list(said.items())
    for one in said.values():
        found += getattr(one, "properties", {}).items()
    return found


def _unknown(
    event: str, fields: _Fields, stated: Mapping[str, Any], outcome: Outcome
) -> list[Fault]:
    if outcome == "keep":
        return []
    names = dict.fromkeys(shown_name(name) for name in stated if name not in fields.known)
    return [Fault(event, name, "unknown_property", outcome) for name in names]


def _check(said: Property) -> _Check | None:
    """The function that says what is wrong with a value; None when everything is right."""
    checks = [*_type_checks(said), *_value_checks(said)]
    if not checks:
        return None
    if len(checks) == 1:
        return checks[0]

    def first_fault(value: Any) -> What | None:
        return next((what for check in checks if (what := check(value)) is not None), None)

    return first_fault


def _type_checks(said: Property) -> list[_Check]:
    checks: list[_Check] = []
    if said.type is not None and said.kind is None:
        fitting = _TYPES[said.type]
        checks.append(lambda value: None if fitting(value) else "wrong_type")
    if (standard := said.standard) is not None:
        checks.append(_standard_check(standard))
    return checks


def _standard_check(standard: Standard) -> _Check:
    return lambda value: None if standard_form(value, standard) is not None else "unreadable"


def _value_checks(said: Property) -> list[_Check]:
    checks: list[_Check] = []
    if (pattern := said.pattern) is not None:
        checks.append(lambda value: None if _fits(value, pattern) else "off_pattern")
    if said.values is not None:
        # True is 1 for Python, and not for a plan.
        allowed = {(isinstance(one, bool), one) for one in said.values}
        checks.append(
            lambda value: (
                None
                if _is_plain(value) and (isinstance(value, bool), value) in allowed
                else "not_allowed"
            )
        )
    if (least := said.min) is not None:
        checks.append(lambda value: "too_small" if value < least else None)
    if (most := said.max) is not None:
        checks.append(lambda value: "too_large" if value > most else None)
    return checks


def _fits(value: Any, pattern: str) -> bool:
    return isinstance(value, str) and fits(value, pattern)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


def _is_instant(value: Any) -> bool:
    if not isinstance(value, str):
        return _is_integer(value)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": _is_number,
    "integer": _is_integer,
    "boolean": lambda value: isinstance(value, bool),
    "instant": _is_instant,
    "date": lambda value: isinstance(value, str) and iso_date(value) is not None,
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
