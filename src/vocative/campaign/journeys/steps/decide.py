"""`decide`: which offer the messages that follow make, by condition and policy, with its chance."""

from typing import Any, Literal

import msgspec

from vocative.campaign.journeys.run import Go, Moment, Outcome, Run, Tell
from vocative.campaign.journeys.steps.base import Author, Step, StepKind
from vocative.decide import Offer, assign


class DecideBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The offers, and how one is chosen of those that a person may have."""

    offers: list[Offer]
    policy: Literal["first", "random"] = "first"


class Decide(StepKind):
    """Chooses an offer, or none when no condition is true."""

    name = "decide"
    Body = DecideBody
    short = "offers"

    def check(self, body: DecideBody, author: Author) -> None:
        """Check the offers and their conditions."""
        if not body.offers:
            raise author.wrong("nothing to decide between", "offers")
        names = [offer.name for offer in body.offers]
        for index, offer in enumerate(body.offers):
            author.condition(offer.when, "offers", index, "when")
            if offer.codes is not None:
                raise author.wrong(
                    "journeys have no codes of one's own",
                    "offers",
                    index,
                    "codes",
                    hint="write code:, which is everybody's",
                )
            if names.index(offer.name) != index:
                raise author.wrong("two offers have this name", "offers", index, "name")

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:
        """Choose, and note how likely the choice was."""
        saw: dict[str, Any] = {}
        eligible = []
        for offer in step.body.offers:
            verdict = moment.known[offer.when]
            saw |= verdict.saw
            if verdict.holds:
                eligible.append(offer.name)
        chosen, propensity = self._choose(step, run, eligible)
        saw |= {"eligible": eligible, "propensity": propensity}
        told = {"step": step.id, "choice": chosen, "propensity": propensity, "eligible": eligible}
        return Go(
            did=f"offer {chosen}" if chosen else "no offer",
            saw=saw,
            chosen={step.id: chosen},
            effects=(Tell(step=step.id, event="Decision Made", properties=told),),
        )

    def _choose(self, step: Step, run: Run, eligible: list[str]) -> tuple[str | None, float]:
        if not eligible:
            return None, 1.0
        if step.body.policy == "first":
            return eligible[0], 1.0
        drawn = assign(run.run_id, step.id, weights=dict.fromkeys(eligible, 1.0))
        return drawn.arm, round(drawn.propensity, 6)
