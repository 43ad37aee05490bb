"""A long backlog is applied first and folded by person: the same answers, whoever does it."""

import logging
from datetime import timedelta

import msgspec
import pytest

from vocative.cli import worker as worker_module
from vocative.collect.door import accept
from vocative.segment import recompute
from vocative.segment.live import runner as runner_module
from vocative.segment.live.runner import LiveRunner
from vocative.workspace import Workspace

FEATURES = """\
views: {count: View}
views_1h: {count: View, window: 1h}
spent: {sum: revenue, of: Order, window: 2h}
"""
SEGMENTS = """\
seen: {where: "views > 0"}
busy: {where: "views_1h >= 3"}
big: {where: "spent > 100"}
reds: {where: "tier = 'red'"}
"""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(runner_module, "EVENTS_PER_STEP", 20)
    monkeypatch.setattr(runner_module, "EVENTS_PER_LONG_STEP", 40)
    monkeypatch.setattr(runner_module, "FACTS_PER_LONG_SLICE", 60)


@pytest.fixture
def shop(define):
    workspace = define(features=FEATURES, segments=SEGMENTS)
    (workspace.root / "traits.yaml").write_text("tier: {type: text}\n")
    return Workspace(workspace.root, clock=workspace.clock)


def put(shop, count, *, part):
    """Views and orders of twenty people, some of whom turn out to be one, with some traits."""
    now = shop.clock.now() - timedelta(minutes=5)
    events = []
    for number in range(count):
        who = number * 7 % 20
        event = {
            "type": "track",
            "event": "Order" if number % 5 == 0 else "View",
            "messageId": f"{part}-{number}",
            "timestamp": (now + timedelta(seconds=number % 200)).isoformat(),
            "properties": {"revenue": number % 40},
            "anonymousId" if number % 3 == 0 else "userId": f"x{who}",
        }
        if number % 11 == 0:
            event |= {"type": "identify", "traits": {"tier": ("red", "blue")[number % 2]}}
            event |= {"userId": f"x{who}", "anonymousId": f"x{(who + part) % 20}"}
        events.append(event)
    for at in range(0, count, 10):
        accept(shop, [msgspec.json.encode(event) for event in events[at : at + 10]], source="t")


def kept(shop):
    with shop.store.read() as tx:
        return set(
            tx.tuples("SELECT person_id, segment FROM memberships WHERE until_at IS NULL")
        ), tx.value("SELECT count(*) FROM live_waiting")


def fall_behind(shop, clock):
    put(shop, 60, part=1)
    LiveRunner(shop).advance()
    put(shop, 400, part=2)
    clock.advance(timedelta(seconds=1))


def test_a_backlog_gives_the_answers_of_steps(shop, clock):
    by_person = LiveRunner(shop, least_bulk=50)
    fall_behind(shop, clock)
    kinds = []
    by_person.catch_up(lambda kind, _: kinds.append(kind))
    assert kinds.index("people") > kinds.index("events")
    assert "events" not in kinds[kinds.index("people") :]  # everything was applied first
    by_person.settle()
    found, left = kept(shop)
    assert found
    assert left == 0
    assert recompute(shop).differences == 0


def test_whoever_died_between_two_turns_is_followed_by_another_where_it_stopped(shop, clock):
    fall_behind(shop, clock)
    first = LiveRunner(shop, least_bulk=50)
    first.refresh()
    while (done := first.take()) is not None and done[0] == "events":
        pass  # the first turn is done, the others wait
    _, left = kept(shop)
    assert left > 0
    put(shop, 30, part=3)  # comes in while people wait, and is applied after their turns
    second = LiveRunner(shop, least_bulk=20)
    second.advance()
    assert kept(shop)[1] == 0
    assert recompute(shop).differences == 0
    # The first one was not dead, only slow.
    put(shop, 80, part=4)
    while first.take() is not None:
        pass
    assert recompute(shop).differences == 0


def test_whoever_steps_after_another_noted_a_backlog_folds_it_first(shop):
    put(shop, 30, part=1)
    stepping, noting = LiveRunner(shop), LiveRunner(shop, least_bulk=50)
    stepping.advance()
    put(shop, 400, part=2)
    noting.refresh()
    assert [noting.take()[0] for _ in range(2)] == ["events", "events"]
    _, left = kept(shop)
    assert left > 0  # and the one who noted them is gone
    while stepping.step() is not None:
        pass
    assert kept(shop)[1] == 0
    assert recompute(shop).differences == 0


def test_nothing_is_noted_while_others_fold(shop):
    put(shop, 400, part=1)
    noting, folding = LiveRunner(shop, least_bulk=50), LiveRunner(shop)
    noting.refresh()
    assert [noting.take()[0] for _ in range(2)] == ["events", "events"]
    assert kept(shop)[1] > 0
    folding.refresh()
    assert folding.fold_waiting() > 0
    assert noting.take()[0] == "people"
    while noting.take() is not None:
        pass
    assert kept(shop)[1] == 0
    assert shop.log.waiting(0) > 0
    assert recompute(shop).differences == 0


def test_new_definitions_amid_a_backlog_are_built_from_history(shop, define, clock):
    fall_behind(shop, clock)
    runner = LiveRunner(shop, least_bulk=50)
    runner.refresh()
    while runner.take()[0] == "events":
        pass
    define(
        features=FEATURES + "orders: {count: Order}\n",
        segments=SEGMENTS + 'buyers: {where: "orders >= 2"}\n',
    )
    LiveRunner(shop).advance()
    assert kept(shop)[1] == 0
    assert recompute(shop).differences == 0
    assert any(segment == "buyers" for _, segment in kept(shop)[0])


def test_a_fault_does_not_end_the_worker(shop, caplog, monkeypatch):
    """What the fault quotes is not shown: it may be somebody's address."""
    worker = worker_module.Worker(shop, parent=0)
    monkeypatch.setattr(worker_module, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(worker_module.os, "getppid", lambda: 0)
    faults = iter([KeyError("ada@example.com"), None])
    real = worker.turn

    def turn():
        fault = next(faults, "stop")
        if isinstance(fault, Exception):
            raise fault
        if fault == "stop":
            worker.stop(0, None)
        return real()

    monkeypatch.setattr(worker, "turn", turn)
    put(shop, 30, part=1)
    with caplog.at_level(logging.ERROR, "vocative.worker"):
        worker.run()
    assert "KeyError" in caplog.text
    assert "test_live_backlog.py" in caplog.text
    assert "ada@" not in caplog.text
    assert kept(shop)[0]
