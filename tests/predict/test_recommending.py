"""Recommending on a real workspace: lists, stock, newcomers, and the card."""

import json

import pytest

from predict.planted import END
from vocative import predict
from vocative.collect.catalog import upsert_items
from vocative.collect.door import accept
from vocative.errors import AuthorError, DataError, StateError
from vocative.identify.apply import apply_log
from vocative.predict.card import card_markdown
from vocative.predict.recommending import load_recommender
from vocative.predict.shop import read_shop
from vocative.workspace import Workspace


@pytest.fixture
def trained(shop: Workspace) -> Workspace:
    """The shop with its recommender trained."""
    assert predict.train(shop, "picks").status == "champion"
    return shop


def lists(shop: Workspace) -> dict[str, list[dict[str, object]]]:
    with shop.store.read() as tx:
        rows = tx.tuples("SELECT person_id, items FROM recommendations WHERE recommender = 'picks'")
    return {person: json.loads(items) for person, items in rows}


def test_the_card_compares_with_simple_rules(shop: Workspace) -> None:
    card = predict.train(shop, "picks")
    assert [row.name for row in card.ranking] == ["hybrid", "own_frequency", "popularity"]
    hybrid, own, popular = card.ranking
    assert hybrid.ndcg10 >= 0.98 * own.ndcg10
    assert hybrid.ndcg10 > 2 * popular.ndcg10
    assert "Lists on later data" in card_markdown(card)
    assert predict.train(shop, "picks").version == card.version


def test_everyone_gets_a_list_with_reasons(trained: Workspace) -> None:
    n = predict.recommend(trained, "picks", n=6)
    found = lists(trained)
    assert len(found) == n == 260
    bought = 0
    for items in found.values():
        assert len(items) == 6
        assert len({entry["item_id"] for entry in items}) == 6
        assert all(entry["reason"] for entry in items)
        bought += "you bought it" in str(items[0]["reason"])
    assert bought > 100
    said = {str(entry["reason"]) for items in found.values() for entry in items}
    assert any(text.startswith("often bought with Thing ") for text in said)
    # Again, shorter: replaces.
    assert predict.recommend(trained, "picks", n=2) == n
    assert {len(items) for items in lists(trained).values()} == {2}


def test_what_is_out_of_stock_or_switched_off_is_not_shown(trained: Workspace) -> None:
    upsert_items(
        trained,
        [
            {"item_id": "sku-00", "title": "Gone", "stock": 0},
            {"item_id": "sku-01", "title": "Off", "active": False},
            {"item_id": "sku-02", "title": "Here", "stock": 3},
        ],
    )
    predict.recommend(trained, "picks", n=20)
    shown = {entry["item_id"] for items in lists(trained).values() for entry in items}
    assert shown.isdisjoint({"sku-00", "sku-01"})
    assert {"sku-02", "sku-05"} <= shown


def test_people_without_a_history_get_what_is_popular(trained: Workspace) -> None:
    newcomer = {
        "type": "identify",
        "userId": "newcomer",
        "messageId": "n1",
        "timestamp": END.isoformat(),
        "traits": {"country": "FR"},
    }
    predict.recommend(trained, "picks", n=5)
    before = set(lists(trained))
    accept(trained, [newcomer], source="shop")
    apply_log(trained)
    predict.recommend(trained, "picks", n=5)
    found = lists(trained)
    (person,) = set(found) - before
    assert len(found[person]) == 5
    assert all("popular" in str(e["reason"]) or "others" in str(e["reason"]) for e in found[person])


def test_hints_are_told_from_orders(shop: Workspace) -> None:
    with shop.engine() as engine:
        found = read_shop(engine, ("Order Completed", "Product Viewed"), until=END).history
        orders = engine.value("SELECT count(*) FROM order_lines WHERE name = 'Order Completed'")
        views = engine.value("SELECT count(*) FROM events WHERE name = 'Product Viewed'")
    assert int(found.taken.sum()) == orders
    assert int((~found.taken).sum()) == views


def test_events_that_name_no_product_are_not_enough(shop: Workspace) -> None:
    (shop.root / "models" / "more.yaml").write_text("x: {recommend: items, learn_from: Ping}\n")
    card = predict.train(shop, "x")
    assert card.status == "not_enough_data"
    assert "no 'Ping' event names a product" in card.missing[0]
    with pytest.raises(StateError, match="could not be trained"):
        predict.recommend(shop, "x")


def test_a_stranger_s_file_is_refused() -> None:
    for raw in (b"", b"[]", b'{"algorithm": "os", "learned": {}}', b'{"learned": {"trees": 3}}'):
        with pytest.raises(DataError):
            load_recommender(raw)


def test_a_list_has_a_sensible_length(trained: Workspace) -> None:
    with pytest.raises(AuthorError, match="1 to 200"):
        predict.recommend(trained, "picks", n=0)
