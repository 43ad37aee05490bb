"""A server that was set up without a locale keeps text all the same."""

import os
import uuid
from collections.abc import Iterator

import pytest

from vocative.stores import open_store


@pytest.fixture
def ascii_url(postgres_url: str) -> Iterator[str]:
    """A database with the encoding SQL_ASCII, as initdb makes it under the C locale."""
    import psycopg

    server = os.environ["VOCATIVE_TEST_POSTGRES"]
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
            " TEMPLATE template0"
        )
    yield f"{server.rpartition('/')[0]}/{name}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.postgres
def test_text_comes_back_as_text(ascii_url: str) -> None:
    with open_store(ascii_url) as store, store.transaction() as tx:
        assert tx.value("SELECT 'Zoë in 東京'") == "Zoë in 東京"
        tx.run("INSERT INTO stream_offsets (consumer, position) VALUES (:c, 1)", {"c": "größer"})
        assert tx.tuples("SELECT consumer FROM stream_offsets") == [("größer",)]
