"""Facts as the Arrow tables of history."""

import pyarrow as pa

from vocative.engines.base import HISTORY_COLUMNS

ARROW = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
}


def history_table(relation, rows):
    """Rows as dicts to the Arrow table of a history relation; what is left out is null."""
    return pa.table(
        {
            name: pa.array([row.get(name) for row in rows], ARROW[kind])
            for name, kind in HISTORY_COLUMNS[relation].items()
        }
    )
