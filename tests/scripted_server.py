"""A real HTTP server on this machine that answers as a function says."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    at: float
    """By the monotonic clock."""
    raw_query: str = ""

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Told:
    """An answer."""

    status: int = 200
    json: Any = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    """Whether the line breaks off before the body's end."""
    hang_seconds: float = 0.0
    """How long nothing comes."""


Answering = Callable[[Asked], Told]


@dataclass
class ScriptedServer:
    """A running one."""

    url: str
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def scripted_server(answer: Answering) -> Iterator[ScriptedServer]:
    """Serve until the block ends."""
    gone = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Or the body of each answer waits 40 ms until its head is acknowledged.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            self.do_GET()

        def do_PATCH(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("content-length", 0))
            asked = Asked(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query)),
                {name.lower(): value for name, value in self.headers.items()},
                self.rfile.read(size),
                time.monotonic(),
                parts.query,
            )
            server.asked.append(asked)
            told = answer(asked)
            if told.hang_seconds and gone.wait(told.hang_seconds):
                self.close_connection = True
                return
            body = told.body if told.json is None else json.dumps(told.json).encode()
            self.send_response(told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            if told.cut:
                self.wfile.write(body[: len(body) // 2])
                self.close_connection = True
            else:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # A client that gave up waiting.

    http = Quiet(("127.0.0.1", 0), Handler)
    server = ScriptedServer(f"http://127.0.0.1:{http.server_address[1]}")
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        gone.set()
        http.shutdown()
        thread.join()
        http.server_close()


def one_after_the_other(*told: Told) -> Answering:
    """Answer with each in its turn; the last one goes on."""
    left = list(told)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
