"""Handlebars, SendGrid's additions and Mustache become Liquid that means the same."""

import json
import sys
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.cli.bench import FOLDER
from vocative.clock import SystemClock
from vocative.compose import TemplateSource, compile_template
from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import (
    DIALECTS,
    Converted,
    Dialect,
    FieldMap,
    ForeignTemplate,
    dialect_named,
)
from vocative.compose.dialects._handlebars.options import Options
from vocative.compose.dialects.handlebars import Handlebars
from vocative.compose.language.environments import HtmlEnvironment
from vocative.compose.template import parse

# A Handlebars without its compiler: only JavaScript can take it away.
NEEDS_JAVASCRIPT = {"could not be compiled/"}
# In a mail data bring no markup: `{{{x}}}` prints `<` as `&lt;`. Blanks before lines are nothing.
DIFFERS_IN_A_MAIL = {
    "{{{awesome}}}",
    "{{&awesome}}",
    " {{~&foo~}} ",
    " {{~{foo}~}} ",
    "\n\n{{~#if foo~}} \n\n{{{foo}}} \n\n{{~^~}} \n\nbaz \n\n{{~/if~}}\n\n",
    "Dudes:\n{{#dudes}}\n  {{>dude}}\n{{/dudes}}",
}
HOSTILE = [
    "{{" * 20_000,
    "{{#a}}" * 20_000,
    "{{a}}" + " " * 100_000,
    "\n" * 100_000,
    "[%" * 30_000,
    "{{!" * 30_000,
    "{{a " * 20_000,
    "\\" * 50_000 + "{{a}}",
]
TAGS = st.sampled_from(
    [
        "{{a}}", "{{{a.b}}}", "{{#a}}", "{{/a}}", "{{^a}}", "{{else}}", "{{#each a}}", "{{/each}}",
        "{{#if a}}", "{{/if}}", "{{> p}}", "{{#> p}}", "{{/p}}", "{{> @partial-block}}", "{{!x}}",
        "{{../a}}", "{{@index}}", "{{#with a as |b|}}", "{{/with}}", "{{~a~}}", "\\{{a}}",
        '{{insert a "default=b"}}', "{{#equals a 1}}", "{{/equals}}", "{% raw %}", "{%", "}}", "{{",
        '{{#*inline "p"}}', "{{/inline}}", "{{{{raw}}}}", "[unsubscribe]", "[% a | b %]", "\n", " ",
        "{{=<% %>=}}", "<%a%>", "{{lookup a 'b'}}", "{{formatDate a 'YYYY' '-0800'}}", "{", "%}",
    ]
)  # fmt: skip


@pytest.fixture(scope="module")
def suites() -> ModuleType:
    """bench/_dialect_suites.py."""
    sys.path.append(str(FOLDER))
    import _dialect_suites

    return _dialect_suites


def converted(
    text: str, dialect: Dialect | None = None, fields: FieldMap | None = None, **parts: str
) -> Converted:
    foreign = ForeignTemplate(
        name="mail",
        html=Passage.of_file("mail.html", text),
        parts={name: Passage.of_file(name, part) for name, part in parts.items()},
    )
    return (dialect or Handlebars()).convert(foreign, fields)


def shown(
    text: str, person: dict[str, object], dialect: Dialect | None = None, **parts: str
) -> str:
    html = converted(text, dialect, **parts).html
    data = {"person": person, "unsubscribe_url": "https://example.com/u", "sender_name": "Shop"}
    return parse(Passage.of_file("html", html), HtmlEnvironment).render(data, SystemClock())[0]


def told(found: Converted, outcome: str) -> list[tuple[str, int, int]]:
    return [
        (note.message, note.where.line, note.where.column)
        for note in found.notes
        if note.outcome == outcome
    ]


def test_handlebars_means_what_it_means_elsewhere(suites, shared_data):
    outcomes = list(suites.handlebars_cases(shared_data))
    failed = {one.expected for one in outcomes if not one.passed}
    assert len(outcomes) == 206
    assert len(failed) == 1
    assert all(any(word in one for word in NEEDS_JAVASCRIPT) for one in failed)


def test_mustache_means_what_its_specification_says(suites, shared_data):
    outcomes = list(suites.mustache_cases(shared_data))
    assert len(outcomes) == 136
    assert [one.name for one in outcomes if not one.passed] == []


def test_a_mail_shows_the_same_as_handlebars(suites, shared_data):
    cases = json.loads((shared_data / "handlebars_spec" / "shared.json").read_text())
    differing = set()
    for case in suites.usable(cases):
        if "expected" not in case:
            continue
        options = suites.options_of(case["compile_options"], exact=False)
        parts = {**suites.REGISTERED_PARTIALS, **case["partials"]}
        html = converted(case["template"], Handlebars(options), suites.AsGiven(), **parts).html
        liquid = parse(Passage.of_file("html", html), HtmlEnvironment)
        found, _ = liquid.render({"data": case["input"]}, SystemClock())
        # The same characters in HTML, written as other references.
        for ours, theirs in (("&#34;", "&quot;"), ("&#39;", "&#x27;"), ("`", "&#x60;")):
            found = found.replace(ours, theirs)
        if found != case["expected"]:
            differing.add(case["template"])
    assert differing == DIFFERS_IN_A_MAIL


def test_sendgrids_templates_render_with_their_data(suites, shared_data):
    found = {one.name: one for one in suites.sendgrid_cases(shared_data)}
    assert len(found) == 19
    assert {name: (one.crashed, one.refused) for name, one in found.items()} == dict.fromkeys(
        found, (None, ())
    )
    receipt = found["dynamic-templates/receipt/receipt.html"].html
    data = shared_data / "templates/sendgrid/dynamic-templates/receipt/receipt_data.json"
    for item in json.loads(data.read_text())["items"]:
        assert item["text"] in receipt


def test_the_dialects_are_found_by_name():
    assert {"handlebars", "mustache"} <= set(DIALECTS.names())
    assert isinstance(dialect_named("handlebars"), Handlebars)


def test_simple_names_become_simple_liquid():
    found = converted("Hi {{first_name}}, {{insert city 'default=your town'}}!")
    assert found.html == (
        'Hi {{ person.first_name | default: "", allow_false: true }},'
        ' {{ person.city | default: "your town" }}!'
    )


def test_conditions_stay_readable():
    found = converted('{{#equals plan "gold"}}G{{else equals plan "silver"}}S{{else}}N{{/equals}}')
    assert found.html == (
        '{% if person.plan == "gold" %}G{% elsif person.plan == "silver" %}S{% else %}N{% endif %}'
    )


@pytest.mark.parametrize(
    ("text", "person", "expected"),
    [
        ("{{#if a}}y{{else}}n{{/if}}", {"a": 0}, "n"),
        ("{{#if a}}y{{else}}n{{/if}}", {"a": []}, "n"),
        ("{{#if a}}y{{else}}n{{/if}}", {"a": " "}, "y"),
        ("{{#unless a}}y{{/unless}}", {"a": ""}, "y"),
        ("{{#greaterThan a 9}}y{{else}}n{{/greaterThan}}", {"a": "10"}, "y"),
        ("{{#lessThan a 9}}y{{else}}n{{/lessThan}}", {"a": None}, "n"),
        ("{{#notEquals a 'x'}}y{{else}}n{{/notEquals}}", {"a": "x"}, "n"),
        ("{{#and a b}}y{{else}}n{{/and}}", {"a": 1, "b": 0}, "n"),
        ("{{#or a b}}y{{else}}n{{/or}}", {"a": 1, "b": 0}, "y"),
        ("{{#if (or a b)}}y{{else}}n{{/if}}", {"a": 0, "b": 3}, "y"),
        ("{{#greaterThan (length a) 1}}y{{/greaterThan}}", {"a": [1, 2]}, "y"),
        ("{{#each a}}{{@key}}={{this}};{{/each}}", {"a": {"x": 1, "y": 2}}, "x=1;y=2;"),
        ("{{#each a}}{{#if @last}}{{../b}}{{/if}}{{/each}}", {"a": [1, 2], "b": "<"}, "&lt;"),
        ("{{#a}}{{b}}{{/a}}", {"a": True, "b": 5}, "5"),
        ("{{formatDate a 'MMM D, YYYY h:mm A' '-0800'}}", {"a": "2026-01-01T04:05:00Z"},
         "Dec 31, 2025 8:05 PM"),
        ("{{formatDate a 'YYYY'}}", {"a": "soon"}, "soon"),
        ("{{limit}} {{#with offset}}{{as}}{{/with}}", {"limit": 5, "offset_as": 1, "offset": 1},
         "5 1"),
        ("{{list.1.t}} {{list.length}}", {"list": [{"t": 1}, {"t": 2}]}, "2 2"),
        ("[%a | friend%] [unsubscribe]", {}, "friend https://example.com/u"),
        ("{{{unsubscribe}}} {{Sender_Name}}", {}, "https://example.com/u Shop"),
    ],
)  # fmt: skip
def test_helpers(text, person, expected):
    assert shown(text, person) == expected


def test_partials_are_written_out_with_their_parameters():
    found = shown(
        "{{#each list}}{{> row label=../word}}{{/each}}",
        {"list": [{"t": 1}, {"t": 2}], "word": "No."},
        row="{{label}}{{t}} ",
    )
    assert found == "No.1 No.2 "


def test_a_partial_that_uses_itself_ends(suites):
    text = "{{a}}{{#b}}{{> p}}{{/b}}"
    found = converted("{{> p}}", dialect_named("mustache"), p=text)
    assert any("5 levels deep" in message for message, _, _ in told(found, "approximated"))
    person = {"a": 1, "b": {"a": 2, "b": {"a": 3, "b": False}}}
    mapped = suites.AsGiven()
    html = converted("{{> p}}", dialect_named("mustache"), mapped, p=text).html
    liquid = parse(Passage.of_file("html", html), HtmlEnvironment)
    assert liquid.render({"data": person}, SystemClock())[0] == "123"


def test_partials_that_multiply_are_refused():
    parts = {f"p{number}": f"{{{{> p{number + 1}}}}}" * 2 for number in range(30)}
    found = converted("{{> p0}}", **parts)
    assert "1,000 partials" in told(found, "refused")[-1][0]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("Hi\n  {{shout name}}", (2, 3), 'no helper "shout"'),
        ("{{#if a}}x", (1, 1), "never closed"),
        ("{{#if a}}x{{/each}}", (1, 11), "closes a block"),
        ("{{a b", (1, 1), "never closed"),
        ("x {{a}}}", (1, 3), "three braces"),
        ("{{> (which)}}", (1, 1), "depends on the data"),
        ("{{a/this/b}}", (1, 5), "Invalid path"),
        ("{{this}}", (1, 1), "no object of all data"),
    ],
)
def test_what_cannot_be_carried_is_told_with_its_place(text, place, words):
    found = [one for one in told(converted(text), "refused") if words in one[0]]
    assert [(line, column) for _, line, column in found] == [place]


def test_markup_from_data_is_told_unless_it_stands_in_an_attribute():
    found = converted('<a href="{{{link}}}">{{{html}}}</a>')
    assert [
        column for message, _, column in told(found, "approximated") if "HTML within" in message
    ] == [22]
    assert shown("{{{a}}}", {"a": "<script>"}) == "&lt;script&gt;"


def test_words_between_hyphens_are_tags_only_when_the_mapping_names_them():
    fields = FieldMap({"-first-": FieldMap().find("first_name")})
    assert converted("-first- -50- -second-", fields=fields).html == (
        '{{ person.first_name | default: "", allow_false: true }} -50- -second-'
    )


def test_a_converted_mail_compiles_and_renders():
    found = converted('<p>Hi {{first_name}}</p><a href="{{{unsubscribe}}}">Leave</a>')
    source = TemplateSource.of("mail", subject="Hi", html=found.html)
    data = {
        "person": {"first_name": "<Ann>"},
        "unsubscribe_url": "https://example.com/u",
    }
    rendered = compile_template(source).render(data)
    assert "Hi &lt;Ann&gt;" in rendered.html
    assert 'href="https://example.com/u"' in rendered.html


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(TAGS | st.text(max_size=6), max_size=14).map("".join),
    part=st.lists(TAGS, max_size=4).map("".join),
    name=st.sampled_from(["handlebars", "mustache"]),
)
def test_whatever_comes_in_something_renderable_comes_out(text, part, name):
    found = converted(text, dialect_named(name), p=part)
    parse(Passage.of_file("html", found.html), HtmlEnvironment)


@settings(max_examples=40, deadline=None)
@given(text=st.text(alphabet="ab {}#/^>!&~\\=\n\"'.@|()[]%-", max_size=60))
def test_any_characters_are_read_in_bounded_time(text):
    for dialect in (Handlebars(), Handlebars(Options(exact=True)), dialect_named("mustache")):
        converted(text, dialect)


def test_long_hostile_texts_are_read_quickly():
    for text in HOSTILE:
        for name in ("handlebars", "mustache"):
            assert converted(text, dialect_named(name)).html
