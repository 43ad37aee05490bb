"""How fast a page is told what it may decide on: a person's traits, segments and scores.

In: nothing; a shop with live segments of everybody is drawn, each person gets five scores. The real
server answers over HTTP, its worker beside it. Requests come at a fixed rate, whether or not those
before were answered; a latency counts from the moment at which the request was due. Out: latencies
at that rate, those of a page that says "ok" for comparison, latencies while events come in, and how
many requests a second are answered when as many as possible are asked.
"""

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from _http import Request, as_many_as_possible, measured, posted, serving
from _live import Child, load, stock
from vocative.workspace import Workspace

PEOPLE = 100_000
HISTORY_EVENTS = 400_000
MODELS = ("churn", "high_value", "next_order", "purchase_30d", "send_time")
RATE = 500
SECONDS = 20
CONNECTIONS = 16
EVENTS_PER_SECOND = 1_000
SEED = 11


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: Seconds at the fixed rate; 20 unless told.
    """
    seconds, began = size or SECONDS, load()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        shop = stock(root, people=PEOPLE, events=HISTORY_EVENTS)
        _write_scores(root)
        with serving(root) as port:
            floor = _measure(port, _health, seconds=seconds // 2)
            found = _measure(port, _profile, seconds=seconds)
            while_asked = max(seconds // 4, 1)
            most = as_many_as_possible(port, _profile, seconds=while_asked, connections=CONNECTIONS)
            producer = Child(
                root,
                "produce",
                people=PEOPLE,
                rate=EVENTS_PER_SECOND,
                seconds=seconds,
                probes=1,
                source="live",
                robots={},
            )
            busy = _measure(port, _profile, seconds=max(seconds - 2, 1))
            producer.answer()
    return {
        "people": shop["people"],
        "segments": shop["segments"],
        "models": len(MODELS),
        **found,
        "ok_page": floor,
        "while_events_come": {"events_per_second": EVENTS_PER_SECOND, **busy},
        "most_requests_per_second": round(most / while_asked),
        "load_before": began,
        "load_after": load(),
    }


def _write_scores(root: Path) -> None:
    drawn = random.Random(SEED)
    with Workspace(root) as workspace, workspace.store.transaction() as tx:
        people = [row[0] for row in tx.tuples("SELECT person_id FROM profiles")]
        tx.run(
            "INSERT INTO scores (person_id, model, value, version, scored_at, reasons)"
            " VALUES (:person, :model, :value, 'v1', 0, '[]')",
            [(person, model, drawn.random()) for person in people for model in MODELS],
        )


def _health(_: int) -> bytes:
    return b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _profile(number: int) -> bytes:
    who = random.Random(number).randrange(PEOPLE)
    body = json.dumps({"user_id": f"u{who}"}).encode()
    return posted(b"/api/profile", body, b"Content-Type: application/json")


def _measure(port: int, request: Request, *, seconds: int) -> dict[str, Any]:
    return measured(port, request, rate=RATE, seconds=seconds, connections=CONNECTIONS)


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
