"""A table, view or query of a SQL database, through SQLAlchemy.

PostgreSQL needs the extra `postgres`; MySQL, MariaDB, SQL Server, Oracle and SQLite are reached by
the address of their SQLAlchemy driver. The session is read-only where the database has such a
thing, and its answer is read in chunks by a cursor on the server.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from vocative.collect.sources._database import CHUNK_ROWS, Chunk, Database
from vocative.collect.sources._http import Secret
from vocative.collect.sources._tables import TableOptions, TableSource
from vocative.errors import AuthorError

if TYPE_CHECKING:
    import sqlalchemy

_SESSION = {
    "postgresql": (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET statement_timeout = {milliseconds}",
        "SET TIME ZONE 'UTC'",
    ),
    "mysql": (
        "SET SESSION TRANSACTION READ ONLY",
        "SET SESSION max_execution_time = {milliseconds}",
        "SET time_zone = '+00:00'",
    ),
    "mariadb": (
        "SET SESSION TRANSACTION READ ONLY",
        "SET SESSION max_statement_time = {seconds}",
        "SET time_zone = '+00:00'",
    ),
    "sqlite": ("PRAGMA query_only = ON",),
}
"""By dialect: what a session begins with."""
_CONNECTING = {
    # A server that went away without a word is noticed within a minute or two.
    "postgresql": {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 60_000},
    "mysql": {"connect_timeout": 10},
    "mariadb": {"connect_timeout": 10},
}
"""By dialect: what its driver is told when it connects."""
_NAMED_VALUE = re.compile(r"(?<![:\w\\]):(?=\w+(?!:))")


class SqlOptions(TableOptions, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of a database that SQLAlchemy reaches."""

    url: Secret
    """Its address: `postgresql://user:password@host/database`."""


class SqlSource(TableSource):
    """A table of a SQL database."""

    Options = SqlOptions

    def _open(self) -> Database:
        import sqlalchemy

        try:
            url = sqlalchemy.make_url(self.options.url)
            engine = sqlalchemy.create_engine(
                url,
                hide_parameters=True,
                poolclass=sqlalchemy.NullPool,
                connect_args=dict(_CONNECTING.get(url.get_backend_name(), {})),
            )
        except sqlalchemy.exc.ArgumentError as error:
            # Its words would show the address, and with it the password.
            raise AuthorError(
                "the secret `url` holds no address of a database",
                hint="postgresql://user:password@host/database",
            ) from error
        except ModuleNotFoundError as missing:
            raise AuthorError(
                f"the driver {missing.name!r} is not installed",
                hint=f"pip install {missing.name}, or 'vocative[postgres]' for PostgreSQL",
            ) from missing
        return _AlchemyDatabase(engine, self.timeout_seconds)

    @property
    def _secrets(self) -> Sequence[str]:
        import sqlalchemy

        try:
            password = sqlalchemy.make_url(self.options.url).password
        except sqlalchemy.exc.ArgumentError:
            password = None
        return [self.options.url, *([str(password)] if password else [])]


class _AlchemyDatabase(Database):
    """A session over one connection."""

    def __init__(self, engine: "sqlalchemy.Engine", timeout_seconds: int) -> None:
        self._connection = engine.connect()
        self._result: sqlalchemy.CursorResult[Any] | None = None
        dialect = engine.dialect.name
        is_maria = getattr(engine.dialect, "is_mariadb", False)
        statements = _SESSION.get("mariadb" if is_maria else dialect, ())
        try:
            for statement in statements:
                told = {"milliseconds": timeout_seconds * 1_000, "seconds": timeout_seconds}
                self._connection.exec_driver_sql(statement.format(**told))
            self._connection.commit()
        except BaseException:
            self._connection.close()
            raise

    def ask(self, sql: str, values: Sequence[Any]) -> tuple[list[str], Iterator[Chunk]]:
        """The columns of an answer, and its rows by a cursor on the server."""
        import sqlalchemy

        bound = {f"v{number}": value for number, value in enumerate(values)}
        options = {"stream_results": True, "max_row_buffer": CHUNK_ROWS}
        reading = self._connection.execution_options(**options)
        self._result = result = reading.execute(sqlalchemy.text(sql), bound)
        return list(result.keys()), iter(result.partitions(CHUNK_ROWS))

    def parameter(self, number: int) -> str:
        """As SQLAlchemy names values."""
        return f":v{number}"

    def literal(self, sql: str) -> str:
        """With colons before words escaped, which SQLAlchemy takes for values."""
        return _NAMED_VALUE.sub(r"\\:", sql)

    def close(self) -> None:
        """End the session."""
        if self._result is not None:
            # Or the driver complains about a cursor that a pull left in the middle.
            self._result.close()
        self._connection.close()
