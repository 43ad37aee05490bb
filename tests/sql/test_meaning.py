# ruff: noqa: DTZ001 - instants are naive UTC
"""An expression means the same to DuckDB and to a plain-Python reading of the language."""

import math
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sql.oracle import evaluate
from vocative.engines.duckdb import DuckDbEngine
from vocative.errors import AuthorError
from vocative.sql import Catalog, Field, Names, Type, check, parse, quote_name, to_sql, to_text

NOW = datetime(2026, 3, 2, 9, 30, 0, 250_000)
COLUMNS = {
    "n": (Type.NUMBER, pa.float64()),
    "m": (Type.NUMBER, pa.float64()),
    "i": (Type.INTEGER, pa.int64()),
    "t": (Type.TEXT, pa.string()),
    "u": (Type.TEXT, pa.string()),
    "b": (Type.BOOLEAN, pa.bool_()),
    "at": (Type.INSTANT, pa.timestamp("us")),
    "since": (Type.INSTANT, pa.timestamp("us")),
    "day": (Type.DATE, pa.date32()),
    "tags": (Type.TEXT_LIST, pa.list_(pa.string())),
}
CATALOG = Catalog(
    fields={
        name: Field(name=name, kind="feature", type=kind) for name, (kind, _) in COLUMNS.items()
    },
    segments={"vip"},
    scores={"m1"},
)
NAMES = Names(
    field=lambda ref: quote_name(ref.name),
    now="TIMESTAMP '2026-03-02 09:30:00.25'",
    segment=lambda _: "TRUE",
    score=lambda _: "0.25e0",
)


@pytest.fixture(scope="module")
def engine():
    with DuckDbEngine(history_files={}, threads=1) as opened:
        yield opened


def both(engine, text, row):
    checked = check(parse(text), CATALOG)
    table = pa.table({name: pa.array([row.get(name)], kind) for name, (_, kind) in COLUMNS.items()})
    engine.register("subject", table)
    found = engine.value(f"SELECT {to_sql(checked.node, NAMES)} FROM subject")
    row = {name: row.get(name) for name in COLUMNS}
    expected = evaluate(checked.node, row, NOW, lambda _: True, lambda _: 0.25)
    return found, expected, checked


def same(found, expected):
    if isinstance(found, float) and isinstance(expected, float):
        return found == expected or math.isclose(found, expected, rel_tol=1e-12)
    if isinstance(found, pa.MonthDayNano):
        found = timedelta(days=found.days, microseconds=found.nanoseconds // 1000)
    if isinstance(found, datetime) and not isinstance(expected, datetime | None):
        expected = datetime(expected.year, expected.month, expected.day)
    return found == expected and (found is None) == (expected is None)


CASES = [
    ("n / m", {"n": 1.0, "m": 0.0}, None),
    ("i / 2", {"i": 7}, 3.5),
    ("i / 0", {"i": 7}, None),
    ("i + 1", {"i": 7}, 8),
    ("i * i", {"i": 4_000_000_000}, None),
    ("- i", {"i": 7}, -7),
    ("n <> null or true", {}, AuthorError),
    ("n > 1 or true", {}, True),
    ("n > 1 and false", {}, False),
    ("n > 1 and true", {}, None),
    ("not (n > 1)", {}, None),
    ("(n > 1) is true", {}, False),
    ("(n > 1) is not true", {}, True),
    ("t in ('a', 'b')", {}, None),
    ("t not in ('a', 'b')", {"t": "c"}, True),
    ("t not in ('a', u)", {"t": "c"}, None),
    ("t like 'a\\%'", {"t": "a%"}, False),
    ("t like '100%'", {"t": "100 %"}, True),
    ("t like '_b'", {"t": "ab"}, True),
    ("t ilike 'É%'", {"t": "éa"}, True),
    ("t = 'it''s'", {"t": "it's"}, True),
    ("coalesce(at, '-infinity') < now()", {}, True),
    ("at + interval '1 month'", {"at": datetime(2026, 1, 31)}, datetime(2026, 2, 28)),
    ("now() - at > interval '3 days'", {"at": NOW - timedelta(days=3)}, False),
    ("now() - at >= interval '3 days'", {"at": NOW - timedelta(days=3)}, True),
    ("now() - coalesce(at, '-infinity') > interval '3 days'", {}, None),
    ("at < '2026-03-02T10:30:00.250001+01:00'", {"at": NOW}, True),
    ("at = '2026-03-02T10:30:00.25+01:00'", {"at": NOW}, True),
    ("day = '2026-03-02'", {"day": date(2026, 3, 2)}, True),
    ("day <= at", {"day": date(2026, 3, 2), "at": NOW}, True),
    ("extract(isodow from day)", {"day": date(2026, 3, 1)}, 7),
    ("date_part('week', day)", {"day": date(2021, 1, 1)}, 53),
    ("date_trunc('week', at)", {"at": NOW}, datetime(2026, 3, 2)),
    ("days_since(at)", {"at": NOW - timedelta(days=3)}, 3),
    ("days_since(at)", {"at": NOW - timedelta(days=3) + timedelta(microseconds=1)}, 2),
    ("days_since(at)", {"at": NOW + timedelta(microseconds=1)}, -1),
    ("round(n)", {"n": 2.5}, 3.0),
    ("round(n)", {"n": -2.5}, -3.0),
    ("floor(n)", {"n": -2.5}, -3),
    ("ceil(n)", {"n": 1e300}, None),
    ("greatest(n, m)", {"n": 1.0}, 1.0),
    ("least(at, since)", {}, None),
    ("nullif(i, 3)", {"i": 3}, None),
    ("to_number(t)", {"t": " 12.5 "}, 12.5),
    ("to_number(t)", {"t": "nan"}, None),
    ("to_number(t)", {"t": "1_000"}, None),
    ("to_number(t)", {"t": "twelve"}, None),
    ("contains(tags, 'a')", {"tags": ["a", "b"]}, True),
    ("contains(tags, 'a')", {}, None),
    ("starts_with(t, 'ab')", {"t": "abc"}, True),
    ("concat(t, 'b')", {"t": "a"}, "ab"),
    ("before(t, '@')", {"t": "a@b@c"}, "a"),
    ("before(t, '@')", {"t": "abc"}, "abc"),
    ("trim(t)", {"t": "  a b "}, "a b"),
    ("length(t)", {"t": "日本"}, 2),
    ("in_segment('vip') and score('m1') > 0.2", {}, True),
    ("case when n > 1 then 'a' when b then t end", {"b": True, "t": "x"}, "x"),
    ("case t when 'a' then 1 else 2.5 end", {"t": "a"}, 1.0),
    ("case when b then i else n end", {"b": True, "i": 3}, 3.0),
]


@pytest.mark.parametrize(("text", "row", "expected"), CASES, ids=lambda value: str(value)[:50])
def test_meaning(engine, text, row, expected):
    if expected is AuthorError:
        with pytest.raises(AuthorError):
            both(engine, text, row)
        return
    found, oracle, _ = both(engine, text, row)
    assert same(found, expected), f"DuckDB says {found!r}"
    assert same(oracle, expected), f"the oracle says {oracle!r}"


# Random expressions, built by type so that most of them are well typed.

NUMBERS = st.sampled_from(["n", "m", "i", "0", "1", "-1", "2.5", "100", "0.1", "score('m1')"])
TEXTS = st.sampled_from(["t", "u", "'a'", "'ab'", "''", "'B%'", "'x_'", "'7'"])
MOMENTS = st.sampled_from(
    ["at", "since", "day", "now()", "date '2026-02-28'", "timestamp '2026-03-01 09:30:00.25'"]
)
SPANS = st.sampled_from(["interval '1 day'", "interval '2 months'", "interval '-36 hours'"])


def numbers(inner):
    number, text, moment, test = inner
    return st.one_of(
        st.tuples(number, st.sampled_from("+-*/"), number).map("({0[0]} {0[1]} {0[2]})".format),
        number.map("(- {})".format),
        number.map("abs({})".format),
        st.tuples(st.sampled_from(["floor", "ceil", "round"]), number).map("{0[0]}({0[1]})".format),
        number.map("round({}, 2)".format),
        st.tuples(st.sampled_from(["coalesce", "nullif", "greatest", "least"]), number, number).map(
            "{0[0]}({0[1]}, {0[2]})".format
        ),
        text.map("length({})".format),
        text.map("to_number({})".format),
        st.tuples(moment, moment).map("days_between({0[0]}, {0[1]})".format),
        st.tuples(
            st.sampled_from(
                ["year", "quarter", "month", "week", "day", "isodow", "hour", "second"]
            ),
            moment,
        ).map("date_part('{0[0]}', {0[1]})".format),
        st.tuples(test, number, number).map("case when {0[0]} then {0[1]} else {0[2]} end".format),
    )


def texts(inner):
    _, text, _, test = inner
    return st.one_of(
        st.tuples(st.sampled_from(["lower", "upper", "trim"]), text).map("{0[0]}({0[1]})".format),
        st.tuples(text, text).map("coalesce({0[0]}, {0[1]})".format),
        st.tuples(text, st.sampled_from("abx")).map("before({0[0]}, '{0[1]}')".format),
        st.tuples(test, text).map("case when {0[0]} then {0[1]} end".format),
    )


def moments(inner):
    _, _, moment, _ = inner
    return st.one_of(
        st.tuples(moment, st.sampled_from("+-"), SPANS).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(st.sampled_from(["minute", "day", "week", "month", "quarter"]), moment).map(
            "date_trunc('{0[0]}', {0[1]})".format
        ),
        moment.map("coalesce({}, '2026-01-01')".format),
        st.tuples(moment, moment).map("greatest({0[0]}, {0[1]})".format),
    )


def conditions(inner):
    number, text, moment, test = inner
    operators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
    pairs = st.one_of(*(st.tuples(side, operators, side) for side in (number, text, moment)))
    negations = st.sampled_from(["", "not "])
    return st.one_of(
        pairs.map("{0[0]} {0[1]} {0[2]}".format),
        st.tuples(test, st.sampled_from(["and", "or"]), test).map("({0[0]} {0[1]} {0[2]})".format),
        test.map("not ({})".format),
        st.tuples(number, negations, number, number).map(
            "{0[0]} {0[1]}between {0[2]} and {0[3]}".format
        ),
        st.tuples(text, negations, text, text).map("{0[0]} {0[1]}in ({0[2]}, {0[3]})".format),
        st.tuples(text, negations, st.sampled_from(["like", "ilike"]), text).map(
            "{0[0]} {0[1]}{0[2]} {0[3]}".format
        ),
        st.tuples(st.one_of(number, text, moment), negations).map("{0[0]} is {0[1]}null".format),
        st.tuples(test, negations).map("({0[0]}) is {0[1]}true".format),
        st.tuples(moment, moment, SPANS).map("({0[0]}) - ({0[1]}) > {0[2]}".format),
        st.tuples(text, text).map("starts_with({0[0]}, {0[1]})".format),
    )


def deeper(levels):
    inner = (NUMBERS, TEXTS, MOMENTS, st.sampled_from(["b", "true", "in_segment('vip')"]))
    for _ in range(levels):
        inner = tuple(
            st.one_of(old, new(inner))
            for old, new in zip(inner, (numbers, texts, moments, conditions), strict=True)
        )
    return st.one_of(*inner, inner[-1])


FINITE = st.sampled_from([0.0, 1.0, -1.0, 0.1, 2.5, -2.5, 99.995, 1e6]) | st.floats(-1e6, 1e6)
INSTANTS = st.sampled_from(
    [NOW, NOW - timedelta(days=30), NOW + timedelta(microseconds=1), datetime(2024, 2, 29)]
) | st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1))
ROWS = st.fixed_dictionaries(
    {
        "n": st.none() | FINITE,
        "m": st.none() | FINITE,
        "i": st.none() | st.integers(-1000, 1000),
        "t": st.none() | st.text("abAB%_x7 ", max_size=4),
        "u": st.none() | st.text("abAB%_x7 ", max_size=4),
        "b": st.none() | st.booleans(),
        "at": st.none() | INSTANTS,
        "since": st.none() | INSTANTS,
        "day": st.none() | st.dates(date(1990, 1, 1), date(2050, 1, 1)),
    }
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeper(3), ROWS)
def test_random_expressions_mean_the_same_to_duckdb_and_to_python(engine, text, row):
    found, expected, checked = both(engine, text, row)
    assert same(found, expected), f"{text}: DuckDB {found!r}, oracle {expected!r}"
    if not checked.nullable:
        assert found is not None, f"{text} was said to be known always"


@settings(max_examples=300, deadline=None)
@given(deeper(3))
def test_text_written_from_a_tree_gives_the_tree_again(text):
    tree = parse(text).node
    assert parse(to_text(tree)).node == tree
