"""Who the customers are underneath: taste, habits, hours, and how they take to mail.

In: a world, the catalogue, a time span. Out: `People`, one row per true person, and `Choice`,
from which items are drawn for them. Nothing here is visible to the engine.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vocative.simulate.items import STYLES, Items
from vocative.simulate.words import CATEGORIES, PLACES
from vocative.simulate.world import DAY_MS, Bools, Floats, Floats32, Ints, World, sigmoid

FAVOURITES = 4
NEVER_MS = 2**62

UPLIFT_CLASSES = ("persuadable", "sure_thing", "lost_cause", "sleeping_dog")
# What a click or an open adds to the chance of an order, per class; dogs are put off instead.
UPLIFT_FACTOR = np.array([1.7, 0.6, 0.15, 0.0])
SLEEPING_DOG = 3


@dataclass(frozen=True, kw_only=True)
class People:
    """Latent columns, one row per person. Instants are milliseconds since the epoch, UTC."""

    place: Ints
    signup_ms: Ints
    dropout_ms: Ints
    visits_per_year: Floats
    order_rate: Floats
    price_sensitivity: Floats
    category_taste: Floats
    style_taste: Floats
    favourites: Ints
    peak_hours: Floats
    peak_share: Floats
    weekend_lean: Floats
    open_level: Floats
    name_liking: Floats
    uplift_class: Ints
    privacy_proxy: Bools
    scanner: Bools
    dead_mailbox: Bools
    unsubscribed_ms: Ints

    def __len__(self) -> int:
        return len(self.place)


def make_people(
    count: int, *, items: Items, world: World, start_ms: int, end_ms: int, rng: np.random.Generator
) -> People:
    """Draw `count` people who signed up from a year and a half before `start_ms` to `end_ms`."""
    place_weights = np.array([place.weight for place in PLACES])
    level = rng.gamma(world.visits_shape, 1.0 / world.visits_shape, count)
    open_spread = rng.normal(0.0, world.open_spread, count)
    category_taste = _category_taste(count, rng)
    style_taste = rng.normal(0.0, 0.45, (count, STYLES))
    price_sensitivity = np.exp(rng.normal(-0.9, 0.5, count))
    people = People(
        place=rng.choice(len(PLACES), count, p=place_weights / place_weights.sum()).astype(
            np.int64
        ),
        signup_ms=_signups(count, world, start_ms, end_ms, rng),
        dropout_ms=np.zeros(count, dtype=np.int64),
        visits_per_year=world.visits_per_year * level,
        order_rate=rng.beta(
            world.order_rate * world.order_concentration,
            (1 - world.order_rate) * world.order_concentration,
            count,
        ),
        price_sensitivity=price_sensitivity,
        category_taste=category_taste,
        style_taste=style_taste,
        favourites=np.zeros((count, FAVOURITES), dtype=np.int64),
        peak_hours=_peak_hours(count, rng),
        peak_share=rng.uniform(0.55, 0.95, count),
        weekend_lean=rng.normal(0.0, 0.35, count),
        # Those who shop a lot also read a little more of what the shop writes.
        open_level=world.open_level + open_spread + 0.25 * np.log(level + 0.2),
        name_liking=rng.choice([0.5, 0.0, -0.2], count, p=[0.6, 0.25, 0.15]),
        uplift_class=_uplift_classes(level, open_spread, rng),
        privacy_proxy=rng.random(count) < world.privacy_proxy_rate,
        scanner=rng.random(count) < world.scanner_rate,
        dead_mailbox=rng.random(count) < world.dead_mailbox_rate,
        unsubscribed_ms=np.full(count, NEVER_MS, dtype=np.int64),
    )
    lifetime_days = rng.exponential(1.0, count) * world.lifetime_days * rng.gamma(2.0, 0.5, count)
    people.dropout_ms[:] = people.signup_ms + ((lifetime_days + 1.0) * DAY_MS).astype(np.int64)
    people.favourites[:] = Choice(people=people, items=items, world=world).draw_favourites(rng)
    return people


def _category_taste(count: int, rng: np.random.Generator) -> Floats:
    taste = rng.normal(0.0, 0.35, (count, len(CATEGORIES)))
    order = np.argsort(rng.random((count, len(CATEGORIES))), axis=1)
    rows = np.arange(count)
    for rank, lift in enumerate((2.2, 1.5, -1.0, -0.7)):
        taste[rows, order[:, rank]] += lift
    return np.asarray(taste, dtype=np.float64)


def _signups(
    count: int, world: World, start_ms: int, end_ms: int, rng: np.random.Generator
) -> Ints:
    before = rng.random(count) < world.signups_before_rate
    longest = 540 * DAY_MS
    earlier = start_ms - (rng.beta(1.0, 1.6, count) * longest)
    # The shop grows a little: later sign-ups are somewhat more frequent.
    during = start_ms + rng.uniform(0.0, 1.0, count) ** 0.75 * (end_ms - start_ms - DAY_MS // 2)
    return np.asarray(np.where(before, earlier, during), dtype=np.int64)


def _peak_hours(count: int, rng: np.random.Generator) -> Floats:
    kind = rng.choice(3, count, p=[0.3, 0.45, 0.25])
    first = np.choose(kind, [7.5, 20.0, 12.5]) + rng.normal(0.0, 1.1, count)
    second = np.choose(kind, [18.0, 13.0, 22.0]) + rng.normal(0.0, 1.5, count)
    return np.stack([first, second], axis=1) % 24


def _uplift_classes(level: Floats, open_spread: Floats, rng: np.random.Generator) -> Ints:
    """Classes that lean on what can be seen: frequent shoppers buy anyway, non-readers never."""
    logits = np.zeros((len(level), len(UPLIFT_CLASSES)))
    visits = np.log(level + 0.2)
    logits[:, 0] = 0.5 + 0.5 * open_spread - 0.35 * (visits - 0.2) ** 2
    logits[:, 1] = -0.6 + 0.9 * visits
    logits[:, 2] = 0.3 - 0.7 * open_spread - 0.2 * visits
    logits[:, 3] = -1.3 + 0.4 * visits - 0.3 * open_spread
    gumbel = -np.log(-np.log(rng.random(logits.shape)))
    return np.asarray(np.argmax(logits + gumbel, axis=1), dtype=np.int64)


def activity_by_hour(people: People, world: World) -> Floats:
    """How much of each local hour people are awake to shop and mail, [people, 24], mean 1."""
    hours = np.arange(24)[None, :, None]
    distance = np.abs(hours - people.peak_hours[:, None, :])
    bumps = np.exp(-((np.minimum(distance, 24 - distance) / 1.9) ** 2))
    share = np.stack([people.peak_share, 1 - people.peak_share], axis=1)[:, None, :]
    own = 0.03 + (bumps * share).sum(axis=2)
    own /= own.mean(axis=1, keepdims=True)
    crowd = own.mean(axis=0, keepdims=True)
    return np.asarray((1 - world.chronotype) * crowd + world.chronotype * own, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Draws items for people: by taste, by popularity alone, or from their favourites."""

    people: People
    items: Items
    world: World

    @cached_property
    def affinity(self) -> Floats32:
        """How far each item is to each person's taste, [people, items], log-odds; 0 in null."""
        by_category = self.people.category_taste.astype(np.float32)[:, self.items.category]
        by_style = self.people.style_taste.astype(np.float32) @ self.items.style.T.astype(
            np.float32
        )
        return np.asarray(np.float32(self.world.taste) * (by_category + by_style), dtype=np.float32)

    @cached_property
    def _appeal(self) -> Floats32:
        """exp(utility) of each item for each person."""
        middle = np.array([CATEGORIES[c].price for c in self.items.category.tolist()])
        dearness = np.log(self.items.price / middle).astype(np.float32)
        # Where tastes do not differ, neither does thrift.
        own = min(1.0, self.world.taste)
        typical = np.median(self.people.price_sensitivity)
        thrift = own * self.people.price_sensitivity + (1 - own) * typical
        utility = self.affinity - thrift.astype(np.float32)[:, None] * dearness
        utility += self.items.popularity.astype(np.float32)
        return np.asarray(np.exp(utility), dtype=np.float32)

    @cached_property
    def _by_category(self) -> tuple[Floats32, Floats32]:
        """Weight of each category [people, C]; running shares of its items [people, C, M]."""
        return _split_by_category(self._appeal, self.items)

    @cached_property
    def _by_popularity(self) -> tuple[Floats32, Floats32]:
        appeal = np.exp(self.items.popularity)[None, :].astype(np.float32)
        return _split_by_category(appeal, self.items)

    def wanted(self, person: Ints, month: Ints, rng: np.random.Generator) -> Ints:
        """One item per row that the person came for, by taste, season and habit."""
        weights, running = self._by_category
        drawn = self._draw(weights[person], running, person, month, rng)
        habitual = rng.random(len(person)) < self.world.habit_rate
        favourite = self.people.favourites[person, rng.integers(0, FAVOURITES, len(person))]
        return np.asarray(np.where(habitual, favourite, drawn), dtype=np.int64)

    def browsed(self, person: Ints, month: Ints, rng: np.random.Generator) -> Ints:
        """One item per row that the person only looks at: half taste, half what everyone sees."""
        weights, running = self._by_popularity
        nobody = np.zeros(len(person), dtype=np.int64)
        popular = self._draw(weights[nobody], running, nobody, month, rng)
        crowd = rng.random(len(person)) < 0.5
        return np.asarray(np.where(crowd, popular, self.wanted(person, month, rng)), dtype=np.int64)

    def draw_favourites(self, rng: np.random.Generator) -> Ints:
        """A few items each person will keep coming back to, [people, FAVOURITES]."""
        person = np.repeat(np.arange(len(self.people)), FAVOURITES)
        weights, running = self._by_category
        drawn = self._draw(weights[person], running, person, None, rng)
        return drawn.reshape(len(self.people), FAVOURITES)

    def _draw(
        self,
        weights: Floats32,
        running: Floats32,
        row: Ints,
        month: Ints | None,
        rng: np.random.Generator,
    ) -> Ints:
        if month is not None:
            weights = weights * CATEGORY_SEASON[month]
        edges = np.cumsum(weights, axis=1)
        category = _first_above(edges, rng.random(len(row)).astype(np.float32) * edges[:, -1])
        within = _first_above(running[row, category], rng.random(len(row)).astype(np.float32))
        start = self.items.category_start
        item = np.minimum(start[category] + within, start[category + 1] - 1)
        return np.asarray(item, dtype=np.int64)


CATEGORY_SEASON = np.array([c.season for c in CATEGORIES], dtype=np.float32).T


def _first_above(edges: Floats32, point: Floats32) -> Ints:
    """Per row, the first column whose edge lies above the point."""
    column = np.minimum((edges <= point[:, None]).sum(axis=1), edges.shape[1] - 1)
    return np.asarray(column, dtype=np.int64)


def _split_by_category(appeal: Floats32, items: Items) -> tuple[Floats32, Floats32]:
    start = items.category_start
    widest = int(np.diff(start).max())
    weights = np.empty((len(appeal), len(CATEGORIES)), dtype=np.float32)
    running = np.ones((len(appeal), len(CATEGORIES), widest), dtype=np.float32)
    for c in range(len(CATEGORIES)):
        block = np.cumsum(appeal[:, start[c] : start[c + 1]], axis=1)
        weights[:, c] = block[:, -1]
        running[:, c, : block.shape[1]] = block / block[:, -1:]
    return weights, running


def open_rate(
    people: People,
    person: Ints,
    *,
    subject_lift: Floats,
    activity: Floats,
    recent_mails: Floats,
    world: World,
) -> Floats:
    """Chance that a person opens a mail.

    Args:
        people: All people.
        person: One row number per mail.
        subject_lift: Log-odds that the subject line adds for this person.
        activity: The person's activity in the local hour of arrival, mean 1 over the day.
        recent_mails: Mails had from the shop in the 28 days before.
        world: Supplies the weights.
    """
    hour = world.hour_weight * np.clip(activity - 1.0, -1.0, 1.6) * (world.chronotype > 0)
    fatigue = world.fatigue_weight * recent_mails
    return sigmoid(people.open_level[person] + subject_lift + hour - fatigue)


def click_rate(affinity: Floats, *, world: World) -> Floats:
    """Chance of a click by somebody who opened; `affinity` is that of the best item shown."""
    return sigmoid(world.click_level + world.click_affinity_weight * affinity)


def order_rates(
    people: People, person: Ints, affinity: Floats, *, world: World
) -> tuple[Floats, Floats]:
    """Chance of an order that would not have come otherwise: after a click, after an open only."""
    appeal = np.clip(0.55 + 0.3 * affinity, 0.1, 1.6)
    factor = world.mail_effect * UPLIFT_FACTOR[people.uplift_class[person]] * appeal
    after_click = np.minimum(0.9, world.order_after_click_rate * factor)
    return after_click, np.minimum(0.5, world.order_after_open_rate * factor)
