"""Joining people because somebody said that they are one, and separating them again.

Such a decision is an event of Vocative's own on the log, like everything else that changes who is
who: it is applied in its order, and replaying the log makes the same people again. Which of two
goes on is decided as with any other merge (`graph.py`).
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from vocative.collect.event import Event

MERGED = "Identity Merged"
SPLIT = "Identity Split"
IDENTITY_EVENTS = frozenset({MERGED, SPLIT})


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


def undo_event(one: str, other: str, *, at: datetime) -> dict[str, Any]:
    """The event that takes back a decision that two are one person.

    Args:
        one: A person's id, as the decision named it.
        other: The other's.
        at: When it was taken back.
    """
    return {
        "type": "track",
        "event": SPLIT,
        "messageId": f"split/{one}/{other}/{at.isoformat()}",
        "timestamp": at.isoformat(),
        "context": {"personId": one},
        "properties": {"people": [one, other]},
    }


def separate_event(person_id: str, *, at: datetime) -> dict[str, Any]:
    """The event that takes somebody out of the person whom it was merged into.

    Args:
        person_id: Who was merged into somebody.
        at: When it was decided.
    """
    return {
        "type": "track",
        "event": SPLIT,
        "messageId": f"split/{person_id}/{at.isoformat()}",
        "timestamp": at.isoformat(),
        "context": {"personId": person_id},
        "properties": {"people": [person_id]},
    }


def people_named(event: Event) -> tuple[str, ...]:
    """The people that an event names by id: one, or those it makes one or several of.

    Only Vocative's own events name anybody so (`read_event`).
    """
    if event.person_id is None:
        return ()
    if event.name in IDENTITY_EVENTS:
        return tuple(dict.fromkeys((event.person_id, *_others(event.properties))))
    return (event.person_id,)


def _others(properties: Mapping[str, Any]) -> list[str]:
    people = properties.get("people")
    return [one for one in people if isinstance(one, str)] if isinstance(people, list) else []
