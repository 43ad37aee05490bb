"""Metrics against hand-made cases, laws and scikit-learn's."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.predict.metrics import (
    average_precision,
    bin_shares,
    brier,
    calibration,
    calibration_error,
    lift_table,
    log_loss,
    ndcg,
    quantile_edges,
    roc_auc,
    stability_index,
)

cases = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=2, max_size=60).map(
    lambda rows: (np.array([r[0] for r in rows]), np.array([r[1] / 8 for r in rows]))
)


@given(cases)
@settings(max_examples=60, deadline=None)
def test_agrees_with_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    oracle = pytest.importorskip("sklearn.metrics", reason="the oracle")
    label, score = case
    if 0 < label.sum() < len(label):
        assert roc_auc(label, score).value == pytest.approx(oracle.roc_auc_score(label, score))
        assert average_precision(label, score) == pytest.approx(
            oracle.average_precision_score(label, score)
        )
        inside = np.clip(score, 1e-6, 1 - 1e-6)
        assert log_loss(label, score) == pytest.approx(oracle.log_loss(label, inside))
        assert brier(label, score) == pytest.approx(oracle.brier_score_loss(label, score))


@given(cases)
@settings(max_examples=60, deadline=None)
def test_auc_turns_around_with_the_score(case: tuple[np.ndarray, np.ndarray]) -> None:
    label, score = case
    found, turned = roc_auc(label, score), roc_auc(label, -score)
    if 0 < label.sum() < len(label):
        assert found.value + turned.value == pytest.approx(1.0)
        assert found.low <= found.value <= found.high


def test_the_interval_of_the_auc_covers_the_truth() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        score = np.concatenate([rng.normal(1.0, 1.0, 60), rng.normal(0.0, 1.0, 90)])
        label = np.repeat([1, 0], [60, 90])
        found = roc_auc(label, score)
        covered += found.low <= 0.76025 <= found.high
    assert 0.92 <= covered / 400 <= 0.98


def test_one_class_alone_has_no_auc() -> None:
    assert math.isnan(roc_auc(np.ones(5, dtype=int), np.arange(5.0)).value)
    assert math.isnan(average_precision(np.zeros(5, dtype=int), np.arange(5.0)))


def test_calibration_rows_hold_everyone_once() -> None:
    rng = np.random.default_rng(0)
    probability = rng.random(1_003)
    label = (rng.random(1_003) < probability).astype(int)
    rows = calibration(label, probability)
    assert sum(row.people for row in rows) == 1_003
    assert calibration_error(rows) < 0.05
    assert all(row.low <= row.observed <= row.high for row in rows)


def test_lift_table_ends_with_everyone() -> None:
    label = np.repeat([1, 0], [30, 70])
    rows = lift_table(label, label + 0.0)
    assert rows[0].lift == pytest.approx(100 / 30)
    assert rows[-1].gain == 1.0
    assert [row.decile for row in rows] == list(range(1, 11))


def test_shares_of_bins_count_missing_apart() -> None:
    values = np.array([1.0, 2.0, 3.0, 4.0, np.nan])
    shares = bin_shares(values, quantile_edges(values, bins=2))
    assert shares == pytest.approx((0.4, 0.4, 0.2))
    assert stability_index(shares, shares) == 0.0
    assert stability_index((0.5, 0.5), (0.9, 0.1)) > 0.2


def test_ndcg_by_hand() -> None:
    # Person 0 wants items 1 and 3, person 1 wants item 0; ten items.
    wanted = np.array([1, 3, 10])
    ranked = np.array([[1, 2, 3], [5, 6, -1]])
    found = ndcg(ranked, wanted, np.array([0, 1]), n_items=10)
    ideal = 1 + 1 / math.log2(3)
    assert found[0] == pytest.approx((1 + 0.5) / ideal)
    assert found[1] == 0.0
