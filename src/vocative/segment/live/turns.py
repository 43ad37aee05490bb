"""Turns: some people at a time, in the order of ids, with what history has of them."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

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
PEOPLE_PER_SHARE = 5_000
"""Of those who wait: so many at a time, here and in the process beside."""
FACTS_PER_SLICE = 4_000
"""A turn is short: events wait meanwhile."""
FACTS_PER_LONG_SLICE = 50_000
"""What waits on the log waits anyway."""
PEOPLE_COUNTS_AS = 8
"""A person in a slice costs as much as so many facts."""


class Turn(NamedTuple):
    """Some people and what history has of them."""

    person_ids: list[str]
    facts: list[tuple[str, Fact]]
    """(relation, row)."""

    def facts_of(self, person_ids: Container[str]) -> list[tuple[str, Fact]]:
        """Those of some of the people."""
        return [fact for fact in self.facts if fact[1][PERSON] in person_ids]


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
        about = _between(ids)
        return Turn(ids, list(facts_about(workspace, groups, about, building.position)))

    for ids, facts in _read_ahead(read, building.after):
        yield from slices(ids, facts, FACTS_PER_SLICE)


def shares_of_waiting(workspace: Workspace) -> Iterator[list[str]]:
    """Everybody for whom facts wait in history, some at a time."""
    after = ""
    while True:
        with workspace.store.read() as tx:
            ids = waiting(tx, after, PEOPLE_PER_SHARE)
        if not ids:
            return
        after = ids[-1]
        yield ids


def facts_of_waiting(
    workspace: Workspace, groups: Sequence[Group], last: Last, person_ids: Sequence[str]
) -> Iterator[tuple[str, Fact]]:
    """What waits in history for some people, who are next to each other: (relation, row)."""
    return facts_about(workspace, groups, _between(person_ids), last.noted, last.position)


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


def slices(ids: Sequence[str], facts: Iterable[tuple[str, Fact]], most: int) -> Iterator[Turn]:
    """People with their facts, a few at a time."""
    by_person: dict[str, list[tuple[str, Fact]]] = {}
    for relation, fact in facts:
        by_person.setdefault(fact[PERSON], []).append((relation, fact))
    turn = Turn([], [])
    for person_id in ids:
        turn.person_ids.append(person_id)
        turn.facts.extend(by_person.pop(person_id, ()))
        if len(turn.facts) + PEOPLE_COUNTS_AS * len(turn.person_ids) >= most:
            yield turn
            turn = Turn([], [])
    if turn.person_ids:
        yield turn


def _between(ids: Sequence[str]) -> str:
    return f"person_id >= {quote_text(ids[0])} AND person_id <= {quote_text(ids[-1])}"
