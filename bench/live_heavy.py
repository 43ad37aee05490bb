"""What a person with very many events, and a robot that sends them fast, cost everybody else.

In: nothing; a shop of people with ordinary activity. Out: the time from an event's acceptance to
the change of a membership for ordinary people, and the processor time per event: first among
themselves, then beside a person with 100,000 events who goes on, and a robot of 100 events per
second. Of the heavy profile: bytes kept, and bytes written anew with each change.
"""

import json
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _live import load, stock
from live import measure_sustained
from vocative.collect.door import accept
from vocative.ids import person_id_for
from vocative.segment import advance
from vocative.workspace import Workspace

PEOPLE = 10_000
HISTORY_EVENTS = 50_000
HEAVY_EVENTS = 100_000
RATE = 1_000
SECONDS = 20
ROBOTS = {"heavy": 20, "robot": 100}
"""Events per second of the person with a long history, and of the robot without one."""
FIGURES = ("p50_ms", "p90_ms", "p99_ms", "most_ms", "sustained", "probes_without_effect")


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many events the heavy profile has; 100,000 unless told.
    """
    events, began = size or HEAVY_EVENTS, load()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        stock(root, people=PEOPLE, events=HISTORY_EVENTS)
        found = measure_sustained(root, rate=RATE, seconds=SECONDS, people=PEOPLE, source="before")
        seconds = _give_a_past(root, "heavy", events)
        beside = measure_sustained(
            root, rate=RATE, seconds=SECONDS, people=PEOPLE, source="beside", robots=ROBOTS
        )
        kept = _kept(root, "heavy")
    return {
        "events_per_second": RATE,
        "heavy_events": events,
        "robot_events_per_second": sum(ROBOTS.values()),
        "alone": _figures(found),
        "beside": _figures(beside),
        "heavy_profile": {"taken_in_seconds": seconds, **kept},
        "load_before": began,
        "load_after": load(),
    }


def _figures(found: dict[str, Any]) -> dict[str, Any]:
    cpu = {"worker_cpu_share": found["worker_cpu_share"]}
    waited = {"worker_waited_share": found["worker_waited_share"]}
    return {name: found[name] for name in FIGURES} | cpu | waited


def _give_a_past(root: Path, user: str, events: int) -> float:
    """Let somebody have done much within the last two months; seconds to take it in."""
    begin = datetime.now(UTC) - timedelta(days=60)
    apart = timedelta(days=60) / events
    with Workspace(root) as workspace:
        raw = [
            json.dumps(
                {
                    "type": "track",
                    "event": ("Product Viewed", "Product Added", "Email Opened")[number % 3],
                    "messageId": f"past-{number}",
                    "userId": user,
                    "timestamp": (begin + number * apart).isoformat(),
                    "properties": {"product_id": f"i{number % 300:05d}", "price": number % 90},
                }
            ).encode()
            for number in range(events)
        ]
        accept(workspace, raw, source="past")
        began = time.perf_counter()
        advance(workspace)
        return round(time.perf_counter() - began, 2)


def _kept(root: Path, user: str) -> dict[str, int]:
    with Workspace(root) as workspace:
        person_id = person_id_for(workspace.key.lookup, "user_id", user)
    with closing(sqlite3.connect(root / ".vocative" / "store.db")) as store:
        body = store.execute(
            "SELECT length(body) FROM live_people WHERE person_id = ?", (person_id,)
        ).fetchone()[0]
        sealed, chunks = store.execute(
            "SELECT sum(length(body)), count(*) FROM live_chunks WHERE person_id = ?", (person_id,)
        ).fetchone()
    return {"bytes_kept": body + (sealed or 0), "chunks": chunks, "bytes_written_anew": body}
