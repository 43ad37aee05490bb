"""Sources of tables and files keep the laws of all sources."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pulled import ORDERS, file_with, open_source, write_mapping

from vocative.collect.sources import SOURCES, _tables, files
from vocative.testing.source_laws import LAWS, SourceBench
from vocative.workspace import Workspace

ROWS = [
    (
        number,
        f"u{number % 7}",
        f"u{number % 7}@example.com",
        "GB",
        2.5,
        f"2026-01-0{1 + number % 9}",
    )
    for number in range(40)
]
TABLE = "CREATE TABLE orders (id integer, customer text, email text, country text, total real, {})"
BY_DAY = {"table": "orders", "incremental": "updated_at", "key": ["id"]}


def sqlite_table(folder: Path, _: Workspace) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        connection.execute(TABLE.format("updated_at text"))
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", ROWS)
        connection.commit()
    return {"url": f"sqlite:///{folder / 'shop.db'}", **BY_DAY}


def sqlite_whole_table(folder: Path, workspace: Workspace) -> dict[str, Any]:
    return {"url": sqlite_table(folder, workspace)["url"], "table": "orders"}


def duckdb_table(folder: Path, _: Workspace) -> dict[str, Any]:
    path = str(folder / "warehouse.duckdb")
    with duckdb.connect(path) as connection:
        connection.execute(TABLE.format("updated_at date"))
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", ROWS)
    return {"system": "duckdb", "database": path, **BY_DAY}


def folder_of_files(folder: Path, workspace: Workspace) -> dict[str, Any]:
    header = "id,customer,email,country,total,updated_at\n"
    at = (workspace.clock.now() - timedelta(hours=1)).timestamp()
    for start in range(0, len(ROWS), 10):
        lines = "".join(",".join(map(str, row)) + "\n" for row in ROWS[start : start + 10])
        path = file_with(folder / "exports", f"{start}.csv", header + lines)
        os.utime(path, (at, at))
    return {"url": str(folder / "exports")}


KINDS: dict[str, tuple[str, Callable[[Path, Workspace], dict[str, Any]]]] = {
    "sql": ("sql", sqlite_table),
    "whole": ("sql", sqlite_whole_table),
    "warehouse": ("warehouse", duckdb_table),
    "files": ("files", folder_of_files),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_source_of_tables_keeps_the_laws(
    name: str, tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tables, "PAGE_ROWS", 8)
    for module in (_tables, files):
        monkeypatch.setattr(module, "PAGE_EVENTS", 15)
    write_mapping(workspace, ORDERS)
    kind, system = KINDS[name]
    options = system(tmp_path, workspace)
    bench = SourceBench(open=lambda: open_source(SOURCES.load(kind), workspace, **options))
    for law in LAWS:
        law(bench)
    assert sum(len(bench.pulled(stream)) for stream in bench.open().offered()) >= 3
