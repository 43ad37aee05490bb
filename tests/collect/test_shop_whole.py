"""Shops from their definitions to people: pulled by the runner, called back over our route."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import shopify_shop
import stripe_account
import woocommerce_shop
from asked import ask
from brought import IMPATIENT, items
from defined import defined
from shopify_shop import order_webhook
from taken_in import events, people

from scripted_server import scripted_server
from vocative.clock import FixedClock
from vocative.collect.sources import _http
from vocative.collect.sourcing.definitions import find_source
from vocative.collect.sourcing.listing import show_source
from vocative.collect.sourcing.pulling import Outcome, only, pull_source
from vocative.identify.apply import apply_log
from vocative.server.app import create_app
from vocative.workspace import Workspace

ADDRESSES = [f"c{number}@example.com" for number in range(1, 6)]
KINDS = ("shopify", "stripe", "woocommerce")


class World:
    """A shop of a kind: five accounts on several pages, each with an order or a payment."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.shopify = shopify_shop.Shop(most_first=2)
        self.woocommerce = woocommerce_shop.Shop()
        self.stripe = stripe_account.Account(most=2)
        for number, email in enumerate(ADDRESSES, start=1):
            at = f"2026-02-0{number}T10:00:00"
            self.shopify.customer(number, email, at=f"{at}Z")
            self.shopify.order(10 + number, at=f"{at}Z", customer=number)
            self.woocommerce.customer(number, email)
            self.woocommerce.order(10 + number, at=at, customer_id=number)
            self.stripe.customer(f"cus_{number}", email, number)
            self.stripe.charge(f"ch_{number}", f"cus_{number}", 86_400 * number)
        self.woocommerce.product(900)

    @property
    def server(self) -> Any:
        return {
            "shopify": self.shopify,
            "stripe": self.stripe,
            "woocommerce": self.woocommerce,
        }[self.kind].answer

    def definition(self) -> dict[str, Any]:
        """What the file of the source says."""
        secrets = {
            "shopify": ("token", "webhook_secret"),
            "stripe": ("api_key", "webhook_secret"),
            "woocommerce": ("consumer_key", "consumer_secret", "webhook_secret"),
        }[self.kind]
        more = {
            "shopify": {"shop": shopify_shop.SHOP},
            "stripe": {"orders": "payments"},
            "woocommerce": {"url": "https://shop.example", "per_second": 100},
        }[self.kind]
        return {"kind": self.kind, **{name: f"env:CRM_{name.upper()}" for name in secrets}, **more}

    def webhook(self, clock: FixedClock) -> tuple[dict[str, str], bytes]:
        """Of the first order or payment, which is known already."""
        if self.kind == "shopify":
            headers, body = shopify_shop.signed(
                "orders/updated", order_webhook(self.shopify.orders[0])
            )
        elif self.kind == "woocommerce":
            headers, body = woocommerce_shop.signed("order.updated", self.woocommerce.orders[0])
        else:
            (charge,) = [one for one in self.stripe.objects if one["id"] == "ch_1"]
            event = {"id": "evt_1", "type": "charge.succeeded", "created": 1}
            body = json.dumps({**event, "data": {"object": charge}}).encode()
            signed = f"{int(clock.now().timestamp())}.".encode() + body
            digest = hmac.new(stripe_account.SECRET.encode(), signed, hashlib.sha256).hexdigest()
            headers = {"stripe-signature": f"t={int(clock.now().timestamp())},v1={digest}"}
        return {name.replace("-", "_"): value for name, value in headers.items()}, body


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for name, value in {
        "TOKEN": shopify_shop.TOKEN,
        "API_KEY": stripe_account.KEY,
        "CONSUMER_KEY": woocommerce_shop.KEY,
        "CONSUMER_SECRET": woocommerce_shop.SECRET,
        "WEBHOOK_SECRET": {
            "shopify": shopify_shop.SECRET,
            "stripe": stripe_account.SECRET,
            "woocommerce": woocommerce_shop.WEBHOOK_SECRET,
        }[request.param],
    }.items():
        monkeypatch.setenv(f"CRM_{name}", value)
    return World(request.param)


def pull(workspace: Workspace, url: str, *, pages: int = 100) -> Outcome:
    """One pull of all streams, which ends after some pages."""
    asked = count()

    def to_the_server(
        base_url: str, *, per_second: float | None = None, **given: Any
    ) -> _http.Http:
        path = "/" + base_url.removeprefix("https://").partition("/")[2]
        return _http.connect(f"{url}{path}", patience=IMPATIENT, **given)

    return pull_source(
        workspace,
        find_source(workspace, "crm"),
        only(None),
        connect=to_the_server,
        wanted=lambda: next(asked) < pages,
    )


def test_from_a_definition_to_people(world: World, workspace: Workspace, clock: FixedClock) -> None:
    defined(workspace, **world.definition())
    with scripted_server(world.server) as server:
        for pages in (1, 2, 100, 100):
            outcome = pull(workspace, server.url, pages=pages)
        assert outcome.failure is None
    headers, body = world.webhook(clock)
    face = create_app(workspace)
    assert ask(face, "/v1/hooks/crm", body, **headers).status == 200
    assert ask(face, "/v1/hooks/crm", body + b" ", **headers).status == 401
    apply_log(workspace)
    assert [one["vault"]["email"] for one in people(workspace)] == ADDRESSES
    bought = events(workspace, "Order Completed")
    assert len({one["person_id"] for one in bought}) == len(bought) == 5
    assert {one["revenue"] for one in bought} == ({15} if world.kind == "shopify" else {25})
    allowed = [one for one in people(workspace) if one["consents"]]
    assert len(allowed) == (5 if world.kind == "shopify" else 0)
    assert set(items(workspace)) == ({"900"} if world.kind == "woocommerce" else set())
    listed = show_source(workspace, "crm")
    assert listed.rejected == {}
    assert listed.duplicates
    assert {one.state for one in listed.streams} == {"waiting"}


@pytest.mark.parametrize("world", ["shopify"], indirect=True)
def test_what_people_allow_is_never_too_old(world: World, workspace: Workspace) -> None:
    world.shopify.customers[0]["defaultEmailAddress"]["marketingState"] = "UNSUBSCRIBED"
    defined(workspace, **world.definition(), since="2026-02-04")
    with scripted_server(world.server) as server:
        assert pull(workspace, server.url).failure is None
    apply_log(workspace)
    assert [one["consents"][0][1] for one in people(workspace)] == ["withdrawn", *["given"] * 4]
    assert len(events(workspace, "Order Completed")) == 2
