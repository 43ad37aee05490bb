# ruff: noqa: DTZ001 - instants are naive UTC
"""Engines that nobody can install, as near as software on this machine comes to them.

ClickHouse is itself (chdb holds the server's code). Redshift's queries run on PostgreSQL, from
which it descends. BigQuery's run on GoogleSQL's reference implementation.
"""

import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vocative.engines.base import Engine
from vocative.engines.dialects import dialect_of
from vocative.engines.dialects.rewrite import rewrite
from vocative.engines.postgres import PostgresEngine

LAST = 2**63 - 1


def with_ends(table, start, end, first=-LAST, last=LAST):
    """Instants `first` and earlier as `start`, `last` and later as `end` (microseconds)."""
    for index, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            micros = table.column(index).cast(pa.timestamp("us", field.type.tz)).cast(pa.int64())
            micros = pc.if_else(pc.less_equal(micros, first), start, micros)
            micros = pc.if_else(pc.greater_equal(micros, last), end, micros)
            table = table.set_column(index, field.name, micros.cast(pa.timestamp("us")))
    return table


class ClickHouseInside(Engine):
    """ClickHouse inside this process."""

    dialect = "clickhouse"
    start, end = -2_208_988_800_000_000, 10_413_791_999_999_999

    def __init__(self):
        from chdb.session import Session

        self.folder = tempfile.TemporaryDirectory()
        self.session = Session()
        for statement in dialect_of("clickhouse").prelude:
            self.session.query(statement)

    def _query(self, sql, params):
        answer = self.session.query(rewrite(sql, dialect_of("clickhouse")), "Arrow")
        table = pa.ipc.open_file(answer.bytes()).read_all()
        table = with_ends(table, -LAST, LAST, self.start, self.end)
        return table.cast(
            pa.schema([(f.name, PLAIN.get(str(f.type), f.type)) for f in table.schema])
        )

    def _register(self, name, table):
        file = Path(self.folder.name) / f"{name}.parquet"
        pq.write_table(with_ends(table, self.start, self.end), file)
        columns = ", ".join(
            f'"{field.name}" {CLICKHOUSE_TYPES[str(field.type)]}' for field in table.schema
        )
        self.session.query(f'DROP TABLE IF EXISTS "{name}"')
        self.session.query(f'CREATE TABLE "{name}" ({columns}) ENGINE = Memory')
        self.session.query(f"""INSERT INTO "{name}" SELECT * FROM file('{file}')""")

    def _explain(self, error):
        return str(error).splitlines()[0]

    def close(self):
        self.session.close()
        self.folder.cleanup()


PLAIN = {"uint8": pa.int64(), "uint64": pa.int64(), "int32": pa.int64(), "date32": pa.date32()}
CLICKHOUSE_TYPES = {
    "string": "Nullable(String)",
    "double": "Nullable(Float64)",
    "int64": "Nullable(Int64)",
    "bool": "Nullable(Bool)",
    "date32[day]": "Nullable(Date32)",
    "timestamp[us]": "Nullable(DateTime64(6, 'UTC'))",
}


class RedshiftOnPostgres(PostgresEngine):
    """Redshift's text on PostgreSQL, in a database whose collation is by bytes."""

    dialect = "redshift"
    text_type = "text"
    start, end = -62_135_596_800_000_000, 253_402_300_799_999_999

    def __init__(self, url):
        super().__init__(url)
        self._written_in = dialect_of("redshift")
        # As in Redshift, a backslash in a text begins an escape.
        self._connection.execute("SET standard_conforming_strings = off")
        self._connection.execute("SET escape_string_warning = off")
        self._connection.execute("SET backslash_quote = on")
        for statement in self._written_in.prelude:
            if statement.startswith("CREATE") and "varchar(max)" not in statement:
                self._connection.execute(OF_POSTGRES.get(name_of(statement), statement))
        for statement in (OF_POSTGRES["f_wall_clock"], OF_POSTGRES["f_json_text"]):
            self._connection.execute(statement)

    def _query(self, sql, params):
        return with_ends(super()._query(sql, params), -LAST, LAST, self.start, self.end)

    def _register(self, name, table):
        super()._register(name, with_ends(table, self.start, self.end))


def name_of(statement):
    return statement.split("FUNCTION ")[1].partition("(")[0]


OF_POSTGRES = {
    name: f"CREATE OR REPLACE FUNCTION {name}({takes}) RETURNS {gives} IMMUTABLE"
    f" AS $$ SELECT {body} $$ LANGUAGE sql"
    for name, takes, gives, body in (
        ("f_micros", "timestamp", "bigint", "CAST(extract(epoch FROM $1) * 1000000 AS bigint)"),
        ("f_wall_clock", "text, timestamp", "timestamp", "timezone($1, timezone('UTC', $2))"),
        ("f_json_text", "text, text", "text", "json_extract_path_text(CAST($1 AS json), $2)"),
    )
}


class GoogleSqlReference(Engine):
    """BigQuery's language by its reference implementation; tables are written into the query.

    It takes a minute or more to start: WebAssembly is compiled.
    """

    dialect = "bigquery"
    start, end = -62_135_596_800_000_000, 253_402_300_799_999_999

    def __init__(self):
        from zetasql.api import CatalogBuilder
        from zetasql.types import AnalyzerOptions, LanguageOptions, ZetaSQLBuiltinFunctionOptions

        language = LanguageOptions.maximum_features()
        functions = ZetaSQLBuiltinFunctionOptions(language_options=language)
        self.catalog = CatalogBuilder("here").with_builtin_functions(functions).build()
        self.options = AnalyzerOptions(language_options=language)
        self.tables = {}

    def _query(self, sql, params):
        from zetasql.api import PreparedQuery

        written = rewrite(sql, dialect_of("bigquery"))
        rest = f", {written[5:]}" if written.startswith("WITH ") else f" {written}"
        with_tables = "WITH " + ", ".join(self.tables.values()) + rest
        builder = PreparedQuery.builder().set_sql(with_tables).set_analyzer_options(self.options)
        with builder.set_catalog(self.catalog).prepare() as query:
            answer = query.execute()
            fields = [
                pa.field(column.name, GOOGLE_ARROW[int(column.type.type_kind)])
                for column in query.columns
            ]
        rows = [[google_value(cell) for cell in row.cell] for row in answer.content.table_data.row]
        columns = zip(*rows, strict=True) if rows else [()] * len(fields)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, fields, strict=True)]
        table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
        return with_ends(table, -LAST, LAST, self.start, self.end)

    def _register(self, name, table):
        table = with_ends(table, self.start, self.end)
        kinds = [GOOGLE_TYPES[str(field.type)] for field in table.schema]
        columns = ", ".join(f"`{f.name}` {k}" for f, k in zip(table.schema, kinds, strict=True))
        rows = ", ".join(
            "STRUCT(" + ", ".join(map(google_literal, row.values(), kinds)) + ")"
            for row in table.to_pylist()
        )
        self.tables[name] = f"`{name}` AS (SELECT * FROM UNNEST(ARRAY<STRUCT<{columns}>>[{rows}]))"

    def _explain(self, error):
        return str(error).splitlines()[0]

    def close(self):
        self.tables.clear()


GOOGLE_TYPES = {
    "string": "STRING",
    "double": "FLOAT64",
    "int64": "INT64",
    "bool": "BOOL",
    "timestamp[us]": "DATETIME",
    "date32[day]": "DATE",
}
GOOGLE_ARROW = {
    2: pa.int64(),
    5: pa.bool_(),
    7: pa.float64(),
    8: pa.string(),
    10: pa.date32(),
    21: pa.timestamp("us"),
}


def google_literal(value, kind):
    if value is None:
        return "NULL"
    if kind == "STRING":
        escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
        return f"'{escaped}'"
    if kind in ("DATETIME", "DATE"):
        return f"{kind} '{value}'"
    if kind == "INT64":
        return f"CAST('{value}' AS INT64)"
    return f"CAST('{value!r}' AS FLOAT64)" if kind == "FLOAT64" else str(value).upper()


def google_value(cell):
    for name in ("int64_value", "string_value", "double_value", "bool_value"):
        if (value := getattr(cell, name)) is not None:
            return value
    if cell.date_value is not None:
        return date(1970, 1, 1) + timedelta(days=cell.date_value)
    if (packed := cell.datetime_value) is None:
        return None
    bits = packed.bit_field_datetime_seconds
    parts = (
        bits >> 26,
        bits >> 22 & 15,
        bits >> 17 & 31,
        bits >> 12 & 31,
        bits >> 6 & 63,
        bits & 63,
    )
    return datetime(*parts, (packed.nanos or 0) // 1000)
