"""The query behind a definition: whole, and saying what the segment says."""

from datetime import timedelta

import pytest
import sqlglot

from vocative.engines.dialects import DIALECTS
from vocative.errors import UnknownName
from vocative.segment import feature_plan, people_data, recompute, segment_members, segment_plan

SEGMENTS = """\
buyers: {where: "orders > 0"}
lapsed: {where: "in_segment('buyers') and last_order_at < now() - interval '30 days'"}
french_buyers: {where: "in_segment('country:FR') and in_segment('buyers')"}
country: {by: country}
everyone: {where: "true"}
"""
FEATURES = """\
orders: {count: Order Completed}
last_order_at: {last: at, of: Order Completed}
waited: {expr: "days_since(last_order_at)"}
unused: {count: Product Viewed}
"""


@pytest.fixture
def shop(define, known, happened, clock):
    workspace = define(features=FEATURES, segments=SEGMENTS, traits="country: {type: text}")
    known("p1", country="FR")
    known("p2", country="DE")
    known("p3", country="FR")
    happened(
        {"person_id": "p1", "name": "Order Completed", "at": clock.now() - timedelta(days=40)},
        {"person_id": "p2", "name": "Order Completed"},
    )
    recompute(workspace)
    return workspace


def answer(workspace, sql):
    from vocative.segment.current import register_scores

    with workspace.engine() as engine:
        register_scores(workspace, engine)
        return engine.rows(sql)


@pytest.mark.parametrize(
    "name", ["buyers", "lapsed", "french_buyers", "country:FR", "country:XX", "everyone"]
)
def test_it_finds_the_members(shop, name):
    rows = answer(shop, segment_plan(shop, name).sql)
    assert sorted(row["person_id"] for row in rows) == segment_members(shop, name)


def test_a_family_gives_everyones_value(shop):
    rows = answer(shop, segment_plan(shop, "country").sql)
    assert {row["person_id"]: row["value"] for row in rows} == {"p1": "FR", "p2": "DE", "p3": "FR"}


def test_it_holds_what_it_needs_and_nothing_else(shop):
    plan = segment_plan(shop, "lapsed")
    assert plan.uses == ["buyers", "last_order_at"]
    assert "Order Completed" in plan.sql
    assert "Product Viewed" not in plan.sql


def test_a_feature_gives_everyones_value(shop):
    rows = answer(shop, feature_plan(shop, "waited").sql)
    data = people_data(shop)
    assert {row["person_id"]: row["waited"] for row in rows} == {
        person: row["waited"] for person, row in data.items()
    }
    assert feature_plan(shop, "waited").uses == ["last_order_at"]


@pytest.mark.parametrize("engine", DIALECTS)
def test_it_is_written_for_other_engines(shop, engine):
    own, other = segment_plan(shop, "lapsed"), segment_plan(shop, "lapsed", engine=engine)
    assert (own.engine, other.engine) == ("duckdb", engine)
    assert other.sql != own.sql
    sqlglot.parse_one(other.sql, read=engine)
    assert "Order Completed" in feature_plan(shop, "waited", engine=engine).sql


def test_names_that_are_none(shop):
    with pytest.raises(UnknownName, match="unknown segment 'bayers'; did you mean 'buyers'"):
        segment_plan(shop, "bayers")
    with pytest.raises(UnknownName, match="unknown feature"):
        feature_plan(shop, "order")
    with pytest.raises(UnknownName, match="unknown engine"):
        feature_plan(shop, "orders", engine="abacus")
