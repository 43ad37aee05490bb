"""Two sources are compared record by record, and day by day."""

import csv
from datetime import date
from pathlib import Path

import pytest

from vocative.collect.door import accept
from vocative.collect.quality.reconciliation import read_reconciliations
from vocative.collect.quality.reconciling import (
    export_differing,
    list_reconciliations,
    reconcile,
)
from vocative.errors import AuthorError, DataError, UnknownName
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

ORDERS = """\
describe: What the shop sold, and what the CRM knows of
event: Order Completed
key: order_id
amount: revenue
tolerance: 0.01
between:
  shop: {}
  crm:
    event: [Deal Won, Deal Changed]
    key: properties.deal
    amount: to_number(properties.value)
    where: properties.stage <> 'test'
"""


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    """A workspace that compares the shop's orders with the CRM's."""
    (workspace.root / "reconciliations").mkdir()
    (workspace.root / "reconciliations" / "orders.yaml").write_text(ORDERS)
    return workspace


def sold(order_id: object, revenue: object, at: str = "2026-03-01T12:00:00Z") -> dict[str, object]:
    stated = {"order_id": order_id, "revenue": revenue}
    return {"event": "Order Completed", "userId": "u", "properties": stated, "timestamp": at}


def deal(
    name: object,
    value: object,
    at: str = "2026-03-01T12:05:00Z",
    event: str = "Deal Won",
    **more: str,
) -> dict[str, object]:
    stated = {"deal": name, "value": value, "stage": "won", **more}
    return {"event": event, "userId": "u", "properties": stated, "timestamp": at}


def take(workspace: Workspace, source: str, *events: dict[str, object]) -> None:
    accept(workspace, list(events), source=source)
    apply_log(workspace)


def test_what_is_alike_and_what_is_not(workspace: Workspace, tmp_path: Path) -> None:
    take(
        workspace,
        "shop",
        sold("A1", 10),
        sold("A2", 20.004),
        sold("A3", 30),
        sold("A4", 40),
        sold("A5", None),
        sold("=A6", 60, at="2026-03-02T08:00:00Z"),
        sold(None, 5),
    )
    take(
        workspace,
        "crm",
        deal("A1", 10),
        deal("A2", "20.00"),
        deal("A3", 31),
        deal("A5", 50),
        deal("A7", 70),
        deal("A8", 3, stage="test"),
        deal("A4", 30),
        deal("A4", 10, event="Deal Changed"),
    )
    found = reconcile(workspace, "orders")
    assert [(one.on, one.one_records, one.one_amount) for one in found.days] == [
        (date(2026, 3, 1), 5, 100.004),
        (date(2026, 3, 2), 1, 60.0),
    ]
    [first, second] = found.days
    assert (first.other_records, first.other_amount) == (6, 221.0)
    assert (first.only_one, first.only_other, first.differing, first.doubled) == (0, 1, 2, 1)
    assert (second.only_one, second.other_records, second.other_amount) == (1, 0, None)
    told = {one.key: (one.state, one.one_amount, one.other_amount) for one in found.differing}
    assert told == {
        "=A6": ("one", 60.0, None),
        "A3": ("differs", 30.0, 31.0),
        "A4": ("both", 40.0, 40.0),
        "A5": ("differs", None, 50.0),
        "A7": ("other", None, 70.0),
    }
    file = tmp_path / "differing.csv"
    assert export_differing(workspace, "orders", file).records == 5
    with file.open(newline="") as opened:
        rows = {row["key"]: row for row in csv.DictReader(opened)}
    assert rows["'=A6"]["told by"] == "shop"
    assert rows["A4"]["told by"] == "both, more than once"
    assert rows["A3"]["crm amount"] == "31.0"
    assert [one.name for one in list_reconciliations(workspace)] == ["orders"]


def test_days_are_local_and_what_is_newer_than_settled_is_left_out(workspace: Workspace) -> None:
    (workspace.root / "reconciliations" / "orders.yaml").write_text(
        ORDERS + "timezone: Asia/Tokyo\nsettles_after: 2h\n"
    )
    take(
        workspace,
        "shop",
        sold("A1", 10, at="2026-03-01T16:00:00Z"),  # already the second in Tokyo
        sold("A2", 10, at="2026-03-02T08:00:00Z"),  # an hour and a half ago
        sold("A3", 10, at="2026-02-20T08:00:00Z"),
    )
    take(workspace, "crm", deal("A1", 10, at="2026-03-01T18:00:00Z"))
    found = reconcile(workspace, "orders", days=5)
    assert [(str(one.on), one.one_records, one.only_one) for one in found.days] == [
        ("2026-03-02", 1, 0)
    ]


def test_the_other_side_may_tell_days_later(workspace: Workspace) -> None:
    take(workspace, "shop", sold("A1", 10, at="2026-02-25T00:10:00Z"))
    take(workspace, "crm", deal("A1", 10, at="2026-02-28T12:00:00Z"))
    for days in (3, 6):
        assert reconcile(workspace, "orders", days=days).differing == []
    assert [str(one.on) for one in reconcile(workspace, "orders").days] == ["2026-02-25"]


def test_without_an_amount_only_being_there_counts(workspace: Workspace) -> None:
    (workspace.root / "reconciliations" / "orders.yaml").write_text(
        "event: Order Completed\nkey: order_id\nbetween: {shop: {}, till: {source: crm}}\n"
    )
    take(workspace, "shop", sold("A1", 10), sold("A2", 20))
    take(workspace, "crm", sold("A1", 99))
    found = reconcile(workspace, "orders")
    assert [(one.key, one.state) for one in found.differing] == [("A2", "one")]
    assert found.days[0].one_amount is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("between: {a: {}}", "between two"),
        ("between: {a: {}, b: {}}", "this side has no event"),
        ("between: {a: {}, b: {}}\nevent: E", "this side has no key"),
        ("between: {a: {}, b: {}}\nevent: E\nkey: ordr_id", "ordr_id"),
        ("between: {a: {}, b: {}}\nevent: E\nkey: order_id\namount: name", "gives text"),
        ("between: {a: {}, b: {amount: revenue}}\nevent: E\nkey: order_id", "only one side"),
        ("between: {a: {}, b: {}}\nevent: E\nkey: order_id\ntolerance: -1", "0 or more"),
        ("between: {a: {}, b: {}}\nevent: E\nkey: order_id\ntimezone: Nowhere", "time zone"),
        ("between: {a: {}, b: {}}\nevent: E\nkey: order_id\nsettles_after: x", "length of time"),
    ],
)
def test_a_wrong_definition_is_pointed_at(workspace: Workspace, text: str, message: str) -> None:
    (workspace.root / "reconciliations" / "orders.yaml").write_text(text)
    with pytest.raises(AuthorError, match=message) as caught:
        read_reconciliations(workspace)
    assert str(caught.value.where).startswith("reconciliations/orders.yaml:")


def test_what_cannot_be_asked_is_told(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="order"):
        reconcile(workspace, "order")
    assert reconcile(workspace, "orders", days=-(10**30)).days == []
    assert reconcile(workspace, "orders", days=10**30).days == []
    with pytest.raises(DataError, match="cannot be written"):
        export_differing(workspace, "orders", tmp_path)
