"""How many events the tracking API takes, each acknowledged after it is on the disk.

In: nothing. The real server answers over HTTP without its worker; clients post as the libraries do,
one event at a time and in batches of 100. Beside it, in the same run, the floor: the same server
reading the same requests, and keeping nothing. Then clients send while the server is killed again
and again, and send anew what was not acknowledged. Out: events per second, latencies at half that
rate, and after the kills how many acknowledged events are lost and how many count twice.
"""

import asyncio
import base64
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _http import (
    Connection,
    Request,
    ServerProcess,
    as_many_as_possible,
    measured,
    posted,
    quickly,
    serving,
)
from _live import load
from vocative.collect.sourcing.starters import new_source
from vocative.collect.tracking import answers
from vocative.collect.tracking.body import Room, read_body
from vocative.collect.tracking.credentials import key_in_header
from vocative.collect.tracking.payload import read_payload
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace, prepare_state

SECONDS = 6
SINGLE_CONNECTIONS = 64
BATCH_CONNECTIONS = 16
BATCH = 100
KILLS = 10
KILLED_BATCH = 20
SETTINGS = (
    "{workspace: tracked, sender: {email: hello@shop.example, name: The Shop},"
    " postal_address: 1 High Street}\n"
)
SEED = 5


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: Seconds per figure; the kills grow with it. 6 unless told, with 10 kills.

    Returns:
        single_per_second, batched_events_per_second; p50_ms and p99_ms of single posts at half of
        that rate, and all latencies at_half; floor (the same rates, keeping nothing); events and
        not_kept (how many of them, all acknowledged, are not on the log); kills, acknowledged,
        acknowledged_lost, doubled.
    """
    seconds, began = size or SECONDS, load()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root, write_key = _workspace(Path(folder) / "shop")
        server = ServerProcess([sys.executable, __file__, "--floor"])
        server.start()
        try:
            floor = _most(server.port, Requests(write_key), seconds)
        finally:
            server.stop()
        requests = Requests(write_key)
        with serving(root, "--no-worker") as port:
            found = _most(port, requests, seconds)
            halves = {
                "single": max(found["single_per_second"] // 2, 1),
                "batched": max(found["batched_events_per_second"] // BATCH // 2, 1),
            }
            single = measured(
                port,
                requests.single,
                rate=halves["single"],
                seconds=seconds,
                connections=SINGLE_CONNECTIONS,
            )
            batched = measured(
                port,
                requests.batch,
                rate=halves["batched"],
                seconds=seconds,
                connections=BATCH_CONNECTIONS,
            )
        with Workspace(root) as workspace:
            kept = workspace.log.waiting(0)
        killed = _kill(Path(folder) / "killed", kills=max(KILLS * seconds // SECONDS, 1))
    return {
        **found,
        "p50_ms": single["p50_ms"],
        "p99_ms": single["p99_ms"],
        "at_half": {"single": single, "batched": batched},
        "floor": floor,
        "events": requests.events,
        "not_kept": requests.events - kept,
        **killed,
        "load_before": began,
        "load_after": load(),
    }


def _workspace(root: Path) -> tuple[Path, str]:
    root.mkdir()
    (root / "vocative.yaml").write_text(SETTINGS)
    prepare_state(root)
    with Workspace(root) as workspace, workspace.store.read():
        return root, new_source(workspace, "web").source.write_key or ""


class Requests:
    """Requests as libraries write them; each event has an id of its own."""

    def __init__(self, write_key: str) -> None:
        basic = base64.b64encode(f"{write_key}:".encode())
        self._headers = (b"Authorization: Basic " + basic, b"Content-Type: application/json")
        self.events = 0
        """How many were made."""

    def single(self, _: int) -> bytes:
        """One event."""
        return posted(b"/v1/track", self._event(), *self._headers)

    def batch(self, _: int, size: int = BATCH) -> bytes:
        """A hundred in one request."""
        body = b",".join(self._event() for _ in range(size))
        sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()).encode()
        whole = b'{"batch":[%b],"sentAt":"%b"}' % (body, sent_at)
        return posted(b"/v1/batch", whole, *self._headers)

    def _event(self) -> bytes:
        self.events += 1
        return _EVENT % (self.events, self.events % 5_000, self.events % 97)


_EVENT = (
    b'{"type":"track","event":"Product Viewed","messageId":"node-next-%012d","userId":"u%d",'
    b'"anonymousId":"6f1c2a4e-2f6b-4a44-9a0c-51c0e2a7b9d1","timestamp":"2026-03-02T09:30:00.123Z",'
    b'"properties":{"product_id":"p%d","category":"Tea","price":12.5,"currency":"EUR",'
    b'"url":"https://shop.example/tea/assam?utm_source=newsletter","position":3},'
    b'"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"},'
    b'"locale":"en-GB","ip":"203.0.113.9","userAgent":"Mozilla/5.0 (X11; Linux x86_64)"},'
    b'"integrations":{}}'
)


def _most(port: int, requests: Requests, seconds: int) -> dict[str, int]:
    def answered(request: Request, connections: int) -> float:
        as_many_as_possible(port, request, seconds=1, connections=connections)  # warm
        number = as_many_as_possible(port, request, seconds=seconds, connections=connections)
        return number / seconds

    return {
        "single_per_second": round(answered(requests.single, SINGLE_CONNECTIONS)),
        "batched_events_per_second": round(answered(requests.batch, BATCH_CONNECTIONS) * BATCH),
    }


def _kill(root: Path, *, kills: int) -> dict[str, int]:
    """Kill the server while clients send; what was acknowledged must be there, once."""
    _, write_key = _workspace(root)
    requests = Requests(write_key)
    command = [sys.executable, "-m", "vocative", "serve", "--no-worker", "-w", str(root)]
    server = ServerProcess(command)
    server.start()
    try:
        acknowledged = quickly(_sent_through_kills(server, requests, kills=kills))
    finally:
        server.stop()
    with Workspace(root) as workspace:
        on_log = workspace.log.waiting(0)
        apply_log(workspace)
        with workspace.store.read() as tx:
            applied, duplicates, rejected = tx.tuples(
                "SELECT sum(applied), sum(duplicates), sum(rejected) FROM applied_batches"
            )[0]
        with workspace.engine() as engine:
            (counted,) = engine.rows(
                "SELECT count(*) AS rows_, count(DISTINCT event_id) AS ids FROM events", {}
            )
    assert applied + duplicates + rejected == on_log
    return {
        "kills": kills,
        "acknowledged": acknowledged,
        # Everything that was sent was acknowledged in the end.
        "acknowledged_lost": acknowledged - int(counted["ids"]),
        "doubled": int(counted["rows_"]) - int(counted["ids"]),
        "sent_again_and_known": int(duplicates),
    }


async def _sent_through_kills(server: ServerProcess, requests: Requests, *, kills: int) -> int:
    drawn = random.Random(SEED)
    over = asyncio.Event()
    acknowledged = 0

    async def send_on() -> None:
        nonlocal acknowledged
        connection: Connection | None = None
        while not over.is_set():
            request = requests.batch(0, KILLED_BATCH)
            while True:
                try:
                    connection = connection or await Connection.open(server.port)
                    await connection.ask(request)
                except (OSError, EOFError, RuntimeError):
                    connection = None
                    await asyncio.sleep(0.05)
                else:
                    acknowledged += KILLED_BATCH
                    break
        if connection is not None:
            connection.close()

    async def kill_on() -> None:
        for _ in range(kills):
            await asyncio.sleep(drawn.uniform(0.1, 0.6))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
        await asyncio.sleep(0.5)
        over.set()

    await asyncio.gather(kill_on(), *(send_on() for _ in range(BATCH_CONNECTIONS)))
    return acknowledged


_ROOM = Room()


async def _floor(scope: Any, receive: Any, send: Callable[[Any], Any]) -> None:
    """What the tracking API does, without keeping anything."""
    headers = dict(scope["headers"])
    key_in_header(headers.get(b"authorization"))
    body = await read_body(receive, _ROOM, most=8_500_000)
    kind = "track" if scope["path"] == "/v1/track" else None
    read_payload(body, event_type=kind, received_at=time.time_ns() // 1_000, max_event_bytes=32_768)
    await answers.success(send, None)


def _serve_floor(port: int) -> None:
    import uvicorn

    uvicorn.run(_floor, port=port, log_level="warning", access_log=False, lifespan="off")


if __name__ == "__main__":
    if "--floor" in sys.argv:
        _serve_floor(int(sys.argv[-1]))
    else:
        print(json.dumps(run(), indent=2))
