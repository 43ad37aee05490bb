"""How many messages a person may get in a time, and who waits for whom where few have room.

Caps come in; parts of the permit's one question to the store go out, and a judgement on the answer.
A cap that has no room left refuses. One that has less room than there are waiting messages of
higher priority lets these go first: the message asks again later.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from vocative.clock import to_micros
from vocative.stores import Row

RIVALS_AHEAD = timedelta(days=1)
"""How far ahead messages of other runs are seen that compete for the same room."""
ASK_AGAIN = timedelta(hours=1)
"""When a message asks again that waits for others of higher priority."""
_SECONDS = {"h": 3_600, "d": 86_400, "w": 604_800}


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At most so many messages per person in any stretch of time so long."""

    most: Annotated[int, msgspec.Meta(ge=0, le=1_000)]
    per: Annotated[str, msgspec.Meta(pattern=r"^[1-9]\d{0,2} ?[hdw]$")] = "7d"
    purpose: str | None = None
    """Only messages for this purpose count and are held back; None: all of them."""
    channel: str | None = None
    """Only messages on this medium count and are held back; None: all of them."""

    @property
    def period(self) -> timedelta:
        """The length of the stretch."""
        return timedelta(seconds=int(self.per[:-1]) * _SECONDS[self.per[-1]])

    def binds(self, *, purpose: str, channel: str) -> bool:
        """Whether it is about messages for a purpose on a medium."""
        return self.purpose in (None, purpose) and self.channel in (None, channel)

    def __str__(self) -> str:
        of = f" for {self.purpose}" if self.purpose else ""
        by = f" by {self.channel}" if self.channel else ""
        return f"{self.most} in {self.per}{of}{by}"


# What left our hands counts against a cap, also when nobody knows whether it arrived.
# It counts under whichever of the person's profiles it left.
_LEFT = """
  (SELECT count(*) FROM messages m WHERE m.person_id = asked.person_id
   AND m.state IN ('handed', 'accepted', 'ambiguous') AND m.handed_at > :{cap}_since{matching})
  + (SELECT count(*) FROM profiles part JOIN messages m ON m.person_id = part.person_id
   WHERE part.merged_into = asked.person_id
   AND m.state IN ('handed', 'accepted', 'ambiguous') AND m.handed_at > :{cap}_since{matching})
  AS {cap}_left"""
# A run that stands still holds up nobody.
_RIVALS = """
  (SELECT count(*) FROM messages m
   LEFT JOIN campaign_runs r ON r.campaign = m.campaign AND r.occurrence = m.occurrence
   WHERE m.person_id = asked.person_id AND coalesce(m.priority, 0) > asked.priority
   AND (m.state IN ('planned', 'claimed', 'permitted', 'rendered') OR (m.state = 'deferred'
     AND (m.next_attempt_at IS NULL OR m.next_attempt_at <= :rivals_until)))
   AND coalesce(r.status, 'sending') IN ('sending', 'waiting')
   AND NOT EXISTS (SELECT 1 FROM sending_halts h WHERE h.scope = m.campaign){matching})
  AS {cap}_rivals"""


def caps_sql(caps: Sequence[Cap], *, at: datetime) -> tuple[str, dict[str, Any]]:
    """Columns that tell of each person what left and what waits before, and their values.

    `asked` must be a relation of person_id and priority.
    """
    columns, names = "", {}
    for index, cap in enumerate(caps):
        matching = ""
        for field in ("purpose", "channel"):
            wanted = getattr(cap, field)
            if wanted is not None:
                matching += f" AND m.{field} = :cap{index}_{field}"
                names[f"cap{index}_{field}"] = wanted
        names[f"cap{index}_since"] = to_micros(at - cap.period)
        for part in (_LEFT, _RIVALS):
            columns += "," + part.format(cap=f"cap{index}", matching=matching)
    if caps:
        names["rivals_until"] = to_micros(at + RIVALS_AHEAD)
    return columns, names


def refusal(caps: Sequence[Cap], seen: Row) -> str | None:
    """`capped`, `outranked` or None: what the caps say to the answer of the store."""
    left = [cap.most - seen[f"cap{index}_left"] for index, cap in enumerate(caps)]
    if any(room <= 0 for room in left):
        return "capped"
    if any(room <= seen[f"cap{index}_rivals"] for index, room in enumerate(left)):
        return "outranked"
    return None


def evidence(caps: Sequence[Cap], seen: Row) -> dict[str, Any]:
    """What the answer rests on, for `explain`."""
    return {
        "caps": [
            {
                "cap": str(cap),
                "had": seen[f"cap{index}_left"],
                "of_higher_priority": seen[f"cap{index}_rivals"],
            }
            for index, cap in enumerate(caps)
        ]
    }
