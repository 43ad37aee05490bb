"""What a card says of a fitted model: quality, baselines, importances and a reference for drift."""

import importlib.metadata
import importlib.util
import platform

import numpy as np

from vocative import __version__
from vocative.predict.card import BaselineRow, DriftReference, Importance, Quality
from vocative.predict.columns import Columns
from vocative.predict.dataset import Dataset
from vocative.predict.fitting import Fitted
from vocative.predict.interactions import Floats, Ints
from vocative.predict.metrics import (
    Numbers,
    average_precision,
    bin_shares,
    brier,
    calibration,
    calibration_error,
    lift_table,
    log_loss,
    quantile_edges,
    roc_auc,
)
from vocative.predict.models.base import Model

LEAST_TEST_POSITIVES = 20
EXPLAINED_ROWS = 5_000


def quality_of(data: Dataset, training: Ints, testing: Ints, probability: Floats) -> Quality:
    """How good the probabilities are on the testing rows."""
    label = data.label[testing]
    table = calibration(label, probability)
    new = ~np.isin(data.person[testing], data.person[training])
    # Without enough of both outcomes a figure about newcomers would be noise.
    tell = min(int(label[new].sum()), int((1 - label[new]).sum())) >= LEAST_TEST_POSITIVES
    return Quality(
        people=len(label),
        positives=int(label.sum()),
        base_rate=float(label.mean()),
        roc_auc=roc_auc(label, probability),
        pr_auc=average_precision(label, probability),
        log_loss=log_loss(label, probability),
        brier=brier(label, probability),
        calibration_error=calibration_error(table),
        calibration=table,
        lift=lift_table(label, probability),
        newcomers=int(new.sum()),
        newcomers_roc_auc=roc_auc(label[new], probability[new]) if tell else None,
    )


def importances_of(model: Model, columns: Columns) -> list[Importance]:
    """Mean absolute contribution per feature, as a share of all; largest first."""
    rows = np.linspace(0, columns.n_rows - 1, min(columns.n_rows, EXPLAINED_ROWS)).astype(int)
    features, contributions = model.explain(columns.take(rows))
    moved = np.abs(contributions).mean(axis=0) if len(features) else np.zeros(0)
    total = float(moved.sum()) or 1.0
    found = [
        Importance(feature=name, share=float(value) / total)
        for name, value in zip(features, moved, strict=True)
    ]
    return sorted(found, key=lambda row: (-row.share, row.feature))


def drift_reference(fitted: Fitted, data: Dataset, rows: Ints) -> list[DriftReference]:
    """How features and the score were spread at the last cut."""
    columns = data.columns.take(rows)
    spread = {name: columns.numbers(name) for name, kind in columns.kinds.items() if kind != "word"}
    spread["score"] = fitted.probabilities(columns)
    found = []
    for name, values in sorted(spread.items()):
        edges = quantile_edges(values)
        found.append(DriftReference(name=name, edges=edges, shares=bin_shares(values, edges)))
    return found


def baselines_of(data: Dataset, rows: Ints) -> list[BaselineRow]:
    """What two simple rules reach on the testing rows: latest first, most often first."""
    recency = -np.nan_to_num(data.recency_days[rows], nan=1e9)
    return [
        _baseline("recency only", data.label[rows], recency),
        _baseline("frequency only", data.label[rows], data.frequency[rows]),
    ]


def _baseline(name: str, label: Ints, score: Numbers) -> BaselineRow:
    return BaselineRow(
        name=name,
        roc_auc=roc_auc(label, score),
        pr_auc=average_precision(label, score),
        lift_top_tenth=lift_table(label, score)[0].lift,
    )


def library_versions(*packages: str) -> dict[str, str]:
    """What a model was made with."""
    found = {"vocative": __version__, "python": platform.python_version()}
    for package in packages:
        if importlib.util.find_spec(package) is not None:
            found[package] = importlib.metadata.version(package)
    return found
