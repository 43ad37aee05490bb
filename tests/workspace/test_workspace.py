"""A workspace opens its parts when they are used, and one process at a time does one job."""

import multiprocessing
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from vocative.errors import PrivacyError, StateError
from vocative.workspace import Workspace, prepare_state


def test_nothing_is_opened_before_it_is_used(workspace: Workspace) -> None:
    assert sorted(file.name for file in workspace.state_dir.iterdir()) == [".gitignore", "key"]
    with workspace.store.read() as tx:
        assert tx.value("SELECT count(*) FROM profiles") == 0
    assert workspace.log.last_position() == 0
    workspace.close()
    workspace.close()
    with workspace.store.read() as tx:  # it opens again
        assert tx.value("SELECT count(*) FROM profiles") == 0


@pytest.mark.parametrize("name", ["what? #1", "100% pure", "ümläut & co", "a'b\"c;d"])
def test_a_workspace_may_lie_in_any_folder(workspace: Workspace, tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    root.mkdir()
    (root / "vocative.yaml").write_text((workspace.root / "vocative.yaml").read_text())
    prepare_state(root)
    with Workspace(root, clock=workspace.clock) as opened:
        opened.log.append([b"{}"], source="s", received_at=1)
        with opened.store.transaction() as tx:
            tx.run("INSERT INTO stream_offsets (consumer, position) VALUES ('x', 1)")
        with opened.engine() as engine:
            assert engine.query("SELECT count(*) AS n FROM events").to_pylist() == [{"n": 0}]
    assert (root / ".vocative" / "store.db").exists()
    assert (root / ".vocative" / "log.db").exists()


def test_preparing_again_keeps_the_key(workspace: Workspace) -> None:
    before = (workspace.state_dir / "key").read_bytes()
    prepare_state(workspace.root)
    assert (workspace.state_dir / "key").read_bytes() == before


def test_without_its_key_nothing_personal_is_touched(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOCATIVE_KEY", raising=False)
    (workspace.state_dir / "key").unlink()
    for part in ("vault", "log"):
        with pytest.raises(PrivacyError, match="key is missing"):
            getattr(workspace, part)


def hold(root: Path, held: Event, release: Event) -> None:
    with Workspace(root) as workspace, workspace.worker_lock("apply"):
        held.set()
        release.wait(30)


def test_a_job_is_done_by_one_process_at_a_time(workspace: Workspace) -> None:
    fork = multiprocessing.get_context("fork")
    held, release = fork.Event(), fork.Event()
    other = fork.Process(target=hold, args=(workspace.root, held, release))
    other.start()
    assert held.wait(30)
    with (
        pytest.raises(StateError, match=r"doing this already \(apply\)"),
        workspace.worker_lock("apply", wait_seconds=0.2),
    ):
        pass
    with workspace.worker_lock("another job"):
        pass
    release.set()
    with workspace.worker_lock("apply"):  # waits for the other to finish
        pass
    other.join()


def test_a_killed_process_gives_its_lock_back(workspace: Workspace) -> None:
    fork = multiprocessing.get_context("fork")
    held, release = fork.Event(), fork.Event()
    other = fork.Process(target=hold, args=(workspace.root, held, release))
    other.start()
    assert held.wait(30)
    other.kill()
    other.join()
    started = time.monotonic()
    with workspace.worker_lock("apply"):
        assert time.monotonic() - started < 5
