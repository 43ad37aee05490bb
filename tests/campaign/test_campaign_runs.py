"""Runs from being scheduled to being finished: waiting, first shares, approval, pauses, halts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from conducted import acts, add_people, conduct, numbered, sent, stands, write_shop

from vocative.campaign import explain, send
from vocative.campaign.conducting import Conductor
from vocative.campaign.halting import halt, list_halts, unhalt
from vocative.campaign.reach import reach
from vocative.campaign.steering import (
    approve,
    cancel,
    pause,
    resume,
    retry,
    schedule,
    send_again,
)
from vocative.clock import FixedClock
from vocative.deliver.channels.outbox_folder import OutboxFolder
from vocative.errors import AuthorError, StateError
from vocative.privacy import audit
from vocative.workspace import Workspace

NEWS = "news: {template: hello, where: 'true', purpose: service%s}\n"


@contextmanager
def shop_of(
    workspace: Workspace, more: str = "", *, people: int = 20, settings: str = ""
) -> Iterator[Workspace]:
    """A shop with the campaign `news`."""
    write_shop(workspace.root, NEWS % more, settings=settings)
    with Workspace(workspace.root, clock=workspace.clock) as shop:
        if people:
            add_people(shop, numbered(people))
        yield shop


def audited(shop: Workspace) -> list[str]:
    with shop.store.read() as tx:
        return [f"{entry.actor} {entry.action}" for entry in audit.entries(tx)]


def test_a_scheduled_run_begins_when_it_is_due(workspace: Workspace, clock: FixedClock) -> None:
    with shop_of(workspace) as shop:
        told = schedule(shop, "news", at=clock.now() + timedelta(hours=2), by="ana")
        assert (told.status, told.people) == ("scheduled", 0)
        conduct(shop)
        assert stands(shop).status == "scheduled"
        add_people(shop, {"late": {}})
        clock.advance(timedelta(hours=2))
        conduct(shop)
        run = stands(shop)
        assert (run.status, run.counts, run.done) == ("finished", {"accepted": 21}, 21)
        assert "ana scheduled for 2026-03-02 11:30 UTC" in audited(shop)
        with pytest.raises(StateError, match="begun already"):
            schedule(shop, "news")


def test_a_run_that_nothing_ran_for_is_held(workspace: Workspace, clock: FixedClock) -> None:
    with shop_of(workspace) as shop:
        schedule(shop, "news")
        clock.advance(timedelta(days=3))
        conduct(shop)
        assert stands(shop).status == "held"
        assert "3 days ago" in str(stands(shop).why)
        resume(shop, "news")
        # Somebody said so: it begins although it is late.
        conduct(shop)
        assert stands(shop).status == "finished"


def test_everybody_gets_it_at_nine_on_their_own_clock(
    workspace: Workspace, clock: FixedClock
) -> None:
    zones = {
        "ana": "Asia/Kathmandu",
        "bob": "Europe/Berlin",
        "eve": "America/Los_Angeles",
        "joe": "Nowhere/Land",
    }
    plan = ", schedule: {at: '2026-03-29 09:00', local: true}"
    with shop_of(workspace, plan, people=0) as shop:
        add_people(shop, {user: {"timezone": zone} for user, zone in zones.items()})
        begins = schedule(shop, "news").starts_at
        assert begins == datetime(2026, 3, 28, 19, tzinfo=UTC)
        clock.at = begins
        arrived = []
        for _ in range(40 * 4):
            conduct(shop)
            arrived.append(len(sent(shop)))
            clock.advance(timedelta(minutes=15))
        # Kathmandu 03:15 UTC, Berlin 07:00, the workspace's London 08:00, Los Angeles 16:00.
        steps = [
            begins + timedelta(minutes=15) * index
            for index in range(1, len(arrived))
            if arrived[index] > arrived[index - 1]
        ]
        assert [f"{at:%H:%M}" for at in steps] == ["03:15", "07:00", "08:00", "16:00"]
        assert stands(shop).status == "finished"


def test_a_window_is_kept_by_whoever_sends(workspace: Workspace, clock: FixedClock) -> None:
    with shop_of(workspace, ", schedule: {window: {start: 12, end: 14}}") as shop:
        schedule(shop, "news")
        conduct(shop)
        run = stands(shop)
        assert (run.status, run.counts) == ("waiting", {"deferred: scheduled": 20})
        assert run.next_at == datetime(2026, 3, 2, 12, tzinfo=UTC)
        # The window has passed before anybody came to send: it opens again tomorrow.
        clock.advance(timedelta(hours=6))
        conduct(shop)
        assert stands(shop).counts == {"deferred: outside_window": 20}
        clock.advance(timedelta(hours=21))
        conduct(shop)
        assert stands(shop).counts == {"accepted": 20}


def test_the_best_hour_is_that_of_earlier_opens(workspace: Workspace, clock: FixedClock) -> None:
    with shop_of(workspace, people=2) as shop:
        send(shop, "news")
        (reader, _), (machine, _) = sorted(sent(shop).items())
        for day in range(4):
            clock.at = datetime(2026, 3, 3 + day, 19, 5, tzinfo=UTC)
            acts(shop, "Email Opened", {reader: f"x{day}"}, verdict="human")
            acts(shop, "Email Opened", {machine: f"y{day}"}, verdict="machine")
        file = shop.root / "campaigns" / "all.yaml"
        file.write_text(NEWS % ", schedule: {best_hour: {otherwise: 7}}")
        clock.at = datetime(2026, 3, 10, 5, tzinfo=UTC)
        schedule(shop, "news", occurrence="2")
        conduct(shop)
        clock.at = datetime(2026, 3, 10, 8, tzinfo=UTC)
        conduct(shop)
        assert set(sent(shop, occurrence="2")) == {machine}
        clock.at = datetime(2026, 3, 10, 18, 59, tzinfo=UTC)
        conduct(shop)
        assert set(sent(shop, occurrence="2")) == {machine}
        clock.at = datetime(2026, 3, 10, 20, tzinfo=UTC)
        conduct(shop)
        assert set(sent(shop, occurrence="2")) == {machine, reader}
        told = explain(shop, reader, campaign="news", occurrence="2")
        assert any("19:00, when they opened and clicked most" in s.detail for s in told.steps)


CANARY = ", canary: {share: 20%, wait: 1h, complaints: 10%}"


def test_the_rest_follows_when_the_first_share_went_well(
    workspace: Workspace, clock: FixedClock
) -> None:
    with shop_of(workspace, CANARY) as shop:
        schedule(shop, "news")
        conduct(shop)
        run = stands(shop)
        assert (run.status, run.done, run.kept_back) == ("waiting", 4, 16)
        clock.advance(timedelta(minutes=59))
        conduct(shop)
        assert stands(shop).done == 4
        clock.advance(timedelta(minutes=1))
        conduct(shop)
        assert (stands(shop).status, len(sent(shop))) == ("finished", 20)


def test_the_rest_is_held_when_the_first_share_complains(
    workspace: Workspace, clock: FixedClock
) -> None:
    with shop_of(workspace, CANARY) as shop:
        schedule(shop, "news")
        conduct(shop)
        acts(shop, "Email Marked as Spam", dict([min(sent(shop).items())]))
        clock.advance(timedelta(hours=2))
        conduct(shop)
        run = stands(shop)
        assert (run.status, run.done) == ("held", 4)
        assert run.why == "1 of the first 4 messages were complained about; at most 10.00% may"
        with pytest.raises(StateError, match="held: 1 of the first 4"):
            send(shop, "news")
        resume(shop, "news", by="bob")
        conduct(shop)
        assert (stands(shop).status, len(sent(shop))) == ("finished", 20)
        assert "bob resumed" in audited(shop)


def test_many_people_need_approval(workspace: Workspace, clock: FixedClock) -> None:
    with shop_of(workspace, ", approve_above: 15", settings="approve_above: 100\n") as shop:
        report = send(shop, "news")
        assert (report.status, report.counts) == ("unapproved", {"planned": 20})
        assert send(shop, "news").counts == {"planned": 20}
        conduct(shop)
        assert not sent(shop)
        assert stands(shop).why == "20 people: more than 15 need approval"
        with pytest.raises(StateError, match="more than 19"):
            approve(shop, "news", people=19)
        told = approve(shop, "news", by="eve")
        assert (told.approved_by, told.approved_people) == ("eve", 20)
        assert "eve approved for up to 20 people" in audited(shop)
        conduct(shop)
        assert len(sent(shop)) == 20
        # Approval beforehand holds for as many people as it was given for, and no more.
        schedule(shop, "news", occurrence="2")
        approve(shop, "news", occurrence="2", people=20)
        add_people(shop, {"one-more": {}})
        conduct(shop)
        assert stands(shop, occurrence="2").status == "unapproved"


def test_a_paused_run_goes_on_where_it_was(
    workspace: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutboxFolder, "group_size", 5)
    monkeypatch.setattr("vocative.deliver.sender.HALTED_SECONDS", 0.0)
    with shop_of(workspace) as shop:
        schedule(shop, "news")
        once = []

        def meanwhile() -> bool:
            """Somebody pauses it while it is sent."""
            if len(sent(shop)) >= 5 and not once:
                once.append(pause(shop, "news", reason="a wrong price", by="ana"))
            return False

        Conductor(shop, meanwhile).turn()
        run = stands(shop)
        assert (run.status, run.why) == ("paused", "a wrong price")
        assert 5 <= run.done < 20
        conduct(shop)
        assert stands(shop).done == run.done
        resume(shop, "news")
        conduct(shop)
        assert (stands(shop).status, len(sent(shop))) == ("finished", 20)
        with pytest.raises(StateError, match="finished: it cannot be paused"):
            pause(shop, "news")


def test_a_canceled_run_sends_nothing_more(
    workspace: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutboxFolder, "group_size", 5)
    monkeypatch.setattr("vocative.deliver.sender.HALTED_SECONDS", 0.0)
    with shop_of(workspace) as shop:
        schedule(shop, "news")
        once = []

        def meanwhile() -> bool:
            if len(sent(shop)) >= 5 and not once:
                once.append(cancel(shop, "news"))
            return False

        Conductor(shop, meanwhile).turn()
        conduct(shop)
        run = stands(shop)
        assert run.status == "canceled"
        assert run.done == run.people == 20
        assert run.counts["skipped: canceled"] == 20 - run.counts["accepted"] > 0
        with pytest.raises(StateError, match="is canceled"):
            send(shop, "news")
        someone = explain(shop, _skipped(shop), campaign="news")
        assert someone.sentence == "Got no mail: canceled."


def _skipped(shop: Workspace) -> str:
    with shop.store.read() as tx:
        return str(tx.value("SELECT min(person_id) FROM messages WHERE state = 'skipped'"))


def test_the_kill_switch_stops_one_or_all(
    workspace: Workspace, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OutboxFolder, "group_size", 5)
    monkeypatch.setattr("vocative.deliver.sender.HALTED_SECONDS", 0.0)
    with shop_of(workspace) as shop:
        schedule(shop, "news")
        halt(shop, campaign="news", by="ana", reason="wrong list")
        conduct(shop)
        assert not sent(shop)
        with pytest.raises(StateError, match="news was halted by ana: wrong list"):
            send(shop, "news")
        unhalt(shop, campaign="news")

        def meanwhile() -> bool:
            if len(sent(shop)) >= 5 and not list_halts(shop).everything:
                halt(shop, by="bob")
            return False

        Conductor(shop, meanwhile).turn()
        left = len(sent(shop))
        assert 5 <= left < 20
        conduct(shop)
        assert len(sent(shop)) == left
        unhalt(shop)
        conduct(shop)
        assert (stands(shop).status, len(sent(shop))) == ("finished", 20)
        with pytest.raises(StateError, match="is not halted"):
            unhalt(shop)


def test_once_more_to_those_who_did_not_open(workspace: Workspace, clock: FixedClock) -> None:
    with shop_of(workspace, ", holdout: 30%", people=40) as shop:
        schedule(shop, "news")
        conduct(shop)
        first = sent(shop)
        opened = dict(sorted(first.items())[:3])
        clicked = dict(sorted(first.items())[3:5])
        scanned = dict(sorted(first.items())[5:9])
        acts(shop, "Email Opened", opened, verdict="human")
        acts(shop, "Email Link Clicked", clicked, verdict="human")
        acts(shop, "Email Opened", scanned, verdict="machine")
        told = send_again(shop, "news", unless="opened")
        assert (told.occurrence, told.repeats, told.unless) == ("1-not-opened", "1", "opened")
        conduct(shop)
        # The holdout of the first run stays one, and nobody else is held out.
        assert set(sent(shop, occurrence="1-not-opened")) == set(first) - {*opened, *clicked}
        send_again(shop, "news", unless="clicked", occurrence="third")
        conduct(shop)
        assert set(sent(shop, occurrence="third")) == set(first) - set(clicked)


def test_failures_are_tried_again(workspace: Workspace, clock: FixedClock) -> None:
    with shop_of(workspace) as shop:
        send(shop, "news")
        with pytest.raises(StateError, match="no message of this run failed"):
            retry(shop, "news")
        with shop.store.transaction() as tx:
            tx.run(
                "UPDATE messages SET state = 'failed', reason = 'gave_up' WHERE message_id IN"
                " (SELECT message_id FROM messages ORDER BY message_id LIMIT 3)"
            )
        assert retry(shop, "news").status == "waiting"
        conduct(shop)
        assert (stands(shop).status, stands(shop).counts) == ("finished", {"accepted": 20})


TWO = (
    "news: {template: hello, where: 'true', purpose: service}\n"
    "sale: {template: hello, where: \"city = 'Bonn'\", purpose: service, priority: 5,"
    " schedule: {window: {start: 12, end: 14}}}\n"
)


def test_the_greater_priority_gets_the_room_of_a_cap(
    workspace: Workspace, clock: FixedClock
) -> None:
    write_shop(workspace.root, TWO, settings="caps: [{most: 1, per: 1d}]\n")
    with Workspace(workspace.root, clock=clock) as shop:
        add_people(shop, {"ana": {"city": "Bonn"}, "bob": {"city": "Bern"}})
        schedule(shop, "sale")
        schedule(shop, "news")
        conduct(shop)
        # Ana's one message today is for the sale, which waits until noon.
        assert stands(shop).counts == {"accepted": 1, "deferred: outranked": 1}
        told = explain(shop, "ana@example.com", campaign="news")
        assert any("had 0, 1 of higher priority wait" in step.detail for step in told.steps), told
        for _ in range(4):
            clock.advance(timedelta(hours=1))
            conduct(shop)
        assert len(sent(shop, "sale")) == 1
        assert stands(shop).counts == {"accepted": 1, "skipped: capped": 1}


def test_room_is_free_again_when_the_greater_is_not_sent(
    workspace: Workspace, clock: FixedClock
) -> None:
    write_shop(workspace.root, TWO, settings="caps: [{most: 1, per: 1d}]\n")
    with Workspace(workspace.root, clock=clock) as shop:
        add_people(shop, {"ana": {"city": "Bonn"}})
        schedule(shop, "sale")
        schedule(shop, "news")
        conduct(shop)
        assert stands(shop).counts == {"deferred: outranked": 1}
        cancel(shop, "sale")
        clock.advance(timedelta(hours=1))
        conduct(shop)
        assert stands(shop).counts == {"accepted": 1}


def test_reach_says_what_a_send_does(workspace: Workspace, clock: FixedClock) -> None:
    campaigns = (
        "news: {template: hello, where: 'true', purpose: service, holdout: 20%, exclude: [away]}\n"
    )
    write_shop(workspace.root, campaigns, settings="quiet_hours: {start: 21, end: 8}\n")
    (workspace.root / "segments").mkdir()
    (workspace.root / "segments" / "all.yaml").write_text("away: {where: \"city = 'Bern'\"}\n")
    with Workspace(workspace.root, clock=clock) as shop:
        add_people(
            shop,
            {
                **{f"u{n}": {} for n in range(20)},
                **{f"v{n}": {"city": "Bern"} for n in range(4)},
                **{f"w{n}": {"timezone": "America/Los_Angeles"} for n in range(6)},
            },
        )
        with shop.store.transaction() as tx:
            tx.run(
                "DELETE FROM vault_records WHERE person_id IN"
                " (SELECT person_id FROM identities ORDER BY person_id LIMIT 2)"
            )
        send_nothing = reach(shop, "news")
        report = send(shop, "news")
        counts = report.counts
        assert send_nothing.excluded == 4 - (report.planned - 26)
        assert send_nothing.audience == report.planned
        assert send_nothing.held_out == counts["skipped: holdout"]
        assert send_nothing.reachable == counts["accepted"]
        assert send_nothing.later == {"quiet_hours": counts["deferred"]}
        assert send_nothing.never.get("no_address", 0) == counts.get("skipped: no_address", 0)
        assert set(send_nothing.words) == {*send_nothing.later, *send_nothing.never}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (", schedule: {at: tomorrow}", "no date and time"),
        (", schedule: {local: true}", "needs at:"),
        (", schedule: {at: '2026-12-01 09:00+01:00', local: true}", "no offset"),
        (
            ", schedule: {at: '2026-12-01 09:00', local: true, best_hour: {}}",
            "both choose the hour",
        ),
        (", schedule: {window: {start: 22, end: 23}}", "cover the whole window"),
        (", schedule: {best_hour: {score: nothing}}", "model"),
        (", canary: {share: 0}", "above 0"),
        (", canary: {share: 10%, wait: soon}", "no length of time"),
        (", canary: {share: 110%}", "no share"),
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused(
    workspace: Workspace, more: str, said: str
) -> None:
    night = "quiet_hours: {start: 21, end: 8}\n"
    with (
        shop_of(workspace, more, people=0, settings=night) as shop,
        pytest.raises(AuthorError, match=said) as refused,
    ):
        schedule(shop, "news")
    assert "all.yaml" in str(refused.value)


@pytest.mark.postgres
def test_runs_stand_in_postgres_as_well(
    workspace: Workspace, clock: FixedClock, postgres_url: str
) -> None:
    campaigns = (
        "news: {template: hello, where: 'true', purpose: service, canary: {share: 25%},"
        " approve_above: 3}\n"
    )
    more = f"caps: [{{most: 1, per: 1d}}]\nstore: {postgres_url!r}\n"
    write_shop(workspace.root, campaigns, settings=more)
    with Workspace(workspace.root, clock=clock) as shop:
        add_people(shop, numbered(8))
        schedule(shop, "news")
        conduct(shop)
        assert stands(shop).status == "unapproved"
        approve(shop, "news")
        halt(shop)
        conduct(shop)
        unhalt(shop)
        conduct(shop)
        assert len(sent(shop)) == 2
        clock.advance(timedelta(hours=2))
        conduct(shop)
        assert (stands(shop).status, len(sent(shop))) == ("finished", 8)
        assert reach(shop, "news", occurrence="2").never == {"capped": 8}
        send_again(shop, "news", unless="opened")
        cancel(shop, "news", occurrence="1-not-opened")
        with pytest.raises(StateError):
            retry(shop, "news", occurrence="1")
