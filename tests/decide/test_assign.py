"""Assignment: stable, in the stated shares, with the stated probability."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.decide import HOLDOUT, assign

WEIGHTS = {"a": 1.0, "b": 3.0}


def test_shares_are_as_stated() -> None:
    drawn = Counter(assign("x", f"p{n}", weights=WEIGHTS, holdout=0.2).arm for n in range(40_000))
    # Five standard deviations of a binomial share.
    for arm, share in ((HOLDOUT, 0.2), ("a", 0.2), ("b", 0.6)):
        assert drawn[arm] / 40_000 == pytest.approx(
            share, abs=5 * (share * (1 - share) / 40_000) ** 0.5
        )


def test_arms_of_two_experiments_are_independent() -> None:
    both = sum(
        assign("x", f"p{n}", weights={"a": 1, "b": 1}).arm
        == assign("y", f"p{n}", weights={"a": 1, "b": 1}).arm
        for n in range(20_000)
    )
    assert both / 20_000 == pytest.approx(0.5, abs=0.02)


@given(st.text(min_size=1), st.text(min_size=1), st.floats(0, 0.9))
def test_the_same_person_gets_the_same_arm(experiment: str, person: str, holdout: float) -> None:
    one = assign(experiment, person, weights=WEIGHTS, holdout=holdout)
    assert one == assign(experiment, person, weights=WEIGHTS, holdout=holdout)
    expected = {HOLDOUT: holdout, "a": (1 - holdout) / 4, "b": (1 - holdout) * 3 / 4}
    assert one.propensity == pytest.approx(expected[one.arm])


@given(st.text(min_size=1))
def test_growing_the_holdout_moves_nobody_between_variants(person: str) -> None:
    small = assign("x", person, weights=WEIGHTS, holdout=0.1)
    large = assign("x", person, weights=WEIGHTS, holdout=0.5)
    assert large.arm in (HOLDOUT, small.arm)
