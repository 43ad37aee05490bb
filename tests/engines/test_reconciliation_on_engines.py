"""Reconciliations give the same answers on every engine, and by plain Python."""

import json
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from vocative.collect.quality.reconciliation import (
    days_sql,
    differing_sql,
    parameters,
    read_reconciliations,
)
from vocative.engines.base import HISTORY_COLUMNS, Engine
from vocative.workspace import Workspace

SETTINGS = "workspace: t\nsender: {email: a@shop.example, name: A}\npostal_address: B\n"
ORDERS = """\
event: Order Completed
key: order_id
amount: revenue
tolerance: 0.01
timezone: Europe/London
between:
  shop: {}
  crm:
    event: [Deal Won, Deal Changed]
    key: properties.deal
    amount: to_number(properties.value)
    where: properties.stage <> 'test'
"""


def made(rng: random.Random) -> list[dict[str, Any]]:
    """Facts of two sources that agree on most orders."""
    rows: list[dict[str, Any]] = []
    for number in range(120):
        at = datetime(2026, 2, 20, tzinfo=UTC) + timedelta(minutes=rng.randrange(14_000))
        amount = round(rng.uniform(1, 200), 2)
        if rng.random() < 0.95:
            rows.append(
                {
                    "source": "shop",
                    "name": "Order Completed",
                    "order_id": f"A{number}",
                    "revenue": amount,
                    "at": at,
                }
            )
        for _ in range(rng.choice([0, 1, 1, 1, 1, 1, 2])):
            value = amount + rng.choice([0.0, 0.0, 0.0, 0.005, 0.5])
            later = at + timedelta(minutes=rng.randrange(600))
            properties = f'{{"deal":"A{number}","value":{value!r},"stage":"won"}}'
            rows.append(
                {"source": "crm", "name": "Deal Won", "properties": properties, "at": later}
            )
    return rows


def facts(rows: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    kinds = {"VARCHAR": pa.string(), "DOUBLE": pa.float64(), "BIGINT": pa.int64()}
    columns = {}
    for name, kind in HISTORY_COLUMNS["events"].items():
        values = [row.get(name) for row in rows]
        if kind == "TIMESTAMP":
            naive = [at.replace(tzinfo=None) if isinstance(at, datetime) else None for at in values]
            columns[name] = pa.array(naive, pa.timestamp("us"))
        else:
            columns[name] = pa.array(values, kinds[kind])
    return pa.table(columns)


def by_hand(rows: list[dict[str, Any]], zone: ZoneInfo) -> Counter[tuple[date, str]]:
    """How many records of each day are in which state."""
    sides: dict[str, dict[str, list[tuple[datetime, float]]]] = {"shop": {}, "crm": {}}
    for row in rows:
        said = json.loads(str(row.get("properties") or "{}"))
        key = str(row.get("order_id") or said.get("deal"))
        amount = float(row["revenue"] if "revenue" in row else said["value"])
        sides[str(row["source"])].setdefault(key, []).append((row["at"], amount))
    found: Counter[tuple[date, str]] = Counter()
    for key in {*sides["shop"], *sides["crm"]}:
        one, other = sides["shop"].get(key, []), sides["crm"].get(key, [])
        on = min(at for at, _ in one or other).astimezone(zone).date()
        if not other:
            found[on, "only_one"] += 1
        elif not one:
            found[on, "only_other"] += 1
        elif abs(sum(a for _, a in one) - sum(a for _, a in other)) > 0.01:
            found[on, "differing"] += 1
        found[on, "doubled"] += len(one) > 1 or len(other) > 1
    return +found


def compared(engine: Engine, tmp_path: Path, *, listed: bool = True) -> None:
    rows = made(random.Random(5))
    engine.register("events", facts(rows))
    (tmp_path / "reconciliations").mkdir()
    (tmp_path / "reconciliations" / "orders.yaml").write_text(ORDERS)
    (tmp_path / "vocative.yaml").write_text(SETTINGS)
    said = read_reconciliations(Workspace(tmp_path))["orders"]
    bound = parameters(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 10, tzinfo=UTC))
    days = engine.rows(days_sql(said), bound)
    states = ("only_one", "only_other", "differing", "doubled")
    found = Counter({(day["on_day"], state): int(day[state]) for day in days for state in states})
    expected = by_hand(rows, ZoneInfo("Europe/London"))
    assert {state for _, state in expected} == {*states}
    assert +found == expected
    assert sum(day["one_records"] for day in days) == sum(row["source"] == "shop" for row in rows)
    if not listed:
        return
    found_alone = engine.rows(differing_sql(said, limit=None), bound)
    alone = [row for row in found_alone if row["state"] in ("one", "other", "differs")]
    assert len(alone) == sum(n for (_, state), n in expected.items() if state != "doubled")


def test_the_embedded_engine_finds_what_plain_python_finds(duckdb_engine, tmp_path) -> None:
    compared(duckdb_engine, tmp_path)


@pytest.mark.postgres
def test_postgresql_finds_the_same(postgres_engine, tmp_path) -> None:
    compared(postgres_engine, tmp_path)


def test_spark_finds_the_same(spark_engine, tmp_path) -> None:
    # A query of this length takes it seconds, and both are made of the same.
    compared(spark_engine, tmp_path, listed=False)
