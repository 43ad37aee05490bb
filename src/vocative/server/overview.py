"""The first page: key numbers, what needs attention, what happened lately."""

from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from vocative.campaign import CampaignSummary, list_campaigns
from vocative.campaign.halting import list_halts
from vocative.clock import from_micros
from vocative.collect.quality.alerts import QualityAlert, open_alerts
from vocative.segment import list_segments
from vocative.workspace import Workspace

WEEKS = 53
_STALE = timedelta(days=2)
_MOST_UNUSUAL = 5


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs attention."""

    level: Literal["info", "warning", "error"]
    message: str
    hint: str | None = None


class Week(msgspec.Struct, frozen=True, kw_only=True):
    """One calendar week, from Monday (UTC)."""

    week_on: date
    orders: int
    revenue: float
    active_people: int


class SegmentCount(msgspec.Struct, frozen=True, kw_only=True):
    """A segment's size."""

    name: str
    count: int


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The first page."""

    workspace: str
    currency: str
    timezone: str
    people: int
    events: int
    items: int
    last_event_at: datetime | None
    computed_at: datetime | None
    alerts: list[Alert]
    weeks: list[Week]
    campaigns: list[CampaignSummary]
    segments: list[SegmentCount]


def overview(workspace: Workspace) -> Overview:
    """Key numbers, alerts and recent campaigns."""
    with workspace.store.read() as tx:
        people = int(tx.value("SELECT count(*) FROM profiles WHERE merged_into IS NULL") or 0)
        items = int(tx.value("SELECT count(*) FROM items WHERE active = 1") or 0)
        events = workspace.history.row_count(tx, "events")
        unusual = open_alerts(tx)
        last = tx.value("SELECT max(updated_at) FROM profiles")
        computed = tx.value("SELECT max(computed_at) FROM segment_sizes")
        applied = int(
            tx.value("SELECT position FROM stream_offsets WHERE consumer = 'identify'") or 0
        )
    campaigns = list_campaigns(workspace)
    waiting = workspace.log.last_position() - applied
    return Overview(
        workspace=workspace.settings.workspace,
        currency=workspace.settings.currency,
        timezone=workspace.settings.timezone,
        people=people,
        events=events,
        items=items,
        last_event_at=from_micros(last) if last else None,
        computed_at=from_micros(computed) if computed else None,
        alerts=[
            *_halt_alerts(workspace),
            *_alerts(people, waiting, campaigns, last, computed, unusual),
        ],
        weeks=_weeks(workspace),
        campaigns=campaigns[:5],
        segments=sorted(
            (
                SegmentCount(name=segment.name, count=segment.count or 0)
                for segment in list_segments(workspace)
                if segment.family is None
            ),
            key=lambda counted: -counted.count,
        ),
    )


_STANDS_STILL = {
    "paused": "vocative campaign resume {} goes on where it stopped.",
    "held": "vocative campaign runs {} says why.",
    "unapproved": "vocative campaign approve {} lets it go.",
}
"""What to do about a run that nobody sends."""


def _halt_alerts(workspace: Workspace) -> list[Alert]:
    return [
        Alert(
            level="warning",
            message=f"{halt.campaign or 'Everything'} is halted by {halt.by}: nothing is sent.",
            hint="vocative campaign unhalt takes it back.",
        )
        for halt in list_halts(workspace).halts
    ]


def _alerts(
    people: int,
    waiting: int,
    campaigns: list[CampaignSummary],
    last: int | None,
    computed: int | None,
    unusual: list[QualityAlert],
) -> list[Alert]:
    found = [
        Alert(level="warning", message=one.told, hint="vocative quality tells more.")
        for one in unusual[:_MOST_UNUSUAL]
    ]
    if people == 0:
        found.append(
            Alert(
                level="info",
                message="Nobody is here yet.",
                hint="vocative import FILE --map MAPPING, or vocative demo",
            )
        )
    for campaign in campaigns:
        if campaign.ambiguous:
            found.append(
                Alert(
                    level="warning",
                    message=f"{campaign.ambiguous} messages of {campaign.campaign} may or may not"
                    " have arrived: the connection broke before the answer.",
                    hint="They are listed in the campaign's messages.",
                )
            )
        if campaign.status in _STANDS_STILL:
            found.append(
                Alert(
                    level="warning",
                    message=f"{campaign.campaign} is {campaign.status}: not everybody was reached.",
                    hint=_STANDS_STILL[campaign.status].format(campaign.campaign),
                )
            )
    if waiting > 20:
        found.append(
            Alert(level="warning", message=f"{waiting} batches of events wait to be applied.")
        )
    if last and computed and from_micros(last) - from_micros(computed) > _STALE:
        found.append(
            Alert(
                level="warning",
                message="Segments are older than the newest events.",
                hint="vocative segment recompute",
            )
        )
    return found


def _weeks(workspace: Workspace) -> list[Week]:
    with workspace.engine() as engine:
        rows = engine.rows(
            "SELECT CAST(date_trunc('week', \"at\") AS DATE) AS week_on,"
            " count(*) FILTER (WHERE name = 'Order Completed') AS orders,"
            " coalesce(sum(revenue) FILTER (WHERE name IN ('Order Completed',"
            " 'Order Refunded')), 0) AS revenue,"
            " count(DISTINCT person_id) AS active_people"
            " FROM events GROUP BY 1 ORDER BY 1 DESC LIMIT $weeks",
            {"weeks": WEEKS},
        )
    return [
        Week(
            week_on=row["week_on"],
            orders=int(row["orders"]),
            revenue=round(float(row["revenue"]), 2),
            active_people=int(row["active_people"]),
        )
        for row in reversed(rows)
    ]
