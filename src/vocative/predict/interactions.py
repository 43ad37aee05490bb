"""Who took which item when, as arrays.

In: rows of (person, item, instant, order) of the events a recommender learns from. Out: arrays
indexed by person and item number, cut by time without copying names. Refuses rows of unequal
length. *Taken* rows are of the predicted event (an order); the others (views, carts) are hints.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from vocative.errors import DataError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """One row per (person, item) that ever met, ordered by person and then item.

    `orders` counts distinct orders that hold the item; `last_day` and `first_day` are of those
    orders (NaN when there is none); `hints` and `last_hint_day` are of the weaker events.
    """

    person: Ints
    item: Ints
    orders: Floats
    first_day: Floats
    last_day: Floats
    hints: Floats
    last_hint_day: Floats
    starts: Ints

    def rows_of(self, people: Ints) -> tuple[Ints, Ints]:
        """Rows of `people`: (position in `people`, row here), in order."""
        begin, end = self.starts[people], self.starts[people + 1]
        lengths = end - begin
        position = np.repeat(np.arange(len(people)), lengths)
        offset = np.arange(len(position)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return position, np.repeat(begin, lengths) + offset


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """What happened between people and items; days are counted from 1970-01-01 UTC, fractional."""

    people: npt.NDArray[np.str_]
    items: npt.NDArray[np.str_]
    person: Ints
    item: Ints
    day: Floats
    order: Ints
    taken: Flags
    price: Floats
    category: Ints
    titles: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lengths = {
            len(column) for column in (self.person, self.item, self.day, self.order, self.taken)
        }
        if len(lengths) != 1:
            raise DataError(f"interaction columns differ in length: {sorted(lengths)}")
        if len(self.price) != len(self.items) or len(self.category) != len(self.items):
            raise DataError("every item needs one price and one category (NaN and -1 if unknown)")

    def title(self, item: int) -> str:
        """What customers call the item, else its id."""
        return self.titles[item] if self.titles else str(self.items[item])

    @property
    def n_people(self) -> int:
        """How many people are numbered."""
        return len(self.people)

    @property
    def n_items(self) -> int:
        """How many items are numbered."""
        return len(self.items)

    def where(self, keep: Flags) -> "Interactions":
        """The rows marked in `keep`; people and items keep their numbers."""
        return replace(
            self,
            person=self.person[keep],
            item=self.item[keep],
            day=self.day[keep],
            order=self.order[keep],
            taken=self.taken[keep],
        )

    def before(self, day: float) -> "Interactions":
        """What happened strictly before `day`."""
        return self.where(self.day < day)

    def between(self, start: float, end: float) -> "Interactions":
        """What happened in [start, end)."""
        return self.where((self.day >= start) & (self.day < end))

    @cached_property
    def taken_only(self) -> "Interactions":
        """Only the rows of the predicted event."""
        return self if bool(self.taken.all()) else self.where(self.taken)

    @cached_property
    def pairs(self) -> Pairs:
        """Rows gathered per (person, item)."""
        return gather_pairs(self)


def gather_pairs(history: Interactions) -> Pairs:
    """Gather rows per (person, item): see `Pairs`."""
    width = max(1, history.n_items)
    key = history.person * width + history.item
    keys, inverse = np.unique(key, return_inverse=True)
    size = len(keys)
    taken = history.taken
    # One row per (pair, order): an item on two lines of an order was wanted once.
    orders = int(history.order.max(initial=0)) + 1
    in_order = np.unique(inverse[taken] * orders + history.order[taken]) // orders
    last = np.full(size, -np.inf)
    np.maximum.at(last, inverse[taken], history.day[taken])
    first = np.full(size, np.inf)
    np.minimum.at(first, inverse[taken], history.day[taken])
    last_hint = np.full(size, -np.inf)
    np.maximum.at(last_hint, inverse[~taken], history.day[~taken])
    person = keys // width
    return Pairs(
        person=person,
        item=keys % width,
        orders=np.bincount(in_order, minlength=size).astype(float),
        first_day=_finite(first),
        last_day=_finite(last),
        hints=np.bincount(inverse[~taken], minlength=size).astype(float),
        last_hint_day=_finite(last_hint),
        starts=np.searchsorted(person, np.arange(history.n_people + 1)),
    )


def number_names(values: Any) -> tuple[npt.NDArray[np.str_], Ints]:
    """Sorted distinct names and the number of each value's name."""
    names, numbers = np.unique(np.asarray(values, dtype=np.str_), return_inverse=True)
    return names, numbers.astype(np.int64)


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)
