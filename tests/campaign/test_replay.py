"""Replay: the same as what the worker did, over the same events; drafts beside it; nothing sent."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from journeyed import furnish
from lived_through import pass_time

from vocative.campaign.journeys.runner import JourneyRunner
from vocative.campaign.journeys.versions import start
from vocative.campaign.replay import replay_journey
from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.errors import StateError, UnknownName
from vocative.segment import advance
from vocative.segment.live.runner import LiveRunner
from vocative.workspace import Workspace, prepare_state

CART = """\
enter: {event: Product Added, key: properties.cart_id, again: 2d}
exit:
  - {event: Unsubscribed}
goal: {event: Order Completed, within: 3d}
steps:
  - wait: 4h
  - send: reminder
  - wait: 1d
  - branch:
      cases:
        - when: orders = 0
          steps:
            - send: last_call
"""
START = datetime(2026, 2, 1, tzinfo=UTC)
PEOPLE = 12
SETTINGS = """\
workspace: lived
sender: {email: hello@shop.example, name: The Shop}
postal_address: "1 High Street, London"
"""


def event(number: int, person: int, name: str, at: datetime, **properties: Any) -> dict[str, Any]:
    """One event of a shop."""
    return {
        "type": "track",
        "messageId": f"e{number}",
        "event": name,
        "userId": f"u{person}",
        "timestamp": at.isoformat(),
        "properties": properties,
    }


def shop_events(people: int) -> list[dict[str, Any]]:
    """Carts, and orders of every third person: some at once, some late."""
    found = []
    for person in range(people):
        begun = START + timedelta(hours=1 + 7 * person)
        found.append(event(3 * person, person, "Product Added", begun, cart_id=f"c{person}"))
        if person % 3 == 0:
            later = begun + timedelta(hours=2 + 9 * (person % 4))
            found.append(event(3 * person + 1, person, "Order Completed", later, revenue=20))
        if person % 4 == 0:
            again = begun + timedelta(days=1)
            found.append(event(3 * person + 2, person, "Product Added", again, cart_id="second"))
    return sorted(found, key=lambda one: one["timestamp"])


def run_live(workspace: Workspace, clock: FixedClock, events: list[dict[str, Any]]) -> None:
    """Let the worker's code follow events as they come, and every timer on time."""
    segments, journeys = LiveRunner(workspace), JourneyRunner(workspace)
    for one in events:
        pass_time(workspace, clock, datetime.fromisoformat(one["timestamp"]), journeys)
        accept(workspace, [one], source="test")
        segments.advance()
        journeys.run()
    pass_time(workspace, clock, clock.now() + timedelta(days=5), journeys)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace in which a journey of carts ran for some days; for tests that only look."""
    root, clock = tmp_path_factory.mktemp("lived"), FixedClock(START)
    (root / "vocative.yaml").write_text(SETTINGS)
    prepare_state(root)
    with Workspace(root, clock=clock) as workspace:
        furnish(workspace)
        (root / "journeys" / "cart.yaml").write_text(CART)
        advance(workspace)
        start(workspace, "cart")
        run_live(workspace, clock, shop_events(PEOPLE))
        yield workspace


@pytest.fixture
def draft(lived: Workspace) -> Iterator[Path]:
    """The file of the journey, as it was again after the test."""
    path = lived.root / "journeys" / "cart.yaml"
    yield path
    path.write_text(CART)


def test_a_replay_of_its_own_period_is_the_ledger(lived: Workspace):
    replay = replay_journey(lived, "cart", days=30, live=True, against="ledger", people=100)
    assert replay.differences is not None
    assert replay.differences.messages == []
    assert replay.version == 1
    with lived.store.read() as tx:
        ledger = {row[0] for row in tx.tuples("SELECT message_id FROM messages")}
        runs = tx.value("SELECT count(*) FROM journey_runs")
    assert {one.message_id for way in replay.ways for one in way.messages} == ledger
    assert replay.differences.same == len(ledger) > PEOPLE
    assert replay.entered == runs


def test_a_draft_is_held_against_the_live_version(lived: Workspace, draft: Path):
    draft.write_text(CART.replace("orders = 0", "orders > 0").replace("wait: 4h", "wait: 1h"))
    replay = replay_journey(lived, "cart")
    found = replay.differences
    assert replay.version == 0
    assert found is not None
    assert found.moved > 0  # every reminder comes three hours earlier
    assert found.gone > 0  # last calls to those who had not ordered
    assert {one.template for one in found.messages if one.change == "gone"} == {"last_call"}
    moved = next(one for one in found.messages if one.change == "moved")
    assert moved.at is not None
    assert moved.before is not None
    assert moved.before - moved.at == timedelta(hours=3)


def test_people_come_with_their_reasons(lived: Workspace):
    replay = replay_journey(lived, "cart", against="nothing", people=3)
    assert replay.differences is None
    assert len(replay.ways) == 3
    told = [reason for way in replay.ways for reason in way.reasons]
    assert {"enter", "wait_1", "send_1"} <= {reason["step"] for reason in told}
    asked = next(reason for reason in told if reason["step"] == "branch_1")
    assert asked["saw"] == {"orders": 0}
    assert replay.outcomes["goal"] > 0


def test_nothing_is_written_or_sent(lived: Workspace):
    def everything() -> list[int]:
        with lived.store.read() as tx:
            return [
                int(tx.value(f"SELECT count(*) FROM {table}"))
                for table in ("messages", "journey_runs", "journey_effects")
            ]

    before = everything()
    replay_journey(lived, "cart", against="ledger")
    assert everything() == before


def test_what_was_never_started_has_no_live_version(workspace: Workspace):
    furnish(workspace)
    (workspace.root / "journeys" / "cart.yaml").write_text(CART)
    replay = replay_journey(workspace, "cart")
    assert (replay.entered, replay.events, replay.differences) == (0, 0, None)
    with pytest.raises(StateError, match="never started"):
        replay_journey(workspace, "cart", live=True)
    with pytest.raises(UnknownName, match="cart"):
        replay_journey(workspace, "carts")
