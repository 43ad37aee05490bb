"""Readers of a world's files, and mails as the engine would send them."""

import csv
import gzip
import html
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from vocative.simulate import DeliveredMail, WorldSummary

END = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
BASE = "http://localhost:8750"

Worlds = Callable[..., WorldSummary]


def read_lines(world: WorldSummary) -> list[str]:
    with gzip.open(world.events, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def refusal(line: str) -> str | None:
    """Why a collector must refuse a line, found without knowing how it was made."""
    try:
        event = json.loads(line)
    except ValueError:
        return "broken_json"
    if event["type"] == "track" and not event.get("event"):
        return "missing_event"
    if not event.get("userId") and not event.get("anonymousId"):
        return "no_identity"
    try:
        datetime.fromisoformat(event["timestamp"])
    except ValueError:
        return "impossible_timestamp"
    return None


def read_events(world: WorldSummary) -> list[dict[str, Any]]:
    """Acceptable events, each once, in the order they arrived."""
    return _read_events(world.events)


@cache
def _read_events(path: Path) -> list[dict[str, Any]]:
    events: dict[str, dict[str, Any]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if refusal(line) is None:
                event = json.loads(line)
                events.setdefault(event["messageId"], event)
    return list(events.values())


def at(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


def write_mail(
    number: int, to: str, items: list[dict[str, str]], *, subject: str = "This week at the shop"
) -> DeliveredMail:
    """A mail as the engine would send it: every link a redirect that tells nothing."""
    cells = "".join(
        f'<td><a href="{BASE}/c/{number}i{n}"><img src="{html.escape(item["image_url"])}" '
        f'width="240" alt="{html.escape(item["title"])}"></a>'
        f'<a href="{BASE}/c/{number}t{n}"><b>{html.escape(item["title"])}</b></a></td>'
        for n, item in enumerate(items)
    )
    page = (
        f"<html><head><style>a {{color: red}}</style></head><body><p>Hello</p>"
        f"<table>{cells}</table>"
        f'<a href="{BASE}/u/{number}">Unsubscribe</a>'
        f'<img src="{BASE}/o/{number}.gif" width="1" height="1" alt=""></body></html>'
    )
    return DeliveredMail(
        to_address=to,
        at=END + timedelta(hours=2, seconds=number / 50),
        message_id=f"mail-{number}",
        subject=subject,
        html=page,
        headers={"list-unsubscribe": f"<mailto:u@shop.example>, <{BASE}/u/{number}?one-click>"},
    )
