"""The kinds of questions: what each needs, and how what somebody typed becomes an answer.

What a browser sent comes in, always as texts; an answer goes out, or the reason in words why it
is none. Nothing here quotes what was typed.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from vocative.clock import to_micros
from vocative.collect.forms.postcodes import POSTCODES, read_postcode
from vocative.collect.forms.questions import Question
from vocative.collect.quality.patterns import fits, wrong_pattern
from vocative.collect.standard.phone import phone_countries, phone_example, phone_number
from vocative.errors import nearest
from vocative.privacy.addresses import normal_email
from vocative.sql import Type

Answer = str | float | bool | list[str] | None
"""A date is a text such as 2026-03-31."""
Answers = Mapping[str, Answer]
MOST_CHARACTERS = 500
"""Of a text, unless its question says less."""
_TEXT_LENGTH = 200
_MOST_CHOICES = 200
_LAST_RESORT_COUNTRY = "DE"


class Fault(Exception):
    """A question lacks something, or says what cannot be; `about` is the key."""

    def __init__(self, about: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.about = about
        self.message = message
        self.hint = hint


class Wrong(Exception):
    """What was typed is no answer: `word` of `texts.py` says why."""

    def __init__(self, word: str, **filled: object) -> None:
        super().__init__(word)
        self.word = word
        self.filled = filled


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of question."""

    type: Type
    """What conditions see."""
    read: Callable[[Question, Sequence[str], Answers], Answer]
    """The answer that was typed, given the others of its form; None is no answer.

    Raises Wrong."""
    check: Callable[[Question], None]
    """Raises Fault."""
    takes: tuple[str, ...] = ()
    personal: bool = False
    """Whether an answer tells who somebody is, unless the question says otherwise."""
    compared: Callable[[Any], Any] = lambda answer: answer
    """An answer as conditions compare it."""


def is_personal(question: Question) -> bool:
    """Whether an answer must not reach history."""
    if question.personal is not None:
        return question.personal
    return KINDS[question.kind].personal


def _typed(values: Sequence[str]) -> str:
    """The first value without what no keyboard types."""
    # Somewhat more than may be is enough to see that it is too long.
    text = values[0][: 2 * MOST_CHARACTERS] if values else ""
    kept = "".join(one for one in text if not unicodedata.category(one).startswith("C"))
    return kept.strip()


def _labelled(question: Question) -> None:
    if not question.label:
        raise Fault("label", "a question needs a label")


# Texts


def _check_text(question: Question) -> None:
    _labelled(question)
    least, most = question.min_length or 0, question.max_length or _TEXT_LENGTH
    if not 0 <= least <= most <= MOST_CHARACTERS:
        raise Fault("max_length", f"a text has at most {MOST_CHARACTERS} characters")
    if question.pattern is not None:
        wrong = wrong_pattern(question.pattern)
        if wrong is not None:
            hint = "patterns are RE2's: without look-around and back references"
            raise Fault("pattern", f"this is no pattern: {wrong}", hint)


def _read_text(question: Question, values: Sequence[str], _: Answers) -> Answer:
    text = _typed(values)
    if not text:
        return None
    if len(text) > (most := question.max_length or _TEXT_LENGTH):
        raise Wrong("too_long", limit=most)
    if len(text) < (least := question.min_length or 0):
        raise Wrong("too_short", limit=least)
    if question.pattern is not None and not fits(text, question.pattern):
        raise Wrong("pattern")
    return text


# Ways to reach somebody


def _read_email(_: Question, values: Sequence[str], __: Answers) -> Answer:
    text = _typed(values)
    if not text:
        return None
    address = normal_email(text) if len(text) <= 254 else None
    if address is None:
        raise Wrong("email")
    return address


def _check_phone(question: Question) -> None:
    _labelled(question)
    _check_country(question, phone_countries(), needed=False)


def _read_phone(question: Question, values: Sequence[str], answers: Answers) -> Answer:
    text = _typed(values)
    if not text:
        return None
    country = _country(question, answers)
    if country not in phone_countries():
        country = None
    number = phone_number(text, country)
    if number is None:
        raise Wrong("phone", example=phone_example(country or _LAST_RESORT_COUNTRY))
    return number


def _check_postcode(question: Question) -> None:
    _labelled(question)
    _check_country(question, POSTCODES, needed=True)


def _read_postcode(question: Question, values: Sequence[str], answers: Answers) -> Answer:
    text = _typed(values)
    if not text:
        return None
    country = _country(question, answers)
    if country not in POSTCODES:
        # Of other countries it is not known how they write theirs.
        if len(text) > 20:
            raise Wrong("too_long", limit=20)
        return text
    found = read_postcode(text, country)
    if found is None:
        raise Wrong("postcode", example=POSTCODES[country].example)
    return found


def _check_country(
    question: Question, known: Mapping[str, Any] | frozenset[str], *, needed: bool
) -> None:
    if question.country is not None and question.country_question is not None:
        raise Fault("country_question", "a country or a question for it, not both")
    if question.country is not None and question.country not in known:
        guess = nearest(question.country, known)
        hint = f"did you mean {guess!r}?" if guess else "write two letters, such as DE"
        raise Fault("country", "this is no country that is known here", hint)
    if needed and question.country is None and question.country_question is None:
        raise Fault("country", f"a {question.kind} needs a country or a country_question")


def _country(question: Question, answers: Answers) -> str | None:
    if question.country_question is not None:
        answer = answers.get(question.country_question)
        return answer.upper() if isinstance(answer, str) else None
    return question.country


# Numbers and dates


def _check_number(question: Question) -> None:
    _labelled(question)
    for key in ("min", "max"):
        if isinstance(getattr(question, key), str):
            raise Fault(key, "this must be a number")


def _read_number(question: Question, values: Sequence[str], _: Answers) -> Answer:
    text = _typed(values)
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise Wrong("number")
    number = float(text.replace(",", "."))
    if isinstance(question.min, int | float) and number < question.min:
        raise Wrong("at_least", limit=f"{question.min:g}")
    if isinstance(question.max, int | float) and number > question.max:
        raise Wrong("at_most", limit=f"{question.max:g}")
    return number


_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:[.,][0-9]{1,10})?")


def _check_date(question: Question) -> None:
    _labelled(question)
    for key in ("min", "max"):
        stated = getattr(question, key)
        if stated is not None and (not isinstance(stated, str) or _date(stated) is None):
            raise Fault(key, "this is no date", "write 2026-03-31")


def _read_date(question: Question, values: Sequence[str], _: Answers) -> Answer:
    text = _typed(values)
    if not text:
        return None
    found = _date(text)
    if found is None:
        raise Wrong("date")
    written = found.isoformat()
    # Written so, dates are in the order of their texts.
    if isinstance(question.min, str) and written < question.min:
        raise Wrong("at_least", limit=question.min)
    if isinstance(question.max, str) and written > question.max:
        raise Wrong("at_most", limit=question.max)
    return written


def _date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _midnight(answer: str) -> int:
    return to_micros(datetime.fromisoformat(answer).replace(tzinfo=UTC))


# Choices


def _check_choices(question: Question) -> None:
    _labelled(question)
    if not 1 <= len(question.choices) <= _MOST_CHOICES:
        raise Fault("choices", f"a question of kind {question.kind} needs choices")
    if any(not choice or len(choice) > 100 for choice in question.choices):
        raise Fault("choices", "a choice has 1 to 100 characters")


def _read_choice(question: Question, values: Sequence[str], _: Answers) -> Answer:
    text = _typed(values)
    if not text:
        return None
    if text not in question.choices:
        raise Wrong("choice")
    return text


def _check_many(question: Question) -> None:
    _check_choices(question)
    for key in ("min", "max"):
        stated = getattr(question, key)
        if stated is not None and (isinstance(stated, str) or not 0 <= stated <= _MOST_CHOICES):
            raise Fault(key, "this must be a number of choices")


def _read_many(question: Question, values: Sequence[str], _: Answers) -> Answer:
    typed = {_typed([value]) for value in values[:_MOST_CHOICES]} - {""}
    if typed - question.choices.keys():
        raise Wrong("choice")
    chosen = [choice for choice in question.choices if choice in typed]
    if not chosen:
        return None
    if isinstance(question.min, int | float) and len(chosen) < question.min:
        raise Wrong("at_least", limit=f"{question.min:g}")
    if isinstance(question.max, int | float) and len(chosen) > question.max:
        raise Wrong("at_most", limit=f"{question.max:g}")
    return chosen


def _read_yes_no(_: Question, values: Sequence[str], __: Answers) -> Answer:
    text = _typed(values)
    if text not in ("", "yes", "no"):
        raise Wrong("choice")
    return {"yes": True, "no": False}.get(text)


# What is not asked, and consent


def _check_hidden(question: Question) -> None:
    if question.required:
        raise Fault("required", "nobody can be made to answer what is hidden")


def _read_hidden(question: Question, values: Sequence[str], _: Answers) -> Answer:
    return (question.value or _typed(values))[:MOST_CHARACTERS] or None


def _check_consent(question: Question) -> None:
    _labelled(question)
    if question.purpose is None:
        raise Fault("purpose", "a consent needs a purpose", "one of `purposes` in vocative.yaml")
    if not question.wording:
        hint = "write a version of its text, such as wording: 2026-11"
        raise Fault("wording", "a consent needs a wording", hint)
    if question.channel != "email":
        raise Fault("channel", "consents are taken for the channel email only")


def _read_consent(_: Question, values: Sequence[str], __: Answers) -> Answer:
    # A box that is not ticked sends nothing; any other value is no consent either.
    return _typed(values) == "yes"


_LIMITS = ("min", "max")
KINDS: dict[str, Kind] = {
    "text": Kind(
        type=Type.TEXT,
        read=_read_text,
        check=_check_text,
        takes=("min_length", "max_length", "pattern"),
        personal=True,
    ),
    "email": Kind(type=Type.TEXT, read=_read_email, check=_labelled, personal=True),
    "phone": Kind(
        type=Type.TEXT,
        read=_read_phone,
        check=_check_phone,
        takes=("country", "country_question"),
        personal=True,
    ),
    "postcode": Kind(
        type=Type.TEXT,
        read=_read_postcode,
        check=_check_postcode,
        takes=("country", "country_question"),
        personal=True,
    ),
    "number": Kind(type=Type.NUMBER, read=_read_number, check=_check_number, takes=_LIMITS),
    "date": Kind(
        type=Type.DATE,
        read=_read_date,
        check=_check_date,
        takes=_LIMITS,
        personal=True,
        compared=_midnight,
    ),
    "choice": Kind(type=Type.TEXT, read=_read_choice, check=_check_choices, takes=("choices",)),
    "many": Kind(
        type=Type.TEXT_LIST, read=_read_many, check=_check_many, takes=("choices", *_LIMITS)
    ),
    "yes_no": Kind(type=Type.BOOLEAN, read=_read_yes_no, check=_labelled),
    "hidden": Kind(type=Type.TEXT, read=_read_hidden, check=_check_hidden, takes=("value",)),
    "consent": Kind(
        type=Type.BOOLEAN,
        read=_read_consent,
        check=_check_consent,
        takes=("purpose", "channel", "wording"),
    ),
}
"""Every kind of question."""
