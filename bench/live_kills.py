"""Does the live worker keep every change of a membership once, when it is killed again and again?

In: nothing. Events of some thousand people come in all the time: late ones, doubled ones, some
that lie in the future, people who turn out to be one. Windows are seconds long, so that time alone
changes much, and definitions change now and then. The worker is killed with SIGKILL at random
moments, a hundred times, and started again. Then everything must be as if nobody had disturbed it:
the list of changes (entered, exited, entered, …), the intervals it tells of, what SQL over history
says, and what a worker makes of the same log that was never killed.

The worker is forked from a process that has its modules loaded already, so that time goes into
work, not into imports.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.segment import advance, recompute
from vocative.workspace import Workspace, prepare_state

KILLS = 100
PEOPLE = 1_500
ACTIVE = 250
"""So many of them do something while the worker is killed."""
RATE = 400
TICK_SECONDS = 0.02
REDEFINE_EVERY = 4
"""Kills from one change of the definitions to the next."""
SETTINGS = (
    "{workspace: kills, sender: {email: hello@shop.example, name: The Shop},"
    " postal_address: 1 High Street}\n"
)
TRAITS = "tier: {}\npoints: {type: number}\n"
FEATURES = """\
views: {count: View}
views_2s: {count: View, window: 2s}
views_5s: {count: View, window: 5s}
spent: {sum: revenue, of: Order}
spent_4s: {sum: revenue, of: Order, window: 4s}
last_view_at: {last: at, of: View}
last_3: {avg: price, of: View, window: last 3}
left_at: {sequence: [Cart, {no: Order, within: 1s}], window: 4s}
heat: {points: {View: 1, Cart: 3}, half_life: 2s}
"""
SEGMENTS = """\
here: {where: "views_2s > 0"}
busy: {where: "views_5s >= 3"}
quiet: {where: "last_view_at < now() - interval '3 seconds'"}
leavers: {where: "left_at is not null"}
buyers: {where: "spent > 0"}
buying: {where: "spent_4s > 20"}
dear: {where: "last_3 > 50"}
hot: {where: "heat > 2"}
hot_buyers: {where: "in_segment('hot') and in_segment('buyers')"}
rich: {where: "points > 50"}
in_tier: {by: tier}
"""


class Nursery:
    """Forks workers from a process that has everything imported."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--nursery", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._orders: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout

    def start(self) -> int:
        """Start a worker; its process id."""
        self._orders.write(b"work\n")
        self._orders.flush()
        return int(self._answers.readline())

    def kill(self, pid: int) -> None:
        """Kill it; RuntimeError when it had ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if (ended := int(self._answers.readline())) != -signal.SIGKILL:
            raise RuntimeError(f"the worker had ended by itself: {ended}")

    def close(self) -> None:
        """No more workers."""
        self._orders.close()
        self._process.wait(timeout=10)
        self._answers.close()


def nursery(root: str) -> None:
    """Fork a worker for every order on stdin; print its pid, then how it ended."""
    import duckdb  # noqa: F401
    import pyarrow.dataset  # noqa: F401

    from vocative.cli import worker

    sys.argv = ["worker", root, str(os.getpid())]
    for _ in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            status = 1
            try:
                worker.main()
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        print(child, flush=True)
        _, ended = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(ended), flush=True)


class Crowd:
    """What the active people do; the same seed gives the same people, not the same instants."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._made: list[bytes] = []

    def everybody(self) -> list[dict[str, Any]]:
        """One event per person, so that everybody is there from the start."""
        begin = datetime.now(UTC) - timedelta(days=1)
        return [
            {
                "type": "track",
                "event": "View",
                "messageId": f"first-{number}",
                "userId": f"u{number}",
                "timestamp": (begin + timedelta(seconds=number)).isoformat(),
                "properties": {"price": number % 90},
            }
            for number in range(PEOPLE)
        ]

    def next(self) -> bytes:
        """Something happens now, happened a while ago, or is sent a second time."""
        dice = self._dice
        if self._made and dice.random() < 0.05:
            return dice.choice(self._made[-500:])
        event = self._event(dice, len(self._made))
        self._made.append(json.dumps(event).encode())
        return self._made[-1]

    def _event(self, dice: random.Random, number: int) -> dict[str, Any]:
        moved = dice.choices((0, -3, -20, 1.5), (80, 10, 5, 5))[0] * dice.random()
        at = datetime.now(UTC) + timedelta(seconds=moved)
        event: dict[str, Any] = {
            "messageId": f"{id(self)}-{number}",
            "timestamp": at.isoformat(),
        }
        who = dice.randrange(ACTIVE)
        if dice.random() < 0.2:
            event["anonymousId"] = f"a{dice.randrange(3 * ACTIVE)}"
        if "anonymousId" not in event or dice.random() < 0.1:
            event["userId"] = f"u{who}"
        kind = dice.choices(("View", "Cart", "Order", "identify"), (55, 15, 15, 15))[0]
        if kind == "identify":
            traits = {"tier": dice.choice(("red", "blue", None)), "points": dice.randrange(100)}
            if dice.random() < 0.05:
                traits["email"] = f"{dice.randrange(ACTIVE)}@shop.example"
            return {**event, "type": "identify", "traits": traits}
        properties = {"price": dice.randrange(100), "revenue": dice.randrange(40)}
        return {**event, "type": "track", "event": kind, "properties": properties}


class Load:
    """Puts events on the log, all the time, in a thread of this process."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self._failed: BaseException | None = None
        self.sent = 0
        self._thread.start()

    def _work(self) -> None:
        crowd = Crowd(7)
        try:
            with Workspace(self._root) as workspace:
                while not self._over.wait(TICK_SECONDS):
                    batch = [crowd.next() for _ in range(int(RATE * TICK_SECONDS))]
                    accept(workspace, batch, source="shop")
                    self.sent += len(batch)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            self._failed = error

    def stop(self) -> None:
        """End it."""
        self._over.set()
        self._thread.join()
        if self._failed is not None:
            raise self._failed


class Reader:
    """Follows the list of changes as a trigger does, and looks how far the worker is."""

    def __init__(self, root: Path) -> None:
        path = root / ".vocative" / "store.db"
        self._store = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)
        self.read: list[tuple[Any, ...]] = []

    def follow(self) -> None:
        """Read the changes after the last one that was read."""
        after = self.read[-1][0] if self.read else 0
        self.read += self._store.execute(f"{_CHANGES} WHERE seq > ? ORDER BY seq", (after,))

    def everything(self) -> list[tuple[Any, ...]]:
        """Every change."""
        return self._store.execute(f"{_CHANGES} ORDER BY seq").fetchall()

    def place(self) -> tuple[Any, ...]:
        """How far the log is applied and somebody is built; changes when the worker works."""
        return tuple(self._store.execute("SELECT name, value FROM live_plan ORDER BY name"))

    def building(self) -> bool:
        """Whether somebody waits for a new definition."""
        plan = dict(self.place()).get("plan")
        return plan is None or json.loads(plan)["building"] is not None

    def offset(self) -> int:
        """Up to which position the log is applied."""
        return int(self._store.execute("SELECT max(position) FROM stream_offsets").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._store.close()


_CHANGES = 'SELECT seq, person_id, segment, change, "at", cause FROM membership_changes'


def define(root: Path, turn: int) -> None:
    """Write the definitions; from turn to turn one feature and two segments are others."""
    for kind in ("features", "segments"):
        (root / kind).mkdir(exist_ok=True)
    features = FEATURES + f"lately: {{count: [View, Cart], window: {3 + turn}s}}\n"
    segments = SEGMENTS + f'lately_{turn % 3}: {{where: "lately > {turn % 2}"}}\n'
    segments += f'changing: {{where: "lately >= {turn % 4} or points > {turn}"}}\n'
    for kind, text in (("features", features), ("segments", segments)):
        new = root / f"{kind}.new"
        new.write_text(text)
        new.replace(root / kind / "all.yaml")


def prepare(root: Path) -> None:
    """Make the workspace; everybody is there, and nothing is computed yet."""
    root.mkdir()
    (root / "vocative.yaml").write_text(SETTINGS)
    (root / "traits.yaml").write_text(TRAITS)
    define(root, 0)
    prepare_state(root)
    with Workspace(root) as workspace:
        accept(workspace, Crowd(1).everybody(), source="shop")
        with workspace.store.read():
            pass  # it has its tables


def disturb(root: Path, reader: Reader, kills: int) -> dict[str, Any]:
    """Start the worker and kill it, again and again; then let it finish."""
    dice = random.Random(20_261_122)
    workers, hits = Nursery(root), Counter[str]()
    load = Load(root)
    try:
        for turn in range(kills):
            if turn % REDEFINE_EVERY == REDEFINE_EVERY - 1:
                define(root, turn)
            before = reader.place()
            pid = workers.start()
            moment = dice.random()
            if moment > 0.2:  # else it may not even have begun
                _wait(lambda before=before: reader.place() != before, seconds=30)
            if moment > 0.6:
                _wait(lambda: not reader.building(), seconds=30)
            time.sleep(dice.random() ** 2 * 0.5)
            workers.kill(pid)
            hits[_where(reader, before)] += 1
            reader.follow()
        pid = workers.start()
        _wait(lambda: not reader.building(), seconds=60)
        time.sleep(2)
    finally:
        load.stop()
    with Workspace(root) as workspace:
        last = workspace.log.last_position()
    settled = _wait(lambda: reader.offset() == last and not reader.building(), seconds=60)
    workers.kill(pid)
    workers.close()
    reader.follow()
    return {"events": load.sent, "settled": settled, "kills_hit": dict(hits.most_common())}


def _where(reader: Reader, before: tuple[Any, ...]) -> str:
    if reader.building():
        return "while a definition was built"
    return "while events came in" if reader.place() != before else "before its first commit"


def _wait(done: Any, *, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if done():
            return True
        time.sleep(0.005)
    return bool(done())


Intervals = dict[tuple[str, str, int], int | None]
"""(person id, segment, since) → until."""


def replay(changes: list[tuple[Any, ...]]) -> tuple[Intervals, int, int]:
    """The intervals that a list of changes tells of.

    Returns:
        The intervals, how many entered twice without leaving, how many left without entering.
    """
    intervals: Intervals = {}
    since: dict[tuple[str, str], int] = {}
    doubled = lost = 0
    for _, person_id, segment, change, at, _ in changes:
        key = (person_id, segment)
        if change == "entered":
            doubled += key in since
            since[key] = at
            intervals[*key, at] = None
        elif key in since:
            began = since.pop(key)
            intervals[*key, began] = max(at, began)
        else:
            lost += 1
    return intervals, doubled, lost


def kept(workspace: Workspace) -> Intervals:
    """The intervals as they are stored."""
    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT person_id, segment, since_at, until_at FROM memberships")
    return {(person_id, segment, since): until for person_id, segment, since, until in rows}


def open_of(intervals: Intervals) -> set[tuple[str, str]]:
    """Who is in which segment."""
    return {key[:2] for key, until in intervals.items() if until is None}


def undisturbed(root: Path, folder: Path, clock: FixedClock) -> set[tuple[str, str]]:
    """Who is in which segment when the same log is applied without any disturbance."""
    folder.mkdir()
    for name in ("vocative.yaml", "traits.yaml"):
        shutil.copy(root / name, folder / name)
    for kind in ("features", "segments"):
        shutil.copytree(root / kind, folder / kind)
    prepare_state(folder)
    shutil.copy(root / ".vocative" / "key", folder / ".vocative" / "key")
    with (
        contextlib.closing(sqlite3.connect(root / ".vocative" / "log.db")) as log,
        contextlib.closing(sqlite3.connect(folder / ".vocative" / "log.db")) as copy,
    ):
        log.backup(copy)
    with Workspace(folder, clock=clock) as workspace:
        advance(workspace)
        return open_of(kept(workspace))


def run(size: int | None = None) -> dict[str, Any]:
    """Kill the worker, and count.

    Args:
        size: How often; 100 times unless told.

    Returns:
        kills, events, changes, of them by time alone; lost and doubled (changes in the list,
        intervals that differ from it, memberships that SQL over history or an undisturbed run
        sees in another way); reread (changes that became others after somebody had read them);
        settled (whether the last worker had done everything), seconds and where kills hit.
    """
    kills, started = size or KILLS, time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        prepare(root)
        reader = Reader(root)
        found = disturb(root, reader, kills)
        clock = FixedClock(datetime.now(UTC) + timedelta(seconds=1))
        with Workspace(root, clock=clock) as workspace:
            differences = recompute(workspace).differences
            reader.follow()
            changes, stored = reader.everything(), kept(workspace)
        other = undisturbed(root, Path(folder) / "other", clock)
        reader.close()
    told, twice, without = replay(changes)
    here = open_of(stored)
    return {
        "kills": kills,
        "changes": len(changes),
        "changes_by_time": sum(change[5] == "time" for change in changes),
        "lost": without + len(other - here),
        "doubled": twice + len(here - other),
        "intervals_differ": len(told.items() ^ stored.items()),
        "history_differs": differences,
        "reread": len(set(reader.read) ^ set(changes)),
        **found,
        "seconds": round(time.monotonic() - started, 1),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--nursery"]:
        nursery(sys.argv[2])
    else:
        print(json.dumps(run(int(sys.argv[1]) if sys.argv[1:] else None), indent=2))
