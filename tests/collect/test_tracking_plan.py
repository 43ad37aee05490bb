"""Tracking plans: what they refuse to be, and what they say of an event."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.collect.event import read_event
from vocative.collect.quality.faults import OTHER, shown_name
from vocative.collect.quality.judging import Judge, Verdict
from vocative.collect.quality.plan import PlanBody, check_definitions
from vocative.errors import AuthorError
from vocative.workspace import Workspace

ORDER = {
    "order_id": {"type": "text", "required": True, "pattern": "[A-Z][0-9]+"},
    "revenue": {"type": "number", "required": True, "min": 0},
    "currency": {"kind": "currency"},
    "gift": {"type": "boolean"},
    "note": {"type": "text", "personal": True},
    "status": {"values": ["paid", "open", 1]},
    "products": {
        "type": "list",
        "required": True,
        "properties": {
            "product_id": {"type": "text", "required": True},
            "quantity": {"type": "integer", "min": 1, "max": 99},
            "engraving": {"personal": True},
        },
    },
}
GOOD = {
    "order_id": "A1",
    "revenue": 9.5,
    "currency": "eur",
    "products": [{"product_id": "x", "quantity": 2}],
}
PLAN = {"events": {"Order Completed": {"properties": ORDER}}}


def judged(plan: dict[str, Any], **event: Any) -> Verdict:
    raw = msgspec.json.encode({"event": "Order Completed", "userId": "u", **event})
    body = msgspec.convert(plan, PlanBody)
    return Judge(body).judge(read_event(raw, received_at=1_800_000_000_000_000))


def told(plan: dict[str, Any], **event: Any) -> list[str]:
    return [fault.told() for fault in judged(plan, **event).faults]


def test_an_event_that_fits_has_no_fault_and_comes_out_in_standard_form() -> None:
    verdict = judged(PLAN, properties=GOOD)
    assert verdict.faults == []
    assert verdict.properties == {**GOOD, "currency": "EUR"}
    assert verdict.personal == {"note", "engraving"}


def test_values_inside_lists_and_objects_come_out_in_standard_form() -> None:
    inner = {"land": {"kind": "country"}}
    said = {"to": {"type": "object", "properties": inner}}
    said["parcels"] = {"type": "list", "properties": inner}
    plan = {"events": {"Order Completed": {"properties": said}}}
    stated = {"to": {"land": "Frankreich"}, "parcels": [{"land": "uk"}, {"land": "?"}, {}]}
    verdict = judged(plan, properties=stated)
    assert verdict.properties == {
        "to": {"land": "FR"},
        "parcels": [{"land": "GB"}, {"land": "?"}, {}],
    }
    assert [fault.property for fault in verdict.faults] == ["parcels[].land"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"order_id": None}, "order_id is missing"),
        ({"order_id": ""}, "order_id is missing"),
        ({"order_id": 5}, "order_id has the wrong type"),
        ({"order_id": "a1"}, "order_id does not fit its pattern"),
        ({"order_id": "A1 and more"}, "order_id does not fit its pattern"),
        ({"revenue": "9.50"}, "revenue has the wrong type"),
        ({"revenue": True}, "revenue has the wrong type"),
        ({"revenue": -1}, "revenue is too small"),
        ({"currency": "$"}, "currency cannot be brought to its standard form"),
        ({"gift": 1}, "gift has the wrong type"),
        ({"status": "lost"}, "status has a value that is not allowed"),
        ({"status": True}, "status has a value that is not allowed"),
        ({"status": [1]}, "status has a value that is not allowed"),
        ({"products": {}}, "products has the wrong type"),
        ({"products": ["x"]}, "products has the wrong type"),
        ({"products": [{}, {}]}, "products[].product_id is missing"),
        (
            {"products": [{"product_id": "x", "quantity": 100}]},
            "products[].quantity is too large",
        ),
        (
            {"products": [{"product_id": "x", "quantity": 1.5}]},
            "products[].quantity has the wrong type",
        ),
    ],
)
def test_each_fault_names_event_and_property(change: dict[str, Any], fault: str) -> None:
    assert told(PLAN, properties=GOOD | change) == [f"Order Completed: {fault}"]


@pytest.mark.parametrize(
    ("value", "fits"),
    [("2026-03-01T10:00:00Z", True), ("2026-03-01", True), (1_772_000_000, True), ("soon", False)],
)
def test_instants_are_read_as_those_of_events_are(value: object, fits: bool) -> None:
    plan = {"events": {"Order Completed": {"properties": {"at": {"type": "instant"}}}}}
    assert (told(plan, properties={"at": value}) == []) is fits


def test_what_is_unknown_is_told_only_when_the_plan_wants_it() -> None:
    extra = GOOD | {"colour": "red", "ana@example.com": 1}
    assert told(PLAN, properties=extra) == []
    strict = PLAN | {"unknown_properties": "reject"}
    assert told(strict, properties=extra) == [
        "Order Completed: colour is not in the plan",
        f"Order Completed: {OTHER} is not in the plan",
    ]
    assert judged(strict, properties=extra).refused_for is not None
    assert told(PLAN, event="Something Else") == ["Something Else is not in the plan"]
    assert told(PLAN | {"unknown_events": "keep"}, event="Something Else") == []
    assert told(PLAN, type="page", event=None) == []


def test_traits_are_judged_by_the_names_they_are_kept_under() -> None:
    plan = {"traits": {"email": {"required": True}, "plan": {"values": ["free", "plus"]}}}
    assert told(plan, type="identify", traits={"emailAddress": "a@b.example", "Plan": "plus"}) == []
    assert told(plan, type="identify", traits={"plan": "gold"}) == [
        "Identified: email is missing",
        "Identified: plan has a value that is not allowed",
    ]
    strict = plan | {"unknown_properties": "flag"}
    assert told(strict, type="identify", traits={"email": "a@b.example", "shoeSize": 40}) == [
        "Identified: shoe_size is not in the plan"
    ]


def versioned(retired: bool) -> dict[str, Any]:
    older = {"version": 1, "properties": {"id": {"required": True}}, "retired": retired}
    newest = {"version": 2, "properties": {"order_id": {"required": True}}, "older": [older]}
    return {"events": {"Order Completed": newest}}


def version(stated: object) -> dict[str, Any]:
    return {"protocols": {"event_version": stated}}


@pytest.mark.parametrize("stated", [1, "1"])
def test_an_older_version_is_valid_until_it_is_retired(stated: object) -> None:
    old, new = {"id": "A1"}, {"order_id": "A1"}
    living, gone = versioned(retired=False), versioned(retired=True)
    assert told(living, properties=old, context=version(stated)) == []
    assert told(living, properties=new, context=version(stated)) == [
        "Order Completed: id is missing"
    ]
    assert told(gone, properties=old, context=version(stated)) == [
        "Order Completed is of a version that is retired"
    ]
    assert told(living, properties=new, context=version(3)) == [
        "Order Completed is of a version that the plan does not have"
    ]


def test_an_event_that_says_no_version_may_fit_any_living_one() -> None:
    old, new, neither = {"id": "A1"}, {"order_id": "A1"}, {}
    living, gone = versioned(retired=False), versioned(retired=True)
    assert told(living, properties=old) == told(living, properties=new) == []
    assert told(gone, properties=old) == ["Order Completed: order_id is missing"]
    assert told(living, properties=neither) == ["Order Completed: order_id is missing"]
    assert told(living, properties=old, context={"protocols": "1"}) == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from([*ORDER, "product_id", "quantity"]), inner, max_size=5
            )
        ),
        max_leaves=12,
    ).filter(lambda value: isinstance(value, dict))
)
def test_whatever_an_event_holds_it_is_judged(properties: dict[str, Any]) -> None:
    verdict = judged(PLAN | {"unknown_properties": "flag"}, properties=properties)
    assert {fault.event for fault in verdict.faults} <= {"Order Completed"}


def test_a_pattern_cannot_be_made_slow() -> None:
    plan = {"events": {"Order Completed": {"properties": {"x": {"pattern": "(a+)+"}}}}}
    assert told(plan, properties={"x": "a" * 1_900 + "!"}) != []


@pytest.mark.parametrize("name", ["ana@example.com", "call 0301234567", "", "\0", "x" * 90, "+49"])
def test_names_that_may_be_data_are_not_shown(name: str) -> None:
    assert shown_name(name) == OTHER


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("{}", "says nothing", (1, 1)),
        ("events: {A: {properties: {b: {type: money}}}}", "Invalid enum value 'money'", (1, 37)),
        ("events: {A: {properties: {b: {min: 1}}}}", "only numbers have a min", (1, 36)),
        ("events: {A: {properties: {b: {pattern: '('}}}}", "this is no pattern", (1, 41)),
        ("events: {A: {properties: {b: {type: number, pattern: x}}}}", "is for text", (1, 54)),
        (
            "events: {A: {properties: {b: {properties: {c: {}}}}}}",
            "only lists and objects",
            (1, 43),
        ),
        ("events: {A: {older: [{version: 1}]}}", "version 1 is there already", (1, 32)),
        ("events: {A: {older: [{version: 2}]}}", "newer than the event's", (1, 32)),
        ("events: {A: {properties: {b: {region: DE}}}}", "only phone numbers", (1, 39)),
        ("traits: {firstName: {}}", "is kept as 'first_name'", (1, 10)),
        ("traits: {land: {personal: true}}", "keeps this trait in the open", (1, 27)),
        ("traits: {land: {kind: country}}", "stands in traits.yaml", (1, 23)),
        ("sources: [till]\nevents: {A: {}}", "the plan 'a' is for the source 'till', too", (1, 10)),
    ],
)
def test_a_wrong_plan_is_pointed_at(
    workspace: Workspace, text: str, message: str, place: tuple[int, int]
) -> None:
    (workspace.root / "traits.yaml").write_text("land: {}\n")
    write(workspace, "a", "sources: [till]\nevents: {A: {}}\n")
    write(workspace, "b", text)
    with pytest.raises(AuthorError, match=message) as caught:
        check_definitions(workspace)
    where = caught.value.where
    assert where is not None
    assert not isinstance(where, str)
    assert (where.line, where.column) == place


def write(workspace: Workspace, name: str, text: str) -> Path:
    path = workspace.root / "plans" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path
