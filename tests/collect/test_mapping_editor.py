"""The mapping of a webhook: its payloads, what a text would make of them, saving, mapping again."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from asked import ask

from vocative.clock import FixedClock, to_micros
from vocative.collect.door import accept
from vocative.collect.sources.base import Call
from vocative.collect.sourcing import payloads
from vocative.collect.sourcing.definitions import find_source
from vocative.collect.sourcing.opening import opened_source
from vocative.collect.sourcing.payloads import MOST_KEPT, KeptPayloads
from vocative.collect.sourcing.remapping import map_again
from vocative.errors import AuthorError, StateError, UnknownName
from vocative.identify.apply import apply_log
from vocative.server.app import create_app
from vocative.server.mappings import preview_mapping, save_mapping, show_mapping
from vocative.workspace import Workspace, prepare_state

SETTINGS = """\
workspace: shop
sender: {email: hello@shop.example, name: The Shop}
postal_address: 1 High Street
"""
MAPPING = """\
people: {user_id: customer.id, traits: {email: customer.email}}
events:
  name: "'Order Completed'"
  at: paid_at
  message_id: id
  properties: {order_id: id, revenue: to_number(total)}
"""
ORDER = {
    "id": 1,
    "paid_at": "2026-03-01T10:00:00Z",
    "total": "12.50",
    "customer": {"id": "ana", "email": "ana@example.com"},
}


@pytest.fixture
def zapier(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("ZAPIER_TOKEN", "secret")
    write(workspace, "sources/zapier.yaml", definition("orders"))
    write(workspace, "mappings/orders.yaml", MAPPING)
    return workspace


def definition(mapping: str) -> str:
    return f"kind: webhook\nmapping: {mapping}\nverify: token\nsecret: env:ZAPIER_TOKEN\n"


def write(workspace: Workspace, name: str, text: str) -> Path:
    path = workspace.root / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def called(workspace: Workspace, body: Any, *, kept: KeptPayloads | None = None) -> Call:
    """A call that came, and is kept as a payload."""
    call = Call(
        headers={"authorization": "Bearer secret", "content-type": "application/json"},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        received_at=to_micros(workspace.clock.now()),
    )
    (kept or KeptPayloads(workspace.log)).keep("zapier", call)
    return call


def test_the_latest_payloads_are_listed_and_shown_mapped(zapier: Workspace) -> None:
    called(zapier, {**ORDER, "id": 0})
    called(zapier, [ORDER, {**ORDER, "id": 2, "paid_at": "soon"}])
    page = show_mapping(zapier, "zapier")
    assert (page.file, page.text, page.is_new) == ("mappings/orders.yaml", MAPPING, False)
    assert len(page.payloads) == 2
    shown = preview_mapping(zapier, "zapier", text=page.text)
    assert shown.problem is None
    assert shown.payload[0] == ORDER
    assert "customer.email" in shown.fields
    assert "delivery.id" in shown.fields
    used, refused = shown.records
    assert [event["type"] for event in used.events] == ["identify", "track"]
    assert (refused.events, refused.refused) == ([], "no readable time")
    older = page.payloads[1].payload_id
    (first,) = preview_mapping(zapier, "zapier", text=page.text, payload=older).records
    assert first.events[-1]["messageId"] == "0"


def test_every_look_at_a_payload_is_audited_and_secrets_are_not_kept(zapier: Workspace) -> None:
    called(zapier, ORDER)
    (kept,) = show_mapping(zapier, "zapier").payloads
    preview_mapping(zapier, "zapier", text=MAPPING)
    with zapier.store.read() as tx:
        told = tx.tuples("SELECT action, subject FROM audit")
    assert told == [("show payload", f"zapier {kept.payload_id}")]
    read = KeptPayloads(zapier.log).read("zapier", kept.payload_id)
    assert read is not None
    assert read.headers == {"content-type": "application/json"}
    zapier.log.close()
    raw = b"".join(path.read_bytes() for path in zapier.state_dir.glob("log.db*"))
    assert b"ana@example" not in raw
    assert b"secret" not in raw


def test_few_payloads_are_kept_and_not_for_long(zapier: Workspace, clock: FixedClock) -> None:
    for number in range(MOST_KEPT + 5):
        called(zapier, {"id": number})
    kept = show_mapping(zapier, "zapier").payloads
    assert len(kept) == MOST_KEPT
    called(zapier, b"x" * 300_000)
    assert show_mapping(zapier, "zapier").payloads == kept
    one_after_another = KeptPayloads(zapier.log)
    for _ in range(3):
        called(zapier, ORDER, kept=one_after_another)
    assert show_mapping(zapier, "zapier").payloads[1:] == kept[:-1]
    clock.advance(timedelta(days=8))
    called(zapier, ORDER)
    assert len(show_mapping(zapier, "zapier").payloads) == 1


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        (MAPPING.replace("to_number(total)", "to_numbr(total)"), "to_numbr", 6, 39),
        (MAPPING.replace("properties", "propertis"), "unknown field", 6, 3),
        ("people: {user_id: id", "not valid YAML", 1, None),
        ("", "makes nothing", 1, None),
    ],
)
def test_a_mistake_is_pointed_at_while_it_is_typed(
    zapier: Workspace, text: str, message: str, line: int, column: int | None
) -> None:
    called(zapier, ORDER)
    shown = preview_mapping(zapier, "zapier", text=text)
    assert shown.problem is not None
    assert message in shown.problem.message
    assert shown.problem.where is not None
    assert shown.problem.where.line == line
    assert column in (None, shown.problem.where.column)
    assert shown.payload == ORDER
    assert shown.records == []


def test_names_that_lead_nowhere_are_told_with_the_nearest(zapier: Workspace) -> None:
    called(zapier, ORDER)
    text = MAPPING.replace("customer.email", "customer.mail")
    shown = preview_mapping(zapier, "zapier", text=text)
    assert shown.problem is None
    assert [(one.name, one.nearest) for one in shown.unknown] == [
        ("customer.mail", "customer.email")
    ]


def test_a_list_that_is_gone_through_is_named_without_numbers(zapier: Workspace) -> None:
    called(zapier, {"lines": [{"sku": "T1"}, {"sku": "T2"}], "ids": ["a"]})
    text = "each: lines\nitems: {item_id: lines.sku}\n"
    shown = preview_mapping(zapier, "zapier", text=text)
    assert shown.unknown == []
    assert {"lines.sku", "lines", "ids"} <= set(shown.fields)
    assert shown.records[0].items == [{"item_id": "T1"}, {"item_id": "T2"}]


def test_without_a_payload_only_the_text_is_checked(zapier: Workspace) -> None:
    shown = preview_mapping(zapier, "zapier", text=MAPPING)
    assert (shown.problem, shown.payload, shown.records, shown.unknown) == (None, None, [], [])
    with pytest.raises(UnknownName, match="not kept"):
        preview_mapping(zapier, "zapier", text=MAPPING, payload=99)


@pytest.mark.parametrize("body", [b"no json", b"3", b"[3]"])
def test_a_payload_that_is_no_record_is_shown_as_it_came(zapier: Workspace, body: bytes) -> None:
    called(zapier, body)
    shown = preview_mapping(zapier, "zapier", text=MAPPING)
    assert shown.records == []
    assert shown.payload in ("no json", 3, [3])


def test_what_is_saved_is_what_was_loaded_and_changed(zapier: Workspace) -> None:
    page = show_mapping(zapier, "zapier")
    saved = save_mapping(zapier, "zapier", text=f"{MAPPING}# mended\n", stamp=page.stamp)
    path = zapier.root / "mappings" / "orders.yaml"
    assert path.read_text() == f"{MAPPING}# mended\n"
    assert list(path.parent.iterdir()) == [path]
    assert show_mapping(zapier, "zapier").stamp == saved.stamp
    with pytest.raises(StateError, match="somebody else"):
        save_mapping(zapier, "zapier", text=MAPPING, stamp=page.stamp)
    with pytest.raises(AuthorError):
        save_mapping(zapier, "zapier", text="people: {}", stamp=saved.stamp)
    assert path.read_text().endswith("# mended\n")


def test_a_mapping_that_is_not_there_yet_begins_with_an_example(zapier: Workspace) -> None:
    write(zapier, "sources/zapier.yaml", definition("new_orders"))
    page = show_mapping(zapier, "zapier")
    assert page.is_new
    assert preview_mapping(zapier, "zapier", text=page.text).problem is None
    save_mapping(zapier, "zapier", text=page.text, stamp=page.stamp)
    assert not show_mapping(zapier, "zapier").is_new
    write(zapier, "sources/zapier.yaml", definition("../../etc"))
    with pytest.raises(AuthorError, match="cannot be the name"):
        show_mapping(zapier, "zapier")


def test_only_webhooks_have_one(zapier: Workspace) -> None:
    write(zapier, "sources/web.yaml", "kind: tracking\nwrite_key: abcdef\n")
    with pytest.raises(AuthorError, match="no mapping"):
        show_mapping(zapier, "web")
    with pytest.raises(AuthorError, match="no mapping"):
        map_again(zapier, "web")
    with pytest.raises(UnknownName):
        show_mapping(zapier, "nobody")


@pytest.mark.postgres
def test_what_was_refused_is_listed_in_postgresql_too(
    tmp_path: Path, clock: FixedClock, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZAPIER_TOKEN", "secret")
    root = tmp_path / "shop"
    root.mkdir()
    (root / "vocative.yaml").write_text(f'{SETTINGS}store: "{postgres_url}"\n')
    prepare_state(root)
    with Workspace(root, clock=clock) as shop:
        write(shop, "sources/zapier.yaml", definition("orders"))
        write(shop, "mappings/orders.yaml", MAPPING)
        receive(shop, [{**ORDER, "paid_at": "1.3.2026"}, {**ORDER, "id": 2, "paid_at": "soon"}])
        apply_log(shop)
        assert show_mapping(shop, "zapier").refused == {"no readable time": 2}
        write(shop, "mappings/orders.yaml", f'time_format: "%d.%m.%Y"\n{MAPPING}')
        done = map_again(shop, "zapier")
        assert (done.mapped, done.refused) == (1, {"no readable time": 1})
        assert show_mapping(shop, "zapier").refused == {"no readable time": 1}


def test_what_was_refused_is_mapped_again_once_the_mapping_is_mended(zapier: Workspace) -> None:
    orders = [{**ORDER, "id": number, "paid_at": f"{number}.3.2026 10:00"} for number in (1, 2)]
    receive(zapier, [*orders, {**ORDER, "id": 3, "paid_at": "soon"}])
    assert apply_log(zapier).rejected == {"no readable time": 3}
    page = show_mapping(zapier, "zapier")
    assert page.refused == {"no readable time": 3}
    text = f'time_format: "%d.%m.%Y %H:%M"\n{MAPPING}'
    save_mapping(zapier, "zapier", text=text, stamp=page.stamp)
    done = map_again(zapier, "zapier")
    assert (done.mapped, done.refused, done.gone) == (2, {"no readable time": 1}, 0)
    assert apply_log(zapier).rejected == {}
    with zapier.engine() as engine:
        rows = engine.rows("SELECT order_id FROM events WHERE name = 'Order Completed' ORDER BY 1")
    assert [row["order_id"] for row in rows] == ["1", "2"]
    assert show_mapping(zapier, "zapier").refused == {"no readable time": 1}
    again = map_again(zapier, "zapier")
    assert (again.mapped, again.events) == (0, 0)


def test_calls_over_the_route_are_kept_durable_and_mapped(
    zapier: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "_PAUSE_SECONDS", 0.0)
    write(zapier, "sources/zapier.yaml", f"{definition('orders')}header: X-Ours\nrecords: orders\n")
    app = create_app(zapier)
    path = "/v1/hooks/zapier"

    def post(body: Any, given: str = "secret") -> int:
        return ask(app, path, json.dumps(body).encode(), x_ours=given).status

    assert post({"orders": [ORDER, {**ORDER, "id": 2, "paid_at": "soon"}]}) == 200
    assert post({"order": ORDER}) == 400
    assert post({"orders": [ORDER]}, "wrong") == 401
    write(zapier, "mappings/orders.yaml", "people: {}")
    assert post({"orders": [{**ORDER, "id": 3}]}) == 200
    report = apply_log(zapier)
    assert report.rejected == {"no readable time": 1, "the mapping cannot be used": 1}
    page = show_mapping(zapier, "zapier")
    assert len(page.payloads) == 3
    kept = KeptPayloads(zapier.log).read("zapier", page.payloads[0].payload_id)
    assert kept is not None
    assert "secret" not in kept.headers.values()
    save_mapping(zapier, "zapier", text=MAPPING, stamp=page.stamp)
    assert map_again(zapier, "zapier").mapped == 1
    assert apply_log(zapier).rejected == {}


def test_clients_with_a_write_key_refuse_nothing_in_words_of_their_own(zapier: Workspace) -> None:
    write(zapier, "sources/web.yaml", "kind: tracking\nwrite_key: abcdefgh\n")
    app = create_app(zapier)
    event = {"type": "track", "event": "Hello", "userId": "ana", "messageId": "1"}
    stated = {**event, "notMapped": {"reason": "ha", "record": {}}}
    for body in ({"batch": [stated]}, {"batch": [{**stated, "messageId": None}]}):
        raw = json.dumps({"writeKey": "abcdefgh", **body}).encode()
        assert ask(app, "/v1/batch", raw).status == 200
    report = apply_log(zapier)
    assert (report.applied, report.rejected) == (2, {})


def test_a_record_that_is_no_longer_on_the_log_is_told(zapier: Workspace) -> None:
    receive(zapier, {**ORDER, "paid_at": "soon"})
    receive(zapier, {**ORDER, "paid_at": "soon", "id": 9})
    apply_log(zapier)
    zapier.log.forget_before(2)
    done = map_again(zapier, "zapier")
    assert (done.mapped, done.gone, done.refused) == (0, 1, {"no readable time": 1})


def receive(workspace: Workspace, body: Any) -> None:
    """What the webhook's route does."""
    with opened_source(workspace, find_source(workspace, "zapier")) as source:
        accept(workspace, source.receive(called(workspace, body)).events, source="zapier")
