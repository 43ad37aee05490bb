"""The client of sources against real servers that are slow, broken, strict or hostile."""

import gzip
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripted_server import Asked, Told, one_after_the_other, scripted_server
from vocative.collect.sources import _http
from vocative.collect.sources._http import (
    Http,
    Patience,
    SourceDown,
    SourceRefused,
)
from vocative.collect.sources._words import words_of
from vocative.errors import AuthorError, DataError

QUICK = Patience(first_pause_seconds=0.01, longest_pause_seconds=1.5, silence_seconds=0.4)
connect = partial(_http.connect, patience=QUICK)
SECRET = "s3cr3t-of-the-shop"


@pytest.mark.parametrize(
    "trouble",
    [
        Told(429),
        Told(500),
        Told(502),
        Told(503, headers={"Retry-After": "0"}),
        Told(200, json=["a long answer that is cut"], cut=True),
        Told(200, hang_seconds=2),
        Told(200, body=b"no gzip", headers={"content-encoding": "gzip"}),
    ],
)
def test_what_may_work_later_is_tried_again(trouble: Told) -> None:
    answers = one_after_the_other(trouble, trouble, Told(json={"fine": True}))
    with scripted_server(answers) as server:
        http = connect(server.url)
        assert http.get("/x").json() == {"fine": True}
        assert len(server.asked) == 3
        http.close()


def test_it_gives_up_in_the_end_and_says_so() -> None:
    with scripted_server(lambda _: Told(503)) as server:
        http = connect(server.url)
        with pytest.raises(SourceDown, match="503 Service Unavailable") as down:
            http.get("/x")
        assert len(server.asked) == QUICK.attempts
        assert down.value.wait_seconds is None
        http.close()


def test_nobody_there_is_down() -> None:
    with scripted_server(lambda _: Told()) as server:
        http = connect(server.url)
    with pytest.raises(SourceDown, match="cannot be reached"):
        http.get("/x")
    http.close()


def test_a_short_wait_asked_for_is_waited() -> None:
    with scripted_server(one_after_the_other(Told(429, headers={"Retry-After": "1"}), Told())) as s:
        http = connect(s.url)
        http.get("/x")
        assert 0.95 < s.asked[1].at - s.asked[0].at < 1.5
        http.close()


def test_a_wait_may_be_asked_for_by_a_date_of_the_servers_clock() -> None:
    there = datetime(2031, 5, 1, tzinfo=UTC)
    until = format_datetime(there + timedelta(seconds=90), usegmt=True)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(429)
            self.send_header("Date", format_datetime(there, usegmt=True))
            self.send_header("Retry-After", until)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with plain_server(Handler) as url:
        http = connect(url)
        with pytest.raises(SourceDown) as down:
            http.get("/x")
        assert down.value.wait_seconds == 90
        http.close()


@pytest.mark.parametrize("stated", ["soon", "", "-5", "nan!", "Mon, 99 Foo"])
def test_a_wait_that_is_none_is_not_waited(stated: str) -> None:
    answers = one_after_the_other(Told(429, headers={"Retry-After": stated}), Told())
    with scripted_server(answers) as server:
        http = connect(server.url)
        began = time.monotonic()
        http.get("/x")
        assert time.monotonic() - began < 0.5
        http.close()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 501])
def test_what_will_not_work_is_refused_at_once(status: int) -> None:
    said = {"errors": [{"message": f"no customer jane@example.com for token {SECRET}"}]}
    with scripted_server(lambda _: Told(status, json=said)) as server:
        http = connect(server.url, headers={"X-Token": SECRET})
        with pytest.raises(SourceRefused) as refused:
            http.get("/x")
        assert len(server.asked) == 1
        assert "no customer … for token …" in str(refused.value)
        assert refused.value.answer_status == status
        assert b"jane" in refused.value.body
        assert ("check the secret" in str(refused.value)) == (status in (401, 403))
        http.close()


def test_a_403_that_asks_to_wait_is_a_limit() -> None:
    with scripted_server(lambda _: Told(403, headers={"Retry-After": "600"})) as server:
        http = connect(server.url)
        with pytest.raises(SourceDown) as down:
            http.get("/x")
        assert down.value.wait_seconds == 600
        http.close()


def test_requests_are_spread_and_share_a_connection() -> None:
    with scripted_server(lambda _: Told()) as server:
        http = connect(server.url, per_second=20)
        for _ in range(6):
            http.get("/x")
        times = [asked.at for asked in server.asked]
        assert times[-1] - times[0] > 5 * 0.045
        http.close()


def test_what_is_sent() -> None:
    with scripted_server(lambda _: Told()) as server:
        http = connect(f"{server.url}/api/v2?tenant=7", auth=("me", SECRET))
        http.get("")
        http.close()
        http = connect(f"{server.url}/api/v2/", auth=("me", SECRET), headers={"Accept": "text/csv"})
        http.get("orders", params={"page": 2, "since": None}, headers={"X-One": "1"})
        http.get("/orders?page=3", params={"limit": 5})
        http.get(f"{server.url}/elsewhere?after=x%2Fy")
        http.post("/ask", json={"query": "{shop}"})
        http.post("/token", form={"grant_type": "client_credentials"})
        http.close()
    first, plain, merged, whole, question, form = server.asked
    assert (first.path, first.query) == ("/api/v2", {"tenant": "7"})
    assert (plain.path, plain.query) == ("/api/v2/orders", {"page": "2"})
    assert plain.headers["authorization"].startswith("Basic ")
    assert plain.headers["accept"] == "text/csv"
    assert plain.headers["x-one"] == "1"
    assert plain.headers["user-agent"].startswith("Vocative/")
    assert merged.query == {"page": "3", "limit": "5"}
    assert (whole.path, whole.query) == ("/elsewhere", {"after": "x/y"})
    assert question.json() == {"query": "{shop}"}
    assert question.headers["content-type"] == "application/json"
    assert form.body == b"grant_type=client_credentials"


def test_credentials_go_to_no_other_host() -> None:
    with scripted_server(lambda _: Told()) as other:

        def elsewhere(asked: Asked) -> Told:
            if asked.path == "/around":
                return Told(302, headers={"Location": "/around"})
            if asked.path == "/moved":
                return Told(301, headers={"Location": "/here"})
            if asked.path == "/here":
                return Told(json="here")
            return Told(302, headers={"Location": f"{other.url}/x"})

        with scripted_server(elsewhere) as server:
            http = connect(server.url, headers={"Authorization": f"Bearer {SECRET}"})
            for path in ("/x", f"{other.url}/x", "/around"):
                with pytest.raises(SourceRefused):
                    http.get(path)
            with pytest.raises(SourceRefused):
                http.post("/moved", json={})
            assert http.get("/moved").json() == "here"
            http.close()
        assert other.asked == []


def test_an_answer_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "MOST_BYTES", 1_000_000)
    bomb = gzip.compress(bytes(3_000_000))
    answer = Told(200, body=bomb, headers={"content-encoding": "gzip"})
    with scripted_server(lambda _: answer) as server:
        http = connect(server.url)
        with pytest.raises(DataError, match="1,000,000 bytes"):
            http.get("/x")
        http.close()


def test_an_answer_that_drips_is_left() -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(100):
                    self.wfile.write(b" ")
                    time.sleep(0.02)
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            pass

    with plain_server(Handler) as url:
        http = Http(url, patience=Patience(attempts=1, whole_seconds=0.2))
        with pytest.raises(SourceDown, match="too slowly"):
            http.get("/x")
        http.close()


def test_lines_come_one_by_one() -> None:
    body = b'{"a":1}\n{"a":2}\n{"a":3}'
    answers = one_after_the_other(Told(503), Told(body=body))
    with scripted_server(answers) as server:
        http = connect(server.url)
        assert list(http.lines("/export")) == [b'{"a":1}', b'{"a":2}', b'{"a":3}']
        http.close()


def test_lines_that_break_off_are_told() -> None:
    with scripted_server(lambda _: Told(body=b"one\ntwo\nthree\nfour\n", cut=True)) as server:
        http = connect(server.url)
        read = http.lines("/export")
        assert [next(read), next(read)] == [b"one", b"two"]
        with pytest.raises(SourceDown, match="broke"):
            list(read)
        http.close()


def test_what_is_no_json_is_told() -> None:
    for body in (b"<html>", b"", b"\xff", b"[" * 100_000):
        with scripted_server(lambda _, body=body: Told(body=body)) as server:
            http = connect(server.url)
            with pytest.raises(DataError):
                http.get("/x").json()
            http.close()


@pytest.mark.parametrize(
    "address",
    ["", "shop.example", "ftp://shop.example", "https://", "https://me:pass@shop.example"],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(AuthorError) as refused:
        connect(address)
    assert "pass@" not in str(refused.value)


def test_a_certificate_of_nobody_is_not_trusted(tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with plain_server(Handler, tls=self_signed(tmp_path)) as url:
        http = Http(url, patience=Patience(attempts=1))
        with pytest.raises(SourceDown, match="certificate"):
            http.get("/x")
        http.close()


@given(st.one_of(st.binary(max_size=300), st.text(max_size=600).map(str.encode)))
def test_any_answer_can_be_shortened(body: bytes) -> None:
    assert len(words_of(body, secrets=["", "a b"])) <= 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": "invalid_grant", "error_description": "expired"}', "expired"),
        (b'{"errors": {"detail": "call +49 170 1234567"}}', "call …"),
        (b'[{"message": "bad id 00QxA000001abcdEFGH12", "errorCode": "X"}]', "bad id …"),
        (b"<html>Sign in</html>", ""),
        (b"plain words", "plain words"),
        (b"", ""),
    ],
)
def test_what_a_vendor_says_is_shown_without_ids(body: bytes, words: str) -> None:
    assert words_of(body) == words


@contextmanager
def plain_server(
    handler: type[BaseHTTPRequestHandler], *, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A server with a handler of its own."""

    class Quiet(HTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "tls.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
