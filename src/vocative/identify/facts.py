"""Facts: pseudonymous rows of history, built from events.

The columns are those of the relations `events` and `order_lines`; the rest of an event's
properties stays beside them as JSON, cleaned of what identifies a person.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.identify.personal import clean_text
from vocative.identify.reading import ReadEvent

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
    "position",
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
    "position",
]
_NUMBERS = {"price", "quantity", "revenue"}
_INSTANTS = {"at", "received_at"}
_PROPERTIES = _EVENT_COLUMNS.index("properties")
_REFUNDS = {"Order Refunded", "Order Cancelled"}
_KNOWN = frozenset(
    "order_id product_id sku category price quantity revenue total currency campaign campaign_id"
    " message_id email_id products".split()
)
"""Properties that have a column of their own; the others stay beside them as JSON."""
_NO_VALUES = (None,) * 9


class Facts:
    """Collects the rows of one step."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        """Rows of `events`; `properties` is a dict still."""
        self.lines: list[tuple[Any, ...]] = []
        """Rows of `order_lines`."""

    def add(self, one: ReadEvent, person_id: str | None) -> None:
        """One event and, when it has products, one line for each.

        Args:
            one: The event.
            person_id: Whose it is; None: nobody's.
        """
        event, position = one.event, one.batch.position
        name, rest = _event_name(event.name), one.properties
        named = _KNOWN.intersection(rest)
        values: tuple[Any, ...] = _NO_VALUES
        if named:
            known = {column: rest.pop(column) for column in named}
            sign = -1.0 if name in _REFUNDS else 1.0
            values = _values(known, sign)
            products = known.get("products")
            if isinstance(products, list):
                base = (one.event_id, person_id, name, event.at, values[0])
                self.lines += [
                    (*base, *_line(product, sign), position)
                    for product in products
                    if isinstance(product, Mapping)
                ]
        self.events.append(
            (
                one.event_id,
                person_id,
                name,
                event.at,
                event.received_at,
                one.batch.source,
                *values,
                rest,
                position,
            )
        )

    def settle(self, merged: Mapping[str, str]) -> None:
        """Show people who were merged in this step as who survives."""
        if merged:
            self.events = [_settled(row, merged) for row in self.events]
            self.lines = [_settled(row, merged) for row in self.lines]

    def tables(self) -> "dict[str, pa.Table]":
        """Both relations as Arrow tables."""
        return {
            "events": _table(_EVENT_COLUMNS, self.events),
            "order_lines": _table(_LINE_COLUMNS, self.lines),
        }


@lru_cache(maxsize=1_000)
def _event_name(name: str) -> str:
    return clean_text(name)


def _values(known: Mapping[str, Any], sign: float) -> tuple[Any, ...]:
    """The columns from order_id to message_id."""
    get = known.get
    amount = _number(get("total") if get("revenue") is None else get("revenue"))
    return (
        _text(get("order_id")),
        _text(get("product_id") or get("sku")),
        _text(get("category")),
        _number(get("price")),
        _number(get("quantity")),
        -abs(amount) if amount is not None and sign < 0 else amount,
        _text(get("currency")),
        _text(get("campaign") or get("campaign_id")),
        _text(get("message_id") or get("email_id")),
    )


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


def _settled(row: tuple[Any, ...], merged: Mapping[str, str]) -> tuple[Any, ...]:
    return (row[0], merged[row[1]], *row[2:]) if row[1] in merged else row


def _table(names: list[str], rows: list[tuple[Any, ...]]) -> "pa.Table":
    import pyarrow as pa

    columns: list[Any] = list(zip(*rows, strict=True)) or [()] * len(names)
    if names is _EVENT_COLUMNS:
        encode = msgspec.json.Encoder().encode
        columns[_PROPERTIES] = [
            encode(rest).decode() if rest else "{}" for rest in columns[_PROPERTIES]
        ]
    return pa.table(
        {name: pa.array(column, _arrow(name)) for name, column in zip(names, columns, strict=True)}
    )


def _arrow(name: str) -> "pa.DataType":
    import pyarrow as pa

    if name in _INSTANTS:
        return pa.timestamp("us")
    if name == "position":
        return pa.int64()
    return pa.float64() if name in _NUMBERS else pa.string()


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
