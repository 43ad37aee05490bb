"""Journeys on a real store and a real outbox: what people do takes them through, once."""

import hmac
import json
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from journeyed import journey

from vocative.campaign.journeys.handing import hand_over, make_calls
from vocative.campaign.journeys.runner import JourneyRunner
from vocative.campaign.journeys.showing import (
    advance_journeys,
    explain_journey,
    list_journeys,
    list_runs,
    request_entry,
)
from vocative.campaign.journeys.versions import pause, start
from vocative.campaign.journeys.working import Journeys
from vocative.clock import FixedClock
from vocative.collect.door import accept
from vocative.errors import StateError
from vocative.identify.apply import apply_log
from vocative.segment import advance as bring_up_to_date
from vocative.workspace import Workspace

CART = """\
enter: {event: Product Added, key: properties.cart_id}
exit:
  - {event: Order Completed, key: properties.cart_id}
goal: {event: Order Completed, within: 7d}
steps:
  - wait: 1h
  - id: remind
    send: reminder
  - wait: 2d
  - branch:
    - when: orders > 0
      steps: [{exit: bought}]
  - send: last_call
"""
SIMPLE = "enter: {event: Signed Up}\nsteps:\n  - id: hello\n    send: reminder\n"


def put(workspace: Workspace, name: str, who: str = "u1", *, number: int = 0, **said: Any) -> None:
    """An event of a person who may be mailed."""
    at = said.pop("at", workspace.clock.now())
    accept(
        workspace,
        [
            {
                "messageId": f"{name}-{who}-{number}-{json.dumps(said, sort_keys=True)}",
                "type": "track",
                "event": name,
                "userId": who,
                "timestamp": at.isoformat(),
                "properties": said,
            }
        ],
        source="shop",
    )


def known(workspace: Workspace, *people: str, **traits: Any) -> None:
    """People with an address and consent."""
    now = workspace.clock.now().isoformat()
    events: list[dict[str, Any]] = []
    for who in people:
        email = f"{who}@customers.example"
        events.append(
            {"messageId": f"known-{who}-{len(traits)}", "type": "identify", "userId": who,
             "timestamp": now, "traits": {"email": email, **traits}}
        )  # fmt: skip
        events.append(
            {"messageId": f"yes-{who}", "type": "track", "event": "Consent Given", "userId": who,
             "timestamp": now, "properties": {"purpose": "marketing", "channel": "email"}}
        )  # fmt: skip
    accept(workspace, events, source="shop")


def pass_time(workspace: Workspace, **length: float) -> None:
    assert isinstance(workspace.clock, FixedClock)
    workspace.clock.advance(timedelta(**length))


def messages(workspace: Workspace) -> list[tuple[str, str, str]]:
    with workspace.store.read() as tx:
        return [
            (str(a), str(b), str(c))
            for a, b, c in tx.tuples(
                "SELECT occurrence, state, coalesce(reason, '') FROM messages"
                " WHERE campaign LIKE 'journey/%' ORDER BY planned_at, occurrence, person_id"
            )
        ]


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """A workspace with two people."""
    journey(workspace, CART, "cart")
    known(workspace, "u1", "u2")
    return workspace


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def either(request: pytest.FixtureRequest, shop: Workspace) -> Iterator[Workspace]:
    """The same on each store."""
    if request.param == "sqlite":
        yield shop
        return
    settings = shop.root / "vocative.yaml"
    url = request.getfixturevalue("postgres_url")
    settings.write_text(settings.read_text() + f"store: {url}\n")
    with Workspace(shop.root, clock=shop.clock) as opened:
        yield opened


def test_a_cart_is_reminded_of_once_and_explained(either: Workspace) -> None:
    start(either, "cart")
    put(either, "Product Added", cart_id="c1", product_id="x")
    put(either, "Product Added", cart_id="c2")
    put(either, "Product Added", "u2", cart_id="c3")
    assert advance_journeys(either).entered == 3
    assert messages(either) == []
    pass_time(either, hours=1)
    put(either, "Order Completed", "u2", cart_id="c3")
    done = advance_journeys(either)
    assert (done.planned, done.accepted) == (2, 2)
    assert [(state, reason) for _, state, reason in messages(either)] == [("accepted", "")] * 2
    again = advance_journeys(either)
    assert (again.planned, again.accepted, again.entered) == (0, 0, 0)
    pass_time(either, days=2)
    assert advance_journeys(either).accepted == 2
    told = explain_journey(either, "u1", "cart")
    assert len(told.runs) == 2
    branch = next(note for note in told.runs[0].notes if note.kind == "branch")
    assert branch.saw == {"orders": 0}
    assert [one.state for one in told.runs[0].messages] == ["accepted", "accepted"]
    assert told.sentence == "This person was in cart: completed."
    [left] = explain_journey(either, "u2", "cart").runs
    assert (left.run.outcome, left.messages) == ("goal", [])
    [summary] = list_journeys(either)
    assert (summary.status, summary.finished, summary.exited) == ("live", 2, 1)
    first = list_runs(either, "cart", limit=2)
    assert len(first.runs) == 2
    assert len(list_runs(either, "cart", limit=2, after=first.next).runs) == 1
    with either.engine() as engine:
        rows = engine.rows("SELECT count(*) AS n FROM events WHERE name = 'Email Delivered'")
    assert rows == [{"n": 4}]


def test_what_came_before_the_start_or_doubled_brings_nobody_in(shop: Workspace) -> None:
    put(shop, "Product Added", cart_id="old")
    bring_up_to_date(shop)
    start(shop, "cart")
    pass_time(shop, minutes=1)
    for _ in range(3):
        put(shop, "Product Added", cart_id="c1")
    late = shop.clock.now() - timedelta(hours=5)
    put(shop, "Product Added", cart_id="late", at=late)
    advance_journeys(shop)
    assert [run.key for run in list_runs(shop, "cart").runs] == ["c1"]


def test_two_profiles_that_become_one_are_mailed_once(either: Workspace) -> None:
    journey(either, SIMPLE.replace("steps:\n", "steps:\n  - wait: 1h\n"), "hello")
    start(either, "hello")
    now = either.clock.now().isoformat()
    put(either, "Signed Up")
    accept(
        either,
        [{"messageId": "a", "type": "track", "event": "Signed Up", "anonymousId": "browser",
          "timestamp": now}],
        source="shop",
    )  # fmt: skip
    assert advance_journeys(either).entered == 2
    accept(
        either,
        [{"messageId": "b", "type": "identify", "anonymousId": "browser", "userId": "u1",
          "timestamp": now}],
        source="shop",
    )  # fmt: skip
    pass_time(either, hours=1)
    assert advance_journeys(either).accepted == 1
    outcomes = sorted(str(run.outcome) for run in list_runs(either, "hello").runs)
    assert outcomes == ["completed", "merged"]


def test_a_deferred_message_follows_a_person_who_is_joined(shop: Workspace) -> None:
    settings = shop.root / "vocative.yaml"
    settings.write_text(settings.read_text() + "quiet_hours: {start: 0, end: 9}\n")
    journey(shop, SIMPLE, "hello")
    start(shop, "hello")
    put(shop, "Signed Up", "u9")
    known(shop, "u9")
    bring_up_to_date(shop)
    JourneyRunner(shop).run()
    accept(
        shop,
        [{"messageId": "b", "type": "identify", "userId": "u1",
          "timestamp": shop.clock.now().isoformat(),
          "traits": {"email": "u9@customers.example"}}],
        source="shop",
    )  # fmt: skip
    bring_up_to_date(shop)
    hand_over(shop)
    hand_over(shop)
    states = [(state, reason) for _, state, reason in messages(shop)]
    assert states.count(("accepted", "")) == 1, states
    assert set(states) <= {("accepted", ""), ("skipped", "merged")}


def test_people_enter_by_coming_into_a_segment(shop: Workspace) -> None:
    put(shop, "Order Completed", "u2")
    bring_up_to_date(shop)
    journey(shop, "enter: {segment: buyers}\nsteps:\n  - send: reminder\n", "thanks")
    start(shop, "thanks")
    assert advance_journeys(shop).entered == 0, "u2 was in it before"
    put(shop, "Order Completed")
    assert advance_journeys(shop).accepted == 1
    [run] = list_runs(shop, "thanks").runs
    assert run.person_id == explain_journey(shop, "u1", "thanks").person_id


def test_birthdays_come_round_in_the_persons_own_zone(either: Workspace) -> None:
    known(either, "u1", joined_on="2020-03-03", timezone="Asia/Kathmandu", plan="a")
    known(either, "u2", joined_on="2020-02-29", plan="a")
    text = "enter: {date: joined_on, at: '09:00'}\nsteps:\n  - send: reminder\n"
    journey(either, text, "birthday")
    start(either, "birthday")
    advance_journeys(either)
    runner = JourneyRunner(either)
    for _ in range(30):
        pass_time(either, hours=2)
        runner.run()
    [run] = list_runs(either, "birthday").runs
    assert (run.key, run.entered_at.isoformat()) == ("2026-03-03", "2026-03-03T03:15:00+00:00")


def test_the_api_asks_for_an_entry_once(shop: Workspace) -> None:
    journey(shop, "enter: {api: true}\nsteps:\n  - send: reminder\n", "asked")
    with pytest.raises(StateError, match="nobody enters asked"):
        request_entry(shop, "asked", "u1")
    start(shop, "asked")
    bring_up_to_date(shop)
    for _ in range(2):
        request_entry(shop, "asked", "u1", key="o1", request_id="r1")
    request_entry(shop, "asked", "u1", key="o2", request_id="r2")
    assert advance_journeys(shop).accepted == 2
    assert sorted(run.key for run in list_runs(shop, "asked").runs) == ["o1", "o2"]


def test_a_paused_journey_sends_nothing_and_still_lets_go(shop: Workspace) -> None:
    start(shop, "cart")
    put(shop, "Product Added", cart_id="c1")
    put(shop, "Product Added", "u2", cart_id="c2")
    advance_journeys(shop)
    pause(shop, "cart")
    pass_time(shop, hours=2)
    put(shop, "Order Completed", cart_id="c1")
    assert advance_journeys(shop).planned == 0
    assert sorted(run.state for run in list_runs(shop, "cart").runs) == ["active", "exited"]
    assert not start(shop, "cart").is_new
    assert advance_journeys(shop).accepted == 1


@pytest.mark.parametrize(
    ("policy", "told", "planned"),
    [("finish", (0, 0, 1), 1), ("move", (1, 0, 0), 0), ("exit", (0, 1, 0), 0)],
)
def test_a_new_version_does_with_people_as_it_says(
    shop: Workspace, policy: str, told: tuple[int, int, int], planned: int
) -> None:
    start(shop, "cart")
    put(shop, "Product Added", cart_id="c1")
    advance_journeys(shop)
    journey(shop, CART.replace("wait: 1h", "wait: 5h") + f"in_flight: {policy}\n", "cart")
    done = start(shop, "cart")
    assert (done.version, (done.moved, done.ended, done.stayed)) == (2, told)
    pass_time(shop, hours=1)
    assert advance_journeys(shop).planned == planned
    pass_time(shop, hours=4)
    later = advance_journeys(shop).planned
    assert later == (1 if policy == "move" else 0)


class Hook(BaseHTTPRequestHandler):
    """Keeps what it is told, and refuses the first time."""

    calls: list[tuple[dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.calls.append(({k.lower(): v for k, v in self.headers.items()}, body))
        self.send_response(599 if len(self.calls) == 1 else 204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    calls: list[tuple[dict[str, str], bytes]] = []
    handler = type("Hook", (Hook,), {"calls": calls})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook", calls
        server.shutdown()


def test_webhooks_are_signed_and_come_at_least_once(
    shop: Workspace,
    hook: tuple[str, list[tuple[dict[str, str], bytes]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, calls = hook
    key = b64encode(b"k" * 32).decode()
    text = f"enter: {{event: Signed Up}}\nsteps:\n  - webhook: {{url: '{url}', secret: env:HOOK}}\n"
    journey(shop, text + "  - update: {plan: gold}\n", "told")
    start(shop, "told")
    put(shop, "Signed Up")
    advance_journeys(shop)
    assert calls == [], "without its secret nothing is called"
    monkeypatch.setenv("HOOK", f"whsec_{key}")
    for _ in range(3):
        pass_time(shop, hours=1)
        make_calls(shop)
    assert len(calls) == 2, "refused, then taken"
    headers, body = calls[1]
    assert calls[0][0]["webhook-id"] == headers["webhook-id"]
    signed = b".".join(
        (headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body)
    )
    expected = b64encode(hmac.digest(b64decode(key), signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert b"customers.example" not in body
    advance_journeys(shop)
    with shop.store.read() as tx:
        traits = tx.tuples("SELECT traits FROM profiles WHERE traits LIKE '%gold%'")
    assert len(traits) == 1


def test_whoever_leaves_does_not_get_what_had_not_left(shop: Workspace) -> None:
    start(shop, "cart")
    put(shop, "Product Added", cart_id="c1")
    bring_up_to_date(shop)
    runner = JourneyRunner(shop)
    runner.run()
    pass_time(shop, hours=1)
    runner.run()
    put(shop, "Order Completed", cart_id="c1")
    apply_log(shop)
    runner.run()
    assert hand_over(shop).accepted == 0
    assert [(state, reason) for _, state, reason in messages(shop)] == [("skipped", "left_journey")]


def test_what_was_planned_before_the_end_leaves(shop: Workspace) -> None:
    journey(shop, SIMPLE + "  - exit: done\n", "hello")
    start(shop, "hello")
    put(shop, "Signed Up")
    assert advance_journeys(shop).accepted == 1
    [run] = list_runs(shop, "hello").runs
    assert (run.state, run.outcome) == ("finished", "done")


KILLED = """\
import os, sys
from datetime import datetime
from pathlib import Path
from vocative.campaign.journeys.handing import hand_over
from vocative.campaign.journeys.runner import JourneyRunner
from vocative.clock import FixedClock
from vocative.stores.base import Store
from vocative.workspace import Workspace

root, now, codes = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2]), []
begin = Store.transaction

def work(left):
    def dying(self, **told):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), 9)
        return begin(self, **told)

    Store.transaction = dying
    with Workspace(root, clock=FixedClock(now)) as workspace:
        JourneyRunner(workspace).run()
        hand_over(workspace)
    os._exit(0)

for left in range(1, 20, 3):
    child = os.fork()
    if child == 0:
        work(left)
    codes.append(os.waitpid(child, 0)[1])
    if codes[-1] != 9:
        break
print(codes)
"""


def test_killed_anywhere_everybody_gets_one_message(workspace: Workspace) -> None:
    """A process is killed before each of its transactions, then one goes on."""
    journey(workspace, SIMPLE, "hello")
    people = [f"u{number}" for number in range(8)]
    known(workspace, *people)
    bring_up_to_date(workspace)
    start(workspace, "hello")
    for who in people:
        put(workspace, "Signed Up", who)
    bring_up_to_date(workspace)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(workspace.root), workspace.clock.now().isoformat()],
        check=True,
        capture_output=True,
        text=True,
    )
    codes = json.loads(done.stdout)
    assert codes[-1] == 0
    assert codes.count(9) >= 2
    advance_journeys(workspace)
    found = messages(workspace)
    assert len(found) == len(people)
    assert {state for _, state, _ in found} <= {"accepted", "ambiguous"}
    outbox = workspace.root / ".vocative" / "outbox"
    mails = [path for path in Path(outbox).rglob("*") if path.is_file()]
    accepted = sum(state == "accepted" for _, state, _ in found)
    assert accepted == len(people), "the outbox can be asked what it has"
    assert len(mails) >= accepted
    assert len(list_runs(workspace, "hello").runs) == len(people)


def test_the_worker_takes_everybody_on_by_itself(shop: Workspace) -> None:
    journey(shop, SIMPLE, "hello")
    start(shop, "hello")
    put(shop, "Signed Up")
    bring_up_to_date(shop)
    stopped = threading.Event()
    journeys = Journeys(shop, stopped.is_set)
    until = time.monotonic() + 60
    while [state for _, state, _ in messages(shop)] != ["accepted"]:
        assert time.monotonic() < until
        journeys.look()
        stopped.wait(0.02)
    stopped.set()
    journeys.close()


def test_a_journey_whose_segment_is_gone_stands_still_and_goes_on(shop: Workspace) -> None:
    journey(shop, SIMPLE, "hello")
    start(shop, "hello")
    journey(shop, "enter: {event: Signed Up}\nexit: [{segment: buyers}]\nsteps: [{wait: 1h}]\n",
            "other")  # fmt: skip
    start(shop, "other")
    put(shop, "Signed Up")
    advance_journeys(shop)
    segments = shop.root / "segments" / "some.yaml"
    kept = segments.read_text()
    segments.write_text("others: {where: orders > 5}\n")
    pass_time(shop, hours=2)
    runner = JourneyRunner(shop)
    assert "buyers" in runner.run().broken["other"]
    assert [run.state for run in list_runs(shop, "other").runs] == ["active"]
    segments.write_text(kept)
    runner.run()
    assert runner.report.broken == {}
    assert [run.state for run in list_runs(shop, "other").runs] == ["finished"]


def test_what_cannot_be_rendered_for_one_waits_for_nobody(shop: Workspace) -> None:
    journey(shop, SIMPLE, "hello")
    template = shop.root / "templates" / "reminder.html"
    printed = "{% if person.country %}{{ person.country | divided_by: 0 }}{% endif %}Hello"
    template.write_text(template.read_text().replace("Hello", printed))
    known(shop, "u2", country="FR")
    start(shop, "hello")
    for who in ("u1", "u2"):
        put(shop, "Signed Up", who)
    advance_journeys(shop)
    assert sorted((state, reason) for _, state, reason in messages(shop)) == [
        ("accepted", ""),
        ("skipped", "cannot_be_rendered"),
    ]


def test_whoever_is_erased_is_on_no_way(shop: Workspace) -> None:
    start(shop, "cart")
    put(shop, "Product Added", cart_id="c1")
    advance_journeys(shop)
    [run] = list_runs(shop, "cart").runs
    with shop.store.transaction() as tx:
        tx.run("DELETE FROM profiles WHERE person_id = :p", {"p": run.person_id})
    pass_time(shop, hours=2)
    runner = JourneyRunner(shop)
    assert runner.run().planned == 0
    assert [one.outcome for one in list_runs(shop, "cart").runs] == ["erased"]
