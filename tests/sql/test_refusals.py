"""What is no expression is refused at the exact word, in words that help."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vocative.errors import AuthorError, UnknownName
from vocative.sql import (
    Catalog,
    Field,
    Names,
    Type,
    check,
    in_document,
    parse,
    quote_name,
    to_sql,
    to_text,
)
from vocative.sql.functions import FUNCTIONS
from vocative.workspace.yaml_text import parse_yaml

CATALOG = Catalog(
    fields={
        **{
            name: Field(name=name, kind="feature", type=kind)
            for name, kind in {
                "spend": Type.NUMBER,
                "orders": Type.INTEGER,
                "country": Type.TEXT,
                "vip": Type.BOOLEAN,
                "last_order_at": Type.INSTANT,
                "born": Type.DATE,
                "tags": Type.TEXT_LIST,
            }.items()
        },
        "email": Field(name="email", kind="trait", type=Type.TEXT, personal=True),
    },
    segments={"lapsed"},
    families={"country"},
    scores={"purchase_30d"},
)

REFUSED = [
    # expression, 1-based column, what the message says
    ("", 1, "empty"),
    ("spned > 3", 1, "did you mean 'spend'"),
    ("lowr(country) = 'fr'", 1, "did you mean 'lower'"),
    ("vip and in_segment('laspd')", 20, "did you mean 'lapsed'"),
    ("score('purchase_3d') > 0.5", 7, "did you mean 'purchase_30d'"),
    ("email like 'a%'", 1, "is personal"),
    ("country > 5", 11, "must be a text"),
    ("spend > 'much'", 9, "must be an integer or number"),
    ("spend + country", 9, "must be an integer or number"),
    ("spend and vip", 1, "must be a condition"),
    ("vip > true", 7, "does not order"),
    ("born > '2026-13-01'", 8, "is no date"),
    ("last_order_at > 'yesterday'", 17, "is no instant"),
    ("last_order_at + last_order_at", 17, "means nothing"),
    ("spend > interval '3 days'", 9, "must be an integer or number"),
    ("now() - interval '3 fortnights' > born", 9, "an interval is"),
    ("date_trunc('decade', born) > now()", 12, "needs a unit"),
    ("round(spend, 99) > 1", 14, "decimals from 0 to 15"),
    ("round(spend, orders) > 1", 14, "decimals from 0 to 15"),
    ("lower(country, 'a') = 'x'", 1, "is called as lower(text)"),
    ("contains(country, 'x')", 10, "must be a list of text"),
    ("in_segment(country)", 12, "name in single quotes"),
    ("case when vip then 1 else 'a' end = 1", 27, "every branch"),
    ("spend = null", 9, "nothing equals null"),
    ("spend in (1, null)", 14, "null in a list"),
    ("country in 'FR'", 12, "a list in brackets"),
    ("1 < spend < 3", 13, "cannot be chained"),
    ("spend is 3", 10, "after `is` comes"),
    ("properties.x = 'a'", 1, "has no parts"),
    ("spend > 5 -- note", 11, "a comment"),
    ("spend > /* 4 */ 5", 9, "a comment"),
    ("spend > 5; drop table people", 10, "';' is not part"),
    ("(select 1)", 2, "'select' is not part"),
    ("spend in (select spend from people)", 11, "'select' is not part"),
    ("exists (spend)", 1, "'exists' is not part"),
    ("copy people to 'x'", 1, "'copy' is not part"),
    ("read_csv('/etc/passwd') = 'x'", 1, "unknown function 'read_csv'"),
    ("pg_sleep(9) = 1", 1, "unknown function 'pg_sleep'"),
    ("getenv('HOME') = 'x'", 1, "unknown function 'getenv'"),
    ("cast(spend as integer) = 1", 1, "'cast' is not part"),
    ("spend::integer = 3", 6, "':' is not part"),
    ("country || 'x' = 'a'", 9, "'|' is not part"),
    ("tags[1] = 'a'", 5, "'[' is not part"),
    ("spend = $1", 9, "unknown field '$1'"),
    ("spend = ?", 9, "'?' is not part"),
    ("spend = {{ x }}", 9, "'{' is not part"),
    ("spend % 2 = 0", 7, "'%' is not part"),
    ("country = 'FR' 'DE'", 11, "two texts stand side by side"),
    ("country like 'a%' escape 'x'", 26, "does not fit"),
    ("spend is not distinct from 1", 1, "distinct from"),
    ("spend orders", 7, "an operator is missing"),
    ("spend >", 7, "something is missing"),
    ("(spend > 3", 10, "closing bracket"),
    ("spend > 3)", 10, "does not fit"),
    ("case when vip then 1", 20, "needs `when"),
    ("country = 'FR", 11, "not closed"),
    ("spend > 1e999", 9, "is not a number"),
    ("spend > \x00", 9, "character is not allowed"),
    ("(" * 40 + "vip" + ")" * 40, 33, "nested deeper than 32"),
    ("not " * 900 + "vip", 1, "nested too deeply"),
    ("spend > " + "1 + " * 300 + "1", 9, "nested too deeply"),
    (
        "coalesce(now() - born, interval '1 month') > interval '3 days'",
        24,
        "no length of their own",
    ),
    ("case when vip then interval '1 year' end is null", 20, "no length of their own"),
    ("interval '2 months'", 1, "no length of their own"),
    ("days_to_anniversary(local_date(last_order_at)) = 0", 21, "a date by its name"),
    ("days_to_anniversary(last_order_at) = 0", 21, "must be a date"),
    ("today(1) = born", 1, "is called as today()"),
    ("local_date(country) = born", 12, "must be a date or instant"),
    ("item.margin > 3", 1, "has no parts"),
    ("vip or " * 1500 + "vip", None, "at most 10,000 characters"),
    ("vip or " * 1200 + "vip", None, "at most 2,000 words"),
    ("before(country, country) = 'x'", 17, "text in single quotes"),
    ("before(country, '') = 'x'", 17, "text in single quotes"),
    ("case spend + 1 when 2 then vip end", 6, "a field or `when`"),
    ("1,2", 2, "does not fit"),
    ("(1, 2) = 3", 2, "only follows `in`"),
    ("*", 1, "`*` does not fit"),
    ("count(*) > 1", 1, "unknown function 'count'"),
    ("lower(*) = 'a'", 7, "`*` does not fit"),
]


@pytest.mark.parametrize(("text", "column", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused_with_the_place_of_the_word(text, column, message):
    with pytest.raises(AuthorError) as refused:
        check(parse(text), CATALOG, wanted=(Type.BOOLEAN,))
    assert message in str(refused.value)
    if column is not None:
        assert (refused.value.where.line, refused.value.where.column) == (1, column)


def test_an_unknown_name_is_its_own_kind_of_error():
    with pytest.raises(UnknownName):
        check(parse("spned > 3"), CATALOG)


def test_what_is_not_a_condition_is_refused_where_one_is_needed():
    with pytest.raises(AuthorError, match="a boolean is needed"):
        check(parse("spend + 1"), CATALOG, wanted=(Type.BOOLEAN,))


def test_now_segments_and_scores_do_not_fit_in_an_expression_about_an_event():
    events = Catalog(fields=CATALOG.fields, now=False, about="an event")
    for text in ("last_order_at < now()", "in_segment('lapsed')", "score('purchase_30d') > 1"):
        with pytest.raises(AuthorError, match="about an event"):
            check(parse(text), events)


EVENTS = Catalog(
    fields={name: CATALOG.fields[name] for name in ("spend", "country", "last_order_at")},
    now=False,
    json_columns=("properties",),
    records={
        "item": {
            "margin": Field(name="margin", kind="column", type=Type.NUMBER, nullable=False),
            "category": Field(name="category", kind="column", type=Type.TEXT),
        }
    },
    about="an event",
)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("spend > 5 and item.margn > 3", 15, "did you mean 'margin'"),
        ("item.category.name = 'x'", 1, "unknown field of item 'category.name'"),
        ("item = 'x'", 1, "has fields; name one of them"),
        ("items.margin > 3", 1, "has no parts"),
        ("item.category > 3", 17, "must be a text"),
        ("properties.\"*\" = 'x'", 1, "cannot be the name of a part"),
        ('properties."a""b" = \'x\'', 1, "cannot be the name of a part"),
        ("last_order_at < today()", 17, "about an event"),
        ("local_time(last_order_at) > '2026-01-01'", 1, "local time does not fit"),
        ("spend + days_to_anniversary('2026-01-01') > 3", 9, "about an event"),
    ],
)
def test_what_an_event_does_not_have_is_refused(text, column, message):
    with pytest.raises(AuthorError, match=message) as refused:
        check(parse(text), EVENTS)
    assert refused.value.where.column == column


def test_parts_of_an_item_have_its_types_and_may_be_unknown():
    for text, kind in (("item.margin", Type.NUMBER), ("item.category", Type.TEXT)):
        node = check(parse(text), EVENTS).node
        assert (node.type, node.nullable) == (kind, True)
    assert check(parse("properties.size"), EVENTS).type is Type.TEXT


@pytest.mark.parametrize(
    "text", ["today()", "local_time(last_order_at)", "days_to_anniversary(born)", "item.margin"]
)
def test_local_time_is_written_as_it_was_read(text):
    node = parse(text).node
    assert to_text(node) == text
    assert to_text(parse("local_date(now())").node) == "today()"


DOCUMENT = """\
# a comment
folded:
  where: >-
    spend > 500
    and (country = 'FR'
      or cuontry = 'DE')
literal:
  where: |
    spend > 500
    and cuontry = 'DE'
quoted: {where: "spend > 500 and cuontry = 'DE'"}
plain:
  where: spend > 500 and cuontry = 'DE'
double: {where: 'country = ''FR'' or cuontry = ''DE'''}
"""


@pytest.mark.parametrize("name", ["folded", "literal", "quoted", "plain", "double"])
def test_the_place_is_the_one_in_the_file_however_yaml_writes_the_text(name):
    text = parse_yaml(DOCUMENT, "segments/x.yaml")
    value = text.value[name]["where"]
    place = in_document(
        value, file="segments/x.yaml", document=DOCUMENT, start=text.where((name, "where"))
    )
    with pytest.raises(UnknownName) as refused:
        check(parse(value, place), CATALOG)
    where = refused.value.where
    line = DOCUMENT.splitlines()[where.line - 1]
    assert line[where.column - 1 :].startswith("cuontry")
    assert where.source_line == line


WORDS = st.sampled_from(
    """spend orders country vip last_order_at and or not in is null like ilike between case when
    then else end true false interval '60 days' 'FR' 1 2.5 1e9 ( ) , . + - * / = <> != < <= > >=
    now() in_segment('lapsed') score('x') date_trunc('day', extract(day from lower( coalesce( "a"
    -- /* */ ; :: || [ ] { } $1 ? % ! ~ @ # ^ & date '2026-01-01' timestamp select from where copy
    " ' \\ é 日 \t \n""".split(" ")
)


@given(st.lists(WORDS, max_size=25).map(" ".join))
@example("interval")
@example("case case case")
@example("extract(")
@example("x.y.z.w.v")
def test_any_heap_of_words_is_an_expression_or_an_author_error(text):
    with suppress(AuthorError):
        check(parse(text), CATALOG)


@given(st.text(max_size=60))
@example("{%")
@example("{#")
@example("0x")
@example("e'\\")
def test_any_text_is_an_expression_or_an_author_error(text):
    with suppress(AuthorError):
        check(parse(text), CATALOG)


def test_every_function_says_how_it_is_used():
    for name, function in FUNCTIONS.items():
        assert function.usage.startswith(f"{name}(")
        assert function.about


HEAVY = [
    "coalesce(" * 31 + "spend" + ", 1)" * 31 + " > 1",
    "greatest(" * 31 + "orders" + ", spend)" * 31 + " > 1",
    "days_between(" * 1 + "last_order_at, now()) > 1",
    "before(" * 31 + "country" + ", 'x')" * 31 + " = 'y'",
    "case when vip then " * 30 + "spend" + " else 1 end" * 30 + " > 1",
    " and ".join(["(vip or not vip)"] * 160),
    " or ".join(f"country = 'c{n}'" for n in range(300)),
    "country in (" + ", ".join(f"'c{n}'" for n in range(900)) + ")",
]


@pytest.mark.parametrize("text", HEAVY, ids=lambda text: text[:20])
def test_work_and_query_grow_with_the_text_and_not_faster(text):
    checked = check(parse(text), CATALOG)
    names = Names(field=lambda ref: quote_name(ref.name), now="t", segment=str, score=str)
    assert len(to_sql(checked.node, names)) < 20 * len(text)
    assert parse(to_text(checked.expression.node)).node == checked.expression.node


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.name)
def test_a_function_names_each_argument_once(function):
    for position in range(len(function.takes)):
        assert function.sql.count(f"{{{position}}}") <= 1
