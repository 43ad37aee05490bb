"""From a URL to a store whose schema is up to date."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from vocative.errors import AuthorError
from vocative.stores import postgres, sqlite
from vocative.stores.base import Store, _explained

MIGRATIONS = Path(__file__).parent / "migrations"
_ENGINES = {"sqlite": sqlite.create_engine, "postgresql": postgres.create_engine}


def open_store(url: str, *, migrate: bool = True) -> Store:
    """Open the store at an SQLAlchemy URL and bring its schema up to date.

    Args:
        url: `sqlite:///path/store.db` or `postgresql://user@host/database?schema=name`.
        migrate: False leaves the schema alone.

    Raises:
        AuthorError: the URL is unreadable or names a database Vocative does not keep state in.
        StoreBusy: the database cannot be reached.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise AuthorError(
            "the store's URL cannot be read",
            hint="write sqlite:///store.db or postgresql://user@host/database",
        ) from error
    family = parsed.get_backend_name()
    if family not in _ENGINES:
        raise AuthorError(
            f"Vocative keeps no state in {family!r}", hint="use sqlite:// or postgresql://"
        )
    store = Store(_ENGINES[family](parsed))
    if migrate:
        upgrade(store)
    return store


def upgrade(store: Store, revision: str = "head") -> None:
    """Run the migrations that the database has not seen; nothing happens when it is current."""
    with _explained(), store.engine.connect() as connection:
        if _current(connection) == latest_revision():
            return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with _explained(), store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def latest_revision() -> str:
    """The newest migration's name: files are named in order, so no import is needed."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(
        sa.text("SELECT version_num FROM alembic_version")
    ).scalar()
    return found
