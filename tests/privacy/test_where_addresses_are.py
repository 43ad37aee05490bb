"""After the whole job no address or phone number lies in the clear, but in the mails themselves."""

import csv
import re
from pathlib import Path

import pyarrow.parquet as pq

from demo_site import Demo

ADDRESS = re.compile(rb"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9.-]+", re.IGNORECASE)
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


def kept(demo: Demo) -> list[Path]:
    """Every file that Vocative keeps, without the mails."""
    state = demo.workspace / ".vocative"
    files = [path for path in state.rglob("*") if path.is_file()]
    return [path for path in files if path.relative_to(state).parts[0] != OUTBOX]


def test_the_search_finds_what_is_there(demo: Demo) -> None:
    mails = (demo.workspace / ".vocative" / OUTBOX / "new").iterdir()
    found = {address.lower() for mail in mails for address in ADDRESS.findall(mail.read_bytes())}
    assert len(found & told(demo, "email")) > 20


def test_no_address_lies_in_the_clear(demo: Demo) -> None:
    addresses = told(demo, "email")
    files = kept(demo)
    assert {"store.db", "log.db"} <= {path.name for path in files}
    assert any(path.suffix == ".parquet" for path in files)
    for path in files:
        found = {address.lower() for address in ADDRESS.findall(content(path))}
        assert not found & addresses, path.name


def test_no_phone_number_lies_in_the_clear(demo: Demo) -> None:
    numbers = {number for number in told(demo, "phone") if len(number) >= 8}
    assert numbers
    for path in kept(demo):
        text = content(path).lower()
        assert not [number for number in numbers if number in text], path.name
