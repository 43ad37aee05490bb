"""Records of JSON go through a mapping as tables do; a record is used as a whole or not at all."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.collect import records as records_module
from vocative.collect.records import Mapped, RecordMapper, names_in, value_at
from vocative.errors import AuthorError
from vocative.workspace.yaml_text import parse_yaml

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ORDERS = """\
each: order.lines
people:
  user_id: customer.id
  traits: {email: customer.email, country: '"customer.address.country.code"'}
consents:
  - given: customer.newsletter = 'true'
    withdrawn: customer.newsletter = 'false'
events:
  name: "'Order Completed'"
  at: order.placed_at
  message_id: concat('order-', order.id)
  properties: {order_id: order.id, first_tag: '"order.tags.0"'}
  products:
    product_id: order.lines.sku
    price: to_number(order.lines.price)
    quantity: to_number(order.lines.quantity)
"""


def mapped(mapping: str, *records: dict[str, Any]) -> Mapped:
    mapper = RecordMapper(parse_yaml(mapping, "orders.yaml"), timezone="UTC", origin="till")
    try:
        return mapper.map(records, now=NOW)
    finally:
        mapper.close()


def order(number: int = 1, lines: Any = None, **customer: Any) -> dict[str, Any]:
    return {
        "order": {
            "id": number,
            "placed_at": "2026-01-02T10:00:00Z",
            "tags": ["spring", "web"],
            "lines": [{"sku": "T1", "price": 4.5, "quantity": "2"}] if lines is None else lines,
        },
        "customer": {"id": "ana", "email": "ana@example.com", **customer},
    }


def tracked(found: Mapped, name: str = "Order Completed") -> list[dict[str, Any]]:
    return [event for event in found.events if event.get("event") == name]


def test_names_lead_into_a_record_and_its_lists() -> None:
    lines = [{"sku": "T1", "price": 4.5, "quantity": 2}, {"sku": "T2", "price": 3, "quantity": 1}]
    record = order(7, lines, address={"country": {"code": "ES"}}, newsletter=True)
    found = mapped(ORDERS, record)
    assert found.refused == {}
    (event,) = tracked(found)
    assert event["messageId"] == "order-7"
    assert event["userId"] == "ana"
    assert event["timestamp"] == "2026-01-02T10:00:00Z"
    assert event["properties"] == {
        "order_id": "7",
        "first_tag": "spring",
        "products": [
            {"product_id": "T1", "price": 4.5, "quantity": 2.0},
            {"product_id": "T2", "price": 3.0, "quantity": 1.0},
        ],
        "revenue": 12.0,
    }
    (identify,) = [event for event in found.events if event["type"] == "identify"]
    assert identify["traits"] == {"email": "ana@example.com", "country": "ES"}
    assert len({event["messageId"] for event in tracked(found, "Consent Given")}) == 1


def test_records_of_one_call_are_never_one_event() -> None:
    found = mapped(ORDERS, order(1), order(1))
    assert [len(event["properties"]["products"]) for event in tracked(found)] == [1, 1]


def test_what_a_record_does_not_have_is_unknown() -> None:
    bare = {"order": {"id": 3, "placed_at": "2026-01-02T10:00:00Z"}}
    (event,) = tracked(mapped(ORDERS, bare))
    assert event["context"] == {"nobody": True}
    assert tracked(mapped(ORDERS, bare), "Consent Withdrawn") == []


def test_a_list_of_one_may_be_written_as_the_one() -> None:
    (event,) = tracked(mapped(ORDERS, order(1, {"sku": "T9", "price": 1, "quantity": 1})))
    assert [product["product_id"] for product in event["properties"]["products"]] == ["T9"]


def test_entries_that_are_values_are_called_as_their_list() -> None:
    mapping = "each: tags\nitems: {item_id: tags}\n"
    assert mapped(mapping, {"tags": ["a", "b", 3]}).items == [
        {"item_id": "3"},
        {"item_id": "a"},
        {"item_id": "b"},
    ]


def test_a_record_with_one_bad_row_waits_as_a_whole() -> None:
    rule = "reject:\n  - reason: a line without a price\n    when: order.lines.price is null\n"
    whole, broken = order(1), order(2, [{"sku": "T1", "price": 1}, {"sku": "T2"}])
    found = mapped(rule + ORDERS, broken, whole)
    assert found.refused == {0: "a line without a price"}
    assert [event["properties"]["order_id"] for event in tracked(found)] == ["1"]


def test_lists_without_end_are_refused_and_harm_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_module, "MOST_ROWS", 12_000)
    line = {"sku": "T1", "price": 1, "quantity": 1}
    found = mapped(ORDERS, order(1, [line] * 10_001), order(2), order(3, [line] * 9_000), order(4))
    assert found.refused == {0: "a list of more than 10,000 entries"}
    assert mapped(ORDERS, order(1, [line] * 9_000), order(2, [line] * 9_000)).refused == {
        1: "too many entries at once"
    }


def test_a_record_without_a_time_is_refused_with_a_reason() -> None:
    record = order(1)
    record["order"]["placed_at"] = "soon"
    found = mapped(ORDERS, record)
    assert found.refused == {0: "no readable time"}
    assert found.events == []


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ("people: {user_id: to_number(id)}\n", "not text"),
        ("people: {user_id: customer.}\n", "[a-z]"),
        ("each: lines\n", "makes nothing"),
        ("items: {item_id: in_segment('x')}\n", "does not fit"),
    ],
)
def test_a_wrong_mapping_is_told_at_once(mapping: str, message: str) -> None:
    with pytest.raises(AuthorError, match=message) as caught:
        mapped(mapping)
    assert caught.value.where is not None


def test_a_key_with_dots_is_found_as_it_is_written() -> None:
    assert value_at({"a.b": 1, "a": {"b": 2}}, "a.b") == 1
    assert value_at({"a": [{"b": 2}]}, "a.0.b") == 2
    assert value_at({"a": [{"b": 2}]}, "a.1.b") is None
    assert value_at({"a": "text"}, "a.b") is None
    assert list(names_in(order(1)))[:3] == ["order.id", "order.placed_at", "order.tags"]


@pytest.fixture(scope="module")
def mapper() -> Iterator[RecordMapper]:
    opened = RecordMapper(parse_yaml(ORDERS, "orders.yaml"), timezone="UTC", origin="till")
    yield opened
    opened.close()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "sku", "price", "code", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
records = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "order": json_values
            | st.fixed_dictionaries({"placed_at": json_values, "lines": json_values}),
            "customer": json_values,
        },
    ),
    max_size=4,
)


@settings(max_examples=30, deadline=None)
@given(given_records=records)
def test_any_record_is_used_or_refused(
    mapper: RecordMapper, given_records: list[dict[str, Any]]
) -> None:
    found = mapper.map(given_records, now=NOW)
    assert set(found.refused) <= set(range(len(given_records)))
    assert len(tracked(found)) == len(given_records) - len(found.refused)
