"""A first plan is made from events that came in, and a plan is tried on them."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vocative.collect.door import accept
from vocative.collect.quality.inferring import infer_plan
from vocative.collect.quality.plan import check_definitions, read_plans
from vocative.collect.quality.trying import try_plan
from vocative.errors import AuthorError, StateError
from vocative.workspace import Workspace


def event(kind: str = "track", **fields: Any) -> dict[str, Any]:
    return {"type": kind, "event": "Order Completed", "userId": "u", **fields}


def take(workspace: Workspace, *events: dict[str, Any], source: str = "shop") -> None:
    accept(workspace, list(events), source=source)


def order(**properties: Any) -> dict[str, Any]:
    return event(properties=properties)


def plan_file(workspace: Workspace, text: str) -> Path:
    path = workspace.root / "tried.yaml"
    path.write_text(text)
    return path


def test_a_plan_says_what_was_there(workspace: Workspace) -> None:
    lines = [{"product_id": "x", "quantity": 2, "price": 1.5}]
    take(
        workspace,
        order(order_id="A1", total=5, currency="EUR", gift=True, products=lines, land="x"),
        order(order_id="A2", total=5.5, currency="€", gift=None, products=[*lines, "odd"], land=1),
        event("page", name="Home", properties={"path": "/"}),
        event("identify", traits={"emailAddress": "ana@example.com", "country": "DE"}),
        event("group", traits={"name": "ACME"}),
    )
    take(workspace, order(secret="x"), source="vocative")
    accept(workspace, [b"no event"], source="shop")
    made = infer_plan(workspace, write="shop", source="shop")
    assert made.events == 5
    assert "ana@example.com" not in made.text
    check_definitions(workspace)
    plan = read_plans(workspace.definitions("plan"), workspace.traits)["shop"]
    assert plan.sources == ["shop"]
    assert set(plan.events) == {"Order Completed", "Page Viewed"}
    found = plan.events["Order Completed"].properties
    shown = {name: (one.type, one.kind, one.required) for name, one in found.items()}
    assert shown == {
        "currency": (None, "currency", True),
        "gift": ("boolean", None, False),
        "land": (None, None, True),
        "order_id": ("text", None, True),
        "products": ("list", None, True),
        "total": ("number", None, True),
    }
    inner = found["products"].properties
    assert {name: one.type for name, one in inner.items()} == {
        "price": "number",
        "product_id": "text",
        "quantity": "integer",
    }
    assert {name: (one.type, one.required) for name, one in plan.traits.items()} == {
        "country": ("text", True),
        "email": ("text", True),
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    st.lists(
        st.builds(
            lambda name, properties: event(event=name, properties=properties),
            st.text(min_size=1),
            st.dictionaries(st.text(), json_values, max_size=5),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_came_in_the_plan_can_be_read(workspace: Workspace, events: list[Any]) -> None:
    workspace.log.forget_before(workspace.log.last_position() + 1)
    take(workspace, *events, order(total=1))
    made = infer_plan(workspace)
    tried = try_plan(workspace, plan_file(workspace, made.text))
    assert tried.rejected == 0
    # Lists whose elements are not all objects, and names that may be data, are what is left.
    assert {fault.fault for fault in tried.faults} <= {"wrong_type", "unknown_event", "missing"}


def test_a_plan_is_tried_on_the_newest_events(workspace: Workspace) -> None:
    for number in range(5):
        take(workspace, order(total=number), order(order_id="A1", total=number))
    take(workspace, event(event="Surprise"), source="till")
    plan = plan_file(
        workspace,
        "events:\n"
        "  Order Completed:\n"
        "    violations: reject\n"
        "    properties: {order_id: {required: true}, total: {type: number, min: 2}}\n",
    )
    tried = try_plan(workspace, plan)
    assert (tried.events, tried.rejected, tried.flagged) == (11, 7, 1)
    assert [(one.property, one.fault, one.events) for one in tried.faults] == [
        ("order_id", "missing", 5),
        ("total", "too_small", 4),
        ("", "unknown_event", 1),
    ]
    assert try_plan(workspace, plan, events=3).events == 3
    assert try_plan(workspace, plan, source="till").events == 1
    only = plan_file(workspace, "sources: [till]\nunknown_events: reject\nevents: {A: {}}\n")
    assert (try_plan(workspace, only).events, try_plan(workspace, only).rejected) == (1, 1)


def test_what_cannot_be_done_is_told(workspace: Workspace) -> None:
    with pytest.raises(StateError, match="no event came in yet"):
        infer_plan(workspace)
    take(workspace, order(total=1))
    with pytest.raises(AuthorError, match="cannot be the name"):
        infer_plan(workspace, write="../shop")
    infer_plan(workspace, write="shop")
    with pytest.raises(StateError, match="there is a plan 'shop' already"):
        infer_plan(workspace, write="shop")
    with pytest.raises(AuthorError, match="there is no file"):
        try_plan(workspace, workspace.root / "plans" / "none.yaml")
    with pytest.raises(AuthorError, match="says nothing"):
        try_plan(workspace, plan_file(workspace, "violations: flag"))
