"""The plan: what depends on what, checked once, then printed as SQL by `batch`.

    features    of events, then layers of features made from features
    segments    layers of conditions over features, traits, scores and other segments

Definitions come in; a frozen plan goes out. Refused: unknown names, wrong types, circles.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

from vocative.errors import AuthorError
from vocative.segment.catalog import event_catalog, model_names, trait_fields
from vocative.segment.definitions import (
    AggregateFeature,
    BucketFeature,
    DerivedFeature,
    EventFeature,
    FamilySegment,
    Feature,
    PointsFeature,
    PredicateSegment,
    Segment,
    SequenceFeature,
    read_feature,
    read_segment,
)
from vocative.segment.order import in_order
from vocative.sql import Catalog, Expression, Field, Node, Type, check, to_text
from vocative.sql.literals import moment_of
from vocative.sql.nodes import Between, Compare, FieldRef, Literal, Negate, Scalar
from vocative.sql.text import RESERVED_WORDS
from vocative.workspace import Definition, Definitions, Workspace

_BOOLEAN = (Type.BOOLEAN,)
_NUMERIC = (Type.NUMBER, Type.INTEGER)
_RANKED = (*_NUMERIC, Type.INSTANT, Type.DATE)
_FAMILY = (Type.TEXT, Type.INTEGER, Type.BOOLEAN)
_STORED = (*_RANKED, Type.TEXT, Type.BOOLEAN)
_WITHOUT_EVENTS: dict[str, Scalar] = {
    "count": 0,
    "distinct": 0,
    "streak": 0,
    "sum": 0.0,
    "exists": False,
}
_RESERVED = frozenset({"person_id", "as_of", "local_zone"})


Places = Sequence[tuple[float, int]]
"""(value, bucket): where each bucket of a ranking feature begins, from the lowest value on."""


@dataclass(frozen=True, kw_only=True)
class CheckedStep:
    """One step of a sequence, its condition checked."""

    events: tuple[str, ...]
    condition: Node | None
    within_seconds: int | None
    absent: bool


@dataclass(frozen=True, kw_only=True)
class FeatureDef:
    """A feature with its type and its checked expressions.

    `weight` is what `top` adds up; `steps` are those of a sequence; `default` is what a person
    without such events has; `needs` are the features and traits it is made from.
    """

    written: Feature
    type: Type
    nullable: bool
    value: Node | None = None
    condition: Node | None = None
    weight: Node | None = None
    steps: tuple[CheckedStep, ...] = ()
    default: Scalar = None
    needs: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The name it is written under."""
        return self.written.name

    @property
    def describe(self) -> str:
        """What it is, in the author's words."""
        return self.written.describe

    @property
    def about_others(self) -> bool:
        """Whether it compares a person with the rest of the population (quintiles)."""
        return isinstance(self.written, BucketFeature)

    @property
    def of_events(self) -> EventFeature | None:
        """How it is computed from events, None when it is made from other features."""
        return self.written if isinstance(self.written, EventFeature) else None

    @property
    def aggregate(self) -> AggregateFeature | None:
        """How it is aggregated, None when it is no plain aggregate of events."""
        return self.written if isinstance(self.written, AggregateFeature) else None

    @property
    def decays(self) -> bool:
        """Whether its value shrinks with every instant."""
        written = self.written
        return isinstance(written, PointsFeature) and written.half_life_seconds is not None

    @cached_property
    def uses_items(self) -> bool:
        """Whether it looks into the catalog."""
        nodes = [self.value, self.condition, self.weight, *(s.condition for s in self.steps)]
        return any(
            isinstance(part, FieldRef) and part.name == "item" and part.path
            for node in nodes
            if node is not None
            for part in node.walk()
        )


@dataclass(frozen=True, kw_only=True)
class SegmentDef:
    """A segment with its checked condition, or with the field it is a family by."""

    written: Segment
    node: Node
    fields: frozenset[str]
    segments: frozenset[str]
    scores: frozenset[str]

    @property
    def name(self) -> str:
        """The name it is written under."""
        return self.written.name

    @property
    def describe(self) -> str:
        """What it is, in the author's words."""
        return self.written.describe

    @property
    def is_family(self) -> bool:
        """Whether it stands for one segment per value."""
        return isinstance(self.written, FamilySegment)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything a workspace defines about people, in an order in which it can be computed."""

    traits: Mapping[str, Field]
    features: Mapping[str, FeatureDef]
    segments: Mapping[str, SegmentDef]
    models: tuple[str, ...] = ()
    cuts: Mapping[str, Places] = field(default_factory=dict)
    """Where the buckets of ranking features begin; one without cuts ranks who is asked about."""

    @cached_property
    def catalog(self) -> Catalog:
        """What a condition about a person can name."""
        return _person_catalog(self.traits, self.features, self.segments, self.models)

    @cached_property
    def fingerprint(self) -> str:
        """Changes when the meaning of a feature does: tells whether computed ones still fit."""
        meanings = [_meaning(feature) for _, feature in sorted(self.features.items())]
        return hashlib.sha256(repr(meanings).encode()).hexdigest()[:16]

    def features_needed(self, names: Iterable[str] | None = None) -> dict[str, FeatureDef]:
        """The named features (all unless told) and those they are made from, in order."""
        wanted = set(self.features if names is None else names)
        for name in reversed(list(self.features)):
            if name in wanted:
                wanted |= self.features[name].needs
        return {name: found for name, found in self.features.items() if name in wanted}

    def segments_needed(self, names: Iterable[str] | None = None) -> dict[str, SegmentDef]:
        """The named segments (all unless told) and those they ask about, in order."""
        wanted = {base_name(name) for name in (self.segments if names is None else names)}
        for name in reversed(list(self.segments)):
            if name in wanted:
                wanted |= {base_name(other) for other in self.segments[name].segments}
        return {name: found for name, found in self.segments.items() if name in wanted}


def base_name(segment: str) -> str:
    """The definition behind a segment: `country` for `country:FR`."""
    return segment.partition(":")[0]


def plan_definitions(workspace: Workspace) -> Definitions:
    """Everything that a plan is made from, as the workspace's folder has it now.

    Raises:
        AuthorError: a file cannot be read.
    """
    return workspace.definitions_together("feature", "model", "segment")


def build_plan(workspace: Workspace, definitions: Definitions | None = None) -> Plan:
    """The plan of a workspace's features and segments.

    Args:
        workspace: Whose.
        definitions: What `plan_definitions` gave; as the folder has them now unless told.

    Raises:
        AuthorError: a definition is wrong; the error points at the word.
    """
    if definitions is None:
        definitions = plan_definitions(workspace)
    traits = trait_fields(workspace.traits)
    features = _checked_features(definitions["feature"], traits)
    models = tuple(model_names(definitions["model"]))
    segments = _checked_segments(definitions["segment"], traits, features, models)
    plan = Plan(traits=traits, features=features, segments=segments, models=models)
    from vocative.segment.engine import check_engine

    check_engine(plan, workspace.settings.engine)
    return plan


def check_definitions(workspace: Workspace) -> None:
    """Check every feature and segment of a workspace.

    Raises:
        AuthorError: one of them is wrong.
    """
    build_plan(workspace)


def _checked_features(
    definitions: Mapping[str, Definition], traits: Mapping[str, Field]
) -> dict[str, FeatureDef]:
    written = {name: read_feature(definition) for name, definition in definitions.items()}
    for name, feature in written.items():
        if name in traits or name in RESERVED_WORDS or name in _RESERVED:
            what = "a trait" if name in traits else "a word of the language"
            raise AuthorError(
                f"{name!r} is {what} already",
                where=feature.definition.where("@key"),
                hint="give the feature another name",
            )
    ordered = in_order(
        written, _names_in, kind="feature", where=lambda feature: feature.definition.where("@key")
    )
    checked: dict[str, FeatureDef] = {}
    for name, feature in ordered.items():
        checked[name] = _check_feature(feature, traits, checked)
    return checked


def _names_in(feature: Feature) -> frozenset[str]:
    match feature:
        case DerivedFeature():
            return feature.expression.fields
        case BucketFeature():
            condition = feature.condition
            return feature.value.fields | (condition.fields if condition else frozenset())
        case _:
            return frozenset()


def _check_feature(
    feature: Feature,
    traits: Mapping[str, Field],
    before: Mapping[str, FeatureDef],
) -> FeatureDef:
    if isinstance(feature, AggregateFeature):
        return _check_aggregate(feature)
    if isinstance(feature, PointsFeature):
        return _check_points(feature)
    if isinstance(feature, SequenceFeature):
        return _check_sequence(feature)
    catalog = replace(
        _person_catalog(traits, before, {}, ()), segments=None, scores=None, about="a feature"
    )
    if isinstance(feature, DerivedFeature):
        checked = check(feature.expression, catalog, wanted=_STORED)
        _refuse_decay(feature.expression, checked.node, before)
        return FeatureDef(
            written=feature,
            type=checked.type,
            nullable=checked.nullable,
            value=checked.node,
            needs=_names_in(feature),
        )
    value = check(feature.value, catalog, wanted=_RANKED)
    _refuse_decay(feature.value, value.node, before)
    condition = _checked_condition(feature.condition, catalog)
    if feature.condition is not None and condition is not None:
        _refuse_decay(feature.condition, condition, before)
    return FeatureDef(
        written=feature,
        type=Type.INTEGER,
        nullable=value.nullable or condition is not None,
        value=value.node,
        condition=condition,
        needs=_names_in(feature),
    )


def _check_aggregate(feature: AggregateFeature) -> FeatureDef:
    catalog = event_catalog(feature.relation)
    wanted = _NUMERIC if feature.function in ("sum", "avg") else _STORED
    value = None if feature.value is None else check(feature.value, catalog, wanted=wanted)
    if feature.function in ("count", "distinct", "streak"):
        kind = Type.INTEGER
    elif feature.function == "exists":
        kind = Type.BOOLEAN
    elif feature.function in ("sum", "avg"):
        kind = Type.NUMBER
    else:
        kind = value.type if value else Type.NULL
    default = _WITHOUT_EVENTS.get(feature.function)
    if feature.default is not None:
        default = _default(feature, kind)
    return FeatureDef(
        written=feature,
        type=kind,
        nullable=default is None,
        value=None if value is None else value.node,
        condition=_checked_condition(feature.condition, catalog),
        weight=None
        if feature.weight is None
        else check(feature.weight, catalog, wanted=_NUMERIC).node,
        default=default,
    )


def _check_points(feature: PointsFeature) -> FeatureDef:
    return FeatureDef(
        written=feature,
        type=Type.NUMBER,
        nullable=False,
        condition=_checked_condition(feature.condition, event_catalog("events")),
        default=0.0,
    )


def _check_sequence(feature: SequenceFeature) -> FeatureDef:
    catalog = event_catalog("events")
    steps = tuple(
        CheckedStep(
            events=step.events,
            condition=_checked_condition(step.condition, catalog),
            within_seconds=step.within_seconds,
            absent=step.absent,
        )
        for step in feature.steps
    )
    return FeatureDef(written=feature, type=Type.INSTANT, nullable=True, steps=steps)


def _refuse_decay(expression: Expression, node: Node, features: Mapping[str, FeatureDef]) -> None:
    """A score with a half-life changes at every instant: only its crossing a number is a moment.

    Raises:
        AuthorError: it is used in another way than compared with a number.
    """
    if isinstance(node, Compare | Between):
        sides = node.children()
        fields = [side for side in sides if isinstance(side, FieldRef)]
        if len(fields) == 1 and all(side in fields or _is_number(side) for side in sides):
            return
    if isinstance(node, FieldRef) and node.name in features and features[node.name].decays:
        raise AuthorError(
            f"{node.name!r} shrinks all the time: it can only be compared with a number",
            where=expression.place(node.start),
            hint=f"for example {node.name} > 10, or case when {node.name} > 10 then 'hot' end",
        )
    for child in node.children():
        _refuse_decay(expression, child, features)


def _is_number(node: Node) -> bool:
    return isinstance(node, Literal) or (isinstance(node, Negate) and _is_number(node.operand))


def _default(feature: AggregateFeature, kind: Type) -> Scalar:
    given = feature.default
    fits: dict[Type, type | tuple[type, ...]] = {
        Type.TEXT: str,
        Type.BOOLEAN: bool,
        Type.INTEGER: int,
        Type.NUMBER: (int, float),
    }
    value: Scalar = given
    if kind in (Type.INSTANT, Type.DATE):
        value = moment_of(given, kind) if isinstance(given, str) else None
    elif not isinstance(given, fits[kind]) or (isinstance(given, bool) and kind in _NUMERIC):
        value = None
    if value is None:
        raise AuthorError(
            f"the default {given!r} is no {kind}, but the feature is",
            where=feature.definition.where("default"),
        )
    return float(cast("int | float", value)) if kind is Type.NUMBER else value


def _checked_condition(condition: Expression | None, catalog: Catalog) -> Node | None:
    return None if condition is None else check(condition, catalog, wanted=_BOOLEAN).node


def _checked_segments(
    definitions: Mapping[str, Definition],
    traits: Mapping[str, Field],
    features: Mapping[str, FeatureDef],
    models: tuple[str, ...],
) -> dict[str, SegmentDef]:
    written = {name: read_segment(definition) for name, definition in definitions.items()}
    ordered = in_order(
        written,
        lambda segment: {base_name(name) for name in _expression(segment).segments},
        kind="segment",
        where=lambda segment: segment.definition.where("@key"),
    )
    catalog = replace(
        _person_catalog(traits, features, {}, models),
        segments=frozenset(n for n, s in written.items() if isinstance(s, PredicateSegment)),
        families=frozenset(n for n, s in written.items() if isinstance(s, FamilySegment)),
    )
    return {name: _check_segment(segment, catalog, features) for name, segment in ordered.items()}


def _expression(segment: Segment) -> Expression:
    return segment.condition if isinstance(segment, PredicateSegment) else segment.by


def _check_segment(
    segment: Segment, catalog: Catalog, features: Mapping[str, FeatureDef]
) -> SegmentDef:
    expression = _expression(segment)
    wanted = _BOOLEAN if isinstance(segment, PredicateSegment) else _FAMILY
    checked = check(expression, catalog, wanted=wanted)
    _refuse_decay(expression, checked.node, features)
    if isinstance(segment, FamilySegment) and not isinstance(checked.node, FieldRef):
        raise AuthorError("`by` takes the name of one trait or feature", where=expression.place(0))
    return SegmentDef(
        written=segment,
        node=checked.node,
        fields=expression.fields,
        segments=expression.segments,
        scores=expression.scores,
    )


def _person_catalog(
    traits: Mapping[str, Field],
    features: Mapping[str, FeatureDef],
    segments: Mapping[str, SegmentDef],
    models: Iterable[str],
) -> Catalog:
    return Catalog(
        fields={**traits, **feature_fields(features)},
        segments=frozenset(name for name, found in segments.items() if not found.is_family),
        families=frozenset(name for name, found in segments.items() if found.is_family),
        scores=frozenset(models),
    )


def feature_fields(features: Mapping[str, FeatureDef]) -> dict[str, Field]:
    """Features as fields that expressions and templates can name."""
    return {
        name: Field(
            name=name,
            kind="feature",
            type=feature.type,
            nullable=feature.nullable,
            describe=feature.describe,
        )
        for name, feature in features.items()
    }


def _meaning(feature: FeatureDef) -> tuple[object, ...]:
    written = feature.written
    how: tuple[object, ...] = ()
    match written:
        case AggregateFeature():
            how = (written.function, written.events, written.window, written.relation)
            how += (written.period,)
        case PointsFeature():
            how = (written.points, written.window, written.half_life_seconds)
        case SequenceFeature():
            how = tuple(
                (step.events, _text(step.condition), step.within_seconds, step.absent)
                for step in feature.steps
            )
            how += (written.window,)
        case BucketFeature():
            how = (written.buckets, written.descending)
    return (
        feature.name,
        feature.type,
        _text(feature.value),
        _text(feature.condition),
        _text(feature.weight),
        feature.default,
        how,
    )


def _text(node: Node | None) -> str | None:
    return None if node is None else to_text(node)
