"""What goes with what the person took: a linear item-to-item model in closed form.

EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019): with X the
matrix of people by items, G = XᵀX + λI and P = G⁻¹, the weights are B = -P / diag(P) with a zero
diagonal, and the scores X·B. The inverse is dense, so only the items with the most support
take part.
"""

from typing import ClassVar

import numpy as np

from vocative.predict.interactions import Floats, Interactions, Ints, Singles
from vocative.predict.recommenders.base import NOT_MINE, Recommender, RecommenderNeeds

ROWS_AT_ONCE = 20_000


class Ease(Recommender):
    """People who took what you took also took this."""

    summary: ClassVar[str] = "what people with a like history took (EASE)"
    needs: ClassVar[RecommenderNeeds] = RecommenderNeeds(takes=50, people=20, items=5)

    def __init__(
        self,
        *,
        regularization: float = 300.0,
        half_life_days: float = 90.0,
        most_items: int = 5_000,
        hint_weight: float = 0.3,
    ) -> None:
        self.regularization = regularization
        self.half_life_days = half_life_days
        self.most_items = most_items
        self.hint_weight = hint_weight

    def fit(self, history: Interactions, *, as_of: float) -> None:
        """Invert the item-to-item matrix."""
        pairs = history.pairs
        self.pairs, self.title, self.n_items = pairs, history.title, history.n_items
        strength = np.where(pairs.orders > 0, 1.0, self.hint_weight)
        support = np.bincount(pairs.item, weights=strength, minlength=self.n_items)
        known = np.sort(np.argsort(-support, kind="stable")[: self.most_items])
        self.known = known[support[known] > 0]
        self.place = np.full(self.n_items, -1)
        self.place[self.known] = np.arange(len(self.known))
        # Old interest counts for less in what is put in, not in what goes with what.
        latest = np.fmax(pairs.last_day, pairs.last_hint_day)
        age = np.maximum(0.0, as_of - np.where(np.isfinite(latest), latest, as_of))
        self.input = strength * np.power(0.5, age / self.half_life_days)
        self.weights = self._weights(strength)

    def _weights(self, strength: Floats) -> Singles:
        size = len(self.known)
        gram = np.zeros((size, size), dtype=np.float32)
        n_people = len(self.pairs.starts) - 1
        step = max(1, ROWS_AT_ONCE * 100 // max(1, size))
        for start in range(0, n_people, step):
            block = self._dense(np.arange(start, min(start + step, n_people)), strength)
            gram += block.T @ block
        gram[np.diag_indices(size)] += np.float32(self._scaled_regularization(n_people))
        inverse = np.linalg.inv(gram)
        weights = np.asarray(-inverse / np.diag(inverse), dtype=np.float32)
        weights[np.diag_indices(size)] = 0.0
        return weights

    def _scaled_regularization(self, n_people: int) -> float:
        # The published λ suits thousands of people; a small shop would be shrunk to nothing.
        return self.regularization * min(1.0, max(n_people, 1) / 3_000)

    def _dense(self, people: Ints, value: Floats) -> Singles:
        block = np.zeros((len(people), len(self.known)), dtype=np.float32)
        position, row = self.pairs.rows_of(people)
        place = self.place[self.pairs.item[row]]
        inside = place >= 0
        block[position[inside], place[inside]] = value[row[inside]]
        return block

    def score_many(self, people: Ints) -> Singles:
        """X·B for these people; nothing for those without a history."""
        scores = np.full((len(people), self.n_items), NOT_MINE, dtype=np.float32)
        if not len(self.known):
            return scores
        block = self._dense(people, self.input)
        has_history = block.any(axis=1)
        scores[np.ix_(has_history, self.known)] = block[has_history] @ self.weights
        return scores

    def explain(self, person: int, items: Ints) -> list[str]:
        """The item of the person's own that speaks loudest for each."""
        rows = slice(self.pairs.starts[person], self.pairs.starts[person + 1])
        own = self.pairs.item[rows]
        known = self.place[own] >= 0
        own, strength = own[known], self.input[rows][known]
        if not len(own):
            return [""] * len(items)
        pull = self.weights[np.ix_(self.place[own], self.place[items])] * strength[:, None]
        loudest = np.argmax(pull, axis=0)
        force = np.where(self.place[items] >= 0, pull[loudest, np.arange(len(items))], 0.0)
        return [
            f"often bought with {self.title(partner)}" if strong > 0 else ""
            for partner, strong in zip(own[loudest].tolist(), force.tolist(), strict=True)
        ]
