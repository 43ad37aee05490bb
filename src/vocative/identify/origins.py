"""Origins in the store: who is part of whom, what each stated, and every merge there was.

The tables of everybody else (`profiles`, `identities`, `consents`, the vault) show whole persons.
`origins` has, of people who consist of several, what each part stated itself. Somebody who was
never joined with anybody has no row in it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby

import msgspec

from vocative.identify.person import Person, write_people, write_rows
from vocative.identify.whole import Link, Whole, together
from vocative.privacy.vault import Statements, Vault, merge_statements
from vocative.stores import Transaction, in_lists


class Merge(msgspec.Struct, frozen=True, gc=False):
    """Two origins were joined, by a rule or because somebody decided so."""

    number: int
    gone: str
    kept: str
    decided: int
    """1: by somebody; 0: by a rule."""
    at: int


class Undone(msgspec.Struct, frozen=True, gc=False):
    """A merge was taken back."""

    gone: str
    kept: str
    decided: int
    at: int
    apart: int
    """1: no rule is to join the two again."""


_MOVE_SQL = """
UPDATE {table} SET person_id = :now, origin = :origin
WHERE person_id = :was AND coalesce(origin, person_id) = :id
"""
_HOLDERS = ("identities", "consents")
"""Tables that show whole persons, and of which origin each row is."""
_FORGET_SQL = (
    # What was computed of half a person, or of two, is worth nothing.
    "DELETE FROM scores WHERE person_id = :id",
    "DELETE FROM recommendations WHERE person_id = :id",
)


# Reading


def load_wholes(tx: Transaction, person_ids: Collection[str], people: dict[str, Person]) -> None:
    """Read people who consist of several, and put all their origins into `people`."""
    if not person_ids:
        return
    members: dict[str, list[Person]] = {}
    joined: dict[str, str] = {}
    for marks, bound in in_lists(sorted(person_ids)):
        for origin, person_id, joined_to, *row in tx.tuples(
            "SELECT origin, person_id, joined_to, first_seen_at, updated_at, traits, traits_at"
            f" FROM origins WHERE person_id IN ({marks})",
            bound,
        ):
            person = people[origin] = Person(origin, *row)
            person.home, person.filed = person_id, True
            members.setdefault(person_id, []).append(person)
            if joined_to is not None:
                joined[origin] = joined_to
        for (origin,) in tx.tuples(
            "SELECT DISTINCT coalesce(origin, person_id) FROM identities"
            f" WHERE person_id IN ({marks}) AND namespace IN ('user_id', 'email')",
            bound,
        ):
            people[origin].named = True
    for origin, other in joined.items():
        people[origin].joined_to = people[other]
    links = _load_links(tx, [one.person_id for found in members.values() for one in found])
    for person_id, found in members.items():
        theirs = [link for one in found for link in links.get(one.person_id, ())]
        whole = Whole(found, theirs, people[person_id])
        whole.shown = whole.row()


def _load_links(tx: Transaction, origins: Sequence[str]) -> dict[str, list[Link]]:
    found: dict[str, list[Link]] = {}
    for marks, bound in in_lists(origins):
        for row in tx.tuples(
            "SELECT number, gone, kept FROM merges WHERE decided = 1 AND undone_at IS NULL"
            f" AND gone IN ({marks})",
            bound,
        ):
            link = Link(*row)
            found.setdefault(link.gone, []).append(link)
    return found


def told_apart(tx: Transaction) -> tuple[dict[str, set[str]], int]:
    """Which origins no rule joins, and the number of the latest change of who is who."""
    apart: dict[str, set[str]] = {}
    for gone, kept in tx.tuples("SELECT gone, kept FROM merges WHERE apart = 1"):
        apart.setdefault(gone, set()).add(kept)
        apart.setdefault(kept, set()).add(gone)
    latest = tx.value(
        "SELECT max(number) FROM (SELECT max(number) AS number FROM merges"
        " UNION ALL SELECT max(number) FROM identity_moves) AS numbers"
    )
    return apart, latest or 0


def is_noted(tx: Transaction, gone: str, kept: str) -> bool:
    """Whether it is known what each of two stated whom a rule joined."""
    return bool(
        tx.value(
            "SELECT count(*) FROM merges WHERE gone = :gone AND kept = :kept AND decided = 0"
            " AND undone_at IS NULL",
            {"gone": gone, "kept": kept},
        )
    )


# Writing


def write_wholes(tx: Transaction, wholes: Iterable[Whole]) -> None:
    """Write what changed about people who consist of several."""
    rows, kept, fresh = [], [], []
    for whole in sorted(wholes, key=lambda one: one.person_id):
        for origin in whole.ordered():
            if not origin.stored:
                fresh.append(origin)
            row = origin.row()
            joined_to = None if origin.joined_to is None else origin.joined_to.person_id
            if origin.moved or origin.restated or whole.shown is None:
                kept.append((row[0], whole.person_id, joined_to, *row[1:]))
        row, shown = whole.row(), whole.shown
        if row != shown:
            rows.append(row)
            whole.news = shown is None or (row[1], row[3]) != (shown[1], shown[3])
            whole.shown = row
    write_people(tx, fresh)
    for whole in wholes:
        for origin in whole.origins.values():
            origin.moved = origin.restated = False
    write_rows(tx, rows)
    tx.run(
        "INSERT INTO origins"
        " (origin, person_id, joined_to, first_seen_at, updated_at, traits, traits_at)"
        " VALUES (:origin, :person_id, :joined_to, :first_seen_at, :updated_at, :traits,"
        " :traits_at) ON CONFLICT (origin) DO UPDATE SET person_id = excluded.person_id,"
        " joined_to = excluded.joined_to, first_seen_at = excluded.first_seen_at,"
        " updated_at = excluded.updated_at, traits = excluded.traits,"
        " traits_at = excluded.traits_at",
        kept,
    )


def move(tx: Transaction, regrouped: Mapping[str, Person], split: Collection[Person]) -> None:
    """Let tables of whole persons show everybody as part of whom they are of now."""
    rows, merged, worthless = [], [], {one.living.person_id for one in split}
    for person in regrouped.values():
        now, was, itself = person.living.person_id, person.home, person.person_id
        if was == now and person.filed == (person.whole is not None):
            continue
        rows.append((now, None if person.whole is None else itself, was, itself))
        merged.append((None if now == itself else now, itself))
        if was == itself:
            worthless.add(was)
    for table in _HOLDERS:
        tx.run(_MOVE_SQL.format(table=table), rows)
    tx.run("UPDATE profiles SET merged_into = :into WHERE person_id = :id", merged)
    # Whoever only won something keeps what was computed until that is done anew.
    kept = {person.living.person_id for person in regrouped.values() if person not in split}
    stale = [(one,) for one in sorted(worthless - kept)]
    for sql in _FORGET_SQL:
        tx.run(sql, stale)


def settle(tx: Transaction, regrouped: Mapping[str, Person], now: int) -> None:
    """Note who parted, and that everybody is written.

    Args:
        tx: The transaction of the step.
        regrouped: Everybody who is with others than before, or alone.
        now: Microseconds UTC.
    """
    homes: dict[str, list[Person]] = {}
    for person in regrouped.values():
        homes.setdefault(person.home, []).append(person)
    partings = [
        (one.person_id, other.person_id, now)
        for people in homes.values()
        for one in people
        for other in people
        if one.living is not other.living
    ]
    tx.run(
        "INSERT INTO partings (origin, other, parted_at) VALUES (:origin, :other, :parted_at)"
        " ON CONFLICT DO NOTHING",
        partings,
    )
    alone = [p for p in regrouped.values() if p.whole is None]
    tx.run("DELETE FROM origins WHERE origin = :origin", [(p.person_id,) for p in alone])
    for person in regrouped.values():
        person.home, person.filed = person.living.person_id, person.whole is not None


def write_merges(tx: Transaction, merges: Sequence[Merge | Undone]) -> None:
    """Write which merges were made and taken back, in their order."""
    for made, run in groupby(merges, key=lambda one: isinstance(one, Merge)):
        if made:
            rows = [
                (m.number, m.gone, m.kept, m.decided, m.at) for m in run if isinstance(m, Merge)
            ]
            tx.run(
                "INSERT INTO merges (number, gone, kept, decided, at, apart)"
                " VALUES (:number, :gone, :kept, :decided, :at, 0)",
                rows,
            )
        else:
            tx.run(
                "UPDATE merges SET undone_at = :at, apart = :apart WHERE gone = :gone"
                " AND kept = :kept AND decided = :decided AND undone_at IS NULL",
                [(u.at, u.apart, u.gone, u.kept, u.decided) for u in run if isinstance(u, Undone)],
            )


def write_vault(
    tx: Transaction,
    vault: Vault,
    stated: Mapping[Person, Statements],
    regrouped: Mapping[str, Person],
) -> None:
    """Write the personal fields of people who consist of several, or did until this step.

    Each person's fields, and those of its origins, lie under that person's key: nobody who is gone
    has one.

    Args:
        tx: The transaction of the step; its rows of `origins` are there already.
        vault: Where the fields are.
        stated: What was stated in this step.
        regrouped: Everybody who is with others than before, or alone.
    """
    wholes = {p.whole for p in (*stated, *regrouped.values()) if p.whole is not None}
    alone = [p for p in regrouped.values() if p.whole is None]
    people = [one for whole in wholes for one in whole.origins.values()] + alone
    own = _own_statements(tx, vault, people)
    for person, new in stated.items():
        if person.whole is not None or person in alone:
            own[person.person_id] = merge_statements(own.get(person.person_id, {}), new)
    shown = {one.person_id: own[one.person_id] for one in alone if one.person_id in own}
    parts: dict[str, dict[str, Statements]] = {}
    for whole in wholes:
        known = {o.person_id: own[o.person_id] for o in whole.ordered() if o.person_id in own}
        if known:
            shown[whole.person_id] = together(known.values())
            parts[whole.person_id] = known
    # Whoever is gone, and whoever was shown what only somebody else had said.
    stale = ({one.home for one in people} | regrouped.keys()) - shown.keys()
    sealed = vault.replace(tx, shown, parts, gone=sorted(stale))
    tx.run(
        "UPDATE origins SET vault = :vault WHERE origin = :origin",
        [(body, origin) for origin, body in sorted(sealed.items())],
    )


def _own_statements(
    tx: Transaction, vault: Vault, people: Sequence[Person]
) -> dict[str, Statements]:
    homes = {person.person_id: person.home for person in people if person.filed}
    sealed: dict[str, tuple[str, bytes]] = {}
    for marks, bound in in_lists(sorted(homes)):
        for origin, body in tx.tuples(
            f"SELECT origin, vault FROM origins WHERE vault IS NOT NULL AND origin IN ({marks})",
            bound,
        ):
            sealed[origin] = homes[origin], bytes(body)
    apart = {person_id for person_id, _ in sealed.values()}
    # Alone until now, or joined before origins were kept: all of it is the survivor's.
    whole = [p.person_id for p in people if p.home == p.person_id and p.home not in apart]
    return {**vault.stated(tx, whole), **vault.stated_apart(tx, sealed)}
