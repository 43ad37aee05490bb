"""Who of an audience would be reached now, and why the others would not.

The people come from what plans a run, the answers from what issues permits when it is sent; so
the figures are those of a send at this instant. Nothing is planned.
"""

from collections import Counter

import msgspec

from vocative.campaign.audience import FIRST, audience_condition, experiment_name
from vocative.campaign.definitions import Campaign, read_campaign
from vocative.campaign.planning import approval_limit, new_run, run_audience
from vocative.campaign.runs import find_run
from vocative.decide import HOLDOUT, assign
from vocative.deliver.channels import CHANNELS
from vocative.privacy import suppression
from vocative.privacy.permit import REFUSALS, Contact, ContactRules, Refusal, issue_many
from vocative.segment import people_where
from vocative.workspace import Workspace

_BATCH = 2_000


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How many people a campaign would reach now."""

    campaign: str
    occurrence: str
    excluded: int
    """Fit the condition, but are in an excluded segment."""
    audience: int
    held_out: int
    reachable: int
    """Would get it at once."""
    later: dict[str, int]
    """Would get it when a reason is over: quiet hours, the window, others of higher priority."""
    never: dict[str, int]
    """Would not get it, by reason."""
    words: dict[str, str]
    """The reasons in words."""
    approve_above: int | None
    """Above so many people somebody must approve; None: nobody needs to."""


def reach(workspace: Workspace, campaign: str, *, occurrence: str = FIRST) -> Reach:
    """How many people a campaign would reach now, and the reasons for the rest.

    Args:
        workspace: Whose campaign.
        campaign: Its name.
        occurrence: Which of its runs; it decides who is held out.

    Raises:
        UnknownName: there is no such campaign.
        AuthorError: it is wrong.
    """
    found = read_campaign(workspace, campaign)
    with workspace.store.read() as tx:
        run = find_run(tx, campaign, occurrence)
    run = run or new_run(
        campaign, occurrence, at=workspace.clock.now(), channel=None, conductor="command"
    )
    people = run_audience(workspace, found, run)
    drawn_as = run.details.again.of if run.details.again else occurrence
    sent = [person_id for person_id in people if not _held_out(found, drawn_as, person_id)]
    later: Counter[str] = Counter()
    never: Counter[str] = Counter()
    for start in range(0, len(sent), _BATCH):
        for refusal in _refusals(workspace, found, sent[start : start + _BATCH]):
            (never if refusal.until is None else later)[refusal.code] += 1
    return Reach(
        campaign=campaign,
        occurrence=occurrence,
        excluded=0 if run.details.again else _excluded(workspace, found, len(people)),
        audience=len(people),
        held_out=len(people) - len(sent),
        reachable=len(sent) - later.total() - never.total(),
        later=dict(later.most_common()),
        never=dict(never.most_common()),
        words={code: REFUSALS[code] for code in (*later, *never)},
        approve_above=approval_limit(workspace, found),
    )


def _held_out(campaign: Campaign, occurrence: str, person_id: str) -> bool:
    name = experiment_name(campaign.name, occurrence)
    drawn = assign(name, person_id, weights=campaign.weights, holdout=campaign.holdout)
    return drawn.arm == HOLDOUT


def _excluded(workspace: Workspace, campaign: Campaign, included: int) -> int:
    if not campaign.body.exclude:
        return 0
    body = msgspec.structs.replace(campaign.body, exclude=[])
    chosen = msgspec.structs.replace(campaign, body=body)
    return len(people_where(workspace, audience_condition(chosen))) - included


def _refusals(workspace: Workspace, campaign: Campaign, people: list[str]) -> list[Refusal]:
    medium = campaign.body.channel
    settings = workspace.settings
    rules = ContactRules(
        purposes=settings.purposes,
        timezone=settings.timezone,
        quiet_hours=settings.quiet_hours,
        window=campaign.body.schedule.window,
        caps=settings.caps,
    )
    field = _address_field(workspace, medium)
    with workspace.store.read() as tx:
        known = workspace.vault.get_many(tx, people)
        contacts = []
        for person_id in people:
            address = known.get(person_id, {}).get(field)
            hashed = suppression.address_hash(workspace.vault, medium, address) if address else None
            contacts.append(
                Contact(person_id=person_id, address_hash=hashed, priority=campaign.body.priority)
            )
        answers = issue_many(
            tx,
            contacts,
            purpose=campaign.body.purpose,
            channel=medium,
            rules=rules,
            at=workspace.clock.now(),
        )
    return [answer for answer in answers if isinstance(answer, Refusal)]


def _address_field(workspace: Workspace, medium: str) -> str:
    """The personal field in which channels of a medium find the address."""
    for name in workspace.settings.channels:
        channel = CHANNELS.load(name)
        if channel.medium == medium:
            return channel.address_field
    return medium
