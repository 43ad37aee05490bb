"""How a message of a journey stands in the ledger.

The campaign is `journey/NAME`. The occurrence names the step, which of the person's runs it is and
its key, so the id of a message follows from journey, step, person and key alone: whatever happens
twice plans it once, and two profiles that become one are written to once.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from vocative.campaign.definitions import Campaign, CampaignBody, Variant
from vocative.campaign.journeys.definition import Journey
from vocative.campaign.journeys.run import Run
from vocative.campaign.journeys.steps import Step
from vocative.decide import ProductChooser, Shown
from vocative.deliver.ledger import PlannedMessage
from vocative.workspace import Workspace

PREFIX = "journey/"
ARM = "only"
_ENTRY_REASON = "what brought you here"


def campaign_name(journey: str) -> str:
    """The name under which a journey's messages stand in the ledger."""
    return f"{PREFIX}{journey}"


def occurrence_of(run: Run, step: str) -> str:
    """Which of the messages of a person it is."""
    key = hashlib.sha256(run.key.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{step}.{run.slot}.{key}" if run.key else f"{step}.{run.slot}"


def planned_message(
    journey: Journey, run: Run, step: Step, products: Sequence[Shown]
) -> PlannedMessage:
    """The ledger row of a step that sends."""
    body = step.body
    shown = [[one.item_id, one.reason] for one in products]
    entered_by = run.entry.get("product_id")
    if body.entry_product and entered_by:
        others = [one for one in shown if one[0] != entered_by]
        shown = [[str(entered_by), _ENTRY_REASON], *others][: max(body.products, 1)]
    decision: dict[str, Any] = {
        "journey": journey.name,
        "journey_version": run.version,
        "step": step.id,
        "run": run.run_id,
        "offer": next((name for name in reversed(run.chosen.values()) if name), None),
        "products": shown,
    }
    return PlannedMessage(
        campaign=campaign_name(journey.name),
        occurrence=occurrence_of(run, step.id),
        person_id=run.person_id,
        channel=body.channel,
        purpose=body.purpose,
        arm=ARM,
        decision=decision,
    )


class Chooser:
    """Items for messages, by recommender; each is opened when it is first asked."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._choosers: dict[tuple[str, int], ProductChooser] = {}

    def choose(self, body: Any, person_id: str) -> list[Shown]:
        """The items of one message."""
        if body.recommender is None:
            return []
        asked = (body.recommender, body.products)
        if asked not in self._choosers:
            self._choosers[asked] = ProductChooser(self._workspace, asked[0], count=asked[1])
        return self._choosers[asked].choose([person_id]).get(person_id, [])


def as_campaign(journey: Journey, step: Step) -> Campaign:
    """A step that sends, as what renders messages takes it."""
    body = step.body
    return Campaign(
        name=campaign_name(journey.name),
        body=CampaignBody(
            template=body.template,
            purpose=body.purpose,
            channel=body.channel,
            recommender=body.recommender,
            products=body.products,
            offers=journey.offers,
        ),
        holdout=0.0,
        variants={ARM: Variant(subject=body.subject)},
        definition=journey.definition,
    )


def step_of(journey: Journey, decision: Mapping[str, Any]) -> Step | None:
    """The step that planned a message; None: this version has it no longer."""
    return journey.steps.get(str(decision.get("step")))
