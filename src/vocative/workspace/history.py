"""Append-only columnar history: Parquet parts that the store's manifest makes real.

A part is written under its final name first and becomes visible when its row in `history_parts`
is committed, in the same transaction as the consumer's offset. A part that no row names is a
crash's left-over: readers never see it and the next append with that name replaces it.
"""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vocative.errors import EngineError
from vocative.stores import Store, Transaction

if TYPE_CHECKING:
    import pyarrow as pa

RELATIONS = ("events", "order_lines")
FULL_PART_ROWS = 1_000_000
READERS_SECONDS = 600


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
        import pyarrow.parquet as pq

        if table.num_rows == 0:
            return
        name = f"{relation}-{first:012d}-{last:012d}.parquet"
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / name
        partial = target.with_suffix(".partial")
        try:
            pq.write_table(table, partial, compression="zstd", compression_level=1)
            _flush(partial)
            partial.replace(target)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise EngineError(
                f"history cannot be written: {error.strerror or error}",
                where=f"history/{name}",
                hint="free some space on the disk; nothing was lost, run the command again",
            ) from error
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

    def compact(self, tx: Transaction, *, limit: int) -> None:
        """Join the small parts of a relation into one when there are more than `limit`."""
        import pyarrow.dataset as ds
        import pyarrow.parquet as pq

        for relation in RELATIONS:
            names = tx.tuples(
                "SELECT name FROM history_parts WHERE relation = :relation AND row_count < :full"
                " ORDER BY first_position, name",
                {"relation": relation, "full": FULL_PART_ROWS},
            )
            paths = [self.folder / name for (name,) in names]
            if len(paths) <= limit:
                continue
            ends = [_positions(path) for path in paths]
            first, last = min(start for start, _ in ends), max(end for _, end in ends)
            target = self.folder / f"{relation}-{first:012d}-{last:012d}-joined.parquet"
            rows = 0
            with pq.ParquetWriter(
                target, pq.read_schema(paths[0]), compression="zstd", compression_level=1
            ) as writer:
                for batch in ds.dataset(paths).to_batches():
                    writer.write_batch(batch)
                    rows += batch.num_rows
            _flush(target)
            joined = [{"name": path.name} for path in paths]
            tx.run("DELETE FROM history_parts WHERE name = :name", joined)
            tx.run(
                _INSERT_PART,
                {
                    "name": target.name,
                    "relation": relation,
                    "first": first,
                    "last": last,
                    "rows": rows,
                },
            )

    def sweep(self, store: Store) -> None:
        """Delete files that no committed row names and that no reader can still be using."""
        with store.read() as tx:
            visible = {path.name for paths in self.parts(tx).values() for path in paths}
        for path in self.folder.glob("*.parquet"):
            if path.name not in visible and time.time() - path.stat().st_mtime > READERS_SECONDS:
                path.unlink(missing_ok=True)


_INSERT_PART = (
    "INSERT INTO history_parts (name, relation, first_position, last_position, row_count)"
    " VALUES (:name, :relation, :first, :last, :rows)"
)


def _positions(path: Path) -> tuple[int, int]:
    parts = path.stem.split("-")
    return int(parts[1]), int(parts[2])


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
