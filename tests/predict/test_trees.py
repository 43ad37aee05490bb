"""LightGBM texts from strangers: every malformed tree is refused before LightGBM sees it."""

import re

import numpy as np
import pytest

from vocative.errors import DataError
from vocative.predict.trees import Booster, check_text, train_classifier

pytest.importorskip("lightgbm")
COLUMNS = ("a", "b", "c")


@pytest.fixture(scope="module")
def text() -> str:
    """A small honest model."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(600, 3))
    label = (features[:, 0] + 0.3 * rng.normal(size=600) > 0).astype(int)
    return train_classifier(features, label, columns=COLUMNS, trees=3, seed=1)


def test_an_honest_model_passes(text: str) -> None:
    booster = Booster.from_text(text, columns=COLUMNS)
    found = booster.predict(np.array([[2.0, 0, 0], [-2.0, 0, 0]]))
    assert found[0] > found[1]
    assert booster.gains()[0] > 0.8


def with_line(text: str, name: str, change: str) -> str:
    return re.sub(rf"(?m)^{name}=.*$", f"{name}={change}", text, count=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("split_feature", "7 0 0 0 0 0 0 0 0 0 0"),
        ("split_feature", "-1 0 0 0 0 0 0 0 0 0 0"),
        ("split_feature", "0"),
        ("left_child", "0 0 0 0 0 0 0 0 0 0 0"),
        ("left_child", "9999999 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1"),
        ("right_child", "-99999 1 2 3 4 5 6 7 8 9 10"),
        ("num_leaves", "2000000000"),
        ("num_leaves", "0"),
        ("num_leaves", "x"),
        ("num_cat", "3"),
        ("decision_type", "1 1 1 1 1 1 1 1 1 1 1"),
        ("threshold", "nan 0 0 0 0 0 0 0 0 0 0"),
        ("leaf_value", "inf 0 0 0 0 0 0 0 0 0 0 0"),
        ("max_feature_idx", "4000000"),
        ("num_class", "5"),
        ("tree_sizes", "1 1 1 1"),
    ],
)
def test_a_malformed_model_is_refused(text: str, name: str, value: str) -> None:
    changed = with_line(text, name, value)
    assert changed != text
    with pytest.raises(DataError):
        check_text(changed, n_columns=3)


def test_what_is_no_model_is_refused(text: str) -> None:
    for wrong in (
        "",
        "tree",
        text[: len(text) // 3],
        "\x80\x04pickle",
        text.replace("tree", "", 1),
    ):
        with pytest.raises(DataError):
            check_text(wrong, n_columns=3)


def test_a_model_over_other_columns_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="columns"):
        Booster.from_text(text, columns=("a", "b"))
