"""SQLite: one file, write-ahead log, writers queue instead of failing."""

import sqlite3
from typing import Any

import sqlalchemy as sa

BUSY_TIMEOUT_MS = 15_000


def create_engine(url: sa.URL) -> sa.Engine:
    """An engine whose every transaction takes the write lock at its start.

    A deferred transaction that upgrades from read to write fails at once with "database is
    locked", whatever the timeout; BEGIN IMMEDIATE waits for its turn.
    """
    engine = sa.create_engine(
        url,
        pool_size=8,
        max_overflow=24,
        # What a connection has read it forgets when another one writes. Taking turns, each would
        # read everything again: the one that wrote last is the one to write next.
        pool_use_lifo=True,
        hide_parameters=True,
        paramstyle="named",
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _: Any) -> None:
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = WAL",
            # The store can be rebuilt from the log up to its own offset: surviving a killed
            # process is enough, and WAL gives that without a disk flush per commit.
            "synchronous = NORMAL",
            # A checkpoint stalls the writer that does it: `Store.tidy` does it beside.
            "wal_autocheckpoint = 16000",
            "cache_size = -65536",
            "temp_store = MEMORY",
            # Pages that are given back are not written once more to be empty.
            "secure_delete = FAST",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        options = connection.get_execution_options()
        read_only = bool(options.get("read_only"))
        connection.exec_driver_sql(f"PRAGMA query_only = {int(read_only)}")
        if read_only:
            connection.exec_driver_sql("BEGIN")
            return
        level = "FULL" if options.get("durable") else "NORMAL"
        connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine
