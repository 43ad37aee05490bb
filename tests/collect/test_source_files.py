"""Files of a folder, a bucket and a web server come in once, however a pull ends."""

import gzip
import hashlib
import importlib.util
import json
import logging
import os
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pulled import (
    ORDERS,
    cursor_after,
    file_with,
    ids,
    open_source,
    orders,
    pull,
    take_in,
    write_mapping,
)

from vocative.collect.sources import _buckets, _tables, files
from vocative.collect.sources._http import SourceDown, SourceRefused
from vocative.collect.sources.files import FilesSource
from vocative.collect.sourcing.definitions import check_definitions, find_source
from vocative.collect.sourcing.opening import opened_source
from vocative.errors import AuthorError, DataError, UnknownName
from vocative.workspace import Workspace

HEADER = "id,customer,email,country,total,updated_at\n"
KEYS = {"access_key": "test", "secret_key": "test-secret-0123456789"}
needs_obstore = pytest.mark.skipif(
    importlib.util.find_spec("obstore") is None, reason="no obstore: pip install 'vocative[files]'"
)


def order(number: int, total: float = 1) -> str:
    return f"{number},u1,ana@example.com,GB,{total},2026-01-05T12:00:00Z\n"


class Store:
    """Somewhere to put files: `put` writes one, `options` are a definition's."""

    def __init__(self, put: Callable[[str, bytes], Any], **options: Any) -> None:
        self._put = put
        self.options = options

    def put(self, name: str, content: str | bytes) -> None:
        self._put(name, content.encode() if isinstance(content, str) else content)


@pytest.fixture
def folder_store(tmp_path: Path, workspace: Workspace) -> Store:
    root = tmp_path / "exports"
    written = iter(range(1_000))

    def put(name: str, content: bytes) -> None:
        path = file_with(root, name, content)
        at = (workspace.clock.now() - timedelta(hours=1)).timestamp() + next(written)
        os.utime(path, (at, at))

    root.mkdir()
    return Store(put, url=str(root))


@pytest.fixture(scope="module")
def s3_server() -> Iterator[str]:
    server = pytest.importorskip("moto.server", reason="no moto: make clouds")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    moto = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def s3_store(s3_server: str) -> Store:
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3_server,
        region_name="us-east-1",
        aws_access_key_id=KEYS["access_key"],
        aws_secret_access_key=KEYS["secret_key"],
    )
    bucket = f"b-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    return Store(
        lambda name, content: client.put_object(Bucket=bucket, Key=f"out/{name}", Body=content),
        url=f"s3://{bucket}/out",
        endpoint=s3_server,
        region="us-east-1",
        **KEYS,
    )


@pytest.fixture(params=["folder", pytest.param("s3", marks=needs_obstore)])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(f"{request.param}_store")
    return found


@pytest.fixture
def reading(workspace: Workspace) -> Callable[..., FilesSource]:
    write_mapping(workspace, ORDERS)
    return lambda store, **options: open_source(
        FilesSource, workspace, **{**store.options, **options}
    )


def test_new_and_changed_files_come_in(
    store: Store, workspace: Workspace, reading: Callable[..., FilesSource]
) -> None:
    store.put("2026/01.csv", HEADER + order(1) + order(2))
    store.put("2026/02.csv.gz", gzip.compress((HEADER + order(3)).encode()))
    store.put("2026/_SUCCESS", "")
    store.put("2026/readme.txt", "not for us")
    source = reading(store, files="*.csv*")
    first = pull(source)
    assert len(first) == 1  # small files share a page
    take_in(workspace, first)
    assert [number for number, _ in orders(workspace)] == ["1", "2", "3"]
    cursor = cursor_after(first)
    assert pull(source, cursor) == []

    store.put("2026/01.csv", HEADER + order(1) + order(2) + order(4))
    again = pull(source, cursor)
    assert ids(again) == ["1", "2", "4"]
    take_in(workspace, again)
    assert [number for number, _ in orders(workspace)] == ["1", "2", "3", "4"]
    assert pull(source, cursor_after(again)) == []
    assert list((workspace.state_dir / "scratch" / "test" / "files").iterdir()) == []


def test_a_killed_pull_goes_on_with_the_file_it_was_at(
    store: Store,
    workspace: Workspace,
    reading: Callable[..., FilesSource],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (_tables, files):
        monkeypatch.setattr(module, "PAGE_EVENTS", 3)
    for number in range(4):
        rows = "".join(order(number * 10 + row) for row in range(5))
        store.put(f"{number}.csv", HEADER + rows)
    source = reading(store)
    cursor: str | None = None
    taken: list[str] = []
    for kept in range(1, 8):
        begun = source.pull("files", cursor)
        for number, page in enumerate(begun):
            take_in(workspace, [page])
            taken += ids([page])
            cursor = page.cursor if page.cursor is not None else cursor
            if number == kept:
                break
        begun.close()
    assert {int(number) for number in taken} == {n * 10 + row for n in range(4) for row in range(5)}
    assert len(orders(workspace)) == 20
    assert pull(source, cursor) == []


def test_ready_events_come_in_as_they_are(
    store: Store, workspace: Workspace, reading: Callable[..., FilesSource]
) -> None:
    lines = [
        {"event": "Tea Drunk", "userId": "u1", "timestamp": "2026-01-05T12:00:00Z"},
        {"event": "Tea Drunk", "userId": "u1", "messageId": "m1"},
        {"event": "", "userId": "u1"},
    ]
    store.put("day.jsonl", "\n".join([*map(json.dumps, lines), "", "no JSON"]))
    store.put("orders.csv", HEADER + order(1))
    (page,) = pull(reading(store, mapping=None))
    assert [event["event"] for event in page.events] == ["Tea Drunk", "Tea Drunk"]
    assert [len(event["messageId"]) for event in page.events] == [32, 2]
    assert page.rejected == {
        "a track event without a name": 1,
        "not valid JSON": 1,
        "orders.csv is a table: a mapping must say what its columns mean": 1,
    }


def test_a_file_that_cannot_be_read_does_not_stop_the_others(
    store: Store, reading: Callable[..., FilesSource]
) -> None:
    whole = gzip.compress((HEADER + order(1)).encode())
    store.put("a.csv.gz", whole[:-12])
    store.put("b.csv", "")
    store.put("c.csv", HEADER + order(2) + "3,u1\n")
    source = reading(store)
    pages = pull(source)
    assert ids(pages) == ["2"]
    reasons = {reason: count for page in pages for reason, count in page.rejected.items()}
    assert [reason[:8] for reason in sorted(reasons)] == ["a.csv.gz", "b.csv is", "unreadab"]
    assert pull(source, cursor_after(pages)) == []
    store.put("a.csv.gz", whole)  # and when it is mended, it comes in
    assert ids(pull(source, cursor_after(pages))) == ["1"]


def test_a_mapping_that_does_not_fit_names_the_file(
    store: Store, reading: Callable[..., FilesSource], workspace: Workspace
) -> None:
    store.put("odd.csv", "a,b\n1,2\n")
    with pytest.raises(AuthorError, match=r"odd\.csv: unknown field"):
        pull(reading(store))
    write_mapping(workspace, "people: {user_id: a}\nconsents: [{given: b = '2'}]\n")
    with pytest.raises(AuthorError, match="needs `at:`"):
        pull(reading(store))


def test_what_changed_says_things_again(store: Store, workspace: Workspace) -> None:
    """Files without times: GB, then FR, then GB; the last one is right."""
    (workspace.root / "traits.yaml").write_text("country: {}\n")
    write_mapping(workspace, "people: {user_id: who, traits: {country: country}}\n")
    source = open_source(FilesSource, workspace, **store.options)
    cursor = None
    for number, country in enumerate(("GB", "FR", "GB")):
        store.put(f"{number}.csv", f"who,country\nu1,{country}\n")
        workspace.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
        pages = pull(source, cursor)
        cursor = cursor_after(pages, cursor)
        take_in(workspace, pages)
        with workspace.store.read() as tx:
            (traits,) = tx.tuples("SELECT traits FROM profiles")[0]
        assert country in traits


def test_a_file_that_is_being_written_waits(
    folder_store: Store, workspace: Workspace, reading: Callable[..., FilesSource]
) -> None:
    folder_store.put("1.csv", HEADER + order(1))
    folder_store.put("2.csv", HEADER + order(2))
    root = Path(folder_store.options["url"])
    now = workspace.clock.now().timestamp()
    os.utime(root / "2.csv", (now, now))
    (root / "3.csv").symlink_to(root / "1.csv")  # whoever may write here, may not show us around
    source = reading(folder_store)
    first = pull(source)
    assert ids(first) == ["1"]
    os.utime(root / "2.csv", (now - 60, now - 60))
    assert ids(pull(source, cursor_after(first))) == ["2"]


@needs_obstore
def test_a_file_that_is_written_anew_while_it_is_read_waits(
    s3_store: Store, reading: Callable[..., FilesSource], monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_store.put("1.csv", HEADER + order(1))
    source = reading(s3_store)
    listed = _buckets.ObjectStore.files

    def overtaken(bucket: _buckets.ObjectStore) -> Iterator[_buckets.StoredFile]:
        found = list(listed(bucket))
        s3_store.put("1.csv", HEADER + order(2))
        yield from found

    monkeypatch.setattr(_buckets.ObjectStore, "files", overtaken)
    assert pull(source) == []
    monkeypatch.undo()
    assert ids(pull(source)) == ["2"]


@needs_obstore
def test_a_store_that_refuses_or_is_gone(
    s3_store: Store, s3_server: str, reading: Callable[..., FilesSource], tmp_path: Path
) -> None:
    with pytest.raises(SourceRefused, match="no such thing"):
        pull(reading(s3_store, url="s3://there-is-none/x"))
    patient = _buckets._PATIENCE
    _buckets._PATIENCE = timedelta(seconds=1)
    try:
        with pytest.raises(SourceDown) as down:
            pull(reading(s3_store, endpoint="http://127.0.0.1:1"))
    finally:
        _buckets._PATIENCE = patient
    assert KEYS["secret_key"] not in str(down.value)
    with pytest.raises(SourceDown, match="no folder"):
        pull(reading(Store(print, url=str(tmp_path / "nowhere"))))


class _Site(BaseHTTPRequestHandler):
    """A web server with one file, for those who have its token."""

    content = b""
    asked: list[str] = []  # noqa: RUF012 - shared by all requests of a test

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, *, body: bool) -> None:
        allowed = self.headers["authorization"] == "Bearer open-sesame-0123456789"
        status = 200 if allowed else 401
        tag = f'"{hashlib.md5(self.content).hexdigest()}"'
        if self.headers["if-match"] not in (None, tag):
            status = 412
        self.asked.append(f"{self.command} {status}")
        self.send_response(status)
        whole = self.content if status == 200 else b""
        self.send_header("content-length", str(len(whole)))
        self.send_header("etag", tag)
        self.send_header("last-modified", "Mon, 05 Jan 2026 12:00:00 GMT")
        self.end_headers()
        if body:
            self.wfile.write(whole)


@needs_obstore
def test_a_file_of_a_web_server(reading: Callable[..., FilesSource]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _Site.content = (HEADER + order(1)).encode()
    url = f"http://127.0.0.1:{server.server_port}/exports/orders.csv"
    site = Store(print, url=url, token="open-sesame-0123456789")
    try:
        source = reading(site)
        first = pull(source)
        assert ids(first) == ["1"]
        _Site.asked.clear()
        assert pull(source, cursor_after(first)) == []
        assert _Site.asked == ["HEAD 200"]  # an unchanged file is not fetched
        _Site.content = (HEADER + order(2)).encode()
        assert ids(pull(source, cursor_after(first))) == ["2"]
        with pytest.raises(SourceRefused, match="let us in"):
            pull(reading(site, token="wrong"))
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "ftp://host/x"}, "not read from ftp"),
        ({"url": "https://host/x.csv?token=1"}, "without `\\?`"),
        ({"url": "https://host/"}, "one file"),
        ({"url": "s3://key:secret@bucket/x"}, "must not stand in the address"),
        ({"url": "exports"}, "whole path"),
        ({"url": "/srv/x", "token": "env:TOKEN"}, "a folder has no `token:`"),
        ({"url": "s3://b/x", "access_key": "env:KEY"}, "go together"),
        ({"url": "az://c/x"}, "az needs `account:`"),
        ({"url": "s3://b/x", "token": "written-out"}, "must not be written into"),
    ],
)
def test_definitions_that_mean_nothing_are_refused(
    workspace: Workspace, options: dict[str, Any], message: str
) -> None:
    path = workspace.root / "sources" / "drop.yaml"
    path.parent.mkdir()
    path.write_text(json.dumps({"kind": "files", **options}))
    with pytest.raises(AuthorError, match=message):
        check_definitions(workspace)


def test_a_definition_is_opened(folder_store: Store, workspace: Workspace) -> None:
    folder_store.put("1.csv", HEADER + order(1))
    path = workspace.root / "sources" / "drop.yaml"
    path.parent.mkdir()
    body = {"kind": "files", "mapping": "orders", **folder_store.options}
    path.write_text(json.dumps(body))
    with (
        opened_source(workspace, find_source(workspace, "drop")) as source,
        pytest.raises(UnknownName, match="mapping"),
    ):
        pull(source)
    write_mapping(workspace, ORDERS)
    with opened_source(workspace, find_source(workspace, "drop")) as source:
        assert ids(pull(source)) == ["1"]
        with pytest.raises(DataError, match="cursor"):
            pull(source, "not one")
