"""How long an import takes, from a CSV file to profiles, history and segments.

In: nothing; two exports of a shop are drawn, one with an event per row and one whose rows are
the lines of orders. Out: for each, the seconds and memory of the real command on a fresh workspace
with its starter segments, until everything is applied; the seconds of trying it (`--dry-run`), and
as the floor, in the same run, those of reading and sorting the same file with DuckDB alone.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv

ROWS = 1_000_000
PEOPLE_PER_ROW = 0.1
LINES_PER_ORDER = 4
SEED = 3
START, YEAR = 1_740_787_200, 365 * 86_400  # 2025-03-01
PEOPLE = """\
source: shop
people:
  user_id: customer
  traits: {email: email, country: country}
"""
MAPPINGS = {
    "events": PEOPLE
    + """\
events:
  name: what
  at: at
  message_id: number
  properties: {product_id: sku, price: to_number(price)}
reject:
  - {reason: no price, when: to_number(price) is null}
""",
    "lines": PEOPLE
    + """\
money: to_number(price) * to_number(quantity)
events:
  group_by: [number]
  name: "'Order Completed'"
  at: at
  message_id: number
  properties: {order_id: number}
  products: {product_id: sku, price: to_number(price), quantity: to_number(quantity)}
reject:
  - {reason: no price, when: to_number(price) is null}
""",
}


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: Rows of each file; 1,000,000 unless told.

    Returns:
        rows, seconds and peak_mb of the file with an event per row; the same of the lines of
        orders; events, rejected, dry_run_seconds, floor_seconds and the ratio to it of each.
    """
    rows = size or ROWS
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        by_kind = {kind: _measure(Path(folder) / kind, kind, rows) for kind in MAPPINGS}
    hard = by_kind["events"]
    return {
        "rows": rows,
        "seconds": hard["seconds"],
        "rows_per_second": round(rows / hard["seconds"]),
        "peak_mb": hard["peak_mb"],
        "by_kind": by_kind,
    }


def _measure(folder: Path, kind: str, rows: int) -> dict[str, Any]:
    folder.mkdir()
    path, mapping = folder / "export.csv", folder / "mapping.yaml"
    mapping.write_text(MAPPINGS[kind])
    _write(path, rows, lines=LINES_PER_ORDER if kind == "lines" else 1)
    floor = _floor(path)
    shop = folder / "shop"
    _vocative("init", str(shop))
    command = ("import", str(path), "--map", str(mapping), "--workspace", str(shop), "--json")
    _, dry_seconds, _ = _vocative(*command, "--dry-run")
    report, seconds, peak = _vocative(*command)
    if report["applied"] + report["duplicates"] != report["events"]:
        raise RuntimeError("the import lost events")
    return {
        "rows": report["rows"],
        "events": report["events"],
        "rejected": report["rows"] - report["used"],
        "seconds": round(seconds, 1),
        "peak_mb": round(peak),
        "dry_run_seconds": round(dry_seconds, 1),
        "floor_seconds": round(floor, 2),
        "ratio_to_floor": round(seconds / floor, 1),
    }


def _write(path: Path, rows: int, *, lines: int) -> None:
    """A file whose rows come in the order of time, some hundredths of them without a price."""
    rng = np.random.default_rng(SEED)
    orders = np.arange(rows) // lines
    count = int(orders[-1]) + 1
    people = max(int(rows * PEOPLE_PER_ROW), 1)
    customer = rng.integers(0, people, count)[orders]
    at = (np.sort(rng.integers(0, YEAR, count)) + START)[orders]
    price = np.char.mod("%.2f", rng.gamma(2.0, 20.0, rows)).astype(object)
    price[rng.random(rows) < 0.01] = "free"
    kinds = np.array(["Product Viewed", "Product Added", "Order Completed"], dtype=object)
    table = pa.table(
        {
            "number": pa.array([f"n{one}" for one in orders]),
            "customer": pa.array([f"c{one}" for one in customer]),
            "email": pa.array([f"c{one}@mail.example" for one in customer]),
            "country": pa.array(np.array(["GB", "FR", "DE"], dtype=object)[customer % 3]),
            "what": pa.array(kinds[rng.choice(3, rows, p=(0.7, 0.2, 0.1))]),
            "at": pa.array(at.astype("datetime64[s]")).cast(pa.string()),
            "sku": pa.array([f"s{one}" for one in rng.integers(0, 5_000, rows)]),
            "price": pa.array(price),
            "quantity": pa.array(rng.integers(1, 5, rows)),
        }
    )
    pa.csv.write_csv(table, path)


def _floor(path: Path) -> float:
    began = time.perf_counter()
    with duckdb.connect() as db:
        db.execute('CREATE TABLE export AS SELECT * FROM read_csv(?) ORDER BY "at"', [str(path)])
    return time.perf_counter() - began


def _vocative(*words: str) -> tuple[Any, float, float]:
    """The answer of a command, its seconds and its peak memory in megabytes."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "vocative", *words], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    told = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"vocative {words[0]} failed; its error is above")
    return (json.loads(told) if "--json" in words else None), seconds, used.ru_maxrss / 1_024
