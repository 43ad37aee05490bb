"""The catalog keeps what a row leaves out, and no odd value stops it."""

from typing import Any

import pytest

from vocative.collect.catalog import upsert_items
from vocative.errors import DataError
from vocative.stores import Store
from vocative.workspace import Workspace


@pytest.fixture
def catalog(workspace: Workspace, store: Store) -> Workspace:
    """The workspace on either database."""
    workspace.__dict__["store"] = store
    return workspace


def item(workspace: Workspace, item_id: str = "i1") -> dict[str, Any]:
    with workspace.store.read() as tx:
        found = tx.row("SELECT * FROM items WHERE item_id = :i", {"i": item_id})
    assert found is not None
    return found


def test_a_field_that_a_row_leaves_out_keeps_its_value(catalog: Workspace) -> None:
    full = {
        "item_id": "i1",
        "title": "Pot",
        "category": "Kitchen",
        "price": "12.50",
        "currency": "GBP",
        "url": "https://x",
        "image_url": "https://y",
        "stock": "5",
        "margin": 0.4,
        "active": "no",
    }
    assert upsert_items(catalog, [full]) == 1
    before = item(catalog)
    assert (before["price"], before["stock"], before["active"]) == (12.5, 5, 0)
    upsert_items(catalog, [{"item_id": "i1"}, {"item_id": "i1", "title": "", "active": ""}])
    assert item(catalog) == before  # still not for sale, still called Pot
    upsert_items(catalog, [{"item_id": "i1", "title": "Pan", "active": "yes", "stock": 0}])
    assert (item(catalog)["title"], item(catalog)["active"], item(catalog)["stock"]) == (
        "Pan",
        1,
        0,
    )


def test_a_new_item_is_shown_under_its_id_and_for_sale(catalog: Workspace) -> None:
    upsert_items(catalog, [{"item_id": 17}])
    found = item(catalog, "17")
    assert (found["title"], found["active"], found["stock"]) == ("17", 1, None)


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("price", "cheap", None),
        ("price", "nan", None),
        ("price", "1e400", None),
        ("price", 10**400, None),
        ("price", [], None),
        ("stock", "inf", None),
        ("stock", "2.9", 2),
        ("stock", "1e300", 2**53),
        ("stock", -1, -1),
        ("active", "FALSE", 0),
        ("active", False, 0),
        ("active", 1, 1),
        ("category", " ", None),
        ("category", "a\0b", "ab"),
        ("title", 5, "5"),
    ],
)
def test_odd_values(catalog: Workspace, field: str, value: object, kept: object) -> None:
    upsert_items(catalog, [{"item_id": "i1", field: value}])
    assert item(catalog)[field] == kept


@pytest.mark.parametrize("wrong", [{}, {"item_id": None}, {"item_id": " "}])
def test_an_item_without_an_id_adds_nothing(workspace: Workspace, wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="without an item_id"):
        upsert_items(workspace, [{"item_id": "i1"}, wrong])
    with workspace.store.read() as tx:
        assert tx.value("SELECT count(*) FROM items") == 0


def test_more_items_than_one_batch(workspace: Workspace) -> None:
    assert upsert_items(workspace, ({"item_id": n} for n in range(5_001))) == 5_001
