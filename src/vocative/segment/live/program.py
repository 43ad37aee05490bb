"""A plan compiled for the live runner: what to fold each fact into, and what to judge then."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Any

from vocative.clock import to_micros
from vocative.segment.cuts import with_cuts
from vocative.segment.live.evaluate import (
    Evaluation,
    Reading,
    compile_features,
    compile_segments,
    uses_of,
)
from vocative.segment.live.fold import ITEM_COLUMNS, Fold, Target, fold_function
from vocative.segment.live.groups import Group, groups_of
from vocative.segment.plan import Plan, build_plan
from vocative.stores import Transaction
from vocative.workspace import Trait, Workspace
from vocative.workspace.analytics import OF_ADDRESS, fitting, local_zone

RELATIONS = ("events", "order_lines")
_MOST_FUNCTIONS = 64


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """The items that values of facts may come from, and a word for their state."""

    items: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    state: str = ""


def read_catalog(tx: Transaction) -> Catalog:
    """The catalog as it is now."""
    rows = tx.tuples(f"SELECT item_id, {', '.join(ITEM_COLUMNS)} FROM items ORDER BY item_id")
    if not rows:
        return Catalog()
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
    return Catalog(items={row[0]: tuple(row[1:]) for row in rows}, state=digest)


def compile_program(workspace: Workspace) -> "Program":
    """The definitions as the folder has them now.

    Raises:
        AuthorError: one of them is wrong.
    """
    plan = build_plan(workspace)
    with workspace.store.read() as tx:
        catalog = read_catalog(tx)
        plan = with_cuts(plan, tx)
    return Program(plan, catalog=catalog, traits=workspace.traits, zone=workspace.settings.timezone)


class Program:
    """A compiled plan.

    Args:
        plan: The workspace's plan.
        catalog: Its items.
        traits: What `traits.yaml` declares.
        zone: The workspace's time zone.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        catalog: Catalog,
        traits: Mapping[str, Trait],
        zone: str,
    ) -> None:
        self.plan = plan
        self.groups = groups_of(plan.features.values(), catalog.state)
        self.segments = list(plan.segments)
        self._bit = {name: 1 << place for place, name in enumerate(self.segments)}
        self.families = [name for name, found in plan.segments.items() if found.is_family]
        self.numbers: list[int] = []
        """The number under which rows keep each group; set by `number_groups`."""
        self.place: dict[int, int] = {}
        """The other way round."""
        self._cuts = plan.cuts
        self._zone = zone
        self._traits = {name: t.type for name, t in traits.items() if not t.personal}
        self._items = catalog.items
        self._uses = uses_of(plan, self.groups)
        self._folds: dict[tuple[str, frozenset[int] | None], dict[str, Fold]] = {}
        self._functions: dict[frozenset[str], Evaluation] = {}
        self._judging: dict[tuple[int, int], Evaluation] = {}
        """By what changed and which groups are not complete; many share a function."""
        self._reading: dict[tuple[str, ...], Reading] = {}

    @property
    def traits_bit(self) -> int:
        """Stands for the person's traits in a mask of what changed."""
        return 1 << len(self.groups)

    @property
    def everything(self) -> int:
        """The mask of everything."""
        return (1 << len(self.groups) + 1) - 1

    def fingerprint(self) -> str:
        """Changes when the answer for some person may be another."""
        segments = [
            (name, repr(found.node), found.is_family) for name, found in self.plan.segments.items()
        ]
        meaning = [self.plan.fingerprint, segments, sorted(self._cuts.items()), self._zone]
        keys = [group.key for group in self.groups]
        return hashlib.sha256(repr((meaning, keys, self._traits)).encode()).hexdigest()[:16]

    def number_groups(self, numbers: Sequence[int]) -> None:
        """Tell under which number rows keep each group."""
        self.numbers = list(numbers)
        self._folds.clear()
        self.place = {number: place for place, number in enumerate(self.numbers)}

    def folds(self, relation: str, wanted: frozenset[int] | None = None) -> dict[str, Fold]:
        """By event: how a fact of a relation is folded.

        Args:
            relation: Which one.
            wanted: The numbers of the groups to fold it into; all of them unless told.
        """
        key = (relation, wanted)
        if key not in self._folds:
            found: dict[str, list[Target]] = {}
            for place, group in enumerate(self.groups):
                number = self.numbers[place]
                if group.relation == relation and (wanted is None or number in wanted):
                    for event in group.events:
                        found.setdefault(event, []).append((number, 1 << place, group))
            self._folds[key] = {
                event: fold_function(targets, self._items) for event, targets in found.items()
            }
        return self._folds[key]

    def by_number(self) -> dict[int, Group]:
        """The groups as rows name them."""
        return dict(zip(self.numbers, self.groups, strict=True))

    def mask_of(self, numbers: Iterable[int]) -> int:
        """The mask of some groups."""
        return sum(1 << self.place[number] for number in numbers)

    def judging(self, mask: int, without: int = 0) -> Evaluation:
        """The function that judges every segment that something in a mask can change.

        Its `groups` are the numbers under which rows keep them.

        Args:
            mask: What changed.
            without: Groups that are not complete yet: segments that use them wait.
        """
        found = self._judging.get((mask, without))
        if found is None:
            found = self._judging[mask, without] = self._judges(self._names(mask, without), without)
        return found

    def _names(self, mask: int, without: int) -> frozenset[str]:
        """The segments that something in a mask can change, of those that can be judged."""
        complete = {n: u for n, u in self._uses.items() if not _touches(u.groups, without)}
        if mask == self.everything:
            return frozenset(complete)
        traits = bool(mask & self.traits_bit)
        return frozenset(
            name
            for name, uses in complete.items()
            if _touches(uses.groups, mask) or (uses.traits and traits)
        )

    def _judges(self, names: frozenset[str], without: int) -> Evaluation:
        if len(self._functions) >= _MOST_FUNCTIONS and names not in self._functions:
            # What changed is judged with all the rest: slower, and just as right.
            names = self._names(self.everything, without)
        if names not in self._functions:
            found = compile_segments(self.plan, self.groups, names, self._cuts)
            numbers = tuple(self.numbers[place] for place in found.groups)
            self._functions[names] = replace(found, groups=numbers)
        return self._functions[names]

    def reading(self, names: Sequence[str]) -> Reading:
        """The function that reads some features."""
        key = tuple(names)
        if key not in self._reading:
            self._reading[key] = compile_features(self.plan, self.groups, key, self._cuts)
        return self._reading[key]

    @cached_property
    def uses_scores(self) -> bool:
        """Whether some segment asks a model."""
        return any(uses.scores for uses in self._uses.values())

    def live_traits(self, stated: Mapping[str, Any], first_seen_at: int) -> dict[str, Any]:
        """Traits as generated code wants them, with the person's time zone."""
        found: dict[str, Any] = {
            name: _live(fitting(stated[name], kind), kind)
            for name, kind in self._traits.items()
            if name in stated
        }
        for name in OF_ADDRESS:
            found[name] = fitting(stated.get(name), "text")
        found["first_seen_at"] = first_seen_at
        found[ZONE] = local_zone(stated.get("timezone"), self._zone)
        return found

    def member_names(self, bits: int, families: Sequence[str | None]) -> set[str]:
        """The segments that bits and families' values stand for."""
        pairs = zip(self.families, families, strict=False)
        return {f"{family}:{value}" for family, value in pairs if value is not None}.union(
            self._set(bits)
        )

    def moved(
        self,
        bits: int,
        families: Sequence[str | None],
        bits_now: int,
        families_now: Sequence[str | None],
    ) -> tuple[list[str], list[str]]:
        """The segments that somebody has left and entered, each in the order of names."""
        left, entered = self._set(bits & ~bits_now), self._set(bits_now & ~bits)
        if families != families_now:
            pairs = zip(self.families, families, families_now, strict=True)
            for family, before, after in pairs:
                if before != after:
                    left += [] if before is None else [f"{family}:{before}"]
                    entered += [] if after is None else [f"{family}:{after}"]
        return sorted(left), sorted(entered)

    def _set(self, bits: int) -> list[str]:
        names = []
        while bits:
            number = bits.bit_length() - 1
            names.append(self.segments[number])
            bits ^= 1 << number
        return names

    def bits_of(self, names: Iterable[str]) -> tuple[int, list[str | None]]:
        """The other way round: the bits and families' values of memberships."""
        bits, values = 0, dict[str, str]()
        for name in names:
            family, mark, value = name.partition(":")
            if mark:
                values[family] = value
            elif name in self._bit:
                bits |= self._bit[name]
        return bits, [values.get(family) for family in self.families]


ZONE = "local zone"
"""Where `live_traits` puts the time zone; no trait can have this name."""


def _touches(groups: Iterable[int], mask: int) -> bool:
    return any(mask >> group & 1 for group in groups)


def _live(value: Any, kind: str) -> Any:
    if value is None or kind not in ("instant", "date"):
        return value
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return to_micros(value.replace(tzinfo=UTC))
