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

    def explain(self, person: int, items: Ints) -> list[str]:
        """How often each was bought."""
        rows = slice(self.pairs.starts[person], self.pairs.starts[person + 1])
        orders = dict(
            zip(self.pairs.item[rows].tolist(), self.pairs.orders[rows].tolist(), strict=True)
        )
        return [_times_bought(int(orders.get(item, 0))) for item in items.tolist()]


def _times_bought(orders: int) -> str:
    if orders <= 0:
        return ""
    return "you bought it before" if orders == 1 else f"you bought it {orders} times"
