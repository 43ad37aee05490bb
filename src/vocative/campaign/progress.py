"""How runs of campaigns stand: what is done, what is left, when it goes on, why it does not.

Read from the run's row and counted in the ledger, so it is as true while a run is sent as after
a restart.
"""

from datetime import datetime, timedelta

import msgspec

from vocative.campaign.halting import halted
from vocative.campaign.runs import Run, get_run, list_runs
from vocative.clock import from_micros, to_micros
from vocative.deliver import ledger
from vocative.deliver.ledger import Count
from vocative.stores import Transaction
from vocative.workspace import Workspace

_LATELY = timedelta(minutes=5)
_SETTLED = ("accepted", "bounced", "failed", "ambiguous", "skipped")


class CampaignRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run of a campaign, as it stands."""

    campaign: str
    occurrence: str
    status: str
    why: str | None
    """Why it stands still."""
    starts_at: datetime | None
    planned_at: datetime | None
    finished_at: datetime | None
    channel: str | None
    repeats: str | None
    """The earlier run to whose people it goes again."""
    unless: str | None
    approved_by: str | None
    approved_people: int | None
    people: int
    """Everyone in the audience, the holdout included."""
    done: int
    """People whose message is settled, one way or the other."""
    kept_back: int
    """People whose message waits until the first share has gone well."""
    counts: dict[str, int]
    """Messages by state; with a reason where there is one, as `skipped: capped`."""
    per_minute: float
    """Messages that left, in the last five minutes."""
    next_at: datetime | None
    """When the next message is due of those that wait."""


class CampaignRuns(msgspec.Struct, frozen=True, kw_only=True):
    """The runs of a campaign, latest first."""

    campaign: str
    halted: str | None
    """Who halted it or everything, and why."""
    runs: list[CampaignRun]


def campaign_runs(workspace: Workspace, campaign: str) -> CampaignRuns:
    """The runs of a campaign: how far each is, and why it stands still.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
    """
    with workspace.store.read() as tx:
        return CampaignRuns(
            campaign=campaign,
            halted=halted(tx, campaign),
            runs=[_shown(workspace, tx, run) for run in list_runs(tx, campaign)],
        )


def show_run(workspace: Workspace, campaign: str, occurrence: str) -> CampaignRun:
    """One run.

    Raises:
        UnknownName: there is no such run.
    """
    with workspace.store.read() as tx:
        return _shown(workspace, tx, get_run(tx, campaign, occurrence))


def _shown(workspace: Workspace, tx: Transaction, run: Run) -> CampaignRun:
    named = {"campaign": run.campaign, "occurrence": run.occurrence}
    counts = ledger.counts(tx, campaign=run.campaign, occurrence=run.occurrence)
    left = tx.value(
        "SELECT count(*) FROM messages WHERE campaign = :campaign AND occurrence = :occurrence"
        " AND handed_at > :since",
        {**named, "since": to_micros(workspace.clock.now() - _LATELY)},
    )
    next_at = tx.value(ledger.QUERIES["next_attempt"], named)
    approval, again = run.details.approval, run.details.again
    return CampaignRun(
        campaign=run.campaign,
        occurrence=run.occurrence,
        status=run.status,
        why=run.details.why,
        starts_at=run.starts_at,
        planned_at=run.planned_at if counts else None,
        finished_at=run.finished_at,
        channel=run.channel,
        repeats=again.of if again else None,
        unless=again.unless if again else None,
        approved_by=approval.by if approval else None,
        approved_people=approval.people if approval else None,
        people=sum(count.messages for count in counts),
        done=sum(count.messages for count in counts if count.state in _SETTLED),
        kept_back=sum(count.messages for count in counts if count.reason == "kept_back"),
        counts={_named(count): count.messages for count in counts},
        per_minute=float(left or 0) / (_LATELY / timedelta(minutes=1)),
        next_at=None if next_at is None else from_micros(next_at),
    )


def _named(count: Count) -> str:
    return f"{count.state}: {count.reason}" if count.reason else count.state
