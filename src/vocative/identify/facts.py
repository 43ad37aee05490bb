"""Facts: pseudonymous rows of history, built from events.

The columns are those of the relations `events` and `order_lines`; the rest of an event's
properties stays beside them as JSON, cleaned of what identifies a person.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.engines.base import HISTORY_COLUMNS
from vocative.identify.personal import clean_text

if TYPE_CHECKING:
    import pyarrow as pa

_REFUNDS = {"Order Refunded", "Order Cancelled"}
_KNOWN = frozenset(
    "order_id product_id sku category price quantity revenue total currency campaign campaign_id"
    " message_id email_id products".split()
)
"""Properties that have a column of their own; the others stay beside them as JSON."""
_NO_VALUES = (None,) * 9
_NO_LINES = ()
_PROPERTIES = list(HISTORY_COLUMNS["events"]).index("properties")
_encode = msgspec.json.Encoder().encode

Columns = tuple[Any, ...]


def event_columns(
    name: str, properties: dict[str, Any]
) -> tuple[str, Columns, dict[str, Any], Sequence[Columns]]:
    """What history says of an event by its name and properties.

    Args:
        name: The event's name.
        properties: Its properties, cleaned of what identifies a person; what has a column of its
            own is taken out of them.

    Returns:
        Its name as history shows it, the columns from order_id to message_id, the properties
        that are left, and for each product the columns of its line from product_id to revenue.
    """
    name = _event_name(name)
    if _KNOWN.isdisjoint(properties):
        return name, _NO_VALUES, properties, _NO_LINES
    sign = -1.0 if name in _REFUNDS else 1.0
    values = _values(properties.pop, sign)
    products = properties.pop("products", None)
    lines: Sequence[Columns] = _NO_LINES
    if isinstance(products, list):
        lines = [_line(product, sign) for product in products if isinstance(product, Mapping)]
    return name, values, properties, lines


class Facts:
    """The rows of one step."""

    def __init__(self) -> None:
        self.events: list[Columns] = []
        """Rows of `events`; `properties` is a dict still, and the person an origin."""
        self.lines: list[Columns] = []
        """Rows of `order_lines`."""

    def settle(self, living: Mapping[str, str]) -> None:
        """Show origins of people as who they live on as.

        History has them as they are: whom an origin is part of can change.
        """
        if living:
            self.events = _settled(self.events, living)
            self.lines = _settled(self.lines, living)

    def tables(self) -> "dict[str, pa.Table]":
        """Both relations as Arrow tables."""
        return {
            "events": _table("events", self.events),
            "order_lines": _table("order_lines", self.lines),
        }


@lru_cache(maxsize=1_000)
def _event_name(name: str) -> str:
    return clean_text(name)


def _values(pop: Callable[[str, None], Any], sign: float) -> Columns:
    order_id, category, currency = (
        pop("order_id", None),
        pop("category", None),
        pop("currency", None),
    )
    product_id, sku = pop("product_id", None), pop("sku", None)
    price, quantity = pop("price", None), pop("quantity", None)
    revenue, total = pop("revenue", None), pop("total", None)
    campaign, campaign_id = pop("campaign", None), pop("campaign_id", None)
    message_id, email_id = pop("message_id", None), pop("email_id", None)
    amount = _number(total if revenue is None else revenue)
    return (
        None if order_id is None else _text(order_id),
        _text(product_id or sku),
        None if category is None else _text(category),
        None if price is None else _number(price),
        None if quantity is None else _number(quantity),
        -abs(amount) if amount is not None and sign < 0 else amount,
        None if currency is None else _text(currency),
        _text(campaign or campaign_id),
        _text(message_id or email_id),
    )


def _line(product: Mapping[str, Any], sign: float) -> Columns:
    price, quantity = _number(product.get("price")), _number(product.get("quantity"))
    signed = sign * (1.0 if quantity is None else abs(quantity))
    return (
        _text(product.get("product_id") or product.get("sku")),
        _text(product.get("category")),
        price,
        signed,
        None if price is None else signed * price,
    )


def _settled(rows: list[Columns], living: Mapping[str, str]) -> list[Columns]:
    return [
        (row[0], living[row[1]], *row[2:]) if row[1] in living else row  # most are not
        for row in rows
    ]


def _table(relation: str, rows: list[Columns]) -> "pa.Table":
    import pyarrow as pa

    types = _types(relation)
    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(types)
    if relation == "events":
        columns[_PROPERTIES] = [
            _encode(rest).decode() if rest else "{}" for rest in columns[_PROPERTIES]
        ]
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types.values(), strict=True)]
    return pa.Table.from_arrays(arrays, names=list(types))


@lru_cache
def _types(relation: str) -> "dict[str, pa.DataType]":
    import pyarrow as pa

    kinds = {
        "VARCHAR": pa.string(),
        "TIMESTAMP": pa.timestamp("us"),
        "DOUBLE": pa.float64(),
        "BIGINT": pa.int64(),
    }
    return {name: kinds[kind] for name, kind in HISTORY_COLUMNS[relation].items()}


def _text(value: Any) -> str | None:
    if value.__class__ is str:
        return value or None
    return None if value is None or isinstance(value, dict | list) else str(value)


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool | dict | list):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if abs(number) < 1e15 else None
