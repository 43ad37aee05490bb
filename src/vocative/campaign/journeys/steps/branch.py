"""`branch`: the first case whose condition is true, or what is left."""

from typing import Any

import msgspec

from vocative.campaign.journeys.run import Go, Moment, Outcome, Run
from vocative.campaign.journeys.steps.base import Author, Step, StepKind, Written

OTHERWISE = "otherwise"


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Steps for those of whom a condition is true."""

    when: str
    steps: Written = []


class BranchBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The cases in their order."""

    cases: list[Case]
    otherwise: Written = []


class Branch(StepKind):
    """Goes on by what is true of the person."""

    name = "branch"
    Body = BranchBody
    short = "cases"

    def arms(self, body: BranchBody) -> dict[str, tuple[Written, tuple[str | int, ...]]]:
        """The steps of each case."""
        cases: dict[str, tuple[Written, tuple[str | int, ...]]] = {
            _arm(index): (case.steps, ("cases", index, "steps"))
            for index, case in enumerate(body.cases)
        }
        return {**cases, OTHERWISE: (body.otherwise, ("otherwise",))}

    def check(self, body: BranchBody, author: Author) -> None:
        """Check every condition."""
        if not body.cases:
            raise author.wrong("a branch needs a case", "cases", hint="- when: a condition")
        for index, case in enumerate(body.cases):
            author.condition(case.when, "cases", index, "when")

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:  # noqa: ARG002
        """Take the first case that holds."""
        saw: dict[str, Any] = {}
        for index, case in enumerate(step.body.cases):
            verdict = moment.known[case.when]
            saw |= verdict.saw
            if verdict.holds:
                return Go(did=f"is true: {case.when}", arm=_arm(index), saw=saw)
        return Go(did="no case is true", arm=OTHERWISE, saw=saw)


def _arm(index: int) -> str:
    return f"case_{index + 1}"
