"""The hand-written distribution functions against scipy's."""

import math

import pytest

from vocative.measure.distributions import (
    chi_square_tail,
    normal_multiplier,
    student_multiplier,
    wilson_bounds,
)

stats = pytest.importorskip("scipy.stats", reason="the oracle needs scipy (extra: predict)")


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99, 0.9999])
def test_normal(level):
    assert normal_multiplier(level) == pytest.approx(stats.norm.ppf(0.5 + level / 2), rel=1e-9)


@pytest.mark.parametrize(
    ("z", "degrees"),
    [
        (z, d)
        for z in (1.0, 1.645, 1.96, 3.0, 4.0)
        for d in (3, 5, 10, 30, 1000)
        if z < 2 or d >= 10
    ],
)
def test_student(z, degrees):
    exact = stats.t.ppf(stats.norm.cdf(z), degrees)
    assert student_multiplier(z, degrees) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4, 7, 20])
@pytest.mark.parametrize("value", [0.0, 1e-6, 0.5, 3.0, 12.0, 60.0, 2000.0])
def test_chi_square(value, degrees):
    exact = stats.chi2.sf(value, degrees)
    assert chi_square_tail(value, degrees) == pytest.approx(exact, rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(("successes", "people"), [(0, 5), (5, 5), (1, 2), (30, 1000), (999, 1000)])
def test_wilson(successes, people):
    exact = stats.binomtest(successes, people).proportion_ci(method="wilson")
    assert wilson_bounds(successes, people, stats.norm.ppf(0.975)) == pytest.approx(
        (exact.low, exact.high), abs=1e-12
    )


def test_nothing_known_means_everything_possible():
    assert wilson_bounds(0, 0, 1.96) == (0.0, 1.0)
    assert wilson_bounds(5, 10, math.inf) == (0.0, 1.0)
