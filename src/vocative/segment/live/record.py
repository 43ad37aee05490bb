"""A person's kept facts of one group, packed.

Facts lie in arrays in the order of their instants (and ids where that matters). A small record is
one blob. A busy person's older facts are sealed into chunks that are written once, so that one
more event rewrites a few kilobytes however long the history is.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.segment.live.groups import TOTAL_SLOTS, Group, Total

CHUNK = 512
"""How many facts are sealed at a time."""
UNKNOWN = -(2**63)
"""Stands for an unknown value in a column of integers."""
if TYPE_CHECKING:
    Values = array[Any] | list[Any]
Chunks = Callable[[], list[bytes]]
"""Reads the bodies of a record's sealed chunks."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class Facts:
    """Facts in order: instants, ids where they matter, and a column per value."""

    __slots__ = ("at", "columns", "ids")

    def __init__(self, at: "array[int]", ids: "array[int] | None", columns: "list[Values]") -> None:
        self.at = at
        self.ids = ids
        self.columns = columns

    @classmethod
    def empty(cls, group: Group) -> "Facts":
        """No facts yet."""
        ids = array("Q") if group.ordered else None
        columns: list[Values] = [array(code) if code else [] for code in group.codes]
        return cls(array("q"), ids, columns)

    def add(self, at: int, number: int, values: Sequence[Any]) -> None:
        """Put a fact where it belongs; nearly always that is the end."""
        instants = self.at
        end = not instants or at > instants[-1]
        if end or (at == instants[-1] and (self.ids is None or number >= self.ids[-1])):
            instants.append(at)
            if self.ids is not None:
                self.ids.append(number)
            for column, value in zip(self.columns, values, strict=True):
                column.append(value)
            return
        place = bisect_right(instants, at)
        if self.ids is not None:
            # A robot's events may all be of one instant.
            place = bisect_right(self.ids, number, bisect_left(instants, at), place)
            self.ids.insert(place, number)
        instants.insert(place, at)
        for column, value in zip(self.columns, values, strict=True):
            column.insert(place, value)

    def extend(self, other: "Facts") -> None:
        """Take in other facts of the same group."""
        ids = other.ids or [0] * len(other.at)
        for at, number, *values in zip(other.at, ids, *other.columns, strict=True):
            self.add(at, number, values)

    def drop(self, count: int) -> None:
        """Forget the oldest facts."""
        del self.at[:count]
        if self.ids is not None:
            del self.ids[:count]
        for column in self.columns:
            del column[:count]

    def copy(self) -> "Facts":
        """The same facts once more."""
        ids = None if self.ids is None else self.ids[:]
        return Facts(self.at[:], ids, [column[:] for column in self.columns])

    def packed(self) -> list[Any]:
        """What `unpacked` takes."""
        ids = None if self.ids is None else self.ids.tobytes()
        columns = [c if isinstance(c, list) else c.tobytes() for c in self.columns]
        return [self.at.tobytes(), ids, columns]

    @classmethod
    def unpacked(cls, group: Group, at: bytes, ids: bytes | None, columns: list[Any]) -> "Facts":
        """Facts that were packed; it takes the lists for its own."""
        return cls(
            array("q", at),
            None if ids is None else array("Q", ids),
            [
                array(code, values) if code else values
                for code, values in zip(group.codes, columns, strict=True)
            ],
        )


class Record:
    """What is kept of one person in one group: running totals and facts."""

    __slots__ = ("dropped", "facts", "open", "sealed", "sealing", "totals")

    def __init__(
        self, totals: list[Any], facts: Facts, open_facts: Facts, sealed: dict[int, int]
    ) -> None:
        self.totals = totals
        self.facts = facts
        """All of them."""
        self.open = open_facts
        """Those in no chunk: the same object as `facts` while nothing is sealed."""
        self.sealed = sealed
        """Chunk → instant of its newest fact."""
        self.sealing: Sequence[tuple[int, bytes]] = ()
        """Chunks to be written."""
        self.dropped: Sequence[int] = ()
        """Chunks to be deleted."""

    @classmethod
    def empty(cls, group: Group) -> "Record":
        """Nothing kept yet."""
        facts = Facts.empty(group)
        return cls(list(group.nothing), facts, facts, {})

    @classmethod
    def unpacked(cls, group: Group, packed: list[Any], chunks: Chunks) -> "Record":
        """A record that was packed, which it takes for its own.

        Args:
            group: Of what.
            packed: What `packed` gave.
            chunks: Reads the bodies of sealed chunks; asked only when there are some.
        """
        totals, sealed, at, ids, columns = packed
        facts = open_facts = Facts.unpacked(group, at, ids, columns)
        if sealed:
            facts = Facts.empty(group)
            for chunk in chunks():
                facts.extend(Facts.unpacked(group, *_decode(chunk)))
            facts.extend(open_facts)
        return cls(totals, facts, open_facts, sealed)

    def add(self, at: int, number: int, values: Sequence[Any]) -> None:
        """Keep a fact."""
        self.facts.add(at, number, values)
        if self.open is not self.facts:
            self.open.add(at, number, values)

    def packed(self, group: Group, now: int) -> list[Any]:
        """The record in plain values, without facts that nobody can see any more.

        Chunks to write and to delete are left in `sealing` and `dropped`.
        """
        if group.horizon is not None:
            self._forget(group, group.horizon, now)
        if len(self.open.at) > CHUNK:
            self._seal(group)
        return [self.totals, self.sealed, *self.open.packed()]

    def join(self, group: Group, other: "Record") -> None:
        """Take in another person's record, whose chunks are sealed anew under this one."""
        self.totals = joined_totals(group, self.totals, other.totals)
        if self.open is not self.facts:
            self.open.extend(other.facts)
        self.facts.extend(other.facts)

    def _forget(self, group: Group, horizon: int, now: int) -> None:
        instants = self.facts.at
        if not instants or instants[0] > now - horizon:
            return
        # The window is (now - horizon, now].
        kept = min(bisect_right(instants, now - horizon), len(instants) - group.newest)
        if kept <= 0:
            return
        self.facts.drop(kept)
        oldest = self.facts.at[0] if self.facts.at else now + 1
        if self.open is not self.facts:
            self.open.drop(bisect_right(self.open.at, oldest - 1))
            for chunk in [chunk for chunk, newest in self.sealed.items() if newest < oldest]:
                del self.sealed[chunk]
                self.dropped = [*self.dropped, chunk]

    def _seal(self, group: Group) -> None:
        if self.open is self.facts:
            # From here on the open facts are a copy of their own.
            self.facts = self.open.copy()
        chunk = max([-1, *self.sealed, *self.dropped]) + 1
        self.sealing = [*self.sealing, (chunk, _encode(self.open.packed()))]
        self.sealed[chunk] = self.open.at[-1]
        self.open = Facts.empty(group)


def joined_totals(group: Group, these: list[Any], others: list[Any]) -> list[Any]:
    """The running totals of two people who are found to be one."""
    found: list[Any] = []
    at = 0
    for total in group.totals:
        slots = slice(at, at + TOTAL_SLOTS[total.total])
        found += _JOIN[total.total](these[slots], others[slots], total.half_life)
        at = slots.stop
    return found


def _join_sums(these: list[Any], others: list[Any], _: int | None) -> list[Any]:
    return [mine + yours for mine, yours in zip(these, others, strict=True)]


def _join_least(these: list[Any], others: list[Any], _: int | None) -> list[Any]:
    known = [value for value in (*these, *others) if value is not None]
    return [min(known, default=None)]


def _join_greatest(these: list[Any], others: list[Any], _: int | None) -> list[Any]:
    known = [value for value in (*these, *others) if value is not None]
    return [max(known, default=None)]


def _join_first(these: list[Any], others: list[Any], _: int | None) -> list[Any]:
    return min((found for found in (these, others) if found[0] is not None), default=these)


def _join_last(these: list[Any], others: list[Any], _: int | None) -> list[Any]:
    return max((found for found in (these, others) if found[0] is not None), default=these)


def _join_points(these: list[Any], others: list[Any], half_life: int | None) -> list[Any]:
    (mine, at), (yours, later) = sorted((these, others), key=lambda found: found[1])
    if half_life is not None and mine:
        mine *= 2.0 ** max(-(later - at) / half_life, -1000.0)
    return [mine + yours, later]


_JOIN = {
    Total.COUNT: _join_sums,
    Total.SUM: _join_sums,
    Total.LEAST: _join_least,
    Total.GREATEST: _join_greatest,
    Total.FIRST: _join_first,
    Total.LAST: _join_last,
    Total.POINTS: _join_points,
}
