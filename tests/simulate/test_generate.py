"""The files of a world: reproducible, accountable to the line, dirty where it says so."""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from synthetic_worlds import END, Worlds, at, read_csv, read_events, read_lines, refusal

from vocative.errors import AuthorError, UnknownName
from vocative.simulate import WorldSummary, generate


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_arguments_give_the_same_bytes(worlds: Worlds, tmp_path: Path) -> None:
    first = worlds("medium", 300)
    again = generate(tmp_path, people=300, seed=7, world="medium", end=END)
    assert digests(first.folder) == digests(again.folder)
    assert digests(worlds("medium", 300, 8).folder) != digests(first.folder)


def test_manifest_accounts_for_every_line(worlds: Worlds) -> None:
    world = worlds()
    counted = world.manifest["events"]
    lines = read_lines(world)
    refused = Counter(reason for line in lines if (reason := refusal(line)))
    good = [json.loads(line) for line in lines if refusal(line) is None]
    unique = {event["messageId"]: event for event in good}
    assert counted["lines"] == len(lines)
    assert counted["malformed"] == dict(refused)
    assert min(refused.values()) >= 2
    assert counted["unique"] == len(unique)
    assert counted["duplicates"] == len(good) - len(unique)
    names = Counter(event.get("event", event["type"]) for event in unique.values())
    assert counted["by_name"] == {name: n for name, n in sorted(names.items()) if n}
    orders = [e for e in unique.values() if e.get("event") == "Order Completed"]
    assert counted["orders"] == len(orders)
    assert counted["revenue"] == pytest.approx(sum(e["properties"]["revenue"] for e in orders))


def test_duplicates_are_exact_and_malformed_lines_are_nobody_elses(worlds: Worlds) -> None:
    lines = read_lines(worlds())
    by_id: dict[str, set[str]] = {}
    for line in lines:
        if refusal(line) is None:
            by_id.setdefault(json.loads(line)["messageId"], set()).add(line)
    assert {len(copies) for copies in by_id.values()} == {1}
    assert not any(name.startswith("bad-") for name in by_id)


def test_orders_add_up(worlds: Worlds) -> None:
    prices = {item["item_id"]: float(item["price"]) for item in read_csv(worlds().items)}
    seen: dict[str, float] = {}
    for event in read_events(worlds()):
        properties = event.get("properties", {})
        if event.get("event") not in {"Order Completed", "Order Refunded"}:
            continue
        worth = sum(prices[p["product_id"]] * p["quantity"] for p in properties["products"])
        if event["event"] == "Order Completed":
            assert properties["revenue"] == pytest.approx(worth)
            assert properties["order_id"] not in seen
            seen[properties["order_id"]] = worth
        else:
            assert properties["total"] == pytest.approx(worth)
    assert len(seen) == worlds().manifest["events"]["orders"]


def test_refunds_follow_their_orders(worlds: Worlds) -> None:
    ordered, refunds = {}, []
    for event in read_events(worlds()):
        if event.get("event") == "Order Completed":
            ordered[event["properties"]["order_id"]] = event
        elif event.get("event") == "Order Refunded":
            refunds.append(event)
    assert refunds
    for refund in refunds:
        order = ordered[refund["properties"]["order_id"]]
        assert at(order) < at(refund) <= END
        assert order["userId"] == refund["userId"]
        assert 0 < refund["properties"]["total"] <= order["properties"]["revenue"]


def test_lines_arrive_late_and_out_of_order_but_never_after_the_end(worlds: Worlds) -> None:
    world = worlds()
    events = read_events(world)
    times = [at(event) for event in events]
    delays = [datetime.fromisoformat(event["sentAt"]) - at(event) for event in events]
    assert sum(delay > timedelta(hours=1) for delay in delays) == world.manifest["events"]["late"]
    assert world.manifest["events"]["late"] > 0
    assert sum(a > b for a, b in pairwise(times)) > 20
    assert min(delays) >= timedelta(0)
    assert world.start <= min(times)
    assert max(times) <= END


def test_customer_file_has_the_dirt_it_declares(worlds: Worlds) -> None:
    world = worlds()
    rows = read_csv(world.customers)
    counted = world.manifest["customers"]
    emails = Counter(row["email"] for row in rows)
    folded = Counter(row["email"].casefold() for row in rows)
    assert len(rows) == counted["rows"] > counted["people"]
    assert counted["distinct_customer_ids"] == len({row["customer_id"] for row in rows})
    assert sum(not row["first_name"] for row in rows) == counted["blank_first_names"]
    assert 0.08 < counted["blank_first_names"] / len(rows) < 0.17
    assert len(emails) > len(folded), "one address in two cases"
    assert any("+shop@" in email for email in emails)
    assert all(count >= 3 for count in counted["duplicates"].values())
    assert sum(counted["duplicates"].values()) == pytest.approx(0.04 * 800, abs=1)
    names = "".join(row["first_name"] + row["last_name"] for row in rows)
    assert {"'", "&"} <= set(names)
    assert not names.isascii()
    assert len({row["country"] for row in rows}) >= 8
    assert len({row["timezone"] for row in rows}) >= 8
    assert any(not row["country"] for row in rows)


def test_addresses_are_reserved_and_only_the_malformed_are_refused(worlds: Worlds) -> None:
    from email_validator import EmailNotValidError, validate_email

    world = worlds("medium", 1200)
    bad = 0
    for row in read_csv(world.customers):
        try:
            validate_email(row["email"], check_deliverability=False)
        except EmailNotValidError:
            bad += 1
        else:
            assert row["email"].casefold().endswith(
                (".example.com", "example.org", "example.net")
            ) or (row["email"].casefold().endswith("@example.com"))
    assert bad == world.manifest["customers"]["malformed_email_rows"] > 0


def test_catalogue_is_plausible(worlds: Worlds) -> None:
    items = read_csv(worlds().items)
    assert len(items) == 400
    assert len({item["title"] for item in items}) == 400
    assert len({item["category"] for item in items}) >= 12
    assert sum(item["stock"] == "0" for item in items) >= 10
    assert sum(not item["image_url"] for item in items) >= 5
    assert sum(item["active"] == "false" for item in items) == 1
    assert all(float(item["price"]) > 1 and 0 < float(item["margin"]) < 1 for item in items)
    pictured = next(item for item in items if item["image_url"])
    assert pictured["image_url"].endswith(f"/demo/items/{pictured['item_id']}.svg")


def test_browsing_before_login_can_be_stitched(worlds: Worlds) -> None:
    events = read_events(worlds())
    devices = {e["anonymousId"] for e in events if "userId" not in e}
    links = [e for e in events if e["type"] == "identify"]
    assert all(e["userId"] and e["anonymousId"] and "email" in e["traits"] for e in links)
    linked = {e["anonymousId"] for e in links}
    assert len(devices & linked) > 20
    assert devices - linked, "some browsers are never identified"


def test_carts_are_left_behind_until_the_last_day(worlds: Worlds) -> None:
    world = worlds("medium", 1200)
    assert world.manifest["events"]["carts_abandoned_in_last_3_days"] >= 5


def test_machines_open_and_click(worlds: Worlds) -> None:
    events = read_events(worlds())
    delivered = {
        e["properties"]["message_id"]: at(e) for e in events if e.get("event") == "Email Delivered"
    }
    proxied = [e for e in events if e.get("context", {}).get("userAgent") == "Mozilla/5.0"]
    assert proxied
    for event in proxied:
        sent = delivered[event["properties"]["message_id"]]
        assert timedelta(0) < at(event) - sent < timedelta(seconds=30)
    clicks: dict[str, list[datetime]] = {}
    for event in events:
        if event.get("event") == "Email Link Clicked":
            clicks.setdefault(event["properties"]["message_id"], []).append(at(event))
    scanned = [times for times in clicks.values() if len(times) >= 6]
    assert scanned
    assert all(sorted(times)[5] - min(times) < timedelta(seconds=1) for times in scanned)


def test_truth_stays_apart_from_what_the_shop_hands_over(worlds: Worlds) -> None:
    world = worlds()
    handed_over = {path.name for path in world.folder.iterdir()}
    assert handed_over == {
        "customers.csv",
        "items.csv",
        "events.jsonl.gz",
        "manifest.json",
        "truth",
    }
    columns = set(read_csv(world.customers)[0]) | set(read_csv(world.items)[0])
    assert not columns & {"person", "kind", "popularity", "style", "uplift_class", "category_taste"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"people": 9}, "at least 10 people"),
        ({"months": 0}, "at least 1 month"),
        ({"end": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001
    ],
)
def test_refuses_what_cannot_be_drawn(tmp_path: Path, wrong: dict[str, object], words: str) -> None:
    with pytest.raises(AuthorError, match=words):
        generate(tmp_path, **{"people": 50, "end": END, **wrong})  # type: ignore[arg-type]


def test_names_the_nearest_world(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="medium"):
        generate(tmp_path, people=50, end=END, world="medum")


def test_a_shorter_world_is_shorter(tmp_path: Path, worlds: Worlds) -> None:
    short: WorldSummary = generate(tmp_path, people=300, months=2, end=END)
    assert timedelta(days=59) < short.end - short.start < timedelta(days=63)
    assert short.manifest["events"]["unique"] < worlds("medium", 300).manifest["events"]["unique"]


def test_imports_nothing_of_the_engine() -> None:
    script = (
        "import sys, vocative.simulate; "
        "print(*[m for m in sys.modules if m.startswith('vocative.')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    outside = {name for name in loaded.stdout.split() if not name.startswith("vocative.simulate")}
    assert outside == {"vocative.errors", "vocative.clock"}
