"""How many people are in each segment now, and when that changed last."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from vocative.clock import from_micros
from vocative.stores import Transaction

_RECENT = 500


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Members, the latest recomputation and the latest change by segment; and everyone's number."""

    members: dict[str, int]
    computed_at: dict[str, datetime]
    changed_at: dict[str, datetime]
    people: int

    @property
    def known(self) -> set[str]:
        """Segments, also values of families, that were ever computed or have members."""
        return self.members.keys() | self.computed_at.keys()

    def members_of(self, name: str) -> int | None:
        """How many are in it now; None before it was ever computed."""
        return self.members.get(name, 0) if name in self.known else None


def read_sizes(tx: Transaction, only: str | None = None) -> Sizes:
    """Sizes as the memberships have them now.

    Args:
        tx: Where to read.
        only: A segment; all of them unless told.
    """
    one = "" if only is None else " AND segment = :segment"
    bound = {"segment": only}
    members = tx.tuples(
        f"SELECT segment, count(*) FROM memberships WHERE until_at IS NULL{one} GROUP BY segment",
        bound,
    )
    computed = tx.tuples(
        f"SELECT segment, max(computed_at) FROM segment_sizes WHERE 1 = 1{one} GROUP BY segment",
        bound,
    )
    names = {name for name, _ in (*members, *computed)}
    return Sizes(
        members={name: int(count) for name, count in members},
        computed_at={name: from_micros(at) for name, at in computed},
        changed_at=_changed_at(tx, names),
        people=int(tx.value("SELECT count(*) FROM profiles WHERE merged_into IS NULL")),
    )


def _changed_at(tx: Transaction, names: Iterable[str]) -> dict[str, datetime]:
    """When somebody entered or left last: each look-up is the edge of an index."""
    found = {}
    for name in names:
        bound = {"segment": name}
        left = tx.value("SELECT max(until_at) FROM memberships WHERE segment = :segment", bound)
        noted = tx.value('SELECT max("at") FROM membership_changes WHERE segment = :segment', bound)
        known = [at for at in (left, noted or _size_changed_at(tx, name)) if at is not None]
        if known:
            found[name] = from_micros(max(known))
    return found


def _size_changed_at(tx: Transaction, name: str) -> int | None:
    """The latest recomputation that found another number; for stores that note no changes.

    A recomputation in which somebody only entered shows here, any other change ended a membership.
    """
    rows = tx.tuples(
        "SELECT computed_at, members FROM segment_sizes WHERE segment = :segment"
        f" ORDER BY computed_at DESC LIMIT {_RECENT}",
        {"segment": name},
    )
    befores = [members for _, members in rows[1:]]
    if len(rows) < _RECENT:
        befores.append(0)
    for (at, members), before in zip(rows, befores, strict=False):
        if members != before:
            return int(at)
    return None
