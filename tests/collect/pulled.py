"""Sources of tables and files: pulled, and what came of it in a real workspace."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from vocative.collect.catalog import upsert_items
from vocative.collect.door import put_on_log
from vocative.collect.sources.base import Page, Place, Source
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace
from vocative.workspace.yaml_text import read_yaml

ORDERS = """\
people:
  user_id: customer
  traits: {email: email, country: country}
  at: updated_at
events:
  name: "'Order Completed'"
  at: updated_at
  message_id: id
  properties: {order_id: id, revenue: to_number(total), currency: "'GBP'"}
"""
LINES = """\
people: {user_id: customer}
items: {item_id: sku, title: title, price: to_number(price)}
events:
  name: "'Order Completed'"
  at: ordered_at
  group_by: [order_id]
  message_id: order_id
  properties: {order_id: order_id}
  products: {product_id: sku, price: to_number(price), quantity: to_number(quantity)}
"""


def write_mapping(workspace: Workspace, text: str, name: str = "orders") -> None:
    path = workspace.root / "mappings" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def place_of(workspace: Workspace) -> Place:
    """What the runner of sources gives to one."""
    return Place(
        mapping=lambda name: read_yaml(workspace.root / "mappings" / f"{name}.yaml"),
        timezone=workspace.settings.timezone,
        scratch=workspace.state_dir / "scratch" / "test",
    )


def open_source(kind: type[Source], workspace: Workspace, **options: Any) -> Source:
    made = kind.Options(**{"mapping": "orders", **options})
    return kind(made, connect=_no_http, clock=workspace.clock, place=place_of(workspace))


def _no_http(*_: object, **__: object) -> Any:
    raise AssertionError("this source asks nothing over HTTP")


def pull(source: Source, cursor: str | None = None) -> list[Page]:
    (stream,) = source.offered()
    return list(source.pull(stream, cursor))


def cursor_after(pages: Iterable[Page], before: str | None = None) -> str | None:
    """What the runner keeps once all pages are durable."""
    for page in pages:
        before = page.cursor if page.cursor is not None else before
    return before


def take_in(workspace: Workspace, pages: Iterable[Page], source: str = "shop") -> int:
    """Put pages through the door and apply them; how many events were not there before."""
    for page in pages:
        put_on_log(workspace, list(page.events), source=source)
        upsert_items(workspace, page.items)
    return apply_log(workspace).events


def ids(pages: Iterable[Page]) -> list[str]:
    """The ids of orders, in the order they came."""
    return [
        event["messageId"]
        for page in pages
        for event in page.events
        if event.get("event") == "Order Completed"
    ]


def orders(workspace: Workspace) -> list[tuple[str, float]]:
    with workspace.engine() as engine:
        rows = engine.rows(
            "SELECT order_id, revenue FROM events WHERE name = 'Order Completed' ORDER BY order_id"
        )
    return [(row["order_id"], row["revenue"]) for row in rows]


def items(workspace: Workspace) -> list[tuple[str, float]]:
    with workspace.store.read() as tx:
        return [(i, float(p)) for i, p in tx.tuples("SELECT item_id, price FROM items ORDER BY 1")]


def file_with(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
