"""Append-only columnar history: Parquet parts that the store's manifest makes real, and a tail.

A part is written under its final name first and becomes visible when its row in `history_parts`
is committed, in the same transaction as the consumer's offset. A part that no row names is a
crash's left-over or was joined into another one: new readers never see it, and it is swept once
no old reader can be using it.

A file for a few hundred rows would cost more than they do. Small additions are rows of
`history_tail`, in the same transaction; `flush` makes a part of them. Readers take parts and tail
in one read transaction, so they see every row once. One process at a time appends
(`Workspace.worker_lock`); any may flush, join and sweep beside it.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vocative.errors import EngineError
from vocative.stores import Store, Transaction

if TYPE_CHECKING:
    import pyarrow as pa

RELATIONS = ("events", "order_lines")
FULL_PART_ROWS = 1_000_000
READERS_SECONDS = 3_600
PART_ROWS = 10_000
"""From so many rows on an addition is a part at once."""
TAIL_ROWS = 50_000
TAIL_SECONDS = 600
"""A tail that is longer or older is due to become a part."""
FLUSH_ROWS = 200_000


class _Overtaken(Exception):
    """Another process made a part of the same rows meanwhile."""


class _Waiting(NamedTuple):
    """A row of the tail without its body."""

    first: int
    last: int
    rows: int


class History:
    """The history of one workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(
        self, tx: Transaction, relation: str, table: "pa.Table", *, first: int, last: int
    ) -> None:
        """Add the rows that log positions `first`..`last` gave to a relation.

        Raises:
            EngineError: the file cannot be written, for example because the disk is full.
        """
        rows = table.num_rows
        if rows >= PART_ROWS:
            name = f"{relation}-{first:012d}-{last:012d}.parquet"
            self._write(name, table.schema, table.to_batches())
            tx.run(_INSERT_PART, _part(name, relation, first, last, rows))
        elif rows > 0:
            tx.run(
                "INSERT INTO history_tail"
                " (relation, first_position, last_position, row_count, added_at, body)"
                " VALUES (:relation, :first, :last, :rows, :added_at, :body)",
                {
                    "relation": relation,
                    "first": first,
                    "last": last,
                    "rows": rows,
                    "added_at": int(time.time() * 1_000_000),
                    "body": _packed(table),
                },
            )

    def parts(self, tx: Transaction) -> dict[str, list[Path]]:
        """The visible files of each relation, oldest first."""
        found: dict[str, list[Path]] = {relation: [] for relation in RELATIONS}
        rows: list[dict[str, Any]] = tx.rows(
            "SELECT name, relation FROM history_parts ORDER BY first_position, name"
        )
        for row in rows:
            found[row["relation"]].append(self.folder / row["name"])
        return found

    def tail(self, tx: Transaction) -> "dict[str, pa.Table]":
        """The rows of each relation that are in no part yet; a relation without any is absent."""
        import pyarrow as pa

        found: dict[str, list[pa.Table]] = {}
        rows = tx.tuples("SELECT relation, body FROM history_tail ORDER BY first_position")
        for relation, body in rows:
            found.setdefault(relation, []).append(_unpacked(body))
        return {
            relation: pa.concat_tables(tables, promote_options="default")
            for relation, tables in found.items()
        }

    def row_count(self, tx: Transaction, relation: str) -> int:
        """How many rows a relation has."""
        return int(
            tx.value(
                "SELECT sum(row_count) FROM ("
                " SELECT row_count FROM history_parts WHERE relation = :relation UNION ALL"
                " SELECT row_count FROM history_tail WHERE relation = :relation) AS counted",
                {"relation": relation},
            )
            or 0
        )

    def flush_when_due(self, store: Store) -> int:
        """Flush a tail that is long or old; cheap enough to be asked every second.

        Returns:
            How many rows became parts.
        """
        with store.read() as tx:
            long, oldest = tx.tuples(
                "SELECT max(row_count), min(added_at) FROM (SELECT sum(row_count) AS row_count,"
                " min(added_at) AS added_at FROM history_tail GROUP BY relation) AS tails"
            )[0]
        if oldest is None:
            return 0
        due = long >= TAIL_ROWS or oldest <= (time.time() - TAIL_SECONDS) * 1_000_000
        return self.flush(store) if due else 0

    def flush(self, store: Store) -> int:
        """Make parts of the tail as it is now.

        The files are written outside any transaction; one short transaction then shows a part and
        takes away the rows that are in it. Killed in between, everything is as before.

        Returns:
            How many rows became parts.

        Raises:
            EngineError: a file cannot be written; everything is as before.
        """
        return sum(self._flush(store, relation) for relation in RELATIONS)

    def _flush(self, store: Store, relation: str) -> int:
        moved = 0
        while waiting := self._waiting(store, relation):
            first, until = waiting[0].first, waiting[-1].first
            last, rows = max(row.last for row in waiting), sum(row.rows for row in waiting)
            name = f"{relation}-{first:012d}-{last:012d}.parquet"
            try:
                table = self._tail_until(store, relation, until)
                self._write(name, table.schema, table.to_batches())
                with store.transaction() as tx:
                    gone = tx.run(
                        "DELETE FROM history_tail WHERE relation = :relation"
                        " AND first_position <= :until",
                        {"relation": relation, "until": until},
                    )
                    _expect(gone, len(waiting))
                    tx.run(_INSERT_PART, _part(name, relation, first, last, rows))
            except _Overtaken:
                return moved
            moved += rows
        return moved

    def _waiting(self, store: Store, relation: str) -> "list[_Waiting]":
        """The oldest rows of the tail, as many as one part takes; their bodies are not read."""
        with store.read() as tx:
            rows = tx.tuples(
                "SELECT first_position, last_position, row_count FROM history_tail"
                " WHERE relation = :relation ORDER BY first_position",
                {"relation": relation},
            )
        waiting, total = [], 0
        for row in rows:
            waiting.append(_Waiting(*row))
            total += row[2]
            if total >= FLUSH_ROWS:
                break
        return waiting

    def _tail_until(self, store: Store, relation: str, until: int) -> "pa.Table":
        import pyarrow as pa

        with store.read() as tx:
            bodies = tx.tuples(
                "SELECT body FROM history_tail WHERE relation = :relation"
                " AND first_position <= :until ORDER BY first_position",
                {"relation": relation, "until": until},
            )
        tables = [_unpacked(body) for (body,) in bodies]
        if not tables:
            raise _Overtaken
        # One piece: each becomes a row group of the file.
        return pa.concat_tables(tables, promote_options="default").combine_chunks()

    def compact(self, store: Store, *, limit: int) -> None:
        """Join the small parts of each relation that has more than `limit` of them.

        Raises:
            EngineError: the joined file cannot be written; everything is as before.
        """
        for relation in RELATIONS:
            with store.read() as tx:
                small = tx.tuples(
                    "SELECT name, first_position, last_position, row_count FROM history_parts"
                    " WHERE relation = :relation AND row_count < :full"
                    " ORDER BY first_position, name",
                    {"relation": relation, "full": FULL_PART_ROWS},
                )
            if len(small) > limit:
                with contextlib.suppress(_Overtaken):
                    self._join(store, relation, small)

    def sweep(self, store: Store) -> None:
        """Delete files that no committed row names and that no reader can still be using."""
        with store.read() as tx:
            visible = {path.name for paths in self.parts(tx).values() for path in paths}
        # File times come from the machine's clock, whatever clock the workspace goes by.
        old = time.time() - READERS_SECONDS
        for path in self.folder.glob("*.p*"):
            # What is being written gets another name, and others sweep, too.
            with contextlib.suppress(FileNotFoundError):
                if path.name not in visible and path.stat().st_mtime < old:
                    path.unlink()

    def _join(
        self, store: Store, relation: str, small: Sequence[tuple[str, int, int, int]]
    ) -> None:
        import pyarrow.dataset as ds

        paths = [self.folder / name for name, *_ in small]
        first, last = min(part[1] for part in small), max(part[2] for part in small)
        rows = sum(part[3] for part in small)
        # A part of the tail can lie between two others: only the rows tell joined parts apart.
        name = f"{relation}-{first:012d}-{last:012d}-{rows}-joined.parquet"
        source = ds.dataset(paths)
        # No lock is held while the file is written: parts never change.
        self._write(name, source.schema, source.to_batches(use_threads=False))
        for path in paths:
            # Readers are told of the old parts until the commit: their time to go starts now.
            path.touch()
        with store.transaction() as tx:
            gone = tx.run("DELETE FROM history_parts WHERE name = :name", [(p[0],) for p in small])
            _expect(gone, len(small))
            tx.run(_INSERT_PART, _part(name, relation, first, last, rows))

    def _write(self, name: str, schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]") -> None:
        """Write a whole file under its name, durable, or nothing."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        # Two that make the same part at once each write a file of their own.
        partial = self.folder / f"{name}.{os.getpid()}-{threading.get_ident()}.partial"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with pq.ParquetWriter(
                partial, schema, compression="zstd", compression_level=1
            ) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            _sync(partial)
            partial.replace(self.folder / name)
            _sync(self.folder)
        except (OSError, pa.ArrowException) as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise EngineError(
                f"history cannot be written: {getattr(error, 'strerror', None) or error}",
                where=f"history/{name}",
                hint="free some space on the disk; nothing was lost, run the command again",
            ) from error


_INSERT_PART = (
    "INSERT INTO history_parts (name, relation, first_position, last_position, row_count)"
    " VALUES (:name, :relation, :first, :last, :rows)"
)


def _part(name: str, relation: str, first: int, last: int, rows: int) -> dict[str, Any]:
    return {"name": name, "relation": relation, "first": first, "last": last, "rows": rows}


def _expect(changed: int, expected: int) -> None:
    if changed != expected:
        raise _Overtaken


def _packed(table: "pa.Table") -> bytes:
    """Rows as an Arrow stream. It is not compressed: that would cost more than making the rows."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def _unpacked(body: bytes) -> "pa.Table":
    import pyarrow as pa

    return pa.ipc.open_stream(body).read_all()


def _sync(path: Path) -> None:
    """Have what was written to a file or folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
