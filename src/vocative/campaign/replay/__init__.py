"""Replay: a journey over events that have happened, to see who would have got what, and when.

Real events come out of history (`past`), each person is walked through them with the very functions
that the worker steps with (`walk`), and what is true of a person at an instant is computed from
history as of then (`facts`). Nothing is sent and nothing is written.
"""

from vocative.campaign.replay.replaying import replay_journey
from vocative.campaign.replay.results import (
    Differences,
    MessageDifference,
    Replay,
    ReplayedMessage,
    ReplayedPerson,
)

__all__ = [
    "Differences",
    "MessageDifference",
    "Replay",
    "ReplayedMessage",
    "ReplayedPerson",
    "replay_journey",
]
