"""Ready events come in line by line; what cannot be used is told with its line."""

import json

import pytest
from imported import events, nothing_happened, rejected, rejected_lines, take_in

from vocative.collect.door import BATCH_SIZE, accept
from vocative.collect.importing import list_imports
from vocative.errors import DataError
from vocative.workspace import Workspace

GOOD = '{"event":"Product Viewed","userId":"u%d","timestamp":"2026-01-02T10:00:00Z"}'


def test_every_line_is_used_or_rejected(workspace: Workspace) -> None:
    lines = [
        GOOD % 1,
        "",
        "not json",
        '{"event":"X"}',
        '{"event":"X","userId":"u","timestamp":"2999-01-01"}',
        '{"event":"X","userId":"u\ud83d\ude00"}'.encode("utf-16", "surrogatepass").decode("utf-16"),
        '["a"]',
        '{"event":"X","userId":"u","properties":"p"}',
        GOOD % 2,
    ]
    report = take_in(workspace, "\ufeff" + "\r\n".join(lines), None, name="events.jsonl")
    assert (report.rows, report.used, report.events, report.applied) == (9, 3, 3, 3)
    assert report.refused == {}
    assert rejected_lines(workspace, report) == [
        (2, "empty line"),
        (3, "not valid JSON"),
        (4, "no userId and no anonymousId"),
        (5, "a timestamp in the future or before 1990"),
        (7, "the event has the wrong type"),
        (8, "properties has the wrong type"),
    ]
    assert len(events(workspace)) == 3


def test_importing_twice_adds_nothing(workspace: Workspace) -> None:
    content = "\n".join(GOOD % number for number in range(BATCH_SIZE + 10))
    first = take_in(workspace, content, None, name="events.jsonl")
    assert (first.rows, first.applied) == (BATCH_SIZE + 10, BATCH_SIZE + 10)
    again = take_in(workspace, content, None, name="events.jsonl")
    assert (again.applied, again.duplicates) == (0, BATCH_SIZE + 10)


def test_a_file_that_is_cut_off_is_not_taken_in(workspace: Workspace) -> None:
    import gzip

    packed = gzip.compress("\n".join(GOOD % n for n in range(20_000)).encode())
    with pytest.raises(DataError, match="cut off"):
        take_in(workspace, packed[:-20], None, name="events.jsonl.gz")
    assert nothing_happened(workspace)


def test_an_empty_file_has_no_events(workspace: Workspace) -> None:
    report = take_in(workspace, "", None, name="events.jsonl")
    assert (report.rows, report.used, rejected(report)) == (0, 0, {})


def test_reports_are_kept(workspace: Workspace) -> None:
    from datetime import timedelta

    first = take_in(workspace, GOOD % 1, None, name="a.jsonl")
    workspace.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    second = take_in(workspace, GOOD % 1 + "\nx\n", None, name="b.jsonl")
    assert list_imports(workspace) == [second, first]
    assert second.duplicates == 1


def test_what_is_accepted_is_durable_and_counted(workspace: Workspace) -> None:
    many = [{"event": "X", "userId": "u", "messageId": str(n)} for n in range(BATCH_SIZE * 2 + 1)]
    accepted = accept(workspace, many, source="api")
    assert (accepted.events, accepted.first_position, accepted.last_position) == (len(many), 1, 3)
    again = accept(workspace, [json.dumps(many[0]).encode()], source="api")
    assert (again.first_position, again.last_position) == (4, 4)
    assert accept(workspace, [], source="api").events == 0
