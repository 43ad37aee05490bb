"""A second process folds some of a long backlog: the same answers, whatever happens meanwhile."""

import logging
import os
import random
import signal
import time
from datetime import timedelta

import pytest
from test_live_backlog import fall_behind, kept, put, shop, small_pieces

from vocative.identify import reading as reading_module
from vocative.segment import recompute
from vocative.segment.live import turns as turns_module
from vocative.segment.live.beside import Beside
from vocative.segment.live.runner import LiveRunner
from vocative.workspace import Workspace

__all__ = ["shop", "small_pieces"]


@pytest.fixture(autouse=True)
def small_shares(monkeypatch):
    monkeypatch.setattr(turns_module, "PEOPLE_PER_SHARE", 4)


@pytest.fixture
def answers(monkeypatch):
    """How many people each answer of the process beside told of; None when there was none."""
    told = []
    real = Beside.answer

    def answer(self):
        found = real(self)
        told.append(None if found is None else len(found.person_ids))
        return found

    monkeypatch.setattr(Beside, "answer", answer)
    return told


@pytest.fixture
def runner(shop):
    found = LiveRunner(shop, least_bulk=50, beside=True)
    yield found
    found.close()


def process_of(runner):
    pool = runner._second._pool
    return next(iter(pool._processes.values()))


def begin_backlog(runner):
    """Up to where the second process is there."""
    runner.refresh()
    while not runner._bulk:
        runner.take()
    runner.take()
    while not runner._second.is_ready:
        time.sleep(0.02)


def until_people_wait(runner):
    begin_backlog(runner)
    while runner._bulk:
        runner.take()


def test_a_backlog_is_folded_by_two(shop, clock, runner, answers):
    fall_behind(shop, clock)
    begin_backlog(runner)
    runner.advance()
    assert sum(filter(None, answers)) >= 6
    assert None not in answers
    found, left = kept(shop)
    assert found
    assert left == 0
    assert recompute(shop).differences == 0
    clock.advance(timedelta(hours=1))  # and their timers are kept
    put(shop, 40, part=5)
    runner.advance()
    assert recompute(shop).differences == 0


def test_long_steps_are_read_by_the_second_process(shop, clock, runner, monkeypatch):
    monkeypatch.setattr(reading_module, "MOST_AHEAD", 25)  # less than a long step
    found = []
    real = reading_module.Asked.result

    def result(self):
        answer = real(self)
        if isinstance(answer, reading_module.Packed):
            found.append(answer.unpacked().events)
        return answer

    monkeypatch.setattr(reading_module.Asked, "result", result)
    fall_behind(shop, clock)
    begin_backlog(runner)
    runner.advance()
    assert sum(found) >= 100
    assert kept(shop)[1] == 0
    assert recompute(shop).differences == 0
    with shop.store.read() as tx:
        assert tx.value("SELECT sum(applied) FROM applied_batches") == 460


def test_it_ends_when_there_is_nothing_to_do(shop, clock, runner):
    fall_behind(shop, clock)
    until_people_wait(runner)
    process = process_of(runner)
    while runner.take() is not None:
        pass
    process.join(timeout=60)
    assert process.exitcode == 0


def test_who_is_written_meanwhile_is_folded_again(shop, clock, runner, answers):
    """Time passes for some of those whose turn it is beside."""
    fall_behind(shop, clock)
    until_people_wait(runner)
    runner.take()  # some are given away
    clock.advance(timedelta(hours=2))
    assert runner.fire() > 0
    while runner.take() is not None:
        pass
    runner.settle()
    assert answers
    assert kept(shop)[1] == 0
    assert recompute(shop).differences == 0


def test_what_another_process_does_makes_answers_worthless(shop, clock, runner, answers):
    fall_behind(shop, clock)
    until_people_wait(runner)
    runner.take()
    other = LiveRunner(shop)
    other.refresh()
    assert other.fold_waiting() > 0
    while runner.take() is not None:
        pass
    runner.settle()
    assert kept(shop)[1] == 0
    assert recompute(shop).differences == 0


def test_new_definitions_end_it(shop, clock, runner, define):
    fall_behind(shop, clock)
    until_people_wait(runner)
    runner.take()
    define(features="orders: {count: Order}\n", segments="buyers: {where: 'orders >= 2'}\n")
    again = Workspace(shop.root, clock=clock)
    runner._workspace = again
    runner.advance()
    assert kept(again)[1] == 0
    assert {segment for _, segment in kept(again)[0]} == {"buyers"}
    assert recompute(again).differences == 0


def test_the_worker_goes_on_alone_when_it_is_killed(shop, clock, runner, caplog):
    fall_behind(shop, clock)
    until_people_wait(runner)
    runner.take()
    with caplog.at_level(logging.WARNING, "vocative.second"):
        os.kill(process_of(runner).pid, signal.SIGKILL)
        while runner.take() is not None:
            pass
    runner.settle()
    assert "goes on alone" in caplog.text
    assert kept(shop)[1] == 0
    assert recompute(shop).differences == 0


def test_in_any_order(shop, clock, runner):
    """Events, time and other processes, as they may come."""
    fall_behind(shop, clock)
    dice = random.Random(4)
    other = LiveRunner(shop, least_bulk=50)
    until_people_wait(runner)
    for number in range(60):
        what = dice.random()
        if what < 0.5:
            runner.take()
        elif what < 0.6:
            put(shop, 60, part=100 + number)
        elif what < 0.8:
            clock.advance(timedelta(minutes=dice.randrange(40)))
            runner.fire(most=3)
        elif what < 0.9:
            runner.build()
        else:
            other.refresh()
            other.take()
    runner.advance()
    assert kept(shop)[1] == 0
    assert recompute(shop).differences == 0
