"""Append-only columnar history: Parquet parts that the store's manifest makes real.

A part is written under its final name first and becomes visible when its row in `history_parts`
is committed, in the same transaction as the consumer's offset. A part that no row names is a
crash's left-over: readers never see it and the next append with that name replaces it.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vocative.errors import EngineError
from vocative.stores import Transaction

if TYPE_CHECKING:
    import pyarrow as pa

RELATIONS = ("events", "order_lines")


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
            "INSERT INTO history_parts (name, relation, first_position, last_position, row_count)"
            " VALUES (:name, :relation, :first, :last, :rows)",
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


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
