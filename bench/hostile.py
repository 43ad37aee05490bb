"""What the tracking API does with a million requests that nobody should send.

In: nothing. Hypothesis draws bodies in the shapes that clients use, with anything in their fields;
each is then spoilt on the way: bytes flipped, cut, doubled or put in, nested deeply, packed
wrongly, sent to another path, with other headers. Beside them clients that send a byte at a time
and never end, and in between ordinary events, of which none may be lost or kept waiting. Out: how
many of each status, answers of 500 and above, connections closed without an answer, ordinary events
lost, the slowest answers, and the server's memory at each tenth.
"""

import asyncio
import base64
import gzip
import json
import random
import re
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from _http import Connection, ServerProcess, posted, quickly
from _live import load, percentile
from vocative.collect.sourcing.starters import new_source
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace, prepare_state

REQUESTS = 1_000_000
CORPUS = 4_000
CONNECTIONS = 32
SLOW_CLIENTS = 8
ORDINARY_EACH = 200
"""One request of so many is an ordinary event."""
HUGE_EACH = 20_000
"""One of so many is larger than the server takes."""
PATIENCE_SECONDS = 60
SEED = 11
SETTINGS = (
    "{workspace: tracked, sender: {email: hello@shop.example, name: The Shop},"
    " postal_address: 1 High Street}\n"
)
PATHS = (
    *("/v1/" + name for name in "track identify page screen group alias batch import".split()),
    *("/v1/t", "/v1/i", "/v1/b", "/v1/m", "/beacon/v1/batch", "/v1/hooks/web", "/v1/hooks/none"),
    *("/v1/", "/v1/track/..", "/v1/track?writeKey=%00", "/v1/batch//", "/l/AAAA", "/f/none"),
)
KEYS = (
    "type event userId anonymousId previousId messageId timestamp originalTimestamp sentAt"
    " receivedAt properties traits context integrations name clockSkew tooLargeFor email revenue"
    " products writeKey batch consent channel ip"
).split()
ODD = (
    *("", "\0", "\ud800", "\u202e", "𝔘" * 50, "a" * 40_000, "1e400", "-0", "NaN", "null"),
    *("9999-12-31T23:59:59Z", "0001-01-01", "2026-02-30T25:61:61Z", "1969-12-31T23:59:59.999Z"),
    *("' OR 1=1 --", "<script>", "../../etc/passwd", "{{7*7}}", "%s%n", "vocative"),
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text()
    | st.sampled_from(ODD),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner)
    ),
    max_leaves=15,
)
_EVENTS = st.dictionaries(st.sampled_from(KEYS), _VALUES, max_size=10)
_BODIES = st.one_of(
    _EVENTS,
    st.fixed_dictionaries(
        {"batch": st.lists(_EVENTS | _VALUES, max_size=6)},
        optional=dict.fromkeys(("sentAt", "context", "writeKey", "integrations"), _VALUES),
    ),
    _VALUES,
)


def run(size: int | None = None) -> dict[str, Any]:
    """Measure.

    Args:
        size: How many requests; 1,000,000 unless told.

    Returns:
        requests; statuses; server_errors (500 and above); unanswered (closed without an answer);
        ordinary (good events sent in between), ordinary_lost, ordinary_p99_ms and ordinary_most_ms;
        most_ms of any; memory_mb at each tenth; on_log, applied and rejected of what was taken.
    """
    count, began = size or REQUESTS, load()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        root.mkdir()
        (root / "vocative.yaml").write_text(SETTINGS)
        prepare_state(root)
        with Workspace(root) as workspace, workspace.store.read():
            key = new_source(workspace, "web").source.write_key or ""
        command = [sys.executable, "-m", "vocative", "serve", "--no-worker", "-w", str(root)]
        server = ServerProcess(command)
        server.start()
        try:
            attack = Attack(server, key, count)
            quickly(attack.run())
        finally:
            server.stop()
        kept = _kept(root)
    lost = attack.ordinary_acknowledged - kept.pop("ordinary")
    return {
        "requests": attack.sent,
        "seconds": round(attack.seconds, 1),
        "statuses": dict(sorted(attack.statuses.items())),
        "server_errors": sum(n for status, n in attack.statuses.items() if status >= 500),
        "unanswered": attack.unanswered,
        "ordinary": attack.ordinary,
        "ordinary_lost": attack.ordinary - attack.ordinary_acknowledged + lost,
        "ordinary_p99_ms": percentile(attack.ordinary_seconds, 0.99),
        "ordinary_most_ms": percentile(attack.ordinary_seconds, 1.0),
        "most_ms": round(attack.slowest * 1_000, 1),
        "memory_mb": attack.memory,
        **kept,
        "load_before": began,
    }


def _kept(root: Path) -> dict[str, int]:
    """What came of everything that was taken in: it must all be applied or counted as refused."""
    with Workspace(root) as workspace:
        on_log = workspace.log.waiting(0)
        report = apply_log(workspace)
        with workspace.engine() as engine:
            (found,) = engine.rows("SELECT count(*) AS n FROM events WHERE name = 'Ordinary'", {})
    if report.events != on_log:
        raise RuntimeError("events were lost when the log was applied")
    return {
        "ordinary": int(found["n"]),
        "on_log": on_log,
        "applied": report.applied,
        "duplicates": report.duplicates,
        "rejected": sum(report.rejected.values()),
    }


class Attack:
    """Sends everything, and notes what comes back."""

    def __init__(self, server: ServerProcess, write_key: str, count: int) -> None:
        self._server = server
        self._count = count
        self._corpus = _drawn(CORPUS)
        self._basic = b"Authorization: Basic " + base64.b64encode(f"{write_key}:".encode())
        self._dice = random.Random(SEED)
        self.sent = self.unanswered = self.ordinary = self.ordinary_acknowledged = 0
        self.statuses: Counter[int] = Counter()
        self.ordinary_seconds: list[float] = []
        self.slowest = self.seconds = 0.0
        self.memory: list[float] = []

    async def run(self) -> None:
        """Send until all are sent."""
        began = time.perf_counter()
        over = asyncio.Event()
        slow = [asyncio.create_task(self._crawl(over)) for _ in range(SLOW_CLIENTS)]
        await asyncio.gather(*(self._send_on() for _ in range(CONNECTIONS)))
        self.seconds = time.perf_counter() - began
        over.set()
        await asyncio.gather(*slow)

    async def _send_on(self) -> None:
        connection: Connection | None = None
        while self.sent < self._count:
            number = self.sent
            self.sent += 1
            if number % (self._count // 10) == 0:
                self.memory.append(self._server.memory_mb())
            ordinary = number % ORDINARY_EACH == 0
            request = self._ordinary(number) if ordinary else self._spoilt(number)
            self.ordinary += ordinary
            connection = connection or await Connection.open(self._server.port)
            began = time.perf_counter()
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    status, goes_on = await connection.exchange(request)
            except (OSError, EOFError):
                self.unanswered += 1
                connection = None
                continue
            seconds = time.perf_counter() - began
            self.slowest = max(self.slowest, seconds)
            self.statuses[status] += 1
            if ordinary:
                self.ordinary_acknowledged += status == 200
                self.ordinary_seconds.append(seconds)
            if not goes_on:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()

    async def _crawl(self, over: asyncio.Event) -> None:
        """A client that sends a byte now and then, and never the last one."""
        while not over.is_set():
            reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
            writer.write(posted(b"/v1/batch", b"x" * 1_000, self._basic)[:-900])
            while not over.is_set() and not reader.at_eof():
                writer.write(b"x")
                try:
                    await asyncio.wait_for(reader.read(1_000), 0.5)
                    break
                except TimeoutError:
                    continue
                except OSError:
                    break
            writer.close()

    def _ordinary(self, number: int) -> bytes:
        body = json.dumps(
            {"event": "Ordinary", "messageId": f"ordinary-{number}", "userId": f"u{number % 500}"}
        )
        return posted(b"/v1/track", body.encode(), self._basic)

    def _spoilt(self, number: int) -> bytes:
        dice = self._dice
        if number % HUGE_EACH == 1:
            body = b'{"batch":[' + b'{"event":"x"},' * 700_000 + b"{}]}"
        else:
            body = self._spoil(dice.choice(self._corpus))
        headers = [b"Content-Type: application/json"]
        if dice.random() < 0.9:
            headers.append(self._basic)
        if dice.random() < 0.1:
            body = self._packed(body)
            headers.append(b"Content-Encoding: gzip")
        elif dice.random() < 0.02:
            headers.append(b"Content-Encoding: " + dice.choice((b"br", b"gzip", b"x" * 500)))
        if dice.random() < 0.02:
            headers.append(b"Authorization: Basic " + bytes(dice.choices(b"AZaz=:%+/", k=20)))
        return posted(dice.choice(PATHS).encode(), body, *headers)

    def _packed(self, body: bytes) -> bytes:
        dice = self._dice
        if dice.random() < 0.01:
            return gzip.compress(b" " * 30_000_000, 9)
        packed = bytearray(gzip.compress(body, 1))
        if dice.random() < 0.6:
            packed[dice.randrange(len(packed))] ^= 1 << dice.randrange(8)
        return bytes(
            packed[: dice.randrange(1, len(packed) + 1)] if dice.random() < 0.3 else packed
        )

    def _spoil(self, body: bytes) -> bytes:
        dice = self._dice
        for _ in range(dice.choice((0, 1, 1, 2, 5))):
            at = dice.randrange(len(body) + 1)
            kind = dice.randrange(7)
            if kind == 0 and body:
                spoilt = bytearray(body)
                spoilt[min(at, len(body) - 1)] ^= 1 << dice.randrange(8)
                body = bytes(spoilt)
            elif kind == 1:
                body = body[:at]
            elif kind == 2:
                body = body[:at] + body[at : at + dice.randrange(200)] * 2 + body[at:]
            elif kind == 3:
                body = body[:at] + bytes(dice.choices(b'{}[]",:\\\x00\xff0eE+-.', k=4)) + body[at:]
            elif kind == 4:
                depth = dice.choice((5, 300, 3_000))
                body = b'{"batch":[' + b"[" * depth + body + b"]" * depth + b"]}"
            elif kind == 5:
                body = body[:at] + json.dumps(dice.choice(ODD)).encode() + body[at:]
            else:
                body = re.sub(rb"\d+", b"9" * dice.randrange(1, 400), body, count=1)
        return body


def _drawn(count: int) -> list[bytes]:
    """Bodies drawn by Hypothesis, the same in every run."""
    found: list[bytes] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(_BODIES)
    def draw(body: Any) -> None:
        found.append(json.dumps(body).encode())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        draw()
    return found
