"""What the live runner keeps of a person's facts, and for which features.

A plan's features come in. Out come groups: facts of the same events, filter and relation are kept
once for all the features that look at them. A feature over all time keeps running totals where
they are enough (counts, sums, extremes); the others keep the facts themselves, as far back as
some feature can still see them.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from vocative.segment.definitions import (
    AggregateFeature,
    EventFeature,
    PointsFeature,
    SequenceFeature,
    Window,
)
from vocative.segment.plan import CheckedStep, FeatureDef
from vocative.sql import Node, Type, to_text
from vocative.sql.nodes import FieldRef

FORMAT = 2
"""How records are packed: those of another format are built anew."""
SECOND = 1_000_000
DAY = 86_400 * SECOND
STREAK_LIMIT = 366
"""How many periods of a streak are counted."""
_STREAK_DAYS = {"day": 1, "week": 7, "month": 31}
RUNNING = frozenset({"count", "exists", "sum", "avg", "min", "max", "first", "last"})
"""Functions that need no facts when they look at all of them."""


class Kind(StrEnum):
    """How a column of kept facts is packed."""

    GRAINS = "g"
    """Whole millionths as doubles; an unknown value adds nothing."""
    NUMBERS = "d"
    INTEGERS = "q"
    """Integers, booleans and instants (microseconds)."""
    TEXTS = "s"


ARRAY_CODES = {Kind.GRAINS: "d", Kind.NUMBERS: "d", Kind.INTEGERS: "q", Kind.TEXTS: ""}
"""What kind of array a column is in memory; "": a list."""


class Total(StrEnum):
    """A running total over all of a person's facts."""

    COUNT = "count"
    SUM = "sum"
    LEAST = "least"
    GREATEST = "greatest"
    FIRST = "first"
    LAST = "last"
    POINTS = "points"


NOTHING: dict[Total, tuple[Any, ...]] = {
    Total.COUNT: (0,),
    Total.SUM: (0.0, 0),
    Total.LEAST: (None,),
    Total.GREATEST: (None,),
    Total.FIRST: (None, "", None),
    Total.LAST: (None, "", None),
    Total.POINTS: (0.0, 0),
}
"""The values each one takes, as they are without facts; see `fold.py` for what they are."""
TOTAL_SLOTS = {total: len(values) for total, values in NOTHING.items()}


@dataclass(frozen=True, kw_only=True)
class Column:
    """One value of each kept fact: an expression, its points, or which steps it can be."""

    kind: Kind
    value: Node | None = None
    points: tuple[tuple[str, float], ...] = ()
    steps: tuple[CheckedStep, ...] = ()

    @property
    def meaning(self) -> str:
        """Two columns with one meaning are one."""
        steps = [(s.events, _text(s.condition), s.absent) for s in self.steps]
        return repr((self.kind.value, _text(self.value), self.points, steps))


@dataclass(frozen=True, kw_only=True)
class RunningTotal:
    """One running total: of a value, or of points that halve every `half_life`."""

    total: Total
    value: Node | None = None
    points: tuple[tuple[str, float], ...] = ()
    half_life: int | None = None

    @property
    def meaning(self) -> str:
        """Two totals with one meaning are one."""
        return repr((self.total.value, _text(self.value), self.points, self.half_life))


@dataclass(frozen=True, kw_only=True)
class Group:
    """Facts that are folded together.

    `horizon` is how far back facts are kept, in microseconds (0: none are, None: all); of the
    `newest` ones so many are kept however old they are.
    """

    relation: str
    events: tuple[str, ...]
    condition: Node | None
    features: tuple[FeatureDef, ...]
    totals: tuple[RunningTotal, ...]
    columns: tuple[Column, ...]
    horizon: int | None
    newest: int
    ordered: bool
    """Whether facts of one instant are kept in the order of their ids."""
    items: str = ""
    """The state of the catalog, when values come from it."""

    @property
    def keeps(self) -> bool:
        """Whether facts themselves are kept."""
        return self.horizon != 0 or self.newest > 0

    @property
    def key(self) -> str:
        """Changes when what is kept does; the same facts under the same key can be used again."""
        meaning = [
            self.relation,
            sorted(self.events),
            _text(self.condition),
            [total.meaning for total in self.totals],
            [column.meaning for column in self.columns],
            [self.horizon, self.newest, self.ordered, self.items],
            FORMAT,
        ]
        return hashlib.sha256(json.dumps(meaning).encode()).hexdigest()[:16]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """What kind of array each column is; "": a list."""
        return tuple(ARRAY_CODES[column.kind] for column in self.columns)

    @cached_property
    def nothing(self) -> tuple[Any, ...]:
        """The running totals of a person without facts."""
        return tuple(value for total in self.totals for value in NOTHING[total.total])

    def total_at(self, wanted: RunningTotal) -> int:
        """The first slot of a running total."""
        at = 0
        for total in self.totals:
            if total.meaning == wanted.meaning:
                return at
            at += TOTAL_SLOTS[total.total]
        raise KeyError(wanted)

    def column_at(self, wanted: Column) -> int:
        """The number of a column."""
        return [column.meaning for column in self.columns].index(wanted.meaning)


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """What one feature needs to have kept."""

    totals: tuple[RunningTotal, ...] = ()
    columns: tuple[Column, ...] = ()
    horizon: int | None = 0
    newest: int = 0
    ordered: bool = False


def keeping(feature: FeatureDef) -> Keeping:
    """What a feature of events needs to have kept of them."""
    written = feature.of_events
    if isinstance(written, PointsFeature):
        if written.window.seconds is None:
            return Keeping(totals=(running(feature),))
        return Keeping(columns=columns(feature), horizon=written.window.seconds * SECOND)
    if isinstance(written, SequenceFeature):
        within = sum(step.within_seconds or 0 for step in written.steps)
        length = written.window.seconds
        return Keeping(
            columns=columns(feature),
            horizon=None if length is None else (length + within) * SECOND,
            ordered=True,
        )
    if not isinstance(written, AggregateFeature):
        raise TypeError("only features of events keep facts")
    if written.function == "streak":
        days = _STREAK_DAYS[written.period] * (STREAK_LIMIT + 2) + 2
        return Keeping(horizon=days * DAY)
    if written.window == Window() and written.function in RUNNING:
        return Keeping(totals=(running(feature),))
    return Keeping(
        columns=columns(feature),
        horizon=_horizon(written.window),
        newest=written.window.newest or 0,
        ordered=written.window.newest is not None or _picks_one(feature),
    )


def running(feature: FeatureDef) -> RunningTotal:
    """The running total behind a feature over all time."""
    written = feature.of_events
    if isinstance(written, PointsFeature):
        half_life = written.half_life_seconds
        return RunningTotal(
            total=Total.POINTS,
            points=written.points,
            half_life=None if half_life is None else half_life * SECOND,
        )
    function = written.function if isinstance(written, AggregateFeature) else ""
    if function in ("count", "exists"):
        return RunningTotal(total=Total.COUNT)
    if function in ("sum", "avg"):
        return RunningTotal(total=Total.SUM, value=feature.value)
    if function == "min" or (function == "first" and _is_instant(feature.value)):
        return RunningTotal(total=Total.LEAST, value=feature.value)
    if function == "max" or (function == "last" and _is_instant(feature.value)):
        return RunningTotal(total=Total.GREATEST, value=feature.value)
    total = Total.FIRST if function == "first" else Total.LAST
    return RunningTotal(total=total, value=feature.value)


def columns(feature: FeatureDef) -> tuple[Column, ...]:
    """The columns of kept facts that a feature with a window looks at."""
    written = feature.of_events
    if isinstance(written, PointsFeature):
        return (Column(kind=Kind.NUMBERS, points=written.points),)
    if not isinstance(written, AggregateFeature):
        return (Column(kind=Kind.INTEGERS, steps=feature.steps),)
    picks = written.function in ("first", "last", "min", "max")
    if feature.value is None or (picks and _is_instant(feature.value)):
        return ()
    if written.function == "sum" and feature.default == 0.0:
        return (Column(kind=Kind.GRAINS, value=feature.value),)
    value = Column(kind=_kind(feature.value), value=feature.value)
    if feature.weight is None:
        return (value,)
    return (value, Column(kind=Kind.GRAINS, value=feature.weight))


def groups_of(features: Iterable[FeatureDef], items: str = "") -> tuple[Group, ...]:
    """The groups that the features of events among these need.

    Args:
        features: Features, with or without events.
        items: The state of the catalog: facts with values from another one are kept anew.
    """
    gathered: dict[object, list[FeatureDef]] = {}
    for feature in features:
        if feature.of_events is not None:
            gathered.setdefault(_shared(feature, feature.of_events), []).append(feature)
    return tuple(_group(members, items) for members in gathered.values())


def _group(members: list[FeatureDef], items: str) -> Group:
    first, needs = members[0], [keeping(feature) for feature in members]
    horizons = [need.horizon for need in needs]
    limited = [horizon for horizon in horizons if horizon is not None]
    return Group(
        relation=_relation(first),
        events=first.of_events.events if first.of_events else (),
        condition=first.condition,
        features=tuple(members),
        totals=_distinct((t.meaning, t) for need in needs for t in need.totals),
        columns=_distinct((c.meaning, c) for need in needs for c in need.columns),
        horizon=max(limited) if len(limited) == len(horizons) else None,
        newest=max(need.newest for need in needs),
        ordered=any(need.ordered for need in needs),
        items=items if any(feature.uses_items for feature in members) else "",
    )


def _shared(feature: FeatureDef, written: EventFeature) -> object:
    """Features with the same answer share a group; a sequence filters by step and stays alone."""
    if isinstance(written, SequenceFeature):
        return feature.name
    return (_relation(feature), frozenset(written.events), _text(feature.condition))


def _relation(feature: FeatureDef) -> str:
    return feature.aggregate.relation if feature.aggregate else "events"


def _horizon(window: Window) -> int | None:
    if window.seconds is not None:
        return window.seconds * SECOND
    return 0 if window.newest is not None else None


def _picks_one(feature: FeatureDef) -> bool:
    """Whether the order of facts of one instant decides which value is taken."""
    how = feature.aggregate
    picks = how is not None and how.function in ("first", "last")
    return picks and not _is_instant(feature.value)


def _kind(value: Node) -> Kind:
    if value.type is Type.NUMBER:
        return Kind.NUMBERS
    return Kind.TEXTS if value.type is Type.TEXT else Kind.INTEGERS


def _is_instant(value: Node | None) -> bool:
    """Whether a value is the fact's own instant."""
    return isinstance(value, FieldRef) and value.name == "at" and not value.path


def _text(node: Node | None) -> str | None:
    return None if node is None else to_text(node)


_T = TypeVar("_T")


def _distinct(found: Iterable[tuple[str, _T]]) -> tuple[_T, ...]:
    kept: dict[str, _T] = {}
    for meaning, value in found:
        kept.setdefault(meaning, value)
    return tuple(kept.values())
