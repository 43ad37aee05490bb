"""The shop's catalogue, with what only the truth knows: popularity, style, how soon one runs out.

In: a random stream. Out: `Items`, 400 products in 15 departments, a few of them out of stock,
without a picture, or no longer sold.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from vocative.simulate.words import ADJECTIVES, BRANDS, CATEGORIES
from vocative.simulate.world import Bools, Floats, Ints

ITEM_COUNT = 400
STYLES = 4


@dataclass(frozen=True, kw_only=True)
class Items:
    """Columns of the catalogue; row i is item i. Items of one category stand together."""

    item_id: list[str]
    title: list[str]
    category: Ints
    price: Floats
    margin: Floats
    stock: Ints
    active: Bools
    has_image: Bools
    popularity: Floats
    style: Floats
    cycle_days: Ints

    def __len__(self) -> int:
        return len(self.item_id)

    @cached_property
    def category_start(self) -> Ints:
        """First row of each category, and one past the last row."""
        return np.searchsorted(self.category, np.arange(len(CATEGORIES) + 1)).astype(np.int64)

    @cached_property
    def for_sale(self) -> Bools:
        """Whether one can be bought now."""
        return np.asarray(self.active & (self.stock > 0))

    @cached_property
    def category_name(self) -> list[str]:
        """Name of each item's category."""
        return [CATEGORIES[c].name for c in self.category.tolist()]


def make_items(rng: np.random.Generator) -> Items:
    """Draw the catalogue."""
    category = _category_of_each(ITEM_COUNT)
    count = len(category)
    middle = np.array([CATEGORIES[c].price for c in category])
    price = np.round(middle * np.exp(rng.normal(0.0, 0.42, count))) + rng.choice(
        [-0.01, -0.05, -0.5], count
    )
    stock = rng.integers(4, 400, count)
    stock[rng.choice(count, 18, replace=False)] = 0
    active = np.ones(count, dtype=np.bool_)
    active[rng.choice(count, 1)] = False
    has_image = np.ones(count, dtype=np.bool_)
    has_image[rng.choice(count, 12, replace=False)] = False
    return Items(
        item_id=[f"sku-{n:04d}" for n in range(1001, 1001 + count)],
        title=_titles(category, rng),
        category=category,
        price=np.round(np.maximum(price, 1.95), 2),
        margin=np.round(rng.uniform(0.22, 0.62, count), 2),
        stock=stock,
        active=active,
        has_image=has_image,
        # Somewhat flatter than Zipf: the best sellers lead, but no shop lives on ten products.
        popularity=rng.normal(0.0, 0.85, count),
        style=rng.normal(0.0, 1.0, (count, STYLES)),
        cycle_days=np.array([CATEGORIES[c].cycle_days for c in category], dtype=np.int64),
    )


def _category_of_each(count: int) -> Ints:
    shares = np.cumsum([category.share for category in CATEGORIES])
    return np.searchsorted(shares / shares[-1], (np.arange(count) + 0.5) / count).astype(np.int64)


def _titles(category: Ints, rng: np.random.Generator) -> list[str]:
    titles: list[str] = []
    taken: set[str] = set()
    for c in category.tolist():
        nouns = CATEGORIES[c].nouns
        while True:
            brand, adjective, noun = rng.integers(0, (len(BRANDS), len(ADJECTIVES), len(nouns)))
            title = f"{BRANDS[brand]} {ADJECTIVES[adjective]} {nouns[noun]}"
            if title not in taken:
                break
        taken.add(title)
        titles.append(title)
    return titles
