"""Klaviyo's templates mean what Django's templates mean.

The expected texts are what Django 5.2 prints for the same, with `true` for `True`.
"""

from datetime import UTC, datetime

import pytest

from vocative.clock import FixedClock
from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import Converted, FieldMap, ForeignTemplate, dialect_named
from vocative.compose.language.environments import HtmlEnvironment, TextEnvironment, environment
from vocative.compose.language.limits import Run

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
MESSAGE = {
    "unsubscribe_url": "https://shop.example/u",
    "view_url": "https://shop.example/v",
    "preferences_url": "https://shop.example/p",
    "postal_address": "1 Street",
    "sender_name": "Shop",
    "campaign": {"name": "March"},
    "offer": None,
}
THINGS = [{"t": "x", "n": 3}, {"t": "y z"}]

LOOP = (
    "{% for i in event.things %}{{ forloop.counter }}{{ i.t }}"
    "{% if not forloop.last %},{% endif %}{% empty %}none{% endfor %}"
)


def convert(text: str, **parts: str) -> Converted:
    foreign = ForeignTemplate(
        name="t",
        html=Passage.of_file("t", text),
        parts={name: Passage.of_file(name, part) for name, part in parts.items()},
    )
    return dialect_named("klaviyo").convert(foreign, FieldMap())


def rendered(text: str, **person: object) -> str:
    converted = convert(text)
    data = {**MESSAGE, "person": {**dict.fromkeys(converted.new_traits), **person}}
    parsed = environment(HtmlEnvironment).from_string(converted.html)
    return parsed.render_run(data, Run(FixedClock(NOW)))  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("text", "person", "expected"),
    [
        ("{{ person.a }}|{{ a }}", {"a": "x"}, "x|x"),
        ("{{ person|lookup:'Shoe Size' }}", {"shoe_size": 42}, "42"),
        ("{{ event.things.1.t }}", {"event_things": THINGS}, "y z"),
        ("{{ event|lookup:'$value' }}", {"event_value": 7}, "7"),
        ("{{ person.a|default:'x' }}", {"a": None}, "x"),
        ("{{ person.a|default:'x' }}", {"a": 0}, "x"),
        ("{{ person.a|default:'x' }}", {"a": "y"}, "y"),
        ("{{ person.a|upper|default:'x' }}", {"a": ""}, "x"),
        ("{{ person.a|floatformat }}", {"a": 2.55}, "2.6"),
        ("{{ person.a|floatformat }}", {"a": 2.0}, "2"),
        ("{{ person.a|floatformat:2 }}", {"a": 7}, "7.00"),
        ("{{ person.a|intcomma }}", {"a": 1234567}, "1,234,567"),
        ("{{ person.a|title }}", {"a": "ann o'neill"}, "Ann O&#39;neill"),
        ("{{ person.a|length }}", {"a": "abc"}, "3"),
        ("{{ person.a|slice:':2' }}", {"a": "abc"}, "ab"),
        ("{{ person.a|truncatechars:4 }}", {"a": "abcdef"}, "abc…"),
        ("{{ person.a|urlencode }}", {"a": "a b/c&d"}, "a%20b/c%26d"),
        ("{{ person.a|pluralize }}", {"a": 1}, ""),
        ("{{ person.a|pluralize:'y,ies' }}", {"a": 2}, "ies"),
        ("{{ person.a|yesno:'j,n' }}", {"a": 0}, "n"),
        ("{{ person.a|yesno:'{% b %}' }}", {"a": 1}, "{% b %}"),
        ("{{ person.a|pluralize }}", {"a": "many"}, ""),
        ("{{ person.a|safe }}", {"a": "<b>"}, "&lt;b&gt;"),
        ("{{ person.a|date:'F j, Y' }}", {"a": "2026-03-05"}, "March 5, 2026"),
        ("{{ person.a|format_date_string|date:'d F o' }}", {"a": "2026-03-05"}, "05 March 2026"),
        ("{% if person.a %}y{% else %}n{% endif %}", {"a": 0}, "n"),
        ("{% if person.a %}y{% else %}n{% endif %}", {"a": ""}, "n"),
        ("{% if person.a %}y{% else %}n{% endif %}", {"a": []}, "n"),
        ("{% if person.a %}y{% else %}n{% endif %}", {"a": " "}, "y"),
        ("{% if not person.a %}y{% else %}n{% endif %}", {"a": None}, "y"),
        ("{% if person.a > 5 %}y{% else %}n{% endif %}", {"a": 6}, "y"),
        ("{% if person.a > 5 %}y{% else %}n{% endif %}", {"a": "6"}, "n"),
        ("{% if not person.a > 5 %}y{% else %}n{% endif %}", {"a": None}, "y"),
        ("{% if 'x' in person.a %}y{% else %}n{% endif %}", {"a": ["x"]}, "y"),
        ("{% if 'x' not in person.a %}y{% else %}n{% endif %}", {"a": ["y"]}, "y"),
        ("{% if 'x' not in person.a %}y{% else %}n{% endif %}", {"a": 5}, "n"),
        ("{% if a or b and c %}y{% else %}n{% endif %}", {"a": 1, "b": 0, "c": 0}, "y"),
        ("{% if a and b or c %}y{% else %}n{% endif %}", {"a": 0, "b": 1, "c": 1}, "y"),
        ("{% if a and b or c and d %}y{% else %}n{% endif %}", {"a": 1, "c": 1, "d": 1}, "y"),
        ("{% if a and not b == 2 %}y{% else %}n{% endif %}", {"a": 1, "b": 2}, "n"),
        ("{% if a == 1 %}1{% elif b|length == 2 %}2{% else %}3{% endif %}", {"b": "xy"}, "2"),
        ("{% if a == None %}y{% endif %}", {"a": None}, "y"),
        ("{% ifequal a 'x' %}y{% endifequal %}", {"a": "x"}, "y"),
        (LOOP, {"event_things": THINGS}, "1x,2y z"),
        (LOOP, {"event_things": []}, "none"),
        (LOOP.replace("things", "things reversed"), {"event_things": THINGS}, "1y z,2x"),
        ("{% for k, v in a.items %}{{ k }}={{ v }};{% endfor %}", {"a": {"b": 1}}, "b=1;"),
        ("{% with x=person.a|upper y=2 %}{{ x }}{{ y }}{% endwith %}{{ x }}", {"a": "q"}, "Q2"),
        ("{% with person.a as x %}{{ x }}{% endwith %}", {"a": "q"}, "q"),
        ("{# no #}{% comment %}{{ x }}{% endcomment %}", {}, ""),
        ("{% verbatim %}{{ x }}{% endverbatim %}", {}, "{{ x }}"),
        ("{% current_year %} {% current_month_name %}", {}, "2026 March"),
        ("{{ organization.name }}, {{ organization.full_address }}", {}, "Shop, 1 Street"),
        ("{% unsubscribe %}", {}, '<a href="https://shop.example/u">Unsubscribe</a>'),
        ("{% web_view 'See \"it\"' %}", {}, '<a href="https://shop.example/v">See "it"</a>'),
        ("{% unsubscribe_link %}", {}, "https://shop.example/u"),
        ("{% catalog event.id %}{{ catalog_item.title }}{% endcatalog %}", {}, ""),
    ],
)  # fmt: skip
def test_templates(text: str, person: dict[str, object], expected: str) -> None:
    assert rendered(text, **person) == expected


def test_links_in_plain_text() -> None:
    text = Passage.of_file("t", "{% unsubscribe 'Leave' %}")
    foreign = ForeignTemplate(name="t", html=text, text=text, subject=text)
    converted = dialect_named("klaviyo").convert(foreign)
    parsed = environment(TextEnvironment).from_string(converted.text or "")
    assert parsed.render_run(MESSAGE, Run(FixedClock(NOW))) == "Leave <https://shop.example/u>"  # type: ignore[attr-defined]
    assert converted.subject == "{{ unsubscribe_url }}"


def test_parts_are_put_in() -> None:
    assert convert("[{% include 'foot' %}]", foot="{{ person.a }}").html == (
        '[{{ person.a | default: "", allow_false: true }}]'
    )
    endless = convert("{% include 'foot' %}", foot="{% include 'foot' %}")
    assert endless.count("refused") == 1
    assert convert("{% include 'foot' %}").count("refused") == 1


def test_a_name_of_the_message_can_be_set() -> None:
    converted = convert("{% for person in event.people %}{{ person.name }}{% endfor %}")
    assert "{% for person_1 in person.event_people %}{{ person_1.name" in converted.html


def test_an_unreadable_tag_is_refused_where_it_goes_wrong() -> None:
    (note, *_) = convert("ok\n{% if a == %}x{% endif %}").notes
    assert note.outcome == "refused"
    assert (note.where.line, note.where.column) == (2, 12)
