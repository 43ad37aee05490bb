"""What benchmarks of the server share: the real server in a process, and clients that ask it."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from _live import percentile

PATIENCE_SECONDS = 60
WARM_UP_SECONDS = 2
T = TypeVar("T")
Request = Callable[[int], bytes]
"""The bytes of the nth request."""


class ServerProcess:
    """A server in a process of its own, which can be killed and started again."""

    def __init__(self, command: Sequence[str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._command = [*command, "--port", str(self.port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, env=dict(os.environ)
        )
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise RuntimeError("the server does not start") from None
                time.sleep(0.05)
            else:
                return

    def memory_mb(self) -> float:
        """Its resident memory now."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return round(int(status.partition("VmRSS:")[2].split()[0]) / 1_024, 1)

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """End it as a person would."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)


@contextmanager
def serving(root: Path, *options: str) -> Iterator[int]:
    """`vocative serve` over a workspace: its port."""
    server = ServerProcess(
        [sys.executable, "-m", "vocative", "serve", "-w", str(root), *options],
    )
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


class Connection:
    """A connection to the server, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """A new one."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> None:
        """Send a request and take the whole answer; RuntimeError when it is not 200."""
        status, _ = await self.exchange(request)
        if status != 200:
            raise RuntimeError(f"the server answered {status}")

    async def exchange(self, request: bytes) -> tuple[int, bool]:
        """The status of the answer to a request, and whether the connection can be used again."""
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]
        await self._reader.readexactly(int(length or 0))
        return int(head.split(b" ", 2)[1]), b"connection: close" not in head

    def close(self) -> None:
        """Close it."""
        self._writer.close()


def posted(path: bytes, body: bytes, *headers: bytes) -> bytes:
    """A POST as it goes over the line."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST %b HTTP/1.1\r\nHost: localhost\r\n%bContent-Length: %d\r\n\r\n%b" % (
        path,
        lines,
        len(body),
        body,
    )


def measured(
    port: int, request: Request, *, rate: int, seconds: int, connections: int
) -> dict[str, Any]:
    """Latencies of requests that come at a rate, whether or not those before were answered."""
    asked = _at_a_rate(port, request, rate=rate, seconds=seconds, connections=connections)
    latencies, lasted = asyncio.run(asked)
    return {
        "requests": len(latencies),
        "requests_per_second": round(len(latencies) / lasted, 1),
        "p50_ms": percentile(latencies, 0.5),
        "p99_ms": percentile(latencies, 0.99),
        "most_ms": percentile(latencies, 1.0),
    }


async def _at_a_rate(
    port: int, request: Request, *, rate: int, seconds: int, connections: int
) -> tuple[list[float], float]:
    """Latencies of requests that come at a rate, after a warm-up, and how long they took in all."""
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await Connection.open(port))
    latencies: list[float] = []
    warm_up = WARM_UP_SECONDS * rate

    async def one(number: int, due: float) -> None:
        connection = await free.get()
        await connection.ask(request(number))
        free.put_nowait(connection)
        if number >= warm_up:
            latencies.append(time.perf_counter() - due)

    began = time.perf_counter() + 0.1
    async with asyncio.TaskGroup() as group:
        for number in range(warm_up + seconds * rate):
            due = began + number / rate
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            group.create_task(one(number, due))
    lasted = time.perf_counter() - began - WARM_UP_SECONDS
    while not free.empty():
        free.get_nowait().close()
    return latencies, lasted


def as_many_as_possible(port: int, request: Request, *, seconds: int, connections: int) -> int:
    """Requests answered when every connection asks again at once."""
    return quickly(_as_many_as_possible(port, request, seconds=seconds, connections=connections))


async def _as_many_as_possible(
    port: int, request: Request, *, seconds: int, connections: int
) -> int:
    end, answered = time.perf_counter() + seconds, 0

    async def ask_on(first: int) -> None:
        nonlocal answered
        connection, number = await Connection.open(port), first
        while time.perf_counter() < end:
            await connection.ask(request(number))
            answered, number = answered + 1, number + connections
        connection.close()

    await asyncio.gather(*(ask_on(number) for number in range(connections)))
    return answered


def quickly(what: Coroutine[Any, Any, T]) -> T:
    """Run on the fastest loop there is, so that the clients are not what is measured."""
    with suppress(ImportError):
        import uvloop

        return uvloop.run(what)
    return asyncio.run(what)
