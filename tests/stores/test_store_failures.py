"""What a store says when it cannot be used."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from vocative.errors import AuthorError
from vocative.stores import StoreBusy, StoreError, load_queries, open_store
from vocative.stores import sqlite as sqlite_store


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite//x", "mysql://u@h/d", "::::"])
def test_a_url_that_names_no_store_is_the_authors_error(url: str) -> None:
    with pytest.raises(AuthorError):
        open_store(url)


def test_a_url_with_a_password_is_not_repeated() -> None:
    with pytest.raises(AuthorError) as caught:
        open_store("postgresql//u:secret@h/d")
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.__cause__)


@pytest.mark.parametrize("schema", ["a-b", 'a"b', "1a", "A", "a" * 64])
def test_a_schema_is_a_plain_word(schema: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(AuthorError, match="plain word"):
        open_store(f"postgresql://u@h/d?schema={schema}")


def test_a_server_that_is_not_there_may_be_tried_again() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreBusy, match="nothing answers") as caught:
        open_store("postgresql://u:secret@127.0.0.1:1/d")
    assert "secret" not in str(caught.value)
    assert "start PostgreSQL" in str(caught.value.hint)


def test_a_missing_database_is_not_tried_again(postgres_url: str) -> None:
    server = postgres_url.partition("?")[0].rpartition("/")[0]
    with pytest.raises(StoreError, match="missing"):
        open_store(f"{server}/no_such_database")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreBusy, match="cannot be opened") as caught:
        open_store(sqlite_url(tmp_path / "no" / "store.db"))
    assert "folder exists" in str(caught.value.hint)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"this is no database at all\n" * 100)
    with pytest.raises(StoreError, match="no SQLite database"):
        open_store(sqlite_url(path))


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    open_store(sqlite_url(path)).close()
    body = bytearray(path.read_bytes())
    for start in range(4096, len(body), 4096):
        body[start : start + 64] = b"\xff" * 64
    path.write_bytes(bytes(body))
    with (
        pytest.raises(StoreError, match=r"damaged|no SQLite database"),
        open_store(sqlite_url(path)) as store,
        store.read() as tx,
    ):
        tx.rows("SELECT * FROM profiles")


def test_a_lock_that_is_not_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_store, "BUSY_TIMEOUT_MS", 50)
    path = tmp_path / "store.db"
    with open_store(sqlite_url(path)) as store:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match="holds the lock"), store.transaction() as tx:
            tx.run("DELETE FROM scores")
        holder.execute("ROLLBACK")
        holder.close()
        with store.transaction() as tx:
            assert tx.run("DELETE FROM scores") == 0


def test_opening_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    open_store(sqlite_url(path)).close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with open_store(sqlite_url(path)) as store, store.read() as tx:
        assert tx.value("SELECT count(*) FROM profiles") == 0
    holder.close()


FILL = """
import resource, sys
from vocative.stores import StoreBusy, open_store
store = open_store(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
done = 0
try:
    while True:
        with store.transaction() as tx:
            tx.run("INSERT INTO stream_offsets (consumer, position) VALUES (:c, :p)",
                   [{"c": f"{done}-{n}" + "x" * 500, "p": done} for n in range(100)])
        done += 1
except StoreBusy as error:
    print(done, error.message, sep="|")
"""


def test_a_full_disk_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "store.db")
    child = subprocess.run(
        [sys.executable, "-c", FILL, url], capture_output=True, text=True, timeout=120, check=True
    )
    done, _, message = child.stdout.strip().partition("|")
    assert message in (
        "the store failed: the disk is full",
        "the store failed: the disk failed",  # how SQLite calls a file-size limit
    )
    with open_store(url) as store, store.read() as tx:
        assert tx.value("SELECT count(*) FROM stream_offsets") == int(done) * 100


@pytest.mark.may_skip
def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    path = tmp_path / "store.db"
    open_store(sqlite_url(path)).close()
    path.chmod(0o400)
    with (
        pytest.raises(StoreError),
        open_store(sqlite_url(path)) as store,
        store.transaction() as tx,
    ):
        tx.run("DELETE FROM scores")


@pytest.mark.parametrize("name", ["a b", "100%", "q?x", "h#x", "ümlaut", "a:b@c"])
def test_any_folder_name_will_do(tmp_path: Path, name: str) -> None:
    import sqlalchemy as sa

    folder = tmp_path / name
    folder.mkdir()
    url = sa.URL.create("sqlite", database=str(folder / "store.db"))
    with open_store(url, migrate=False) as store, store.transaction() as tx:
        tx.run("CREATE TABLE x (y TEXT)")
    assert (folder / "store.db").exists()


def test_named_queries_are_read_from_their_file(tmp_path: Path) -> None:
    (tmp_path / "x.sql").write_text(
        "-- name: one\n-- Finds one.\nSELECT 1\n  FROM x;\n\n-- name: two \nSELECT 2\n"
    )
    assert load_queries(tmp_path, "x") == {"one": "SELECT 1\n  FROM x;", "two": "SELECT 2"}
