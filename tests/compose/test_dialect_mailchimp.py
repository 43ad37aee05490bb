"""Merge tags mean what they mean in Mailchimp and Mandrill."""

import doctest
from datetime import UTC, datetime

import pytest

from vocative.clock import FixedClock
from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import (
    Converted,
    FieldMap,
    ForeignTemplate,
    _php_dates,
    dialect_named,
)
from vocative.compose.language.environments import HtmlEnvironment, TextEnvironment, environment
from vocative.compose.language.limits import Run

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
MESSAGE = {
    "unsubscribe_url": "https://shop.example/u",
    "view_url": "https://shop.example/v",
    "preferences_url": None,
    "postal_address": "1 Street",
    "sender_name": "Shop",
    "campaign": {"name": "March"},
    "offer": {"code": "TEN"},
    "preheader": "Look inside",
}


def convert(html: str, **more: str) -> Converted:
    foreign = ForeignTemplate(
        name="t",
        html=Passage.of_file("t", html),
        **{key: Passage.of_file(key, value) for key, value in more.items()},  # type: ignore[arg-type]
    )
    return dialect_named("mailchimp").convert(foreign, FieldMap(traits={"age": "number"}))


def rendered(text: str, **person: object) -> str:
    converted = convert(text)
    data = {**MESSAGE, "person": {**dict.fromkeys(converted.new_traits), "age": None, **person}}
    parsed = environment(HtmlEnvironment).from_string(converted.html)
    return parsed.render_run(data, Run(FixedClock(NOW)))  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("text", "person", "expected"),
    [
        ("*|FNAME|*", {"first_name": "Zoë"}, "Zoë"),
        ("*|FNAME|*", {"first_name": None}, ""),
        ("*|FNAME|*", {"first_name": "<b>"}, "&lt;b&gt;"),
        ("*|UPPER:FNAME|**|LOWER:FNAME|*", {"first_name": "Zoë"}, "ZOËzoë"),
        ("*|TITLE:CITY|*", {"city": "new york"}, "New York"),
        ("*|IF:FNAME|*a*|ELSE:|*b*|END:IF|*", {"first_name": "x"}, "a"),
        ("*|IF:FNAME|*a*|ELSE:|*b*|END:IF|*", {"first_name": " "}, "b"),
        ("*|IF:FNAME|*a*|ELSE:|*b*|END:IF|*", {"first_name": None}, "b"),
        ("*|IFNOT:FNAME|*a*|ELSE:|*b*|END:IF|*", {"first_name": None}, "a"),
        ("*|IFNOT:FNAME|*a*|ELSE:|*b*|END:IF|*", {"first_name": "x"}, "b"),
        ("*|IF:CITY=Paris|*a*|ELSE:|*b*|END:IF|*", {"city": "Paris"}, "a"),
        ("*|IF:CITY=Paris|*a*|ELSE:|*b*|END:IF|*", {"city": None}, "b"),
        ("*|IF:CITY!=Paris|*a*|ELSE:|*b*|END:IF|*", {"city": None}, "a"),
        ("*|IF:CITY = 'Paris' |*a*|END:IF|*", {"city": "Paris"}, "a"),
        ("*|IF:CODE=5|*a*|END:IF|*", {"code": "5"}, "a"),
        ("*|IF:CODE=5|*a*|END:IF|*", {"code": 5}, "a"),
        ("*|IF:CODE!=5|*a*|ELSE:|*b*|END:IF|*", {"code": "5"}, "b"),
        ("*|IF:AGE=5|*a*|END:IF|*", {"age": 5}, "a"),
        ("*|IF:SIZE >= 18|*a*|ELSE:|*b*|END:IF|*", {"size": "18"}, "a"),
        ("*|IF:SIZE >= 18|*a*|ELSE:|*b*|END:IF|*", {"size": "9"}, "b"),
        ("*|IF:SIZE >= 18|*a*|ELSE:|*b*|END:IF|*", {"size": "many"}, "b"),
        ("*|IF:SIZE < 18|*a*|ELSE:|*b*|END:IF|*", {"size": None}, "a"),
        ("*|IF:A=1|*a*|ELSEIF:B>2|*b*|ELSEIF:C|*c*|ELSE:|*d*|END:IF|*", {"a": "1"}, "a"),
        ("*|IF:A=1|*a*|ELSEIF:B>2|*b*|ELSEIF:C|*c*|ELSE:|*d*|END:IF|*", {"b": 3}, "b"),
        ("*|IF:A=1|*a*|ELSEIF:B>2|*b*|ELSEIF:C|*c*|ELSE:|*d*|END:IF|*", {"c": "x"}, "c"),
        ("*|IF:A=1|*a*|ELSEIF:B>2|*b*|ELSEIF:C|*c*|ELSE:|*d*|END:IF|*", {}, "d"),
        ("*|IF:A|**|IF:B|*ab*|END:IF|**|END:IF|*", {"a": "1", "b": "2"}, "ab"),
        ('*|IF:A=say "it\'s"|*a*|END:IF|*', {"a": 'say "it\'s"'}, "a"),
        ("*|INTERESTED:Sport:Golf,Sail|*a*|ELSE:|*b*|END:INTERESTED|*", {"sport": ["Sail"]}, "a"),
        ("*|INTERESTED:Sport:Golf,Sail|*a*|ELSE:|*b*|END:INTERESTED|*", {"sport": ["Chess"]}, "b"),
        ("*|INTERESTED:Sport:Golf|*a*|ELSE:|*b*|END:INTERESTED|*", {"sport": None}, "b"),
        ("*|IF:ARCHIVE_PAGE|*a*|ELSE:|*b*|END:IF|*", {}, "b"),
        ("*|IFNOT:ARCHIVE_PAGE|*a*|END:IF|*", {}, "a"),
        (
            "*|DATE:Y-m-d|* *|DATE:l, F j|* *|CURRENT_YEAR|*",
            {},
            "2026-03-05 Thursday, March 5 2026",
        ),
        ("*|UNSUB|* *|ARCHIVE|*", {}, "https://shop.example/u https://shop.example/v"),
        ("*|LIST:ADDRESS|* *|LIST:COMPANY|*", {}, "1 Street Shop"),
        ("*|COUPON|* *|MC_PREVIEW_TEXT|*", {}, "TEN Look inside"),
        ("*|HTML:NOTE|*", {"note": "<i>x</i>"}, "&lt;i&gt;x&lt;/i&gt;"),
        ("*|if:city=Paris|*a*|end:if|*", {"city": "Paris"}, "a"),
        ("a * | b |* *|", {}, "a * | b |* *|"),
    ],
)
def test_merge_tags(text: str, person: dict[str, object], expected: str) -> None:
    assert rendered(text, **person) == expected


@pytest.mark.parametrize(
    "text",
    ["*|RSSITEMS|*", "*|FEED:http://x|*", "*|REWARDS|*", "*|FORWARD|*", "*|TWITTER:PROFILE|*"],
)
def test_what_cannot_be_is_refused_with_what_to_do(text: str) -> None:
    (note,) = convert(text).notes
    assert note.outcome == "refused"
    assert note.fix


def test_the_subject_is_put_in() -> None:
    converted = convert("<title>*|MC:SUBJECT|*</title>", subject="Hello *|FNAME|*")
    assert converted.html == (
        '<title>Hello {{ person.first_name | default: "", allow_false: true }}</title>'
    )
    assert [note.outcome for note in convert("*|MC:SUBJECT|*").notes] == ["refused"]


def test_a_group_is_approximated() -> None:
    outcomes = [note.outcome for note in convert("*|INTERESTED:A:b|*x*|END:INTERESTED|*").notes]
    assert "approximated" in outcomes


def test_plain_text_keeps_its_tags() -> None:
    converted = convert("x", text="Hi *|FNAME|* <*|UNSUB|*>")
    assert converted.text is not None
    parsed = environment(TextEnvironment).from_string(converted.text)
    data = {**MESSAGE, "person": {"first_name": "A"}}
    assert parsed.render_run(data, Run(FixedClock(NOW))) == "Hi A <https://shop.example/u>"  # type: ignore[attr-defined]


def test_examples_of_dates_are_true() -> None:
    assert doctest.testmod(_php_dates).failed == 0
