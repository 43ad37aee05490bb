"""Who may be one person under two accounts: candidate pairs with their probability and reasons.

What is personal comes in as plain values in memory and never leaves it: pairs name people by id
and say which level of likeness each comparison reached, not what was compared.
"""

from vocative.identify.matching.comparisons import COMPARISONS, LEVELS
from vocative.identify.matching.explanation import explain_pair, say_step
from vocative.identify.matching.groups import group
from vocative.identify.matching.pairs import Matches, ScoredPair, Step
from vocative.identify.matching.records import COLUMNS, record_of
from vocative.identify.matching.scoring import ComparingEngine, score_people
from vocative.identify.matching.thresholds import Threshold, expected

__all__ = [
    "COLUMNS",
    "COMPARISONS",
    "LEVELS",
    "ComparingEngine",
    "Matches",
    "ScoredPair",
    "Step",
    "Threshold",
    "expected",
    "explain_pair",
    "group",
    "record_of",
    "say_step",
    "score_people",
]
