"""Shopify: what a shop knows ends up on the right people, once, whatever happens on the way."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from brought import Known, count_people, items, known, lines, local, pull_all, put
from called import place
from defined import defined, refusal
from graphql import parse, validate
from shopify_shop import (
    SECRET,
    SHOP,
    TOKEN,
    Shop,
    connection,
    money,
    order_webhook,
    own_schema,
    published_schema,
    signed,
)
from taken_in import events

from scripted_server import Told, scripted_server
from vocative.clock import Clock, to_micros
from vocative.collect.sources import shopify
from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sources._shopify_queries import LISTS, QUERIES
from vocative.collect.sources.base import Call, NotGenuine, NotReadable, Page
from vocative.collect.sources.shopify import Shopify, ShopifyOptions
from vocative.workspace import Workspace

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
Open = Callable[..., Shopify]
OPTIONS = ShopifyOptions(shop=SHOP, token=TOKEN, client_secret=SECRET)


@pytest.fixture
def shop() -> Shop:
    """A shop with four customers, a guest, orders in every state and two products."""
    made = Shop()
    made.customer(1, "ana@example.com", at="2026-02-01T09:00:00Z")
    made.customer(2, "bo@example.com", state="UNSUBSCRIBED", at="2026-02-02T09:00:00Z")
    made.customer(3, "cy@example.com", state="NOT_SUBSCRIBED", at="2026-02-03T09:00:00Z")
    made.customer(
        4,
        "di@example.com",
        state="PENDING",
        at="2026-02-04T09:00:00Z",
        defaultPhoneNumber={
            "phoneNumber": "+447700900123",
            "marketingState": "SUBSCRIBED",
            "marketingUpdatedAt": None,
        },
    )
    made.order(11, at="2026-02-10T10:00:00Z", customer=1, lines=23)
    kept = made.order(12, at="2026-02-11T10:00:00Z", customer=1, lines=2)
    made.refund(kept, 51, at="2026-02-12T10:00:00Z")
    unpaid = made.order(13, at="2026-02-13T10:00:00Z", customer=2)
    unpaid |= {
        "cancelledAt": "2026-02-14T10:00:00Z",
        "updatedAt": "2026-02-14T10:00:00Z",
        "displayFinancialStatus": "VOIDED",
    }
    given_back = made.order(14, at="2026-02-15T10:00:00Z", customer=2)
    made.refund(given_back, 52, at="2026-02-16T10:00:00Z")
    given_back["refunds"][0]["totalRefundedSet"] = money(15)
    given_back |= {
        "cancelledAt": "2026-02-16T10:00:00Z",
        "displayFinancialStatus": "REFUNDED",
    }
    made.order(15, at="2026-02-17T10:00:00Z", email="guest@example.com")
    made.order(16, at="2026-02-18T10:00:00Z", email=None)
    made.order(17, at="2026-02-19T10:00:00Z", customer=3, test=True)
    for number, status in ((900, "ACTIVE"), (901, "DRAFT")):
        made.products.append(
            {
                "legacyResourceId": str(number),
                "updatedAt": "2026-02-01T09:00:00Z",
                "title": "Tea",
                "productType": "Drinks",
                "status": status,
                "onlineStoreUrl": "https://fern.example/products/tea",
                "tracksInventory": number == 900,
                "totalInventory": 7,
                "priceRangeV2": {"minVariantPrice": {"amount": "12.5", "currencyCode": "GBP"}},
                "featuredMedia": {
                    "__typename": "MediaImage",
                    "preview": {"image": {"url": "https://cdn.example/tea.jpg"}},
                },
            }
        )
    lines = made.orders[0]["items"][:1]
    made.checkouts.append(
        {
            "abandonedCheckoutUrl": f"https://{SHOP}/5/checkouts/ac/T0ken71/recover?key=k",
            "createdAt": "2026-02-20T10:00:00Z",
            "customer": {
                "legacyResourceId": "3",
                "defaultEmailAddress": {"emailAddress": "cy@example.com"},
            },
            "totalPriceSet": money(10),
            "lineItems": connection([{**lines[0], "discountedUnitPriceSet": money(10)}]),
        }
    )
    return made


@pytest.fixture
def url(shop: Shop) -> Iterator[str]:
    with scripted_server(shop.answer) as server:
        yield server.url


@pytest.fixture
def opened(url: str, clock: Clock) -> Iterator[Open]:
    made: list[Shopify] = []

    def of(options: ShopifyOptions = OPTIONS) -> Shopify:
        made.append(Shopify(options, connect=local(url), clock=clock))
        return made[-1]

    yield of
    for one in made:
        one.close()


def person(workspace: Workspace, user_id: str) -> Known:
    found = known(workspace, "user_id", user_id)
    assert found is not None
    return found


def everything(workspace: Workspace) -> Any:
    """What is known, without when it came in."""
    told = [
        {key: value for key, value in one.items() if key not in ("received_at", "position")}
        for one in events(workspace)
    ]
    who = [known(workspace, "user_id", str(number)) for number in range(1, 5)]
    return told, [(one.personal, one.consents) for one in who if one]


def call(topic: str, told: Any, **more: Any) -> Call:
    headers, body = signed(topic, told, **more)
    return Call(headers=headers, body=body, received_at=to_micros(NOW))


def test_history_lands_on_its_people(workspace: Workspace, shop: Shop, opened: Open) -> None:
    shop.most_first = 3
    put(workspace, pull_all(opened(), {}))
    assert count_people(workspace) == 5, "four customers and a guest"
    ana = person(workspace, "1")
    assert ana.personal["email"] == "ana@example.com"
    assert (ana.personal["first_name"], ana.personal["last_name"]) == ("Ana", "Lovelace")
    orders = ["Order Completed", "Order Completed", "Order Refunded"]
    assert ana.names == ["Consent Given", *orders]
    assert ana.revenue == 235 + 25 - 10
    assert person(workspace, "2").names.count("Order Cancelled") == 2
    assert person(workspace, "2").revenue == 0, "one was never paid, one was paid back"
    assert person(workspace, "3").names == ["Checkout Started"], "a test order is no order"
    guest = known(workspace, "email", "guest@example.com")
    assert guest is not None
    assert guest.personal["email"] == "guest@example.com", "there is an address to write to"
    assert guest.revenue == 15
    assert known(workspace, "email", "typed.at.the.till@example.com") is None
    assert [one["order_id"] for one in events(workspace) if one["person_id"] is None] == ["16"]
    ordered = lines(workspace, "Order Completed")
    assert len(ordered) == 23 + 2 + 1 + 1 + 1 + 1, "lines beyond the first page are there, too"
    assert [one["quantity"] for one in lines(workspace, "Order Refunded")] == [-1, -1]


def test_what_was_allowed_is_what_counts(workspace: Workspace, shop: Shop, opened: Open) -> None:
    put(workspace, pull_all(opened(), {}))
    then = "2025-06-01T09:00:00+00:00"
    assert person(workspace, "1").allowed() == [("given", then)]
    assert person(workspace, "2").allowed() == [("withdrawn", then)]
    assert person(workspace, "3").allowed() == [], "never asked is neither yes nor no"
    assert person(workspace, "4").allowed() == [("pending", then)]
    by_sms = person(workspace, "4").allowed("sms")
    assert by_sms == [("given", "2025-01-05T10:00:00+00:00")], "a yes without an instant is old"
    assert person(workspace, "1").allowed("sms") == []


def test_products_are_items(workspace: Workspace, opened: Open) -> None:
    put(workspace, pull_all(opened(), {}))
    found = items(workspace)
    tea = found["900"]
    assert (tea["title"], tea["category"], tea["price"]) == ("Tea", "Drinks", 12.5)
    assert (tea["stock"], tea["currency"], tea["active"]) == (7, "GBP", 1)
    assert tea["image_url"] == "https://cdn.example/tea.jpg"
    assert (found["901"]["stock"], found["901"]["active"]) == (None, 0)
    source = opened()
    put(workspace, [source.receive(call("products/delete", {"id": 900}))])
    assert items(workspace)["900"]["active"] == 0
    assert items(workspace)["900"]["title"] == "Tea", "what is not told keeps its value"


def test_a_webhook_and_a_pull_of_the_same_fact_count_once(
    workspace: Workspace, shop: Shop, opened: Open
) -> None:
    source = opened()
    told = [order_webhook(order) for order in shop.orders]
    calls = [call("orders/create", one) for one in told] + [
        call("orders/updated", one) for one in told
    ]
    put(workspace, [source.receive(one) for one in calls])
    pushed = {
        (one["event_id"], one["name"], one["revenue"], one["at"]) for one in events(workspace)
    }
    assert len(pushed) == 6 + 2 + 2 + 1
    put(workspace, pull_all(source, {}))
    pulled = {
        (one["event_id"], one["name"], one["revenue"], one["at"])
        for one in events(workspace)
        if one["name"].startswith("Order")
    }
    assert pulled == {one for one in pushed if one[1] != "Identified"}
    assert person(workspace, "1").revenue == 250


def test_only_what_is_new_is_asked_for(workspace: Workspace, shop: Shop, opened: Open) -> None:
    cursors: dict[str, str | None] = {}
    put(workspace, pull_all(opened(), cursors))
    before = everything(workspace)
    again = [page for page in pull_all(opened(), cursors) if page.events]
    put(workspace, again)
    assert everything(workspace) == before
    seen = {event.get("properties", {}).get("order_id") for page in again for event in page.events}
    assert "11" not in seen, "what changed long ago is not read again"
    shop.orders[0] |= {"updatedAt": "2026-03-01T10:00:00Z"}
    shop.refund(shop.orders[0], 53, at="2026-03-01T10:00:00Z", pieces=2)
    put(workspace, pull_all(opened(), cursors))
    assert person(workspace, "1").revenue == 250 - 20


def test_what_is_not_wanted_is_not_asked_for(clock: Clock, url: str, tmp_path: Path) -> None:
    wanted = replace(place(tmp_path), since=datetime(2026, 2, 15, tzinfo=UTC))
    source = Shopify(OPTIONS, connect=local(url), clock=clock, place=wanted)
    told = {event["messageId"] for page in source.pull("orders", None) for event in page.events}
    assert "shopify:order:14:completed" in told
    assert "shopify:order:11:completed" not in told
    assert sum(len(page.events) for page in source.pull("customers", None)) == 8
    source.close()


@pytest.mark.parametrize("survives", [1, 4])
def test_a_crash_between_pages_loses_nothing(
    workspace: Workspace, shop: Shop, opened: Open, survives: int
) -> None:
    shop.most_first = 2
    cursors: dict[str, str | None] = {}
    pages = pull_all(opened(), cursors)
    put(workspace, [next(pages) for _ in range(survives)])
    pages.close()
    for _ in range(2):
        put(workspace, pull_all(opened(), cursors))
    assert count_people(workspace) == 5
    assert [one["order_id"] for one in events(workspace)].count("11") == 1
    assert person(workspace, "1").revenue == 250


def throttled(available: float, rate: float) -> Told:
    error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
    throttle = {
        "maximumAvailable": 1000,
        "currentlyAvailable": available,
        "restoreRate": rate,
    }
    cost = {"requestedQueryCost": 100, "actualQueryCost": None, "throttleStatus": throttle}
    return Told(json={"errors": [error], "extensions": {"cost": cost}})


def test_trouble_on_the_way_costs_nothing_but_time(
    workspace: Workspace, shop: Shop, opened: Open
) -> None:
    shop.troubles = [
        throttled(90, 100.0),
        Told(429, headers={"retry-after": "0"}),
        Told(503),
        Told(200, {"data": {}}, cut=True),
        throttled(99, 100.0),
    ]
    put(workspace, pull_all(opened(), {}))
    assert shop.troubles == []
    assert count_people(workspace) == 5


def test_points_that_take_too_long_are_waited_for_elsewhere(shop: Shop, opened: Open) -> None:
    shop.troubles = [throttled(0, 1.0)]
    with pytest.raises(SourceDown) as down:
        list(opened().pull("customers", None))
    assert down.value.wait_seconds == 100
    shop.troubles = [throttled(100, 100.0)] * shopify.MOST_WAITS
    with pytest.raises(SourceDown):
        list(opened().pull("customers", None))


def test_an_app_gets_a_token_and_another_when_it_runs_out(
    workspace: Workspace, shop: Shop, opened: Open
) -> None:
    options = ShopifyOptions(shop=SHOP, client_id="app", client_secret=SECRET)
    source = opened(options)
    put(workspace, source.pull("customers", None))
    assert shop.granted == 1
    shop.tokens = set()
    put(workspace, source.pull("orders", None))
    assert shop.granted == 2
    assert count_people(workspace) == 5
    shop.tokens = set()
    with pytest.raises(SourceRefused):
        list(opened().pull("customers", None))


def test_a_refusal_says_what_to_do_and_nothing_personal(shop: Shop, opened: Open) -> None:
    error = {
        "message": "Access denied for customers of ana@example.com",
        "extensions": {"code": "ACCESS_DENIED"},
    }
    shop.troubles = [Told(json={"errors": [error]})]
    with pytest.raises(SourceRefused, match="Access denied") as refused:
        list(opened().pull("customers", None))
    assert "scopes" in (refused.value.hint or "")
    assert "ana@example.com" not in str(refused.value)


def test_a_strange_record_does_not_harm_the_others(
    workspace: Workspace, shop: Shop, opened: Open
) -> None:
    page = {"hasNextPage": False, "endCursor": None}
    strange = {"nodes": [{"legacyResourceId": "9"}, *shop.customers[:1]], "pageInfo": page}
    shop.troubles = [Told(json={"data": {"customers": strange}})]
    (read,) = opened().pull("customers", None)
    assert sum(read.rejected.values()) == 1
    put(workspace, [read])
    assert count_people(workspace) == 1


def test_only_shopify_is_believed(opened: Open) -> None:
    source = opened()
    headers, body = signed("customers/update", {"id": 1})
    genuine = Call(headers=headers, body=body)
    with pytest.raises(NotReadable, match="created_at"):
        source.receive(genuine)
    for wrong in (
        Call(headers=headers, body=body + b" "),
        Call(headers={**headers, "x-shopify-hmac-sha256": ""}, body=body),
        Call(headers={**headers, "x-shopify-hmac-sha256": "\x00é"}, body=body),
        Call(headers={}, body=body),
        Call(headers=signed("customers/update", {"id": 1}, secret="other")[0], body=body),
    ):
        with pytest.raises(NotGenuine):
            source.receive(wrong)
    without = opened(ShopifyOptions(shop=SHOP, token=TOKEN))
    nothing, empty = signed("customers/update", {"id": 1}, secret="")
    with pytest.raises(NotGenuine):
        without.receive(Call(headers=nothing, body=empty))
    with pytest.raises(NotReadable, match="another shop"):
        source.receive(
            Call(headers={**headers, "x-shopify-shop-domain": "x.myshopify.com"}, body=body)
        )


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"\xff"', b"[" * 100_000, b'{"id": {}}'])
def test_what_shopify_would_not_send_is_refused(opened: Open, body: bytes) -> None:
    import base64
    import hashlib
    import hmac

    digest = base64.b64encode(hmac.new(SECRET.encode(), body, hashlib.sha256).digest()).decode()
    for topic in ("orders/create", "customers/redact", "products/delete", "checkouts/update"):
        headers = {"x-shopify-topic": topic, "x-shopify-hmac-sha256": digest}
        with pytest.raises(NotReadable):
            opened().receive(Call(headers=headers, body=body))


def test_what_customers_allow_now_counts_at_once(workspace: Workspace, opened: Open) -> None:
    source = opened()
    put(workspace, pull_all(source, {}))
    told = {
        "customer_id": 1,
        "email_address": "ana@example.com",
        "email_marketing_consent": {
            "state": "unsubscribed",
            "opt_in_level": "single_opt_in",
            "consent_updated_at": "2026-03-01T12:00:00+02:00",
        },
    }
    by_sms = {
        "id": 1,
        "phone": "+447700900111",
        "sms_marketing_consent": {"state": "subscribed", "consent_updated_at": None},
    }
    none = {"id": 1, "phone": None, "sms_marketing_consent": {"state": None}}
    topic = "customers_email_marketing_consent/update"
    put(
        workspace,
        [
            source.receive(call(topic, told)),
            source.receive(call("customers_marketing_consent/update", by_sms)),
            source.receive(call("customers_marketing_consent/update", none)),
        ],
    )
    ana = person(workspace, "1")
    assert ana.allowed()[-1] == ("withdrawn", "2026-03-01T10:00:00+00:00")
    assert ana.allowed("sms") == [("given", NOW.isoformat())]


def test_a_former_webhook_of_a_customer_tells_consent_too(
    workspace: Workspace, opened: Open
) -> None:
    told = {
        "id": 8,
        "email": "eve@example.com",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-02-01T00:00:00Z",
        "first_name": "Eve",
        "default_address": {"country_code": "DE"},
        "email_marketing_consent": {
            "state": "subscribed",
            "consent_updated_at": "2026-01-02T00:00:00Z",
        },
    }
    source = opened()
    put(workspace, [source.receive(call("customers/create", told)) for _ in range(2)])
    eve = person(workspace, "8")
    assert eve.personal["email"] == "eve@example.com"
    assert eve.allowed() == [("given", "2026-01-02T00:00:00+00:00")]


def test_requests_about_privacy_are_kept(workspace: Workspace, opened: Open) -> None:
    source = opened()
    put(workspace, pull_all(source, {}))
    common = {"shop_id": 5, "shop_domain": SHOP, "customer": {"id": 1, "email": "ana@example.com"}}
    calls = [
        call("customers/data_request", {**common, "data_request": {"id": 99}}),
        call("customers/redact", {**common, "orders_to_redact": [11]}),
        call("shop/redact", {"shop_id": 5, "shop_domain": SHOP}),
        call("customers/delete", {"id": 2}),
    ]
    for _ in range(2):
        put(workspace, [source.receive(one) for one in calls])
    ana = person(workspace, "1")
    assert ana.names[-4:] == [
        "Consent Withdrawn",
        "Consent Withdrawn",
        "Data Requested",
        "Erasure Requested",
    ]
    assert ana.allowed()[-1] == ("withdrawn", NOW.isoformat())
    assert [one["name"] for one in events(workspace)].count("Shop Erasure Requested") == 1
    assert person(workspace, "2").names[-1] == "Account Deleted"


def test_a_checkout_counts_once_somebody_is_known(workspace: Workspace, opened: Open) -> None:
    source = opened()
    told = {
        "abandoned_checkout_url": f"https://{SHOP}/5/checkouts/ac/T0ken72/recover?key=k",
        "created_at": "2026-03-01T10:00:00Z",
        "email": None,
        "total_price": "10.00",
        "currency": "GBP",
        "line_items": [{"product_id": 900, "quantity": 2, "price": "5.00", "title": "Tea"}],
    }
    assert not source.receive(call("checkouts/create", told)).events
    told["email"] = "fay@example.com"
    put(workspace, [source.receive(call("checkouts/update", told)) for _ in range(2)])
    fay = known(workspace, "email", "fay@example.com")
    assert fay is not None
    assert fay.names == ["Checkout Started"]
    told |= {
        "abandoned_checkout_url": "https://fern.example/5/checkouts/ac/T0ken71/recover?key=other",
        "created_at": "2026-02-20T11:00:00+01:00",
        "customer": {"id": 3},
    }
    put(workspace, [source.receive(call("checkouts/update", told))])
    put(workspace, pull_all(source, {}))
    assert person(workspace, "3").names == ["Checkout Started"], "both tell of the same one"
    assert source.receive(call("refunds/create", {"id": 1, "order_id": 11})) == Page()


def test_a_definition_must_say_how_to_ask(workspace: Workspace) -> None:
    common = {"kind": "shopify", "shop": SHOP}
    for stated in ({}, {"client_id": "app"}, {"client_secret": "env:X"}, {"shop": "fern.example"}):
        refusal(workspace, **{**common, **stated})
    assert defined(workspace, **common, webhook_secret="env:X").options is not None


def test_a_source_may_take_webhooks_only(opened: Open) -> None:
    assert opened(ShopifyOptions(shop=SHOP, webhook_secret=SECRET)).offered() == ()


def test_shopify_would_understand_every_question() -> None:
    schema = published_schema()
    if schema is None:
        pytest.skip("Shopify's schema is not here: run `make vendors`")
    for query in QUERIES:
        assert validate(schema, parse(query)) == []
        assert validate(own_schema(), parse(query)) == []
    wrong = LISTS["customers"].replace("locale", "ordersCount")
    assert validate(schema, parse(wrong)) != [], "what Shopify does not have is refused"


def test_answers_have_the_shape_that_shopify_publishes(
    workspace: Workspace, shop: Shop, opened: Open
) -> None:
    schema = published_schema()
    if schema is None:
        pytest.skip("Shopify's schema is not here: run `make vendors`")
    own = [page.events for page in pull_all(opened(), {})]
    shop.schema = schema
    assert json.dumps(own) == json.dumps([page.events for page in pull_all(opened(), {})])
