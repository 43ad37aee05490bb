"""Alerts begin and end; what is expected of a source is read; the report adds up."""

import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from vocative.clock import FixedClock, to_micros
from vocative.collect.door import accept
from vocative.collect.quality.alerts import HOUR, Watch, Watching, read_alerts, watch
from vocative.collect.quality.expectations import check_definitions, read_expectations
from vocative.collect.quality.report import quality
from vocative.errors import AuthorError
from vocative.identify.apply import apply_log
from vocative.server.overview import overview
from vocative.stores import Store
from vocative.workspace import Workspace

DAY = 24 * HOUR
NOON = datetime(2026, 3, 2, 12, 15, tzinfo=UTC)


@pytest.fixture
def workspace(workspace: Workspace, clock: FixedClock) -> Workspace:
    """A shop that has been sending for six weeks."""
    (workspace.root / "expectations").mkdir()
    expect(workspace, "shop", "{}")
    clock.at = NOON
    fill(workspace, "shop", "Page Viewed", 60)
    fill(workspace, "shop", "Order Completed", 20)
    return workspace


def expect(workspace: Workspace, source: str, text: str) -> None:
    (workspace.root / "expectations" / f"{source}.yaml").write_text(text)


def fill(workspace: Workspace, source: str, name: str, rate: float, *, days: int = 45) -> None:
    """Every hour has about as many, up to now."""
    rng, now = np.random.default_rng(len(name)), to_micros(workspace.clock.now())
    first = now // HOUR - days * 24
    add(workspace, source, name, {first + n: int(rng.poisson(rate)) for n in range(days * 24)})


def add(workspace: Workspace, source: str, name: str, hours: dict[int, int]) -> None:
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO event_volumes (source, hour_at, name, events)"
            " VALUES (:source, :hour_at, :name, :events)",
            [(source, hour * HOUR, name, events) for hour, events in hours.items()],
        )
        tx.run(
            "INSERT INTO event_counts (source, day_at, name, events, last_received_at)"
            " VALUES (:source, 0, :name, 1, :last) ON CONFLICT DO NOTHING",
            {"source": source, "name": name, "last": to_micros(workspace.clock.now())},
        )


def hours_later(workspace: Workspace, clock: FixedClock, rates: dict[str, int], hours: int) -> None:
    """Time goes on, and so many of each came in every hour."""
    first = to_micros(clock.now()) // HOUR
    for name, events in rates.items():
        add(workspace, "shop", name, {first + n: events for n in range(hours) if events})
    clock.advance(timedelta(hours=hours))


def test_an_ordinary_source_is_not_told_of(workspace: Workspace) -> None:
    assert watch(workspace) == []
    assert quality(workspace).alerts == []


def test_a_source_that_falls_silent_is_told_of_once_until_it_comes_back(
    workspace: Workspace, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    looking = Watch(workspace)
    assert looking.look() == []
    hours_later(workspace, clock, {}, 2)
    [began] = looking.look()
    assert (began.source, began.event, began.kind, began.ended_at) == ("shop", None, "silent", None)
    assert began.began_at == NOON - timedelta(minutes=15)
    assert began.expected > 100
    assert overview(workspace).alerts[0].message == began.told
    assert looking.look() == []
    hours_later(workspace, clock, {}, 1)
    assert looking.look() == []
    # A day of a few hours less is still too few; then it is over.
    hours_later(workspace, clock, {"Page Viewed": 60, "Order Completed": 20}, 30)
    [ended] = looking.look()
    assert ended.ended_at == NOON - timedelta(minutes=15) + timedelta(hours=33)
    assert [one.ended_at for one in quality(workspace).alerts] == [ended.ended_at]
    assert quality(workspace, days=1).alerts != []
    with caplog.at_level(logging.INFO):
        Watching(workspace).look()
    assert caplog.text == ""


def test_one_kind_of_event_is_told_of_by_its_name(workspace: Workspace, clock: FixedClock) -> None:
    hours_later(workspace, clock, {"Page Viewed": 60, "Order Completed": 0}, 3)
    [alert] = watch(workspace)
    assert (alert.event, alert.kind) == ("Order Completed", "silent")
    assert alert.told.startswith("shop: Order Completed stopped since 2026-03-02 12:00 UTC")


def test_too_many_are_told_of(workspace: Workspace, clock: FixedClock) -> None:
    hours_later(workspace, clock, {"Page Viewed": 600, "Order Completed": 20}, 1)
    alerts = watch(workspace)
    assert {(one.event, one.kind) for one in alerts} == {(None, "high")}
    assert "unusually many" in alerts[0].told


def test_who_was_only_imported_is_not_watched(workspace: Workspace, clock: FixedClock) -> None:
    (workspace.root / "expectations" / "shop.yaml").unlink()
    hours_later(workspace, clock, {}, 5)
    assert watch(workspace) == []


def test_alerts_can_be_declined(workspace: Workspace, clock: FixedClock) -> None:
    hours_later(workspace, clock, {}, 2)
    assert len(watch(workspace)) == 1
    expect(workspace, "shop", "alerts: false")
    [ended] = watch(workspace)
    assert ended.ended_at is not None
    assert watch(workspace) == []


def test_an_hour_is_judged_when_it_has_settled(workspace: Workspace, clock: FixedClock) -> None:
    expect(workspace, "shop", "settles_after: 3h")
    hours_later(workspace, clock, {}, 3)
    assert watch(workspace) == []
    hours_later(workspace, clock, {}, 3)
    assert len(watch(workspace)) == 1


def test_a_declared_rhythm_is_watched(workspace: Workspace, clock: FixedClock) -> None:
    expect(workspace, "shop", "{every: 2h, alerts: false}")
    assert watch(workspace) == []
    clock.advance(timedelta(hours=3))
    [stale] = watch(workspace)
    assert (stale.kind, stale.began_at) == ("stale", NOON + timedelta(hours=2))
    assert quality(workspace).sources[0].late
    assert watch(workspace) == []
    with workspace.store.transaction() as tx:
        tx.run("UPDATE event_counts SET last_received_at = :at", {"at": to_micros(clock.now())})
    [over] = watch(workspace)
    assert over.ended_at == clock.now()


def test_a_source_that_is_pulled_is_given_the_time_between_two_pulls(workspace: Workspace) -> None:
    (workspace.root / "sources").mkdir()
    (workspace.root / "sources" / "crm.yaml").write_text("kind: any\nevery: 6h\n")
    (workspace.root / "sources" / "site.yaml").write_text("kind: any\n")
    found = read_expectations(workspace)
    assert found["crm"].settles_seconds == 6 * 3_600 + 600
    assert found["site"].settles_seconds == found["shop"].settles_seconds == 600


@pytest.mark.parametrize(
    ("text", "message"),
    [("every: soon", "no length of time"), ("often: 1h", "unknown field"), ("every: 5", "str")],
)
def test_a_wrong_expectation_is_pointed_at(workspace: Workspace, text: str, message: str) -> None:
    expect(workspace, "till", text)
    with pytest.raises(AuthorError, match=message) as caught:
        check_definitions(workspace)
    assert str(caught.value.where).startswith("expectations/till.yaml:1")


def test_a_wrong_expectation_stops_nothing(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    expect(workspace, "till", "every: soon")
    Watching(workspace).look()
    assert "nothing is watched until it is mended" in caplog.text


def test_what_is_old_is_forgotten(workspace: Workspace, clock: FixedClock) -> None:
    clock.advance(timedelta(days=500))
    Watching(workspace).look()
    with workspace.store.read() as tx:
        assert tx.value("SELECT count(*) FROM event_volumes") == 0
        assert tx.value("SELECT count(*) FROM event_counts") == 0


def test_the_report_adds_up(workspace: Workspace, clock: FixedClock, store: Store) -> None:
    workspace.__dict__["store"] = store
    (workspace.root / "plans").mkdir()
    (workspace.root / "plans" / "till.yaml").write_text(
        "sources: [till]\n"
        "events:\n"
        "  Order Completed: {properties: {order_id: {required: true}, total: {required: true}}}\n"
        "  Order Refunded: {violations: reject, properties: {order_id: {required: true}}}\n"
        "traits: {email: {required: true}}\n"
    )
    clock.at = NOON - timedelta(days=1)
    take(workspace, *({"order_id": n, "total": 5} for n in range(3)), {"order_id": 9})
    clock.at = NOON
    take(workspace, {"order_id": 10, "total": 5}, {"total": 5})
    take(workspace, {}, {"order_id": 1}, event="Order Refunded")
    found = quality(workspace, days=3)
    assert [str(on) for on in found.days] == ["2026-02-28", "2026-03-01", "2026-03-02"]
    till = next(one for one in found.sources if one.source == "till")
    assert (till.events, till.rejected, till.by_day, till.plan) == (7, 1, [0, 4, 3], "till")
    assert till.last_received_at == NOON
    completed, refunded = till.event_kinds
    shares = {one.property: (round(one.share, 3), one.by_day) for one in completed.filled}
    assert shares == {
        "order_id": (0.833, [None, 1.0, 0.5]),
        "total": (0.833, [None, 0.75, 1.0]),
    }
    assert [(one.property, one.outcome, one.events) for one in completed.faults] == [
        ("order_id", "flagged", 1),
        ("total", "flagged", 1),
    ]
    assert [one.share for one in refunded.filled] == [1.0]
    assert [(one.outcome, one.events) for one in refunded.faults] == [("rejected", 1)]
    shop = next(one for one in found.sources if one.source == "shop")
    assert (shop.events, shop.last_received_at, shop.plan) == (0, None, None)


def take(workspace: Workspace, *orders: dict[str, object], event: str = "Order Completed") -> None:
    at = workspace.clock.now().isoformat()
    accept(
        workspace,
        [
            {
                "event": event,
                "userId": "u",
                "properties": one,
                "timestamp": at,
                "messageId": f"{at}{event}{n}",
            }
            for n, one in enumerate(orders)
        ],
        source="till",
    )
    apply_log(workspace)


@pytest.mark.parametrize(("days", "told"), [(-(10**30), 1), (0, 1), (7, 7), (10**30, 366)])
def test_so_many_days_are_reported(workspace: Workspace, days: int, told: int) -> None:
    assert len(quality(workspace, days=days).days) == told


def test_both_databases_keep_alerts(workspace: Workspace, store: Store, clock: FixedClock) -> None:
    workspace.__dict__["store"] = store
    fill(workspace, "shop", "Page Viewed", 60)
    hours_later(workspace, clock, {}, 2)
    [began] = watch(workspace)
    with store.read() as tx:
        assert read_alerts(tx, "ended_at IS NULL") == [began]
