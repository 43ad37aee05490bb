"""The embedded engine: typed relations without history, a shut door, errors that show the query."""

from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vocative.engines.base import HISTORY_COLUMNS, QueryFailed
from vocative.engines.duckdb import DuckDbEngine
from vocative.errors import EngineError

ARROW = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "DOUBLE": pa.float64(),
    "BIGINT": pa.int64(),
}


@pytest.fixture
def engine():
    with DuckDbEngine(history_files={}) as opened:
        yield opened


def row_of(relation, **values):
    return pa.table(
        {
            name: pa.array([values.get(name)], ARROW[kind])
            for name, kind in HISTORY_COLUMNS[relation].items()
        }
    )


@pytest.mark.parametrize("relation", HISTORY_COLUMNS)
def test_without_history_relations_are_empty_and_typed(engine, relation):
    found = engine.query(f"SELECT * FROM {relation}")
    assert found.num_rows == 0
    assert dict(zip(found.schema.names, found.schema.types, strict=True)) == {
        name: ARROW[kind] for name, kind in HISTORY_COLUMNS[relation].items()
    }


def test_history_is_the_union_of_its_files(tmp_path):
    folder = tmp_path / "it's a folder, [really]"
    folder.mkdir()
    at = datetime(2026, 1, 1, 0, 0, 0, 1)  # noqa: DTZ001
    pq.write_table(row_of("events", event_id="a", at=at), folder / "1.parquet")
    pq.write_table(row_of("events", event_id="b"), folder / "2.parquet")
    with DuckDbEngine(
        history_files={"events": [folder / "1.parquet", folder / "2.parquet"]}
    ) as engine:
        found = engine.rows('SELECT event_id, "at" FROM events ORDER BY event_id')
    assert found == [{"event_id": "a", "at": at}, {"event_id": "b", "at": None}]


def test_a_file_from_before_a_column_was_added_is_read(tmp_path):
    old = row_of("events", event_id="a").drop_columns(["campaign", "properties"])
    pq.write_table(old, tmp_path / "1.parquet")
    pq.write_table(row_of("events", event_id="b", campaign="x"), tmp_path / "2.parquet")
    files = [tmp_path / "1.parquet", tmp_path / "2.parquet"]
    with DuckDbEngine(history_files={"events": files}) as engine:
        found = engine.rows("SELECT event_id, campaign FROM events ORDER BY event_id")
    assert [row["campaign"] for row in found] == [None, "x"]


def test_people_who_were_merged_appear_as_who_survives(tmp_path):
    pq.write_table(row_of("events", event_id="a", person_id="p1"), tmp_path / "1.parquet")
    pq.write_table(row_of("events", event_id="b", person_id="p2"), tmp_path / "2.parquet")
    pq.write_table(row_of("events", event_id="c"), tmp_path / "3.parquet")
    files = [tmp_path / "1.parquet", tmp_path / "2.parquet", tmp_path / "3.parquet"]
    survivors = pa.table({"person_id": ["p1"], "survivor": ["p2"]})
    with DuckDbEngine(history_files={"events": files}, survivors=survivors) as engine:
        found = engine.rows("SELECT event_id, person_id FROM events ORDER BY event_id")
    assert [row["person_id"] for row in found] == ["p2", "p2", None]


def test_a_registered_table_replaces_the_one_before(engine):
    engine.register("people", pa.table({"person_id": ["p1"]}))
    engine.register("people", pa.table({"person_id": ["p1", "p2"]}))
    assert engine.value("SELECT count(*) FROM people") == 2


def test_values_are_bound_by_name_or_by_order(engine):
    assert engine.value("SELECT $a || $b", {"a": "x", "b": "'; DROP"}) == "x'; DROP"
    assert engine.value("SELECT ? + 1", [2]) == 3


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM read_parquet('https://example.org/x.parquet')",
        "SET enable_external_access = true",
        "SET allowed_paths = ['/etc/passwd']",
        "SELECT * FROM secret_local",
    ],
)
def test_it_reads_the_history_and_nothing_else(engine, sql):
    secret_local = pa.table({"a": [1]})
    assert secret_local.num_rows == 1
    with pytest.raises(EngineError):
        engine.query(sql)


def test_an_error_shows_the_query(engine):
    with pytest.raises(QueryFailed) as failed:
        engine.query("SELECT nope FROM events")
    assert failed.value.sql == "SELECT nope FROM events"
    assert "in this query:\nSELECT nope FROM events" in str(failed.value)


def test_a_missing_history_file_says_what_to_do(tmp_path):
    with pytest.raises(EngineError, match="missing"):
        DuckDbEngine(history_files={"events": [tmp_path / "gone.parquet"]})


def test_an_unknown_relation_of_history_is_refused():
    with pytest.raises(EngineError, match="no history relation"):
        DuckDbEngine(history_files={"evnts": []})


def test_threads_and_memory_are_as_asked():
    with DuckDbEngine(history_files={}, threads=1, memory_limit="256MB") as engine:
        assert engine.value("SELECT current_setting('threads')") == 1
        assert engine.value("SELECT current_setting('memory_limit')").startswith("244")
