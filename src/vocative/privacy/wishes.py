"""What a person who agreed asked for besides: fewer messages, a break.

Such a wish is part of the consent that it limits and stands in its evidence, so it has the same
proof, goes with it through merges and erasure, and ends with the next statement without one.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from vocative.clock import from_micros
from vocative.stores import Row

SPACINGS = (7, 30)
"""Days that may be asked for between two messages."""
SLACK = timedelta(hours=12)
"""So much earlier than a full week what comes once a week may leave."""
_EVERY_DAYS, _PAUSED_UNTIL = "every_days", "paused_until"


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """How a person wants to be written to."""

    every_days: int = 0
    """At most one message of the purpose in so many days; 0: any number."""
    paused_until: date | None = None
    """Nothing of the purpose before this day begins in UTC."""

    def as_evidence(self) -> dict[str, str]:
        """As it stands with a consent; nothing for no wishes."""
        found = {}
        if self.every_days:
            found[_EVERY_DAYS] = str(self.every_days)
        if self.paused_until is not None:
            found[_PAUSED_UNTIL] = self.paused_until.isoformat()
        return found


def read_wishes(evidence: Mapping[str, Any]) -> Wishes:
    """The wishes in the evidence of a consent; what cannot be read is none.

    >>> read_wishes({"every_days": "7", "paused_until": "soon"})
    Wishes(every_days=7, paused_until=None)
    """
    stated = str(evidence.get(_EVERY_DAYS, ""))
    days = int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 5 else 0
    try:
        until = date.fromisoformat(str(evidence.get(_PAUSED_UNTIL, "")))
    except ValueError:
        until = None
    return Wishes(every_days=days, paused_until=until)


_LATEST = """(SELECT max(m.handed_at) FROM {messages}
    AND m.purpose = :purpose AND m.state IN ('handed', 'accepted', 'ambiguous'))"""
_OWN = _LATEST.format(messages="messages m WHERE m.person_id = asked.person_id")
_OF_PARTS = _LATEST.format(
    messages="profiles part JOIN messages m ON m.person_id = part.person_id"
    " WHERE part.merged_into = asked.person_id"
)
# Most consents come without wishes, and cost no look at the messages that went before.
# Like caps, it counts what left under whichever of the person's profiles.
WISHES_SQL = f""",
  CASE WHEN consents.evidence LIKE '%"paused_until"%' OR consents.evidence LIKE '%"every_days"%'
    THEN consents.evidence END AS wishes,
  CASE WHEN consents.evidence LIKE '%"every_days"%' THEN {_OWN} END AS latest_own,
  CASE WHEN consents.evidence LIKE '%"every_days"%' THEN {_OF_PARTS} END AS latest_of_parts"""
"""Columns of the permit's question about standing."""


def wishes_of(seen: Row) -> Wishes:
    """The wishes in an answer to `WISHES_SQL`."""
    stated = seen.get("wishes")
    return read_wishes(msgspec.json.decode(stated)) if stated else Wishes()


def wishes_refusal(seen: Row, at: datetime) -> str | None:
    """Why a wish forbids a message now; None when none does.

    Args:
        seen: The answer to `WISHES_SQL`.
        at: Now.
    """
    wishes = wishes_of(seen)
    if wishes.paused_until is not None and at.astimezone(UTC).date() < wishes.paused_until:
        return "paused"
    handed = [
        one for one in (seen.get("latest_own"), seen.get("latest_of_parts")) if one is not None
    ]
    if wishes.every_days and handed:
        earliest = from_micros(max(handed)) + timedelta(days=wishes.every_days) - SLACK
        return "wanted_less_often" if at < earliest else None
    return None
