"""Where the workspace key comes from, and what is said when it does not."""

import base64
import multiprocessing
from pathlib import Path

import pytest

from vocative.errors import PrivacyError
from vocative.privacy.keys import WorkspaceKey, create_key_file, read_key


@pytest.fixture(autouse=True)
def _no_key_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOCATIVE_KEY", raising=False)


def test_a_key_file_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "key"
    create_key_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    first = read_key(path)
    create_key_file(path)
    assert read_key(path) == first
    assert [file.name for file in path.parent.iterdir()] == ["key"]


def test_processes_that_make_it_at_once_agree(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    path = tmp_path / "key"
    running = [fork.Process(target=create_key_file, args=(path,)) for _ in range(6)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * 6
    read_key(path)
    assert [file.name for file in tmp_path.iterdir()] == ["key"]


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "key"
    create_key_file(path)
    monkeypatch.setenv("VOCATIVE_KEY", base64.b64encode(b"m" * 32).decode() + "\n")
    assert read_key(path) == WorkspaceKey.derive(b"m" * 32)
    create_key_file(tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_missing_key_says_where_to_find_it(tmp_path: Path) -> None:
    with pytest.raises(PrivacyError, match="is missing") as caught:
        read_key(tmp_path / "key")
    assert "backup" in str(caught.value.hint)


@pytest.mark.parametrize(
    "body", [b"", b"abc", b"\xff" * 40, base64.b64encode(b"x" * 31), b"\xc3\xa9"]
)
def test_a_wrong_key_is_not_repeated(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(body)
    with pytest.raises(PrivacyError, match="not 32 bytes") as caught:
        read_key(path)
    if body:
        assert body.decode("ascii", "replace") not in str(caught.value)


def test_a_key_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.mkdir()
    with pytest.raises(PrivacyError, match="cannot be read"):
        read_key(path)


def test_every_job_has_a_key_of_its_own_and_none_is_shown() -> None:
    key = WorkspaceKey.derive(b"m" * 32)
    assert len({key.wrap, key.lookup, key.log, key.sign}) == 4
    assert repr(key.wrap)[2:-1] not in repr(key)
