"""Instants of local times: clock changes, half-hour zones, leap days, windows, quiet hours."""

import random
import zoneinfo
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vocative.campaign.schedule import (
    ScheduleBody,
    Timing,
    Window,
    local_instant,
    next_local,
    starts_at,
)
from vocative.privacy.permit import ContactRules, contact_from
from vocative.workspace.settings import QuietHours, Sender, Settings

# Half-hour and 45-minute zones, changes of half an hour, at midnight, and none at all.
NAMES = [
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Havana",
    "America/Sao_Paulo",
    "Europe/Berlin",
    "Europe/London",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
]
ZONES = [ZoneInfo(name) for name in NAMES]
zones = st.sampled_from(ZONES)
instants = st.integers(1_300_000_000, 1_950_000_000).map(lambda at: datetime.fromtimestamp(at, UTC))
times = st.builds(time, st.integers(0, 23), st.integers(0, 59))


def settings(**changed: object) -> Settings:
    return Settings(
        workspace="test",
        sender=Sender("hello@shop.example", "Shop"),
        postal_address="1 High Street",
        **changed,  # type: ignore[arg-type]
    )


def test_the_list_of_zones_is_known_here() -> None:
    assert set(NAMES) <= zoneinfo.available_timezones()


@pytest.mark.parametrize(
    ("zone", "wall", "instant"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30"),  # there is none: half past 3
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30"),  # there are two: the first
        ("Asia/Kolkata", "2026-06-01T09:00", "2026-06-01T03:30"),
        ("Asia/Kathmandu", "2026-06-01T09:00", "2026-06-01T03:15"),
        ("Australia/Lord_Howe", "2026-10-04T02:10", "2026-10-03T15:40"),
        ("Asia/Beirut", "2026-03-29T00:00", "2026-03-28T22:00"),  # the day begins at 1
        ("Europe/London", "2028-02-29T09:00", "2028-02-29T09:00"),
        ("America/Los_Angeles", "2027-12-31T23:30", "2028-01-01T07:30"),
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-30T19:00"),  # a day that never was
    ],
)
def test_a_local_time_is_one_instant(zone: str, wall: str, instant: str) -> None:
    found = local_instant(datetime.fromisoformat(wall), ZoneInfo(zone))
    assert found == datetime.fromisoformat(instant).replace(tzinfo=UTC)


@given(instants, times, zones)
def test_the_next_local_time_is_soon_and_not_before(
    after: datetime, at: time, zone: ZoneInfo
) -> None:
    found = next_local(after, at, zone)
    assert after <= found <= after + timedelta(hours=49)
    local = found.astimezone(zone)
    skipped = local_instant(datetime.combine(local.date(), at), zone).astimezone(zone)
    assert (local.hour, local.minute) in {(at.hour, at.minute), (skipped.hour, skipped.minute)}


@given(instants, zones, st.integers(0, 23), st.integers(0, 24), st.integers(0, 23))
def test_contact_is_never_earlier_than_wished_and_stays_where_it_is(
    at: datetime, zone: ZoneInfo, start: int, end: int, opens: int
) -> None:
    assume(start == end or opens not in Window(start, end or 24))
    window = Window(opens, opens + 1)
    rules = ContactRules(purposes={}, quiet_hours=QuietHours(start, end), window=window)
    found = contact_from(at, zone, rules)
    assert found >= at
    assert contact_from(found, zone, rules) == found


def test_nobody_is_due_in_quiet_hours_or_outside_the_window() -> None:
    """10⁵ random schedules; half of them within three days of a clock change."""
    draw = random.Random(5)
    changes = [change for zone in ZONES for change in _clock_changes(zone)]
    for _ in range(100_000):
        zone, at = draw.choice(changes) if draw.random() < 0.5 else (draw.choice(ZONES), None)
        at = at or datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=draw.randrange(5_000_000))
        at += timedelta(minutes=draw.randrange(-4_320, 4_320))
        quiet = QuietHours(draw.randrange(18, 24), draw.randrange(1, 10))
        opens = draw.randrange(10, 17)
        window = Window(opens, draw.randrange(opens + 1, 25)) if draw.random() < 0.5 else None
        rules = ContactRules(purposes={}, quiet_hours=quiet, window=window)
        wall = at.replace(tzinfo=None) if draw.random() < 0.5 else None
        timing = Timing(start=at, wall=wall, chooses_hour=False, rules=rules)
        hour = draw.randrange(24) if draw.random() < 0.5 else None
        due = timing.send_at(zone, hour, person_id="p")
        local = due.astimezone(zone)
        assert due >= at
        assert quiet.end <= local.hour < quiet.start, (zone, at, quiet, due)
        assert window is None or local.hour in window, (zone, at, window, due)


def _clock_changes(zone: ZoneInfo) -> list[tuple[ZoneInfo, datetime]]:
    days = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in range(1_461))
    return [
        (zone, day)
        for day in days
        if day.astimezone(zone).utcoffset()
        != (day + timedelta(days=1)).astimezone(zone).utcoffset()
    ]


def test_a_run_begins_in_the_workspaces_zone_or_where_the_day_begins_first() -> None:
    berlin = settings(timezone="Europe/Berlin")
    at = "2026-12-01 09:00"
    assert starts_at(ScheduleBody(at=at), berlin) == datetime(2026, 12, 1, 8, tzinfo=UTC)
    with_offset = ScheduleBody(at=f"{at}-05:00")
    assert starts_at(with_offset, berlin) == datetime(2026, 12, 1, 14, tzinfo=UTC)
    local = ScheduleBody(at=at, local=True)
    first = datetime(2026, 11, 30, 19, tzinfo=UTC)
    assert starts_at(local, berlin) == first
    assert all(
        local_instant(datetime.fromisoformat(at), ZoneInfo(name)) >= first
        for name in zoneinfo.available_timezones()
    )
    assert starts_at(ScheduleBody(), berlin) is None
