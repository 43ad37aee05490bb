"""Which features are computed by going through history together.

facts       plain aggregates and points of one relation: one pass, whatever their events
values      features that compare values (mode, top, distinct): one pass per value
newest      windows of the last n events: one pass per kind of events
streaks and sequences are computed one by one
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from vocative.segment.definitions import AggregateFeature, EventFeature, SequenceFeature
from vocative.segment.plan import FeatureDef
from vocative.sql import Node, to_text
from vocative.sql.nodes import FieldRef

Kind = Literal["facts", "streak", "sequence"]
_BY_VALUE = ("mode", "top", "distinct")


@dataclass(frozen=True, kw_only=True)
class Group:
    """Features that share one pass over history.

    `dimension` is the value they compare, None when they compare none. In a `ranked` group all
    features have the same events and filter, and facts are numbered from the newest.
    """

    name: str
    kind: Kind
    relation: str
    features: tuple[FeatureDef, ...]
    dimension: Node | None = None
    ranked: bool = False

    @cached_property
    def events(self) -> dict[str, int | None]:
        """The events that matter and how many seconds back, None: however long ago."""
        found: dict[str, int | None] = {}
        for feature in self.features:
            back = reach_seconds(feature)
            for name in how_of(feature).events:
                before = found.get(name, 0)
                found[name] = None if back is None or before is None else max(back, before)
        return found

    @cached_property
    def condition(self) -> Node | None:
        """The filter that all its features have in common."""
        conditions = {_text(feature.condition) for feature in self.features}
        return self.features[0].condition if len(conditions) == 1 else None

    @property
    def uses_items(self) -> bool:
        """Whether it looks into the catalog."""
        return any(feature.uses_items for feature in self.features)


def how_of(feature: FeatureDef) -> EventFeature:
    """How a feature is computed from events."""
    if feature.of_events is None:
        raise AssertionError("only features of events belong to groups")
    return feature.of_events


def reach_seconds(feature: FeatureDef) -> int | None:
    """How far back a fact can lie that matters to a feature; None: however long ago."""
    how = how_of(feature)
    if isinstance(how, SequenceFeature):
        back = how.window.seconds
        return None if back is None else back + sum(s.within_seconds or 0 for s in how.steps)
    if isinstance(how, AggregateFeature) and how.function == "streak":
        return STREAK_REACH_SECONDS[how.period]
    return how.window.seconds


MOST_PERIODS = 366
_DAY = 86_400
# One period more for a streak that ended in the previous one, and days enough for any time zone.
STREAK_REACH_SECONDS = {
    "day": (MOST_PERIODS + 4) * _DAY,
    "week": (7 * (MOST_PERIODS + 2) + 4) * _DAY,
    "month": 31 * (MOST_PERIODS + 2) * _DAY,
}


def groups_of(features: Iterable[FeatureDef]) -> tuple[Group, ...]:
    """The passes over history that features of events need, each shared by as many as possible."""
    gathered: dict[tuple[object, ...], list[FeatureDef]] = {}
    for feature in features:
        if feature.of_events is not None:
            gathered.setdefault(_key(feature, feature.of_events), []).append(feature)
    used: set[str] = set()
    return tuple(_group(members, used) for members in gathered.values())


def _key(feature: FeatureDef, how: EventFeature) -> tuple[object, ...]:
    if _kind(how) != "facts":
        return (feature.name,)
    shared: tuple[object, ...] = (_relation(how), _text(_dimension(feature, how)))
    if how.window.newest is not None:
        return (*shared, frozenset(how.events), _text(feature.condition))
    return (*shared, _late_ids(feature, how))


def _late_ids(feature: FeatureDef, how: EventFeature) -> bool:
    """Whether a feature needs the ids of late facts only, to put those of one instant in order.

    Ids are most of what history weighs. In a pass of their own they are not read for older facts.
    """
    ordered = isinstance(how, AggregateFeature) and how.function in ("first", "last")
    return ordered and how.window.seconds is not None and not _is_instant(feature.value)


def _is_instant(node: Node | None) -> bool:
    return isinstance(node, FieldRef) and node.name == "at"


def _kind(how: EventFeature) -> Kind:
    if isinstance(how, SequenceFeature):
        return "sequence"
    return "streak" if isinstance(how, AggregateFeature) and how.function == "streak" else "facts"


def _relation(how: EventFeature) -> str:
    return how.relation if isinstance(how, AggregateFeature) else "events"


def _dimension(feature: FeatureDef, how: EventFeature) -> Node | None:
    by_value = isinstance(how, AggregateFeature) and how.function in _BY_VALUE
    return feature.value if by_value else None


def _group(members: list[FeatureDef], used: set[str]) -> Group:
    first, how = members[0], how_of(members[0])
    kind, dimension = _kind(how), _dimension(members[0], how)
    ranked = kind == "facts" and how.window.newest is not None
    words = [first.name if kind != "facts" else _relation(how)]
    if ranked:
        words = ["last", *how.events]
    elif kind == "facts" and _late_ids(first, how):
        words.append("in order")
    if dimension is not None:
        words += ["by", to_text(dimension)]
    return Group(
        name=_free_name(f"{kind} {' '.join(words)}", used),
        kind=kind,
        relation=_relation(how),
        features=tuple(members),
        dimension=dimension,
        ranked=ranked,
    )


def _free_name(words: str, used: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:60]
    name, number = base, 2
    while name in used:
        name, number = f"{base}_{number}", number + 1
    used.add(name)
    return name


def _text(node: Node | None) -> str | None:
    return None if node is None else to_text(node)
