# ruff: noqa: DTZ001 - instants are naive UTC
"""Random expressions, built by type so that most of them are well typed, and rows for them."""

from datetime import date, datetime, timedelta

import pyarrow as pa
from hypothesis import strategies as st

from vocative.sql import Catalog, Field, Type

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

NUMBERS = st.sampled_from(
    "n m i 0 1 -1 2.5 100 0.1 1e300 9007199254740993 score('m1') days_to_anniversary(day)".split()
)
TEXTS = st.sampled_from(["t", "u", "'a'", "'ab'", "''", "'B%'", "'x_'", "'7'", "'%é%'", "'%b'"])
MOMENTS = st.sampled_from(
    "at|since|day|now()|today()|date '2026-02-28'|timestamp '2026-03-01 09:30:00.25'"
    "|coalesce(at, '-infinity')|coalesce(at, 'infinity')".split("|")
)
SPANS = st.sampled_from(["interval '1 day'", "interval '2 months'", "interval '-36 hours'"])
OPERATORS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


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
        moment.map("days_since({})".format),
        st.tuples(
            st.sampled_from(
                ["year", "quarter", "month", "week", "day", "isodow", "hour", "minute", "second"]
            ),
            moment,
        ).map("date_part('{0[0]}', {0[1]})".format),
        st.tuples(test, number, number).map("case when {0[0]} then {0[1]} else {0[2]} end".format),
    )


def texts(inner):
    _, text, _, test = inner
    return st.one_of(
        st.tuples(st.sampled_from(["lower", "upper", "trim"]), text).map("{0[0]}({0[1]})".format),
        st.tuples(st.sampled_from(["coalesce", "nullif", "greatest", "concat"]), text, text).map(
            "{0[0]}({0[1]}, {0[2]})".format
        ),
        st.tuples(text, st.sampled_from("abx")).map("before({0[0]}, '{0[1]}')".format),
        st.tuples(test, text).map("case when {0[0]} then {0[1]} end".format),
    )


def moments(inner):
    _, _, moment, test = inner
    units = ["minute", "hour", "day", "week", "month", "quarter", "year"]
    return st.one_of(
        st.tuples(moment, st.sampled_from("+-"), SPANS).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(moment, st.sampled_from("+-"), moment, moment).map(
            "({0[0]} {0[1]} ({0[2]} - {0[3]}))".format
        ),
        st.tuples(st.sampled_from(units), moment).map("date_trunc('{0[0]}', {0[1]})".format),
        moment.map("coalesce({}, '2026-01-01')".format),
        st.tuples(st.sampled_from(["greatest", "least", "nullif"]), moment, moment).map(
            "{0[0]}({0[1]}, {0[2]})".format
        ),
        st.tuples(st.sampled_from(["local_time", "local_date"]), moment).map(
            "{0[0]}({0[1]})".format
        ),
        st.tuples(test, moment, moment).map("case when {0[0]} then {0[1]} else {0[2]} end".format),
    )


def conditions(inner):
    number, text, moment, test = inner
    pairs = st.one_of(*(st.tuples(side, OPERATORS, side) for side in (number, text, moment)))
    negations = st.sampled_from(["", "not "])
    return st.one_of(
        pairs.map("{0[0]} {0[1]} {0[2]}".format),
        st.tuples(test, st.sampled_from(["and", "or"]), test).map("({0[0]} {0[1]} {0[2]})".format),
        st.tuples(test, st.sampled_from(["and", "or"]), test, test).map(
            "({0[0]} {0[1]} {0[2]} {0[1]} {0[3]})".format
        ),
        test.map("not ({})".format),
        st.tuples(test, st.sampled_from(["=", "<>"]), test).map("({0[0]}) {0[1]} ({0[2]})".format),
        st.one_of(*(st.tuples(s, negations, s, s) for s in (number, moment, text))).map(
            "{0[0]} {0[1]}between {0[2]} and {0[3]}".format
        ),
        st.one_of(*(st.tuples(s, negations, s, s) for s in (number, moment, text))).map(
            "{0[0]} {0[1]}in ({0[2]}, {0[3]})".format
        ),
        st.tuples(number, negations).map("{0[0]} {0[1]}in (1, 2.5)".format),
        st.tuples(text, negations, st.sampled_from(["like", "ilike"]), text).map(
            "{0[0]} {0[1]}{0[2]} {0[3]}".format
        ),
        st.tuples(st.one_of(number, text, moment), negations).map("{0[0]} is {0[1]}null".format),
        st.tuples(test, negations, st.sampled_from(["true", "false"])).map(
            "({0[0]}) is {0[1]}{0[2]}".format
        ),
        st.tuples(moment, moment, OPERATORS, SPANS).map("({0[0]}) - ({0[1]}) {0[2]} {0[3]}".format),
        st.tuples(text, text).map("starts_with({0[0]}, {0[1]})".format),
        text.map("contains(tags, {})".format),
    )


def deeper(levels):
    inner = (NUMBERS, TEXTS, MOMENTS, st.sampled_from(["b", "true", "in_segment('vip')"]))
    for _ in range(levels):
        inner = tuple(
            st.one_of(old, new(inner))
            for old, new in zip(inner, (numbers, texts, moments, conditions), strict=True)
        )
    return st.one_of(*inner, inner[-1])


FINITE = st.sampled_from([0.0, 1.0, -1.0, 0.1, 2.5, -2.5, 99.995, 1e6, 1e200, -1e200]) | st.floats(
    -1e6, 1e6
)
WHOLE = st.integers(-1000, 1000) | st.sampled_from([2**53 + 1, 2**62 + 1, -(2**63), 2**63 - 1])
LETTERS = "abAB%_x7 éÉßİ.\n"
INSTANTS = st.sampled_from(
    [NOW, NOW - timedelta(days=30), NOW + timedelta(microseconds=1), datetime(2024, 2, 29)]
) | st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1))
ROWS = st.fixed_dictionaries(
    {
        "n": st.none() | FINITE,
        "m": st.none() | FINITE,
        "i": st.none() | WHOLE,
        "t": st.none() | st.text(LETTERS, max_size=4),
        "u": st.none() | st.text(LETTERS, max_size=4),
        "b": st.none() | st.booleans(),
        "at": st.none() | INSTANTS,
        "since": st.none() | INSTANTS,
        "day": st.none() | st.dates(date(1990, 1, 1), date(2050, 1, 1)),
        "tags": st.none() | st.lists(st.text("ab", max_size=2), max_size=2),
    }
)
ZONES = st.sampled_from(
    "UTC Europe/Berlin America/New_York America/Sao_Paulo Asia/Kathmandu Australia/Lord_Howe"
    " Pacific/Apia America/Havana Africa/Cairo".split()
)
