"""Journeys for tests: a workspace with some, facts about people, and moments to step at."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from vocative.campaign.journeys.definition import Journey, read_journey
from vocative.campaign.journeys.matching import COLUMNS
from vocative.campaign.journeys.run import Happened, Moment, Verdict
from vocative.clock import to_micros
from vocative.workspace import Workspace

HOUR = 3_600_000_000
DAY = 24 * HOUR
TRAITS = """\
country: {type: text}
timezone: {type: text}
plan: {type: text}
joined_on: {type: date}
email: {type: text, personal: true}
"""
TEMPLATE = """\
<html><body><p>Hello</p>{% if offer %}<p>{{ offer.title }}</p>{% endif %}
<a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ postal_address }}</body></html>
"""


def furnish(workspace: Workspace) -> None:
    """Traits, a segment and a template that journeys can name."""
    root = workspace.root
    (root / "traits.yaml").write_text(TRAITS)
    for folder in ("journeys", "segments", "features", "templates"):
        (root / folder).mkdir(exist_ok=True)
    (root / "features" / "orders.yaml").write_text("orders: {count: Order Completed}\n")
    (root / "segments" / "some.yaml").write_text("buyers: {where: orders > 0}\n")
    for name in ("reminder", "last_call"):
        (root / "templates" / f"{name}.html").write_text(TEMPLATE)
        (root / "templates" / f"{name}.yaml").write_text(f"subject: The {name}\n")


def journey(workspace: Workspace, text: str, name: str = "tried") -> Journey:
    """A journey as it is written."""
    furnish(workspace)
    (workspace.root / "journeys" / f"{name}.yaml").write_text(text)
    return read_journey(workspace, name)


def instant(text: str, zone: str = "UTC") -> int:
    """Microseconds of a local time."""
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))


def happened(name: str, at: int, *, person: str = "p1", number: int = 1, **said: Any) -> Happened:
    """An event of a person; what has no column is a property."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row |= {"event_id": f"{number:032d}", "person_id": person, "name": name, "at": at}
    row["properties"] = {key: value for key, value in said.items() if key not in COLUMNS}
    row |= {key: value for key, value in said.items() if key in COLUMNS}
    fact = tuple(row[column] for column in COLUMNS)
    return Happened(event_id=row["event_id"], person_id=person, name=name, at=at, fact=fact)


def moment(now: int, *, zone: str = "UTC", **told: Any) -> Moment:
    """A moment at which conditions are as they are told."""
    known = {text: Verdict(holds=holds) for text, holds in told.pop("known", {}).items()}
    return Moment(now=now, zone=ZoneInfo(zone), known=known, **told)
