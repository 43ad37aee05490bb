"""Tables of warehouses, on software as near to each as can be had."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from bigquery_server import BigQueryServer
from pulled import ORDERS, cursor_after, ids, open_source, orders, pull, take_in, write_mapping

from postgres import URL as POSTGRES_URL
from vocative.collect.sources import _database, _tables, _warehouses
from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sources.warehouse import WarehouseSource
from vocative.collect.sourcing.definitions import check_definitions
from vocative.errors import AuthorError
from vocative.workspace import Workspace

TABLE = (
    "CREATE TABLE {name} (id integer, customer varchar(20), email varchar(50), country varchar(2),"
    " total numeric(10, 2), updated_at {time})"
)
ROW = "({id}, 'u1', NULL, 'GB', {id}.5, '{at:%Y-%m-%d %H:%M:%S}{zone}')"
START = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Table:
    """A table of orders in a warehouse, and how a definition names it."""

    def __init__(
        self, run: Callable[[str], Any], name: str, *, time: str = "timestamp", **options: Any
    ) -> None:
        self._run, self._name = run, name
        self._zone = "+00" if "zone" in time.lower() else ""
        self.options = {"table": name, "incremental": "updated_at", "key": ["id"], **options}
        run(TABLE.format(name=name, time=time))

    def add(self, first: int, last: int) -> None:
        rows = [
            ROW.format(id=number, at=START + timedelta(minutes=number // 10), zone=self._zone)
            for number in range(first, last + 1)
        ]
        self._run(f"INSERT INTO {self._name} VALUES {', '.join(rows)}")


@pytest.fixture
def duckdb_table(tmp_path: Path) -> Table:
    def run(sql: str) -> None:
        with duckdb.connect(path) as connection:
            connection.execute(sql)

    path = str(tmp_path / "warehouse.duckdb")
    return Table(run, "orders", system="duckdb", database=path)


@pytest.fixture
def redshift_table() -> Iterator[Table]:
    """PostgreSQL, from which Redshift descends, without what Redshift's own protocol adds."""
    if not POSTGRES_URL:
        pytest.skip("no PostgreSQL: set VOCATIVE_TEST_POSTGRES=postgresql://user@host/database")
    import psycopg

    name = f"orders_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as connection:
        told = connection.info.get_parameters()
        reached = {"host": told["host"], "port": int(told["port"]), "user": told["user"]}
        yield Table(
            lambda sql: connection.execute(sql.encode()),
            name,
            system="redshift",
            database=told["dbname"],
            password=told.get("password") or "none",
            **reached,
        )
        connection.execute("SET lock_timeout = '5s'")
        connection.execute(f"DROP TABLE {name}".encode())


@pytest.fixture
def bigquery_server() -> Iterator[BigQueryServer]:
    pytest.importorskip("google.cloud.bigquery", reason="no client of BigQuery: make vendors")
    server = BigQueryServer()
    yield server
    server.close()


@pytest.fixture
def bigquery_table(bigquery_server: BigQueryServer) -> Table:
    return Table(
        bigquery_server.database.cursor().execute,
        "orders",
        time="timestamp with time zone",
        system="bigquery",
        project="p",
        credentials=bigquery_server.credentials(),
        endpoint=bigquery_server.url,
    )


@pytest.fixture(scope="module")
def snowflake_server() -> Iterator[dict[str, Any]]:
    """A stand-in that answers Snowflake's own connector over HTTP."""
    reason = "no stand-in for Snowflake: see docs/sources/warehouse.md"
    with pytest.importorskip("fakesnow", reason=reason).server() as told:
        yield told


@pytest.fixture
def snowflake_table(
    snowflake_server: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Table]:
    import snowflake.connector

    told = snowflake_server
    monkeypatch.setenv("NO_PROXY", "*")
    with snowflake.connector.connect(**told) as connection:
        run = connection.cursor().execute
        shop = f"shop_{uuid.uuid4().hex[:8]}"
        for statement in ("CREATE DATABASE {}", "CREATE SCHEMA {}.crm", "USE SCHEMA {}.crm"):
            run(statement.format(shop))
        yield Table(
            run,
            "orders",
            time="timestamp_ntz",
            system="snowflake",
            account=told["account"],
            user=told["user"],
            password=told["password"],
            database=shop,
            schema="crm",
            endpoint=f"{told['protocol']}://{told['host']}:{told['port']}",
        )


@pytest.fixture(
    params=[
        "duckdb",
        pytest.param("redshift", marks=pytest.mark.postgres),
        "bigquery",
        pytest.param("snowflake", marks=pytest.mark.may_skip),
    ]
)
def table(request: pytest.FixtureRequest) -> Table:
    found: Table = request.getfixturevalue(f"{request.param}_table")
    return found


def test_a_table_of_a_warehouse_comes_in_once(
    table: Table, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pages, killed between two of them, and gone on with; then what is new."""
    monkeypatch.setattr(_tables, "PAGE_ROWS", 15)
    for module in (_database, _warehouses):
        monkeypatch.setattr(module, "CHUNK_ROWS", 10)
    write_mapping(workspace, ORDERS)
    table.add(1, 35)
    source = open_source(WarehouseSource, workspace, **table.options)
    begun = source.pull("rows", None)
    first = next(begun)
    take_in(workspace, [first, next(begun)])  # of the second page the cursor is not kept
    begun.close()
    rest = pull(source, first.cursor)
    take_in(workspace, rest)
    assert sorted(orders(workspace)) == sorted((str(n), n + 0.5) for n in range(1, 36))

    cursor = cursor_after(rest)
    assert pull(source, cursor) == []
    table.add(36, 36)
    assert ids(pull(source, cursor)) == ["36"]


def test_a_query_of_a_warehouse_is_read_whole(table: Table, workspace: Workspace) -> None:
    write_mapping(workspace, ORDERS)
    table.add(1, 3)
    query = f"SELECT * FROM {table.options['table']} WHERE country LIKE 'G%' AND id > 1"
    options = {**table.options, "table": None, "query": query, "incremental": None, "key": []}
    source = open_source(WarehouseSource, workspace, **options)
    pages = pull(source)
    assert sorted(ids(pages)) == ["2", "3"]
    assert pull(source, cursor_after(pages)) == []


def test_what_a_warehouse_refuses_is_told(table: Table, workspace: Workspace) -> None:
    write_mapping(workspace, ORDERS)
    options = {**table.options, "table": "order_s"}
    with pytest.raises(SourceRefused, match=r"(?i)order_s"):
        pull(open_source(WarehouseSource, workspace, **options))


@pytest.mark.postgres
def test_nothing_can_be_written_to_redshift(redshift_table: Table, workspace: Workspace) -> None:
    write_mapping(workspace, ORDERS)
    name = redshift_table.options["table"]
    query = f"SELECT nextval('{name}_numbers') AS id"
    redshift_table._run(f"CREATE SEQUENCE {name}_numbers OWNED BY {name}.id")
    options = {**redshift_table.options, "table": None, "query": query, "incremental": None}
    with pytest.raises(SourceRefused, match="read-only"):
        pull(open_source(WarehouseSource, workspace, **{**options, "key": []}))


def test_bigquery_that_is_busy_is_asked_again_later(
    bigquery_table: Table,
    bigquery_server: BigQueryServer,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_mapping(workspace, ORDERS)
    bigquery_table.add(1, 1)
    bigquery_server.troubles[:] = [503]
    source = open_source(WarehouseSource, workspace, **bigquery_table.options)
    assert ids(pull(source)) == ["1"]  # Google's client tries again by itself
    monkeypatch.setattr(_warehouses, "PATIENCE_SECONDS", 0.5)
    bigquery_server.troubles[:] = [503] * 100
    with pytest.raises(SourceDown):
        pull(open_source(WarehouseSource, workspace, **bigquery_table.options))


def test_a_warehouse_that_is_not_there_keeps_its_secrets(workspace: Workspace) -> None:
    write_mapping(workspace, ORDERS)
    gone = {"system": "duckdb", "database": "/nowhere/warehouse.duckdb", "table": "orders"}
    with pytest.raises(SourceDown, match="does not answer"):
        pull(open_source(WarehouseSource, workspace, **gone))
    nobody = {"host": "127.0.0.1", "port": 1, "user": "me", "password": "hunter2hunter2"}
    redshift = {"system": "redshift", "database": "d", "table": "orders", **nobody}
    with pytest.raises(SourceDown) as down:
        pull(open_source(WarehouseSource, workspace, **redshift))
    assert "hunter2" not in str(down.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"system": "snowflake", "account": "a", "user": "u"}, "either `password:`"),
        ({"system": "bigquery"}, "bigquery needs `project:`"),
        ({"system": "duckdb", "database": "x", "account": "a"}, "duckdb has no `account:`"),
        ({"system": "oracle"}, "oracle"),
    ],
)
def test_definitions_that_do_not_fit_their_warehouse_are_refused(
    workspace: Workspace, options: dict[str, Any], message: str
) -> None:
    body = {"kind": "warehouse", "mapping": "orders", "table": "orders", **options}
    path = workspace.root / "sources" / "shop.yaml"
    path.parent.mkdir()
    path.write_text(json.dumps(body))
    with pytest.raises(AuthorError, match=message):
        check_definitions(workspace)


def test_secrets_that_are_no_keys_are_not_shown(
    workspace: Workspace, bigquery_server: BigQueryServer
) -> None:
    write_mapping(workspace, ORDERS)
    options = {"system": "bigquery", "project": "p", "table": "orders"}
    for secret in ("hunter2", '{"hunter2": 1}', "[]"):
        with pytest.raises(AuthorError) as refused:
            pull(open_source(WarehouseSource, workspace, **options, credentials=secret))
        assert "hunter2" not in str(refused.value)
