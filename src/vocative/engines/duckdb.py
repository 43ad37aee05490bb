"""DuckDB inside this process, over the history's Parquet files.

In come the visible files of each history relation and the rows that are in no file yet; out goes
a connection in which `events` and `order_lines` are views over them (typed and empty when there
are none). It can read those files and nothing else: no network, no extensions, no other paths.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from vocative.engines.base import HISTORY_COLUMNS, Engine, Params, QueryFailed
from vocative.errors import EngineError

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_THREADS = 8


class DuckDbEngine(Engine):
    """An in-memory DuckDB over committed history.

    Args:
        history_files: The files of `events` and `order_lines`, oldest first.
        history_tail: Rows of them that are in no file yet.
        survivors: One row per profile that was merged away: `person_id` and the `survivor` that
            history shows instead.
        threads: How many cores to use; the machine's, at most 8, unless told.
        memory_limit: How much memory to use before spilling, such as "2GB"; DuckDB's own
            limit (80 % of the machine's) unless told.
    """

    dialect: ClassVar[str] = "duckdb"

    def __init__(
        self,
        *,
        history_files: Mapping[str, Sequence[Path]],
        history_tail: "Mapping[str, pa.Table] | None" = None,
        survivors: "pa.Table | None" = None,
        threads: int | None = None,
        memory_limit: str | None = None,
    ) -> None:
        import duckdb

        unknown = set(history_files) - set(HISTORY_COLUMNS)
        if unknown:
            raise EngineError(f"there is no history relation {min(unknown)!r}")
        config: dict[str, str | int | float | bool | list[str]] = {
            "threads": threads or min(os.cpu_count() or 1, _MOST_THREADS),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "python_enable_replacements": False,
            "preserve_insertion_order": False,
        }
        if memory_limit is not None:
            config["memory_limit"] = memory_limit
        try:
            self._connection: duckdb.DuckDBPyConnection = duckdb.connect(":memory:", config=config)
        except duckdb.Error as error:
            raise EngineError(f"DuckDB cannot start: {_first_line(error)}") from error
        self._shut_the_door(history_files)
        # Most workspaces have no merged people and then pay for no join.
        merged = survivors is not None and survivors.num_rows > 0
        if merged:
            self.register("survivors", survivors)
        tail = history_tail or {}
        for relation, rows in tail.items():
            self.register(_tail_name(relation), rows)
        for relation in HISTORY_COLUMNS:
            files = history_files.get(relation, ())
            self._open(relation, files, tail=relation in tail, merged=merged)

    def _open(self, relation: str, files: Sequence[Path], *, tail: bool, merged: bool) -> None:
        import duckdb

        missing = [path.name for path in files if not path.exists()]
        if missing:
            raise EngineError(
                f"a file of the history is missing: {missing[0]}",
                where=f"history/{missing[0]}",
                hint="bring it back from a backup; the history cannot be read without it",
            )
        sql = _view_sql(relation, files, tail=tail, merged=merged)
        try:
            self._connection.execute(sql)
        except duckdb.Error as error:
            raise QueryFailed(self._explain(error), sql=sql) from error

    def _shut_the_door(self, history_files: Mapping[str, Sequence[Path]]) -> None:
        """Let the connection read the history's files and nothing else, for good."""
        files = [str(path) for paths in history_files.values() for path in paths]
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute(f"SET allowed_paths = {_list_sql(files)}")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def _query(self, sql: str, params: Params | None) -> "pa.Table":
        values = dict(params) if isinstance(params, Mapping) else list(params or ())
        return self._connection.sql(sql, params=values).to_arrow_table()

    def _register(self, name: str, table: "pa.Table") -> None:
        self._connection.register(name, table)

    def _explain(self, error: Exception) -> str:
        return f"DuckDB could not answer: {_first_line(error)}"

    def _advise(self, error: Exception) -> str | None:
        if "Out of Memory" in str(error):
            return "give the engine more memory, or fewer threads"
        return None

    def close(self) -> None:
        """Give back memory."""
        self._connection.close()


def _view_sql(relation: str, files: Sequence[Path], *, tail: bool, merged: bool) -> str:
    columns = HISTORY_COLUMNS[relation]
    names = ", ".join(_column(name) for name in columns)
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {_column(name)}" for name, kind in columns.items())
    # The empty relation first: it gives the types, and columns that older files do not have yet.
    source = f"SELECT {empty} WHERE false"
    if files:
        paths = _list_sql([str(path) for path in files])
        source += f" UNION ALL BY NAME SELECT * FROM read_parquet({paths}, union_by_name = true)"
    if tail:
        source += f" UNION ALL BY NAME SELECT * FROM {_tail_name(relation)}"
    if merged:
        source = (
            "SELECT h.* REPLACE (coalesce(s.survivor, h.person_id) AS person_id)"
            f" FROM ({source}) AS h LEFT JOIN survivors AS s ON s.person_id = h.person_id"
        )
    return f"CREATE VIEW {relation} AS SELECT {names} FROM ({source})"


def _tail_name(relation: str) -> str:
    return f"{relation}_tail"


def _column(name: str) -> str:
    return f'"{name}"'


def _list_sql(values: Sequence[str]) -> str:
    return "[" + ", ".join("'" + value.replace("'", "''") + "'" for value in values) + "]"


def _first_line(error: Exception) -> str:
    """What DuckDB says, without the excerpts of rows that follow."""
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
