"""AMPscript becomes Liquid that means the same."""

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from liquid.exceptions import FilterArgumentError

from vocative.cli.bench import FOLDER
from vocative.clock import FixedClock
from vocative.compose import MessageSkipped
from vocative.compose.authoring.source import Passage
from vocative.compose.dialects import Converted, FieldMap, ForeignTemplate, dialect_named
from vocative.compose.dialects._ampscript import functions
from vocative.compose.dialects._fields import Named
from vocative.compose.foreign.ampscript import FUNCTIONS, ampscript
from vocative.compose.foreign.ampscript_patterns import is_bounded
from vocative.compose.language.environments import HtmlEnvironment
from vocative.compose.template import parse
from vocative.errors import AuthorError

# What cannot pass, and why.
KNOWN = {
    "Function/treatascontent.txt: TREATASCONTENT SET": "code made of data is not run",
    "Language/attributes.txt: Name does not exist": "kept as a trait that is yet to be declared",
}
TAGS = st.sampled_from(
    [
        "%%[", "]%%", "%%=", "=%%", "%%Name%%", "set @a = 1 ", "var @a ", "if @a == 1 then ",
        "elseif Empty(@b) then ", "else ", "endif ", "for @i = 1 to 3 do ", "next ", "v(@a)",
        "Concat(@a, 'b')", "[First Name]", "'a", '"b"', "<script runat=server language=ampscript>",
        "</script>", "RaiseError('x')", "Output(v(@a))", "(", ")", ",", "@a", "/*", "*/", "not ",
        "{{.slot a}}", "{{/slot}}", "{{a}}", "{%", "%}", "{{", "ContentBlockByName('p')", "\n",
        "Lookup('Products','a','b',1)", "IIF(@a,1,2)", "DateAdd(Now(),1,'D')", "9" * 30, "-1.5",
    ]
)  # fmt: skip
HOSTILE = [
    "%%[" * 30_000,
    "%%=(" * 20_000,
    "%%[ set @a = " + "(" * 20_000,
    "%%[ if 1 then ]%%" * 5_000,
    "%%a " * 40_000,
    "<script " * 20_000,
    "%%[ /*" * 20_000,
    "%%= not " + "not " * 30_000,
]


@pytest.fixture(scope="module")
def suites() -> ModuleType:
    """bench/_dialect_suites.py."""
    sys.path.append(str(FOLDER))
    import _dialect_suites

    return _dialect_suites


def converted(text: str, fields: FieldMap | None = None, **parts: str) -> Converted:
    foreign = ForeignTemplate(
        name="mail",
        html=Passage.of_file("mail.html", text),
        parts={name: Passage.of_file(name, part) for name, part in parts.items()},
    )
    return dialect_named("ampscript").convert(foreign, fields)


def shown(text: str, person: dict[str, object] | None = None, **more: object) -> str:
    html = converted(text).html
    data = {"person": person or {}, "products": [], **more}
    clock = FixedClock(datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC))
    return parse(Passage.of_file("html", html), HtmlEnvironment).render(data, clock)[0].strip()


def refused(found: Converted) -> list[tuple[str, int, int]]:
    return [
        (note.message, note.where.line, note.where.column)
        for note in found.notes
        if note.outcome == "refused"
    ]


def test_ampscript_means_what_it_means_elsewhere(suites, shared_data):
    outcomes = list(suites.ampscript_cases(shared_data))
    assert {one.name for one in outcomes if not one.passed} == set(KNOWN)
    assert 1 - len(KNOWN) / len(outcomes) >= 0.95


def test_cases_that_expect_an_error_fail_while_they_are_rendered(suites, shared_data):
    outcomes = [one for one in suites.ampscript_cases(shared_data) if one.expected == "an error"]
    assert len(outcomes) == 11
    assert all(one.got is None for one in outcomes)


@pytest.mark.parametrize(
    ("text", "person", "expected"),
    [
        ("%%First_Name%%", {"first_name": "<Ann>"}, "&lt;Ann&gt;"),
        ("%%[ if [Tier] == 'GOLD' then ]%%y%%[ else ]%%n%%[ endif ]%%", {"tier": "gold"}, "y"),
        ("%%[ if Tier == '' then ]%%y%%[ endif ]%%", {"tier": None}, "y"),
        ("%%[ if Points > '9' then ]%%y%%[ else ]%%n%%[ endif ]%%", {"points": 10}, "y"),
        ("%%[ if Points >= 9 then ]%%y%%[ else ]%%n%%[ endif ]%%", {"points": None}, "n"),
        ("%%[ if not (1 == 2 and 1 == 1) then ]%%y%%[ endif ]%%", {}, "y"),
        ("%%[ if 1 == 2 or 2 == 2 and 1 == 2 then ]%%y%%[ else ]%%n%%[ endif ]%%", {}, "n"),
        ("%%[ for @i = 3 downto 1 do Output(Concat(@i, ' ')) next @i ]%%", {}, "3 2 1"),
        ("%%[ for @i = 1 to 0 do ]%%x%%[ next ]%%-", {}, "-"),
        ("%%=IIF(Length(Name) > 2, ProperCase(Name), 'friend')=%%", {"name": "ANN"}, "Ann"),
        ("%%=Concat('<i>', Name, '</i>')=%%", {"name": "<b>"}, "<i>&lt;b&gt;</i>"),
        ("%%=v(@never)=%%.", {}, "."),
        ("%%=FormatDate(Joined, 'MMMM d, yyyy', 'h:mm tt')=%%", {"joined": "2026-01-31 14:05"},
         "January 31, 2026 2:05 PM"),
        ("%%=DateAdd('1/31/2026', 1, 'M')=%%", {}, "2/28/2026 12:00:00 AM"),
        ("%%=FormatDate(Now(), 'yyyy-MM-dd')=%%", {}, "2026-03-02"),
        ("%%=FormatNumber(1234.5, 'N1')=%% %%=FormatCurrency(3, 'en-GB')=%%", {}, "1,234.5 £3.00"),
        ("%%=Field(Row(BuildRowsetFromString('a|b','|'),2),1)=%%", {}, "b"),
        ("%%=AttributeValue('City')=%% %%=Empty(City)=%%", {"city": "York"}, "York False"),
        ("%%=Domain(Email)=%% %%=IsEmailAddress(Email)=%%", {"email": "a@b.example"},
         "b.example True"),
        ("%%=IsNull(City)=%%", {"city": None}, "True"),
        ('<script runat="server" language="ampscript">set @a = 1</script>%%=v(@a)=%%', {}, "1"),
        ("%%[ /* nothing */ ]%%100%% sure", {}, "100%% sure"),
    ],
)  # fmt: skip
def test_language_and_functions(text, person, expected):
    assert shown(text, person) == expected


def test_programs_that_only_have_to_be_read_are_read(shared_data):
    cases = json.loads((shared_data / "ampscript_core" / "ampscript_cases.json").read_text())
    programs = [case["code"] for case in cases if case["kind"] == "parse_tree"]
    assert len(programs) == 39
    unread = [
        message
        for code in programs
        for message, _, _ in refused(converted(code))
        if "left as it is" in message
    ]
    assert unread == []


def test_a_name_that_liquid_keeps_for_itself_is_put_in_brackets():
    assert shown("%%Limit%% %%=Empty(Offset)=%%", {"limit": 5, "offset": 1}) == "5 False"


def test_every_function_that_is_carried_is_one_the_filter_knows():
    carried = functions.FUNCTIONS
    assert set(carried) <= set(FUNCTIONS)
    page = (Path(__file__).parents[2] / "docs" / "dialects" / "ampscript.md").read_text()
    assert [one.name for one in carried.values() if f"`{one.name}`" not in page] == []


def test_simple_names_become_simple_liquid():
    assert converted("Hi %%FirstName%%").html == (
        'Hi {{ person.first_name | default: "", allow_false: true }}'
    )


def test_content_blocks_are_put_in_and_share_variables():
    found = converted("%%[ set @a = 5 ]%%%%=ContentBlockByName('My\\Foot')=%%", foot="%%=v(@a)=%%!")
    liquid = parse(Passage.of_file("html", found.html), HtmlEnvironment)
    assert liquid.render({}, FixedClock(datetime(2026, 3, 2, tzinfo=UTC)))[0] == "5!"


def test_a_content_block_that_puts_itself_in_is_refused():
    found = converted("%%=ContentBlockByName('a')=%%", a="%%=ContentBlockByName('a')=%%")
    assert "endlessly" in refused(found)[-1][0]


def test_an_error_raised_skips_the_message():
    text = "%%[ if Empty(Email) then RaiseError('no address', true) endif ]%%Hi"
    assert shown(text, {"email": "a@example.com"}) == "Hi"
    with pytest.raises(MessageSkipped, match="no address"):
        shown(text, {"email": ""})


def test_lookups_read_the_products_or_a_list_that_is_mapped():
    products = [{"id": "1", "title": "Tea", "price": 3}, {"id": "2", "title": "Cup", "price": 1}]
    text = (
        "%%=Lookup('Products','title','ID',2)=%% "
        "%%[ set @r = LookupOrderedRows('Products', 1, 'price desc', 'id', '1') ]%%"
        "%%=RowCount(@r)=%%%%=Field(Row(@r, 1), 'TITLE')=%%"
    )
    assert shown(text, products=products) == "Cup 1Tea"
    fields = FieldMap({"Orders": Named("person.orders")})
    assert refused(converted("%%=Lookup('Orders','a','b',1)=%%", fields)) == []
    assert (
        "no data extension 'Orders'" in refused(converted("%%=Lookup('Orders','a','b',1)=%%"))[0][0]
    )


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a\n %%=Random(1,2)=%%", (2, 5), "differs each time"),
        ("%%[ InsertDE('a','b','c') ]%%", (1, 5), "does not write"),
        ("%%=HTTPGet('http://x')=%%", (1, 4), "asks no other system"),
        ("%%=TreatAsContent(Code)=%%", (1, 4), "is not run"),
        ("%%=CloudPagesURL(12)=%%", (1, 4), "no CloudPages"),
        ("%%=Uppercas(Name)=%%", (1, 4), "not known"),
        ("%%=Substring(Name)=%%", (1, 4), "takes 2 to 3"),
        ("%%=ContentBlockByName('x')=%%", (1, 4), "not handed in"),
        ("<script runat='server'>var a;</script>", (1, 1), "JavaScript"),
        ("%%[ if 1 == 1 then ]%%x", (1, 24), "endif"),
        ("x %%=v(@a))=%% y", (1, 3), "left out"),
    ],
)
def test_what_cannot_be_carried_is_told_with_its_place(text, place, words):
    found = [one for one in refused(converted(text)) if words in one[0]]
    assert [(line, column) for _, line, column in found] == [place]


def test_a_broken_expression_costs_only_itself():
    assert shown("x %%=v(@a))=%% y %%Name%%", {"name": "Ann"}) == "x  y Ann"


def test_a_value_that_a_function_cannot_use_never_shows_in_the_error():
    with pytest.raises(AuthorError) as error:
        shown("%%=DateAdd(Birthday, 1, 'D')=%%", {"birthday": "secret words"})
    assert "secret" not in str(error.value)


def test_patterns_that_could_take_long_are_not_run():
    assert is_bounded(r"^[\w.+-]+@[\w-]+\.[a-z]{2,}$")
    for pattern in ("(a+)+$", "(a|a)*", r"(\w*)*", ".*.*.*", r"(a)\1", "(?=a)b", "a{1000000}", "["):
        assert not is_bounded(pattern)
    with pytest.raises(AuthorError):
        shown("%%=RegExMatch(Name, '(a+)+$', 0)=%%", {"name": "a" * 40 + "b"})


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(sorted(FUNCTIONS)),
    values=st.lists(
        st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.floats()
        | st.lists(st.integers(), max_size=3) | st.sampled_from(["D", "C2", "1/1/2026", "en-US"]),
        min_size=1, max_size=5,
    ),
)  # fmt: skip
def test_functions_give_a_value_or_an_error_of_ours(name, values):
    with suppress(FilterArgumentError):
        ampscript(values[0], name, *values[1:])


@settings(max_examples=60, deadline=None)
@given(text=st.lists(TAGS | st.text(max_size=5), max_size=14).map("".join))
def test_whatever_comes_in_something_renderable_comes_out(text):
    found = converted(text, p="%%=v(@a)=%%")
    parse(Passage.of_file("html", found.html), HtmlEnvironment)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:12])
def test_long_hostile_texts_are_read_quickly(text):
    assert converted(text).html
