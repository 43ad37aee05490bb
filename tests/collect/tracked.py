"""What tests of the tracking API share: a real server, and trouble between it and its clients."""

import asyncio
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from vocative.collect.sourcing.starters import new_source
from vocative.collect.tracking.answers import cross_origin
from vocative.collect.tracking.paths import endpoint_of
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace, prepare_state

CLIENTS = Path(__file__).parent / "clients"
SETTINGS = """\
workspace: tracked
sender: {email: hello@shop.example, name: The Shop}
postal_address: 1 High Street
"""
WRITE_KEY = "wk_of_the_tests"


def make_workspace(root: Path, **sources: str) -> Path:
    """A workspace with sources, each of them NAME=write key."""
    root.mkdir(parents=True)
    (root / "vocative.yaml").write_text(SETTINGS)
    (root / "sources").mkdir()
    for name, write_key in (sources or {"web": WRITE_KEY}).items():
        (root / "sources" / f"{name}.yaml").write_text(f"kind: tracking\nwrite_key: {write_key}\n")
    prepare_state(root)
    return root


@dataclass
class Stored:
    """What a workspace knows, once its log is applied."""

    on_log: list[dict[str, Any]]
    """Every event that came, in its order; a client may have sent one twice."""
    events: list[dict[str, Any]]
    """The rows of history."""
    refused: dict[str, int]

    @property
    def names(self) -> Counter[str]:
        """How many of each name are in history."""
        return Counter(event["name"] for event in self.events)


def stored(root: Path, source: str = "web") -> Stored:
    """Apply the log, and read everything that came from a source."""
    with Workspace(root) as workspace:
        apply_log(workspace)
        # After that: what is in history is among them, whatever comes in meanwhile.
        batches = [batch for batch in workspace.log.read(0) if batch.source == source]
        with workspace.engine() as engine:
            events = engine.rows(
                "SELECT * FROM events WHERE source = $source ORDER BY event_id", {"source": source}
            )
        with workspace.store.read() as tx:
            refused = tx.tuples(
                "SELECT reason, count(*) FROM rejected_events WHERE source = :source"
                " GROUP BY reason",
                {"source": source},
            )
    raw = [json.loads(event) for batch in batches for event in batch.events]
    return Stored(raw, list(events), dict(refused))


def with_source(root: Path) -> tuple[str, str]:
    """A new source of a workspace, which may be served already: its name and its write key."""
    name = f"s{len(list((root / 'sources').iterdir()))}"
    with Workspace(root) as workspace:
        return name, new_source(workspace, name).source.write_key or ""


class Server:
    """`vocative serve` in a process of its own, without the worker."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it answers."""
        command = [sys.executable, "-m", "vocative", "serve", "--no-worker", "-w", str(self.root)]
        with (self.root / "serve.log").open("ab") as out:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)], stdout=out, stderr=subprocess.STDOUT
            )
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(URLError, OSError), urlopen(f"{self.url}/health", timeout=2):
                return
            time.sleep(0.05)
        raise AssertionError(f"vocative serve does not answer: {self.printed()}")

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(timeout=20)

    def stop(self) -> None:
        """End it as a person would."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(timeout=20)

    def printed(self) -> str:
        """What it said."""
        return (self.root / "serve.log").read_text(errors="replace")


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """A server over a workspace."""
    server = Server(root)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class Between:
    """Stands between clients and a server, and makes trouble with what brings events.

    Each of the `troubles` befalls one request, in their order: a number is a status that is
    answered instead of the server, `lost` cuts the line after the server has answered, `cut`
    before it was asked.
    """

    server: Server
    troubles: list[int | str] = field(default_factory=list)
    retry_after: int | None = 1
    on_lost: Callable[[], None] = lambda: None
    port: int = 0
    seen: list[tuple[str, str, int | str]] = field(default_factory=list)
    """(method, path, what became of it) of every request."""

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request."""
        try:
            head, body = await _request(reader)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        method, path = head.split(b" ", 2)[:2]
        brings = method == b"POST" and endpoint_of(path.decode().partition("?")[0]) is not None
        trouble = self.troubles.pop(0) if brings and self.troubles else None
        answer = b""
        if isinstance(trouble, int):
            answer = self._refusal(trouble, head)
        elif trouble != "cut":
            answer = await self._asked(head, body)
        if trouble == "lost":
            await asyncio.to_thread(self.on_lost)
        became = trouble or int(answer.split(b" ", 2)[1] or 0)
        self.seen.append((method.decode(), path.decode(), became))
        if trouble in ("lost", "cut"):
            # No lingering: the client gets a reset instead of an end.
            line = writer.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        writer.write(answer)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    async def _asked(self, head: bytes, body: bytes) -> bytes:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        except OSError:
            return self._refusal(502, head)
        writer.write(_closing(head) + body)
        answer = await reader.read()
        writer.close()
        return answer

    def _refusal(self, status: int, head: bytes) -> bytes:
        headers = cross_origin(_header(head, b"origin"))
        if self.retry_after is not None:
            headers.append((b"Retry-After", b"%d" % self.retry_after))
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        body = b'{"success":false,"code":"made_up","message":"made up"}'
        sized = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
        return b"HTTP/1.1 %d Trouble\r\n" % status + lines + sized + body


@contextmanager
def between(server: Server, troubles: Sequence[int | str] = (), **more: Any) -> Iterator[Between]:
    """Trouble on the way to a server."""
    stands = Between(server, list(troubles), **more)
    loop = asyncio.new_event_loop()
    # In a thread of its own from the start: a browser test has a loop in this one.
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    started = asyncio.start_server(stands.handle, "127.0.0.1", 0)
    listening = asyncio.run_coroutine_threadsafe(_of(started), loop).result(timeout=20)
    stands.port = listening.sockets[0].getsockname()[1]
    try:
        yield stands
    finally:
        asyncio.run_coroutine_threadsafe(_ended(listening), loop).result(timeout=20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _of(started: Awaitable[asyncio.Server]) -> asyncio.Server:
    return await started


async def _ended(listening: asyncio.Server) -> None:
    listening.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    if _header(head, b"transfer-encoding"):
        return head, await reader.readuntil(b"0\r\n\r\n")
    return head, await reader.readexactly(int(_header(head, b"content-length") or 0))


def _header(head: bytes, name: bytes) -> bytes | None:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return None


def _closing(head: bytes) -> bytes:
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])


def _node() -> str:
    """Node as `scripts/setup.sh` found or installed it."""
    installed = CLIENTS.parents[2] / ".setup" / "node" / "commands" / "node"
    return str(installed) if installed.exists() else "node"


def run_client(name: str, host: str, write_key: str, *, retries: int = 10) -> None:
    """Let a client send its calls; it must have no failure to tell."""
    script = CLIENTS / name
    program = _node() if script.suffix == ".mjs" else sys.executable
    done = subprocess.run(
        [program, str(script), host, write_key, str(retries)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=CLIENTS,
        env={**os.environ, "NO_PROXY": "*"},
    )
    assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"
