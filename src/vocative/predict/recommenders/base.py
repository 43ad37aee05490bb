"""What a recommender is: it scores items for people and says why.

In: `Interactions` before an instant. Out: a score per (person, item); -inf is "not from me".
"""

import abc
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import numpy as np
import numpy.typing as npt

from vocative.predict.interactions import Flags, Interactions, Ints, Singles

NOT_MINE = np.float32(-np.inf)
CELLS_AT_ONCE = 2_000_000


class RecommenderNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """What must be there before a recommender is worth learning; checked before it starts."""

    takes: int = 1
    people: int = 1
    items: int = 2
    packages: tuple[str, ...] = ()


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What a recommender keeps between runs beside the history itself; safe to read from a file.

    `trees` is a model in LightGBM's text form, empty when nothing was learned.
    """

    trees: str = ""
    columns: tuple[str, ...] = ()
    notes: dict[str, float] = {}


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """Items best first, one row per person; -1 fills a row that ran out of items."""

    items: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]


class Recommender(abc.ABC):
    """One way to choose items for people.

    `personal` says whether two people with different histories can get different lists.
    """

    summary: ClassVar[str]
    needs: ClassVar[RecommenderNeeds] = RecommenderNeeds()
    personal: ClassVar[bool] = True

    @abc.abstractmethod
    def fit(self, history: Interactions, *, as_of: float) -> None:
        """Take in everything before day `as_of`."""

    @abc.abstractmethod
    def score_many(self, people: Ints) -> Singles:
        """Scores of shape (people, items), higher is better; -inf where it has nothing to say."""

    @abc.abstractmethod
    def explain(self, person: int, items: Ints) -> list[str]:
        """Why each of `items` for `person`, in a few words a customer may read; may be empty."""

    def learn(self, history: Interactions, *, as_of: float, seed: int = 0) -> Learned:  # noqa: ARG002
        """Learn what only looking back from earlier instants can teach; most need nothing."""
        return Learned()

    def restore(self, learned: Learned) -> None:  # noqa: B027  most have nothing to restore
        """Use what an earlier `learn` returned."""

    def recommend(self, people: Ints, n: int, *, allowed: Flags | None = None) -> Ranking:
        """The `n` best items for each person among those `allowed` (a flag per item).

        Ties are broken by item number, so the same history always gives the same lists.
        """
        width = max(1, min(n, self.n_items))
        items = np.full((len(people), n), -1, dtype=np.int64)
        scores = np.full((len(people), n), NOT_MINE, dtype=np.float32)
        for part in chunks(len(people), self.n_items):
            block = self.score_many(people[part])
            if allowed is not None:
                block = np.where(allowed, block, NOT_MINE)
            chosen = best_columns(block, width)
            values = np.take_along_axis(block, chosen, axis=1)
            items[part, :width] = np.where(np.isfinite(values), chosen, -1)
            scores[part, :width] = values
        return Ranking(items=items, scores=scores)

    n_items: int = 0


def chunks(n_rows: int, n_columns: int) -> Iterator[slice]:
    """Slices of rows whose blocks stay small whatever the catalogue's size."""
    step = max(1, CELLS_AT_ONCE // max(1, n_columns))
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


def best_columns(scores: Singles, n: int) -> Ints:
    """The columns of the `n` highest scores of each row, best first, ties by column."""
    columns = scores.shape[1]
    if n * 4 < columns:
        # Partition first: a full sort of a wide row costs ten times as much. Taking everything at
        # or above the n-th value keeps ties whole.
        threshold = np.partition(scores, columns - n, axis=1)[:, columns - n]
        rows, found = np.nonzero(scores >= threshold[:, None])
        order = np.lexsort((found, -scores[rows, found], rows))
        rows, found = rows[order], found[order]
        starts = np.searchsorted(rows, np.arange(len(scores)))
        return np.asarray(found[starts[:, None] + np.arange(n)], dtype=np.int64)
    return np.argsort(-scores, axis=1, kind="stable")[:, :n].astype(np.int64)
