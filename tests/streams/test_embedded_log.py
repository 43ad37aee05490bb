"""The event log keeps what it acknowledged, in order, and shows it to nobody without the key."""

import random
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vocative.errors import PrivacyError
from vocative.streams.embedded import EmbeddedLog, LogError

KEY = b"k" * 32
WRITER = """
import resource, sys
from pathlib import Path
from vocative.streams.embedded import EmbeddedLog, LogError
limit = int(sys.argv[2])
log = EmbeddedLog(Path(sys.argv[1]), b"k" * 32)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
number = 0
try:
    while True:
        events = [b'{"n":%d,"i":%d}' % (number, index) for index in range(50)]
        position = log.append(events, source="s", received_at=number)
        print(position, number, flush=True)
        number += 1
except LogError as error:
    print("full", error.message, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


def test_batches_come_back_in_order_and_whole(path: Path) -> None:
    log = EmbeddedLog(path, KEY)
    assert log.last_position() == 0
    assert list(log.read(0)) == []
    written = [[b"%d" % n, b"{}", "é".encode()] for n in range(250)]
    positions = [log.append(events, source="s", received_at=7) for events in written]
    assert positions == list(range(1, 251))
    assert [batch.events for batch in log.read(0)] == written
    assert [batch.position for batch in log.read(200)] == list(range(201, 251))
    assert {(batch.source, batch.received_at) for batch in log.read(0)} == {("s", 7)}
    assert log.last_position() == 250
    log.close()


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.lists(st.binary(max_size=80), max_size=4),
            st.text(st.characters(codec="utf-8"), max_size=8),
        )
    )
)
def test_any_bytes_survive(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[list[bytes], str]]
) -> None:
    log = EmbeddedLog(tmp_path_factory.mktemp("log") / "log.db", KEY)
    for events, source in batches:
        log.append(events, source=source, received_at=1)
    assert [batch.events for batch in log.read(0)] == [events for events, _ in batches]
    log.close()


def test_a_position_is_never_given_twice(path: Path) -> None:
    log = EmbeddedLog(path, KEY)
    for _ in range(3):
        log.append([b"{}"], source="s", received_at=1)
    log.forget_before(99)
    assert list(log.read(0)) == []
    assert log.last_position() == 3
    assert log.append([b"{}"], source="s", received_at=1) == 4
    log.close()


def test_a_read_may_be_bounded_but_always_moves_on(path: Path) -> None:
    log = EmbeddedLog(path, KEY)
    for size in (3, 2, 0, 7, 1):
        log.append([b"{}"] * size, source="s", received_at=1)

    def positions(after: int, most_events: int) -> list[int]:
        return [batch.position for batch in log.read(after, most_events=most_events)]

    assert positions(0, 1) == [1]  # one batch, however large it is
    assert positions(0, 4) == [1]
    assert positions(0, 5) == [1, 2]
    assert positions(2, 1) == [3]
    assert positions(2, 7) == [3, 4]
    assert positions(3, 1) == [4]
    assert positions(0, 100) == [1, 2, 3, 4, 5]
    assert positions(5, 100) == []
    log.close()


@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 8))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_bounded_reads_together_read_everything(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], most_events: int
) -> None:
    log = EmbeddedLog(tmp_path_factory.mktemp("log") / "log.db", KEY)
    for size in sizes:
        log.append([b"{}"] * size, source="s", received_at=1)
    after, seen = 0, []
    while step := list(log.read(after, most_events=most_events)):
        assert len(step) == 1 or sum(len(batch.events) for batch in step) <= most_events
        seen += [len(batch.events) for batch in step]
        after = step[-1].position
    assert seen == sizes
    log.close()


def test_threads_may_append_together(path: Path) -> None:
    log = EmbeddedLog(path, KEY)
    positions: list[int] = []

    def write() -> None:
        positions.extend(log.append([b"x"], source="s", received_at=1) for _ in range(40))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(positions) == list(range(1, 161))
    log.close()


def test_what_a_killed_writer_acknowledged_is_there(path: Path) -> None:
    dice = random.Random(4)
    acknowledged: dict[int, int] = {}
    for _ in range(4):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), "0"], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        lines = [writer.stdout.readline()]
        time.sleep(dice.random() * 0.2)
        writer.kill()
        lines += writer.stdout.readlines()
        writer.wait()
        writer.stdout.close()
        for line in lines:
            if line.endswith("\n"):
                position, number = line.split()
                acknowledged[int(position)] = int(number)
    log = EmbeddedLog(path, KEY)
    found = {batch.position: batch for batch in log.read(0)}
    log.close()
    assert len(acknowledged) > 8
    assert list(found) == list(range(1, len(found) + 1))  # nothing half written between
    for position, number in acknowledged.items():
        assert found[position].received_at == number
        assert found[position].events[-1] == b'{"n":%d,"i":49}' % number


def test_a_full_disk_refuses_and_keeps_what_was_acknowledged(path: Path) -> None:
    writer = subprocess.run(
        [sys.executable, "-c", WRITER, str(path), "600000"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    *lines, last = writer.stdout.splitlines()
    assert last.startswith("full the event log failed")
    log = EmbeddedLog(path, KEY)
    assert [batch.position for batch in log.read(0)] == [int(line.split()[0]) for line in lines]
    assert log.append([b"{}"], source="s", received_at=1) == len(lines) + 1
    log.close()


def test_another_key_opens_nothing(path: Path) -> None:
    log = EmbeddedLog(path, KEY)
    log.append([b"secret"], source="s", received_at=1)
    log.close()
    other = EmbeddedLog(path, b"o" * 32)
    with pytest.raises(PrivacyError, match=r"batch 1 .* cannot be opened"):
        list(other.read(0))
    other.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE batches SET source = 'vocative'",
        "UPDATE batches SET received_at = 2",
        "UPDATE batches SET body = x'00'",
        "UPDATE batches SET body = zeroblob(0)",
        "UPDATE batches SET body = CAST(body || x'00' AS BLOB)",
    ],
)
def test_a_batch_that_was_tampered_with_is_refused(path: Path, change: str) -> None:
    log = EmbeddedLog(path, KEY)
    log.append([b"{}"], source="s", received_at=1)
    with sqlite3.connect(path) as connection:
        connection.execute(change)
    connection.close()
    with pytest.raises(PrivacyError):
        list(log.read(0))
    log.close()


def test_nothing_of_an_event_lies_open(path: Path) -> None:
    log = EmbeddedLog(path, KEY)
    log.append([b"ana.canary@example.com" * 20], source="s", received_at=1)
    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    log.close()
    assert b"canary" not in written


@pytest.mark.parametrize("body", [None, b"no database " * 500])
def test_a_log_that_cannot_be_opened_says_so(path: Path, body: bytes | None) -> None:
    if body is None:
        path = path.parent / "missing" / "log.db"
    else:
        path.write_bytes(body)
    with pytest.raises(LogError, match="event log failed"):
        EmbeddedLog(path, KEY)


def test_a_closed_log_says_so(path: Path) -> None:
    log = EmbeddedLog(path, KEY)
    log.close()
    for use in (log.last_position, lambda: list(log.read(0)), lambda: log.forget_before(1)):
        with pytest.raises(LogError):
            use()


def test_an_append_is_flushed_to_disk(path: Path) -> None:
    # 2 is FULL: the commit waits for the disk, so a power cut loses nothing acknowledged.
    log = EmbeddedLog(path, KEY)
    assert log._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert log._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    log.close()


def test_a_transaction_of_several_appends_is_kept_whole_or_not_at_all(path: Path) -> None:
    log = EmbeddedLog(path, KEY)
    batches = [log.sealed([b"%d" % n], source="s", received_at=n) for n in range(3)]
    with log.transaction() as tx:
        assert [tx.append(batch) for batch in batches] == [1, 2, 3]

    def fails() -> None:
        with log.transaction() as tx:
            tx.append(batches[0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert [(batch.received_at, batch.events) for batch in log.read(0)] == [
        (0, [b"0"]),
        (1, [b"1"]),
        (2, [b"2"]),
    ]
    assert log.append([b"3"], source="s", received_at=3) == 4
    log.close()
