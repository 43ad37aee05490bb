"""When people come to the shop, and how far each visit gets.

In: people and a time span. Out: `Visits` (person, instant, why, outcome), in columns.
A visit's outcome is drawn first and the items afterwards, so a person's order rate is exactly
the one in the truth.
"""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from vocative.simulate.localtime import LocalTime, months_of
from vocative.simulate.people import People, activity_by_hour
from vocative.simulate.words import SHOP_SEASON, WEEKDAYS
from vocative.simulate.world import DAY_MS, HOUR_MS, MINUTE_MS, Bools, Floats, Ints, World

# Why somebody came.
ORGANIC, SIGNUP, MAIL, RESTOCK, BEFORE_SIGNUP, STRANGER = range(6)
# How far the visit went.
BROWSED, CARTED, CHECKED_OUT, ORDERED = range(4)
NO_ITEM = -1


@dataclass(frozen=True, kw_only=True)
class Visits:
    """Columns, one row per visit. `first_item` is what brought them, or -1."""

    person: Ints
    at_ms: Ints
    reason: Ints
    outcome: Ints
    first_item: Ints

    def __len__(self) -> int:
        return len(self.person)

    def take(self, rows: Ints | Bools) -> Self:
        """The chosen rows, in that order."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @classmethod
    def of(cls, person: Ints, at_ms: Ints, reason: int) -> Self:
        """Visits for one reason, as yet without an outcome or an item."""
        count = len(person)
        return cls(
            person=person.astype(np.int64),
            at_ms=at_ms.astype(np.int64),
            reason=np.full(count, reason, dtype=np.int64),
            outcome=np.zeros(count, dtype=np.int64),
            first_item=np.full(count, NO_ITEM, dtype=np.int64),
        )

    @classmethod
    def join(cls, parts: "list[Visits]") -> Self:
        """All rows of all parts, by person and then by time."""
        columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        joined = cls(**columns)
        return joined.take(np.lexsort((joined.reason, joined.at_ms, joined.person)))


def draw_visits(
    people: People,
    *,
    world: World,
    local: LocalTime,
    start_ms: int,
    stop_ms: int,
    rng: np.random.Generator,
) -> Visits:
    """Everybody's own visits between `start_ms` and `stop_ms`, those at sign-up included."""
    came = _own_visits(people, world, local, start_ms, stop_ms, rng)
    joined = people.signup_ms >= start_ms
    newcomers = np.flatnonzero(joined)
    at_signup = Visits.of(newcomers, people.signup_ms[newcomers], SIGNUP)
    looked = np.repeat(newcomers, rng.choice(3, len(newcomers), p=[0.6, 0.25, 0.15]))
    ago = rng.uniform(0.05, 10.0, len(looked)) * DAY_MS
    before = Visits.of(looked, people.signup_ms[looked] - ago.astype(np.int64), BEFORE_SIGNUP)
    before = before.take(before.at_ms >= start_ms)
    visits = Visits.join([came, at_signup, before])
    visits.outcome[:] = draw_outcomes(people, visits, world, rng)
    return _end_with_dropout(people, visits, world, rng)


def _own_visits(
    people: People,
    world: World,
    local: LocalTime,
    start_ms: int,
    stop_ms: int,
    rng: np.random.Generator,
) -> Visits:
    from_ms = np.maximum(people.signup_ms, start_ms)
    to_ms = np.minimum(people.dropout_ms, stop_ms)
    span = np.maximum(0, to_ms - from_ms)
    highest = max(SHOP_SEASON) * 1.6
    expected = people.visits_per_year * span / (365.25 * DAY_MS) * highest
    person = np.repeat(np.arange(len(people)), rng.poisson(expected))
    at_ms = from_ms[person] + (rng.random(len(person)) * span[person]).astype(np.int64)
    keep = rng.random(len(person)) * highest < _demand(people, person, at_ms, local)
    person, at_ms = person[keep], at_ms[keep]
    at_ms = at_own_hours(people, person, at_ms, world=world, local=local, rng=rng)
    inside = (at_ms >= from_ms[person]) & (at_ms < to_ms[person])
    return Visits.of(person[inside], at_ms[inside], ORGANIC)


def _demand(people: People, person: Ints, at_ms: Ints, local: LocalTime) -> Floats:
    """Season times weekday, at most 1.6 times the busiest month."""
    weekday = (local.local_ms(at_ms, people.place[person]) // DAY_MS + 3) % 7
    lean = np.where(weekday >= 5, people.weekend_lean[person], -0.4 * people.weekend_lean[person])
    per_day = np.array(WEEKDAYS)[weekday] * np.exp(lean)
    return np.asarray(np.array(SHOP_SEASON)[months_of(at_ms)] * np.minimum(per_day, 1.6))


def at_own_hours(
    people: People,
    person: Ints,
    at_ms: Ints,
    *,
    world: World,
    local: LocalTime,
    rng: np.random.Generator,
) -> Ints:
    """The same local days, at hours in proportion to each person's activity."""
    hour = _draw_hours(activity_by_hour(people, world), person, rng)
    time_of_day = hour * HOUR_MS + (rng.random(len(person)) * HOUR_MS).astype(np.int64)
    return local.at_local_time_of_day(at_ms, people.place[person], time_of_day)


def _draw_hours(activity: Floats, person: Ints, rng: np.random.Generator) -> Ints:
    edges = np.cumsum(activity, axis=1)
    point = rng.random(len(person)) * edges[person, -1]
    hour = np.minimum((edges[person] <= point[:, None]).sum(axis=1), 23)
    return np.asarray(hour, dtype=np.int64)


def draw_outcomes(people: People, visits: Visits, world: World, rng: np.random.Generator) -> Ints:
    """How far each visit goes, at the person's own order rate; strangers only look."""
    order = people.order_rate[visits.person] * np.where(visits.reason == SIGNUP, 1.7, 1.0)
    order = np.where(visits.reason >= BEFORE_SIGNUP, 0.0, np.minimum(order, 0.9))
    checkout = order * (1 + world.checkout_abandon_ratio)
    cart = checkout + world.cart_abandon_ratio * np.maximum(order, 0.08)
    dice = rng.random(len(visits))
    outcome = np.full(len(visits), BROWSED, dtype=np.int64)
    outcome[dice < cart] = CARTED
    outcome[dice < checkout] = CHECKED_OUT
    outcome[dice < order] = ORDERED
    return outcome


def _end_with_dropout(
    people: People, visits: Visits, world: World, rng: np.random.Generator
) -> Visits:
    """After each order a person may leave for good (BG/NBD); writes the instant to the truth."""
    leave_rate = rng.beta(world.dropout_alpha, world.dropout_beta, len(people))
    leaves = (visits.outcome == ORDERED) & (rng.random(len(visits)) < leave_rate[visits.person])
    left_ms = visits.at_ms[leaves] + MINUTE_MS
    np.minimum.at(people.dropout_ms, visits.person[leaves], left_ms)
    return visits.take(visits.at_ms < people.dropout_ms[visits.person])


def strangers(visits: Visits, rng: np.random.Generator) -> Visits:
    """Visits by people who never say who they are, at instants like everybody's."""
    rows = rng.permutation(len(visits))[: len(visits) // 20]
    shift = rng.integers(-5 * DAY_MS, 5 * DAY_MS, len(rows))
    seen = visits.take(np.sort(rows))
    return Visits.of(seen.person, seen.at_ms + shift, STRANGER)
