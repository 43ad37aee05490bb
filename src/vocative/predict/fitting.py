"""Fitting a model to rows of a dataset, and choosing between algorithms on later rows.

In: a dataset and positions of rows. Out: a model with the shift of its log-odds that moves its
average to the latest known base rate: seasons move the rate more than they move the ranks.
"""

import importlib.util
from dataclasses import dataclass

import numpy as np

from vocative.errors import AuthorError
from vocative.predict.card import CandidateRow
from vocative.predict.columns import Columns
from vocative.predict.dataset import Dataset
from vocative.predict.definitions import AUTO, MODELS, Propensity
from vocative.predict.interactions import Floats, Ints
from vocative.predict.metrics import log_loss, log_losses, roc_auc
from vocative.predict.models.base import Model

DEFAULT_ALGORITHM = "logistic_regression"
CHALLENGER = "lightgbm"


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model and the shift of its log-odds to the latest known base rate."""

    algorithm: str
    model: Model
    offset: float

    def probabilities(self, columns: Columns) -> Floats:
        """A probability per row."""
        return shifted(self.model.predict_many(columns), self.offset)


def fit(model: Propensity, data: Dataset, rows: Ints, algorithm: str) -> Fitted:
    """Train on some rows; the offset moves the average to the rate at the latest cut among them."""
    columns, label = data.columns.take(rows), data.label[rows]
    learner = MODELS.load(algorithm)()
    learner.fit(columns, label, seed=model.seed)
    latest = data.cut[rows] == data.cut[rows].max()
    offset = offset_to_rate(learner.predict_many(columns.take(latest)), float(label[latest].mean()))
    return Fitted(algorithm=algorithm, model=learner, offset=offset)


def choose_algorithm(
    model: Propensity, data: Dataset, roles: list[str]
) -> tuple[str, list[CandidateRow]]:
    """The algorithm asked for, or the winner on the choosing cut.

    The challenger must lower the log loss by more than the noise in that difference: equal is
    not better, and the simpler model explains itself for less.
    """
    if model.algorithm != AUTO:
        reason = _cannot_run(model.algorithm, data)
        if reason:
            raise AuthorError(
                f"the algorithm {model.algorithm!r} cannot be used: {reason}",
                where=model.definition.where("algorithm"),
                hint="use algorithm: auto",
            )
        row = CandidateRow(algorithm=model.algorithm, chosen=True, why="asked for")
        return model.algorithm, [row]
    reason = _cannot_run(CHALLENGER, data)
    if "choosing" not in roles:
        reason = "there is no later period on which it could win"
    if reason:
        return DEFAULT_ALGORITHM, [
            CandidateRow(algorithm=DEFAULT_ALGORITHM, chosen=True, why="default"),
            CandidateRow(algorithm=CHALLENGER, chosen=False, why=reason),
        ]
    training = data.rows_at(*(n for n, role in enumerate(roles) if role == "training"))
    choosing = data.rows_at(roles.index("choosing"))
    label, columns = data.label[choosing], data.columns.take(choosing)
    found = {
        name: fit(model, data, training, name).probabilities(columns)
        for name in (DEFAULT_ALGORITHM, CHALLENGER)
    }
    gain = log_losses(label, found[DEFAULT_ALGORITHM]) - log_losses(label, found[CHALLENGER])
    noise = float(gain.std(ddof=1) / np.sqrt(len(gain)))
    wins = float(gain.mean()) > noise
    why = f"log loss lower by {gain.mean():.4f} with a standard error of {noise:.4f}"
    return (CHALLENGER if wins else DEFAULT_ALGORITHM), [
        CandidateRow(
            algorithm=name,
            chosen=(name == CHALLENGER) == wins,
            log_loss=log_loss(label, probability),
            roc_auc=roc_auc(label, probability).value,
            why=why if name == CHALLENGER else "default",
        )
        for name, probability in found.items()
    ]


def offset_to_rate(probability: Floats, rate: float) -> float:
    """What to add to the log-odds so that the mean probability becomes `rate`."""
    if not 0.0 < rate < 1.0 or not len(probability):
        return 0.0
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if float(shifted(probability, middle).mean()) < rate:
            low = middle
        else:
            high = middle
    return round((low + high) / 2, 9)


def shifted(probability: Floats, offset: float) -> Floats:
    """Probabilities with `offset` added to their log-odds."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    odds = p / (1 - p) * np.exp(offset)
    return np.asarray(odds / (1 + odds), dtype=float)


def _cannot_run(algorithm: str, data: Dataset) -> str:
    needs = MODELS.load(algorithm).needs
    for package in needs.packages:
        if importlib.util.find_spec(package) is None:
            return f"the package {package} is not installed (pip install 'vocative[predict]')"
    positives = int(data.label.sum())
    if len(data.label) < needs.rows or positives < needs.positives:
        return f"it needs {needs.rows:,} rows with {needs.positives:,} positive ones"
    return ""
