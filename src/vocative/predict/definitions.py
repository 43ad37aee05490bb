"""What `models/*.yaml` says, one definition at a time.

A definition's body comes in, a frozen value goes out. A body with `predict:` is a propensity
model, one with `recommend:` a recommender. Refused, with file, line and column: unknown keys,
windows that are no length of time, conditions and features that do not exist, unknown algorithms.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from vocative.errors import AuthorError, unknown_name
from vocative.predict.models.base import Model
from vocative.predict.recommenders.base import Recommender
from vocative.registry import Kind
from vocative.sql import Catalog, CheckedExpression, Type, check, in_document, parse
from vocative.workspace import Definition, Workspace
from vocative.workspace.settings import convert

if TYPE_CHECKING:
    from vocative.segment.plan import Plan

MODELS = Kind("models", package="vocative.predict.models", base=Model)  # type: ignore[type-abstract]
RECOMMENDERS = Kind(
    "recommenders",
    package="vocative.predict.recommenders",
    base=Recommender,  # type: ignore[type-abstract]
)
AUTO = "auto"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_WITHIN = re.compile(r"(\d{1,3})\s*(d|w|days?|weeks?)")
_MOST_DAYS = 366


class PropensityBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a model that predicts an event."""

    predict: str | list[str]
    within: str
    population: str | None = None
    features: Literal["auto"] | list[str] = "auto"
    trust: list[str] = []
    algorithm: str = AUTO
    seed: int = 0
    describe: str = ""


class RecommenderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The keys of a recommender."""

    recommend: Literal["items"]
    learn_from: str | list[str]
    algorithm: str = "hybrid"
    within: str = "30d"
    seed: int = 0
    describe: str = ""


@dataclass(frozen=True, kw_only=True)
class Propensity:
    """A model of how likely an event is within a time."""

    name: str
    definition: Definition
    events: tuple[str, ...]
    within: timedelta
    population: CheckedExpression | None
    features: tuple[str, ...]
    trusted: frozenset[str]
    algorithm: str
    seed: int
    describe: str

    @property
    def kind(self) -> Literal["propensity", "recommender"]:
        """What it gives: a score."""
        return "propensity"

    @property
    def what(self) -> str:
        """`Order Completed within 30 days`."""
        return f"{' or '.join(self.events)} within {self.within.days} days"


@dataclass(frozen=True, kw_only=True)
class Recommending:
    """A recommender: the first event is what is foretold, the others are weaker hints."""

    name: str
    definition: Definition
    events: tuple[str, ...]
    within: timedelta
    algorithm: str
    seed: int
    describe: str

    @property
    def kind(self) -> Literal["propensity", "recommender"]:
        """What it gives: lists of items."""
        return "recommender"

    @property
    def what(self) -> str:
        """`items of Order Completed`."""
        return f"items of {self.events[0]} within {self.within.days} days"


ModelDefinition = Propensity | Recommending


def read_model(definition: Definition, plan: "Plan") -> ModelDefinition:
    """A model as written, its names checked against the plan.

    Raises:
        AuthorError: the body does not make sense; the error points at the key.
    """
    if not _NAME.fullmatch(definition.name):
        raise AuthorError(
            f"{definition.name!r} is not a good name for a model",
            where=definition.where("@key"),
            hint="use lower-case letters, digits and _, starting with a letter",
        )
    if "recommend" in definition.body:
        return _read_recommender(definition)
    if "predict" not in definition.body:
        raise AuthorError(
            f"the model {definition.name!r} says neither what to predict nor what to recommend",
            where=definition.where("@key"),
            hint="add predict: Order Completed and within: 30d, or recommend: items",
        )
    body = convert(definition.text, definition.path, definition.body, PropensityBody)
    if body.algorithm != AUTO and body.algorithm not in MODELS.names():
        raise unknown_name(
            "algorithm",
            body.algorithm,
            [AUTO, *MODELS.names()],
            where=definition.where("algorithm"),
        )
    features = _features(definition, body, plan)
    for number, name in enumerate(body.trust):
        if name not in features:
            raise unknown_name("feature", name, features, where=definition.where("trust", number))
    return Propensity(
        name=definition.name,
        definition=definition,
        events=_events(definition, "predict", body.predict),
        within=_within(definition, body.within),
        population=None if body.population is None else _population(definition, plan),
        features=features,
        trusted=frozenset(body.trust),
        algorithm=body.algorithm,
        seed=body.seed,
        describe=body.describe,
    )


def read_models(workspace: Workspace, plan: "Plan | None" = None) -> dict[str, ModelDefinition]:
    """Every model of a workspace, by name."""
    if plan is None:
        from vocative.segment.plan import build_plan

        plan = build_plan(workspace)
    found = workspace.definitions("model")
    return {name: read_model(definition, plan) for name, definition in found.items()}


def check_definitions(workspace: Workspace) -> None:
    """Refuse a workspace with a model that does not make sense.

    Raises:
        AuthorError: the first fault, with its place.
    """
    read_models(workspace)


def _read_recommender(definition: Definition) -> Recommending:
    body = convert(definition.text, definition.path, definition.body, RecommenderBody)
    if body.algorithm not in RECOMMENDERS.names():
        raise unknown_name(
            "recommender", body.algorithm, RECOMMENDERS.names(), where=definition.where("algorithm")
        )
    return Recommending(
        name=definition.name,
        definition=definition,
        events=_events(definition, "learn_from", body.learn_from),
        within=_within(definition, body.within),
        algorithm=body.algorithm,
        seed=body.seed,
        describe=body.describe,
    )


def _events(definition: Definition, key: str, value: str | list[str]) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not names or not all(name.strip() for name in names):
        raise AuthorError(
            f"`{key}` names no event",
            where=definition.where(key),
            hint=f"for example {key}: Order Completed",
        )
    return tuple(dict.fromkeys(names))


def _within(definition: Definition, text: str) -> timedelta:
    match = _WITHIN.fullmatch(text.strip())
    days = int(match[1]) * (7 if match[2].startswith("w") else 1) if match else 0
    if not 0 < days <= _MOST_DAYS:
        raise AuthorError(
            f"{text!r} is not a time to look ahead",
            where=definition.where("within"),
            hint=f"a number of days or weeks, at most {_MOST_DAYS} days: 30d, 4w",
        )
    return timedelta(days=days)


def _features(definition: Definition, body: PropensityBody, plan: "Plan") -> tuple[str, ...]:
    """Features to learn from; `auto` leaves out comparisons with others and what needs traits.

    A trait holds today's value, which may have been set by the very event to be predicted.
    """
    if body.features == AUTO:
        return tuple(
            sorted(
                name
                for name in plan.features
                if not traits_behind(plan, name) and not _about_others(plan, name)
            )
        )
    known = {**plan.features, **{n: t for n, t in plan.traits.items() if not t.personal}}
    for number, name in enumerate(body.features):
        if name not in known:
            raise unknown_name("feature", name, known, where=definition.where("features", number))
    return tuple(sorted(dict.fromkeys(body.features)))


def traits_behind(plan: "Plan", name: str) -> set[str]:
    """The traits without a history that a feature or trait depends on."""
    needed = plan.features_needed([name]) if name in plan.features else {}
    asked = {name}.union(*(found.needs for found in needed.values()))
    return {trait for trait in asked if trait in plan.traits and trait != "first_seen_at"}


def _about_others(plan: "Plan", name: str) -> bool:
    return any(found.about_others for found in plan.features_needed([name]).values())


def _population(definition: Definition, plan: "Plan") -> CheckedExpression:
    text = str(definition.body["population"])
    place = in_document(
        text,
        file=definition.text.file,
        document=definition.text.text,
        start=definition.where("population"),
    )
    # Segments and scores are known for now only, not for the past instants of a training set.
    catalog = Catalog(fields=plan.catalog.fields, about="a person in a model's population")
    return check(parse(text, place), catalog, wanted=(Type.BOOLEAN,))
