"""What many people took lately: every take counts, halved each `half_life_days`."""

from typing import ClassVar

import numpy as np

from vocative.predict.interactions import Floats, Interactions, Ints, Singles
from vocative.predict.recommenders.base import NOT_MINE, Recommender


class Popularity(Recommender):
    """The same list for everybody; the last resort and the baseline."""

    summary: ClassVar[str] = "what most people took lately (a take loses half its weight each week)"
    personal: ClassVar[bool] = False

    def __init__(self, *, half_life_days: float = 7.0) -> None:
        self.half_life_days = half_life_days
        self.weights: Floats = np.zeros(0)

    def fit(self, history: Interactions, *, as_of: float) -> None:
        """Add up decayed takes per item."""
        self.weights = decayed_takes(history, as_of=as_of, half_life_days=self.half_life_days)
        self.n_items = history.n_items
        ranks = np.argsort(np.argsort(-self.weights, kind="stable"))
        self.top = ranks < max(10, self.n_items // 20)

    def score_many(self, people: Ints) -> Singles:
        """One row of weights, repeated; items nobody took are left out."""
        row = np.where(self.weights > 0, self.weights, NOT_MINE).astype(np.float32)
        return np.broadcast_to(row, (len(people), self.n_items))

    def explain(self, person: int, items: Ints) -> list[str]:  # noqa: ARG002  the same for all
        """Popular, or at least bought."""
        return [
            "popular this week" if top else "others bought it lately" for top in self.top[items]
        ]


def decayed_takes(history: Interactions, *, as_of: float, half_life_days: float) -> Floats:
    """Takes per item, each halved every `half_life_days` before `as_of`."""
    taken = history.taken_only
    age = np.maximum(0.0, as_of - taken.day)
    weight = np.power(0.5, age / half_life_days)
    total = np.bincount(taken.item, weights=weight, minlength=history.n_items)
    return np.asarray(total, dtype=float)
