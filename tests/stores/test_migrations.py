"""Migrations and schema.py describe one database, however it came to be."""

import multiprocessing
import sys
from pathlib import Path
from typing import Any

import alembic.command  # noqa: F401 - imported before children are forked
import pytest
import sqlalchemy as sa

from vocative.stores import Store, open_store
from vocative.stores.opening import current_revision, downgrade, latest_revision, upgrade
from vocative.stores.schema import metadata


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database that nothing has opened."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    return str(request.getfixturevalue("postgres_url"))


def described(store: Store) -> dict[str, Any]:
    """Everything that makes up the schema, as the database itself tells it."""
    inspector = sa.inspect(store.engine)
    return {
        table: {
            "columns": [
                (column["name"], str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            ],
            "primary key": inspector.get_pk_constraint(table),
            "options": inspector.get_table_options(table),
            "indexes": sorted(
                (index["name"], tuple(index["column_names"]), index["unique"], partial(index))
                for index in inspector.get_indexes(table)
            ),
            "unique": sorted(
                (unique["name"], tuple(unique["column_names"]))
                for unique in inspector.get_unique_constraints(table)
            ),
        }
        for table in sorted(set(inspector.get_table_names()) - {"alembic_version"})
    }


def partial(index: Any) -> str:
    """Of which rows an index is; nothing when of all."""
    options = index.get("dialect_options", {})
    return str(options.get("sqlite_where", options.get("postgresql_where", ""))).strip("()")


def test_migrations_make_what_the_schema_says(url: str, tmp_path: Path) -> None:
    with open_store(url) as migrated:
        by_migrations = described(migrated)
        downgrade(migrated, "base")
        assert described(migrated) == {}
        with migrated.engine.begin() as connection:
            metadata.create_all(connection)
        by_schema = described(migrated)
    assert set(by_migrations) == set(metadata.tables)
    for table in by_schema:
        # A column that a later migration added stands last; the order means nothing.
        for made in (by_migrations[table], by_schema[table]):
            made["columns"].sort()
        assert by_migrations[table] == by_schema[table], table


def test_every_step_goes_down_and_up_again(url: str) -> None:
    with open_store(url) as store:
        full = described(store)
        revisions = [
            path.stem.split("_")[0]
            for path in sorted(
                Path(sys.modules[upgrade.__module__].__file__ or "").parent.glob(
                    "migrations/versions/[0-9]*.py"
                )
            )
        ]
        assert revisions[-1] == latest_revision()
        for revision in reversed(["base", *revisions[:-1]]):
            downgrade(store, revision)
            upgrade(store)
            assert described(store) == full


def test_opening_again_changes_nothing(url: str) -> None:
    with open_store(url) as store:
        first = described(store)
        with store.transaction() as tx:
            tx.run("INSERT INTO stream_offsets (consumer, position) VALUES ('x', 5)")
        upgrade(store)
    with open_store(url) as store, store.read() as tx:
        assert current_revision(tx) == latest_revision()
        assert tx.value("SELECT position FROM stream_offsets") == 5
        assert described(store) == first


def test_a_trait_stated_before_its_time_was_kept_survives(url: str) -> None:
    with open_store(url) as store:
        downgrade(store, "0001")
        with store.transaction() as tx:
            tx.run(
                "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
                " VALUES ('p1', 1, 1, '{\"country\":\"FR\"}')"
            )
        upgrade(store)
        with store.read() as tx:
            assert tx.tuples("SELECT traits, traits_at FROM profiles") == [
                ('{"country":"FR"}', "{}")
            ]


def test_processes_that_open_a_new_store_at_once_all_succeed(url: str) -> None:
    fork = multiprocessing.get_context("fork")
    running = [fork.Process(target=open_and_close, args=(url,)) for _ in range(4)]
    for process in running:
        process.start()
    for process in running:
        process.join(timeout=120)
    assert [process.exitcode for process in running] == [0] * 4
    with open_store(url, migrate=False) as store:
        assert set(described(store)) == set(metadata.tables)


def open_and_close(url: str) -> None:
    open_store(url).close()


def test_applied_events_stay_known_when_their_ids_become_bytes(url: str) -> None:
    ids = [f"{number * 7919:032x}" for number in range(500)]
    with open_store(url) as store:
        downgrade(store, "0002")
        insert = "INSERT INTO seen_events (event_id, position) VALUES (:id, :at)"
        with store.transaction() as tx:
            tx.run(insert, [{"id": one, "at": at} for at, one in enumerate(ids)])
        upgrade(store)
        with store.transaction() as tx:
            rows = tx.tuples("SELECT event_id FROM seen_events")
            assert {bytes(key).hex() for (key,) in rows} == set(ids)
            tail = bytes.fromhex("ff" * 16 + "ee" * 16)
            tx.run("INSERT INTO seen_tail VALUES (7, :ids)", {"ids": tail})
        downgrade(store, "0002")
        with store.read() as tx:
            rows = tx.tuples("SELECT event_id FROM seen_events")
            assert {one for (one,) in rows} == {*ids, "ff" * 16, "ee" * 16}


def test_intervals_become_the_first_changes(url: str) -> None:
    intervals = [
        ("p1", "a", 10, 20),
        ("p1", "a", 20, None),  # left and entered at one instant
        ("p1", "b", 15, 15),  # never was
        ("p2", "a", 10, 30),
        ("p2", "b", 5, None),
    ]
    with open_store(url) as store:
        downgrade(store, "0002")
        with store.transaction() as tx:
            tx.run("INSERT INTO memberships VALUES (:p, :s, :since, :until)", intervals)
        upgrade(store)
        with store.transaction() as tx:
            assert tx.tuples("SELECT * FROM memberships ORDER BY 1, 2, 3") == intervals
            rows = tx.tuples(
                'SELECT person_id, segment, change, "at", recorded_at, cause'
                " FROM membership_changes ORDER BY seq"
            )
            assert rows == [
                ("p2", "b", "entered", 5, 5, None),
                ("p1", "a", "entered", 10, 10, None),
                ("p2", "a", "entered", 10, 10, None),
                ("p1", "a", "exited", 20, 20, None),
                ("p1", "a", "entered", 20, 20, None),
                ("p2", "a", "exited", 30, 30, None),
            ]
        downgrade(store, "0002")
        with store.read() as tx:
            assert tx.tuples("SELECT * FROM memberships ORDER BY 1, 2, 3") == intervals


def test_people_merged_before_origins_were_kept_are_the_survivors(url: str) -> None:
    with open_store(url) as store:
        downgrade(store, "0007")
        with store.transaction() as tx:
            tx.run(
                "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits, merged_into)"
                " VALUES (:id, :at, :at, :traits, :into)",
                [
                    {"id": "old", "at": 1, "traits": '{"country":"FR"}', "into": None},
                    {"id": "new", "at": 2, "traits": '{"country":"ES"}', "into": "old"},
                    {"id": "other", "at": 3, "traits": "{}", "into": None},
                ],
            )
            tx.run("INSERT INTO identities VALUES ('user_id', 'a', 'old', 1)")
            tx.run("INSERT INTO identities VALUES ('user_id', 'b', 'other', 1)")
        upgrade(store)
        with store.read() as tx:
            assert tx.tuples(
                "SELECT origin, person_id, joined_to, traits FROM origins ORDER BY 1"
            ) == [("new", "old", "old", "{}"), ("old", "old", None, '{"country":"FR"}')]
            assert tx.tuples("SELECT person_id, origin FROM identities ORDER BY 1") == [
                ("old", "old"),
                ("other", None),
            ]
