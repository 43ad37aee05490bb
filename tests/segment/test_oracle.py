# ruff: noqa: DTZ001 - instants are naive UTC
"""What each kind of feature means, worked out by hand.

The oracle is what batch SQL and the live runner are held to, so it is held to paper first.
`NOW` is Thursday, 19 March 2026, 12:00 UTC.
"""

from datetime import date, datetime, timedelta

import pytest

from vocative.segment import build_plan
from vocative.testing.segment_oracle import Person, answers
from vocative.workspace import Workspace

NOW = datetime(2026, 3, 19, 12)
MICRO = timedelta(microseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SETTINGS = "{workspace: w, sender: {email: a@shop.example, name: A}, postal_address: B}"
TRAITS = "{country: {type: text}, renews_on: {type: date}, visits: {type: number}}"


@pytest.fixture
def ask(tmp_path):
    """ask(feature, *facts): the feature of somebody to whom these facts happened."""

    def answer(body, *facts, lines=(), as_of=NOW, zone="UTC", items=None, traits=None):
        plan = planned(tmp_path, features=f"f: {body}\n")
        person = Person(facts=facts, lines=lines, zone=zone, traits=traits or {})
        return answers(plan, {"p": person}, [as_of], items or {})["p", as_of].features["f"]

    return answer


def planned(root, features="", segments=""):
    (root / "vocative.yaml").write_text(SETTINGS)
    (root / "traits.yaml").write_text(TRAITS)
    for kind, text in (("features", features), ("segments", segments)):
        (root / kind).mkdir(exist_ok=True)
        (root / kind / "test.yaml").write_text(text)
    with Workspace(root) as workspace:
        return build_plan(workspace)


def fact(name, at, event_id="e", **columns):
    return {"name": name, "at": at, "event_id": event_id, "properties": {}, **columns}


def viewed(at, event_id="e", **columns):
    return fact("Viewed", at, event_id, **columns)


def bought(at, event_id="e", **columns):
    return fact("Bought", at, event_id, **columns)


def test_a_window_begins_just_after_its_length_and_ends_now(ask):
    week = "{count: Viewed, window: 7d}"
    assert ask(week, viewed(NOW)) == 1
    assert ask(week, viewed(NOW + MICRO)) == 0
    assert ask(week, viewed(NOW - 7 * DAY + MICRO)) == 1
    assert ask(week, viewed(NOW - 7 * DAY)) == 0


def test_a_fact_that_lies_ahead_counts_from_its_instant(ask):
    ahead = viewed(NOW + HOUR)
    assert ask("{exists: Viewed}", ahead) is False
    assert ask("{exists: Viewed}", ahead, as_of=NOW + HOUR) is True


def test_the_last_n_are_the_newest_that_match_whatever_their_value(ask):
    facts = [
        viewed(NOW - 3 * DAY, "a", price=1.0),
        viewed(NOW - 2 * DAY, "b", price=None),
        viewed(NOW - 2 * DAY, "c", price=4.0),
        viewed(NOW + DAY, "d", price=100.0),
    ]
    assert ask("{sum: price, of: Viewed, window: last 1}", *facts) == 4.0
    assert ask("{sum: price, of: Viewed, window: last 2}", *facts) == 4.0
    assert ask("{sum: price, of: Viewed, window: last 3}", *facts) == 5.0
    assert ask("{count: Viewed, window: last 3}", *facts) == 3
    assert ask("{count: Viewed, window: last 3 in 60h}", *facts) == 2
    # `where` chooses first, then the newest of those are taken.
    assert ask("{count: Viewed, where: price < 4, window: last 3}", *facts) == 1


def test_sums_are_of_whole_millionths(ask):
    facts = [bought(NOW, str(n), revenue=0.1) for n in range(3)]
    assert ask("{sum: revenue, of: Bought}", *facts) == 0.3
    mixed = [bought(NOW, str(n), revenue=revenue) for n, revenue in enumerate([1.0, None, 2.0])]
    assert ask("{avg: revenue, of: Bought}", *mixed) == 1.5
    assert ask("{sum: revenue, of: Bought}", bought(NOW, revenue=4e-7)) == 0.0
    assert ask("{sum: revenue, of: Bought}", bought(NOW, revenue=-5e-7)) == -1e-6


def test_first_and_last_go_by_instant_then_by_event_id(ask):
    facts = [
        viewed(NOW - DAY, "b", category="late"),
        viewed(NOW - DAY, "a", category="early"),
        viewed(NOW - DAY, "c", category=None),
    ]
    assert ask("{first: category, of: Viewed}", *facts) == "early"
    assert ask("{last: category, of: Viewed}", *facts) == "late"
    assert ask("{last: at, of: Viewed}", *facts) == NOW - DAY


def test_the_lines_of_one_event_are_in_the_order_of_the_value(ask):
    lines = [bought(NOW, "o", category=category) for category in ("b", "a", None)]
    assert ask("{first: category, of: Bought, lines: true}", lines=lines) == "a"
    assert ask("{last: category, of: Bought, lines: true}", lines=lines) == "b"


def test_without_such_events_the_default_stands(ask):
    assert ask("{count: Viewed}") == 0
    assert ask("{sum: price, of: Viewed}") == 0.0
    assert ask("{max: price, of: Viewed}") is None
    assert ask("{count: Viewed, window: 1h, default: 7}", viewed(NOW - DAY)) == 7
    assert ask("{distinct: category, of: Viewed, default: 7}", viewed(NOW, category=None)) == 7
    assert ask("{max: price, of: Viewed, default: -1}", viewed(NOW, price=None)) == -1.0


def test_the_mode_is_the_most_frequent_then_the_latest_then_the_greatest(ask):
    mode = "{mode: category, of: Viewed}"
    a, b = viewed(NOW - DAY, "1", category="a"), viewed(NOW - HOUR, "2", category="b")
    assert ask(mode, a, b) == "b"
    assert ask(mode, a, b, viewed(NOW - 9 * DAY, "3", category="a")) == "a"
    assert ask(mode, a, viewed(NOW - DAY, "0", category="c")) == "c"
    assert ask(mode, viewed(NOW, category=None)) is None


def test_top_by_is_the_value_with_the_largest_total(ask):
    top = "{top: category, of: Bought, by: revenue}"
    facts = [
        bought(NOW - 2 * DAY, "1", category="a", revenue=10.0),
        bought(NOW - DAY, "2", category="b", revenue=6.0),
        bought(NOW - DAY, "3", category="b", revenue=None),
    ]
    assert ask(top, *facts) == "a"
    assert ask(top, *facts, bought(NOW, "4", category="b", revenue=4.0)) == "b"
    # Nothing known to add up is 0, which is more than a refund.
    refund = bought(NOW, "5", category="c", revenue=-1.0)
    assert ask(top, refund, bought(NOW - DAY, "6", category="d", revenue=None)) == "d"


def test_a_streak_ends_today_or_yesterday(ask):
    days = "{streak: Viewed}"
    run = [viewed(NOW - n * DAY, str(n)) for n in (1, 2, 3)]
    assert ask(days, *run) == 3
    assert ask(days, *run, viewed(NOW, "0")) == 4
    assert ask(days, *run, as_of=NOW + DAY) == 0
    assert ask(days, *run, viewed(NOW - 5 * DAY, "5")) == 3


def test_a_streak_counts_weeks_from_monday_and_months(ask):
    # NOW is a Thursday; the 8th was a Sunday, the 1st another one.
    facts = [viewed(datetime(2026, 3, 8, 23), "1"), viewed(datetime(2026, 3, 9), "2")]
    assert ask("{streak: Viewed, by: week}", *facts) == 2
    assert ask("{streak: Viewed, by: month}", *facts, viewed(datetime(2026, 1, 31))) == 1
    assert ask("{streak: Viewed, by: month}", *facts, viewed(datetime(2026, 2, 1))) == 2


def test_a_streak_goes_by_the_calendar_where_the_person_is(ask):
    # 23:30 UTC on the 17th is the 18th in Auckland.
    facts = [viewed(datetime(2026, 3, 17, 23, 30), "1"), viewed(NOW, "2")]
    assert ask("{streak: Viewed}", *facts) == 1
    assert ask("{streak: Viewed}", *facts, zone="Pacific/Auckland") == 1
    assert ask("{streak: Viewed}", *facts, as_of=NOW - HOUR * 2, zone="Pacific/Auckland") == 1
    # There it is the 20th at 1 o'clock: the 18th is two days ago.
    assert ask("{streak: Viewed}", facts[0], zone="Pacific/Auckland") == 0


def test_at_most_366_periods_are_counted(ask):
    facts = [viewed(NOW - n * DAY, str(n)) for n in range(400)]
    assert ask("{streak: Viewed}", *facts) == 366


def test_points_are_halved_with_every_half_life(ask):
    points = "{points: {Viewed: 1, Bought: 10}, half_life: 14d}"
    assert ask(points) == 0.0
    assert ask(points, bought(NOW)) == 10.0
    assert ask(points, bought(NOW - 14 * DAY), viewed(NOW - 28 * DAY)) == 5.25
    assert ask("{points: {Viewed: 1, Bought: 10}}", bought(NOW - 14 * DAY), viewed(NOW)) == 11.0
    within = "{points: {Bought: 10}, window: 14d, half_life: 14d}"
    assert ask(within, bought(NOW - 14 * DAY)) == 0.0
    # 0.0078125 has seven decimals: halves are rounded away from zero.
    assert ask("{points: {Viewed: 1}, half_life: 1h}", viewed(NOW - 7 * HOUR)) == 0.007813


def test_a_sequence_takes_its_steps_in_order_each_in_time(ask):
    steps = "{sequence: [Viewed, {then: Bought, within: 2h}]}"
    assert ask(steps, viewed(NOW - 2 * HOUR), bought(NOW)) == NOW
    assert ask(steps, viewed(NOW - 2 * HOUR - MICRO), bought(NOW)) is None
    assert ask(steps, bought(NOW - HOUR), viewed(NOW)) is None
    # Of one instant the event with the smaller id comes first.
    assert ask(steps, viewed(NOW, "a"), bought(NOW, "b")) == NOW
    assert ask(steps, viewed(NOW, "b"), bought(NOW, "a")) is None


def test_a_sequence_counts_from_the_step_before_and_tells_the_latest_end(ask):
    steps = "{sequence: [Viewed, {then: Added, within: 2h}, {then: Bought, within: 2h}]}"
    facts = [viewed(NOW - 4 * HOUR), fact("Added", NOW - 2 * HOUR), bought(NOW - HOUR, "x")]
    assert ask(steps, *facts) == NOW - HOUR
    assert ask(steps, *facts, bought(NOW, "y")) == NOW
    windowed = steps.replace("]}", "], window: 30min}")
    assert ask(windowed, *facts) is None


def test_one_event_is_one_step(ask):
    assert ask("{sequence: [Viewed, {then: Viewed, within: 1h}]}", viewed(NOW)) is None


def test_nothing_forbidden_lies_between_two_steps(ask):
    steps = "{sequence: [Viewed, {no: Left}, {then: Bought, within: 2h}]}"
    begin, end = viewed(NOW - HOUR, "b"), bought(NOW, "b")
    assert ask(steps, begin, end) == NOW
    assert ask(steps, begin, fact("Left", NOW - MICRO), end) is None
    # Before the first and after the last it does not matter, also in the same instant.
    assert ask(steps, fact("Left", NOW - HOUR, "a"), begin, fact("Left", NOW, "c"), end) == NOW
    assert ask(steps, begin, fact("Left", NOW, "a"), end) is None
    # Another first step after what is forbidden saves the run.
    again = viewed(NOW - HOUR / 4, "z")
    assert ask(steps, begin, fact("Left", NOW - HOUR / 2), again, end) == NOW


def test_a_last_absence_completes_when_its_time_has_passed(ask):
    steps = "{sequence: [Added, {no: Bought, within: 24h}]}"
    added = fact("Added", NOW - DAY, "m")
    assert ask(steps, added, as_of=NOW - MICRO) is None
    assert ask(steps, added) == NOW
    # The last instant belongs to the time; what comes after it is too late to matter.
    assert ask(steps, added, bought(NOW)) is None
    assert ask(steps, added, bought(NOW + MICRO), as_of=NOW + DAY) == NOW
    # In the instant of the step itself the order of ids decides.
    assert ask(steps, added, bought(NOW - DAY, "z")) is None
    assert ask(steps, added, bought(NOW - DAY, "a")) == NOW


def test_items_are_looked_up_by_the_product_of_the_event(ask):
    items = {"i1": {"category": "Garden", "price": 5.0}}
    facts = [viewed(NOW, "1", product_id="i1"), viewed(NOW, "2", product_id="gone")]
    assert ask("{sum: item.price, of: Viewed}", *facts, items=items) == 5.0
    found = ask("{count: Viewed, where: item.category = 'Garden'}", *facts, items=items)
    assert found == 1
    assert ask("{count: Viewed, where: item.category is null}", *facts, items=items) == 1


def test_parts_of_properties_are_texts(ask):
    facts = [
        viewed(NOW, str(n), properties={"size": size}) for n, size in enumerate(["7", 7, 12.5])
    ]
    assert ask("{count: Viewed, where: properties.size = '7'}", *facts) == 2
    assert ask("{sum: to_number(properties.size), of: Viewed}", *facts) == 26.5


def test_days_and_hours_are_those_of_the_person(ask):
    # 30 minutes before midnight in London is the next day in Berlin.
    late = datetime(2026, 3, 19, 23, 30)
    assert ask("{expr: today()}", as_of=late) == date(2026, 3, 19)
    assert ask("{expr: today()}", as_of=late, zone="Europe/Berlin") == date(2026, 3, 20)
    assert ask("{expr: local_time(now())}", zone="Asia/Kolkata") == datetime(2026, 3, 19, 17, 30)


@pytest.mark.parametrize(
    ("renews_on", "as_of", "days"),
    [
        (date(2020, 3, 19), NOW, 0),
        (date(2020, 3, 18), NOW, 364),
        (date(2020, 4, 1), NOW, 13),
        (date(2024, 2, 29), datetime(2026, 2, 28), 0),
        (date(2024, 2, 29), datetime(2027, 3, 1), 365),
        (date(2024, 2, 29), datetime(2028, 2, 28), 1),
    ],
)
def test_an_anniversary_comes_every_year(ask, renews_on, as_of, days):
    found = ask(
        "{expr: days_to_anniversary(renews_on)}", as_of=as_of, traits={"renews_on": renews_on}
    )
    assert found == days


def test_ntile_cuts_the_population_and_keeps_equals_together(tmp_path):
    plan = planned(tmp_path, "third: {ntile: 3, of: visits, where: visits > 0}")
    visits = {"a": 1.0, "b": 2.0, "c": 2.0, "d": 9.0, "e": 10.0, "f": 11.0, "g": 0.0, "h": None}
    people = {name: Person(traits={"visits": value}) for name, value in visits.items()}
    found = answers(plan, people, [NOW], {})
    third = {name: found[name, NOW].features["third"] for name in people}
    assert third == {"a": 1, "b": 1, "c": 1, "d": 2, "e": 3, "f": 3, "g": None, "h": None}


def test_a_segment_holds_those_for_whom_it_is_true(tmp_path):
    plan = planned(
        tmp_path,
        "last_at: {last: at, of: Bought}",
        """\
lapsed: {where: "last_at < now() - interval '30 days'"}
country: {by: country}
lapsed_french: {where: "in_segment('lapsed') and in_segment('country:FR')"}
others: {where: "not in_segment('lapsed')"}
""",
    )
    traits = {"country": "FR"}
    people = {
        "long ago": Person(facts=[bought(NOW - 30 * DAY - MICRO)], traits=traits),
        "just not": Person(facts=[bought(NOW - 30 * DAY)], traits=traits),
        "never": Person(),
    }
    found = {name: a.segments for (name, _), a in answers(plan, people, [NOW], {}).items()}
    assert found["long ago"] == {
        "lapsed": True,
        "country": "FR",
        "lapsed_french": True,
        "others": False,
    }
    assert found["just not"]["lapsed"] is False
    # Unknown is not true: who never bought has not lapsed.
    assert found["never"] == {
        "lapsed": False,
        "country": None,
        "lapsed_french": False,
        "others": True,
    }
