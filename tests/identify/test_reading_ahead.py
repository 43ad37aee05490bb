"""The log is read one step ahead while the store commits: never twice, never past anything."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from vocative.errors import PrivacyError
from vocative.identify.apply import Applier
from vocative.identify.reading import MOST_AHEAD, ReadAhead, Reading
from vocative.streams.embedded import EmbeddedLog, LogError
from vocative.workspace import Workspace

KEY = b"k" * 32


def _put(log: EmbeddedLog, names: Sequence[str]) -> int:
    events = [
        json.dumps({"type": "track", "event": name, "messageId": name, "userId": "u"}).encode()
        for name in names
    ]
    return log.append(events, source="shop", received_at=1_700_000_000_000_000)


def _names(reading: Reading) -> list[str]:
    return [one.event.name for one in reading.read]


@pytest.fixture
def log(tmp_path: Path) -> EmbeddedLog:
    return EmbeddedLog(tmp_path / "log.db", KEY)


def test_takes_what_was_read_and_what_came_meanwhile(log: EmbeddedLog) -> None:
    ahead = ReadAhead(log)
    first = _put(log, ["a"])
    _put(log, ["b", "c"])
    ahead.begin(first, 10)
    assert ahead._next is not None
    ahead._next[1].result()
    _put(log, ["d"])

    assert _names(ahead.take(first, 10)) == ["b", "c", "d"]


def test_what_was_read_of_another_place_is_not_taken(log: EmbeddedLog) -> None:
    ahead = ReadAhead(log)
    positions = [_put(log, [name]) for name in "abc"]
    ahead.begin(positions[0], 10)

    # Another process was faster, or the step failed and begins where it did.
    assert _names(ahead.take(positions[1], 10)) == ["c"]
    ahead.begin(positions[1], 10)
    assert _names(ahead.take(0, 10)) == ["a", "b", "c"]


def test_no_more_events_than_asked_for(log: EmbeddedLog) -> None:
    ahead = ReadAhead(log)
    for name in "abcd":
        _put(log, [name])
    ahead.begin(0, 4)

    assert _names(ahead.take(0, 2)) == ["a", "b"]
    ahead.begin(2, 1)
    assert ahead._next is not None
    ahead._next[1].result()
    _put(log, ["e", "f", "g"])
    assert _names(ahead.take(2, 3)) == ["c", "d"]
    # A batch that is longer than what is asked for comes alone.
    assert _names(ahead.take(4, 2)) == ["e", "f", "g"]


def test_nothing_there_yet(log: EmbeddedLog) -> None:
    ahead = ReadAhead(log)
    ahead.begin(0, 10)
    assert ahead._next is not None
    ahead._next[1].result()

    assert _names(ahead.take(0, 10)) == []
    ahead.begin(0, 10)
    ahead._next[1].result()
    _put(log, ["a"])
    assert _names(ahead.take(0, 10)) == ["a"]


def test_long_steps_are_not_read_ahead(log: EmbeddedLog) -> None:
    ahead = ReadAhead(log)
    _put(log, ["a"])
    ahead.begin(0, MOST_AHEAD + 1)

    assert ahead._next is None
    assert _names(ahead.take(0, MOST_AHEAD + 1)) == ["a"]


def test_a_log_that_cannot_be_read_is_told_when_it_is_taken(tmp_path: Path) -> None:
    _put(EmbeddedLog(tmp_path / "log.db", b"other" + KEY[5:]), ["a"])
    ahead = ReadAhead(EmbeddedLog(tmp_path / "log.db", KEY))
    ahead.begin(0, 10)

    with pytest.raises(PrivacyError, match="batch 1 "):
        ahead.take(0, 10)

    closed = EmbeddedLog(tmp_path / "log.db", KEY)
    closed.close()
    ahead = ReadAhead(closed)
    ahead.begin(0, 10)
    with pytest.raises(LogError):
        ahead.take(0, 10)


def test_a_step_that_failed_is_done_again(workspace: Workspace) -> None:
    for name in "abc":
        _put(workspace.log, [name])
    applier = Applier(workspace)
    assert applier.step(1) is not None

    class Broken(Exception):
        pass

    def fail(*_: object) -> None:
        raise Broken

    with pytest.raises(Broken):
        applier.step(1, fail)
    report = applier.step(10)
    assert report is not None
    assert (report.applied, report.duplicates) == (2, 0)
    assert applier.step(10) is None
