"""Why two people are taken for one, in words that need no statistics."""

from collections.abc import Sequence

from vocative.identify.matching.comparisons import COMPARISONS, LEVELS
from vocative.identify.matching.pairs import ScoredPair, Step

_LITTLE = 1.0
_STRENGTHS = ((6.0, "strongly"), (3.0, "clearly"), (_LITTLE, "a little"))


def say_step(step: Step) -> str:
    """One comparison: what was found and how much it says.

    >>> say_step(Step("email", "mailbox", 7.24))
    'e-mail the same before the @ (strongly for, +7.2)'
    """
    side = "for" if step.weight > 0 else "against"
    for least, strength in _STRENGTHS:
        if abs(step.weight) >= least:
            return f"{_found(step)} ({strength} {side}, {step.weight:+.1f})"
    return f"{_found(step)} (says little, {step.weight:+.1f})"


def explain_pair(pair: ScoredPair) -> str:
    """A sentence: what speaks for one person and what against, the weightiest first.

    What says little either way is left out.

    >>> explain_pair(ScoredPair(one="p1", other="p2", probability=0.9731, weight=5.2, steps=(
    ...     Step("last_name", "same", 9.1), Step("city", "different", -2.2))))
    'last name the same; against it: city different. One person with a probability of 97.3%.'
    """
    speaks_for = [step for step in pair.steps if step.weight >= _LITTLE]
    speaks_against = [step for step in pair.steps if step.weight <= -_LITTLE]
    told = _listed(speaks_for) or "nothing speaks for it"
    if speaks_against:
        told += f"; against it: {_listed(speaks_against)}"
    # Never rounded up to a certainty.
    chance = "over 99.9%" if pair.probability > 0.999 else f"{pair.probability:.1%}"
    return f"{told}. One person with a probability of {chance}."


def _listed(steps: Sequence[Step]) -> str:
    by_weight = sorted(steps, key=lambda step: (-abs(step.weight), step.comparison))
    return ", ".join(_found(step) for step in by_weight)


def _found(step: Step) -> str:
    return f"{COMPARISONS[step.comparison].title} {LEVELS[step.level].words}"
