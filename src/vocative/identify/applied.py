"""What a step of applying the log did, for those who follow it inside its transaction."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from vocative.stores import Transaction


class PersonNow(NamedTuple):
    """What is openly known of a person after a step."""

    traits: Mapping[str, Any]
    """Non-identifying traits, as they were stated; also `email_domain`, `email_kind`."""
    first_seen_at: int
    """Microseconds UTC."""
    news: bool
    """Whether the step changed any of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What one step added. Instants are microseconds UTC; nobody's facts have no person id."""

    after: int
    """The log position that the step went on from."""
    position: int
    """The last log position of the step."""
    facts: Sequence[tuple[Any, ...]]
    """Rows of `events` in the order of HISTORY_COLUMNS; `properties` as a dict."""
    lines: Sequence[tuple[Any, ...]]
    """Rows of `order_lines` in the order of HISTORY_COLUMNS."""
    merged: Mapping[str, str]
    """Person who is gone since this step → who survives."""
    people: Mapping[str, PersonNow]
    """Everybody the step touched who is still there."""
    split: Collection[str] = ()
    """Those of them from whom somebody was taken away, or who were taken away from somebody."""


Follower = Callable[[Transaction, Applied], None]
"""Called after a step's facts and profiles were written, before they are committed."""
