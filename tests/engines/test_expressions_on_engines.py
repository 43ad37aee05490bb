# ruff: noqa: DTZ001 - instants are naive UTC
"""Every function and operator of the expression language means the same on every engine."""

import os
import uuid
from datetime import date, datetime

import pyarrow as pa
import pytest

from vocative.engines.postgres import PostgresEngine
from vocative.errors import AuthorError
from vocative.sql import Catalog, Field, Names, Type, check, parse, quote_name, to_sql
from vocative.sql.functions import FUNCTIONS

TOP = 1.7976931348623157e308
ROWS = {
    "x": [0.0, -0.0, 0.5, 2.5, -2.5, 0.49999999999999994, 1.005, 1e308, -1e300, 1e-300, 5e-324,
          9.3e18, 123456.789, None, 4503599627370497.5, TOP],
    "y": [1.0, 2.0, -3.5, 0.0, 1e10, 0.1, 100.0, 1e308, 1e300, 1e-300, 1e-10,
          2.0, 7.0, 1.0, None, -TOP],
    "i": [0, 1, -1, 2**63 - 1, -(2**63), 10, 7, 2**53 + 1, None, 3, 4, 5, 6, 7, 8, 9],
    "j": [1, 0, 2, 2, -1, 3, None, 1, 5, 5, 5, 2, 2, 2, 2, 2],
    "s": ["", "a", "Z", "ä", "É", "it's", r"back\slash", "100%", "a_b", " x ", "12", "-0.5e3",
          "a\nb", None, "İSTANBUL ΑΣ", "straße ﬁ ǆ ᾳ"],
    "t": ["a", "A", "a", "Ä", "é", "%'%", r"back\%", "100%", "a%", "x", " 12.5 ", "1_000",
          "12\n", "NaN", None, "STRA%"],
    "b": [True, False, None, True, False, None, True, False, True, False, True, True, None,
          True, False, True],
    "c": [None, True, False, True, True, None, False, False, None, False, True, True, None,
          True, False, True],
    "at": [datetime(2026, 3, 2, 9, 30), datetime(2024, 2, 29, 23, 59, 59, 999999),
           datetime(2025, 12, 29), datetime(2027, 1, 3, 12), datetime(1969, 12, 31, 23, 59, 59, 1),
           datetime(2026, 3, 29, 1, 30), datetime(2026, 10, 25, 1, 30), datetime(2026, 3, 8, 10),
           None, datetime(2026, 1, 31), datetime(1, 1, 2), datetime(9999, 12, 30, 5),
           datetime(2026, 5, 31, 0, 0, 0, 1), datetime(2000, 1, 1), datetime(2026, 12, 31),
           datetime(2026, 6, 30)],
    "day": [date(2026, 3, 2), date(2024, 2, 29), date(1999, 12, 31), date(2000, 2, 29), None,
            date(2026, 3, 1), date(2026, 3, 3), date(1970, 1, 1), date(2025, 1, 31),
            date(2024, 12, 30), date(2023, 1, 1), date(1900, 3, 1), date(2026, 12, 31),
            date(2026, 1, 1), date(2028, 2, 28), date(2028, 2, 29)],
    "local_zone": ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Europe/London",
                   "Europe/Berlin", "Europe/Berlin", "America/New_York", "UTC",
                   "Australia/Lord_Howe", "UTC", "UTC", "Pacific/Auckland", "America/St_Johns",
                   "Pacific/Auckland", "America/Los_Angeles"],
}  # fmt: skip
KINDS = {"x": Type.NUMBER, "y": Type.NUMBER, "i": Type.INTEGER, "j": Type.INTEGER, "s": Type.TEXT,
         "t": Type.TEXT, "b": Type.BOOLEAN, "c": Type.BOOLEAN, "at": Type.INSTANT,
         "day": Type.DATE}  # fmt: skip
ARROW = {Type.NUMBER: pa.float64(), Type.INTEGER: pa.int64(), Type.TEXT: pa.string(),
         Type.BOOLEAN: pa.bool_(), Type.INSTANT: pa.timestamp("us"),
         Type.DATE: pa.date32()}  # fmt: skip
CATALOG = Catalog(
    fields={name: Field(name=name, kind="trait", type=kind) for name, kind in KINDS.items()}
)
NAMES = Names(
    field=lambda ref: quote_name(ref.name),
    now="TIMESTAMP '2026-03-02 09:30:00'",
    segment=quote_name,
    score=quote_name,
)

GROUPS = {
    "arithmetic": """
        x + y | x - y | x * y | x / y | - x | i + j | i - j | i * j | - i | i / j | x * 0.1 | x / 3
        i * 2 | x + i | (x + y) * (x - y) / nullif(y, 0) | 0.1 + 0.2 | 1e308 * 10 | x * x * x
        x - -1.5 | 2 * (i + 1) | i + 9223372036854775807
    """,
    "rounding": """
        round(x) | round(x, 2) | round(x, 15) | round(y, 1) | round(i) | floor(x) | ceil(x)
        floor(y) | ceil(x / 3) | abs(x) | abs(i) | round(x * 100) / 100 | round(round(x, 3), 1)
    """,
    "conditions": """
        x < y | x <= y | x = y | x <> y | x > 0.5 | i > j | i = 3 | i < 2.5 | s < t | s <= 'a'
        s = t | s <> t | s > 'Z' | at < now() | at >= '2026-03-02T09:30:00Z' | day < '2026-03-02'
        day = at | b = c | b <> c | b and c | b or c | not b | b is true | b is not false
        b is null | x is not null | x between 0 and 3 | s between 'A' and 'b' | i in (1, 2, 10)
        s in ('a', 'it''s', 'ä') | s not in ('a', 'b') | x in (0, 2.5) | x not between y and 3
        case when b then 'z' else 'A' end < 'a' | coalesce(s, 'B') < 'a' | 'a' < 'Z'
    """,
    "choices": """
        coalesce(x, y) | coalesce(s, t, 'none') | coalesce(at, '-infinity') | nullif(x, 0.5)
        nullif(s, 'a') | greatest(x, y) | least(x, y, 1) | greatest(i, j) | greatest(s, t, 'm')
        least(s, 'm') | greatest(at, now()) | least(at, day) | greatest(x) | least(s)
        case when x > 1 then 'big' when x is null then 'none' else 'small' end
        case when x > 1 then x end | case s when 'a' then 1 when 'Z' then 2 else 0 end
        case when b then at else 'infinity' end | greatest(at, 'infinity')
        greatest(day, '2026-01-01')
    """,
    "text": r"""
        lower(s) | upper(s) | lower(t) | upper(t) | length(s) | starts_with(s, t) | trim(s)
        trim(t) | concat(s, t) | before(s, '_') | before(t, '%') | before(s, '''') | to_number(s)
        to_number(t) | s like t | s ilike t | s like '%a%' | s like '_' | s like 'back\slash'
        s like 'back\%' | s ilike 'STRASSE%' | s ilike 'strasse%' | s like 'a_b' | s not like '%\%'
        s ilike 'İs%' | s ilike '%ας' | lower(concat(s, 'Σ')) | to_number('1e400') | to_number('.5')
        to_number('5.') | to_number('1e99') | to_number('99999999999999999999') | starts_with(s, '')
    """,
    "instants": """
        date_trunc('minute', at) | date_trunc('hour', at) | date_trunc('day', at)
        date_trunc('week', at) | date_trunc('month', at) | date_trunc('quarter', at)
        date_trunc('year', at) | date_trunc('week', day) | date_part('second', at)
        date_part('minute', at) | date_part('hour', at) | date_part('day', at)
        date_part('isodow', at) | date_part('week', at) | date_part('month', at)
        date_part('quarter', at) | date_part('year', at) | date_part('isodow', day)
        days_between(at, now()) | days_between(day, at) | days_since(at) | days_since(day) | now()
        at + interval '30 days' | at - interval '1 month' | day + interval '1 month'
        day - interval '36 hours' | at + interval '1 year' | at - interval '90 minutes'
        at + (interval '1 month') | interval '1 month' + at | at > now() - interval '1 month'
        at - now() > interval '30 days' | at - day < interval '1 hour'
        case when b then interval '1 day' else at - day end < interval '1 month'
        at + case when b then interval '36 hours' else interval '1 day' end
        coalesce(at - day, interval '365 days') > interval '1 year' | (at - day) is null
        coalesce(at - day, interval '1 day') = interval '24 hours'
        now() - at between interval '-1 days' and interval '30 days' | at + (now() - day)
        coalesce(at, 'infinity') > now() | date_part('year', coalesce(at, 'infinity'))
        date_trunc('year', coalesce(at, 'infinity')) | date_trunc('week', coalesce(at, '-infinity'))
        days_since(coalesce(at, '-infinity')) | coalesce(at, 'infinity') + interval '1 day'
        coalesce(at, '-infinity') - interval '1 day' < '-infinity' | coalesce(at, '-infinity')
    """,
    "calendar": """
        today() | local_time(at) | local_date(at) | local_date(day) | days_to_anniversary(day)
        day = today() | date_part('hour', local_time(at)) | date_trunc('day', local_time(at))
        days_between(day, today()) | local_date(at) = '2026-03-02'
        date_part('isodow', local_date(at)) | local_time(coalesce(at, 'infinity')) > now()
    """,
}
EXPRESSIONS = {
    group: [part.strip() for line in texts.strip().splitlines() for part in line.split(" | ")]
    for group, texts in GROUPS.items()
}


def rows_table(dialect):
    """The rows; the outermost instants only for engines that hold every year."""
    near = dialect not in FEWER_YEARS
    columns = {
        name: pa.array(
            [
                value if near or kind is not Type.INSTANT or _near(value) else None
                for value in values
            ],
            ARROW[kind],
        )
        for (name, kind), values in zip(KINDS.items(), map(ROWS.get, KINDS), strict=True)
    }
    return pa.table({"n": list(range(len(ROWS["x"]))), **columns, "local_zone": ROWS["local_zone"]})


def _near(value):
    return value is None or 1970 <= value.year < 2200


FEWER_YEARS = ("redshift", "clickhouse", "bigquery")
_TOO_LARGE = (
    *("x + y", "x - y", "x * y", "(x + y) * (x - y) / nullif(y, 0)", "1e308 * 10", "x * x * x"),
    *("round(x, 2)", "round(x, 15)", "round(y, 1)", "round(x * 100) / 100"),
    "round(round(x, 3), 1)",
)
DIFFERENT = {
    "bigquery": {
        **dict.fromkeys(_TOO_LARGE, "a number that is too large is unknown, not infinity"),
        "date_trunc('year', coalesce(at, 'infinity'))": "infinity is an instant like others",
    },
    "clickhouse": {
        "x in (0, 2.5)": "minus zero is no member of a list with zero",
        "date_trunc('year', coalesce(at, 'infinity'))": "infinity is an instant like others",
    },
    "redshift": {
        "upper(s)": "some capitals of one letter are several, or none",
        "date_trunc('year', coalesce(at, 'infinity'))": "infinity is an instant like others",
        "coalesce(at, '-infinity') - interval '1 day' < '-infinity'": "the same",
    },
}
"""What an engine is known to answer otherwise; also told in docs/plugins/engines.md."""


def query_of(texts):
    columns = ",\n".join(
        f"{to_sql(check(parse(text), CATALOG).node, NAMES)} AS c{number}"
        for number, text in enumerate(texts)
    )
    return f"SELECT n, {columns} FROM edge_values ORDER BY n"


@pytest.fixture(scope="module")
def english_postgres():
    """PostgreSQL in a database that sorts as English dictionaries do."""
    if not (url := os.environ.get("VOCATIVE_TEST_POSTGRES")):
        pytest.skip("no PostgreSQL: set VOCATIVE_TEST_POSTGRES=postgresql://user@host/database")
    import psycopg

    name = f"english_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"
            " LOCALE 'C.UTF-8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        )
        with PostgresEngine(f"{url.rpartition('/')[0]}/{name}") as opened:
            yield opened
        server.execute(f"DROP DATABASE {name}")


@pytest.mark.postgres
@pytest.mark.parametrize("group", ["conditions", "choices", "text"])
def test_text_is_compared_by_code_point_whatever_the_collation(
    duckdb_engine, english_postgres, group
):
    assert english_postgres.value("SELECT 'a' < 'B' AND x FROM (SELECT TRUE AS x) AS t") is False
    sql = query_of(EXPRESSIONS[group])
    expected = answers(duckdb_engine, sql, "postgres")
    assert answers(english_postgres, sql, "postgres") == expected


def comparable(table):
    """Values that can be compared: infinite instants as their number, a NaN as a word."""
    columns = []
    for column in table.columns:
        instants = pa.types.is_timestamp(column.type)
        plain = column.cast(pa.timestamp("us")).cast(pa.int64()) if instants else column
        values = plain.to_pylist()
        columns.append(["NaN" if value != value else value for value in values])
    return columns


def answers(engine, sql, dialect):
    engine.register("edge_values", rows_table(dialect))
    return comparable(engine.query(sql))


@pytest.mark.parametrize("group", EXPRESSIONS)
def test_an_expression_gives_the_same_on_every_engine(duckdb_engine, other, group):
    different = DIFFERENT.get(other.dialect, {})
    texts = [text for text in EXPRESSIONS[group] if text not in different]
    sql = query_of(texts)
    expected = answers(duckdb_engine, sql, other.dialect)[1:]
    found = answers(other, sql, other.dialect)[1:]
    wrong = [
        f"{text} of row {number}: DuckDB says {ours!r}, {other.dialect} says {theirs!r}"
        for text, a, b in zip(texts, expected, found, strict=True)
        for number, (ours, theirs) in enumerate(zip(a, b, strict=True))
        if ours != theirs
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("function", ["greatest", "least"])
def test_intervals_are_not_compared_by_a_function_that_duckdb_has_wrong(function):
    with pytest.raises(AuthorError, match=f"{function} does not take interval values"):
        check(parse(f"now() + {function}(at - day, interval '1 day')"), CATALOG)


def test_every_function_is_among_them():
    text = " ".join(text for texts in EXPRESSIONS.values() for text in texts)
    elsewhere = {"contains", "in_segment", "score"}
    missing = [name for name in FUNCTIONS if f"{name}(" not in text and name not in elsewhere]
    assert not missing
