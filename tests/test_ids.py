"""Ids are derived, apart from each other, and arms are shared out evenly."""

import re
from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vocative.ids import (
    _joined,
    event_id_for,
    message_id_for,
    person_id_for,
    stable_fraction,
)

KEY = b"k" * 32
parts = st.lists(st.text(st.sampled_from("a\x1e\x1f01\ud800")), max_size=4).map(tuple)


@given(parts, parts)
def test_different_parts_never_join_to_the_same_bytes(
    some: tuple[str, ...], others: tuple[str, ...]
) -> None:
    if len(some) == len(others):
        assert (_joined(some) == _joined(others)) == (some == others)


def test_a_person_id_is_short_keyed_and_of_its_identity_alone() -> None:
    person_id = person_id_for(KEY, "email", "ana@example.com")
    assert re.fullmatch(r"p[a-z2-7]{15}", person_id)
    assert person_id == person_id_for(KEY, "email", "ana@example.com")
    assert person_id != person_id_for(b"o" * 32, "email", "ana@example.com")
    assert person_id != person_id_for(KEY, "user_id", "ana@example.com")


def test_a_message_id_depends_on_every_part() -> None:
    plan = {"campaign": "c", "occurrence": "1", "person_id": "p", "channel": "email"}
    ids = {message_id_for(**plan)}
    ids |= {message_id_for(**{**plan, name: "other"}) for name in plan}
    assert len(ids) == 5
    assert all(re.fullmatch(r"[0-9a-f]{32}", found) for found in ids)


def test_an_event_is_the_same_within_its_source_only() -> None:
    assert event_id_for("shop", "m1") == event_id_for("shop", "m1")
    assert event_id_for("shop", "m1") != event_id_for("app", "m1")
    assert event_id_for("shop", "\ud800") != event_id_for("shop", "\ud801")


def test_fractions_are_even_and_independent() -> None:
    drawn = [stable_fraction("autumn", f"p{number}") for number in range(20_000)]
    assert all(0 <= fraction < 1 for fraction in drawn)
    tenths = Counter(int(fraction * 10) for fraction in drawn)
    assert all(abs(count - 2_000) < 5 * 2_000**0.5 for count in tenths.values())
    other = [stable_fraction("winter", f"p{number}") for number in range(20_000)]
    both = sum(one < 0.5 and two < 0.5 for one, two in zip(drawn, other, strict=True))
    assert abs(both - 5_000) < 5 * 5_000**0.5
    rising = sum(one < two for one, two in pairwise(drawn))
    assert abs(rising - 10_000) < 500
