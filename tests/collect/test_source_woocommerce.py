"""WooCommerce: what a shop knows ends up on the right people, once, whatever happens on the way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from brought import Known, count_people, items, known, lines, local, pull_all, put
from called import place
from defined import defined, refusal
from taken_in import events
from woocommerce_shop import KEY, SECRET, WEBHOOK_SECRET, Shop, signed

from scripted_server import Told, scripted_server
from vocative.clock import FixedClock, to_micros
from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sources.base import Call, NotGenuine, NotReadable, Page, Place
from vocative.collect.sources.woocommerce import WooCommerce, WooCommerceOptions
from vocative.errors import DataError
from vocative.workspace import Workspace

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
Open = Callable[..., WooCommerce]


@pytest.fixture
def shop() -> Shop:
    """A shop with two accounts, guests, and orders in every state."""
    made = Shop()
    made.customer(1, "ana@example.com")
    made.customer(2, "bo@example.com", role="subscriber", date_modified_gmt=None)
    made.order(11, at="2026-02-10T10:00:00", customer_id=1)
    part = made.order(12, at="2026-02-11T10:00:00", customer_id=1)
    made.refund(part, 51, "10.00", at="2026-02-12T10:00:00")
    back = made.order(13, at="2026-02-13T10:00:00", customer_id=1)
    made.refund(back, 52, "10.00", at="2026-02-14T10:00:00")
    made.refund(back, 53, "15.00", at="2026-02-15T10:00:00")
    left = made.order(14, at="2026-02-16T10:00:00", customer_id=2, status="cancelled")
    left["date_modified_gmt"] = "2026-02-16T12:00:00"
    made.order(15, at="2026-02-17T10:00:00", status="pending", date_paid_gmt=None)
    made.order(16, at="2026-02-18T10:00:00", status="cancelled", date_paid_gmt=None)
    made.order(17, at="2026-02-19T10:00:00")
    made.product(900)
    made.product(901, price="", stock_quantity=None, status="draft", images=[], categories=[])
    return made


@pytest.fixture
def opened(shop: Shop, clock: FixedClock) -> Iterator[Open]:
    made: list[WooCommerce] = []
    with scripted_server(shop.answer) as server:

        def of(place: Place | None = None, **told: Any) -> WooCommerce:
            given = {"consumer_key": KEY, "consumer_secret": SECRET, **told}
            options = WooCommerceOptions(
                url="https://shop.example", webhook_secret=WEBHOOK_SECRET, per_second=100, **given
            )
            url = f"{server.url}/wp-json/wc/v3"
            made.append(WooCommerce(options, connect=local(url), clock=clock, place=place))
            return made[-1]

        yield of
        for one in made:
            one.close()


def person(workspace: Workspace, namespace: str, value: str) -> Known:
    found = known(workspace, namespace, value)
    assert found is not None
    return found


def call(topic: str, told: Any, **more: Any) -> Call:
    headers, body = signed(topic, told, **more)
    return Call(headers=headers, body=body, received_at=to_micros(NOW))


def test_history_lands_on_its_people(workspace: Workspace, opened: Open) -> None:
    put(workspace, pull_all(opened(), {}))
    assert count_people(workspace) == 3, "two accounts and a guest"
    ana = person(workspace, "user_id", "woocommerce-1")
    assert ana.personal["email"] == "ana@example.com"
    assert (ana.personal["first_name"], ana.personal["phone"]) == ("Ana", "+447700900123")
    assert ana.names == [
        "Order Completed",
        "Order Completed",
        "Order Refunded",
        "Order Completed",
        "Order Refunded",
        "Order Refunded",
    ]
    assert ana.revenue == 25 + 15 + 0
    bo = person(workspace, "email", "bo@example.com")
    assert bo.names == ["Order Completed", "Order Cancelled"]
    assert bo.revenue == 0
    guest = person(workspace, "email", "typed@example.com")
    assert guest.names == ["Order Completed"], "what was never paid is no order"
    assert guest.personal["first_name"] == "Guy"
    assert guest.personal["email"] == "typed@example.com", "there is an address to write to"
    assert ana.consents == bo.consents == guest.consents == [], "WooCommerce states none"
    (first, *_) = lines(workspace, "Order Completed")
    assert (first["product_id"], first["price"], first["quantity"]) == ("900", 10, 2)
    back = lines(workspace, "Order Refunded")
    assert [(one["price"], one["quantity"]) for one in back] == [(10, -1)] * 3


def test_products_are_items(workspace: Workspace, opened: Open) -> None:
    put(workspace, opened(currency="GBP").pull("products", None))
    tea = items(workspace)["900"]
    assert (tea["title"], tea["category"], tea["price"]) == ("Tea", "Drinks", 12.5)
    assert (tea["stock"], tea["currency"], tea["active"]) == (7, "GBP", 1)
    assert tea["image_url"] == "https://shop.example/tea.jpg"
    assert (items(workspace)["901"]["price"], items(workspace)["901"]["active"]) == (None, 0)
    put(workspace, [opened().receive(call("product.deleted", {"id": 900}))])
    assert (items(workspace)["900"]["active"], items(workspace)["900"]["title"]) == (0, "Tea")


def test_account_ids_can_be_the_shops_own(workspace: Workspace, opened: Open) -> None:
    put(workspace, opened(user_id_prefix="").pull("customers", None))
    assert person(workspace, "user_id", "1").personal["email"] == "ana@example.com"


def test_a_webhook_and_a_pull_of_the_same_fact_count_once(
    workspace: Workspace, shop: Shop, opened: Open
) -> None:
    source = opened()
    calls = [call("order.created", one) for one in shop.orders]
    calls += [call("order.updated", one) for one in shop.orders]
    calls += [call("customer.updated", one) for one in shop.customers]
    put(workspace, [source.receive(one) for one in calls])
    pushed = len(events(workspace))
    put(workspace, pull_all(source, {}))
    assert len(events(workspace)) == pushed + 3, "only the refunds are new"
    assert person(workspace, "email", "ana@example.com").revenue == 40


def test_an_order_is_taken_back_once(workspace: Workspace, shop: Shop, opened: Open) -> None:
    order = shop.order(18, at="2026-02-20T10:00:00", customer_id=1)
    shop.refund(order, 61, "5.00", at="2026-02-21T10:00:00")
    order |= {"status": "cancelled", "date_modified_gmt": "2026-02-22T10:00:00"}
    put(workspace, pull_all(opened(), {}))
    before = person(workspace, "email", "ana@example.com")
    assert before.names[-1] == "Order Cancelled"
    assert before.revenue == 40
    shop.refund(order, 62, "20.00", at="2026-02-23T10:00:00")
    put(workspace, pull_all(opened(), {}))
    assert person(workspace, "email", "ana@example.com").revenue == 40


def test_only_what_changed_is_asked_for(workspace: Workspace, shop: Shop, opened: Open) -> None:
    cursors: dict[str, str | None] = {}
    put(workspace, pull_all(opened(), cursors))
    before = len(events(workspace))
    again = list(opened().pull("orders", cursors["orders"]))
    assert {event["messageId"] for page in again for event in page.events} == {
        "woocommerce:guest:17",
        "woocommerce:order:17:completed",
    }
    put(workspace, again)
    assert len(events(workspace)) == before
    shop.orders[0]["status"] = "completed"
    shop.refund(shop.orders[0], 71, "10.00", at="2026-03-01T10:00:00")
    put(workspace, pull_all(opened(), cursors))
    assert person(workspace, "email", "ana@example.com").revenue == 30


def test_what_is_not_wanted_is_not_asked_for(opened: Open, tmp_path: Path) -> None:
    wanted = replace(place(tmp_path), since=datetime(2026, 2, 15, 12, tzinfo=UTC))
    told = [page.events for page in opened(place=wanted).pull("orders", None)]
    assert [event["properties"]["order_id"] for event in told[0] if "event" in event] == [
        *("14", "14", "17")
    ]


def test_new_accounts_come_at_once_and_all_again_after_a_day(
    workspace: Workspace, shop: Shop, opened: Open, clock: FixedClock
) -> None:
    for number in range(3, 251):
        shop.customer(number, f"p{number}@example.com")
    cursors: dict[str, str | None] = {}
    put(workspace, pull_all(opened(), cursors))
    assert count_people(workspace) == 251
    for number in range(251, 371):
        shop.customer(number, f"p{number}@example.com")
    shop.customers[0]["first_name"] = "Anna"
    shop.customers[0]["date_modified_gmt"] = "2026-03-01T10:00:00"
    shop.asked.clear()
    pages = opened().pull("customers", cursors["customers"])
    put(workspace, [next(pages)])
    put(workspace, opened().pull("customers", cursors["customers"]))
    assert shop.asked == [f"customers id desc {page}" for page in (1, 1, 2)]
    assert count_people(workspace) == 371
    assert person(workspace, "email", "ana@example.com").personal["first_name"] == "Ana"
    clock.advance(timedelta(days=1))
    put(workspace, opened().pull("customers", cursors["customers"]))
    assert person(workspace, "email", "ana@example.com").personal["first_name"] == "Anna"


def test_nothing_is_passed_over_where_much_changed_at_once(
    workspace: Workspace, shop: Shop, opened: Open
) -> None:
    shop.orders.clear()
    for number in range(250):
        shop.order(1_000 + number, at="2026-02-01T10:00:00", customer_id=1)
    for number in range(120):
        at = f"2026-02-01T10:{number // 60 + 1:02}:{number % 60:02}"
        shop.order(2_000 + number, at=at, customer_id=1)
    cursors: dict[str, str | None] = {}
    pages = pull_all(opened(), cursors)
    put(workspace, [next(pages) for _ in range(2)])
    # Killed here. What changes meanwhile moves to the end.
    shop.orders[0]["date_modified_gmt"] = "2026-02-01T10:30:00"
    pages.close()
    put(workspace, pull_all(opened(), cursors))
    bought = [one["order_id"] for one in events(workspace) if one["name"] == "Order Completed"]
    assert len(bought) == len(set(bought)) == 370


def test_trouble_on_the_way_costs_nothing_but_time(
    workspace: Workspace, shop: Shop, opened: Open
) -> None:
    shop.troubles = [
        Told(429, headers={"retry-after": "0"}),
        Told(503),
        Told(200, [{"id": 1}], cut=True),
    ]
    put(workspace, pull_all(opened(), {}))
    assert count_people(workspace) == 3
    shop.troubles = [Told(502)] * 10
    with pytest.raises(SourceDown):
        list(opened().pull("orders", None))


def test_a_refusal_says_what_to_do(shop: Shop, opened: Open) -> None:
    with pytest.raises(SourceRefused, match="401"):
        list(opened(consumer_secret="cs_of_somebody").pull("orders", None))
    for answer in (Told(json={"routes": {}}), Told(200, body=b"<html>a blog</html>")):
        shop.troubles = [answer]
        with pytest.raises(DataError):
            list(opened().pull("orders", None))


def test_a_strange_record_does_not_harm_the_others(shop: Shop, opened: Open) -> None:
    shop.troubles = [Told(json=[{"id": 1}, "x", shop.orders[0]])]
    (page,) = opened().pull("orders", None)
    assert sum(page.rejected.values()) == 2
    assert [event["messageId"] for event in page.events] == ["woocommerce:order:11:completed"]


def test_only_the_shop_is_believed(opened: Open) -> None:
    source = opened()
    headers, body = signed("order.updated", {"id": 1})
    with pytest.raises(NotReadable, match="status"):
        source.receive(Call(headers=headers, body=body))
    for wrong in (
        Call(headers=headers, body=body + b" "),
        Call(headers={**headers, "x-wc-webhook-signature": ""}, body=body),
        Call(headers={}, body=body),
        Call(headers=signed("order.updated", {"id": 1}, secret="")[0], body=body),
    ):
        with pytest.raises(NotGenuine):
            source.receive(wrong)
    no_secret = WooCommerceOptions(url="https://x", consumer_key="k", consumer_secret="s")
    with pytest.raises(NotGenuine):
        WooCommerce(no_secret, connect=local(""), clock=source.clock).receive(
            Call(headers=signed("order.updated", {"id": 1}, secret="")[0], body=body)
        )


def test_a_shop_that_knocks_is_answered(opened: Open) -> None:
    knock = Call(
        headers={"content-type": "application/x-www-form-urlencoded"}, body=b"webhook_id=7"
    )
    assert opened().receive(knock) == Page()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"\xff"', b"[" * 100_000, b'{"id": {}}'])
def test_what_no_shop_would_send_is_refused(opened: Open, body: bytes) -> None:
    for topic in ("order.created", "customer.updated", "product.deleted", "product.created"):
        with pytest.raises(NotReadable):
            opened().receive(call(topic, body))
    assert opened().receive(call("coupon.created", body)) == Page()


def test_an_account_that_is_deleted_is_told_of(workspace: Workspace, opened: Open) -> None:
    source = opened()
    put(workspace, pull_all(source, {}))
    put(workspace, [source.receive(call("customer.deleted", {"id": 1})) for _ in range(2)])
    assert person(workspace, "email", "ana@example.com").names.count("Account Deleted") == 1


def test_a_definition_must_say_where(workspace: Workspace) -> None:
    common = {"kind": "woocommerce", "consumer_key": "env:A", "consumer_secret": "env:B"}
    for url in ("shop.example", "http://shop.example", "https://", "https://a@b", "https://a?b"):
        refusal(workspace, **common, url=url)
    assert defined(workspace, **common, url="https://shop.example/de").options is not None


def test_a_cursor_of_another_source_is_refused(opened: Open) -> None:
    for stream, cursor in (("orders", "x"), ("customers", "x"), ("customers", "{}")):
        with pytest.raises(DataError, match="cursor"):
            list(opened().pull(stream, cursor))
