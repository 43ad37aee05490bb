"""What every analytic engine does: hold named relations and answer SQL over them.

SQL text comes in (DuckDB's dialect, as the plan prints it), Arrow tables go out. The public
methods wrap failures; an engine implements the four small ones.

`events` has one row per fact, `order_lines` one per product of an event that lists products; their
instants are naive UTC with microseconds. `people` (a row per person: person_id, first_seen_at,
email_domain, email_kind and the non-personal traits) and `items` are registered by the workspace.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vocative.errors import EngineError

if TYPE_CHECKING:
    import pyarrow as pa

Params = Mapping[str, Any] | Sequence[Any]

HISTORY_COLUMNS = {
    "events": {
        "event_id": "VARCHAR",
        "person_id": "VARCHAR",
        "name": "VARCHAR",
        "at": "TIMESTAMP",
        "received_at": "TIMESTAMP",
        "source": "VARCHAR",
        "order_id": "VARCHAR",
        "product_id": "VARCHAR",
        "category": "VARCHAR",
        "price": "DOUBLE",
        "quantity": "DOUBLE",
        "revenue": "DOUBLE",
        "currency": "VARCHAR",
        "campaign": "VARCHAR",
        "message_id": "VARCHAR",
        "properties": "VARCHAR",
        "position": "BIGINT",
    },
    "order_lines": {
        "event_id": "VARCHAR",
        "person_id": "VARCHAR",
        "name": "VARCHAR",
        "at": "TIMESTAMP",
        "order_id": "VARCHAR",
        "product_id": "VARCHAR",
        "category": "VARCHAR",
        "price": "DOUBLE",
        "quantity": "DOUBLE",
        "revenue": "DOUBLE",
        "position": "BIGINT",
    },
}
"""Columns of the history relations, in order. `position` is that of the batch on the log; facts
from before it was kept have none."""

_SHOWN = 2_000


class QueryFailed(EngineError):
    """An engine could not answer a query; `sql` is its whole text."""

    def __init__(self, message: str, *, sql: str, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sql = sql

    def __str__(self) -> str:
        shown = self.sql if len(self.sql) <= _SHOWN else self.sql[:_SHOWN] + " …"
        return f"{super().__str__()}\n  in this query:\n{shown}"


class Engine(ABC):
    """A place where analytic SQL runs. It is closed by whoever opened it."""

    dialect: ClassVar[str]
    """The name sqlglot gives to the engine's SQL."""

    def query(self, sql: str, params: Params | None = None) -> "pa.Table":
        """The answer to a query.

        Args:
            sql: One SELECT, or WITH … SELECT.
            params: Values for `$name` or `?` in it.

        Raises:
            QueryFailed: the engine refused it; the error holds the query.
        """
        try:
            return self._query(sql, params)
        except EngineError:
            raise
        except Exception as error:
            raise QueryFailed(self._explain(error), sql=sql, hint=self._advise(error)) from error

    def register(self, name: str, table: "pa.Table") -> None:
        """Make a table queryable under a name, in place of what had it before.

        Raises:
            EngineError: the engine cannot hold the table.
        """
        try:
            self._register(name, table)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(
                f"the relation {name!r} cannot be registered: {self._explain(error)}"
            ) from error

    def rows(self, sql: str, params: Params | None = None) -> list[dict[str, Any]]:
        """The answer to a query as dicts; for small answers."""
        found: list[dict[str, Any]] = self.query(sql, params).to_pylist()
        return found

    def value(self, sql: str, params: Params | None = None) -> Any:
        """The first column of the first row, or None."""
        for row in self.rows(sql, params):
            return next(iter(row.values()), None)
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def _query(self, sql: str, params: Params | None) -> "pa.Table":
        """Run one query."""

    @abstractmethod
    def _register(self, name: str, table: "pa.Table") -> None:
        """Hold a table under a name."""

    @abstractmethod
    def _explain(self, error: Exception) -> str:
        """A driver's error in a sentence, without values of rows."""

    @abstractmethod
    def close(self) -> None:
        """Give back memory and connections."""

    def _advise(self, error: Exception) -> str | None:  # noqa: ARG002 - for subclasses
        """What to do about a driver's error, when that is known."""
        return None
