"""How many people are in each segment now, and when that changed last."""

from dataclasses import dataclass
from datetime import datetime

from vocative.clock import from_micros
from vocative.stores import Transaction


@dataclass(frozen=True, kw_only=True)
class CurrentSizes:
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


def read_sizes(tx: Transaction, only: str | None = None) -> CurrentSizes:
    """Sizes as the memberships have them now.

    Args:
        tx: Where to read.
        only: A segment; all of them unless told.
    """
    members = count_members(tx, only)
    one = "" if only is None else " WHERE segment = :segment"
    computed = tx.tuples(
        f"SELECT segment, max(computed_at) FROM segment_sizes{one} GROUP BY segment",
        {"segment": only},
    )
    names = {*members, *(name for name, _ in computed)}
    # Each look-up is the edge of an index.
    changed = {
        name: tx.value(
            'SELECT max("at") FROM membership_changes WHERE segment = :segment', {"segment": name}
        )
        for name in names
    }
    return CurrentSizes(
        members=members,
        computed_at={name: from_micros(at) for name, at in computed},
        changed_at={name: from_micros(at) for name, at in changed.items() if at is not None},
        people=int(tx.value("SELECT count(*) FROM profiles WHERE merged_into IS NULL")),
    )


def count_members(tx: Transaction, only: str | None = None) -> dict[str, int]:
    """How many people are in each segment that has some now.

    Args:
        tx: Where to read.
        only: A segment; all of them unless told.
    """
    one = "" if only is None else " AND segment = :segment"
    rows = tx.tuples(
        f"SELECT segment, count(*) FROM memberships WHERE until_at IS NULL{one} GROUP BY segment",
        {"segment": only},
    )
    return {name: int(count) for name, count in rows}
