# ruff: noqa: DTZ001 - instants are naive UTC
"""Until when a compiled expression holds: never too late, and not needlessly early."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sql.compiled import arguments, checked, compiled, live
from sql.random_expressions import FINITE, NOW, ROWS, ZONES, deeper
from vocative.sql import runtime
from vocative.sql.python import NEVER, Operand
from vocative.sql.python.writer import is_atom

NOW_MICROS = live(NOW)
DAY = 86_400_000_000
LATER = st.integers(1, 400 * DAY) | st.integers(1, 2 * DAY) | st.sampled_from([DAY // 2, DAY])


def at(function, values, now):
    return function(*values[:-2], now, values[-1])


@settings(max_examples=800, deadline=None)
@given(deeper(3), ROWS, ZONES, st.lists(LATER, min_size=3, max_size=3), st.booleans())
def test_the_value_holds_until_then(text, row, zone, later, truth):
    node = checked(text).node
    truth = truth and node.type == "boolean"
    plain, followed = compiled(node, truth=truth), compiled(node, truth=truth, follow_time=True)
    values = arguments(row, zone=zone)
    now = values[-2]
    for _ in range(4):
        value, until, slope = at(followed, values, now)
        assert value == at(plain, values, now), f"{text}\n{followed.source}"
        until = NEVER if until is None else until
        assert until > now, f"{text}\n{followed.source}"
        for step in (1, *later, until - 1 - now):
            if step < until - now and now + step < NOW_MICROS + 10_000 * DAY:
                found = at(plain, values, now + step)
                expected = value if not slope or value is None else value + slope * step
                assert found == expected, (
                    f"{text}: {value!r}, after {step} {found!r}\n{followed.source}"
                )
        if until > NOW_MICROS + 10_000 * DAY:
            break
        now = until


def visits(text, row, zone="UTC", start=datetime(2026, 3, 2, 9, 30), days=100, **more):
    """The instants, in days after the start, at which a condition has to be looked at again."""
    followed = compiled(checked(text).node, truth=True, follow_time=True, **more)
    values = arguments(row, zone=zone)
    now = first = live(start)
    found = []
    while now < first + days * DAY:
        value, until, _ = at(followed, values, now)
        now = until or NEVER
        found.append((now - first, value))
    return [then for then, _ in found[:-1]], [value for _, value in found]


def test_a_comparison_with_a_moving_instant_turns_at_the_exact_microsecond():
    row = {"at": NOW - timedelta(days=10)}
    start = {"start": NOW}
    assert visits("at < now() - interval '30 days'", row, **start) == (
        [20 * DAY + 1],
        [False, True],
    )
    assert visits("at <= now() - interval '30 days'", row, **start)[0] == [20 * DAY]
    assert visits("now() - at > interval '30 days'", row, **start)[0] == [20 * DAY + 1]
    assert visits("at > now() - interval '30 days'", row, **start) == (
        [20 * DAY],
        [True, False],
    )
    assert visits("at < now() + interval '30 days'", row, **start) == ([], [True])
    assert visits("at + interval '30 days' = now()", row, **start)[0] == [20 * DAY, 20 * DAY + 1]


def test_days_are_looked_at_once_per_day_or_where_they_cross_a_number():
    row = {"at": NOW - timedelta(days=10, hours=1)}
    whole = [n * DAY - DAY // 24 for n in range(1, 101)]
    assert visits("days_since(at) * 2 > 30", row, start=NOW)[0] == whole
    assert visits("days_since(at) > 30", row, start=NOW)[0] == [whole[20]]
    assert visits("30 <= days_since(at)", row, start=NOW)[0] == [whole[19]]
    assert visits("days_since(at) between 12 and 30", row, start=NOW)[0] == [whole[1], whole[20]]
    assert visits("days_since(at) in (12, 30)", row, start=NOW)[0] == [
        whole[1], whole[2], whole[19], whole[20],
    ]  # fmt: skip
    assert visits("days_since(at) = 2.5", row, start=NOW)[0] == []


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Europe/Berlin", datetime(2026, 3, 2, 9, 30)),
        ("America/New_York", datetime(2026, 10, 1)),
        ("America/Sao_Paulo", datetime(2017, 10, 1)),
        ("Australia/Lord_Howe", datetime(2026, 3, 2)),
        ("Pacific/Apia", datetime(2011, 12, 1)),
        ("Asia/Kathmandu", datetime(2026, 3, 2)),
    ],
)
def test_today_is_looked_at_once_per_local_midnight(zone, start):
    row = {"t": "2"}
    then, _ = visits("date_part('day', today()) = to_number(t)", row, zone=zone, start=start)
    local = [live(start) + when for when in then]
    dates = [runtime.local_date(when, zone) for when in local]
    assert [runtime.local_date(when - 1, zone) for when in local[1:]] == dates[:-1]
    assert all(runtime.local_date(w - 1, zone) < d for w, d in zip(local, dates, strict=True))
    assert len(then) in (99, 100, 101)


def test_today_far_from_a_date_is_left_alone():
    row = {"day": date(2026, 5, 1)}
    then, values = visits("day <= today()", row, zone="Europe/Berlin", start=NOW)
    turn = live(datetime(2026, 4, 30, 22)) - live(NOW)
    assert values.index(True) == then.index(turn) + 1
    assert all(values[values.index(True) :])
    assert len(then) <= 8
    assert all(abs(when - turn) <= 4 * DAY for when in then)


def test_months_are_looked_at_daily_only_near_the_turn():
    row = {"at": NOW - timedelta(days=10)}
    then, values = visits("at < now() - interval '2 months'", row, start=NOW)
    turn = live(datetime(2026, 4, 20, 9, 30, 0, 250_000)) - live(NOW) + 1
    assert values.index(True) == then.index(turn) + 1
    assert all(values[values.index(True) :])
    assert len(then) <= 12
    assert all(abs(turn - when) <= 5 * DAY for when in then)


def test_an_anniversary_is_looked_at_when_it_comes_near():
    row = {"day": date(1990, 5, 1)}
    then, values = visits("days_to_anniversary(day) <= 7", row, start=NOW, days=300)
    assert len(then) <= 5
    assert values.count(True) <= 3
    began = next(when for when, value in zip(then, values[1:], strict=True) if value)
    assert began == live(datetime(2026, 4, 24)) - live(NOW)


def test_and_sleeps_as_long_as_its_most_lasting_false_part():
    row = {"at": NOW - timedelta(days=10), "since": NOW - timedelta(days=20), "n": 1.0}
    month = "now() - interval '30 days'"
    assert visits(f"at < {month} and since < {month}", row, start=NOW)[0] == [20 * DAY + 1]
    assert visits(f"at < {month} or since < {month}", row, start=NOW)[0] == [10 * DAY + 1]
    assert visits(f"not (at < {month} or since < {month})", row, start=NOW)[0] == [10 * DAY + 1]
    assert visits(f"n > 3 and at < {month}", row, start=NOW)[0] == []
    assert visits(f"n < 3 or at < {month}", row, start=NOW)[0] == []
    assert visits(f"(case when n > 3 then at else since end) < {month}", row, start=NOW)[0] == [
        10 * DAY + 1
    ]


def test_local_time_of_day_is_looked_at_by_the_hour():
    text = "date_part('hour', local_time(now())) >= 18"
    then, values = visits(text, {}, zone="Asia/Kathmandu", start=NOW, days=2)
    # Every hour, and where days end in UTC.
    assert len(then) <= 50
    assert 12 <= values.count(True) <= 13


@settings(max_examples=400, deadline=None)
@given(deeper(3), ROWS, st.integers(1, 300 * DAY), st.integers(1, 300 * DAY), FINITE)
def test_fields_that_change_by_themselves_are_followed(text, row, first, second, low):
    """`n` becomes `low`, `at` becomes unknown, and the segment is left, at known instants."""
    node = checked(text).node
    start = live(NOW)

    def field(ref):
        untils = {"n": "n_until", "at": "at_until"}
        return Operand(code=ref.name, until=untils.get(ref.name))

    def crossing(ref, operator, number):
        return "n_until" if ref.name == "n" else None

    def state(now):
        later, gone = now >= start + first, now >= start + second
        values = arguments(
            {**row, "n": low if later else row["n"], "at": None if gone else row["at"]}
        )
        values[-2] = now
        return [
            *values,
            NEVER if later else start + first,
            NEVER if gone else start + second,
            not gone,
        ]

    more = {
        "field": field,
        "crossing": crossing,
        "segment": lambda _: Operand(code="vip", nullable=False, until="at_until"),
        "parameters": ["n_until", "at_until", "vip"],
    }
    followed, plain = compiled(node, follow_time=True, **more), compiled(node, **more)
    now = start
    for _ in range(3):
        value, until, slope = followed(*state(now))
        until = until or NEVER
        assert until > now
        for then in (now + 1, (now + until) // 2, until - 1):
            if then < min(until, start + 10_000 * DAY):
                expected = value if not slope or value is None else value + slope * (then - now)
                assert plain(*state(then)) == expected, f"{text} {then - now}\n{followed.source}"
        if until > start + 10_000 * DAY:
            break
        now = until


@pytest.mark.parametrize("text", ["days_since(at) > 3", "today()", "at < now()", "n > 1", "now()"])
def test_an_operand_is_made_of_names_and_literals(text):
    found = compiled(checked(text).node, follow_time=True).operand
    for code in (found.code, found.until or "0", found.slope):
        assert is_atom(code), code
    assert (found.until is None) == (text in ("n > 1", "now()"))


LONG = [
    "case "
    + " ".join(f"when at < now() - interval '{n} days' then {n}" for n in range(150))
    + " end > 3",
    "case " + " ".join(f"when n > {n} then {n}" for n in range(300)) + " end > 3",
    " and ".join(f"days_since(at) > {n}" for n in range(200)),
    "coalesce(" * 30 + "n" + ", 1)" * 30 + " > days_since(at)",
    "case when b then " * 30 + "days_since(at)" + " else 1 end" * 30 + " > 1",
    "(" * 30 + "n" + " + 1)" * 30 + " > 3",
    "not (b and " * 30 + "at < now()" + ")" * 30,
    "(b = (" * 15 + "at < now()" + "))" * 15,
    "greatest(" * 31 + "n" + ", m)" * 31 + " > 1",
    "t in (" + ", ".join(f"'c{n}'" for n in range(900)) + ")",
    " or ".join(f"t = 'c{n}'" for n in range(300)),
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:25])
def test_long_expressions_are_compiled_too(text):
    for follow_time in (False, True):
        for truth in (False, True):
            function = compiled(checked(text).node, follow_time=follow_time, truth=truth)
            function(*arguments({"at": NOW, "n": 1.0}))
            assert function.source.count("\n") < len(text) + 50
