"""Does a replay of a journey's own days give what the worker really planned, and how fast?

In: nothing. A made-up shop is lived through hour by hour under a simulated clock: people look, fill
carts, order and unsubscribe, and the worker's own code keeps segments and takes people through a
journey with every kind of waiting, a branch, a split, a goal, exit rules and quiet hours. Then the
journey is replayed over the same days from history, and each message is held against the ledger, by
its id and its minute.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vocative.campaign.journeys.runner import JourneyRunner
from vocative.campaign.journeys.versions import start
from vocative.campaign.replay import Replay, replay_journey
from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.segment.live.runner import LiveRunner
from vocative.workspace import Workspace, prepare_state

PEOPLE = 1_000
DAYS = 5
START = datetime(2026, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEMPLATE = (
    '<html><body><p>Hello</p><a href="{{ unsubscribe_url }}">Unsubscribe</a>'
    " {{ postal_address }}</body></html>\n"
)
FILES = {
    "vocative.yaml": (
        "{workspace: bench, sender: {email: hello@shop.example, name: The Shop},"
        " postal_address: 1 High Street, quiet_hours: {start: 21, end: 8}}\n"
    ),
    "features/orders.yaml": (
        "orders: {count: Order Completed}\nviews_2d: {count: Product Viewed, window: 2d}\n"
    ),
    "segments/some.yaml": "regulars: {where: orders >= 3}\n",
    "journeys/cart.yaml": """\
enter: {event: Product Added, key: properties.cart_id, again: 2d}
exit:
  - {event: Unsubscribed}
  - {segment: regulars}
goal: {event: Order Completed, within: 3d}
holdout: 10%
steps:
  - wait: 4h
  - send: reminder
  - wait_until: {event: Product Viewed, timeout: 1d}
  - branch:
      cases:
        - when: views_2d > 1 and orders = 0
          steps:
            - split: {arms: {a: {steps: [{send: looked}]}, b: {steps: [{send: last_call}]}}}
      otherwise:
        - wait: {for: 6h, until: "10:00"}
        - send: {template: last_call}
""",
}
NAMES = ("Product Viewed", "Product Viewed", "Product Viewed", "Product Added", "Product Added")


def run(size: int | None = None) -> dict[str, Any]:
    """Live through some days, then replay them.

    Args:
        size: How many people; 1,000 unless told.

    Returns:
        people; days; events that the journey looks at, seconds of the replay and events_per_second;
        messages of the ledger; runs, and replayed_runs; ledger_differences (messages that only one
        of the two has, or at another minute); lived_seconds: what the worker took for those days.
    """
    people = size or PEOPLE
    with tempfile.TemporaryDirectory(prefix="vocative-bench-") as folder:
        root = Path(folder) / "shop"
        _prepare(root)
        clock = FixedClock(START)
        with Workspace(root, clock=clock) as workspace:
            began = time.perf_counter()
            _live(workspace, clock, people)
            lived = time.perf_counter() - began
            replay = replay_journey(
                workspace, "cart", days=DAYS + 1, live=True, against="ledger", people=1_000
            )
            return _figures(workspace, replay, people, lived)


def _prepare(root: Path) -> None:
    for name in ("reminder", "looked", "last_call"):
        FILES[f"templates/{name}.html"] = TEMPLATE
        FILES[f"templates/{name}.yaml"] = f"subject: {name}\n"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    prepare_state(root)


def _live(workspace: Workspace, clock: FixedClock, people: int) -> None:
    """The worker's code, once an hour: what happens in it, and every timer, falls on its stroke."""
    segments, journeys = LiveRunner(workspace), JourneyRunner(workspace)
    segments.advance()
    start(workspace, "cart")
    for events in _hours(people):
        clock.advance(HOUR)
        at = clock.now().isoformat()
        accept(workspace, [{**event, "timestamp": at} for event in events], source="bench")
        segments.advance()
        journeys.run()


def _hours(people: int) -> Iterator[list[dict[str, Any]]]:
    """What happens in each hour: every person does something twice a day."""
    drawn = random.Random(7)
    number = 0
    for _ in range(DAYS * 24):
        found = []
        for person in drawn.sample(range(people), k=people // 12):
            number += 1
            name = drawn.choice(NAMES)
            if drawn.random() < 0.15:
                name = "Order Completed" if drawn.random() < 0.8 else "Unsubscribed"
            found.append(
                {
                    "type": "track",
                    "event": name,
                    "userId": f"u{person}",
                    "messageId": f"e{number}",
                    "properties": {"cart_id": f"c{drawn.randrange(2)}"},
                }
            )
        yield found


def _figures(workspace: Workspace, replay: Replay, people: int, lived: float) -> dict[str, Any]:
    found = replay.differences
    with workspace.store.read() as tx:
        messages = tx.value("SELECT count(*) FROM messages")
        runs = tx.value("SELECT count(*) FROM journey_runs")
    differences = None if found is None else found.new + found.gone + found.moved
    return {
        "people": people,
        "days": DAYS,
        "events": replay.events,
        "seconds": replay.seconds,
        "events_per_second": round(replay.events / replay.seconds),
        "messages": messages,
        "runs": runs,
        "replayed_runs": replay.entered,
        "ledger_differences": differences,
        "lived_seconds": round(lived, 1),
    }
