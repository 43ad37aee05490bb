"""Facts: pseudonymous rows of history, built from events.

The columns are those of the relations `events` and `order_lines`; the rest of an event's
properties stays beside them as JSON, cleaned of what identifies a person.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.collect.event import Event
from vocative.identify.personal import clean_properties

if TYPE_CHECKING:
    import pyarrow as pa

_EVENT_COLUMNS = [
    "event_id",
    "person_id",
    "name",
    "at",
    "received_at",
    "source",
    "order_id",
    "product_id",
    "category",
    "price",
    "quantity",
    "revenue",
    "currency",
    "campaign",
    "message_id",
    "properties",
]
_LINE_COLUMNS = [
    "event_id",
    "person_id",
    "name",
    "at",
    "order_id",
    "product_id",
    "category",
    "price",
    "quantity",
    "revenue",
]
_NUMBERS = {"price", "quantity", "revenue"}
_INSTANTS = {"at", "received_at"}
_REFUNDS = {"Order Refunded", "Order Cancelled"}
_OWN_COLUMNS = frozenset(
    [
        "order_id",
        "product_id",
        "category",
        "price",
        "quantity",
        "revenue",
        "total",
        "currency",
        "campaign",
        "message_id",
        "products",
    ]
)


class Facts:
    """Collects the rows of one step, column by column."""

    def __init__(self) -> None:
        self._events: dict[str, list[Any]] = {name: [] for name in _EVENT_COLUMNS}
        self._lines: dict[str, list[Any]] = {name: [] for name in _LINE_COLUMNS}

    def add(self, event_id: str, person_id: str | None, event: Event, *, source: str) -> None:
        """One event and, when it has products, one line for each."""
        properties = clean_properties(event.properties)
        sign = -1.0 if event.name in _REFUNDS else 1.0
        order_id = _text(properties.get("order_id"))
        revenue = _number(properties.get("revenue", properties.get("total")))
        row = {
            "event_id": event_id,
            "person_id": person_id,
            "name": event.name,
            "at": event.at,
            "received_at": event.received_at,
            "source": source,
            "order_id": order_id,
            "product_id": _text(properties.get("product_id") or properties.get("sku")),
            "category": _text(properties.get("category")),
            "price": _number(properties.get("price")),
            "quantity": _number(properties.get("quantity")),
            "revenue": None if revenue is None else sign * abs(revenue) if sign < 0 else revenue,
            "currency": _text(properties.get("currency")),
            "campaign": _text(properties.get("campaign") or properties.get("campaign_id")),
            "message_id": _text(properties.get("message_id") or properties.get("email_id")),
            "properties": _rest(properties),
        }
        for name, column in self._events.items():
            column.append(row[name])
        products = properties.get("products")
        for product in products if isinstance(products, list) else ():
            if isinstance(product, Mapping):
                self._add_line(row, product, sign)

    def _add_line(self, row: Mapping[str, Any], product: Mapping[str, Any], sign: float) -> None:
        price = _number(product.get("price"))
        quantity = _number(product.get("quantity"))
        quantity = 1.0 if quantity is None else abs(quantity)
        line = {
            **{name: row[name] for name in ("event_id", "person_id", "name", "at", "order_id")},
            "product_id": _text(product.get("product_id") or product.get("sku")),
            "category": _text(product.get("category")),
            "price": price,
            "quantity": sign * quantity,
            "revenue": None if price is None else sign * quantity * price,
        }
        for name, column in self._lines.items():
            column.append(line[name])

    def tables(self, survivor: Callable[[str], str]) -> "dict[str, pa.Table]":
        """Both relations as Arrow tables; people merged in this step appear as who survives."""
        import pyarrow as pa

        found = {}
        for relation, columns in (("events", self._events), ("order_lines", self._lines)):
            people = columns["person_id"]
            columns["person_id"] = [None if p is None else survivor(p) for p in people]
            found[relation] = pa.table(
                {name: pa.array(values, _arrow(name)) for name, values in columns.items()}
            )
        return found


def _arrow(name: str) -> "pa.DataType":
    import pyarrow as pa

    if name in _INSTANTS:
        return pa.timestamp("us")
    return pa.float64() if name in _NUMBERS else pa.string()


def _rest(properties: Mapping[str, Any]) -> str:
    rest = {name: value for name, value in properties.items() if name not in _OWN_COLUMNS}
    return msgspec.json.encode(rest).decode() if rest else "{}"


def _text(value: Any) -> str | None:
    if value is None or value == "" or isinstance(value, dict | list):
        return None
    return str(value)


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < 1e15 else None
