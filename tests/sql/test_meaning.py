# ruff: noqa: DTZ001 - instants are naive UTC
"""An expression means the same to DuckDB and to a plain-Python reading of the language."""

import math
from datetime import date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings

from sql.compiled import duckdb_value, live
from sql.oracle import evaluate
from sql.random_expressions import CATALOG, COLUMNS, NOW, ROWS, ZONES, deeper
from vocative.engines.duckdb import DuckDbEngine
from vocative.errors import AuthorError
from vocative.sql import Names, check, parse, quote_name, to_sql, to_text

ZONE = "America/New_York"
NAMES = Names(
    field=lambda ref: quote_name(ref.name),
    now="TIMESTAMP '2026-03-02 09:30:00.25'",
    segment=lambda _: "TRUE",
    score=lambda _: "0.25e0",
    zone=f"'{ZONE}'",
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
    expected = evaluate(checked.node, row, NOW, lambda _: True, lambda _: 0.25, ZONE)
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
    ("trim(t)", {"t": "\u00a0a\t "}, "\u00a0a\t"),
    ("upper(t)", {"t": "straße ŉ ﬁ"}, "STRAẞE ŉ ﬁ"),
    ("lower(t)", {"t": "İΑΣ"}, "iας".replace("ς", "σ")),
    ("i + 1 = 9007199254740992", {"i": 2**53}, True),
    ("date_part('year', coalesce(at, 'infinity'))", {}, None),
    ("local_time(at)", {"at": datetime(2026, 3, 8, 7)}, datetime(2026, 3, 8, 3)),
    ("local_date(at)", {"at": datetime(2026, 3, 8, 4)}, date(2026, 3, 7)),
    ("local_time(coalesce(at, '-infinity')) = '-infinity'", {}, True),
    ("today()", {}, date(2026, 3, 2)),
    ("today() - at > interval '1 day'", {"at": datetime(2026, 3, 1)}, False),
    ("days_to_anniversary(day)", {"day": date(1990, 3, 2)}, 0),
    ("days_to_anniversary(day)", {"day": date(1990, 3, 1)}, 364),
    ("days_to_anniversary(day)", {"day": date(2000, 2, 29)}, 363),
    ("days_to_anniversary('2031-03-05')", {}, 3),
    ("days_to_anniversary(day)", {}, None),
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


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeper(3), ROWS, ZONES)
def test_random_expressions_mean_the_same_to_duckdb_and_to_python(engine, text, row, zone):
    checked = check(parse(text), CATALOG)
    found = duckdb_value(engine, checked.node, row, zone=zone)
    row = {name: row.get(name) for name in COLUMNS}
    expected = evaluate(checked.node, row, NOW, lambda _: True, lambda _: 0.25, zone)
    assert same(found, live(expected)), f"{text}: DuckDB {found!r}, oracle {expected!r}"
    if not checked.nullable:
        assert found is not None, f"{text} was said to be known always"


@settings(max_examples=300, deadline=None)
@given(deeper(3))
def test_text_written_from_a_tree_gives_the_tree_again(text):
    tree = parse(text).node
    assert parse(to_text(tree)).node == tree
