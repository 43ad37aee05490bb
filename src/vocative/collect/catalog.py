"""The item catalog: what can be recommended and shown.

Rows with any of the catalog's fields come in; a field that a row leaves out keeps its value.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from vocative.clock import to_micros
from vocative.workspace import Workspace

_FIELDS = [
    "title",
    "category",
    "price",
    "currency",
    "url",
    "image_url",
    "stock",
    "margin",
    "active",
]


def upsert_items(workspace: Workspace, items: Iterable[Mapping[str, Any]]) -> int:
    """Add items or bring them up to date.

    Args:
        workspace: Whose catalog.
        items: Mappings with `item_id` and any other field of the catalog.

    Returns:
        How many items were written.
    """
    now = to_micros(workspace.clock.now())
    rows = [_row(item, now) for item in items]
    updates = ", ".join(
        f"{name} = coalesce(excluded.{name}, items.{name})" for name in _FIELDS if name != "active"
    )
    with workspace.store.transaction() as tx:
        tx.run(
            f"INSERT INTO items (item_id, {', '.join(_FIELDS)}, updated_at)"
            f" VALUES (:item_id, {', '.join(':' + name for name in _FIELDS)}, :updated_at)"
            f" ON CONFLICT (item_id) DO UPDATE SET {updates}, active = excluded.active,"
            " updated_at = excluded.updated_at",
            rows,
        )
    return len(rows)


def _row(item: Mapping[str, Any], now: int) -> dict[str, Any]:
    row: dict[str, Any] = {name: item.get(name) for name in _FIELDS}
    row["item_id"] = str(item["item_id"])
    row["title"] = str(row["title"] or item["item_id"])
    row["price"] = _number(row["price"])
    row["margin"] = _number(row["margin"])
    stock = _number(row["stock"])
    row["stock"] = None if stock is None else int(stock)
    row["active"] = 0 if str(row["active"]).strip().lower() in ("0", "false", "no") else 1
    row["updated_at"] = now
    for name in ("category", "currency", "url", "image_url"):
        row[name] = None if row[name] in (None, "") else str(row[name])
    return row


def _number(value: Any) -> float | None:
    try:
        return None if value in (None, "") else float(value)
    except (TypeError, ValueError):
        return None
