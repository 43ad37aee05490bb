"""What Shopify's Admin GraphQL API is asked, and how its answers are read into records.

Answers are decoded into structs: what is missing that must be there, or of another type, is found
here and nowhere else.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from vocative.collect.sources._shop import Instant
from vocative.collect.sources._shopify_records import (
    Agreement,
    Checkout,
    Customer,
    Line,
    Order,
    Refund,
)

API_VERSION = "2026-07"

_MONEY = "shopMoney { amount currencyCode }"
_PAGE = "pageInfo { hasNextPage endCursor }"
_LINE = (
    "quantity sku title product { legacyResourceId }"
    f" discountedUnitPriceAfterAllDiscountsSet {{ {_MONEY} }}"
)
_CUSTOMER = (
    "legacyResourceId createdAt updatedAt firstName lastName locale"
    " defaultEmailAddress { emailAddress marketingState marketingUpdatedAt }"
    " defaultPhoneNumber { phoneNumber marketingState marketingUpdatedAt }"
    " defaultAddress { countryCodeV2 }"
)
_ORDER = (
    "id legacyResourceId processedAt updatedAt cancelledAt test email displayFinancialStatus"
    f" totalPriceSet {{ {_MONEY} }} totalOutstandingSet {{ {_MONEY} }}"
    " customer { legacyResourceId } refunds { id }"
    f" lineItems(first: 10) {{ nodes {{ {_LINE} }} {_PAGE} }}"
)
_PRODUCT = (
    "legacyResourceId updatedAt title productType status onlineStoreUrl tracksInventory"
    " totalInventory priceRangeV2 { minVariantPrice { amount currencyCode } }"
    " featuredMedia { preview { image { url } } }"
)
_CHECKOUT = (
    "abandonedCheckoutUrl createdAt"
    " customer { legacyResourceId defaultEmailAddress { emailAddress } }"
    f" totalPriceSet {{ {_MONEY} }}"
    " lineItems(first: 10) { nodes { quantity sku title product { legacyResourceId }"
    f" discountedUnitPriceSet {{ {_MONEY} }} }} }}"
)


def _list_query(what: str, sort_key: str, fields: str) -> str:
    return (
        "query($first: Int!, $after: String, $query: String) {"
        f" {what}(first: $first, after: $after, query: $query, sortKey: {sort_key})"
        f" {{ nodes {{ {fields} }} {_PAGE} }} }}"
    )


LISTS: Mapping[str, str] = {
    "customers": _list_query("customers", "UPDATED_AT", _CUSTOMER),
    "products": _list_query("products", "UPDATED_AT", _PRODUCT),
    "orders": _list_query("orders", "UPDATED_AT", _ORDER),
    # Checkouts cannot be sorted by when they changed; when they began is all that is used.
    "checkouts": _list_query("abandonedCheckouts", "CREATED_AT", _CHECKOUT),
}
"""By stream: pages of what changed, oldest first."""

FILTERS: Mapping[str, str] = {
    "customers": "updated_at",
    "products": "updated_at",
    "orders": "updated_at",
    "checkouts": "created_at",
}
"""By stream: the field of Shopify's search that says when; results are sorted by it."""

MORE_LINES = (
    "query($id: ID!, $after: String) { order(id: $id)"
    f" {{ lineItems(first: 100, after: $after) {{ nodes {{ {_LINE} }} {_PAGE} }} }} }}"
)
REFUND = (
    "query($id: ID!, $after: String) { refund(id: $id) { legacyResourceId processedAt createdAt"
    f" order {{ legacyResourceId }} totalRefundedSet {{ {_MONEY} }}"
    " refundLineItems(first: 100, after: $after) { nodes { quantity"
    f" subtotalSet {{ {_MONEY} }} lineItem {{ sku title product {{ legacyResourceId }} }} }}"
    f" {_PAGE} }} }} }}"
)
QUERIES: Sequence[str] = (*LISTS.values(), MORE_LINES, REFUND)
"""Everything that is ever asked."""


class _Answered(msgspec.Struct, rename="camel", kw_only=True):
    """The base of what is decoded; fields that are not asked for are not there."""


class Money(_Answered):
    """An amount, written as text."""

    amount: float
    currency_code: str


class _Set(_Answered):
    shop_money: Money


class _Reference(_Answered):
    legacy_resource_id: str | int


class PageInfo(_Answered):
    """Whether a list goes on, and after what."""

    has_next_page: bool = False
    end_cursor: str | None = None


T = TypeVar("T")


class Nodes(_Answered, Generic[T]):
    """A page of a list."""

    nodes: list[T]
    page_info: PageInfo = msgspec.field(default_factory=PageInfo)


class _Contact(_Answered):
    marketing_state: str
    marketing_updated_at: Instant | None = None
    email_address: str | None = None
    phone_number: str | None = None

    def agreement(self) -> Agreement:
        return Agreement(state=self.marketing_state.lower(), changed_at=self.marketing_updated_at)


class _Address(_Answered):
    country_code_v2: str | None = msgspec.field(default=None, name="countryCodeV2")


class CustomerNode(_Reference):
    """An account."""

    created_at: Instant
    updated_at: Instant
    first_name: str | None = None
    last_name: str | None = None
    locale: str | None = None
    default_email_address: _Contact | None = None
    default_phone_number: _Contact | None = None
    default_address: _Address | None = None

    def record(self) -> Customer:
        """The account as a record."""
        email, phone = self.default_email_address, self.default_phone_number
        return Customer(
            id=str(self.legacy_resource_id),
            created_at=self.created_at,
            updated_at=self.updated_at,
            email=email.email_address if email else None,
            phone=phone.phone_number if phone else None,
            first_name=self.first_name,
            last_name=self.last_name,
            language=self.locale,
            country=self.default_address.country_code_v2 if self.default_address else None,
            by_email=email.agreement() if email else None,
            by_sms=phone.agreement() if phone else None,
        )


class LineNode(_Answered):
    """A line of an order or a checkout."""

    quantity: int
    sku: str | None = None
    title: str | None = None
    product: _Reference | None = None
    discounted_unit_price_after_all_discounts_set: _Set | None = None
    discounted_unit_price_set: _Set | None = None

    def record(self) -> Line:
        """The line as a record."""
        price = self.discounted_unit_price_after_all_discounts_set or self.discounted_unit_price_set
        return Line(
            product_id=str(self.product.legacy_resource_id) if self.product else None,
            sku=self.sku,
            title=self.title,
            quantity=self.quantity,
            price=price.shop_money.amount if price else None,
        )


class RefundReference(_Answered):
    """A refund of which only the id is known yet."""

    id: str


class OrderNode(_Reference):
    """An order, with its first lines."""

    id: str
    processed_at: Instant
    updated_at: Instant
    total_price_set: _Set
    total_outstanding_set: _Set
    line_items: Nodes[LineNode]
    cancelled_at: Instant | None = None
    test: bool = False
    email: str | None = None
    display_financial_status: str | None = None
    customer: _Reference | None = None
    refunds: list[RefundReference] = []

    def record(self, lines: Sequence[LineNode], refunds: Sequence[Refund]) -> Order:
        """The order as a record, with all of its lines and refunds."""
        total = self.total_price_set.shop_money
        return Order(
            id=str(self.legacy_resource_id),
            at=self.processed_at,
            customer_id=str(self.customer.legacy_resource_id) if self.customer else None,
            email=self.email,
            total=total.amount,
            outstanding=self.total_outstanding_set.shop_money.amount,
            currency=total.currency_code,
            financial_status=(self.display_financial_status or "pending").lower(),
            cancelled_at=self.cancelled_at,
            test=self.test,
            lines=[line.record() for line in lines],
            refunds=refunds,
        )


class OrderLines(_Answered):
    """Further lines of an order."""

    line_items: Nodes[LineNode]


class _RefundedLine(_Answered):
    sku: str | None = None
    title: str | None = None
    product: _Reference | None = None


class RefundLineNode(_Answered):
    """Pieces that were given back."""

    quantity: int
    line_item: _RefundedLine
    subtotal_set: _Set

    def record(self) -> Line:
        """The pieces as a record."""
        product, pieces = self.line_item.product, abs(self.quantity)
        amount = self.subtotal_set.shop_money.amount
        return Line(
            product_id=str(product.legacy_resource_id) if product else None,
            sku=self.line_item.sku,
            title=self.line_item.title,
            quantity=pieces,
            price=amount / pieces if pieces else None,
        )


class RefundNode(_Reference):
    """A refund, with some of its lines."""

    processed_at: Instant
    order: _Reference
    total_refunded_set: _Set
    refund_line_items: Nodes[RefundLineNode]
    created_at: Instant | None = None

    def record(self, lines: Sequence[RefundLineNode]) -> Refund:
        """The refund as a record, with all of its lines."""
        total = self.total_refunded_set.shop_money
        return Refund(
            id=str(self.legacy_resource_id),
            order_id=str(self.order.legacy_resource_id),
            at=self.created_at or self.processed_at,
            amount=total.amount,
            currency=total.currency_code,
            lines=[line.record() for line in lines],
        )


class _BuyerAddress(_Answered):
    email_address: str | None = None


class _Buyer(_Reference):
    default_email_address: _BuyerAddress | None = None


class CheckoutNode(_Answered):
    """A checkout that was begun."""

    abandoned_checkout_url: str
    created_at: Instant
    line_items: Nodes[LineNode]
    customer: _Buyer | None = None
    total_price_set: _Set | None = None

    def record(self) -> Checkout:
        """The checkout as a record."""
        address = self.customer.default_email_address if self.customer else None
        total = self.total_price_set.shop_money if self.total_price_set else None
        return Checkout(
            link=self.abandoned_checkout_url,
            at=self.created_at,
            customer_id=str(self.customer.legacy_resource_id) if self.customer else None,
            email=address.email_address if address else None,
            total=total.amount if total else None,
            currency=total.currency_code if total else None,
            lines=[line.record() for line in self.line_items.nodes],
        )


class _Image(_Answered):
    url: str | None = None


class _Preview(_Answered):
    image: _Image | None = None


class _Media(_Answered):
    preview: _Preview | None = None


class _PriceRange(_Answered):
    min_variant_price: Money


class ProductNode(_Reference):
    """A product."""

    updated_at: Instant
    title: str
    status: str
    product_type: str | None = None
    online_store_url: str | None = None
    tracks_inventory: bool = False
    total_inventory: int | None = None
    price_range_v2: _PriceRange | None = msgspec.field(default=None, name="priceRangeV2")
    featured_media: _Media | None = None

    def item(self) -> dict[str, Any]:
        """The product as an item of the catalog."""
        price = self.price_range_v2.min_variant_price if self.price_range_v2 else None
        preview = self.featured_media.preview if self.featured_media else None
        return {
            "item_id": str(self.legacy_resource_id),
            "title": self.title,
            "category": self.product_type or None,
            "price": price.amount if price else None,
            "currency": price.currency_code if price else None,
            "url": self.online_store_url,
            "image_url": preview.image.url if preview and preview.image else None,
            "stock": self.total_inventory if self.tracks_inventory else None,
            "active": self.status == "ACTIVE",
        }


class Throttle(_Answered):
    """How many points are left of what a shop lets us spend, and how fast they come back."""

    maximum_available: float
    currently_available: float
    restore_rate: float


class Cost(_Answered):
    """What a query may cost."""

    requested_query_cost: float = 0.0
    throttle_status: Throttle | None = None
