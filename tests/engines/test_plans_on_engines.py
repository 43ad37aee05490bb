# ruff: noqa: DTZ001 - instants are naive UTC
"""Whole plans give the same rows on every engine, to the last bit.

Random workspaces and histories that go to the edges, and what `vocative init` and its packs bring.
"""

import json
import shutil
from datetime import UTC, datetime, timedelta
from random import Random

import pyarrow as pa
import pytest

from segment.facts import history_table
from vocative.cli.start import STARTER
from vocative.segment import build_plan
from vocative.segment.batch import empty_scores, features_at_sql, segments_sql
from vocative.segment.packs import PACKS
from vocative.testing.parity_answers import batch_answers, draw_world, opened, scored
from vocative.testing.random_histories import people_at
from vocative.workspace import Workspace

SEEDS = range(3)
NOW = datetime(2026, 3, 2, 9, 30)
SHOP_EVENTS = (
    *["Product Viewed"] * 6,
    *["Product Added"] * 3,
    *["Order Completed"] * 4,
    "Order Refunded",
    "Email Delivered",
    "Email Opened",
    "Email Link Clicked",
    "Email Bounced",
    "Unsubscribed",
    "Cart Viewed",
    "Checkout Started",
    "Coupon Applied",
)


def differences(expected, found):
    return [
        f"{name} of {key}: DuckDB says {row[name]!r}, not {found[key][name]!r}"
        for key, row in expected.items()
        for name in row
        if row[name] != found[key][name]
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_workspace_has_the_same_answers(duckdb_engine, other, seed):
    world = draw_world(seed, people=20, features=24, segments=14, instants=2)
    people = scored(people_at(world.lives))
    with opened(world) as (_, plan):
        expected = batch_answers(duckdb_engine, plan, people, world.instants)
        found = batch_answers(other, plan, people, world.instants)
    assert found.keys() == expected.keys()
    assert not (wrong := differences(expected, found)), "\n".join(wrong[:20])


@pytest.fixture(scope="module")
def shop_plan(tmp_path_factory):
    """The plan of a new workspace, and of each pack that takes no name of another's."""
    root = tmp_path_factory.mktemp("shop") / "workspace"
    shutil.copytree(STARTER, root)
    taken = {kind: set(names_in(root / kind)) for kind in ("features", "segments")}
    for pack in sorted(PACKS.iterdir()):
        new = {kind: set(names_in(pack, f"{kind}.yaml")) for kind in taken}
        if pack.is_dir() and not any(new[kind] & taken[kind] for kind in taken):
            for kind in taken:
                if new[kind]:
                    shutil.copy(pack / f"{kind}.yaml", root / kind / f"pack_{pack.name}.yaml")
                    taken[kind] |= new[kind]
    with Workspace(root) as workspace:
        yield build_plan(workspace)


def names_in(folder, pattern="*.yaml"):
    for file in folder.glob(pattern):
        yield from (
            line.partition(":")[0] for line in file.read_text().splitlines() if line[:1] > "@"
        )


def shop_relations():
    rng = Random(7)
    people = [f"p{number}" for number in range(30)]
    events, lines = [], []
    for number in range(700):
        name = rng.choice(SHOP_EVENTS)
        ago = timedelta(
            seconds=int(400 * 86_400 * rng.random() ** 3), microseconds=rng.choice([0, 1])
        )
        price = rng.choice([None, 5.5, 19.99, 120.0])
        event = {
            "event_id": f"e{(number * 7919) % 1000:04d}",
            "person_id": rng.choice(people),
            "name": name,
            "at": NOW - ago,
            "category": rng.choice([None, "Shoes", "Hats", "Äpfel"]),
            "product_id": rng.choice([None, "i1", "i2"]),
            "price": price,
            "quantity": rng.choice([None, 1.0, 2.0]),
            "revenue": -20.0 if name == "Order Refunded" else price and price * 1.1,
            "properties": json.dumps(
                {
                    "verdict": rng.choice(["human", "machine", None]),
                    "discount": rng.choice([0, 2.5, 12345678.5, "3"]),
                    "coupon": rng.choice(["", "SPRING"]),
                    "client": rng.choice(["Apple Mail", "Gmail"]),
                }
            ),
        }
        events.append(event)
        if name == "Order Completed":
            lines.append({k: v for k, v in event.items() if k not in ("properties", "source")})
    traits = {
        "person_id": people,
        "first_seen_at": pa.array(
            [NOW - timedelta(days=n * 15) for n in range(30)], pa.timestamp("us")
        ),
        "email_domain": [rng.choice([None, "gmail.com", "shop.example"]) for _ in people],
        "email_kind": [rng.choice([None, "ordinary", "role"]) for _ in people],
        "country": [rng.choice([None, "France", "Germany"]) for _ in people],
        "timezone": [rng.choice([None, "Europe/Paris"]) for _ in people],
        "language": [rng.choice([None, "fr"]) for _ in people],
        "signed_up_at": pa.array(
            [
                rng.choice([None, NOW - timedelta(days=30), NOW - timedelta(days=n)])
                for n in range(30)
            ],
            pa.timestamp("us"),
        ),
        "local_zone": [rng.choice(["UTC", "Europe/Paris", "Asia/Kolkata"]) for _ in people],
    }
    items = {
        "item_id": ["i1", "i2"],
        "category": ["Shoes", None],
        "price": [1.5, 2.5],
        "margin": [0.5, None],
        "title": ["One", "Two"],
        "currency": ["EUR", "EUR"],
    }
    return {
        "events": history_table("events", events),
        "order_lines": history_table("order_lines", lines),
        "people": pa.table(traits),
        "items": pa.table(items),
        "scores": empty_scores(),
    }


def everybody(engine, plan):
    for name, table in shop_relations().items():
        engine.register(name, table)
    features = engine.query(features_at_sql(plan, NOW.replace(tzinfo=UTC)))
    engine.register("current_features", features)
    rows = engine.rows(segments_sql(plan))
    return {row["person_id"]: row for row in rows}


def test_a_new_workspace_with_packs_has_the_same_members(duckdb_engine, other, shop_plan):
    expected, found = everybody(duckdb_engine, shop_plan), everybody(other, shop_plan)
    members = [
        sum(row[name] is True for row in expected.values())
        for name in next(iter(expected.values()))
    ]
    assert sum(count > 0 for count in members) > len(shop_plan.segments) // 3
    assert found.keys() == expected.keys()
    assert not (wrong := differences(expected, found)), "\n".join(wrong[:20])
