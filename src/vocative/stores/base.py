"""One way to talk to the operational store, whichever database holds it.

SQL comes in as portable text with `:name` binds; rows go out as plain dicts. The differences
between databases stay in the modules beside this one.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from vocative.errors import EngineError, Retryable

Params = Mapping[str, Any] | Sequence[Mapping[str, Any]]
Row = dict[str, Any]


class StoreError(EngineError):
    """The operational store refused a statement or cannot be reached."""

    kind = "store"


class StoreBusy(StoreError, Retryable):
    """The store is locked, full or away for the moment."""


class Transaction:
    """One unit of work; everything in it happens or nothing does."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._connection.dialect.name

    def run(self, sql: str, params: Params | None = None) -> int:
        """Execute a statement, once per mapping in a list of params.

        Returns:
            How many rows it changed.
        """
        if isinstance(params, Sequence) and not params:
            return 0
        return self._connection.execute(_statement(sql), _bound(params)).rowcount

    def rows(self, sql: str, params: Mapping[str, Any] | None = None) -> list[Row]:
        """Every row of a query (or of a statement with RETURNING)."""
        result = self._connection.execute(_statement(sql), _bound(params))
        return [dict(row) for row in result.mappings()]

    def tuples(self, sql: str, params: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Every row as a tuple: cheaper than dicts when there are many."""
        return [tuple(row) for row in self._connection.execute(_statement(sql), _bound(params))]

    def row(self, sql: str, params: Mapping[str, Any] | None = None) -> Row | None:
        """The first row, or None."""
        found = self._connection.execute(_statement(sql), _bound(params)).mappings().first()
        return None if found is None else dict(found)

    def value(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row, or None."""
        return self._connection.execute(_statement(sql), _bound(params)).scalar()


_STATEMENTS: dict[str, sa.TextClause] = {}


def _statement(sql: str) -> sa.TextClause:
    # text() parses binds; a named query is executed thousands of times.
    found = _STATEMENTS.get(sql)
    if found is None:
        found = _STATEMENTS.setdefault(sql, sa.text(sql))
        if len(_STATEMENTS) > 1_000:
            _STATEMENTS.clear()
    return found


def _bound(params: Params | None) -> Any:
    return params if params is not None else {}


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
        with _explained(), self.engine.connect() as connection:
            connection.execution_options(durable=durable)
            with connection.begin():
                yield Transaction(connection)

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """A transaction that only reads."""
        with _explained(), self.engine.connect() as connection:
            yield Transaction(connection.execution_options(read_only=True))

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        message, hint = _explain(error)
        raise StoreBusy(message, hint=hint) from error
    except DBAPIError as error:
        message, hint = _explain(error)
        raise StoreError(message, hint=hint) from error


def _explain(error: DBAPIError) -> tuple[str, str]:
    """A message without bound values (they may be personal) and what to do next."""
    said = str(error.orig).strip().splitlines()
    first = said[0] if said else type(error.orig).__name__
    known = {
        "database or disk is full": "free some space on the disk, then run the command again",
        "database is locked": "another process is writing for long; try again in a moment",
        "unable to open database file": "check that the folder exists and is writable",
        "attempt to write a readonly database": "check who owns the workspace folder",
        "disk I/O error": "check the disk: it may be full or failing",
        "Connection refused": "start PostgreSQL, or check `store:` in vocative.yaml",
    }
    hint = next((advice for text, advice in known.items() if text in first), "see the store's log")
    # PostgreSQL repeats values in DETAIL lines only; the first line names columns and constraints.
    return f"the store could not do this: {first}", hint


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
