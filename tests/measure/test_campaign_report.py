"""The report against a plain-Python count of the same rows, and its rules one by one."""

import json
import random
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from campaign_world import DEFINITION, PLANNED_AT, CampaignWorld
from rich.console import Console

from vocative.errors import AuthorError, StateError, UnknownName
from vocative.measure import report, summary_lines
from vocative.measure.show import print_report

WEEK = timedelta(days=7)
HALF_HOUR = timedelta(minutes=30)
Person = dict[str, Any]


def feedback(world: CampaignWorld, name: str, person: str, at, verdict: str | None = None):
    properties = {} if verdict is None else {"verdict": verdict, "verdict_reason": "test"}
    return {
        "person_id": person,
        "name": name,
        "at": at,
        "campaign": "spring",
        "message_id": world.message_id(person),
        "properties": json.dumps(properties),
    }


def order(person: str, at, revenue: float | None = 10.0):
    return {"person_id": person, "name": "Order Completed", "at": at, "revenue": revenue}


def arm(found, name: str):
    return next(each for each in found.arms if each.name == name)


class TestAgainstPlainPython:
    @pytest.mark.parametrize("seed", range(3))
    def test_same_numbers(self, world: CampaignWorld, seed: int):
        chance = random.Random(seed)
        people = [self.person(chance, index) for index in range(300)]
        world.run(people)
        events = [event for person in people for event in self.events(chance, world, person)]
        world.events([dict(event) for event in events])
        found = report(world.workspace, "spring")
        self.check(found, people, events)

    def person(self, chance: random.Random, index: int) -> Person:
        person = {"person_id": f"p{index:015d}", "arm": chance.choice("abaab"), "delay": None}
        drawn = chance.random()
        if drawn < 0.15:
            return person | {"arm": "holdout", "state": "skipped", "reason": "holdout"}
        if drawn < 0.3:
            reason = chance.choice(["no_consent", "capped"])
            return person | {"state": "skipped", "reason": reason}
        delay = timedelta(seconds=chance.randrange(7200))
        state = chance.choice(["accepted"] * 8 + ["bounced", "failed", "deferred", "ambiguous"])
        return person | {"state": state, "delay": delay}

    def events(self, chance: random.Random, world: CampaignWorld, person: Person) -> list[dict]:
        found = []
        for _ in range(chance.randrange(4)):
            at = PLANNED_AT + timedelta(hours=chance.uniform(-50, 400))
            found.append(order(person["person_id"], at, chance.choice([None, 5.0, 20.5])))
        if person["delay"] is not None:
            for name in ("Email Opened", "Email Link Clicked", "Unsubscribed", "Email Bounced"):
                for _ in range(chance.randrange(3)):
                    at = PLANNED_AT + person["delay"] + timedelta(hours=chance.uniform(0, 200))
                    verdict = chance.choice(["human", "machine", None])
                    found.append(feedback(world, name, person["person_id"], at, verdict))
        return found

    def check(self, found, people: list[Person], events: list[dict]) -> None:
        delays = [p["delay"] for p in people if p["delay"] is not None]
        typical = statistics.median(delays)
        by_person: dict[str, list[dict]] = {}
        for event in events:
            by_person.setdefault(event["person_id"], []).append(event)

        def orders(person: Person) -> list[dict]:
            start = PLANNED_AT + (typical if person["delay"] is None else person["delay"])
            return [
                event
                for event in by_person.get(person["person_id"], [])
                if event["name"] == "Order Completed" and start <= event["at"] < start + WEEK
            ]

        def did(person: Person, name: str, machine: bool) -> list[dict]:
            return [
                event
                for event in by_person.get(person["person_id"], [])
                if event["name"] == name
                and (json.loads(event["properties"]).get("verdict") == "machine") == machine
            ]

        for each in found.arms:
            members = [person for person in people if person["arm"] == each.name]
            assert each.people == len(members)
            assert each.accepted == sum(person["state"] == "accepted" for person in members)
            assert each.converted.count == sum(bool(orders(person)) for person in members)
            revenue = sum(event["revenue"] or 0.0 for p in members for event in orders(p))
            assert each.revenue == pytest.approx(revenue)
            for rate, name in ((each.opened, "Email Opened"), (each.clicked, "Email Link Clicked")):
                assert rate.count == sum(bool(did(person, name, False)) for person in members)
        assert found.planned == len(people)
        assert found.held_out == sum(person["arm"] == "holdout" for person in people)
        for state in ("accepted", "failed", "deferred", "ambiguous"):
            assert getattr(found, state) == sum(person["state"] == state for person in people)
        assert sum(found.skipped.values()) == sum(
            person["state"] == "skipped" and person["arm"] != "holdout" for person in people
        )
        for touches, name in ((found.opens, "Email Opened"), (found.clicks, "Email Link Clicked")):
            assert touches.human_messages == sum(bool(did(p, name, False)) for p in people)
            assert touches.human_events == sum(len(did(p, name, False)) for p in people)
            assert touches.machine_messages == sum(bool(did(p, name, True)) for p in people)
            assert touches.machine_events == sum(len(did(p, name, True)) for p in people)
        contacted = [arm for arm in found.arms if arm.name != "holdout"]
        assert found.conversions == sum(each.converted.count for each in contacted)
        holdout = arm(found, "holdout")
        assert found.holdout is not None
        assert found.holdout.conversion.difference == pytest.approx(
            found.conversions / sum(each.people for each in contacted)
            - holdout.converted.count / holdout.people
        )


class TestWindow:
    """The goal counts from the hand-over on and not at the end of its time."""

    @pytest.mark.parametrize(
        ("after", "counts"),
        [
            (timedelta(0), True),
            (-timedelta(microseconds=1), False),
            (WEEK - timedelta(microseconds=1), True),
            (WEEK, False),
        ],
    )
    def test_edges(self, world, sent, after, counts):
        people = [
            sent("sent", "a"),
            sent("other", "b"),
            sent("held", "holdout", state="skipped", reason="holdout", delay=None),
            sent("refused", "b", state="skipped", reason="no_consent", delay=None),
        ]
        world.run(people)
        bought = PLANNED_AT + HALF_HOUR + after
        world.events([order(who, bought) for who in ("sent", "held", "refused")])
        found = report(world.workspace, "spring")
        assert [each.converted.count for each in found.arms] == [int(counts)] * 3

    def test_windows_still_open_are_told(self, world, sent, clock):
        world.run([sent("p1", "a"), sent("p2", "b", delay=timedelta(hours=5))])
        clock.at = PLANNED_AT + timedelta(hours=1) + WEEK
        found = report(world.workspace, "spring")
        assert found.goal is not None
        assert found.goal.open_windows == 1
        assert "still open for 1 people (50 %)" in found.goal.words

    def test_as_of_forgets_what_came_later(self, world, sent):
        world.run([sent("p1", "a"), sent("p2", "b")])
        world.events(
            [
                order("p1", PLANNED_AT + timedelta(days=1)),
                order("p2", PLANNED_AT + timedelta(days=3)),
                feedback(world, "Email Opened", "p2", PLANNED_AT + timedelta(days=3)),
            ]
        )
        found = report(world.workspace, "spring", as_of=PLANNED_AT + timedelta(days=2))
        assert (found.conversions, found.opens.human_messages) == (1, 0)
        before = report(world.workspace, "spring", as_of=PLANNED_AT - timedelta(days=1))
        assert (before.planned, before.arms) == (0, [])
        assert summary_lines(before)


class TestGoal:
    def test_a_value_among_the_properties(self, world, sent):
        goal = {"event": "Signed Up", "within": "2d", "value": "plan price"}
        world.run([sent("p1", "a"), sent("p2", "b")], definition=DEFINITION | {"goal": goal})
        at = PLANNED_AT + timedelta(days=1)
        world.events(
            [
                {"person_id": "p1", "name": "Signed Up", "at": at, "properties": text}
                for text in ('{"plan price": 12.5}', '{"plan price": "many"}', "{}")
            ]
        )
        found = report(world.workspace, "spring")
        assert arm(found, "a").revenue == 12.5
        assert arm(found, "a").converted.count == 1

    def test_no_goal(self, world, sent):
        world.run([sent("p1", "a"), sent("p2", "b")], definition=DEFINITION | {"goal": None})
        world.events([order("p1", PLANNED_AT + timedelta(days=1))])
        found = report(world.workspace, "spring")
        assert (found.goal, found.holdout, found.attribution) == (None, None, None)
        assert found.conversions == 0
        assert {each.metric for each in found.comparisons} == {"clicked", "opened"}
        show(found)

    def test_a_time_that_is_none(self, world, sent):
        goal = {"event": "Order Completed", "within": "soon"}
        world.run([sent("p1", "a")], definition=DEFINITION | {"goal": goal})
        with pytest.raises(AuthorError, match="'soon' is no length of time"):
            report(world.workspace, "spring")


class TestDelivery:
    def test_a_later_bounce_is_not_delivered(self, world, sent):
        world.run([sent("p1", "a"), sent("p2", "b"), sent("p3", "a", state="bounced")])
        at = PLANNED_AT + timedelta(hours=1)
        world.events(
            [
                feedback(world, "Email Bounced", "p1", at),
                feedback(world, "Email Bounced", "p3", at),
                feedback(world, "Email Delivered", "p2", at),
                feedback(world, "Email Marked as Spam", "p2", at),
                feedback(world, "Unsubscribed", "p2", at),
            ]
        )
        found = report(world.workspace, "spring")
        assert (found.accepted, found.bounced, found.delivered) == (2, 2, 1)
        assert (found.delivery_confirmed, found.complained, found.unsubscribed) == (1, 1, 1)

    def test_machines_are_shown_and_not_counted_as_people(self, world, sent):
        world.run([sent("p1", "a"), sent("p2", "b")])
        at = PLANNED_AT + timedelta(hours=1)
        world.events([feedback(world, "Email Opened", "p1", at, "machine") for _ in range(3)])
        found = report(world.workspace, "spring")
        assert (found.opens.machine_messages, found.opens.machine_events) == (1, 3)
        assert (found.opens.human_messages, arm(found, "a").opened.count) == (0, 0)
        assert any("look made by machines" in note for note in found.notes)

    def test_a_corrected_verdict_holds_and_can_be_taken_back(self, world, sent, clock):
        world.run([sent("p1", "a"), sent("p2", "b")])
        at = PLANNED_AT + timedelta(hours=1)

        def told(name: str, after: timedelta, verdict: str) -> dict[str, Any]:
            event = feedback(world, name, "p1", at + after)
            return event | {"properties": json.dumps({"visit_id": "v1", "verdict": verdict})}

        day = timedelta(days=1)
        world.events(
            [
                told("Email Link Clicked", timedelta(0), "human"),
                order("p1", at + timedelta(minutes=5), 9.0),
                told("Email Verdict Changed", day, "machine"),
                told("Email Verdict Changed", 3 * day, "human"),
            ]
        )
        for after, people in ((timedelta(hours=2), 1), (2 * day, 0), (4 * day, 1)):
            found = report(world.workspace, "spring", as_of=at + after)
            assert (found.clicks.human_messages, found.clicks.machine_messages) == (
                people,
                1 - people,
            )
            assert found.attribution is not None
            assert found.attribution.conversions == people


class TestAttribution:
    def test_the_last_click_takes_it(self, world, sent):
        world.run([sent(f"p{index}", "a") for index in range(5)])
        at = PLANNED_AT + timedelta(hours=1)
        elsewhere = {"name": "Email Link Clicked", "message_id": "other", "properties": "{}"}
        world.events(
            [
                feedback(world, "Email Link Clicked", "p0", at, "human"),
                order("p0", at + timedelta(hours=1), 30.0),
                feedback(world, "Email Link Clicked", "p1", at, "machine"),
                order("p1", at + timedelta(hours=1), 1.0),
                feedback(world, "Email Link Clicked", "p2", at, "human"),
                {"person_id": "p2", "at": at + timedelta(hours=1), **elsewhere},
                order("p2", at + timedelta(hours=2), 2.0),
                feedback(world, "Email Link Clicked", "p3", at, "human"),
                order("p3", at + WEEK, 4.0),
                order("p4", at, 8.0),
            ]
        )
        found = report(world.workspace, "spring")
        assert found.attribution is not None
        assert (found.attribution.conversions, found.attribution.revenue) == (1, 30.0)
        assert "30.00 GBP" in found.attribution.words


class TestExperiment:
    @pytest.fixture
    def decided(self, world: CampaignWorld, sent: Callable[..., Person]):
        """Variant b sells, the holdout does not."""
        people = [sent(f"a{i}", "a") for i in range(450)] + [sent(f"b{i}", "b") for i in range(450)]
        people += [
            sent(f"h{i}", "holdout", state="skipped", reason="holdout", delay=None)
            for i in range(100)
        ]
        world.run(people)
        at = PLANNED_AT + timedelta(days=1)
        world.events(
            [order(f"b{i}", at, 20.0 + i % 7) for i in range(225)]
            + [order(f"a{i}", at, 20.0 + i % 7) for i in range(90)]
            + [order("h0", at, 20.0), order("h1", at, 22.0)]
        )
        return report(world.workspace, "spring")

    def test_a_winner_has_an_interval(self, decided):
        assert decided.winner == "b"
        assert decided.verdict.startswith("b wins, by people who reached the goal")
        assert "b is better by 30.0 points (95 % interval" in decided.verdict
        assert decided.comparisons[0].interval.high < 0

    def test_the_holdout_shows_what_changed(self, decided):
        holdout = decided.holdout
        assert holdout.conversion.difference == pytest.approx(315 / 900 - 0.02)
        assert holdout.incremental_conversions == pytest.approx(315 - 18)
        assert holdout.incremental_conversions_interval.low > 0
        assert "the campaign made it 33.0 points more than no message" in holdout.words
        assert "about 297 people more" in holdout.words
        assert holdout.revenue.unit == "GBP"

    def test_one_look_gives_narrower_intervals(self, decided, world):
        once = report(world.workspace, "spring", method="fixed_horizon")
        for fixed, always in zip(once.comparisons, decided.comparisons, strict=True):
            if fixed.interval is not None and always.interval is not None:
                assert always.interval.low < fixed.interval.low
                assert fixed.interval.high < always.interval.high
        assert once.holdout.conversion.method == "fixed_horizon"

    def test_all_of_it_can_be_sent_as_json(self, decided):
        again = msgspec.json.decode(msgspec.json.encode(decided), type=type(decided))
        assert again == decided

    def test_all_of_it_fits_a_terminal(self, decided):
        text = show(decided)
        assert "b wins" in text
        assert "33.0 points more" in text
        assert max(len(line) for line in text.splitlines()) <= 80

    def test_sums_of_variants_are_the_campaign(self, decided):
        parts = [arm(decided, name) for name in "ab"]
        assert decided.revenue == pytest.approx(sum(part.revenue for part in parts))
        assert decided.conversions == sum(part.converted.count for part in parts)

    def test_no_winner_when_assignment_went_wrong(self, world, sent):
        people = [sent(f"a{i}", "a") for i in range(300)] + [sent(f"b{i}", "b") for i in range(450)]
        world.run(people, definition=DEFINITION | {"holdout": 0.0})
        at = PLANNED_AT + timedelta(days=1)
        world.events([order(f"b{i}", at) for i in range(225)])
        found = report(world.workspace, "spring")
        assert found.sample_ratio is not None
        assert not found.sample_ratio.fits
        assert found.winner is None
        assert "intended sizes" in found.verdict

    def test_three_variants_share_the_error(self, world, sent):
        definition = DEFINITION | {
            "holdout": "0 %",
            "variants": {name: {"weight": 1} for name in "abc"},
        }
        people = [sent(f"{name}{i}", name) for name in "abc" for i in range(300)]
        world.run(people, definition=definition)
        at = PLANNED_AT + timedelta(days=1)
        counts = {"a": 30, "b": 150, "c": 33}
        world.events(
            [order(f"{name}{i}", at) for name, count in counts.items() for i in range(count)]
        )
        found = report(world.workspace, "spring")
        assert found.winner == "b"
        assert "better than each of the 2 others" in found.verdict
        goals = [each for each in found.comparisons if each.metric == "converted"]
        assert [(each.a, each.b) for each in goals] == [("a", "b"), ("a", "c"), ("b", "c")]
        assert goals[0].interval is not None
        assert goals[0].interval.level == pytest.approx(1 - 0.05 / 3)
        assert "98.3 % interval" in goals[0].words

    def test_one_message_for_everyone(self, world, sent):
        definition = DEFINITION | {"holdout": 0.0, "variants": {"only": {"weight": 1}}}
        world.run([sent("p1", "only")], definition=definition)
        found = report(world.workspace, "spring")
        assert (found.comparisons, found.holdout, found.sample_ratio) == ([], None, None)
        assert "no variants to compare" in found.verdict
        show(found)

    @pytest.mark.parametrize("sizes", [(0, 1, 0), (1, 1, 1), (0, 0, 3), (3, 0, 1), (2, 2, 0)])
    def test_hardly_anybody(self, world, sent, sizes):
        names = ("a", "b", "holdout")
        world.run(
            [sent(f"{n}{i}", n) for n, size in zip(names, sizes, strict=True) for i in range(size)]
        )
        world.events([order("a0", PLANNED_AT + timedelta(days=1), 1e9)])
        found = report(world.workspace, "spring")
        assert found.winner is None
        assert "nan" not in "\n".join(summary_lines(found))
        show(found)

    def test_one_big_spender_is_named(self, world, sent):
        world.run([sent(f"{name}{i}", name) for name in "ab" for i in range(50)])
        at = PLANNED_AT + timedelta(days=1)
        world.events([order(f"a{i}", at, 10.0) for i in range(20)] + [order("a30", at, 900.0)])
        found = report(world.workspace, "spring")
        assert any("one person in a makes up 82 % of its revenue" in note for note in found.notes)
        assert found.winner is None


class TestRuns:
    def test_the_last_run_unless_told(self, world, sent):
        world.run([sent("p1", "a")], occurrence="first")
        world.run(
            [sent("p1", "a"), sent("p2", "b")],
            occurrence="second",
            planned_at=PLANNED_AT + timedelta(days=1),
        )
        assert report(world.workspace, "spring").planned == 2
        assert report(world.workspace, "spring", "first").planned == 1

    def test_names_that_nothing_answers_to(self, world, sent):
        world.run([sent("p1", "a")])
        with pytest.raises(UnknownName, match="did you mean 'spring'"):
            report(world.workspace, "sprnig")
        with pytest.raises(UnknownName, match="2026-02-02"):
            report(world.workspace, "spring", "2026-02-20")

    def test_a_broken_record_is_told(self, world, sent):
        world.run([sent("p1", "a")], definition=DEFINITION | {"holdout": []})
        with pytest.raises(StateError, match="recorded definition of spring"):
            report(world.workspace, "spring")

    def test_a_workspace_without_history(self, world, sent):
        world.run([sent("p1", "a"), sent("p2", "b")])
        found = report(world.workspace, "spring")
        assert found.fresh_until is None
        assert "there are no events in the history yet" in found.notes


def test_twenty_thousand_people_take_less_than_two_seconds(world, sent):
    arms = ("a", "b")
    world.run([sent(f"p{i:015d}", arms[i % 2]) for i in range(20_000)])
    chance = random.Random(1)
    names = ("Order Completed", "Email Opened", "Email Link Clicked", "Product Viewed")
    world.events(
        [
            feedback(world, name, f"p{chance.randrange(20_000):015d}", PLANNED_AT + WEEK / 2)
            for name in names
            for _ in range(3_000)
        ]
    )
    started = time.process_time()
    found = report(world.workspace, "spring")
    assert found.planned == 20_000
    assert time.process_time() - started < 2


def show(found) -> str:
    console = Console(width=80, record=True, file=None, force_terminal=False, quiet=False)
    with console.capture() as captured:
        print_report(found, console)
    return captured.get()
