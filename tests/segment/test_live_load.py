"""Live segments under load: heavy profiles, readers of changes, several processes at once.

Smaller runs of `vocative bench live` and `vocative bench triggers`, and what is promised of a
person with very many events. Costs are counted in bytes, judgements and processor time, not by the
clock on the wall.
"""

import importlib.util
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from vocative.clock import SystemClock, to_micros
from vocative.collect.door import accept
from vocative.segment import advance, build_plan, compute_features, recompute
from vocative.segment.live import judge as judge_module
from vocative.segment.live.reading import features_now
from vocative.segment.live.record import CHUNK
from vocative.segment.live.runner import LiveRunner
from vocative.workspace import Workspace

BENCH = Path(__file__).resolve().parents[2] / "bench"
FEATURES = """\
views: {count: View}
views_1h: {count: View, window: 1h}
mean_price_1h: {avg: price, of: View, window: 1h}
last_price: {last: price, of: View, window: 1h}
last_5: {sum: price, of: View, window: last 5}
kinds_1h: {distinct: properties.kind, of: View, window: 1h}
"""
SEGMENTS = """\
seen: {where: "views > 0"}
busy: {where: "views_1h >= 3"}
dear: {where: "last_5 > 200"}
lively: {where: "kinds_1h >= 2"}
"""


@pytest.fixture
def bench(monkeypatch):
    """Loads a benchmark by its name, as `vocative bench` does."""
    monkeypatch.syspath_prepend(str(BENCH))

    def load(name):
        spec = importlib.util.spec_from_file_location(f"bench_{name}", BENCH / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def shop(define):
    return define(features=FEATURES, segments=SEGMENTS)


def started(workspace):
    """A runner that knows the definitions, with nothing left to build."""
    runner = LiveRunner(workspace)
    runner.advance()
    return runner


def views(first, count, user, at, *, apart=timedelta(0)):
    return [
        {
            "type": "track",
            "event": "View",
            "messageId": f"{user}-{number}",
            "userId": user,
            "timestamp": (at + (number - first) * apart).isoformat(),
            "properties": {"price": number * 7_919 % 100, "kind": f"k{number % 5}"},
        }
        for number in range(first, first + count)
    ]


def only_person(workspace):
    with workspace.store.read() as tx:
        [(person_id,)] = tx.tuples("SELECT person_id FROM profiles")
    return person_id


def features_by_both(workspace, person_id):
    """All features of a person: from live state, and by SQL over history."""
    plan = build_plan(workspace)
    live = features_now(workspace, plan, person_id)
    with workspace.engine() as engine:
        table = compute_features(engine, plan, workspace.clock.now(), people=[person_id])
    [row] = table.to_pylist()
    return live, {name: row[name] for name in plan.features}


def stored(workspace):
    with workspace.store.read() as tx:
        return tx.row(
            "SELECT (SELECT max(length(body)) FROM live_people) AS body,"
            " (SELECT count(*) FROM live_chunks) AS chunks,"
            " (SELECT coalesce(sum(length(body)), 0) FROM live_chunks) AS sealed"
        )


def test_what_an_event_of_a_heavy_profile_writes_does_not_grow_with_its_history(shop, clock):
    """Sealed chunks are written once; what is written anew is at most a chunk per group."""
    runner = started(shop)
    largest = {}
    sealed = written = 0
    for step in range(160):
        clock.advance(timedelta(seconds=10))
        accept(shop, views(step * 50, 50, "robot", clock.now()), source="t")
        runner.step()
        found = stored(shop)
        part = step // 40
        largest[part] = max(largest.get(part, 0), found["body"])
        written += found["body"] + found["sealed"] - sealed
        sealed = found["sealed"]
    # Facts within an hour: 360 steps would fit, so nothing has left the window.
    assert found["chunks"] >= 160 * 50 // (CHUNK + 50) - 1
    assert largest[3] < 1.2 * largest[1]
    assert written / (160 * 50) < 2 * largest[3] / 50 + 2 * sealed / (160 * 50)


def test_a_heavy_profile_is_read_back_right_and_takes_late_events(shop, clock):
    began = clock.now()
    runner = started(shop)
    clock.advance(timedelta(minutes=30))
    for step in range(8):
        first = step * 400
        at = began + timedelta(milliseconds=200) * first
        accept(shop, views(first, 400, "robot", at, apart=timedelta(milliseconds=200)), source="t")
        runner.step()
    assert stored(shop)["chunks"] > 3
    live, batch = features_by_both(shop, only_person(shop))
    assert live == batch
    # Another process starts with what is stored, and gets events from long before and between.
    runner = started(shop)
    late = views(10_000, 300, "robot", began + timedelta(minutes=3), apart=timedelta(seconds=1))
    late += views(20_000, 3, "robot", began - timedelta(minutes=20))
    accept(shop, late, source="t")
    runner.step()
    live, batch = features_by_both(shop, only_person(shop))
    assert live["views"] == 8 * 400 + 303
    assert live == batch
    # The window moves on, over sealed chunks.
    for minutes in (35, 8, 20):
        clock.advance(timedelta(minutes=minutes))
        accept(shop, views(30_000 + minutes, 1, "robot", clock.now()), source="t")
        LiveRunner(shop).advance()
        live, batch = features_by_both(shop, only_person(shop))
        assert live == batch
    assert recompute(shop).differences == 0


@pytest.mark.parametrize(
    ("views_before", "judged_least", "judged_most"), [(510, 3, 6), (2_100, 1, 2)]
)
def test_a_robot_is_judged_now_and_then_and_others_at_once(
    shop, clock, monkeypatch, views_before, judged_least, judged_most
):
    """Once a second at 500 facts, every four seconds at 2,000."""
    monkeypatch.setattr(judge_module, "HEAVY_FACTS", 500)
    judged = []
    real = judge_module.Batch._judge

    def judge(batch, person, *arguments, **settings):
        judged.append(person.person_id)
        real(batch, person, *arguments, **settings)

    runner = started(shop)
    accept(shop, views(0, views_before, "robot", clock.now()), source="t")
    runner.step()
    robot = only_person(shop)
    monkeypatch.setattr(judge_module.Batch, "_judge", judge)
    people = set()
    for step in range(100):
        clock.advance(timedelta(milliseconds=50))
        events = views(9_000 + step * 5, 5, "robot", clock.now())
        accept(shop, [*events, *views(step, 1, f"u{step}", clock.now())], source="t")
        runner.step()
        runner.fire()
        with shop.store.read() as tx:
            people = {row[0] for row in tx.tuples("SELECT person_id FROM memberships")}
        assert len(people - {robot}) == step + 1  # whoever came with this step is in it already
    assert judged_least <= judged.count(robot) <= judged_most  # five seconds have passed
    clock.advance(timedelta(seconds=10))
    runner.advance()
    live, batch = features_by_both(shop, robot)
    assert live == batch
    assert recompute(shop).differences == 0


def test_time_passes_for_others_in_the_step_of_an_event(shop, clock):
    runner = started(shop)
    accept(shop, views(0, 3, "early", clock.now()), source="t")
    runner.step()
    early = only_person(shop)
    assert dict(memberships_of(shop, early))["busy"] is None
    left_at = to_micros(clock.now() + timedelta(hours=1))

    clock.advance(timedelta(hours=2))
    accept(shop, views(0, 1, "late", clock.now()), source="t")
    runner.step()
    # At its instant, not at that of the step.
    assert dict(memberships_of(shop, early))["busy"] == left_at
    assert runner.fire() == 0


def memberships_of(workspace, person_id):
    with workspace.store.read() as tx:
        return tx.tuples(
            "SELECT segment, until_at FROM memberships WHERE person_id = :p", {"p": person_id}
        )


def test_a_robot_costs_others_little_processor_time(shop, clock):
    """A step with sixty people costs about as much beside a robot of 20,000 events."""
    runner = started(shop)

    def cost(first, robots):
        used = 0.0
        for step in range(first, first + 12):
            clock.advance(timedelta(milliseconds=50))
            events = [e for n in range(60) for e in views(step, 1, f"u{n}", clock.now())]
            events += views(100_000 + step * 5, 5, "robot", clock.now()) if robots else []
            accept(shop, events, source="t")
            began = time.process_time()
            runner.step()
            runner.fire()
            used += time.process_time() - began
        return used

    cost(0, robots=False)
    alone = cost(100, robots=False)
    for part in range(4):
        accept(shop, views(part * 5_000, 5_000, "robot", clock.now()), source="t")
        runner.step()
    runner.fire()
    beside = cost(200, robots=True)
    assert beside < 2.5 * alone


def test_other_segments_keep_changing_while_a_definition_is_built(shop, define, clock, monkeypatch):
    monkeypatch.setattr("vocative.segment.live.turns.FACTS_PER_SLICE", 40)
    runner = LiveRunner(shop)
    people = [views(0, 1, f"u{number}", clock.now())[0] for number in range(40)]
    accept(shop, people, source="t")
    runner.advance()
    define(
        features=FEATURES + 'cheap: {count: View, where: "price < 50", window: 2h}\n',
        segments=SEGMENTS + 'cheap: {where: "cheap >= 1"}\n',
    )
    runner.refresh()
    slices = 0
    while runner.build():
        slices += 1
        user = f"u{slices}"
        accept(shop, views(1, 2, user, clock.now()), source="t")
        runner.step()
        with shop.store.read() as tx:
            newest = tx.tuples("SELECT segment FROM membership_changes ORDER BY seq DESC LIMIT 3")
        assert ("busy",) in newest  # seen before the new segment is there for everybody
    assert slices >= 8
    with shop.store.read() as tx:
        assert tx.value("SELECT count(*) FROM memberships WHERE segment = 'cheap'") == 40
    assert recompute(shop).differences == 0


def test_the_worker_and_commands_take_turns(shop):
    """`segment recompute` and the like advance in a process of their own beside the worker."""
    shop.clock = SystemClock()
    with shop.store.read():
        pass
    command = [sys.executable, "-m", "vocative.cli.worker", str(shop.root), str(os.getpid())]
    worker = subprocess.Popen(command)
    try:
        for turn in range(12):
            now = shop.clock.now()
            accept(shop, [e for n in range(30) for e in views(turn, 1, f"u{n}", now)], source="t")
            if turn % 3:
                advance(shop)
            time.sleep(0.2)
        deadline = time.monotonic() + 60
        while waiting(shop) and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        worker.terminate()
        assert worker.wait(timeout=60) == 0
    assert waiting(shop) == 0
    assert recompute(shop).differences == 0
    with shop.store.read() as tx:
        rows = tx.tuples(
            "SELECT person_id, segment, sum(change = 'entered') - sum(change = 'exited')"
            " FROM membership_changes GROUP BY person_id, segment"
        )
        inside = tx.tuples("SELECT person_id, segment FROM memberships WHERE until_at IS NULL")
        views_told = tx.value("SELECT count(*) FROM membership_changes WHERE segment = 'seen'")
    assert {row[:2] for row in rows if row[2] == 1} == set(inside)
    assert {row[2] for row in rows} <= {0, 1}
    assert views_told == 30


def waiting(workspace):
    with workspace.store.read() as tx:
        offset = int(tx.value("SELECT max(position) FROM stream_offsets") or 0)
    return workspace.log.waiting(offset)


def test_whoever_is_told_of_a_change_reads_what_caused_it(bench):
    found = bench("triggers").run(1_500)
    assert found["changes"] == 3_000
    assert found["missing"] == 0
    assert found["reads"]["trait"] == 3_000
    assert found["reads"]["feature"] > 10
    assert found["stale"] == 0


def test_a_stale_read_is_noticed(bench, tmp_path):
    """A change is there, and the person is as before."""
    triggers = bench("triggers")
    triggers.prepare(tmp_path / "shop")
    with Workspace(tmp_path / "shop") as workspace:
        with workspace.store.transaction() as tx:
            tx.run(
                "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
                """ VALUES ('p', 1, 1, '{"level": "1"}')"""
            )
            for segment in ("by_level:1", "by_level:2"):
                tx.run(
                    "INSERT INTO membership_changes (person_id, segment, change, at, recorded_at)"
                    " VALUES ('p', :s, 'entered', 1, 1)",
                    {"s": segment},
                )
            tx.run(
                "INSERT INTO memberships (person_id, segment, since_at)"
                " VALUES ('p', 'by_level:1', 1)"
            )
        reader = triggers.Reader(workspace)
        assert reader.read() == 2
    assert reader.stale == {"trait": 1, "membership": 1}


def test_every_probe_of_the_benchmark_has_its_effect(bench, tmp_path, monkeypatch):
    live = bench("live")
    monkeypatch.setattr(live, "PEOPLE", 300)
    monkeypatch.setattr(live, "WARM_UP_SECONDS", 0)
    live.stock(tmp_path / "shop", people=300, events=2_000)
    found = live.measure_sustained(tmp_path / "shop", rate=200, seconds=3)
    assert found["probes"] > 100
    assert found["probes_without_effect"] == 0
    assert found["sustained"]
    assert 0 < found["p50_ms"] <= found["p99_ms"] <= found["most_ms"]
