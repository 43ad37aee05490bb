"""How a segment grew: who entered, who left and how many were in, day by day.

Made from the intervals in `memberships`. They begin when the segment was first computed; before
that nothing is known, and nothing is made up. Whom another definition finds in or out was
recounted: nobody entered or left.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from vocative.clock import from_micros, to_micros
from vocative.errors import unknown_name
from vocative.segment.plan import Plan, base_name, build_plan
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
        AuthorError: a definition is wrong.
    """
    plan = build_plan(workspace)
    if base_name(name) not in plan.segments:
        raise unknown_name("segment", name, plan.segments)
    zone = ZoneInfo(workspace.settings.timezone)
    today = workspace.clock.now().astimezone(zone).date()
    with workspace.store.read() as tx:
        since = _recorded_since(tx, name)
        began = today if since is None else min(today, since.astimezone(zone).date())
        first = max(today - timedelta(days=max(1, min(days, MOST_DAYS)) - 1), began)
        redefined = _redefined_at(tx, plan, name, since)
        record = None if since is None else _Record(tx, name, since, zone, redefined)
        return Growth(
            segment=name,
            timezone=workspace.settings.timezone,
            recorded_since=since,
            started_with=record.days(began, began)[0].recounted if record else 0,
            redefined_at=redefined,
            days=record.days(first, today) if record else [],
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


def _redefined_at(tx: Transaction, plan: Plan, name: str, since: datetime | None) -> list[datetime]:
    """When another definition of the segment, or of what it is made from, was applied."""
    if since is None:
        return []
    segments = plan.segments_needed([name])
    fields = {field for found in segments.values() for field in found.fields}
    features = plan.features_needed(fields & plan.features.keys())
    rows = tx.tuples(
        "SELECT kind, name, applied_at FROM definitions WHERE kind IN ('segment', 'feature')"
        " AND applied_at > :since AND revision > 1",
        {"since": to_micros(since)},
    )
    names = {("segment", one) for one in segments} | {("feature", one) for one in features}
    found = {at for kind, one, at in rows if (kind, one) in names}
    return [from_micros(at) for at in sorted(found)]


class _Record:
    """What is known of one segment's members, by local day."""

    def __init__(
        self,
        tx: Transaction,
        name: str,
        since: datetime,
        zone: ZoneInfo,
        redefined_at: Sequence[datetime],
    ) -> None:
        self._tx = tx
        self._name = name
        self._since = to_micros(since)
        self._zone = zone
        # Computing everybody anew may go on over midnight.
        days = {at.astimezone(zone).date() for at in redefined_at}
        self._recounted_on = {since.astimezone(zone).date()}
        self._recounted_on |= days | {on + timedelta(days=1) for on in days}

    def days(self, first: date, last: date) -> list[GrowthDay]:
        """Each day from `first` to `last`."""
        began, end = self._midnight(first), self._midnight(last + timedelta(days=1))
        entered, found = self._by_day("since_at", "entered", began, end)
        left, lost = self._by_day("until_at", "exited", began, end)
        members = self._members_before(began)
        days = []
        for number in range((last - first).days + 1):
            on = first + timedelta(days=number)
            recounted = found[on] - lost[on]
            members += entered[on] - left[on] + recounted
            days.append(
                GrowthDay(
                    on=on,
                    entered=entered[on],
                    left=left[on],
                    recounted=recounted,
                    members=members,
                )
            )
        return days

    def _by_day(
        self, column: str, change: str, began: int, end: int
    ) -> tuple[Counter[date], Counter[date]]:
        """How many intervals begin or end on each day: by themselves, and by a definition.

        Intervals that ended as they began never were.
        """
        rows = self._tx.tuples(
            f"SELECT m.{column} / {_PIECE} AS piece, count(*), sum(CASE WHEN noted.cause ="
            f" 'definition' OR m.{column} = :since THEN 1 ELSE 0 END) FROM memberships AS m"
            " LEFT JOIN membership_changes AS noted ON noted.person_id = m.person_id"
            " AND noted.segment = m.segment AND noted.change = :change"
            f' AND noted."at" = m.{column}'
            f" WHERE m.segment = :name AND m.{column} >= :began AND m.{column} < :end"
            " AND (m.until_at IS NULL OR m.until_at > m.since_at) GROUP BY 1",
            {
                "name": self._name,
                "change": change,
                "since": self._since,
                "began": began,
                "end": end,
            },
        )
        moved: Counter[date] = Counter()
        recounted: Counter[date] = Counter()
        for piece, everybody, defined in rows:
            on = from_micros(int(piece) * _PIECE).astimezone(self._zone).date()
            # On other days, computing anew only found what had happened in the meantime.
            anew = int(defined) if on in self._recounted_on else 0
            moved[on] += int(everybody) - anew
            recounted[on] += anew
        return moved, recounted

    def _members_before(self, at: int) -> int:
        return int(
            self._tx.value(
                "SELECT count(*) FROM memberships WHERE segment = :name AND since_at < :at"
                " AND (until_at IS NULL OR (until_at >= :at AND until_at > since_at))",
                {"name": self._name, "at": at},
            )
        )

    def _midnight(self, on: date) -> int:
        return to_micros(datetime.combine(on, time(), self._zone))
