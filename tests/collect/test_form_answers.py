"""Answers as their kinds read them, whatever was typed."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.collect.forms.kinds import KINDS, Wrong
from vocative.collect.forms.page import as_typed
from vocative.collect.forms.postcodes import POSTCODES, read_postcode
from vocative.collect.forms.questions import Question
from vocative.pages.words import LANGUAGES, WORDS, chosen_language

CHOICES: dict[str, Any] = {"a": "A", "b": "B", "c": "C"}


def read(kind: str, *typed: str, **said: Any) -> Any:
    """An answer, or the word that says why it is none."""
    answers = said.pop("answers", {})
    question = Question(name="q", kind=kind, label="Q", **said)
    KINDS[kind].check(question)
    try:
        return KINDS[kind].read(question, typed, answers)
    except Wrong as wrong:
        return f"wrong: {wrong.word}"


@pytest.mark.parametrize(
    ("kind", "typed", "said", "answer"),
    [
        ("text", " Ana\x00 \u202e", {}, "Ana"),
        ("text", "", {}, None),
        ("text", "abc", {"max_length": 2}, "wrong: too_long"),
        ("text", "a", {"min_length": 2}, "wrong: too_short"),
        ("text", "AB12", {"pattern": "[A-Z]{2}[0-9]+"}, "AB12"),
        ("text", "xAB12", {"pattern": "[A-Z]{2}[0-9]+"}, "wrong: pattern"),
        ("text", "a" * 200, {"pattern": "(a+)+b"}, "wrong: pattern"),
        ("email", "Ana@Müller.example", {}, "ana@müller.example"),
        ("email", "ana@", {}, "wrong: email"),
        ("email", "ana@shop.example, bo@shop.example", {}, "wrong: email"),
        ("email", "ana@shop.example\r\nBcc: all@shop.example", {}, "wrong: email"),
        ("phone", "030 123456", {"country": "DE"}, "+4930123456"),
        ("phone", "+44 20 7946 0018", {"country": "DE"}, "+442079460018"),
        ("phone", "030 123456", {}, "wrong: phone"),
        ("phone", "110", {"country": "DE"}, "wrong: phone"),
        ("postcode", "sw1a1aa", {"country": "GB"}, "SW1A 1AA"),
        ("postcode", "1012ab", {"country": "NL"}, "1012 AB"),
        ("postcode", "1012", {"country": "NL"}, "wrong: postcode"),
        ("postcode", "100011234", {"country": "US"}, "10001-1234"),
        ("postcode", "10001", {"country": "US"}, "10001"),
        ("number", "1,5", {}, 1.5),
        ("number", "-3", {"min": 0}, "wrong: at_least"),
        ("number", "30", {"max": 20}, "wrong: at_most"),
        ("number", "1e9", {}, "wrong: number"),
        ("number", "١٢", {}, "wrong: number"),
        ("number", "nan", {}, "wrong: number"),
        ("date", "2024-02-29", {}, "2024-02-29"),
        ("date", "2023-02-29", {}, "wrong: date"),
        ("date", "1.2.2024", {}, "wrong: date"),
        ("date", "2020-01-01", {"min": "2021-01-01"}, "wrong: at_least"),
        ("choice", "a", {"choices": CHOICES}, "a"),
        ("choice", "d", {"choices": CHOICES}, "wrong: choice"),
        ("yes_no", "no", {}, False),
        ("yes_no", "on", {}, "wrong: choice"),
        ("hidden", "x", {"value": "fixed"}, "fixed"),
        ("consent", "yes", {"purpose": "p", "wording": "1"}, True),
        ("consent", "on", {"purpose": "p", "wording": "1"}, False),
    ],
)
def test_what_is_typed_becomes_an_answer(
    kind: str, typed: str, said: dict[str, Any], answer: Any
) -> None:
    assert read(kind, typed, **said) == answer


def test_many_choices() -> None:
    assert read("many", "c", "a", "c", choices=CHOICES) == ["a", "c"]
    assert read("many", choices=CHOICES) is None
    assert read("many", "a", choices=CHOICES, min=2) == "wrong: at_least"
    assert read("many", "a", "b", choices=CHOICES, max=1) == "wrong: at_most"
    assert read("many", "a", "x", choices=CHOICES) == "wrong: choice"


def test_the_country_may_be_an_answer() -> None:
    said = {"country_question": "country"}
    assert read("postcode", "1010", **said, answers={"country": "AT"}) == "1010"
    assert read("postcode", "1010", **said, answers={"country": "DE"}) == "wrong: postcode"
    assert read("postcode", "any thing", **said, answers={"country": "ZZ"}) == "any thing"
    assert read("phone", "030 123456", **said, answers={"country": "de"}) == "+4930123456"


@pytest.mark.parametrize("country", POSTCODES)
def test_every_country_takes_its_own_example(country: str) -> None:
    for example in POSTCODES[country].example.split(" or "):
        assert read_postcode(example.lower().replace(" ", ""), country) == example
        assert read_postcode(f"{example}9X9", country) is None


@given(st.sampled_from(sorted(KINDS)), st.lists(st.text(max_size=40), max_size=4))
def test_nothing_that_is_typed_breaks_anything(kind: str, typed: list[str]) -> None:
    said: dict[str, Any] = {
        "choice": {"choices": CHOICES},
        "many": {"choices": CHOICES},
        "postcode": {"country": "GB"},
        "phone": {"country": "DE"},
        "consent": {"purpose": "p", "wording": "1"},
    }.get(kind, {})
    answer = read(kind, *typed, **said)
    if isinstance(answer, str) and answer.startswith("wrong: "):
        assert answer.removeprefix("wrong: ") in WORDS["en"]
    elif answer is not None:
        # What was understood is understood again: so it may be shown and sent once more.
        assert read(kind, *as_typed(answer), **said) == answer


@given(st.text(alphabet=string.ascii_letters + ",;=.- q01", max_size=60))
def test_any_wish_for_a_language_is_understood(accepted: str) -> None:
    assert chosen_language(accepted, LANGUAGES) in (None, *LANGUAGES)
