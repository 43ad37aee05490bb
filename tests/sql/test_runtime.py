"""The functions of compiled expressions give what DuckDB gives, over whole ranges of values."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vocative.clock import to_micros
from vocative.engines.duckdb import DuckDbEngine
from vocative.sql import runtime

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def engine():
    with DuckDbEngine(history_files={}, threads=1) as opened:
        yield opened


def answers(engine, sql, **columns):
    """One answer of DuckDB per row of the columns."""
    engine.register("given", pa.table(columns))
    return [row["x"] for row in engine.rows(f"SELECT {sql} AS x FROM given")]


def test_every_letter_has_the_case_that_duckdb_gives_it(engine):
    letters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    for function in ("lower", "upper"):
        found = [getattr(runtime, function)(letter) for letter in letters]
        expected = answers(engine, f"{function}(c)", c=letters)
        assert [
            pair for pair in zip(letters, found, expected, strict=True) if pair[1] != pair[2]
        ] == []


def test_every_zone_has_the_time_that_duckdb_gives_it(engine):
    chance = random.Random(7)
    zones = sorted(available_timezones() - {"localtime"})
    # Outside of these years the two editions of the time-zone database may differ.
    first, last = (to_micros(datetime(year, 1, 1, tzinfo=UTC)) for year in (1996, 2026))
    rows = [(zone, chance.randrange(first, last)) for zone in zones for _ in range(12)]
    expected = answers(
        engine,
        "epoch_us(timezone(zone, timezone('UTC', ts)))",
        zone=[zone for zone, _ in rows],
        ts=pa.array([at for _, at in rows], pa.timestamp("us")),
    )
    wrong = [
        (row, at)
        for row, at in zip(rows, expected, strict=True)
        if runtime.local_time(row[1], row[0]) != at
    ]
    assert wrong == []


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Sao_Paulo", "Pacific/Apia"])
def test_local_days_end_where_the_date_changes(zone):
    at = to_micros(datetime(2010, 1, 1, tzinfo=UTC))
    for _ in range(800):
        end = runtime.local_day_end(at, zone)
        today = runtime.local_date(at, zone)
        assert runtime.local_date(end - 1, zone) == today != runtime.local_date(end, zone)
        assert 20 * DAY // 24 < end - at <= 26 * DAY // 24 or at < end
        at = end


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
NUL = "\0"


@settings(max_examples=120, deadline=None)
@given(st.lists(JSON.filter(lambda value: NUL not in str(value)), min_size=1, max_size=20))
def test_parts_of_properties_are_the_texts_that_duckdb_gives(engine, values):
    records = [{"a b": value, "in": {"x": value}} for value in values]
    texts = [msgspec.json.encode(record).decode() for record in records]
    for sql, path in (
        ('$."a b"', ("a b",)),
        ('$."in"."x"', ("in", "x")),
        ('$."a b"."x"', ("a b", "x")),
    ):
        expected = answers(engine, f"json_extract_string(j, '{sql}')", j=texts)
        assert [runtime.json_text(record, path) for record in records] == expected
        assert [runtime.json_text(text, path) for text in texts] == expected


FLOATS = st.floats(allow_nan=False) | st.integers(-(10**6), 10**6).map(lambda n: n / 1000)


@settings(max_examples=200, deadline=None)
@given(st.lists(FLOATS, min_size=1, max_size=50), st.integers(0, 15))
def test_numbers_are_rounded_as_duckdb_rounds(engine, values, digits):
    expected = answers(engine, f"round(x, {digits})", x=pa.array(values, pa.float64()))
    assert [runtime.round_number(value, 10.0**digits) for value in values] == expected


@settings(max_examples=300, deadline=None)
@given(st.text("aAé%_.\\\n", max_size=8), st.text("aAé%_.\\", max_size=6))
def test_patterns_match_as_they_do_in_duckdb(engine, text, pattern):
    found = answers(
        engine, "CAST(t LIKE p AS INT) * 2 + CAST(t ILIKE p AS INT)", t=[text], p=[pattern]
    )
    assert [runtime.like(text, pattern) * 2 + runtime.ilike(text, pattern)] == found


def test_a_pattern_of_many_parts_takes_no_longer_than_its_text():
    assert not runtime.like("a" * 20_000, "%a" * 30 + "%b%")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text("0123456789+-.eE \u00a0\n", max_size=10), min_size=1, max_size=30))
def test_texts_spell_the_numbers_that_duckdb_reads(engine, texts):
    from vocative.sql.functions import FUNCTIONS

    expected = answers(engine, FUNCTIONS["to_number"].sql.format("t"), t=texts)
    assert [runtime.to_number(text) for text in texts] == expected


def test_calendars_agree_over_all_centuries(engine):
    chance = random.Random(3)
    first, last = runtime.MIN_INSTANT + 1, runtime.MAX_INSTANT - 1
    ats = [chance.randrange(first, last) for _ in range(2000)]
    column = pa.array(ats, pa.timestamp("us"))
    for unit in ("second", "minute", "hour", "day", "isodow", "week", "month", "quarter", "year"):
        part = getattr(runtime, f"part_{unit}")
        assert [part(at) for at in ats] == answers(engine, f"date_part('{unit}', ts)", ts=column)
    for unit in ("minute", "hour", "day", "week", "month", "quarter", "year"):
        trunc = getattr(runtime, f"trunc_{unit}")
        expected = answers(engine, f"epoch_us(date_trunc('{unit}', ts))", ts=column)
        assert [trunc(at) for at in ats] == expected
    for months in (1, -1, 11, -13, 240, -12_000, 12_000):
        expected = answers(engine, f"epoch_us(ts + INTERVAL '{months}' MONTH)", ts=column)
        assert [runtime.add_months(at, months) for at in ats] == expected


def test_a_month_moves_by_no_more_than_the_wobble_that_turns_allow_for():
    from vocative.sql.python.moving_values import MONTH_WOBBLE

    start = to_micros(datetime(1999, 12, 1, tzinfo=UTC))
    days = [start + n * DAY for n in range(366 * 5)]
    for months in [*range(-40, 40), 120, -1200, 12_000]:
        gaps = [runtime.add_months(at, months) - at for at in days]
        assert max(gaps) - min(gaps) <= MONTH_WOBBLE


def holds(operator, left, right):
    compared = {"<": left < right, "<=": left <= right, "=": left == right}
    compared |= {">": left > right, ">=": left >= right, "<>": left != right}
    return compared[operator]


def test_turns_are_the_first_instants_of_another_answer():
    def days(gap):
        return gap // DAY

    chance = random.Random(5)
    for _ in range(4000):
        operator = chance.choice(["<", "<=", "=", "<>", ">", ">="])
        gap, slope = chance.randrange(-9, 10), chance.choice([-3, -2, -1, 0, 1, 2, 3])
        turns = runtime.turn(operator, gap, slope, 100) - 100
        now = holds(operator, gap, 0)
        first = next((k for k in range(1, 30) if holds(operator, gap + slope * k, 0) != now), None)
        if first is None:
            # An equality that is jumped over may be looked at once more.
            assert turns == runtime.NEVER - 100 or (operator in ("=", "<>") and abs(slope) > 1)
        else:
            assert turns == first
        number = chance.choice([-1, 0, 1, 2, 0.5, 1.5])
        gap, slope = gap * DAY // 4 + chance.randrange(-1, 2), chance.choice([-1, 1])
        turns = runtime.days_turn(operator, number, gap, slope, 0)
        now = holds(operator, days(gap), number)
        if turns < runtime.NEVER and operator not in ("=", "<>"):
            assert holds(operator, days(gap + slope * turns), number) != now
        before = turns - 1 if turns < runtime.NEVER else 20 * DAY
        for wait in (before, *(chance.randrange(before) for _ in range(20) if before)):
            assert holds(operator, days(gap + slope * wait), number) == now


def test_a_countdown_is_looked_at_again_before_it_changes():
    chance = random.Random(9)
    for _ in range(2000):
        days, number = chance.randrange(366), chance.choice([-1, 0, 3, 7, 7.5, 365])
        operator = chance.choice(["<", "<=", "=", "<>", ">", ">="])
        turns = runtime.countdown_turn(operator, number, days, DAY)
        course = [*range(days, -1, -1), *range(364, -1, -1)]
        truth = [holds(operator, d, number) for d in course]
        first = next((k for k in range(1, len(truth)) if truth[k] != truth[0]), None)
        assert turns <= min(first or days + 1, days + 1) * DAY
        assert turns >= DAY * max(1, min((first or days + 1) - 1, days))


def test_what_is_written_in_json_has_the_shortest_digits():
    shown = {1e21: "1e21", 1e20: "100000000000000000000.0", 1.5e-7: "1.5e-7", 1e-6: "0.000001"}
    shown |= {-0.0: "-0.0", 1.5: "1.5", 1200.0: "1200.0", 5e-324: "5e-324", 0.25: "0.25"}
    assert {value: runtime.number_text(value) for value in shown} == shown
    assert timedelta(microseconds=runtime.DAY) == timedelta(days=1)
