"""The pure part of journeys: definitions, entering, stepping, calendars."""

from datetime import UTC, date, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journeyed import DAY, HOUR, happened, instant, journey, moment

from vocative.campaign.journeys.calendar import (
    after_quiet_hours,
    anniversaries,
    instant_of,
    local_day,
    next_local,
)
from vocative.campaign.journeys.definition import Journey
from vocative.campaign.journeys.entering import Earlier, Refused, enter, trigger_of
from vocative.campaign.journeys.run import Advanced, Happened, Run, Send
from vocative.campaign.journeys.stepping import advance, move
from vocative.clock import from_micros
from vocative.errors import AuthorError
from vocative.privacy.permit import quiet_until
from vocative.workspace import Workspace
from vocative.workspace.settings import QuietHours

CART = """\
describe: A reminder of a cart that was left.
enter:
  event: Product Added
  where: price > 10
  key: properties.cart_id
exit:
  - {event: Order Completed, key: properties.cart_id}
  - segment: buyers
goal: {event: Order Completed, within: 7d}
steps:
  - wait: 1h
  - id: remind
    send: reminder
  - wait_until:
      event: Product Viewed
      timeout: 2d
      then:
        - exit: came_back
  - branch:
      - when: country = 'FR'
        steps:
          - send: {template: last_call, subject: "Dernier appel"}
    id: where
"""
START = instant("2026-03-02T09:30:00")
ZONES = ("Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Santiago",
         "Asia/Kathmandu", "America/St_Johns", "Africa/Casablanca", "Pacific/Apia",
         "America/New_York", "UTC")  # fmt: skip
NIGHT = QuietHours(start=21, end=8)


@pytest.fixture
def cart(workspace: Workspace) -> Journey:
    return journey(workspace, CART)


KNOWN = {"in_segment('buyers')": False, "country = 'FR'": True}


def begin(cart: Journey, event: Happened, now: int) -> Advanced:
    trigger = trigger_of(cart, event)
    assert trigger is not None
    begun = enter(cart, "p1", trigger, moment(now, known=KNOWN), [], started_at=0)
    assert isinstance(begun, Advanced)
    return begun


def begun(cart: Journey) -> Run:
    return begin(cart, happened("Product Added", START, price=20.0, cart_id="c1"), START).run


def sends(done: Advanced) -> list[str]:
    return [effect.step for effect in done.effects if isinstance(effect, Send)]


def test_a_cart_is_reminded_of_once_it_is_an_hour_old(cart: Journey) -> None:
    run = begun(cart)
    assert (run.key, run.step, run.wake_at) == ("c1", "wait_1", START + HOUR)
    early = advance(cart, run, moment(START + HOUR - 1, known=KNOWN))
    assert early.run == run
    assert not early.effects + early.notes
    done = advance(cart, run, moment(START + HOUR, known=KNOWN))
    assert sends(done) == ["remind"]
    assert done.run.step == "wait_until_1"
    assert done.run.wake_at == START + HOUR + 2 * DAY
    last = advance(cart, done.run, moment(START + 4 * DAY, known=KNOWN))
    assert sends(last) == ["send_1"]
    assert (last.run.state, last.run.outcome) == ("finished", "completed")


def test_an_order_heard_of_late_still_stops_the_reminder(cart: Journey) -> None:
    run = begun(cart)
    other = happened("Order Completed", START + 1, cart_id="another")
    assert advance(cart, run, moment(START + 2, known=KNOWN, event=other)).run.outcome == "goal"
    left = msgspec.structs.replace(run, reached_at=START)
    kept = advance(cart, left, moment(START + 2, known=KNOWN, event=other))
    assert kept.run.state == "active", "the exit rule is about another cart"
    order = happened("Order Completed", START + 2 * HOUR, cart_id="c1")
    late = advance(cart, left, moment(START + 3 * HOUR, known=KNOWN, event=order))
    assert not late.effects
    assert late.run.outcome == "exit_rule"


def test_timers_that_were_due_fire_before_the_event_is_looked_at(cart: Journey) -> None:
    view = happened("Product Viewed", START + 90 * HOUR // 60)
    done = advance(cart, begun(cart), moment(START + 2 * DAY, known=KNOWN, event=view))
    assert sends(done) == ["remind"], "the reminder was due before they came back"
    assert done.run.step == "wait_until_1", "they came back before it was sent"


def test_an_event_in_time_ends_the_waiting(cart: Journey) -> None:
    waiting = advance(cart, begun(cart), moment(START + HOUR, known=KNOWN)).run
    view = happened("Product Viewed", START + DAY)
    late = advance(cart, waiting, moment(START + 9 * DAY, known=KNOWN, event=view))
    assert late.run.outcome == "came_back"


def test_two_carts_are_two_runs_and_one_cart_is_one(cart: Journey) -> None:
    now = moment(START, known=KNOWN)
    first, second = (
        trigger_of(cart, happened("Product Added", START, number=n, price=20.0, cart_id=f"c{n}"))
        for n in (1, 2)
    )
    assert first is not None
    assert second is not None
    there = [Earlier(key="c1", entered_at=START, is_active=True, slot=1)]
    again = enter(cart, "p1", first, now, there, started_at=0)
    assert isinstance(again, Refused)
    assert again.reason == "already_in"
    other = enter(cart, "p1", second, now, there, started_at=0)
    assert isinstance(other, Advanced)
    assert other.run.slot == 1, "the first one about this cart"
    over = [Earlier(key="c1", entered_at=START, is_active=False, slot=1)]
    assert isinstance(enter(cart, "p1", first, now, over, started_at=0), Refused)


@pytest.mark.parametrize(
    ("at", "now", "reason"),
    [(START - 1, START, "before_start"), (START, START + DAY + 1, "too_late")],
)
def test_what_is_old_brings_nobody_in(cart: Journey, at: int, now: int, reason: str) -> None:
    trigger = trigger_of(cart, happened("Product Added", at, price=20.0))
    assert trigger is not None
    answer = enter(cart, "p1", trigger, moment(now, known=KNOWN), [], started_at=START)
    assert isinstance(answer, Refused)
    assert answer.reason == reason


def test_nobody_enters_by_an_event_that_is_not_meant(cart: Journey) -> None:
    assert trigger_of(cart, happened("Product Added", START, price=5.0)) is None
    assert trigger_of(cart, happened("Product Added", START)) is None
    assert trigger_of(cart, happened("Product Viewed", START, price=50.0)) is None


def test_whoever_is_in_the_segment_leaves(cart: Journey) -> None:
    known = {**KNOWN, "in_segment('buyers')": True}
    done = advance(cart, begun(cart), moment(START + HOUR, known=known))
    assert not done.effects
    assert done.run.outcome == "exit_rule"
    assert done.notes[0].did == "is in buyers"


def test_a_run_moves_to_a_version_that_has_its_step(workspace: Workspace, cart: Journey) -> None:
    run = begun(cart)
    longer = journey(workspace, CART.replace("wait: 1h", "wait: 3h"))
    moved = move(longer, run, START + 2 * HOUR)
    assert moved.run.step == "wait_1"
    assert advance(longer, moved.run, moment(START + 2 * HOUR, known=KNOWN)).effects == []
    without = journey(workspace, "enter: {event: X}\nsteps: [{id: other, wait: 1h}]\n")
    assert move(without, run, START).run.outcome == "step_removed"


def test_held_out_people_get_nothing_and_are_known(workspace: Workspace) -> None:
    text = "enter: {event: X}\nholdout: 50%\nsteps:\n  - send: reminder\n"
    tried = journey(workspace, text)
    states = []
    for number in range(200):
        event = happened("X", START, person=f"p{number}")
        trigger = trigger_of(tried, event)
        assert trigger is not None
        done = enter(tried, event.person_id, trigger, moment(START), [], started_at=0)
        assert isinstance(done, Advanced)
        states.append(done.run.state)
        assert (done.run.state == "holdout") == (not sends(done))
    assert 60 < states.count("holdout") < 140


def test_arms_and_offers_are_chosen_once_and_noted(workspace: Workspace) -> None:
    tried = journey(
        workspace,
        """\
enter: {event: X, again: always}
steps:
  - split:
      a: {steps: [{update: {plan: gold}}]}
      b: {weight: 2, steps: [{send: reminder}]}
  - decide:
      policy: random
      offers:
        - {name: small, when: orders > 0, title: 5 % off}
        - {name: big, when: orders > 5, title: 20 % off}
  - webhook: {url: "https://shop.example/hook", secret: "env:HOOK"}
""",
    )
    known = {"orders > 0": True, "orders > 5": False}
    trigger = trigger_of(tried, happened("X", START))
    assert trigger is not None
    answers = [
        enter(tried, "p1", trigger, moment(START, known=known), [], started_at=0) for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert isinstance(answers[0], Advanced)
    assert answers[0].run.chosen == {"decide_1": "small"}
    kinds = [note.kind for note in answers[0].notes]
    assert kinds[:2] == ["enter", "split"]
    assert kinds[-3:] == ["decide", "webhook", "exit"]


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("enter: {event: X}\nsteps: []\n", "a journey needs a step", 2),
        ("enter: {}\nsteps: [{wait: 1h}]\n", "one way", 1),
        ("enter: {event: X}\nsteps:\n  - wait: 3 moons\n", "no length of time", 3),
        ("enter: {event: X}\nsteps:\n  - wiat: 3d\n", "kind of step", 3),
        ("enter: {event: X}\nsteps:\n  - send: nothing\n", "template", 3),
        ("enter: {segment: nobody}\nsteps: [{wait: 1h}]\n", "segment", 1),
        ("enter: {event: X, where: 'prise > 3'}\nsteps: [{wait: 1h}]\n", "prise", 1),
        ("enter: {date: country}\nsteps: [{wait: 1h}]\n", "date", 1),
        ("enter: {event: X}\nsteps:\n  - branch:\n    - when: contry = 'F'\n", "contry", 4),
        ("enter: {event: X}\nsteps:\n  - {id: a, wait: 1h}\n  - {id: a, wait: 1h}\n", "id", 4),
        ("enter: {event: X}\nsteps:\n  - update: {email: x}\n", "identifies", 3),
        ("enter: {event: X}\nsteps:\n  - update: {joined_on: soon}\n", "date", 3),
        ("enter: {event: X}\nsteps:\n  - webhook: {url: 'ftp://x', secret: env:A}\n", "address", 3),
        ("enter: {event: X}\nholdout: 200%\nsteps: [{wait: 1h}]\n", "share", 2),
    ],
)
def test_mistakes_are_told_with_their_place(
    workspace: Workspace, text: str, said: str, line: int
) -> None:
    with pytest.raises(AuthorError) as error:
        journey(workspace, text)
    assert said in error.value.message
    where = error.value.where
    assert where is not None
    assert where.line == line, str(error.value)


instants = st.integers(instant("2023-01-01T00:00:00"), instant("2033-01-01T00:00:00"))
zones = st.sampled_from(ZONES)


@settings(deadline=None)
@given(instants, zones, st.times(), st.sets(st.sampled_from(["monday", "sunday", "friday"])))
def test_the_next_local_time_is_the_next_one(at: int, zone: str, on: time, days: set[str]) -> None:
    place = ZoneInfo(zone)
    on = on.replace(second=0, microsecond=0)
    found = next_local(at, on, place, days)
    assert at <= found <= at + 9 * DAY
    local = from_micros(found).astimezone(place)
    skipped = local.replace(tzinfo=None).time() != on
    if skipped:
        there = local.replace(hour=on.hour, minute=on.minute, fold=0)
        assert there.astimezone(UTC).astimezone(place).time() != on, "only what does not exist"
    if days and not skipped:
        assert local.strftime("%A").lower() in days


@settings(deadline=None)
@given(st.dates(date(1920, 1, 1), date(2020, 1, 1)), st.sampled_from(["year", "month"]))
def test_dates_come_round_once_a_year_or_month(first: date, every: str) -> None:
    found = list(anniversaries(first, every, date(2024, 1, 1), date(2027, 12, 31)))  # type: ignore[arg-type]
    assert len(found) == (4 if every == "year" else 48)
    assert all(later.day <= first.day for later in found)
    gaps = {(b - a).days for a, b in pairwise(found)}
    assert gaps <= ({365, 366} if every == "year" else {28, 29, 30, 31})


@settings(deadline=None)
@given(instants, zones, st.integers(0, 23), st.integers(0, 23))
def test_after_quiet_hours_it_is_not_quiet(at: int, zone: str, start: int, end: int) -> None:
    hours, place = QuietHours(start=start, end=end), ZoneInfo(zone)
    allowed = after_quiet_hours(at, place, hours)
    assert at <= allowed <= at + 26 * HOUR
    assert quiet_until(from_micros(allowed), place, hours) is None


def test_nobody_is_mailed_in_quiet_hours_in_100_000_schedules(workspace: Workspace) -> None:
    """Every schedule is a run that is woken when it asks to be, late, or by an event."""
    import random

    drawn = random.Random(6)
    text = "enter: {event: X}\nsteps:\n  - wait: %s\n  - send: reminder\n"
    tried = [journey(workspace, text % length) for length in ("1h", "7h", "2d", "30min", "25h")]
    first, last = instant("2024-01-01T00:00:00"), instant("2030-01-01T00:00:00")
    places = [ZoneInfo(zone) for zone in ZONES]
    base = moment(first, quiet_hours=NIGHT)
    run = Run(run_id="r", journey="tried", version=0, person_id="p", entered_at=0, arrived_at=0)
    mailed = 0
    for number in range(100_000):
        one, place = tried[number % len(tried)], places[number % len(places)]
        at = drawn.randrange(first, last)
        here = msgspec.structs.replace(run, step=one.first, entered_at=at, arrived_at=at)
        now = at
        for _ in range(4):
            now += drawn.choice((0, 1, HOUR // 7, 11 * HOUR))
            done = advance(one, here, type(base)(now=now, zone=place, quiet_hours=NIGHT))
            if done.effects:
                mailed += 1
                assert quiet_until(from_micros(now), place, NIGHT) is None, (now, place)
                break
            assert done.run.wake_at is not None
            here, now = done.run, max(now, done.run.wake_at)
    assert mailed == 100_000


def test_a_clock_that_is_set_back_only_waits_longer(cart: Journey) -> None:
    run = begun(cart)
    back = advance(cart, run, moment(START - DAY, known=KNOWN))
    assert back.run == run
    done = advance(cart, run, moment(START + HOUR, known=KNOWN))
    again = advance(cart, done.run, moment(START - DAY, known=KNOWN))
    assert again.run == done.run
    assert not again.effects


def test_the_day_of_an_instant_is_the_local_one() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    assert local_day(instant("2026-01-01T18:20:00"), kathmandu) == date(2026, 1, 2)
    assert instant_of(date(2026, 1, 2), time(0, 5), kathmandu) == instant("2026-01-01T18:20:00")
