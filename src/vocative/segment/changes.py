"""Who entered and left, as it was noted, and the intervals of one person."""

from typing import Any

from vocative.clock import from_micros
from vocative.errors import unknown_name
from vocative.segment.plan import base_name
from vocative.segment.results import Membership, MembershipChange, MembershipChanges
from vocative.workspace import Workspace

PAGE = 100
MOST = 1_000


def membership_changes(
    workspace: Workspace, *, after: int = 0, limit: int = PAGE, segment: str | None = None
) -> MembershipChanges:
    """Who entered and left which segment, oldest first, after a place in the list.

    Args:
        workspace: Where.
        after: Only changes with a larger `seq`: the `next` or `last` of the page before.
        limit: How many, at most 1,000.
        segment: Only changes of this segment.

    Raises:
        UnknownName: there is no such segment.
    """
    limit = max(1, min(limit, MOST))
    # Beyond the 64 bits of a store there is nothing.
    after = max(0, min(after, 2**63 - 1))
    bound: dict[str, Any] = {"after": after, "limit": limit + 1}
    only = ""
    if segment is not None:
        known = workspace.definitions("segment")
        if base_name(segment) not in known:
            raise unknown_name("segment", segment, known)
        only, bound["segment"] = " AND segment = :segment", segment
    with workspace.store.read() as tx:
        rows = tx.rows(
            'SELECT seq, person_id, segment, change, "at", recorded_at, cause'
            f" FROM membership_changes WHERE seq > :after{only} ORDER BY seq LIMIT :limit",
            bound,
        )
    found = [
        MembershipChange(
            **{name: row[name] for name in ("seq", "person_id", "segment", "change", "cause")},
            at=from_micros(row["at"]),
            recorded_at=from_micros(row["recorded_at"]),
        )
        for row in rows[:limit]
    ]
    last = found[-1].seq if found else after
    return MembershipChanges(changes=found, next=last if len(rows) > limit else None, last=last)


def memberships_of(workspace: Workspace, person_id: str, *, limit: int = PAGE) -> list[Membership]:
    """When a person was in which segment, the latest first; intervals that ended at once are none.

    Args:
        workspace: Where.
        person_id: A pseudonymous id.
        limit: How many, at most 1,000.
    """
    with workspace.store.read() as tx:
        rows = tx.tuples(
            "SELECT segment, since_at, until_at FROM memberships WHERE person_id = :person"
            " AND (until_at IS NULL OR until_at > since_at)"
            " ORDER BY since_at DESC, segment LIMIT :limit",
            {"person": person_id, "limit": max(1, min(limit, MOST))},
        )
    return [
        Membership(
            segment=segment,
            since_at=from_micros(since),
            until_at=None if until is None else from_micros(until),
        )
        for segment, since, until in rows
    ]
