"""How often a test that is looked at a hundred times names a false winner, and what safety costs.

Experiments without any difference (A/A) and with a stated one are simulated in the two ways a
campaign's numbers grow: people arriving one after another, and one mailing whose conversions come
in over days. Each is looked at 100 times with the shipped interval, with the naive rule "p < 0.05
at any look", and once at the end.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from vocative.measure.distributions import normal_multiplier
from vocative.measure.experiments import (
    VARIANT_LIFT,
    always_valid_multiplier,
    pooled_rate_error,
    rate_interval,
)

LOOKS = 100
ALPHA = 0.05
RATE = 0.18
LIFT = 0.10
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


def first_win(a: tuple[Counts, Counts], b: tuple[Counts, Counts], *, safe: bool) -> int | None:
    """The first look (from 1) at which a rule names a winner."""
    fixed = normal_multiplier(1 - ALPHA)
    looks = zip(*(column.tolist() for column in (*a, *b)), strict=True)
    for look, (a_yes, a_people, b_yes, b_people) in enumerate(looks, start=1):
        error, scale = pooled_rate_error(a_yes, a_people, b_yes, b_people)
        if not safe:
            # The naive rule is the textbook z test.
            if abs(a_yes / a_people - b_yes / b_people) > fixed * error > 0:
                return look
            continue
        z = always_valid_multiplier(error, VARIANT_LIFT * scale, ALPHA)
        low, high = rate_interval(a_yes, a_people, b_yes, b_people, z)
        if low > 0 or high < 0:
            return look
    return None


def _shares(
    random: np.random.Generator,
    grow: Grow,
    experiments: int,
    b_people: int,
    lift: float,
    rate: float,
) -> dict[str, float]:
    naive, safe, last, stopped = 0, 0, 0, []
    for _ in range(experiments):
        a = grow(random, PEOPLE_PER_ARM, rate * (1 + lift))
        b = grow(random, b_people, rate)
        naive += first_win(a, b, safe=False) is not None
        found = first_win(a, b, safe=True)
        safe += found is not None
        stopped.append((found or LOOKS) / LOOKS)
        ends = ((a[0][-1:], a[1][-1:]), (b[0][-1:], b[1][-1:]))
        last += first_win(*ends, safe=False) is not None
    return {
        "naive_any_look": naive / experiments,
        "once_at_the_end": last / experiments,
        "always_valid_any_look": safe / experiments,
        "mean_share_of_looks_until_stop": round(float(np.mean(stopped)), 3),
    }


def run(size: int = 1_000) -> dict[str, Any]:
    """Simulate `size` experiments per scenario; some 10 seconds at 1,000.

    Returns:
        Per scenario the share of experiments in which each rule named a winner.
    """
    random = np.random.default_rng(20261)
    started = time.perf_counter()
    holdout = PEOPLE_PER_ARM // 9
    scenarios: dict[str, tuple[Grow, int, float, float]] = {
        "no_difference_people_arriving": (arriving, PEOPLE_PER_ARM, 0.0, RATE),
        "no_difference_one_mailing": (maturing, PEOPLE_PER_ARM, 0.0, RATE),
        "no_difference_small_holdout_rare_goal": (maturing, holdout, 0.0, 0.01),
        "lift_10_percent_people_arriving": (arriving, PEOPLE_PER_ARM, LIFT, RATE),
        "lift_10_percent_one_mailing": (maturing, PEOPLE_PER_ARM, LIFT, RATE),
    }
    found: dict[str, Any] = {
        name: _shares(random, grow, size, b_people, lift, rate)
        for name, (grow, b_people, lift, rate) in scenarios.items()
    }
    return {
        "experiments_per_scenario": size,
        "looks": LOOKS,
        "people_per_arm": PEOPLE_PER_ARM,
        "rate": RATE,
        **found,
        "seconds": round(time.perf_counter() - started, 1),
    }


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000), indent=2))
