"""What `models/*.yaml` may say, and how it is refused."""

from pathlib import Path

import pytest

from vocative.errors import AuthorError, UnknownName
from vocative.predict.definitions import Propensity, Recommending, check_definitions, read_models
from vocative.workspace import Workspace


def write(shop: Workspace, text: str) -> None:
    (shop.root / "models" / "shop.yaml").write_text(text)


def test_the_kinds_are_told_apart(shop: Workspace) -> None:
    models = read_models(shop)
    buys, picks = models["buys"], models["picks"]
    assert isinstance(buys, Propensity)
    assert buys.kind == "propensity"
    assert isinstance(picks, Recommending)
    assert picks.events == ("Order Completed", "Product Viewed")


def test_auto_leaves_out_traits_and_comparisons(shop: Workspace) -> None:
    buys = read_models(shop)["buys"]
    assert isinstance(buys, Propensity)
    # `lately` is made from a trait, `view_fifth` compares with others, and so does its double.
    assert buys.features == (
        "last_order_at",
        "last_view_at",
        "orders_180d",
        "orders_30d",
        "spend_180d",
        "views_30d",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("m: {predict: Order Completed}", "within"),
        ("m: {within: 30d}", "neither what to predict"),
        ("m: {predict: Order Completed, within: soon}", "not a time to look ahead"),
        ("m: {predict: Order Completed, within: 900d}", "not a time to look ahead"),
        ("m: {predict: [], within: 30d}", "names no event"),
        ("m: {predict: X, within: 30d, algorithm: lightgmb}", "did you mean 'lightgbm'"),
        ("m: {predict: X, within: 30d, features: [order_30d]}", "did you mean 'orders_30d'"),
        ("m: {predict: X, within: 30d, trust: [orders]}", "unknown feature"),
        ("m: {predict: X, within: 30d, population: 'orders_30d >'}", "models/shop.yaml:1"),
        ("m: {predict: X, within: 30d, population: 'order_30d > 0'}", "orders_30d"),
        ("m: {predict: X, within: 30d, population: 'orders_30d'}", "boolean"),
        ("m: {predict: X, within: 30d, sead: 3}", "did you mean 'seed'"),
        ("M-1: {predict: X, within: 30d}", "not a good name"),
        ("m: {recommend: people, learn_from: X}", "people"),
        ("m: {recommend: items, learn_from: X, algorithm: eas}", "did you mean 'ease'"),
        ("m: {recommend: items}", "learn_from"),
    ],
)
def test_a_wrong_definition_points_at_itself(shop: Workspace, text: str, says: str) -> None:
    write(shop, text + "\n")
    with pytest.raises(AuthorError) as refused:
        check_definitions(shop)
    assert says in str(refused.value)
    assert "models/shop.yaml:1" in str(refused.value)


def test_segments_and_scores_are_no_population(shop: Workspace) -> None:
    write(shop, "m: {predict: X, within: 30d, population: \"in_segment('a')\"}\n")
    with pytest.raises(AuthorError):
        check_definitions(shop)


def test_the_starter_models_fit_the_starter_features(tmp_path: Path) -> None:
    import shutil

    import vocative.workspace

    starter = Path(vocative.workspace.__file__).parent / "starter"
    shutil.copytree(starter, tmp_path / "w")
    with Workspace(tmp_path / "w") as workspace:
        models = read_models(workspace)
    assert set(models) >= {"purchase_30d", "for_you"}
    purchase = models["purchase_30d"]
    assert isinstance(purchase, Propensity)
    assert "orders_90d" in purchase.features


def test_an_unknown_model_is_named(shop: Workspace) -> None:
    from vocative import predict

    with pytest.raises(UnknownName, match="did you mean 'picks'"):
        predict.train(shop, "pick")
