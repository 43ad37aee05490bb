"""Mixpanel, pulled from a project on this machine that answers as its documentation says."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from brought import local, pull_all
from taken_in import events, people, take_in

from scripted_server import Asked, ScriptedServer, Told, scripted_server
from vocative.clock import FixedClock
from vocative.collect.event import read_event
from vocative.collect.sources._http import Http, SourceDown, SourceRefused
from vocative.collect.sources.mixpanel import DAYS_AT_ONCE, Mixpanel, MixpanelOptions
from vocative.errors import DataError
from vocative.testing.source_laws import LAWS, SourceBench
from vocative.workspace import Workspace

USER, SECRET, PROJECT = "robot.1", "secret-of-the-tests", 1234
PAGE_SIZE = 2


def exported(name: str, at: str, processed: str | None = None, **stated: Any) -> dict[str, Any]:
    """An event as the export has it."""
    milliseconds = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
    late = datetime.fromisoformat(processed or at).replace(tzinfo=UTC).timestamp()
    return {
        "event": name,
        "properties": {
            "time": milliseconds,
            "$insert_id": f"{name}-{at}",
            "mp_processing_time_ms": int(late * 1000),
            "$browser": "Firefox",
            "mp_lib": "web",
            **stated,
        },
    }


def profile(distinct_id: str, seen: str = "2026-02-20T10:00:00", **stated: Any) -> dict[str, Any]:
    return {"$distinct_id": distinct_id, "$properties": {"$last_seen": seen, **stated}}


@dataclass
class Project:
    """What is in it, and how it misbehaves."""

    events: list[dict[str, Any]] = field(default_factory=list)
    profiles: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[Told] = field(default_factory=list)
    """Answers given first."""
    breaks_off: bool = False

    def answer(self, asked: Asked) -> Told:
        pair = base64.b64encode(f"{USER}:{SECRET}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}":
            return Told(401, json={"error": "Unauthorized", "status": "error"})
        if self.troubles:
            return self.troubles.pop(0)
        assert asked.query["project_id"] == str(PROJECT)
        if asked.path == "/api/2.0/export":
            return self._export(asked.query)
        assert (asked.method, asked.path) == ("POST", "/api/query/engage")
        return self._engage({k: v[0] for k, v in parse_qs(asked.body.decode()).items()})

    def _export(self, query: dict[str, str]) -> Told:
        assert query["time_in_ms"] == "true"
        days = date.fromisoformat(query["from_date"]), date.fromisoformat(query["to_date"])
        assert days[0] <= days[1]
        found = [one for one in self.events if days[0] <= _day(one) <= days[1]]
        lines = [json.dumps(one) for one in found]
        if self.breaks_off:
            lines = [*lines[: len(lines) // 2], "terminated early"]
        return Told(body="".join(f"{line}\n" for line in lines).encode())

    def _engage(self, form: dict[str, str]) -> Told:
        found = self.profiles
        if "where" in form:
            since = form["where"].split('"')[3]
            assert form["where"] == f'properties["$last_seen"] >= "{since}"'
            found = [one for one in found if one["$properties"]["$last_seen"] >= since]
        page = int(form.get("page", 0))
        assert ("session_id" in form) == (page > 0)
        return Told(
            json={
                "page": page,
                "page_size": PAGE_SIZE,
                "session_id": "session-1",
                "status": "ok",
                "total": len(found),
                "results": found[page * PAGE_SIZE : (page + 1) * PAGE_SIZE],
            }
        )


def _day(one: dict[str, Any]) -> date:
    return datetime.fromtimestamp(one["properties"]["time"] / 1000, UTC).date()


@pytest.fixture
def project() -> Project:
    return Project()


@pytest.fixture
def server(project: Project) -> Iterator[ScriptedServer]:
    with scripted_server(project.answer) as running:
        yield running


def mixpanel(server: ScriptedServer, clock: FixedClock, **options: Any) -> Mixpanel:
    stated = {"project_id": PROJECT, "user": USER, "secret": SECRET, "from_date": "2026-02-01"}
    made = msgspec.convert({**stated, **options}, MixpanelOptions)
    assert list(Mixpanel.faults(made)) == []
    connect = local(server.url)

    def hurried(base_url: str, *, per_second: float, **more: Any) -> Http:
        assert per_second <= 3
        return connect(base_url, **more)

    return Mixpanel(made, connect=hurried, clock=clock)


def test_events_and_profiles_become_one_person(
    project: Project, server: ScriptedServer, workspace: Workspace, clock: FixedClock
) -> None:
    project.profiles = [profile("ana", **{"$email": "ana@example.com", "$first_name": "Ana"})]
    project.events = [
        exported(
            "$mp_web_page_view",
            "2026-02-03T09:00:00",
            distinct_id="$device:d1",
            **{"$device_id": "d1", "$current_url": "https://shop.example/tea"},
        ),
        exported(
            "Purchase",
            "2026-02-03T10:00:00",
            distinct_id="ana",
            order_id="7",
            revenue=12.5,
            **{"$device_id": "d1", "$user_id": "ana"},
        ),
    ]
    source = mixpanel(server, clock, rename={"Purchase": "Order Completed"})
    take_in(workspace, pull_all(source, {}), "mixpanel")
    (ana,) = people(workspace)
    assert ana["vault"]["email"] == "ana@example.com"
    viewed, ordered = events(workspace, "Page Viewed", "Order Completed")
    assert viewed["person_id"] == ordered["person_id"] == ana["id"]
    assert (ordered["order_id"], ordered["revenue"]) == ("7", 12.5)


def test_pulling_again_brings_what_was_processed_since(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    project.events = [
        exported("A", "2026-02-28T08:00:00", distinct_id="ana"),
        exported("Latest", "2026-03-01T09:00:00", distinct_id="ana"),
    ]
    source, cursors = mixpanel(server, clock), dict[str, str | None]()
    assert _names(pull_all(source, cursors)) == ["A", "Latest"]
    clock.advance(timedelta(days=1))
    project.events += [
        exported("Late", "2026-02-28T09:00:00", "2026-03-03T08:00:00", distinct_id="bo"),
        exported("B", "2026-03-03T07:00:00", distinct_id="ana"),
    ]
    server.asked.clear()
    # What was processed within an hour of the latest comes again, and counts once.
    assert _names(pull_all(source, cursors)) == ["Latest", "Late", "B"]
    exports = [one.query for one in server.asked if "export" in one.path]
    assert [(one["from_date"], one["to_date"]) for one in exports] == [("2026-02-25", "2026-03-03")]


def test_a_long_history_is_asked_for_in_few_exports(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    project.events = [
        exported("Daily", f"2026-02-{day:02d}T12:00:00", distinct_id="ana") for day in range(1, 29)
    ]
    assert len(_names(pull_all(mixpanel(server, clock), {}))) == 28
    exports = [one for one in server.asked if "export" in one.path]
    assert len(exports) == -(-30 // DAYS_AT_ONCE)


def test_an_export_that_breaks_off_is_asked_for_again_and_counts_once(
    project: Project, server: ScriptedServer, workspace: Workspace, clock: FixedClock
) -> None:
    project.events = [
        exported(f"E{n}", f"2026-03-01T0{n}:00:00", distinct_id="ana") for n in range(8)
    ]
    source, cursors = mixpanel(server, clock), dict[str, str | None]()
    project.breaks_off = True
    with pytest.raises(SourceDown, match="broke off"):
        take_in(workspace, pull_all(source, cursors), "mixpanel")
    project.breaks_off = False
    for _ in range(2):
        take_in(workspace, pull_all(source, dict(cursors)), "mixpanel")
    assert len(events(workspace)) == 8


def test_a_pull_that_is_killed_between_pages_goes_on(
    project: Project, server: ScriptedServer, workspace: Workspace, clock: FixedClock
) -> None:
    project.events = [
        exported(f"E{day}", f"2026-02-{day:02d}T12:00:00", distinct_id="ana")
        for day in range(1, 29)
    ]
    project.profiles = [profile(f"p{n}", **{"$email": f"p{n}@example.com"}) for n in range(5)]
    cursors: dict[str, str | None] = {}
    for killed_after in (1, 2, 3, 4, 100):
        pages = pull_all(mixpanel(server, clock), cursors)
        for _, page in zip(range(killed_after), pages, strict=False):
            take_in(workspace, [page], "mixpanel")
        pages.close()
    names = [one["name"] for one in events(workspace) if one["name"] != "Identified"]
    assert names == [f"E{day}" for day in range(1, 29)]
    assert len(people(workspace)) == 6


@pytest.mark.parametrize(
    ("options", "stated", "expected"),
    [
        ({}, {"distinct_id": "ana"}, {"userId": "ana"}),
        ({}, {"distinct_id": "$device:d1"}, {"anonymousId": "mixpanel:d1"}),
        (
            {},
            {"distinct_id": "ana", "$user_id": "ana", "$device_id": "d1"},
            {"userId": "ana", "anonymousId": "mixpanel:d1"},
        ),
        ({}, {"distinct_id": "d1", "$device_id": "d1"}, {"anonymousId": "mixpanel:d1"}),
        ({"identities": "original"}, {"distinct_id": "x"}, {"anonymousId": "mixpanel:x"}),
        (
            {"identities": "original"},
            {"distinct_id": "x", "$user_id": "ana"},
            {"userId": "ana", "anonymousId": "mixpanel:x"},
        ),
        (
            {},
            {"distinct_id": "ana@example.com"},
            {"context": {"traits": {"email": "ana@example.com"}}},
        ),
        ({"accounts": False}, {"distinct_id": "9"}, {"anonymousId": "mixpanel:user:9"}),
        ({}, {"distinct_id": 42}, {"userId": "42"}),
        ({}, {"distinct_id": "undefined"}, {"context": {"nobody": True}}),
        ({}, {"distinct_id": "$device:null"}, {"context": {"nobody": True}}),
        ({}, {}, {"context": {"nobody": True}}),
    ],
)
def test_who_is_who_follows_the_rules_of_the_project(
    project: Project,
    server: ScriptedServer,
    clock: FixedClock,
    options: dict[str, Any],
    stated: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    project.events = [exported("A", "2026-03-01T09:00:00", **stated)]
    source = mixpanel(server, clock, **options)
    (event,) = [event for page in source.pull("events", None) for event in page.events]
    about = {key: event[key] for key in ("userId", "anonymousId", "context") if key in event}
    assert about == expected
    read_event(msgspec.json.encode(event), received_at=1_772_500_000_000_000)


def test_an_id_does_not_change_with_the_person_an_event_is_given_to(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    """Mixpanel exports an event under another id once its device is somebody's."""
    source = mixpanel(server, clock)
    found = []
    for insert_id in ({}, {"$insert_id": None}):
        for who in ("$device:d1", "ana"):
            project.events = [
                exported("A", "2026-03-01T09:00:00", **{"distinct_id": who, **insert_id})
            ]
            found += [event for page in source.pull("events", None) for event in page.events]
    ids = [event["messageId"] for event in found]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_the_times_of_an_old_project_are_in_its_zone(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    project.events = [exported("A", "2026-03-01T09:00:00", distinct_id="ana")]
    source = mixpanel(server, clock, timezone="America/New_York")
    (event,) = [event for page in source.pull("events", None) for event in page.events]
    assert event["timestamp"] == "2026-03-01T14:00:00+00:00"


def test_profiles_are_asked_for_page_by_page_and_then_only_changed_ones(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    project.profiles = [
        profile(f"p{n}", f"2026-02-2{n}T10:00:00", **{"$email": f"p{n}@x.example"})
        for n in range(5)
    ]
    source, cursors = mixpanel(server, clock), dict[str, str | None]()
    first = [event for page in pull_all(source, cursors) for event in page.events]
    assert [event["userId"] for event in first] == ["p0", "p1", "p2", "p3", "p4"]
    project.profiles[1] = profile("p1", "2026-02-26T10:00:00", **{"$email": "new@x.example"})
    again = [event for page in pull_all(source, cursors) for event in page.events]
    assert [event["userId"] for event in again] == ["p1", "p4"]
    assert again[1]["messageId"] == first[4]["messageId"]
    assert again[0]["messageId"] != first[1]["messageId"]


def test_a_state_that_comes_back_is_stated_again(
    project: Project, server: ScriptedServer, workspace: Workspace, clock: FixedClock
) -> None:
    source, cursors = mixpanel(server, clock), dict[str, str | None]()
    for day, name, out in ((20, "Ana", True), (21, "Anna", False), (22, "Ana", True)):
        stated = {"$email": "ana@example.com", "$first_name": name, "$unsubscribed": out}
        project.profiles = [profile("ana", f"2026-02-{day}T10:00:00", **stated)]
        take_in(workspace, pull_all(source, cursors), "mixpanel")
    (ana,) = people(workspace)
    assert ana["vault"]["first_name"] == "Ana"
    assert [(status, at.day) for _, status, at in ana["consents"]] == [
        ("withdrawn", 20),
        ("withdrawn", 22),
    ]


def test_somebody_who_unsubscribed_there_has_withdrawn(
    project: Project, server: ScriptedServer, workspace: Workspace, clock: FixedClock
) -> None:
    project.profiles = [profile("ana", **{"$email": "ana@example.com", "$unsubscribed": True})]
    take_in(workspace, pull_all(mixpanel(server, clock), {}), "mixpanel")
    (ana,) = people(workspace)
    assert ana["consents"] == [("marketing", "withdrawn", datetime(2026, 2, 20, 10, tzinfo=UTC))]


def test_lines_that_are_no_events_are_counted(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    project.events = [
        exported("A", "2026-03-01T09:00:00"),
        exported("", "2026-03-01T09:00:00"),
        exported("B", "2026-03-01T09:00:00") | {"event": 5},
    ]
    pages = list(mixpanel(server, clock).pull("events", None))
    assert sum(sum(page.rejected.values()) for page in pages) == 2
    assert _names(pages) == ["A"]


def test_limits_and_wrong_secrets_are_told_apart(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    limited = Told(429, json={"error": "rate limit"}, headers={"Retry-After": "900"})
    project.troubles = [limited]
    with pytest.raises(SourceDown) as down:
        list(mixpanel(server, clock).pull("events", None))
    assert down.value.wait_seconds == 900
    project.troubles = [Told(503), Told(200, body=b"", cut=False)]
    list(
        mixpanel(server, clock).pull(
            "events", '{"day":"2026-03-02","known_ms":0,"newest_ms":0,"whole":false}'
        )
    )
    with pytest.raises(SourceRefused) as refused:
        list(mixpanel(server, clock, secret="other").pull("profiles", None))
    assert "other" not in str(refused.value)


def test_a_cursor_or_an_answer_that_is_none_is_told(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    with pytest.raises(DataError, match="cursor"):
        list(mixpanel(server, clock).pull("events", "{}"))
    project.troubles = [Told(json={"status": "ok"})]
    with pytest.raises(DataError, match="shape"):
        list(mixpanel(server, clock).pull("profiles", None))


@pytest.mark.parametrize(
    "wrong", [{"from_date": "soon"}, {"timezone": "Europe/Londn"}, {"late_days": 99}]
)
def test_options_that_cannot_be_are_told(wrong: dict[str, Any]) -> None:
    stated = {"project_id": 1, "user": USER, "secret": "env:X", "from_date": "2026-02-01"}
    made = msgspec.convert({**stated, **wrong}, MixpanelOptions)
    assert [path for path, *_ in Mixpanel.faults(made)] == [(name,) for name in wrong]


def test_it_keeps_the_laws_of_sources(
    project: Project, server: ScriptedServer, clock: FixedClock
) -> None:
    project.profiles = [profile(f"p{n}", **{"$email": f"p{n}@x.example"}) for n in range(5)]
    project.events = [
        exported(f"E{day}", f"2026-02-{day:02d}T12:00:00", distinct_id="ana")
        for day in range(1, 29)
    ]
    bench = SourceBench(open=lambda: mixpanel(server, clock), secrets=[SECRET])
    for law in LAWS:
        law(bench)


def _names(pages: Any) -> list[str]:
    return [event["event"] for page in pages for event in page.events]
