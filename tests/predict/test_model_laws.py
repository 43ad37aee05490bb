"""Laws that every model plug-in must pass."""

import msgspec
import numpy as np
import pytest

from predict.planted import planted_columns, shuffled
from vocative.errors import DataError
from vocative.predict.columns import Columns
from vocative.predict.definitions import MODELS
from vocative.predict.metrics import calibration, calibration_error, roc_auc
from vocative.predict.models.base import Model

COLUMNS, LABEL, TRUTH = planted_columns(3_000)
LATER, LATER_LABEL, LATER_TRUTH = planted_columns(3_000, seed=1)


@pytest.fixture(scope="module", params=MODELS.names())
def model(request: pytest.FixtureRequest) -> Model:
    """A trained model of each kind."""
    kind = MODELS.load(request.param)
    for package in kind.needs.packages:
        pytest.importorskip(package)
    found = kind()
    found.fit(COLUMNS, LABEL, seed=3)
    return found


def test_it_describes_itself(model: Model) -> None:
    assert model.summary
    assert len(model.__abstractmethods__) == 0


def test_it_recovers_a_planted_signal(model: Model) -> None:
    found = roc_auc(LATER_LABEL, model.predict_many(LATER)).value
    best = roc_auc(LATER_LABEL, LATER_TRUTH).value
    assert found > best - 0.03


def test_it_is_calibrated_on_new_people(model: Model) -> None:
    probability = model.predict_many(LATER)
    assert ((probability >= 0) & (probability <= 1)).all()
    assert calibration_error(calibration(LATER_LABEL, probability)) < 0.035


def test_the_same_seed_gives_the_same_bytes(model: Model) -> None:
    again = type(model)()
    again.fit(COLUMNS, LABEL, seed=3)
    assert again.dump() == model.dump()


def test_a_stored_model_scores_alike(model: Model) -> None:
    loaded = type(model).load(model.dump())
    np.testing.assert_array_equal(loaded.predict_many(LATER), model.predict_many(LATER))
    assert loaded.dump() == model.dump()


def test_the_order_of_columns_means_nothing(model: Model) -> None:
    np.testing.assert_array_equal(model.predict_many(shuffled(LATER)), model.predict_many(LATER))
    again = type(model)()
    again.fit(shuffled(COLUMNS), LABEL, seed=3)
    assert again.dump() == model.dump()


def test_a_word_never_seen_before_is_no_reason_to_fail(model: Model) -> None:
    strange = np.array(["Ulan-Ude"] * LATER.n_rows, dtype=object)
    columns = Columns(LATER.kinds, {**LATER.values, "city": strange}, LATER.n_rows)
    assert np.isfinite(model.predict_many(columns)).all()


def test_missing_everything_still_gives_a_probability(model: Model) -> None:
    found = model.predict_many(Columns({}, {}, 2))
    assert ((found > 0) & (found < 1)).all()
    assert len(model.predict_many(Columns({}, {}, 0))) == 0


def test_contributions_add_up_to_the_difference_in_log_odds(model: Model) -> None:
    some = LATER.take(np.arange(50))
    features, contributions = model.explain(some)
    assert contributions.shape == (50, len(features))
    probability = model.predict_many(some)
    log_odds = np.log(probability / (1 - probability))
    np.testing.assert_allclose(
        np.diff(contributions.sum(axis=1)), np.diff(log_odds), rtol=1e-4, atol=1e-4
    )


def test_noise_moves_little(model: Model) -> None:
    features, contributions = model.explain(LATER)
    moved = dict(zip(features, np.abs(contributions).mean(axis=0), strict=True))
    assert moved["noise"] < 0.25 * moved["visits"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"\x80\x04\x95cbuiltins\neval\n.",
        b'{"encoding": {"codes": [], "scaled": true}, "intercept": 1e999, "weights": []}',
        b'{"encoding": {"codes": [], "scaled": true}, "intercept": 0, "weights": [1.0, 2.0]}',
        b'{"encoding": {"codes": [], "scaled": false}, "trees": "tree\\nmax_feature_idx=9"}',
        b'{"encoding": {"codes": [{"type": "number"}], "scaled": false}, "trees": ""}',
    ],
)
def test_a_hostile_file_is_refused(model: Model, raw: bytes) -> None:
    with pytest.raises(DataError):
        type(model).load(raw)


def test_a_cut_off_file_is_refused(model: Model) -> None:
    raw = model.dump()
    for length in (1, len(raw) // 2, len(raw) - 1):
        with pytest.raises(DataError):
            type(model).load(raw[:length])


def test_a_state_of_another_encoding_is_refused(model: Model) -> None:
    state = msgspec.json.decode(model.dump())
    state["encoding"]["codes"] = state["encoding"]["codes"][:-1]
    with pytest.raises(DataError):
        type(model).load(msgspec.json.encode(state))
