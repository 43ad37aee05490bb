"""Braze, Customer.io and Shopify: Liquid with differences."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from vocative.clock import FixedClock
from vocative.compose import MessageSkipped
from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import Converted, FieldMap, ForeignTemplate, dialect_named
from vocative.compose.language.environments import Environment, environment
from vocative.compose.language.limits import Run

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
MESSAGE = {
    "unsubscribe_url": "https://shop.example/u",
    "view_url": "https://shop.example/v",
    "preferences_url": "https://shop.example/p",
    "sender_name": "Shop",
    "campaign": {"name": "March"},
    "offer": {"code": "TEN"},
}
ITEMS = [{"name": "A", "price": 1999}, {"name": "B"}]


def convert(dialect: str, text: str, **parts: str) -> Converted:
    foreign = ForeignTemplate(
        name="t",
        html=Passage.of_file("t", text),
        parts={name: Passage.of_file(name, part) for name, part in parts.items()},
    )
    return dialect_named(dialect).convert(foreign, FieldMap(traits={"points": "number"}))


def printed(converted: Converted, **person: object) -> str:
    data = {**MESSAGE, "person": {**dict.fromkeys(converted.new_traits), "points": None, **person}}
    parsed = environment(Environment).from_string(converted.html)
    return parsed.render_run(data, Run(FixedClock(NOW)))  # type: ignore[attr-defined, no-any-return]


def test_the_shared_cases_of_braze(shared_data: Path) -> None:
    cases = json.loads((shared_data / "braze_cases" / "braze_cases.json").read_text("utf-8"))
    wrong = [case["template"] for case in cases if not passes(case)]
    assert wrong == []


def passes(case: dict[str, Any]) -> bool:
    converted = convert("braze", case["template"])
    if "parse_error" in case:
        return any(note.outcome == "refused" for note in converted.notes)
    try:
        found, aborted = printed(converted, **case.get("input", {})), False
    except MessageSkipped as skipped:
        found, aborted = skipped.message, True
    return found == case["expected"] and aborted == case.get("abort", False)


@pytest.mark.parametrize(
    ("text", "person", "expected"),
    [
        ("{{${first_name} | default: 'you'}}", {}, "you"),
        ("{{${first_name}}}{{ ${ last_name } }}", {"first_name": "A", "last_name": "B"}, "AB"),
        ("{{custom_attribute.${zip code}}}", {"zip_code": "123"}, "123"),
        ("{{event_properties.${items}[1].name}}", {"event_items": ITEMS}, "B"),
        ("{{event_properties.${items}[1].price}}", {"event_items": ITEMS}, ""),
        ("{{api_trigger_properties.${code}}}", {"trigger_code": "X"}, "X"),
        ("{% if custom_attribute.${points} > 5 %}y{% else %}n{% endif %}", {"points": 6}, "y"),
        ("{% assign n = ${points} | plus: 1 %}{{ n }}", {"points": 1}, "2"),
        (
            "{{campaign.${name}}} {{${email_address}}}",
            {"email": "a@b.example"},
            "March a@b.example",
        ),
        ("{{ ${at} | time_zone: 'Asia/Tokyo' | date: '%H' }}", {"at": NOW}, "18"),
        ("{{${set_user_to_unsubscribed_url}}}", {}, "https://shop.example/u"),
        ("{{preference_center.${main}}}", {}, "https://shop.example/p"),
        ("{% connected_content https://x.example :save r %}{{ r.name }}.", {}, "."),
        ("{% promotion('spring') %}", {}, "TEN"),
        ("{{ ${text} | url_escape }}", {"text": "a b"}, "a+b"),
        ("{% raw %}{{${x}}}{% endraw %}", {}, "{{${x}}}"),
    ],
)
def test_braze(text: str, person: dict[str, object], expected: str) -> None:
    assert printed(convert("braze", text), **person) == expected


def test_content_blocks_are_put_in() -> None:
    converted = convert("braze", "{{content_blocks.${foot}}}!", foot="Bye {{${first_name}}}")
    assert printed(converted, first_name="A") == "Bye A!"
    missing = convert("braze", "{{content_blocks.${foot}}}")
    assert "--parts" in (missing.notes[0].fix or "")
    endless = convert("braze", "{{content_blocks.${a}}}", a="x{{content_blocks.${a}}}")
    assert printed(endless) == "x" * 10


def test_a_malformed_abort_stops_the_message() -> None:
    with pytest.raises(MessageSkipped):
        printed(convert("braze", "{% abort_message(unclear) %}"))


@pytest.mark.parametrize(
    ("text", "person", "expected"),
    [
        ("{{ customer.first_name | default: 'you' }}", {}, "you"),
        ("{{ customer.plan | titlecase }}", {"plan": "gold card"}, "Gold Card"),
        ("{{ event.items[0].name }}{{ trigger['the code'] }}", {"event_items": ITEMS}, "A"),
        ("{% unsubscribe_url %}", {}, "https://shop.example/u"),
        ("{% view_in_browser_url %}", {}, "https://shop.example/v"),
        ("{% cio_link url:'https://a.example/?b=1' name:'x' %}", {}, "https://a.example/?b=1"),
        ("{{ 'now' | timezone: 'Asia/Tokyo' | date: '%H' }}", {}, "18"),
        ("{% for i in event.a %}{{ i.name }}{% else %}x{% endfor %}", {"event_a": ITEMS}, "AB"),
        ("{% unless customer.vip %}n{% endunless %}", {"vip": False}, "n"),
        ("{{ event.total | currency }}", {"event_total": 5}, "5.00"),
        ("{% case customer.a %}{% when 1, 'b' %}1{% else %}2{% endcase %}", {"a": "b"}, "1"),
    ],
)  # fmt: skip
def test_customer_io(text: str, person: dict[str, object], expected: str) -> None:
    assert printed(convert("customerio", text), **person) == expected


def test_snippets_are_put_in() -> None:
    converted = convert("customerio", "{{snippets.foot}}", foot="{{ customer.a }}!")
    assert printed(converted, a=1) == "1!"


@pytest.mark.parametrize(
    ("text", "person", "expected"),
    [
        ("{{ order.total | money }}", {"order_total": 1999}, "19.99"),
        ("{{ order.at | date: format: 'date' }}", {"order_at": NOW}, "March 5, 2026"),
        ("{% for i in order.a limit: 1 %}{{ i.name }}{% endfor %}", {"order_a": ITEMS}, "A"),
        ("{% capture a %}<b>{{ shop.name }}</b>{% endcapture %}{{ a }}", {}, "<b>Shop</b>"),
        ("{% liquid\n assign a = 1\n echo a %}", {}, "1"),
        ("{% assign a = nothing.here %}{{ a.b.c }}.", {}, "."),
        ("{{ '( a.. b' | append: \"it's (\" }}", {}, "( a.. bit's ("),
        ("{% for i in (1..order.n) %}{{ i }}{% endfor %}", {"order_n": 3}, "123"),
        ("{{ order['two words'][order.key].x }}", {}, ""),
    ],
)  # fmt: skip
def test_shopify(text: str, person: dict[str, object], expected: str) -> None:
    assert printed(convert("shopify", text), **person) == expected


@pytest.mark.parametrize(
    ("text", "liquid", "refused"),
    [
        ("{% if %}a{% endif %}", "{% if false %}a{% endif %}", 1),
        ("{% unless (a %}a{% endunless %}", "{% unless true %}a{% endunless %}", 1),
        ("{% for %}a{% endfor %}", "{% for item in (1..0) %}a{% endfor %}", 1),
        ("{% endif %}", "", 1),
        ("{% if true %}a", "{% if true %}a{% endif %}", 1),
        ("{% if true %}{% else %}{% else %}{% endif %}", "{% if true %}{% else %}{% endif %}", 1),
        ("{% case 1 %} a {% when 1 %}b{% endcase %}", "{% case 1 %}{% when 1 %}b{% endcase %}", 1),
        ("{% break %}", "", 1),
        ("{{ 'a' | nothing }}", '{{ "a" }}', 1),
        ("{{ }}{% nothing %}", "", 2),
        ("{{ open", "{{ '{' }}{ open", 1),
        ("{% comment %}{{ a }}{% endcomment %}", "{% comment %}{ { a }}{% endcomment %}", 0),
    ],
)
def test_what_is_malformed_is_refused_and_the_rest_goes_on(
    text: str, liquid: str, refused: int
) -> None:
    converted = convert("liquid", text)
    assert converted.html == liquid
    assert converted.count("refused") == refused
