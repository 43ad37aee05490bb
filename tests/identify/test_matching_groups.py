"""Groups and thresholds: arithmetic on probabilities."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.identify.matching import Step, expected, explain_pair, group, say_step
from vocative.identify.matching.pairs import ScoredPair

PEOPLE = [f"p{number}" for number in range(7)]
PAIRS = st.dictionaries(
    st.sampled_from(list(combinations(PEOPLE, 2))), st.floats(0, 1), max_size=21
).map(lambda found: [(one, other, p) for (one, other), p in found.items()])


def test_a_pair_becomes_a_group() -> None:
    assert group([("p2", "p1", 0.9)], at_least=0.5) == [("p1", "p2")]


def test_a_chain_does_not_bring_in_a_stranger() -> None:
    chain = [("p1", "p2", 0.99), ("p2", "p3", 0.9)]
    assert group(chain, at_least=0.5) == [("p1", "p2")]
    assert group([*chain, ("p1", "p3", 0.2)], at_least=0.5) == [("p1", "p2", "p3")]


def test_rejected_pairs_are_never_in_one_group() -> None:
    triangle = [("p1", "p2", 0.99), ("p2", "p3", 0.98), ("p1", "p3", 0.97)]
    assert group(triangle, at_least=0.5) == [("p1", "p2", "p3")]
    assert group(triangle, at_least=0.5, apart=[("p3", "p1")]) == [("p1", "p2")]


@given(pairs=PAIRS, order=st.randoms(use_true_random=False), at_least=st.floats(0.01, 1))
def test_neither_order_nor_direction_of_pairs_matters(
    pairs: list[tuple[str, str, float]], order: object, at_least: float
) -> None:
    shuffled = [(other, one, p) for one, other, p in pairs]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert group(pairs, at_least=at_least) == group(shuffled, at_least=at_least)


@given(pairs=PAIRS, at_least=st.floats(0.01, 1), apart=st.sets(st.sampled_from(PEOPLE)))
def test_groups_are_apart_and_agree(
    pairs: list[tuple[str, str, float]], at_least: float, apart: set[str]
) -> None:
    strangers = list(combinations(sorted(apart), 2))
    groups = group(pairs, at_least=at_least, apart=strangers)
    members = [member for one in groups for member in one]
    assert len(members) == len(set(members))
    inside = {pair for one in groups for pair in combinations(one, 2)}
    assert inside.isdisjoint(strangers)
    assert all(len(one) > 1 for one in groups)


@given(st.lists(st.floats(0, 1), max_size=50))
def test_a_higher_threshold_takes_fewer_and_is_right_more_often(chances: list[float]) -> None:
    lines = expected(chances)
    for low, high in pairwise(lines):
        assert high.pairs <= low.pairs
        assert high.expected_wrong <= low.expected_wrong + 0.001
        if high.expected_precision is not None and low.expected_precision is not None:
            assert high.expected_precision >= low.expected_precision - 1e-6


def test_no_candidates_promise_nothing() -> None:
    assert {line.expected_precision for line in expected([])} == {None}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Step("first_name", "swapped", 6.1), "first name in the place of the other name (strongly"),
        (Step("birth_date", "nearly", 4.0), "date of birth the same but for a typing error (clea"),
        (Step("city", "different", -1.2), "city different (a little against, -1.2)"),
        (Step("country", "same", 0.1), "country the same (says little, +0.1)"),
    ],
)
def test_a_step_is_said_in_words(step: Step, said: str) -> None:
    assert say_step(step).startswith(said)


def test_a_pair_with_nothing_in_its_favour_says_so() -> None:
    pair = ScoredPair(
        one="p1", other="p2", probability=0.5, weight=0, steps=(Step("city", "different", -2),)
    )
    assert explain_pair(pair) == (
        "nothing speaks for it; against it: city different. One person with a probability of 50.0%."
    )
