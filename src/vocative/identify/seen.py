"""Which events were applied: every id is kept for good, so that nothing ever counts twice.

Ids are hashes. Each new one would dirty another page of a large table, which costs more than
everything else about an event. So the ids of a step are one packed row of `seen_tail`, and only
when many have gathered are they moved to `seen_events`, in the order of that table, a slice with
every step. An id was seen when it is in either; one that is being moved may be in both.
"""

from collections.abc import Collection, Sequence

from vocative.stores import Transaction, in_lists

ID_BYTES = 16
MOST_TAIL = 200_000
"""From so many ids on, the tail is moved: reading it takes about 20 ms and 20 MB."""
SLICE_FACTOR = 4
"""How many ids are moved for each one that a step adds."""


class SeenEvents:
    """The ids of applied events. It holds the tail in memory from step to step.

    That stays true while this process alone applies the log and every step is committed;
    otherwise it must be told to `forget`.
    """

    def __init__(self) -> None:
        self._tail: set[bytes] | None = None
        self._moving: list[bytes] = []
        """What of the tail is not moved yet, the next to move last."""
        self._moving_until = 0

    def forget(self) -> None:
        """Read the tail again."""
        self._tail, self._moving = None, []

    def known(self, tx: Transaction, ids: Collection[bytes]) -> set[bytes]:
        """Those of some ids that were seen."""
        if self._tail is None:
            self._tail = set(_read_tail(tx))
        found = self._tail.intersection(ids)
        for marks, bound in in_lists([one for one in ids if one not in found]):
            rows = tx.tuples(
                f"SELECT event_id FROM seen_events WHERE event_id IN ({marks})",
                tuple(bound.values()),
            )
            found.update(bytes(one) for (one,) in rows)
        return found

    def add(self, tx: Transaction, ids: Sequence[bytes], *, position: int) -> None:
        """Note new ids, of events up to a log position; `known` was asked about them."""
        assert self._tail is not None  # noqa: S101 - see above
        if ids:
            tx.run(
                "INSERT INTO seen_tail (position, ids) VALUES (:position, :ids)",
                {"position": position, "ids": b"".join(ids)},
            )
            self._tail.update(ids)
        if not self._moving and len(self._tail) >= MOST_TAIL:
            self._moving = sorted(self._tail, reverse=True)
            self._moving_until = position
        if self._moving:
            # A tail that grew without being moved was left by many who began anew each time.
            behind = len(self._moving) >= 2 * MOST_TAIL
            self._move(tx, len(self._moving) if behind else SLICE_FACTOR * len(ids))

    def _move(self, tx: Transaction, count: int) -> None:
        left = max(len(self._moving) - count, 0)
        slice_, self._moving = self._moving[left:], self._moving[:left]
        slice_.reverse()
        tx.run(
            "INSERT INTO seen_events (event_id) VALUES (:event_id) ON CONFLICT DO NOTHING",
            [(one,) for one in slice_],
        )
        if not self._moving:
            tx.run("DELETE FROM seen_tail WHERE position <= :until", {"until": self._moving_until})
            # What came since is all that is left; the next step reads it.
            self._tail = None


def _read_tail(tx: Transaction) -> list[bytes]:
    packed = b"".join(bytes(ids) for (ids,) in tx.tuples("SELECT ids FROM seen_tail"))
    return [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]
