"""Does whoever is told of a change find the person as the event that caused it left them?

In: nothing. Pairs of events come in: a trait is set to a number, then something happens that
brings the same number. Each of the two makes the person enter a segment of that number. A reader
in another process than the worker follows the list of changes. With each change it reads the
person: the trait, the memberships and, of some of them, the features. Nothing may be older than
the event behind the change: that would be a stale read.
"""

import json
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from _live import Child, load, working
from vocative.segment import Plan, build_plan
from vocative.segment.live.reading import features_now
from vocative.stores import in_lists
from vocative.workspace import Workspace, prepare_state

PAIRS = 100_000
PEOPLE = 5_000
FEATURES_EVERY = 100
"""Of so many changes one is also checked by the features of its person."""
PATIENCE_SECONDS = 60
"""How long the reader waits for the next change before it gives up."""
SETTINGS = (
    "{workspace: pairs, sender: {email: hello@shop.example, name: The Shop},"
    " postal_address: 1 High Street}\n"
)
FILES = {
    "vocative.yaml": SETTINGS,
    "traits.yaml": "level: {}\n",
    "features/all.yaml": (
        "turn: {last: properties.turn, of: Ping}\n"
        "pings: {count: Ping}\n"
        "pings_1h: {count: Ping, window: 1h}\n"
    ),
    "segments/all.yaml": "by_level: {by: level}\nby_turn: {by: turn}\n",
}
Change = tuple[int, str, str, str]
"""(place in the list, person id, segment, entered or exited)."""


def prepare(root: Path) -> None:
    """Make the workspace."""
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    prepare_state(root)
    with Workspace(root) as workspace, workspace.store.read():
        pass  # it has its tables


class Reader:
    """Follows the changes, and looks at the person of each at the moment it becomes visible."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._plan: Plan = build_plan(workspace)
        self._last = 0
        self.entered: Counter[str] = Counter()
        """How many entered by their trait and how many by what happened."""
        self.reads = Counter[str]()
        self.stale = Counter[str]()

    def read(self) -> int:
        """Read what has come; how many changes."""
        with self._workspace.store.read() as tx:
            changes: list[Change] = tx.tuples(
                "SELECT seq, person_id, segment, change FROM membership_changes"
                " WHERE seq > :last ORDER BY seq LIMIT 500",
                {"last": self._last},
            )
            # In the same transaction: nobody can see the change earlier.
            people = sorted({change[1] for change in changes})
            traits, inside = self._people(tx, people)
        for change in changes:
            self._look(change, traits, inside)
        if changes:
            self._last = changes[-1][0]
        return len(changes)

    def _people(self, tx: Any, people: Sequence[str]) -> tuple[dict[str, int], dict[str, set[str]]]:
        traits: dict[str, int] = {}
        inside: dict[str, set[str]] = {person_id: set() for person_id in people}
        for marks, bound in in_lists(people):
            found = tx.tuples(
                f"SELECT person_id, traits FROM profiles WHERE person_id IN ({marks})", bound
            )
            traits.update((one, int(json.loads(stated).get("level", 0))) for one, stated in found)
            found = tx.tuples(
                "SELECT person_id, segment FROM memberships"
                f" WHERE until_at IS NULL AND person_id IN ({marks})",
                bound,
            )
            for person_id, segment in found:
                inside[person_id].add(segment)
        return traits, inside

    def _look(self, change: Change, traits: dict[str, int], inside: dict[str, set[str]]) -> None:
        seq, person_id, segment, direction = change
        if direction != "entered":
            return
        kind, _, told = segment.partition(":")
        turn = int(told)
        self.entered[kind] += 1
        # What happens comes after the trait was set, so the trait is as new in both cases.
        self._count("trait", stale=traits.get(person_id, 0) < turn)
        newest = max(
            (int(one.split(":")[1]) for one in inside[person_id] if kind in one), default=0
        )
        self._count("membership", stale=newest < turn)
        if kind == "by_turn" and seq % FEATURES_EVERY < 2:
            found = features_now(self._workspace, self._plan, person_id)
            here = found is not None and int(found["turn"] or 0) >= turn <= found["pings"]
            self._count("feature", stale=not here)

    def _count(self, what: str, *, stale: bool) -> None:
        self.reads[what] += 1
        self.stale[what] += stale


def run(size: int | None = None) -> dict[str, Any]:
    """Count stale reads.

    Args:
        size: How many pairs; 100,000 unless told.

    Returns:
        pairs; stale (reads that were older than the event behind the change); changes (people who
        entered, two per pair) and missing (pairs without one of them); reads and stale reads by
        what was read; seconds.
    """
    pairs, began = size or PAIRS, load()
    people = min(PEOPLE, max(pairs // 2, 1))
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        prepare(root)
        started = time.monotonic()
        with Workspace(root) as workspace, working(root):
            reader = Reader(workspace)
            producer = Child(root, "pairs", people=people, count=pairs)
            patience = time.monotonic() + PATIENCE_SECONDS
            while reader.entered.total() < 2 * pairs and time.monotonic() < patience:
                if reader.read():
                    patience = time.monotonic() + PATIENCE_SECONDS
                else:
                    time.sleep(0.002)
            producer.answer()
        seconds = time.monotonic() - started
        with closing(sqlite3.connect(root / ".vocative" / "store.db")) as store:
            steps = store.execute("SELECT count(*) FROM history_tail").fetchone()[0]
    return {
        "pairs": pairs,
        "stale": reader.stale.total(),
        "changes": reader.entered.total(),
        "missing": sum(max(0, pairs - reader.entered[kind]) for kind in ("by_level", "by_turn")),
        "reads": dict(reader.reads),
        "stale_reads": dict(reader.stale),
        "micro_batches": steps,
        "seconds": round(seconds, 1),
        "load_before": began,
        "load_after": load(),
    }
