"""Features of (person, item) pairs at one instant, for the ranker behind the hybrid recommender.

In: a history before the instant. Out: a matrix with the columns `COLUMNS`, for any pairs asked for;
everything about people, items and past pairs is worked out once.
"""

import numpy as np

from vocative.predict.interactions import Floats, Interactions, Ints, Singles
from vocative.predict.recommenders.popularity import decayed_takes

DAY_UNKNOWN = np.float32(1e4)

# Each feature and the direction in which it may move a score: 1 up, -1 down, 0 either.
COLUMNS = {
    "own_orders": 1,
    "own_share": 1,
    "own_days_since": 0,
    "own_gap_days": 0,
    "own_due": 0,
    "own_orders_since": 0,
    "own_in_last_order": 0,
    "own_first_days": 0,
    "hints": 1,
    "hint_days_since": 0,
    "alike": 1,
    "alike_share": 1,
    "alike_rank": -1,
    "popular_7d": 1,
    "popular_30d": 1,
    "popular_60d": 0,
    "item_repeat_rate": 1,
    "price_ratio": 0,
    "category_share": 1,
    "person_orders": 0,
    "person_days_since": 0,
    "person_days_known": 0,
    "person_gap_days": 0,
    "person_items": 0,
    "person_items_per_order": 0,
    "person_novelty": 0,
}


class CandidateColumns:
    """Features of (person, item) pairs at one instant, computed from arrays kept per pair."""

    def __init__(self, history: Interactions, *, as_of: float) -> None:
        self.pairs, self.as_of = history.pairs, as_of
        self.n_items, self.n_people = history.n_items, history.n_people
        taken = history.taken_only
        self.key = self.pairs.person * self.n_items + self.pairs.item
        self.price = history.price
        self.category = history.category
        self._items(taken)
        self._people(taken)
        self._categories()

    def _items(self, taken: Interactions) -> None:
        bought = self.pairs.orders > 0
        takers = np.bincount(self.pairs.item[bought], minlength=self.n_items)
        again = np.bincount(self.pairs.item[self.pairs.orders > 1], minlength=self.n_items)
        columns = [
            _per_ten_thousand(decayed_takes(taken, as_of=self.as_of, half_life_days=days))
            for days in (7.0, 30.0, 60.0)
        ]
        columns.append((again + 0.5) / (takers + 5.0))
        self.item_table = np.stack(columns, axis=1).astype(np.float32)

    def _people(self, taken: Interactions) -> None:
        n, as_of = self.n_people, self.as_of
        _, at = np.unique(taken.order, return_index=True)
        person_of_order, day_of_order = taken.person[at], taken.day[at]
        self.person_orders = np.bincount(person_of_order, minlength=n).astype(float)
        last = np.full(n, -np.inf)
        np.maximum.at(last, person_of_order, day_of_order)
        first = np.full(n, np.inf)
        np.minimum.at(first, person_of_order, day_of_order)
        known = np.isfinite(last)
        self.last_order_day = np.where(known, last, np.nan)
        bought = self.pairs.orders > 0
        distinct = np.bincount(self.pairs.person[bought], minlength=n).astype(float)
        lines = np.bincount(self.pairs.person, weights=self.pairs.orders, minlength=n)
        spend_lines = np.nan_to_num(self.price)[self.pairs.item] * self.pairs.orders
        self.person_price = np.bincount(self.pairs.person, weights=spend_lines, minlength=n) / (
            np.maximum(lines, 1.0)
        )
        orders = np.maximum(self.person_orders, 1.0)
        self.person_table = np.stack(
            [
                self.person_orders,
                np.where(known, as_of - np.where(known, last, as_of), DAY_UNKNOWN),
                np.where(known, as_of - np.where(known, first, as_of), 0.0),
                np.where(
                    self.person_orders > 1,
                    (np.where(known, last, 0) - np.where(known, first, 0))
                    / np.maximum(orders - 1, 1),
                    DAY_UNKNOWN,
                ),
                distinct,
                lines / orders,
                distinct / np.maximum(lines, 1.0),
            ],
            axis=1,
        ).astype(np.float32)

    def _categories(self) -> None:
        self.n_categories = int(self.category.max(initial=-1)) + 1
        if not self.n_categories:
            return
        share = np.zeros((self.n_people, self.n_categories), dtype=np.float32)
        category = self.category[self.pairs.item]
        known = category >= 0
        weight = self.pairs.orders + 0.2 * self.pairs.hints
        np.add.at(share, (self.pairs.person[known], category[known]), weight[known])
        self.category_share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-9)

    def rows(self, people: Ints, row: Ints, item: Ints, alike: Singles) -> Singles:
        """One line of features per (row, item); columns as `COLUMNS`."""
        person = people[row]
        own = self._own_columns(person, item)
        company = _company_columns(row, item, alike)
        price_ratio = np.log(
            (np.nan_to_num(self.price)[item] + 0.1) / (self.person_price[person] + 0.1)
        )
        category = np.zeros(len(row))
        if self.n_categories:
            known = self.category[item] >= 0
            category = np.where(
                known, self.category_share[person, np.maximum(self.category[item], 0)], 0.0
            )
        return np.column_stack(
            [
                own,
                company,
                self.item_table[item],
                price_ratio,
                category,
                self.person_table[person],
            ]
        ).astype(np.float32)

    def _own_columns(self, person: Ints, item: Ints) -> Floats:
        at = np.searchsorted(self.key, person * self.n_items + item)
        at_safe = np.minimum(at, max(0, len(self.key) - 1))
        met = (
            self.key[at_safe] == person * self.n_items + item
            if len(self.key)
            else np.zeros(len(item), dtype=np.bool_)
        )
        pairs = self.pairs

        def known(values: Floats, otherwise: float) -> Floats:
            if not len(values):
                return np.full(len(item), otherwise)
            found = np.where(met, values[at_safe], otherwise)
            return np.where(np.isnan(found), otherwise, found)

        orders = known(pairs.orders, 0.0)
        last = known(pairs.last_day, -np.inf)
        first = known(pairs.first_day, -np.inf)
        bought = orders > 0
        since = np.where(bought, self.as_of - last, DAY_UNKNOWN)
        gap = np.where(
            orders > 1, (last - np.where(bought, first, 0)) / np.maximum(orders - 1, 1), 0
        )
        last_order = self.last_order_day[person]
        hint = known(pairs.last_hint_day, -np.inf)
        with np.errstate(invalid="ignore"):
            later = np.where(bought, last_order - last, DAY_UNKNOWN)
        return np.stack(
            [
                orders,
                orders / np.maximum(self.person_orders[person], 1.0),
                since,
                np.where(orders > 1, gap, DAY_UNKNOWN),
                np.where(orders > 1, since / np.maximum(gap, 1.0), -1.0),
                later,
                (bought & (later < 1.0)).astype(float),
                np.where(bought, self.as_of - first, DAY_UNKNOWN),
                known(pairs.hints, 0.0),
                np.where(np.isfinite(hint), self.as_of - hint, DAY_UNKNOWN),
            ],
            axis=1,
        )


def _company_columns(row: Ints, item: Ints, alike: Singles) -> Singles:
    score = np.where(np.isfinite(alike), alike, 0.0)
    best = np.maximum(score.max(axis=1), 1e-6)
    value = score[row, item]
    order = np.lexsort((-value, row))
    starts = np.searchsorted(row[order], np.arange(len(alike)))
    rank = np.empty(len(row))
    rank[order] = np.arange(len(row)) - starts[row[order]]
    return np.stack([value, value / best[row], rank], axis=1).astype(np.float32)


def _per_ten_thousand(takes: Floats) -> Floats:
    return np.asarray(np.log1p(1e4 * takes / max(float(takes.sum()), 1e-9)), dtype=float)
