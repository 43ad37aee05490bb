"""What WooCommerce tells, in its REST API and in its webhooks alike, and the events it becomes."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from vocative.collect.sources._events import event_id, happened, identified, number
from vocative.collect.sources._shop import (
    Buyer,
    account,
    guest,
    order,
    product,
    version,
)
from vocative.collect.sources.base import Event

Gmt = Annotated[datetime, Meta(tz=False)]
"""A time of UTC, which WooCommerce writes without a zone."""
Amount = str | float | int | None
"""Text in some answers, a number in others, empty where there is none."""
_CENT = 0.005


class Told(msgspec.Struct, kw_only=True):
    """The base of what is decoded; fields that are not needed are passed over."""


class Deleted(Told):
    """What is left of something that was deleted."""

    id: int


class _Contact(Told):
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone: str | None = None
    country: str | None = None

    def traits(self) -> dict[str, str]:
        named = {
            "first_name": self.first_name,
            "last_name": self.last_name,
            "phone": self.phone,
            "country": self.country,
        }
        return {name: value for name, value in named.items() if value}


class Customer(Told):
    """An account."""

    id: int
    date_created_gmt: Gmt
    date_modified_gmt: Gmt | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    billing: _Contact = msgspec.field(default_factory=_Contact)

    def events(self, prefix: str) -> Iterator[Event]:
        """Who it is. WooCommerce itself does not know what anybody allows."""
        at = utc(self.date_modified_gmt or self.date_created_gmt)
        names = {"first_name": self.first_name, "last_name": self.last_name}
        yield identified(
            account("woocommerce", str(self.id), prefix=prefix, email=self.email or None),
            {
                **self.billing.traits(),
                **{name: value for name, value in names.items() if value},
                "signed_up_at": utc(self.date_created_gmt).isoformat(),
            },
            at=at,
            message_id=event_id("woocommerce", "customer", self.id, version(at)),
        )


class Line(Told):
    """A line of an order or of a refund; those of refunds count backwards."""

    quantity: float
    total: Amount = None
    product_id: int | None = None
    sku: str | None = None
    name: str | None = None

    def product(self) -> dict[str, Any]:
        """The line as events have it; its price is without tax."""
        total, pieces = number(self.total), abs(self.quantity)
        return product(
            str(self.product_id) if self.product_id else None,
            sku=self.sku,
            title=self.name,
            quantity=pieces,
            price=abs(total) / pieces if total is not None and pieces else None,
        )


class Refund(Told):
    """A refund, as the list of an order's refunds has it."""

    id: int
    date_created_gmt: Gmt
    amount: Amount = None
    line_items: list[Line] = []


class RefundSum(Told):
    """What an order says of one of its refunds."""

    id: int
    total: Amount = None
    """Negative."""


class Order(Told):
    """An order, as it is now."""

    id: int
    status: str
    currency: str
    date_created_gmt: Gmt
    date_modified_gmt: Gmt
    date_paid_gmt: Gmt | None = None
    total: Amount = None
    customer_id: int = 0
    billing: _Contact = msgspec.field(default_factory=_Contact)
    line_items: list[Line] = []
    refunds: list[RefundSum] = []

    @property
    def changed_at(self) -> datetime:
        """When it changed the last time."""
        return utc(self.date_modified_gmt)

    def events(self, prefix: str, refunds: Sequence[Refund]) -> Iterator[Event]:
        """What became of it until now; nothing before it was paid.

        Args:
            prefix: Of account ids.
            refunds: Its refunds, where they are known in full.
        """
        if self.date_paid_gmt is None:
            return
        buyer = self._buyer(prefix)
        paid_at = utc(self.date_paid_gmt)
        if not buyer.user_id and buyer.email:
            yield identified(
                buyer,
                self.billing.traits(),
                at=paid_at,
                message_id=event_id("woocommerce", "guest", self.id),
            )
        yield self._event(
            "Order Completed",
            buyer,
            number(self.total),
            self.line_items,
            at=paid_at,
            message_id=event_id("woocommerce", "order", self.id, "completed"),
        )
        yield from self._refunded(buyer, refunds)
        if self.status == "cancelled" and not self._is_given_back:
            yield self._event(
                "Order Cancelled",
                buyer,
                (number(self.total) or 0.0) - self._given_back,
                [] if self.refunds else self.line_items,
                at=self.changed_at,
                message_id=self._rest_id(),
            )

    def _refunded(self, buyer: Buyer, refunds: Sequence[Refund]) -> Iterator[Event]:
        in_order = sorted(refunds, key=lambda one: (one.date_created_gmt, one.id))
        for refund in in_order:
            last = self._is_given_back and refund is in_order[-1]
            yield self._event(
                "Order Refunded",
                buyer,
                number(refund.amount),
                refund.line_items,
                at=utc(refund.date_created_gmt),
                message_id=self._rest_id()
                if last
                else event_id("woocommerce", "refund", refund.id),
            )

    def _rest_id(self) -> str:
        """The id of what takes back the rest of an order: its cancellation, or its last refund.

        An order that is cancelled first and refunded afterwards is taken back once.
        """
        return event_id("woocommerce", "order", self.id, "rest")

    @property
    def _given_back(self) -> float:
        return sum(abs(number(one.total) or 0.0) for one in self.refunds)

    @property
    def _is_given_back(self) -> bool:
        return bool(self.refunds) and self._given_back >= (number(self.total) or 0.0) - _CENT

    def _buyer(self, prefix: str) -> Buyer:
        if self.customer_id:
            return account("woocommerce", str(self.customer_id), prefix=prefix)
        return guest("woocommerce", self.billing.email or None)

    def _event(
        self,
        name: str,
        buyer: Buyer,
        revenue: float | None,
        lines: Sequence[Line],
        *,
        at: datetime,
        message_id: str,
    ) -> Event:
        return order(
            name,
            buyer,
            order_id=str(self.id),
            revenue=revenue,
            currency=self.currency,
            products=[line.product() for line in lines],
            at=at,
            message_id=message_id,
        )


class _Named(Told):
    name: str | None = None


class _Image(Told):
    src: str | None = None


class Product(Told):
    """A product; of one with variations, all of them together."""

    id: int
    name: str
    date_modified_gmt: Gmt | None = None
    status: str = "publish"
    permalink: str | None = None
    price: Amount = None
    stock_quantity: float | None = None
    categories: list[_Named] = []
    images: list[_Image] = []

    @property
    def changed_at(self) -> datetime | None:
        """When it changed the last time; a draft may not say."""
        return utc(self.date_modified_gmt) if self.date_modified_gmt else None

    def item(self, currency: str | None) -> dict[str, Any]:
        """The product as an item of the catalog."""
        return {
            "item_id": str(self.id),
            "title": self.name,
            "category": next((one.name for one in self.categories), None),
            "price": number(self.price or None),
            "currency": currency,
            "url": self.permalink,
            "image_url": next((one.src for one in self.images), None),
            "stock": self.stock_quantity,
            "active": self.status == "publish",
        }


def account_deleted(customer_id: int, prefix: str, at: datetime) -> Event:
    """An account is gone. What it allowed still counts: nobody took that back."""
    return happened(
        "Account Deleted",
        account("woocommerce", str(customer_id), prefix=prefix),
        {},
        at=at,
        message_id=event_id("woocommerce", "customer", customer_id, "deleted"),
    )


def utc(stated: datetime) -> datetime:
    """A time of a field whose name ends in `_gmt`, with its zone."""
    return stated.replace(tzinfo=UTC)
