"""How often alerts about volume are false, and how soon they are right.

In: nothing; series of events per hour are drawn, of shops of every size, with days and weeks, calm
ones and wild ones. Out: false alarms per series and year by kind and size, and the median hours
until an outage, half as much and three times as much are noticed.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vocative.collect.quality.volume import CALM_P_VALUE, P_VALUE, WEEK, Series

YEAR_WEEKS = 52
LEARNING_WEEKS = 12
RATES = (0.05, 0.5, 5.0, 50.0, 2_000.0)
"""Events per hour."""


class Kind(NamedTuple):
    """A kind of shop."""

    hours: float = 0.0
    """Squared coefficient of variation of an hour's mean, gamma distributed."""
    days: float = 0.0
    """Standard deviation of the logarithm of a day's mean."""
    growth: float = 0.0
    """Per week."""


KINDS = {
    "calm": Kind(),
    "growing": Kind(growth=0.02),
    "noisy hours": Kind(hours=0.05),
    "noisy days": Kind(days=0.15),
    "wild": Kind(hours=0.1, days=0.2, growth=0.01),
}
TROUBLES = {"outage": 0.0, "a tenth": 0.1, "half": 0.5, "three times": 3.0}
MOST_HOURS = 14 * 24


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many series of each kind and rate; 2 unless told.
    """
    rng = np.random.default_rng(7)
    series = size or 2
    return {
        "series_of_each": series,
        "false_alarms_per_year": {
            kind: {
                str(rate): round(
                    sum(false_alarms(drawn(rng, rate, said)) for _ in range(series)) / series, 2
                )
                for rate in RATES
            }
            for kind, said in KINDS.items()
        },
        "hours_until_noticed": {
            trouble: {
                str(rate): float(
                    np.median([noticed(rng, rate, share) for _ in range(2 * series + 1)])
                )
                for rate in RATES
            }
            for trouble, share in TROUBLES.items()
        },
    }


def drawn(
    rng: np.random.Generator, rate: float, kind: Kind, weeks: int = YEAR_WEEKS + LEARNING_WEEKS
) -> NDArray[np.int64]:
    """Events per hour of a shop, `rate` in the mean."""
    hour = np.arange(weeks * WEEK)
    evening, weekend = rng.uniform(12, 20), rng.uniform(0.4, 1.4)
    usual = np.exp(1.2 * np.cos(2 * np.pi * (hour % 24 - evening) / 24))
    usual = usual * np.where(hour % WEEK >= 120, weekend, 1.0)
    mean = rate * usual / usual.mean() * np.exp(kind.growth * hour / WEEK)
    if kind.days:
        mean = mean * np.repeat(np.exp(rng.normal(0, kind.days, len(hour) // 24)), 24)
    if kind.hours:
        mean = mean * rng.gamma(1 / kind.hours, kind.hours, len(hour))
    counts: NDArray[np.int64] = rng.poisson(mean)
    return counts


def false_alarms(counts: NDArray[np.int64]) -> int:
    """Alerts in the year after some weeks of learning, on a series in which nothing is wrong."""
    return sum(1 for _ in _alerts(Series(counts), LEARNING_WEEKS * WEEK))


def _alerts(series: Series, start: int) -> Iterator[int]:
    """The hours at which alerts begin."""
    alarming = False
    for at in range(start, len(series.counts)):
        found = series.anomaly(at, p_value=CALM_P_VALUE if alarming else P_VALUE)
        if found is not None and not alarming:
            yield at
        alarming = found is not None


def noticed(rng: np.random.Generator, rate: float, share: float) -> int:
    """Hours until a share of what is usual is noticed; `MOST_HOURS` when it is not by then."""
    counts = drawn(rng, rate, Kind(days=0.1), LEARNING_WEEKS + 4)
    start = LEARNING_WEEKS * WEEK + int(rng.integers(0, WEEK))
    if share < 1:
        counts[start:] = rng.binomial(counts[start:], share)
    else:
        counts[start:] = counts[start:] * int(share)
    series = Series(counts)
    found = (at for at in range(start, start + MOST_HOURS) if series.anomaly(at) is not None)
    return next(found, start + MOST_HOURS - 1) - start + 1
