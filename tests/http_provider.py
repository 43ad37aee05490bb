"""A provider over HTTP: a real server that notes what it is asked and answers as it is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class HangUp:
    """Instead of an answer: the connection is closed once the request is read."""


Answering = Callable[[Seen], Reply | HangUp]


class Provider:
    """What it was asked, and how it answers: with `usual` unless told otherwise."""

    def __init__(self, usual: Answering) -> None:
        self.requests: list[Seen] = []
        self.answer: Answering | None = None
        self._usual = usual
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def take(self, seen: Seen) -> Reply | HangUp:
        self.requests.append(seen)
        return (self.answer or self._usual)(seen)


@contextmanager
def provider(usual: Answering) -> Iterator[Provider]:
    """A provider on a free port."""
    made = Provider(usual)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = made.take(Seen(path=self.path, headers=headers, body=body))
            if isinstance(reply, HangUp):
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    made.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
