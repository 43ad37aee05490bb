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


class Facts:
    """Collects the rows of one step."""

    def __init__(self) -> None:
        self._events: list[tuple[Any, ...]] = []
        self._lines: list[tuple[Any, ...]] = []

    def add(self, event_id: str, person_id: str | None, event: Event, *, source: str) -> None:
        """One event and, when it has products, one line for each."""
        properties = clean_properties(event.properties)
        take = properties.pop
        sign = -1.0 if event.name in _REFUNDS else 1.0
        order_id = _text(take("order_id", None))
        products = take("products", None)
        revenue, total = take("revenue", None), take("total", None)
        amount = _number(total if revenue is None else revenue)
        sku = take("sku", None)
        campaign_id, email_id = take("campaign_id", None), take("email_id", None)
        self._events.append(
            (
                event_id,
                person_id,
                event.name,
                event.at,
                event.received_at,
                source,
                order_id,
                _text(take("product_id", None) or sku),
                _text(take("category", None)),
                _number(take("price", None)),
                _number(take("quantity", None)),
                -abs(amount) if amount is not None and sign < 0 else amount,
                _text(take("currency", None)),
                _text(take("campaign", None) or campaign_id),
                _text(take("message_id", None) or email_id),
                msgspec.json.encode(properties).decode() if properties else "{}",
            )
        )
        for product in products if isinstance(products, list) else ():
            if isinstance(product, Mapping):
                base = (event_id, person_id, event.name, event.at, order_id)
                self._lines.append((*base, *_line(product, sign)))

    def tables(self, survivor: Callable[[str], str]) -> "dict[str, pa.Table]":
        """Both relations as Arrow tables; people merged in this step appear as who survives."""
        return {
            "events": _table(_EVENT_COLUMNS, self._events, survivor),
            "order_lines": _table(_LINE_COLUMNS, self._lines, survivor),
        }


def _line(product: Mapping[str, Any], sign: float) -> tuple[Any, ...]:
    price, quantity = _number(product.get("price")), _number(product.get("quantity"))
    signed = sign * (1.0 if quantity is None else abs(quantity))
    return (
        _text(product.get("product_id") or product.get("sku")),
        _text(product.get("category")),
        price,
        signed,
        None if price is None else signed * price,
    )


def _table(
    names: list[str], rows: list[tuple[Any, ...]], survivor: Callable[[str], str]
) -> "pa.Table":
    import pyarrow as pa

    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(names)
    columns[1] = [None if person is None else survivor(person) for person in columns[1]]
    return pa.table(
        {name: pa.array(column, _arrow(name)) for name, column in zip(names, columns, strict=True)}
    )


def _arrow(name: str) -> "pa.DataType":
    import pyarrow as pa

    if name in _INSTANTS:
        return pa.timestamp("us")
    return pa.float64() if name in _NUMBERS else pa.string()


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
