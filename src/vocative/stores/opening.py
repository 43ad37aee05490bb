"""From a URL to a store whose schema is up to date."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from vocative.errors import AuthorError
from vocative.stores import postgres, sqlite
from vocative.stores.base import Store, Transaction, explained

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
_ENGINES = {"sqlite": sqlite.create_engine, "postgresql": postgres.create_engine}


def open_store(url: str | sa.URL, *, migrate: bool = True) -> Store:
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
    except ArgumentError:
        raise AuthorError(
            "the store's URL cannot be read",
            hint="write sqlite:///store.db or postgresql://user@host/database",
        ) from None
    family = parsed.get_backend_name()
    if family not in _ENGINES:
        raise AuthorError(
            f"Vocative keeps no state in {family!r}", hint="use sqlite:// or postgresql://"
        )
    store = Store(_ENGINES[family](parsed))
    if migrate:
        try:
            upgrade(store)
        except BaseException:
            store.close()
            raise
    return store


def upgrade(store: Store, revision: str = "head") -> None:
    """Run the migrations that the database has not seen; nothing happens when it is current."""
    wanted = latest_revision() if revision == "head" else revision
    with store.read() as tx:
        if current_revision(tx) == wanted:
            return
    from alembic import command

    with _migrating(store) as config:
        command.upgrade(config, revision)


def downgrade(store: Store, revision: str) -> None:
    """Undo the migrations after `revision`; `base` undoes all, and all data with them."""
    from alembic import command

    with _migrating(store) as config:
        command.downgrade(config, revision)


@contextmanager
def _migrating(store: Store) -> Iterator["Config"]:
    """Alembic's settings on one transaction; a second process waits for it to end."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with explained(), store.engine.begin() as connection:
        if store.dialect == "postgresql":
            # SQLite's transactions exclude each other anyway. The lock is per schema.
            connection.exec_driver_sql(
                "SELECT pg_advisory_xact_lock(hashtext('vocative migrations ' || current_schema()))"
            )
        config.attributes["connection"] = connection
        yield config


def latest_revision() -> str:
    """The newest migration's name: files are named in order, so no import is needed."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]


def current_revision(tx: Transaction) -> str | None:
    """The newest migration that the database has seen; None when it has seen none."""
    catalog = {
        "sqlite": "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'",
        "postgresql": "SELECT to_regclass('alembic_version')",
    }
    if tx.value(catalog[tx.dialect]) is None:
        return None
    found: str | None = tx.value("SELECT version_num FROM alembic_version")
    return found
