"""What taking a merge back would give to whom, before anybody decides it.

The graph itself is asked, in a transaction that writes nothing: what is shown is what happens.
"""

from collections.abc import Callable, Sequence

import msgspec

from vocative.errors import StateError, UnknownName
from vocative.identify.graph import IdentityGraph
from vocative.identify.person import Person
from vocative.stores import Transaction, in_lists
from vocative.workspace import Workspace
from vocative.workspace.analytics import open_history


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """A merge that holds: two profiles are one person."""

    gone: str
    """The profile that was merged into the other."""
    kept: str
    decided: bool
    """Whether somebody decided it; otherwise a rule did, such as a shared address."""
    at: int
    """Microseconds UTC."""


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One of the people whom a separation leaves, with what is theirs alone."""

    person_id: str
    profiles: list[str]
    """The profiles it consists of."""
    events: int
    traits: list[str]
    fields: list[str]
    """Names of personal fields; values stay in the vault."""
    identities: dict[str, int]
    """Namespace → how many."""
    consents: int


Decide = Callable[[IdentityGraph], object]


def merges_of(tx: Transaction, person_id: str) -> list[Joined]:
    """The merges by which a person consists of several profiles, oldest first."""
    rows = tx.tuples(
        "SELECT m.gone, m.kept, m.decided, m.at FROM merges m JOIN origins o ON o.origin = m.gone"
        " WHERE o.person_id = :p AND m.undone_at IS NULL ORDER BY m.number",
        {"p": person_id},
    )
    return [
        Joined(gone=gone, kept=kept, decided=bool(decided), at=at)
        for gone, kept, decided, at in rows
    ]


def shares(
    workspace: Workspace, tx: Transaction, decide: Decide, person_ids: Sequence[str]
) -> list[Share]:
    """Who a person would be after something is decided, and what each would have.

    Args:
        workspace: Whose.
        tx: Nothing is written in it.
        decide: Decides it, on a graph that knows these people.
        person_ids: Whom it is about.

    Raises:
        UnknownName: nobody is known by one of the ids.
        StateError: it would change nothing.
    """
    graph = IdentityGraph(workspace.vault, workspace.key.lookup)
    graph.load(tx, set(), set(person_ids))
    for one in person_ids:
        if not graph.is_known(one):
            raise UnknownName(f"there is no person {one}")
    decide(graph)
    split = graph.changes.split
    if not split:
        raise StateError(
            f"{' and '.join(person_ids)} would stay as they are",
            hint="`vocative person show` lists the merges of a person: name a profile that was"
            " merged into another one. Of merges before this version nothing can be given back,"
            " and a pair that other merges join, too, stays one person",
        )
    return _shares(workspace, tx, split)


def _shares(workspace: Workspace, tx: Transaction, split: set[Person]) -> list[Share]:
    people: dict[str, list[str]] = {}
    for origin in sorted(split, key=lambda one: one.person_id):
        people.setdefault(origin.living.person_id, []).append(origin.person_id)
    origins = [one for found in people.values() for one in found]
    events = _events(workspace, tx, origins)
    identities = _counts(tx, "identities", "namespace", origins)
    consents = _counts(tx, "consents", "'all'", origins)
    fields = _fields(workspace, tx, origins)
    traits = {one.person_id: set(one.traits) for one in split}
    return [
        Share(
            person_id=person_id,
            profiles=found,
            events=sum(events.get(one, 0) for one in found),
            traits=sorted(set().union(*(traits[one] for one in found))),
            fields=sorted(set().union(*(fields.get(one, set()) for one in found))),
            identities={
                name: sum(identities.get((one, name), 0) for one in found)
                for name in sorted({name for one, name in identities if one in found})
            },
            consents=sum(consents.get((one, "all"), 0) for one in found),
        )
        for person_id, found in sorted(people.items())
    ]


def _events(workspace: Workspace, tx: Transaction, origins: Sequence[str]) -> dict[str, int]:
    with open_history(workspace, tx, apart=True) as engine:
        rows = engine.rows(
            "SELECT person_id, count(*) AS events FROM events"
            " WHERE list_contains($ids, person_id) GROUP BY person_id",
            {"ids": list(origins)},
        )
    return {row["person_id"]: int(row["events"]) for row in rows}


def _counts(
    tx: Transaction, table: str, column: str, origins: Sequence[str]
) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for marks, bound in in_lists(origins):
        for origin, name, count in tx.tuples(
            f"SELECT coalesce(t.origin, t.person_id), {column}, count(*) FROM {table} t"
            " WHERE t.person_id IN (SELECT o.person_id FROM origins o"
            f" WHERE o.origin IN ({marks})) GROUP BY 1, 2",
            bound,
        ):
            found[origin, name] = int(count)
    return found


def _fields(workspace: Workspace, tx: Transaction, origins: Sequence[str]) -> dict[str, set[str]]:
    sealed: dict[str, tuple[str, bytes]] = {}
    for marks, bound in in_lists(origins):
        for origin, person_id, body in tx.tuples(
            "SELECT origin, person_id, vault FROM origins WHERE vault IS NOT NULL"
            f" AND origin IN ({marks})",
            bound,
        ):
            sealed[origin] = person_id, bytes(body)
    stated = workspace.vault.stated_apart(tx, sealed)
    return {
        origin: {name for name, (value, _) in fields.items() if value is not None}
        for origin, fields in stated.items()
    }
