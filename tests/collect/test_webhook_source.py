"""Any signed webhook: genuine calls become events, what cannot be mapped is kept and told."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from called import call, no_connection, place
from hypothesis import given
from hypothesis import strategies as st

from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.collect.event import EventRefused, read_event
from vocative.collect.records import record_of
from vocative.collect.sources.base import Call, NotGenuine, NotReadable, Page
from vocative.collect.sources.webhook import Webhook, WebhookOptions, verify
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

SECRET = "c2VjcmV0LW9mLXRoZS10ZXN0cw=="
MAPPING = """\
people: {user_id: customer.id, traits: {email: customer.email}}
consents: [{given: newsletter = 'true', withdrawn: newsletter = 'false'}]
events:
  name: "'Order Completed'"
  at: paid_at
  message_id: concat('order:', id)
  properties: {order_id: id, revenue: to_number(total)}
"""
ORDER = {
    "id": 1,
    "paid_at": "2026-03-01T10:00:00Z",
    "total": "12.50",
    "newsletter": False,
    "customer": {"id": "ana", "email": "ana@example.com"},
}


def hmac_of(content: bytes, secret: str = SECRET) -> "hmac.HMAC":
    return hmac.new(secret.encode(), content, hashlib.sha256)


def basic(pair: bytes) -> str:
    return f"Basic {base64.b64encode(pair).decode()}"


@pytest.fixture
def webhook(tmp_path: Path, clock: FixedClock) -> Iterator[Webhook]:
    opened = source(tmp_path, clock)
    yield opened
    opened.close()


def source(folder: Path, clock: FixedClock, **options: Any) -> Webhook:
    given_options = {"mapping": "orders", "verify": "token", "secret": SECRET, **options}
    where = place(folder) if (folder / "orders.yaml").exists() else place(folder, orders=MAPPING)
    return Webhook(WebhookOptions(**given_options), connect=no_connection, clock=clock, place=where)


def receive(webhook: Webhook, body: Any) -> Page:
    return webhook.receive(call(body, webhook.clock.now(), authorization=f"Bearer {SECRET}"))


def test_records_become_people_orders_and_consents(
    webhook: Webhook, workspace: Workspace, clock: FixedClock
) -> None:
    again = receive(webhook, ORDER)
    accept(workspace, receive(webhook, [ORDER, {**ORDER, "id": 2}]).events, source="zapier")
    accept(workspace, again.events, source="zapier")
    report = apply_log(workspace)
    assert report.rejected == {}
    with workspace.store.read() as tx:
        (ana,) = tx.rows("SELECT person_id, purpose, channel, status FROM consents")
        assert workspace.vault.get(tx, ana["person_id"])["email"] == "ana@example.com"
    assert (ana["purpose"], ana["channel"], ana["status"]) == ("marketing", "email", "withdrawn")
    with workspace.engine() as engine:
        rows = engine.rows("SELECT order_id FROM events WHERE name = 'Order Completed' ORDER BY 1")
    assert [row["order_id"] for row in rows] == ["1", "2"]


def test_what_cannot_be_mapped_stays_on_the_log_with_its_reason(
    webhook: Webhook, workspace: Workspace
) -> None:
    broken = {**ORDER, "id": 3, "paid_at": "soon"}
    page = receive(webhook, [broken, ORDER])
    accept(workspace, page.events, source="zapier")
    assert apply_log(workspace).rejected == {"no readable time": 1}
    raw = [one for batch in workspace.log.read(0) for one in batch.events]
    (kept,) = [record for record in map(record_of, raw) if record is not None]
    assert {name: kept[name] for name in broken} == broken


def test_a_mapping_that_is_wrong_loses_nothing(
    webhook: Webhook, tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "orders.yaml").write_text("events: {}\n")
    accept(workspace, receive(webhook, ORDER).events, source="zapier")
    assert apply_log(workspace).rejected == {"the mapping cannot be used": 1}
    (tmp_path / "orders.yaml").write_text(MAPPING)
    assert [event["type"] for event in receive(webhook, ORDER).events] == [
        "identify",
        "track",
        "track",
    ]


def test_a_state_that_comes_back_is_stated_again(
    tmp_path: Path, workspace: Workspace, clock: FixedClock
) -> None:
    """Without a time of its own, what a record says of a person is so when it is heard."""
    (tmp_path / "orders.yaml").write_text(
        "people: {user_id: id, traits: {plan: city}}\n"
        "consents: [{given: news = 'true', withdrawn: news = 'false'}]\n"
    )
    opened = source(tmp_path, clock)
    for city, news in (("Bilbao", True), ("Vigo", False), ("Bilbao", True), ("Vigo", False)):
        page = receive(opened, {"id": "ana", "city": city, "news": news})
        assert page.events[0]["timestamp"] == clock.now().isoformat()
        accept(workspace, page.events, source="zapier")
        clock.advance(timedelta(hours=1))
    opened.close()
    apply_log(workspace)
    with workspace.store.read() as tx:
        ((person_id,),) = tx.tuples("SELECT person_id FROM profiles")
        assert workspace.vault.get(tx, person_id)["plan"] == "Vigo"
        said = tx.tuples("SELECT status FROM consents ORDER BY at")
    # The second yes bears no time: it may be older than the no. Every no is heard.
    assert [status for (status,) in said] == ["given", "withdrawn", "withdrawn"]


def test_how_it_came_is_part_of_a_record(tmp_path: Path, clock: FixedClock) -> None:
    mapping = (
        "people: {anonymous_id: who}\nevents: {name: \"'Pressed'\", at: delivery.received_at,"
        " message_id: delivery.id}\n"
    )
    (tmp_path / "orders.yaml").write_text(mapping)
    with_delivery = source(tmp_path, clock)
    once, again = (receive(with_delivery, {"who": "x"}).events for _ in range(2))
    assert once[-1]["timestamp"] == "2026-03-02T09:30:00Z"
    assert once[-1]["messageId"] == again[-1]["messageId"]
    with_delivery.close()


@pytest.mark.parametrize(
    ("path", "body", "orders"),
    [
        (None, [ORDER, ORDER], 2),
        ("data.orders", {"data": {"orders": [ORDER]}}, 1),
        ("data", {"data": ORDER}, 1),
        (None, [], 0),
    ],
)
def test_one_object_a_list_or_a_list_inside(
    tmp_path: Path, clock: FixedClock, path: str | None, body: Any, orders: int
) -> None:
    opened = source(tmp_path, clock, records=path)
    found = receive(opened, body).events
    opened.close()
    assert sum(event.get("event") == "Order Completed" for event in found) == orders


@pytest.mark.parametrize(
    "body", [b"", b"{", b"1", b'"text"', b"[1]", b"\xff", b'{"a":1', b"[" * 9999]
)
def test_what_is_no_record_is_told(webhook: Webhook, body: bytes) -> None:
    with pytest.raises(NotReadable):
        receive(webhook, body)


def test_a_path_that_leads_nowhere_is_told(tmp_path: Path, clock: FixedClock) -> None:
    opened = source(tmp_path, clock, records="data.orders")
    with pytest.raises(NotReadable, match=r"data\.orders"):
        receive(opened, ORDER)


BODY = json.dumps(ORDER).encode()
GENUINE = [
    ({"verify": "hmac"}, {"x_signature": hmac_of(BODY).hexdigest()}),
    ({"verify": "hmac"}, {"x_signature": hmac_of(BODY).hexdigest().upper()}),
    ({"verify": "hmac"}, {"x_signature": base64.b64encode(hmac_of(BODY).digest()).decode()}),
    (
        {"verify": "hmac", "header": "X-Hub-Signature-256"},
        {"x_hub_signature_256": f"sha256={hmac_of(BODY).hexdigest()}"},
    ),
    ({"verify": "token"}, {"authorization": f"Bearer {SECRET}"}),
    ({"verify": "token", "header": "X-Hook-Token"}, {"x_hook_token": SECRET}),
    ({"verify": "basic"}, {"authorization": basic(f"vocative:{SECRET}".encode())}),
    ({"verify": "basic", "user": "make"}, {"authorization": basic(f"make:{SECRET}".encode())}),
]


@pytest.mark.parametrize(("options", "headers"), GENUINE)
def test_genuine_calls_are_let_in_and_others_are_not(
    clock: FixedClock, options: dict[str, str], headers: dict[str, str]
) -> None:
    checked = WebhookOptions(mapping="orders", secret=SECRET, **options)  # type: ignore[arg-type]
    now = clock.now()
    verify(call(BODY, now, **headers), checked, now)
    (name, value), *_ = headers.items()
    wrong = [{}, {name: ""}, {name: value[:-3]}, {name: value + "A"}, {name: "é" * 10}]
    if options["verify"] == "hmac":
        with pytest.raises(NotGenuine):
            verify(call(BODY + b" ", now, **headers), checked, now)
    for changed in wrong:
        with pytest.raises(NotGenuine):
            verify(call(BODY, now, **changed), checked, now)


def test_a_signed_time_must_be_now(clock: FixedClock) -> None:
    now = clock.now()
    options = WebhookOptions(
        mapping="orders", verify="hmac", secret=SECRET, timestamp_header="X-Signed-At"
    )

    def signed(at: datetime) -> Call:
        written = str(int(at.timestamp()))
        signature = hmac_of(f"{written}.".encode() + BODY).hexdigest()
        return call(BODY, now, x_signature=signature, x_signed_at=written)

    verify(signed(now - timedelta(minutes=4)), options, now)
    for at in (now - timedelta(minutes=6), now + timedelta(minutes=6)):
        with pytest.raises(NotGenuine, match="time"):
            verify(signed(at), options, now)


def standard(at: datetime, secret: str = f"whsec_{SECRET}", body: bytes = BODY) -> dict[str, str]:
    """The headers as the official library makes them."""
    official = pytest.importorskip("standardwebhooks", reason="not installed: make vendors")
    signature = official.Webhook(secret).sign("msg_1", at, body.decode())
    return {
        "webhook_id": "msg_1",
        "webhook_timestamp": str(int(at.timestamp())),
        "webhook_signature": signature,
    }


def test_standard_webhooks_of_the_official_library_are_let_in(clock: FixedClock) -> None:
    now = clock.now()
    options = WebhookOptions(mapping="orders", verify="standard", secret=f"whsec_{SECRET}")
    headers = standard(now)
    verify(call(BODY, now, **headers), options, now)
    rotated = f"v1,{'A' * 44} v2,x {headers['webhook_signature']}"
    verify(call(BODY, now, **{**headers, "webhook_signature": rotated}), options, now)
    refused = [
        call(BODY + b" ", now, **headers),
        call(BODY, now, **{**headers, "webhook_id": "msg_2"}),
        call(BODY, now, **{**headers, "webhook_id": ""}),
        call(BODY, now, **{**headers, "webhook_signature": "v1"}),
        call(BODY, now, **{**headers, "webhook_timestamp": "soon"}),
        call(BODY, now, **standard(now, secret="whsec_b3RoZXI=")),
        call(BODY, now, **standard(now - timedelta(minutes=6))),
    ]
    for changed in refused:
        with pytest.raises(NotGenuine):
            verify(changed, options, now)


def test_a_secret_that_is_none_lets_nobody_in(clock: FixedClock) -> None:
    now = clock.now()
    options = WebhookOptions(mapping="orders", verify="standard", secret="whsec_")
    with pytest.raises(NotGenuine, match="whsec_"):
        verify(call(BODY, now, **standard(now)), options, now)


@given(st.dictionaries(st.text(max_size=9), st.text(max_size=9)) | st.text() | st.integers())
def test_whoever_writes_such_a_record_is_counted_at_most(stated: Any) -> None:
    raw = json.dumps({"type": "track", "event": "x", "userId": "u", "notMapped": stated}).encode()
    with pytest.raises(EventRefused) as refused:
        read_event(raw, received_at=1_772_000_000_000_000)
    assert len(str(refused.value)) <= 200
