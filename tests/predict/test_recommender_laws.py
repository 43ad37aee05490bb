"""Laws that every recommender plug-in must pass."""

import numpy as np
import pytest

from predict.planted import planted_interactions
from vocative.predict.definitions import RECOMMENDERS
from vocative.predict.interactions import Interactions
from vocative.predict.recommenders.base import Recommender, best_columns

HISTORY = planted_interactions()
NOW = float(HISTORY.day.max())
EVERYONE = np.arange(HISTORY.n_people)


def fitted(name: str, history: Interactions, *, as_of: float = NOW) -> Recommender:
    found = RECOMMENDERS.load(name)()
    for package in found.needs.packages:
        pytest.importorskip(package)
    found.restore(found.learn(history, as_of=as_of, seed=1))
    found.fit(history, as_of=as_of)
    return found


@pytest.fixture(scope="module", params=RECOMMENDERS.names())
def recommender(request: pytest.FixtureRequest) -> Recommender:
    """A fitted recommender of each kind."""
    return fitted(request.param, HISTORY)


def test_it_describes_itself(recommender: Recommender) -> None:
    assert recommender.summary


def test_lists_have_no_item_twice_and_fall_in_score(recommender: Recommender) -> None:
    found = recommender.recommend(EVERYONE, 8)
    assert found.items.shape == (len(EVERYONE), 8)
    for items, scores in zip(found.items, found.scores, strict=True):
        real = items[items >= 0]
        assert len(np.unique(real)) == len(real)
        assert (items[len(real) :] == -1).all()
        assert (np.diff(scores[: len(real)]) <= 0).all()


def test_only_allowed_items_are_shown(recommender: Recommender) -> None:
    allowed = np.arange(HISTORY.n_items) % 3 == 0
    found = recommender.recommend(EVERYONE, 30, allowed=allowed).items
    assert set(np.unique(found[found >= 0])) <= set(np.nonzero(allowed)[0].tolist())
    none = recommender.recommend(EVERYONE, 5, allowed=np.zeros(HISTORY.n_items, dtype=bool))
    assert (none.items == -1).all()


def test_a_longer_list_starts_with_the_shorter_one(recommender: Recommender) -> None:
    short, long = (recommender.recommend(EVERYONE, n).items for n in (3, 15))
    np.testing.assert_array_equal(long[:, :3], short)


def test_people_can_be_asked_for_alone_and_in_any_order(recommender: Recommender) -> None:
    together = recommender.recommend(EVERYONE, 5).items
    np.testing.assert_array_equal(recommender.recommend(EVERYONE[::-1], 5).items[::-1], together)
    np.testing.assert_array_equal(recommender.recommend(EVERYONE[7:8], 5).items[0], together[7])
    assert recommender.recommend(EVERYONE[:0], 5).items.shape == (0, 5)


def test_the_same_history_gives_the_same_lists(recommender: Recommender) -> None:
    name = type(recommender).__module__.rpartition(".")[2]
    again = fitted(name, HISTORY)
    np.testing.assert_array_equal(
        again.recommend(EVERYONE, 10).items, recommender.recommend(EVERYONE, 10).items
    )


def test_every_reason_is_a_short_text(recommender: Recommender) -> None:
    for person in (0, 50, 299):
        items = recommender.recommend(np.array([person]), 6).items[0]
        items = items[items >= 0]
        reasons = recommender.explain(person, items)
        assert len(reasons) == len(items)
        assert all(reason and len(reason) < 80 for reason in reasons)


@pytest.mark.parametrize("name", RECOMMENDERS.names())
def test_no_history_gives_empty_lists(name: str) -> None:
    empty = HISTORY.where(np.zeros(len(HISTORY.day), dtype=bool))
    found = fitted(name, empty).recommend(EVERYONE[:3], 4)
    assert (found.items == -1).all()


def test_a_list_longer_than_the_catalogue_is_filled_with_nothing(recommender: Recommender) -> None:
    found = recommender.recommend(EVERYONE[:4], HISTORY.n_items + 9).items
    assert found.shape == (4, HISTORY.n_items + 9)
    assert (found[:, -9:] == -1).all()


def test_best_columns_breaks_ties_by_number() -> None:
    scores = np.zeros((2, 100), dtype=np.float32)
    scores[1, 40] = 1
    assert best_columns(scores, 3).tolist() == [[0, 1, 2], [40, 0, 1]]
    scores[0] = -np.inf
    assert best_columns(scores, 3).tolist()[1] == [40, 0, 1]
