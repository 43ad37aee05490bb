"""How good predictions were: pure functions of labels and scores.

Labels are 0 or 1, probabilities in [0, 1]; a metric that the data cannot support is NaN, never an
error. References: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988), for the interval of the
ROC-AUC, in the ranked form of Sun & Xu, IEEE Signal Processing Letters 21 (2014).
"""

import math
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[Any]

Z_95 = 1.959964
LEAST_PROBABILITY = 1e-6


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float


class CalibrationRow(msgspec.Struct, frozen=True, kw_only=True):
    """People with like predictions: what was predicted on average and what happened."""

    people: int
    predicted: float
    observed: float
    low: float
    high: float


class LiftRow(msgspec.Struct, frozen=True, kw_only=True):
    """One tenth of the people, best first: `lift` over the base rate, `gain` of all positives."""

    decile: int
    people: int
    rate: float
    lift: float
    gain: float


def roc_auc(label: Ints, score: Numbers) -> Interval:
    """The chance that a random positive is ranked above a random negative, ties counting half.

    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.35, 0.8])).value
    0.75
    """
    positive, negative = score[label == 1], score[label == 0]
    m, n = len(positive), len(negative)
    if m == 0 or n == 0:
        return Interval(value=math.nan, low=math.nan, high=math.nan)
    both = midranks(np.concatenate([positive, negative]))
    above_positive = (both[:m] - midranks(positive)) / n
    above_negative = 1.0 - (both[m:] - midranks(negative)) / m
    value = float(above_positive.mean())
    variance = 0.0
    if m > 1 and n > 1:
        variance = float(above_positive.var(ddof=1) / m + above_negative.var(ddof=1) / n)
    margin = Z_95 * math.sqrt(max(variance, 0.0))
    return Interval(value=value, low=max(0.0, value - margin), high=min(1.0, value + margin))


def midranks(values: Numbers) -> Floats:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=float)


def average_precision(label: Ints, score: Numbers) -> float:
    """Area under the precision-recall curve, as the step-wise sum over distinct scores."""
    total = int(label.sum())
    if total == 0:
        return math.nan
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(label[order])
    # Equal scores are one step: their order is accidental.
    ends = np.nonzero(np.append(np.diff(score[order]) != 0, True))[0]
    precision = hits[ends] / (ends + 1)
    recall = hits[ends] / total
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def log_loss(label: Ints, probability: Floats) -> float:
    """Mean negative log likelihood, in nats."""
    return float(log_losses(label, probability).mean()) if len(label) else math.nan


def log_losses(label: Ints, probability: Floats) -> Floats:
    """Negative log likelihood of each outcome, in nats."""
    p = np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return np.asarray(-(label * np.log(p) + (1 - label) * np.log(1 - p)), dtype=float)


def brier(label: Ints, probability: Floats) -> float:
    """Mean squared difference between probability and outcome."""
    return float(np.mean((probability - label) ** 2)) if len(label) else math.nan


def calibration(label: Ints, probability: Floats, *, bins: int = 10) -> tuple[CalibrationRow, ...]:
    """Predicted and observed rates in groups of equal size, lowest predictions first.

    The interval is Wilson's for the observed rate.
    """
    rows = []
    for part in np.array_split(np.argsort(probability, kind="stable"), bins):
        if not len(part):
            continue
        low, high = wilson(int(label[part].sum()), len(part))
        rows.append(
            CalibrationRow(
                people=len(part),
                predicted=float(probability[part].mean()),
                observed=float(label[part].mean()),
                low=low,
                high=high,
            )
        )
    return tuple(rows)


def calibration_error(rows: tuple[CalibrationRow, ...]) -> float:
    """Mean absolute gap between predicted and observed rates, weighted by people."""
    people = sum(row.people for row in rows)
    if not people:
        return math.nan
    return sum(row.people * abs(row.predicted - row.observed) for row in rows) / people


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share."""
    if n == 0:
        return math.nan, math.nan
    share, z2 = successes / n, Z_95**2
    centre = (share + z2 / (2 * n)) / (1 + z2 / n)
    margin = Z_95 * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return max(0.0, centre - margin), min(1.0, centre + margin)


def lift_table(label: Ints, score: Numbers) -> tuple[LiftRow, ...]:
    """Tenths of the people, highest scores first."""
    total, base = int(label.sum()), float(label.mean()) if len(label) else 0.0
    rows, found = [], 0
    for number, part in enumerate(np.array_split(np.argsort(-score, kind="stable"), 10), start=1):
        hits = int(label[part].sum())
        found += hits
        rate = hits / len(part) if len(part) else math.nan
        rows.append(
            LiftRow(
                decile=number,
                people=len(part),
                rate=rate,
                lift=rate / base if base else math.nan,
                gain=found / total if total else math.nan,
            )
        )
    return tuple(rows)


def quantile_edges(values: Floats, *, bins: int = 10) -> tuple[float, ...]:
    """Inner edges that split `values` into bins of about equal size; equal edges are dropped."""
    known = values[np.isfinite(values)]
    if not len(known):
        return ()
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    return tuple(float(edge) for edge in edges)


def bin_shares(values: Floats, edges: tuple[float, ...]) -> tuple[float, ...]:
    """Share of values per bin, left-closed; the last share is of missing values."""
    known = values[np.isfinite(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    total = max(1, len(values))
    return (*(float(count) / total for count in counts), (len(values) - len(known)) / total)


def stability_index(expected: tuple[float, ...], actual: tuple[float, ...]) -> float:
    """Population stability index: Σ (a - e) ln(a / e). Above 0.2 is a shift worth a look.

    >>> stability_index((0.5, 0.5), (0.5, 0.5))
    0.0
    """
    e = np.maximum(np.asarray(expected), 1e-4)
    a = np.maximum(np.asarray(actual), 1e-4)
    return float(np.sum((a - e) * np.log(a / e)))


def ndcg(
    ranked: npt.NDArray[np.int64], relevant_keys: Ints, people: Ints, *, n_items: int
) -> Floats:
    """NDCG per person with binary relevance: the ideal list holds min(k, |relevant|) hits.

    Args:
        ranked: Items best first, one row per person, -1 for none; k is its width.
        relevant_keys: Distinct `person * n_items + item` of what was taken; each person has some.
        people: The person of each row.
        n_items: Size of the catalogue.
    """
    k = ranked.shape[1]
    discount = 1.0 / np.log2(np.arange(k) + 2.0)
    hit = np.isin(people[:, None] * n_items + ranked, relevant_keys) & (ranked >= 0)
    relevant = np.bincount(relevant_keys // n_items, minlength=int(people.max(initial=0)) + 1)
    ideal = np.concatenate([[0.0], np.cumsum(discount)])[np.minimum(relevant[people], k)]
    return np.asarray((hit @ discount) / np.maximum(ideal, 1e-12), dtype=float)
