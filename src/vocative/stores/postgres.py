"""PostgreSQL: a workspace is a schema, named in the URL as `?schema=name`."""

import re
from typing import Any

import sqlalchemy as sa

from vocative.errors import AuthorError


def create_engine(url: sa.URL) -> sa.Engine:
    """An engine whose connections see one schema, which is created when missing.

    Raises:
        AuthorError: psycopg is not installed, or the schema's name is not a plain word.
    """
    try:
        import psycopg  # noqa: F401
    except ModuleNotFoundError as error:
        raise AuthorError(
            "the PostgreSQL store needs psycopg", hint="pip install 'vocative[postgres]'"
        ) from error
    schema = str(url.query.get("schema", "public"))
    if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
        raise AuthorError(
            f"the schema name {schema!r} is not a plain word",
            hint="use lower-case letters, digits and _",
        )
    plain = url.set(drivername="postgresql+psycopg").difference_update_query(["schema"])
    engine = sa.create_engine(
        plain,
        pool_size=5,
        max_overflow=20,
        pool_pre_ping=True,
        hide_parameters=True,
        # A server set up under the C locale would hand text over as bytes.
        connect_args={"options": f"-csearch_path={schema}", "client_encoding": "utf8"},
    )

    @sa.event.listens_for(engine, "first_connect")
    def _create_schema(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
        if cursor.fetchone() is None:
            # IF NOT EXISTS still fails when two processes create it at one instant.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('vocative schemas'))")
            cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        connection.commit()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        if connection.get_execution_options().get("read_only"):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return engine
