"""LightGBM in text form: train, check, load, predict.

In: arrays. Out: a model as text, and a booster that scores. A text from a file is refused unless
every tree in it is well formed: LightGBM itself reads such texts without checking, and a crafted
one could make it read outside its memory.
"""

import importlib
import math
import os
import sys
from typing import Any

import numpy as np

from vocative.errors import DataError
from vocative.predict.interactions import Floats, Ints, Singles

MANY_ROWS = 200_000
MOST_BYTES = 64_000_000
MOST_LEAVES = 4_096
_REPRODUCIBLE = {
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def threads_for(rows: int) -> int:
    """Two threads pay for themselves on many rows only; it depends on nothing but the data."""
    return 2 if rows > MANY_ROWS else 1


def lightgbm_library() -> Any:
    """LightGBM, imported without what it does not need here.

    Its threads spin while they wait: on a machine with other work, two then take ten times as
    long as one. The setting counts only before the library is loaded, and the user's own wins.
    LightGBM also imports scikit-learn where that is installed, for wrappers that nothing here
    uses: seconds, and 100 MB. A module that is None counts as not installed.
    """
    if "lightgbm" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        hidden = "sklearn" not in sys.modules
        if hidden:
            sys.modules["sklearn"] = None  # type: ignore[assignment]
        try:
            importlib.import_module("lightgbm")
        finally:
            if hidden:
                del sys.modules["sklearn"]
    return sys.modules["lightgbm"]


class Booster:
    """A checked LightGBM model; wraps the native booster so that nothing else imports it."""

    def __init__(self, native: Any, columns: tuple[str, ...]) -> None:
        self._native = native
        self.columns = columns

    @classmethod
    def from_text(cls, text: str, *, columns: tuple[str, ...]) -> "Booster":
        """Load a model whose features are exactly `columns`.

        Raises:
            DataError: the text is not a well-formed model over these columns.
        """
        check_text(text, n_columns=len(columns))
        lightgbm = lightgbm_library()
        try:
            native = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as refused:
            raise DataError("LightGBM cannot read this model") from refused
        return cls(native, columns)

    def predict(self, features: Singles | Floats, *, raw: bool = False) -> Floats:
        """One number per row: a probability for a classifier, a score (`raw`) for a ranker."""
        if not len(features):
            return np.zeros(0)
        values = self._native.predict(
            features, num_threads=threads_for(len(features)), raw_score=raw
        )
        return np.asarray(values, dtype=float)

    def contributions(self, features: Singles | Floats) -> Floats:
        """TreeSHAP values on the log-odds scale, without the constant; shape (rows, columns)."""
        if not len(features):
            return np.zeros((0, len(self.columns)))
        values = self._native.predict(
            features, num_threads=threads_for(len(features)), pred_contrib=True
        )
        return np.asarray(values, dtype=float)[:, :-1]

    def gains(self) -> Floats:
        """How much each column lowered the loss in training, summing to 1."""
        gain = np.asarray(self._native.feature_importance("gain"), dtype=float)
        return np.asarray(gain / max(gain.sum(), 1e-12), dtype=float)


def train_ranker(
    features: Singles,
    taken: Ints,
    list_sizes: Ints,
    *,
    start_from: Singles,
    columns: tuple[str, ...],
    signs: tuple[int, ...],
    trees: int,
    seed: int,
) -> str:
    """A lambdarank model over lists of candidates, as text.

    Args:
        features: One row per candidate, lists one after the other.
        taken: 1 where the candidate was taken.
        list_sizes: Rows per list.
        start_from: The score each candidate already has; the trees add to it.
        columns: Names of the features.
        signs: Direction in which each feature may move the score: 1, -1 or 0 for either.
        trees: How many trees.
        seed: Same seed, same data: same text.
    """
    lightgbm = lightgbm_library()
    settings = {
        **_REPRODUCIBLE,
        "num_threads": threads_for(len(taken)),
        "objective": "lambdarank",
        "lambdarank_truncation_level": 20,
        "learning_rate": 0.06,
        "num_leaves": 15,
        "min_data_in_leaf": 100,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "monotone_constraints": list(signs),
        "seed": seed,
    }
    data = lightgbm.Dataset(
        features,
        label=taken,
        group=list_sizes,
        init_score=start_from,
        feature_name=list(columns),
        params=settings,
    )
    return str(lightgbm.train(settings, data, num_boost_round=trees).model_to_string())


def train_classifier(
    features: Floats, label: Ints, *, columns: tuple[str, ...], trees: int, seed: int
) -> str:
    """A binary classifier with small trees (fast to explain), as text."""
    lightgbm = lightgbm_library()
    settings = {
        **_REPRODUCIBLE,
        "num_threads": threads_for(len(label)),
        "objective": "binary",
        "learning_rate": 0.04,
        "num_leaves": 12,
        "min_data_in_leaf": max(20, len(label) // 500),
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "seed": seed,
    }
    data = lightgbm.Dataset(features, label=label, feature_name=list(columns), params=settings)
    return str(lightgbm.train(settings, data, num_boost_round=trees).model_to_string())


def check_text(text: str, *, n_columns: int) -> None:
    """Refuse a model text whose trees point outside themselves or outside the columns.

    Raises:
        DataError: says which tree and what is wrong with it.
    """
    if len(text) > MOST_BYTES:
        raise DataError(f"a model of {len(text):,} characters is too large", hint="retrain it")
    head, *blocks = text.partition("end of trees")[0].split("\nTree=")
    header = _fields(head)
    if not head.startswith("tree") or "end of trees" not in text:
        raise DataError("this is not a LightGBM model in text form")
    if header.get("max_feature_idx") != str(n_columns - 1):
        raise DataError(
            f"the model was trained on {header.get('max_feature_idx', '?')} + 1 columns,"
            f" not on {n_columns}"
        )
    if header.get("num_class") != "1" or header.get("num_tree_per_iteration") != "1":
        raise DataError("only models with one output are read")
    if len(header.get("tree_sizes", "").split()) != len(blocks):
        raise DataError("the number of trees differs from the header's")
    for number, block in enumerate(blocks):
        _check_tree(number, _fields(block), n_columns)


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _check_tree(number: int, fields: dict[str, str], n_columns: int) -> None:
    try:
        wrong = _what_is_wrong(fields, n_columns)
    except (KeyError, ValueError) as error:
        wrong = f"{error}"
    if wrong:
        raise DataError(f"tree {number} of the model is malformed: {wrong}", hint="retrain it")


def _what_is_wrong(fields: dict[str, str], n_columns: int) -> str | None:
    leaves = int(fields["num_leaves"])
    if not 1 <= leaves <= MOST_LEAVES:
        return f"{leaves} leaves"
    if fields.get("num_cat", "0") != "0" or fields.get("is_linear", "0") != "0":
        return "categorical and linear splits are not used here"
    _numbers(fields, "leaf_value", leaves)
    if leaves == 1:
        return None
    inner = leaves - 1
    if not all(0 <= column < n_columns for column in _integers(fields, "split_feature", inner)):
        return "a split on a column that is not there"
    if any(kind & 1 for kind in _integers(fields, "decision_type", inner)):
        return "a categorical split"
    # A split of unknown from known values has an infinite threshold.
    _numbers(fields, "threshold", inner, endless=True)
    return _shape_fault(
        _integers(fields, "left_child", inner), _integers(fields, "right_child", inner), leaves
    )


def _integers(fields: dict[str, str], name: str, count: int) -> list[int]:
    values = [int(part) for part in fields[name].split()]
    if len(values) != count:
        raise ValueError(f"{name} holds {len(values)} numbers, not {count}")
    return values


def _numbers(
    fields: dict[str, str], name: str, count: int, *, endless: bool = False
) -> list[float]:
    values = [float(part) for part in fields[name].split()]
    if len(values) != count:
        raise ValueError(f"{name} holds {len(values)} numbers, not {count}")
    if any(math.isnan(value) or (math.isinf(value) and not endless) for value in values):
        raise ValueError(f"{name} holds a number that is not finite")
    return values


def _shape_fault(left: list[int], right: list[int], leaves: int) -> str | None:
    seen_leaves: set[int] = set()
    seen_nodes, todo = {0}, [0]
    while todo:
        node = todo.pop()
        for child in (left[node], right[node]):
            seen, index, size = (
                (seen_leaves, ~child, leaves) if child < 0 else (seen_nodes, child, len(left))
            )
            if index >= size or index in seen:
                return "its nodes do not form a tree"
            seen.add(index)
            if child >= 0:
                todo.append(child)
    return None if len(seen_leaves) == leaves else "a leaf that nothing leads to"
