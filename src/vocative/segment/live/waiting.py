"""People for whom facts wait in history: a long backlog is applied first, then folded by person."""

from collections.abc import Iterable, Sequence

from vocative.stores import Transaction, in_lists


def note(tx: Transaction, person_ids: Iterable[str]) -> None:
    """Let people wait for their turn."""
    tx.run(
        "INSERT INTO live_waiting (person_id) VALUES (:person_id) ON CONFLICT DO NOTHING",
        [(person_id,) for person_id in sorted(person_ids)],
    )


def waiting(tx: Transaction, after: str, most: int) -> list[str]:
    """Who waits, in the order of ids."""
    rows = tx.tuples(
        "SELECT person_id FROM live_waiting WHERE person_id > :after ORDER BY person_id"
        " LIMIT :most",
        {"after": after, "most": most},
    )
    return [row[0] for row in rows]


def still_waiting(tx: Transaction, person_ids: Sequence[str]) -> set[str]:
    """Those of some people who have not had their turn, and do not live on as somebody else."""
    found: set[str] = set()
    for marks, bound in in_lists(person_ids):
        rows = tx.tuples(
            "SELECT person_id FROM live_waiting JOIN profiles USING (person_id)"
            f" WHERE merged_into IS NULL AND person_id IN ({marks})",
            bound,
        )
        found.update(row[0] for row in rows)
    return found


def finish(tx: Transaction, person_ids: Iterable[str]) -> None:
    """These had their turn."""
    tx.run(
        "DELETE FROM live_waiting WHERE person_id = :person_id",
        [(person_id,) for person_id in person_ids],
    )


def clear(tx: Transaction) -> None:
    """Nobody waits."""
    tx.run("DELETE FROM live_waiting")
