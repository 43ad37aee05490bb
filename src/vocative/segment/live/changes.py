"""Memberships as intervals, and every change of one as a row with a number.

Both are written in the transaction of whatever changed them, with the offset of the log: a change
is never lost and never there twice, and whoever reads it finds the person as the change left them.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from vocative.segment.plan import Plan, SegmentDef, base_name
from vocative.segment.sizes import count_members
from vocative.stores import Transaction

HOUR = 3_600_000_000
_KEY = itemgetter(0, 1)
"""The person and the segment of a change."""


class Change(NamedTuple):
    """Somebody entered or left a segment, at an instant in microseconds UTC."""

    person_id: str
    segment: str
    entered: bool
    at: int
    cause: str


class Sizes:
    """How many people are in each segment, kept as they come and go."""

    def __init__(self, tx: Transaction) -> None:
        self._members = count_members(tx)

    def count(self, changes: Iterable[Change]) -> set[str]:
        """Take in changes.

        Returns:
            The segments concerned.
        """
        touched = set()
        for change in changes:
            step = 1 if change.entered else -1
            self._members[change.segment] = self._members.get(change.segment, 0) + step
            touched.add(change.segment)
        return touched

    def record(self, tx: Transaction, segments: Iterable[str], now: int) -> None:
        """Keep the sizes of some segments: the latest one of every hour."""
        rows = [
            {"segment": name, "hour": now - now % HOUR, "now": now, "n": self._members.get(name, 0)}
            for name in sorted(segments)
        ]
        tx.run(
            "DELETE FROM segment_sizes WHERE segment = :segment AND computed_at >= :hour"
            " AND computed_at <= :now",
            rows,
        )
        tx.run(
            "INSERT INTO segment_sizes (segment, computed_at, members) VALUES (:segment, :now, :n)",
            rows,
        )

    def everything(self, plan: Plan) -> set[str]:
        """Every name worth recording: the segments there are, and each value of a family."""
        plain = {name for name, found in plan.segments.items() if not found.is_family}
        return plain | {name for name in self._members if base_name(name) in plan.segments}


def write_changes(tx: Transaction, changes: Sequence[Change], now: int) -> None:
    """Write changes in their order, and the intervals they begin and end."""
    tx.run(
        "INSERT INTO membership_changes (person_id, segment, change, at, recorded_at, cause)"
        " VALUES (:person_id, :segment, :change, :at, :now, :cause)",
        [
            (c.person_id, c.segment, "entered" if c.entered else "exited", c.at, now, c.cause)
            for c in changes
        ],
    )
    for turn in _turns(changes):
        _write_intervals(tx, turn)


def _turns(changes: Iterable[Change]) -> list[list[Change]]:
    """Changes apart by whether they are the first, second, … of a person and segment.

    Each part holds a person and segment once, so that its order does not matter: it is that of the
    key, because neighbours there are on one page of the store.
    """
    ordered = sorted(changes, key=_KEY)
    if len(set(map(_KEY, ordered))) == len(ordered):
        return [ordered]
    turns: list[list[Change]] = []
    before, turn = None, 0
    for change in ordered:
        key = _KEY(change)
        before, turn = key, turn + 1 if key == before else 0
        if turn == len(turns):
            turns.append([])
        turns[turn].append(change)
    return turns


def _write_intervals(tx: Transaction, changes: Sequence[Change]) -> None:
    # An earlier instant than the beginning leaves an empty interval, not a negative one. Written
    # with coalesce, so that SQLite goes by the key and not through all who are in the segment.
    tx.run(
        "UPDATE memberships SET until_at = CASE WHEN since_at > :at THEN since_at ELSE :at END"
        " WHERE person_id = :person_id AND segment = :segment AND coalesce(until_at, -1) = -1",
        [(c.at, c.at, c.person_id, c.segment) for c in changes if not c.entered],
    )
    # Who left and enters again at one instant goes on with the interval that ended there.
    tx.run(
        "INSERT INTO memberships (person_id, segment, since_at, until_at)"
        " VALUES (:person_id, :segment, :at, NULL)"
        " ON CONFLICT (person_id, segment, since_at) DO UPDATE SET until_at = NULL",
        [(c.person_id, c.segment, c.at) for c in changes if c.entered],
    )


def close_removed(tx: Transaction, known: Mapping[str, SegmentDef], now: int) -> None:
    """End the memberships of segments that are no longer defined, or defined as the other kind."""
    names = [
        name
        for (name,) in tx.tuples("SELECT DISTINCT segment FROM memberships WHERE until_at IS NULL")
    ]
    removed = [{"segment": name, "now": now} for name in names if not _is_defined(name, known)]
    tx.run(
        "INSERT INTO membership_changes (person_id, segment, change, at, recorded_at, cause)"
        " SELECT person_id, segment, 'exited', :now, :now, 'definition' FROM memberships"
        " WHERE segment = :segment AND until_at IS NULL ORDER BY person_id",
        removed,
    )
    tx.run(
        "UPDATE memberships SET until_at = CASE WHEN since_at > :now THEN since_at ELSE :now END"
        " WHERE segment = :segment AND until_at IS NULL",
        removed,
    )


def _is_defined(name: str, known: Mapping[str, SegmentDef]) -> bool:
    found = known.get(base_name(name))
    return found is not None and found.is_family == (name != base_name(name))
