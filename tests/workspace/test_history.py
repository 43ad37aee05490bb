"""History only grows: no row is lost or doubled by joining and sweeping its files."""

import os
import time
from pathlib import Path

import pyarrow as pa
import pytest

from vocative.errors import EngineError
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
