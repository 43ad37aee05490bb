"""GA4's export: rows as Google writes them, from BigQuery on this machine and from files."""

import base64
import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from brought import local, pull_all
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from taken_in import events, ids, people, take_in

from scripted_server import Asked, Told, scripted_server
from vocative.clock import FixedClock
from vocative.collect.event import read_event
from vocative.collect.sources import _bigquery, ga4
from vocative.collect.sources._bigquery import BigQuery
from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sources.base import Page
from vocative.collect.sources.ga4 import Ga4, Ga4Options
from vocative.errors import AuthorError, DataError
from vocative.testing.source_laws import LAWS, SourceBench
from vocative.workspace import Workspace

PROJECT, DATASET, EMAIL = "shop-project", "analytics_123", "robot@shop-project.example"
PRIVATE = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = PRIVATE.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
).decode()


def parameter(key: str, value: Any) -> dict[str, Any]:
    """One of `event_params`, as JSON of BigQuery writes it: whole numbers are texts."""
    filled: dict[str, Any] = {"string_value": None, "int_value": None, "double_value": None}
    if isinstance(value, int):
        filled["int_value"] = str(value)
    else:
        filled["double_value" if isinstance(value, float) else "string_value"] = value
    return {"key": key, "value": filled}


def row(name: str, at: str = "2026-02-20T10:00:00", **stated: Any) -> dict[str, Any]:
    parameters = stated.pop("parameters", {})
    micros = int(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1_000_000)
    return {
        "event_date": at[:10].replace("-", ""),
        "event_timestamp": str(micros),
        "event_name": name,
        "event_params": [parameter(key, value) for key, value in parameters.items()],
        "user_pseudo_id": "123.456",
        "user_id": None,
        "stream_id": "1",
        "platform": "WEB",
        "device": {"category": "mobile"},
        "geo": {"country": "Spain"},
        "items": [],
        **stated,
    }


VISIT = [
    row("session_start", parameters={"ga_session_id": 77}),
    row(
        "page_view",
        "2026-02-20T10:00:01",
        parameters={"page_location": "https://shop.example/tea", "ga_session_id": 77},
        collected_traffic_source={"manual_source": "news", "manual_campaign_name": "spring"},
    ),
    row(
        "view_item",
        "2026-02-20T10:00:02",
        items=[{"item_id": "T1", "item_name": "Tea", "item_category": "Teas", "price": 4.5}],
    ),
    row(
        "purchase",
        "2026-02-20T10:00:03",
        user_id="ana",
        parameters={"currency": "EUR", "transaction_id": "o7", "value": 9.0},
        ecommerce={"transaction_id": "o7", "purchase_revenue": 9.0},
        items=[{"item_id": "T1", "price": 4.5, "quantity": "2"}],
    ),
]


def read(source: Ga4, cursor: str | None = None) -> list[Page]:
    return list(source.pull("events", cursor))


def write_jsonl(folder: Path, day: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / f"events_{day}.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in rows))
    return path


def of_folder(folder: Path, clock: FixedClock, **options: Any) -> Ga4:
    made = msgspec.convert({"folder": str(folder), **options}, Ga4Options)
    assert list(Ga4.faults(made)) == []
    return Ga4(made, connect=local("http://127.0.0.1:1"), clock=clock)


def test_a_visit_becomes_one_person_with_a_session_and_a_campaign(
    tmp_path: Path, workspace: Workspace, clock: FixedClock
) -> None:
    write_jsonl(tmp_path, "20260220", VISIT)
    take_in(workspace, read(of_folder(tmp_path, clock, orders=True)), "ga4")
    assert len(people(workspace)) == 1
    start, viewed, product, order = events(workspace)
    assert len({one["person_id"] for one in (start, viewed, product, order)}) == 1
    assert [one["name"] for one in (start, viewed, product)] == [
        "session_start",
        "Page Viewed",
        "Product Viewed",
    ]
    told = json.loads(viewed["properties"])
    assert told["url"] == "https://shop.example/tea"
    assert (told["session_id"], told["utm_source"], told["utm_campaign"]) == (77, "news", "spring")
    assert (product["product_id"], product["category"], product["price"]) == ("T1", "Teas", 4.5)
    assert (order["name"], order["order_id"]) == ("Order Completed", "o7")
    assert (order["revenue"], order["currency"]) == (9.0, "EUR")


def test_purchases_are_not_counted_twice_unless_asked_for(
    tmp_path: Path, workspace: Workspace, clock: FixedClock
) -> None:
    write_jsonl(tmp_path, "20260220", VISIT)
    take_in(workspace, read(of_folder(tmp_path, clock)), "ga4")
    (seen,) = events(workspace, "Purchase Seen")
    assert (seen["order_id"], seen["revenue"]) == ("o7", None)
    assert json.loads(seen["properties"])["value"] == 9.0
    assert events(workspace, "Order Completed") == []


def test_who_gave_no_consent_is_nobody(tmp_path: Path, clock: FixedClock) -> None:
    write_jsonl(tmp_path, "20260220", [row("page_view", user_pseudo_id=None, user_id="ana")])
    (page, _) = read(of_folder(tmp_path, clock, accounts=False))
    (event,) = page.events
    assert event["context"] == {"nobody": True}
    read_event(msgspec.json.encode(event), received_at=1_772_500_000_000_000)


def test_jsonl_and_parquet_of_the_same_rows_are_the_same_events(
    tmp_path: Path, clock: FixedClock
) -> None:
    rows = [
        row(
            "page_view",
            f"2026-02-20T10:00:{second:02d}",
            parameters={"ga_session_id": second, "page_title": "Tea", "value": 1.5},
        )
        for second in range(20)
    ]
    found = []
    for ending in ("jsonl", "jsonl.gz", "parquet"):
        folder = tmp_path / ending
        folder.mkdir()
        plain = write_jsonl(folder, "20260220", rows)
        if ending == "jsonl.gz":
            (folder / f"{plain.name}.gz").write_bytes(gzip.compress(plain.read_bytes()))
        if ending == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), plain.with_suffix(".parquet"))
        if ending != "jsonl":
            plain.unlink()
        pages = read(of_folder(folder, clock))
        found.append([event for page in pages for event in page.events])
    assert len(found[0]) == 20
    assert found[0] == found[1] == found[2]


def test_files_are_read_once_and_again_when_they_change(tmp_path: Path, clock: FixedClock) -> None:
    write_jsonl(tmp_path, "20260220", VISIT[:2])
    (tmp_path / "notes.txt").write_text("no export")
    (tmp_path / "events_intraday_20260221.jsonl").write_text("{}\n")
    source = of_folder(tmp_path, clock)
    cursors: dict[str, str | None] = {}
    assert len(ids(list(pull_all(source, cursors)))) == 2
    assert ids(list(pull_all(source, cursors))) == []
    write_jsonl(tmp_path, "20260220", VISIT)
    write_jsonl(tmp_path, "20260110", [row("first_visit", "2026-01-10T09:00:00")])
    assert len(ids(list(pull_all(source, cursors)))) == 5
    write_jsonl(tmp_path, "20251231", [row("first_visit", "2025-12-31T09:00:00")])
    assert ids(list(pull_all(of_folder(tmp_path, clock, from_date="2026-01-01"), cursors))) == []


def test_a_file_that_is_cut_off_keeps_what_was_read(tmp_path: Path, clock: FixedClock) -> None:
    path = write_jsonl(tmp_path, "20260220", [])
    path.unlink()
    (tmp_path / "events_20260220.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 9)[:-9])
    with pytest.raises(DataError, match="cut off"):
        read(of_folder(tmp_path, clock))
    (tmp_path / "events_20260220.jsonl.gz").unlink()
    (tmp_path / "events_20260220.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match="Parquet"):
        read(of_folder(tmp_path, clock))


def test_lines_that_are_no_rows_are_counted(tmp_path: Path, clock: FixedClock) -> None:
    odd = [{}, {"event_name": "x"}, row("x", event_params="none", items=3, device=1, geo=None)]
    path = write_jsonl(tmp_path, "20260220", odd)
    with path.open("a") as file:
        file.write("no json\n[1]\n\n")
    page, *_ = read(of_folder(tmp_path, clock))
    assert page.rejected == {"a row without a name or a time": 5}
    assert len(page.events) == 1


FIELDS: list[dict[str, Any]] = [
    {"name": "event_timestamp", "type": "INTEGER"},
    {"name": "event_name", "type": "STRING"},
    {"name": "user_pseudo_id", "type": "STRING"},
    {"name": "user_id", "type": "STRING"},
    {
        "name": "event_params",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [
            {"name": "key", "type": "STRING"},
            {
                "name": "value",
                "type": "RECORD",
                "fields": [
                    {"name": "string_value", "type": "STRING"},
                    {"name": "int_value", "type": "INTEGER"},
                    {"name": "double_value", "type": "FLOAT"},
                ],
            },
        ],
    },
]


def cells(value: dict[str, Any], fields: list[dict[str, Any]]) -> dict[str, Any]:
    """A row as tabledata.list answers it: values by their place."""
    return {"f": [{"v": _cell(value.get(one["name"]), one)} for one in fields]}


def _cell(value: Any, told: dict[str, Any]) -> Any:
    if told.get("mode") == "REPEATED":
        return [{"v": _cell(one, {**told, "mode": "NULLABLE"})} for one in value]
    if value is None or told["type"] != "RECORD":
        return None if value is None else str(value)
    return cells(value, told["fields"])


@dataclass
class Warehouse:
    """BigQuery on this machine."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    modified: dict[str, int] = field(default_factory=dict)
    troubles: list[Told] = field(default_factory=list)
    tokens: int = 0
    scope: str = "https://www.googleapis.com/auth/bigquery.readonly"
    url: str = ""

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/token":
            return self._sign_in(parse_qs(asked.body.decode()))
        if asked.headers.get("authorization") != f"Bearer token-{self.tokens}":
            return Told(401, json={"error": {"code": 401, "message": "Invalid Credentials"}})
        if self.troubles:
            return self.troubles.pop(0)
        base = f"/bigquery/v2/projects/{PROJECT}/datasets/{DATASET}/tables"
        assert asked.path.startswith(base)
        name, _, what = asked.path.removeprefix(base).strip("/").partition("/")
        if not name:
            return self._list(asked.query.get("pageToken"))
        rows = self.tables[name]
        if what == "data":
            return self._page(rows, asked.query)
        version = str(self.modified.get(name, 1))
        return Told(
            json={
                "tableReference": {
                    "projectId": PROJECT,
                    "datasetId": DATASET,
                    "tableId": name,
                },
                "schema": {"fields": FIELDS},
                "numRows": str(len(rows)),
                "lastModifiedTime": version,
            }
        )

    def _page(self, rows: list[dict[str, Any]], query: dict[str, str]) -> Told:
        """Some rows, from a number or where the page before ended."""
        start = int(query.get("startIndex", query.get("pageToken", 0)))
        end = start + int(query.get("maxResults", 3))
        told: dict[str, Any] = {
            "kind": "bigquery#tableDataList",
            "totalRows": str(len(rows)),
            "rows": [cells(one, FIELDS) for one in rows[start:end]],
        }
        if end < len(rows):
            told["pageToken"] = str(end)
        return Told(json=told)

    def _list(self, page: str | None) -> Told:
        names = sorted(self.tables)
        start = int(page or 0)
        told: dict[str, Any] = {
            "tables": [
                {"tableReference": {"projectId": PROJECT, "datasetId": DATASET, "tableId": one}}
                for one in names[start : start + 2]
            ]
        }
        if start + 2 < len(names):
            told["nextPageToken"] = str(start + 2)
        return Told(json=told)

    def _sign_in(self, form: dict[str, list[str]]) -> Told:
        assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
        signed, _, signature = form["assertion"][0].rpartition(".")
        PRIVATE.public_key().verify(
            _plain(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
        claims = json.loads(_plain(signed.partition(".")[2]))
        assert claims["iss"] == EMAIL
        assert claims["aud"] in (f"{self.url}/token", "https://oauth2.googleapis.com/token")
        assert self.scope in claims["scope"]
        assert claims["exp"] - claims["iat"] == 3600
        self.tokens += 1
        return Told(json={"access_token": f"token-{self.tokens}", "expires_in": 3599})


def _plain(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    kept = Warehouse()
    with scripted_server(kept.answer) as running:
        kept.url = running.url
        yield kept


def of_bigquery(warehouse: Warehouse, clock: FixedClock, **options: Any) -> Ga4:
    key = {"client_email": EMAIL, "private_key": PEM, "token_uri": f"{warehouse.url}/token"}
    stated = {
        "project": PROJECT,
        "dataset": DATASET,
        "key": json.dumps(key),
        "base_url": f"{warehouse.url}/bigquery/v2",
        **options,
    }
    made = msgspec.convert(stated, Ga4Options)
    assert list(Ga4.faults(made)) == []
    # Two hosts are asked, so each address stays what it is.
    return Ga4(made, connect=lambda url, **more: local(url)(url, **more), clock=clock)


def daily(day: int, number: int = 3) -> list[dict[str, Any]]:
    return [
        row("page_view", f"2026-02-{day:02d}T10:00:{n:02d}", parameters={"ga_session_id": n})
        for n in range(number)
    ]


def test_tables_of_bigquery_say_the_same_as_files(
    warehouse: Warehouse, tmp_path: Path, clock: FixedClock
) -> None:
    columns = {one["name"] for one in FIELDS}
    rows = [{k: v for k, v in one.items() if k in columns} for one in (*VISIT, *daily(21))]
    warehouse.tables = {"events_20260220": rows, "events_intraday_20260302": rows, "other": []}
    write_jsonl(tmp_path, "20260220", rows)
    both = (of_bigquery(warehouse, clock), of_folder(tmp_path, clock))
    asked, filed = ([event for page in read(one) for event in page.events] for one in both)
    assert len(asked) == len(rows)
    assert asked == filed


def test_the_official_client_sees_the_same_tables_and_rows(
    warehouse: Warehouse, clock: FixedClock
) -> None:
    """Google's own client, with the same key, against the same server: it answers as BigQuery."""
    pytest.importorskip("google.cloud.bigquery", reason="not installed: make vendors")
    from google.cloud import bigquery
    from google.oauth2 import service_account

    warehouse.tables = {f"events_202602{day}": daily(day, 7) for day in (10, 11, 12)}
    warehouse.scope = "https://www.googleapis.com/auth/"
    key = {"client_email": EMAIL, "private_key": PEM, "token_uri": f"{warehouse.url}/token"}
    credentials = service_account.Credentials.from_service_account_info(key)
    client = bigquery.Client(PROJECT, credentials, client_options={"api_endpoint": warehouse.url})
    listed = [table.table_id for table in client.list_tables(f"{PROJECT}.{DATASET}", retry=None)]
    official = [
        (row["event_name"], row["event_timestamp"], row["event_params"])
        for name in listed
        for row in client.list_rows(f"{PROJECT}.{DATASET}.{name}", retry=None)
    ]
    client.close()
    ours = BigQuery(
        PROJECT,
        DATASET,
        json.dumps(key),
        connect=lambda url, **more: local(url)(url, **more),
        clock=clock,
        api=f"{warehouse.url}/bigquery/v2",
    )
    assert ours.tables() == listed == sorted(warehouse.tables)
    read_here = [
        row for name in ours.tables() for page in ours.rows(ours.describe(name), 0) for row in page
    ]
    ours.close()
    assert [(row["event_name"], int(row["event_timestamp"])) for row in read_here] == [
        (name, at) for name, at, _ in official
    ]
    assert [_values(row["event_params"]) for row in read_here] == [
        _values(params) for _, _, params in official
    ]
    assert len(official) == 21


def _values(params: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["key"], str(one["value"]["int_value"])) for one in params]


def test_days_are_read_once_and_those_google_still_writes_to_again(
    warehouse: Warehouse, clock: FixedClock
) -> None:
    warehouse.tables = {f"events_202602{day:02d}": daily(day) for day in (10, 11, 12, 27)}
    source, cursors = of_bigquery(warehouse, clock), dict[str, str | None]()
    assert len(ids(list(pull_all(source, cursors)))) == 12
    assert ids(list(pull_all(source, cursors))) == []
    warehouse.tables["events_20260227"] = daily(27, 5)
    warehouse.tables["events_20260228"] = daily(28)
    again = ids(list(pull_all(source, cursors)))
    assert len(again) == 8
    clock.advance(timedelta(days=30))
    assert ids(list(pull_all(source, cursors))) == []
    assert cursors["events"] is not None
    assert len(cursors["events"]) < 300


def test_a_pull_that_is_killed_goes_on_in_the_middle_of_a_table(
    warehouse: Warehouse, workspace: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_bigquery, "ROWS_AT_ONCE", 4)
    warehouse.tables = {f"events_202602{day:02d}": daily(day, 10) for day in (10, 11)}
    cursors: dict[str, str | None] = {}
    seen: list[str] = []
    for killed_after in (1, 2, 1, 100):
        pages = pull_all(of_bigquery(warehouse, clock), cursors)
        for _, page in zip(range(killed_after), pages, strict=False):
            take_in(workspace, [page], "ga4")
            seen += ids([page])
        pages.close()
    assert len(events(workspace)) == 20
    # The page under way is lost with whoever is killed, and read again; nothing else is.
    assert len(seen) <= 20 + 3 * 4


def test_a_token_that_ends_is_renewed(warehouse: Warehouse, clock: FixedClock) -> None:
    warehouse.tables = {"events_20260210": daily(10), "events_20260211": daily(11)}
    source = of_bigquery(warehouse, clock)
    pages = source.pull("events", None)
    next(pages)
    warehouse.tokens += 7  # whoever asks with the old one is refused
    assert len(ids(list(pages))) == 3
    clock.advance(timedelta(hours=2))
    assert read(source)


def test_refusals_are_told_and_never_the_key(warehouse: Warehouse, clock: FixedClock) -> None:
    source = of_bigquery(warehouse, clock)
    denied = {"error": {"code": 403, "message": "Access Denied: Dataset"}}
    warehouse.troubles = [Told(403, json=denied)]
    with pytest.raises(SourceRefused, match="Access Denied") as refused:
        read(source)
    assert "BEGIN" not in f"{refused.value} {refused.value.hint}"
    warehouse.troubles = [Told(429, headers={"Retry-After": "60"})]
    with pytest.raises(SourceDown) as down:
        read(source)
    assert down.value.wait_seconds == 60
    warehouse.troubles = [Told(json={"tables": [{"tableReference": {}}]})]
    with pytest.raises(DataError, match="shape"):
        read(source)


@pytest.mark.parametrize("place", ["bigquery", "folder"])
def test_it_keeps_the_laws_of_sources(
    warehouse: Warehouse,
    tmp_path: Path,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    monkeypatch.setattr(_bigquery, "ROWS_AT_ONCE", 4)
    monkeypatch.setattr(ga4, "ROWS_AT_ONCE", 4)
    for day in (10, 11, 28):
        warehouse.tables[f"events_202602{day}"] = daily(day, 6)
        write_jsonl(tmp_path, f"202602{day}", daily(day, 6))

    def opened() -> Ga4:
        return of_folder(tmp_path, clock) if place == "folder" else of_bigquery(warehouse, clock)

    bench = SourceBench(open=opened, secrets=[PEM, "BEGIN"])
    for law in LAWS:
        law(bench)


@pytest.mark.parametrize("key", ["", "{}", "no json", '{"client_email": "x", "private_key": "y"}'])
def test_a_key_that_is_none_is_told(warehouse: Warehouse, clock: FixedClock, key: str) -> None:
    source = of_bigquery(warehouse, clock, key=key)
    with pytest.raises(AuthorError, match="key"):
        read(source)


@pytest.mark.parametrize(
    ("stated", "path"),
    [
        ({}, ()),
        ({"project": "p", "dataset": "d"}, ()),
        ({"folder": "/x", "project": "p"}, ("folder",)),
        ({"folder": "exports"}, ("folder",)),
        ({"folder": "/x", "from_date": "soon"}, ("from_date",)),
    ],
)
def test_options_that_cannot_be_are_told(stated: dict[str, str], path: tuple[str, ...]) -> None:
    made = msgspec.convert(stated, Ga4Options)
    assert path in [where for where, *_ in Ga4.faults(made)]


def test_answers_that_break_off_are_asked_for_again(
    warehouse: Warehouse, clock: FixedClock
) -> None:
    warehouse.tables = {"events_20260210": daily(10)}
    warehouse.troubles = [Told(503), Told(cut=True, body=b"{" * 90)]
    assert len(ids(read(of_bigquery(warehouse, clock)))) == 3
