"""How long it takes to compute the starter's features and segments for everyone.

In: nothing; a shop's year is drawn (30 facts per person, a few very busy people). Out: seconds for
the first computation (every membership is new), for one where nothing changed, for one a day
later, for a preview and for an explanation.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vocative.clock import FixedClock, to_micros
from vocative.engines.base import HISTORY_COLUMNS
from vocative.segment import explain_membership, preview_segment, recompute, segment_members
from vocative.workspace import Workspace, prepare_state

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FACTS_PER_PERSON = 30
PARTS = 12
NAMES = {
    "Product Viewed": 0.42,
    "Product Added": 0.10,
    "Checkout Started": 0.03,
    "Order Completed": 0.05,
    "Order Refunded": 0.004,
    "Email Delivered": 0.24,
    "Email Opened": 0.12,
    "Email Link Clicked": 0.03,
    "Email Bounced": 0.004,
    "Unsubscribed": 0.002,
}
ARROW = {"VARCHAR": pa.string(), "TIMESTAMP": pa.timestamp("us"), "DOUBLE": pa.float64(), "BIGINT": pa.int64()}


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many people; 20,000 unless told.
    """
    people = size or 20_000
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "shop"
        with resources.as_file(resources.files("vocative.workspace") / "starter") as starter:
            shutil.copytree(starter, root, ignore=shutil.ignore_patterns("campaigns", "templates"))
        prepare_state(root)
        clock = FixedClock(NOW)
        with Workspace(root, clock=clock) as workspace:
            facts = _fill(workspace, people)
            first, first_seconds = _timed(lambda: recompute(workspace))
            _, same_seconds = _timed(lambda: recompute(workspace))
            clock.advance(timedelta(days=1))
            later, later_seconds = _timed(lambda: recompute(workspace))
            found, preview_seconds = _timed(
                lambda: preview_segment(workspace, "spend_180d > 50 and country = 'France'")
            )
            person = segment_members(workspace, "high_value")[0]
            _, explain_seconds = _timed(lambda: explain_membership(workspace, person, "high_value"))
    return {
        "people": people,
        "facts": facts,
        "features": first.features,
        "segments": first.segments,
        "memberships": first.entered,
        "changes_a_day_later": later.entered + later.left,
        "preview_count": found.count,
        "first_seconds": first_seconds,
        "unchanged_seconds": same_seconds,
        "a_day_later_seconds": later_seconds,
        "preview_seconds": preview_seconds,
        "explain_seconds": explain_seconds,
    }


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    answer = work()
    return answer, round(time.perf_counter() - began, 3)


def _fill(workspace: Workspace, people: int) -> int:
    """Draw people and facts and leave them as the stages before would; how many facts."""
    rng = np.random.default_rng(20_260_302)
    ids = np.array([f"p{number:015d}" for number in range(people)])
    facts = people * FACTS_PER_PERSON
    at = np.sort(to_micros(NOW) - rng.integers(0, 365 * 86_400 * 10**6, facts))
    busy = np.minimum(rng.zipf(1.6, facts) - 1, people - 1)
    person = np.where(rng.random(facts) < 0.1, busy, rng.integers(0, people, facts))
    name = rng.choice(list(NAMES), facts, p=np.array(list(NAMES.values())))
    order = np.isin(name, ["Order Completed", "Order Refunded"])
    sign = np.where(name == "Order Refunded", -1.0, 1.0)
    machine = (name == "Email Opened") & (rng.random(facts) < 0.4)
    events = {
        "event_id": np.array([f"{number:032x}" for number in range(facts)]),
        "person_id": ids[person],
        "name": name,
        "at": at,
        "received_at": at,
        "source": np.full(facts, "bench"),
        "product_id": np.char.add("i", rng.integers(0, 300, facts).astype(str)),
        "category": rng.choice(["Garden", "Kitchen", "Pets", "Tools"], facts),
        "price": rng.integers(100, 9_000, facts) / 100,
        "revenue": np.where(order, sign * rng.integers(500, 15_000, facts) / 100, np.nan),
        "properties": np.where(machine, json.dumps({"verdict": "machine"}), "{}"),
    }
    lines = {
        column: values[np.repeat(np.flatnonzero(order), 2)] for column, values in events.items()
    }
    lines["quantity"] = np.ones(len(lines["at"]))
    with workspace.store.transaction() as tx:
        for part, rows in enumerate(np.array_split(np.arange(facts), PARTS)):
            table = _table("events", {column: values[rows] for column, values in events.items()})
            workspace.history.append(
                tx, "events", table, first=int(rows[0]) + 1, last=int(rows[-1]) + 1
            )
            if part == PARTS - 1:
                workspace.history.append(
                    tx, "order_lines", _table("order_lines", lines), first=1, last=facts
                )
        tx.run(
            "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits, merged_into)"
            " VALUES (:id, :at, :at, :traits, NULL)",
            [
                {
                    "id": str(person_id),
                    "at": to_micros(NOW - timedelta(days=int(number % 700))),
                    "traits": json.dumps(
                        {
                            "country": ("France", "Germany", "Spain")[number % 3],
                            "email_domain": "mail.example",
                        }
                    ),
                }
                for number, person_id in enumerate(ids)
            ],
        )
    return facts


def _table(relation: str, columns: dict[str, Any]) -> pa.Table:
    rows = len(columns["at"])
    return pa.table(
        {
            name: pa.array(columns[name], ARROW[kind], from_pandas=True)
            if name in columns
            else pa.nulls(rows, ARROW[kind])
            for name, kind in HISTORY_COLUMNS[relation].items()
        }
    )
