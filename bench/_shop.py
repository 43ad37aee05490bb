"""A made-up shop for benchmarks: people of very unequal activity and a year of what they did.

`draw` gives events in slices of time, as columns of numbers; from a slice come rows of history
(`history_tables`) or raw events for the log (`raw_events`). The same seed gives the same shop.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vocative.clock import from_micros, to_micros
from vocative.engines.base import HISTORY_COLUMNS

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
YEAR = timedelta(days=365)
SLICE_ROWS = 1_000_000
VISIT_EVENTS = 4
SEED = 20_260_302
EVENTS = {
    "Product Viewed": 0.41,
    "Product Added": 0.10,
    "Products Searched": 0.05,
    "Checkout Started": 0.03,
    "Order Completed": 0.05,
    "Order Refunded": 0.003,
    "Email Delivered": 0.20,
    "Email Opened": 0.12,
    "Email Link Clicked": 0.03,
    "Email Bounced": 0.005,
    "Unsubscribed": 0.002,
}
"""Kinds of events and their shares, which need not add up to one."""
CATEGORIES = ("Bath", "Books", "Garden", "Kitchen", "Lamps", "Pets", "Play", "Tools")
COUNTRIES = ("France", "Germany", "Spain", "Italy", "Japan", "Brazil")
ZONES = (None, "Europe/Paris", "Europe/Berlin", "Asia/Tokyo", "America/Sao_Paulo", "Asia/Kolkata")
ITEMS = 2_000
_NAMES = tuple(EVENTS)
_ORDERS = (_NAMES.index("Order Completed"), _NAMES.index("Order Refunded"))
_ABOUT_ITEMS = tuple(
    _NAMES.index(name)
    for name in ("Product Viewed", "Product Added", *(_NAMES[o] for o in _ORDERS))
)
_OPENED = _NAMES.index("Email Opened")
_ARROW = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
}


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Events of a length of time, ordered by it; one entry per event in every column.

    `person` and `item` are numbers (item -1: none), `kind` an index into EVENTS, `at` microseconds
    UTC. `lines` is how many products an order has, 0 for other events; those are the items that
    follow `item` in the catalog.
    """

    number: int
    person: np.ndarray
    kind: np.ndarray
    at: np.ndarray
    item: np.ndarray
    lines: np.ndarray
    machine: np.ndarray
    ids: np.ndarray


def draw(people: int, events: int, *, slice_rows: int = SLICE_ROWS) -> Iterator[Slice]:
    """A year of events until NOW, oldest first.

    Args:
        people: How many people there are; a few of them do most, as Zipf's law has it.
        events: How many events to draw.
        slice_rows: How many at a time.
    """
    count = -(-events // slice_rows)
    start, length = to_micros(NOW - YEAR), YEAR // timedelta(microseconds=1)
    for number in range(count):
        rows = min(slice_rows, events - number * slice_rows)
        begins = start + length * number // count
        ends = start + length * (number + 1) // count
        yield _draw_slice(np.random.default_rng((SEED, number)), number, people, rows, begins, ends)


def _draw_slice(
    rng: np.random.Generator, number: int, people: int, rows: int, begins: int, ends: int
) -> Slice:
    # The share of the person at rank r falls as r^-0.6; the first of a million does 0.4 %.
    visits = -(-rows // VISIT_EVENTS)
    visitor = np.minimum((people * rng.random(visits) ** 2.5).astype(np.int64), people - 1)
    visit = np.arange(rows) % visits
    pause = rng.exponential(8 * 60e6, rows).astype(np.int64)
    at = rng.integers(begins, ends, visits)[visit] + pause
    at = np.where(at < ends, at, begins + at % (ends - begins))
    shares = np.array(list(EVENTS.values()))
    kind = rng.choice(len(EVENTS), rows, p=shares / shares.sum()).astype(np.int8)
    order = np.argsort(at, kind="stable")
    kind, person = kind[order], visitor[visit][order]
    about = np.isin(kind, _ABOUT_ITEMS)
    # Everybody prefers some part of the catalog.
    item = (person * 37 + (rng.random(rows) ** 3 * ITEMS).astype(np.int64)) % ITEMS
    return Slice(
        number=number,
        person=person,
        kind=kind,
        at=at[order],
        item=np.where(about, item, -1),
        lines=np.where(np.isin(kind, _ORDERS), rng.integers(1, 4, rows), 0),
        machine=(kind == _OPENED) & (rng.random(rows) < 0.4),
        ids=rng.integers(0, 256, (rows, 16), dtype=np.uint8),
    )


@cache
def item_ids() -> np.ndarray:
    """The catalog's ids."""
    return np.array([f"i{number:05d}" for number in range(ITEMS)], dtype=object)


def _item_category() -> np.ndarray:
    return np.arange(ITEMS) % len(CATEGORIES)


def _item_price() -> np.ndarray:
    """Prices in cents."""
    return 300 + (np.arange(ITEMS) * 7_919) % 9_700


def items_table() -> pa.Table:
    """The catalog as the relation `items`."""
    price = _item_price() / 100
    return pa.table(
        {
            "item_id": pa.array(item_ids(), pa.string()),
            "title": pa.array([f"Item {number}" for number in range(ITEMS)]),
            "category": pa.array([CATEGORIES[c] for c in _item_category()]),
            "price": price,
            "currency": pa.array(["EUR"] * ITEMS),
            "url": pa.array(["https://shop.example"] * ITEMS),
            "image_url": pa.nulls(ITEMS, pa.string()),
            "stock": pa.array(np.arange(ITEMS) % 50),
            "margin": np.round(price * ((np.arange(ITEMS) % 6) / 10), 2),
            "active": pa.array([True] * ITEMS),
        }
    )


def person_ids(people: int) -> pa.Array:
    """Ids in the shape of real ones: p and 15 characters."""
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", np.uint8)
    rng = np.random.default_rng(SEED)
    text = np.empty((people, 16), np.uint8)
    text[:, 0] = ord("p")
    text[:, 1:] = letters[rng.integers(0, 32, (people, 15))]
    return _texts(text)


def _texts(characters: np.ndarray) -> pa.Array:
    """Rows of ASCII characters as an Arrow array of text."""
    rows, width = characters.shape
    offsets = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters))
    )


_HEX = np.array([list(f"{number:02x}".encode()) for number in range(256)], np.uint8)


def event_ids(found: Slice) -> pa.Array:
    """32 hexadecimal characters per event."""
    return _texts(_HEX[found.ids].reshape(len(found.ids), 32))


def people_table(people: int) -> pa.Table:
    """The relation `people`, as the workspace registers it."""
    numbers = np.arange(people)
    zones = pa.array(ZONES)
    return pa.table(
        {
            "person_id": person_ids(people),
            "first_seen_at": pa.array(_first_seen(numbers), pa.timestamp("us")),
            "email_domain": _picked(numbers % 7, [None, *("mail.example", "x.example") * 3]),
            "country": _picked(numbers % len(COUNTRIES), COUNTRIES),
            "timezone": _picked(numbers // 3 % len(ZONES), ZONES),
            "birthday": pa.array(3_000 + numbers * 31 % 12_000, pa.int32()).cast(pa.date32()),
            "local_zone": _picked(
                numbers // 3 % len(ZONES), [zone or "Europe/Madrid" for zone in zones.to_pylist()]
            ),
        }
    )


def _first_seen(numbers: np.ndarray) -> np.ndarray:
    return to_micros(NOW) - (numbers * 7_919 % 730) * 86_400 * 10**6


def _picked(numbers: np.ndarray, values: Any) -> pa.Array:
    indices = pa.array(numbers.astype(np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array(values)).cast(pa.string())


def history_tables(found: Slice, ids: pa.Array) -> dict[str, pa.Table]:
    """A slice as rows of the history relations.

    Args:
        found: The events.
        ids: What `person_ids` gave.
    """
    rows = len(found.at)
    event_id, person_id = event_ids(found), ids.take(pa.array(found.person))
    has_item = found.item >= 0
    masked = ~has_item
    price = _item_price()[found.item] / 100
    refund = np.where(found.kind == _ORDERS[1], -1, 1)
    events = {
        "event_id": event_id,
        "person_id": person_id,
        "name": _picked(found.kind, _NAMES),
        "at": pa.array(found.at, pa.timestamp("us")),
        "received_at": pa.array(found.at + 250_000, pa.timestamp("us")),
        "source": _picked(np.zeros(rows, np.int8), ["bench"]),
        "product_id": _taken(item_ids(), found.item, masked),
        "category": _taken(np.array(CATEGORIES, object), _item_category()[found.item], masked),
        "price": pa.array(price, mask=masked),
        "quantity": pa.array(np.ones(rows), mask=masked),
        "revenue": pa.array(refund * _order_cents(found) / 100, mask=found.lines == 0),
        "currency": _taken(np.array(["EUR"], object), np.zeros(rows, np.int64), masked),
        "properties": _picked(found.machine.astype(np.int8), ["{}", '{"verdict":"machine"}']),
        "position": pa.array(np.full(rows, found.number + 1)),
    }
    owner = np.repeat(np.arange(rows), found.lines)
    item = _line_items(found, owner)
    cents = _item_price()[item]
    place = pa.array(owner)
    lines = {
        "event_id": event_id.take(place),
        "person_id": person_id.take(place),
        "name": events["name"].take(place),
        "at": pa.array(found.at[owner], pa.timestamp("us")),
        "product_id": pa.array(item_ids(), pa.string()).take(pa.array(item)),
        "category": _picked(_item_category()[item], CATEGORIES),
        "price": cents / 100,
        "quantity": refund[owner].astype(float),
        "revenue": refund[owner] * cents / 100,
        "position": pa.array(np.full(len(owner), found.number + 1)),
    }
    return {"events": _filled("events", events), "order_lines": _filled("order_lines", lines)}


def _taken(values: np.ndarray, numbers: np.ndarray, masked: np.ndarray) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(np.maximum(numbers, 0), mask=masked))


def _line_items(found: Slice, owner: np.ndarray) -> np.ndarray:
    before = np.concatenate([[0], np.cumsum(found.lines)])[owner]
    numbers: np.ndarray = (found.item[owner] + np.arange(len(owner)) - before) % ITEMS
    return numbers


def _order_cents(found: Slice) -> np.ndarray:
    price = _item_price()
    lines = [
        np.where(found.lines > number, price[(found.item + number) % ITEMS], 0)
        for number in range(3)
    ]
    cents: np.ndarray = np.sum(lines, axis=0)
    return cents


def _filled(relation: str, columns: dict[str, Any]) -> pa.Table:
    rows = len(columns["at"])
    return pa.table(
        {
            name: columns[name] if name in columns else pa.nulls(rows, _ARROW[kind])
            for name, kind in HISTORY_COLUMNS[relation].items()
        }
    )


def write_parts(folder: Path, people: int, events: int) -> dict[str, list[Path]]:
    """Draw a year and write it as Parquet files, as the history does; the files by relation."""
    import pyarrow.parquet as pq

    ids = person_ids(people)
    found: dict[str, list[Path]] = {relation: [] for relation in HISTORY_COLUMNS}
    folder.mkdir(parents=True, exist_ok=True)
    for part in draw(people, events):
        for relation, table in history_tables(part, ids).items():
            path = folder / f"{relation}-{part.number + 1:012d}.parquet"
            pq.write_table(table, path, compression="zstd", compression_level=1)
            found[relation].append(path)
    return found


def raw_events(found: Slice) -> Iterator[bytes]:
    """A slice as raw events for the log, about people `u0`, `u1` and so on."""
    ids = event_ids(found).to_pylist()
    prices = (_item_price() / 100).tolist()
    categories = [CATEGORIES[number] for number in _item_category()]
    cents = _order_cents(found).tolist()
    columns = zip(
        found.person.tolist(), found.kind.tolist(), found.at.tolist(), found.item.tolist(),
        found.lines.tolist(), found.machine.tolist(), strict=True,
    )  # fmt: skip
    for row, (person, kind, at, item, lines, machine) in enumerate(columns):
        properties: dict[str, Any] = {"verdict": "machine"} if machine else {}
        if item >= 0:
            properties |= {
                "product_id": f"i{item:05d}",
                "category": categories[item],
                "price": prices[item],
                "quantity": 1,
                "currency": "EUR",
            }
        if lines:
            chosen = [(item + number) % ITEMS for number in range(lines)]
            properties |= {
                "revenue": cents[row] / 100,
                "products": [
                    {
                        "product_id": f"i{one:05d}",
                        "category": categories[one],
                        "price": prices[one],
                        "quantity": 1,
                    }
                    for one in chosen
                ],
            }
        yield json.dumps(
            {
                "type": "track",
                "event": _NAMES[kind],
                "userId": f"u{person}",
                "messageId": ids[row],
                "timestamp": from_micros(at).isoformat(),
                "properties": properties,
            },
            separators=(",", ":"),
        ).encode()


TRAITS_YAML = """\
country: {type: text}
timezone: {type: text}
birthday: {type: date}
"""

FEATURES_YAML = """\
# How often and how much.
views_1d: {count: Product Viewed, window: 1d}
views_7d: {count: Product Viewed, window: 7d}
views_30d: {count: Product Viewed, window: 30d}
carts_7d: {count: Product Added, window: 7d}
carts_30d: {count: Product Added, window: 30d}
searches_30d: {count: Products Searched, window: 30d}
orders_total: {count: Order Completed}
orders_30d: {count: Order Completed, window: 30d}
orders_90d: {count: Order Completed, window: 90d}
spend_30d: {sum: revenue, of: [Order Completed, Order Refunded], window: 30d}
spend_180d: {sum: revenue, of: [Order Completed, Order Refunded], window: 180d}
spend_total: {sum: revenue, of: [Order Completed, Order Refunded]}
biggest_order: {max: revenue, of: Order Completed, window: 180d}
smallest_view_7d: {min: price, of: Product Viewed, window: 7d}
mean_order_180d: {avg: revenue, of: Order Completed, window: 180d}
dear_views_30d: {count: Product Viewed, where: price > 50, window: 30d}
mails_90d: {count: Email Delivered, window: 90d}
opens_90d:
  count: Email Opened
  where: "coalesce(properties.verdict, 'human') <> 'machine'"
  window: 90d
clicks_90d: {count: Email Link Clicked, window: 90d}
bounced: {exists: Email Bounced, window: 90d}
unsubscribed: {exists: Unsubscribed}
# First and last.
first_order_at: {first: at, of: Order Completed}
last_order_at: {last: at, of: Order Completed}
last_seen_at:
  last: at
  of: [Product Viewed, Product Added, Products Searched, Checkout Started, Order Completed]
last_open_at:
  last: at
  of: Email Opened
  where: "coalesce(properties.verdict, 'human') <> 'machine'"
last_viewed_product: {last: product_id, of: Product Viewed, window: 30d}
last_cart_product: {last: product_id, of: Product Added, window: 7d}
first_category: {first: category, of: Order Completed, lines: true}
# Which.
products_30d: {distinct: product_id, of: Product Viewed, window: 30d}
viewed_category: {mode: category, of: [Product Viewed, Product Added], window: 90d}
bought_category: {top: category, by: revenue, of: Order Completed, lines: true, window: 180d}
margin_180d: {sum: item.margin, of: Order Completed, lines: true, window: 180d}
pieces_180d: {sum: quantity, of: Order Completed, lines: true, window: 180d}
# The last few.
last_5_views_price: {avg: price, of: Product Viewed, window: last 5}
last_3_orders: {sum: revenue, of: Order Completed, window: last 3 in 180d}
# In a row, in points, one after the other.
days_in_a_row: {streak: Product Viewed, by: day}
interest:
  points: {Product Viewed: 1, Product Added: 3, Order Completed: 10}
  half_life: 14d
  window: 90d
cart_left_at: {sequence: [Product Added, {no: Order Completed, within: 24h}], window: 30d}
bought_after_mail_at:
  sequence: [Email Link Clicked, {then: Order Completed, within: 2h}]
  window: 90d
looked_and_bought_at:
  sequence:
    - Product Viewed
    - {then: Product Added, within: 1h}
    - {no: Order Refunded}
    - {then: Order Completed, within: 2h}
  window: 30d
# From others.
per_order: {expr: "spend_total / nullif(orders_total, 0)"}
recency_days: {expr: "days_since(last_order_at)"}
spend_tenth: {ntile: 10, of: spend_total, where: "orders_total > 0"}
recency_fifth: {ntile: 5, of: recency_days, order: descending, where: "orders_total > 0"}
likes: {expr: "coalesce(bought_category, viewed_category)"}
"""

SEGMENTS_YAML = """\
buyers: {where: "orders_total > 0"}
never_bought: {where: "orders_total = 0"}
first_time_buyers: {where: "orders_total = 1"}
repeat_buyers: {where: "orders_total >= 2"}
often_30d: {where: "orders_30d >= 3"}
big_spenders: {where: "spend_180d > 500"}
whales: {where: "spend_tenth = 10"}
small_spenders: {where: "spend_total between 0.01 and 50"}
refunded_most: {where: "spend_total <= 0 and orders_total > 0"}
recent_buyers: {where: "last_order_at > now() - interval '30 days'"}
lapsed: {where: "last_order_at < now() - interval '120 days'"}
lapsed_big: {where: "in_segment('lapsed') and spend_total > 300"}
at_risk: {where: "in_segment('repeat_buyers') and last_order_at < now() - interval '60 days'"}
won_back: {where: "in_segment('recent_buyers') and first_order_at < now() - interval '180 days'"}
new_buyers: {where: "first_order_at > now() - interval '30 days'"}
champions: {where: "recency_fifth = 5 and spend_tenth >= 8"}
hibernating: {where: "recency_fifth = 1"}
active_today: {where: "last_seen_at > now() - interval '1 day'"}
active_week: {where: "last_seen_at > now() - interval '7 days'"}
quiet: {where: "coalesce(last_seen_at, '-infinity') < now() - interval '90 days'"}
window_shoppers: {where: "views_30d >= 10 and orders_90d = 0"}
dear_taste: {where: "dear_views_30d >= 5"}
bargain_hunters: {where: "last_5_views_price < 20"}
cart_leavers: {where: "cart_left_at > now() - interval '3 days'"}
cart_leavers_rich: {where: "in_segment('cart_leavers') and spend_total > 200"}
mail_buyers: {where: "bought_after_mail_at is not null"}
quick_buyers: {where: "looked_and_bought_at > now() - interval '14 days'"}
hot: {where: "interest > 40"}
warm: {where: "interest between 10 and 40"}
cold: {where: "interest < 1"}
loyal_days: {where: "days_in_a_row >= 3"}
readers: {where: "opens_90d >= 3"}
clickers: {where: "clicks_90d >= 1"}
unread: {where: "mails_90d >= 5 and opens_90d = 0"}
mailable: {where: "not unsubscribed and not bounced and email_domain is not null"}
mailable_hot: {where: "in_segment('mailable') and in_segment('hot')"}
gardeners: {where: "likes = 'Garden'"}
cooks: {where: "bought_category = 'Kitchen' or viewed_category = 'Kitchen'"}
explorers: {where: "products_30d >= 8"}
margin_makers: {where: "margin_180d > 60"}
bulk: {where: "pieces_180d >= 12"}
rising: {where: "spend_30d > 0.5 * spend_180d and spend_180d > 100"}
splurged: {where: "biggest_order > 2 * mean_order_180d"}
birthday_soon: {where: "days_to_anniversary(birthday) <= 7"}
french: {where: "country = 'France'"}
french_buyers: {where: "in_segment('french') and in_segment('buyers')"}
searchers: {where: "searches_30d >= 2 and carts_30d = 0"}
spent_3: {where: "last_3_orders > 400"}
in_country: {by: country}
in_category: {by: likes}
"""


def write_definitions(root: Path) -> None:
    """Write traits, features and segments of the shop into a workspace's folder."""
    (root / "traits.yaml").write_text(TRAITS_YAML)
    for kind, text in (("features", FEATURES_YAML), ("segments", SEGMENTS_YAML)):
        (root / kind).mkdir(exist_ok=True)
        (root / kind / "shop.yaml").write_text(text)


def write_workspace(root: Path) -> None:
    """Make a workspace with the shop's definitions and nothing in it."""
    from vocative.workspace import prepare_state

    root.mkdir(parents=True, exist_ok=True)
    (root / "vocative.yaml").write_text(
        "{workspace: shop, timezone: Europe/Madrid, currency: EUR,"
        " sender: {email: hello@shop.example, name: The Shop}, postal_address: 1 High Street}\n"
    )
    write_definitions(root)
    prepare_state(root)
