"""Kinds of steps, one file each."""

from vocative.campaign.journeys.steps.base import Author, Step, StepKind
from vocative.campaign.journeys.steps.branch import Branch
from vocative.campaign.journeys.steps.decide import Decide
from vocative.campaign.journeys.steps.leave import Exit
from vocative.campaign.journeys.steps.send import SendMessage
from vocative.campaign.journeys.steps.split import Split
from vocative.campaign.journeys.steps.update import UpdateTraits
from vocative.campaign.journeys.steps.wait import Wait
from vocative.campaign.journeys.steps.wait_until import WaitUntil
from vocative.campaign.journeys.steps.webhook import Webhook

KINDS: dict[str, StepKind] = {
    kind.name: kind
    for kind in (
        Wait(),
        WaitUntil(),
        Branch(),
        Split(),
        Decide(),
        SendMessage(),
        UpdateTraits(),
        Webhook(),
        Exit(),
    )
}

__all__ = ["KINDS", "Author", "Step", "StepKind"]
