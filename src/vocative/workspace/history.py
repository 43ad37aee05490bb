"""Append-only columnar history: Parquet parts that the store's manifest makes real.

A part is written under its final name first and becomes visible when its row in `history_parts`
is committed, in the same transaction as the consumer's offset. A part that no row names is a
crash's left-over or was joined into another one: new readers never see it, and it is swept once
no old reader can be using it. One process at a time writes (`Workspace.worker_lock`).
"""

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vocative.errors import EngineError
from vocative.stores import Store, Transaction

if TYPE_CHECKING:
    import pyarrow as pa

RELATIONS = ("events", "order_lines")
FULL_PART_ROWS = 1_000_000
READERS_SECONDS = 3_600


class History:
    """The Parquet parts of one workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(
        self, tx: Transaction, relation: str, table: "pa.Table", *, first: int, last: int
    ) -> None:
        """Add the rows that log positions `first`..`last` gave to a relation.

        Raises:
            EngineError: the file cannot be written, for example because the disk is full.
        """
        if table.num_rows == 0:
            return
        name = f"{relation}-{first:012d}-{last:012d}.parquet"
        self._write(name, table.schema, table.to_batches())
        tx.run(
            _INSERT_PART,
            {
                "name": name,
                "relation": relation,
                "first": first,
                "last": last,
                "rows": table.num_rows,
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
                self._join(store, relation, small)

    def sweep(self, store: Store) -> None:
        """Delete files that no committed row names and that no reader can still be using."""
        with store.read() as tx:
            visible = {path.name for paths in self.parts(tx).values() for path in paths}
        # File times come from the machine's clock, whatever clock the workspace goes by.
        old = time.time() - READERS_SECONDS
        for path in self.folder.glob("*.p*"):
            if path.name not in visible and path.stat().st_mtime < old:
                path.unlink(missing_ok=True)

    def _join(
        self, store: Store, relation: str, small: Sequence[tuple[str, int, int, int]]
    ) -> None:
        import pyarrow.dataset as ds

        paths = [self.folder / name for name, *_ in small]
        first, last = min(part[1] for part in small), max(part[2] for part in small)
        name = f"{relation}-{first:012d}-{last:012d}-joined.parquet"
        source = ds.dataset(paths)
        # No lock is held while the file is written: parts never change.
        self._write(name, source.schema, source.to_batches(use_threads=False))
        rows = sum(part[3] for part in small)
        with store.transaction() as tx:
            joined = [{"name": part[0]} for part in small]
            tx.run("DELETE FROM history_parts WHERE name = :name", joined)
            tx.run(
                _INSERT_PART,
                {"name": name, "relation": relation, "first": first, "last": last, "rows": rows},
            )
        for path in paths:
            # A reader may just have been told of the old parts: their time to go starts now.
            path.touch()

    def _write(self, name: str, schema: "pa.Schema", batches: "Iterable[pa.RecordBatch]") -> None:
        """Write a whole file under its name, durable, or nothing."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        partial = self.folder / f"{name}.partial"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with pq.ParquetWriter(
                partial, schema, compression="zstd", compression_level=1
            ) as writer:
                for batch in batches:
                    writer.write_batch(batch)
            _flush(partial)
            partial.replace(self.folder / name)
            _flush(self.folder)
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


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
