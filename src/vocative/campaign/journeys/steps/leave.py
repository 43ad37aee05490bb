"""`exit`: the journey ends here."""

import msgspec

from vocative.campaign.journeys.run import Leave, Moment, Outcome, Run
from vocative.campaign.journeys.steps.base import Step, StepKind


class ExitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: str = "exit"


class Exit(StepKind):
    """Ends the run."""

    name = "exit"
    Body = ExitBody
    short = "reason"

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:  # noqa: ARG002
        """End."""
        return Leave(outcome=step.body.reason, did=f"ended: {step.body.reason}")
