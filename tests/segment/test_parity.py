# ruff: noqa: DTZ001 - instants are naive UTC
"""Both forms of the query, at one instant and at each row's own, equal the oracle and each other.

Random workspaces and histories with facts on the edges of windows; `test_live_parity` adds the live
runner, `vocative bench parity` does it at length.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from vocative.engines.duckdb import DuckDbEngine
from vocative.errors import UnknownName
from vocative.segment import build_plan, compute_features, features_sql, point_in_time
from vocative.segment.batch import features_at_sql, groups_of
from vocative.segment.cuts import cut_points
from vocative.testing.parity import same
from vocative.testing.parity_answers import draw_world, opened, oracle_answers, relations, scored
from vocative.testing.random_histories import people_at
from vocative.testing.segment_oracle import Person

SEEDS = range(500, 503)


@pytest.fixture(scope="module", params=SEEDS)
def world(request):
    """A random plan, its people, and the instants to ask about."""
    drawn = draw_world(request.param, people=15, features=40, segments=1)
    with opened(drawn) as (_, plan):
        yield plan, scored(people_at(drawn.lives)), drawn.instants


@pytest.fixture
def engine():
    with DuckDbEngine(history_files={}, threads=1) as opened_engine:
        yield opened_engine


def given(engine, people):
    for name, table in relations(people).items():
        engine.register(name, table)


def by_person(table):
    return {row.pop("person_id"): row for row in table.to_pylist()}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key, row in expected.items():
        for name, value in row.items():
            assert same(found[key][name], value), (key, name, found[key][name], value)


def everybody(people, at):
    ids = pa.array(people, pa.string())
    return pa.table({"person_id": ids, "as_of": pa.array([at] * len(ids), pa.timestamp("us"))})


def test_each_instant_answers_as_the_oracle_does(world, engine):
    plan, people, instants = world
    given(engine, people)
    expected = oracle_answers(plan, people, instants)
    for at in instants:
        table = compute_features(engine, plan, at.replace(tzinfo=UTC))
        found = by_person(table.drop_columns("as_of"))
        names = list(plan.features)
        assert_same(
            found, {person: {n: expected[person, at][n] for n in names} for person in people}
        )


def test_both_forms_give_the_same_answers(world, engine):
    plan, people, instants = world
    given(engine, people)
    for at in instants:
        once = compute_features(engine, plan, at.replace(tzinfo=UTC))
        each = point_in_time(engine, plan, everybody(people, at))
        assert_same(by_person(each), by_person(once))


def test_some_people_have_the_answers_they_have_among_all(world, engine):
    plan, people, instants = world
    given(engine, people)
    alone = [name for name, feature in plan.features.items() if not _compares(plan, feature)]
    at, few = instants[0].replace(tzinfo=UTC), sorted(people)[:3]
    everyone = by_person(compute_features(engine, plan, at, names=alone))
    some = by_person(compute_features(engine, plan, at, few, names=alone))
    assert_same(some, {person: everyone[person] for person in few})


def _compares(plan, feature):
    return feature.about_others or any(
        _compares(plan, plan.features[name]) for name in feature.needs if name in plan.features
    )


def test_nothing_after_the_instant_leaks(world, engine):
    plan, people, instants = world
    cut = instants[len(instants) // 2]
    given(engine, people)
    with_future = by_person(compute_features(engine, plan, cut.replace(tzinfo=UTC)))
    given(engine, {name: _until(person, cut) for name, person in people.items()})
    assert_same(by_person(compute_features(engine, plan, cut.replace(tzinfo=UTC))), with_future)


def _until(person: Person, cut: datetime) -> Person:
    return replace(
        person,
        facts=[fact for fact in person.facts if fact["at"] <= cut],
        lines=[line for line in person.lines if line["at"] <= cut],
    )


def test_the_population_falls_into_the_buckets_its_ranks_give(define, engine):
    """By where buckets begin, everybody who was ranked is where ranking put them."""
    features = "".join(
        f"{kind}_{n}_{order}: {{ntile: {n}, of: {kind}, order: {order}, where: 'orders <> 2'}}\n"
        for kind in ("spend", "last_at", "orders", "local_date_of")
        for n in (2, 3, 10, 100)
        for order in ("ascending", "descending")
    )
    plan = build_plan(
        define(
            features="spend: {sum: revenue, of: Order Completed}\n"
            "orders: {count: Order Completed}\n"
            "last_at: {last: at, of: Order Completed}\n"
            "local_date_of: {expr: local_date(last_at)}\n" + features
        )
    )
    start = datetime(2026, 1, 1)
    people = {
        f"p{number:03d}": Person(
            facts=[
                {
                    "event_id": f"{number}-{order}",
                    "name": "Order Completed",
                    "at": start + timedelta(hours=(number * 17 + order * 5) % 400),
                    "revenue": float((number * 7 + order) % 23) / 10,
                }
                for order in range(number % 5)
            ]
        )
        for number in range(137)
    }
    given(engine, people)
    now = datetime(2026, 3, 1, tzinfo=UTC)
    ranked = compute_features(engine, plan, now)
    cuts = {name: [] for name, feature in plan.features.items() if feature.about_others}
    for cut in cut_points(engine, plan, now):
        cuts[cut.feature].append((cut.value, cut.bucket))
    placed = compute_features(engine, replace(plan, cuts=cuts), now)
    assert by_person(placed) == by_person(ranked)
    assert {n for n, feature in plan.features.items() if feature.about_others} == cuts.keys()
    assert len({row["spend_10_ascending"] for row in by_person(ranked).values()}) > 5


SHARED = """\
orders: {count: Order Completed}
orders_30d: {count: Order Completed, window: 30d}
viewed: {exists: Product Viewed, window: 7d}
spend: {sum: revenue, of: [Order Completed, Order Refunded]}
opens: {count: Email Opened, where: "properties.verdict = 'human'", window: 7d}
interest: {points: {Product Viewed: 1, Order Completed: 10}, half_life: 7d, window: 30d}
pieces: {sum: quantity, of: Order Completed, lines: true}
likes: {mode: category, of: Product Viewed}
likes_7d: {top: category, by: price, of: Product Added, window: 7d}
categories: {distinct: category, of: Order Completed}
last_two: {sum: revenue, of: Order Completed, window: last 2}
last_three: {avg: revenue, of: Order Completed, window: last 3 in 90d}
"""


def test_features_share_passes_over_history(define):
    plan = build_plan(define(features=SHARED))
    shared = {
        group.name: [f.name for f in group.features] for group in groups_of(plan.features.values())
    }
    assert shared == {
        "facts_events": ["orders", "orders_30d", "viewed", "spend", "opens", "interest"],
        "facts_order_lines": ["pieces"],
        "facts_events_by_category": ["likes", "likes_7d", "categories"],
        "facts_last_order_completed": ["last_two", "last_three"],
    }


def test_facts_are_read_as_far_back_as_they_matter(define):
    plan = build_plan(define(features=SHARED))
    now = datetime(2026, 3, 2, tzinfo=UTC)
    sql = features_at_sql(plan, now, ["orders_30d", "viewed", "opens"])
    until = "TIMESTAMP '2026-03-02 00:00:00.000000'"
    week = f"e.at > {until} - INTERVAL '7' DAY"
    assert (
        f"WHERE e.at <= {until}\n"
        f"  AND (e.name IN ('Order Completed') AND e.at > {until} - INTERVAL '30' DAY\n"
        f"    OR e.name IN ('Product Viewed', 'Email Opened') AND {week})\n"
    ) in sql
    assert "JOIN" not in sql.partition('"layer_0"')[0]


def test_asking_for_some_features_computes_no_others(define, engine):
    plan = build_plan(define(features=SHARED + "per_order: {expr: spend / orders}\n"))
    given(engine, {"p1": Person()})
    sql = features_sql(
        plan, "SELECT 'p1' AS person_id, TIMESTAMP '2026-03-02' AS as_of", ["per_order"]
    )
    assert "Product Viewed" not in sql
    assert engine.query(sql).schema.names == ["person_id", "as_of", "per_order"]
    with pytest.raises(UnknownName, match="did you mean 'per_order'"):
        features_sql(plan, "SELECT 1", ["per_oder"])
