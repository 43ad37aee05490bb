"""Pairs of people in the review queue, as if they had been found."""

from vocative.clock import to_micros
from vocative.workspace import Workspace

STEPS = '[["first_name","nearly",4.2],["city","different",-1.0]]'


def pair_id(one: str, other: str) -> str:
    """How a pair is named."""
    return f"{min(one, other)}_{max(one, other)}"


def propose(workspace: Workspace, *pairs: tuple[str, str, float]) -> list[str]:
    """Put pairs with their probabilities into the queue; their names."""
    with workspace.store.transaction() as tx:
        tx.run(
            "INSERT INTO match_candidates (one, other, probability, weight, steps, state, found_at)"
            " VALUES (:one, :other, :probability, 3.0, :steps, 'open', :at)",
            [
                {
                    "one": min(one, other),
                    "other": max(one, other),
                    "probability": probability,
                    "steps": STEPS,
                    "at": to_micros(workspace.clock.now()),
                }
                for one, other, probability in pairs
            ],
        )
    return [pair_id(one, other) for one, other, _ in pairs]
