"""Every source keeps the laws, over a server of this machine that imitates its system."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hubspot_portal
import msgspec
import pytest
import salesforce_org
import shopify_shop
import stripe_account
import woocommerce_shop
import zendesk_account
from asked_shop import MAPPING, QUICK, Shop
from brought import local
from called import no_connection, place

from scripted_server import Asked, Told, scripted_server
from vocative.clock import FixedClock, SystemClock, to_micros
from vocative.collect.sources._signatures import base64_hmac_sha256
from vocative.collect.sources.base import Call, Page, Source
from vocative.collect.sources.hubspot import HubSpot
from vocative.collect.sources.rest import Rest
from vocative.collect.sources.salesforce import Salesforce
from vocative.collect.sources.segment import Segment
from vocative.collect.sources.shopify import Shopify
from vocative.collect.sources.stripe import Stripe
from vocative.collect.sources.tracking import Tracking
from vocative.collect.sources.webhook import Webhook
from vocative.collect.sources.woocommerce import WooCommerce
from vocative.collect.sources.zendesk import Zendesk
from vocative.testing.source_laws import (
    LAWS,
    LawBroken,
    SourceBench,
    after_the_end_there_is_nothing_new,
    asked_again_it_says_the_same,
    everything_can_be_used,
    it_goes_on_from_every_page,
    one_id_one_fact,
    what_was_tampered_with_is_refused,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "s3cr3t-of-the-laws"
CLOCK = FixedClock(NOW)
Make = Callable[[ExitStack, Path], SourceBench]


def made(kind: type[Source], **options: Any) -> Any:
    return msgspec.convert(options, kind.Options)


def tracking(_: ExitStack, __: Path) -> SourceBench:
    options = made(Tracking, write_key="abcdefgh")
    return SourceBench(open=lambda: Tracking(options, connect=no_connection, clock=CLOCK))


def rest(paging: dict[str, Any], incremental: bool = True) -> Make:
    """A JSON API that pages in one of the ways."""

    def bench(stack: ExitStack, folder: Path) -> SourceBench:
        shop = Shop(page_size=3)
        for number in range(1, 8):
            shop.sell(number, day=1 + number % 5)
        shop.orders.sort(key=lambda order: str(order["changed_at"]))
        server = stack.enter_context(scripted_server(lambda asked: paged(shop, asked)))
        resource = {
            "path": "orders",
            "records": "orders",
            "mapping": "orders",
            "paging": paging,
            "incremental": (
                {"field": "changed_at", "param": "changed_since"} if incremental else None
            ),
        }
        options = made(
            Rest, base_url=server.url, auth={"bearer": SECRET}, resources={"orders": resource}
        )
        where = place(folder, orders=MAPPING)
        return SourceBench(
            open=lambda: Rest(options, connect=QUICK, clock=CLOCK, place=where), secrets=[SECRET]
        )

    return bench


def paged(shop: Shop, asked: Asked) -> Told:
    """The shop's orders in whichever way they are asked for."""
    query = asked.query
    if "page" in query:
        start = (int(query["page"]) - 1) * 3
    else:
        start = int(query.get("skip", query.get("after", 0)))
    told = shop.answer(
        Asked("GET", "/", {**query, "after": str(start)}, asked.headers, b"", asked.at)
    )
    following = told.json["next"]
    if following is None:
        return told
    since = query.get("changed_since", "")
    link = f"/orders?after={following}&changed_since={since}"
    return Told(json={**told.json, "link": link}, headers={"Link": f'<{link}>; rel="next"'})


def segment(_: ExitStack, __: Path) -> SourceBench:
    event = {
        "type": "track",
        "event": "Hello",
        "messageId": "1",
        "userId": "u",
        "timestamp": "2026-03-01T10:00:00Z",
    }
    body = json.dumps([event, {**event, "messageId": "2"}]).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    options = made(Segment, secret=SECRET)
    return SourceBench(
        open=lambda: Segment(options, connect=no_connection, clock=CLOCK),
        calls=[called(body, {"x-segment-signature": digest})],
        secrets=[SECRET],
    )


def called(body: bytes, headers: dict[str, str]) -> Call:
    return Call(headers=headers, body=body, received_at=to_micros(NOW))


def webhook(_: ExitStack, folder: Path) -> SourceBench:
    where = place(folder, orders=MAPPING)
    body = json.dumps([{"id": "1", "at": "2026-03-01T10:00:00Z", "customer": {"id": "c"}}]).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    options = made(Webhook, mapping="orders", verify="hmac", secret=SECRET)
    return SourceBench(
        open=lambda: Webhook(options, connect=no_connection, clock=CLOCK, place=where),
        calls=[called(body, {"x-signature": digest})],
        secrets=[SECRET],
    )


def zendesk(stack: ExitStack, _: Path) -> SourceBench:
    account = zendesk_account.Account()
    account.users = [
        {
            "id": 900 + number,
            "name": f"C {number}",
            "email": f"c{number}@example.com",
            "role": "end-user",
            "active": True,
            "created_at": "2026-01-01T08:00:00Z",
            "updated_at": f"2026-02-{number:02d}T08:00:00Z",
        }
        for number in range(1, 8)
    ]
    server = stack.enter_context(zendesk_account.zendesk(account))
    options = made(
        Zendesk,
        url=server.url,
        email=zendesk_account.EMAIL,
        api_token=zendesk_account.API_TOKEN,
        signing_secret=SECRET,
    )
    told = {"type": "zen:event-type:user.name_changed", "detail": {"id": "901", "email": "x@e.co"}}
    body, at = json.dumps(told).encode(), NOW.isoformat()
    headers = {
        "x-zendesk-webhook-signature": base64_hmac_sha256(SECRET, at.encode() + body),
        "x-zendesk-webhook-signature-timestamp": at,
    }
    return SourceBench(
        open=lambda: Zendesk(options, connect=unhurried(server.url), clock=CLOCK),
        calls=[called(body, headers)],
        secrets=[SECRET, zendesk_account.API_TOKEN],
    )


def unhurried(url: str) -> Callable[..., Any]:
    """Connects to a server of this machine without keeping to a rate."""
    connect = local(url)
    return lambda base, **more: connect(base, **{**more, "per_second": None})


def hubspot(stack: ExitStack, _: Path) -> SourceBench:
    portal = hubspot_portal.Portal()
    for number in range(1, 130):
        at = datetime(2026, 2, 1, 8, tzinfo=UTC) + timedelta(milliseconds=1_001 * number)
        portal.add("contacts", number, at.isoformat(), email=f"c{number}@example.com")
    server = stack.enter_context(hubspot_portal.hubspot(portal))
    options = made(HubSpot, token=hubspot_portal.TOKEN, client_secret=SECRET, url=server.url)
    return SourceBench(
        open=lambda: HubSpot(options, connect=unhurried(server.url), clock=CLOCK),
        secrets=[SECRET, hubspot_portal.TOKEN],
    )


def salesforce(stack: ExitStack, _: Path) -> SourceBench:
    org = salesforce_org.Org()
    org.tables["Contact"] = [
        {
            "Id": f"003{number:012d}AAA",
            "SystemModstamp": f"2026-02-{1 + number // 2:02d}T10:00:00.000+0000",
            "FirstName": f"First{number}",
            "LastName": f"Last{number}",
            "Email": f"c{number}@example.com",
            "Phone": None,
            "MailingCountry": "Spain",
            "Account": {"Name": "Tea Ltd", "Industry": "Tea"},
            "HasOptedOutOfEmail": number % 2 == 0,
        }
        for number in range(1, 8)
    ]
    stack.enter_context(salesforce_org.salesforce(org))
    options = made(
        Salesforce,
        login_url=org.url,
        client_id=salesforce_org.CLIENT_ID,
        username=salesforce_org.USERNAME,
        private_key=org.private_key,
    )
    return SourceBench(
        open=lambda: Salesforce(options, connect=QUICK, clock=SystemClock()),
        secrets=[org.private_key],
    )


def stripe(stack: ExitStack, _: Path) -> SourceBench:
    account = stripe_account.Account(most=3)
    for number in range(1, 8):
        account.customer(f"cus_{number}", f"c{number}@example.com", at=number * 3_600)
        account.charge(f"ch_{number}", f"cus_{number}", 86_400 + number * 60)
    account.refund("re_1", "ch_2", 2 * 86_400)
    server = stack.enter_context(scripted_server(account.answer))
    options = made(Stripe, api_key=stripe_account.KEY, webhook_secret=stripe_account.SECRET)
    charge = next(one for one in account.objects if one["id"] == "ch_1")
    event = account.happened("evt_1", "charge.succeeded", 2 * 86_400, charge)
    account.objects.remove(event)
    body, at = stripe_account.as_sent(event), str(int(NOW.timestamp()))
    key = stripe_account.SECRET.encode()
    digest = hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return SourceBench(
        open=lambda: Stripe(options, connect=unhurried(f"{server.url}/v1"), clock=CLOCK),
        calls=[called(body, {"stripe-signature": f"t={at},v1={digest}"})],
        secrets=[stripe_account.SECRET, stripe_account.KEY],
    )


def woocommerce(stack: ExitStack, _: Path) -> SourceBench:
    shop = woocommerce_shop.Shop()
    for number in range(1, 5):
        shop.customer(number, f"c{number}@example.com")
        shop.order(10 + number, at=f"2026-02-{number:02d}T10:00:00", customer_id=number)
        shop.product(900 + number)
    order = shop.order(20, at="2026-02-20T10:00:00", customer_id=1)
    shop.refund(order, 51, "10.00", at="2026-02-21T10:00:00")
    server = stack.enter_context(scripted_server(shop.answer))
    options = made(
        WooCommerce,
        url="https://shop.example",
        consumer_key=woocommerce_shop.KEY,
        consumer_secret=woocommerce_shop.SECRET,
        webhook_secret=woocommerce_shop.WEBHOOK_SECRET,
    )
    headers, body = woocommerce_shop.signed("order.updated", shop.orders[0])
    return SourceBench(
        open=lambda: WooCommerce(
            options, connect=unhurried(f"{server.url}/wp-json/wc/v3"), clock=CLOCK
        ),
        calls=[called(body, headers)],
        secrets=[woocommerce_shop.SECRET, woocommerce_shop.WEBHOOK_SECRET],
    )


def shopify(stack: ExitStack, _: Path) -> SourceBench:
    shop = shopify_shop.Shop()
    for number in range(1, 5):
        shop.customer(number, f"c{number}@example.com", at=f"2026-02-{number:02d}T09:00:00Z")
        shop.order(10 + number, at=f"2026-02-{number + 9:02d}T10:00:00Z", customer=number)
    shop.refund(shop.orders[0], 51, at="2026-02-20T10:00:00Z")
    server = stack.enter_context(scripted_server(shop.answer))
    options = made(
        Shopify,
        shop=shopify_shop.SHOP,
        token=shopify_shop.TOKEN,
        client_secret=shopify_shop.SECRET,
    )
    order = shopify_shop.order_webhook(shop.orders[1])
    headers, body = shopify_shop.signed("orders/updated", order)
    return SourceBench(
        open=lambda: Shopify(options, connect=unhurried(server.url), clock=CLOCK),
        calls=[called(body, headers)],
        secrets=[shopify_shop.SECRET, shopify_shop.TOKEN],
    )


BENCHES: dict[str, Make] = {
    "tracking": tracking,
    "rest by cursor": rest({"by": "cursor", "at": "next", "param": "after"}),
    "rest by link": rest({"by": "next_link", "at": "link"}),
    "rest by header": rest({"by": "link_header"}),
    "rest by page": rest({"by": "page", "param": "page"}),
    "rest by offset": rest({"by": "offset", "param": "skip"}, incremental=False),
    "segment": segment,
    "webhook": webhook,
    "zendesk": zendesk,
    "hubspot": hubspot,
    "salesforce": salesforce,
    "stripe": stripe,
    "woocommerce": woocommerce,
    "shopify": shopify,
}


@pytest.mark.parametrize("name", BENCHES)
def test_every_source_keeps_every_law(name: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        bench = BENCHES[name](stack, tmp_path)
        for law in LAWS:
            law(bench)
        source = bench.open()
        brought = [
            event for one in source.offered() for page in bench.pulled(one) for event in page.events
        ]
        source.close()
        assert len(brought) >= 4 or not source.offered()  # They were tried on something.


class Options(msgspec.Struct, forbid_unknown_fields=True):
    """Of a source that breaks laws."""


def broken(
    pages: Callable[[str | None], list[Page]], takes: Callable[[Call], Page] | None = None
) -> SourceBench:
    class Broken(Source):
        streams = ("facts",)
        pushes = takes is not None

        def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
            yield from pages(cursor)

        def receive(self, call: Call) -> Page:
            assert takes is not None
            return takes(call)

    Broken.Options = Options
    return SourceBench(
        open=lambda: Broken(Options(), connect=no_connection, clock=CLOCK),
        calls=[Call(headers={}, body=b"{}")] if takes else [],
    )


def fact(number: int, **stated: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Hello",
        "messageId": str(number),
        "userId": "u",
        "timestamp": "2026-03-01T10:00:00Z",
        **stated,
    }


def test_laws_find_what_breaks_them() -> None:
    def forgetful(cursor: str | None) -> list[Page]:
        # Its cursor stands before the page's end: what lies between is never asked for again.
        return [] if cursor else [Page(events=[fact(1)], cursor="x"), Page(events=[fact(2)])]

    turns = iter(range(100))
    for law, bench in (
        (it_goes_on_from_every_page, broken(forgetful)),
        (asked_again_it_says_the_same, broken(lambda _: [Page(events=[fact(next(turns))])])),
        (
            one_id_one_fact,
            broken(lambda _: [Page(events=[fact(1), fact(1, event="Another")])]),
        ),
        (everything_can_be_used, broken(lambda _: [Page(events=[fact(1, event="")])])),
        (everything_can_be_used, broken(lambda _: [Page(events=[fact(1, timestamp=None)])])),
        (everything_can_be_used, broken(lambda _: [Page(items=[{"item": "cup"}])])),
        (
            after_the_end_there_is_nothing_new,
            broken(lambda cursor: [Page(events=[fact(2 if cursor else 1)], cursor="x")]),
        ),
        (what_was_tampered_with_is_refused, broken(lambda _: [], lambda _: Page())),
    ):
        with pytest.raises(LawBroken):
            law(bench)
