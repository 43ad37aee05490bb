"""The definitions a new workspace starts with say what they promise."""

import shutil
from datetime import timedelta
from importlib import resources

import pytest

from vocative.segment import build_plan, list_features, list_segments, people_data, recompute
from vocative.segment import segment_members as members

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TIERS = ("engaged", "cooling", "dormant")
RFM = ("champions", "loyal", "promising", "needs_attention", "at_risk", "hibernating")


@pytest.fixture
def starter(workspace):
    with resources.as_file(resources.files("vocative.workspace") / "starter") as folder:
        for name in ("features", "segments"):
            shutil.copytree(folder / name, workspace.root / name)
        shutil.copy(folder / "traits.yaml", workspace.root)
    return workspace


def test_everything_is_described(starter):
    assert all(feature.describe for feature in list_features(starter))
    assert all(segment.describe for segment in list_segments(starter))
    assert len(build_plan(starter).features) > 30


@pytest.fixture
def shopped(starter, known, happened, clock):
    now = clock.now()

    def order(person, ago, revenue=50.0, name="Order Completed"):
        happened({"person_id": person, "name": name, "at": now - ago, "revenue": revenue})

    def did(person, name, ago, **more):
        happened({"person_id": person, "name": name, "at": now - ago, **more})

    for number in range(10):
        known(f"p{number}", country="France" if number < 4 else "Spain", email_domain="x.org")
    known("silent")
    known("fresh", days_ago=29, email_domain="x.org")
    for ago in (1, 40, 80, 120, 160):
        order("p0", ago * DAY)
    order("p0", 2 * DAY, -30.0, "Order Refunded")
    for ago in (200, 230, 260, 290):
        order("p1", ago * DAY, 90.0)
    order("p2", 300 * DAY, 5.0)
    order("p3", 5 * DAY, 20.0)
    order("p4", 500 * DAY, 500.0)
    did("p5", "Product Added", 2 * HOUR, category="Pets", product_id="i1")
    did("p6", "Product Added", 3 * HOUR, category="Pets")
    order("p6", 2 * HOUR)
    did("p7", "Product Added", 73 * HOUR, category="Garden")
    did("p8", "Product Added", HOUR / 2, category="Garden")
    did("p9", "Email Opened", 8 * DAY, properties='{"verdict": "human"}')
    did("p2", "Email Opened", DAY, properties='{"verdict": "machine"}')
    did("p4", "Email Opened", 9 * DAY, properties="{}")
    did("p1", "Email Marked as Spam", 9 * DAY)
    recompute(starter)
    return starter


def test_carts_left_one_hour_to_three_days_ago_without_an_order_since(shopped):
    assert members(shopped, "cart_abandoners") == ["p5"]


def test_cart_abandonment_starts_and_ends_at_its_instants(shopped, clock):
    clock.advance(HOUR / 2 - timedelta(microseconds=1))
    recompute(shopped)
    assert "p8" not in members(shopped, "cart_abandoners")
    clock.advance(timedelta(microseconds=1))
    recompute(shopped)
    assert "p8" in members(shopped, "cart_abandoners")
    clock.advance(71 * HOUR)
    recompute(shopped)
    assert "p8" in members(shopped, "cart_abandoners")
    clock.advance(timedelta(microseconds=1))
    recompute(shopped)
    assert "p8" not in members(shopped, "cart_abandoners")


def test_everyone_is_in_exactly_one_tier_of_engagement(shopped):
    tiers = [members(shopped, tier) for tier in TIERS]
    assert sorted(person for tier in tiers for person in tier) == sorted(people_data(shopped))
    assert members(shopped, "engaged") == ["p0", "p3", "p5", "p6", "p7", "p8"]
    assert members(shopped, "cooling") == ["p4", "p9"]


def test_machine_opens_do_not_count_as_signs_of_life(shopped):
    data = people_data(shopped, ["p2", "p4", "p9"])
    assert [data[person]["opens_90d"] for person in ("p2", "p4", "p9")] == [0, 1, 1]
    assert "p2" in members(shopped, "dormant")


def test_customers_by_recency_frequency_and_value(shopped):
    groups = {person: group for group in RFM for person in members(shopped, group)}
    assert sum(len(members(shopped, group)) for group in RFM) == len(groups)
    buyers = {person for person, row in people_data(shopped).items() if row["orders_365d"]}
    assert set(groups) == buyers == {"p0", "p1", "p2", "p3", "p6"}
    assert groups["p0"] == "champions"
    assert groups["p1"] == "at_risk"
    assert groups["p2"] == "hibernating"
    row = people_data(shopped, ["p0"])["p0"]
    assert row["rfm_score"] == 100 * row["recency_fifth"] + 10 * row["frequency_fifth"] + 5 - (
        5 - row["monetary_fifth"]
    )


def test_spend_takes_refunds_off(shopped):
    row = people_data(shopped, ["p0"])["p0"]
    assert (row["orders_365d"], row["spend_365d"], row["average_order_365d"]) == (5, 220.0, 44.0)


def test_lapsed_new_and_never(shopped):
    assert members(shopped, "lapsed") == ["p1", "p2", "p4"]
    assert members(shopped, "lapsed_high_value") == ["p1"]
    assert members(shopped, "new_people") == ["fresh"]
    assert "p5" in members(shopped, "never_bought")
    assert members(shopped, "first_time_buyers") == ["p3", "p6"]


def test_families_by_country_and_category(shopped):
    assert members(shopped, "country:France") == ["p0", "p1", "p2", "p3"]
    assert members(shopped, "category:Pets") == ["p5", "p6"]


def test_complaints_and_missing_addresses_are_not_mailable(shopped):
    assert {"p1", "silent"}.isdisjoint(members(shopped, "mailable"))
    assert "p0" in members(shopped, "mailable")
