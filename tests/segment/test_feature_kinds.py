"""What each kind of feature says of small histories, worked out by hand."""

from datetime import datetime, timedelta

import pytest

from vocative.segment import people_data

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TINY = timedelta(microseconds=1)


@pytest.fixture
def value_of(define, known, happened, workspace):
    """The value of one feature for a person with some facts: value_of("{…}", {…}, {…})."""

    def ask(definition, *facts, items=(), relation="events", **traits):
        define(features=f"x: {definition}\n", traits="timezone: {type: text}\n")
        known("p1", **traits)
        if items:
            with workspace.store.transaction() as tx:
                tx.run(
                    "INSERT INTO items (item_id, title, category, margin, active, updated_at)"
                    " VALUES (:item_id, :item_id, :category, :margin, 1, 0)",
                    list(items),
                )
        if facts:
            happened(*({"person_id": "p1", **fact} for fact in facts), relation=relation)
        return people_data(workspace)["p1"]["x"]

    return ask


@pytest.fixture
def bought(clock):
    def order(ago, revenue=None, **more):
        return {"name": "Order Completed", "at": clock.now() - ago, "revenue": revenue, **more}

    return order


@pytest.fixture
def viewed(clock):
    def view(ago, category=None, **more):
        return {"name": "Product Viewed", "at": clock.now() - ago, "category": category, **more}

    return view


# The last few


def test_the_last_events_are_the_newest_ones(value_of, bought):
    facts = [bought(n * DAY, float(10**n)) for n in range(4)]
    assert value_of("{sum: revenue, of: Order Completed, window: last 2}", *facts) == 11.0


def test_an_unknown_value_takes_its_place_among_the_last(value_of, bought):
    facts = [bought(DAY), bought(2 * DAY, 5.0), bought(3 * DAY, 7.0)]
    assert value_of("{sum: revenue, of: Order Completed, window: last 2}", *facts) == 5.0


def test_facts_that_do_not_match_take_no_place(value_of, bought):
    facts = [bought(DAY, 1.0), bought(2 * DAY, 5.0), bought(3 * DAY, 7.0)]
    found = value_of(
        "{sum: revenue, of: Order Completed, where: revenue > 2, window: last 2}", *facts
    )
    assert found == 12.0


def test_the_last_within_a_time_stop_at_both(value_of, bought):
    facts = [bought(n * DAY, 1.0) for n in (1, 2, 3, 10)]
    assert value_of("{count: Order Completed, window: last 2 in 7d}", *facts) == 2
    assert value_of("{count: Order Completed, window: last 9 in 7d}") == 3


def test_of_facts_at_one_instant_the_greatest_id_is_the_newest(value_of, bought):
    facts = [bought(DAY, n, event_id=name) for name, n in (("b", 2.0), ("c", 3.0), ("a", 1.0))]
    assert value_of("{sum: revenue, of: Order Completed, window: last 2}", *facts) == 5.0


# Which one


def test_the_mode_is_the_most_frequent_then_the_latest(value_of, viewed):
    facts = [viewed(5 * DAY, "a"), viewed(4 * DAY, "b"), viewed(3 * DAY, "a"), viewed(2 * DAY, "b")]
    assert value_of("{mode: category, of: Product Viewed}", *facts) == "b"


def test_the_mode_of_values_that_come_last_together_is_the_greatest(value_of, viewed):
    facts = [viewed(DAY, "a"), viewed(DAY, "b"), viewed(HOUR)]
    assert value_of("{mode: category, of: Product Viewed}", *facts) == "b"


def test_the_top_value_has_the_largest_sum(value_of, bought):
    facts = [
        bought(DAY, 10.0, category="few"),
        bought(2 * DAY, 4.0, category="many"),
        bought(3 * DAY, 4.0, category="many"),
        bought(4 * DAY, None, category="many"),
    ]
    assert value_of("{top: category, by: revenue, of: Order Completed}", *facts) == "few"
    assert value_of("{top: category, of: Order Completed}") == "many"


def test_a_value_whose_sum_is_negative_can_still_be_the_top(value_of, bought):
    facts = [bought(DAY, -5.0, category="a"), bought(2 * DAY, -3.0, category="b")]
    assert value_of("{top: category, by: revenue, of: Order Completed}", *facts) == "b"


def test_what_the_catalog_says_of_a_product(value_of, bought):
    items = [
        {"item_id": "i1", "category": "Garden", "margin": 2.5},
        {"item_id": "i2", "category": "Pets", "margin": None},
    ]
    facts = [
        bought(DAY, product_id=product, quantity=2.0, category="old")
        for product in ("i1", "i2", "gone", None)
    ]
    definition = "{%s, of: Order Completed, lines: true}"
    margin = value_of(
        definition % "sum: quantity * item.margin", *facts, items=items, relation="order_lines"
    )
    assert margin == 5.0
    assert value_of(definition % "distinct: item.category") == 2
    assert value_of("{count: Order Completed, lines: true, where: \"item.category = 'Pets'\"}") == 1


# In a row


@pytest.fixture
def streak(value_of):
    def ask(definition, *instants, **traits):
        return value_of(
            definition, *({"name": "App Opened", "at": at} for at in instants), **traits
        )

    return ask


DAYS = "{streak: App Opened, by: day}"


def test_a_streak_ends_today_or_yesterday(streak, clock):
    now = clock.now()
    assert streak(DAYS) == 0
    assert streak(DAYS, now - DAY, now - 2 * DAY, now - 3 * DAY, now - 5 * DAY) == 3
    assert streak(DAYS, now, now - TINY) == 4


def test_a_streak_that_ended_before_yesterday_is_none(streak, clock):
    assert streak(DAYS, clock.now() - 2 * DAY, clock.now() - 3 * DAY) == 0


def test_days_are_those_of_the_persons_calendar(streak, clock):
    """22:00 and 01:00 UTC are one day in Tokyo (7:00 and 10:00), two in London."""
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    late, early = midnight - 2 * HOUR, midnight + HOUR
    assert streak(DAYS, late, early, timezone="Europe/London") == 2
    assert streak(DAYS, timezone="Asia/Tokyo") == 1


def test_weeks_begin_on_monday(streak, clock):
    monday = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    monday -= monday.weekday() * DAY
    weeks = "{streak: App Opened, by: week}"
    assert streak(weeks, monday, monday - TINY, timezone="UTC") == 2
    assert streak(weeks, monday - 7 * DAY - TINY, timezone="UTC") == 3


def test_months_go_on_over_the_end_of_a_year(streak, clock):
    months = [datetime(2025, 12, 31), datetime(2026, 1, 1), datetime(2026, 2, 28)]  # noqa: DTZ001
    assert (clock.now().year, clock.now().month) == (2026, 3)
    assert streak("{streak: App Opened, by: month}", *months, timezone="UTC") == 3


def test_no_streak_is_longer_than_366(streak, clock):
    assert streak(DAYS, *(clock.now() - n * DAY for n in range(400))) == 366


# Points


def test_points_add_up_and_halve(value_of, viewed, bought):
    definition = "{points: {Product Viewed: 1, Order Completed: 8}, half_life: 2d}"
    found = value_of(
        definition, viewed(0 * DAY), viewed(2 * DAY), bought(4 * DAY), viewed(400 * DAY)
    )
    assert found == 1 + 0.5 + 8 / 4


def test_points_without_half_life_count_within_their_window(value_of, viewed, bought):
    definition = "{points: {Product Viewed: 1.5, Order Completed: -2}, window: 3d}"
    assert (
        value_of(definition, viewed(DAY), viewed(3 * DAY), viewed(3 * DAY - TINY), bought(DAY)) == 1
    )


def test_nobody_without_events_has_points(value_of):
    assert value_of("{points: {Product Viewed: 1}, half_life: 1h}") == 0.0


def test_points_of_long_ago_are_none(value_of, viewed):
    assert value_of("{points: {Product Viewed: 1}, half_life: 1min}", viewed(3000 * DAY)) == 0.0


# One after the other


@pytest.fixture
def run(value_of, clock):
    """When the latest run was complete, as the time before now: run("[…]", A=[…], B=[…])."""

    def ask(steps, more="", **hours_ago):
        facts = [
            {"name": name, "at": clock.now() - ago * HOUR}
            for name, times in hours_ago.items()
            for ago in times
        ]
        found = value_of(f"{{sequence: {steps}{more}}}", *facts)
        return None if found is None else (clock.now().replace(tzinfo=None) - found) / HOUR

    return ask


def test_what_follows_in_time_completes_a_sequence(run):
    assert run("[A, {then: B, within: 2h}]", A=[10, 5], B=[9, 2]) == 9
    assert run("[A, {then: B, within: 3h}]") == 2


def test_a_sequence_starts_again_from_the_latest_first_step(run):
    assert run("[A, {then: B, within: 2h}]", A=[10, 8], B=[7]) == 7


def test_steps_at_one_instant_go_by_their_ids(run):
    """The facts of this test have rising ids in the order in which they are given."""
    assert run("[A, {then: B, within: 2h}]", A=[5], B=[5]) == 5
    assert run("[B, {then: A, within: 2h}]") is None


def test_one_event_is_one_step(run):
    assert run("[A, {then: A, within: 2h}]", A=[5]) is None
    assert run("[A, {then: A, within: 2h}, {then: A, within: 2h}]", A=[4, 3]) == 3


def test_what_must_not_happen_in_between(run):
    steps = "[A, {no: X}, {then: B, within: 9h}]"
    assert run(steps, A=[10], X=[9], B=[8]) is None
    assert run(steps, A=[7], B=[6]) == 6
    assert run(steps, X=[5]) == 6


def test_an_absence_is_complete_when_its_time_is_over(run):
    steps = "[A, {no: B, within: 3h}]"
    assert run(steps, A=[2]) is None
    assert run(steps, A=[3]) == 0
    assert run(steps, A=[9], B=[7]) == 0
    assert run(steps, B=[2]) is None


def test_what_happens_when_the_time_is_over_still_breaks_it(run):
    assert run("[A, {no: B, within: 3h}]", A=[9], B=[6]) is None


def test_a_window_looks_at_completions(run):
    assert run("[A, {then: B, within: 9h}]", ", window: 2h", A=[8], B=[2]) is None
    assert run("[A, {then: B, within: 9h}]", ", window: 3h") == 2


def test_a_step_can_have_a_condition(value_of, viewed, bought, clock):
    first = "{event: Product Viewed, where: price > 5}"
    steps = f"[{first}, {{then: Order Completed, within: 1d, where: revenue > 9}}]"
    facts = [viewed(3 * HOUR, price=6.0), bought(2 * HOUR, 10.0), bought(HOUR, 8.0)]
    found = value_of(f"{{sequence: {steps}}}", *facts)
    assert found == (clock.now() - 2 * HOUR).replace(tzinfo=None)
