"""A small shop with a JSON API, and a workspace whose source asks it."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from scripted_server import Asked, Told
from vocative.collect.sources import _http
from vocative.collect.sources._http import Patience
from vocative.collect.sourcing.definitions import find_source
from vocative.collect.sourcing.pulling import Outcome, only, pull_source
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

QUICK = partial(
    _http.connect,
    patience=Patience(
        attempts=2, first_pause_seconds=0.01, longest_pause_seconds=0.05, silence_seconds=0.5
    ),
)
MAPPING = """\
people:
  user_id: customer.id
  at: at
  traits: {email: customer.email}
events:
  name: "'Order Completed'"
  at: at
  message_id: "concat('order ', id)"
  properties: {order_id: id, revenue: total, currency: "'GBP'"}
"""


@dataclass
class Shop:
    """Orders, in pages of some by a token."""

    orders: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 3
    trouble: Callable[[Asked], Told | None] = lambda _: None

    def sell(self, number: int, *, day: int = 1) -> None:
        """One more order."""
        self.orders.append(
            {
                "id": str(number),
                "at": f"2026-02-{day:02d}T10:00:00Z",
                "changed_at": f"2026-02-{day:02d}T10:00:{number % 60:02d}Z",
                "total": "12.50",
                "customer": {"id": f"c{number}", "email": f"c{number}@example.com"},
            }
        )

    def answer(self, asked: Asked) -> Told:
        """What the API says."""
        if (told := self.trouble(asked)) is not None:
            return told
        since = asked.query.get("changed_since", "")
        found = [order for order in self.orders if order["changed_at"] >= since]
        start = int(asked.query.get("after", 0))
        page = found[start : start + self.page_size]
        more = start + self.page_size < len(found)
        return Told(json={"orders": page, "next": start + self.page_size if more else None})


def define(root: Path, name: str, url: str, **common: str) -> None:
    """Write a source that asks a shop."""
    for folder in ("sources", "mappings"):
        (root / folder).mkdir(exist_ok=True)
    (root / "mappings" / "orders.yaml").write_text(MAPPING)
    resource = {
        "path": "orders",
        "records": "orders",
        "mapping": "orders",
        "paging": {"by": "cursor", "at": "next", "param": "after"},
        "incremental": {"field": "changed_at", "param": "changed_since", "overlap": "0"},
    }
    body = {
        "kind": "rest",
        "base_url": url,
        "auth": {"bearer": "file:secret.txt"},
        "resources": {"orders": resource},
        **common,
    }
    if not (root / "secret.txt").exists():
        (root / "secret.txt").write_text("s3cr3t-of-the-shop\n")
    waiting = root / "sources" / f"{name}.new"
    waiting.write_text(json.dumps(body))  # which is YAML, too
    waiting.rename(root / "sources" / f"{name}.yaml")


def pull(workspace: Workspace, name: str = "shop") -> Outcome:
    """One pull of all streams."""
    return pull_source(workspace, find_source(workspace, name), only(None), connect=QUICK)


def orders_of(workspace: Workspace, source: str = "shop") -> list[str]:
    """The ids of a source's orders in history, once everything is applied."""
    apply_log(workspace)
    with workspace.engine() as engine:
        rows = engine.rows(
            "SELECT order_id AS id FROM events WHERE name = 'Order Completed' AND source = $source",
            {"source": source},
        )
    return sorted((row["id"] for row in rows), key=int)
