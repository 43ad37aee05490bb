"""Results kept for next time, within a bound.

Two generations take the place of a list in order of use: what was asked for since the last change
of generation stays, the rest goes. A hit costs one look into a dict.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

Kept = TypeVar("Kept")
# A value as large as this would push out too much else.
MAX_WEIGHT = 20_000


class Memo(Generic[Kept]):
    """At most twice `entries` results of at most twice `weight` characters."""

    __slots__ = ("_entries", "_left", "_older", "_weight", "recent")

    def __init__(self, *, entries: int, weight: int) -> None:
        self.recent: dict[Hashable, Kept] = {}
        """Look here first; what is only in the older generation comes back by `recall`."""
        self._older: dict[Hashable, tuple[Kept, int]] = {}
        self._entries, self._weight = entries, weight
        self._left = weight

    def recall(self, key: Hashable) -> Kept | None:
        """A result of the older generation, which becomes recent again."""
        found = self._older.get(key)
        if found is None:
            return None
        self.keep(key, *found)
        return found[0]

    def keep(self, key: Hashable, value: Kept, weight: int) -> None:
        """Keep a result of so many characters."""
        if weight > MAX_WEIGHT:
            return
        if len(self.recent) >= self._entries or self._left < weight:
            share = self._weight // max(len(self.recent), 1)
            self._older = {one: (kept, share) for one, kept in self.recent.items()}
            self.recent.clear()  # compiled code holds on to this very dict
            self._left = self._weight
        self.recent[key] = value
        self._left -= weight

    def __len__(self) -> int:
        return len(self.recent) + len(self._older)


# What may stand in a key: equal values of one such type print alike, but for the two zeros.
_KEYS = frozenset((str, int, bool, float, type(None)))


def is_key(values: tuple[object, ...]) -> bool:
    """Whether values of equal types that are equal to these give the same text."""
    return all(type(value) in _KEYS and (type(value) is not float or value) for value in values)


def weight_of(value: object) -> int:
    """How many characters a value has, those inside tuples counted."""
    if isinstance(value, str | bytes):
        return len(value)
    return sum(map(weight_of, value)) if isinstance(value, tuple) else 8
