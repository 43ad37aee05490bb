"""How fast an event changes segments: the live worker on a shop of 48 features and 50 segments.

In: nothing; people of very unequal activity and a year of history are drawn. Out: whether the
worker keeps up with 5,000 events per second for a while, the time from an event's acceptance to
the change of a membership that another process sees, how fast a backlog is caught up with, what a
micro-batch of each size costs, and the worker's memory. Worker, producer and watcher are three
processes; their disk and files are real.
"""

import tempfile
import time
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

from _live import Child, Watcher, load, percentile, stock, working

PEOPLE = 100_000
HISTORY_EVENTS = 400_000
RATE = 5_000
PROBES = 50
SECONDS = 20
WARM_UP_SECONDS = 5
"""Begin of the sustained part whose latencies do not count: the worker has just started."""
CATCH_UP_EVENTS = 1_500_000
"""What comes in during five minutes without a worker, at that rate."""
STEPS = {5_000: 10_000, 100: 2_000, 1_000: 10_000, 20_000: 20_000}
"""Events per step → how many are taken in that way. The first ones warm up."""
MOST_BACKLOG_SECONDS = 0.5
"""So many seconds' worth of events may wait at the end of a rate that was held."""
DRAIN_SECONDS = 120


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: Seconds of the sustained part; 20 unless told. 3,600 is an hour.
    """
    seconds = size or SECONDS
    began = load()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        shop = stock(root, people=PEOPLE, events=HISTORY_EVENTS)
        sustained = measure_sustained(root, rate=RATE, seconds=seconds)
        caught_up = measure_catch_up(root)
        steps = Child(root, "steps", people=PEOPLE, sizes=STEPS, batch=100).answer()
    return {
        **shop,
        **sustained,
        "catchup_events": CATCH_UP_EVENTS,
        **caught_up,
        "by_batch": sorted(steps[1:] + steps[:1], key=lambda found: found["batch"]),
        "load_before": began,
        "load_after": load(),
    }


def measure_sustained(
    root: Path,
    *,
    rate: int,
    seconds: int,
    people: int = PEOPLE,
    source: str = "live",
    robots: dict[str, int] | None = None,
) -> dict[str, Any]:
    """Let events come in at a rate, and see when the probes among them have had their effect.

    Args:
        root: A workspace from `stock`.
        rate: Events per second.
        seconds: For how long.
        people: How many people the shop has.
        source: Where the events come from; another name for every measurement.
        robots: Users of whom each does so much more per second.
    """
    watcher = Watcher(root, ("never_bought", "in_country", "refunded_most"))
    memory: list[float] = []
    backlogs: list[int] = []
    with working(root) as worker:
        _wake(root, watcher, source)
        producer = Child(
            root,
            "produce",
            people=people,
            rate=rate,
            seconds=seconds,
            probes=PROBES,
            source=source,
            robots=robots or {},
        )
        watcher.look()
        watcher.late = 0.0
        used, waited, started = worker.cpu_seconds(), worker.waited_seconds(), time.monotonic()
        # A good hundred looks, however long it lasts.
        while producer.running:
            watcher.until(lambda: not producer.running, seconds=max(0.5, seconds / 120))
            memory.append(worker.memory_mb())
            backlogs.append(watcher.backlog())
        late, made = watcher.late, producer.answer()
        ended, backlog = time.monotonic(), watcher.backlog()
        used, waited = worker.cpu_seconds() - used, worker.waited_seconds() - waited
        drained = watcher.until(lambda: watcher.backlog() == 0, seconds=DRAIN_SECONDS)
        watcher.until(lambda: False, seconds=1)
        peak = worker.memory_mb("VmHWM")
    watcher.close()
    latencies, missing = match(made["probes"], watcher, after=started + WARM_UP_SECONDS)
    applied = made["sent"] - backlog
    return {
        "offered_per_second": round(made["sent"] / made["seconds"]),
        "events_per_second": round(applied / (ended - started)),
        "sustained_seconds": seconds,
        "sustained": drained and backlog <= MOST_BACKLOG_SECONDS * rate,
        "p50_ms": percentile(latencies, 0.5),
        "p90_ms": percentile(latencies, 0.9),
        "p99_ms": percentile(latencies, 0.99),
        "most_ms": percentile(latencies, 1.0),
        "probes": len(latencies),
        "probes_without_effect": missing,
        "backlog_most": max(backlogs),
        "backlog_end": backlog,
        "worker_cpu_microseconds_per_event": round(used / applied * 1e6, 1),
        "worker_cpu_share": round(used / (ended - started), 2),
        "worker_waited_share": round(waited / (ended - started), 2),
        "producer_late_ms": round(made["late_seconds"] * 1_000),
        "watcher_late_ms": round(late * 1_000),
        "memory_mb": {
            "start": memory[0],
            "middle": memory[len(memory) // 2],
            "end": memory[-1],
        },
        "peak_mb": peak,
    }


def _wake(root: Path, watcher: Watcher, source: str) -> None:
    """Wait until the worker has taken in something: it has started."""
    Child(root, "put", people=100, count=100, batch=100, source=f"wake {source}", skip=0).answer()
    if not watcher.until(lambda: watcher.backlog() == 0, seconds=60):
        raise RuntimeError("the worker does not work")
    watcher.seen.clear()


def match(
    probes: list[tuple[float, str, str, str]], watcher: Watcher, *, after: float
) -> tuple[list[float], int]:
    """Seconds from the acceptance of each probe to its effect, and how many had none."""
    seen: dict[Any, deque[float]] = defaultdict(deque)
    for at, change in watcher.seen:
        seen[change].append(at)
    latencies, missing = [], 0
    for accepted, person_id, segment, direction in probes:
        times = seen[person_id, segment, direction]
        if not times:
            missing += 1
            continue
        latency = times.popleft() - accepted
        if accepted >= after:
            latencies.append(max(latency, 0.0))
    return latencies, missing


def measure_catch_up(root: Path) -> dict[str, Any]:
    """Put events on the log while no worker runs; how fast one catches up, its start included."""
    Child(
        root, "put", people=PEOPLE, count=CATCH_UP_EVENTS, batch=250, source="catch-up", skip=1_000
    ).answer()
    watcher = Watcher(root)
    waiting = watcher.backlog()
    began = time.monotonic()
    with working(root) as worker:
        caught_up, peak = False, 0.0
        while not caught_up and time.monotonic() < began + DRAIN_SECONDS:
            caught_up = watcher.until(lambda: watcher.backlog() == 0, seconds=0.25)
            peak = max(peak, worker.memory_mb())
        seconds = time.monotonic() - began
        used, left = worker.cpu_seconds(), watcher.backlog()
    watcher.close()
    done = max(waiting - left, 1)
    return {
        "caught_up": caught_up,
        "catchup_events_per_second": round(done / seconds),
        "catchup_cpu_microseconds_per_event": round(used / done * 1e6, 1),
        "catchup_peak_mb": peak,
    }
