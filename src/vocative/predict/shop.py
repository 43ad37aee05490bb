"""The shop as arrays: who took what, and which items may be shown.

In: an engine and the events to learn from. Out: `Shop`. Items that are switched off or out of stock
may not be shown; an unknown stock counts as in stock.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vocative.clock import from_micros, naive_utc
from vocative.engines.base import Engine
from vocative.predict.interactions import Flags, Floats, Interactions, Ints, number_names

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, kw_only=True)
class Shop:
    """History and catalog as arrays; `allowed` says which items may be shown now."""

    history: Interactions
    allowed: Flags
    span: tuple[datetime, datetime] | None


def read_shop(engine: Engine, events: tuple[str, ...], *, until: datetime) -> Shop:
    """Who took what, and what may be shown.

    The first event is what is foretold, the others are hints. Only items of the catalog count
    when there is a catalog; people without an id count for nobody.
    """
    lines = engine.query(lines_sql(), {"names": list(events), "until": naive_utc(until)})
    catalog = engine.query("SELECT * FROM items ORDER BY item_id")
    listed = catalog.column("item_id").to_pylist()
    seen = lines.column("product_id").to_pylist()
    if listed:
        known = set(listed)
        lines = lines.filter(np.array([item in known for item in seen], dtype=np.bool_))
        seen = lines.column("product_id").to_pylist()
    items = np.unique(np.asarray([*listed, *seen], dtype=np.str_))
    people, person = number_names(lines.column("person_id").to_pylist())
    _, order = number_names(lines.column("occasion").to_pylist())
    day = np.asarray(lines.column("day").to_numpy(zero_copy_only=False), dtype=float)
    taken = np.asarray(lines.column("name").to_pylist(), dtype=object) == events[0]
    shown = _catalog_arrays(catalog, items)
    history = Interactions(
        people=people,
        items=items,
        person=person,
        item=np.searchsorted(items, np.asarray(seen, dtype=np.str_)).astype(np.int64),
        day=day,
        order=order,
        taken=np.asarray(taken, dtype=np.bool_),
        price=shown.price,
        category=shown.category,
        titles=shown.titles,
    )
    span = None
    if len(day):
        span = (_instant(float(day.min())), _instant(float(day.max())))
    return Shop(history=history, allowed=shown.allowed, span=span)


def lines_sql() -> str:
    """One row per product of an event: from order lines, else from the event itself."""
    return (
        "WITH wanted AS ("
        " SELECT l.person_id, l.event_id, l.name, l.at AS happened, l.product_id, l.order_id"
        "  FROM order_lines l WHERE list_contains($names, l.name) AND l.at <= $until"
        " UNION ALL"
        " SELECT e.person_id, e.event_id, e.name, e.at AS happened, e.product_id, e.order_id"
        "  FROM events e WHERE list_contains($names, e.name) AND e.at <= $until"
        "  AND e.product_id IS NOT NULL"
        "  AND NOT EXISTS (SELECT 1 FROM order_lines l WHERE l.event_id = e.event_id))"
        " SELECT person_id, name, product_id, coalesce(order_id, event_id) AS occasion,"
        "  epoch_us(happened) / 86400e6 AS day"
        " FROM wanted WHERE person_id IS NOT NULL AND product_id IS NOT NULL"
        " ORDER BY day, person_id, event_id, product_id"
    )


@dataclass(frozen=True, kw_only=True)
class _CatalogArrays:
    allowed: Flags
    price: Floats
    category: Ints
    titles: tuple[str, ...]


def _catalog_arrays(catalog: "pa.Table", items: npt.NDArray[np.str_]) -> _CatalogArrays:
    """The catalog in the order of `items`; what is not in it has no price and may be shown."""
    place = np.searchsorted(
        items, np.asarray(catalog.column("item_id").to_pylist(), dtype=items.dtype)
    )
    price = np.full(len(items), np.nan)
    price[place] = _floats(catalog.column("price"))
    stock = np.full(len(items), np.nan)
    stock[place] = _floats(catalog.column("stock"))
    active = np.ones(len(items), dtype=np.bool_)
    active[place] = [bool(flag) for flag in catalog.column("active").to_pylist()]
    names = [name or "" for name in catalog.column("category").to_pylist()]
    known = sorted({name for name in names if name})
    category = np.full(len(items), -1, dtype=np.int64)
    category[place] = [known.index(name) if name else -1 for name in names]
    titles = [str(item) for item in items]
    for at, title in zip(place.tolist(), catalog.column("title").to_pylist(), strict=True):
        titles[at] = title or titles[at]
    return _CatalogArrays(
        allowed=active & (np.isnan(stock) | (stock > 0)),
        price=price,
        category=category,
        titles=tuple(titles),
    )


def _floats(column: Any) -> Floats:
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=float)


def _instant(day: float) -> datetime:
    return from_micros(round(day * 86_400_000_000))
