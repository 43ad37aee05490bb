"""Until when a compiled expression holds: never too late, and not needlessly early."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sql.compiled import arguments, checked, compiled, live
from sql.random_expressions import NOW, ROWS, ZONES, deeper
from vocative.sql.python import NEVER

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
