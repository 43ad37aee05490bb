"""Where the buckets of ranking features begin.

A feature such as `{ntile: 5, of: spend}` compares a person with everybody else. Who falls into
which bucket is computed for the whole population from time to time, and the values at which
buckets begin are kept: between two such times a person's bucket follows their own value.
"""

import json
from dataclasses import replace
from datetime import datetime

import msgspec

from vocative.clock import to_micros
from vocative.engines.base import Engine
from vocative.segment.batch import features_at_sql
from vocative.segment.definitions import BucketFeature, DerivedFeature
from vocative.segment.plan import FeatureDef, Plan
from vocative.sql import Type, quote_name, quote_text, to_text
from vocative.stores import Transaction
from vocative.workspace import Workspace

DAY = 86_400_000_000
MUCH_MORE = 1.2
"""Once there are so many times the people, the buckets are computed before their time."""


class Cut(msgspec.Struct, frozen=True):
    """The value at which a bucket begins, counted in the direction of the feature's order."""

    feature: str
    bucket: int
    value: float | int


class Ranked(msgspec.Struct, frozen=True):
    """For which definitions the buckets were computed, when, and among how many people."""

    features: list[str] = []
    people: int = 0
    as_of: int = 0


def cut_points(engine: Engine, plan: Plan, as_of: datetime) -> list[Cut]:
    """Where the buckets of every ranking feature begin, as of an instant.

    A person with a value falls into the last bucket whose cut is not beyond it: not above it, or
    not below it when the order is descending. For the population itself that is the bucket that
    its ranks give.

    Returns:
        Cuts by feature and bucket; instants and dates are microseconds UTC.
    """
    ranking = [feature for feature in plan.features.values() if feature.about_others]
    if not ranking:
        return []
    values = {f"value of {feature.name}": _value_of(feature) for feature in ranking}
    extended = replace(plan, features={**plan.features, **values})
    names = [*(feature.name for feature in ranking), *values]
    engine.register("ranked", engine.query(features_at_sql(extended, as_of, names)))
    parts = [_cuts_sql(feature) for feature in ranking]
    rows = engine.rows("\nUNION ALL ".join(parts) + "\nORDER BY feature, bucket")
    whole = {f.name for f in ranking if f.value is not None and f.value.type is not Type.NUMBER}
    return [
        Cut(
            feature=row["feature"],
            bucket=row["bucket"],
            value=int(row["whole"]) if row["feature"] in whole else row["number"],
        )
        for row in rows
    ]


def with_cuts(plan: Plan, tx: Transaction) -> Plan:
    """The plan with the buckets that were kept: a person's follows from their own value."""
    if not _read(tx).features:
        return plan
    found: dict[str, list[tuple[float, int]]] = {
        feature.name: [] for feature in plan.features.values() if feature.about_others
    }
    for feature, bucket, value in tx.tuples("SELECT feature, bucket, value FROM feature_cuts"):
        if feature in found:
            found[feature].append((json.loads(value), bucket))
    return replace(plan, cuts={feature: sorted(places) for feature, places in found.items()})


def refresh_cuts(workspace: Workspace, plan: Plan, *, always: bool = True) -> bool:
    """Compute the buckets of ranking features anew, and keep where they begin.

    Args:
        workspace: Where.
        plan: Its plan.
        always: Also when they were computed for these definitions and people lately.

    Returns:
        Whether they were computed.
    """
    keys = sorted(_meaning(f) for f in plan.features.values() if f.about_others)
    with workspace.store.read() as tx:
        known = _read(tx)
        people = int(tx.value("SELECT count(*) FROM profiles WHERE merged_into IS NULL"))
    as_of = workspace.clock.now()
    fits = known.features == keys and people <= known.people * MUCH_MORE
    if fits and not (always and keys) and to_micros(as_of) < known.as_of + DAY:
        return False
    cuts: list[Cut] = []
    if keys:
        with workspace.engine() as engine:
            cuts = cut_points(engine, plan, as_of)
    with workspace.store.transaction() as tx:
        _write(tx, cuts, Ranked(features=keys, people=people, as_of=to_micros(as_of)))
    return True


def _meaning(feature: FeatureDef) -> str:
    written = feature.written
    buckets = (written.buckets, written.descending) if isinstance(written, BucketFeature) else ()
    nodes = [to_text(node) for node in (feature.value, feature.condition) if node is not None]
    return repr((feature.name, buckets, nodes))


def _value_of(feature: FeatureDef) -> FeatureDef:
    """The value a feature ranks people by, as a feature."""
    written = feature.written
    if not isinstance(written, BucketFeature) or feature.value is None:
        raise TypeError("only ranking features have cuts")
    derived = DerivedFeature(
        name=f"value of {feature.name}",
        describe="",
        definition=written.definition,
        expression=written.value,
    )
    return replace(feature, written=derived, type=feature.value.type, nullable=True, condition=None)


def _cuts_sql(feature: FeatureDef) -> str:
    descending = isinstance(feature.written, BucketFeature) and feature.written.descending
    kind = Type.NULL if feature.value is None else feature.value.type
    bucket, value = quote_name(feature.name), quote_name(f"value of {feature.name}")
    first = f"{'max' if descending else 'min'}({value})"
    moment = kind in (Type.INSTANT, Type.DATE)
    whole = f"epoch_us(CAST({first} AS TIMESTAMP))" if moment else f"CAST({first} AS BIGINT)"
    number = "CAST(NULL AS DOUBLE)"
    if kind is Type.NUMBER:
        whole, number = "CAST(NULL AS BIGINT)", first
    return (
        f"SELECT {quote_text(feature.name)} AS feature, {bucket} AS bucket, {whole} AS whole,"
        f" {number} AS number FROM ranked WHERE {bucket} IS NOT NULL GROUP BY {bucket}"
    )


def _read(tx: Transaction) -> Ranked:
    text = tx.value("SELECT value FROM live_plan WHERE name = 'ranked'")
    return Ranked() if text is None else msgspec.json.decode(text, type=Ranked)


def _write(tx: Transaction, cuts: list[Cut], ranked: Ranked) -> None:
    tx.run("DELETE FROM feature_cuts")
    tx.run(
        "INSERT INTO feature_cuts (feature, bucket, value, computed_at)"
        " VALUES (:feature, :bucket, :value, :at)",
        [
            {**msgspec.structs.asdict(cut), "value": json.dumps(cut.value), "at": ranked.as_of}
            for cut in cuts
        ],
    )
    tx.run(
        "INSERT INTO live_plan (name, value) VALUES ('ranked', :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        {"value": msgspec.json.encode(ranked).decode()},
    )
