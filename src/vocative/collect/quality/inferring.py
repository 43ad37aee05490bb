"""Writes a first tracking plan from events that have come in.

Types come from the values, `required` from being there nearly always. No value of an event ever
stands in the plan.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from vocative.collect.event import Event
from vocative.collect.naming import trait_name
from vocative.collect.quality.faults import OTHER, shown_name
from vocative.collect.quality.recent import EVENTS, recent_events
from vocative.collect.standard import country_code, currency_code
from vocative.errors import AuthorError, StateError
from vocative.workspace import Workspace

REQUIRED_SHARE = 0.999
"""From this share of events on a property is required."""
MOST_NAMES = 200
"""Names of events, and of properties of each."""
_PLAIN = re.compile(r"[A-Za-z_][\w ]*(?<! )")
_KINDS = {"country": country_code, "currency": currency_code}


class Inferred(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that fits what has come in."""

    events: int
    """How many it was made from."""
    text: str
    file: str | None
    """Where it was written."""


@dataclass
class _Seen:
    """What was seen of a property."""

    there: int = 0
    types: Counter[str] = field(default_factory=Counter)
    elements: "_Object | None" = None
    kinds: set[str] = field(default_factory=lambda: set(_KINDS))
    """What all of its values can be."""

    def add(self, value: Any, *, nested: bool) -> None:
        """Another value, neither None nor an empty text."""
        self.there += 1
        self.types[_type_of(value)] += 1
        if self.kinds:
            self.kinds = {
                kind for kind in self.kinds if isinstance(value, str) and _KINDS[kind](value)
            }
        if nested and (parts := _objects(value)):
            self.elements = self.elements or _Object()
            for part in parts:
                self.elements.add(part, nested=False)


@dataclass
class _Object:
    """What was seen of an event, or of the objects in a list."""

    count: int = 0
    properties: dict[str, _Seen] = field(default_factory=dict)

    def add(self, stated: Mapping[str, Any], *, nested: bool) -> None:
        """Another one."""
        self.count += 1
        for name, value in stated.items():
            if value is None or value == "" or shown_name(name) == OTHER:
                continue
            if name in self.properties or len(self.properties) < MOST_NAMES:
                self.properties.setdefault(name, _Seen()).add(value, nested=nested)


def infer_plan(
    workspace: Workspace,
    *,
    events: int = EVENTS,
    source: str | None = None,
    write: str | None = None,
) -> Inferred:
    """Make a plan from the newest events of the log.

    Args:
        workspace: Whose events.
        events: At least so many of the newest events are looked at.
        source: Only those of one source; the plan is for this source then.
        write: A name: the plan is written to plans/NAME.yaml.

    Raises:
        StateError: nothing came in yet, or there is a plan of this name already.
        AuthorError: the name cannot be used.
    """
    seen: dict[str, _Object] = {}
    traits = _Object()
    looked_at = 0
    for _, event in recent_events(workspace, events, source):
        looked_at += 1
        _look(event, seen, traits)
    if not looked_at:
        raise StateError(
            "no event came in yet that a plan could be made from",
            hint="vocative source new NAME lets somebody send some",
        )
    text = "".join(_written(seen, traits, source, looked_at))
    return Inferred(
        events=looked_at, text=text, file=None if write is None else _write(workspace, write, text)
    )


def _look(event: Event, seen: dict[str, _Object], traits: _Object) -> None:
    if event.type == "identify":
        stated = {trait_name(name): value for name, value in event.traits.items()}
        traits.add(stated, nested=False)
        return
    named = event.type in ("track", "page", "screen") and shown_name(event.name) != OTHER
    if named and (event.name in seen or len(seen) < MOST_NAMES):
        seen.setdefault(event.name, _Object()).add(event.properties, nested=True)


def _objects(value: Any) -> list[dict[str, Any]]:
    elements = value if isinstance(value, list) else [value]
    return [one for one in elements if isinstance(one, dict)]


def _type_of(value: Any) -> str:
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    return "object"


_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "text"),
    (list, "list"),
)


def _written(
    seen: Mapping[str, _Object], traits: _Object, source: str | None, events: int
) -> Iterator[str]:
    """The plan's text, line by line."""
    yield f"describe: Made from {events:,} events; look through it before you trust it\n"
    if source is not None:
        yield f"sources: [{_name(source)}]\n"
    yield "violations: flag\nunknown_events: flag\nunknown_properties: keep\n"
    if seen:
        yield "events:\n"
    for name, found in sorted(seen.items(), key=lambda one: (-one[1].count, one[0])):
        yield f"  {_name(name)}:\n    properties:{'' if found.properties else ' {}'}\n"
        yield from _properties(found, indent=6)
    if traits.properties:
        yield "traits:\n"
        yield from _properties(traits, indent=2, kinds=False)


def _properties(found: _Object, *, indent: int, kinds: bool = True) -> Iterator[str]:
    for name, seen in sorted(found.properties.items()):
        share = seen.there / found.count
        parts = [*_type(name, seen, kinds=kinds)]
        if share >= REQUIRED_SHARE:
            parts.append("required: true")
        told = "" if share >= REQUIRED_SHARE else f"  # in {share:.1%}"
        if seen.elements is None or not seen.elements.properties:
            yield f"{' ' * indent}{_name(name)}: {{{', '.join(parts)}}}{told}\n"
            continue
        yield f"{' ' * indent}{_name(name)}:{told}\n"
        for part in parts:
            yield f"{' ' * (indent + 2)}{part}\n"
        yield f"{' ' * (indent + 2)}properties:\n"
        yield from _properties(seen.elements, indent=indent + 4)


def _type(name: str, seen: _Seen, *, kinds: bool) -> Iterator[str]:
    """`type:` when all values are of one, and `kind:` when name and values say it."""
    types = set(seen.types)
    kind = next((one for one in sorted(seen.kinds) if name.endswith(one)), None) if kinds else None
    if kind is not None:
        yield f"kind: {kind}"
    elif types <= {"integer", "number"}:
        yield f"type: {'number' if 'number' in types else 'integer'}"
    elif len(types) == 1:
        yield f"type: {types.pop()}"


def _name(name: str) -> str:
    """A name as YAML takes it for a text."""
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else json.dumps(name)


_WORDS = frozenset(["true", "false", "null", "yes", "no", "on", "off", "y", "n"])


def _write(workspace: Workspace, name: str, text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_]{0,62}", name):
        raise AuthorError(
            f"{name!r} cannot be the name of a plan",
            hint="use small letters, digits and underscores, such as web_shop",
        )
    path = workspace.root / "plans" / f"{name}.yaml"
    shown = str(path.relative_to(workspace.root))
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise StateError(
            f"there is a plan {name!r} already", where=shown, hint="choose another name"
        ) from error
    except OSError as error:
        raise AuthorError(f"the plan cannot be written: {error.strerror}", where=shown) from error
    return shown
