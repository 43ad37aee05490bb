"""The hybrid on a shop whose rules are known: it must beat its own sources."""

import numpy as np
import pytest

from predict.planted import planted_interactions
from vocative.predict.candidates import COLUMNS
from vocative.predict.definitions import RECOMMENDERS
from vocative.predict.interactions import Interactions, gather_pairs
from vocative.predict.metrics import ndcg
from vocative.predict.recommenders.base import Learned, Recommender
from vocative.predict.recommenders.ease import Ease
from vocative.predict.recommenders.hybrid import Hybrid

HISTORY = planted_interactions(500, 80)
CUT = float(HISTORY.day.max()) - 30
PAST, FUTURE = HISTORY.before(CUT), HISTORY.where(HISTORY.day >= CUT)
PEOPLE = np.intersect1d(PAST.person, FUTURE.person)
WANTED = np.unique(FUTURE.person * HISTORY.n_items + FUTURE.item)


def quality(recommender: Recommender) -> float:
    recommender.fit(PAST, as_of=CUT)
    found = recommender.recommend(PEOPLE, 10).items
    return float(ndcg(found, WANTED, PEOPLE, n_items=HISTORY.n_items).mean())


@pytest.fixture(scope="module")
def learned() -> Learned:
    """A ranker learned before the cut."""
    pytest.importorskip("lightgbm")
    return Hybrid().learn(PAST, as_of=CUT, seed=0)


def test_it_beats_every_source_and_the_blend(learned: Learned) -> None:
    hybrid = Hybrid()
    hybrid.restore(learned)
    found = quality(hybrid)
    for name in ("own_frequency", "popularity", "ease"):
        assert found > 1.03 * quality(RECOMMENDERS.load(name)())
    assert found > 0.99 * quality(Hybrid())


def test_the_blend_alone_beats_own_frequency() -> None:
    assert quality(Hybrid()) > quality(RECOMMENDERS.load("own_frequency")())


def test_learning_is_reproducible_and_sees_no_future(learned: Learned) -> None:
    # Everything after the cut is shuffled into other items: nothing may change.
    after = HISTORY.day >= CUT
    item = np.where(after, HISTORY.n_items - 1 - HISTORY.item, HISTORY.item)
    changed = Interactions(
        people=HISTORY.people,
        items=HISTORY.items,
        person=HISTORY.person,
        item=item,
        day=HISTORY.day,
        order=HISTORY.order,
        taken=HISTORY.taken,
        price=HISTORY.price,
        category=HISTORY.category,
    )
    assert Hybrid().learn(changed.before(CUT), as_of=CUT, seed=0) == learned
    assert learned.columns == tuple(COLUMNS)


def test_too_little_history_leaves_the_blend() -> None:
    few = planted_interactions(25, 20, days=40)
    now = float(few.day.max())
    learned = Hybrid().learn(few, as_of=now)
    assert learned.trees == ""
    hybrid = Hybrid()
    hybrid.restore(learned)
    hybrid.fit(few, as_of=now)
    assert (hybrid.recommend(np.arange(5), 5).items >= 0).all()


def test_hints_count_but_less_than_orders() -> None:
    # Person 0 ordered item 0 and looked at item 1; person 1 did nothing but look at item 2.
    rows = Interactions(
        people=np.array(["a", "b"]),
        items=np.array(["x", "y", "z"]),
        person=np.array([0, 0, 0, 1]),
        item=np.array([0, 0, 1, 2]),
        day=np.array([1.0, 1.0, 2.0, 3.0]),
        order=np.array([0, 0, 1, 2]),
        taken=np.array([True, True, False, False]),
        price=np.full(3, np.nan),
        category=np.full(3, -1),
    )
    pairs = gather_pairs(rows)
    assert pairs.orders.tolist() == [1.0, 0.0, 0.0]
    assert pairs.hints.tolist() == [0.0, 1.0, 1.0]
    own = RECOMMENDERS.load("own_frequency")()
    own.fit(rows, as_of=4.0)
    assert own.recommend(np.array([0, 1]), 2).items.tolist() == [[0, -1], [-1, -1]]


def test_ease_keeps_to_the_items_with_most_support() -> None:
    ease = Ease(most_items=10)
    ease.fit(HISTORY, as_of=CUT)
    assert ease.weights.shape == (10, 10)
    found = ease.recommend(np.arange(30), 20).items
    assert len(np.unique(found[found >= 0])) <= 10


def test_ease_is_the_closed_form() -> None:
    ease = Ease(half_life_days=1e9, regularization=50.0 * 3_000 / 500)
    ease.fit(PAST, as_of=CUT)
    dense = np.zeros((HISTORY.n_people, HISTORY.n_items))
    dense[PAST.person, PAST.item] = 1.0
    inverse = np.linalg.inv(dense.T @ dense + 50.0 * np.eye(HISTORY.n_items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    scores = ease.score_many(PEOPLE[:20])
    np.testing.assert_allclose(scores, (dense @ weights)[PEOPLE[:20]][:, :], atol=2e-3)
