"""How often a test that is looked at a hundred times names a false winner, and what safety costs.

Experiments without any difference (A/A) and with a stated one are simulated in the two ways a
campaign's numbers grow: people arriving one after another, and one mailing whose conversions come
in over days. Each is looked at 100 times with the shipped interval, with the naive rule "p < 0.05
at any look", and once at the end.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from vocative.measure.distributions import normal_multiplier
from vocative.measure.experiments import (
    HOLDOUT_LIFT,
    VARIANT_LIFT,
    always_valid_multiplier,
    pooled_rate_error,
    rate_interval,
)

LOOKS = 100
ALPHA = 0.05
RATE = 0.18
PEOPLE_PER_ARM = 20_000

Counts = np.ndarray[Any, np.dtype[np.int64]]
Grow = Callable[[np.random.Generator, int, float], tuple[Counts, Counts]]


def arriving(random: np.random.Generator, people: int, rate: float) -> tuple[Counts, Counts]:
    """People arrive evenly between looks and answer at once: (successes, people) per look."""
    until: Counts = np.linspace(0, people, LOOKS + 1).astype(np.int64)
    arrived: Counts = until[1:] - until[:-1]
    return random.binomial(arrived, rate).cumsum(), arrived.cumsum()


def maturing(random: np.random.Generator, people: int, rate: float) -> tuple[Counts, Counts]:
    """One mailing: all people from the start, conversions fewer and fewer as days go by."""
    decay = np.diff(1 - np.exp(-np.linspace(0, 5, LOOKS + 1)))
    per_look = random.multinomial(people, [*(rate * decay / decay.sum()), 1 - rate])[:-1]
    return per_look.cumsum(), np.full(LOOKS, people, dtype=np.int64)


class Scenario(NamedTuple):
    """Two arms, how their numbers grow, and what is true of them."""

    grow: Grow
    rate: float = RATE
    lift: float = 0.0
    a_people: int = PEOPLE_PER_ARM
    b_people: int = PEOPLE_PER_ARM
    typical_lift: float = VARIANT_LIFT


SCENARIOS = {
    "no_difference_people_arriving": Scenario(arriving),
    "no_difference_one_mailing": Scenario(maturing),
    "no_difference_against_a_holdout": Scenario(
        maturing, rate=0.03, a_people=18_000, b_people=2_000, typical_lift=HOLDOUT_LIFT
    ),
    "lift_10_percent_people_arriving": Scenario(arriving, lift=0.10),
    "lift_10_percent_one_mailing": Scenario(maturing, lift=0.10),
    "lift_60_percent_against_a_holdout": Scenario(
        maturing, rate=0.03, lift=0.6, a_people=18_000, b_people=2_000, typical_lift=HOLDOUT_LIFT
    ),
}


def run(size: int | None = None) -> dict[str, Any]:
    """Simulate experiments; some 10 seconds for the default.

    Args:
        size: Experiments per scenario; 4,000 when None.

    Returns:
        Per scenario the share of experiments in which each rule named a winner, and how much of
        the looks passed until the always-valid one did.
    """
    random = np.random.default_rng(20261)
    started = time.perf_counter()
    experiments = size or 4_000
    found = {name: _shares(random, case, experiments) for name, case in SCENARIOS.items()}
    return {
        "experiments_per_scenario": experiments,
        "looks": LOOKS,
        **found,
        "seconds": round(time.perf_counter() - started, 1),
    }


def _shares(random: np.random.Generator, case: Scenario, experiments: int) -> dict[str, float]:
    naive, safe, last, stopped = 0, 0, 0, []
    for _ in range(experiments):
        a = case.grow(random, case.a_people, case.rate * (1 + case.lift))
        b = case.grow(random, case.b_people, case.rate)
        ends = ((a[0][-1:], a[1][-1:]), (b[0][-1:], b[1][-1:]))
        naive += first_naive_win(a, b) is not None
        last += first_naive_win(*ends) is not None
        found = first_safe_win(a, b, case.typical_lift)
        safe += found is not None
        stopped.append((found or LOOKS) / LOOKS)
    return {
        "naive_any_look": naive / experiments,
        "once_at_the_end": last / experiments,
        "always_valid_any_look": safe / experiments,
        "mean_share_of_looks_until_stop": round(float(np.mean(stopped)), 3),
    }


def first_naive_win(a: tuple[Counts, Counts], b: tuple[Counts, Counts]) -> int | None:
    """The first look (from 1) at which the textbook z test says p < 0.05."""
    z = normal_multiplier(1 - ALPHA)
    for look, (a_yes, a_people, b_yes, b_people) in enumerate(_looks(a, b), start=1):
        error, _ = pooled_rate_error(a_yes, a_people, b_yes, b_people)
        if abs(a_yes / a_people - b_yes / b_people) > z * error > 0:
            return look
    return None


def first_safe_win(
    a: tuple[Counts, Counts], b: tuple[Counts, Counts], typical_lift: float
) -> int | None:
    """The first look (from 1) at which the shipped interval excludes zero."""
    for look, (a_yes, a_people, b_yes, b_people) in enumerate(_looks(a, b), start=1):
        error, scale = pooled_rate_error(a_yes, a_people, b_yes, b_people)
        z = always_valid_multiplier(error, typical_lift * scale, ALPHA)
        low, high = rate_interval(a_yes, a_people, b_yes, b_people, z)
        if low > 0 or high < 0:
            return look
    return None


def _looks(
    a: tuple[Counts, Counts], b: tuple[Counts, Counts]
) -> Iterator[tuple[int, int, int, int]]:
    """Successes and people of both arms, look by look."""
    return zip(*(column.tolist() for column in (*a, *b)), strict=True)


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else None), indent=2))
