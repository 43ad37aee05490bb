"""Training a propensity model: split by time, choose, measure on later people, keep a card.

In: a workspace and a model definition. Out: a stored version with its card. The cuts, oldest
first, serve three ends: all but two train the candidates; the last but one chooses between them
(the challenger must win there, or the simpler default stays); the last one measures the winner,
which has then been trained on everything before it. Only then is it trained on all cuts and kept.
A champion that still predicts the last cut better than the new version stays.
"""

import importlib.metadata
import importlib.util
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from vocative import __version__
from vocative.clock import naive_utc
from vocative.engines.base import Engine
from vocative.errors import AuthorError, VocativeError
from vocative.predict.artifacts import (
    dump_model,
    find_card,
    load_model,
    read_artifact,
    save_version,
    sha256,
    version_of,
)
from vocative.predict.card import (
    BaselineRow,
    CandidateRow,
    CutRow,
    DriftReference,
    Importance,
    ModelCard,
    Quality,
)
from vocative.predict.columns import Columns
from vocative.predict.dataset import (
    Dataset,
    Span,
    build_dataset,
    choose_cuts,
    compute_table,
    known_span,
    population_table,
)
from vocative.predict.definitions import AUTO, MODELS, Propensity, traits_behind
from vocative.predict.interactions import Floats, Ints
from vocative.predict.leaks import future_columns, refuse_future_columns, refuse_too_good
from vocative.predict.metrics import (
    Numbers,
    average_precision,
    bin_shares,
    brier,
    calibration,
    calibration_error,
    lift_table,
    log_loss,
    log_losses,
    quantile_edges,
    roc_auc,
)
from vocative.predict.models.base import Model
from vocative.workspace import Workspace

if TYPE_CHECKING:
    from vocative.segment.plan import Plan

Progress = Callable[[str, float], None]
DEFAULT_ALGORITHM = "logistic_regression"
CHALLENGER = "lightgbm"
LEAST_TEST_POSITIVES = 20
LEAST_NEWCOMERS = 100
EXPLAINED_ROWS = 5_000


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A model and the shift of its log-odds to the latest known base rate."""

    algorithm: str
    model: Model
    offset: float

    def probabilities(self, columns: Columns) -> Floats:
        """A probability per row."""
        return shifted(self.model.predict_many(columns), self.offset)


def train_propensity(
    workspace: Workspace,
    plan: "Plan",
    model: Propensity,
    *,
    as_of: datetime,
    progress: Progress,
) -> ModelCard:
    """Train a propensity model and keep the version.

    Raises:
        AuthorError: a feature knows the future, or an algorithm needs what is not installed.
    """
    began = time.perf_counter()
    old: OldChampion | None = None
    with workspace.engine() as engine:
        progress("reading history", 0.0)
        span = known_span(engine, until=as_of)
        cuts = choose_cuts(span, model.within) if span else ()
        missing = missing_history(model, span, cuts)
        data = None
        if not missing:
            progress("looking for features that know the future", 0.1)
            _guard(engine, plan, model, cuts)
            progress("computing features at every cut", 0.2)
            old = _old_champion(workspace, plan, model)
            data = build_dataset(engine, plan, _with_features(model, old), cuts)
            missing = missing_rows(model, data)
    card = _blank_card(workspace, model, span, as_of=as_of)
    if missing or data is None:
        card = _with(card, status="not_enough_data", missing=tuple(missing))
        raw = b"{}"
    else:
        for cut in range(len(data.cuts)):
            rows = data.rows_at(cut)
            known = data.columns.only(model.features).take(rows)
            refuse_too_good(plan, model, known, data.label[rows])
        progress("training", 0.6)
        everything, data = data, replace(data, columns=data.columns.only(model.features))
        card, fitted = learn(model, data, card)
        raw = dump_model(
            fitted.model, algorithm=fitted.algorithm, features=model.features, offset=fitted.offset
        )
        card = _with(
            card,
            cautions=tuple(_cautions(plan, model, data, card)),
            importances=_described(card.importances, plan),
        )
        card = _with(card, status=_status(old, everything, card))
    card = _with(
        card,
        version=version_of(as_of, raw),
        artifact_sha256=sha256(raw),
        train_seconds=round(time.perf_counter() - began, 3),
    )
    save_version(workspace, card, raw, at=workspace.clock.now())
    progress("done", 1.0)
    return card


def learn(model: Propensity, data: Dataset, card: ModelCard) -> tuple[ModelCard, Fitted]:
    """Choose an algorithm, measure it on the last cut, and train it on everything."""
    last = len(data.cuts) - 1
    roles = _roles(len(data.cuts))
    rows = data.rows_at
    before = [number for number, role in enumerate(roles) if role != "testing"]
    algorithm, candidates = choose_algorithm(model, data, roles)
    if last == 0:
        # One cut only: people stand in for time, and the card says so.
        training, testing = _split_people(data)
    else:
        training, testing = rows(*before), rows(last)
    measured = fit(model, data, training, algorithm)
    probability = measured.probabilities(data.columns.take(testing))
    final = fit(model, data, np.arange(len(data.label)), algorithm)
    card = _with(
        card,
        algorithm=algorithm,
        people=len(np.unique(data.person)),
        cuts=tuple(_cut_rows(data, roles)),
        candidates=tuple(candidates),
        quality=quality_of(data, training, testing, probability),
        baselines=tuple(_baselines(data, testing)),
        importances=tuple(importances_of(final.model, data.columns)),
        drift=tuple(drift_reference(final, data, rows(last))),
    )
    return card, final


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


def missing_history(model: Propensity, span: Span | None, cuts: tuple[datetime, ...]) -> list[str]:
    """What history lacks, in words."""
    if span is None:
        return ["there is no event about any person yet"]
    if not cuts:
        days = (span.end - span.start).days
        needed, ahead = 2 * model.within.days, model.within.days
        return [f"history covers {days} days; {needed} are needed to look {ahead} days ahead"]
    if not model.features:
        return ["the workspace defines no feature to learn from"]
    return []


def missing_rows(model: Propensity, data: Dataset) -> list[str]:
    """What the rows lack, in words."""
    needs = MODELS.load(DEFAULT_ALGORITHM if model.algorithm == AUTO else model.algorithm).needs
    rows, positives = len(data.label), int(data.label.sum())
    testing = data.rows_at(len(data.cuts) - 1)
    last = int(data.label[testing].sum())
    found = []
    if rows < needs.rows:
        found.append(f"{rows:,} rows of people at past instants; {needs.rows:,} are needed")
    if positives < needs.positives:
        found.append(f"{positives:,} cases of {model.what}; {needs.positives:,} are needed")
    if rows - positives < needs.negatives:
        found.append(
            f"{rows - positives:,} cases without {model.what}; {needs.negatives:,} are needed"
        )
    if not found and min(last, len(testing) - last) < LEAST_TEST_POSITIVES:
        found.append(
            f"in the last {model.within.days} days {last:,} of {len(testing):,} people did it;"
            f" at least {LEAST_TEST_POSITIVES} must have and {LEAST_TEST_POSITIVES} must not, or"
            " nothing can be measured"
        )
    return found


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


def library_versions(*packages: str) -> dict[str, str]:
    """What a model was made with."""
    found = {"vocative": __version__, "python": platform.python_version()}
    for package in packages:
        if importlib.util.find_spec(package) is not None:
            found[package] = importlib.metadata.version(package)
    return found


def _guard(engine: Engine, plan: "Plan", model: Propensity, cuts: tuple[datetime, ...]) -> None:
    # The oldest cut has the most future behind it that a feature could know.
    population = population_table(engine, cuts[:1])
    found = future_columns(
        engine, lambda where, people: compute_table(where, plan, model, people), population
    )
    refuse_future_columns(model, found)


def _roles(cuts: int) -> list[str]:
    if cuts == 1:
        return ["testing"]
    return ["training"] * max(cuts - 2, 1) + ["choosing"] * (cuts > 2) + ["testing"]


def _split_people(data: Dataset) -> tuple[Ints, Ints]:
    from vocative.ids import stable_fraction

    kept = np.array([stable_fraction("training people", person) < 0.6 for person in data.person])
    return np.nonzero(kept)[0], np.nonzero(~kept)[0]


def _cannot_run(algorithm: str, data: Dataset) -> str:
    needs = MODELS.load(algorithm).needs
    for package in needs.packages:
        if importlib.util.find_spec(package) is None:
            return f"the package {package} is not installed (pip install 'vocative[predict]')"
    positives = int(data.label.sum())
    if len(data.label) < needs.rows or positives < needs.positives:
        return f"it needs {needs.rows:,} rows with {needs.positives:,} positive ones"
    return ""


def _cut_rows(data: Dataset, roles: list[str]) -> list[CutRow]:
    return [
        CutRow(
            as_of=naive_utc(cut).isoformat(timespec="seconds"),
            role=role,  # type: ignore[arg-type]
            people=len(data.rows_at(number)),
            positives=int(data.label[data.rows_at(number)].sum()),
        )
        for number, (cut, role) in enumerate(zip(data.cuts, roles, strict=True))
    ]


def _baselines(data: Dataset, rows: Ints) -> list[BaselineRow]:
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


def _cautions(plan: "Plan", model: Propensity, data: Dataset, card: ModelCard) -> list[str]:
    found = []
    traits = sorted({name for f in model.features for name in traits_behind(plan, f)})
    if traits:
        found.append(
            f"{', '.join(traits)}: traits have no history, so training saw today's values, not"
            " those of the time"
        )
    if len(data.cuts) == 1:
        found.append(
            "history is too short for a later period: the quality was measured on other people"
            " of the same period, which flatters it"
        )
    quality = card.quality
    if quality is None:
        return found
    best = max(card.baselines, key=lambda row: row.roc_auc.value)
    if quality.roc_auc.value <= best.roc_auc.value:
        found.append(
            f"the simple rule {best.name!r} ranks people as well (ROC-AUC"
            f" {best.roc_auc.value:.3f}): use that instead"
        )
    rates = [cut.positives / cut.people for cut in card.cuts if cut.people]
    if rates and min(rates) > 0 and max(rates) > 1.3 * min(rates):
        found.append(
            f"the rate moved between {min(rates):.1%} and {max(rates):.1%} from cut to cut:"
            " probabilities follow the latest one, ranks matter more"
        )
    return found


@dataclass(frozen=True, kw_only=True)
class OldChampion:
    """The version in use before this training."""

    card: ModelCard
    features: tuple[str, ...]
    fitted: Fitted


def _old_champion(workspace: Workspace, plan: "Plan", model: Propensity) -> OldChampion | None:
    """The version in use, when it can still be read and its features still exist."""
    with workspace.store.read() as tx:
        card = find_card(tx, model.name, status="champion")
    if card is None:
        return None
    try:
        stored, old = load_model(read_artifact(workspace, card))
    except VocativeError:
        return None
    if not all(name in plan.features or name in plan.traits for name in stored.features):
        return None
    fitted = Fitted(algorithm=stored.algorithm, model=old, offset=stored.offset)
    return OldChampion(card=card, features=stored.features, fitted=fitted)


def _with_features(model: Propensity, old: OldChampion | None) -> Propensity:
    """The model with the old version's features added, so that both can be compared."""
    extra = old.features if old else ()
    return replace(model, features=tuple(sorted({*model.features, *extra})))


def _status(old: OldChampion | None, data: Dataset, card: ModelCard) -> str:
    """Whether the new version takes over: a champion stays that predicts the last cut better."""
    if old is None or old.card.data_until is None or card.quality is None:
        return "champion"
    # The old one must not have seen these outcomes, or the comparison would flatter it.
    seen_until = datetime.fromisoformat(old.card.data_until)
    if seen_until > naive_utc(data.cuts[-1]) or old.card.predicts != card.predicts:
        return "champion"
    testing = data.rows_at(len(data.cuts) - 1)
    probability = old.fitted.probabilities(data.columns.take(testing))
    better = log_loss(data.label[testing], probability) < card.quality.log_loss
    return "not_better" if better else "champion"


def _blank_card(
    workspace: Workspace, model: Propensity, span: Span | None, *, as_of: datetime
) -> ModelCard:
    return ModelCard(
        model=model.name,
        kind="propensity",
        status="champion",
        version="",
        algorithm="",
        predicts=model.what,
        describe=model.describe,
        population=str(model.definition.body.get("population", "everyone")),
        trained_at=naive_utc(workspace.clock.now()).isoformat(timespec="seconds"),
        as_of=naive_utc(as_of).isoformat(timespec="seconds"),
        data_from=naive_utc(span.start).isoformat(timespec="seconds") if span else None,
        data_until=naive_utc(span.end).isoformat(timespec="seconds") if span else None,
        people=0,
        features=model.features,
        seed=model.seed,
        versions=library_versions("numpy", "lightgbm"),
    )


def _described(rows: tuple[Importance, ...], plan: "Plan") -> tuple[Importance, ...]:
    return tuple(
        Importance(
            feature=row.feature,
            share=row.share,
            describe=plan.features[row.feature].describe if row.feature in plan.features else "",
        )
        for row in rows
    )


def _with(card: ModelCard, **changes: object) -> ModelCard:
    import msgspec

    return msgspec.structs.replace(card, **changes)
