"""What a replay tells."""

from datetime import datetime
from typing import Any, Literal

import msgspec

Against = Literal["live", "ledger", "nothing"]
Change = Literal["new", "gone", "moved"]


class ReplayedMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message that somebody would have got."""

    step: str
    template: str
    at: datetime
    message_id: str
    """What the ledger would call it."""


class ReplayedPerson(msgspec.Struct, frozen=True, kw_only=True):
    """One person's way through the journey."""

    person_id: str
    key: str
    entered_at: datetime
    state: str
    outcome: str | None
    messages: list[ReplayedMessage]
    reasons: list[dict[str, Any]]
    """What happened at each step: `at`, `step`, `did`, and the values it `saw`."""


class MessageDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A message that one of two has and the other has not, or has at another time."""

    change: Change
    person_id: str
    key: str
    template: str
    at: datetime | None
    """In the draft; None: not in it."""
    before: datetime | None
    """In what it is compared with; None: not in it."""


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """What changed against the live version, or the ledger."""

    against: str
    same: int
    new: int
    gone: int
    moved: int
    messages: list[MessageDifference]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A journey over a period of the past."""

    journey: str
    version: int
    """0: the draft in the workspace's folder."""
    since: datetime
    until: datetime
    events: int
    """Looked at."""
    entered: int
    people: int
    outcomes: dict[str, int]
    """Runs by how they ended; `active`: still in it."""
    refused: dict[str, int]
    """Who did not enter, by reason."""
    messages: dict[str, int]
    """By step."""
    reached_goal: int
    ways: list[ReplayedPerson]
    """The first of those who entered, as many as were asked for."""
    differences: Differences | None
    seconds: float
    remarks: list[str]
    """What this replay cannot know."""
