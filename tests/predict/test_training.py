"""Training on a real workspace: what is learned, what is refused, and what the card says."""

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from predict.planted import END
from vocative import predict
from vocative.clock import naive_utc
from vocative.engines.base import Engine
from vocative.errors import AuthorError, DataError, StateError
from vocative.predict.card import card_markdown
from vocative.predict.dataset import (
    build_dataset,
    choose_cuts,
    compute_table,
    features_of,
    known_span,
    population_table,
)
from vocative.predict.definitions import Propensity, read_models
from vocative.predict.fitting import offset_to_rate, shifted
from vocative.predict.leaks import future_columns, refuse_future_columns
from vocative.segment.plan import build_plan
from vocative.workspace import Workspace


def propensity(shop: Workspace, name: str) -> Propensity:
    found = read_models(shop)[name]
    assert isinstance(found, Propensity)
    return found


def test_a_card_says_what_was_learned(shop: Workspace) -> None:
    heard: list[float] = []
    card = predict.train(shop, "buys", progress=lambda _, part: heard.append(part))
    assert card.status == "champion"
    assert heard[0] == 0.0
    assert heard[-1] == 1.0
    assert heard == sorted(heard)
    quality = card.quality
    assert quality is not None
    # Those who come often buy soon: that is easily seen.
    assert quality.roc_auc.value > 0.8
    assert quality.roc_auc.low < quality.roc_auc.value < quality.roc_auc.high
    assert quality.calibration_error < 0.12
    assert quality.lift[0].lift > 1.3
    assert {row.name for row in card.baselines} == {"recency only", "frequency only"}
    assert [cut.role for cut in card.cuts][-2:] == ["choosing", "testing"]
    assert sum(row.share for row in card.importances) == pytest.approx(1.0)
    assert {row.algorithm for row in card.candidates} == {"logistic_regression", "lightgbm"}
    assert card.versions["numpy"] == np.__version__
    folder = shop.state_dir / "models" / "buys" / card.version
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "card.md", "model.json"]
    assert json.loads((folder / "card.json").read_text())["model"] == "buys"
    text = (folder / "card.md").read_text()
    assert text == card_markdown(card)
    for word in ("ROC-AUC", "Calibration", "recency only", "testing", "logistic_regression"):
        assert word in text


def test_cuts_do_not_overlap_and_end_with_what_is_known(shop: Workspace) -> None:
    with shop.engine() as engine:
        span = known_span(engine, until=END)
    assert span is not None
    cuts = choose_cuts(span, timedelta(days=30))
    assert cuts[-1] + timedelta(days=30) == span.end
    assert all(b - a == timedelta(days=30) for a, b in pairwise(cuts))
    assert cuts[0] - timedelta(days=30) >= span.start


def test_labels_and_features_agree_with_the_events(shop: Workspace) -> None:
    model, plan = propensity(shop, "buys"), build_plan(shop)
    with shop.engine() as engine:
        span = known_span(engine, until=END)
        assert span is not None
        data = build_dataset(engine, plan, model, choose_cuts(span, model.within))
        orders = engine.query(
            "SELECT person_id, e.at AS moment FROM events e WHERE name = 'Order Completed'"
        ).to_pylist()
    by_person: dict[str, list[datetime]] = {}
    for row in orders:
        by_person.setdefault(row["person_id"], []).append(row["moment"])
    month = timedelta(days=30)
    for row in range(0, len(data.label), 37):
        as_of = naive_utc(data.cuts[data.cut[row]])
        moments = by_person.get(str(data.person[row]), [])
        assert data.label[row] == any(as_of < at <= as_of + month for at in moments)
        before = [at for at in moments if at <= as_of]
        assert data.columns.numbers("orders_30d")[row] == sum(at > as_of - month for at in before)
        assert data.frequency[row] == len(before)
        recency = (as_of - max(before)) / timedelta(days=1) if before else np.nan
        np.testing.assert_allclose(data.recency_days[row], recency)


def test_training_again_gives_the_same_version(shop: Workspace) -> None:
    first, second = (predict.train(shop, "linear") for _ in range(2))
    assert first.version == second.version
    assert first.quality == second.quality
    with shop.store.read() as tx:
        assert tx.value("SELECT count(*) FROM models WHERE model = 'linear'") == 1


def test_not_enough_data_is_a_result_in_words(shop: Workspace) -> None:
    card = predict.train(shop, "never")
    assert card.status == "not_enough_data"
    assert any("0 cases of Subscription Started within 30 days" in m for m in card.missing)
    assert "What is missing" in card_markdown(card)
    far = predict.train(shop, "far")
    assert any("history covers" in sentence for sentence in far.missing)
    with pytest.raises(StateError, match="could not be trained"):
        predict.score(shop, "never")
    assert "not enough data" in next(
        row.headline for row in predict.list_models(shop) if row.name == "never"
    )


def test_an_empty_workspace_is_not_enough_data(workspace: Workspace) -> None:
    for folder, text in (
        ("features", "orders: {count: Order Completed}\n"),
        ("models", "m: {predict: Order Completed, within: 30d}\n"),
    ):
        (workspace.root / folder).mkdir()
        (workspace.root / folder / "a.yaml").write_text(text)
    card = predict.train(workspace, "m")
    assert card.status == "not_enough_data"
    assert card.missing == ("there is no event about any person yet",)


def test_too_little_later_keeps_the_champion(shop: Workspace) -> None:
    good = predict.train(shop, "linear")
    early = END - timedelta(days=160)
    again = predict.train(shop, "linear", as_of=early)
    assert again.status == "not_enough_data"
    assert predict.show_model(shop, "linear").version == good.version


def test_a_trait_set_by_the_outcome_is_refused(shop: Workspace) -> None:
    with pytest.raises(AuthorError, match="'lately' alone tells") as refused:
        predict.train(shop, "leaky")
    assert "models/shop.yaml" in str(refused.value)
    assert "trust: [lately]" in str(refused.value)


def test_who_insists_is_heard_and_warned(shop: Workspace) -> None:
    card = predict.train(shop, "insisted")
    assert card.status == "champion"
    assert any("bought_lately" in caution for caution in card.cautions)


def test_traits_are_learned_from_only_when_asked_for(shop: Workspace) -> None:
    card = predict.train(shop, "with_trait")
    assert "country" in card.features
    assert any("country" in caution for caution in card.cautions)


def test_a_population_can_go_by_the_persons_calendar(shop: Workspace) -> None:
    (shop.root / "models" / "local.yaml").write_text(
        "local: {predict: Order Completed, within: 30d,"
        " population: \"local_date(last_view_at) < today() - interval '3 days'\"}\n"
    )
    plan = build_plan(shop)
    with shop.engine() as engine:
        population = population_table(engine, (END - timedelta(days=60),))
        rows = features_of(engine, plan, propensity(shop, "local"), population)
    assert 0 < rows.num_rows < population.num_rows


def planted_future(engine: Engine, population: pa.Table) -> pa.Table:
    """Features with one that looks ten days ahead of its instant."""
    engine.register("asked", population)
    return engine.query(
        "SELECT a.person_id, a.as_of,"
        " count(e.at) FILTER (WHERE e.at <= a.as_of) AS orders_30d,"
        " count(e.at) FILTER (WHERE e.at <= a.as_of + INTERVAL 10 DAY) AS views_30d"
        " FROM asked a LEFT JOIN events e USING (person_id) GROUP BY ALL"
    )


def test_a_planted_future_column_is_refused(shop: Workspace) -> None:
    model, plan = propensity(shop, "buys"), build_plan(shop)
    with shop.engine() as engine:
        population = population_table(engine, (END - timedelta(days=60),))
        assert future_columns(engine, planted_future, population) == ["views_30d"]

        def honest(where: Engine, people: pa.Table) -> pa.Table:
            return compute_table(where, plan, model, people)

        assert future_columns(engine, honest, population) == []
    with pytest.raises(AuthorError, match="would learn from the future: 'views_30d'"):
        refuse_future_columns(model, ["views_30d"])


def test_the_past_is_not_changed_by_what_came_later(shop: Workspace) -> None:
    """Training as of an earlier day gives the card that was made on that day."""
    then = END - timedelta(days=20)
    card = predict.train(shop, "linear", as_of=then)
    assert card.data_until is not None
    assert datetime.fromisoformat(card.data_until) <= naive_utc(then)
    assert card.status == "champion"


def test_a_better_champion_stays(shop: Workspace) -> None:
    old = predict.train(shop, "buys", as_of=END - timedelta(days=31))
    assert old.status == "champion"
    # The next version may use one useless feature only; the old one has not seen the last month.
    text = (shop.root / "models" / "shop.yaml").read_text()
    worse = 'population: "views_30d > 0 or orders_180d > 0"'
    assert worse in text
    changed = text.replace(worse, f"{worse}, features: [country]")
    (shop.root / "models" / "shop.yaml").write_text(changed)
    new = predict.train(shop, "buys")
    assert new.status == "not_better"
    assert predict.show_model(shop, "buys").version == old.version
    assert predict.score(shop, "buys") > 0


def test_scores_are_rows_with_reasons(shop: Workspace) -> None:
    card = predict.train(shop, "buys")
    n = predict.score(shop, "buys")
    with shop.store.read() as tx:
        rows = tx.rows("SELECT * FROM scores WHERE model = 'buys' ORDER BY value DESC")
    assert len(rows) == n > 150
    assert all(0 <= row["value"] <= 1 for row in rows)
    assert {row["version"] for row in rows} == {card.version}
    best = json.loads(rows[0]["reasons"])
    assert 1 <= len(best) <= 3
    assert all(said.endswith(("raises it", "lowers it")) for said in best)
    assert "raises it" in best[0]
    # Scoring again replaces, it does not add.
    assert predict.score(shop, "buys") == n
    with shop.store.read() as tx:
        assert tx.value("SELECT count(*) FROM scores") == n


def test_scores_follow_the_latest_rate(shop: Workspace) -> None:
    predict.train(shop, "linear")
    predict.score(shop, "linear")
    card = predict.show_model(shop, "linear")
    with shop.store.read() as tx:
        mean = tx.value("SELECT avg(value) FROM scores WHERE model = 'linear'")
    assert card.cuts[-1].positives / card.cuts[-1].people == pytest.approx(mean, abs=0.08)


def test_a_file_changed_after_training_is_refused(shop: Workspace) -> None:
    card = predict.train(shop, "linear")
    path = shop.state_dir / "models" / "linear" / card.version / "model.json"
    path.write_bytes(path.read_bytes().replace(b"logistic_regression", b"lightgbm", 1))
    with pytest.raises(DataError, match="changed after training"):
        predict.score(shop, "linear")
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        predict.score(shop, "linear")


def test_drift_is_seen_when_people_stop_coming(
    shop: Workspace, reopened: Callable[[datetime], Workspace]
) -> None:
    predict.train(shop, "linear")
    calm = {row.name: row.stability_index for row in predict.drift(shop, "linear")}
    later = {row.name: row for row in predict.drift(reopened(END + timedelta(days=45)), "linear")}
    assert later["views_30d"].moved
    assert later["views_30d"].stability_index > 3 * calm["views_30d"]


def test_a_feature_that_was_dropped_since_counts_as_missing(shop: Workspace) -> None:
    predict.train(shop, "linear")
    path = shop.root / "features" / "shop.yaml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("spend_180d")]
    path.write_text("\n".join(lines) + "\n")
    assert predict.score(shop, "linear") > 100


def test_a_recommender_gives_no_score(shop: Workspace) -> None:
    with pytest.raises(AuthorError, match="recommends items"):
        predict.score(shop, "picks")
    with pytest.raises(AuthorError, match="predicts an event"):
        predict.recommend(shop, "linear")
    with pytest.raises(StateError, match="not trained yet"):
        predict.score(shop, "linear")


def test_an_offset_moves_the_mean_to_the_rate() -> None:
    probability = np.array([0.1, 0.2, 0.4])
    offset = offset_to_rate(probability, 0.5)
    assert shifted(probability, offset).mean() == pytest.approx(0.5)
    assert offset_to_rate(probability, 0.0) == 0.0


def test_without_lightgbm_the_default_stands(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    card = predict.train(shop, "buys")
    assert card.algorithm == "logistic_regression"
    challenger = next(row for row in card.candidates if row.algorithm == "lightgbm")
    assert "not installed (pip install 'vocative[predict]')" in challenger.why
    picks = predict.train(shop, "picks")
    assert picks.status == "champion"
    assert any("lightgbm is not installed" in caution for caution in picks.cautions)
    assert predict.recommend(shop, "picks") == 260
