"""Columns and their encoding: order, gaps and strangers must not matter."""

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from predict.planted import planted_columns, shuffled
from vocative.errors import DataError
from vocative.predict.columns import Columns, columns_of
from vocative.predict.encoding import Encoding, NumberCode, learn_encoding

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC).replace(tzinfo=None)


def table_with(name: str, values: list[object], kind: pa.DataType) -> pa.Table:
    return pa.table(
        {
            "person_id": [f"p{n}" for n in range(len(values))],
            "as_of": pa.array([NOON] * len(values), pa.timestamp("us")),
            name: pa.array(values, kind),
        }
    )


def test_instants_become_days_before_the_cut() -> None:
    table = table_with("seen_at", [NOON - timedelta(days=2), None, NOON], pa.timestamp("us"))
    columns = columns_of(table, ("seen_at",))
    assert columns.kinds == {"seen_at": "days"}
    np.testing.assert_equal(columns.numbers("seen_at"), [2.0, np.nan, 0.0])


def test_an_instant_after_the_cut_is_refused() -> None:
    table = table_with("seen_at", [NOON + timedelta(microseconds=1)], pa.timestamp("us"))
    with pytest.raises(DataError, match="knows the future"):
        columns_of(table, ("seen_at",))


def test_kinds_of_columns() -> None:
    assert columns_of(table_with("x", [True, None], pa.bool_()), ("x",)).kinds["x"] == "flag"
    assert columns_of(table_with("x", [1, 2], pa.int64()), ("x",)).kinds["x"] == "number"
    assert columns_of(table_with("x", ["a", None], pa.string()), ("x",)).kinds["x"] == "word"
    with pytest.raises(DataError, match="no model reads"):
        columns_of(table_with("x", [[1], []], pa.list_(pa.int64())), ("x",))


@pytest.mark.parametrize("scaled", [True, False])
def test_the_order_of_columns_means_nothing(*, scaled: bool) -> None:
    columns, _, _ = planted_columns(400)
    encoding = learn_encoding(columns, scaled=scaled)
    assert learn_encoding(shuffled(columns), scaled=scaled) == encoding
    np.testing.assert_array_equal(encoding.matrix(columns), encoding.matrix(shuffled(columns)))


def test_linear_models_get_no_gaps_and_trees_keep_them() -> None:
    columns, _, _ = planted_columns(400)
    assert np.isfinite(learn_encoding(columns, scaled=True).matrix(columns)).all()
    assert np.isnan(learn_encoding(columns, scaled=False).matrix(columns)).any()


def test_a_column_that_is_gone_counts_as_missing() -> None:
    columns, _, _ = planted_columns(400)
    encoding = learn_encoding(columns, scaled=True)
    without = Columns({}, {}, 3)
    matrix = encoding.matrix(without)
    assert matrix.shape == (3, len(encoding.columns))
    assert np.isfinite(matrix).all()


def test_what_never_varies_or_is_an_id_is_left_out() -> None:
    rows = 300
    columns = Columns(
        {"same": "number", "id": "word", "kind": "word"},
        {
            "same": np.full(rows, 7.0),
            "id": np.array([f"sku-{n % 150}" for n in range(rows)], dtype=object),
            "kind": np.array(["a", "b", "c"] * 100, dtype=object),
        },
        rows,
    )
    assert learn_encoding(columns, scaled=True).features == ("kind",)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("inf")])
def test_an_unusable_scale_is_refused(scale: float) -> None:
    code = NumberCode(
        feature="x", kind="number", typical=0, logarithm=False, mean=0, scale=scale, can_miss=False
    )
    with pytest.raises(DataError, match="malformed"):
        Encoding(codes=(code,), scaled=True).check()
    good = msgspec.structs.replace(code, scale=1.0)
    twice = Encoding(codes=(good, good), scaled=True)
    with pytest.raises(DataError, match="twice"):
        twice.check()
