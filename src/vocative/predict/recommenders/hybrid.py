"""Candidates from every source, put in order by what earlier customers did next.

In: a history. The sources (own past, EASE, recent popularity) each nominate items. A fixed blend
orders their union: own frequency + ½ EASE + ½ recent popularity, each scaled to 1. A LightGBM
lambdarank, trained on what customers took in earlier windows, starts from the blend and corrects
it; without LightGBM, or with too little history, the blend stands alone.

What was chosen by measurement (Online Retail, on a window before the one reported): signs of the
effects are fixed (more own orders never lower a score), the ranker corrects the blend instead of
replacing it, and features that merely identify an item (price, age, size of its audience) are
left out, because trees remember single items by them.
"""

import importlib.util
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from vocative.predict.candidates import COLUMNS, CandidateColumns
from vocative.predict.interactions import Interactions, Ints, Singles
from vocative.predict.recommenders.base import (
    NOT_MINE,
    Learned,
    Recommender,
    RecommenderNeeds,
    best_columns,
    chunks,
)
from vocative.predict.recommenders.ease import Ease
from vocative.predict.recommenders.own_frequency import OwnFrequency
from vocative.predict.recommenders.popularity import Popularity
from vocative.predict.trees import Booster, train_ranker

BLEND_WEIGHT = 2.0
# Inverting more items than this takes long and, measured, adds nothing to the lists.
ALIKE_ITEMS = 2_500
LEAST_LISTS = 100
MOST_LISTS_PER_WINDOW = 1_000


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Training rows: features per (person, item), whether it was taken, rows per person's list."""

    features: Singles
    blend: Singles
    taken: Ints
    list_sizes: Ints

    @classmethod
    def joined(cls, parts: "list[Examples]") -> "Examples":
        """All parts, one after the other."""
        return cls(
            features=np.concatenate([part.features for part in parts]),
            blend=np.concatenate([part.blend for part in parts]),
            taken=np.concatenate([part.taken for part in parts]),
            list_sizes=np.concatenate([part.list_sizes for part in parts]),
        )


class Hybrid(Recommender):
    """All sources together: the default."""

    summary: ClassVar[str] = "own past, like people and the week's best sellers, ordered by a model"
    needs: ClassVar[RecommenderNeeds] = RecommenderNeeds(takes=50, people=20, items=5)

    def __init__(
        self,
        *,
        window_days: float = 30.0,
        step_days: float = 20.0,
        windows: int = 4,
        own: int = 60,
        alike: int = 50,
        popular: int = 30,
        trees: int = 100,
    ) -> None:
        self.window_days = window_days
        self.step_days = step_days
        self.windows = windows
        self.nominate = (own, alike, popular)
        self.trees = trees
        self.learned = Learned()
        self.booster: Booster | None = None

    def fit(self, history: Interactions, *, as_of: float) -> None:
        """Fit every source."""
        self.n_items = history.n_items
        self.own, self.ease, self.popular = (
            OwnFrequency(),
            Ease(most_items=ALIKE_ITEMS),
            Popularity(),
        )
        for source in (self.own, self.ease, self.popular):
            source.fit(history, as_of=as_of)
        self.columns = CandidateColumns(history, as_of=as_of)

    def learn(self, history: Interactions, *, as_of: float, seed: int = 0) -> Learned:
        """Look back from earlier instants: which nominated items were taken in the next window?"""
        if importlib.util.find_spec("lightgbm") is None:
            return Learned(notes={"lists": 0.0, "lightgbm_missing": 1.0})
        parts = []
        first = float(history.day.min(initial=as_of))
        for back in range(self.windows):
            start = as_of - self.window_days - back * self.step_days
            if start - first < self.window_days:
                break
            past = Hybrid()
            past.nominate = self.nominate
            past.fit(history.before(start), as_of=start)
            window = history.between(start, start + self.window_days)
            parts.append(past.examples(window, seed=seed + back))
        lists = float(sum(len(part.list_sizes) for part in parts))
        if lists < LEAST_LISTS:
            return Learned(notes={"lists": lists})
        examples = Examples.joined(parts)
        text = train_ranker(
            examples.features,
            examples.taken,
            examples.list_sizes,
            start_from=BLEND_WEIGHT * examples.blend,
            columns=tuple(COLUMNS),
            signs=tuple(COLUMNS.values()),
            trees=self.trees,
            seed=seed,
        )
        return Learned(trees=text, columns=tuple(COLUMNS), notes={"lists": lists})

    def restore(self, learned: Learned) -> None:
        """Use a ranker trained before; an empty one leaves the blend."""
        self.learned = learned
        self.booster = (
            Booster.from_text(learned.trees, columns=tuple(COLUMNS)) if learned.trees else None
        )

    def examples(self, future: Interactions, *, seed: int) -> Examples:
        """The nominated items of people who took something in `future`, and which they took."""
        future = future.taken_only
        wanted = np.unique(future.person * self.n_items + future.item)
        people = np.unique(future.person)
        if len(people) > MOST_LISTS_PER_WINDOW:
            rng = np.random.default_rng(seed)
            people = np.sort(rng.choice(people, MOST_LISTS_PER_WINDOW, replace=False))
        parts = [
            self._examples_of(people[part], wanted) for part in chunks(len(people), self.n_items)
        ]
        return Examples.joined([*parts, self._examples_of(people[:0], wanted)])

    def _examples_of(self, people: Ints, wanted: Ints) -> Examples:
        found = self.candidates(people)
        hit = np.isin(found.person * self.n_items + found.item, wanted)
        counts = np.bincount(found.row, minlength=len(people))
        # A list in which nothing was taken teaches a ranker nothing.
        useful = np.bincount(found.row, weights=hit, minlength=len(people)) > 0
        keep = useful[found.row]
        return Examples(
            features=found.features[keep],
            blend=found.blend[keep],
            taken=hit[keep].astype(np.int64),
            list_sizes=counts[useful],
        )

    def score_many(self, people: Ints) -> Singles:
        """The corrected blend for nominated items; the blend alone when nothing was learned."""
        found = self.candidates(people, with_features=self.booster is not None)
        value = BLEND_WEIGHT * found.blend
        if self.booster is not None:
            value = value + self.booster.predict(found.features, raw=True)
        scores = np.full((len(people), self.n_items), NOT_MINE, dtype=np.float32)
        scores[found.row, found.item] = value
        return scores

    def candidates(self, people: Ints, *, with_features: bool = True) -> "Candidates":
        """The union of what each source nominates for `people`, with the features to rank by."""
        scores = [source.score_many(people) for source in (self.own, self.ease, self.popular)]
        nominated = np.zeros((len(people), self.n_items), dtype=np.bool_)
        for score, count in zip(scores, self.nominate, strict=True):
            chosen = best_columns(score, min(count, self.n_items))
            found = np.isfinite(np.take_along_axis(score, chosen, axis=1))
            rows = np.broadcast_to(np.arange(len(people))[:, None], chosen.shape)
            nominated[rows[found], chosen[found]] = True
        row, item = np.nonzero(nominated)
        own, alike, popular = (_scaled(score)[row, item] for score in scores)
        return Candidates(
            row=row,
            person=people[row],
            item=item,
            blend=own + np.float32(0.5) * (alike + popular),
            features=self.columns.rows(people, row, item, scores[1])
            if with_features
            else np.zeros((0, len(COLUMNS)), dtype=np.float32),
        )

    def explain(self, person: int, items: Ints) -> list[str]:
        """Own past first, then company, then popularity."""
        reasons = (source.explain(person, items) for source in (self.own, self.ease, self.popular))
        return [own or alike or popular for own, alike, popular in zip(*reasons, strict=True)]


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Nominated (person, item) pairs; `row` is the place of the person in what was asked."""

    row: Ints
    person: Ints
    item: Ints
    blend: Singles
    features: Singles


def _scaled(scores: Singles) -> Singles:
    filled = np.where(np.isfinite(scores), np.maximum(scores, 0.0), 0.0)
    highest = np.maximum(filled.max(axis=1, keepdims=True), np.float32(1e-9))
    return np.asarray(filled / highest, dtype=np.float32)
