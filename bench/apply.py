"""What applying the log costs: from an encrypted batch to identities, profiles and history.

In: nothing; events of a shop are drawn (visits with page views, product events, orders with lines
and 5 % identifies; e-mail events; a few very busy people) and put on a log. Out: for each number
of events per step, events per second and microseconds of CPU per event, on a store that knows the
people.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.identify.apply import Applier
from vocative.workspace import Workspace, prepare_state

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STEPS = (100, 250, 1_000, 5_000, 20_000)
BATCH = 250
"""What the collector puts on the log at once when 5,000 events come in per second."""
SETTINGS = """\
workspace: bench
sender: {email: hello@shop.example, name: The Shop}
postal_address: 1 High Street
"""
TRAITS = (
    "email: {personal: true}\nfirst_name: {personal: true}\ncountry: {}\nplan: {}\ntimezone: {}\n"
)
HOURS = 3
EVENTS_PER_VISIT = 12
MAILS = 0.2
KINDS = {
    "page": 0.50,
    "Product Viewed": 0.30,
    "Product Added": 0.10,
    "Order Completed": 0.04,
    "identify": 0.06,
}
CONTEXT = {
    "ip": "203.0.113.7",
    "library": {"name": "analytics.js", "version": "next-1.62.1"},
    "locale": "en-GB",
    "page": {"path": "/spades", "title": "Spades", "url": "https://shop.example/spades"},
    "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0",
    "timezone": "Europe/London",
}  # fmt: skip


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many events are applied at each step size; 40,000 unless told.
    """
    events = size or 40_000
    steps = {}
    for step in STEPS:
        with tempfile.TemporaryDirectory() as folder:
            steps[str(step)] = measure(Path(folder) / "shop", step=step, events=events)
    return {"events": events, "people": events // 4, "steps": steps}


def measure(root: Path, *, step: int, events: int) -> dict[str, Any]:
    """Apply as many events again as the store has seen, `step` at a time."""
    root.mkdir()
    (root / "vocative.yaml").write_text(SETTINGS)
    (root / "traits.yaml").write_text(TRAITS)
    prepare_state(root)
    with Workspace(root, clock=FixedClock(NOW)) as workspace:
        raw = made_events(2 * events, people=max(events // 4, 1))
        _put(workspace, [next(raw) for _ in range(events)], batch=5_000)
        with workspace.worker_lock("apply"):
            applier = Applier(workspace)
            while applier.step(20_000):
                pass
            _put(workspace, list(raw), batch=min(step, BATCH))
            applied, steps = 0, 0
            wall, cpu = time.perf_counter(), time.process_time()
            while report := applier.step(step):
                applied, steps = applied + report.applied, steps + 1
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "applied": applied,
        "steps": steps,
        "events_per_second": round(applied / wall),
        "cpu_us_per_event": round(cpu / applied * 1e6, 1),
    }


def _put(workspace: Workspace, raw: list[bytes], *, batch: int) -> None:
    for start in range(0, len(raw), batch):
        accept(workspace, raw[start : start + batch], source="shop")


def made_events(count: int, *, people: int, seed: int = 7) -> Iterator[bytes]:
    """Events as a shop's site and its mails make them within some hours, in the order of time.

    On the site people come for visits of some minutes; mails come one at a time.
    """
    rng, dice = np.random.default_rng(seed), random.Random(seed)
    mails = rng.random(count) < MAILS
    visits = max(count // EVENTS_PER_VISIT, 1)
    visit = rng.integers(0, visits, count)
    everybody = rng.integers(0, people, count)
    busy = np.minimum(rng.zipf(1.5, visits) - 1, people - 1)
    visitor = np.where(rng.random(visits) < 0.3, busy, rng.integers(0, people, visits))
    began = rng.random(visits) * HOURS * 3_600
    within = rng.exponential(120, count)
    who = np.where(mails, everybody, visitor[visit])
    when = np.where(mails, rng.random(count) * HOURS * 3_600, began[visit] + within)
    order = np.argsort(when, kind="stable")
    kinds = rng.choice(list(KINDS), count, p=list(KINDS.values()))
    kinds = np.where(mails, rng.choice(["Email Delivered", "Email Opened"], count), kinds)
    encode = msgspec.json.Encoder().encode
    start = NOW - timedelta(hours=HOURS + 1)
    for number, at in enumerate(order.tolist()):
        person, kind = int(who[at]), str(kinds[at])
        body: dict[str, Any] = {
            "messageId": f"ajs-next-{number:09d}-{dice.getrandbits(64):016x}",
            "timestamp": _stamp(start + timedelta(seconds=float(when[at]))),
            "context": CONTEXT,
        }
        if kind.startswith("Email") or kind == "identify" or person % 2:
            body["userId"] = f"user-{person}"
        if not kind.startswith("Email"):
            body["anonymousId"] = f"{person:08x}-5f2c-4d1b-9c1e-{person % 3:012x}"
        yield encode({**body, **_content(kind, person, dice)})


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _content(kind: str, person: int, dice: random.Random) -> dict[str, Any]:
    item = dice.randrange(2_000)
    if kind == "identify":
        traits = {
            "email": f"person.{person}@mail.example.com",
            "firstName": f"Ana{person}",
            "country": ("FR", "DE", "GB")[person % 3],
            "plan": dice.choice(["free", "plus"]),
            "timezone": "Europe/Paris",
        }
        return {"type": "identify", "traits": traits}
    if kind == "page":
        page = f"/garden/{item}"
        properties: dict[str, Any] = {
            "path": page,
            "url": f"https://shop.example{page}?utm_source=mail&x={item}",
            "title": f"Garden tool number {item}",
            "referrer": "https://search.example/",
        }
        return {"type": "page", "name": "Product", "properties": properties}
    if kind == "Order Completed":
        lines = [_product(dice.randrange(2_000)) for _ in range(dice.randint(1, 4))]
        total = round(sum(line["price"] for line in lines), 2)
        properties = {
            "order_id": f"o{dice.getrandbits(40)}",
            "total": total,
            "currency": "EUR",
            "coupon": "SPRING",
            "products": lines,
        }
    elif kind.startswith("Email"):
        properties = {"campaign": "spring", "email_id": f"m{item}", "subject": "Spring is here"}
    else:
        properties = {**_product(item), "currency": "EUR", "position": item % 20}
    return {"type": "track", "event": kind, "properties": properties}


def _product(item: int) -> dict[str, Any]:
    return {
        "product_id": f"i{item}",
        "sku": f"G-{item}",
        "name": f"Garden tool {item}",
        "brand": "Spade & Sons",
        "category": ("Garden", "Kitchen", "Pets", "Tools")[item % 4],
        "price": round(5 + item % 97 + 0.99, 2),
        "quantity": 1,
    }
