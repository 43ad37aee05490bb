"""What holds for every dialect: any text can come, nothing is lost, everything is told."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vocative.clock import SystemClock
from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import DIALECTS, Converted, ForeignTemplate, dialect_named
from vocative.compose.dialects._fields import FieldMap, parse_field_map, trait_name
from vocative.compose.dialects._writing import Writer, quoted
from vocative.compose.language.environments import Environment, HtmlEnvironment, environment
from vocative.compose.language.limits import Run
from vocative.errors import AuthorError, UnknownName

TAKEN_APART = ("braze", "customerio", "klaviyo", "liquid", "mailchimp", "shopify")
_PIECES = (
    *("{{", "}}", "{%", "%}", "{#", "#}", "${", "}", "*|", "|*", "|", ":", "'", '"', ".", ",", "-"),
    *(" ", "\n", "(", ")", "[", "]", "==", ">=", "!=", "<", "=", "0", "1.5", "é", "\\"),
    *(
        "if ",
        "elif ",
        "elsif ",
        "else",
        "endif",
        "for x in ",
        "endfor",
        "empty",
        "with a=",
        "endwith",
    ),
    *("case ", "when ", "endcase", "assign a = ", "capture b", "endcapture", "raw", "endraw"),
    *("comment", "endcomment", "unless ", "endunless", "and ", "or ", "not ", "in ", "contains "),
    *("IF:", "IFNOT:", "ELSEIF:", "ELSE:", "END:IF", "INTERESTED:", "END:INTERESTED", "DATE:"),
    *("FNAME", "person", "event", "lookup:", "default:", "date:", "slice:", "pluralize:", "nil"),
    *("abort_message", "connected_content", "unsubscribe", "cio_link url:", "catalog ", "include "),
    *("custom_attribute.", "customer.", "forloop.first", "true", "None", "2026", "liquid", "echo "),
)
FOREIGN = st.one_of(
    st.text(max_size=60), st.lists(st.sampled_from(_PIECES), max_size=25).map("".join)
)


def convert(dialect: str, text: str, fields: FieldMap | None = None) -> Converted:
    passage = Passage.of_file("t", text)
    return dialect_named(dialect).convert(ForeignTemplate(name="t", html=passage), fields)


@pytest.mark.parametrize("dialect", TAKEN_APART)
@settings(max_examples=70, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=FOREIGN)
def test_any_text_becomes_liquid(dialect: str, text: str) -> None:
    converted = convert(dialect, text)
    environment(HtmlEnvironment).from_string(converted.html)
    if converted.html != text:
        assert converted.notes or "{" in text
    for note in converted.notes:
        assert note.outcome == "carried" or note.message
        assert note.outcome != "refused" or note.fix


@pytest.mark.parametrize("dialect", TAKEN_APART)
@settings(max_examples=30, deadline=None)
@given(text=st.text(max_size=80).filter(lambda text: not re.search(r"[{}*|]", text)))
def test_text_without_tags_stays_as_it_is(dialect: str, text: str) -> None:
    assert convert(dialect, text).html == text


@settings(deadline=None)
@given(st.lists(st.text("{%}#-'\" ab", max_size=6), max_size=6))
def test_what_looks_like_liquid_stays_text(pieces: list[str]) -> None:
    writer = Writer()
    for piece in pieces:
        writer.literal(piece, 0)
    parsed = environment(Environment).from_string(writer.text)
    assert parsed.render_run({}, Run(SystemClock())) == "".join(pieces)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", DIALECTS.names())
def test_every_dialect_says_what_it_is(name: str) -> None:
    assert DIALECTS.load(name).title
    assert DIALECTS.load(name).__doc__


def test_an_unknown_dialect_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="mailchip") as refused:
        dialect_named("mailchip")
    assert "mailchimp" in str(refused.value)


def test_a_note_points_at_its_tag() -> None:
    (note,) = convert("mailchimp", "first line\n  *|FEED:http://x|* more").notes
    assert (
        str(note).splitlines()
        == [
            "refused: *|FEED:http://x|*: feeds are not read",
            "  at t:2:3",
            "    *|FEED:http://x|* more",
            "    ^",
            "  fix: import the items into the catalog",
        ]
        or str(note).count("^") == 1
    )
    assert (note.where.line, note.where.column) == (2, 3)
    assert note.as_json()["where"]["line"] == 2


ENDLESS = (
    "{{" + "${" * 100_000,
    "{{ " + '"' * 99_999 + " }}",
    "{{ a" + '\\"' * 50_000 + " }}",
    "{% if " + "(" * 50_000 + " %}",
    "{{ " + "a[" * 50_000 + " }}",
    "{% if a" + " and a" * 1_500 + " %}",
    "{% comment %}" * 2_000,
    "{% if a %}" * 25_000,
    "*|IF:A|*" * 30_000,
    "*|IF:A = " + " " * 100_000 + "x|*",
    "*|" * 100_000,
    "{{ a" + "|upper" * 40_000 + " }}",
)


@pytest.mark.parametrize("dialect", TAKEN_APART)
@pytest.mark.parametrize("number", range(len(ENDLESS)))
def test_no_text_keeps_an_importer_busy(dialect: str, number: int) -> None:
    converted = convert(dialect, ENDLESS[number])
    parsed = environment(HtmlEnvironment).from_string(converted.html)
    assert parsed is not None


def test_what_cannot_be_read_as_a_whole_is_kept_as_text() -> None:
    converted = convert("liquid", "x" * 300_001)
    assert converted.count("refused") == 1
    assert converted.html == "x" * 300_000


def test_an_unknown_name_is_told_with_the_nearest_trait() -> None:
    converted = convert("mailchimp", "*|FRST_NAME|*", FieldMap(traits={"first_name": "text"}))
    assert converted.new_traits == ["frst_name"]
    assert converted.html == '{{ person.frst_name | default: "", allow_false: true }}'
    assert "the nearest trait is first_name" in converted.notes[0].message
    assert "traits.yaml" in (converted.notes[0].fix or "")


MAP = """
FNAME: first_name
GREETING: {as: salutation, fallback: Hello}
CODE: offer.code
event.items: last_items
"""


def test_a_mapping_says_what_names_stand_for() -> None:
    fields = parse_field_map(MAP, {"salutation": "text", "first_name": "text"})
    text = "*|fname|* *|GREETING|* *|CODE|*"
    assert convert("mailchimp", text, fields).html == (
        '{{ person.first_name | default: "" }} {{ person.salutation | default: "Hello" }}'
        ' {{ offer.code | default: "", allow_false: true }}'
    )
    missing = parse_field_map("FNAME: frist_name", {"first_name": "text"})
    (note, _) = convert("mailchimp", "*|FNAME|*", missing).notes
    assert "the nearest trait is first_name" in note.message
    looped = convert("klaviyo", "{% for i in event.items %}{{ i.title }}{% endfor %}", fields)
    assert looped.html.startswith("{% for i in person.last_items %}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A: 3", "must stand for a trait"),
        ("A: {as: x, fall: y}", "unknown key 'fall'"),
        ("A: 'x y'", "must stand for a trait"),
        ("A: {fallback: y}", "must stand for a trait"),
        ("A: {as: x, fallback: 'say \"it''s\"'}", "quotes of both kinds"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(AuthorError, match=message) as refused:
        parse_field_map(text, file="fields.yaml")
    assert refused.value.where is not None
    assert refused.value.where.line == 1


@settings(deadline=None)
@given(st.text(max_size=100))
def test_every_name_becomes_a_name(foreign: str) -> None:
    assert re.fullmatch(r"[^\W\d]\w*", trait_name(foreign))


@given(st.text(max_size=20))
def test_a_quoted_text_is_that_text(text: str) -> None:
    written = quoted(text)
    if written is not None:
        parsed = environment(Environment).from_string(f"{{{{ {written} }}}}")
        assert parsed.render_run({}, Run(SystemClock())) == text  # type: ignore[attr-defined]
