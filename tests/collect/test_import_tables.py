# ruff: noqa: DTZ001 - engines keep naive UTC
"""A table comes in row by row: each is used or rejected for a reason, and nothing is half done."""

import gzip
import json
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from imported import (
    HEADER,
    MAPPING,
    events,
    nothing_happened,
    rejected,
    rejected_lines,
    take_in,
)

from vocative.collect import importing
from vocative.errors import AuthorError, DataError
from vocative.streams.embedded import LogError
from vocative.workspace import Workspace

ROW = "o1,u1,2026-01-02 10:00,12.50,GB\n"


def test_a_small_table_becomes_events_and_people(workspace: Workspace) -> None:
    report = take_in(workspace, f"{HEADER}\n{ROW}o2,u1,2026-01-03,7.25,FR\n")
    assert (report.rows, report.used, report.money_used) == (2, 2, 19.75)
    assert (report.rejected, report.rejects_file, report.notes) == ([], None, {})
    assert (report.events, report.applied) == (3, 3)  # an identify and two orders
    orders = events(workspace, "name, order_id, revenue, events.at, source")
    assert [row for row in orders if row["name"] == "Order Completed"] == [
        {
            "name": "Order Completed",
            "order_id": "o1",
            "revenue": 12.5,
            "at": datetime(2026, 1, 2, 10),
            "source": "shop",
        },
        {
            "name": "Order Completed",
            "order_id": "o2",
            "revenue": 7.25,
            "at": datetime(2026, 1, 3),
            "source": "shop",
        },
    ]


def test_importing_twice_adds_nothing(workspace: Workspace) -> None:
    content = f"{HEADER}\n{ROW}{ROW}{ROW}o2,u1,2026-01-02 10:00,3,GB\n"
    first = take_in(workspace, content)
    # Rows that say the same are not one, unless the mapping rejects duplicates.
    assert (first.used, first.events, first.applied, first.duplicates) == (4, 5, 5, 0)
    again = take_in(workspace, content)
    assert (again.used, again.applied, again.duplicates) == (4, 0, 5)
    assert sum(row["revenue"] or 0 for row in events(workspace)) == 40.5


def test_duplicates_are_rejected_when_the_mapping_says_so(workspace: Workspace) -> None:
    mapping = MAPPING + "reject: [{reason: seen before, duplicate: true}]\n"
    report = take_in(workspace, f"{HEADER}\n{ROW}o2,u1,2026-01-03,1,GB\n{ROW}{ROW}", mapping)
    assert (report.used, rejected(report)) == (2, {"seen before": 2})
    assert rejected_lines(workspace, report) == [(4, "seen before"), (5, "seen before")]


def test_every_line_that_is_no_row_is_counted_and_listed(workspace: Workspace) -> None:
    content = (
        HEADER.encode()
        + b"\n"
        + ROW.encode()
        + b"o2,u1,2026-01-02\n"  # 3: too few
        + b"o3,u1,2026-01-02,1,GB,extra\n"  # 4: too many
        + b"\n"  # 5
        + b"o4,u\xff,2026-01-02,1,GB\n"  # 6: not UTF-8
        + b"o5,u1,2026-01-02,1,G\0B\n"  # 7: NUL
        + b'o6,"u1,2026-01-02,1,GB\n'  # 8: a quote that is never closed
        + b'o7,"u"1,2026-01-02,1,GB\n'  # 9: a quote where none may stand
        + b"o8,u1,sometime,1,GB\n"  # 10: a row, but without a time
        + b'"o\n9",u1,2026-01-02,2,"G ""B"""\n'  # 11 and 12: one row
        + b"o10,u1,2026-01-03,3,GB"  # 13, without an end
    )
    report = take_in(workspace, content)
    assert rejected_lines(workspace, report) == [
        (3, "unreadable line: fewer values than columns"),
        (4, "unreadable line: more values than columns"),
        (5, "unreadable line: empty line"),
        (6, "unreadable line: not text in the file's encoding"),
        (7, "unreadable line: a NUL character"),
        (8, "unreadable line: a quote is not closed, or stands where none may"),
        (9, "unreadable line: a quote is not closed, or stands where none may"),
        (10, "no readable time"),
    ]
    assert (report.rows, report.used) == (11, 3)
    assert sum(rejected(report).values()) == 8
    first = {tally.reason: tally.example_line for tally in report.rejected}
    assert first["no readable time"] == 10
    assert sorted(row["order_id"] for row in events(workspace) if row["order_id"]) == [
        "o\n9",
        "o1",
        "o10",
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_line_ends_and_delimiters_are_recognised(workspace: Workspace, end: str, mark: str) -> None:
    table = f"{HEADER}\n{ROW}".replace(",", mark).replace("\n", end)
    report = take_in(workspace, b"\xef\xbb\xbf" + table.encode())
    assert (report.rows, report.used) == (1, 1)


def test_a_delimiter_and_an_encoding_can_be_told(workspace: Workspace) -> None:
    content = f"{HEADER}\no1,Zoë,2026-01-02,1,GB\n".replace(",", "~").encode("cp1252")
    mapping = MAPPING + 'delimiter: "~"\nencoding: cp1252\n'
    assert take_in(workspace, content, mapping).used == 1
    assert take_in(workspace, content, MAPPING + 'delimiter: "~"\n').used == 0
    wide = f"{HEADER}\n{ROW}".encode("utf-16")
    assert take_in(workspace, wide, MAPPING + "encoding: utf-16\n").used == 1


@pytest.mark.parametrize(
    ("at", "zone", "layout", "instant"),
    [
        ("2026-01-02 10:00:05", "Europe/London", None, "2026-01-02 10:00:05"),
        ("2026-07-02T10:00", "Europe/London", None, "2025-07-02 09:00:00"),
        ("2025-07-02 10:00:00.25", "America/New_York", None, "2025-07-02 14:00:00.250000"),
        ("2025-07-02", "Asia/Kolkata", None, "2025-07-01 18:30:00"),
        ("2025-07-02T10:00:00Z", "America/New_York", None, "2025-07-02 10:00:00"),
        ("2025-07-02T10:00:00+02:00", "America/New_York", None, "2025-07-02 08:00:00"),
        ("2025-07-02 10:00 UTC", "America/New_York", None, "2025-07-02 10:00:00"),
        ("2025-07-02 10:00:00-05", "Europe/London", None, "2025-07-02 15:00:00"),
        ("2025-03-30 01:30", "Europe/London", None, "2025-03-30 01:30:00"),  # there is none
        ("2025-10-26 00:59", "Europe/London", None, "2025-10-25 23:59:00"),
        ("2025-10-26 01:30", "Europe/London", None, "2025-10-26 01:30:00"),  # twice: winter
        ("02/07/2025 10:00", "Europe/London", "%d/%m/%Y %H:%M", "2025-07-02 09:00:00"),
        ("02.07.25", "Europe/Berlin", "%d.%m.%y", "2025-07-01 22:00:00"),
        ("07/02/2025 10:00 +0300", "Europe/London", "%m/%d/%Y %H:%M %z", "2025-07-02 07:00:00"),
    ],
)
def test_times_are_read_in_their_zone(
    workspace: Workspace, at: str, zone: str, layout: str | None, instant: str
) -> None:
    at = at.replace("2026-07", "2025-07")
    mapping = MAPPING.replace("Europe/London", zone)
    if layout:
        mapping += f'time_format: "{layout}"\n'
    report = take_in(workspace, f"{HEADER}\no1,u1,{at},1,GB\n", mapping)
    assert report.used == 1
    [row] = [row for row in events(workspace) if row["order_id"]]
    assert str(row["at"]) == instant


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        ("", "no readable time"),
        ("soon", "no readable time"),
        ("2026-13-01", "no readable time"),
        ("2026-02-30", "no readable time"),
        ("2026-01-02T25:00", "no readable time"),
        ("2026-01-02T10:00+99:99", "no readable time"),
        ("1899-12-31", "a time in the future or before 1990"),
        ("2026-03-04", "a time in the future or before 1990"),
        ("99999-01-01", "a time in the future or before 1990"),
        ("infinity", "a time in the future or before 1990"),
        ("-infinity", "a time in the future or before 1990"),
    ],
)
def test_a_time_that_cannot_be_is_a_reason(workspace: Workspace, at: str, reason: str) -> None:
    report = take_in(workspace, f"{HEADER}\no1,u1,{at},1,GB\n")
    assert rejected(report) == {reason: 1}
    assert report.refused == {}


@pytest.mark.parametrize(
    ("amount", "revenue", "money"),
    [
        ("12.5", 12.5, 12.5),
        ("-3", -3.0, -3.0),
        ("1e2", 100.0, 100.0),
        ("", None, None),
        ("twelve", None, None),
        ("1e400", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("1_000", None, None),
        ("9" * 30, None, 1e30),  # beyond what history takes for money
    ],
)
def test_odd_amounts_do_not_spoil_the_sum(
    workspace: Workspace, amount: str, revenue: float | None, money: float | None
) -> None:
    report = take_in(workspace, f"{HEADER}\no1,u1,2026-01-02,{amount},GB\n")
    assert report.used == 1
    assert report.money_used == money
    [row] = [row for row in events(workspace) if row["order_id"]]
    assert row["revenue"] == revenue


def test_rows_without_a_person_count_for_items_only(workspace: Workspace) -> None:
    content = f"{HEADER}\no1,,2026-01-02,5,GB\n{ROW}"
    report = take_in(workspace, content, MAPPING + "items: {item_id: order_no}\n")
    assert report.notes == {"used row without a person: it counts for its items only": 1}
    assert (report.used, report.items) == (2, 1)
    assert sorted(row["person_id"] is None for row in events(workspace)) == [False, False, True]


LINES = """\
order_no,who,at,sku,qty,price,note
1,ana,2026-01-02 10:00,b,2,1.50,
1,ana,2026-01-02 09:59,a,1,10,gift
1,ana,2026-01-02 10:01,c,1,0.25,late
2,bo,2026-01-02 10:00,a,1,10,
,bo,2026-01-02 10:00,a,1,10,
"""
GROUPED = """\
people: {user_id: who}
money: to_number(qty) * to_number(price)
events:
  group_by: [order_no]
  name: "'Order Completed'"
  at: at
  message_id: order_no
  properties: {order_id: order_no, note: note}
  products: {product_id: sku, quantity: to_number(qty), price: to_number(price)}
items: {item_id: sku, price: to_number(price), title: note}
"""


def test_the_lines_of_an_order_are_one_event(workspace: Workspace) -> None:
    report = take_in(workspace, LINES, GROUPED)
    assert (report.used, rejected(report)) == (4, {"no order_no": 1})
    assert report.money_used == 23.25
    orders = [row for row in events(workspace) if row["order_id"]]
    assert [(row["order_id"], row["revenue"]) for row in orders] == [("1", 13.25), ("2", 10.0)]
    assert orders[0]["properties"] == "{}"  # a note is free text
    assert orders[0]["at"] == datetime(2026, 1, 2, 9, 59)
    with workspace.engine() as engine:
        lines = engine.rows("SELECT order_id, product_id, quantity, revenue FROM order_lines")
    assert [tuple(row.values()) for row in lines if row["order_id"] == "1"] == [
        ("1", "b", 2.0, 3.0),
        ("1", "a", 1.0, 10.0),
        ("1", "c", 1.0, 0.25),
    ]
    with workspace.store.read() as tx:
        assert tx.tuples("SELECT item_id, price, title FROM items ORDER BY 1") == [
            ("a", 10.0, "gift"),
            ("b", 1.5, "b"),
            ("c", 0.25, "late"),
        ]


def test_a_very_large_order_is_one_event(workspace: Workspace) -> None:
    rows = "".join(f"1,ana,2026-01-02,sku{number},1,2,\n" for number in range(10_000))
    report = take_in(workspace, LINES.splitlines()[0] + "\n" + rows, GROUPED)
    assert (report.used, report.refused) == (10_000, {})
    assert sum(row["revenue"] or 0 for row in events(workspace)) == 20_000


def test_people_and_consents(workspace: Workspace) -> None:
    mapping = """\
time_format: "%d/%m/%Y"
timezone: Europe/Paris
people: {user_id: id, at: since, traits: {email: mail, plan: plan}}
consents:
  - {given: lower(news) = 'yes', withdrawn: lower(news) = 'no', at: news_at, source: form}
"""
    content = (
        "id,since,mail,plan,news,news_at,form\n"
        "1,01/07/2025,ana@example.com,free,yes,02/07/2025,shop\n"
        "1,03/07/2025,,gold,maybe,04/07/2025,shop\n"
        "2,02/07/2025,no address,free,NO,,\n"
        ",02/07/2025,x@example.com,free,yes,,\n"
    )
    (workspace.root / "traits.yaml").write_text("plan: {}\n")
    report = take_in(workspace, content, mapping, name="people.csv")
    assert (report.used, rejected(report)) == (3, {"no person": 1})
    assert report.notes == {"unusable e-mail address": 1}
    with workspace.store.read() as tx:
        profiles = tx.rows("SELECT * FROM profiles WHERE merged_into IS NULL")
        plans = sorted(json.loads(row["traits"])["plan"] for row in profiles)
        consents = tx.tuples(
            "SELECT status, at, source, channel FROM consents ORDER BY at, status DESC"
        )
    assert plans == ["free", "gold"]
    assert consents == [
        ("withdrawn", 1_751_407_200_000_000, "people.csv", "email"),  # when the row is of
        ("given", 1_751_407_200_000_000, "shop", "email"),
    ]


def test_json_lines_and_parquet_are_tables_too(workspace: Workspace) -> None:
    rows = [
        {"order_no": "o1", "who": "u1", "at": "2026-01-02", "amount": 5, "country": "GB"},
        {"order_no": "o2", "who": None, "at": "2026-01-02", "amount": 1.5, "a.b": {"c": 1}},
        {"order_no": "o3", "who": "u1", "at": 5, "country": ""},
    ]
    text = "\n".join(map(json.dumps, rows)) + '\n[1]\nnot json\n\n{"who": "\xff"}\n'
    report = take_in(workspace, text.encode("latin-1"), name="orders.jsonl")
    assert (report.rows, report.used, report.money_used) == (7, 2, 6.5)
    assert rejected_lines(workspace, report) == [
        (3, "no readable time"),
        (4, "unreadable line: not a JSON object"),
        (5, "unreadable line: not a JSON object"),
        (6, "unreadable line: empty line"),
        (7, "unreadable line: not a JSON object"),
    ]
    table = pa.table(
        {
            "order_no": ["o1", "o2"],
            "who": ["u1", "u2"],
            "at": pa.array([datetime(2026, 1, 2), None], pa.timestamp("us")),
            "amount": [5.0, 1.5],
            "country": ["GB", None],
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    report = take_in(workspace, sink.getvalue().to_pybytes(), name="orders.parquet")
    assert (report.rows, report.used, rejected(report)) == (2, 1, {"no readable time": 1})
    assert rejected_lines(workspace, report) == [(2, "no readable time")]


@pytest.mark.parametrize("name", ["orders.csv.gz", "orders.csv.zst", "orders.jsonl.gz"])
def test_compressed_files(workspace: Workspace, name: str) -> None:
    content = f"{HEADER}\n{ROW}" if "csv" in name else '{"event":"X","userId":"u"}\n'
    kind = "gzip" if name.endswith("gz") else "zstd"
    packed = pa.compress(content.encode(), codec=kind, asbytes=True)
    if kind == "zstd":
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, kind) as stream:
            stream.write(content.encode())
        packed = sink.getvalue().to_pybytes()
    mapping = MAPPING if "csv" in name else None
    assert take_in(workspace, packed, mapping, name=name).used == 1


# ---- files that cannot be read


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "x.csv", "is empty"),
        (b"\n\n", "x.csv", "has no header line"),
        (b",,\n1,2,3\n", "x.csv", "has no header line"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), "x.csv", "is no utf-8 text"),
        (b"PK\x03\x04\x14\0\x06\0", "x.csv", "is no utf-8 text"),
        (f"{HEADER}\n{ROW}".encode("utf-16"), "x.csv", "is no utf-8 text"),
        (b"o1,ana@example.com,2026-01-02,12.50\n", "x.csv", "looks like data"),
        (b"1,2,3\n", "x.csv", "looks like data"),
        (b"a,b,A\n1,2,3\n", "x.csv", "columns 1 and 3 of x.csv have one name"),
        (b"order_no,@line\n1,2\n", "x.csv", "starts with @"),
        (gzip.compress(f"{HEADER}\n{ROW}".encode() * 999)[:-9], "x.csv.gz", "cut off"),
        (b"not gzip at all", "x.csv.gz", "cut off"),
        (b"\x28\xb5\x2f\xfd\x04", "x.csv.zst", "cut off"),
        (b"not parquet", "x.parquet", "cannot be read as Parquet"),
        (b"", "x.parquet", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error(
    workspace: Workspace, content: bytes, name: str, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        take_in(workspace, content, name=name)
    assert caught.value.hint
    assert "ana@" not in str(caught.value)
    assert nothing_happened(workspace)


def test_a_missing_file_and_a_folder(workspace: Workspace) -> None:
    from vocative.collect.importing import import_file

    mapping = workspace.root / "m.yaml"
    mapping.write_text(MAPPING)
    for path in (workspace.root / "no.csv", workspace.root):
        for chosen in (mapping, None):
            with pytest.raises(DataError, match="there is no file"):
                import_file(workspace, path, mapping=chosen)
    assert nothing_happened(workspace)


def test_a_header_alone_is_no_row(workspace: Workspace) -> None:
    report = take_in(workspace, HEADER)
    assert (report.rows, report.used, report.events, report.money_used) == (0, 0, 0, None)


def test_a_wrong_delimiter_names_the_column_that_is_missing(workspace: Workspace) -> None:
    with pytest.raises(AuthorError, match="unknown field 'amount'"):
        take_in(workspace, f"{HEADER}\n{ROW}", MAPPING + 'delimiter: ";"\n')
    assert nothing_happened(workspace)


def test_a_table_without_a_mapping_is_not_guessed_at(workspace: Workspace) -> None:
    with pytest.raises(AuthorError, match="is a table") as caught:
        take_in(workspace, f"{HEADER}\n{ROW}", None)
    assert "--mapping" in str(caught.value.hint)
    assert nothing_happened(workspace)


# ---- an import that fails midway


def test_an_import_that_fails_midway_can_be_repeated(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HEADER + "\n" + "".join(
        f"o{number},u{number % 7},2026-01-02,1,GB\n" for number in range(100)
    )  # fmt: skip
    monkeypatch.setattr(importing, "BATCH_SIZE", 10)
    real = workspace.log.append
    calls = 0

    def full_disk(*arguments: object, **named: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise LogError("the event log failed: database or disk is full")
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(workspace.log, "append", full_disk)
    with pytest.raises(LogError):
        take_in(workspace, content)
    (interrupted,) = importing.list_imports(workspace)
    assert (interrupted.finished, interrupted.events) == (False, 30)
    report = take_in(workspace, content)
    assert (report.used, report.resumed_after) == (100, 30)
    assert report.applied == report.events == 107
    assert len([row for row in events(workspace) if row["order_id"]]) == 100


def test_what_a_killed_import_left_is_cleared(workspace: Workspace) -> None:
    scratch = workspace.state_dir / "scratch"
    scratch.mkdir(parents=True)
    (scratch / "duckdb_temp_storage.tmp").write_bytes(b"left over")
    take_in(workspace, f"{HEADER}\n{ROW}")
    assert not any(scratch.iterdir())
