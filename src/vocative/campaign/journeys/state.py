"""Where journeys stand in the store: versions, runs with their notes, effects that wait.

Rows come out as the values that stepping works on, and what stepping gave is written back: the run,
its notes and everything it has done in one transaction of whoever calls.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from vocative.campaign.journeys.entering import Earlier
from vocative.campaign.journeys.run import Advanced, Note, Run
from vocative.stores import Row, Transaction, in_lists, load_queries

QUERIES = load_queries(Path(__file__).parent, "state")
_read_run = msgspec.json.Decoder(Run).decode
_read_notes = msgspec.json.Decoder(list[Note]).decode


class Kept(NamedTuple):
    """A run as the store has it."""

    run: Run
    notes: list[Note]

    @property
    def is_active(self) -> bool:
        """Whether it is still on its way."""
        return self.run.state == "active"

    @property
    def as_earlier(self) -> Earlier:
        """What the re-entry rule looks at."""
        run = self.run
        return Earlier(run.key, run.entered_at, self.is_active, run.slot)

    def after(self, done: Advanced) -> "Kept":
        """The run after stepping."""
        return Kept(done.run, [*self.notes, *done.notes])


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a journey that was started."""

    journey: str
    version: int
    status: str
    """`live`, `paused` or `replaced`."""
    definition: dict[str, Any]
    started_at: int
    scanned_until: int


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """An effect outside the store that is still to be done."""

    effect_id: str
    run_id: str
    kind: str
    body: dict[str, Any]
    attempts: int = 0
    due_at: int | None = None
    error: str | None = None


def versions(tx: Transaction, journey: str | None = None) -> list[Version]:
    """Versions that were started, in their order; of one journey, or of all."""
    return [_version(row) for row in tx.rows(QUERIES["versions"], {"journey": journey})]


def _version(row: Row) -> Version:
    row["definition"] = msgspec.json.decode(row["definition"])
    return Version(**row)


def runs_of(tx: Transaction, person_ids: Sequence[str]) -> dict[str, list[Kept]]:
    """Runs by living person, the first to enter first; also those of profiles joined into them."""
    found: dict[str, list[Kept]] = {person_id: [] for person_id in person_ids}
    for marks, bound in in_lists(list(found)):
        for row in tx.rows(QUERIES["runs_of"].replace("/*ids*/", marks), bound):
            found[row["living"]].append(_kept(row))
    for runs in found.values():
        runs.sort(key=lambda one: (one.run.entered_at, one.run.run_id))
    return found


def due_people(tx: Transaction, *, at: int, of: Sequence[tuple[str, int]], most: int) -> list[str]:
    """Whom a timer concerns by an instant, the earliest first; `of` are journeys and versions."""
    found: list[str] = []
    for marks, bound in in_lists([f"{journey}.{version}" for journey, version in of]):
        sql = QUERIES["due_people"].replace("/*names*/", marks)
        found += [row[0] for row in tx.tuples(sql, {**bound, "at": at, "most": most})]
    return list(dict.fromkeys(found))


def active_runs(tx: Transaction, journey: str, *, after: str, most: int) -> list[Kept]:
    """Runs of a journey that are on their way, by id."""
    named = {"journey": journey, "after": after, "most": most}
    return [_kept(row) for row in tx.rows(QUERIES["active_runs"], named)]


def _kept(row: Row) -> Kept:
    return Kept(_read_run(row["body"]), _read_notes(row["notes"]))


def write_runs(tx: Transaction, runs: Iterable[Kept]) -> None:
    """Write runs as they are now."""
    rows = [
        {
            "run_id": one.run.run_id,
            "journey": one.run.journey,
            "version": one.run.version,
            "person_id": one.run.person_id,
            "entry_key": one.run.key,
            "state": one.run.state,
            "entered_at": one.run.entered_at,
            "wake_at": one.run.wake_at,
            "body": msgspec.json.encode(one.run).decode(),
            "notes": msgspec.json.encode(one.notes).decode(),
        }
        for one in runs
    ]
    tx.run(QUERIES["write_run"], rows)


def write_waiting(tx: Transaction, effects: Iterable[Waiting]) -> None:
    """Keep effects that are to be done; one that is there is not kept twice."""
    rows = [
        {**msgspec.structs.asdict(one), "body": msgspec.json.encode(one.body).decode()}
        for one in effects
    ]
    tx.run(QUERIES["write_effect"], rows)


def waiting(tx: Transaction, kind: str, *, at: int, most: int) -> list[Waiting]:
    """Effects of a kind that are due."""
    found = tx.rows(QUERIES["waiting"], {"kind": kind, "at": at, "most": most})
    return [Waiting(**{**row, "body": msgspec.json.decode(row["body"])}) for row in found]


def done(tx: Transaction, effect_ids: Sequence[str]) -> None:
    """Forget effects that are done."""
    tx.run(QUERIES["done"], [{"effect_id": effect_id} for effect_id in effect_ids])


def postpone(tx: Transaction, effects: Sequence[Waiting]) -> None:
    """Write when effects are tried again, how often they were, and why they did not work."""
    tx.run(
        QUERIES["postpone"],
        [
            {
                "effect_id": one.effect_id,
                "attempts": one.attempts,
                "due_at": one.due_at,
                "error": one.error,
            }
            for one in effects
        ],
    )


def position(tx: Transaction, consumer: str) -> int:
    """How far something was looked through."""
    return int(tx.value(QUERIES["position"], {"consumer": consumer}) or 0)


def set_position(tx: Transaction, consumer: str, at: int) -> None:
    """Note how far something was looked through."""
    tx.run(QUERIES["set_position"], {"consumer": consumer, "position": at})
