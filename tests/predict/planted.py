"""Small worlds with a known answer: who buys, and what, follows rules that tests can recompute."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from vocative.predict.columns import Columns, Kind
from vocative.predict.interactions import Interactions

END = datetime(2026, 3, 1, 12, tzinfo=UTC)
SHOP_DAYS = 240
CITIES = ("Bern", "Graz", "Köln", None)


def planted_columns(
    rows: int = 3_000, *, seed: int = 0
) -> tuple[Columns, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Columns, labels and true probabilities: visits and a recent order count, noise does not."""
    rng = np.random.default_rng(seed)
    visits = rng.poisson(3.0, rows).astype(float)
    days = rng.exponential(40.0, rows)
    days[rng.random(rows) < 0.2] = np.nan
    city = rng.choice(np.array(CITIES, dtype=object), rows)
    member = (rng.random(rows) < 0.3).astype(float)
    noise = rng.normal(size=rows)
    margin = (
        -2.0
        + 0.5 * (visits - 3)
        - 0.9 * np.log1p(np.nan_to_num(days, nan=200.0)) / 2
        + 1.2 * member
        + 0.8 * (city == "Bern")
        + 1.0
    )
    truth = 1 / (1 + np.exp(-margin))
    label = (rng.random(rows) < truth).astype(np.int64)
    kinds: dict[str, Kind] = {
        "visits": "number",
        "order_days": "days",
        "city": "word",
        "member": "flag",
        "noise": "number",
    }
    values = {
        "visits": visits,
        "order_days": days,
        "city": city,
        "member": member,
        "noise": noise,
    }
    return Columns(kinds, values, rows), label, truth


def shuffled(columns: Columns) -> Columns:
    """The same columns in another order."""
    names = list(columns.kinds)[::-1]
    return Columns(
        {name: columns.kinds[name] for name in names},
        {name: columns.values[name] for name in names},
        columns.n_rows,
    )


def planted_interactions(
    people: int = 300, items: int = 60, *, days: int = SHOP_DAYS, seed: int = 0
) -> Interactions:
    """A shop in which people have two favourite items and one favourite shelf each.

    Orders hold a favourite half of the time, an item of the favourite shelf most of the rest of
    the time, and now and then anything, popular items first.
    """
    rng = np.random.default_rng(seed)
    shelves = np.arange(items) % 6
    appeal = 1.0 / (1.0 + np.arange(items))
    person, item, day, order = [], [], [], []
    number = 0
    for who in range(people):
        shelf = int(rng.integers(6))
        on_shelf = np.nonzero(shelves == shelf)[0]
        favourites = rng.choice(on_shelf, 2, replace=False)
        at = float(rng.exponential(20.0))
        while at < days:
            for _ in range(int(rng.integers(1, 4))):
                kind = rng.random()
                if kind < 0.5:
                    chosen = rng.choice(favourites)
                elif kind < 0.85:
                    chosen = rng.choice(on_shelf)
                else:
                    chosen = rng.choice(items, p=appeal / appeal.sum())
                person.append(who)
                item.append(int(chosen))
                day.append(at)
                order.append(number)
            number += 1
            at += float(rng.exponential(14.0))
    rows = np.argsort(np.asarray(day), kind="stable")
    return Interactions(
        people=np.array([f"p{who:04d}" for who in range(people)]),
        items=np.array([f"i{thing:03d}" for thing in range(items)]),
        person=np.asarray(person, dtype=np.int64)[rows],
        item=np.asarray(item, dtype=np.int64)[rows],
        day=np.asarray(day)[rows] + 20_000,
        order=np.asarray(order, dtype=np.int64)[rows],
        taken=np.ones(len(rows), dtype=np.bool_),
        price=np.linspace(2.0, 30.0, items),
        category=shelves.astype(np.int64),
    )


def shop_events(end: datetime, *, people: int = 260, days: int = 200) -> Iterator[dict[str, Any]]:
    """Segment events of a shop in which those who come often, buy soon; one trait tells it all.

    The trait `bought_lately` is what a careless export would hold: set by the outcome itself.
    """
    rng = np.random.default_rng(11)
    for who in range(people):
        pace = float(rng.choice([2.0, 12.0, 60.0], p=[0.3, 0.3, 0.4]))
        bought_lately = False
        at = float(rng.exponential(pace))
        number = 0
        while at < days:
            when = end - timedelta(days=days - at)
            product = f"sku-{int(rng.integers(3)) + 3 * (who % 8):02d}"
            number += 1
            yield track(who, number, "Product Viewed", when, {"product_id": product})
            if rng.random() < 0.35:
                revenue = round(float(rng.uniform(5, 60)), 2)
                yield track(
                    who,
                    number,
                    "Order Completed",
                    when + timedelta(minutes=9),
                    {
                        "order_id": f"o-{who}-{number}",
                        "revenue": revenue,
                        "products": [{"product_id": product, "price": revenue, "quantity": 1}],
                    },
                )
                bought_lately |= at > days - 30
            at += float(rng.exponential(pace))
        yield {
            "type": "identify",
            "userId": f"user-{who}",
            "messageId": f"identify-{who}",
            "timestamp": (end - timedelta(days=days)).isoformat(),
            "traits": {
                "country": ("FR", "DE")[who % 2],
                "bought_lately": "yes" if bought_lately else "no",
            },
        }


def track(
    who: int, number: int, name: str, at: datetime, properties: dict[str, Any]
) -> dict[str, Any]:
    """One track event."""
    return {
        "type": "track",
        "event": name,
        "userId": f"user-{who}",
        "messageId": f"{name}-{who}-{number}",
        "timestamp": at.isoformat(),
        "properties": properties,
    }
