"""Events of shops: accounts and guests, orders with their lines.

A shop's account id is the `userId`: it is what the shop's own pages say of whoever signed in. An
e-mail address identifies only guests. One that an order of an account names is left out: people
type the address of whom they buy for, and addresses join people.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from msgspec import Meta

from vocative.collect.event import EARLIEST
from vocative.collect.sources._events import Subject, happened
from vocative.collect.sources.base import Event

Instant = Annotated[datetime, Meta(tz=True)]
"""A time with its zone, as answers are decoded into."""

_CLOCKS_DIFFER = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Buyer(Subject):
    """An account, by its id; else a guest, by the address; else nobody in particular."""

    def fields(self) -> dict[str, Any]:
        """The fields of an event that say who it is about."""
        if self.user_id:
            return {"userId": self.user_id}
        # Without anybody an order still counts for its items.
        return {} if self.email else {"context": {"nobody": True}}


def account(system: str, record_id: str, *, prefix: str = "", email: str | None = None) -> Buyer:
    """An account of a shop.

    Args:
        system: The kind of shop.
        record_id: The account's id there.
        prefix: Put before it where another system of the same company numbers people, too.
        email: The account's own address; only for what states it.
    """
    return Buyer(system=system, record_id=record_id, user_id=f"{prefix}{record_id}", email=email)


def guest(system: str, email: str | None) -> Buyer:
    """Whoever ordered without an account."""
    return Buyer(system=system, record_id="", email=email)


def version(at: datetime) -> int:
    """An instant as the version of an object: however it was written, it is the same number.

    >>> version(datetime.fromisoformat("2026-01-01T01:00:00+01:00"))
    1767225600
    """
    # Whole seconds: some systems write fractions in one answer and none in another.
    return int(at.timestamp())


def newest_of(times: Iterable[datetime], now: datetime) -> datetime | None:
    """The newest of some times of change; None of none.

    One that is further ahead than clocks differ is a mistake. Going on from there would pass over
    everything that changes until then.
    """
    believable = (one for one in times if EARLIEST <= one <= now + _CLOCKS_DIFFER)
    return max(believable, default=None)


def order(
    name: str,
    subject: Subject,
    *,
    order_id: str | None,
    revenue: float | None,
    currency: str | None,
    products: Sequence[Mapping[str, Any]],
    at: datetime,
    message_id: str,
    **more: Any,
) -> Event:
    """An event about an order.

    Args:
        name: For example `Order Completed`; history counts refunds and cancellations as negative.
        subject: Whose order it is.
        order_id: The same in all events about it.
        revenue: What it is about, in units of the currency.
        currency: Its code, in any case.
        products: Of `product`.
        at: When it happened.
        message_id: Of `event_id`.
        more: Further properties.
    """
    properties = {
        "order_id": order_id,
        "revenue": None if revenue is None else round(revenue, 4),
        "currency": currency.upper() if currency else None,
        "products": list(products),
        **more,
    }
    return happened(name, subject, properties, at=at, message_id=message_id)


def product(
    product_id: str | None,
    *,
    quantity: float,
    price: float | None,
    sku: str | None = None,
    title: str | None = None,
) -> dict[str, Any]:
    """A line of an order; the price is for one piece, after discounts."""
    line = {
        "product_id": product_id,
        "sku": sku or None,
        "name": title or None,
        "price": None if price is None else round(price, 4),
        "quantity": quantity,
    }
    return {name: value for name, value in line.items() if value is not None}
