"""Turns: some people at a time, in the order of ids, with what history has of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from vocative.clock import to_micros
from vocative.segment.live.fold import PERSON, Fact
from vocative.segment.live.groups import Group
from vocative.segment.live.history import facts_of
from vocative.segment.live.state import Building, Last
from vocative.segment.live.waiting import waiting
from vocative.sql import quote_text
from vocative.stores import Transaction
from vocative.workspace import Workspace
from vocative.workspace.analytics import open_history

PEOPLE_PER_QUERY = 10_000
FACTS_PER_SLICE = 4_000
"""A turn is short: events wait meanwhile."""
FACTS_PER_LONG_SLICE = 50_000
"""What waits on the log waits anyway."""
PEOPLE_COUNTS_AS = 8
"""A person in a slice costs as much as so many facts."""

Turn = tuple[list[str], list[tuple[str, Fact]]]
"""Some people and what history has of them: (relation, row)."""


def turns_of_everybody(
    workspace: Workspace, groups: Sequence[Group], building: Building
) -> Iterator[Turn]:
    """Everybody whose turn is still to come, with what history has of them for some groups."""

    def read(after: str) -> Turn | None:
        with workspace.store.read() as tx:
            rows = tx.tuples(
                "SELECT person_id FROM profiles WHERE merged_into IS NULL"
                " AND person_id > :after ORDER BY person_id LIMIT :most",
                {"after": after, "most": PEOPLE_PER_QUERY},
            )
        if not rows:
            return None
        ids = [row[0] for row in rows]
        between = _between(after, ids[-1])
        return ids, list(facts_about(workspace, groups, between, building.position))

    for ids, facts in _read_ahead(read, building.after):
        yield from _slices(ids, facts, FACTS_PER_SLICE)


def turns_of_waiting(workspace: Workspace, groups: Sequence[Group], last: Last) -> Iterator[Turn]:
    """Everybody for whom facts wait in history, with these facts."""

    def read(after: str) -> Turn | None:
        with workspace.store.read() as tx:
            ids = waiting(tx, after, PEOPLE_PER_QUERY)
        if not ids:
            return None
        between = _between(after, ids[-1])
        return ids, list(facts_about(workspace, groups, between, last.noted, last.position))

    for ids, facts in _read_ahead(read, ""):
        yield from _slices(ids, facts, FACTS_PER_LONG_SLICE)


def _read_ahead(read: Callable[[str], Turn | None], after: str) -> Iterator[Turn]:
    """What `read` gives, each read beside while the one before it is worked on.

    What is read does not change meanwhile: it ends at a position of the log, and whoever gets new
    facts or is joined with somebody is looked at again when their turn comes.
    """
    with ThreadPoolExecutor(1, "turns") as beside:
        found = read(after)
        while found is not None:
            coming = beside.submit(read, found[0][-1])
            yield found
            found = coming.result()


def facts_about(
    workspace: Workspace,
    groups: Sequence[Group],
    people: str,
    position: int,
    after: int | None = None,
    *,
    tx: Transaction | None = None,
) -> Iterator[tuple[str, Fact]]:
    """What history has of people for some groups: (relation, row).

    Args:
        workspace: Where.
        groups: What is wanted.
        people: Whose, as a condition about `person_id`.
        position: Nothing that came in after this position of the log.
        after: Only what came in after this one; None: all of it.
        tx: A transaction that has added to history, or joined or separated people.
    """
    if not groups:
        return
    now = to_micros(workspace.clock.now())
    with open_history(workspace, tx) as engine:
        found = facts_of(engine, groups, people, position, after, now=now)
    for relation, rows in found:
        yield from ((relation, row) for row in rows)


def _between(after: str, last: str) -> str:
    return f"person_id > {quote_text(after)} AND person_id <= {quote_text(last)}"


def _slices(ids: list[str], facts: Iterable[tuple[str, Fact]], most: int) -> Iterator[Turn]:
    """People with their facts, a few at a time."""
    by_person: dict[str, list[tuple[str, Fact]]] = {}
    for relation, fact in facts:
        by_person.setdefault(fact[PERSON], []).append((relation, fact))
    turn: Turn = ([], [])
    for person_id in ids:
        turn[0].append(person_id)
        turn[1].extend(by_person.pop(person_id, ()))
        if len(turn[1]) + PEOPLE_COUNTS_AS * len(turn[0]) >= most:
            yield turn
            turn = ([], [])
    if turn[0]:
        yield turn
