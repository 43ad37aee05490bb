"""Openings and clicks: who made them, told once, corrected when we know better."""

from datetime import UTC, datetime, timedelta

import pytest
from post_office import CAMPAIGN, RUN, add_people, compose, plan

from vocative.clock import FixedClock, to_micros
from vocative.deliver import feedback
from vocative.deliver.channels import channel_for
from vocative.deliver.feedback import Visit, judge, judging
from vocative.deliver.links import Link
from vocative.deliver.sender import deliver
from vocative.deliver.unsubscribe import unsubscribe
from vocative.identify.apply import apply_log
from vocative.simulate.scanners import Request, draw_requests
from vocative.workspace import Workspace

SENT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def visit(kind: str = "open", after: timedelta = HOUR, **changes: object) -> Visit:
    fields = {
        "visit_id": f"{kind}{after}{changes}", "message_id": "m", "person_id": "p", "kind": kind,
        "link": "1 https://shop.example/a" if kind == "click" else None, "at": SENT + after,
        "method": "GET", "agent": FIREFOX, "network_hash": "home",
    }  # fmt: skip
    return Visit(**{**fields, **changes})


def verdicts(*visits: Visit) -> list[tuple[str, str]]:
    return [(verdict.by, verdict.reason) for _, verdict in judge(visits, SENT)]


@pytest.mark.parametrize(
    ("one", "by", "reason"),
    [
        (visit(), "human", "ordinary"),
        (visit("click"), "human", "ordinary"),
        (visit(agent=GMAIL), "human", "image_proxy"),
        (visit(agent=GMAIL, after=timedelta(seconds=4)), "machine", "prefetch"),
        (visit(agent="Mozilla/5.0"), "machine", "apple_privacy"),
        (visit("click", agent="Mozilla/5.0"), "human", "ordinary"),
        (visit(agent=""), "machine", "no_agent"),
        (visit("click", method="HEAD"), "machine", "head_request"),
        (visit("click", agent="curl/8.5"), "machine", "known_machine"),
        (visit("click", agent="Mozilla/5.0 (compatible; bingbot/2.0)"), "machine", "known_machine"),
        (visit("click", agent="BarracudaCentral/1.0"), "machine", "known_machine"),
        (visit("click", after=timedelta(seconds=1)), "machine", "too_soon"),
        (visit("trap"), "machine", "trap"),
    ],
)
def test_what_one_visit_gives_away(one: Visit, by: str, reason: str) -> None:
    assert verdicts(one) == [(by, reason)]
    [(_, verdict)] = judge([one], SENT)
    assert 0.5 <= verdict.probability <= 1


def test_following_every_link_within_a_second_is_no_human() -> None:
    links = [
        visit("click", HOUR + timedelta(milliseconds=150 * number), link=f"{number} https://a/")
        for number in range(4)
    ]
    later = visit("click", HOUR + timedelta(minutes=5), link="2 https://a/")
    assert verdicts(*links, later) == [("machine", "sweep")] * 4 + [("human", "ordinary")]


def test_a_slow_sweep_is_no_reading() -> None:
    links = [
        visit("click", HOUR + timedelta(seconds=5 * n), link=f"{n} https://a/") for n in range(6)
    ]
    assert verdicts(*links) == [("machine", "sweep")] * 6


def test_very_many_visits_of_one_message_are_judged_in_time() -> None:
    many = [
        visit("click", HOUR + timedelta(milliseconds=n), link=f"{n % 3} https://a/")
        for n in range(5_000)
    ]
    assert {by for by, _ in verdicts(*many)} == {"machine"}


def test_whoever_reads_may_open_two_tabs_at_once() -> None:
    tabs = [
        visit("click", HOUR + timedelta(milliseconds=400 * n), link=f"{n} https://a/")
        for n in range(2)
    ]
    assert verdicts(*tabs) == [("machine", "burst")] * 2
    opened = visit("open", HOUR - timedelta(seconds=9))
    assert {by for by, _ in verdicts(opened, *tabs)} == {"human"}


def test_a_machine_speaks_of_its_network() -> None:
    head = visit("click", HOUR, method="HEAD")
    near = visit("open", HOUR + timedelta(seconds=5))
    far = visit("open", HOUR + timedelta(seconds=5), network_hash="elsewhere")
    assert [reason for _, reason in verdicts(head, near, far)] == [
        "head_request", "machine_nearby", "ordinary",
    ]  # fmt: skip
    [(_, verdict)] = judge([visit("click")], SENT, scanners={"home"})
    assert (verdict.by, verdict.reason) == ("machine", "scanner_network")


def test_clicking_one_link_twice_is_human() -> None:
    clicks = [visit("click", HOUR + timedelta(milliseconds=300 * n)) for n in range(2)]
    assert {by for by, _ in verdicts(*clicks)} == {"human"}


def test_who_steps_into_the_trap_is_a_machine_everywhere() -> None:
    trap = visit("trap", HOUR)
    same = visit("click", HOUR + timedelta(seconds=20))
    other = visit("click", HOUR + timedelta(seconds=20), network_hash="elsewhere")
    late = visit("click", HOUR + timedelta(hours=3))
    assert [by for by, _ in verdicts(trap, same, other, late)] == [
        "machine", "machine", "human", "human",
    ]  # fmt: skip


@pytest.fixture
def sent(workspace: Workspace) -> list[str]:
    """Ids of delivered messages."""
    plan(workspace, add_people(workspace, 3))
    deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "outbox_folder"))
    with workspace.store.read() as tx:
        return [one for (one,) in tx.tuples("SELECT message_id FROM messages ORDER BY message_id")]


def record(
    workspace: Workspace, link: Link, after: timedelta, agent: str = FIREFOX, ip: str = "192.0.2.7"
) -> Visit | None:
    return feedback.record_visit(workspace, link, at=SENT + after, user_agent=agent, ip=ip)


def click(message_id: str, number: int = 1) -> Link:
    return Link(
        kind="click", message_id=message_id, number=number, url=f"https://shop.example/{number}"
    )


def events(workspace: Workspace, name: str) -> list[dict[str, object]]:
    import json

    apply_log(workspace)
    with workspace.engine() as engine:
        rows = engine.rows(
            "SELECT person_id, events.at, campaign, message_id, properties FROM events"
            f" WHERE name = '{name}' ORDER BY events.at, event_id"
        )
    return [{**row, **json.loads(row["properties"])} for row in rows]


def test_visits_become_events_with_a_verdict(
    workspace: Workspace, clock: FixedClock, sent: list[str]
) -> None:
    record(workspace, Link(kind="open", message_id=sent[0]), HOUR)
    record(workspace, click(sent[0], 2), HOUR + timedelta(seconds=30))
    for number in range(3):
        record(workspace, click(sent[1], number), HOUR + timedelta(milliseconds=100 * number))
    clock.at = SENT + HOUR + timedelta(seconds=1)
    assert feedback.settle(workspace) == 0
    clock.at = SENT + 2 * HOUR
    assert feedback.settle(workspace) == 5
    assert feedback.settle(workspace) == 0
    [opened] = events(workspace, "Email Opened")
    assert (opened["message_id"], opened["campaign"]) == (sent[0], CAMPAIGN)
    assert (opened["verdict"], opened["verdict_reason"]) == ("human", "ordinary")
    assert opened["client"] == "browser"
    clicked = events(workspace, "Email Link Clicked")
    assert [one["verdict"] for one in clicked] == ["machine"] * 3 + ["human"]
    assert clicked[3]["link_url"] == "https://shop.example/2"
    assert not any("client" in one for one in clicked)
    assert clicked[3]["person_id"]


def test_neither_address_nor_agent_reaches_the_events(
    workspace: Workspace, clock: FixedClock, sent: list[str]
) -> None:
    record(workspace, Link(kind="open", message_id=sent[0]), HOUR, ip="192.0.2.77")
    record(workspace, Link(kind="open", message_id=sent[0]), 2 * HOUR, ip="192.0.2.5")
    record(workspace, Link(kind="open", message_id=sent[0]), 3 * HOUR, ip="2001:db8::1")
    clock.at = SENT + 4 * HOUR
    feedback.settle(workspace)
    told = str(events(workspace, "Email Opened"))
    assert "192.0.2" not in told
    assert "Firefox" not in told
    with workspace.store.read() as tx:
        hashes = [one for (one,) in tx.tuples("SELECT network_hash FROM visits ORDER BY at")]
    assert hashes[0] == hashes[1] != hashes[2]
    assert "192" not in hashes[0]


def test_a_message_nobody_knows_leaves_no_trace(workspace: Workspace) -> None:
    assert record(workspace, click("ff" * 16), HOUR) is None


def test_settling_after_a_crash_tells_nothing_twice(
    workspace: Workspace, clock: FixedClock, sent: list[str]
) -> None:
    record(workspace, Link(kind="open", message_id=sent[0]), HOUR)
    clock.at = SENT + 2 * HOUR
    feedback.settle(workspace)
    with workspace.store.transaction() as tx:
        tx.run("UPDATE visits SET verdict = NULL, revision = 0")  # the mark was lost
    feedback.settle(workspace)
    assert len(events(workspace, "Email Opened")) == 1


def test_better_rules_correct_what_was_told(
    workspace: Workspace, clock: FixedClock, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import re

    record(workspace, click(sent[0]), HOUR, agent="NewScanner/1")
    record(workspace, click(sent[1]), HOUR)
    clock.at = SENT + 2 * HOUR
    monkeypatch.setattr(judging, "_MACHINE_AGENT", re.compile("nothing"))
    feedback.settle(workspace)
    monkeypatch.setattr(judging, "_MACHINE_AGENT", re.compile("NewScanner"))
    assert feedback.reclassify(workspace, CAMPAIGN) == 1
    assert feedback.reclassify(workspace, CAMPAIGN) == 0
    [changed] = events(workspace, "Email Verdict Changed")
    [told] = [e for e in events(workspace, "Email Link Clicked") if e["message_id"] == sent[0]]
    assert changed["visit_id"] == told["visit_id"]
    assert (told["verdict"], changed["verdict"]) == ("human", "machine")
    monkeypatch.setattr(judging, "_MACHINE_AGENT", re.compile("nothing"))
    clock.at += timedelta(seconds=1)  # corrections of one instant have no order
    assert feedback.reclassify(workspace, CAMPAIGN) == 1
    assert [e["verdict"] for e in events(workspace, "Email Verdict Changed")] == [
        "machine", "human",
    ]  # fmt: skip


def test_networks_of_scanners_are_learnt_and_earlier_verdicts_corrected(
    workspace: Workspace, clock: FixedClock
) -> None:
    plan(workspace, add_people(workspace, 6))
    with workspace.store.transaction() as tx:
        tx.run("UPDATE messages SET state = 'accepted', handed_at = :at", {"at": to_micros(SENT)})
        message_ids = [one for (one,) in tx.tuples("SELECT message_id FROM messages")]
    scanner = "192.0.2.9"
    record(workspace, click(message_ids[0]), timedelta(minutes=9), ip=scanner)
    feedback.settle(workspace, before=SENT + HOUR)
    for message_id in message_ids[1:]:
        for number in range(1, 5):
            link = Link(kind="click", message_id=message_id, number=number, url="https://a/")
            after = timedelta(minutes=20, milliseconds=100 * number)
            record(workspace, link, after, ip=scanner)
    clock.at = SENT + HOUR
    feedback.settle(workspace)
    assert feedback.reclassify(workspace, CAMPAIGN) == 1
    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT DISTINCT verdict, verdict_reason FROM visits")
    assert set(rows) == {("machine", "sweep"), ("machine", "scanner_network")}


def test_made_up_scanners_are_told_from_people() -> None:
    """Without what is learnt of networks, which needs the store: see `vocative bench feedback`."""
    right: list[bool] = []
    missed = machines = 0
    by_mail: dict[int, list[Request]] = {}
    for request in draw_requests(1_500, seed=3):
        by_mail.setdefault(request.mail, []).append(request)
    for requests in by_mail.values():
        visits = [
            visit(
                one.kind, timedelta(milliseconds=one.after_ms), visit_id=str(n),
                link=str(one.link), method=one.method, agent=one.agent,
                network_hash=one.ip.rpartition(".")[0],
            )
            for n, one in enumerate(requests)
        ]  # fmt: skip
        for one, (_, verdict) in zip(requests, judge(visits, SENT), strict=True):
            if one.kind == "click":
                right += [one.machine] * (verdict.by == "machine")
                machines += one.machine
                missed += one.machine and verdict.by == "human"
    assert sum(right) / len(right) >= 0.99
    assert missed / machines <= 0.03


@pytest.mark.parametrize("swept", [True, False])
def test_an_unsubscribe_among_scans_is_honoured_and_marked(
    workspace: Workspace, clock: FixedClock, sent: list[str], swept: bool
) -> None:
    for number in range(1, 5 if swept else 2):
        record(workspace, click(sent[0], number), timedelta(minutes=1, milliseconds=number))
    clock.at = SENT + timedelta(seconds=70)
    found = unsubscribe(workspace, sent[0], source="one-click")
    assert found is not None
    assert found.unsubscribed
    [told] = events(workspace, "Unsubscribed")
    assert told.get("doubtful") == ("sweep" if swept else None)
