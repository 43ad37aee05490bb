"""What generated functions call to read a value out of kept facts.

Every function looks at the facts from index `start` on: the window of the feature. Instants are
microseconds UTC. Functions that depend on the instant also say until when their value stands.
"""

import itertools
import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from vocative.segment.live.groups import DAY, SECOND, STREAK_LIMIT
from vocative.segment.live.record import UNKNOWN, Facts
from vocative.sql.runtime import (
    NEVER,
    local_time,
    part_month,
    part_year,
    round_number,
    zone_offsets,
)

GRAIN = 1e6
_FAR = 2 * SECOND


def grains(value: float) -> float:
    """A number in whole millionths, halves away from zero: doubles add these exactly."""
    scaled = value * GRAIN
    if not -(2.0**52) < scaled < 2.0**52:
        return scaled
    whole = float(int(scaled))
    rest = scaled - whole
    if rest >= 0.5:
        return whole + 1.0
    return whole - 1.0 if rest <= -0.5 else whole


def total(grains_of: "array[float]", start: int) -> float:
    """The sum of a column of whole millionths."""
    return sum(grains_of[start:]) / GRAIN


def known(column: Sequence[Any], start: int) -> list[Any]:
    """The known values of a column."""
    values = column[start:]
    if isinstance(column, list):
        return [value for value in values if value is not None]
    if column.typecode == "d":  # type: ignore[attr-defined]
        return [value for value in values if value == value]  # noqa: PLR0124 - unknown is NaN
    return [value for value in values if value != UNKNOWN]


def total_or_none(column: Sequence[Any], start: int) -> float | None:
    """The sum of the known values; None when there is none."""
    values = known(column, start)
    return sum(map(grains, values)) / GRAIN if values else None


def mean(column: Sequence[Any], start: int) -> float | None:
    """The average of the known values."""
    values = known(column, start)
    if not values:
        return None
    return sum([grains(value) for value in values]) / GRAIN / len(values)


def smallest(column: Sequence[Any], start: int) -> Any:
    """The least known value."""
    return min(known(column, start), default=None)


def largest(column: Sequence[Any], start: int) -> Any:
    """The greatest known value."""
    return max(known(column, start), default=None)


def distinct(column: Sequence[Any], start: int) -> int:
    """How many different known values there are."""
    return len(set(known(column, start)))


def earliest(facts: Facts, number: int, start: int) -> Any:
    """The known value of the first fact, the least one among equals."""
    return _picked(facts, number, range(start, len(facts.at)), min)


def latest(facts: Facts, number: int, start: int) -> Any:
    """The known value of the last fact, the greatest one among equals."""
    return _picked(facts, number, range(len(facts.at) - 1, start - 1, -1), max)


def _picked(facts: Facts, number: int, order: range, best: Any) -> Any:
    """Goes through facts in an order; lines of one order share their place in it."""
    found: Any = None
    place: tuple[int, int] | None = None
    column, ids = facts.columns[number], facts.ids or array("Q")
    for index in order:
        here = (facts.at[index], ids[index])
        if place is not None and here != place:
            break
        value = known(column[index : index + 1], 0)
        if value:
            found = value[0] if place is None else best(found, value[0])
            place = here
    return found


def most_frequent(facts: Facts, number: int, start: int) -> Any:
    """The most frequent value; of equally frequent ones the latest, then the greatest."""
    return _top(facts, number, None, start)


def heaviest(facts: Facts, number: int, weights: int, start: int) -> Any:
    """The value with the largest total weight; of equal ones the latest, then the greatest."""
    return _top(facts, number, weights, start)


def _top(facts: Facts, number: int, weights: int | None, start: int) -> Any:
    values = facts.columns[number][start:]
    if not values:
        return None
    worth = itertools.repeat(1.0) if weights is None else facts.columns[weights][start:]
    totals: dict[Any, float] = {}
    for value, weight in zip(values, worth, strict=False):
        totals[value] = totals.get(value, 0.0) + weight
    unknown = None if isinstance(values, list) else UNKNOWN
    if unknown in totals or isinstance(next(iter(totals)), float):
        # Unknown numbers are NaN.
        totals = {v: total for v, total in totals.items() if v != unknown and v == v}  # noqa: PLR0124
    if len(totals) < 2:
        return next(iter(totals), None)
    most = max(totals.values()) / GRAIN
    best = [value for value, total in totals.items() if total / GRAIN == most]
    if len(best) == 1:
        return best[0]
    last = dict(zip(values, facts.at[start:], strict=False))
    return max(best, key=lambda value: (last[value], value))


def score(weights: "array[float]", start: int) -> float:
    """Points without a half-life."""
    return round_number(math.fsum(weights[start:]), GRAIN)


def decayed(
    weights: "array[float]", instants: "array[int]", start: int, now: int, half_life: int
) -> float:
    """Points of kept facts, each halved once per half-life since it happened."""
    facts = zip(weights[start:], instants[start:], strict=True)
    if (instants[start] - now) / half_life > -1000.0:
        return math.fsum([weight * 2.0 ** ((at - now) / half_life) for weight, at in facts])
    return math.fsum([weight * 2.0 ** max((at - now) / half_life, -1000.0) for weight, at in facts])


def crossing(points: float, operator: str, number: float, now: int, half_life: int) -> int:
    """When `round(points, 6) operator number` changes as the points decay; NEVER if it does not."""
    if operator in ("=", "<>"):
        return min(
            crossing(points, ">", number, now, half_life),
            crossing(points, ">=", number, now, half_life),
        )
    strict = operator in (">", "<=")
    if points == 0.0:
        return NEVER
    # Where the rounded value crosses, up to the last digits of a double.
    edge = abs(number) + (5e-7 if strict == (points > 0.0) else -5e-7)
    guess = now + round(half_life * math.log2(abs(points) / max(edge, 5e-7)))
    far = guess - now > _FAR

    def holds(at: int) -> bool:
        value = round_number(points * 2.0 ** max((now - at) / half_life, -1000.0), GRAIN)
        return value > number if strict else value >= number

    # Points far above a number are above it, rounded or not; that is asked most.
    before = (far and points > 0.0 and number > 0.0) or holds(now)
    if before == (number < 0.0 if strict else number <= 0.0):
        return NEVER
    if far:
        # Looking again a moment before is cheaper than finding the exact instant for everybody.
        return guess - _FAR // 2
    low, high = now, max(guess, now) + 1
    while holds(high) == before:
        low, high = high, high + (high - now) + 1
    step = 1 << 20
    while high - step > low and holds(high - step) != before:
        high -= step
        step *= 2
    low = max(low, high - step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) == before else (low, middle)
    return high


def streak(instants: "array[int]", now: int, zone: str, period: str) -> tuple[int, int]:
    """How many calendar periods in a row have a fact, up to now, and until when that stands."""
    if not instants or now - instants[-1] > _STREAK_OVER[period]:
        return 0, NEVER
    number = _PERIODS[period]
    today = _today(now, zone, period)
    index = len(instants) - 1
    local = local_time(instants[index], zone)
    here = number(local)
    if here < today - 1:
        return 0, NEVER
    until = _streak_until(now, here, zone, period)
    counted = 1
    while counted < STREAK_LIMIT:
        # Within a day nothing new begins; two hours are left for clocks that are put forward.
        skip = max(local % DAY - 7_200_000_000, 0)
        index = bisect_left(instants, instants[index] - skip, 0, index) - 1
        if index < 0:
            break
        local = local_time(instants[index], zone)
        found = number(local)
        if found == here - 1:
            counted, here = counted + 1, found
        elif found != here:
            break
    return counted, until


@lru_cache(maxsize=512)
def _today(now: int, zone: str, period: str) -> int:
    """The period that an instant is in; many people are asked about at one instant."""
    return _PERIODS[period](local_time(now, zone))


@lru_cache(maxsize=1024)
def _streak_until(now: int, latest: int, zone: str, period: str) -> int:
    """Until when a streak stands that has come to some period.

    It ends with the period after that one; clocks that are put back make a date return.
    """
    return _next_look(now, _end(now, latest + 1, zone, period), zone)


def _next_look(now: int, end: int, zone: str) -> int:
    """The end, or the instant before it at which the clocks of the zone change."""
    parts = zone_offsets(zone, now // DAY, end // DAY)
    if len(parts) > 1:
        offset = local_time(now, zone) - now
        for starts, changed in parts:
            if now < starts < end and changed != offset:
                return starts
    return end


def _day(local: int) -> int:
    return local // DAY


def _week(local: int) -> int:
    return (local // DAY + 3) // 7  # 1970-01-01 was a Thursday


def _month(local: int) -> int:
    return part_year(local) * 12 + part_month(local) - 1


_PERIODS = {"day": _day, "week": _week, "month": _month}
_STREAK_OVER = {"day": 4 * DAY, "week": 16 * DAY, "month": 64 * DAY}
"""A fact this old is in no period that a streak can end with, whatever clocks do."""


def _end(now: int, period: int, zone: str, kind: str) -> int:
    """The instant at which a period is over by the local calendar, if no clock changes."""
    if kind == "day":
        local_end = (period + 1) * DAY
    elif kind == "week":
        local_end = ((period + 1) * 7 - 3) * DAY
    else:
        year, month = divmod(period + 1, 12)
        local_end = _first_of(year, month + 1)
    return max(now + local_end - local_time(now, zone), now + 1)


def _first_of(year: int, month: int) -> int:
    from datetime import date

    return (date(year, month, 1) - date(1970, 1, 1)).days * DAY


@dataclass(frozen=True, slots=True)
class Steps:
    """What a sequence asks for, in the form in which facts are looked through.

    Places count from 1: a run that has got to place n has come through n steps.
    """

    bits: tuple[int, ...]
    """The bit of each step that happens."""
    within: tuple[int | None, ...]
    """How long after the one before it, at most; the first has none."""
    absent_after: tuple[int, ...]
    """The bit of what must not happen after each one; 0: anything may."""
    wait: int | None
    """For so long something must not have happened in the end; None: nothing is waited for."""
    moves: dict[int, "_Move"] = field(default_factory=dict, compare=False, repr=False)
    """What facts do, by the steps they can be; filled as they come."""

    @classmethod
    def of(cls, steps: Iterable[tuple[int, bool, int | None]]) -> "Steps":
        """From (bit, whether it is an absence, within so many microseconds) of each step."""
        known = list(steps)
        bits: list[int] = []
        within: list[int | None] = []
        absent_after: list[int] = []
        for bit, absent, limit in known:
            if absent:
                absent_after[-1] = bit
            else:
                bits.append(bit)
                within.append(limit)
                absent_after.append(0)
        wait = known[-1][2] if known[-1][1] else None
        return cls(tuple(bits), tuple(within), tuple(absent_after), wait)

    def move(self, mask: int) -> "_Move":
        """What a fact does that can be some steps: bit i for step i."""
        found = self.moves.get(mask)
        if found is None:
            after = self.within[1:]
            limits = [_ANY_TIME, *(_ANY_TIME if limit is None else limit for limit in after)]
            # The last step first: one fact is one step of a run, not two.
            gets_to = [
                (place, limits[place - 1])
                for place in range(len(self.bits), 0, -1)
                if mask & self.bits[place - 1]
            ]
            stops = [place for place, bit in enumerate(self.absent_after, 1) if mask & bit]
            found = self.moves[mask] = (tuple(gets_to), tuple(stops))
        return found


_Move = tuple[tuple[tuple[int, int], ...], tuple[int, ...]]
"""(place that a run gets to, how long after the one before it), and the places that are lost."""
_ANY_TIME = 2**62
_NOT_REACHED = -(2**64)
"""Longer ago than `_ANY_TIME`."""


def completed(
    instants: "array[int]", masks: "array[int]", steps: Steps, now: int, window: int | None
) -> tuple[int | None, int]:
    """When a sequence was completed last, and until when that answer stands.

    Args:
        instants: When each fact happened.
        masks: Which steps each fact can be, bit i for step i.
        steps: The sequence.
        now: The instant asked about.
        window: How long a completion counts; None: for ever.
    """
    last = steps.bits[-1]
    if not sum([mask & last for mask in masks]):
        return None, NEVER
    done, until = _latest_run(instants, masks, steps, now)
    if done is None or window is None:
        return done, until
    return (done, min(until, done + window)) if done > now - window else (None, until)


def _latest_run(
    instants: "array[int]", masks: "array[int]", steps: Steps, now: int
) -> tuple[int | None, int]:
    """The latest completion up to an instant, and the next one that is waited for."""
    goal, wait, move = len(steps.bits), steps.wait, steps.move
    # The instant of the latest run that got to each place; everybody is at the beginning.
    reached = [0] + [_NOT_REACHED] * goal
    waiting: list[int] = []
    """When runs are complete that wait for something not to happen."""
    done: int | None = None
    for at, mask in zip(instants, masks, strict=True):
        gets_to, stops = move(mask)
        got = [place for place, limit in gets_to if at - reached[place - 1] <= limit]
        for place in stops:
            reached[place] = _NOT_REACHED
            if place == goal:
                done = max((end for end in waiting if end < at), default=done)
                waiting = []
        for place in got:
            reached[place] = at
        if got and got[0] == goal:
            if wait is None:
                done = at
            else:
                waiting.append(at + wait)
    for end in waiting:
        if end > now:
            return done, end
        done = end
    return done, NEVER
