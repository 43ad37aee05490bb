"""People whose rows are behind what was folded, because writing them waits a little.

A note per step says who began to wait then. It stays until all of them are written. Whoever finds
notes that are not its own brings these people's rows up to date from history.
"""

from collections.abc import Sequence

import msgspec

from vocative.stores import Transaction, in_lists

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[str]).decode


def note_unwritten(tx: Transaction, position: int, person_ids: Sequence[str]) -> None:
    """Note who began to wait with the step up to a position of the log."""
    tx.run(
        "INSERT INTO live_unwritten (position, people) VALUES (:position, :people)",
        {"position": position, "people": _encode(person_ids)},
    )


def forget_unwritten(tx: Transaction, position: int) -> None:
    """Nobody waits any more who began to wait up to a position."""
    tx.run("DELETE FROM live_unwritten WHERE position <= :position", {"position": position})


def read_unwritten(tx: Transaction) -> list[str]:
    """Everybody whose row may be behind, in the order of ids."""
    rows = tx.tuples("SELECT people FROM live_unwritten")
    found = sorted({person_id for (people,) in rows for person_id in _decode(people)})
    living: list[str] = []
    for marks, bound in in_lists(found):
        living += [
            row[0]
            for row in tx.tuples(
                "SELECT person_id FROM profiles WHERE merged_into IS NULL"
                f" AND person_id IN ({marks}) ORDER BY person_id",
                bound,
            )
        ]
    return living


def is_unwritten(tx: Transaction, person_id: str) -> bool:
    """Whether somebody's row may be behind."""
    rows = tx.tuples("SELECT people FROM live_unwritten")
    return any(person_id in _decode(people) for (people,) in rows)


def forget_all_unwritten(tx: Transaction) -> None:
    """Nobody's row is behind."""
    tx.run("DELETE FROM live_unwritten")
