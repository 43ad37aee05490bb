"""PostgreSQL: relations are temporary tables of one session.

In come Arrow tables, by COPY; out goes a session that answers the plan's SQL in PostgreSQL's own.
Nothing is left behind: tables and functions live in the session's temporary schema. The role needs
the right to make temporary tables, nothing else.
"""

import io
from typing import TYPE_CHECKING, Any, ClassVar

from vocative.engines.base import Engine, Params
from vocative.errors import AuthorError, EngineError

if TYPE_CHECKING:
    import psycopg
    import pyarrow as pa

_SESSION = (
    "SET TIME ZONE 'UTC'",
    "SET client_encoding = 'UTF8'",
    # Compiling costs more than the plan's queries gain.
    "SET jit = off",
)
_MICROS_1970_TO_2000 = 946_684_800_000_000
_LAST, _FIRST = 2**63 - 1, -(2**63)


class PostgresEngine(Engine):
    """One session on a PostgreSQL server.

    Args:
        url: `postgresql://user:password@host/database`.
    """

    dialect: ClassVar[str] = "postgres"
    text_type: ClassVar[str] = 'text COLLATE "C"'
    """Compared byte by byte, whatever the database's collation."""

    def __init__(self, url: str) -> None:
        from vocative.engines.dialects.postgres import POSTGRES

        self._written_in = POSTGRES
        self._long_names: dict[str, str] = {}
        self._connection = _connect(url)
        for statement in (*_SESSION, *POSTGRES.prelude):
            self._connection.execute(statement)

    def _query(self, sql: str, params: Params | None) -> "pa.Table":
        import pyarrow as pa

        from vocative.engines.dialects.rewrite import long_names, rewrite, with_values

        whole = with_values(sql, params)
        self._long_names.update(long_names(whole, self._written_in))
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(rewrite(whole, self._written_in).encode())
            described = cursor.description or []
            rows = cursor.fetchall()
        columns = zip(*rows, strict=True) if rows else [()] * len(described)
        arrays = [
            _array(column.type_code, list(values))
            for column, values in zip(described, columns, strict=True)
        ]
        names = [self._long_names.get(column.name, column.name) for column in described]
        return pa.Table.from_arrays(arrays, names=names)

    def _register(self, name: str, table: "pa.Table") -> None:
        columns = []
        for field in table.schema:
            short = _fitting(field.name, self._written_in)
            self._long_names[short] = field.name
            columns.append(f"{_quoted(short)} {_type_sql(field.type, self.text_type)}")
        target = f"pg_temp.{_quoted(_fitting(name, self._written_in))}"
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {target}".encode())
            cursor.execute(f"CREATE TEMP TABLE {target[8:]} ({', '.join(columns)})".encode())
            # FORMAT csv tells NULL (nothing) from an empty text ("").
            with cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv)".encode()) as copy:
                for batch in table.to_batches(max_chunksize=50_000):
                    copy.write(_csv(batch))
            cursor.execute(f"ANALYZE {target}".encode())

    def _explain(self, error: Exception) -> str:
        code = getattr(error, "sqlstate", None) or ""
        # Errors of class 22 quote the value that did not fit.
        shown = type(error).__name__ if code.startswith("22") else _first_line(error)
        return f"PostgreSQL could not answer: {shown}"

    def close(self) -> None:
        """End the session; its tables go with it."""
        self._connection.close()


def _connect(url: str) -> "psycopg.Connection[Any]":
    try:
        import psycopg
    except ImportError as missing:
        raise AuthorError(
            "the engine postgres needs psycopg, which is not installed",
            hint="pip install 'vocative[postgres]'",
        ) from missing
    try:
        connection = psycopg.connect(url.partition("?schema=")[0], autocommit=True)
    except psycopg.Error as error:
        raise EngineError(f"no connection to PostgreSQL: {_first_line(error)}") from error
    connection.adapters.register_loader("timestamp", _instant_loader())
    return connection


def _instant_loader() -> Any:
    """Instants as microseconds: Python's datetime has no infinity."""
    from psycopg.adapt import Loader
    from psycopg.pq import Format

    class InstantLoader(Loader):
        format = Format.BINARY

        def load(self, data: Any) -> int:
            value = int.from_bytes(bytes(data), "big", signed=True)
            if value in (_FIRST, _LAST):
                # DuckDB's minus infinity is one more than PostgreSQL's.
                return max(value, -_LAST)
            return value + _MICROS_1970_TO_2000

    return InstantLoader


def _array(type_code: int, values: list[Any]) -> "pa.Array[Any]":
    """One column of an answer, by the number PostgreSQL gives its type."""
    import pyarrow as pa

    simple = {
        16: pa.bool_(),
        20: pa.int64(),
        21: pa.int16(),
        23: pa.int32(),
        25: pa.string(),
        700: pa.float32(),
        701: pa.float64(),
        1043: pa.string(),
        1082: pa.date32(),
        1114: pa.timestamp("us"),
        # A sum of integers.
        1700: pa.decimal128(38, 0),
    }
    kind = simple.get(type_code)
    if kind is None:
        raise EngineError(f"the answer has a column of a type Vocative does not read: {type_code}")
    return pa.array(values, kind)


def _type_sql(kind: "pa.DataType", text: str) -> str:
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_decimal(kind):
        return "numeric"
    return {
        "string": text,
        "large_string": text,
        "double": "double precision",
        "float": "real",
        "int64": "bigint",
        "int32": "integer",
        "int16": "smallint",
        "bool": "boolean",
        "date32[day]": "date",
        "null": text,
    }[str(kind)]


def _csv(batch: "pa.RecordBatch") -> bytes:
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    columns = []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type):
            columns.append(_instants_as_text(column))
        elif pa.types.is_string(column.type) and pc.any(pc.match_substring(column, "\0")).as_py():
            # PostgreSQL's text cannot hold the character NUL.
            columns.append(pc.replace_substring(column, "\0", "\ufffd"))
        else:
            columns.append(column)
    written = io.BytesIO()
    plain = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    csv.write_csv(plain, written, csv.WriteOptions(include_header=False))
    return written.getvalue()


def _instants_as_text(column: "pa.Array[Any]") -> "pa.Array[Any]":
    import pyarrow as pa
    import pyarrow.compute as pc

    micros = column.cast(pa.timestamp("us")).cast(pa.int64())
    finite = pc.less(pc.abs_checked(micros), _LAST)
    # The extremes have no text of their own in Arrow.
    shown = pc.if_else(finite, micros, 0).cast(pa.timestamp("us")).cast(pa.string())
    ends = pc.if_else(pc.greater(micros, 0), "infinity", "-infinity")
    return pc.if_else(finite, shown, ends)


def _fitting(name: str, dialect: Any) -> str:
    from vocative.engines.dialects.names import fitting

    return fitting(name, dialect)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:300] if text else type(error).__name__
