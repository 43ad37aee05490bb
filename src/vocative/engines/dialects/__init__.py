"""Other engines' SQL, one file each."""

from vocative.engines.dialects.base import CannotBeWritten, Dialect
from vocative.errors import unknown_name

DIALECTS = ("postgres", "spark", "snowflake", "bigquery", "redshift", "clickhouse")
"""The engines other than DuckDB, each with SQL of its own."""


def dialect_of(engine: str) -> Dialect:
    """The SQL of an engine other than DuckDB.

    Raises:
        UnknownName: there is no such engine.
    """
    import importlib

    if engine not in DIALECTS:
        raise unknown_name("engine", engine, DIALECTS)
    module = importlib.import_module(f"vocative.engines.dialects.{engine}")
    found: Dialect = getattr(module, engine.upper())
    return found


__all__ = ["DIALECTS", "CannotBeWritten", "Dialect", "dialect_of"]
