"""What plans, declared kinds and settings make of events when the log is applied."""

import json
import time
from typing import Any

import pytest
from identified import event, history, person_of, put

from vocative.errors import AuthorError
from vocative.identify.apply import Applier, apply_log
from vocative.identify.counting import MOST_NAMES
from vocative.identify.retrying import list_rejected, retry_rejected
from vocative.server.person import show_person
from vocative.stores import Store
from vocative.workspace import Workspace, known

PLAN = """\
violations: flag
unknown_properties: keep
events:
  Order Completed:
    violations: reject
    properties:
      order_id: {required: true}
      note: {personal: true}
      lines: {type: list, properties: {engraving: {personal: true}}}
  Product Viewed: {properties: {product_id: {required: true}, currency: {kind: currency}}}
"""
TRAITS = """\
country: {kind: country}
phone: {kind: phone, region: DE, personal: true}
born_on: {type: date, kind: date, format: "%d.%m.%Y"}
"""


@pytest.fixture
def workspace(workspace: Workspace) -> Workspace:
    """A workspace with a plan."""
    (workspace.root / "plans").mkdir()
    (workspace.root / "plans" / "shop.yaml").write_text(PLAN)
    (workspace.root / "traits.yaml").write_text(TRAITS)
    return workspace


@pytest.fixture
def on_either(workspace: Workspace, store: Store) -> Workspace:
    """The same on either database."""
    workspace.__dict__["store"] = store
    return workspace


def order(**properties: Any) -> dict[str, Any]:
    return event(userId="u1", event="Order Completed", properties=properties)


def faults(workspace: Workspace) -> list[tuple[Any, ...]]:
    with workspace.store.read() as tx:
        return tx.tuples(
            "SELECT name, property, fault, outcome, events FROM event_faults"
            " ORDER BY name, property, fault"
        )


def profile(workspace: Workspace, user_id: str = "u1") -> tuple[dict[str, Any], dict[str, Any]]:
    """Open traits and the vault's."""
    person_id = person_of(workspace, "user_id", user_id)
    with workspace.store.read() as tx:
        traits = tx.value("SELECT traits FROM profiles WHERE person_id = :p", {"p": person_id})
        return json.loads(traits), workspace.vault.get(tx, str(person_id))


def test_what_a_plan_rejects_is_told_and_not_applied(on_either: Workspace) -> None:
    report = put(on_either, order(order_id="o1"), order(total=5), order(total=6))
    reason = "Order Completed: order_id is missing"
    assert (report.applied, report.rejected) == (1, {reason: 2})
    assert [row["order_id"] for row in history(on_either)] == ["o1"]
    assert faults(on_either) == [("Order Completed", "order_id", "missing", "reject", 2)]
    with on_either.store.read() as tx:
        assert tx.tuples("SELECT sample FROM event_faults") == [("1:1",)]
        assert tx.value("SELECT sum(events) FROM event_counts") == 1


def test_what_a_plan_flags_is_applied_and_counted(on_either: Workspace) -> None:
    report = put(on_either, event(userId="u1"), event(userId="u1", at=1, event="Surprise"))
    assert (report.applied, report.rejected) == (2, {})
    assert faults(on_either) == [
        ("Product Viewed", "product_id", "missing", "flag", 1),
        ("Surprise", "", "unknown_event", "flag", 1),
    ]
    viewed = next(row for row in history(on_either) if row["name"] == "Product Viewed")
    with on_either.store.read() as tx:
        samples = dict(tx.tuples("SELECT fault, sample FROM event_faults"))
    assert samples["missing"] == viewed["event_id"]


def test_a_duplicate_counts_once(on_either: Workspace) -> None:
    for _ in range(3):
        put(on_either, event(userId="u1", messageId="m1"))
    assert [row[4] for row in faults(on_either)] == [1]
    with on_either.store.read() as tx:
        assert tx.value("SELECT sum(events) FROM event_counts") == 1
        assert tx.value("SELECT sum(events) FROM event_volumes") == 1


def test_what_a_plan_marks_as_personal_never_reaches_history(workspace: Workspace) -> None:
    engraved = [{"engraving": "For Ana Canary", "product_id": "x"}]
    put(workspace, order(order_id="o1", Note="Ana Canary lives here", lines=engraved, shade="red"))
    [row] = history(workspace)
    assert json.loads(row["properties"]) == {"lines": [{"product_id": "x"}], "shade": "red"}


def test_values_reach_history_in_their_standard_form(workspace: Workspace) -> None:
    put(workspace, event(userId="u1", properties={"product_id": "x", "currency": "€"}))
    [row] = history(workspace)
    assert row["currency"] == "EUR"
    put(workspace, event(userId="u1", at=1, properties={"product_id": "x", "currency": "$"}))
    assert sorted(row["currency"] for row in history(workspace)) == ["$", "EUR"]
    assert faults(workspace) == [("Product Viewed", "currency", "unreadable", "flag", 1)]


def test_traits_are_kept_in_their_standard_form(workspace: Workspace) -> None:
    stated = {"Country": "Österreich", "mobile": "0664 1234567 x12", "bornOn": "4.3.1990"}
    put(workspace, event("identify", userId="u1", traits=stated))
    traits, vault = profile(workspace)
    assert traits == {"country": "AT", "born_on": "1990-03-04"}
    assert vault == {"phone": "+436641234567", "phone_stated": "0664 1234567 x12"}
    put(workspace, event("identify", userId="u1", at=1, traits={"phone": "+436641234567"}))
    assert profile(workspace)[1] == {"phone": "+436641234567"}
    assert faults(workspace) == []


def test_what_cannot_be_read_stays_and_is_flagged(workspace: Workspace) -> None:
    stated = {"country": "Atlantis", "phone": "call me", "born_on": "03/04/1990"}
    put(workspace, event("identify", userId="u1", traits=stated))
    traits, vault = profile(workspace)
    assert traits == {"country": "Atlantis", "born_on": "03/04/1990"}
    assert vault["phone"] == "call me"
    assert faults(workspace) == [
        ("Identified", name, "unreadable", "flag", 1) for name in ("born_on", "country", "phone")
    ]


def test_a_phone_number_is_of_the_declared_region_when_no_country_is_stated(
    workspace: Workspace,
) -> None:
    put(workspace, event("identify", userId="u1", traits={"phone": "030 123456"}))
    assert profile(workspace)[1]["phone"] == "+4930123456"


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("ana@mailinator.com", "disposable"),
        ("info@shop.example", "role"),
        ("ana@gmial.com", "misspelt"),
        ("ana@shop.example", "ordinary"),
    ],
)
def test_the_kind_of_an_address_is_a_trait_that_conditions_can_name(
    workspace: Workspace, address: str, kind: str
) -> None:
    from vocative.server.segments import preview_segment

    put(workspace, event("identify", userId="u1", traits={"email": address}))
    assert profile(workspace)[0]["email_kind"] == kind
    assert preview_segment(workspace, f"email_kind = '{kind}'").count == 1
    expected = [] if kind == "ordinary" else [("Identified", "email", kind, "flag", 1)]
    assert faults(workspace) == expected


def test_a_person_s_page_says_which_address_was_meant(workspace: Workspace) -> None:
    put(
        workspace,
        event("identify", userId="u1", traits={"email": "ana@gmial.con"}),
        event("identify", userId="u2", traits={"email": "eva@gmail.com"}),
    )
    assert show_person(workspace, "u1").email_meant == "ana@gmail.com"
    assert show_person(workspace, "u2").email_meant is None


def test_addresses_of_a_kind_are_refused_where_the_settings_say_so(workspace: Workspace) -> None:
    import msgspec

    from vocative.workspace.settings import Addresses

    workspace.settings = msgspec.structs.replace(
        workspace.settings, addresses=Addresses(disposable="reject")
    )
    report = put(
        workspace,
        event("identify", userId="u1", traits={"email": "ana@mailinator.com"}),
        event("identify", userId="u2", traits={"email": "info@shop.example"}),
    )
    reason = "Identified: email is a disposable address"
    assert (report.applied, report.rejected) == (1, {reason: 1})
    assert person_of(workspace, "user_id", "u1") is None


def test_a_mended_plan_counts_and_a_broken_one_changes_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from vocative.collect.door import accept

    monkeypatch.setattr(known, "LOOK_SECONDS", 0.0)
    plan = workspace.root / "plans" / "shop.yaml"
    applier = Applier(workspace)

    def rejected() -> int:
        accept(workspace, [order(total=time.monotonic())], source="test")
        return sum(applier.step(100).rejected.values())  # type: ignore[union-attr]

    assert rejected() == 1
    plan.write_text("events: {")
    assert rejected() == 1
    assert "judged as before" in caplog.text
    plan.write_text("events: {Order Completed: {}}")
    assert rejected() == 0
    plan.unlink()
    assert rejected() == 0


def test_nothing_is_applied_before_a_plan_can_be_read(workspace: Workspace) -> None:
    plan = workspace.root / "plans" / "shop.yaml"
    plan.write_text("events: {")
    with pytest.raises(AuthorError):
        put(workspace, order(total=5))
    plan.write_text(PLAN)
    assert put(workspace).rejected != {}


def test_who_makes_up_names_fills_no_table(on_either: Workspace) -> None:
    put(
        on_either,
        *(event(userId="u1", event=f"made up {'x' * (n % 50)}{n}") for n in range(MOST_NAMES + 50)),
        event(userId="u1", event="mail ana@example.com"),
    )
    with on_either.store.read() as tx:
        assert tx.value("SELECT count(*) FROM event_counts") == MOST_NAMES + 1
        assert tx.value("SELECT count(*) FROM event_faults") <= MOST_NAMES + 1
        assert tx.value("SELECT sum(events) FROM event_volumes") == MOST_NAMES + 51
        assert tx.value("SELECT count(*) FROM event_counts WHERE name LIKE '%@%'") == 0


def test_hours_long_ago_are_not_counted_and_days_are(workspace: Workspace) -> None:
    put(workspace, event(userId="u1", at=-400 * 86_400), event(userId="u1", at=0))
    with workspace.store.read() as tx:
        assert tx.value("SELECT sum(events) FROM event_volumes") == 1
        assert tx.value("SELECT sum(events) FROM event_counts") == 2


def test_nobody_judges_what_vocative_tells_itself(workspace: Workspace) -> None:
    assert put(workspace, order(total=5), source="vocative").rejected == {}


def retry(workspace: Workspace) -> Any:
    """Try what is rejected again, and apply it."""
    done = retry_rejected(workspace)
    apply_log(workspace)
    return done


def test_what_was_rejected_is_applied_after_the_plan_was_mended(on_either: Workspace) -> None:
    put(on_either, order(total=5), order(order_id="o1"), event(userId="u1", event=" "))
    [first, second] = list_rejected(on_either)
    assert {first.reason, second.reason} == {
        "Order Completed: order_id is missing",
        "a track event without a name",
    }
    assert retry(on_either).put_back == 0
    (on_either.root / "plans" / "shop.yaml").unlink()
    done = retry(on_either)
    assert (done.put_back, done.rejected) == (1, {"a track event without a name": 1})
    assert sorted(str(row["order_id"]) for row in history(on_either)) == ["None", "o1"]
    assert [one.reason for one in list_rejected(on_either)] == ["a track event without a name"]
    assert retry(on_either).put_back == 0


def test_a_retry_that_was_cut_off_counts_nothing_twice(workspace: Workspace) -> None:
    put(workspace, order(total=5))
    (workspace.root / "plans" / "shop.yaml").unlink()
    with workspace.store.read() as tx:
        kept = tx.tuples("SELECT * FROM rejected_events")
    retry(workspace)
    with workspace.store.transaction() as tx:  # as if it had stopped before this row went
        tx.run("INSERT INTO rejected_events VALUES (:a, :b, :c, :d, :e)", kept)
    assert retry(workspace).put_back == 1
    assert len(history(workspace)) == 1
    assert list_rejected(workspace) == []


def test_only_what_is_asked_for_is_tried(workspace: Workspace) -> None:
    put(workspace, order(total=5), source="till")
    put(workspace, order(total=6), source="web")
    (workspace.root / "plans" / "shop.yaml").unlink()
    assert retry_rejected(workspace, source="till").put_back == 1
    assert retry_rejected(workspace, reason="something else").put_back == 0
    assert [one.source for one in list_rejected(workspace)] == ["web"]


def test_what_is_off_the_log_is_told(workspace: Workspace) -> None:
    put(workspace, order(total=5))
    put(workspace, order(order_id="o1"))
    workspace.log.forget_before(2)
    (workspace.root / "plans" / "shop.yaml").unlink()
    done = retry_rejected(workspace)
    assert (done.put_back, done.gone) == (0, 1)
