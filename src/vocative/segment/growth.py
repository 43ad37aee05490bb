"""How a segment grew: who entered, who left and how many were in, day by day.

Made from `membership_changes`, back from who is in it now. They begin when the segment was first
computed; before that nothing is known, and nothing is made up. Whom another definition finds in or
out was recounted: nobody entered or left.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from vocative.clock import from_micros, to_micros
from vocative.errors import unknown_name
from vocative.segment.plan import Plan, base_name, build_plan
from vocative.segment.results import Growth, GrowthDay
from vocative.segment.sizes import count_members
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
            started_with=record.found_on(began) if record else 0,
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
    changed = tx.value(
        'SELECT min("at") FROM membership_changes WHERE segment = :name', {"name": name}
    )
    known = [at for at in (first, changed) if at is not None]
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


@dataclass
class _Moves:
    """How many people came and went, by local day."""

    entered: Counter[date] = field(default_factory=Counter)
    left: Counter[date] = field(default_factory=Counter)
    recounted: Counter[date] = field(default_factory=Counter)

    @property
    def net(self) -> int:
        """How many more there are after all of it."""
        return self.entered.total() - self.left.total() + self.recounted.total()


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

    def found_on(self, on: date) -> int:
        """How many more a definition found on a day."""
        return self._moves(on, before=on + timedelta(days=1)).recounted[on]

    def days(self, first: date, last: date) -> list[GrowthDay]:
        """Each day from `first` to `last`."""
        moves = self._moves(first)
        members = count_members(self._tx, self._name).get(self._name, 0) - moves.net
        days = []
        for number in range((last - first).days + 1):
            on = first + timedelta(days=number)
            entered, left, recounted = moves.entered[on], moves.left[on], moves.recounted[on]
            members += entered - left + recounted
            days.append(
                GrowthDay(on=on, entered=entered, left=left, recounted=recounted, members=members)
            )
        return days

    def _moves(self, first: date, before: date | None = None) -> _Moves:
        """Who came and went from a day on, or only before another.

        Who entered and left at one instant did neither.
        """
        end = None if before is None else self._midnight(before)
        until = "" if end is None else ' AND "at" < :end'
        rows = self._tx.tuples(
            "SELECT piece, net, sum(anew), count(*) FROM ("
            f'SELECT "at" / {_PIECE} AS piece,'
            " sum(CASE change WHEN 'entered' THEN 1 ELSE -1 END) AS net,"
            " max(CASE WHEN cause = 'definition' OR \"at\" = :since THEN 1 ELSE 0 END) AS anew"
            f' FROM membership_changes WHERE segment = :name AND "at" >= :began{until}'
            ' GROUP BY "at", person_id) AS instants WHERE net <> 0 GROUP BY piece, net',
            {
                "name": self._name,
                "since": self._since,
                "began": self._midnight(first),
                "end": end,
            },
        )
        moves = _Moves()
        for piece, net, defined, everybody in rows:
            on = from_micros(int(piece) * _PIECE).astimezone(self._zone).date()
            # On other days, computing anew only found what had happened in the meantime.
            anew = int(defined) if on in self._recounted_on else 0
            moved = moves.entered if net > 0 else moves.left
            moved[on] += int(everybody) - anew
            moves.recounted[on] += anew if net > 0 else -anew
        return moves

    def _midnight(self, on: date) -> int:
        return to_micros(datetime.combine(on, time(), self._zone))
