"""What Shopify's webhooks say, read into records.

Their bodies have the shape of its former REST API, not that of the API that is asked.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from vocative.collect.sources._events import event_id, happened
from vocative.collect.sources._records import read_body
from vocative.collect.sources._shop import Instant, guest
from vocative.collect.sources._shopify_records import (
    Agreement,
    Checkout,
    Customer,
    Line,
    Order,
    Refund,
    about_account,
    checkout_events,
    consent_events,
    customer_events,
    erasure_events,
    order_events,
)
from vocative.collect.sources.base import Page


class _Told(msgspec.Struct, kw_only=True):
    """The base of what is decoded; fields that are not needed are passed over."""


class _Id(_Told):
    id: int | str


class _Agreement(_Told):
    state: str | None = None
    consent_updated_at: Instant | None = None

    def record(self) -> Agreement | None:
        if self.state is None:
            return None
        return Agreement(state=self.state.lower(), changed_at=self.consent_updated_at)


class _Address(_Told):
    country_code: str | None = None


class _Customer(_Id):
    created_at: Instant
    updated_at: Instant
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    default_address: _Address | None = None
    email_marketing_consent: _Agreement | None = None
    sms_marketing_consent: _Agreement | None = None

    def record(self) -> Customer:
        email, sms = self.email_marketing_consent, self.sms_marketing_consent
        return Customer(
            id=str(self.id),
            created_at=self.created_at,
            updated_at=self.updated_at,
            email=self.email,
            phone=self.phone,
            first_name=self.first_name,
            last_name=self.last_name,
            country=self.default_address.country_code if self.default_address else None,
            by_email=email.record() if email else None,
            by_sms=sms.record() if sms else None,
        )


class _EmailConsent(_Told):
    customer_id: int | str
    email_marketing_consent: _Agreement


class _SmsConsent(_Id):
    sms_marketing_consent: _Agreement


class _Discount(_Told):
    amount: float = 0.0


class _Line(_Told):
    quantity: int
    price: float | None = None
    product_id: int | str | None = None
    sku: str | None = None
    title: str | None = None
    discount_allocations: list[_Discount] | None = None

    def record(self, *, quantity: int | None = None, amount: float | None = None) -> Line:
        """The line; of a refund with its own quantity and amount."""
        pieces = self.quantity if quantity is None else abs(quantity)
        price = self.price
        if amount is not None:
            price = amount / pieces if pieces else None
        elif price is not None and pieces:
            price -= sum(one.amount for one in self.discount_allocations or ()) / pieces
        return Line(
            product_id=str(self.product_id) if self.product_id else None,
            sku=self.sku,
            title=self.title,
            quantity=pieces,
            price=price,
        )


class _RefundLine(_Told):
    quantity: int
    line_item: _Line
    subtotal: float | None = None


class _Transaction(_Told):
    amount: float
    kind: str = "refund"
    status: str = "success"
    currency: str | None = None


class _Refund(_Id):
    created_at: Instant
    refund_line_items: list[_RefundLine] = []
    transactions: list[_Transaction] = []

    def record(self, order_id: str, currency: str) -> Refund | None:
        """The refund; None where a webhook does not say what it comes to in the shop's money."""
        paid = [one for one in self.transactions if (one.kind, one.status) == ("refund", "success")]
        if any(one.currency not in (None, currency) for one in paid):
            return None
        return Refund(
            id=str(self.id),
            order_id=order_id,
            at=self.created_at,
            amount=sum(one.amount for one in paid),
            currency=currency,
            lines=[
                one.line_item.record(quantity=one.quantity, amount=one.subtotal)
                for one in self.refund_line_items
            ],
        )


class _Order(_Id):
    processed_at: Instant
    total_price: float
    currency: str
    financial_status: str | None = None
    total_outstanding: float = 0.0
    cancelled_at: Instant | None = None
    test: bool = False
    email: str | None = None
    customer: _Id | None = None
    line_items: list[_Line] = []
    refunds: list[_Refund] = []

    def record(self) -> Order:
        refunds = [one.record(str(self.id), self.currency) for one in self.refunds]
        return Order(
            id=str(self.id),
            at=self.processed_at,
            customer_id=str(self.customer.id) if self.customer else None,
            email=self.email,
            total=self.total_price,
            outstanding=self.total_outstanding,
            currency=self.currency,
            financial_status=(self.financial_status or "pending").lower(),
            cancelled_at=self.cancelled_at,
            test=self.test,
            lines=[line.record() for line in self.line_items],
            refunds=[refund for refund in refunds if refund is not None],
        )


class _Checkout(_Told):
    abandoned_checkout_url: str
    created_at: Instant
    email: str | None = None
    customer: _Id | None = None
    total_price: float | None = None
    currency: str | None = None
    line_items: list[_Line] = []

    def record(self) -> Checkout:
        return Checkout(
            link=self.abandoned_checkout_url,
            at=self.created_at,
            customer_id=str(self.customer.id) if self.customer else None,
            email=self.email,
            total=self.total_price,
            currency=self.currency,
            lines=[line.record() for line in self.line_items],
        )


class _Variant(_Told):
    price: float | None = None
    inventory_management: str | None = None
    inventory_quantity: int | None = None


class _Image(_Told):
    src: str | None = None


class _Product(_Id):
    title: str
    product_type: str | None = None
    status: str = "active"
    image: _Image | None = None
    variants: list[_Variant] = []

    def item(self) -> dict[str, Any]:
        """The product as an item of the catalog; what a webhook leaves out keeps its value."""
        prices = [one.price for one in self.variants if one.price is not None]
        stocks = [one.inventory_quantity for one in self.variants if one.inventory_management]
        return {
            "item_id": str(self.id),
            "title": self.title,
            "category": self.product_type or None,
            "price": min(prices, default=None),
            "image_url": self.image.src if self.image else None,
            "stock": sum(one or 0 for one in stocks) if stocks else None,
            "active": self.status.lower() == "active",
        }


class _DataRequest(_Told):
    customer: _Id
    data_request: _Id | None = None


class _Redaction(_Told):
    customer: _Id


class _ShopRedaction(_Told):
    shop_id: int | str


def read_webhook(topic: str, body: bytes, at: datetime) -> Page:
    """What a webhook tells; nothing of topics that are not used.

    Args:
        topic: For example `orders/updated`.
        body: As it came, and genuine.
        at: When it came; stands in where Shopify does not say when something happened.

    Raises:
        NotReadable: it is not what Shopify sends.
    """
    reader = _READERS.get(topic)
    return reader(body, at) if reader else Page()


def _customer(body: bytes, _: datetime) -> Page:
    return Page(events=list(customer_events(_decoded(body, _Customer).record())))


def _customer_deleted(body: bytes, at: datetime) -> Page:
    told = _decoded(body, _Id)
    event = about_account("Account Deleted", str(told.id), at=at, version_of="deleted")
    return Page(events=[event])


def _email_consent(body: bytes, at: datetime) -> Page:
    told = _decoded(body, _EmailConsent)
    return _agreed(str(told.customer_id), "email", told.email_marketing_consent, at)


def _sms_consent(body: bytes, at: datetime) -> Page:
    told = _decoded(body, _SmsConsent)
    return _agreed(str(told.id), "sms", told.sms_marketing_consent, at)


def _agreed(customer_id: str, channel: str, told: _Agreement, at: datetime) -> Page:
    agreement = told.record()
    if agreement is None:
        return Page()
    # It was changed just now: that is what the webhook is about.
    return Page(
        events=list(consent_events(customer_id, channel, agreement, given_at=at, seen_at=at))
    )


def _order(body: bytes, _: datetime) -> Page:
    return Page(events=list(order_events(_decoded(body, _Order).record())))


def _checkout(body: bytes, _: datetime) -> Page:
    return Page(events=list(checkout_events(_decoded(body, _Checkout).record())))


def _product(body: bytes, _: datetime) -> Page:
    return Page(items=[_decoded(body, _Product).item()])


def _product_deleted(body: bytes, _: datetime) -> Page:
    return Page(items=[{"item_id": str(_decoded(body, _Id).id), "active": False}])


def _data_request(body: bytes, at: datetime) -> Page:
    told = _decoded(body, _DataRequest)
    request_id = told.data_request.id if told.data_request else int(at.timestamp())
    event = about_account(
        "Data Requested", str(told.customer.id), at=at, version_of=f"data_request:{request_id}"
    )
    return Page(events=[event])


def _redaction(body: bytes, at: datetime) -> Page:
    told = _decoded(body, _Redaction)
    return Page(events=list(erasure_events(str(told.customer.id), at)))


def _shop_redaction(body: bytes, at: datetime) -> Page:
    told = _decoded(body, _ShopRedaction)
    message_id = event_id("shopify", "shop", told.shop_id, "redact")
    nobody = guest("shopify", None)
    return Page(
        events=[happened("Shop Erasure Requested", nobody, {}, at=at, message_id=message_id)]
    )


_CUSTOMER_TOPICS = ("create", "update", "enable", "disable")
_ORDER_TOPICS = ("create", "updated", "paid", "cancelled", "fulfilled", "partially_fulfilled")
_READERS: Mapping[str, Callable[[bytes, datetime], Page]] = {
    **{f"customers/{name}": _customer for name in _CUSTOMER_TOPICS},
    "customers/delete": _customer_deleted,
    "customers_email_marketing_consent/update": _email_consent,
    "customers_marketing_consent/update": _sms_consent,
    **{f"orders/{name}": _order for name in _ORDER_TOPICS},
    "products/create": _product,
    "products/update": _product,
    "products/delete": _product_deleted,
    "checkouts/create": _checkout,
    "checkouts/update": _checkout,
    "customers/data_request": _data_request,
    "customers/redact": _redaction,
    "shop/redact": _shop_redaction,
}
"""By topic. `refunds/create` is not among them: it does not say whose order it was, and
`orders/updated`, which Shopify sends with it, does."""

T = TypeVar("T")


def _decoded(body: bytes, shape: type[T]) -> T:
    # Amounts are written as text.
    return read_body(body, shape, strict=False)
