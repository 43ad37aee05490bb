"""A table of a database: a row for each person, in PostgreSQL or in a DuckDB file.

The table is made when it is missing, and columns are added to it; none is ever dropped. People are
known by their pseudonymous ids, so a warehouse joins them with history and needs no address.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol

import msgspec

from vocative.deliver.destinations.base import (
    Change,
    Destination,
    DestinationDown,
    DestinationRefused,
    Fault,
    Refused,
    RowRefused,
    Secret,
)
from vocative.errors import AuthorError

KEY = "person_id"
EMAIL = "email"
CHANGED = "updated_at"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_TYPES = {
    "text": "TEXT",
    "number": "DOUBLE PRECISION",
    "integer": "BIGINT",
    "boolean": "BOOLEAN",
}


class TableOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table."""

    database: Literal["postgres", "duckdb"]
    url: Secret
    """Of PostgreSQL `postgresql://user:password@host/database`; of DuckDB the path of the file."""
    table: str
    """Its name, with or without that of its schema: `marketing.people`."""
    email: bool = False
    """Whether the table has the address in the clear, too."""


class Table(Destination):
    """A table of a database."""

    Options = TableOptions
    known_by = "person_id"
    batch_size = 1_000

    def __init__(self, options: Any, **given: Any) -> None:
        super().__init__(options, **given)
        self._session: _Session | None = None

    @classmethod
    def faults(cls, options: TableOptions) -> Iterable[Fault]:
        """Names are written into statements; only plain ones are taken."""
        parts = options.table.split(".")
        if len(parts) > 2 or not all(_NAME.fullmatch(part) for part in parts):
            yield ("table",), "this is no name of a table", "use letters, digits and underscores"

    def check(self) -> None:
        """Whether the database can be reached and the table is there or can be made."""
        self._opened()

    def send(self, changes: Sequence[Change]) -> Refused:
        """Insert or update the rows of those who stay and delete those of the others, at once."""
        session = self._opened()
        columns = [KEY, *self._columns(), CHANGED]
        now = self.clock.now()
        rows = [self._row(one, now) for one in changes if one.action == "put"]
        gone = [(one.person_id,) for one in changes if one.action != "put"]
        session.begin()
        try:
            if rows:
                session.run_many(_upsert_sql(self.options.table, columns, session.mark), rows)
            if gone:
                deleted = f"DELETE FROM {_quoted(self.options.table)} WHERE {KEY} = {session.mark}"
                session.run_many(deleted, gone)
            session.commit()
        except Exception:
            self.close()
            raise
        return {}

    def _row(self, change: Change, now: Any) -> tuple[Any, ...]:
        known = {**change.fields, **change.segments, EMAIL: change.email}
        return (change.person_id, *(known.get(name) for name in self._columns()), now)

    def _columns(self) -> dict[str, str]:
        """Name → type, without the key and the instant."""
        mail = {EMAIL: "TEXT"} if self.options.email else {}
        fields = {name: _TYPES[kind] for name, kind in self.place.columns.items()}
        return {**mail, **fields, **dict.fromkeys(self.place.segments, "BOOLEAN")}

    def _opened(self) -> "_Session":
        if self._session is None:
            wrong = [name for name in self._columns() if not _NAME.fullmatch(name)]
            if wrong:
                raise DestinationRefused(
                    f"{wrong[0]!r} cannot be the name of a column",
                    hint="use letters, digits and underscores",
                )
            self._session = _SESSIONS[self.options.database](self.options.url)
            table = _quoted(self.options.table)
            instant = "TIMESTAMP WITH TIME ZONE"
            self._session.run(
                f"CREATE TABLE IF NOT EXISTS {table} ({KEY} TEXT PRIMARY KEY, {CHANGED} {instant})"
            )
            for name, kind in self._columns().items():
                column = f'"{name}" {kind}'
                self._session.run(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")
        return self._session

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            session, self._session = self._session, None
            session.close()


def _quoted(table: str) -> str:
    return ".".join(f'"{part}"' for part in table.split("."))


def _upsert_sql(table: str, columns: Sequence[str], mark: str) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    marks = ", ".join([mark] * len(columns))
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != KEY)
    return (
        f"INSERT INTO {_quoted(table)} ({names}) VALUES ({marks})"
        f" ON CONFLICT ({KEY}) DO UPDATE SET {changed}"
    )


class _Session(Protocol):
    """What is different between databases."""

    mark: str

    def begin(self) -> None: ...
    def run(self, sql: str) -> None: ...
    def run_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None: ...
    def commit(self) -> None: ...
    def close(self) -> None: ...


class _Postgres:
    mark = "%s"

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ModuleNotFoundError as missing:
            raise AuthorError(
                "a table in PostgreSQL needs psycopg, which is not installed",
                hint="pip install 'vocative[postgres]'",
            ) from missing
        self._errors = psycopg
        try:
            self._connection = psycopg.connect(url, autocommit=True, connect_timeout=10)
        except psycopg.Error:
            # What the driver says can hold the address and the user.
            raise DestinationDown(
                "no connection to PostgreSQL", hint="check the url, and whether it answers"
            ) from None

    def begin(self) -> None:
        self.run("BEGIN")

    def run(self, sql: str) -> None:
        self._told(lambda: self._connection.execute(sql.encode()))

    def run_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        def run() -> None:
            with self._connection.cursor() as cursor:
                cursor.executemany(sql.encode(), rows)

        self._told(run)

    def commit(self) -> None:
        self.run("COMMIT")

    def _told(self, act: Callable[[], object]) -> None:
        """Do something; what goes wrong is told by its class, for its words quote values."""
        try:
            act()
        except (self._errors.DataError, self._errors.IntegrityError) as error:
            raise RowRefused(f"PostgreSQL does not take it: {type(error).__name__}") from None
        except self._errors.OperationalError as error:
            raise DestinationDown(f"PostgreSQL cannot now: {type(error).__name__}") from None
        except self._errors.Error as error:
            raise DestinationRefused(f"PostgreSQL refused: {type(error).__name__}") from None

    def close(self) -> None:
        self._connection.close()


class _DuckDb:
    mark = "?"

    def __init__(self, path: str) -> None:
        import duckdb

        self._errors = duckdb
        try:
            self._connection = duckdb.connect(
                path, config={"autoinstall_known_extensions": "false"}
            )
        except duckdb.IOException:
            raise DestinationDown(
                "the DuckDB file cannot be opened", hint="another program may have it open"
            ) from None
        except duckdb.Error as error:
            raise DestinationRefused(f"DuckDB refused: {type(error).__name__}") from None

    def begin(self) -> None:
        self.run("BEGIN")

    def run(self, sql: str) -> None:
        self._told(lambda: self._connection.execute(sql))

    def run_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._told(lambda: self._connection.executemany(sql, rows))

    def commit(self) -> None:
        self.run("COMMIT")

    def _told(self, act: Callable[[], object]) -> None:
        try:
            act()
        except (self._errors.ConversionException, self._errors.ConstraintException) as error:
            raise RowRefused(f"DuckDB does not take it: {type(error).__name__}") from None
        except self._errors.IOException as error:
            raise DestinationDown(f"DuckDB cannot now: {type(error).__name__}") from None
        except self._errors.Error as error:
            raise DestinationRefused(f"DuckDB refused: {type(error).__name__}") from None

    def close(self) -> None:
        self._connection.close()


_SESSIONS: dict[str, Callable[[str], _Session]] = {"postgres": _Postgres, "duckdb": _DuckDb}
