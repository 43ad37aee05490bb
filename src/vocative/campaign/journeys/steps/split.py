"""`split`: arms of an experiment, by a hash of the person."""

import msgspec

from vocative.campaign.journeys.run import Go, Moment, Outcome, Run, Tell
from vocative.campaign.journeys.steps.base import Author, Step, StepKind, Written
from vocative.decide import HOLDOUT, assign


class Arm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One arm and its part of the people."""

    weight: float = 1.0
    steps: Written = []


class SplitBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arms by name."""

    arms: dict[str, Arm]


class Split(StepKind):
    """Tries several ways, each with a part of the people."""

    name = "split"
    Body = SplitBody
    short = "arms"

    def arms(self, body: SplitBody) -> dict[str, tuple[Written, tuple[str | int, ...]]]:
        """The steps of each arm."""
        return {name: (arm.steps, ("arms", name, "steps")) for name, arm in body.arms.items()}

    def check(self, body: SplitBody, author: Author) -> None:
        """Refuse arms that nobody can come into."""
        if not body.arms:
            raise author.wrong("a split needs arms", "arms")
        for name, arm in body.arms.items():
            if name == HOLDOUT or not 0 < arm.weight < float("inf"):
                raise author.wrong(
                    "an arm needs a weight above 0 and a name other than holdout", "arms", name
                )

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:  # noqa: ARG002
        """Into the arm that the hash says: the same one however often."""
        experiment = f"{run.journey}/{step.id}"
        weights = {name: arm.weight for name, arm in step.body.arms.items()}
        chosen = assign(experiment, run.person_id, weights=weights)
        told = {"experiment": experiment, "arm": chosen.arm}
        return Go(
            did=f"arm {chosen.arm}",
            arm=chosen.arm,
            saw={"propensity": round(chosen.propensity, 6)},
            effects=(Tell(step=step.id, event="Experiment Exposed", properties=told),),
        )
