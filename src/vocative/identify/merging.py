"""Joining two people because somebody said that they are one.

Such a decision is an event of Vocative's own on the log, like everything else that changes who is
who: it is applied in its order, and replaying the log makes the same people again. Which of the
two goes on is decided as with any other merge (`graph.py`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vocative.collect.event import Event

MERGED = "Identity Merged"


def merge_event(one: str, other: str, *, at: datetime, probability: float) -> dict[str, Any]:
    """The event that makes one of two people; accepting it twice is accepting it once.

    Args:
        one: A person's id.
        other: Another's.
        at: When it was decided.
        probability: That they are one person, as it was then.
    """
    return {
        "type": "track",
        "event": MERGED,
        "messageId": f"merge/{one}/{other}/{at.isoformat()}",
        "timestamp": at.isoformat(),
        "context": {"personId": one},
        "properties": {"people": [one, other], "probability": probability},
    }


def people_named(event: Event) -> tuple[str, ...]:
    """The people that an event names by id: one, or those it makes one of.

    Only Vocative's own events name anybody so (`read_event`).
    """
    if event.person_id is None:
        return ()
    if event.name == MERGED:
        return (event.person_id, *_others(event.properties))
    return (event.person_id,)


def _others(properties: Mapping[str, Any]) -> list[str]:
    people = properties.get("people")
    return [one for one in people if isinstance(one, str)] if isinstance(people, list) else []
