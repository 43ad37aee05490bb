"""After the whole job no address or phone number lies in the clear, but in the mails themselves."""

import csv
import re
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from demo_site import Demo
from vocative.workspace import Workspace
from vocative.workspace.history import RELATIONS

OUTBOX = "outbox"


def told(demo: Demo, column: str) -> set[bytes]:
    """What the shop's file says of its customers in one column."""
    with (demo.store / "customers.csv").open(encoding="utf-8", newline="") as file:
        found = {row[column].strip().lower().encode() for row in csv.DictReader(file)}
    return found - {b""}


def content(path: Path) -> bytes:
    """A file's bytes; of a Parquet file its values, which lie compressed."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    columns = pq.read_table(path).to_pydict()
    return "\n".join(str(value) for values in columns.values() for value in values).encode()


def found_in(path: Path, sought: set[bytes]) -> set[bytes]:
    """Which of some texts a file holds, also where it keeps them without anything in between."""
    text = content(path).lower()
    return {one for one in sought if one in text}


@pytest.fixture(scope="module")
def flushed(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's workspace once the newest rows of history have become files, too."""
    folder = shutil.copytree(demo.workspace, tmp_path_factory.mktemp("flushed") / "workspace")
    with Workspace(folder) as workspace:
        workspace.history.flush(workspace.store)
    return folder


@pytest.fixture(params=["as the demo leaves it", "flushed"])
def kept(request: pytest.FixtureRequest, demo: Demo) -> list[Path]:
    """Every file that Vocative keeps, without the mails."""
    flushed = request.param == "flushed"
    state = (request.getfixturevalue("flushed") if flushed else demo.workspace) / ".vocative"
    files = [path for path in state.rglob("*") if path.is_file()]
    return [path for path in files if path.relative_to(state).parts[0] != OUTBOX]


def test_the_search_finds_what_is_there(demo: Demo) -> None:
    addresses = told(demo, "email")
    mails = list((demo.workspace / ".vocative" / OUTBOX / "new").iterdir())
    found = set().union(*(found_in(mail, addresses) for mail in mails))
    assert len(found) > 20


def test_all_of_history_is_searched(flushed: Path) -> None:
    with Workspace(flushed) as workspace, workspace.store.read() as tx:
        parts = workspace.history.parts(tx)
        assert workspace.history.tail(tx) == {}
        for relation in RELATIONS:
            found = b"".join(content(path) for path in parts[relation])
            people = set(re.findall(rb"p[a-z2-7]{15}", found))
            assert len(people) > 100, relation
            rows = sum(pq.read_metadata(path).num_rows for path in parts[relation])
            assert rows == workspace.history.row_count(tx, relation)


def test_no_address_lies_in_the_clear(demo: Demo, kept: list[Path]) -> None:
    addresses = told(demo, "email")
    assert {"store.db", "log.db"} <= {path.name for path in kept}
    for path in kept:
        assert not found_in(path, addresses), path.name


def test_no_phone_number_lies_in_the_clear(demo: Demo, kept: list[Path]) -> None:
    numbers = {number for number in told(demo, "phone") if len(number) >= 8}
    assert numbers
    for path in kept:
        assert not found_in(path, numbers), path.name
