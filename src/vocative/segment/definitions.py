"""What `features/*.yaml` and `segments/*.yaml` say, one definition at a time.

A definition's body comes in, a frozen value with parsed (not yet type-checked) expressions goes
out. Refused, with file, line and column: unknown keys, keys that do not go together, windows that
are not a fixed length of time, names that are not plain words.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec

from vocative.errors import AuthorError
from vocative.sql import Expression, in_document, parse
from vocative.workspace import Definition
from vocative.workspace.durations import seconds_of
from vocative.workspace.settings import convert

Aggregate = Literal[
    "count",
    "exists",
    "sum",
    "avg",
    "min",
    "max",
    "first",
    "last",
    "distinct",
    "mode",
    "top",
    "streak",
]
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)
WAYS = (*AGGREGATES, "points", "sequence", "expr", "ntile")
"""The keys that say how a feature is computed; each definition has one of them."""
Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = get_args(Period)
OWN_EVENTS = frozenset({"Segment Entered", "Segment Exited"})
"""Made by segments themselves: a feature of them could go round in circles."""
_OF_EVENTS = ("count", "exists", "streak")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NEWEST = re.compile(r"last\s+(\d{1,4})(?:\s+in\s+(.+))?")
_MOST_NEWEST = 1_000
_MOST_STEPS = 6


class FeatureBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys a feature may have."""

    count: str | list[str] | None = None
    exists: str | list[str] | None = None
    sum: str | None = None
    avg: str | None = None
    min: str | None = None
    max: str | None = None
    first: str | None = None
    last: str | None = None
    distinct: str | None = None
    mode: str | None = None
    top: str | None = None
    streak: str | list[str] | None = None
    points: dict[str, float] | None = None
    sequence: list[Any] | None = None
    of: str | list[str] | None = None
    by: str | None = None
    window: str | None = None
    half_life: str | None = None
    where: str | None = None
    lines: bool = False
    default: bool | int | float | str | None = None
    expr: str | None = None
    ntile: int | None = None
    order: Literal["ascending", "descending"] = "ascending"
    describe: str = ""


class SegmentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys a segment may have."""

    where: str | None = None
    by: str | None = None
    describe: str = ""


@dataclass(frozen=True, kw_only=True)
class Written:
    """What every definition has."""

    name: str
    describe: str
    definition: Definition


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which of the matching facts count: those of the last `seconds`, the `newest`, or all."""

    seconds: int | None = None
    newest: int | None = None


@dataclass(frozen=True, kw_only=True)
class AggregateFeature(Written):
    """A feature computed from a person's events.

    `weight` is what `top` adds up per value; `period` is the calendar unit of a `streak`.
    """

    function: Aggregate
    events: tuple[str, ...]
    value: Expression | None
    condition: Expression | None
    window: Window
    relation: Literal["events", "order_lines"]
    default: bool | int | float | str | None
    weight: Expression | None = None
    period: Period = "day"


@dataclass(frozen=True, kw_only=True)
class PointsFeature(Written):
    """A behavioural score: points per event, halved with every half-life that passes."""

    points: tuple[tuple[str, float], ...]
    condition: Expression | None
    window: Window
    half_life_seconds: int | None

    @property
    def events(self) -> tuple[str, ...]:
        """The names of the events that give points."""
        return tuple(name for name, _ in self.points)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a sequence: something that happens within a time, or that does not.

    `within_seconds` counts from the step before that happened; the first step has none, and
    neither has an absence between two steps.
    """

    events: tuple[str, ...]
    condition: Expression | None
    within_seconds: int | None
    absent: bool


@dataclass(frozen=True, kw_only=True)
class SequenceFeature(Written):
    """When the latest run through some steps was completed."""

    steps: tuple[Step, ...]
    window: Window

    @property
    def events(self) -> tuple[str, ...]:
        """The names of all events that matter to it."""
        return tuple(dict.fromkeys(name for step in self.steps for name in step.events))


@dataclass(frozen=True, kw_only=True)
class DerivedFeature(Written):
    """A feature computed from other features and traits."""

    expression: Expression


@dataclass(frozen=True, kw_only=True)
class BucketFeature(Written):
    """A person's place among the others: bucket 1 to `buckets` by a value; ties share one."""

    value: Expression
    buckets: int
    descending: bool
    condition: Expression | None


@dataclass(frozen=True, kw_only=True)
class PredicateSegment(Written):
    """Everyone for whom a condition is true."""

    condition: Expression


@dataclass(frozen=True, kw_only=True)
class FamilySegment(Written):
    """One segment for each value of a field, named `<name>:<value>`."""

    by: Expression


EventFeature = AggregateFeature | PointsFeature | SequenceFeature
Feature = EventFeature | DerivedFeature | BucketFeature
Segment = PredicateSegment | FamilySegment


def read_feature(definition: Definition) -> Feature:
    """A feature as written.

    Raises:
        AuthorError: the body does not make sense; the error points at the key.
    """
    _check_name(definition)
    body = convert(definition.text, definition.path, definition.body, FeatureBody)
    kinds = [key for key in WAYS if getattr(body, key) is not None]
    if len(kinds) != 1:
        found = "nothing to compute" if not kinds else " and ".join(f"`{key}`" for key in kinds)
        raise AuthorError(
            f"the feature {definition.name!r} has {found}; it needs exactly one way to compute it",
            where=definition.where(kinds[1] if len(kinds) > 1 else "@key"),
            hint="one of: " + ", ".join(WAYS),
        )
    match kinds[0]:
        case "expr":
            return _read_derived(definition, body)
        case "ntile":
            return _read_bucket(definition, body)
        case "points":
            return _read_points(definition, body)
        case "sequence":
            return _read_sequence(definition, body)
        case key:
            return _read_aggregate(definition, body, key)


def _read_derived(definition: Definition, body: FeatureBody) -> DerivedFeature:
    _only(definition, "expr", "describe")
    return DerivedFeature(
        name=definition.name,
        describe=body.describe,
        definition=definition,
        expression=expression_of(definition, "expr"),
    )


def _read_bucket(definition: Definition, body: FeatureBody) -> BucketFeature:
    _only(definition, "ntile", "of", "order", "where", "describe")
    if not isinstance(body.of, str):
        raise AuthorError(
            "`ntile` needs `of:` with one value to rank people by",
            where=definition.where("of"),
            hint="for example {ntile: 5, of: spend_365d}",
        )
    buckets = body.ntile or 0
    if not 2 <= buckets <= 100:
        raise AuthorError("`ntile` is a number from 2 to 100", where=definition.where("ntile"))
    return BucketFeature(
        name=definition.name,
        describe=body.describe,
        definition=definition,
        value=expression_of(definition, "of"),
        buckets=buckets,
        descending=body.order == "descending",
        condition=None if body.where is None else expression_of(definition, "where"),
    )


def _read_aggregate(definition: Definition, body: FeatureBody, key: str) -> AggregateFeature:
    by = ("by",) if key in ("top", "streak") else ()
    if key == "streak":
        _only(definition, key, "by", "where", "describe")
    else:
        _only(definition, key, "of", *by, "window", "where", "lines", "default", "describe")
    function = next(name for name in AGGREGATES if name == key)
    events_key = key if key in _OF_EVENTS else "of"
    if key in _OF_EVENTS and body.of is not None:
        raise AuthorError(
            f"`{key}` names the events itself, `of` is one too many", where=definition.where("of")
        )
    weight = body.by is not None and key == "top"
    window = _window(definition, body.window)
    if window.newest is not None and body.lines:
        raise AuthorError(
            "the lines of one order have no order of their own: `last n` counts events",
            where=definition.where("window"),
            hint="look back a length of time, for example window: 90d",
        )
    return AggregateFeature(
        name=definition.name,
        describe=body.describe,
        definition=definition,
        function=function,
        events=_events(definition, events_key, getattr(body, events_key)),
        value=None if key in _OF_EVENTS else expression_of(definition, key),
        condition=None if body.where is None else expression_of(definition, "where"),
        window=window,
        relation="order_lines" if body.lines else "events",
        default=body.default,
        weight=expression_of(definition, "by") if weight else None,
        period=_period(definition, body.by) if key == "streak" else "day",
    )


def _period(definition: Definition, written: str | None) -> Period:
    for period in PERIODS:
        if written in (period, None):
            return period
    raise AuthorError(
        f"{written!r} is no period of a streak",
        where=definition.where("by"),
        hint="one of: " + ", ".join(PERIODS),
    )


def _read_points(definition: Definition, body: FeatureBody) -> PointsFeature:
    _only(definition, "points", "half_life", "window", "where", "describe")
    points = body.points or {}
    _events(definition, "points", list(points))
    for name, weight in points.items():
        if not math.isfinite(weight) or abs(weight) > 1e6:
            raise AuthorError(
                f"{weight} points for {name!r} are out of range",
                where=definition.where("points", name),
                hint="from -1000000 to 1000000",
            )
    window = _window(definition, body.window)
    if window.newest is not None:
        raise AuthorError(
            "points are given within a length of time, not to the last events",
            where=definition.where("window"),
            hint="for example window: 90d",
        )
    return PointsFeature(
        name=definition.name,
        describe=body.describe,
        definition=definition,
        points=tuple((name, float(weight)) for name, weight in points.items()),
        condition=None if body.where is None else expression_of(definition, "where"),
        window=window,
        half_life_seconds=_length(definition, "half_life", body.half_life)
        if body.half_life is not None
        else None,
    )


class _StepBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys a step of a sequence may have."""

    event: str | list[str] | None = None
    then: str | list[str] | None = None
    no: str | list[str] | None = None
    within: str | None = None
    where: str | None = None


def _read_sequence(definition: Definition, body: FeatureBody) -> SequenceFeature:
    _only(definition, "sequence", "window", "describe")
    written = body.sequence or []
    if not 2 <= len(written) <= _MOST_STEPS:
        raise AuthorError(
            f"a sequence has 2 to {_MOST_STEPS} steps",
            where=definition.where("sequence"),
            hint="for example [Product Added, {no: Order Completed, within: 24h}]",
        )
    steps = tuple(_read_step(definition, written, number) for number in range(len(written)))
    window = _window(definition, body.window)
    if window.newest is not None:
        raise AuthorError(
            "a sequence takes a length of time as its window",
            where=definition.where("window"),
            hint="for example window: 30d",
        )
    return SequenceFeature(
        name=definition.name,
        describe=body.describe,
        definition=definition,
        steps=steps,
        window=window,
    )


def _read_step(definition: Definition, written: list[Any], number: int) -> Step:
    at = ("sequence", number)
    found = written[number]
    if not isinstance(found, dict):
        found = {("event" if number == 0 else "then"): found}
    body = convert(definition.text, (*definition.path, *at), found, _StepBody)
    last = number == len(written) - 1
    key = "event" if number == 0 else "no" if body.no is not None else "then"
    if getattr(body, key) is None or sum(k in found for k in ("event", "then", "no")) != 1:
        wanted = "`event`" if number == 0 else "either `then` or `no`"
        raise AuthorError(
            f"step {number + 1} of a sequence needs {wanted}", where=definition.where(*at)
        )
    if key == "no" and "no" in (written[number - 1] if number > 1 else ()):
        raise AuthorError(
            "two absences follow each other",
            where=definition.where(*at),
            hint="name both events in one step: {no: [A, B]}",
        )
    timed = number > 0 and (key == "then" or last)
    if timed != (body.within is not None):
        raise AuthorError(
            f"step {number + 1} of a sequence "
            + ("does not say within which time" if timed else "has no time of its own"),
            where=definition.where(*at),
            hint="for example within: 2h" if timed else "`then` and a last `no` take `within`",
        )
    path = (*at, key) if isinstance(written[number], dict) else at
    return Step(
        events=_events(definition, path, getattr(body, key)),
        condition=None if body.where is None else expression_of(definition, *at, "where"),
        within_seconds=None
        if body.within is None
        else _length(definition, (*at, "within"), body.within),
        absent=key == "no",
    )


def _events(
    definition: Definition, key: "str | tuple[str | int, ...]", events: str | list[str] | None
) -> tuple[str, ...]:
    """The event names at a key."""
    path = (key,) if isinstance(key, str) else key
    names = [events] if isinstance(events, str) else (events or [])
    if not names or not all(name.strip() for name in names):
        missing = isinstance(key, str) and key not in definition.body
        raise AuthorError(
            f"the feature {definition.name!r} does not say which events it looks at",
            where=definition.where("@key") if missing else definition.where(*path),
            hint=f"for example {path[-1]}: Order Completed",
        )
    own = sorted(OWN_EVENTS & set(names))
    if own:
        raise AuthorError(
            f"{own[0]!r} is made by segments and cannot be counted in a feature",
            where=definition.where(*path),
            hint="ask in_segment('…') instead",
        )
    return tuple(dict.fromkeys(names))


def read_segment(definition: Definition) -> Segment:
    """A segment as written.

    Raises:
        AuthorError: the body does not make sense; the error points at the key.
    """
    _check_name(definition)
    body = convert(definition.text, definition.path, definition.body, SegmentBody)
    if (body.where is None) == (body.by is None):
        raise AuthorError(
            f"the segment {definition.name!r} needs either `where` or `by`",
            where=definition.where("by" if body.by else "@key"),
            hint='where: "spend_180d > 500" is one segment, by: country one for each country',
        )
    if body.where is not None:
        return PredicateSegment(
            name=definition.name,
            describe=body.describe,
            definition=definition,
            condition=expression_of(definition, "where"),
        )
    return FamilySegment(
        name=definition.name,
        describe=body.describe,
        definition=definition,
        by=expression_of(definition, "by"),
    )


def expression_of(definition: Definition, *path: str | int) -> Expression:
    """The expression at a path of the body, parsed, with places in the file.

    Raises:
        AuthorError: it is not an expression of the subset.
    """
    found: Any = definition.body
    for part in path:
        found = found[part]
    text = str(found)
    place = in_document(
        text,
        file=definition.text.file,
        document=definition.text.text,
        start=definition.where(*path),
    )
    return parse(text, place)


def _check_name(definition: Definition) -> None:
    if not _NAME.fullmatch(definition.name):
        raise AuthorError(
            f"{definition.name!r} is not a good name for a {definition.kind}",
            where=definition.where("@key"),
            hint="use lower-case letters, digits and _, starting with a letter",
        )


def _only(definition: Definition, *keys: str) -> None:
    for key in definition.body:
        if key not in keys:
            raise AuthorError(
                f"`{key}` does not go together with `{keys[0]}`",
                where=definition.where(key, "@key"),
                hint="possible here: " + ", ".join(keys),
            )


def _window(definition: Definition, text: str | None) -> Window:
    if text is None:
        return Window()
    newest = _NEWEST.fullmatch(text.strip())
    if newest is None:
        return Window(seconds=_length(definition, "window", text))
    if not 1 <= int(newest[1]) <= _MOST_NEWEST:
        raise AuthorError(
            f"a window of the last events holds 1 to {_MOST_NEWEST:,} of them",
            where=definition.where("window"),
        )
    seconds = None if newest[2] is None else _length(definition, "window", newest[2])
    return Window(seconds=seconds, newest=int(newest[1]))


def _length(definition: Definition, key: "str | Iterable[str | int]", written: str) -> int:
    seconds = seconds_of(written)
    if seconds is None:
        path = (key,) if isinstance(key, str) else tuple(key)
        name = str(path[-1]).replace("_", "-")
        raise AuthorError(
            f"{written!r} is not a {name}" if name == "window" else f"{written!r} is no length",
            where=definition.where(*path),
            hint="a number with min, h, d or w, at most ten years: 30min, 72h, 30d, 4w"
            + (", or the last events: last 5" if name == "window" else ""),
        )
    return seconds
