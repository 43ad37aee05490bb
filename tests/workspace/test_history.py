"""History only grows: no row is lost or doubled by joining and sweeping its files."""

import multiprocessing
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from vocative.errors import EngineError
from vocative.stores import Store, Transaction
from vocative.workspace import Workspace
from vocative.workspace import history as module


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_ROWS", 1)


def rows(first: int, count: int) -> pa.Table:
    return pa.table(
        {
            "event_id": pa.array([f"e{first}-{number}" for number in range(count)]),
            "person_id": pa.array(["p"] * count),
            "name": pa.array(["Product Viewed"] * count),
        }
    )


def append(workspace: Workspace, first: int, count: int = 3) -> None:
    with workspace.store.transaction() as tx:
        workspace.history.append(tx, "events", rows(first, count), first=first, last=first)


def ids(workspace: Workspace) -> list[str]:
    with workspace.engine() as engine:
        return [row["event_id"] for row in engine.rows("SELECT event_id FROM events ORDER BY 1")]


def visible(workspace: Workspace) -> list[str]:
    with workspace.store.read() as tx:
        return [path.name for path in workspace.history.parts(tx)["events"]]


def files(workspace: Workspace) -> list[str]:
    return sorted(path.name for path in workspace.history.folder.iterdir())


@pytest.fixture
def ten(workspace: Workspace) -> Workspace:
    for first in range(1, 11):
        append(workspace, first)
    return workspace


def age(workspace: Workspace) -> None:
    """Make every file look as if nobody had touched it for long."""
    long_ago = time.time() - module.READERS_SECONDS - 1
    for path in workspace.history.folder.iterdir():
        os.utime(path, (long_ago, long_ago))


def test_joining_keeps_every_row(ten: Workspace) -> None:
    before = ids(ten)
    ten.history.compact(ten.store, limit=20)
    assert len(visible(ten)) == 10
    ten.history.compact(ten.store, limit=5)
    assert len(visible(ten)) == 1
    assert ids(ten) == before
    for first in range(11, 20):
        append(ten, first)
    ten.history.compact(ten.store, limit=5)  # the joined part is joined again
    assert visible(ten) == ["events-000000000001-000000000019-57-joined.parquet"]
    assert len(ids(ten)) == len(set(ids(ten))) == 57


def test_full_parts_are_left_alone(ten: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL_PART_ROWS", 3)
    ten.history.compact(ten.store, limit=2)
    assert len(visible(ten)) == 10


def test_a_reader_keeps_its_files_while_they_are_joined_and_swept(ten: Workspace) -> None:
    age(ten)
    with ten.engine() as reader:
        ten.history.compact(ten.store, limit=5)
        ten.history.sweep(ten.store)
        assert reader.rows("SELECT count(*) AS n FROM events") == [{"n": 30}]
    assert len(files(ten)) == 11
    age(ten)
    ten.history.sweep(ten.store)
    assert files(ten) == visible(ten)
    assert len(ids(ten)) == 30


def test_a_sweep_right_after_a_join_leaves_readers_their_files(
    ten: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    transaction = Store.transaction

    @contextmanager
    def then_swept(store: Store) -> Iterator[Transaction]:
        with transaction(store) as tx:
            yield tx
        ten.history.sweep(store)

    age(ten)
    with ten.engine() as reader:
        monkeypatch.setattr(Store, "transaction", then_swept)
        ten.history.compact(ten.store, limit=5)
        assert reader.rows("SELECT count(*) AS n FROM events") == [{"n": 30}]
    assert len(visible(ten)) == 1


def test_a_file_that_goes_while_another_sweeps_is_let_go(
    ten: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Path.glob

    def one_more(folder: Path, pattern: str) -> Iterator[Path]:
        yield folder / "events-000000000011-000000000011.parquet.1-1.partial"
        yield from found(folder, pattern)

    (ten.history.folder / "events-000000000012-000000000012.parquet").write_bytes(b"left over")
    age(ten)
    monkeypatch.setattr(Path, "glob", one_more)
    ten.history.sweep(ten.store)
    monkeypatch.undo()
    assert files(ten) == visible(ten)


def test_what_a_crash_left_is_not_seen_and_swept(ten: Workspace) -> None:
    folder = ten.history.folder
    (folder / "events-000000000011-000000000011.parquet").write_bytes(b"left over")
    (folder / "events-000000000012-000000000012.parquet.partial").write_bytes(b"half")
    assert len(ids(ten)) == 30
    ten.history.sweep(ten.store)
    assert len(files(ten)) == 12  # somebody may be writing them
    age(ten)
    ten.history.sweep(ten.store)
    assert files(ten) == visible(ten)
    append(ten, 11)
    assert len(ids(ten)) == 33


def test_a_part_that_was_rolled_back_is_replaced(ten: Workspace) -> None:
    with pytest.raises(RuntimeError):
        roll_back(ten)
    assert len(ids(ten)) == 30
    append(ten, 11, count=2)
    assert len(ids(ten)) == 32


def roll_back(workspace: Workspace) -> None:
    with workspace.store.transaction() as tx:
        workspace.history.append(tx, "events", rows(11, 5), first=11, last=11)
        raise RuntimeError


def test_an_empty_table_makes_no_file(workspace: Workspace) -> None:
    append(workspace, 1, count=0)
    assert not workspace.history.folder.exists()
    workspace.history.sweep(workspace.store)


def test_a_disk_that_takes_nothing_is_reported(ten: Workspace) -> None:
    folder = ten.history.folder
    moved = folder.rename(folder.parent / "elsewhere")
    folder.write_bytes(b"a file where the folder was")
    with pytest.raises(EngineError, match="history cannot be written") as caught:
        append(ten, 11)
    assert "nothing was lost" in str(caught.value.hint)
    folder.unlink()
    Path(moved).rename(folder)
    assert len(ids(ten)) == 30
    append(ten, 11)


def test_a_failed_join_leaves_everything_as_it_was(ten: Workspace) -> None:
    blocked = ten.history.folder / "events-000000000001-000000000010-30-joined.parquet"
    blocked.mkdir()
    with pytest.raises(EngineError):
        ten.history.compact(ten.store, limit=5)
    assert len(visible(ten)) == 10
    assert len(ids(ten)) == 30


@pytest.fixture
def waiting(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Ten additions that are too small to be parts."""
    monkeypatch.setattr(module, "PART_ROWS", 10_000)
    for first in range(1, 11):
        append(workspace, first)
    return workspace


def test_small_additions_are_seen_at_once_and_make_no_file(waiting: Workspace) -> None:
    assert not waiting.history.folder.exists()
    assert len(ids(waiting)) == len(set(ids(waiting))) == 30
    with waiting.store.read() as tx:
        assert waiting.history.row_count(tx, "events") == 30


def test_flushing_makes_one_part_of_the_tail(waiting: Workspace) -> None:
    before = ids(waiting)
    assert waiting.history.flush(waiting.store) == 30
    assert visible(waiting) == files(waiting) == ["events-000000000001-000000000010.parquet"]
    assert ids(waiting) == before
    assert waiting.history.flush(waiting.store) == 0
    append(waiting, 11)
    assert len(ids(waiting)) == 33
    with waiting.store.read() as tx:
        assert waiting.history.row_count(tx, "events") == 33


def test_a_long_tail_becomes_several_parts(
    waiting: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_ROWS", 10)
    assert waiting.history.flush(waiting.store) == 30
    assert len(visible(waiting)) == 3
    assert len(set(ids(waiting))) == 30


def test_a_tail_is_due_when_it_is_long_or_old(
    waiting: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert waiting.history.flush_when_due(waiting.store) == 0
    monkeypatch.setattr(module, "TAIL_ROWS", 30)
    assert waiting.history.flush_when_due(waiting.store) == 30
    append(waiting, 11)
    assert waiting.history.flush_when_due(waiting.store) == 0
    monkeypatch.setattr(module, "TAIL_SECONDS", 0)
    assert waiting.history.flush_when_due(waiting.store) == 3
    assert len(set(ids(waiting))) == 33


def test_a_part_of_the_tail_between_two_joined_ones_is_not_lost(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(workspace, 1)
    append(workspace, 9)
    monkeypatch.setattr(module, "PART_ROWS", 10_000)
    append(workspace, 5)
    workspace.history.compact(workspace.store, limit=1)
    workspace.history.flush(workspace.store)
    assert len(ids(workspace)) == 9
    workspace.history.compact(workspace.store, limit=1)
    assert len(visible(workspace)) == 1
    assert len(ids(workspace)) == len(set(ids(workspace))) == 9


def test_rows_from_before_a_column_was_added_are_flushed_with_newer_ones(
    waiting: Workspace,
) -> None:
    with waiting.store.transaction() as tx:
        newer = rows(11, 2).append_column("position", pa.array([11, 11], pa.int64()))
        waiting.history.append(tx, "events", newer, first=11, last=11)
    for _ in range(2):
        with waiting.engine() as engine:
            found = engine.rows("SELECT count(*) AS n, count(position) AS p FROM events")
        assert found == [{"n": 32, "p": 2}]
        waiting.history.flush(waiting.store)


def test_a_reader_keeps_the_tail_it_saw(waiting: Workspace) -> None:
    with waiting.engine() as reader:
        waiting.history.flush(waiting.store)
        append(waiting, 11)
        assert reader.rows("SELECT count(*) AS n FROM events") == [{"n": 30}]


def test_whoever_flushes_second_changes_nothing(
    waiting: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = waiting.history
    write = history._write

    def overtaken(*arguments: Any) -> None:
        write(*arguments)
        monkeypatch.setattr(history, "_write", write)
        append(waiting, 11)
        assert history.flush(waiting.store) == 33

    monkeypatch.setattr(history, "_write", overtaken)
    assert history.flush(waiting.store) == 0
    assert len(ids(waiting)) == len(set(ids(waiting))) == 33
    age(waiting)
    history.sweep(waiting.store)
    assert files(waiting) == visible(waiting)


def test_a_flush_that_fails_leaves_everything_as_it_was(waiting: Workspace) -> None:
    waiting.history.folder.write_bytes(b"a file where the folder was")
    with pytest.raises(EngineError, match="history cannot be written"):
        waiting.history.flush(waiting.store)
    waiting.history.folder.unlink()
    assert len(ids(waiting)) == 30


FORK = multiprocessing.get_context("fork")


def add_and_flush(root: Path, first: int) -> None:
    """Add three rows at a time for good, and flush and join beside it."""
    with Workspace(root) as workspace:

        def tidy() -> None:
            while True:
                workspace.history.flush(workspace.store)
                workspace.history.compact(workspace.store, limit=3)

        threading.Thread(target=tidy, daemon=True).start()
        while True:
            append(workspace, first)
            first += 1


@pytest.mark.filterwarnings("ignore:This process.*multi-threaded:DeprecationWarning")
def test_killing_whoever_flushes_neither_loses_nor_doubles_a_row(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_ROWS", 10_000)
    append(workspace, 1)
    workspace.close()
    dice = random.Random(5)
    total = 3
    for _ in range(12):
        with workspace.store.read() as tx:
            total = workspace.history.row_count(tx, "events")
        workspace.close()
        child = FORK.Process(target=add_and_flush, args=(workspace.root, total // 3 + 1))
        child.start()
        time.sleep(0.1 + dice.random() * 0.2)
        child.kill()
        child.join()
        found = ids(workspace)
        assert len(found) == len(set(found)) >= total
        expected = {f"e{first}-{n}" for first in range(1, len(found) // 3 + 1) for n in range(3)}
        assert set(found) == expected
        workspace.close()
    assert total > 100
    assert workspace.history.folder.exists()


@pytest.mark.postgres
def test_the_tail_is_the_same_on_postgresql(
    waiting: Workspace, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = waiting.root / "vocative.yaml"
    settings.write_text(settings.read_text() + f"store: {postgres_url}\n")
    with Workspace(waiting.root) as there:
        for first in range(1, 11):
            append(there, first)
        assert len(ids(there)) == 30
        monkeypatch.setattr(module, "TAIL_ROWS", 30)
        assert there.history.flush_when_due(there.store) == 30
        append(there, 11)
        assert len(visible(there)) == 1
        assert len(ids(there)) == len(set(ids(there))) == 33


def test_flushing_and_joining_by_several_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART_ROWS", 10_000)
    failures: list[BaseException] = []
    done = threading.Event()

    def tidy() -> None:
        try:
            while not done.is_set():
                workspace.history.flush(workspace.store)
                workspace.history.compact(workspace.store, limit=2)
        except BaseException as error:  # noqa: BLE001 - whatever it was, the test fails by it
            failures.append(error)

    threads = [threading.Thread(target=tidy) for _ in range(3)]
    append(workspace, 1)
    for thread in threads:
        thread.start()
    for first in range(2, 41):
        append(workspace, first)
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(ids(workspace)) == len(set(ids(workspace))) == 120
