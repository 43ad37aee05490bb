"""Which items to show to whom: recommendations first, then what sells, never what cannot be sold.

Recommendations and the catalog come in, a list of item ids per person goes out. An item that is
inactive or out of stock is passed over; the fallback fills what is missing and says so.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from vocative.stores import in_lists
from vocative.workspace import Workspace

FALLBACK_REASON = "popular right now"


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One item chosen for one person."""

    item_id: str
    reason: str
    fallback: bool = False


class ProductChooser:
    """Chooses items for people, from one recommender."""

    def __init__(self, workspace: Workspace, recommender: str, *, count: int) -> None:
        self._workspace = workspace
        self._recommender = recommender
        self._count = count
        self.catalog = sellable_items(workspace)
        self._popular = [i for i in popular_items(workspace, limit=200) if i in self.catalog]

    def choose(self, person_ids: Iterable[str]) -> dict[str, list[Shown]]:
        """Up to `count` items for each person."""
        made = self._recommended(list(person_ids))
        return {person_id: self._filled(chosen) for person_id, chosen in made.items()}

    def _filled(self, recommended: list[Shown]) -> list[Shown]:
        chosen = [shown for shown in recommended if shown.item_id in self.catalog][: self._count]
        taken = {shown.item_id for shown in chosen}
        for item_id in self._popular:
            if len(chosen) >= self._count:
                break
            if item_id not in taken:
                chosen.append(Shown(item_id=item_id, reason=FALLBACK_REASON, fallback=True))
        return chosen

    def _recommended(self, person_ids: list[str]) -> dict[str, list[Shown]]:
        found: dict[str, list[Shown]] = {person_id: [] for person_id in person_ids}
        decoder = msgspec.json.Decoder(list[dict[str, Any]])
        with self._workspace.store.read() as tx:
            for marks, bound in in_lists(person_ids):
                rows = tx.tuples(
                    "SELECT person_id, items FROM recommendations"
                    f" WHERE recommender = :recommender AND person_id IN ({marks})",
                    {"recommender": self._recommender, **bound},
                )
                for person_id, items in rows:
                    found[person_id] = [
                        Shown(item_id=str(item["item_id"]), reason=str(item.get("reason") or ""))
                        for item in decoder.decode(items)
                    ]
        return found


def sellable_items(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Active items that are in stock (or whose stock is not known), by id."""
    with workspace.store.read() as tx:
        rows = tx.rows(
            "SELECT item_id, title, category, price, currency, url, image_url, stock, margin"
            " FROM items WHERE active = 1 AND (stock IS NULL OR stock > 0) ORDER BY item_id"
        )
    return {row["item_id"]: row for row in rows}


def popular_items(workspace: Workspace, *, limit: int) -> list[str]:
    """Items by how many orders had them in the last 30 days of history."""
    with workspace.engine() as engine:
        rows = engine.rows(
            "SELECT product_id FROM order_lines WHERE name = 'Order Completed'"
            ' AND "at" > (SELECT max("at") FROM order_lines) - INTERVAL 30 DAY'
            " AND product_id IS NOT NULL"
            " GROUP BY product_id ORDER BY count(DISTINCT event_id) DESC, product_id"
            f" LIMIT {int(limit)}"
        )
    return [str(row["product_id"]) for row in rows]
