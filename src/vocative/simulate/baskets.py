"""What is looked at, put in the cart, bought, bought again and sent back.

In: visits with outcomes. Out: `Lines`, one row per (visit, item) with whether it was added and
bought and how many; restocking visits for what runs out; refunds.
"""

from dataclasses import dataclass

import numpy as np

from vocative.simulate.items import Items
from vocative.simulate.localtime import LocalTime, months_of
from vocative.simulate.people import Choice, People
from vocative.simulate.visits import CARTED, NO_ITEM, ORDERED, RESTOCK, Visits, at_own_hours
from vocative.simulate.world import DAY_MS, SECOND_MS, Bools, Floats, Ints, World

# An item that is sold out at `end` went out of stock this long before.
SOLD_OUT_FOR_MS = 9 * DAY_MS


@dataclass(frozen=True, kw_only=True)
class Lines:
    """One row per item of a visit, in the order it was looked at; `visit` ascends."""

    visit: Ints
    item: Ints
    rank: Ints
    added: Bools
    bought: Bools
    quantity: Ints

    def __len__(self) -> int:
        return len(self.visit)


def fill_baskets(visits: Visits, *, choice: Choice, end_ms: int, rng: np.random.Generator) -> Lines:
    """Choose the items of every visit; visits left with nothing to buy are marked as browsing."""
    visit, item, wanted = _look(visits, choice, rng)
    item, visit, wanted = _once_per_visit(visit, item, wanted, rng)
    items = choice.items
    gone = ~items.for_sale[item] & (visits.at_ms[visit] > end_ms - SOLD_OUT_FOR_MS)
    added = wanted & ~gone & (visits.outcome[visit] >= CARTED)
    carted = np.zeros(len(visits), dtype=np.bool_)
    carted[visit[added]] = True
    visits.outcome[~carted] = 0
    consumable = items.cycle_days[item] > 0
    quantity = 1 + rng.binomial(2, np.where(consumable, 0.3, 0.08))
    first_line = np.searchsorted(visit, np.arange(len(visits)))
    return Lines(
        visit=visit,
        item=item,
        rank=np.arange(len(visit)) - first_line[visit],
        added=added,
        bought=added & (visits.outcome[visit] == ORDERED),
        quantity=quantity.astype(np.int64),
    )


def _look(visits: Visits, choice: Choice, rng: np.random.Generator) -> tuple[Ints, Ints, Bools]:
    brought = visits.first_item != NO_ITEM
    restock = visits.reason == RESTOCK
    came_for = np.where(brought, 0, 1) + rng.poisson(np.where(restock, 0.2, 0.55), len(visits))
    looked_at = rng.poisson(np.where(restock, 0.1, 0.95), len(visits))
    rows = np.arange(len(visits))
    wanted_visit, browsed_visit = np.repeat(rows, came_for), np.repeat(rows, looked_at)
    month = months_of(visits.at_ms)
    wanted_item = choice.wanted(visits.person[wanted_visit], month[wanted_visit], rng)
    browsed_item = choice.browsed(visits.person[browsed_visit], month[browsed_visit], rng)
    brought_visit = np.flatnonzero(brought)
    visit = np.concatenate([brought_visit, wanted_visit, browsed_visit])
    item = np.concatenate([visits.first_item[brought_visit], wanted_item, browsed_item])
    wanted = np.arange(len(visit)) < len(brought_visit) + len(wanted_visit)
    return visit.astype(np.int64), item, np.asarray(wanted)


def _once_per_visit(
    visit: Ints, item: Ints, wanted: Bools, rng: np.random.Generator
) -> tuple[Ints, Ints, Bools]:
    """Keep each item once per visit, wanted before merely seen, then shuffle within the visit."""
    order = np.lexsort((~wanted, item, visit))
    visit, item, wanted = visit[order], item[order], wanted[order]
    fresh = np.ones(len(visit), dtype=np.bool_)
    fresh[1:] = (visit[1:] != visit[:-1]) | (item[1:] != item[:-1])
    visit, item, wanted = visit[fresh], item[fresh], wanted[fresh]
    order = np.lexsort((rng.random(len(visit)), visit))
    return item[order], visit[order], wanted[order]


def restock_visits(
    visits: Visits,
    lines: Lines,
    *,
    people: People,
    items: Items,
    world: World,
    local: LocalTime,
    stop_ms: int,
    rng: np.random.Generator,
) -> Visits:
    """Orders of what has run out: the same item again, around its cycle."""
    bought = lines.bought & (items.cycle_days[lines.item] > 0)
    person = visits.person[lines.visit[bought]]
    item = lines.item[bought]
    at_ms = visits.at_ms[lines.visit[bought]]
    # Items somebody restocks are restocked from the first purchase; later ones fall in with it.
    _, firsts = np.unique(person * len(items) + item, return_index=True)
    person, item, at_ms = person[firsts], item[firsts], at_ms[firsts]
    loyal = rng.random(len(person)) < world.restock_rate
    person, item, at_ms = person[loyal], item[loyal], at_ms[loyal]
    parts = []
    while len(person):
        cycle = items.cycle_days[item] * rng.gamma(14.0, 1 / 14.0, len(person))
        at_ms = at_ms + (cycle * DAY_MS).astype(np.int64)
        at_ms = at_own_hours(people, person, at_ms, world=world, local=local, rng=rng)
        again = (at_ms < np.minimum(people.dropout_ms[person], stop_ms)) & (
            rng.random(len(person)) < 0.86
        )
        person, item, at_ms = person[again], item[again], at_ms[again]
        part = Visits.of(person, at_ms, RESTOCK)
        part.outcome[:] = ORDERED
        part.first_item[:] = item
        parts.append(part)
    return Visits.join(parts) if parts else visits.take(np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, kw_only=True)
class Refunds:
    """One row per refund: the visit whose order is refunded, wholly or its first line only."""

    visit: Ints
    at_ms: Ints
    whole: Bools


def draw_refunds(ordered: Ints, at_ms: Ints, *, world: World, rng: np.random.Generator) -> Refunds:
    """Some orders come back after days or weeks; `at_ms` is the order's instant."""
    back = rng.random(len(ordered)) < world.refund_rate
    days: Floats = 2.0 + rng.gamma(2.0, 4.0, int(back.sum()))
    return Refunds(
        visit=ordered[back],
        at_ms=at_ms[back] + (days * DAY_MS).astype(np.int64),
        whole=rng.random(int(back.sum())) < 0.6,
    )


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Instants within visits: each look, each add, the checkout and the order."""

    viewed_ms: Ints
    added_ms: Ints
    checkout_ms: Ints
    ordered_ms: Ints


def draw_pace(visits: Visits, lines: Lines, rng: np.random.Generator) -> Pace:
    """A minute or so per item; checkout after the last look, the order a few minutes later."""
    gap = rng.integers(25 * SECOND_MS, 100 * SECOND_MS, len(visits))
    viewed = visits.at_ms[lines.visit] + lines.rank * gap[lines.visit]
    count = np.bincount(lines.visit, minlength=len(visits))
    checkout = visits.at_ms + count * gap + 20 * SECOND_MS
    return Pace(
        viewed_ms=viewed,
        added_ms=viewed + rng.integers(5 * SECOND_MS, 20 * SECOND_MS, len(lines)),
        checkout_ms=checkout,
        ordered_ms=checkout + rng.integers(60 * SECOND_MS, 300 * SECOND_MS, len(visits)),
    )
