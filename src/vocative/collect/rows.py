"""Brings a table into DuckDB: one row per line of a file, or per row, every column as text.

A file (or rows from elsewhere) and its mapping come in. The tables `rows` (with the line of each)
and `unreadable` are there afterwards. The mapping is checked against the columns before a row is
read.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vocative.collect.mapping import MappingText, read_mapping
from vocative.collect.table_file import (
    CsvFile,
    Unreadable,
    checked_columns,
    json_lines,
    opened,
    plain_name,
)
from vocative.errors import DataError
from vocative.sql import quote_name, quote_text
from vocative.workspace.yaml_text import YamlText

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

LINE = '"@line"'
"""The column of `rows` with the line in the file, 1-based."""


_UNREADABLE = "CREATE TABLE unreadable (line BIGINT, reason VARCHAR)"


def load_rows(db: "duckdb.DuckDBPyConnection", path: Path, text: YamlText) -> MappingText:
    """Read the file; an empty value is NULL.

    Raises:
        AuthorError: the mapping does not fit the file's columns.
        DataError: the file cannot be read.
    """
    db.execute(_UNREADABLE)
    name = plain_name(path)
    if name.endswith(".parquet"):
        return _load_parquet(db, path, text)
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return _load_json(db, path, text)
    return _load_csv(db, path, text)


def put_rows(
    db: "duckdb.DuckDBPyConnection",
    chunks: Iterable[Sequence[Sequence[str | None]]],
    text: YamlText,
    *,
    columns: list[str],
    origin: str,
) -> MappingText:
    """Take in the rows of a table that is no file; they are numbered from 1 on.

    Raises:
        AuthorError: the mapping does not fit the columns.
        DataError: two columns have one name.
    """
    import pyarrow as pa

    db.execute(_UNREADABLE)
    mapping = _mapping_over(db, Path(origin), text, checked_columns(columns, Path(origin)))
    line = 1
    for rows in chunks:
        if not rows:
            continue
        lines = pa.array(range(line, line + len(rows)), pa.int64())
        values = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        names = [f"c{number}" for number in range(len(values))]
        table = pa.Table.from_arrays([lines, *values], names=["line", *names])
        _insert(db, "INSERT INTO rows SELECT * FROM chunk", table)
        line += len(rows)
    return mapping


def _load_csv(db: "duckdb.DuckDBPyConnection", path: Path, text: YamlText) -> MappingText:
    import pyarrow as pa

    stated = read_mapping(text)
    file = CsvFile(path, delimiter=stated.delimiter, encoding=stated.encoding)
    mapping = _mapping_over(db, path, text, file.columns)
    filled = ", ".join(f"nullif(c{n}, '')" for n in range(len(file.columns)))
    for chunk in file.chunks():
        if chunk.rows:
            columns = {
                f"c{n}": pa.array(values, pa.string())
                for n, values in enumerate(zip(*chunk.rows, strict=True))
            }
            table = pa.table({"line": pa.array(chunk.lines, pa.int64()), **columns})
            _insert(db, f"INSERT INTO rows SELECT line, {filled} FROM chunk", table)
        _add_unreadable(db, chunk.unreadable)
    return mapping


def _load_json(db: "duckdb.DuckDBPyConnection", path: Path, text: YamlText) -> MappingText:
    keys: dict[str, None] = {}
    db.execute("CREATE TABLE bodies (line BIGINT, body VARCHAR)")
    for chunk, unreadable in json_lines(path, keys):
        _insert(db, "INSERT INTO bodies SELECT line, body FROM chunk", chunk)
        _add_unreadable(db, unreadable)
    # A key with a quote in it has no JSON path; nobody means a column by it.
    columns = [key for key in keys if key and '"' not in key]
    mapping = _mapping_over(db, path, text, checked_columns(columns, path))
    paths = [quote_text(f'$."{key}"') for key in columns]
    values = "".join(f", nullif(body ->> {found}, '')" for found in paths)
    db.execute(f"INSERT INTO rows SELECT line{values} FROM bodies")
    db.execute("DROP TABLE bodies")
    return mapping


def _load_parquet(db: "duckdb.DuckDBPyConnection", path: Path, text: YamlText) -> MappingText:
    import duckdb

    with opened(path):
        pass
    source = f"read_parquet({quote_text(str(path))})"
    try:
        described = db.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        columns = checked_columns([str(row[0]) for row in described], path)
        mapping = _mapping_over(db, path, text, columns)
        values = "".join(f", nullif(CAST({quote_name(name)} AS VARCHAR), '')" for name in columns)
        db.execute(f"INSERT INTO rows SELECT row_number() OVER (){values} FROM {source}")
    except duckdb.Error as error:
        raise DataError(
            f"{path.name} cannot be read as Parquet",
            where=str(path),
            hint="check that the file is whole",
        ) from error
    return mapping


def _mapping_over(
    db: "duckdb.DuckDBPyConnection", path: Path, text: YamlText, columns: list[str]
) -> MappingText:
    """The mapping over the file's columns, and the empty table `rows`."""
    if any(name.startswith("@") for name in columns):
        raise DataError(
            f"a column name of {path.name} starts with @",
            where=str(path),
            hint="give the column another name",
        )
    mapping = MappingText(text, columns)
    typed = "".join(f", {quote_name(name)} VARCHAR" for name in columns)
    db.execute(f"CREATE TABLE rows ({LINE} BIGINT{typed})")
    return mapping


def _add_unreadable(db: "duckdb.DuckDBPyConnection", unreadable: list[Unreadable]) -> None:
    import pyarrow as pa

    if unreadable:
        lines, reasons = [one.line for one in unreadable], [one.reason for one in unreadable]
        table = pa.table({"line": lines, "reason": reasons})
        _insert(db, "INSERT INTO unreadable SELECT line, reason FROM chunk", table)


def _insert(db: "duckdb.DuckDBPyConnection", sql: str, chunk: "pa.Table") -> None:
    db.register("chunk", chunk)
    db.execute(sql)
    db.unregister("chunk")
