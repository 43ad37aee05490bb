"""Sources of shops, whatever they are sent: events that can be read or refused, or a reason."""

import hashlib
import hmac
import json
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import woocommerce_shop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shopify_shop import SECRET, SHOP
from shopify_shop import signed as signed_by_shopify

from vocative.clock import FixedClock, to_micros
from vocative.collect.event import EventRefused, read_event
from vocative.collect.sources.base import Call, NotReadable, Page, Source
from vocative.collect.sources.shopify import Shopify, ShopifyOptions
from vocative.collect.sources.stripe import Stripe, StripeOptions
from vocative.collect.sources.woocommerce import WooCommerce, WooCommerceOptions
from vocative.workspace import Workspace

TOPICS = {
    "shopify": [
        *("customers/update", "customers/delete", "customers/redact", "customers/data_request"),
        *("customers_email_marketing_consent/update", "orders/updated", "products/update"),
        *("checkouts/update", "shop/redact", "products/delete", "nothing/known"),
    ],
    "woocommerce": [
        *("customer.updated", "customer.deleted", "order.updated", "product.updated"),
        *("product.deleted", "order", "coupon.created"),
    ],
    "stripe": [
        *("customer.updated", "charge.succeeded", "refund.created", "invoice.paid"),
        *("customer.subscription.updated", "checkout.session.completed", "price.created"),
    ],
}
GENUINE: dict[str, dict[str, Any]] = {
    "shopify": {
        "id": 1,
        "created_at": "2026-02-01T08:00:00Z",
        "updated_at": "2026-02-01T08:00:00Z",
        "processed_at": "2026-02-01T08:00:00+02:00",
        "email": "a@example.com",
        "title": "Tea",
        "total_price": "10.00",
        "currency": "GBP",
        "customer": {"id": 2},
        "customer_id": 2,
        "shop_id": 3,
        "abandoned_checkout_url": "https://x/5/checkouts/ac/T/recover?key=k",
        "email_marketing_consent": {"state": "subscribed", "consent_updated_at": None},
        "line_items": [{"product_id": 5, "quantity": 2, "price": "5.00", "title": "Tea"}],
        "refunds": [{"id": 6, "created_at": "2026-02-02T08:00:00Z", "transactions": []}],
        "cancelled_at": "2026-02-03T08:00:00Z",
    },
    "woocommerce": {
        "id": 1,
        "name": "Tea",
        "status": "cancelled",
        "currency": "GBP",
        "date_created_gmt": "2026-02-01T08:00:00",
        "date_modified_gmt": "2026-02-01T08:00:00",
        "date_paid_gmt": "2026-02-01T08:00:00",
        "total": "10.00",
        "customer_id": 0,
        "email": "a@example.com",
        "billing": {"email": "a@example.com"},
        "line_items": [{"product_id": 5, "quantity": 2, "total": "5.00"}],
        "refunds": [{"id": 6, "total": "-1.00"}],
    },
    "stripe": {
        "id": "x_1",
        "object": "charge",
        "created": 1_769_904_000,
        "start_date": 1_769_904_000,
        "ended_at": 1_769_904_000,
        "currency": "gbp",
        "amount": 100,
        "amount_paid": 100,
        "status": "succeeded",
        "paid": True,
        "email": "a@example.com",
        "customer": "cus_1",
        "charge": {"id": "ch_1", "object": "charge"},
        "billing_details": {"email": "a@example.com"},
        "lines": {"data": [{"amount": 100, "currency": "gbp", "quantity": 0}]},
    },
}
WORDS = st.sampled_from(
    [
        *("", "\x00", "a@example.com", "9" * 400, "1e999", "nan", "-inf", "active", "paid"),
        *("2026-02-01T08:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
        *("2026-02-01T08:00:00", "complete", "opt_in", "subscription", "invoice", "refund"),
    ]
)
NUMBERS = st.sampled_from([0, -1, 10**12, 2**62, 2**80, -0.5, 1e308])
PLAIN = st.none() | st.booleans() | NUMBERS | st.floats(allow_nan=False)
TIMES = st.sampled_from(
    [
        *("created", "start_date", "ended_at", "created_at", "updated_at", "processed_at"),
        *("date_created_gmt", "date_modified_gmt", "date_paid_gmt", "cancelled_at"),
    ]
)
NAMES = st.sampled_from(sorted({name for told in GENUINE.values() for name in told}))
VALUES = st.recursive(
    PLAIN | WORDS | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
CHANGES = st.dictionaries(NAMES, VALUES, max_size=4) | st.dictionaries(
    TIMES, WORDS | NUMBERS, max_size=4
)


def nobody(*_: Any, **__: Any) -> Any:
    raise AssertionError("a webhook asks nobody")


@pytest.fixture
def sources(clock: FixedClock) -> dict[str, Source]:
    woo = WooCommerceOptions(
        url="https://shop.example",
        consumer_key="k",
        consumer_secret="s",
        webhook_secret=woocommerce_shop.WEBHOOK_SECRET,
    )
    shopify = ShopifyOptions(shop=SHOP, webhook_secret=SECRET)
    stripe = StripeOptions(webhook_secret=SECRET, orders="invoices", user_id_key="id")
    return {
        "shopify": Shopify(shopify, connect=nobody, clock=clock),
        "woocommerce": WooCommerce(woo, connect=nobody, clock=clock),
        "stripe": Stripe(stripe, connect=nobody, clock=clock),
    }


def called(kind: str, topic: str, told: Any, clock: FixedClock) -> Call:
    """A genuine call."""
    if kind == "shopify":
        headers, body = signed_by_shopify(topic, told)
    elif kind == "woocommerce":
        headers, body = woocommerce_shop.signed(topic, told)
    else:
        event = {"id": "evt_1", "type": topic, "created": 1, "data": {"object": told}}
        body = json.dumps(event).encode()
        at = str(int(clock.now().timestamp()))
        digest = hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256)
        headers = {"stripe-signature": f"t={at},v1={digest.hexdigest()}"}
    return Call(headers=headers, body=body, received_at=to_micros(clock.now()))


def check(page: Page, workspace: Workspace) -> None:
    """Every event is read, or refused for a reason; none breaks anything."""
    received_at = to_micros(workspace.clock.now())
    for event in page.events:
        assert event["messageId"]
        with suppress(EventRefused):
            read_event(msgspec.json.encode(event), received_at=received_at)
    for item in page.items:
        assert item["item_id"]


@pytest.mark.parametrize("kind", sorted(TOPICS))
def test_webhooks_of_any_content(
    kind: str, sources: dict[str, Source], workspace: Workspace, clock: FixedClock
) -> None:
    taken = 0

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.sampled_from(TOPICS[kind]), CHANGES, st.sets(NAMES, max_size=2))
    def tell(topic: str, changes: dict[str, Any], gone: set[str]) -> None:
        nonlocal taken
        told = {name: one for name, one in GENUINE[kind].items() if name not in gone} | changes
        with suppress(NotReadable):
            page = sources[kind].receive(called(kind, topic, told, clock))
            taken += len(page.events) + len(page.items)
            check(page, workspace)

    tell()
    assert taken > 20, "most of what is sent is nearly right"


def test_what_is_right_is_taken(
    sources: dict[str, Source], workspace: Workspace, clock: FixedClock
) -> None:
    for kind, topics in TOPICS.items():
        clock.advance(timedelta(seconds=1))
        page = sources[kind].receive(called(kind, topics[0], GENUINE[kind], clock))
        assert page.events
        check(page, workspace)
