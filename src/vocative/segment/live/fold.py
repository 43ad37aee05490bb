"""Compiles groups into the function that folds one fact into a person's records.

One function is written for all the groups that an event may belong to. It gets the person, what
decodes a record, the fact (a row of history) and the instant of the batch, and says which groups
the fact belongs to.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vocative.engines.base import HISTORY_COLUMNS
from vocative.segment.live.groups import TOTAL_SLOTS, Column, Group, Kind, RunningTotal, Total
from vocative.segment.live.record import UNKNOWN, Record
from vocative.segment.live.values import grains
from vocative.sql import to_text
from vocative.sql.nodes import FieldRef
from vocative.sql.python import event_function

Fact = tuple[Any, ...]
Fold = Callable[[Any, Any, Callable[[Any, Any, int], Record], Fact, int], int]
"""(person, transaction, `People.record`, fact, now) → the bits of the groups it belongs to."""
Target = tuple[int, int, Group]
"""A group with the number under which rows keep it, and its bit in masks."""
Items = Mapping[str, tuple[Any, ...]]

ITEM_COLUMNS = ("category", "price", "margin", "title", "currency")
"""What expressions can name of an item."""
EVENT_ID, PERSON, NAME, AT, POSITION = 0, 1, 2, 3, -1
"""Where these are in a row of either relation."""


def fold_function(targets: Sequence[Target], items: Items) -> Fold:
    """The function that folds one fact of one event.

    Args:
        targets: The groups of one relation that may keep it.
        items: The catalog by item id, its columns in the order of `ITEM_COLUMNS`.
    """
    bound: dict[str, Any] = {"grains": grains, "UNKNOWN": UNKNOWN, "nan": float("nan")}
    lines = [
        "def fold(person, tx, load, fact, now):",
        "    here = person.records",
        f"    at = fact[{AT}]",
        "    mask = 0",
    ]
    if any(group.ordered for _, _, group in targets):
        lines.append(f"    number = int(fact[{EVENT_ID}][:16], 16)")
    for number, bit, group in targets:
        lines += _Folding(group, items, bound).lines_of(number, bit)
    lines.append("    return mask")
    exec("\n".join(lines), bound)  # noqa: S102 - our own text, values are bound
    fold: Fold = bound["fold"]
    return fold


class _Folding:
    """Writes what one group does with a fact."""

    def __init__(self, group: Group, items: Items, bound: dict[str, Any]) -> None:
        self.group = group
        self.items = items
        self.bound = bound
        self.columns = list(HISTORY_COLUMNS[group.relation])
        if [self.columns[i] for i in (EVENT_ID, PERSON, NAME, AT, POSITION)] != [
            "event_id",
            "person_id",
            "name",
            "at",
            "position",
        ]:
            raise AssertionError("the columns of history have moved")
        self.lines: list[str] = []
        self.indent = "    "
        self._values: dict[str, str] = {}

    def lines_of(self, number: int, bit: int) -> list[str]:
        """The lines of a function's body."""
        group = self.group
        if group.condition is not None:
            holds = self.bind("holds", self.expression(group.condition))
            self.line(f"if {holds}(fact) is True:")
            self.indent += "    "
        self.line(f"record = here.get({number}) or load(tx, person, {number})")
        self.line(f"mask |= {bit}")
        if group.totals:
            self.line("totals = record.totals")
        slot = 0
        for total in group.totals:
            _TOTALS[total.total](self, total, slot)
            slot += TOTAL_SLOTS[total.total]
        if group.keeps:
            self.keep()
        return self.lines

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def bind(self, prefix: str, value: Any) -> str:
        name = f"{prefix}_{len(self.bound)}"
        self.bound[name] = value
        return name

    def expression(self, node: Any) -> Callable[[Fact], Any]:
        return event_function(
            node,
            self.columns,
            "properties",
            records={"item": ("product_id", ITEM_COLUMNS, self.items)},
        )

    def value(self, node: Any) -> str:
        """A local name that holds the value of an expression for this fact."""
        if isinstance(node, FieldRef) and not node.path:
            return f"fact[{self.columns.index(node.name)}]"
        text = to_text(node)
        if text not in self._values:
            name = f"v{len(self._values)}"
            self.line(f"{name} = {self.bind('value', self.expression(node))}(fact)")
            self._values[text] = name
        return self._values[text]

    def points(self, points: tuple[tuple[str, float], ...]) -> str:
        return f"{self.bind('points', dict(points))}[fact[{NAME}]]"

    def keep(self) -> None:
        """Lines that keep the fact: at the end, where nearly all belong, without a call."""
        group = self.group
        values = [self.column(column) for column in group.columns]
        number = "number" if group.ordered else "0"
        indent = ""
        if group.horizon is not None and not group.newest:
            self.line(f"if at > now - {group.horizon}:")
            indent = "    "
        self.line(f"{indent}facts = record.facts")
        self.line(f"{indent}instants = facts.at")
        self.line(f"{indent}if facts is record.open and (not instants or at > instants[-1]):")
        self.line(f"{indent}    instants.append(at)")
        if group.ordered:
            self.line(f"{indent}    facts.ids.append({number})")
        for place, value in enumerate(values):
            self.line(f"{indent}    facts.columns[{place}].append({value})")
        self.line(f"{indent}else:")
        listed = "".join(value + ", " for value in values)
        self.line(f"{indent}    record.add(at, {number}, ({listed}))")

    def column(self, column: Column) -> str:
        if column.points:
            return self.points(column.points)
        if column.steps and all(step.condition is None for step in column.steps):
            return f"{self.bind('steps', self.step_masks(column))}[fact[{NAME}]]"
        if column.steps:
            return f"{self.bind('steps', self.step_mask(column))}(fact)"
        value = self.value(column.value)
        if column.kind is Kind.GRAINS:
            return f"(0.0 if {value} is None else grains({value}))"
        if column.kind is Kind.NUMBERS:
            return f"(nan if {value} is None else {value})"
        return value if column.kind is Kind.TEXTS else f"(UNKNOWN if {value} is None else {value})"

    def step_masks(self, column: Column) -> dict[str, int]:
        """The same by event, where nothing else decides."""
        return {
            event: sum(1 << n for n, step in enumerate(column.steps) if event in step.events)
            for event in self.group.events
        }

    def step_mask(self, column: Column) -> Callable[[Fact], int]:
        """Which steps of a sequence a fact can be: bit i for step i."""
        steps = [
            (1 << number, frozenset(step.events), self._holds(step.condition))
            for number, step in enumerate(column.steps)
        ]

        def mask(fact: Fact) -> int:
            found = 0
            for bit, events, holds in steps:
                if fact[NAME] in events and (holds is None or holds(fact) is True):
                    found |= bit
            return found

        return mask

    def _holds(self, condition: Any) -> Callable[[Fact], Any] | None:
        return None if condition is None else self.expression(condition)


def _count(folding: _Folding, _: RunningTotal, slot: int) -> None:
    folding.line(f"totals[{slot}] += 1")


def _sum(folding: _Folding, total: RunningTotal, slot: int) -> None:
    value = folding.value(total.value)
    folding.line(f"if {value} is not None:")
    folding.line(f"    totals[{slot}] += grains({value})")
    folding.line(f"    totals[{slot + 1}] += 1")


def _extreme(operator: str) -> Callable[[_Folding, RunningTotal, int], None]:
    def write(folding: _Folding, total: RunningTotal, slot: int) -> None:
        value = folding.value(total.value)
        best = f"totals[{slot}]"
        folding.line(f"if {value} is not None and ({best} is None or {value} {operator} {best}):")
        folding.line(f"    {best} = {value}")

    return write


def _picked(operator: str) -> Callable[[_Folding, RunningTotal, int], None]:
    """The value at the earliest or latest (instant, id, value)."""

    def write(folding: _Folding, total: RunningTotal, slot: int) -> None:
        value = folding.value(total.value)
        best = f"totals[{slot}]"
        folding.line(f"if {value} is not None and ({best} is None or at {operator}= {best}):")
        mine = f"(at, fact[{EVENT_ID}], {value})"
        folding.line(
            f"    if {best} is None or {mine} {operator} tuple(totals[{slot}:{slot + 3}]):"
        )
        folding.line(f"        totals[{slot}:{slot + 3}] = {mine}")

    return write


def _points(folding: _Folding, total: RunningTotal, slot: int) -> None:
    points = folding.points(total.points)
    if total.half_life is None:
        folding.line(f"totals[{slot}] += {points}")
        return
    half_life, score, since = total.half_life, f"totals[{slot}]", f"totals[{slot + 1}]"
    folding.line(f"if at >= {since}:")
    folding.line(
        f"    {score} = {score} * 2.0 ** max(({since} - at) / {half_life}, -1000.0) + {points}"
    )
    folding.line(f"    {since} = at")
    folding.line("else:")
    folding.line(f"    {score} += {points} * 2.0 ** max((at - {since}) / {half_life}, -1000.0)")


_TOTALS: dict[Total, Callable[[_Folding, RunningTotal, int], None]] = {
    Total.COUNT: _count,
    Total.SUM: _sum,
    Total.LEAST: _extreme("<"),
    Total.GREATEST: _extreme(">"),
    Total.FIRST: _picked("<"),
    Total.LAST: _picked(">"),
    Total.POINTS: _points,
}
