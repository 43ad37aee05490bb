"""Compiled templates give what the interpreter gives, faster and within the same limits."""

import importlib
import quopri
import re
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid.exceptions import LiquidError, UndefinedError
from mails import data, layout, product, text_block
from test_starter import BARE, CASES, OFFER

from vocative.cli.bench import bench
from vocative.clock import FixedClock
from vocative.compose import TemplateSource, compile_template, load_template
from vocative.compose.compiler import (
    ColumnTexts,
    CompiledBody,
    CompiledText,
    Unsupported,
    compile_body,
    compile_text,
    quoted_printable,
)
from vocative.compose.compiler.memo import MAX_WEIGHT, Memo, is_key
from vocative.compose.language.environments import (
    Environment,
    HtmlEnvironment,
    TextEnvironment,
    environment,
)
from vocative.compose.language.limits import Run
from vocative.errors import AuthorError
from vocative.testing import templates

CLOCK = FixedClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))


def parsed(text, kind=HtmlEnvironment):
    return environment(kind).from_string(text)


def compiled(text, kind=HtmlEnvironment, **how) -> CompiledText:
    return compile_text(parsed(text, kind), **how)


def body_of(text, **how) -> CompiledBody:
    return compile_body(parsed(text), **how)


def rendered(way, values, clock=CLOCK):
    return way.render_run(values, Run(clock))


@pytest.mark.parametrize("seed", range(1, 9))
def test_random_templates_render_alike(seed):
    found = templates.count(seed)
    assert found["differences"] == 0
    assert found["templates"] == 1


@pytest.mark.parametrize("name", ["weekly_picks", "welcome"])
def test_the_starters_mails_are_the_same(starter, name):
    template = load_template(starter, name)
    constants = {"campaign": {"name": "Weekly picks"}, "sender_name": "The Shop"}
    ready = template.for_many(constants, frozen=("products",))
    assert ready.html.compiled is not None
    assert ready.text.compiled is not None
    for changes in (*CASES.values(), BARE, {"offer": OFFER}, *CASES.values()):
        assert ready.render(data(**changes)) == template.render(data(**changes))
    assert ready.html.compiled.interpreted == 0


def test_what_is_missing_is_told_by_the_interpreter():
    text = "Dear {{ person.first_name }}, {{ person.shoe_size }}"
    way = compiled(text)
    with pytest.raises(UndefinedError) as told:
        rendered(way, data())
    with pytest.raises(UndefinedError) as expected:
        rendered(parsed(text), data())
    assert str(told.value) == str(expected.value)
    assert way.interpreted == 1


def test_branches_of_a_render_that_was_given_up_are_forgotten():
    text = (
        "{% if person.first_name %}a{% endif %}{% if person.x.size > 1 %}{{ nothing }}{% endif %}"
    )
    run = Run(CLOCK)
    compiled(text).render_run(data(), run)
    interpreted = Run(CLOCK)
    parsed(text).render_run(data(), interpreted)
    assert [arm.text for arm in run.taken] == ["if person.first_name"]
    assert len(run.taken) == len(interpreted.taken)


def test_what_is_not_compiled_stays_with_the_interpreter():
    with pytest.raises(Unsupported):
        compiled("{% tablerow p in products %}{{ p.title }}{% endtablerow %}")
    source = TemplateSource.of(
        "t", mjml=layout(text_block("{% increment n %} {{ person.first_name }}")), subject="x"
    )
    template = compile_template(source)
    ready = template.for_many({})
    assert ready.html.compiled is None
    assert ready.render(data()) == template.render(data())


def test_a_subject_is_one_line_whoever_it_names():
    source = TemplateSource.of(
        "t", mjml=layout(text_block("x")), subject="Hello {{ person.first_name }}"
    )
    ready = compile_template(source).for_many({})
    subject = ready.render(data(person={"first_name": "Ann\r\nBcc: all@shop.example"})).subject
    assert subject == "Hello Ann Bcc: all@shop.example"


def test_data_cannot_become_code():
    name = "'''; import os; \\"
    text = (
        f'{{{{ person["{name}"] }}}} {{% assign x = "{name}" %}}{{{{ x }}}}'
        "{% for a in person.list %}{{ a['b]'] }}{% endfor %}"
    )
    values = {"person": {name: "<ok>", "list": [{"b]": 1}]}}
    assert rendered(compiled(text), values) == rendered(parsed(text), values)


def test_constants_are_put_in_once_and_stand_before_data():
    way = compiled(
        "{% if campaign.vip %}VIP{% else %}{{ campaign.name | upcase }}{% endif %}",
        constants={"campaign": {"name": "<Spring>", "vip": False}},
    )
    assert rendered(way, {"campaign": {"name": "no", "vip": True}}) == "&lt;SPRING&gt;"


def test_the_time_is_never_kept():
    way = compiled("{{ 'now' | date: '%H:%M' }} {{ person.when | date: '%H:%M' }}")
    for hour in (9, 17):
        clock = FixedClock(datetime(2026, 3, 2, hour, 30, tzinfo=UTC))
        assert rendered(way, {"person": {"when": "now"}}, clock) == f"{hour:02d}:30 {hour:02d}:30"


def test_an_item_that_changed_is_rendered_anew():
    text = (
        "{% for p in products %}{{ p.title }} {{ p.price }} {% if p.new %}!{% endif %};{% endfor %}"
    )
    way = compiled(text)
    item = {"title": "Lamp", "price": 1, "new": False}
    for changes in ({}, {}, {"price": 1.0}, {"price": True}, {"new": 1}, {"new": True},
                    {"price": 0.0}, {"price": -0.0}, {"title": None}, {"price": [1]}):  # fmt: skip
        values = {"products": [{**item, **changes}] * 2}
        assert rendered(way, values) == rendered(parsed(text), values)


def test_a_value_that_is_too_long_for_a_filter_is_refused_wherever_it_is_used():
    long = "y" * 120_000
    for text in ("{{ v | escape }}", "{{ v | upcase }}", "{{ v | default: 'x' }}",
                 "{{ 1.5 | money: v }}", "{{ n | money: v }}{{ n | money: v }}"):  # fmt: skip
        way, tree = compiled(text), parsed(text)
        for _ in range(2):
            values = {"v": long, "n": 2.5}
            assert templates.outcome(way, values) == templates.outcome(tree, values)


def test_frozen_items_are_known_by_their_identity():
    text = "{% for p in products %}{{ p.title }} {{ p.price }}{% endfor %}"
    way = compiled(text, frozen=("products",))
    items = [product(number) for number in range(3)]
    first = rendered(way, {"products": items})
    assert (
        rendered(way, {"products": items}) == first == rendered(parsed(text), {"products": items})
    )


def test_what_is_kept_is_bounded():
    memo: Memo[str] = Memo(entries=10, weight=1_000)
    for number in range(1_000):
        memo.keep(number, "x", 1)
    assert len(memo) <= 20
    assert 999 in memo.recent
    memo.keep("large", "x" * (MAX_WEIGHT + 1), MAX_WEIGHT + 1)
    assert "large" not in memo.recent
    for number in range(100):
        memo.keep(("heavy", number), "x" * 400, 400)
    assert sum(map(len, memo.recent.values())) <= 1_000


def test_what_was_used_lately_outlives_a_generation():
    memo: Memo[str] = Memo(entries=2, weight=1_000)
    for key in ("a", "b", "c"):
        memo.keep(key, key, 1)
    assert "a" not in memo.recent
    assert memo.recall("a") == "a"
    assert "a" in memo.recent


def test_only_values_that_print_alike_when_equal_are_keys():
    assert is_key(("a", 1, 2.5, None, True))
    assert not is_key((0.0,))
    assert not is_key((datetime(2026, 1, 1, tzinfo=UTC),))


def test_columns_are_rendered_like_the_data_they_make():
    text = (
        "{{ person.first_name | default: 'there' }} {{ campaign.name }}"
        "{% for p in products %} {{ p.title }}{% endfor %} {{ person.points | plus: 1 }}"
    )
    columns = (("person", "first_name"), ("person", "points"), ("products",))
    names = ["Ann", None, "<b>", 7]
    points = [1, None, "x", 2**70]
    lists = [[product(1)], [], [product(2)], None]
    way = ColumnTexts(parsed(text), columns, {"campaign": {"name": "Spring"}})
    found = list(way.render((names, points, lists), CLOCK))
    for text_found, name, point, shown in zip(found, names, points, lists, strict=True):
        person = {"first_name": name, "points": point}
        values = {"person": person, "products": shown, "campaign": {"name": "Spring"}}
        assert text_found == rendered(parsed(text), values)


def test_a_row_that_lacks_a_name_is_refused_as_elsewhere():
    way = ColumnTexts(parsed("{{ person.shoe_size }}"), (("person", "first_name"),))
    with pytest.raises(LiquidError):
        list(way.render((["Ann"],), CLOCK))
    with pytest.raises(Unsupported):
        ColumnTexts(parsed("{{ person }}"), (("person", "first_name"),))


PAGE = '<p class="a">Grüße, {{ person.name }}</p>\n<a href="{{ person.url }}">Here</a>'


def test_a_body_is_ascii_in_short_lines():
    way = body_of(PAGE)
    assert way.is_direct
    found = rendered(way, {"person": {"name": "Zoë <3", "url": "https://s.example/?a=1&b=2"}})
    assert found.transfer_encoding == "7bit"
    assert found.content == (
        b'<p class="a">Gr&#252;&#223;e, Zo&#235; &lt;3</p>\r\n'
        b'<a href="https://s.example/?a=1&amp;b=2">Here</a>'
    )


@pytest.mark.parametrize(
    "person",
    [
        {"name": "two\r\n.lines", "url": "https://s.example"},
        {"name": "x" * 2_000, "url": "https://s.example"},
        {"name": "NUL\0", "url": "https://s.example"},
        {"name": "Ann", "url": "javascript:alert(1)"},
        {"name": "Ann", "url": ""},
    ],
)
def test_a_body_that_does_not_fit_is_encoded(person):
    way = body_of(PAGE)
    found = rendered(way, {"person": person})
    assert found.transfer_encoding == "quoted-printable"
    assert max(map(len, found.content.split(b"\r\n"))) <= 76
    assert b"javascript" not in found.content
    decoded = quopri.decodestring(found.content).decode()
    assert decoded.count("<p") == 1
    assert way.as_text == 1


@pytest.mark.parametrize(
    "text",
    [
        "<style>.é {}</style>",
        "<style>p { color: {{ person.colour }} }</style>",
        '<a href="javascript:x">a</a>',
        '<a href="{% if a %}{{ a }}{% endif %}">a</a>',
        '<a {% if a %}href={% endif %}"{{ b }}">a</a>',
        '<a hr{{ a }}"x">a</a>',
        "x" * 2_000,
        "{% for p in products %}{{ p }}{% endfor %}",
    ],
)
def test_what_cannot_be_told_from_the_template_is_text_first(text):
    assert not body_of(text).is_direct


def test_long_lines_are_broken_once():
    page = '<td style="color: #ffffff" class="x">{{ person.name }}</td>' * 60
    way = body_of("<!--[if mso | IE]>" + page)
    assert way.is_direct
    content = rendered(way, {"person": {"name": "n" * 200}}).content
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert b"<!--[if mso | IE]>" in content
    text = rendered(compiled("<!--[if mso | IE]>" + page), {"person": {"name": "n" * 200}})
    assert re.sub(rb"\s", b" ", content.replace(b"\r\n", b" ")) == text.encode()


@given(st.text(alphabet=string.printable + "é€😀=. ", max_size=300))
def test_quoted_printable_is_read_back(text):
    encoded = quoted_printable(text)
    lines = encoded.split(b"\r\n")
    assert max(map(len, lines)) <= 76
    assert encoded.isascii()
    assert not any(line.endswith((b" ", b"\t")) or line == b"." for line in lines)
    expected = "\r\n".join(line.removesuffix("\r") for line in text.split("\n"))
    assert quopri.decodestring(encoded) == expected.encode()


@given(
    st.one_of(
        st.text(max_size=20),
        st.floats(),
        st.integers(),
        st.none(),
        st.booleans(),
        st.floats(0, 1e7).map(lambda value: round(value, 2)),
        st.datetimes().map(lambda at: at.isoformat()),
        st.dates().map(lambda at: at.isoformat()),
        st.datetimes(),
    )
)
def test_quick_forms_do_what_filters_do(value):
    text = (
        "{{ v | default: 'x' }}{{ v | capitalize }}{{ v | upcase | escape }}{{ v | escape }}"
        "{{ v | money: 'EUR' }}{{ v | money: 'JPY' }}"
    )
    dates = "{{ v | date: '%d %B %Y, %H:%M:%S' }}{{ v | date: '%a %j' }}{{ v | date: '%y%%H' }}"
    for kind in (HtmlEnvironment, TextEnvironment, Environment):
        for one in (text, dates):
            tree = parsed(one, kind)
            way = compile_text(tree)
            for _ in range(2):
                expected = templates.outcome(tree, {"v": value})
                assert not templates.differs(expected, templates.outcome(way, {"v": value}))


def test_a_render_that_costs_too_much_is_refused_in_the_same_words():
    source = TemplateSource.of(
        "t",
        mjml=layout(
            text_block("{% for a in (1..1999) %}{% for b in (1..9) %}x{% endfor %}{% endfor %}")
        ),
        subject="x",
    )
    template = compile_template(source)
    with pytest.raises(AuthorError, match="does too much") as expected:
        template.render(data())
    with pytest.raises(AuthorError) as told:
        template.for_many({}).render(data())
    assert told.value.message == expected.value.message


def test_the_measured_mail_renders_alike_in_every_way():
    found = bench("render", size=100)
    assert found["differences"] == 0
    assert found["compared"] == 100
    assert found["left_to_the_interpreter"] == found["encoded_as_text_first"] == 0
    parity = importlib.import_module("compose_parity").count(10)
    assert parity["mails"] > 100
    assert parity["differences"] == 0
