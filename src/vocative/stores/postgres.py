"""PostgreSQL: a workspace is a schema, named in the URL as `?schema=name`."""

import re

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
        connect_args={"options": f"-csearch_path={schema}"},
    )

    @sa.event.listens_for(engine, "first_connect")
    def _create_schema(connection: object, _: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        connection.commit()  # type: ignore[attr-defined]

    return engine
