"""`update`: traits of the person, stated by an event like any other."""

from datetime import date
from typing import Any

import msgspec

from vocative.campaign.journeys.run import Go, Moment, Outcome, Run, Update
from vocative.campaign.journeys.steps.base import Author, Step, StepKind

_FITS: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "instant": (str,),
    "date": (str,),
}


class UpdateBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is stated."""

    traits: dict[str, str | float | int | bool | None]


class UpdateTraits(StepKind):
    """States traits."""

    name = "update"
    Body = UpdateBody
    short = "traits"

    def check(self, body: UpdateBody, author: Author) -> None:
        """Refuse traits that are not known, personal, or of another type."""
        known = author.workspace.traits
        for name, value in body.traits.items():
            trait = known.get(name)
            if trait is None:
                raise author.wrong(
                    f"there is no trait {name!r}",
                    "traits",
                    name,
                    hint="traits.yaml has those there are",
                )
            if trait.personal:
                raise author.wrong(
                    "a journey does not write what identifies a person", "traits", name
                )
            if value is not None and not _fits(value, trait.type):
                raise author.wrong(f"{name} takes {trait.type}", "traits", name)

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:  # noqa: ARG002
        """State them."""
        traits = step.body.traits
        return Go(
            did=f"stated {', '.join(traits)}",
            saw=dict(traits),
            effects=(Update(step=step.id, traits=traits),),
        )


def _fits(value: Any, kind: str) -> bool:
    if kind != "boolean" and isinstance(value, bool):
        return False
    if kind == "date":
        try:
            date.fromisoformat(value)
        except (TypeError, ValueError):
            return False
    return isinstance(value, _FITS[kind])
