"""Ready journeys, end to end: events of a made-up shop, who gets what and when, and the mails."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lived_through import pass_time

import vocative.workspace
from vocative.campaign.journeys.runner import JourneyRunner
from vocative.campaign.journeys.versions import start
from vocative.campaign.preview import preview_template
from vocative.campaign.ready import READY, add_ready
from vocative.campaign.replay import replay_journey
from vocative.clock import FixedClock
from vocative.collect.catalog import upsert_items
from vocative.collect.door import accept
from vocative.segment.live.runner import LiveRunner
from vocative.workspace import Workspace, prepare_state

STARTER = Path(vocative.workspace.__file__).parent / "starter"
START = datetime(2026, 2, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ITEMS = [
    {
        "item_id": one,
        "title": title,
        "price": 20,
        "currency": "GBP",
        "url": f"https://shop.example/{one}",
    }
    for one, title in (("can", "Watering Can"), ("pot", "Herb Pot"), ("hose", "Long Hose"))
]
NEWS = {"purpose": "marketing", "channel": "email"}
LINE = {"products": [{"product_id": "pot", "quantity": 1, "price": 20}], "revenue": 20}
HAPPENED: dict[str, list[tuple[timedelta, str, dict[str, Any]]]] = {
    "newcomer": [(HOUR, "Consent Given", NEWS)],
    "buyer": [
        (HOUR, "Consent Given", NEWS),
        (DAY, "Order Completed", {**LINE, "order_id": "o1"}),
    ],
    "leaver": [(HOUR, "Product Added", {"product_id": "can", "cart_id": "c1"})],
    "looker": [(HOUR, "Product Viewed", {"product_id": "hose"})],
    "waiter": [(HOUR, "Product Back In Stock", {"product_id": "can"})],
    "thrifty": [(HOUR, "Product Price Dropped", {"product_id": "hose"})],
    "lapsing": [(-119 * DAY, "Order Completed", {**LINE, "order_id": "o2"})],
}
GOT = {
    "welcome": {
        ("newcomer", "welcome_hello", HOUR),
        ("newcomer", "welcome_picks", HOUR + 3 * DAY),
        ("buyer", "welcome_hello", HOUR),
    },
    "abandoned_cart": {
        ("leaver", "cart_reminder", 5 * HOUR),
        ("leaver", "cart_similar", 5 * HOUR + DAY),
    },
    "browse_abandonment": {("looker", "browse_reminder", HOUR + DAY)},
    "post_purchase": {
        ("buyer", "order_thanks", DAY + HOUR),
        ("buyer", "order_follow_up", DAY + HOUR + 14 * DAY),
    },
    # At ten in the morning: in London that is 22 hours after a noon.
    "win_back": {
        ("lapsing", "win_back_hello", DAY + 22 * HOUR),
        ("lapsing", "win_back_last", DAY + 22 * HOUR + 14 * DAY),
    },
    # Nine in Tokyo is midnight UTC.
    "birthday": {("celebrant", "birthday_wishes", 12 * HOUR + 2 * DAY)},
    "back_in_stock": {("waiter", "back_in_stock", HOUR)},
    "price_drop": {("thrifty", "price_drop", HOUR)},
    "replenishment": {("buyer", "replenishment_reminder", DAY + 22 * HOUR + 25 * DAY)},
}
SUBJECTS = {
    "cart_reminder": "Still thinking it over, Leaver?",
    "browse_reminder": "Another look at the Long Hose?",
    "back_in_stock": "The Watering Can is back",
    "replenishment_reminder": "Time for another Herb Pot?",
    "birthday_wishes": "Happy birthday, Celebrant!",
}


def events() -> list[tuple[datetime, dict[str, Any]]]:
    """Everything that happens, in its order."""
    found = []
    for who in [*HAPPENED, "celebrant"]:
        traits = {"first_name": who.title(), "email": f"{who}@example.com"}
        if who == "celebrant":
            traits |= {"celebrates_on": "2000-02-05", "timezone": "Asia/Tokyo"}
        told = {"type": "identify", "traits": traits}
        found.append((START - 120 * DAY, {**told, "userId": who, "messageId": who}))
        for number, (after, name, properties) in enumerate(HAPPENED.get(who, [])):
            body = {"type": "track", "event": name, "properties": properties}
            body |= {"userId": who, "messageId": f"{who}-{number}"}
            found.append((START + after, body))
    return sorted(found, key=lambda one: one[0])


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A shop with every ready journey, when everything has happened; for tests that only look."""
    root = tmp_path_factory.mktemp("ready") / "shop"
    shutil.copytree(STARTER, root)
    with (root / "traits.yaml").open("a") as traits:
        traits.write("\ncelebrates_on: {type: date}\n")
    prepare_state(root)
    clock = FixedClock(START - 120 * DAY)
    with Workspace(root, clock=clock) as workspace:
        for name in GOT:
            add_ready(workspace, name)
        upsert_items(workspace, ITEMS)
        segments, journeys = LiveRunner(workspace), JourneyRunner(workspace)
        segments.advance()
        for name in GOT:
            start(workspace, name)
        moments = [(at, [event]) for at, event in events()]
        # When somebody becomes due to be won back, when a birthday begins, and the end.
        moments += [(START + after, []) for after in (DAY, 2.5 * DAY, 35 * DAY)]
        for at, told in sorted(moments, key=lambda one: one[0]):
            pass_time(workspace, clock, at, journeys)
            accept(workspace, [{**e, "timestamp": at.isoformat()} for e in told], source="test")
            segments.advance()
            journeys.run()
        yield workspace


def test_every_ready_journey_is_tried():
    assert sorted(GOT) == sorted(path.parent.name for path in READY.glob("*/journey.yaml"))


@pytest.mark.parametrize("name", GOT)
def test_who_gets_what_and_when(lived: Workspace, name: str):
    replay = replay_journey(lived, name, days=36, live=True, against="ledger", people=100)
    got = {
        (named(lived, way.person_id), one.template, one.at - START)
        for way in replay.ways
        for one in way.messages
    }
    assert got == GOT[name]
    # The worker planned the very same.
    assert replay.differences is not None
    assert replay.differences.messages == []
    assert replay.differences.same == len(got)


@pytest.mark.parametrize("template", SUBJECTS)
def test_the_mails_say_what_happened(lived: Workspace, template: str):
    [who] = [person for one in GOT.values() for person, sent, _ in one if sent == template]
    lived.clock.at, now = START + 2 * DAY, lived.clock.now()  # type: ignore[attr-defined]
    try:
        shown = preview_template(lived, template, person=f"{who}@example.com", as_="html")
    finally:
        lived.clock.at = now  # type: ignore[attr-defined]
    assert shown.subject == SUBJECTS[template]
    assert "None" not in shown.html


def named(workspace: Workspace, person_id: str) -> str:
    """The first name of a person, small."""
    with workspace.store.read() as tx:
        return workspace.vault.get(tx, person_id)["first_name"].lower()
