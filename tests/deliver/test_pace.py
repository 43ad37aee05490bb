"""Rates, back-off, warm-up: never faster than told, nothing lost, nobody behind a slow domain."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from post_office import CAMPAIGN, RUN, Mailbox, add_people, compose, plan, set_channels, states

from vocative.clock import FixedClock
from vocative.deliver.channels import channel_for
from vocative.deliver.channels.base import ChannelDown
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.pace import BIG_DOMAINS, Bucket, Pace, Pacing
from vocative.deliver.sender import deliver
from vocative.errors import AuthorError
from vocative.workspace import Workspace

DAY = date(2026, 3, 2)
ACCEPTED = Receipt(outcome="accepted")


class Time:
    """Seconds that pass when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.today = DAY

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def pace_of(time: Time, folder: Path, **stated: Any) -> Pace:
    pacing = msgspec.convert(stated, Pacing)
    return Pace(
        pacing,
        counter=folder / "pace" / "smtp",
        today=lambda: time.today,
        clock=lambda: time.now,
        sleep=time.sleep,
    )


def to(*addresses: str) -> list[OutgoingMessage]:
    return [
        OutgoingMessage(
            message_id=f"m{number}",
            subject="s",
            html="",
            text="",
            from_email="hello@shop.example",
            to=address,
        )
        for number, address in enumerate(addresses)
    ]


def taking(
    messages: Iterable[OutgoingMessage], receipt: Receipt = ACCEPTED
) -> Iterator[tuple[OutgoingMessage, Receipt]]:
    for message in messages:
        yield message, receipt


@given(
    rate=st.floats(0.1, 1_000),
    steps=st.lists(st.floats(0, 5), min_size=1, max_size=200),
)
def test_no_stretch_of_time_gets_more_than_its_rate(rate: float, steps: list[float]) -> None:
    bucket, now = Bucket(rate), 0.0
    taken = []
    for step in steps:
        now += step
        wait = bucket.take(now)
        if wait == 0:
            taken.append(now)
        else:
            assert bucket.take(now + wait + 1e-6) == 0, "when it says there is one, there is"
            now += wait + 1e-6
            taken.append(now)
    for first in range(0, len(taken), 7):
        for last in range(first, len(taken), 5):
            most = max(1.0, rate) + rate * (taken[last] - taken[first]) + 1e-3
            assert last - first + 1 <= most + 1


def test_a_provider_gets_so_many_a_second(tmp_path: Path) -> None:
    time = Time()
    pace = pace_of(time, tmp_path, rates={"per_second": 5})
    began = time.now
    found = list(pace.carry(to(*["a@b.example"] * 55), taking))
    assert len(found) == 55
    assert time.now - began == pytest.approx(10, abs=0.3)


def test_a_domain_that_is_slow_holds_nobody_else_up(tmp_path: Path) -> None:
    time = Time()
    pace = pace_of(time, tmp_path, rates={"domains": {"slow.example": 2}})
    addresses = ["a@slow.example", "b@quick.example"] * 10
    found = list(pace.carry(to(*addresses), taking))
    assert {message.message_id for message, _ in found} == {f"m{n}" for n in range(20)}
    outcomes = Counter((m.to.partition("@")[2], receipt.outcome) for m, receipt in found)
    assert outcomes == {
        ("quick.example", "accepted"): 10,
        ("slow.example", "accepted"): 2,
        ("slow.example", "deferred"): 8,
    }
    waits = sorted(receipt.retry_seconds or 0 for _, receipt in found if receipt.retry_seconds)
    assert waits == pytest.approx([0.5 * n for n in range(1, 9)]), "they come back one by one"
    assert not any(r.counts_as_attempt for _, r in found if r.outcome == "deferred")
    assert time.now == 1_000, "nobody slept"


def test_the_big_domains_have_rates_unless_told(tmp_path: Path) -> None:
    pace = pace_of(Time(), tmp_path, rates={"domains": {"Gmail.com": 3}})
    many = to(*["a@googlemail.com"] * 10, *["a@hotmail.com"] * 30, *["a@small.example"] * 30)
    found = Counter(
        message.to.partition("@")[2]
        for message, receipt in pace.carry(many, taking)
        if receipt.outcome == "accepted"
    )
    assert found == {"googlemail.com": 3, "hotmail.com": 10, "small.example": 30}
    assert BIG_DOMAINS["outlook.com"][0] == 10


def test_a_domain_that_says_it_is_too_much_is_left_alone_longer_each_time(tmp_path: Path) -> None:
    time = Time()
    pace = pace_of(time, tmp_path, rates={})
    too_much = Receipt(outcome="deferred", reason="smtp_4.7.28")
    rests = []
    for _ in range(4):
        [(_, receipt)] = pace.carry(to("a@shop.example"), lambda m: taking(m, too_much))
        assert receipt is too_much
        [(_, held)] = pace.carry(to("b@shop.example"), taking)
        assert (held.outcome, held.reason) == ("deferred", "domain_rate")
        rests.append(held.retry_seconds)
        time.now += (held.retry_seconds or 0) + 0.01
    assert rests == pytest.approx([30, 60, 120, 240], abs=0.1)
    assert [r.outcome for _, r in pace.carry(to("b@shop.example"), taking)] == ["accepted"]
    list(pace.carry(to("a@shop.example"), lambda m: taking(m, too_much)))
    [(_, held)] = pace.carry(to("b@shop.example"), taking)
    assert held.retry_seconds == pytest.approx(30, abs=0.1), "something taken starts afresh"


def test_a_full_mailbox_says_nothing_of_its_domain(tmp_path: Path) -> None:
    pace = pace_of(Time(), tmp_path, rates={})
    full = Receipt(outcome="deferred", reason="smtp_4.2.2")
    list(pace.carry(to("a@shop.example"), lambda m: taking(m, full)))
    assert [r.outcome for _, r in pace.carry(to("b@shop.example"), taking)] == ["accepted"]


def test_a_warm_up_caps_each_day_until_it_is_over(tmp_path: Path) -> None:
    time = Time()
    plan = {"start": DAY.isoformat(), "daily": [3, 5]}
    pace = pace_of(time, tmp_path, warm_up=plan)
    asked = iter(to(*["a@b.example"] * 100))
    left = []
    for _ in range(4):
        left.append((pace.room(), len(list(pace.carry(_some(asked, 10), taking))), pace.room()))
        time.today += timedelta(days=1)
    assert left == [(3, 3, 0), (5, 5, 0), (None, 10, None), (None, 10, None)]
    time.today = DAY - timedelta(days=1)
    assert pace.room() == 0, "it has not begun"


def _some(source: Iterator[OutgoingMessage], number: int) -> Iterator[OutgoingMessage]:
    for _, message in zip(range(number), source, strict=False):
        yield message


def test_a_day_is_counted_together_by_all_who_send(tmp_path: Path) -> None:
    plan = {"start": DAY.isoformat(), "daily": [100]}
    carried: list[int] = []

    def sender() -> None:
        pace = pace_of(Time(), tmp_path, warm_up=plan)
        carried.append(len(list(pace.carry(to(*["a@b.example"] * 40), taking))))

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(carried) == 100
    assert pace_of(Time(), tmp_path, warm_up=plan).room() == 0


def test_a_damaged_counter_stops_nobody(tmp_path: Path) -> None:
    pace = pace_of(Time(), tmp_path, warm_up={"start": DAY.isoformat(), "daily": [3]})
    counter = tmp_path / "pace" / "smtp"
    counter.parent.mkdir()
    counter.write_bytes(b"\xff\x00 what is this")
    assert len(list(pace.carry(to(*["a@b.example"] * 9), taking))) == 3
    assert pace.room() == 0


def test_a_run_under_warm_up_leaves_the_rest_planned_until_the_next_day(
    workspace: Workspace, clock: FixedClock, mailbox: Mailbox
) -> None:
    set_channels(
        workspace,
        f"{{smtp: {{host: 127.0.0.1, port: {mailbox.port}, security: none,"
        " warm_up: {start: 2026-03-02, daily: [3, 4]}}}",
    )
    plan(workspace, add_people(workspace, 10))
    for accepted in (3, 7, 10):
        deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "smtp"))
        waiting = {"planned": 10 - accepted} if accepted < 10 else {}
        assert states(workspace) == {"accepted": accepted, **waiting}
        if waiting:
            with pytest.raises(ChannelDown, match="used up"):
                deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "smtp"))
        clock.advance(timedelta(days=1))
    assert len(mailbox.mails) == len(set(mailbox.recipients)) == 10


def test_a_run_with_a_slow_domain_ends_with_everybody_once(
    live: Workspace, mailbox: Mailbox
) -> None:
    set_channels(
        live,
        f"{{smtp: {{host: 127.0.0.1, port: {mailbox.port}, security: none,"
        " rates: {per_second: 500, domains: {people.example: 20}}}}",
    )
    plan(live, add_people(live, 40))
    report = deliver(live, CAMPAIGN, RUN, compose, channel_for(live, "smtp"))
    assert report.accepted == 40
    assert states(live) == {"accepted": 40}
    assert len(set(mailbox.recipients)) == len(mailbox.mails) == 40
    assert report.deferred > 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("rates: {per_second: 0}", r"channels\.smtp\.rates\.per_second"),
        ("rates: {per_minute: 9}", "per_minute"),
        ("warm_up: {start: soon, daily: [1]}", r"channels\.smtp\.warm_up\.start"),
        ("warm_up: {start: 2026-03-02, daily: []}", r"channels\.smtp\.warm_up\.daily"),
    ],
)
def test_a_wrong_pace_is_named(workspace: Workspace, more: str, words: str) -> None:
    set_channels(workspace, f"{{smtp: {{host: h, {more}}}}}")
    with pytest.raises(AuthorError, match=words) as caught:
        channel_for(workspace, "smtp")
    assert "vocative.yaml" in str(caught.value)
