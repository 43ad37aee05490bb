"""A second opinion on features and segments: plain Python, written from what the words mean.

A plan and a few people with all their facts come in; everybody's features and segments at some
instants come out. Slow and obvious on purpose, and nothing is shared with the batch SQL or the
live runner: tests and `vocative bench parity` hold the three equal.

A fact is a mapping with the columns of `events` or `order_lines`; its `at` is a naive UTC datetime
and its `properties` a dict. Only facts with `at <= as_of` are seen, and a window of length w
begins just after `as_of - w`. Facts of one person are ordered by (at, event_id); lines of one
event, which share both, by the value that is asked about, an unknown one first.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from vocative.segment.definitions import (
    AggregateFeature,
    BucketFeature,
    EventFeature,
    PointsFeature,
    SequenceFeature,
    Window,
)
from vocative.segment.plan import CheckedStep, FeatureDef, Plan
from vocative.sql.nodes import FieldRef, Node
from vocative.testing.expression_oracle import Subject, evaluate, local_time

T = TypeVar("T")
Fact = Mapping[str, Any]
Items = Mapping[str, Mapping[str, Any]]
"""The catalog: item id → its columns."""
Asked = tuple[str, datetime]
"""A person's id and the instant asked about."""

LONGEST_STREAK = 366


@dataclass(frozen=True, kw_only=True)
class Person:
    """One person as an oracle knows them."""

    facts: Sequence[Fact] = ()
    lines: Sequence[Fact] = ()
    traits: Mapping[str, Any] = field(default_factory=dict)
    """By name, of their declared types; also `first_seen_at` and `email_domain`."""
    zone: str = "UTC"
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is true of one person at one instant."""

    features: dict[str, Any]
    segments: dict[str, Any]
    """By the name of the definition: whether a member; for a family the value it goes by."""


def answers(
    plan: Plan, people: Mapping[str, Person], instants: Iterable[datetime], items: Items
) -> dict[Asked, Answer]:
    """Features and segments of all these people, who are the whole population, at each instant.

    Args:
        plan: What is defined.
        people: By id.
        instants: Naive UTC.
        items: The catalog, as it is now.
    """
    asked = [(name, at) for at in dict.fromkeys(instants) for name in people]
    rows = {(name, at): _traits_at(plan, people[name], at) for name, at in asked}
    for feature in plan.features.values():
        if isinstance(feature.written, BucketFeature):
            _rank(feature, feature.written, rows, people)
        elif feature.of_events is None:
            for name, at in asked:
                subject = _person_subject(people[name], rows[name, at], at)
                rows[name, at][feature.name] = evaluate(_known(feature.value), subject)
        else:
            for name, person in people.items():
                ask = _reading(feature, person, items)
                for at in dict.fromkeys(at for who, at in asked if who == name):
                    rows[name, at][feature.name] = ask(at)
    return {key: _answer(plan, people[key[0]], row, key[1]) for key, row in rows.items()}


def _known(node: Node | None) -> Node:
    if node is None:
        raise AssertionError("a feature of this kind has an expression")
    return node


# A feature of events


def _reading(feature: FeatureDef, person: Person, items: Items) -> Callable[[datetime], Any]:
    """How to ask for a feature of one person at any instant."""
    match feature.of_events:
        case AggregateFeature(function="streak") as how:
            return partial(_streak, how, _matching(feature, how, person, items), person.zone)
        case AggregateFeature() as how:
            return partial(_aggregate, feature, how, _counted(feature, how, person, items))
        case PointsFeature() as how:
            return partial(_points, how, _matching(feature, how, person, items))
        case SequenceFeature() as how:
            return partial(_latest_run, feature, how, person, items)
    raise AssertionError("every other feature is computed from events")


def _at(fact: Fact) -> datetime:
    at: datetime = fact["at"]
    return at


def _order(fact: Fact) -> tuple[datetime, str]:
    return fact["at"], fact["event_id"]


def _matching(feature: FeatureDef, how: EventFeature, person: Person, items: Items) -> list[Fact]:
    """The facts a feature is about, whenever they happened, in their order."""
    lines = isinstance(how, AggregateFeature) and how.relation == "order_lines"
    found = [
        fact
        for fact in (person.lines if lines else person.facts)
        if fact["name"] in how.events and _fits(feature.condition, fact, items)
    ]
    return sorted(found, key=_order)


def _fits(condition: Node | None, fact: Fact, items: Items) -> bool:
    return condition is None or evaluate(condition, _event_subject(fact, items)) is True


def _event_subject(fact: Fact, items: Items) -> Subject:
    def known(ref: FieldRef) -> Any:
        if ref.name == "item" and ref.path:
            return items.get(fact.get("product_id") or "", {}).get(ref.path[0])
        if ref.path:
            return _property(fact.get(ref.name), ref.path)
        return fact.get(ref.name)

    return Subject(field=known)


def _property(found: Any, path: Sequence[str]) -> str | None:
    """A part of the properties as a text."""
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, bool):
        return "true" if found else "false"
    return None if found is None else str(found)


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A fact with the value asked about, and what `top` adds up for it."""

    at: datetime
    event_id: str
    value: Any
    weight: float | None = None


def _counted(
    feature: FeatureDef, how: AggregateFeature, person: Person, items: Items
) -> list[Counted]:
    found = []
    for fact in _matching(feature, how, person, items):
        subject = _event_subject(fact, items)
        found.append(
            Counted(
                at=fact["at"],
                event_id=fact["event_id"],
                value=None if feature.value is None else evaluate(feature.value, subject),
                weight=None if feature.weight is None else evaluate(feature.weight, subject),
            )
        )
    return sorted(found, key=_counted_order)


def _counted_order(one: Counted) -> tuple[Any, ...]:
    known = one.value is not None
    return (one.at, one.event_id, known, one.value if known else 0)


def within(
    window: Window, found: Sequence[T], at: Callable[[T], datetime], as_of: datetime
) -> Sequence[T]:
    """Those of some ordered facts that a window lets through."""
    seen = [one for one in found if at(one) <= as_of]
    if window.seconds is not None:
        since = as_of - timedelta(seconds=window.seconds)
        seen = [one for one in seen if at(one) > since]
    return seen if window.newest is None else seen[-window.newest :]


def _aggregate(
    feature: FeatureDef, how: AggregateFeature, counted: list[Counted], as_of: datetime
) -> Any:
    seen = within(how.window, counted, lambda one: one.at, as_of)
    if how.function in ("count", "exists"):
        found = len(seen) if how.function == "count" else True
        return found if seen else feature.default
    known = [one for one in seen if one.value is not None]
    if not known:
        return feature.default
    if how.function == "top" and feature.weight is not None:
        return _most(known, lambda one: _millionths(one.weight or 0.0))
    return _OF_VALUES[how.function](known)


def _millionths(value: float) -> int:
    """A number in whole millionths, halves away from zero."""
    scaled = abs(value * 1e6)
    whole = math.floor(scaled) + (scaled - math.floor(scaled) >= 0.5)
    return whole if value > 0 else -whole


def _total(known: list[Counted]) -> float:
    return sum(_millionths(one.value) for one in known) / 1e6


def _most(known: list[Counted], how_much: Callable[[Counted], int]) -> Any:
    """The value with the most of something; of equals the latest one, then the greatest."""
    totals: dict[Any, int] = {}
    latest: dict[Any, datetime] = {}
    for one in known:
        totals[one.value] = totals.get(one.value, 0) + how_much(one)
        latest[one.value] = max(latest.get(one.value, one.at), one.at)
    return max(totals, key=lambda value: (totals[value], latest[value], value))


_OF_VALUES: dict[str, Callable[[list[Counted]], Any]] = {
    "sum": _total,
    "avg": lambda known: _total(known) / len(known),
    "min": lambda known: min(one.value for one in known),
    "max": lambda known: max(one.value for one in known),
    "first": lambda known: known[0].value,
    "last": lambda known: known[-1].value,
    "distinct": lambda known: len({one.value for one in known}),
    "mode": lambda known: _most(known, lambda _: 1),
    "top": lambda known: _most(known, lambda _: 1),
}


def _streak(how: AggregateFeature, found: list[Fact], zone: str, as_of: datetime) -> int:
    """How many calendar periods in a row have a fact, up to the current or the previous one."""
    number = _PERIODS[how.period]
    busy = {number(local_time(fact["at"], zone).date()) for fact in found if fact["at"] <= as_of}
    current = number(local_time(as_of, zone).date())
    last = current if current in busy else current - 1
    length = 0
    while last - length in busy:
        length += 1
    return min(length, LONGEST_STREAK)


_PERIODS: dict[str, Callable[[date], int]] = {
    "day": date.toordinal,
    # Day 1 of the calendar was a Monday.
    "week": lambda day: (day.toordinal() - 1) // 7,
    "month": lambda day: 12 * day.year + day.month,
}


def _points(how: PointsFeature, found: list[Fact], as_of: datetime) -> float:
    worth = dict(how.points)
    total = 0.0
    for fact in within(how.window, found, _at, as_of):
        lives = 0.0
        if how.half_life_seconds is not None:
            lives = (as_of - fact["at"]) / timedelta(seconds=how.half_life_seconds)
        total += worth[fact["name"]] * 2.0 ** max(-lives, -1000.0)
    return _millionths(total) / 1e6


def _latest_run(
    feature: FeatureDef, how: SequenceFeature, person: Person, items: Items, as_of: datetime
) -> datetime | None:
    """The latest of the instants at which some run of a sequence was complete."""
    seen = [fact for fact in person.facts if fact["at"] <= as_of]
    runs = completions(feature.steps, seen, items)
    return max(within(how.window, runs, lambda at: at, as_of), default=None)


def completions(
    steps: Sequence[CheckedStep], facts: Sequence[Fact], items: Items
) -> list[datetime]:
    """When runs through the steps of a sequence were completed: every run, not only the fastest.

    A run picks one fact for each step that happens. Each lies after the one before, no further
    than `within_seconds`, and nothing that an absence forbids lies strictly between the two. A
    last absence is complete once its time has passed without a forbidden fact.
    """
    ordered = sorted(facts, key=_order)

    def taken(step: CheckedStep) -> list[Fact]:
        named = (fact for fact in ordered if fact["name"] in step.events)
        return [fact for fact in named if _fits(step.condition, fact, items)]

    reached, forbidden = taken(steps[0]), list[Fact]()
    for step in steps[1:]:
        if step.absent:
            forbidden = taken(step)
            continue
        reached = [
            fact
            for fact in taken(step)
            if any(_follows(fact, earlier, step, forbidden) for earlier in reached)
        ]
        forbidden = []
    if not steps[-1].absent:
        return [fact["at"] for fact in reached]
    waits = _seconds(steps[-1])
    return sorted(
        fact["at"] + waits
        for fact in reached
        if not any(
            _order(fact) < _order(other) and other["at"] <= fact["at"] + waits
            for other in forbidden
        )
    )


def _follows(fact: Fact, earlier: Fact, step: CheckedStep, forbidden: list[Fact]) -> bool:
    return (
        _order(earlier) < _order(fact)
        and fact["at"] - earlier["at"] <= _seconds(step)
        and not any(_order(earlier) < _order(other) < _order(fact) for other in forbidden)
    )


def _seconds(step: CheckedStep) -> timedelta:
    if step.within_seconds is None:
        raise AssertionError("only an absence between two steps has no time of its own")
    return timedelta(seconds=step.within_seconds)


# A place among the others


def _rank(
    feature: FeatureDef,
    how: BucketFeature,
    rows: Mapping[Asked, dict[str, Any]],
    people: Mapping[str, Person],
) -> None:
    """Put everybody who is ranked into a bucket, among those asked about at the same instant."""
    ranked: dict[datetime, dict[str, Any]] = {}
    for (name, at), row in rows.items():
        row[feature.name] = None
        subject = _person_subject(people[name], row, at)
        own = evaluate(_known(feature.value), subject)
        if own is not None and (
            feature.condition is None or evaluate(feature.condition, subject) is True
        ):
            ranked.setdefault(at, {})[name] = own
    for at, values in ranked.items():
        for name, own in values.items():
            ahead = [v for v in values.values() if (v > own if how.descending else v < own)]
            rows[name, at][feature.name] = 1 + how.buckets * len(ahead) // len(values)


# What is known of a person, and segments


def _traits_at(plan: Plan, person: Person, as_of: datetime) -> dict[str, Any]:
    traits = {name: person.traits.get(name) for name in plan.traits}
    first_seen_at = traits.get("first_seen_at")
    if first_seen_at is not None and first_seen_at > as_of:
        traits["first_seen_at"] = None
    return traits


def _person_subject(person: Person, row: Mapping[str, Any], as_of: datetime) -> Subject:
    return Subject(
        field=lambda ref: row[ref.name], now=as_of, zone=person.zone, score=person.scores.get
    )


def _answer(plan: Plan, person: Person, row: Mapping[str, Any], as_of: datetime) -> Answer:
    found: dict[str, Any] = {}

    def member(segment: str) -> bool:
        family, mark, value = segment.partition(":")
        return bool(found[family] == value if mark else found[segment])

    subject = replace(_person_subject(person, row, as_of), in_segment=member)
    for name, segment in plan.segments.items():
        value = evaluate(segment.node, subject)
        found[name] = _as_text(value) if segment.is_family else value is True
    return Answer(features={name: row[name] for name in plan.features}, segments=found)


def _as_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
