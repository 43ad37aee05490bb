"""What to expect of accepting every pair from a probability on.

A pair with probability p is right with probability p, so of the pairs from a threshold on the
mean of p is the share that is right (expected precision), and their sum, over the sum of all, the
share of all likely pairs that is found. Both are the model's own reckoning: `vocative bench
identity` says how far it was from the truth where the truth is known.
"""

from collections.abc import Sequence

import msgspec

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)


class Threshold(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table."""

    probability: float
    """Pairs from this probability on."""
    pairs: int
    expected_precision: float | None
    """Share of them that is one person, in [0, 1]; None without pairs."""
    expected_wrong: float
    """How many of them are two people."""
    expected_found: float | None
    """Share of the right pairs among all candidates that they hold, in [0, 1]."""


def expected(
    probabilities: Sequence[float], thresholds: Sequence[float] = THRESHOLDS
) -> list[Threshold]:
    """The table of thresholds for some candidates.

    Args:
        probabilities: Of each candidate, in [0, 1].
        thresholds: The lines wanted, each in [0, 1].

    >>> [line.expected_precision for line in expected([0.5, 0.9, 1.0], [0.4, 0.8])]
    [0.8, 0.95]
    """
    everything = sum(probabilities)
    lines = []
    for threshold in thresholds:
        taken = [probability for probability in probabilities if probability >= threshold]
        right = sum(taken)
        lines.append(
            Threshold(
                probability=threshold,
                pairs=len(taken),
                expected_precision=round(right / len(taken), 6) if taken else None,
                expected_wrong=round(len(taken) - right, 3),
                expected_found=round(right / everything, 6) if everything else None,
            )
        )
    return lines
