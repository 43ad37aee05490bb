"""Lists of people for the web app.

Pseudonymous rows are joined with names from the vault here, at the edge, for those who may see
them; every such read is audited.
"""

from datetime import datetime

import msgspec

from vocative.campaign.explain import find_person
from vocative.clock import from_micros
from vocative.errors import UnknownName
from vocative.privacy import audit
from vocative.segment.plan import base_name, build_plan
from vocative.stores import Transaction, in_lists
from vocative.workspace import Workspace

PAGE = 50
MAX_PAGE = 200


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """One person in a list."""

    person_id: str
    name: str | None
    email: str | None
    country: str | None
    first_seen_at: datetime
    last_event_at: datetime
    orders: int
    spend: float
    segments: list[str]


class People(msgspec.Struct, frozen=True, kw_only=True):
    """A page of people; `next` is the `after` of the next page."""

    total: int
    people: list[PersonRow]
    next: str | None


def list_people(
    workspace: Workspace,
    *,
    search: str | None = None,
    segment: str | None = None,
    limit: int = PAGE,
    after: str | None = None,
) -> People:
    """People, by search or segment.

    Args:
        workspace: Where.
        search: An e-mail address, a user id, or the start of a person id.
        segment: Only members of this segment.
        limit: How many on a page, at most 200.
        after: The `next` of the page before.

    Raises:
        UnknownName: there is no such segment.
    """
    limit = max(1, min(limit, MAX_PAGE))
    condition, bound = "merged_into IS NULL", {}
    if segment:
        plan = build_plan(workspace)
        if base_name(segment) not in plan.segments:
            raise UnknownName(f"there is no segment {segment!r}")
        condition += (
            " AND person_id IN (SELECT person_id FROM memberships WHERE segment = :segment"
            " AND until_at IS NULL)"
        )
        bound["segment"] = segment
    if search and search.strip():
        condition += " AND person_id LIKE :found"
        bound["found"] = _searched(workspace, search.strip())
    with workspace.store.read() as tx:
        total = int(tx.value(f"SELECT count(*) FROM profiles WHERE {condition}", bound) or 0)
        page = tx.tuples(
            f"SELECT person_id FROM profiles WHERE {condition} AND person_id > :after"
            " ORDER BY person_id LIMIT :limit",
            {**bound, "after": after or "", "limit": limit + 1},
        )
    ids = [row[0] for row in page[:limit]]
    return People(
        total=total, people=rows_of(workspace, ids), next=ids[-1] if len(page) > limit else None
    )


def rows_of(workspace: Workspace, person_ids: list[str]) -> list[PersonRow]:
    """List rows of given people, in their order."""
    if not person_ids:
        return []
    with workspace.store.read() as tx:
        rows = [
            row
            for marks, bound in in_lists(person_ids)
            for row in tx.rows(
                "SELECT person_id, first_seen_at, updated_at, traits FROM profiles"
                f" WHERE person_id IN ({marks})",
                bound,
            )
        ]
        personal = workspace.vault.get_many(tx, person_ids)
        segments = _segments_of(tx, person_ids)
    bought = _bought(workspace, person_ids)
    note_read(workspace, "list people", f"{len(person_ids)} people")
    found = {
        row["person_id"]: PersonRow(
            person_id=row["person_id"],
            name=name_of(personal.get(row["person_id"], {})),
            email=personal.get(row["person_id"], {}).get("email"),
            country=msgspec.json.decode(row["traits"]).get("country"),
            first_seen_at=from_micros(row["first_seen_at"]),
            last_event_at=from_micros(row["updated_at"]),
            orders=bought.get(row["person_id"], (0, 0.0))[0],
            spend=round(bought.get(row["person_id"], (0, 0.0))[1], 2),
            segments=segments.get(row["person_id"], []),
        )
        for row in rows
    }
    return [found[person_id] for person_id in person_ids if person_id in found]


def names_of(
    workspace: Workspace, person_ids: list[str]
) -> dict[str, tuple[str | None, str | None]]:
    """(name, e-mail address) by person id."""
    with workspace.store.read() as tx:
        personal = workspace.vault.get_many(tx, person_ids)
    return {p: (name_of(personal.get(p, {})), personal.get(p, {}).get("email")) for p in person_ids}


def _searched(workspace: Workspace, search: str) -> str:
    try:
        return find_person(workspace, search)
    except UnknownName:
        plain = "".join(character for character in search if character.isalnum())
        return f"{plain}%" if plain == search else "-"


def name_of(personal: dict[str, str]) -> str | None:
    """The name to show, from vault fields."""
    parts = [personal.get("first_name"), personal.get("last_name")]
    return " ".join(part for part in parts if part) or personal.get("name")


def _segments_of(tx: Transaction, ids: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for marks, bound in in_lists(ids):
        for person_id, segment in tx.tuples(
            f"SELECT person_id, segment FROM memberships WHERE person_id IN ({marks})"
            " AND until_at IS NULL ORDER BY segment",
            bound,
        ):
            found.setdefault(person_id, []).append(segment)
    return found


def _bought(workspace: Workspace, ids: list[str]) -> dict[str, tuple[int, float]]:
    if not ids:
        return {}
    with workspace.engine() as engine:
        rows = engine.rows(
            "SELECT person_id, count(*) FILTER (WHERE name = 'Order Completed') AS orders,"
            " coalesce(sum(revenue), 0) AS spend FROM events WHERE name IN ('Order Completed',"
            " 'Order Refunded') AND list_contains($ids, person_id) GROUP BY person_id",
            {"ids": ids},
        )
    return {row["person_id"]: (int(row["orders"]), float(row["spend"])) for row in rows}


def note_read(workspace: Workspace, action: str, subject: str) -> None:
    """Put a read of personal data on the audit chain."""
    with workspace.store.transaction() as tx:
        audit.append(tx, at=workspace.clock.now(), actor="api", action=action, subject=subject)
