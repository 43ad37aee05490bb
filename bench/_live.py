"""What the benchmarks of live segments share: a shop with a past, its worker, and who watches it.

The worker is the real one, in a process of its own as `vocative serve` starts it. Events come from
another process (`_live_children.py`). Whoever measures only reads what the worker committed.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from _shop import NOW, draw, history_tables, items_table, people_table, write_workspace
from vocative.clock import to_micros
from vocative.ids import person_id_for
from vocative.segment import advance
from vocative.workspace import Workspace

CHILDREN = Path(__file__).with_name("_live_children.py")
KNOWN_PROBES = 2_000
"""People who are there from the start to be changed by probes."""
TICK_SECONDS = 0.005
"""How often the watcher looks; by so much, at most, it is late."""
Change = tuple[str, str, str]
"""(person id, segment, entered or exited)."""


def stock(root: Path, *, people: int, events: int) -> dict[str, Any]:
    """Make the shop's workspace with a year's history until now and live state of everybody.

    Returns:
        people, history_events, features, segments, and what building everybody took.
    """
    write_workspace(root)
    with Workspace(root) as workspace:
        ids = _write_people(workspace, people)
        _write_history(workspace, ids, people, events)
        _write_items(workspace)
        began, used = time.perf_counter(), time.process_time()
        report = advance(workspace)
        seconds, used = time.perf_counter() - began, time.process_time() - used
        # What was made is on the disk before anything is measured.
        os.sync()
        features, segments = (len(workspace.definitions(kind)) for kind in ("feature", "segment"))
    return {
        "features": features,
        "segments": segments,
        "people": people,
        "history_events": events,
        "build_people_per_second": round(report.built / seconds),
        "build_cpu_microseconds_per_event": round(used / events * 1e6, 1),
    }


def _write_people(workspace: Workspace, people: int) -> list[str]:
    table = people_table(people).drop_columns(["person_id", "local_zone", "first_seen_at"])
    table = table.set_column(
        table.column_names.index("birthday"), "birthday", table["birthday"].cast(pa.string())
    )
    traits = [
        {name: value for name, value in row.items() if value is not None}
        for row in table.to_pylist()
    ]
    known = {"country": "Spain", "email_domain": "mail.example"}
    named = [(f"u{number}", stated) for number, stated in enumerate(traits)]
    named += [(f"k{number}", known) for number in range(KNOWN_PROBES)]
    now = to_micros(workspace.clock.now())
    lookup, hashed = workspace.key.lookup, workspace.vault.lookup_hash
    profiles, identities = [], []
    for number, (name, stated) in enumerate(named):
        person_id = person_id_for(lookup, "user_id", name)
        seen = now - (number * 7_919 % 730 + 1) * 86_400 * 10**6
        profiles.append((person_id, seen, seen, json.dumps(stated)))
        identities.append(("user_id", hashed("user_id", name), person_id, seen))
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits)"
            " VALUES (:person_id, :first, :updated, :traits)",
            profiles,
        )
        tx.run(
            "INSERT INTO identities (namespace, value_hash, person_id, first_seen_at)"
            " VALUES (:namespace, :value_hash, :person_id, :seen)",
            identities,
        )
    return [row[0] for row in profiles[:people]]


def _write_history(workspace: Workspace, ids: list[str], people: int, events: int) -> None:
    # What the shop calls now is the machine's now; the past lies before the log's first position.
    shift = to_micros(workspace.clock.now()) - to_micros(NOW)
    for part in draw(people, events):
        moved = replace(part, at=part.at + shift)
        for relation, table in history_tables(moved, pa.array(ids)).items():
            zeros = pa.array(np.zeros(table.num_rows, np.int64))
            place = table.column_names.index("position")
            with workspace.store.transaction() as tx:
                workspace.history.append(
                    tx,
                    relation,
                    table.set_column(place, "position", zeros),
                    first=part.number - 1_000,
                    last=part.number - 1_000,
                )


def _write_items(workspace: Workspace) -> None:
    rows = items_table().to_pylist()
    names = list(rows[0])
    now = to_micros(workspace.clock.now())
    with workspace.store.transaction() as tx:
        tx.run(
            f"INSERT INTO items ({', '.join(names)}, updated_at)"
            f" VALUES ({', '.join(':' + name for name in names)}, :updated_at)",
            [{**row, "active": 1, "updated_at": now} for row in rows],
        )


class Worker:
    """The live worker of a workspace, and what the system says of its processes.

    It has a second one while it catches up with a long backlog; figures are of both.
    """

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-m", "vocative.cli.worker", str(root), str(os.getpid())]
        self._process = subprocess.Popen(command)
        self.pid = self._process.pid

    def cpu_seconds(self) -> float:
        """Processor time used so far, also by those of its processes that have ended."""
        ticks = 0
        for pid in self._processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15] if pid == self.pid else fields[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")

    def waited_seconds(self) -> float:
        """How long its threads were ready to run and had no processor: the machine was busy."""
        waited = 0
        for thread in Path(f"/proc/{self.pid}/task").iterdir():
            waited += int((thread / "schedstat").read_text().split()[1])
        return waited / 1e9

    def memory_mb(self, what: str = "VmRSS") -> float:
        """Resident memory now, or the most there ever was (VmHWM) of each process there is."""
        kilobytes = 0
        for pid in self._processes():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(what + ":"):
                    kilobytes += int(line.split()[1])
        return round(kilobytes / 1_024, 1)

    def _processes(self) -> list[int]:
        found = [self.pid]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                if int(stat.read_text().rpartition(")")[2].split()[1]) == self.pid:
                    found.append(int(stat.parent.name))
        return found

    def stop(self) -> None:
        """Let it finish its transaction and end."""
        self._process.terminate()
        if self._process.wait(timeout=60) != 0:
            raise RuntimeError("the worker failed; its error is above")

    def kill(self) -> None:
        """End it at once, wherever it is; RuntimeError when it had ended by itself."""
        self._process.send_signal(signal.SIGKILL)
        if self._process.wait() != -signal.SIGKILL:
            raise RuntimeError("the worker had ended before it was killed")


@contextmanager
def working(root: Path) -> Iterator[Worker]:
    """A worker that runs in the meantime."""
    worker = Worker(root)
    try:
        yield worker
    except BaseException:
        worker.kill()
        raise
    worker.stop()


@dataclass
class Watcher:
    """Reads membership changes and the worker's progress as any other process may."""

    root: Path
    segments: tuple[str, ...] = ()
    """Whose changes are noted, with the moment when they were seen; families by their names."""
    seen: list[tuple[float, Change]] = field(default_factory=list)

    def __post_init__(self) -> None:
        state = self.root / ".vocative"
        self._store = sqlite3.connect(f"file:{state / 'store.db'}?mode=ro", uri=True, timeout=60)
        self._log = sqlite3.connect(f"file:{state / 'log.db'}?mode=ro", uri=True, timeout=60)
        found = self._store.execute("SELECT max(seq) FROM membership_changes").fetchone()[0]
        self._last = found or 0
        self._version = -1
        self._looked = time.monotonic()
        self.late = 0.0
        """The most seconds between two looks."""

    def look(self) -> None:
        """Note the changes that have come since."""
        before, self._looked = self._looked, time.monotonic()
        self.late = max(self.late, self._looked - before)
        version = self._store.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return
        self._version = version
        rows = self._store.execute(
            "SELECT seq, person_id, segment, change FROM membership_changes WHERE seq > ?",
            (self._last,),
        ).fetchall()
        now = time.monotonic()
        if rows:
            self._last = rows[-1][0]
        self.seen += [(now, row[1:]) for row in rows if row[2].partition(":")[0] in self.segments]

    def offset(self) -> int:
        """Up to which position of the log memberships have followed."""
        found = self._store.execute("SELECT value FROM live_plan WHERE name = 'last'").fetchone()
        return int(json.loads(found[0])["position"]) if found else 0

    def backlog(self) -> int:
        """How many events memberships have not followed."""
        found = self._log.execute(
            "SELECT sum(event_count) FROM batches WHERE position > ?", (self.offset(),)
        ).fetchone()[0]
        return int(found or 0)

    def until(self, done: Callable[[], bool], *, seconds: float) -> bool:
        """Watch until something holds or the time is over; whether it holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look()
            if done():
                return True
            time.sleep(TICK_SECONDS)
        return done()

    def close(self) -> None:
        """Close both files."""
        self._store.close()
        self._log.close()


class Child:
    """A process of `_live_children.py`, which has begun its work."""

    def __init__(self, root: Path, work: str, **settings: Any) -> None:
        # Its answer may be longer than a pipe holds, and nobody reads it before the end.
        self._answer = root / f"answer-{uuid.uuid4().hex}.json"
        order = json.dumps(
            {"work": work, "answer": str(self._answer), "root": str(root), **settings}
        )
        self._process = subprocess.Popen(
            [sys.executable, str(CHILDREN), order], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("the process failed; its error is above")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def answer(self) -> Any:
        """What it found; waits for its end."""
        self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError("the process failed; its error is above")
        return json.loads(self._answer.read_bytes())


def percentile(values: list[float], share: float) -> float | None:
    """The value below which a share of them lies, in milliseconds from seconds."""
    return round(float(np.quantile(values, share)) * 1_000, 1) if values else None


def load() -> float:
    """How many processes of the whole machine wanted a processor, of late."""
    return round(os.getloadavg()[0], 1)
