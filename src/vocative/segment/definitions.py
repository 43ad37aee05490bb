"""What `features/*.yaml` and `segments/*.yaml` say, one definition at a time.

A definition's body comes in, a frozen value with parsed (not yet type-checked) expressions goes
out. Refused, with file, line and column: unknown keys, keys that do not go together, windows that
are not a fixed length of time, names that are not plain words.
"""

import re
from dataclasses import dataclass
from typing import Literal

import msgspec

from vocative.errors import AuthorError
from vocative.sql import Expression, in_document, parse
from vocative.workspace import Definition
from vocative.workspace.settings import convert

Aggregate = Literal[
    "count", "exists", "sum", "avg", "min", "max", "first", "last", "distinct", "top"
]
AGGREGATES: tuple[Aggregate, ...] = (
    "count",
    "exists",
    "sum",
    "avg",
    "min",
    "max",
    "first",
    "last",
    "distinct",
    "top",
)
_OF_EVENTS = ("count", "exists")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_WINDOW = re.compile(r"(\d{1,6})\s*(min|h|d|w)")
_SECONDS = {"min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LONGEST_DAYS = 3_660


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
    top: str | None = None
    of: str | list[str] | None = None
    window: str | None = None
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
class AggregateFeature(Written):
    """A feature computed from a person's events."""

    function: Aggregate
    events: tuple[str, ...]
    value: Expression | None
    condition: Expression | None
    window_seconds: int | None
    relation: Literal["events", "order_lines"]
    default: bool | int | float | str | None


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


Feature = AggregateFeature | DerivedFeature | BucketFeature
Segment = PredicateSegment | FamilySegment


def read_feature(definition: Definition) -> Feature:
    """A feature as written.

    Raises:
        AuthorError: the body does not make sense; the error points at the key.
    """
    _check_name(definition)
    body = convert(definition.text, definition.path, definition.body, FeatureBody)
    kinds = [key for key in (*AGGREGATES, "expr", "ntile") if getattr(body, key) is not None]
    if len(kinds) != 1:
        found = "nothing to compute" if not kinds else " and ".join(f"`{key}`" for key in kinds)
        raise AuthorError(
            f"the feature {definition.name!r} has {found}; it needs exactly one way to compute it",
            where=definition.where(kinds[1] if len(kinds) > 1 else "@key"),
            hint="one of: " + ", ".join((*AGGREGATES, "expr", "ntile")),
        )
    if kinds[0] == "expr":
        _only(definition, "expr", "describe")
        return DerivedFeature(
            name=definition.name,
            describe=body.describe,
            definition=definition,
            expression=expression_of(definition, "expr"),
        )
    if kinds[0] == "ntile":
        return _read_bucket(definition, body)
    return _read_aggregate(definition, body, kinds[0])


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
    _only(definition, key, "of", "window", "where", "lines", "default", "describe")
    function = next(name for name in AGGREGATES if name == key)
    events_key = key if key in _OF_EVENTS else "of"
    if key in _OF_EVENTS and body.of is not None:
        raise AuthorError(
            f"`{key}` names the events itself, `of` is one too many", where=definition.where("of")
        )
    events = getattr(body, events_key)
    names = [events] if isinstance(events, str) else (events or [])
    if not names or not all(name.strip() for name in names):
        raise AuthorError(
            f"the feature {definition.name!r} does not say which events it looks at",
            where=definition.where(events_key if events_key in definition.body else "@key"),
            hint=f"for example {events_key}: Order Completed",
        )
    return AggregateFeature(
        name=definition.name,
        describe=body.describe,
        definition=definition,
        function=function,
        events=tuple(dict.fromkeys(names)),
        value=None if key in _OF_EVENTS else expression_of(definition, key),
        condition=None if body.where is None else expression_of(definition, "where"),
        window_seconds=None if body.window is None else _window(definition, body.window),
        relation="order_lines" if body.lines else "events",
        default=body.default,
    )


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


def expression_of(definition: Definition, key: str) -> Expression:
    """The expression at a key, parsed, with places in the file.

    Raises:
        AuthorError: it is not an expression of the subset.
    """
    text = str(definition.body[key])
    place = in_document(
        text,
        file=definition.text.file,
        document=definition.text.text,
        start=definition.where(key),
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


def _window(definition: Definition, text: str) -> int:
    match = _WINDOW.fullmatch(text.strip())
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= _LONGEST_DAYS * 86_400:
        raise AuthorError(
            f"{text!r} is not a window",
            where=definition.where("window"),
            hint="a number with min, h, d or w, at most ten years: 30min, 72h, 30d, 4w",
        )
    return seconds
