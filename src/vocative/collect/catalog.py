"""The item catalog: what can be recommended and shown.

Rows with any of the catalog's fields come in; a field that a row leaves out keeps its value.
"""

import math
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from vocative.clock import to_micros
from vocative.errors import DataError
from vocative.workspace import Workspace

_TEXTS = ("title", "category", "currency", "url", "image_url")
_FIELDS = (*_TEXTS, "price", "stock", "margin", "active")
_BATCH = 5_000
_MOST = 2**53
# A new item is shown under its id and is active until told otherwise.
_UPSERT_SQL = (
    f"INSERT INTO items (item_id, {', '.join(_FIELDS)}, updated_at) VALUES (:item_id,"
    " coalesce(:title, :item_id), :category, :currency, :url, :image_url, :price, :stock, :margin,"
    " coalesce(:active, 1), :updated_at) ON CONFLICT (item_id) DO UPDATE SET updated_at ="
    " excluded.updated_at, "
    + ", ".join(
        f"{name} = coalesce(CAST(:{name} AS {kind}), items.{name})"
        for name, kind in zip(
            _FIELDS, (*["TEXT"] * 5, "FLOAT", "BIGINT", "FLOAT", "BIGINT"), strict=True
        )
    )
)


def upsert_items(workspace: Workspace, items: Iterable[Mapping[str, Any]]) -> int:
    """Add items or bring them up to date; all of them or none.

    Args:
        workspace: Whose catalog.
        items: Mappings with `item_id` and any other field of the catalog.

    Returns:
        How many items were written.

    Raises:
        DataError: one of them has no id.
    """
    items = iter(items)
    now = to_micros(workspace.clock.now())
    written = 0
    with workspace.store.transaction() as tx:
        while rows := [_row(item, now) for item in islice(items, _BATCH)]:
            tx.run(_UPSERT_SQL, rows)
            written += len(rows)
    return written


def _row(item: Mapping[str, Any], now: int) -> dict[str, Any]:
    row: dict[str, Any] = {name: _text(item.get(name)) for name in _TEXTS}
    row |= {name: _number(item.get(name)) for name in ("price", "margin")}
    stock = _number(item.get("stock"))
    row["stock"] = None if stock is None else max(-_MOST, min(int(stock), _MOST))
    row["active"] = _switch(item.get("active"))
    row["item_id"] = _text(item.get("item_id"))
    if row["item_id"] is None:
        raise DataError("an item without an item_id", hint="give every item an id")
    row["updated_at"] = now
    return row


def _text(value: Any) -> str | None:
    # PostgreSQL's text has no NUL.
    return None if value is None else str(value).replace("\0", "").strip() or None


def _number(value: Any) -> float | None:
    try:
        number = None if value in (None, "") else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _switch(value: Any) -> int | None:
    if value is None or str(value).strip() == "":
        return None
    return 0 if str(value).strip().lower() in ("0", "0.0", "false", "no", "off") else 1
