"""Is one arm better, by how much, and how sure is that?

In come additive statistics per arm; out come differences with intervals, a verdict and words.
By default an interval may be looked at as often as one likes (a confidence sequence): the chance
that it ever misses the truth, over all looks together, is at most 1 - level. On request it is the
narrower one that holds for a single look at a moment fixed in advance. There is no winner by rate
alone: without an interval that excludes zero the verdict is "no difference shown yet".

Symbols: alpha = 1 - level; d the difference of two arms' means and s its standard error;
tau the standard deviation of the normal mixture over true differences; k = tau^2 / s^2.

References:
    Robbins (1970), Statistical methods related to the law of the iterated logarithm.
    Johari, Koomen, Pekelis, Walsh (2022), Always valid inference, Operations Research 70(3).
    Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2024), Time-uniform central limit theory and
        asymptotic confidence sequences, Annals of Statistics 52(6).
    Newcombe (1998), Interval estimation for the difference between independent proportions,
        Statistics in Medicine 17, method 10.
"""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import msgspec

from vocative.measure.distributions import (
    chi_square_tail,
    normal_multiplier,
    student_multiplier,
    wilson_bounds,
)
from vocative.measure.results import Comparison, Interval, Method, Rate, SampleRatio
from vocative.measure.statistics import Statistics
from vocative.measure.words import comparison_words, sample_ratio_words

VARIANT_LIFT = 0.15
HOLDOUT_LIFT = 0.4
"""tau relative to the typical value of the metric: lifts of this order are expected.

Variants of a mail differ by little, a mail and no mail by more. Being shares of the metric, they
need no tuning on the data at hand, which would void the guarantee. They only decide at which
number of conversions the interval is tightest: near 1,600 for variants, near 220 for arms of
equal size against a holdout (docs/measurement.md has the table).
"""

VISIBLE_LIFT = 0.1
HOLDOUT_VISIBLE_LIFT = 0.2
"""The relative differences that "more people would be needed to see" refers to."""

POWER = 0.8
_LIFT_UNKNOWN = math.log(1e6)
"""Beyond a factor of a million either way, an interval of the lift says nothing."""

SAMPLE_RATIO_ALPHA = 0.001


class Arm(NamedTuple):
    """A name and the statistics of the people assigned to it."""

    name: str
    statistics: Statistics


class _Evidence(NamedTuple):
    """What a verdict rests on."""

    interval: Interval
    multiplier: float
    variance: float
    scale: float
    typical_lift: float
    visible_lift: float
    lift_error: float | None


def always_valid_multiplier(standard_error: float, tau: float, alpha: float) -> float:
    """How many standard errors a confidence sequence extends to either side now.

    The normal mixture sequential probability ratio test rejects d0 once
    sqrt(1 / (1 + k)) * exp(z^2 k / (2 (1 + k))) >= 1 / alpha with z = (d - d0) / s; solved for z.

    Args:
        standard_error: s, in units of the metric.
        tau: standard deviation of the mixture over true differences, same units.
        alpha: the error allowed over all looks together, in (0, 1).

    Returns:
        The multiplier; infinite while nothing has been observed.

    >>> round(always_valid_multiplier(0.01, 0.03, 0.05), 2)
    3.04
    """
    if not standard_error > 0 or not tau > 0:
        return math.inf
    k = (tau / standard_error) ** 2
    if k < 1e-9:
        return math.inf
    return math.sqrt((1 + 1 / k) * (2 * math.log(1 / alpha) + math.log1p(k)))


def rate_interval(
    a_successes: float, a_people: int, b_successes: float, b_people: int, z: float
) -> tuple[float, float]:
    """Newcombe's hybrid score interval of the difference of two rates, z standard errors wide.

    Unlike the textbook interval it stays honest when a small holdout has no conversion yet, where
    the estimated standard error of that arm would be zero.
    """
    a_rate, b_rate = a_successes / a_people, b_successes / b_people
    a_low, a_high = wilson_bounds(a_successes, a_people, z)
    b_low, b_high = wilson_bounds(b_successes, b_people, z)
    difference = a_rate - b_rate
    return (
        difference - math.hypot(a_rate - a_low, b_high - b_rate),
        difference + math.hypot(a_high - a_rate, b_rate - b_low),
    )


def pooled_rate_error(
    a_successes: float, a_people: int, b_successes: float, b_people: int
) -> tuple[float, float]:
    """The standard error of a difference of rates if there were none, and the metric's scale."""
    rate = (a_successes + b_successes) / (a_people + b_people)
    error = math.sqrt(rate * (1 - rate) * (1 / a_people + 1 / b_people))
    return error, min(rate, 1 - rate)


def compare_rates(
    a: Arm,
    b: Arm,
    metric: str,
    *,
    method: Method = "always_valid",
    level: float = 0.95,
    typical_lift: float = VARIANT_LIFT,
    visible_lift: float = VISIBLE_LIFT,
) -> Comparison:
    """Compare the share of people with a 1 in `metric` between two arms.

    Args:
        a: the first arm; differences are a minus b.
        b: the second arm, to which the lift is relative.
        metric: a column of zeros and ones.
        method: whether the interval may be looked at repeatedly.
        level: confidence, in (0, 1).
        typical_lift: the order of relative difference that is expected, above 0; chosen before
            looking at the data.
        visible_lift: the relative difference for which the people still needed are told.

    >>> from vocative.measure.statistics import rate_statistics
    >>> a = Arm("a", rate_statistics("converted", 600, 5_000))
    >>> b = Arm("b", rate_statistics("converted", 445, 5_000))
    >>> compare_rates(a, b, "converted", method="fixed_horizon").words
    'a is better by 3.1 points (95 % interval 1.9 to 4.3): 12.0 % against 8.9 %'
    """
    found = _observed(a, b, metric, kind="rate", unit="points", method=method)
    if min(found.a_people, found.b_people) < 2:
        return _worded(found)
    a_total, b_total = a.statistics.total(metric), b.statistics.total(metric)
    error, scale = pooled_rate_error(a_total, found.a_people, b_total, found.b_people)
    z = _multiplier(error, typical_lift * scale, method, level)
    low, high = rate_interval(a_total, found.a_people, b_total, found.b_people, z)
    variance = error**2 / (1 / found.a_people + 1 / found.b_people)
    evidence = _Evidence(
        interval=Interval(low=low, high=high, level=level),
        multiplier=z,
        variance=variance,
        scale=scale,
        typical_lift=typical_lift,
        visible_lift=visible_lift,
        lift_error=_lift_error(a, b, metric),
    )
    return _judged(found, evidence)


def compare_means(
    a: Arm,
    b: Arm,
    metric: str,
    *,
    unit: str = "",
    method: Method = "always_valid",
    level: float = 0.95,
    typical_lift: float = VARIANT_LIFT,
    visible_lift: float = VISIBLE_LIFT,
) -> Comparison:
    """Compare the mean of `metric`, such as revenue per person, between two arms.

    The standard error is the larger of Welch's and the pooled one. They are equal for arms of
    one size; in a small holdout with a handful of purchases Welch's alone is too small.

    Args:
        a: the first arm; differences are a minus b.
        b: the second arm, to which the lift is relative.
        metric: a column of numbers, mostly not negative.
        unit: a currency code, or empty.
        method: whether the interval may be looked at repeatedly.
        level: confidence, in (0, 1).
        typical_lift: the order of relative difference that is expected, above 0; chosen before
            looking at the data.
        visible_lift: the relative difference for which the people still needed are told.
    """
    found = _observed(a, b, metric, kind="mean", unit=unit, method=method)
    if min(found.a_people, found.b_people) < 2:
        return _worded(found)
    error, degrees, variance = _mean_error(a.statistics, b.statistics, metric)
    total = a.statistics.total(metric) + b.statistics.total(metric)
    scale = abs(total) / (found.a_people + found.b_people)
    z = student_multiplier(_multiplier(error, typical_lift * scale, method, level), degrees)
    middle = a.statistics.mean(metric) - b.statistics.mean(metric)
    low, high = middle - z * error, middle + z * error
    evidence = _Evidence(
        interval=Interval(low=low, high=high, level=level),
        multiplier=z,
        variance=variance,
        scale=scale,
        typical_lift=typical_lift,
        visible_lift=visible_lift,
        lift_error=_lift_error(a, b, metric),
    )
    return _judged(found, evidence)


def check_sample_ratio(planned: Mapping[str, int], shares: Mapping[str, float]) -> SampleRatio:
    """Whether people fell into the arms in the intended shares (chi-square, alarm at 0.001).

    A mismatch means that something other than chance decided who is in an arm; no other number
    of the experiment can then be trusted (Fabijan et al. 2019, KDD).

    Args:
        planned: people per arm, as counted.
        shares: the intended share per arm; they are scaled to sum to 1.

    >>> check_sample_ratio({"a": 5000, "b": 5300}, {"a": 0.5, "b": 0.5}).fits
    True
    >>> check_sample_ratio({"a": 5000, "b": 5500}, {"a": 0.5, "b": 0.5}).fits
    False
    """
    arms = sorted(planned.keys() | shares.keys())
    people = sum(planned.values())
    whole = math.fsum(shares.values())
    expected = {arm: people * shares.get(arm, 0.0) / whole if whole else 0.0 for arm in arms}
    impossible = any(planned.get(arm, 0) and not expected[arm] for arm in arms)
    counted = [arm for arm in arms if expected[arm]]
    distance = sum((planned.get(arm, 0) - expected[arm]) ** 2 / expected[arm] for arm in counted)
    p_value = 1.0
    if impossible:
        p_value = 0.0
    elif len(counted) > 1:
        p_value = chi_square_tail(distance, len(counted) - 1)
    found = SampleRatio(
        planned={arm: planned.get(arm, 0) for arm in arms},
        expected=expected,
        p_value=p_value,
        fits=p_value >= SAMPLE_RATIO_ALPHA,
    )
    return msgspec.structs.replace(found, words=sample_ratio_words(found))


def rate_of(count: int, people: int, *, level: float = 0.95) -> Rate:
    """A rate with Wilson's interval; no people, no rate.

    >>> rate_of(3, 0).rate is None
    True
    """
    low, high = wilson_bounds(count, people, normal_multiplier(level))
    rate = count / people if people else None
    return Rate(count=count, people=people, rate=rate, low=low, high=high)


def people_needed(
    *,
    variance: float,
    scale: float,
    effect: float,
    a_share: float = 0.5,
    method: Method = "always_valid",
    level: float = 0.95,
    typical_lift: float = VARIANT_LIFT,
    power: float = POWER,
) -> int | None:
    """How many people both arms together need, to show a true difference of `effect`.

    Args:
        variance: of the metric between people, in an arm.
        scale: the typical value of the metric.
        effect: the true difference, same units as scale.
        a_share: the share of people in the first arm, in (0, 1).
        method: how the experiment is going to be judged.
        level: confidence, in (0, 1).
        typical_lift: as for the comparison.
        power: the chance of showing it, in (0, 1).

    Returns:
        The number of people, or None beyond ten thousand million.

    >>> people_needed(variance=0.09, scale=0.1, effect=0.01, method="fixed_horizon")
    28256
    """
    if not 0 < a_share < 1 or effect <= 0 or variance <= 0:
        return None
    wanted = normal_multiplier(2 * power - 1)

    def shows(people: float) -> bool:
        error = math.sqrt(variance / people * (1 / a_share + 1 / (1 - a_share)))
        return effect / error - _multiplier(error, typical_lift * scale, method, level) >= wanted

    low, high = 1, 4
    while not shows(high):
        low, high = high, high * 2
        if high > 10**10:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


def _observed(
    a: Arm, b: Arm, metric: str, *, kind: Literal["rate", "mean"], unit: str, method: Method
) -> Comparison:
    """What there is before any judgement."""
    a_count, b_count = a.statistics.count, b.statistics.count
    a_value = a.statistics.mean(metric) if a_count else None
    b_value = b.statistics.mean(metric) if b_count else None
    return Comparison(
        metric=metric,
        kind=kind,
        unit=unit,
        method=method,
        a=a.name,
        b=b.name,
        a_people=a_count,
        b_people=b_count,
        a_value=a_value,
        b_value=b_value,
        difference=None if a_value is None or b_value is None else a_value - b_value,
    )


def _mean_error(a: Statistics, b: Statistics, metric: str) -> tuple[float, float, float]:
    """Standard error of the difference, its degrees of freedom, and the pooled variance."""
    a_square, b_square = a.variance(metric) / a.count, b.variance(metric) / b.count
    freedom = a.count + b.count - 2
    pooled = ((a.count - 1) * a.variance(metric) + (b.count - 1) * b.variance(metric)) / freedom
    welch = a_square + b_square
    if not welch > 0:
        return 0.0, freedom, 0.0
    # Parts of the whole: squares of tiny variances would underflow to zero.
    a_part, b_part = a_square / welch, b_square / welch
    degrees = 1 / (a_part**2 / (a.count - 1) + b_part**2 / (b.count - 1))
    return math.sqrt(max(welch, pooled * (1 / a.count + 1 / b.count))), degrees, pooled


def _lift_error(a: Arm, b: Arm, metric: str) -> float | None:
    """Standard error of log(mean of a / mean of b), by the delta method; None if undefined."""
    relative = []
    for numbers in (a.statistics, b.statistics):
        mean = numbers.mean(metric)
        if not mean > 0:
            return None
        relative.append(math.sqrt(numbers.variance(metric) / numbers.count) / mean)
    error = math.hypot(*relative)
    return error if math.isfinite(error) else None


def _multiplier(error: float, tau: float, method: Method, level: float) -> float:
    if method == "fixed_horizon":
        return normal_multiplier(level)
    return always_valid_multiplier(error, tau, 1 - level)


def _judged(found: Comparison, evidence: _Evidence) -> Comparison:
    """The comparison with its interval, verdict, lift and words."""
    if not evidence.variance > 0 or math.isinf(evidence.multiplier):
        return _worded(found)
    interval = evidence.interval
    lift, lift_interval = _lift(found, evidence)
    found = msgspec.structs.replace(
        found, interval=interval, lift=lift, lift_interval=lift_interval
    )
    if interval.low > 0 or interval.high < 0:
        better = found.a if interval.low > 0 else found.b
        return _worded(msgspec.structs.replace(found, verdict="better", better=better))
    effect = evidence.visible_lift * evidence.scale
    return _worded(
        msgspec.structs.replace(
            found,
            verdict="no_difference_yet",
            visible_lift=evidence.visible_lift,
            visible_effect=effect,
            more_people=_more_people(found, evidence, effect),
        )
    )


def _lift(found: Comparison, evidence: _Evidence) -> tuple[float | None, Interval | None]:
    if evidence.lift_error is None or not found.a_value or not found.b_value:
        return None, None
    ratio = found.a_value / found.b_value
    half = evidence.multiplier * evidence.lift_error
    if half > _LIFT_UNKNOWN:
        return ratio - 1, None
    factor, level = math.exp(half), evidence.interval.level
    return ratio - 1, Interval(low=ratio / factor - 1, high=ratio * factor - 1, level=level)


def _more_people(found: Comparison, evidence: _Evidence, effect: float) -> tuple[int, int] | None:
    people = found.a_people + found.b_people
    share = found.a_people / people
    needed = people_needed(
        variance=evidence.variance,
        scale=evidence.scale,
        effect=effect,
        a_share=share,
        method=found.method,
        level=evidence.interval.level,
        typical_lift=evidence.typical_lift,
    )
    if needed is None:
        return None
    more = max(0, needed - people)
    return math.ceil(more * share), math.ceil(more * (1 - share))


def _worded(found: Comparison) -> Comparison:
    return msgspec.structs.replace(found, words=comparison_words(found))
