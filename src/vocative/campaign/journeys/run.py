"""The values that stepping works on: a person's run through a journey, what is true, what to do.

Nothing here knows a store or a clock. Instants are whole microseconds since 1970 in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from vocative.privacy.permit import HoursRule

RunState = Literal["active", "finished", "exited", "holdout"]


class Happened(NamedTuple):
    """Something that a person did."""

    event_id: str
    person_id: str
    name: str
    at: int
    fact: tuple[Any, ...]
    """The row of `events`, in the order of HISTORY_COLUMNS, with instants in microseconds."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition about a person gave, and the values it saw."""

    holds: bool
    saw: dict[str, Any] = {}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One person's way through one version of a journey."""

    run_id: str
    journey: str
    version: int
    person_id: str
    key: str = ""
    """What this run is about, for example a cart; empty: the person as such."""
    slot: int = 1
    """Which of the runs with this key: the ledger tells their messages apart."""
    state: RunState = "active"
    outcome: str | None = None
    """Why it ended."""
    step: str | None = None
    """Where it is; None: it has ended, or not begun."""
    entered_at: int
    arrived_at: int
    """When it came to its step."""
    wake_at: int | None = None
    """When time alone lets it go on; None: only an event does."""
    ended_at: int | None = None
    reached_at: int | None = None
    """When the goal was reached."""
    entry: dict[str, Any] = {}
    """What brought the person in: `trigger`, and of an event `event`, `product_id`, …"""
    chosen: dict[str, str | None] = {}
    """What `decide` steps chose, by step; None: nothing."""
    sent: dict[str, str] = {}
    """The message of each step that has planned one, by id."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What happened at one step of a run, for `explain`."""

    step: str
    kind: str
    at: int
    did: str
    """In words."""
    saw: dict[str, Any] = {}


class Send(msgspec.Struct, frozen=True, kw_only=True, tag="send"):
    """Plan a message; `step` says which."""

    step: str


class Update(msgspec.Struct, frozen=True, kw_only=True, tag="update"):
    """State traits of the person."""

    step: str
    traits: dict[str, Any]


class Call(msgspec.Struct, frozen=True, kw_only=True, tag="call"):
    """Call a webhook; `step` says which."""

    step: str


class Tell(msgspec.Struct, frozen=True, kw_only=True, tag="tell"):
    """Put an event of Vocative's own on the log."""

    step: str
    event: str
    properties: dict[str, Any]


Effect = Send | Update | Call | Tell


class Go(msgspec.Struct, frozen=True, kw_only=True):
    """The step is done: on to the next one, or into an arm of it."""

    did: str
    arm: str | None = None
    saw: dict[str, Any] = {}
    effects: tuple[Effect, ...] = ()
    at: int | None = None
    """When it was done; now unless told. A timer that fires late does not delay later ones."""
    chosen: dict[str, str | None] = {}


class Stay(msgspec.Struct, frozen=True, kw_only=True):
    """The step is not done yet."""

    until: int | None
    did: str


class Leave(msgspec.Struct, frozen=True, kw_only=True):
    """The run ends here."""

    outcome: str
    did: str


Outcome = Go | Stay | Leave


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What is true for one person at the instant of stepping."""

    now: int
    """The present instant: what is sent is sent now, however late a timer fires."""
    zone: ZoneInfo
    """The person's, or the workspace's."""
    known: Mapping[str, Verdict] = field(default_factory=dict)
    """What each condition of the journey gives for the person."""
    quiet_hours: HoursRule | None = None
    event: Happened | None = None
    """What happened just now; None: time passed."""
    until: int | None = None
    """Only timers that were due by then fire; `now` unless told."""

    @property
    def due(self) -> int:
        """The instant by which timers fire."""
        return self.now if self.until is None else min(self.now, self.until)


class Advanced(msgspec.Struct, frozen=True, kw_only=True):
    """What came of stepping."""

    run: Run
    effects: list[Effect] = []
    notes: list[Note] = []
