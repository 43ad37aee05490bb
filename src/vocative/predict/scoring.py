"""Scoring: a number and its reasons for everyone in a model's population, as rows.

In: the champion of a model and features as of now. Out: the table `scores`, in one transaction:
readers see the old scores of everyone or the new ones. Linear models need numpy only.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from vocative.clock import to_micros
from vocative.predict.artifacts import champion, load_model, read_artifact
from vocative.predict.card import ModelCard
from vocative.predict.columns import Columns, columns_of
from vocative.predict.dataset import features_of
from vocative.predict.definitions import Propensity
from vocative.predict.encoding import Encoding
from vocative.predict.fitting import shifted
from vocative.predict.metrics import bin_shares, stability_index
from vocative.predict.reasons import reasons_of
from vocative.segment.batch import everyone_sql
from vocative.segment.live.state import judge_everybody
from vocative.workspace import Workspace

if TYPE_CHECKING:
    from vocative.segment.plan import Plan

Progress = Callable[[str, float], None]
ROWS_AT_ONCE = 50_000
SHIFTED = 0.2


class DriftRow(msgspec.Struct, frozen=True, kw_only=True):
    """How far one feature, or the score, has moved since training."""

    name: str
    stability_index: float

    @property
    def moved(self) -> bool:
        """Whether that is a shift worth a look (above 0.2)."""
        return self.stability_index > SHIFTED


def score_people(
    workspace: Workspace,
    plan: "Plan",
    model: Propensity,
    *,
    as_of: datetime,
    progress: Progress,
) -> int:
    """Score everyone in the model's population; replaces the model's earlier scores.

    Returns:
        How many people were scored.

    Raises:
        StateError: the model is not trained.
        DataError: the stored model was changed or does not hold together.
    """
    card = champion(workspace, model.name)
    stored, learner = load_model(read_artifact(workspace, card))
    progress("computing features", 0.1)
    people, columns = current_columns(workspace, plan, model, stored.features, as_of=as_of)
    progress("scoring", 0.6)
    values = shifted(learner.predict_many(columns), stored.offset)
    encoding: Encoding = learner.state.encoding
    codes = {code.feature: code for code in encoding.codes}
    described = {name: found.describe for name, found in plan.features.items()}
    scored_at, rows = to_micros(as_of), []
    for start in range(0, len(people), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        some = columns.take(part)
        features, contributions = learner.explain(some)
        reasons = reasons_of(some, features, contributions, codes, described)
        rows += [
            {
                "person_id": person,
                "model": model.name,
                "value": value,
                "version": card.version,
                "scored_at": scored_at,
                "reasons": msgspec.json.encode(said).decode(),
            }
            for person, value, said in zip(
                people[part], values[part].tolist(), reasons, strict=True
            )
        ]
    progress("writing scores", 0.9)
    asked = any(model.name in found.scores for found in plan.segments.values())
    with workspace.worker_lock("apply"), workspace.store.transaction() as tx:
        tx.run("DELETE FROM scores WHERE model = :model", {"model": model.name})
        tx.run(
            "INSERT INTO scores (person_id, model, value, version, scored_at, reasons)"
            " VALUES (:person_id, :model, :value, :version, :scored_at, :reasons)",
            rows,
        )
        if asked:
            judge_everybody(tx, to_micros(workspace.clock.now()))
    progress("done", 1.0)
    return len(rows)


def current_columns(
    workspace: Workspace,
    plan: "Plan",
    model: Propensity,
    features: Iterable[str],
    *,
    as_of: datetime,
) -> tuple[list[str], Columns]:
    """The people of a model's population now, and their features."""
    names = tuple(name for name in features if name in plan.features or name in plan.traits)
    # As it was trained: a definition edited since must not change its columns.
    asked = replace(model, features=names)
    with workspace.engine() as engine:
        table = features_of(engine, plan, asked, engine.query(everyone_sql(as_of)))
    return table.column("person_id").to_pylist(), columns_of(table, names)


def drift_of(
    workspace: Workspace, plan: "Plan", model: Propensity, card: ModelCard, *, as_of: datetime
) -> list[DriftRow]:
    """How the population has moved since training, the largest move first."""
    stored, learner = load_model(read_artifact(workspace, card))
    _, columns = current_columns(workspace, plan, model, stored.features, as_of=as_of)
    score = shifted(learner.predict_many(columns), stored.offset)
    found = []
    for reference in card.drift:
        values = score if reference.name == "score" else columns.numbers(reference.name)
        shares = bin_shares(values, reference.edges)
        found.append(
            DriftRow(name=reference.name, stability_index=stability_index(reference.shares, shares))
        )
    return sorted(found, key=lambda row: (-row.stability_index, row.name))
