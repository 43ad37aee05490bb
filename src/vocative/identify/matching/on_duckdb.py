"""Comparing in this process: a database in memory that personal data cannot leave.

In come records; the table `people` holds them with the keys by which people are put together. Out
go the pairs with the level and weight of each comparison. It cannot write to disk, and is gone
afterwards.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vocative.errors import EngineError
from vocative.identify.matching.comparisons import KEYS, most_sharing
from vocative.identify.matching.model import (
    LEAST_WEIGHT,
    Settings,
    refuse_without_splink,
    splink_linker,
)
from vocative.identify.matching.records import COLUMNS, Record

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_BIRTH_DAY = "datediff('day', DATE '1970-01-01', try_strptime(birth_date, '%Y%m%d')::DATE)"
"""Days from 1970 to the date of birth; NULL if there is no such day."""


@contextmanager
def in_memory() -> Iterator["duckdb.DuckDBPyConnection"]:
    """A database that personal data cannot leave.

    Its errors can quote values, so none is shown or chained.

    Raises:
        Unsupported: Splink is not installed.
        EngineError: there is not enough memory, or the analysis failed.
    """
    refuse_without_splink()
    import duckdb
    from splink.internals.exceptions import SplinkException

    # One thread: several would sum in another order each time. No place to spill to.
    config: dict[str, Any] = {
        "threads": 1,
        "temp_directory": "",
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
    }
    connection = duckdb.connect(":memory:", config=config)
    try:
        yield connection
    except (duckdb.Error, SplinkException) as error:
        # Splink's quotes DuckDB's.
        raise _told(error.__cause__ or error) from None
    finally:
        connection.close()


def load(connection: "duckdb.DuckDBPyConnection", people: Mapping[str, Record]) -> None:
    """Make the table `people`: id, every column, and a column per key."""
    import pyarrow as pa

    ids = sorted(people)
    table: dict[str, Any] = {"person_id": pa.array(ids, pa.string())}
    for column in COLUMNS:
        values = [people[person_id].get(column) for person_id in ids]
        table[column] = pa.array(values, pa.string())
    connection.register("records", pa.table(table))
    most = most_sharing(len(people))
    keys = ", ".join(f"{_key_sql(columns, most)} AS key_{key}" for key, columns in KEYS.items())
    connection.execute(
        f"CREATE TABLE people AS SELECT *, {_BIRTH_DAY} AS birth_day, {keys} FROM records"
        " ORDER BY person_id"
    ).fetchall()
    connection.unregister("records")


def predict(
    connection: "duckdb.DuckDBPyConnection", table: Any, settings: Settings, columns: list[str]
) -> "pa.Table":
    """Compare whoever shares a key.

    Args:
        connection: What `in_memory` gives, loaded.
        table: Its `people`, as Splink takes it.
        settings: Splink's, with m and u of every level and the rules of who is compared.
        columns: Of Splink's predictions, those wanted.

    Returns:
        One row per pair from `LEAST_WEIGHT` on, in no order.
    """
    found = splink_linker(table, settings).inference.predict(threshold_match_weight=LEAST_WEIGHT)
    pairs: pa.Table = connection.sql(
        f"SELECT {', '.join(columns)} FROM {found.physical_name}"
    ).to_arrow_table()
    return pairs


def _told(error: BaseException) -> EngineError:
    import duckdb

    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(
            "there is not enough memory to match so many people",
            hint="run it on a machine with more, or with `--engine spark`; personal data are not"
            " spilled to disk",
        )
    return EngineError(f"matching failed: {type(error).__name__}")


def _key_sql(columns: tuple[str, ...], most: int) -> str:
    """A key, which is NULL where a part is unknown or too many people share it."""
    value = " || chr(31) || ".join(columns)
    return f"CASE WHEN count(*) OVER (PARTITION BY {value}) <= {most} THEN {value} END"
