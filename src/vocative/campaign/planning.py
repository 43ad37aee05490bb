"""Plans a run: who is in it, when each message is due, what goes first, whether it may go at all.

One ledger row per person is written in one transaction, together with the run. From then on the
ledger alone says what is left to do.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from vocative.campaign.again import people_again
from vocative.campaign.audience import audience, planned_messages
from vocative.campaign.canary import keep_back
from vocative.campaign.definitions import Campaign
from vocative.campaign.preflight.holding import hold_rules
from vocative.campaign.runs import Details, Run, write_run
from vocative.campaign.schedule import Timing, timing
from vocative.decide import codes
from vocative.decide.send_hours import best_hours
from vocative.deliver import ledger
from vocative.deliver.ledger import PlannedMessage
from vocative.errors import StateError
from vocative.privacy.permit import contact_zone
from vocative.segment import advance
from vocative.stores import in_lists
from vocative.workspace import Workspace


def launch(
    workspace: Workspace,
    campaign: Campaign,
    run: Run,
    *,
    progress: Callable[..., None] | None = None,
) -> None:
    """Plan a run that is not planned yet; the audience is exact at this instant.

    Raises:
        StateError: nobody is in the audience, or a rule of the pre-flight does not hold.
        AuthorError: the campaign's template is wrong; then nothing is planned.
    """
    advance(workspace)
    hold_rules(
        workspace, campaign, run.occurrence, override=run.details.override, progress=progress
    )
    people = run_audience(workspace, campaign, run)
    if not people:
        raise StateError(
            f"nobody is in the audience of {campaign.name}",
            where=campaign.definition.where("segment" if campaign.body.segment else "where"),
            hint="see `vocative segment list`, or import data first",
        )
    if any(offer.codes for offer in campaign.body.offers):
        # What is left of the codes must not change until it is noted who gets which.
        with workspace.worker_lock(codes.LOCK):
            _plan(workspace, campaign, run, people)
    else:
        _plan(workspace, campaign, run, people)


def run_audience(workspace: Workspace, campaign: Campaign, run: Run) -> list[str]:
    """Ids of the people a run is for now, sorted."""
    again = run.details.again
    return people_again(workspace, campaign, again) if again else audience(workspace, campaign)


def _plan(workspace: Workspace, campaign: Campaign, run: Run, people: list[str]) -> None:
    now = workspace.clock.now()
    # A second message is no second experiment: everybody keeps the arm they had.
    drawn_as = run.details.again.of if run.details.again else None
    messages = list(
        planned_messages(workspace, campaign, run.occurrence, people, drawn_as=drawn_as)
    )
    when = timing(campaign.body.schedule, workspace.settings, start=now)
    if when is not None:
        messages = _timed(workspace, campaign, messages, when)
    if campaign.canary is not None:
        messages = keep_back(messages, campaign.canary, f"{campaign.name}/{run.occurrence}")
    run = _approved(workspace, campaign, run, messages)
    run = msgspec.structs.replace(run, planned_at=now)
    definition = msgspec.json.encode(campaign.as_json()).decode()
    with workspace.store.transaction() as tx:
        # Two processes that launch at once: the one that was first has planned it.
        if write_run(tx, run, definition):
            ledger.plan(tx, messages, at=now)


def approval_limit(workspace: Workspace, campaign: Campaign) -> int | None:
    """To how many people a campaign may go without approval; None: to any number."""
    limits = (campaign.body.approve_above, workspace.settings.approve_above)
    return min((limit for limit in limits if limit is not None), default=None)


def _approved(
    workspace: Workspace, campaign: Campaign, run: Run, messages: list[PlannedMessage]
) -> Run:
    """The run as it may go on: sending, or waiting for approval."""
    people = sum(message.skipped is None for message in messages)
    limit = approval_limit(workspace, campaign)
    given = run.details.approval.people if run.details.approval else 0
    if limit is None or people <= max(limit, given):
        return msgspec.structs.replace(run, status="sending")
    why = f"{people:,} people: more than {max(limit, given):,} need approval"
    details = msgspec.structs.replace(run.details, why=why)
    return msgspec.structs.replace(run, status="unapproved", details=details)


def _timed(
    workspace: Workspace, campaign: Campaign, messages: list[PlannedMessage], when: Timing
) -> list[PlannedMessage]:
    """The messages with the instants at which they are due, and why then."""
    zones = {
        person_id: contact_zone(traits, workspace.settings.timezone)
        for person_id, traits in _traits(workspace, messages).items()
    }
    wish = campaign.body.schedule.best_hour
    hours: Mapping[str, tuple[int, str]] = {}
    if wish is not None:
        hours = best_hours(
            workspace,
            {person_id: zone for person_id, (zone, _) in zones.items()},
            score=wish.score,
            otherwise=wish.otherwise,
        )
    fallback = contact_zone(None, workspace.settings.timezone)
    timed = []
    for message in messages:
        if message.skipped is not None:
            timed.append(message)
            continue
        zone, whose = zones.get(message.person_id, fallback)
        hour, source = hours.get(message.person_id, (None, None))
        due = when.send_at(zone, hour, person_id=message.person_id)
        noted = {"send_at": due.isoformat(), "zone": f"{zone.key} ({whose})"}
        if hour is not None:
            noted["best_hour"] = f"{hour}:00, {source}"
        timed.append(
            msgspec.structs.replace(message, send_at=due, decision={**message.decision, **noted})
        )
    return timed


def _traits(workspace: Workspace, messages: list[PlannedMessage]) -> dict[str, str | None]:
    """The non-personal traits of the people of some messages, as JSON."""
    found: dict[str, str | None] = {}
    people = [message.person_id for message in messages if message.skipped is None]
    with workspace.store.read() as tx:
        for marks, bound in in_lists(people):
            found.update(
                tx.tuples(
                    f"SELECT person_id, traits FROM profiles WHERE person_id IN ({marks})",
                    bound,
                )
            )
    return found


def new_run(
    campaign: str,
    occurrence: str,
    *,
    at: datetime,
    channel: str | None,
    conductor: str,
) -> Run:
    """A run that nobody has written down yet."""
    return Run(
        campaign=campaign,
        occurrence=occurrence,
        status="scheduled",
        planned_at=at,
        starts_at=None,
        finished_at=None,
        channel=channel,
        conductor=conductor,
        details=Details(),
    )
