"""Counts what a step applied, by source and name: how much, when, and what was wrong with it.

Three tables come of it. `event_counts` says what came in on which day, `event_volumes` how much
happened in which hour, and `event_faults` what was off the tracking plan. They hold names and
numbers, and nothing about anybody.
"""

from collections import Counter
from collections.abc import Sequence

from vocative.collect.quality.faults import OTHER, Fault
from vocative.identify.reading import ReadEvent, Refused
from vocative.stores import Transaction
from vocative.streams.embedded import LogBatch

HOUR = 3_600_000_000
DAY = 24 * HOUR
"""Microseconds."""
VOLUME_DAYS = 100
"""Of what happened longer ago the hours are not counted: nobody is alarmed about it."""
MOST_NAMES = 500
"""So many names of a source are told apart; a client that makes up more of them fills no table."""

_COUNT_SQL = (
    "INSERT INTO event_counts (source, day_at, name, events, last_received_at)"
    " VALUES (:source, :day_at, :name, :events, :last)"
    " ON CONFLICT (source, day_at, name) DO UPDATE SET"
    " events = event_counts.events + excluded.events, last_received_at = CASE"
    " WHEN excluded.last_received_at > event_counts.last_received_at"
    " THEN excluded.last_received_at ELSE event_counts.last_received_at END"
)
_VOLUME_SQL = (
    "INSERT INTO event_volumes (source, hour_at, name, events)"
    " VALUES (:source, :hour_at, :name, :events) ON CONFLICT (source, hour_at, name)"
    " DO UPDATE SET events = event_volumes.events + excluded.events"
)
_FAULT_SQL = (
    "INSERT INTO event_faults (source, day_at, name, property, fault, outcome, events, sample)"
    " VALUES (:source, :day_at, :name, :property, :fault, :outcome, :events, :sample)"
    " ON CONFLICT (source, day_at, name, property, fault, outcome)"
    " DO UPDATE SET events = event_faults.events + excluded.events"
)


class Counting:
    """Counts step after step. It remembers which names it has told apart."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] | None = None
        self._properties: dict[str, set[str]] = {}

    def write(
        self,
        tx: Transaction,
        batches: Sequence[LogBatch],
        fresh: Sequence[ReadEvent],
        refused: Sequence[Refused],
    ) -> None:
        """Add up a step, in its transaction.

        Args:
            tx: The step's.
            batches: What was read.
            fresh: Events that are applied for the first time.
            refused: Events that cannot be used.
        """
        if self._names is None:
            self._names = _known_names(tx)
        names = self._names
        counted: Counter[tuple[str, str, int, int]] = Counter()
        for one in fresh:
            columns = one.columns  # name, at, received_at, source and more
            counted[columns[3], columns[0], columns[2], columns[1] // HOUR] += 1
        days: dict[tuple[str, int, str], list[int]] = {}
        hours: Counter[tuple[str, int, str]] = Counter()
        for (source, name, received_at, hour), events in counted.items():
            shown = _bounded(names, source, name)
            if (received_at // HOUR) - hour <= VOLUME_DAYS * 24:
                hours[source, hour * HOUR, shown] += events
            day = days.setdefault((source, received_at // DAY * DAY, shown), [0, 0])
            day[0] += events
            day[1] = max(day[1], received_at)
        tx.run(_COUNT_SQL, [(*key, *values) for key, values in sorted(days.items())])
        tx.run(_VOLUME_SQL, [(*key, events) for key, events in sorted(hours.items())])
        self._write_faults(tx, batches, fresh, refused)

    def _write_faults(
        self,
        tx: Transaction,
        batches: Sequence[LogBatch],
        fresh: Sequence[ReadEvent],
        refused: Sequence[Refused],
    ) -> None:
        found = [
            (one.columns[3], one.columns[2], fault, one.event_id)
            for one in fresh
            if one.faults
            for fault in one.faults
        ]
        if any(one.faults for one in refused):
            received = {batch.position: batch.received_at for batch in batches}
            found += [
                (one.source, received[one.position], fault, f"{one.position}:{one.index}")
                for one in refused
                for fault in one.faults
            ]
        rows: dict[tuple[str, int, str, str, str, str], tuple[int, str]] = {}
        for source, received_at, fault, sample in found:
            key = (source, received_at // DAY * DAY, *self._shown(source, fault))
            events, first = rows.get(key, (0, sample))
            rows[key] = events + 1, first
        tx.run(_FAULT_SQL, [(*key, *values) for key, values in sorted(rows.items())])

    def _shown(self, source: str, fault: Fault) -> tuple[str, str, str, str]:
        name, part = fault.event, fault.property
        if fault.what == "unknown_event":
            name = _bounded(self._properties, source, name)
        elif fault.what == "unknown_property":
            part = _bounded(self._properties, source, part)
        return name, part, fault.what, fault.outcome


def _known_names(tx: Transaction) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for source, name in tx.tuples("SELECT DISTINCT source, name FROM event_counts"):
        known.setdefault(source, set()).add(name)
    return known


def _bounded(known: dict[str, set[str]], source: str, name: str) -> str:
    """The name, or `OTHER` when too many of the source's are told apart already."""
    names = known.setdefault(source, set())
    if name not in names:
        if len(names) >= MOST_NAMES:
            return OTHER
        names.add(name)
    return name
