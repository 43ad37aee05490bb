"""The model card: what was learned from what, how good it is on later data, and what to mind.

A card is a struct; `card.json` holds it and `card.md` says it in words. "Not enough data" is a
card too: it names what is missing.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from vocative.predict.metrics import CalibrationRow, Interval, LiftRow

Status = Literal["champion", "retired", "not_better", "not_enough_data"]


class CutRow(msgspec.Struct, frozen=True, kw_only=True):
    """One instant from which the model looked ahead; `role` says what its rows were for."""

    as_of: str
    role: Literal["training", "choosing", "testing"]
    people: int
    positives: int


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """How good probabilities were on the testing cut."""

    people: int
    positives: int
    base_rate: float
    roc_auc: Interval
    pr_auc: float
    log_loss: float
    brier: float
    calibration_error: float
    calibration: tuple[CalibrationRow, ...]
    lift: tuple[LiftRow, ...]
    newcomers: int = 0
    newcomers_roc_auc: Interval | None = None


class BaselineRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a simple rule reaches on the same people."""

    name: str
    roc_auc: Interval
    pr_auc: float
    lift_top_tenth: float


class CandidateRow(msgspec.Struct, frozen=True, kw_only=True):
    """An algorithm that was tried, judged on the choosing cut."""

    algorithm: str
    chosen: bool
    log_loss: float | None = None
    roc_auc: float | None = None
    why: str = ""


class Importance(msgspec.Struct, frozen=True, kw_only=True):
    """The share of all movement of the log-odds that one feature causes."""

    feature: str
    share: float
    describe: str = ""


class DriftReference(msgspec.Struct, frozen=True, kw_only=True):
    """How a feature or the score was spread in training: bin edges and shares, missing last."""

    name: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]


class RankingRow(msgspec.Struct, frozen=True, kw_only=True):
    """How good lists of items were in the testing window."""

    name: str
    ndcg10: float
    recall20: float
    hit10: float
    coverage10: float


class ModelCard(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """Everything worth knowing about one trained version of a model."""

    model: str
    kind: Literal["propensity", "recommender"]
    status: Status
    version: str
    algorithm: str
    predicts: str
    describe: str
    population: str
    trained_at: str
    as_of: str
    data_from: str | None
    data_until: str | None
    people: int
    features: tuple[str, ...] = ()
    cuts: tuple[CutRow, ...] = ()
    quality: Quality | None = None
    baselines: tuple[BaselineRow, ...] = ()
    candidates: tuple[CandidateRow, ...] = ()
    importances: tuple[Importance, ...] = ()
    ranking: tuple[RankingRow, ...] = ()
    drift: tuple[DriftReference, ...] = ()
    missing: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    seed: int = 0
    versions: dict[str, str] = {}
    artifact_sha256: str = ""
    train_seconds: float = 0.0


class ModelSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a workspace as a line in a list."""

    name: str
    kind: Literal["propensity", "recommender"]
    predicts: str
    describe: str
    trained: bool
    status: Status | None = None
    version: str | None = None
    algorithm: str | None = None
    trained_at: str | None = None
    headline: str = ""


def headline(card: ModelCard) -> str:
    """The one sentence about a card."""
    if card.status == "not_enough_data":
        return "not enough data: " + "; ".join(card.missing)
    if card.quality is not None:
        auc, top = card.quality.roc_auc, card.quality.lift[0].lift
        return (
            f"ROC-AUC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f}); the best tenth does it"
            f" {top:.1f} times as often as the average"
        )
    if card.ranking:
        best = card.ranking[0]
        return f"NDCG@10 {best.ndcg10:.3f}; {best.hit10:.0%} of buyers found something they bought"
    return ""


def card_markdown(card: ModelCard) -> str:
    """The card in words and tables."""
    lines = [f"# {card.model}", "", card.describe or card.predicts, ""]
    lines += [f"**{headline(card)}**", ""]
    lines += _table(
        ("", ""),
        [
            ("predicts", card.predicts),
            ("population", card.population),
            ("algorithm", card.algorithm or "none yet"),
            ("status", card.status.replace("_", " ")),
            ("version", card.version),
            ("trained at", f"{card.trained_at}, as of {card.as_of}"),
            ("history", f"{card.data_from or 'none'} to {card.data_until or 'none'}"),
            ("people", f"{card.people:,}"),
            ("seed", str(card.seed)),
            ("training took", f"{card.train_seconds:.1f} s"),
            ("made with", ", ".join(f"{name} {found}" for name, found in card.versions.items())),
        ],
    )
    sections: list[tuple[str, list[str]]] = [
        ("What is missing", [f"- {sentence}" for sentence in card.missing]),
        ("What to mind", [f"- {sentence}" for sentence in card.cautions]),
        ("Rows", _cut_table(card)),
        ("Quality on later data", _quality_table(card)),
        ("Calibration", _calibration_table(card)),
        ("Lift and gain", _lift_table(card)),
        ("Lists on later data", _ranking_table(card)),
        ("Algorithms tried", _candidate_table(card)),
        ("What moves the score", _importance_table(card)),
    ]
    for title, body in sections:
        if body:
            lines += [f"## {title}", "", *body, ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    return [
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
        *("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in rows),
        "",
    ]


def _cut_table(card: ModelCard) -> list[str]:
    rows = [
        (cut.as_of, cut.role, f"{cut.people:,}", f"{cut.positives:,}", _share(cut))
        for cut in card.cuts
    ]
    return _table(("as of", "used for", "people", "did it", "rate"), rows)


def _share(cut: CutRow) -> str:
    return f"{cut.positives / cut.people:.1%}" if cut.people else "-"


def _quality_table(card: ModelCard) -> list[str]:
    if card.quality is None:
        return []
    q = card.quality
    rows = [(card.algorithm, _interval(q.roc_auc), f"{q.pr_auc:.3f}", f"{q.lift[0].lift:.2f}")]
    rows += [
        (row.name, _interval(row.roc_auc), f"{row.pr_auc:.3f}", f"{row.lift_top_tenth:.2f}")
        for row in card.baselines
    ]
    lines = _table(("", "ROC-AUC (95 %)", "PR-AUC", "lift of the best tenth"), rows)
    lines.append(
        f"Log loss {q.log_loss:.4f}, Brier {q.brier:.4f}, mean calibration gap"
        f" {q.calibration_error:.3f}; {q.positives:,} of {q.people:,} people did it"
        f" ({q.base_rate:.1%})."
    )
    if q.newcomers_roc_auc is not None:
        lines.append(
            f"Of these, {q.newcomers:,} were in no training row: ROC-AUC"
            f" {_interval(q.newcomers_roc_auc)}."
        )
    return lines


def _calibration_table(card: ModelCard) -> list[str]:
    rows = card.quality.calibration if card.quality else ()
    return _table(
        ("people", "predicted", "happened", "95 %"),
        [
            (
                f"{row.people:,}",
                f"{row.predicted:.1%}",
                f"{row.observed:.1%}",
                f"{row.low:.1%} to {row.high:.1%}",
            )
            for row in rows
        ],
    )


def _lift_table(card: ModelCard) -> list[str]:
    rows = card.quality.lift if card.quality else ()
    return _table(
        ("tenth", "people", "rate", "lift", "share of all who did it, so far"),
        [
            (str(r.decile), f"{r.people:,}", f"{r.rate:.1%}", f"{r.lift:.2f}", f"{r.gain:.0%}")
            for r in rows
        ],
    )


def _ranking_table(card: ModelCard) -> list[str]:
    return _table(
        ("", "NDCG@10", "recall@20", "found one in 10", "items shown"),
        [
            (
                row.name,
                f"{row.ndcg10:.3f}",
                f"{row.recall20:.3f}",
                f"{row.hit10:.0%}",
                f"{row.coverage10:.0%}",
            )
            for row in card.ranking
        ],
    )


def _candidate_table(card: ModelCard) -> list[str]:
    return _table(
        ("algorithm", "log loss", "ROC-AUC", ""),
        [
            (
                row.algorithm + (" (chosen)" if row.chosen else ""),
                "-" if row.log_loss is None else f"{row.log_loss:.4f}",
                "-" if row.roc_auc is None else f"{row.roc_auc:.3f}",
                row.why,
            )
            for row in card.candidates
        ],
    )


def _importance_table(card: ModelCard) -> list[str]:
    return _table(
        ("feature", "share", ""),
        [(row.feature, f"{row.share:.1%}", row.describe) for row in card.importances[:20]],
    )


def _interval(found: Interval) -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def plain(card: ModelCard) -> dict[str, Any]:
    """The card as JSON-ready values; what is not a number becomes null."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(card))
    return found
