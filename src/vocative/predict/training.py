"""Training a propensity model: split by time, choose, measure on later people, keep a card.

In: a workspace and a model definition. Out: a stored version with its card. The cuts, oldest
first, serve three ends: all but two train the candidates; the last but one chooses between them
(the challenger must win there, or the simpler default stays); the last one measures the winner,
which has then been trained on everything before it. Only then is it trained on all cuts and kept.
A champion that still predicts the last cut better than the new version stays.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from vocative.clock import naive_utc
from vocative.engines.base import Engine
from vocative.errors import VocativeError
from vocative.predict.artifacts import (
    dump_model,
    find_card,
    load_model,
    read_artifact,
    save_version,
    sha256,
    version_of,
)
from vocative.predict.card import CutRow, Importance, ModelCard
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
from vocative.predict.fitting import DEFAULT_ALGORITHM, Fitted, choose_algorithm, fit
from vocative.predict.interactions import Ints
from vocative.predict.leaks import future_columns, refuse_future_columns, refuse_too_good
from vocative.predict.metrics import log_loss
from vocative.predict.quality import (
    LEAST_TEST_POSITIVES,
    baselines_of,
    drift_reference,
    importances_of,
    library_versions,
    quality_of,
)
from vocative.workspace import Workspace

if TYPE_CHECKING:
    from vocative.segment.plan import Plan

Progress = Callable[[str, float], None]


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
    found = _gather(workspace, plan, model, as_of=as_of, progress=progress)
    card = _blank_card(workspace, model, found.span, as_of=as_of)
    raw = b"{}"
    if found.missing or found.data is None:
        card = _with(card, status="not_enough_data", missing=tuple(found.missing))
    else:
        progress("training", 0.6)
        own = replace(found.data, columns=found.data.columns.only(model.features))
        _refuse_leaking_traits(plan, model, own)
        card, fitted = learn(model, own, card)
        raw = dump_model(
            fitted.model, algorithm=fitted.algorithm, features=model.features, offset=fitted.offset
        )
        card = _with(
            card,
            status=_status(found.old, found.data, card),
            cautions=tuple(_cautions(plan, model, own, card)),
            importances=_described(card.importances, plan),
        )
    card = _with(
        card,
        version=version_of(as_of, raw),
        artifact_sha256=sha256(raw),
        train_seconds=round(time.perf_counter() - began, 3),
    )
    save_version(workspace, card, raw, at=workspace.clock.now())
    progress("done", 1.0)
    return card


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What there is to learn from; `data` also holds the features of the version in use."""

    span: Span | None
    missing: list[str]
    data: Dataset | None = None
    old: "OldChampion | None" = None


def _gather(
    workspace: Workspace, plan: "Plan", model: Propensity, *, as_of: datetime, progress: Progress
) -> Gathered:
    with workspace.engine() as engine:
        progress("reading history", 0.0)
        span = known_span(engine, until=as_of)
        cuts = choose_cuts(span, model.within) if span else ()
        missing = missing_history(model, span, cuts)
        if missing:
            return Gathered(span=span, missing=missing)
        progress("looking for features that know the future", 0.1)
        _refuse_future(engine, plan, model, cuts)
        progress("computing features at every cut", 0.2)
        old = _old_champion(workspace, plan, model)
        data = build_dataset(engine, plan, _with_features(model, old), cuts)
    return Gathered(span=span, missing=missing_rows(model, data), data=data, old=old)


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
        baselines=tuple(baselines_of(data, testing)),
        importances=tuple(importances_of(final.model, data.columns)),
        drift=tuple(drift_reference(final, data, rows(last))),
    )
    return card, final


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


def _refuse_future(
    engine: Engine, plan: "Plan", model: Propensity, cuts: tuple[datetime, ...]
) -> None:
    # The oldest cut has the most future behind it that a feature could know.
    population = population_table(engine, cuts[:1])
    found = future_columns(
        engine, lambda where, people: compute_table(where, plan, model, people), population
    )
    refuse_future_columns(model, found)


def _refuse_leaking_traits(plan: "Plan", model: Propensity, data: Dataset) -> None:
    # At every cut: a trait may hold the outcome of one of them only.
    for cut in range(len(data.cuts)):
        rows = data.rows_at(cut)
        refuse_too_good(plan, model, data.columns.take(rows), data.label[rows])


def _roles(cuts: int) -> list[str]:
    if cuts == 1:
        return ["testing"]
    return ["training"] * max(cuts - 2, 1) + ["choosing"] * (cuts > 2) + ["testing"]


def _split_people(data: Dataset) -> tuple[Ints, Ints]:
    from vocative.ids import stable_fraction

    kept = np.array([stable_fraction("training people", person) < 0.6 for person in data.person])
    return np.nonzero(kept)[0], np.nonzero(~kept)[0]


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
    same_question = (old.card.predicts, old.card.population) == (card.predicts, card.population)
    if seen_until > naive_utc(data.cuts[-1]) or not same_question:
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
    return msgspec.structs.replace(card, **changes)
