"""What others ask of this stage: train, score, recommend, list and show models."""

from collections.abc import Callable
from datetime import datetime

from vocative.errors import AuthorError, StateError, unknown_name
from vocative.predict.artifacts import champion, find_card
from vocative.predict.card import ModelCard, ModelSummary, headline
from vocative.predict.definitions import (
    ModelDefinition,
    Propensity,
    Recommending,
    read_model,
    read_models,
)
from vocative.predict.recommending import recommend_items, train_recommender
from vocative.predict.scoring import DriftRow, drift_of, score_people
from vocative.predict.training import train_propensity
from vocative.segment.plan import Plan, build_plan
from vocative.workspace import Workspace

Progress = Callable[[str, float], None]
"""Told what is being done and which part of the work is behind, in [0, 1]."""


def train(
    workspace: Workspace,
    name: str,
    as_of: datetime | None = None,
    progress: Progress | None = None,
) -> ModelCard:
    """Train a model or recommender, measure it on later data and keep the version.

    Args:
        workspace: The workspace.
        name: The model's name in `models/`.
        as_of: Learn as if it were this instant; now unless told.
        progress: Told how far the work is.

    Returns:
        The model card. With too little data its status is `not_enough_data` and `missing` says
        what is needed; whatever version was in use stays in use.

    Raises:
        UnknownName: there is no such model.
        AuthorError: the definition is wrong, or a feature knows the future.
    """
    plan, model = _model(workspace, name)
    at = as_of or workspace.clock.now()
    told = progress or _nobody
    if isinstance(model, Recommending):
        return train_recommender(workspace, model, as_of=at, progress=told)
    return train_propensity(workspace, plan, model, as_of=at, progress=told)


def score(workspace: Workspace, name: str, progress: Progress | None = None) -> int:
    """Score everyone in a model's population now; replaces its earlier scores.

    Returns:
        How many people were scored.

    Raises:
        UnknownName: there is no such model.
        AuthorError: it is a recommender.
        StateError: it is not trained.
    """
    plan, model = _model(workspace, name)
    if isinstance(model, Recommending):
        raise AuthorError(
            f"{name!r} recommends items, it gives no score",
            where=model.definition.where("recommend"),
            hint=f"run `vocative recommend {name}`",
        )
    return score_people(
        workspace, plan, model, as_of=workspace.clock.now(), progress=progress or _nobody
    )


def recommend(
    workspace: Workspace, name: str, n: int = 20, progress: Progress | None = None
) -> int:
    """Write the `n` best items for everyone; replaces the recommender's earlier lists.

    Args:
        workspace: Where.
        name: The recommender.
        n: How many items for each person, at most 200.
        progress: Told how far it is.

    Returns:
        How many people have a list.

    Raises:
        UnknownName: there is no such recommender.
        AuthorError: it predicts an event instead, or `n` is not from 1 to 200.
        StateError: it is not trained.
    """
    _, model = _model(workspace, name)
    if isinstance(model, Propensity):
        raise AuthorError(
            f"{name!r} predicts an event, it recommends no items",
            where=model.definition.where("predict"),
            hint=f"run `vocative score {name}`",
        )
    if not 1 <= n <= 200:
        raise AuthorError(f"a list has 1 to 200 items, not {n}")
    return recommend_items(
        workspace, model, n=n, as_of=workspace.clock.now(), progress=progress or _nobody
    )


def list_models(workspace: Workspace) -> list[ModelSummary]:
    """Every model that the workspace defines, with what its version in use reaches."""
    models = read_models(workspace)
    with workspace.store.read() as tx:
        cards = {
            name: find_card(tx, name, status="champion") or find_card(tx, name) for name in models
        }
    return [_summary(model, cards[name]) for name, model in models.items()]


def show_model(workspace: Workspace, name: str) -> ModelCard:
    """The card of the version in use, else of the newest.

    Raises:
        UnknownName: there is no such model.
        StateError: it has never been trained.
    """
    _model(workspace, name)
    with workspace.store.read() as tx:
        card = find_card(tx, name, status="champion") or find_card(tx, name)
    if card is None:
        raise StateError(
            f"the model {name!r} is not trained yet", hint=f"run `vocative train {name}` first"
        )
    return card


def drift(workspace: Workspace, name: str) -> list[DriftRow]:
    """How far a model's population has moved since it was trained, the largest move first.

    Raises:
        UnknownName: there is no such model.
        AuthorError: it is a recommender.
        StateError: it is not trained.
    """
    plan, model = _model(workspace, name)
    if isinstance(model, Recommending):
        raise AuthorError(f"{name!r} is a recommender: it has no features that could drift")
    card = champion(workspace, name)
    return drift_of(workspace, plan, model, card, as_of=workspace.clock.now())


def _model(workspace: Workspace, name: str) -> tuple[Plan, ModelDefinition]:
    definitions = workspace.definitions("model")
    if name not in definitions:
        raise unknown_name("model", name, definitions, where="models/")
    plan = build_plan(workspace)
    return plan, read_model(definitions[name], plan)


def _summary(model: ModelDefinition, card: ModelCard | None) -> ModelSummary:
    return ModelSummary(
        name=model.name,
        kind=model.kind,
        predicts=model.what,
        describe=model.describe,
        trained=card is not None and card.status == "champion",
        status=card.status if card else None,
        version=card.version if card else None,
        algorithm=card.algorithm if card else None,
        trained_at=card.trained_at if card else None,
        headline=headline(card) if card else "not trained yet",
    )


def _nobody(_: str, __: float) -> None:
    """Progress for nobody."""
