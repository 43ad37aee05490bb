"""What the person took before, most often first; of equals, the latest first."""

from typing import ClassVar

import numpy as np

from vocative.predict.interactions import Interactions, Ints, Pairs, Singles
from vocative.predict.recommenders.base import NOT_MINE, Recommender


class OwnFrequency(Recommender):
    """Buy it again: hard to beat where people restock, empty for newcomers."""

    summary: ClassVar[str] = "what the person took before, most often first"
    pairs: Pairs

    def fit(self, history: Interactions, *, as_of: float) -> None:
        """Count orders per (person, item)."""
        self.pairs = history.pairs
        self.as_of = as_of
        self.n_items = history.n_items

    def score_many(self, people: Ints) -> Singles:
        """Orders that held the item; recency adds less than one order."""
        scores = np.full((len(people), self.n_items), NOT_MINE, dtype=np.float32)
        position, row = self.pairs.rows_of(people)
        mine = self.pairs.orders[row] > 0
        position, row = position[mine], row[mine]
        days_ago = np.maximum(0.0, self.as_of - self.pairs.last_day[row])
        scores[position, self.pairs.item[row]] = self.pairs.orders[row] + 0.5 / (1.0 + days_ago)
        return scores

    def explain(self, person: int, item: int) -> str:
        """How often it was bought."""
        return times_bought(self.orders_of(person, item))

    def orders_of(self, person: int, item: int) -> int:
        """In how many of the person's orders the item was."""
        rows = slice(self.pairs.starts[person], self.pairs.starts[person + 1])
        found = np.nonzero(self.pairs.item[rows] == item)[0]
        return int(self.pairs.orders[rows][found[0]]) if len(found) else 0


def times_bought(orders: int) -> str:
    """`you bought it 3 times`, or nothing to say."""
    if orders <= 0:
        return ""
    return "you bought it before" if orders == 1 else f"you bought it {orders} times"
