"""What ready packs say is what happens: to the instant, for hand-made people and a whole store."""

import shutil
from datetime import UTC, datetime, timedelta
from importlib import resources

import pytest

from vocative.clock import FixedClock
from vocative.segment import add_pack, list_packs, list_segments, people_data, recompute
from vocative.segment import segment_members as members
from vocative.workspace import Workspace

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
TIERS = ("engagement_hot", "engagement_warm", "engagement_cool", "engagement_cold")
STAGES = ("never_bought", "new", "active", "at_risk", "lapsed", "won_back")
RFM = ("champions", "must_not_lose", "loyal", "promising", "slipping_away", "asleep", "in_between")
HOURS = ("morning_now", "afternoon_now", "evening_now", "night_now")


@pytest.fixture
def packed(workspace):
    """A workspace with the traits of a new one and chosen packs: packed("rfm")."""
    with resources.as_file(resources.files("vocative.workspace") / "starter") as folder:
        shutil.copy(folder / "traits.yaml", workspace.root)

    def add(*names):
        for name in names:
            add_pack(workspace, name)
        return workspace

    return add


@pytest.fixture
def did(happened, clock):
    """did("p1", "Product Added", 2 * HOUR): so long ago."""
    now = clock.now()

    def add(person, name, ago, relation="events", **more):
        fact = {"person_id": person, "name": name, "at": now - ago, **more}
        happened(fact, relation=relation)

    return add


def at(workspace, clock, later):
    clock.at = later
    recompute(workspace)


def test_a_left_cart_by_the_hour(packed, known, did, clock):
    workspace = packed("abandoners")
    began = clock.now()
    for person in ("left", "bought", "back", "paying"):
        known(person)
        did(person, "Product Added", timedelta(0))
    did("bought", "Order Completed", -30 * MINUTE)
    did("back", "Product Added", -50 * MINUTE)
    did("paying", "Checkout Started", -10 * MINUTE)

    def now(ago):
        at(workspace, clock, began + ago)
        return [members(workspace, f"left_cart_{age}") for age in ("1h", "24h")]

    assert now(HOUR - TICK) == [[], []]
    assert now(HOUR) == [["left"], []]
    assert now(HOUR + 10 * MINUTE) == [["left", "paying"], []]
    assert now(HOUR + 50 * MINUTE) == [["back", "left", "paying"], []]
    assert now(24 * HOUR - TICK) == [["back", "left", "paying"], []]
    # From one segment into the next at the same instant, never in both, never in none.
    assert now(24 * HOUR) == [["back", "paying"], ["left"]]
    assert now(25 * HOUR) == [[], ["back", "left", "paying"]]
    assert now(72 * HOUR - TICK) == [[], ["back", "left", "paying"]]
    assert now(72 * HOUR) == [[], ["back", "paying"]]
    assert now(73 * HOUR) == [[], []]


def test_who_comes_back_has_left_nothing(packed, known, did, clock):
    workspace = packed("abandoners")
    began = clock.now()
    known("p")
    did("p", "Product Added", timedelta(0))
    did("p", "Checkout Started", -3 * HOUR)
    at(workspace, clock, began + 2 * HOUR)
    assert members(workspace, "left_cart_1h") == ["p"]
    at(workspace, clock, began + 3 * HOUR)
    assert members(workspace, "left_cart_1h") == []
    at(workspace, clock, began + 4 * HOUR)
    assert members(workspace, "left_cart_1h") == ["p"]


def test_a_look_is_no_cart(packed, known, did, clock):
    workspace = packed("abandoners")
    for person in ("looked", "carted"):
        known(person)
        did(person, "Product Viewed", 3 * HOUR)
    did("carted", "Product Added", 3 * HOUR - MINUTE)
    did("carted", "Product Viewed", 3 * HOUR - 2 * MINUTE)
    recompute(workspace)
    assert members(workspace, "left_look_1h") == ["looked"]
    assert members(workspace, "left_cart_1h") == ["carted"]
    at(workspace, clock, clock.now() + 22 * HOUR)
    assert members(workspace, "left_look_24h") == ["looked"]
    assert members(workspace, "left_look_1h") == []


def test_the_stages_of_a_customer(packed, known, did):
    workspace = packed("lifecycle")
    orders = {
        "never": (),
        "new": (10, 40),
        "just_new": (90 - 1e-9,),
        "active": (10, 100),
        "at_risk": (90, 100),
        "nearly_lapsed": (180 - 1e-9,),
        "lapsed": (180,),
        "won_back": (10, 191, 300),
        "not_quite": (10, 190),
        "active_again": (5, 10, 300),
    }
    for person, days in orders.items():
        known(person)
        for ago in days:
            did(person, "Order Completed", ago * DAY, revenue=10.0)
    recompute(workspace)
    found = {
        person: stage for stage in STAGES for person in members(workspace, f"lifecycle_{stage}")
    }
    assert found == {
        "never": "never_bought",
        "new": "new",
        "just_new": "new",
        "active": "active",
        "at_risk": "at_risk",
        "nearly_lapsed": "at_risk",
        "lapsed": "lapsed",
        "won_back": "won_back",
        "not_quite": "active",
        "active_again": "active",
    }


def test_points_halve_every_two_weeks_and_machines_get_none(packed, known, did):
    workspace = packed("engagement")
    for person in ("buyer", "past", "looker", "machine", "silent"):
        known(person)
    did("buyer", "Order Completed", timedelta(0))
    did("past", "Order Completed", 14 * DAY)
    did("looker", "Product Viewed", 14 * DAY)
    for _ in range(20):
        did("machine", "Email Opened", HOUR, properties='{"verdict": "machine"}')
    recompute(workspace)
    points = {p: row["engagement_points"] for p, row in people_data(workspace).items()}
    assert points == {"buyer": 10.0, "past": 5.0, "looker": 0.5, "machine": 0.0, "silent": 0.0}
    assert [members(workspace, tier) for tier in TIERS] == [
        ["buyer"],
        ["past"],
        ["looker"],
        ["machine", "silent"],
    ]


def test_tenths_by_recency_frequency_and_spending(packed, known, did):
    workspace = packed("rfm", "high_value")
    for number in range(10):
        known(f"p{number}")
        for order in range(number + 1):
            did(f"p{number}", "Order Completed", (200 - 10 * number + order) * DAY, revenue=30.0)
    known("before")
    did("before", "Order Completed", 400 * DAY, revenue=900.0)
    recompute(workspace)
    data = people_data(workspace)
    assert [data[f"p{number}"]["rfm_recency"] for number in range(10)] == list(range(1, 11))
    assert [data[f"p{number}"]["rfm_frequency"] for number in range(10)] == list(range(1, 11))
    assert data["p6"]["rfm_cell"] == 707
    assert members(workspace, "rfm_grid:707") == ["p6"]
    assert members(workspace, "rfm_champions") == ["p7", "p8", "p9"]
    assert members(workspace, "value_top_tenth") == ["p9"]
    assert members(workspace, "value_big_spenders") == ["p6", "p7", "p8", "p9"]
    assert members(workspace, "value_slipping") == ["p7", "p8", "p9"]
    named = [person for group in RFM for person in members(workspace, f"rfm_{group}")]
    assert sorted(named) == [f"p{number}" for number in range(10)]


def test_the_catalog_says_what_people_like_and_what_they_earn(packed, known, did):
    workspace = packed("category_affinity", "high_value")
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO items (item_id, title, category, price, margin, active, updated_at)"
            " VALUES (:id, :id, :category, 10, :margin, 1, 0)",
            [
                {"id": "pan", "category": "Kitchen", "margin": 0.5},
                {"id": "rake", "category": "Garden", "margin": 0.25},
            ],
        )
    known("p1")
    known("p2")

    def bought(person, item, revenue, category=None):
        line = {"product_id": item, "revenue": revenue, "category": category}
        did(person, "Order Completed", DAY, relation="order_lines", **line)

    bought("p1", "pan", 300.0, category="Old name")
    bought("p1", "rake", 20.0)
    bought("p1", "rake", 20.0)
    bought("p2", "gone", 5.0, category="Attic")
    did("p1", "Product Viewed", DAY, product_id="rake")
    recompute(workspace)
    row = people_data(workspace)["p1"]
    assert (row["affinity_category"], row["affinity_most_bought"]) == ("Kitchen", "Garden")
    assert row["affinity_looks_at"] == "Garden"
    assert row["affinity_kitchen_share"] == pytest.approx(300 / 340)
    assert row["value_earned_365d"] == 160.0
    assert members(workspace, "likes:Kitchen") == ["p1"]
    assert members(workspace, "likes:Attic") == members(workspace, "likes_one_category") == ["p2"]
    assert members(workspace, "likes_something_new") == ["p1"]
    assert members(workspace, "likes_kitchen_above_all") == ["p1"]
    assert members(workspace, "value_earners") == ["p1"]


def test_discounts_are_those_that_orders_tell(packed, known, did):
    workspace = packed("discount_seekers")
    told = {
        "often": ('{"coupon": "SPRING"}', '{"discount": 2.5}', "{}"),
        "sometimes": ('{"coupon": "SPRING"}', "{}", "{}"),
        "never": ('{"coupon": "", "discount": 0}', '{"coupon": null}', "{}"),
        "once": ('{"coupon": "SPRING"}',),
    }
    for person, orders in told.items():
        known(person)
        for properties in orders:
            did(person, "Order Completed", DAY, properties=properties)
    recompute(workspace)
    assert members(workspace, "discount_seekers") == ["often"]
    assert members(workspace, "discount_now_and_then") == ["sometimes"]
    assert members(workspace, "discount_never") == ["never"]
    assert people_data(workspace)["often"]["discount_share"] == pytest.approx(2 / 3)


def test_the_time_of_day_is_that_of_the_person(packed, known, clock):
    workspace = packed("time_zones")
    known("tokyo", timezone="Asia/Tokyo")
    known("paris", timezone="Europe/Paris")
    known("chicago", timezone="America/Chicago")
    known("nowhere")
    known("odd", timezone="Mars/Base")
    at(workspace, clock, datetime(2026, 3, 6, 17, 0, tzinfo=UTC))  # Friday in London
    assert {name: members(workspace, name) for name in HOURS} == {
        "morning_now": [],
        "afternoon_now": ["chicago"],
        "evening_now": ["nowhere", "odd", "paris"],
        "night_now": ["tokyo"],
    }
    assert members(workspace, "weekend_now") == ["tokyo"]
    assert members(workspace, "time_zone:Europe/Paris") == ["paris"]
    at(workspace, clock, datetime(2026, 3, 6, 21, 0, tzinfo=UTC) - TICK)
    assert "paris" in members(workspace, "evening_now")
    at(workspace, clock, datetime(2026, 3, 6, 21, 0, tzinfo=UTC))
    assert "paris" in members(workspace, "night_now")


def test_the_mail_program_of_most_opens_by_the_person(packed, known, did):
    workspace = packed("email_clients")
    known("p1")
    for ago, client in ((3, "Gmail"), (2, "Gmail"), (1, "browser on a phone")):
        did("p1", "Email Opened", ago * DAY, properties=f'{{"client": "{client}"}}')
    machine = '{"client": "Outlook", "verdict": "machine"}'
    for _ in range(9):
        did("p1", "Email Opened", HOUR, properties=machine)
    recompute(workspace)
    assert members(workspace, "mail_program:Gmail") == ["p1"]
    assert members(workspace, "changed_mail_program") == ["p1"]
    assert members(workspace, "reads_on_a_phone") == []


@pytest.fixture(scope="module")
def store(demo, tmp_path_factory):
    """The finished demo with every pack, as of two hours after its last event."""
    root = tmp_path_factory.mktemp("packed") / "workspace"
    shutil.copytree(demo.workspace, root)
    clock = FixedClock(datetime.now(UTC))
    with Workspace(root, clock=clock) as opened:
        for pack in list_packs(opened):
            add_pack(opened, pack.name)
        with opened.engine() as engine:
            # Not to the minute: an hour later somebody has been gone for an hour.
            last = engine.value('SELECT max("at") FROM events WHERE name = $n', {"n": VIEWED})
        clock.at = last.replace(tzinfo=UTC) + 2 * HOUR
        with opened.store.transaction() as tx:
            # What is kept live never goes back in time: it begins anew at that instant.
            for table in ("live_people", "live_chunks", "live_plan", "memberships"):
                tx.run(f"DELETE FROM {table}")
        recompute(opened)
        yield opened


VIEWED = "Product Viewed"
# No made-up order has a coupon, and carts of the last day are few in a store of 500.
MAY_BE_EMPTY = {
    "discount_seekers",
    "discount_now_and_then",
    "changed_mail_program",
    "left_cart_1h",
    "rfm_must_not_lose",
    "lifecycle_won_back",
    *HOURS,
    "weekend_now",
}


def test_packs_find_somebody_in_a_whole_store(store):
    sizes = {one.name: one.count for one in list_segments(store)}
    packed = {
        name
        for pack in list_packs(store)
        for name in add_pack(store, pack.name).segments
        if name in store.definitions("segment")
    }
    of_family = {name.partition(":")[0] for name, count in sizes.items() if ":" in name and count}
    empty = {name for name in packed if not sizes.get(name) and name not in of_family}
    assert empty <= MAY_BE_EMPTY
    assert sum(count for name, count in sizes.items() if name.startswith("rfm_grid:")) == sum(
        sizes[f"rfm_{group}"] for group in RFM
    )


@pytest.mark.parametrize(
    "parts", [TIERS, tuple(f"lifecycle_{stage}" for stage in STAGES), HOURS], ids=lambda p: p[0]
)
def test_everyone_in_the_store_is_in_exactly_one(store, parts):
    found = [person for part in parts for person in members(store, part)]
    assert sorted(found) == sorted(people_data(store))
