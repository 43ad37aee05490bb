"""What it costs to compute everybody's features and segments from history, and how it grows.

In: nothing; a shop's year is drawn (`_shop.py`: 45 features of every kind, 50 segments, one person
for 50 events on average, some of them very busy). Out: seconds and memory for all answers at one
instant, their ratio to a query written by hand for DuckDB over the same files
(`_shop_by_hand.sql`), and how seconds grow from a small history to the whole one.

Each size is measured in a process of its own, in which both ways take turns; their answers are
compared. Memory is measured in one more process that computes once. Seconds are those of a clock;
processor seconds tell the same on a machine that is busy with other things.

    python bench/batch.py [EVENTS]
"""

import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from _shop import NOW, items_table, people_table, write_parts, write_workspace
from vocative.clock import naive_utc
from vocative.engines.duckdb import DuckDbEngine
from vocative.segment import Plan, build_plan, compute_features
from vocative.segment.batch import empty_scores, segment_column, segments_sql
from vocative.sql import quote_name
from vocative.sql.quote import instant_sql
from vocative.workspace import Workspace

EVENTS = 2_000_000
EVENTS_PER_PERSON = 50
FEWEST_EVENTS = 1_000_000
SIZES = 3
ROUNDS = 3
BY_HAND = Path(__file__).with_name("_shop_by_hand.sql")

Answer = Callable[[], Any]
"""Computes everything once: two tables, features and segments, or one with both."""


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many events; 2,000,000 unless told.
    """
    events = size or EVENTS
    measured = []
    for count in _sizes(events):
        with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
            people = max(1, count // EVENTS_PER_PERSON)
            write_parts(Path(folder) / "history", people, count)
            write_workspace(Path(folder) / "shop")
            found = {"people": people, "events": count, **_child("time", folder, people)}
            if count == events:
                found |= _child("memory", folder, people)
        measured.append(found)
    whole = measured[-1]
    return {
        **whole,
        "growth_exponent": _slope(measured, "seconds"),
        "growth_exponent_cpu": _slope(measured, "cpu_seconds"),
        "sizes": [
            {name: found[name] for name in ("people", "events", "seconds", "cpu_seconds")}
            for found in measured
        ],
    }


def _sizes(events: int) -> list[int]:
    """Numbers of events from a small history to the whole one, in equal ratios."""
    fewest = min(FEWEST_EVENTS, events // 4)
    return [round(fewest * (events / fewest) ** (step / (SIZES - 1))) for step in range(SIZES)]


def _slope(measured: list[dict[str, Any]], name: str) -> float:
    """The exponent of the power of events that the measured seconds follow, by least squares."""
    x = [math.log(found["events"]) for found in measured]
    y = [math.log(found[name]) for found in measured]
    return round(statistics.linear_regression(x, y).slope, 3)


def _child(what: str, folder: str, people: int) -> dict[str, Any]:
    command = [sys.executable, __file__, "--child", what, folder, str(people)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _measure(what: str, folder: Path, people: int) -> dict[str, Any]:
    """In the child process: both ways in turn, or one of them and the memory it took."""
    with Workspace(folder / "shop") as workspace:
        plan = build_plan(workspace)
    files = {
        relation: sorted((folder / "history").glob(f"{relation}-*.parquet"))
        for relation in ("events", "order_lines")
    }
    known = {"people": people_table(people), "items": items_table()}
    ours = _ours(plan, files, known)
    if what == "memory":
        ours()
        return {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}
    by_hand = _by_hand(files, known)
    seconds: dict[str, list[tuple[float, float]]] = {"ours": [], "by_hand": []}
    for _ in range(ROUNDS):
        found, taken = _timed(ours)
        seconds["ours"].append(taken)
        expected, taken = _timed(by_hand)
        seconds["by_hand"].append(taken)
    wall, cpu = (statistics.median(s[i] for s in seconds["ours"]) for i in (0, 1))
    hand_wall, hand_cpu = (statistics.median(s[i] for s in seconds["by_hand"]) for i in (0, 1))
    return {
        "features": len(plan.features),
        "segments": len(plan.segments),
        "seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "handwritten_seconds": round(hand_wall, 3),
        "handwritten_cpu_seconds": round(hand_cpu, 3),
        "ratio_to_handwritten": round(wall / hand_wall, 3),
        "ratio_to_handwritten_cpu": round(cpu / hand_cpu, 3),
        "different_answers": _differences(plan, found, expected),
    }


def _ours(plan: Plan, files: dict[str, list[Path]], known: dict[str, pa.Table]) -> Answer:
    engine = DuckDbEngine(history_files=files)
    for name, table in (*known.items(), ("scores", empty_scores())):
        engine.register(name, table)
    chosen = ", ".join(
        f"{quote_name(segment_column(name))} AS {quote_name(name)}" for name in plan.segments
    )

    def compute() -> tuple[pa.Table, pa.Table]:
        features = compute_features(engine, plan, NOW)
        engine.register("current_features", features)
        sql = segments_sql(plan, select=lambda last: f"SELECT person_id, {chosen} FROM {last}")
        return features, engine.query(sql)

    return compute


def _by_hand(files: dict[str, list[Path]], known: dict[str, pa.Table]) -> Answer:
    import duckdb

    connection = duckdb.connect(":memory:", config={"preserve_insertion_order": False})
    connection.execute("SET enable_progress_bar = false")
    for relation, paths in files.items():
        listed = ", ".join(f"'{path}'" for path in paths)
        connection.execute(f"CREATE VIEW {relation} AS SELECT * FROM read_parquet([{listed}])")
    for name, table in known.items():
        connection.register(name, table)
    sql = BY_HAND.read_text(encoding="utf-8").replace("$now", instant_sql(naive_utc(NOW)))
    return lambda: connection.sql(sql).to_arrow_table()


def _timed(work: Answer) -> tuple[Any, tuple[float, float]]:
    """The answer, and seconds by the clock and of the processors."""
    began, used = time.perf_counter(), time.process_time()
    answer = work()
    return answer, (time.perf_counter() - began, time.process_time() - used)


def _differences(plan: Plan, found: tuple[pa.Table, pa.Table], expected: pa.Table) -> int:
    """How many answers differ; sums of doubles may in what the order of adding up changes."""
    features, segments = (table.sort_by("person_id") for table in found)
    expected = expected.sort_by("person_id")
    if features["person_id"] != expected["person_id"]:
        raise AssertionError("the two ways answer about different people")
    columns = {name: features[name] for name in plan.features}
    columns |= {name: segments[name] for name in plan.segments}
    different = {name: _different(found, expected[name]) for name, found in columns.items()}
    for name, count in different.items():
        if count:
            print(f"{name}: {count} answers differ", file=sys.stderr)
    return sum(different.values())


def _different(found: pa.ChunkedArray, expected: pa.ChunkedArray) -> int:
    unknown = pc.xor(found.is_null(), expected.is_null())
    if pa.types.is_floating(found.type):
        one, other = (
            np.nan_to_num(column.cast(pa.float64()).to_numpy()) for column in (found, expected)
        )
        differ = np.abs(one - other) > 1e-6 * np.maximum(1.0, np.abs(one))
        return int(np.sum(differ | unknown.to_numpy()))
    differ = pc.fill_null(pc.not_equal(found, expected.cast(found.type)), False)
    return int(pc.sum(pc.or_(differ, unknown)).as_py() or 0)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(_measure(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        print(json.dumps(run(*(int(given) for given in sys.argv[1:])), indent=2))
