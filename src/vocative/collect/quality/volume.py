"""How many events were to be expected, and whether what came is too far from it.

Counts per hour come in; expected counts and judgements go out. Nothing here knows of stores.

*Expected* is what the same hour of the same weekday had in the eight weeks before, a week at most
three times and at least a third of the middle one; times how the last seven days compare with their
own expectation (the middle one of seven ratios), so that growth is followed and an outage is not.
*Spread* is learned from how far such forecasts were off in the four weeks before: a count is taken
for negative binomial with the forecast as mean and that variance. So shops with calm and with wild
days are judged by their own measure, and rare events, of which nothing is nearly always right, are
never alarming by one more or less.

An hour, a day, and the time since the last event are judged. What would happen by chance less often
than once in two years per series, all of these judgements together, is an anomaly if it is large
enough to matter, too. `tests/collect/test_volume.py` and `vocative bench volume` measure how often
that is wrong.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

DAY = 24
WEEK = 168
WEEKS = 8
LEAST_WEEKS = 3
"""Of so many weeks before something must be known."""
SPREAD_HOURS = 4 * WEEK
FALSE_ALARMS_PER_YEAR = 0.5
"""Of one series; by the model."""
_JUDGEMENTS_PER_HOUR = 5
"""Too few and too many, in an hour and in a day; nothing for too long."""
P_VALUE = FALSE_ALARMS_PER_YEAR / (365.25 * DAY * _JUDGEMENTS_PER_HOUR)
CALM_P_VALUE = 1e-3
"""From here on what was an anomaly is over."""
TOO_FEW, TOO_MANY = 2 / 3, 3 / 2
"""Times the expected count: less of a difference is nobody's trouble, however certain it is."""
_KEPT = 0.97
"""Share of forecasts from which the spread is learned: the worst may have been anomalies."""
_KEPT_VARIANCE = 0.83
"""Of a normal distribution, what the variance within that share is of the whole."""

Floats = NDArray[np.float64]
Kind = Literal["low", "high", "silent"]


@dataclass(frozen=True, kw_only=True)
class Anomaly:
    """Too few or too many events."""

    kind: Kind
    hours: int
    """How many, up to the hour that was judged."""
    events: int
    expected: float
    p_value: float


class Series:
    """Counts per hour of one kind of event, oldest first."""

    def __init__(self, counts: Any, shift: Any = None) -> None:
        """Take counts for what they are.

        Args:
            counts: Events per hour; hours before the first event are left out by the caller.
            shift: How many hours local time is ahead of UTC in each; the same hour of the day is
                looked for by it. None: always the same.
        """
        self.counts: Floats = np.asarray(counts, dtype=np.float64)
        self._shift = None if shift is None else np.asarray(shift, dtype=np.int64)

    @cached_property
    def _hour(self) -> "Forecast":
        return Forecast(self, 1)

    @cached_property
    def _day(self) -> "Forecast":
        return Forecast(self, DAY)

    def anomaly(self, at: int, *, p_value: float = P_VALUE) -> Anomaly | None:
        """Whether what came up to an hour is too far from what was expected.

        Args:
            at: Index of the hour, the last one that is complete.
            p_value: How improbable it must be.

        Returns:
            None also when too little is known to tell.
        """
        for forecast in (self._hour, self._day):
            if (found := forecast.anomaly(at, p_value)) is not None:
                return self._silence(at, p_value) or found
        return self._silence(at, p_value)

    def _silence(self, at: int, p_value: float) -> Anomaly | None:
        """Whether nothing came for too long."""
        if self.counts[at] > 0:
            return None
        happened = np.flatnonzero(self.counts[: at + 1])
        first = int(happened[-1]) + 1 if happened.size else 0
        expected = float(np.sum(self._hour.mean[first : at + 1]))
        size = float(self._day.size[at])
        if first > at or math.isnan(expected) or math.isnan(size):
            return None
        hours = at + 1 - first
        size *= max(1.0, hours / DAY)  # what makes a day wild lasts a day
        chance = math.exp(size * math.log(size / (size + expected)))
        if chance >= p_value:
            return None
        return Anomaly(kind="silent", hours=hours, events=0, expected=expected, p_value=chance)

    def same_hours(self, weeks: int) -> NDArray[np.int64]:
        """For each hour the index of the same local hour so many weeks before; negative: none."""
        index = np.arange(len(self.counts)) - weeks * WEEK
        if self._shift is None:
            return index
        before = self._shift[np.clip(index, 0, None)]
        return index + self._shift - before


class Forecast:
    """What was expected in the windows that end with each hour, known only what came before.

    Attributes:
        seen: Events in the window that ends with each hour; NaN where it begins too early.
        mean: How many there usually are; NaN where too little is known.
        expected: The same for one window, of which too little is known for it to be zero.
        size: The size parameter of the negative binomial; the smaller, the wider.
    """

    def __init__(self, series: Series, window: int) -> None:
        self.window = window
        self.seen = _sums(series.counts, window)
        usual, weeks = _usual(series, self.seen)
        hourly, _ = (usual, weeks) if window == 1 else _usual(series, series.counts)
        self.mean: Floats = usual * _level(series.counts, hourly, window)
        # What was never seen in some weeks may still be: once in twice as many.
        self.expected: Floats = self.mean + 0.5 / weeks
        self.size = _size(self.seen, self.expected, weeks, window)

    def anomaly(self, at: int, p_value: float) -> Anomaly | None:
        """Whether the window that ends with an hour holds too few or too many."""
        seen, expected, size = self.seen[at], self.expected[at], self.size[at]
        if math.isnan(seen + expected + size):
            return None
        low = seen < expected
        if not (seen <= TOO_FEW * expected if low else seen >= TOO_MANY * expected):
            return None
        chance = tail(int(seen), float(expected), float(size))
        if chance >= p_value:
            return None
        return Anomaly(
            kind="low" if low else "high",
            hours=self.window,
            events=int(seen),
            expected=float(expected),
            p_value=chance,
        )


def _sums(counts: Floats, window: int) -> Floats:
    """The sum of the last `window` counts at each hour; NaN where there are fewer."""
    total = np.concatenate([[0.0], np.cumsum(counts)])
    found = np.full(len(counts), np.nan)
    if len(counts) >= window:
        found[window - 1 :] = total[window:] - total[:-window]
    return found


def _usual(series: Series, seen: Floats) -> tuple[Floats, Floats]:
    """The mean of the same window in the weeks before, and of how many weeks it is."""
    before = np.full((WEEKS, len(seen)), np.nan)
    for week in range(WEEKS):
        index = series.same_hours(week + 1)
        known = index >= 0
        before[week, known] = seen[index[known]]
    weeks = np.sum(~np.isnan(before), axis=0).astype(np.float64)
    weeks[weeks < LEAST_WEEKS] = np.nan
    known = ~np.isnan(weeks)
    usual = np.full(len(seen), np.nan)
    middle = np.nanmedian(before[:, known], axis=0)
    slack = 4 * np.sqrt(middle) + 5
    limited = np.clip(before[:, known], middle / 3 - slack, middle * 3 + slack)
    usual[known] = np.nanmean(limited, axis=0)
    return usual, weeks


def _level(counts: Floats, usual: Floats, window: int) -> Floats:
    """How the seven days before the window compare with what was usual: the middle ratio."""
    few = 5.0  # draws the ratio of rare events to 1
    ratio = (_sums(counts, DAY) + few) / (_sums(usual, DAY) + few)
    days = np.full((7, len(counts)), np.nan)
    for day in range(7):
        back = window + day * DAY
        days[day, back:] = ratio[:-back]
    known = ~np.isnan(days).all(axis=0)
    level = np.ones(len(counts))
    level[known] = np.nanmedian(days[:, known], axis=0)
    return np.clip(level, 0.2, 5.0)


def _size(seen: Floats, expected: Floats, weeks: Floats, window: int) -> Floats:
    """The size parameter that the errors of earlier forecasts ask for, at each hour."""
    # What the mean of a few weeks is uncertain by is known without looking back.
    of_chance = expected * (1 + 1 / weeks)
    error = (seen - expected) ** 2
    size = np.full(len(seen), np.nan)
    ready = np.flatnonzero(~np.isnan(error))
    if not ready.size:
        return size
    relative = error / of_chance
    # The spread changes slowly: once a day is often enough to learn it.
    for start in range(int(ready[0]), len(seen), DAY):
        until = max(start + 1 - window, 0)
        past = slice(max(until - SPREAD_HOURS, 0), until)
        extra = _extra(error[past], of_chance[past], expected[past], relative[past])
        here = slice(start, start + DAY)
        mean = expected[here]
        variance = of_chance[here] + extra * mean**2
        size[here] = mean**2 / np.maximum(variance - mean, 1e-7 * mean**2)
    return size


_UNKNOWN_EXTRA = 0.25
"""Squared coefficient of variation, until it is learned."""
_LEAST_FORECASTS = WEEK
_MOST_DEVIATIONS = 4.0
_CAUTION = 1.4
"""The variance is taken for so much larger: real days are wilder than any distribution."""


def _extra(error: Floats, of_chance: Floats, expected: Floats, relative: Floats) -> float:
    """The variance beyond chance, as a share of the squared mean.

    It is learned twice: from all but the worst forecasts, and then from all of them, an error
    counting at most as one of four standard deviations. So what is often far off widens it, and a
    day's outage does not undo it.
    """
    known = ~np.isnan(relative)
    if np.count_nonzero(known) < _LEAST_FORECASTS:
        return _UNKNOWN_EXTRA
    error, of_chance, expected = error[known], of_chance[known], expected[known]
    kept = relative[known] <= np.quantile(relative[known], _KEPT)
    first = _beyond_chance(error[kept] / _KEPT_VARIANCE, of_chance[kept], expected[kept])
    most = _MOST_DEVIATIONS**2 * (of_chance + first * expected**2)
    return _CAUTION * _beyond_chance(np.minimum(error, most), of_chance, expected)


def _beyond_chance(error: Floats, of_chance: Floats, expected: Floats) -> float:
    return max(float(np.sum(error - of_chance)) / float(np.sum(expected**2)), 0.0)


def tail(seen: int, mean: float, size: float) -> float:
    """The chance of a count as far from the mean, on the same side.

    Args:
        seen: The count.
        mean: Of the negative binomial.
        size: Its size parameter: the variance is mean + mean² / size.

    >>> round(tail(0, 5.0, 1e7), 5)
    0.00674
    """
    size = min(size, 1e7)
    log_share = math.log(mean / (size + mean))
    term = math.exp(
        math.lgamma(seen + size)
        - math.lgamma(size)
        - math.lgamma(seen + 1)
        + size * math.log(size / (size + mean))
        + seen * log_share
    )
    share = math.exp(log_share)
    total, at, down = term, seen, seen < mean
    while term > 1e-9 * total and (at > 0 or not down):
        if down:
            term *= at / ((at - 1 + size) * share)
            at -= 1
        else:
            term *= (at + size) / (at + 1) * share
            at += 1
        total += term
    return min(total, 1.0)
