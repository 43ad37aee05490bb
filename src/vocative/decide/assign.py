"""Who gets which arm of an experiment: by stable hash, with the probability of what was chosen.

The same person gets the same arm however often and in whatever order people are assigned, and an
arm's share does not depend on who else is in the audience.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from vocative.ids import stable_fraction

HOLDOUT = "holdout"


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One person's arm and how likely it was, in (0, 1]."""

    arm: str
    propensity: float


def assign(
    experiment: str, person_id: str, *, weights: Mapping[str, float], holdout: float = 0.0
) -> Assignment:
    """Assign one person.

    Args:
        experiment: Its name; another name is another draw.
        person_id: Whom.
        weights: Positive weight of each variant; they need not add up to anything.
        holdout: Share of people who get nothing, in [0, 1).

    >>> assign("x", "p1", weights={"a": 1}).arm
    'a'
    """
    if stable_fraction(experiment, person_id, HOLDOUT) < holdout:
        return Assignment(arm=HOLDOUT, propensity=holdout)
    total = sum(weights.values())
    point = stable_fraction(experiment, person_id, "variant") * total
    chosen = ""
    for arm, weight in weights.items():
        chosen = arm
        point -= weight
        if point < 0:
            break
    return Assignment(arm=chosen, propensity=(1 - holdout) * weights[chosen] / total)
