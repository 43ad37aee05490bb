"""Tables of a SQL database come in by an incremental column or as a whole, and count once."""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulled import (
    LINES,
    ORDERS,
    cursor_after,
    file_with,
    ids,
    items,
    open_source,
    orders,
    pull,
    take_in,
    write_mapping,
)

from postgres import URL as POSTGRES_URL
from vocative.clock import FixedClock
from vocative.collect.sources import _positions, _tables
from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sources._positions import Position
from vocative.collect.sources.sql import SqlSource
from vocative.collect.sourcing.definitions import check_definitions, find_source
from vocative.collect.sourcing.opening import fingerprint, opened_source
from vocative.collect.sourcing.pulling import only, pull_source
from vocative.collect.sourcing.starters import new_source
from vocative.errors import AuthorError, DataError, UnknownName
from vocative.workspace import Workspace

TABLE = (
    "CREATE TABLE orders (id integer PRIMARY KEY, customer text, email text, country text,"
    " total numeric(10, 2), updated_at {time})"
)
BY_TIME = {"table": "orders", "incremental": "updated_at", "key": ["id"]}
START = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Shop:
    """Somebody's database, written to as a shop would."""

    def __init__(self, url: str, connection: Any, mark: str) -> None:
        self.url = url
        self.connection = connection
        self._mark = mark

    def run(self, sql: str, *values: Any) -> None:
        self.connection.execute(sql.replace("?", self._mark), values)
        self.connection.commit()

    def order(self, number: int, at: datetime, total: float = 10, who: str = "u1") -> None:
        sql = "INSERT INTO orders VALUES (?, ?, ?, 'GB', ?, ?)"
        when = at if self._mark == "%s" else at.isoformat()
        self.run(sql, number, who, f"{who}@example.com", total, when)


@pytest.fixture
def postgres_shop() -> Iterator[Shop]:
    if not POSTGRES_URL:
        pytest.skip("no PostgreSQL: set VOCATIVE_TEST_POSTGRES=postgresql://user@host/database")
    import psycopg

    schema = f"shop_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(POSTGRES_URL) as connection:
        connection.execute(f"CREATE SCHEMA {schema}")
        connection.execute(f"SET search_path = {schema}")
        connection.execute(TABLE.format(time="timestamptz"))
        connection.commit()
        joint = "&" if "?" in POSTGRES_URL else "?"
        yield Shop(f"{POSTGRES_URL}{joint}options=-csearch_path%3D{schema}", connection, "%s")
        connection.rollback()
        connection.execute("SET lock_timeout = '5s'")
        connection.execute(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def sqlite_shop(tmp_path: Path) -> Iterator[Shop]:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(TABLE.format(time="text"))
        yield Shop(f"sqlite:///{path}", connection, "?")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def shop(request: pytest.FixtureRequest) -> Shop:
    found: Shop = request.getfixturevalue(f"{request.param}_shop")
    return found


@pytest.fixture
def reading(workspace: Workspace) -> Callable[..., SqlSource]:
    (workspace.root / "traits.yaml").write_text("country: {}\nemail: {personal: true}\n")
    write_mapping(workspace, ORDERS)
    return lambda shop, **options: open_source(SqlSource, workspace, url=shop.url, **options)


def test_rows_become_people_and_orders(
    shop: Shop, workspace: Workspace, reading: Callable[..., SqlSource]
) -> None:
    shop.order(1, START, 12.5)
    shop.order(2, START + timedelta(hours=1), 7.25, "u2")
    source = reading(shop, **BY_TIME)
    first = pull(source)
    assert take_in(workspace, first) == 4
    assert orders(workspace) == [("1", 12.5), ("2", 7.25)]
    cursor = cursor_after(first)
    assert pull(source, cursor) == []  # nothing is new: nothing goes on the log

    shop.order(3, START + timedelta(hours=2), 1)
    again = pull(source, cursor)
    assert ids(again) == ["3"]
    take_in(workspace, again)
    assert [order for order, _ in orders(workspace)] == ["1", "2", "3"]


def test_a_killed_pull_goes_on_and_nothing_counts_twice(
    shop: Shop,
    workspace: Workspace,
    reading: Callable[..., SqlSource],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Many rows of one instant, and pages that end between them."""
    monkeypatch.setattr(_tables, "PAGE_ROWS", 5)
    for number in range(20):
        shop.order(number, START + timedelta(minutes=number // 10), number)
    source = reading(shop, **BY_TIME)
    cursor = None
    taken: list[str] = []
    for _ in range(8):
        # A page is durable, its cursor is not: the pull is killed in between, every other time.
        begun = source.pull("rows", cursor)
        for number, page in enumerate(begun):
            take_in(workspace, [page])
            taken += ids([page])
            if number == 1:
                break
            cursor = page.cursor
        begun.close()
    assert set(taken) == {str(number) for number in range(20)}
    assert sorted(orders(workspace)) == sorted((str(n), float(n)) for n in range(20))


@pytest.mark.postgres
def test_a_row_that_became_visible_late_is_not_missed(
    postgres_shop: Shop, workspace: Workspace, reading: Callable[..., SqlSource]
) -> None:
    import psycopg

    source = reading(postgres_shop, **BY_TIME)
    with psycopg.connect(postgres_shop.url) as slow:
        sql = "INSERT INTO orders VALUES (1, 'u1', 'a@example.com', 'GB', 5, %s)"
        slow.execute(sql, [START])
        postgres_shop.order(2, START + timedelta(minutes=2))
        first = pull(source)
        assert ids(first) == ["2"]
        slow.commit()
    assert ids(pull(source, cursor_after(first))) == ["1"]
    assert ids(pull(reading(postgres_shop, **BY_TIME, overlap="1min"), cursor_after(first))) == []


def test_a_changed_row_states_traits_again_and_is_one_order(
    shop: Shop, workspace: Workspace, reading: Callable[..., SqlSource]
) -> None:
    shop.order(1, START)
    source = reading(shop, **BY_TIME)
    first = pull(source)
    take_in(workspace, first)
    later = START + timedelta(days=1)
    when = later.isoformat() if "sqlite" in shop.url else later
    shop.run("UPDATE orders SET country = 'FR', total = 99, updated_at = ? WHERE id = 1", when)
    take_in(workspace, pull(source, cursor_after(first)))
    assert orders(workspace) == [("1", 10.0)]
    with workspace.store.read() as tx:
        (traits,) = tx.tuples("SELECT traits FROM profiles")[0]
    assert "FR" in json.dumps(traits)


def test_the_lines_of_an_order_stay_together(
    shop: Shop, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tables, "PAGE_ROWS", 2)
    write_mapping(workspace, LINES)
    time = "timestamptz" if "postgres" in shop.url else "text"
    shop.run(
        "CREATE TABLE lines (order_id text, customer text, sku text, title text,"
        f" price numeric(10, 2), quantity integer, ordered_at {time})"
    )
    for order in ("a", "b", "c"):
        for sku in range(5):
            sql = "INSERT INTO lines VALUES (?, 'u1', ?, 'Tea', 2.50, 1, ?)"
            when = START if "postgres" in shop.url else START.isoformat()
            shop.run(sql, order, f"T{sku}", when)
    source = open_source(
        SqlSource,
        workspace,
        url=shop.url,
        table="lines",
        incremental="ordered_at",
        key=["order_id"],
    )
    pages = pull(source)
    assert len(pages) == 3
    take_in(workspace, pages)
    assert orders(workspace) == [("a", 12.5), ("b", 12.5), ("c", 12.5)]
    assert items(workspace) == [(f"T{sku}", 2.5) for sku in range(5)]
    # A page could end inside an order that is not told apart from others: refused beforehand.
    torn = open_source(
        SqlSource, workspace, url=shop.url, table="lines", incremental="ordered_at", key=["sku"]
    )
    with pytest.raises(AuthorError, match=r"two pages"):
        pull(torn)


def test_an_order_whose_lines_change_one_by_one_is_refused(
    sqlite_shop: Shop, workspace: Workspace
) -> None:
    """The second half of it would count as a duplicate of the first, and be lost."""
    write_mapping(workspace, LINES)
    sqlite_shop.run(
        "CREATE TABLE lines (order_id, customer, sku, title, price, quantity, ordered_at, changed)"
    )
    for number in range(2):
        sqlite_shop.run(
            "INSERT INTO lines VALUES ('a', 'u1', ?, 'Tea', 1, 1, '2026-01-05', ?)", number, number
        )
    by_line = {"table": "lines", "incremental": "changed", "key": ["order_id"]}
    with pytest.raises(DataError, match="differ in changed"):
        pull(open_source(SqlSource, workspace, url=sqlite_shop.url, **by_line))


def test_a_table_without_a_column_to_go_on_by_is_read_whole(
    shop: Shop, workspace: Workspace, reading: Callable[..., SqlSource]
) -> None:
    for number in range(3):
        shop.order(number, START)
    source = reading(shop, table="orders")
    first = pull(source)
    take_in(workspace, first)
    assert len(orders(workspace)) == 3
    cursor = cursor_after(first)
    assert pull(source, cursor) == []  # and nothing as long as it says the same

    shop.order(7, START)
    take_in(workspace, pull(source, cursor))
    assert len(orders(workspace)) == 4


def test_what_a_table_said_before_and_says_again_counts_again(
    shop: Shop, workspace: Workspace
) -> None:
    """A table without times: GB, then FR, then GB; the last reading is right."""
    (workspace.root / "traits.yaml").write_text("country: {}\n")
    write_mapping(workspace, "people: {user_id: customer, traits: {country: country}}\n")
    shop.order(1, START)
    source = open_source(SqlSource, workspace, url=shop.url, table="orders")
    cursor = None
    for country in ("GB", "FR", "GB"):
        shop.run("UPDATE orders SET country = ?", country)
        workspace.clock.advance(timedelta(minutes=1))
        pages = pull(source, cursor)
        cursor = cursor_after(pages, cursor)
        take_in(workspace, pages)
        with workspace.store.read() as tx:
            (traits,) = tx.tuples("SELECT traits FROM profiles")[0]
        assert country in json.dumps(traits)


def test_a_query_may_hold_colons_percents_and_a_comment(
    shop: Shop, workspace: Workspace, reading: Callable[..., SqlSource]
) -> None:
    shop.order(1, START)
    shop.order(2, START)
    query = (
        "SELECT * FROM orders WHERE country || ':x' LIKE 'GB:%' AND customer <> ':v0'"
        " AND id > 1 -- not the first\n;"
    )
    by_number = reading(shop, query=query, incremental="id")
    pages = pull(by_number)
    assert ids(pages) == ["2"]
    assert pull(by_number, cursor_after(pages)) == []


def test_rows_that_cannot_be_used_are_counted(
    shop: Shop, workspace: Workspace, reading: Callable[..., SqlSource]
) -> None:
    shop.order(1, START)
    shop.order(2, datetime(2031, 1, 1, tzinfo=UTC))
    source = reading(shop, **BY_TIME)
    pages = pull(source)
    assert [page.rejected for page in pages] == [{"a time in the future or before 1990": 1}]
    if "postgres" in shop.url:
        # A date in the future is no place to go on from: what comes now would be missed.
        shop.order(3, START + timedelta(hours=1))
        assert ids(pull(source, cursor_after(pages))) == ["3"]


def test_a_busy_instant_does_not_come_in_again_and_again(
    shop: Shop, reading: Callable[..., SqlSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More rows of one instant than are remembered."""
    monkeypatch.setattr(_positions, "MOST_FINGERPRINTS", 5)
    monkeypatch.setattr(_tables, "PAGE_ROWS", 4)
    for number in range(1, 21):
        shop.order(number, START)
    source = reading(shop, **BY_TIME)
    pages = pull(source)
    assert len(ids(pages)) == 20
    cursor = cursor_after(pages)
    assert cursor is not None
    assert pull(source, cursor) == []
    shop.order(21, START)
    assert ids(pull(source, cursor)) == ["21"]


@pytest.mark.postgres
def test_nothing_can_be_written(postgres_shop: Shop, reading: Callable[..., SqlSource]) -> None:
    postgres_shop.order(1, START)
    postgres_shop.run(
        "CREATE FUNCTION wipe() RETURNS integer LANGUAGE sql AS"
        " 'WITH gone AS (DELETE FROM orders RETURNING 1) SELECT 1'"
    )
    with pytest.raises(SourceRefused, match="read-only"):
        pull(reading(postgres_shop, query="SELECT *, wipe() FROM orders"))


@pytest.mark.postgres
def test_a_query_that_takes_too_long_is_ended(
    postgres_shop: Shop, reading: Callable[..., SqlSource]
) -> None:
    started = time.monotonic()
    with pytest.raises(SourceDown, match=r"(?s)ended the query.*timeout:"):
        pull(reading(postgres_shop, query="SELECT pg_sleep(30) AS id", timeout="1s"))
    assert time.monotonic() - started < 10


@pytest.mark.postgres
def test_a_connection_that_breaks_in_the_middle_goes_on_later(
    postgres_shop: Shop, reading: Callable[..., SqlSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_tables, "PAGE_ROWS", 1_000)
    postgres_shop.run(
        "INSERT INTO orders SELECT n, 'u' || n, NULL, 'GB', 1, ?::timestamptz + n * interval '1s'"
        " FROM generate_series(1, 12000) AS n",
        START,
    )
    source = reading(postgres_shop, **BY_TIME)
    begun = source.pull("rows", None)
    first = next(begun)
    postgres_shop.run(
        "SELECT pg_terminate_backend(pid) FROM pg_locks"
        " WHERE relation = 'orders'::regclass AND pid <> pg_backend_pid()"
    )
    with pytest.raises(SourceDown):
        list(begun)
    monkeypatch.undo()
    rest = pull(source, first.cursor)
    assert {*ids([first]), *ids(rest)} >= {str(number) for number in range(1, 12_001)}


@pytest.mark.postgres
def test_errors_hold_no_secret_and_no_value(
    postgres_shop: Shop, workspace: Workspace, reading: Callable[..., SqlSource]
) -> None:
    postgres_shop.order(1, START, who="jane")
    cast = "SELECT CAST(email AS integer) FROM orders"
    with pytest.raises(SourceRefused) as values:
        pull(reading(postgres_shop, query=cast))
    assert "22P02" in str(values.value)
    assert "jane" not in str(values.value)
    nobody = "postgresql://me:hunter2@127.0.0.1:1/shop"
    with pytest.raises(SourceDown) as down:
        pull(open_source(SqlSource, workspace, url=nobody, **BY_TIME))
    assert "hunter2" not in str(down.value)
    with pytest.raises(AuthorError) as odd:
        pull(open_source(SqlSource, workspace, url="my hunter2 password", **BY_TIME))
    assert "hunter2" not in str(odd.value)


def test_names_that_are_wrong_are_told(shop: Shop, reading: Callable[..., SqlSource]) -> None:
    shop.order(1, START)
    with pytest.raises(SourceRefused, match="order_s"):
        pull(reading(shop, table="order_s"))
    with pytest.raises((UnknownName, SourceRefused), match="updated"):
        pull(reading(shop, table="orders", incremental="updated", key=["id"]))
    with pytest.raises(DataError, match="no order to go on by"):
        pull(
            reading(
                shop,
                query="SELECT orders.*, NULL AS tie FROM orders",
                incremental="id",
                key=["tie"],
            )
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either `table:` or `query:`"),
        ({"table": "orders", "query": "SELECT 1"}, "either `table:` or `query:`"),
        ({"table": "orders; DROP TABLE x"}, "no name of a table"),
        ({"query": " ;"}, "query is empty"),
        ({"table": "orders", "incremental": "id) --"}, "no name of a column"),
        ({"table": "orders", "key": ["id"]}, "needs `incremental:`"),
        ({"table": "orders", "timeout": "soon"}, "no length of time"),
        ({"table": "orders", "overlap": "soon"}, "no overlap"),
        ({"table": "orders", "overlap": -1}, "not negative"),
    ],
)
def test_definitions_that_mean_nothing_are_refused(
    workspace: Workspace, options: dict[str, Any], message: str
) -> None:
    body = {"kind": "sql", "url": "env:SHOP_DB", "mapping": "orders", **options}
    path = workspace.root / "sources" / "shop.yaml"
    path.parent.mkdir()
    path.write_text(json.dumps(body))
    with pytest.raises(AuthorError, match=message):
        check_definitions(workspace)


def test_a_definition_is_opened_with_its_secret(
    shop: Shop, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_mapping(workspace, ORDERS)
    shop.order(1, START)
    monkeypatch.setenv("SHOP_DB", shop.url)
    new_source(workspace, "shop", kind="sql")
    path = workspace.root / "sources" / "shop.yaml"
    assert "# incremental:" in path.read_text()
    path.write_text(
        "kind: sql\nurl: env:SHOP_DB\nmapping: orders\ntable: orders\nincremental: updated_at\n"
        "key: [id]\noverlap: 10min\n"
    )
    with opened_source(workspace, find_source(workspace, "shop")) as source:
        assert ids(pull(source)) == ["1"]


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (ORDERS.replace("  message_id: id\n", ""), "need a message_id"),
        (
            "people: {user_id: customer}\nconsents: [{given: \"country = 'GB'\"}]\n",
            "needs `at:`",
        ),
        (ORDERS.replace("country: country", "country: countri"), "did you mean 'country'"),
    ],
)
def test_mappings_that_would_count_twice_are_refused(
    sqlite_shop: Shop, workspace: Workspace, mapping: str, message: str
) -> None:
    sqlite_shop.order(1, START)
    write_mapping(workspace, mapping)
    with pytest.raises(AuthorError, match=message):
        pull(open_source(SqlSource, workspace, url=sqlite_shop.url, **BY_TIME))


ODD = (
    (["updated_at", "id"], ["list", "1"]),
    (["updated_at", "id"], ["int", "x"]),
    (["id"], ["int", "1"]),
)


def test_a_cursor_of_something_else_is_refused(
    sqlite_shop: Shop, reading: Callable[..., SqlSource]
) -> None:
    for cursor in ("3:00ff", "{}", *(json.dumps({"by": by, "value": value}) for by, value in ODD)):
        with pytest.raises(DataError, match="cursor"):
            pull(reading(sqlite_shop, **BY_TIME), cursor)


def test_a_pull_that_a_mapping_stopped_is_tried_again_once_it_is_mended(
    sqlite_shop: Shop, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_shop.order(1, START)
    monkeypatch.setenv("SHOP_DB", sqlite_shop.url)
    file_with(
        workspace.root,
        "sources/shop.yaml",
        "{kind: sql, url: 'env:SHOP_DB', mapping: orders, table: orders, incremental: id}",
    )
    write_mapping(workspace, ORDERS.replace("message_id: id", "message_id: idd"))
    definition = find_source(workspace, "shop")
    wrong = fingerprint(workspace, definition)
    assert isinstance(pull_source(workspace, definition, only(None)).failure, AuthorError)
    write_mapping(workspace, ORDERS)
    assert fingerprint(workspace, definition) != wrong  # so nobody has to wait for an hour
    outcome = pull_source(workspace, definition, only(None))
    assert [(one.stream, one.events) for one in outcome.streams] == [("rows", 2)]
    assert pull_source(workspace, definition, only(None)).streams[0].events == 0


DAY = datetime(2025, 1, 1)  # noqa: DTZ001 - as columns without a zone have it
VALUES = st.one_of(
    st.lists(st.integers(-5, 5), max_size=40),
    st.lists(st.datetimes(DAY, DAY + timedelta(days=1)), max_size=40),
    st.lists(st.dates(DAY.date(), DAY.date() + timedelta(days=8)), max_size=40),
    st.lists(st.decimals(0, 9, places=2), max_size=40),
    st.lists(st.uuids(), max_size=40),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=VALUES, cut=st.integers(0, 40), late=st.integers(0, 40))
def test_every_row_is_new_once(values: list[Any], cut: int, late: int) -> None:
    """Positions over rows of any values, read up to somewhere, kept as text, and read on."""
    rows = sorted((value, number) for number, value in enumerate(values))
    now = FixedClock(datetime(2026, 1, 1, tzinfo=UTC)).now()
    first = Position(["at"], None, overlap=None, now=now)
    new = [row for row in rows[:cut] if first.is_new(row, b"%08d" % row[1])]
    second = Position(["at"], first.text(), overlap=None, now=now)
    start = second.start
    rest = [row for row in rows if start is None or row[0] >= start]
    new += [row for row in rest if second.is_new(row, b"%08d" % row[1])]
    assert sorted(new) == rows
