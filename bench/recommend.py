"""How well the recommenders foretell what real customers buy next.

In: the Online Retail transactions. Out: NDCG@10 of each recommender for people with a past who
bought in the last 60 days, repeats allowed, everything learned from the time before. What to
learn and how was chosen on the 60 days before those, never on the reported ones.
"""

import os
import re
import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from vocative.errors import DataError
from vocative.predict.interactions import Floats, Interactions, Ints, number_names
from vocative.predict.metrics import Z_95, ndcg
from vocative.predict.recommenders.base import Recommender
from vocative.predict.recommenders.ease import Ease
from vocative.predict.recommenders.hybrid import Hybrid
from vocative.predict.recommenders.own_frequency import OwnFrequency
from vocative.predict.recommenders.popularity import Popularity

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
TEST_DAYS = 60.0
LENGTH = 10
EVER = 1e9
# Postage, manual corrections, bank charges, samples, gift vouchers: real goods start with digits.
GOODS = re.compile(r"^\d{5}")


def run(size: int | None = None, *, folder: Path | None = None, until: str = "") -> dict[str, Any]:
    """Measure every recommender.

    Args:
        size: Only this many customers (a reproducible sample); all of them when None.
        folder: Where the transactions are.
        until: Pretend the data end here (`2011-07-02`), to choose settings on an earlier window.

    Raises:
        DataError: the data are not there; says where to put them.
    """
    began = time.perf_counter()
    shared = Path(os.environ.get("VOCATIVE_SHARED_DATA", SHARED))
    history = read_online_retail(folder or shared / "online_retail")
    if until:
        end = datetime.fromisoformat(until).replace(tzinfo=UTC)
        history = history.before(end.timestamp() / 86_400)
    if size is not None:
        chosen = np.random.default_rng(7).permutation(history.n_people)[:size]
        history = history.where(np.isin(history.person, chosen))
    cut = float(np.floor(history.day.max())) + 1.0 - TEST_DAYS
    past, future = history.before(cut), history.where(history.day >= cut)
    people = np.intersect1d(np.unique(past.person), np.unique(future.person))
    if not len(people):
        raise DataError("nobody in these data has both a past and a test purchase")
    wanted = np.unique(future.person * history.n_items + future.item)
    wanted = wanted[np.isin(wanted // history.n_items, people)]

    def measured(recommender: Recommender) -> Floats:
        recommender.restore(recommender.learn(past, as_of=cut))
        recommender.fit(past, as_of=cut)
        ranking = recommender.recommend(people, LENGTH)
        return ndcg(ranking.items, wanted, people, n_items=history.n_items)

    own = measured(OwnFrequency())
    weekly = measured(Popularity())
    ever = measured(Popularity(half_life_days=EVER))
    ease = measured(Ease())
    topped_up = measured(OwnThenPopular())
    started = time.perf_counter()
    hybrid = measured(Hybrid())
    hybrid_seconds = time.perf_counter() - started
    gain = hybrid - own
    margin = Z_95 * float(gain.std(ddof=1)) / np.sqrt(len(people)) if len(people) > 1 else 0.0
    popular = max(float(weekly.mean()), float(ever.mean()))
    return {
        "ndcg10": float(hybrid.mean()),
        "ndcg10_own_frequency": float(own.mean()),
        "ndcg10_own_frequency_then_popularity": float(topped_up.mean()),
        "ndcg10_popularity": popular,
        "ndcg10_popularity_ever": float(ever.mean()),
        "ndcg10_popularity_7d": float(weekly.mean()),
        "ndcg10_ease": float(ease.mean()),
        "ratio_to_own_frequency": float(hybrid.mean() / own.mean()),
        "ratio_to_own_frequency_then_popularity": float(hybrid.mean() / topped_up.mean()),
        "ratio_to_popularity": float(hybrid.mean() / popular),
        "gain_over_own_frequency": float(gain.mean()),
        "gain_over_own_frequency_low": float(gain.mean() - margin),
        "gain_over_own_frequency_high": float(gain.mean() + margin),
        "users": len(people),
        "items": len(np.unique(past.item)),
        "train_rows": len(past.person),
        "test_from": datetime.fromtimestamp(cut * 86_400, UTC).date().isoformat(),
        "test_days": TEST_DAYS,
        "hybrid_seconds": round(hybrid_seconds, 2),
        "seconds": round(time.perf_counter() - began, 2),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


class OwnThenPopular(OwnFrequency):
    """A harder baseline: own past frequency, equals and empty places by recent popularity."""

    def fit(self, history: Interactions, *, as_of: float) -> None:
        """Fit both."""
        super().fit(history, as_of=as_of)
        self.popular = Popularity()
        self.popular.fit(history, as_of=as_of)

    def score_many(self, people: Ints) -> Any:
        """Orders, plus less than one order's worth of popularity."""
        scores = np.zeros((len(people), self.n_items), dtype=np.float32)
        position, row = self.pairs.rows_of(people)
        scores[position, self.pairs.item[row]] = self.pairs.orders[row]
        return scores + (0.9 * self.popular.weights / self.popular.weights.max()).astype("f4")


def read_online_retail(folder: Path) -> Interactions:
    """Purchases of known customers: positive quantity and price, goods only.

    Raises:
        DataError: there is no such file, or it lacks a column.
    """
    import duckdb

    files = sorted([*folder.glob("*.csv"), *folder.glob("*.csv.zst")])
    if not files:
        raise DataError(
            "the Online Retail transactions are not there",
            where=str(folder),
            hint="put the UCI Online Retail rows there as .csv or .csv.zst (columns InvoiceNo,"
            " StockCode, Quantity, InvoiceDate, UnitPrice, CustomerID), or name the folder above"
            " online_retail in VOCATIVE_SHARED_DATA",
        )
    with duckdb.connect() as connection:
        try:
            found = connection.execute(
                "SELECT CustomerID AS person, upper(StockCode) AS item,"
                " epoch(CAST(InvoiceDate AS TIMESTAMP)) / 86400 AS day, InvoiceNo AS invoice,"
                " CAST(UnitPrice AS DOUBLE) AS price"
                " FROM read_csv($files, header=true, all_varchar=true, union_by_name=true)"
                " WHERE CustomerID IS NOT NULL AND CAST(Quantity AS DOUBLE) > 0"
                " AND CAST(UnitPrice AS DOUBLE) > 0 ORDER BY day, invoice, item",
                {"files": [str(path) for path in files]},
            ).fetchnumpy()
        except duckdb.Error as error:
            raise DataError("the Online Retail rows cannot be read", where=str(folder)) from error
    goods = np.array([bool(GOODS.match(code)) for code in found["item"]])
    people, person = number_names(found["person"][goods])
    items, item = number_names(found["item"][goods])
    _, order = number_names(found["invoice"][goods])
    price = np.asarray(found["price"], dtype=float)[goods]
    mean_price = np.bincount(item, weights=price) / np.bincount(item)
    return Interactions(
        people=people,
        items=items,
        person=person,
        item=item,
        day=np.asarray(found["day"], dtype=float)[goods],
        order=order,
        taken=np.ones(len(person), dtype=np.bool_),
        price=mean_price,
        category=np.full(len(items), -1, dtype=np.int64),
    )


if __name__ == "__main__":
    import json

    print(json.dumps(run(), indent=2))
