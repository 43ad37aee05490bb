"""What Stripe tells, in its lists and in its events alike, and the events that it becomes.

Objects in events have the shape of the API version that the account, or the webhook, is set to:
what moved between versions is looked for in both places.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vocative.collect.sources._events import (
    Subject,
    consent,
    event_id,
    happened,
    identified,
)
from vocative.collect.sources._shop import guest, order, product
from vocative.collect.sources.base import Event

Seconds = Annotated[int, Meta(ge=0, lt=32_503_680_000)]
"""Unix time; what lies behind the year 3000 is none."""
OrdersAre = Literal["none", "payments", "invoices"]

_WHOLE = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
_THOUSANDTHS = frozenset("bhd jod kwd omr tnd".split())
_GONE = ("incomplete", "incomplete_expired")


class Told(msgspec.Struct, kw_only=True):
    """The base of what is decoded; fields that are not needed are passed over."""


class WithId(Told):
    """Something that was expanded, of which only the id counts."""

    id: str


Reference = str | WithId | None


class _Address(Told):
    country: str | None = None


class Contact(Told):
    """How somebody who pays can be reached."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    address: _Address | None = None

    def traits(self) -> dict[str, str]:
        """What is stated; a name is kept as it is written, for nobody knows which part is which."""
        named = {
            "full_name": self.name,
            "phone": self.phone,
            "country": self.address.country if self.address else None,
        }
        return {name: value for name, value in named.items() if value}


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a definition says about this account's objects."""

    orders: OrdersAre = "none"
    user_id_key: str | None = None
    order_id_key: str | None = None


class Customer(Contact, kw_only=True):
    """A customer."""

    id: str
    created: Seconds
    metadata: dict[str, str] | None = None
    preferred_locales: list[str] | None = None
    deleted: bool = False

    def events(self, meaning: Meaning, *, at: datetime, version_of: str | None) -> Iterator[Event]:
        """Who it is.

        Args:
            meaning: What the definition says.
            at: As of when.
            version_of: The id of the change that led to this; None when it is not known.
        """
        if self.deleted:
            return
        user_id = _named(self.metadata, meaning.user_id_key)
        subject = Subject(
            system="stripe", record_id=self.id, email=self.email or None, user_id=user_id
        )
        traits = self.traits()
        if self.preferred_locales:
            traits["language"] = self.preferred_locales[0]
        stated = version_of or _digest([traits, self.email, user_id])
        yield identified(
            subject, traits, at=at, message_id=event_id("stripe", "customer", self.id, stated)
        )


class Charge(Told):
    """A payment, or an attempt at one."""

    id: str
    created: Seconds
    currency: str
    amount: int
    status: str
    paid: bool = False
    captured: bool = True
    amount_captured: int | None = None
    customer: Reference = None
    payment_intent: Reference = None
    billing_details: Contact = msgspec.field(default_factory=Contact)
    receipt_email: str | None = None
    failure_code: str | None = None
    metadata: dict[str, str] | None = None

    @property
    def subject(self) -> Subject:
        """Whose it is: the customer's, else the guest's who typed an address."""
        customer = id_of(self.customer)
        if customer:
            return _customer(customer)
        return guest("stripe", self.billing_details.email or self.receipt_email or None)

    def order_id(self, meaning: Meaning) -> str:
        """The id of the order that it pays."""
        named = _named(self.metadata, meaning.order_id_key)
        return named or id_of(self.payment_intent) or self.id

    def events(self, meaning: Meaning) -> Iterator[Event]:
        """The payment, once the money is taken; or that it failed."""
        at, subject = _instant(self.created), self.subject
        if self.status == "failed":
            properties = {"reason": self.failure_code, "amount": units(self.amount, self.currency)}
            yield happened(
                "Payment Failed",
                subject,
                {**properties, "currency": self.currency.upper()},
                at=at,
                message_id=event_id("stripe", "charge", self.id, "failed"),
            )
            return
        if not (self.status == "succeeded" and self.paid and self.captured):
            return
        if not id_of(self.customer) and subject.email:
            yield identified(
                subject,
                self.billing_details.traits(),
                at=at,
                message_id=event_id("stripe", "guest", self.id),
            )
        taken = self.amount if self.amount_captured is None else self.amount_captured
        yield order(
            "Order Completed" if meaning.orders == "payments" else "Payment Succeeded",
            subject,
            order_id=self.order_id(meaning),
            revenue=units(taken, self.currency),
            currency=self.currency,
            products=(),
            at=at,
            message_id=event_id("stripe", "charge", self.id, "succeeded"),
        )


class Refund(Told):
    """Money that goes back."""

    id: str
    created: Seconds
    currency: str
    amount: int
    status: str | None = None

    def events(self, meaning: Meaning, charge: Charge) -> Iterator[Event]:
        """The refund, once it succeeded."""
        if self.status != "succeeded":
            return
        yield order(
            "Payment Refunded" if meaning.orders == "none" else "Order Refunded",
            charge.subject,
            # Which invoice a charge paid is not said.
            order_id=None if meaning.orders == "invoices" else charge.order_id(meaning),
            revenue=units(self.amount, self.currency),
            currency=self.currency,
            products=(),
            at=_instant(self.created),
            message_id=event_id("stripe", "refund", self.id),
        )


class _Price(Told):
    product: Reference = None
    unit_amount: int | None = None


class _Item(Told):
    quantity: int | None = None
    price: _Price | None = None


class _Items(Told):
    data: list[_Item] = []


class Subscription(Told):
    """A subscription, as it is now."""

    id: str
    start_date: Seconds
    status: str
    currency: str | None = None
    customer: Reference = None
    canceled_at: Seconds | None = None
    ended_at: Seconds | None = None
    items: _Items = msgspec.field(default_factory=_Items)

    def events(self) -> Iterator[Event]:
        """That it started, that it was cancelled, that it ended."""
        if self.status in _GONE:
            return
        yield self._event("Subscription Started", self.start_date, "started")
        if self.canceled_at is not None:
            # It may be taken back, and cancelled again.
            version_of = f"cancelled:{self.canceled_at}"
            yield self._event("Subscription Cancelled", self.canceled_at, version_of)
        if self.ended_at is not None:
            yield self._event("Subscription Ended", self.ended_at, "ended")

    def _event(self, name: str, at: int, version_of: str) -> Event:
        first = next(iter(self.items.data), _Item())
        price = first.price.unit_amount if first.price else None
        currency = self.currency or ""
        return happened(
            name,
            _customer(id_of(self.customer)),
            {
                "subscription_id": self.id,
                "product_id": id_of(first.price.product) if first.price else None,
                "price": None if price is None else units(price, currency),
                "quantity": first.quantity,
                "currency": currency.upper() or None,
                "trial": self.status == "trialing",
            },
            at=_instant(at),
            message_id=event_id("stripe", "subscription", self.id, version_of),
        )


class _PriceDetails(Told):
    product: Reference = None


class _Pricing(Told):
    price_details: _PriceDetails | None = None


class InvoiceLine(Told):
    """What a part of an invoice is for."""

    amount: int = 0
    currency: str = ""
    quantity: int | None = None
    description: str | None = None
    pricing: _Pricing | None = None
    price: _Price | None = None

    def product(self) -> dict[str, Any]:
        """The line as events have it."""
        pieces = self.quantity or 1
        details = self.pricing.price_details if self.pricing else None
        bought = details.product if details else self.price.product if self.price else None
        return product(
            id_of(bought),
            title=self.description,
            quantity=pieces,
            price=units(self.amount, self.currency) / pieces,
        )


class InvoiceLines(Told):
    """A page of the lines of an invoice."""

    data: list[InvoiceLine] = []
    has_more: bool = False


class _Transitions(Told):
    paid_at: Seconds | None = None


class Invoice(Told):
    """An invoice, as it is now."""

    id: str
    created: Seconds
    currency: str
    amount_paid: int
    status: str | None = None
    customer: Reference = None
    lines: InvoiceLines = msgspec.field(default_factory=InvoiceLines)
    status_transitions: _Transitions = msgspec.field(default_factory=_Transitions)

    def events(self, meaning: Meaning, lines: Sequence[InvoiceLine]) -> Iterator[Event]:
        """That it was paid, if anything had to be."""
        if self.status != "paid" or self.amount_paid <= 0:
            return
        yield order(
            "Order Completed" if meaning.orders == "invoices" else "Invoice Paid",
            _customer(id_of(self.customer)),
            order_id=self.id,
            revenue=units(self.amount_paid, self.currency),
            currency=self.currency,
            products=[line.product() for line in lines],
            at=_instant(self.status_transitions.paid_at or self.created),
            message_id=event_id("stripe", "invoice", self.id, "paid"),
        )


class _Promotions(Told):
    promotions: str | None = None


class Checkout(Told):
    """A session of Stripe's own checkout page."""

    id: str
    created: Seconds
    status: str | None = None
    customer: Reference = None
    customer_details: Contact | None = None
    consent: _Promotions | None = None

    def events(self) -> Iterator[Event]:
        """What somebody said when they were asked whether they want to be written to."""
        said = self.consent.promotions if self.consent else None
        if self.status != "complete" or said not in ("opt_in", "opt_out"):
            return
        customer, contact = id_of(self.customer), self.customer_details or Contact()
        at = _instant(self.created)
        subject = _customer(customer) if customer else guest("stripe", contact.email or None)
        if not customer:
            if not contact.email:
                return
            message_id = event_id("stripe", "guest", self.id)
            yield identified(subject, contact.traits(), at=at, message_id=message_id)
        yield consent(
            subject,
            "given" if said == "opt_in" else "withdrawn",
            channel="email",
            source="stripe checkout",
            at=at,
            message_id=event_id("stripe", "checkout", self.id, said),
        )


def id_of(reference: Reference) -> str | None:
    """The id of something that is told by its id, or whole."""
    return reference.id if isinstance(reference, WithId) else reference or None


def units(amount: int, currency: str) -> float:
    """An amount in units of its currency.

    >>> units(1999, "eur"), units(1999, "JPY"), units(1999, "kwd")
    (19.99, 1999.0, 1.999)
    """
    code = currency.lower()
    return amount / (1 if code in _WHOLE else 1_000 if code in _THOUSANDTHS else 100)


def _customer(customer_id: str | None) -> Subject:
    if not customer_id:
        return guest("stripe", None)
    return Subject(system="stripe", record_id=customer_id)


def _named(metadata: Mapping[str, str] | None, key: str | None) -> str | None:
    return (metadata or {}).get(key) or None if key else None


def _instant(stated: int) -> datetime:
    return datetime.fromtimestamp(stated, UTC)


def _digest(stated: Sequence[Mapping[str, Any] | str | None]) -> str:
    return hashlib.sha256(msgspec.json.encode(stated, order="sorted")).hexdigest()[:16]
