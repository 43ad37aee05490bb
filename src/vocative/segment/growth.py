"""How a segment grew: who entered, who left and how many were in, day by day.

Made from the intervals in `memberships`. They begin when the segment was first computed; before
that nothing is known, and nothing is made up.
"""

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from vocative.clock import from_micros, to_micros
from vocative.errors import unknown_name
from vocative.segment.plan import base_name
from vocative.segment.results import Growth, GrowthDay
from vocative.stores import Transaction
from vocative.workspace import Workspace

DAYS = 90
MOST_DAYS = 1_000
# Every time zone is a multiple of this away from UTC, so local days consist of whole pieces.
_PIECE = 15 * 60 * 1_000_000


def growth(workspace: Workspace, name: str, *, days: int = DAYS) -> Growth:
    """Who entered and left a segment, and how many were in it, per local day.

    Args:
        workspace: Where.
        name: A segment, or one of a family such as `country:France`.
        days: How many days to look back, today included; 1 to 1,000.

    Raises:
        UnknownName: there is no such segment.
    """
    known = workspace.definitions("segment")
    if base_name(name) not in known:
        raise unknown_name("segment", name, known)
    zone = ZoneInfo(workspace.settings.timezone)
    today = workspace.clock.now().astimezone(zone).date()
    with workspace.store.read() as tx:
        since = _recorded_since(tx, name)
        redefined = _redefined_at(tx, base_name(name), since)
        if since is None:
            counted, started_with = [], 0
        else:
            first = max(
                today - timedelta(days=max(1, min(days, MOST_DAYS)) - 1),
                min(today, since.astimezone(zone).date()),
            )
            started_with = _entered_by(tx, name, since)
            counted = _days(tx, name, since, first, today, zone)
    return Growth(
        segment=name,
        timezone=workspace.settings.timezone,
        recorded_since=since,
        started_with=started_with,
        redefined_at=redefined,
        days=counted,
    )


def _recorded_since(tx: Transaction, name: str) -> datetime | None:
    """When the segment, or its family, was computed first."""
    family = base_name(name)
    first = tx.value(
        "SELECT min(computed_at) FROM segment_sizes WHERE segment IN (:name, :family)"
        " OR substr(segment, 1, :length) = :beginning",
        {
            "name": name,
            "family": family,
            "length": len(family) + 1,
            "beginning": f"{family}:",
        },
    )
    entered = tx.value("SELECT min(since_at) FROM memberships WHERE segment = :s", {"s": name})
    known = [at for at in (first, entered) if at is not None]
    return from_micros(min(known)) if known else None


def _redefined_at(tx: Transaction, name: str, since: datetime | None) -> list[datetime]:
    """When another definition of the segment was applied, after its first."""
    if since is None:
        return []
    rows = tx.tuples(
        "SELECT applied_at FROM definitions WHERE kind = 'segment' AND name = :name"
        " AND applied_at > :since AND revision > 1 ORDER BY revision",
        {"name": name, "since": to_micros(since)},
    )
    return [from_micros(at) for (at,) in rows]


def _entered_by(tx: Transaction, name: str, at: datetime) -> int:
    return int(
        tx.value(
            "SELECT count(*) FROM memberships WHERE segment = :name AND since_at <= :at"
            " AND (until_at IS NULL OR until_at > since_at)",
            {"name": name, "at": to_micros(at)},
        )
    )


def _days(
    tx: Transaction, name: str, since: datetime, first: date, last: date, zone: ZoneInfo
) -> list[GrowthDay]:
    began, end = _midnight(first, zone), _midnight(last + timedelta(days=1), zone)
    span = {"name": name, "began": to_micros(began), "end": to_micros(end)}
    # What the first recording found is no entering: it only became known then.
    entered = _by_day(tx, "since_at", {**span, "after": to_micros(since)}, zone)
    left = _by_day(tx, "until_at", {**span, "after": to_micros(since) - 1}, zone)
    members = _entered_by(tx, name, since) if began <= since else _members_at(tx, name, began)
    found = []
    for number in range((last - first).days + 1):
        on = first + timedelta(days=number)
        members += entered.get(on, 0) - left.get(on, 0)
        found.append(
            GrowthDay(on=on, entered=entered.get(on, 0), left=left.get(on, 0), members=members)
        )
    return found


def _members_at(tx: Transaction, name: str, at: datetime) -> int:
    """How many were in just before an instant."""
    return int(
        tx.value(
            "SELECT count(*) FROM memberships WHERE segment = :name AND since_at < :at"
            " AND (until_at IS NULL OR (until_at >= :at AND until_at > since_at))",
            {"name": name, "at": to_micros(at)},
        )
    )


def _by_day(tx: Transaction, column: str, span: dict[str, Any], zone: ZoneInfo) -> dict[date, int]:
    """How many intervals begin or end on each local day; empty ones do not count."""
    rows = tx.tuples(
        f"SELECT {column} / {_PIECE} AS piece, count(*) FROM memberships WHERE segment = :name"
        f" AND {column} >= :began AND {column} < :end AND since_at > :after"
        " AND (until_at IS NULL OR until_at > since_at) GROUP BY 1",
        span,
    )
    found: dict[date, int] = {}
    for piece, count in rows:
        on = from_micros(int(piece) * _PIECE).astimezone(zone).date()
        found[on] = found.get(on, 0) + int(count)
    return found


def _midnight(on: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(on, time(), zone)
