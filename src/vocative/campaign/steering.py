"""What people do with a run: schedule, approve, pause, resume, cancel, try failures again.

Every one of these is a change of one row that senders look at, and an entry in the audit trail;
nothing here sends. `conducting.py` does what was asked for.
"""

import getpass
from datetime import datetime

import msgspec

from vocative.campaign.audience import FIRST, audience
from vocative.campaign.definitions import Campaign, read_campaign
from vocative.campaign.planning import new_run
from vocative.campaign.progress import CampaignRun, show_run
from vocative.campaign.runs import (
    Again,
    Approval,
    Details,
    Run,
    Status,
    Unless,
    change_run,
    find_run,
    get_run,
    list_runs,
    write_run,
)
from vocative.campaign.schedule import starts_at
from vocative.campaign.sending import find_channel
from vocative.deliver import ledger
from vocative.errors import StateError
from vocative.privacy import audit
from vocative.stores import Transaction
from vocative.workspace import Workspace


def schedule(
    workspace: Workspace,
    campaign: str,
    *,
    occurrence: str = FIRST,
    at: datetime | None = None,
    channel: str | None = None,
    override: str | None = None,
    by: str | None = None,
) -> CampaignRun:
    """Have the server send a campaign: at an instant, when its `schedule:` says, or at once.

    The audience is drawn when the run begins.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which run; a run that is only scheduled is scheduled anew.
        at: When it begins; what the campaign's `schedule.at` says unless told, else now.
        channel: What carries the messages; the first of the settings unless told.
        override: Why to send although a rule of the pre-flight speaks against it.
        by: Who says so; the user of the machine unless told.

    Raises:
        UnknownName: there is no such campaign or channel.
        AuthorError: the campaign is wrong, or the instant is not to be had.
        StateError: this run has begun already.
    """
    found = read_campaign(workspace, campaign)
    return _schedule(
        workspace, found, occurrence, Details(override=override), at=at, channel=channel, by=by
    )


def send_again(
    workspace: Workspace,
    campaign: str,
    *,
    unless: Unless,
    of: str = FIRST,
    occurrence: str | None = None,
    at: datetime | None = None,
    channel: str | None = None,
    by: str | None = None,
) -> CampaignRun:
    """Have the server send once more to those who got a run's message and did not act on it.

    What machines opened or clicked does not count.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        unless: `opened` leaves out who opened or clicked, `clicked` who clicked.
        of: The earlier run.
        occurrence: The name of the new run; made of both unless told.
        at: When it begins; now unless told.
        channel: What carries the messages; the first of the settings unless told.
        by: Who says so; the user of the machine unless told.

    Raises:
        UnknownName: there is no such campaign or run.
        StateError: the new run has begun already, or the old one has not.
    """
    found = read_campaign(workspace, campaign)
    with workspace.store.read() as tx:
        if not get_run(tx, campaign, of).is_planned:
            raise StateError(f"the run {of!r} of {campaign} has not begun")
    return _schedule(
        workspace,
        found,
        occurrence or f"{of}-not-{unless}",
        Details(again=Again(of=of, unless=unless)),
        at=at or workspace.clock.now(),
        channel=channel,
        by=by,
    )


def _schedule(
    workspace: Workspace,
    campaign: Campaign,
    occurrence: str,
    details: Details,
    *,
    at: datetime | None,
    channel: str | None,
    by: str | None,
) -> CampaignRun:
    name, _ = find_channel(workspace, campaign, channel)
    now = workspace.clock.now()
    begins = at or starts_at(campaign.body.schedule, workspace.settings) or now
    run = msgspec.structs.replace(
        new_run(campaign.name, occurrence, at=now, channel=name, conductor="server"),
        starts_at=begins,
        details=details,
    )
    definition = msgspec.json.encode(campaign.as_json()).decode()
    with workspace.store.transaction() as tx:
        if not write_run(tx, run, definition):
            raise StateError(
                f"the run {occurrence!r} of {campaign.name} has begun already",
                hint="give another one a name: --occurrence",
            )
        _note(workspace, tx, run, by, f"scheduled for {begins:%Y-%m-%d %H:%M} UTC")
    return _shown(workspace, run)


def approve(
    workspace: Workspace,
    campaign: str,
    *,
    occurrence: str | None = None,
    people: int | None = None,
    by: str | None = None,
) -> CampaignRun:
    """Let a run go to more people than it may without approval.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which run; the latest unless told.
        people: To how many at most; as many as it is for now unless told.
        by: Who approves; the user of the machine unless told.

    Raises:
        UnknownName: there is no such run.
        StateError: it is neither scheduled nor waits for approval, or is for more people.
    """
    run = _find(workspace, campaign, occurrence)
    if run.status not in ("scheduled", "unapproved"):
        raise StateError(f"this run of {campaign} is {run.status}: there is nothing to approve")
    now, who = workspace.clock.now(), by or getpass.getuser()
    wanted = _people(workspace, run)
    upto = wanted if people is None else people
    if run.is_planned and upto < wanted:
        raise StateError(f"the run is for {wanted:,} people, which is more than {upto:,}")
    approval = Approval(by=who, people=upto, at=now)
    details = msgspec.structs.replace(run.details, approval=approval, why=None)
    status: Status = "waiting" if run.is_planned else "scheduled"
    with workspace.store.transaction() as tx:
        _change(tx, run, status=status, details=details, conductor="server")
        _note(workspace, tx, run, by, f"approved for up to {upto} people")
    return _shown(workspace, run)


def _people(workspace: Workspace, run: Run) -> int:
    """For how many people a run is, the holdout left aside."""
    if not run.is_planned:
        return len(audience(workspace, read_campaign(workspace, run.campaign)))
    with workspace.store.read() as tx:
        counts = ledger.counts(tx, campaign=run.campaign, occurrence=run.occurrence)
    return sum(count.messages for count in counts if count.state != "skipped")


def pause(
    workspace: Workspace,
    campaign: str,
    *,
    occurrence: str | None = None,
    reason: str = "",
    by: str | None = None,
) -> CampaignRun:
    """Stop a run after the message in flight; what is left waits until it is resumed.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which run; the latest unless told.
        reason: Why, for whoever wonders.
        by: Who says so; the user of the machine unless told.

    Raises:
        UnknownName: there is no such run.
        StateError: it is not being sent.
    """
    run = _find(workspace, campaign, occurrence)
    _demand(run, ("sending", "waiting"), "paused")
    details = msgspec.structs.replace(run.details, why=reason[:500] or None)
    with workspace.store.transaction() as tx:
        _change(tx, run, status="paused", came_from=("sending", "waiting"), details=details)
        _note(workspace, tx, run, by, f"paused: {reason[:500]}")
    return _shown(workspace, run)


def resume(
    workspace: Workspace, campaign: str, *, occurrence: str | None = None, by: str | None = None
) -> CampaignRun:
    """Let a run go on that was paused, or held after its first share; the server sends it.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which run; the latest unless told.
        by: Who says so; the user of the machine unless told.

    Raises:
        UnknownName: there is no such run.
        StateError: it does not stand still.
    """
    run = _find(workspace, campaign, occurrence)
    _demand(run, ("paused", "held"), "resumed")
    now = workspace.clock.now()
    details = msgspec.structs.replace(run.details, why=None)
    with workspace.store.transaction() as tx:
        planned = bool(ledger.counts(tx, campaign=campaign, occurrence=run.occurrence))
        if not planned:
            # Held before it was planned: it begins now.
            run = msgspec.structs.replace(run, starts_at=now)
        _change(
            tx,
            run,
            status="waiting" if planned else "scheduled",
            conductor="server",
            details=details,
        )
        if run.status == "held" and planned:
            ledger.release(tx, campaign=campaign, occurrence=run.occurrence, at=now)
        _note(workspace, tx, run, by, "resumed")
    return _shown(workspace, run)


def cancel(
    workspace: Workspace,
    campaign: str,
    *,
    occurrence: str | None = None,
    reason: str = "",
    by: str | None = None,
) -> CampaignRun:
    """Give a run up for good: whoever has not got the message does not get it.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which run; the latest unless told.
        reason: Why, for whoever wonders.
        by: Who says so; the user of the machine unless told.

    Raises:
        UnknownName: there is no such run.
        StateError: it is finished or canceled.
    """
    run = _find(workspace, campaign, occurrence)
    stands: tuple[Status, ...] = (
        "scheduled", "unapproved", "sending", "waiting", "paused", "held",
    )  # fmt: skip
    _demand(run, stands, "canceled")
    now = workspace.clock.now()
    details = msgspec.structs.replace(run.details, why=reason[:500] or None)
    with workspace.store.transaction() as tx:
        _change(tx, run, status="canceled", came_from=stands, details=details, conductor="server")
        ledger.cancel(tx, campaign=campaign, occurrence=run.occurrence, at=now)
        _note(workspace, tx, run, by, f"canceled: {reason[:500]}")
    return _shown(workspace, run)


def retry(
    workspace: Workspace,
    campaign: str,
    *,
    occurrence: str | None = None,
    reason: str | None = None,
    by: str | None = None,
) -> CampaignRun:
    """Try messages of a run again that failed; the server sends them.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which run; the latest unless told.
        reason: Only those that failed for this reason; all of them unless told.
        by: Who says so; the user of the machine unless told.

    Raises:
        UnknownName: there is no such run.
        StateError: nothing of it failed, or it is canceled.
    """
    run = _find(workspace, campaign, occurrence)
    _demand(run, ("sending", "waiting", "paused", "held", "finished"), "tried again")
    now = workspace.clock.now()
    with workspace.store.transaction() as tx:
        again = ledger.retry_failed(
            tx, campaign=campaign, occurrence=run.occurrence, at=now, reason=reason
        )
        if not again:
            raise StateError("no message of this run failed", hint="see `vocative campaign runs`")
        if run.status == "finished":
            _change(tx, run, status="waiting", conductor="server")
        _note(workspace, tx, run, by, f"tried {again} messages again")
    return _shown(workspace, run)


def _find(workspace: Workspace, campaign: str, occurrence: str | None) -> Run:
    with workspace.store.read() as tx:
        if occurrence is None:
            latest = list_runs(tx, campaign)
            if latest:
                return latest[0]
        return get_run(tx, campaign, occurrence or FIRST)


def _demand(run: Run, statuses: tuple[Status, ...], done: str) -> None:
    if run.status not in statuses:
        raise StateError(
            f"the run {run.occurrence!r} of {run.campaign} is {run.status}: it cannot be {done}",
            hint=f"see `vocative campaign runs {run.campaign}`",
        )


def _change(
    tx: Transaction,
    run: Run,
    *,
    status: Status,
    came_from: tuple[Status, ...] | None = None,
    details: Details | None = None,
    conductor: str | None = None,
) -> None:
    changed = change_run(
        tx, run, status=status, came_from=came_from, details=details, conductor=conductor
    )
    if not changed:
        now = find_run(tx, run.campaign, run.occurrence)
        raise StateError(
            f"this run was changed meanwhile: it is {now.status if now else 'gone'}",
            hint="look at it, then decide again",
        )


def _note(workspace: Workspace, tx: Transaction, run: Run, by: str | None, action: str) -> None:
    audit.append(
        tx,
        at=workspace.clock.now(),
        actor=by or getpass.getuser(),
        action=action,
        subject=f"campaign {run.campaign}/{run.occurrence}",
    )


def _shown(workspace: Workspace, run: Run) -> CampaignRun:
    return show_run(workspace, run.campaign, run.occurrence)
