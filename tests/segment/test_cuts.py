"""Kept buckets say of everybody what their rank says, and go on where ranks need everybody."""

from datetime import UTC, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vocative.clock import to_micros
from vocative.segment import advance, build_plan, people_data, recompute
from vocative.segment.batch import compute_features
from vocative.segment.cuts import cut_points, with_cuts
from vocative.segment.live.evaluate import _bucket_of
from vocative.segment.live.reading import features_now

FEATURES = """\
spent: {sum: revenue, of: Bought}
bought_at: {last: at, of: Bought}
low: {ntile: 10, of: spent}
high: {ntile: 4, of: spent, order: descending}
late: {ntile: 3, of: bought_at, order: descending}
some: {ntile: 5, of: spent, where: "spent > 2"}
"""


@pytest.fixture
def shop(define):
    return define(features=FEATURES, segments='best: {where: "high = 1"}\n')


@given(amounts=st.lists(st.sampled_from([0.0, 1.0, 2.0, 2.5, 3.0, 8.0, 9.5]), max_size=30))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_cuts_give_everybody_the_bucket_of_their_rank(shop, known, happened, clock, amounts):
    with shop.store.transaction() as tx:
        for table in ("profiles", "history_tail", "history_parts"):
            tx.run(f"DELETE FROM {table}")
    for number, amount in enumerate(amounts):
        known(f"p{number}")
        at = clock.now() - timedelta(hours=int(amount * 10) % 7)
        happened({"person_id": f"p{number}", "name": "Bought", "revenue": amount, "at": at})
    plan = build_plan(shop)
    with shop.engine() as engine:
        found = cut_points(engine, plan, clock.now())
        rows = compute_features(engine, plan, clock.now()).to_pylist()
    places = {}
    for cut in found:
        places.setdefault(cut.feature, []).append((cut.value, cut.bucket))
    cuts = {feature: sorted(values) for feature, values in places.items()}
    for row in rows:
        micros = row["bought_at"] and to_micros(row["bought_at"].replace(tzinfo=UTC))
        for name, value in (("low", row["spent"]), ("high", row["spent"]), ("late", micros)):
            if value is None:
                assert row[name] is None
                continue
            assert _bucket_of(plan.features[name], cuts)(value) == row[name], (name, value)
        if row["some"] is not None:
            assert _bucket_of(plan.features["some"], cuts)(row["spent"]) == row["some"]


def test_between_two_rankings_a_bucket_follows_the_own_value(shop, known, happened):
    for number in range(20):
        known(f"p{number}")
        happened({"person_id": f"p{number}", "name": "Bought", "revenue": float(number)})
    recompute(shop)
    assert people_data(shop, ["p3"])["p3"]["high"] == 4
    happened({"person_id": "p3", "name": "Bought", "revenue": 100.0})
    # Nobody else's bucket moves, whatever p3 does.
    assert people_data(shop, ["p3"])["p3"]["high"] == 1
    assert people_data(shop, ["p15"])["p15"]["high"] == 1
    recompute(shop)
    assert people_data(shop, ["p15"])["p15"]["high"] == 2


def test_the_live_state_and_the_engine_use_the_same_buckets(shop, known, happened):
    for number in range(10):
        known(f"p{number}")
        happened({"person_id": f"p{number}", "name": "Bought", "revenue": float(number)})
    recompute(shop)
    plan = build_plan(shop)
    everybody = people_data(shop)
    for person_id, row in everybody.items():
        live = features_now(shop, plan, person_id)
        assert live == {name: row[name] for name in plan.features}


def test_twice_the_people_are_ranked_before_their_time(shop, known, happened):
    for number in range(4):
        known(f"p{number}")
        happened({"person_id": f"p{number}", "name": "Bought", "revenue": float(number)})
    recompute(shop)
    for number in range(4, 9):
        known(f"p{number}")
        happened({"person_id": f"p{number}", "name": "Bought", "revenue": float(number)})
    advance(shop)
    with shop.store.read() as tx:
        cuts = with_cuts(build_plan(shop), tx).cuts
    assert cuts["high"][-1] == (8.0, 1)
