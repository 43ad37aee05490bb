"""How much memory the live worker takes while very many events pass through it.

In: nothing; the shop of `live`. Out: resident memory of the worker from its start to the end, at
the speed at which it catches up: an hour's worth of 5,000 events per second passes in much less
than an hour. Events are put on the log a part at a time, so that some always wait.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from _live import Child, Watcher, load, stock, working

PEOPLE = 1_000_000
"""A shop in which 5,000 things happen per second has no fewer."""
HISTORY_EVENTS = 1_000_000
RATE = 5_000
SECONDS = 100
PART_EVENTS = 40_000
WAITING = 10_000
"""The next part comes when so few events wait."""
PATIENCE_SECONDS = 120


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: Seconds' worth of 5,000 events; 100 unless told. 3,600 is an hour's worth.
    """
    events, began = (size or SECONDS) * RATE, load()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        stock(root, people=PEOPLE, events=HISTORY_EVENTS)
        watcher = Watcher(root)
        memory: list[float] = []
        started = time.monotonic()
        with working(root) as worker:
            for part in range(0, events, PART_EVENTS):
                count = min(PART_EVENTS, events - part)
                Child(
                    root,
                    "put",
                    people=PEOPLE,
                    count=count,
                    batch=250,
                    source=f"part {part}",
                    skip=part // PART_EVENTS,
                ).answer()
                most = WAITING if part + count < events else 0
                if not _until(watcher, most):
                    raise RuntimeError("the worker does not catch up")
                memory.append(worker.memory_mb())
            seconds = time.monotonic() - started
            peak = worker.memory_mb("VmHWM")
        watcher.close()
    return {
        "events": events,
        "people": PEOPLE,
        "events_per_second": round(events / seconds),
        "memory_mb": [memory[len(memory) * part // 10] for part in range(10)] + memory[-1:],
        "peak_mb": peak,
        "grown_mb_in_second_half": round(memory[-1] - memory[len(memory) // 2], 1),
        "load_before": began,
        "load_after": load(),
    }


def _until(watcher: Watcher, most: int) -> bool:
    end = time.monotonic() + PATIENCE_SECONDS
    while watcher.backlog() > most:
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
