"""One way to talk to the operational store, whichever database holds it.

SQL comes in as portable text with `:name` binds; rows go out as plain dicts. The differences
between databases stay in the modules beside this one.
"""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from vocative.errors import EngineError, Retryable

Values = Mapping[str, Any] | tuple[Any, ...]
"""What is bound: by name, or (cheaper when there are many) in the order of the binds."""
Params = Values | Sequence[Mapping[str, Any]] | Sequence[tuple[Any, ...]]
"""The values of one execution, or a list of those of several."""
Row = dict[str, Any]


class StoreError(EngineError):
    """The operational store refused a statement or cannot be reached."""

    kind = "store"


class StoreBusy(StoreError, Retryable):
    """The store is locked, full or away for the moment."""

    status = 503


class Transaction:
    """One unit of work; everything in it happens or nothing does."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._connection.dialect.name

    def run(self, sql: str, params: Params | None = None) -> int:
        """Execute a statement, once per element in a list of params.

        Args:
            sql: The statement, with binds as `:name`.
            params: Values, or a list of them.

        Returns:
            How many rows it changed.
        """
        if isinstance(params, Sequence) and not params:
            return 0
        return self._execute(sql, params).rowcount

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """Every row of a query (or of a statement with RETURNING)."""
        return [dict(row) for row in self._execute(sql, params).mappings()]

    def tuples(self, sql: str, params: Values | None = None) -> list[tuple[Any, ...]]:
        """Every row as a tuple: cheaper than dicts when there are many."""
        result = self._execute(sql, params)
        # The driver's own tuples: making rows of them one by one costs more than reading them.
        found: list[tuple[Any, ...]] = list(result.cursor.fetchall())
        result.close()
        return found

    def row(self, sql: str, params: Mapping[str, Any] | None = None) -> Row | None:
        """The first row, or None."""
        found = self._execute(sql, params).mappings().first()
        return None if found is None else dict(found)

    def value(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        return self._execute(sql, params).scalar()

    def _execute(self, sql: str, params: Params | None) -> sa.CursorResult[Any]:
        try:
            in_order = isinstance(params[0] if isinstance(params, list) else params, tuple)
            return self._connection.exec_driver_sql(
                _driver_sql(self._connection.dialect, sql, in_order=in_order),
                {} if params is None else params,
            )
        except (OverflowError, UnicodeEncodeError) as error:
            # sqlite3 raises these itself, for an integer over 64 bits and for half a character.
            raise _explanation(error) from None


@lru_cache(maxsize=2_000)
def _driver_sql(dialect: sa.Dialect, sql: str, *, in_order: bool) -> str:
    """The statement with its binds as the driver writes them; both drivers take them by name.

    Handing the values over as they are is a third of the cost of letting SQLAlchemy bind them.
    """
    if in_order:
        mark = "?" if dialect.name == "sqlite" else "%s"
        return _BIND.sub(mark, sql if mark == "?" else sql.replace("%", "%%"))
    return str(sa.text(sql).compile(dialect=dialect))


# As SQLAlchemy finds them: not in `::`, and not escaped.
_BIND = re.compile(r"(?<![:\w\\]):\w+(?!:)")


class Store:
    """The operational state of one workspace."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.engine.dialect.name

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[Transaction]:
        """A read-write transaction: committed at the end, rolled back on an error.

        Args:
            durable: The commit, and every one before it, survives a power cut too. SQLite needs
                a disk flush for that, which costs milliseconds; PostgreSQL always does it.

        Raises:
            StoreBusy: the store is locked, full or not reachable now.
            StoreError: the store refused a statement.
        """
        with explained(), self.engine.connect() as connection:
            connection.execution_options(durable=durable)
            with connection.begin():
                yield Transaction(connection)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads, and sees one moment however long it lasts."""
        with explained(), self.engine.connect() as connection:
            yield Transaction(connection.execution_options(read_only=True))

    def tidy(self) -> None:
        """Do what a database wants done now and then, beside whoever writes.

        SQLite's log is copied into its file, as far as nobody needs it: a writer that does it
        itself stalls for as long as the disk takes.
        """
        if self.dialect == "sqlite":
            with self.read() as tx:
                tx.rows("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def explained() -> Iterator[None]:
    """Turn what a driver raises into a `StoreError` that holds no bound value.

    The driver's own error is not chained: it can quote rows, and a traceback would print them.
    """
    try:
        yield
    except SQLAlchemyError as error:
        raise _explanation(error) from None
    except sqlite3.Error as error:  # raised while a new connection is being prepared
        raise _explanation(error) from None


class _Cause(NamedTuple):
    """What a database said, in words of ours."""

    words: str
    retryable: bool
    hint: str


# What the drivers say, in the order in which it is looked for. Only these texts and what
# `_UNQUOTED` lets through are repeated to the user: anything else could quote a value.
_CAUSES = {
    "database or disk is full": _Cause(
        "the disk is full", True, "free some space on the disk, then run the command again"
    ),
    "No space left on device": _Cause(
        "the disk is full", True, "free some space on the disk, then run the command again"
    ),
    "database is locked": _Cause(
        "another process holds the lock", True, "try again in a moment; nothing was changed"
    ),
    "canceling statement due to lock timeout": _Cause(
        "another process holds the lock", True, "try again in a moment; nothing was changed"
    ),
    "deadlock detected": _Cause("two processes waited for each other", True, "run it again"),
    "could not serialize": _Cause("another process was faster", True, "run it again"),
    "unable to open database file": _Cause(
        "the file cannot be opened", True, "check that the folder exists and is writable"
    ),
    "attempt to write a readonly database": _Cause(
        "it may only be read", False, "check who owns the workspace folder"
    ),
    "in a read-only transaction": _Cause(
        "it may only be read here", False, "use store.transaction() to write"
    ),
    "disk I/O error": _Cause("the disk failed", True, "check the disk: it may be full or failing"),
    "file is not a database": _Cause(
        "the file is no SQLite database", False, "bring store.db back from a backup"
    ),
    "malformed": _Cause("the file is damaged", False, "bring store.db back from a backup"),
    "Connection refused": _Cause(
        "nothing answers at its address",
        True,
        "start PostgreSQL, or check `store:` in vocative.yaml",
    ),
    "could not translate host name": _Cause(
        "its host name is unknown", True, "check `store:` in vocative.yaml"
    ),
    "password authentication failed": _Cause(
        "the password is wrong", False, "check `store:` in vocative.yaml"
    ),
    "does not exist": _Cause(
        "a database, table, column or role is missing",
        False,
        "check `store:` in vocative.yaml, and that the schema is up to date",
    ),
    "server closed the connection": _Cause(
        "the connection broke", True, "try again; nothing was changed"
    ),
    "terminating connection": _Cause(
        "the connection broke", True, "try again; nothing was changed"
    ),
    "too many clients": _Cause(
        "it has no connection left", True, "try again, or raise max_connections"
    ),
    "timeout expired": _Cause("it does not answer", True, "check `store:` in vocative.yaml"),
}
_UNQUOTED = re.compile(
    r"(?:UNIQUE|NOT NULL|CHECK|FOREIGN KEY) constraint failed(?:: [\w., ]+)?"
    r"|duplicate key value violates unique constraint \"\w+\""
    r"|null value in column \"\w+\" of relation \"\w+\""
    r"|no such (?:table|column): [\w.]+|no such savepoint"
)


def _explanation(error: Exception) -> StoreError:
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    known = next((cause for text, cause in _CAUSES.items() if text in said), None)
    if known is not None:
        kind = StoreBusy if known.retryable else StoreError
        explanation = kind(f"the store failed: {known.words}", hint=known.hint)
    elif isinstance(error, DBAPIError) and error.connection_invalidated:
        explanation = StoreBusy("the store failed: the connection broke", hint="try again")
    else:
        unquoted = _UNQUOTED.search(said)
        what = unquoted.group() if unquoted else _name_of(error)
        explanation = StoreError(f"the store refused a statement: {what}")
    if isinstance(error, StatementError) and error.statement:
        # The text has binds where values go: it helps whoever reads the traceback.
        explanation.add_note(f"while running: {error.statement}")
    return explanation


def _name_of(error: Exception) -> str:
    """The driver's name for the error, such as InvalidTextRepresentation."""
    origin = error.orig if isinstance(error, StatementError) and error.orig else error
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(origin).__name__).lower()


def load_queries(folder: Path, name: str) -> dict[str, str]:
    """Named statements of `<folder>/<name>.sql`.

    Each statement follows a line `-- name: <query_name>` and a comment that says what it is for.
    """
    text = (folder / f"{name}.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: *(\w+) *$", text, flags=re.MULTILINE)
    return {
        query: "\n".join(line for line in body.splitlines() if not line.startswith("--")).strip()
        for query, body in zip(parts[1::2], parts[2::2], strict=True)
    }
