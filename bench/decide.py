"""How fast a page is told what it may decide on: a person's traits, segments and scores.

In: nothing; a shop with live segments of everybody is drawn, each person gets five scores. The real
server answers over HTTP, its worker beside it. Requests come at a fixed rate, whether or not those
before were answered; a latency counts from the moment at which the request was due. Out: latencies
at that rate, those of a page that says "ok" for comparison, latencies while events come in, and how
many requests a second are answered when as many as possible are asked.
"""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _live import Child, load, percentile, stock
from vocative.workspace import Workspace

PEOPLE = 100_000
HISTORY_EVENTS = 400_000
MODELS = ("churn", "high_value", "next_order", "purchase_30d", "send_time")
RATE = 500
SECONDS = 20
CONNECTIONS = 16
WARM_UP_SECONDS = 2
EVENTS_PER_SECOND = 1_000
PATIENCE_SECONDS = 60
SEED = 11


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: Seconds at the fixed rate; 20 unless told.
    """
    seconds, began = size or SECONDS, load()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        shop = stock(root, people=PEOPLE, events=HISTORY_EVENTS)
        _write_scores(root)
        with _serving(root) as port:
            floor = _measure(port, _health, seconds=seconds // 2)
            found = _measure(port, _profile, seconds=seconds)
            most = asyncio.run(_as_many_as_possible(port, seconds=max(seconds // 4, 1)))
            producer = Child(
                root,
                "produce",
                people=PEOPLE,
                rate=EVENTS_PER_SECOND,
                seconds=seconds,
                probes=1,
                source="live",
                robots={},
            )
            busy = _measure(port, _profile, seconds=max(seconds - 2, 1))
            producer.answer()
    return {
        "people": shop["people"],
        "segments": shop["segments"],
        "models": len(MODELS),
        **found,
        "ok_page": floor,
        "while_events_come": {"events_per_second": EVENTS_PER_SECOND, **busy},
        "most_requests_per_second": most,
        "load_before": began,
        "load_after": load(),
    }


def _write_scores(root: Path) -> None:
    drawn = random.Random(SEED)
    with Workspace(root) as workspace, workspace.store.transaction() as tx:
        people = [row[0] for row in tx.tuples("SELECT person_id FROM profiles")]
        tx.run(
            "INSERT INTO scores (person_id, model, value, version, scored_at, reasons)"
            " VALUES (:person, :model, :value, 'v1', 0, '[]')",
            [(person, model, drawn.random()) for person in people for model in MODELS],
        )


@contextmanager
def _serving(root: Path) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "vocative", "serve", "-w", str(root), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ)
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
            except ConnectionRefusedError:
                if time.monotonic() > end or server.poll() is not None:
                    raise RuntimeError("the server does not start") from None
                time.sleep(0.05)
            else:
                break
        yield port
    finally:
        server.terminate()
        server.wait(timeout=30)


def _health(_: int) -> bytes:
    return b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _profile(number: int) -> bytes:
    who = random.Random(number).randrange(PEOPLE)
    body = json.dumps({"user_id": f"u{who}"}).encode()
    return (
        b"POST /api/profile HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    )


def _measure(port: int, request: Any, *, seconds: int) -> dict[str, Any]:
    latencies, lasted = asyncio.run(_at_a_rate(port, request, seconds=seconds))
    return {
        "requests": len(latencies),
        "requests_per_second": round(len(latencies) / lasted, 1),
        "p50_ms": percentile(latencies, 0.5),
        "p99_ms": percentile(latencies, 0.99),
        "most_ms": percentile(latencies, 1.0),
    }


async def _at_a_rate(port: int, request: Any, *, seconds: int) -> tuple[list[float], float]:
    """Latencies of requests that come at a rate, after a warm-up, and how long they took in all."""
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await _Connection.open(port))
    latencies: list[float] = []
    warm_up = WARM_UP_SECONDS * RATE

    async def one(number: int, due: float) -> None:
        connection = await free.get()
        await connection.ask(request(number))
        free.put_nowait(connection)
        if number >= warm_up:
            latencies.append(time.perf_counter() - due)

    began = time.perf_counter() + 0.1
    async with asyncio.TaskGroup() as group:
        for number in range(warm_up + seconds * RATE):
            due = began + number / RATE
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            group.create_task(one(number, due))
    lasted = time.perf_counter() - began - WARM_UP_SECONDS
    while not free.empty():
        free.get_nowait().close()
    return latencies, lasted


async def _as_many_as_possible(port: int, *, seconds: int) -> int:
    """Requests answered per second when every connection asks again at once."""
    end, answered = time.perf_counter() + seconds, 0

    async def ask_on(first: int) -> None:
        nonlocal answered
        connection, number = await _Connection.open(port), first
        while time.perf_counter() < end:
            await connection.ask(_profile(number))
            answered, number = answered + 1, number + CONNECTIONS
        connection.close()

    await asyncio.gather(*(ask_on(number) for number in range(CONNECTIONS)))
    return round(answered / seconds)


class _Connection:
    """A connection to the server, for one request after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "_Connection":
        """A new one."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes) -> None:
        """Send a request and take the whole answer; RuntimeError when it is not 200."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {head[:200]!r}")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await self._reader.readexactly(length)

    def close(self) -> None:
        """Close it."""
        self._writer.close()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
