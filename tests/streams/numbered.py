"""Numbered events, and which numbers have come: what is missing or doubled shows at once."""

import json

from vocative.workspace import Workspace


def numbered_events(first: int, count: int, *, people: int) -> list[dict[str, object]]:
    """Events of some people in turn, each with its number among all."""
    return [
        {
            "messageId": f"m{n}",
            "type": "track",
            "event": "Seen",
            "userId": f"p{n % people}",
            "properties": {"n": n},
        }
        for n in range(first, first + count)
    ]


def numbers_on_log(workspace: Workspace) -> list[int]:
    return [
        json.loads(raw)["properties"]["n"]
        for batch in workspace.log.read(0)
        for raw in batch.events
    ]
