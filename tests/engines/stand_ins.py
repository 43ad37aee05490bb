"""Engines that nobody can install, as near as software on this machine comes to them.

ClickHouse is itself (chdb holds the server's code). Redshift's queries run on PostgreSQL, from
which it descends. BigQuery's run on GoogleSQL's reference implementation.
"""

import tempfile
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
