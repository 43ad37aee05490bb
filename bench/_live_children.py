"""What runs beside a live worker in processes of its own.

`produce` appends the shop's events at a rate, with probes among them; `put` appends many at once;
`pairs` sets a trait and lets something happen; `steps` applies the log in micro-batches of several
sizes. The order comes as JSON on the command line; "ready" is printed when work begins; what was
found goes as JSON into a file that the order names.
"""

import gc
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from _live import KNOWN_PROBES
from _shop import Slice, draw, raw_events
from vocative.collect.door import accept
from vocative.ids import person_id_for
from vocative.segment.live.runner import LiveRunner
from vocative.workspace import Workspace

BATCHES_PER_SECOND = 50
PAIRS_AT_ONCE = 50
SLICE_EVENTS = 20_000
PROBES_LATER = 200
"""So many probes later somebody who came anew is changed once more."""
DRAWN = 10**10
"""Events of the draw: so many that a slice of it lasts a moment."""


def shop_events(people: int, rate: float, start: float, *, skip: int = 0) -> Iterator[bytes]:
    """Events without end: the n-th happens n / rate seconds after a start (Unix time).

    With `skip` other ones: those after so many slices of the draw.

    Neighbours in the stream are about different people, as when many are there at once, and
    somebody comes at every moment: a visit lies anywhere in the time of two slices of the draw.
    """
    sent = 0
    later: dict[str, np.ndarray] = {}
    for part in islice(draw(people, DRAWN, slice_rows=SLICE_EVENTS), skip, None):
        rng = np.random.default_rng(part.number)
        columns = {
            name: value
            for name, value in vars(part).items()
            if isinstance(value, np.ndarray) and name != "at"
        }
        begins = part.number + rng.random(people)
        columns["when"] = begins[part.person] + rng.random(len(part.at))
        for name, value in later.items():
            columns[name] = np.concatenate([value, columns[name]])
        order = np.argsort(columns["when"])
        due = int(np.searchsorted(columns["when"][order], part.number + 1))
        later = {name: value[order[due:]] for name, value in columns.items()}
        at = (start + (sent + np.arange(due)) / rate) * 1e6
        now = {name: value[order[:due]] for name, value in columns.items() if name != "when"}
        yield from raw_events(Slice(number=part.number, at=at.astype(np.int64), **now))
        sent += due


class Probes:
    """Events that make somebody enter or leave a segment, and what is to be seen of each.

    One of four makes a new person, one changes a trait of somebody who was there all the time,
    two let those who came a while ago order and be refunded.
    """

    def __init__(self, key: bytes, source: str) -> None:
        self._key = key
        self._source = source
        self._made = 0

    def take(self, count: int, stamp: str) -> list[tuple[bytes, tuple[str, str, str]]]:
        """The next events, with (person id, segment, change)."""
        return [self._next(stamp) for _ in range(count)]

    def _next(self, stamp: str) -> tuple[bytes, tuple[str, str, str]]:
        number = self._made
        self._made += 1
        kind = number % 4
        # Who came as number n orders as number n + 202 and is refunded as number n + 403.
        who = number - kind - (kind - 1) * PROBES_LATER
        if kind == 1 or who < 0:
            country = f"{self._source} {number // KNOWN_PROBES}"
            body = {"type": "identify", "traits": {"country": country}}
            user = f"k{number % KNOWN_PROBES}"
            return self._event(number, stamp, user, body, f"in_country:{country}", "entered")
        user = f"{self._source} {who if kind else number}"
        if kind == 0:
            viewed = {"type": "track", "event": "Product Viewed", "properties": {"price": 5}}
            return self._event(number, stamp, user, viewed, "never_bought", "entered")
        if kind == 2:
            properties = {"product_id": "i00001", "revenue": 20.0}
            body = {"type": "track", "event": "Order Completed", "properties": properties}
            return self._event(number, stamp, user, body, "never_bought", "exited")
        body = {"type": "track", "event": "Order Refunded", "properties": {"revenue": 20.0}}
        return self._event(number, stamp, user, body, "refunded_most", "entered")

    def _event(
        self, number: int, stamp: str, who: str, body: dict[str, Any], segment: str, change: str
    ) -> tuple[bytes, tuple[str, str, str]]:
        event = {"messageId": f"probe-{number}", "timestamp": stamp, "userId": who, **body}
        person_id = person_id_for(self._key, "user_id", who)
        return json.dumps(event).encode(), (person_id, segment, change)


def produce(
    root: str,
    *,
    people: int,
    rate: int,
    seconds: float,
    probes: int,
    source: str,
    robots: dict[str, int],
) -> dict[str, Any]:
    """Append events at a rate; when falling behind, larger batches make up for it.

    Args:
        root: The workspace.
        people: How many people the shop has.
        rate: Events per second.
        seconds: For how long.
        probes: How many of them more are probes, per second.
        source: Where they come from.
        robots: Users of whom each looks at so many products a second more.

    Returns:
        sent; late_seconds (the most by which an append ended after its time); cpu_seconds; probes:
        [moment when the append had returned (monotonic), person id, segment, change].
    """
    with Workspace(Path(root)) as workspace:
        workspace.log.last_position()
        probe, told = Probes(workspace.key.lookup, source), []
        start_unix, start = time.time(), time.monotonic()
        events = shop_events(people, rate, start_unix)
        sent, probed, late, tick = 0, 0, 0.0, 0
        print("ready", flush=True)
        began_cpu = time.process_time()
        while (now := time.monotonic() - start) < seconds:
            tick = max(tick + 1, int(now * BATCHES_PER_SECOND))
            due = tick / BATCHES_PER_SECOND
            # Made before it is due, so that the time of making it delays nothing.
            batch = list(islice(events, int(due * rate) - sent))
            stamp = datetime.fromtimestamp(start_unix + due, UTC).isoformat()
            mine = probe.take(int(due * probes) - probed, stamp)
            time.sleep(max(0.0, start + due - time.monotonic()))
            for user, speed in robots.items():
                begin = int((due - 1 / BATCHES_PER_SECOND) * speed)
                batch += _robot(user, range(begin, int(due * speed)), stamp)
            accept(workspace, [*batch, *(event for event, _ in mine)], source=source)
            accepted = time.monotonic()
            told += [(accepted, *expected) for _, expected in mine]
            sent, probed = int(due * rate), probed + len(mine)
            late = max(late, accepted - start - due)
        return {
            "sent": sent + probed,
            "seconds": round(time.monotonic() - start, 3),
            "late_seconds": round(late, 3),
            "cpu_seconds": round(time.process_time() - began_cpu, 2),
            "probes": told,
        }


def _robot(user: str, numbers: range, stamp: str) -> list[bytes]:
    return [
        json.dumps(
            {
                "type": "track",
                "event": "Product Viewed",
                "messageId": f"{user}-{number}",
                "userId": user,
                "timestamp": stamp,
                "properties": {"product_id": f"i{number % 300:05d}", "price": number % 90},
            }
        ).encode()
        for number in numbers
    ]


def put(
    root: str, *, people: int, count: int, batch: int, source: str, skip: int
) -> dict[str, Any]:
    """Put many events on the log at once, as many per append as told."""
    print("ready", flush=True)
    with Workspace(Path(root)) as workspace:
        events = shop_events(people, 10**6, time.time() - count / 10**6, skip=skip)
        for at in range(0, count, batch):
            accept(workspace, list(islice(events, min(batch, count - at))), source=source)
    return {"sent": count}


def steps(root: str, *, people: int, sizes: dict[str, int], batch: int) -> list[dict[str, Any]]:
    """Apply and fold in steps of several sizes, with one runner that knows most of the people.

    Args:
        root: The workspace.
        people: How many people the shop has.
        sizes: Events per step → how many events to take in that way.
        batch: Events per append.
    """
    print("ready", flush=True)
    found = []
    gc.disable()
    with Workspace(Path(root)) as workspace:
        runner = LiveRunner(workspace)
        runner.refresh()
        events = shop_events(people, 10**6, time.time() - 1, skip=200)
        for size, count in sizes.items():
            for _ in range(0, count, batch):
                raw = list(islice(events, min(batch, int(size))))
                accept(workspace, raw, source="steps")
            gc.collect()  # as the worker does
            gc.freeze()
            wall, cpu, done, number = time.perf_counter(), time.process_time(), 0, 0
            while (report := runner.step(int(size))) is not None:
                done, number = done + report.events, number + 1
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            workspace.store.tidy()  # which the worker does beside
            found.append(
                {
                    "batch": int(size),
                    "steps": number,
                    "events_per_second": round(done / wall),
                    "microseconds_per_event": round(wall / done * 1e6, 1),
                    "cpu_microseconds_per_event": round(cpu / done * 1e6, 1),
                }
            )
    return found


def pairs(root: str, *, people: int, count: int) -> dict[str, Any]:
    """Append pairs of events: a trait is set to a number, then something happens with it.

    Both are in one append, or in two. Nobody has two pairs on their way at once.
    """
    print("ready", flush=True)
    with Workspace(Path(root)) as workspace:
        for begin in range(0, count, PAIRS_AT_ONCE):
            chosen = range(begin, min(begin + PAIRS_AT_ONCE, count))
            stamp = datetime.now(UTC).isoformat()
            traits, pings = zip(*(_pair(number, people, stamp) for number in chosen), strict=True)
            if begin // PAIRS_AT_ONCE % 2:
                accept(workspace, [*traits, *pings], source="pairs")
            else:
                accept(workspace, traits, source="pairs")
                accept(workspace, pings, source="pairs")
            _let_the_worker_follow(workspace, most=min(people // 2, 300))
    return {"pairs": count}


def _pair(number: int, people: int, stamp: str) -> tuple[bytes, bytes]:
    turn = str(number // people + 1)
    who = {"userId": f"u{number % people}", "timestamp": stamp}
    return (
        json.dumps(
            {"type": "identify", "messageId": f"i{number}", "traits": {"level": turn}, **who}
        ).encode(),
        json.dumps(
            {
                "type": "track",
                "event": "Ping",
                "messageId": f"p{number}",
                "properties": {"turn": turn},
                **who,
            }
        ).encode(),
    )


def _let_the_worker_follow(workspace: Workspace, *, most: int) -> None:
    """Wait until only so many events are on their way."""
    while True:
        with workspace.store.read() as tx:
            offset = int(tx.value("SELECT max(position) FROM stream_offsets") or 0)
        if workspace.log.waiting(offset) <= most:
            return
        time.sleep(0.002)


if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    known = {"produce": produce, "put": put, "steps": steps, "pairs": pairs}
    work = known[order.pop("work")]
    answer = Path(order.pop("answer"))
    answer.write_text(json.dumps(work(**order)))  # type: ignore[operator]
