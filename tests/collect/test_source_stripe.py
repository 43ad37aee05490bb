"""Stripe: what an account knows ends up on the right people, once, whatever happens on the way."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from brought import Known, count_people, known, lines, local, pull_all, put
from called import place
from defined import refusal
from stripe_account import DESCRIPTION, KEY, SECRET, START, Account, as_sent
from taken_in import events

from scripted_server import ScriptedServer, Told, scripted_server
from vocative.clock import FixedClock, to_micros
from vocative.collect.sources._http import SourceRefused
from vocative.collect.sources.base import Call, NotGenuine, NotReadable, Place
from vocative.collect.sources.stripe import API_VERSION, Stripe, StripeOptions
from vocative.errors import DataError
from vocative.workspace import Workspace

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
DAY = 86_400
Open = Callable[..., Stripe]


@pytest.fixture
def account() -> Account:
    """An account with two customers, a guest, payments, a subscription and an opt-in."""
    made = Account()
    made.customer("cus_ana", "ana@example.com", metadata={"shop_id": "17"})
    made.customer("cus_bo", "bo@example.com", preferred_locales=["de"])
    made.charge("ch_1", "cus_ana", DAY, metadata={"order": "1001"})
    made.charge("ch_2", "cus_ana", 2 * DAY)
    made.refund("re_1", "ch_2", 3 * DAY)
    made.charge(
        "ch_3", "cus_bo", 4 * DAY, status="failed", paid=False, failure_code="card_declined"
    )
    made.charge("ch_4", "cus_bo", 5 * DAY, captured=False)
    made.charge(
        "ch_5", None, 6 * DAY, billing_details={"email": "guest@example.com", "name": "Guy"}
    )
    made.charge("ch_6", None, 7 * DAY, billing_details={"email": None})
    made.add(
        "subscription",
        "sub_1",
        8 * DAY,
        status="canceled",
        currency="gbp",
        customer="cus_bo",
        start_date=START + 8 * DAY,
        canceled_at=START + 9 * DAY,
        ended_at=START + 10 * DAY,
        items={"data": [{"quantity": 1, "price": {"product": "prod_1", "unit_amount": 900}}]},
    )
    made.add("subscription", "sub_2", 8 * DAY, status="incomplete", customer="cus_bo", start_date=1)
    made.invoice("in_1", "cus_bo", 9 * DAY, lines=12)
    made.add(
        "checkout.session",
        "cs_1",
        11 * DAY,
        status="complete",
        customer=None,
        customer_details={"email": "guest@example.com", "name": "Guy", "address": None},
        consent={"promotions": "opt_in", "terms_of_service": None},
    )
    made.add("checkout.session", "cs_2", 11 * DAY, status="open", consent=None)
    return made


@pytest.fixture
def server(account: Account) -> Iterator[ScriptedServer]:
    with scripted_server(account.answer) as started:
        yield started


@pytest.fixture
def opened(server: ScriptedServer, clock: FixedClock) -> Iterator[Open]:
    made: list[Stripe] = []

    def of(place: Place | None = None, **told: Any) -> Stripe:
        options = StripeOptions(**{"api_key": KEY, "webhook_secret": SECRET, **told})
        made.append(Stripe(options, connect=local(f"{server.url}/v1"), clock=clock, place=place))
        return made[-1]

    yield of
    for one in made:
        one.close()


def person(workspace: Workspace, email: str) -> Known:
    found = known(workspace, "email", email)
    assert found is not None
    return found


def signature(body: bytes, at: datetime = NOW, secret: str = SECRET) -> str:
    import hashlib
    import hmac

    stated = str(int(at.timestamp()))
    digest = hmac.new(secret.encode(), f"{stated}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stated},v1={digest}"


def call(body: bytes, stated: str | None = None, at: datetime = NOW) -> Call:
    headers = {"stripe-signature": signature(body) if stated is None else stated}
    return Call(headers=headers, body=body, received_at=to_micros(at))


def test_history_lands_on_its_people(workspace: Workspace, opened: Open) -> None:
    put(workspace, pull_all(opened(), {}))
    assert count_people(workspace) == 3, "two customers and a guest"
    ana = person(workspace, "ana@example.com")
    assert ana.names == ["Payment Succeeded", "Payment Succeeded", "Payment Refunded"]
    assert ana.personal["full_name"] == "Ana Lovelace"
    assert ana.personal["stripe_id"] == "cus_ana"
    assert known(workspace, "user_id", "17") is None, "what an id means has to be said"
    bo = person(workspace, "bo@example.com")
    assert bo.names == [
        "Payment Failed",
        "Subscription Started",
        "Subscription Cancelled",
        "Invoice Paid",
        "Subscription Ended",
    ]
    guest = person(workspace, "guest@example.com")
    assert guest.names == ["Payment Succeeded", "Consent Given"]
    assert guest.allowed() == [("given", "2026-02-12T00:00:00+00:00")]
    assert known(workspace, "email", "typed@example.com") is None
    assert ana.revenue == bo.revenue == 0, "the shop tells of orders"
    assert len([one for one in events(workspace) if one["person_id"] is None]) == 1


def test_payments_can_be_orders(workspace: Workspace, opened: Open) -> None:
    source = opened(orders="payments", user_id_key="shop_id", order_id_key="order")
    put(workspace, pull_all(source, {}))
    ana = known(workspace, "user_id", "17")
    assert ana is not None
    assert ana.personal["email"] == "ana@example.com"
    bought = [
        (one["name"], one["order_id"], one["revenue"]) for one in ana.events if one["revenue"]
    ]
    assert bought == [
        ("Order Completed", "1001", 25),
        ("Order Completed", "pi_ch_2", 25),
        ("Order Refunded", "pi_ch_2", -10),
    ]
    assert {one["currency"] for one in ana.events if one["revenue"]} == {"GBP"}


def test_invoices_can_be_orders(workspace: Workspace, opened: Open) -> None:
    put(workspace, pull_all(opened(orders="invoices"), {}))
    bo = person(workspace, "bo@example.com")
    assert bo.revenue == 120
    bought = lines(workspace, "Order Completed")
    assert len(bought) == 12, "lines beyond the first page are there, too"
    assert {(one["price"], one["quantity"]) for one in bought} == {(5, 2)}
    ana = person(workspace, "ana@example.com")
    assert ana.names == ["Payment Succeeded", "Payment Succeeded", "Order Refunded"]


def test_long_lists_survive_crashes(workspace: Workspace, account: Account, opened: Open) -> None:
    account.most = 7
    for number in range(60):
        account.charge(f"ch_many_{number}", "cus_ana", 20 * DAY + number // 4)
    cursors: dict[str, str | None] = {}
    now = int(NOW.timestamp()) - START
    for number, pages_a_time in enumerate((1, 2, 3, 1)):
        pages = pull_all(opened(), cursors)
        put(workspace, [next(pages) for _ in range(pages_a_time)])
        # What comes meanwhile is in front of what was read.
        account.charge(f"ch_late_{number}", "cus_ana", now + number)
        pages.close()
    for _ in range(2):
        put(workspace, pull_all(opened(), cursors))
    paid = [one["order_id"] for one in events(workspace) if one["name"] == "Payment Succeeded"]
    assert len(paid) == len(set(paid)) == 60 + 4 + 4


def test_changes_come_once(
    workspace: Workspace, account: Account, opened: Open, clock: FixedClock
) -> None:
    cursors: dict[str, str | None] = {}
    put(workspace, pull_all(opened(), cursors))
    clock.advance(timedelta(hours=1))
    late = int(clock.now().timestamp()) - START - 60
    (ana,) = [one for one in account.objects if one["id"] == "cus_ana"]
    ana["email"] = "ana.new@example.com"
    changed = account.happened("evt_1", "customer.updated", late, ana)
    (held,) = [one for one in account.objects if one["id"] == "ch_4"]
    held["captured"] = True
    captured = account.happened("evt_2", "charge.captured", late + 1, held)
    back = account.refund("re_2", "ch_1", late + 2)
    returned = account.happened("evt_3", "refund.created", late + 2, back)
    whole = account.invoice("in_2", "cus_bo", late, lines=11)
    account.happened("evt_4", "invoice.paid", late + 3, whole)
    pushed = [
        opened().receive(call(as_sent(event), signature(as_sent(event), clock.now()), clock.now()))
        for event in (changed, captured, returned)
    ]
    assert not pushed[2].events, "a webhook does not say whose it was: the next pull does"
    put(workspace, pushed)
    put(workspace, pull_all(opened(), cursors))
    put(workspace, pull_all(opened(), cursors))
    given_back = [one for one in events(workspace) if one["name"] == "Payment Refunded"]
    assert len(given_back) == 2
    assert person(workspace, "bo@example.com").names.count("Payment Succeeded") == 1
    assert person(workspace, "bo@example.com").names.count("Invoice Paid") == 2
    assert person(workspace, "ana.new@example.com").names == ["Payment Refunded"]


def test_what_is_not_wanted_is_not_asked_for(opened: Open, tmp_path: Path) -> None:
    wanted = replace(place(tmp_path), since=datetime(2026, 2, 6, tzinfo=UTC))
    told = {page.events[0]["messageId"] for page in opened(place=wanted).pull("payments", None)}
    assert told == {"stripe:guest:ch_5"}
    assert next(opened(place=wanted).pull("customers", None)).events


@pytest.mark.parametrize(("key", "count"), [(None, 3), ("shop_id", 2)])
def test_a_new_address_is_somebody_else_unless_the_shop_says_who(
    workspace: Workspace, account: Account, opened: Open, key: str | None, count: int
) -> None:
    """A firm's bills may go to somebody else from now on: nobody becomes that person by it."""
    source = opened(user_id_key=key)
    put(workspace, source.pull("customers", None))
    ana = {**account.objects[0], "email": "cy@example.com"}
    event = account.happened("evt_1", "customer.updated", 20 * DAY, ana)
    put(workspace, [source.receive(call(as_sent(event)))])
    assert count_people(workspace) == count


def test_a_gap_is_not_passed_over(opened: Open, clock: FixedClock) -> None:
    (first,) = opened().pull("changes", None)
    clock.advance(timedelta(days=31))
    with pytest.raises(DataError, match="30 days") as gap:
        list(opened().pull("changes", first.cursor))
    assert "--again" in (gap.value.hint or "")
    with pytest.raises(DataError, match="cursor"):
        list(opened().pull("payments", "x"))


def test_trouble_on_the_way_costs_nothing_but_time(
    workspace: Workspace, account: Account, opened: Open
) -> None:
    account.troubles = [
        Told(429, headers={"retry-after": "0"}),
        Told(500),
        Told(200, {"data": []}, cut=True),
    ]
    put(workspace, pull_all(opened(), {}))
    assert count_people(workspace) == 3
    with pytest.raises(SourceRefused, match="401") as refused:
        list(opened(api_key="sk_live_abcdefghijklmnop").pull("payments", None))
    assert "sk_live" not in str(refused.value)


def test_a_strange_object_does_not_harm_the_others(account: Account, opened: Open) -> None:
    strange = [{"id": "ch_x"}, {"id": "ch_y", "created": "soon"}]
    account.troubles = [Told(json={"data": [*strange, account.objects[2]], "has_more": False})]
    (page,) = opened().pull("payments", None)
    assert sum(page.rejected.values()) == 2
    assert [event["messageId"] for event in page.events] == ["stripe:charge:ch_1:succeeded"]
    account.troubles = [Told(json=["x"])]
    with pytest.raises(DataError):
        list(opened().pull("payments", None))


def test_only_stripe_is_believed(account: Account, opened: Open) -> None:
    source = opened()
    body = as_sent(account.happened("evt_1", "charge.succeeded", 0, account.objects[2]))
    assert source.receive(call(body)).events
    older, newer = signature(body, secret="whsec_old"), signature(body)
    both = f"{older},{newer.partition(',')[2]}"
    assert source.receive(call(body, both)).events, "a secret is being exchanged"
    wrong = [
        "",
        "t=1",
        "t=,v1=",
        older,
        signature(body, NOW - timedelta(minutes=6)),
        signature(body, NOW + timedelta(minutes=6)),
        f"t=99999999999999999999,{newer.partition(',')[2]}",
        f"t=²,{newer.partition(',')[2]}",
        f"{newer},t=5",
        "v1=é,t=1772443800",
    ]
    for stated in wrong:
        with pytest.raises(NotGenuine):
            source.receive(call(body, stated))
    with pytest.raises(NotGenuine):
        source.receive(Call(headers={"stripe-signature": newer}, body=body + b" ", received_at=0))
    with pytest.raises(NotGenuine):
        opened(webhook_secret=None).receive(call(body, signature(body, secret="")))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"\xff"', b"[" * 100_000, b'{"id": {}}'])
def test_what_stripe_would_not_send_is_refused(opened: Open, body: bytes) -> None:
    with pytest.raises(NotReadable):
        opened().receive(call(body))
    event = {"id": "e", "type": "charge.succeeded", "created": 1, "data": {"object": {}}}
    assert not opened().receive(call(json.dumps(event).encode())).events
    event["data"] = {"object": {"object": "charge"}}
    with pytest.raises(NotReadable):
        opened().receive(call(json.dumps(event).encode()))


def test_a_definition_must_say_something(workspace: Workspace, opened: Open) -> None:
    for stated in ({}, {"api_key": KEY}):
        refusal(workspace, kind="stripe", **stated)
    assert opened(api_key=None).offered() == ()


def test_stripes_own_code_signs_what_we_believe(account: Account, opened: Open) -> None:
    stripe = pytest.importorskip("stripe", reason="no stripe: run `make vendors`")
    body = as_sent(account.happened("evt_1", "charge.succeeded", 0, account.objects[2]))
    at = int(NOW.timestamp())
    theirs = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET, timestamp=at)
    assert opened().receive(call(body, theirs)).events
    assert stripe.WebhookSignature.verify_header(body.decode(), signature(body), SECRET)
    assert stripe.api_version == API_VERSION


def test_stripes_own_client_finds_the_same(
    account: Account, server: ScriptedServer, opened: Open
) -> None:
    """Our server pages as Stripe's client expects, and we ask as it does."""
    stripe = pytest.importorskip("stripe", reason="no stripe: run `make vendors`")
    account.most = 3
    http = stripe.RequestsClient(timeout=5)
    client = stripe.StripeClient(
        KEY, stripe_version=API_VERSION, base_addresses={"api": server.url}, http_client=http
    )
    params = {"limit": 100, "created": {"gte": START}}
    theirs = {one.id for one in client.v1.charges.list(params=params).auto_paging_iter()}
    their_questions = [(one.path, sorted(parse_qsl(one.raw_query))) for one in server.asked]
    server.asked.clear()
    cursor = json.dumps({"since": None, "began_at": START + 600, "after": None})
    pages = list(opened().pull("payments", cursor))
    assert theirs == {f"ch_{number}" for number in range(1, 7)}
    assert [(one.path, sorted(parse_qsl(one.raw_query))) for one in server.asked] == their_questions
    assert len(pages) == 2
    client.v1.charges.list(params={"limit": 1})
    ours = server.asked[0].headers
    for name in ("authorization", "stripe-version"):
        assert server.asked[-1].headers[name] == ours[name]
    http.close()


def test_stripe_would_understand_every_question(
    account: Account, server: ScriptedServer, opened: Open
) -> None:
    openapi_core = pytest.importorskip("openapi_core", reason="no openapi-core: run `make vendors`")
    if not DESCRIPTION.exists():
        pytest.skip("Stripe's description is not here: run `make vendors`")
    from openapi_core.exceptions import OpenAPIError
    from openapi_core.testing import MockRequest

    account.most = 1
    cursors: dict[str, str | None] = {}
    list(pull_all(opened(), cursors))
    list(pull_all(opened(), cursors))
    # Whether the description itself is right is not asked: that takes seconds.
    config = openapi_core.Config(spec_validator_cls=None)
    openapi = openapi_core.OpenAPI(_described([one.path for one in server.asked]), config)

    def judge(path: str, query: list[tuple[str, str]]) -> None:
        request = MockRequest(
            "https://api.stripe.com",
            "get",
            path,
            args=query,
            headers={"Authorization": f"Bearer {KEY}"},
            content_type="application/x-www-form-urlencoded",
            data=b"",
        )
        openapi.validate_request(request)

    questions = {(one.path, one.raw_query) for one in server.asked}
    assert len({path for path, _ in questions}) >= 8
    for path, raw in questions:
        judge(path, [(name.removesuffix("[]"), value) for name, value in parse_qsl(raw)])
    for path, query in (("/v1/charges", [("limit", "many")]), ("/v1/orders_of_tea", [])):
        with pytest.raises(OpenAPIError):
            judge(path, query)


def _described(paths: list[str]) -> Any:
    """Stripe's description, without the paths that are not asked."""
    from jsonschema_path import SchemaPath

    told = json.loads(DESCRIPTION.read_text())
    kept = {"/v1/charges/{charge}", "/v1/invoices/{invoice}/lines", *paths}
    told["paths"] = {path: one for path, one in told["paths"].items() if path in kept}
    for path in told["paths"].values():
        for parameter in path["get"]["parameters"]:
            if parameter["schema"].get("type") == "array":
                # A list `name[]` is no style of OpenAPI's; openapi-core reads it as `name`.
                parameter["style"] = "form"
            for one in parameter["schema"].get("anyOf", []):
                # A range or an instant: openapi-core takes no choice here. We ask for ranges.
                if one.get("type") == "object":
                    parameter["schema"] = one
    return SchemaPath.from_dict(told)
