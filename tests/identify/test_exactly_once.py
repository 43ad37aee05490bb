"""Every event is applied once, whoever is killed and whoever else is at it."""

import multiprocessing
import os
import random
import resource
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from identified import event, history, people

from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.errors import VocativeError
from vocative.identify import apply as module
from vocative.identify import seen as seen_module
from vocative.identify.apply import apply_log
from vocative.identify.seen import _read_tail
from vocative.workspace import Workspace
from vocative.workspace import history as history_module

FORK = multiprocessing.get_context("fork")
EVENTS = 4_000


@pytest.fixture(params=["parts", "tail", "both"], autouse=True)
def _small_steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small steps, whose rows become parts at once, wait in the tail, or do either by chance."""
    monkeypatch.setattr(module, "EVENTS_PER_STEP", 80)
    monkeypatch.setattr(module, "MAX_PARTS", 6)
    part_rows = {"parts": 1, "tail": 10_000, "both": 76}[request.param]
    monkeypatch.setattr(history_module, "PART_ROWS", part_rows)
    monkeypatch.setattr(history_module, "TAIL_ROWS", 300)
    monkeypatch.setattr(seen_module, "MOST_TAIL", 500)


def fill(workspace: Workspace) -> list[dict[str, Any]]:
    """Events of 200 people on 50 batches; every eleventh is there twice."""
    dice = random.Random(1)
    made = [
        event(
            "identify" if number % 10 == 0 else "track",
            number,
            messageId=str(number - number % 11 if number % 11 == 1 else number),
            userId=f"u{dice.randrange(200)}",
            anonymousId=f"a{dice.randrange(300)}",
            traits={"email": f"{dice.randrange(150)}@example.com", "country": f"c{number}"},
            properties={"products": [{"product_id": "x", "price": 1, "quantity": 2}]},
        )
        for number in range(EVENTS)
    ]
    for start in range(0, EVENTS, 80):
        accept(workspace, made[start : start + 80], source="test")
    return made


def apply_in_a_process(root: Path, clock: FixedClock) -> None:
    with Workspace(root, clock=clock) as workspace:
        apply_log(workspace)


def expect_all_applied_once(workspace: Workspace, made: list[dict[str, Any]]) -> None:
    ids = Counter(one["messageId"] for one in made)
    rows = history(workspace)
    assert len(rows) == len(ids)
    assert len({row["event_id"] for row in rows}) == len(ids)
    with workspace.engine() as engine:
        assert engine.rows("SELECT count(*) AS n FROM order_lines") == [{"n": len(ids)}]
    with workspace.store.read() as tx:
        noted = {bytes(key) for (key,) in tx.tuples("SELECT event_id FROM seen_events")}
        noted.update(_read_tail(tx))
        assert len(noted) == len(ids)
        sums = tx.row("SELECT sum(applied) AS a, sum(duplicates) AS d FROM applied_batches")
        assert sums == {"a": len(ids), "d": len(made) - len(ids)}
        assert tx.value("SELECT position FROM stream_offsets") == workspace.log.last_position()
        for relation in ("events", "order_lines"):
            assert workspace.history.row_count(tx, relation) == len(ids)


def test_killing_the_worker_neither_loses_nor_doubles_an_event(
    workspace: Workspace, clock: FixedClock
) -> None:
    made = fill(workspace)
    workspace.close()
    dice = random.Random(3)
    kills = 0
    while kills < 12:
        worker = FORK.Process(target=apply_in_a_process, args=(workspace.root, clock))
        worker.start()
        time.sleep(0.01 + dice.random() * 0.06)
        worker.kill()
        worker.join()
        if worker.exitcode == 0:
            break  # it was done already
        kills += 1
    assert kills >= 10
    apply_log(workspace)
    expect_all_applied_once(workspace, made)


def test_two_processes_may_apply_at_once(workspace: Workspace, clock: FixedClock) -> None:
    made = fill(workspace)
    workspace.close()
    workers = [
        FORK.Process(target=apply_in_a_process, args=(workspace.root, clock)) for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    expect_all_applied_once(workspace, made)


def test_applying_while_events_come_in_and_readers_read(workspace: Workspace) -> None:
    made: list[dict[str, Any]] = []
    failures: list[BaseException] = []
    seen: list[int] = []
    done = threading.Event()

    def collect() -> None:
        try:
            made.extend(fill(workspace))
        except BaseException as error:  # noqa: BLE001 - whatever it was, the test fails by it
            failures.append(error)
        done.set()

    def look() -> None:
        try:
            while not done.is_set():
                with workspace.engine() as engine:
                    [row] = engine.rows(
                        "SELECT count(*) AS n, count(DISTINCT event_id) AS d FROM events"
                    )
                assert row["n"] == row["d"]
                seen.append(row["n"])
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=collect), threading.Thread(target=look)]
    workspace.log.last_position()
    apply_log(workspace)
    for thread in threads:
        thread.start()
    while not done.is_set():
        apply_log(workspace)
    for thread in threads:
        thread.join()
    apply_log(workspace)
    assert failures == []
    assert seen == sorted(seen)  # history only grows
    expect_all_applied_once(workspace, made)
    assert people(workspace)


def test_a_step_that_fails_leaves_nothing_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fill(workspace)

    class PowerCut(Exception):
        pass

    real = module._write_counts
    calls = 0

    def cut(*arguments: Any) -> None:
        nonlocal calls
        real(*arguments)
        calls += 1
        if calls % 3 == 0:
            raise PowerCut

    monkeypatch.setattr(module, "_write_counts", cut)
    for _ in range(4):
        with pytest.raises(PowerCut):
            apply_log(workspace)
    monkeypatch.setattr(module, "_write_counts", real)
    with workspace.store.read() as tx:
        assert tx.value("SELECT count(*) FROM applied_batches") == 8
    apply_log(workspace)
    expect_all_applied_once(workspace, made)


def apply_on_a_small_disk(root: Path, clock: FixedClock, limit: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        apply_in_a_process(root, clock)
    except VocativeError:
        os._exit(7)


def test_a_full_disk_stops_the_worker_and_loses_nothing(
    workspace: Workspace, clock: FixedClock
) -> None:
    made = fill(workspace)
    workspace.close()
    for limit in (4_000, 400_000, 900_000):
        worker = FORK.Process(target=apply_on_a_small_disk, args=(workspace.root, clock, limit))
        worker.start()
        worker.join()
        assert worker.exitcode == 7
    apply_log(workspace)
    expect_all_applied_once(workspace, made)
