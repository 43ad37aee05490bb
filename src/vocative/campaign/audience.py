"""Who a campaign is for, and what is decided for each of them before anything is rendered."""

from collections.abc import Iterator
from dataclasses import dataclass

from vocative.campaign.definitions import Campaign
from vocative.decide import (
    HOLDOUT,
    Assignment,
    CodeGiver,
    Offer,
    ProductChooser,
    Shown,
    assign,
    choose_offers,
)
from vocative.deliver.ledger import PlannedMessage
from vocative.segment import people_where
from vocative.sql import quote_text
from vocative.workspace import Workspace

FIRST = "1"
"""The name of a campaign's first run."""
_CHUNK = 5_000


@dataclass(frozen=True, kw_only=True)
class Decided:
    """What was decided for one person."""

    assignment: Assignment
    offer: Offer | None
    products: list[Shown]


def audience_condition(campaign: Campaign) -> str:
    """The audience as one expression: the segment or condition, without the excluded."""
    body = campaign.body
    chosen = f"({body.where})" if body.where else f"in_segment({quote_text(body.segment or '')})"
    excluded = "".join(f" and not in_segment({quote_text(name)})" for name in body.exclude)
    return chosen + excluded


def audience(workspace: Workspace, campaign: Campaign) -> list[str]:
    """Ids of the people a campaign is for now, sorted."""
    return people_where(workspace, audience_condition(campaign))


def experiment_name(campaign: str, occurrence: str) -> str:
    """The name under which a run assigns its arms."""
    return f"{campaign}/{occurrence}"


def planned_messages(
    workspace: Workspace,
    campaign: Campaign,
    occurrence: str,
    person_ids: list[str],
    *,
    drawn_as: str | None = None,
) -> Iterator[PlannedMessage]:
    """A ledger row for everyone in the audience, with what was decided.

    People of the holdout are rows too: what they do is what the others are compared with.

    Args:
        workspace: Where.
        campaign: The campaign.
        occurrence: Which of its runs.
        person_ids: Who.
        drawn_as: The run whose arms people have; this one unless told.

    Raises:
        StateError: an offer has fewer codes left than people who get it.
    """
    body = campaign.body
    codes = CodeGiver(workspace, body.offers)
    offers = choose_offers(workspace, body.offers, person_ids, definition=campaign.definition)
    chooser = (
        ProductChooser(workspace, body.recommender, count=body.products)
        if body.recommender
        else None
    )
    for start in range(0, len(person_ids), _CHUNK):
        chunk = person_ids[start : start + _CHUNK]
        products = chooser.choose(chunk) if chooser else {}
        for person_id in chunk:
            assignment = assign(
                experiment_name(campaign.name, drawn_as or occurrence),
                person_id,
                weights=campaign.weights,
                holdout=campaign.holdout,
            )
            decided = Decided(
                assignment=assignment,
                offer=offers.get(person_id),
                products=products.get(person_id, []),
            )
            yield _planned(campaign, occurrence, person_id, decided, codes)


def _planned(
    campaign: Campaign, occurrence: str, person_id: str, decided: Decided, codes: CodeGiver
) -> PlannedMessage:
    arm = decided.assignment.arm
    decision: dict[str, object] = {"propensity": round(decided.assignment.propensity, 6)}
    if arm != HOLDOUT:
        decision["offer"] = decided.offer.name if decided.offer else None
        decision |= codes.give(decided.offer) if decided.offer else {}
        decision["products"] = [[shown.item_id, shown.reason] for shown in decided.products]
    return PlannedMessage(
        campaign=campaign.name,
        occurrence=occurrence,
        person_id=person_id,
        channel=campaign.body.channel,
        purpose=campaign.body.purpose,
        arm=arm,
        skipped="holdout" if arm == HOLDOUT else None,
        decision=decision,
        priority=campaign.body.priority,
    )
