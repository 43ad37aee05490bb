"""Definitions change while events flow: live work goes on, and what is new becomes exactly right.

Whatever happens between two slices of building (newcomers, people who turn out to be one, late and
future facts, another definition, another process, a crash), at the end memberships are those of
SQL over history, and the list of changes tells of exactly the intervals that are kept.
"""

import contextlib
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.segment import advance, recompute
from vocative.segment.live import people as people_module
from vocative.segment.live import runner as runner_module
from vocative.segment.live import turns as turns_module
from vocative.segment.live.runner import LiveRunner
from vocative.workspace import Workspace, prepare_state

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SETTINGS = """\
workspace: test
timezone: Europe/London
sender: {email: hello@shop.example, name: The Shop}
postal_address: 1 High Street
"""
FEATURES = """\
views: {count: View}
views_5s: {count: View, window: 5s}
spent: {sum: revenue, of: Order}
spent_4s: {sum: revenue, of: Order, window: 4s}
last_view_at: {last: at, of: View}
last_3: {avg: price, of: View, window: last 3}
left_at: {sequence: [Cart, {no: Order, within: 1s}], window: 4s}
heat: {points: {View: 1, Cart: 3}, half_life: 2s}
bought: {sum: quantity, of: Order, lines: true}
"""
SEGMENTS = """\
busy: {where: "views_5s >= 2"}
quiet: {where: "last_view_at < now() - interval '3 seconds'"}
leavers: {where: "left_at is not null"}
buyers: {where: "spent > 0 or bought > 3"}
buying: {where: "spent_4s > 20"}
dear: {where: "last_3 > 50"}
hot_buyers: {where: "heat > 2 and in_segment('buyers')"}
"""
PEOPLE = 12


@pytest.fixture(autouse=True)
def small_slices(monkeypatch):
    """Building takes many slices even for a few people, and memory holds five of them."""
    monkeypatch.setattr(people_module, "KEPT_BYTES", 5 * people_module.PERSON_BYTES)
    monkeypatch.setattr(people_module, "MOST_WAITING", 6)
    monkeypatch.setattr(people_module, "SOON", 1_000_000)
    monkeypatch.setattr(people_module, "GRACE", 0)
    monkeypatch.setattr(runner_module, "PEOPLE_PER_FIRE", 2)
    monkeypatch.setattr(turns_module, "PEOPLE_PER_QUERY", 5)
    monkeypatch.setattr(turns_module, "FACTS_PER_SLICE", 16)
    monkeypatch.setattr(turns_module, "FACTS_PER_LONG_SLICE", 16)
    monkeypatch.setattr(runner_module, "EVENTS_PER_STEP", 8)
    monkeypatch.setattr(runner_module, "MOST_EVENTS_PER_STEP", 8)
    monkeypatch.setattr(runner_module, "EVENTS_PER_LONG_STEP", 12)


def define(workspace, turn):
    """One feature and two segments are others from turn to turn."""
    for kind in ("features", "segments"):
        (workspace.root / kind).mkdir(exist_ok=True)
    (workspace.root / "traits.yaml").write_text("tier: {}\n")
    features = FEATURES + f"lately: {{count: [View, Cart, Other], window: {3 + turn}s}}\n"
    segments = SEGMENTS + f'lately_{turn % 3}: {{where: "lately > {turn % 2}"}}\n'
    segments += ("tiers: {by: tier}\n", "tiers: {where: \"tier = 'red'\"}\n", "")[turn % 3]
    segments += f"""changing: {{where: "lately >= {turn % 4} or tier = 'red'"}}\n"""
    (workspace.root / "features" / "test.yaml").write_text(features)
    (workspace.root / "segments" / "test.yaml").write_text(segments)


class Model:
    """A workspace to which things happen, one after the other."""

    def __init__(self, root, seed):
        root.mkdir()
        (root / "vocative.yaml").write_text(SETTINGS)
        prepare_state(root)
        self.clock = FixedClock(NOW)
        self.workspace = Workspace(root, clock=self.clock)
        self.dice = random.Random(seed)
        self.made = 0
        self.turn = 0
        define(self.workspace, 0)
        self.events()
        self.runners = [
            LiveRunner(self.workspace, least_bulk=20, rows_wait=True),
            LiveRunner(self.workspace, least_bulk=30, rows_wait=bool(seed % 2)),
        ]
        self.turns = 0

    @property
    def runner(self):
        return self.runners[0]

    def event(self):
        dice = self.dice
        self.made += 1
        moved = dice.choice((0, 0, 0, -1, -6, 2))
        event = {
            "messageId": str(self.made - dice.choice((0,) * 9 + (3,))),
            "timestamp": (self.clock.now() + timedelta(seconds=moved)).isoformat(),
        }
        if dice.random() < 0.4:
            event["anonymousId"] = f"a{dice.randrange(2 * PEOPLE)}"
        if "anonymousId" not in event or dice.random() < 0.3:
            event["userId"] = f"u{dice.randrange(PEOPLE)}"
        kind = dice.choice(("View", "View", "Cart", "Order", "Other", "identify"))
        if kind == "identify":
            traits = {"tier": dice.choice(("red", "blue", None))}
            if dice.random() < 0.3:
                traits["email"] = f"{dice.randrange(PEOPLE)}@shop.example"
            return {**event, "type": "identify", "traits": traits}
        properties = {"price": dice.randrange(100), "revenue": dice.randrange(40)}
        if kind == "Order":
            properties["products"] = [{"product_id": "x", "quantity": dice.randrange(3)}] * 2
        return {**event, "type": "track", "event": kind, "properties": properties}

    def events(self):
        accept(self.workspace, [self.event() for _ in range(self.dice.randrange(20))], source="t")

    def step(self):
        self.events()
        self.runner.step()

    def backlog(self):
        """Much comes in at once, and some of it is worked off."""
        for _ in range(4):
            self.events()
        for _ in range(self.dice.randrange(8)):
            self.runner.take()

    def build(self):
        self.runner.build()

    def fire(self):
        self.runner.fire()

    def settle_rows(self):
        self.runner.settle_rows()

    def stop(self):
        """The process ends in order, and another one goes on."""
        self.runner.close()
        self.take_turns()

    def wait(self):
        self.clock.advance(timedelta(milliseconds=self.dice.randrange(3_000)))

    def set_clock_back(self):
        self.clock.advance(timedelta(milliseconds=-self.dice.randrange(3_000)))

    def redefine(self):
        self.turn += 1
        define(self.workspace, self.turn)
        self.runner.refresh()

    def take_turns(self):
        """Another process goes on, and later this one again."""
        self.runners.reverse()
        self.runner.refresh()

    def start_again(self):
        """The process was killed between two transactions: what it had in memory is gone."""
        least = self.dice.choice((1, 20))
        self.runners[0] = LiveRunner(self.workspace, least_bulk=least, rows_wait=True)
        self.runner.refresh()

    def fail(self):
        """A transaction is lost when it was nearly done."""
        self.events()
        real = self.runner._end

        def end(batch, **how):
            real(batch, **how)
            raise PowerCut

        self.runner._end = end
        runner = self.runner
        for work in (runner.take, runner.step, runner.build, runner.fire):
            self.clock.advance(timedelta(microseconds=1))
            with contextlib.suppress(PowerCut):
                work()
        del self.runner._end

    def check(self):
        self.agree()
        # What time alone changes later tells whether timers were kept.
        self.clock.advance(timedelta(seconds=2))
        self.agree()

    def agree(self):
        advance(self.workspace)
        assert recompute(self.workspace).differences == 0
        with self.workspace.store.read() as tx:
            changes = tx.tuples(
                'SELECT person_id, segment, change, "at" FROM membership_changes ORDER BY seq'
            )
            kept = {
                (person, segment, since): until
                for person, segment, since, until in tx.tuples(
                    "SELECT person_id, segment, since_at, until_at FROM memberships"
                )
            }
        assert replayed(changes) == kept


class PowerCut(Exception):
    pass


def replayed(changes):
    """The intervals that a list of changes tells of; it must alternate."""
    intervals, since = {}, {}
    for person, segment, change, at in changes:
        key = (person, segment)
        if change == "entered":
            assert key not in since, "entered twice"
            since[key] = at
            intervals[*key, at] = None
        else:
            began = since.pop(key)
            intervals[*key, began] = max(at, began)
    return intervals


OPERATIONS = ("step", "step", "build", "build", "build", "fire", "wait", "redefine")
OPERATIONS += ("set_clock_back", "take_turns", "start_again", "fail", "backlog", "backlog")
OPERATIONS += ("step", "settle_rows", "stop")


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 10_000),
    operations=st.lists(st.sampled_from(OPERATIONS), min_size=5, max_size=30),
)
@example(seed=2494, operations=["step", "step", "step", "step", "wait"])
def test_whatever_happens_between_slices_everybody_is_right(tmp_path_factory, seed, operations):
    model = Model(tmp_path_factory.mktemp("model") / "shop", seed)
    model.runner.refresh()
    with model.workspace:
        for operation in operations:
            model.clock.advance(timedelta(microseconds=1))  # no two things are at one instant
            getattr(model, operation)()
        model.check()


def viewed(number, user, at, **ids):
    return {
        "type": "track",
        "event": "View",
        "messageId": f"m{number}",
        "userId": user,
        "timestamp": at.isoformat(),
        **ids,
    }


def test_a_fact_that_lies_in_the_future_counts_once_for_old_and_new_groups(
    workspace, define, clock
):
    runner = LiveRunner(workspace)
    begun = "views: {count: View}\n"
    counted = 'once: {where: "views = 1"}\n'
    define(features=begun, segments=counted)
    accept(workspace, [viewed(1, "u", clock.now() + timedelta(seconds=2))], source="t")
    runner.advance()
    define(
        features=begun + "lately: {count: View, window: 1h}\n",
        segments=counted + 'lately: {where: "lately = 1"}\n',
    )
    runner.refresh()
    clock.advance(timedelta(seconds=3))
    runner.fire()  # before the person has their turn at the new group
    runner.advance()
    assert members_now(workspace) == {"once", "lately"}


def test_a_fact_still_in_the_future_when_its_person_is_built_counts_once(workspace, define, clock):
    runner = LiveRunner(workspace)
    begun = "views: {count: View}\n"
    counted = 'once: {where: "views = 1"}\n'
    define(features=begun, segments=counted)
    accept(workspace, [viewed(1, "u", clock.now() + timedelta(seconds=2))], source="t")
    runner.advance()
    define(
        features=begun + "lately: {count: View, window: 1h}\n",
        segments=counted + 'lately: {where: "lately = 1"}\n',
    )
    runner.advance()
    clock.advance(timedelta(seconds=3))
    runner.advance()
    assert members_now(workspace) == {"once", "lately"}


@pytest.mark.parametrize("built_before", range(8))
def test_people_who_are_joined_while_one_of_them_waits_have_everything_once(
    workspace, define, clock, built_before
):
    """Whoever of the two had their turn already: neither, one, the other, both."""
    runner = LiveRunner(workspace)
    define(features="views: {count: View}\n", segments='seen: {where: "views > 0"}\n')
    names = [f"u{number}" for number in range(6)]
    identify = [
        {
            "type": "identify",
            "messageId": f"i{name}",
            "userId": name,
            "traits": {"email": f"{name}@shop.example"},
            "timestamp": clock.now().isoformat(),
        }
        for name in names
    ]
    accept(workspace, identify, source="t")
    accept(workspace, [viewed(n, name, clock.now()) for n, name in enumerate(names)], source="t")
    runner.advance()
    define(
        features="lately: {count: View, window: 1h}\n",
        segments='two: {where: "lately = 2"}\nmore: {where: "lately > 2"}\n',
    )
    runner.refresh()
    for _ in range(built_before):
        runner.build()
    # Every two of them turn out to be one.
    joined = [
        {**identify[number], "messageId": f"j{number}", "userId": names[number + 1]}
        for number in (0, 2, 4)
    ]
    accept(workspace, joined, source="t")
    runner.step()
    runner.advance()
    assert recompute(workspace).differences == 0
    with workspace.store.read() as tx:
        open_now = tx.tuples("SELECT segment FROM memberships WHERE until_at IS NULL")
    assert sorted(open_now) == [("two",)] * 3


def members_now(workspace):
    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT segment FROM memberships WHERE until_at IS NULL")
    return {segment for (segment,) in rows}
