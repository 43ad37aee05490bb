"""A database that is only read from: one question, answered in chunks."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import msgspec

from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sources._words import words_of
from vocative.errors import ProviderError

CHUNK_ROWS = 2_000
Chunk = Sequence[Sequence[Any]]

# Of DB-API's drivers, and of Google's client.
_MAY_WORK_LATER = (
    *("OperationalError", "InterfaceError", "TimeoutError", "ConnectionError"),
    *("ServerError", "TooManyRequests", "RetryError", "TransportError"),
)
# SQLSTATE classes, which PostgreSQL, Redshift and Snowflake use alike.
_REFUSALS = ("0A", "28", "3D", "3F", "42")
_ABOUT_VALUES = ("21", "22", "23")


class Database(ABC):
    """One session. It is closed by whoever opened it."""

    @abstractmethod
    def ask(self, sql: str, values: Sequence[Any]) -> tuple[list[str], Iterator[Chunk]]:
        """The columns of an answer, and its rows, read as they are asked for.

        Args:
            sql: One SELECT; the values stand in it as `parameter` writes them.
            values: What they are, in order.
        """

    @abstractmethod
    def parameter(self, number: int) -> str:
        """How the value of a number, from 0 on, stands in a query."""

    def literal(self, sql: str) -> str:
        """What somebody wrote, so that nothing in it is taken for the place of a value."""
        return sql

    @abstractmethod
    def close(self) -> None:
        """End the session; closing twice is fine."""


def trouble(error: Exception, secrets: Sequence[str]) -> ProviderError:
    """What a driver's error means, in words that hold neither a secret nor a value of a row."""
    cause = getattr(error, "orig", None) or error
    state = str(getattr(cause, "sqlstate", None) or "")
    name = type(cause).__name__
    names = {base.__name__ for base in type(cause).__mro__}
    if state[:2] in _ABOUT_VALUES or "DataError" in names:
        # These quote the value that did not fit.
        return SourceRefused(
            f"the database cannot compute the query's values ({state or name})",
            hint="run the query there; often a cast does not fit every row",
        )
    words = words_of(str(cause).encode(), secrets=secrets) or name
    if state == "57014":
        return SourceDown(
            f"the database ended the query: {words}",
            hint="give it more time with `timeout:`, or an index on the incremental column",
        )
    # SQLite calls a wrong name an operational error, too, but numbers it.
    is_wrong = state[:2] in _REFUSALS or getattr(cause, "sqlite_errorcode", None) == 1
    if names.isdisjoint(_MAY_WORK_LATER) or is_wrong:
        return SourceRefused(
            f"the database refused: {words}",
            hint="check the names in the definition, and the rights of its user",
        )
    return SourceDown(
        f"the database does not answer: {words}", hint="check its address and that it runs"
    )


def as_text(value: Any) -> str | None:
    """A value as a mapping sees it: like the same value in a file; nothing and "" are NULL.

    >>> as_text(Decimal("12.50")), as_text(True), as_text({"a": 1})
    ('12.50', 'true', '{"a":1}')
    """
    match value:
        case None | "":
            return None
        case str():
            return value.replace("\0", "") or None
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Decimal():
            return format(value, "f")
        case datetime() | date() | time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case dict() | list() | tuple():
            return msgspec.json.encode(value, enc_hook=str).decode()
        case _:
            return str(value)
