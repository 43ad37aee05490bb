"""Statistics add up, do not care about order, and agree with numpy."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.measure.statistics import Statistics, rate_statistics, statistics_of

amounts = st.floats(0, 1e6, allow_nan=False).map(lambda value: round(value, 2))
people = st.lists(st.tuples(amounts, st.sampled_from([0.0, 1.0])), max_size=40)


def measured(rows: list[tuple[float, float]]) -> Statistics:
    columns = {"revenue": [row[0] for row in rows], "converted": [row[1] for row in rows]}
    return statistics_of(columns, products=[("revenue", "converted")])


def same(left: Statistics, right: Statistics) -> bool:
    def close(a: dict, b: dict) -> bool:
        return a.keys() == b.keys() and all(
            math.isclose(a[key], b[key], rel_tol=1e-12, abs_tol=1e-9) for key in a
        )

    return (
        left.count == right.count
        and close(left.sums, right.sums)
        and close(left.products, right.products)
    )


@given(people, people)
def test_two_sets_of_people_add_up(left, right):
    assert same(measured(left) + measured(right), measured(left + right))


@given(people, people, people)
def test_sums_do_not_depend_on_grouping(a, b, c):
    x, y, z = measured(a), measured(b), measured(c)
    assert same((x + y) + z, x + (y + z))
    assert same(x + y, y + x)
    assert same(x + Statistics(), x)


@given(people, st.randoms(use_true_random=False))
def test_order_of_people_does_not_matter(rows, chance: random.Random):
    shuffled = list(rows)
    chance.shuffle(shuffled)
    assert measured(rows) == measured(shuffled)


@given(st.lists(st.tuples(amounts, amounts), min_size=2, max_size=40))
def test_moments_agree_with_numpy(rows):
    x, y = np.array(rows).T
    found = statistics_of({"x": x.tolist(), "y": y.tolist()}, products=[("y", "x")])
    size = max(1.0, float(np.abs(x).max()), float(np.abs(y).max())) ** 2
    assert found.mean("x") == pytest.approx(x.mean())
    assert found.variance("x") == pytest.approx(x.var(ddof=1), abs=1e-9 * size)
    assert found.covariance("y", "x") == pytest.approx(np.cov(x, y)[0, 1], abs=1e-9 * size)


def test_a_rate_is_the_mean_of_zeros_and_ones():
    assert rate_statistics("x", 3, 10) == statistics_of({"x": [1.0] * 3 + [0.0] * 7})


def test_nobody_has_no_mean():
    nobody = statistics_of({"x": []})
    assert math.isnan(nobody.mean("x"))
    assert math.isnan(statistics_of({"x": [1.0]}).variance("x"))
    assert nobody.total("x") == 0.0


def test_different_columns_are_refused():
    with pytest.raises(ValueError, match="do not add up"):
        rate_statistics("x", 1, 2) + rate_statistics("y", 1, 2)
    with pytest.raises(ValueError, match="different lengths"):
        statistics_of({"x": [1.0], "y": []})
