"""What Shopify tells, whichever way it came, and the events that it becomes.

Its GraphQL API and its webhooks say the same things in two shapes. Both are read into these
records, so that a fact has one id and counts once, whoever was faster.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from vocative.collect.sources._events import (
    ConsentStatus,
    consent,
    event_id,
    happened,
    identified,
)
from vocative.collect.sources._shop import (
    Buyer,
    account,
    guest,
    order,
    product,
    version,
)
from vocative.collect.sources.base import Event

_CONSENTS: dict[str, ConsentStatus] = {
    "subscribed": "given",
    "pending": "pending",
    "unsubscribed": "withdrawn",
    # Shopify does not let anybody write to these either.
    "redacted": "withdrawn",
    "invalid": "withdrawn",
}
"""By Shopify's state in lower case. `not_subscribed` states nothing: nobody was asked yet."""

_CHECKOUT = re.compile(r"/checkouts/(?:ac/)?([^/?]+)/recover")
_PAID_IN_FULL = {"paid", "partially_refunded", "refunded"}
_UNPAID = {"pending", "authorized", "voided", "expired"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreement:
    """What a customer allows on a channel."""

    state: str
    """Lower case."""
    changed_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """An account of the shop."""

    id: str
    created_at: datetime
    updated_at: datetime
    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    language: str | None = None
    country: str | None = None
    by_email: Agreement | None = None
    by_sms: Agreement | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Pieces of one product; money is the shop's, for one piece, after discounts."""

    product_id: str | None
    sku: str | None
    title: str | None
    quantity: int
    price: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refund:
    """Money that went back, and the pieces it was for."""

    id: str
    order_id: str
    at: datetime
    amount: float
    currency: str | None
    lines: Sequence[Line] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """An order, as it is now."""

    id: str
    at: datetime
    customer_id: str | None
    email: str | None
    total: float
    """With tax and shipping, before anything went back."""
    outstanding: float
    currency: str
    financial_status: str
    """Lower case."""
    cancelled_at: datetime | None = None
    test: bool = False
    lines: Sequence[Line] = ()
    refunds: Sequence[Refund] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkout:
    """A checkout that somebody began."""

    link: str
    """Where its buyer can go on with it: the only name that both ways have for it."""
    at: datetime
    customer_id: str | None
    email: str | None
    total: float | None
    currency: str | None
    lines: Sequence[Line] = ()


def customer_events(customer: Customer) -> Iterator[Event]:
    """Who a customer is, and what they allow."""
    traits = {
        "phone": customer.phone,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "language": customer.language,
        "country": customer.country,
        "signed_up_at": customer.created_at.isoformat(),
    }
    yield identified(
        account("shopify", customer.id, email=customer.email),
        {name: value for name, value in traits.items() if value},
        at=customer.updated_at,
        # Webhooks leave the language out: with it, it is another statement.
        message_id=event_id(
            "shopify",
            "customer",
            customer.id,
            version(customer.updated_at),
            customer.language or "-",
        ),
    )
    for channel, agreement in (("email", customer.by_email), ("sms", customer.by_sms)):
        if agreement is not None:
            yield from consent_events(
                customer.id,
                channel,
                agreement,
                given_at=customer.created_at,
                seen_at=customer.updated_at,
            )


def consent_events(
    customer_id: str, channel: str, agreement: Agreement, *, given_at: datetime, seen_at: datetime
) -> Iterator[Event]:
    """What a customer allows on a channel; nothing where they were never asked.

    Of a yes that names no instant it is sure only that it is newer than the account: whatever else
    is known counts more. Of a no, that it holds by now.

    Args:
        customer_id: Whose it is.
        channel: email or sms.
        agreement: What Shopify states.
        given_at: When a consent counts as given that names no instant.
        seen_at: When anything else counts as stated that names no instant.
    """
    status = _CONSENTS.get(agreement.state)
    if status is None:
        return
    at = agreement.changed_at or (given_at if status == "given" else seen_at)
    yield consent(
        account("shopify", customer_id),
        status,
        channel=channel,
        source="shopify",
        at=at,
        message_id=event_id(
            "shopify", "consent", customer_id, channel, agreement.state, version(at)
        ),
    )


def order_events(found: Order) -> Iterator[Event]:
    """What became of an order until now: completed, refunded, cancelled; nothing of a test."""
    if found.test:
        return
    buyer = _buyer(found.customer_id, found.email)
    if not buyer.user_id and buyer.email:
        yield identified(buyer, {}, at=found.at, message_id=event_id("shopify", "guest", found.id))
    products = _products(found.lines)
    yield order(
        "Order Completed",
        buyer,
        order_id=found.id,
        revenue=found.total,
        currency=found.currency,
        products=products,
        at=found.at,
        message_id=event_id("shopify", "order", found.id, "completed"),
    )
    for refund in found.refunds:
        yield _refunded(refund, buyer)
    if found.cancelled_at is not None:
        unpaid = _unpaid(found)
        yield order(
            "Order Cancelled",
            buyer,
            order_id=found.id,
            # What was paid comes back through refunds, and is counted off by them.
            revenue=unpaid,
            currency=found.currency,
            products=products if unpaid >= found.total else (),
            at=found.cancelled_at,
            message_id=event_id("shopify", "order", found.id, "cancelled"),
        )


def checkout_events(checkout: Checkout) -> Iterator[Event]:
    """A checkout that was begun by somebody who said who they are; nothing before that."""
    buyer = _buyer(checkout.customer_id, checkout.email)
    if not (buyer.user_id or buyer.email):
        return
    yield order(
        "Checkout Started",
        buyer,
        order_id=None,
        revenue=checkout.total,
        currency=checkout.currency,
        products=_products(checkout.lines),
        at=checkout.at,
        message_id=event_id("shopify", "checkout", _checkout_id(checkout.link), "started"),
    )


def about_account(name: str, customer_id: str, *, at: datetime, version_of: str) -> Event:
    """Something that happened to an account as a whole, such as that it was deleted.

    Args:
        name: The event's.
        customer_id: Whose account.
        at: When it happened.
        version_of: What makes it another one than a former event of the same name.
    """
    message_id = event_id("shopify", "customer", customer_id, version_of)
    return happened(name, account("shopify", customer_id), {}, at=at, message_id=message_id)


def erasure_events(customer_id: str, at: datetime) -> Iterator[Event]:
    """Somebody's data is to be erased: nobody writes to them from now on."""
    yield about_account("Erasure Requested", customer_id, at=at, version_of="redact")
    for channel in ("email", "sms"):
        yield consent(
            account("shopify", customer_id),
            "withdrawn",
            channel=channel,
            source="shopify",
            at=at,
            message_id=event_id("shopify", "consent", customer_id, channel, "redact"),
        )


def _checkout_id(link: str) -> str:
    """What tells a checkout from others, without what would open it."""
    named = _CHECKOUT.search(link)
    return hashlib.sha256((named[1] if named else link).encode()).hexdigest()[:16]


def _buyer(customer_id: str | None, email: str | None) -> Buyer:
    return account("shopify", customer_id) if customer_id else guest("shopify", email)


def _refunded(refund: Refund, buyer: Buyer) -> Event:
    return order(
        "Order Refunded",
        buyer,
        order_id=refund.order_id,
        revenue=refund.amount,
        currency=refund.currency,
        products=_products(refund.lines),
        at=refund.at,
        message_id=event_id("shopify", "refund", refund.id),
    )


def _unpaid(found: Order) -> float:
    """How much of an order's total was never received; refunds are no part of it."""
    if found.financial_status in _PAID_IN_FULL:
        return 0.0
    if found.financial_status in _UNPAID:
        return found.total
    return min(found.total, max(0.0, found.outstanding))


def _products(lines: Sequence[Line]) -> list[dict[str, Any]]:
    return [
        product(
            line.product_id,
            sku=line.sku,
            title=line.title,
            price=line.price,
            quantity=line.quantity,
        )
        for line in lines
    ]
