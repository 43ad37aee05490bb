"""Matching: real sets with known truth, made-up households, and the same figures every time."""

import random
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.cli.bench import FOLDER
from vocative.errors import Unsupported
from vocative.identify.matching import Matches, record_of, score_people
from vocative.identify.matching.records import Record

pytest.importorskip("splink", reason="the extra `matching` is not installed")

FIRST = (
    "ada ben cleo dan eva finn gwen hugo iris jack kate liam mona noah olga paul ruth sam".split()
)
LAST = "abbott baker carter dixon ellis foster gibson hughes irving jenkins king lawson".split()
ROADS = "abbey bridge castle dale elm forest grange hill ivy junction king lake".split()


def households(families: int, seed: int = 5) -> dict[str, Record]:
    """Families of three: last name, address and phone are shared, the rest is each one's own."""
    chance = random.Random(seed)
    people = {}
    for family in range(families):
        shared = {
            "last_name": f"{chance.choice(LAST)}{chance.choice(ROADS)}",
            "street": f"{chance.randint(1, 80)} {chance.choice(ROADS)} {chance.choice(ROADS)} road",
            "city": chance.choice(["york", "bath", "leeds", "hull"]),
            "postcode": f"{chance.randint(1000, 1400)}",
            "phone": f"01904{chance.randint(100000, 999999)}",
        }
        for member, first in enumerate(chance.sample(FIRST, 3)):
            own = {
                "first_name": first,
                "birthday": f"{date(1940, 1, 1) + timedelta(days=chance.randint(0, 24_000))}",
                "email": f"{first}{family}@a.example",
            }
            people[f"f{family:03}-{member}"] = record_of({**shared, **own})
    return people


def namesakes(number: int, seed: int = 6) -> dict[str, Record]:
    """Strangers of few names, with addresses of e-mail made of them."""
    chance = random.Random(seed)
    people = {}
    for one in range(number):
        first, last = chance.choice(FIRST), chance.choice(LAST)
        people[f"n{one:04}"] = record_of(
            {
                "first_name": first,
                "last_name": last,
                "email": f"{first}.{last}{chance.randint(1, 999)}@mail.example",
                "phone": f"07{chance.randint(10**8, 10**9)}",
                "city": chance.choice(["york", "bath", "leeds", "hull"]),
            }
        )
    return people


def doubled(people: dict[str, Record], every: int) -> dict[str, Record]:
    """The same people, some of them a second time with another address of e-mail and a slip."""
    more = dict(people)
    for number, (person_id, record) in enumerate(people.items()):
        if number % every == 0:
            again = {**record, "email": f"{record['first_name']}.x{number}@b.example"}
            again["mailbox"] = again["email"].partition("@")[0]
            again["last_name"] = record["last_name"][:-1]
            more[f"{person_id}-again"] = again
    return more


def as_pairs(matches: Matches) -> set[tuple[str, str]]:
    return {(pair.one, pair.other) for pair in matches.pairs}


def test_families_are_not_one_person() -> None:
    assert as_pairs(score_people(households(120))) == set()


def test_namesakes_are_not_one_person() -> None:
    assert as_pairs(score_people(namesakes(400))) == set()


def test_doubled_people_are_found_among_namesakes() -> None:
    people = doubled(namesakes(400), every=10)
    right = {(one.removesuffix("-again"), one) for one in people if one.endswith("-again")}
    assert as_pairs(score_people(people)) == right


def test_one_name_in_the_others_place_is_a_coincidence() -> None:
    people = doubled(households(60), every=6)
    people["x1"] = record_of({"first_name": "zacharias", "last_name": "quentin", "city": "york"})
    people["x2"] = record_of({"first_name": "quentin", "last_name": "umberto", "city": "bath"})
    people["y1"] = record_of({"first_name": "wilhelmina", "last_name": "xavier", "city": "hull"})
    people["y2"] = record_of({"first_name": "xavier", "last_name": "wilhelmina", "city": "hull"})
    found = as_pairs(score_people(people))
    assert ("x1", "x2") not in found
    assert ("y1", "y2") in found


def test_doubled_people_are_found_among_families() -> None:
    people = doubled(households(120), every=6)
    right = {(one.removesuffix("-again"), one) for one in people if one.endswith("-again")}
    found = as_pairs(score_people(people))
    assert found == right


def test_the_order_of_people_makes_no_difference() -> None:
    # So many that not all pairs are looked at for how often two people agree, but a sample.
    people = doubled(households(480), every=4)
    shuffled = list(people.items())
    random.Random(3).shuffle(shuffled)
    assert score_people(dict(shuffled)) == score_people(people)


def test_what_people_are_called_makes_no_difference() -> None:
    people = doubled(households(40), every=4)
    # The order of ids, and with it which of two is the first, is turned round.
    other_names = {person: f"q{len(people) - number:04}" for number, person in enumerate(people)}
    before = score_people(people)
    after = score_people({other_names[person]: record for person, record in people.items()})
    chances = {frozenset((pair.one, pair.other)): pair.probability for pair in after.pairs}
    assert chances == {
        frozenset((other_names[pair.one], other_names[pair.other])): pytest.approx(
            pair.probability, abs=1e-5
        )
        for pair in before.pairs
    }


PARTS = {
    "first_name": st.sampled_from(["ann", "anne", "bob", "lee"]),
    "last_name": st.sampled_from(["lee", "ann", "baker", "bakerr"]),
    "email": st.sampled_from(["a@x.example", "a@y.example", "b@x.example", "?"]),
    "birth_date": st.sampled_from(["19800403", "19800404", "99999999", "19000230"]),
    "phone": st.sampled_from(["123456789", "123456780"]),
    "street": st.text(max_size=3),
    "postcode": st.just("1"),
}


@settings(max_examples=5, deadline=None)
@given(
    records=st.lists(st.fixed_dictionaries({}, optional=PARTS), max_size=12),
    order=st.randoms(use_true_random=False),
)
def test_any_people_give_the_same_pairs_in_any_order(
    records: list[Record], order: random.Random
) -> None:
    people = {
        f"p{number:02}": {column: value for column, value in record.items() if value}
        for number, record in enumerate(records)
    }
    shuffled = list(people.items())
    order.shuffle(shuffled)
    found = score_people(people, at_least=0.0)
    assert found == score_people(dict(shuffled), at_least=0.0)
    assert all(pair.one < pair.other for pair in found.pairs)
    assert all(0 <= pair.probability <= 1 for pair in found.pairs)


@pytest.mark.parametrize(
    "people",
    [
        {},
        {"p1": {"first_name": "ann"}},
        {"p1": {}, "p2": {}},
        {"p1": {"city": "york"}, "p2": {"city": "york"}},
        {"p1": {"city": "york"}, "p2": {"city": "bath"}, "p3": {"email": "a@b.example"}},
    ],
)
def test_too_few_to_tell_apart_match_nobody(people: dict[str, Record]) -> None:
    assert score_people(people).pairs == []


def test_steps_say_levels_and_never_values() -> None:
    people = doubled(households(40), every=4)
    told = repr(score_people(people))
    values = {value for record in people.values() for value in record.values() if len(value) > 4}
    assert [value for value in values if value in told] == []


def test_without_splink_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "splink", None)
    with pytest.raises(Unsupported, match=r"vocative\[matching\]"):
        score_people(households(2))


@pytest.mark.parametrize(
    ("name", "least"), [("febrl1", 0.99), ("febrl2", 0.98), ("fake_1000", 0.9)]
)
def test_real_sets(
    name: str, least: float, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(FOLDER)
    import identity

    figures = identity.measure(*identity.SETS[name](shared_data))
    assert figures["f1"] >= least
    assert figures["precision"] >= 0.99
    assert figures["f1"] > figures["baseline_f1"] + 0.3
    # The model may be too careful, not too sure.
    assert figures["expected_precision_from_0.95"] <= figures["precision_from_0.95"] + 0.02
