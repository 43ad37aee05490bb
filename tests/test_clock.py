"""Instants are aware, and go to microseconds and back without loss."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vocative.clock import (
    EPOCH,
    FixedClock,
    SystemClock,
    from_micros,
    micros_from_unix,
    naive_utc,
    to_micros,
)

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=zones,
)


@given(instants)
def test_microseconds_keep_the_instant(at: datetime) -> None:
    assert from_micros(to_micros(at)) == at
    assert from_micros(to_micros(at)).tzinfo is UTC
    assert naive_utc(at).replace(tzinfo=UTC) == at


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(TypeError):
        to_micros(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("seconds", [0, 1_767_225_600, 1_767_225_600.25, -5, 99_999_999_999])
def test_unix_times_are_seconds_or_milliseconds(seconds: float) -> None:
    expected = EPOCH + timedelta(seconds=seconds)
    assert from_micros(micros_from_unix(seconds)) == expected
    if seconds > 1e9:
        assert from_micros(micros_from_unix(seconds * 1000)) == expected


def test_clocks_tell_aware_utc() -> None:
    assert SystemClock().now().tzinfo is UTC
    fixed = FixedClock(datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2))))
    assert fixed.now() == fixed.now() == datetime(2026, 1, 1, 10, tzinfo=UTC)
    fixed.advance(timedelta(hours=1))
    assert fixed.now().hour == 11
