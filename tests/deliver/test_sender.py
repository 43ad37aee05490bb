"""The sender: everybody once, nobody without a permit, whatever breaks."""

import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from post_office import (
    CAMPAIGN,
    RUN,
    Mailbox,
    Server,
    add_people,
    compose,
    plan,
    set_channels,
    set_settings,
    states,
)

from vocative.clock import FixedClock
from vocative.deliver import holder, ledger
from vocative.deliver.channels import Channel, channel_for
from vocative.deliver.channels.base import ChannelDown
from vocative.deliver.channels.outbox_folder import OutboxFolder
from vocative.deliver.ledger import Claim
from vocative.deliver.message import OutgoingMessage, Skip
from vocative.deliver.sender import DeliveryReport, deliver
from vocative.errors import AuthorError
from vocative.privacy import consent, suppression
from vocative.workspace import Workspace
from vocative.workspace.settings import Purpose, QuietHours


def smtp(workspace: Workspace, port: int, **settings: object) -> Channel:
    stated = {"host": "127.0.0.1", "port": port, "security": "none", **settings}
    set_channels(workspace, "{smtp: " + msgspec.json.encode(stated).decode() + "}")
    return channel_for(workspace, "smtp")


def outbox(workspace: Workspace) -> OutboxFolder:
    channel = channel_for(workspace, "outbox_folder")
    assert isinstance(channel, OutboxFolder)
    return channel


def withdraw(workspace: Workspace, person_id: str) -> None:
    with workspace.store.transaction() as tx:
        change = consent.Consent(
            person_id=person_id, purpose="marketing", channel="email", status="withdrawn",
            at=workspace.clock.now(), source="test",
        )  # fmt: skip
        consent.record(tx, change)


def test_everybody_gets_one_mail(workspace: Workspace, mailbox: Mailbox) -> None:
    people = add_people(workspace, 450)
    plan(workspace, people)
    told: list[int] = []
    report = deliver(
        workspace, CAMPAIGN, RUN, compose, smtp(workspace, mailbox.port),
        progress=lambda done: told.append(done.accepted),
    )  # fmt: skip
    assert report == DeliveryReport(accepted=450)
    assert sorted(mailbox.recipients) == sorted(people)
    assert states(workspace) == {"accepted": 450}
    assert told == [200, 400, 450]
    again = deliver(workspace, CAMPAIGN, RUN, compose, smtp(workspace, mailbox.port))
    assert again == DeliveryReport()
    assert len(mailbox.mails) == 450


def test_several_connections_send_everybody_one_mail(
    workspace: Workspace, mailbox: Mailbox
) -> None:
    people = add_people(workspace, 150)
    plan(workspace, people)
    channel = smtp(workspace, mailbox.port, connections=3)
    report = deliver(workspace, CAMPAIGN, RUN, compose, channel, batch_size=20)
    assert report.accepted == 150
    assert sorted(mailbox.recipients) == sorted(people)


@pytest.mark.postgres
def test_senders_beside_each_other_on_postgresql(
    workspace: Workspace, mailbox: Mailbox, postgres_url: str
) -> None:
    set_settings(workspace, store=postgres_url, purposes={"marketing": Purpose(max_per_week=1)})
    people = add_people(workspace, 60)
    for campaign in ("one", "two"):
        plan(workspace, people, campaign)
    channel = smtp(workspace, mailbox.port, connections=2)
    set_settings(workspace, purposes={"marketing": Purpose(max_per_week=1)}, store=postgres_url)
    threads = [
        threading.Thread(
            target=deliver,
            args=(workspace, campaign, RUN, compose, channel.twin()),
            kwargs={"batch_size": 7},
        )
        for campaign in ("one", "two")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The cap lets exactly one of the two through, also when both ask at the same moment.
    assert sorted(mailbox.recipients) == sorted(people)
    assert sum(states(workspace, one)["accepted"] for one in ("one", "two")) == 60
    workspace.close()


def test_the_ledger_keeps_why(workspace: Workspace) -> None:
    people = add_people(workspace, 1)
    plan(workspace, people)
    deliver(workspace, CAMPAIGN, RUN, compose, outbox(workspace))
    with workspace.store.read() as tx:
        decision = msgspec.json.decode(tx.value("SELECT decision FROM messages"))
    assert decision["branches"] == ["greeting"]
    assert decision["permit"]["consent"] == "given"


def test_nobody_without_leave_is_mailed(workspace: Workspace, mailbox: Mailbox) -> None:
    people = add_people(workspace, 6)
    plan(workspace, [*people.values(), "pnobody"])
    ids = list(people.values())
    withdraw(workspace, ids[0])
    with workspace.store.transaction() as tx:
        address = suppression.address_hash(workspace.vault, "email", "PERSON1@people.example")
        row = suppression.Suppression(
            address_hash=address, channel="email", reason="complaint", source="t",
            added_at=workspace.clock.now(),
        )  # fmt: skip
        suppression.add(tx, row)
        workspace.vault.erase(tx, ids[2])
        tx.run("DELETE FROM consents WHERE person_id = :p", {"p": ids[3]})
    rendered: list[Claim] = []

    def compose_and_remember(claims: list[Claim]) -> list[OutgoingMessage]:
        rendered.extend(claims)
        return compose(claims)

    deliver(workspace, CAMPAIGN, RUN, compose_and_remember, smtp(workspace, mailbox.port))
    assert states(workspace) == {
        "accepted": 2,
        "skipped: consent_withdrawn": 1,
        "skipped: suppressed_complaint": 1,
        "skipped: no_address": 1,
        "skipped: no_consent": 1,
        "skipped: erased": 1,
    }
    assert {claim.person_id for claim in rendered} == set(ids[4:])
    assert len(mailbox.mails) == 2


def test_who_leaves_while_mails_are_rendered_gets_none(
    workspace: Workspace, mailbox: Mailbox
) -> None:
    people = add_people(workspace, 5)
    plan(workspace, people)
    leaver = people["person3@people.example"]

    def compose_meanwhile(claims: list[Claim]) -> list[OutgoingMessage]:
        withdraw(workspace, leaver)
        return compose(claims)

    deliver(workspace, CAMPAIGN, RUN, compose_meanwhile, smtp(workspace, mailbox.port))
    assert states(workspace) == {"accepted": 4, "skipped: consent_withdrawn": 1}
    assert "person3@people.example" not in mailbox.recipients


def test_caps_hold_across_campaigns(workspace: Workspace, mailbox: Mailbox) -> None:
    people = add_people(workspace, 3)
    set_settings(workspace, purposes={"marketing": Purpose(max_per_week=1)})
    for campaign in ("one", "two"):
        plan(workspace, people, campaign)
        channel = outbox(workspace)
        deliver(workspace, campaign, RUN, compose, channel)
    assert states(workspace, "one") == {"accepted": 3}
    assert states(workspace, "two") == {"skipped: capped": 3}


def test_quiet_hours_defer_and_lose_nothing(workspace: Workspace, clock: FixedClock) -> None:
    people = add_people(workspace, 3)
    plan(workspace, people)
    set_settings(workspace, quiet_hours=QuietHours(start=9, end=11))
    assert deliver(workspace, CAMPAIGN, RUN, compose, outbox(workspace)).deferred == 3
    with workspace.store.read() as tx:
        due = ledger.next_attempt_at(tx, campaign=CAMPAIGN, occurrence=RUN)
    assert due is not None
    assert due.isoformat() == "2026-03-02T11:00:00+00:00"
    clock.at = due
    assert deliver(workspace, CAMPAIGN, RUN, compose, outbox(workspace)).accepted == 3


def test_each_answer_has_its_state(workspace: Workspace, mailbox: Mailbox) -> None:
    people = add_people(workspace, 4)
    plan(workspace, people)
    mailbox.answers = {
        "person0@people.example": "550 5.1.1 <person0@people.example> unknown",
        "person1@people.example": "451 4.2.1 later",
    }
    mailbox.verdicts = {"person2@people.example": "554 5.7.1 looks like spam"}
    deliver(workspace, CAMPAIGN, RUN, compose, smtp(workspace, mailbox.port))
    assert states(workspace) == {
        "accepted": 1,
        "bounced: smtp_5.1.1": 1,
        "deferred: smtp_4.2.1": 1,
        "failed: smtp_5.7.1": 1,
    }
    with workspace.store.read() as tx:
        replies = [reply for (reply,) in tx.tuples("SELECT provider_reply FROM messages")]
        assert not any("people.example" in (reply or "") for reply in replies)
    # The dead address is suppressed for every later campaign.
    plan(workspace, people, "winter")
    deliver(workspace, "winter", RUN, compose, smtp(workspace, mailbox.port))
    assert states(workspace, "winter")["skipped: suppressed_bounce"] == 1


def test_a_deferred_message_is_tried_again_until_it_is_given_up(
    workspace: Workspace, clock: FixedClock, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "MAX_ATTEMPTS", 4)
    people = add_people(workspace, 2)
    plan(workspace, people)
    mailbox.answers = dict.fromkeys(people, "451 4.2.1 later")
    for attempt in range(3 * ledger.MAX_ATTEMPTS):
        if attempt == 2:
            del mailbox.answers["person0@people.example"]
        deliver(workspace, CAMPAIGN, RUN, compose, smtp(workspace, mailbox.port))
        with workspace.store.read() as tx:
            due = ledger.next_attempt_at(tx, campaign=CAMPAIGN, occurrence=RUN)
        if due is None:
            break
        assert due > clock.at
        clock.at = due
    assert states(workspace) == {"accepted": 1, "failed: gave_up": 1}
    assert mailbox.recipients == ["person0@people.example"]


def test_compose_may_skip_and_a_bad_header_fails_alone(workspace: Workspace) -> None:
    people = add_people(workspace, 3)
    plan(workspace, people)

    def mixed(claims: list[Claim]) -> Sequence[OutgoingMessage | Skip]:
        first, second, third = compose(claims)
        broken = msgspec.structs.replace(second, subject="Hello\nBcc: all@example.com")
        return [first, broken, Skip(message_id=third.message_id, reason="no_products")]

    deliver(workspace, CAMPAIGN, RUN, mixed, outbox(workspace))
    assert states(workspace) == {
        "accepted": 1,
        "failed: unmailable": 1,
        "skipped: no_products": 1,
    }
    assert len(outbox(workspace).files()) == 1


def test_a_template_that_fails_gives_everything_back(workspace: Workspace) -> None:
    people = add_people(workspace, 3)
    plan(workspace, people)

    def fails(claims: list[Claim]) -> list[OutgoingMessage]:
        raise AuthorError("the template is wrong")

    with pytest.raises(AuthorError, match="the template is wrong"):
        deliver(workspace, CAMPAIGN, RUN, fails, outbox(workspace))
    assert states(workspace) == {"planned": 3}


def test_a_server_that_is_down_at_the_start_is_one_clear_error(workspace: Workspace) -> None:
    people = add_people(workspace, 3)
    plan(workspace, people)
    with pytest.raises(ChannelDown, match="cannot be reached: Connection refused"):
        deliver(workspace, CAMPAIGN, RUN, compose, smtp(workspace, 1))
    assert states(workspace) == {"planned": 3}


def test_a_server_that_goes_away_midway_is_one_clear_error_and_nothing_is_lost(
    live: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vocative.deliver.sender.RECONNECT_SECONDS", (0.01, 0.01))
    people = add_people(live, 40)
    plan(live, people)
    box = Mailbox()
    server = Server(box)
    port = server.port

    def compose_until_it_breaks(claims: list[Claim]) -> list[OutgoingMessage]:
        if len(box.mails) >= 20:
            server.close()
        return compose(claims)

    with pytest.raises(ChannelDown, match="cannot be reached"):
        deliver(live, CAMPAIGN, RUN, compose_until_it_breaks, smtp(live, port), batch_size=10)
    assert set(states(live)) <= {"accepted", "planned", "deferred: provider_unreachable"}
    assert states(live)["accepted"] == len(box.mails) == 20
    server = Server(box, port=port)
    deliver(live, CAMPAIGN, RUN, compose, smtp(live, port))
    server.close()
    assert sorted(box.recipients) == sorted(people)


def test_a_short_outage_is_bridged(live: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vocative.deliver.sender.RECONNECT_SECONDS", (0.05, 0.5, 2.0))
    people = add_people(live, 30)
    plan(live, people)
    box = Mailbox()
    servers = [Server(box)]
    port = servers[0].port
    broken = threading.Event()

    def restart() -> None:
        servers[-1].close()
        time.sleep(0.2)
        servers.append(Server(box, port=port))

    def compose_through(claims: list[Claim]) -> list[OutgoingMessage]:
        if len(box.mails) == 10 and not broken.is_set():
            broken.set()
            thread = threading.Thread(target=restart)
            thread.start()
            time.sleep(0.1)
        return compose(claims)

    report = deliver(live, CAMPAIGN, RUN, compose_through, smtp(live, port), batch_size=10)
    time.sleep(0.3)
    servers[-1].close()
    assert report.accepted == 30
    assert sorted(box.recipients) == sorted(people)


def test_stopping_finishes_the_message_in_flight_and_gives_back_the_rest(
    workspace: Workspace, mailbox: Mailbox
) -> None:
    people = add_people(workspace, 30)
    plan(workspace, people)
    channel = smtp(workspace, mailbox.port)
    report = deliver(
        workspace, CAMPAIGN, RUN, compose, channel, stop=lambda: len(mailbox.mails) >= 7
    )
    assert report.stopped
    assert states(workspace) == {"accepted": 7, "planned": 23}
    deliver(workspace, CAMPAIGN, RUN, compose, channel)
    assert sorted(mailbox.recipients) == sorted(people)


def test_a_crash_within_a_group_doubles_nothing(workspace: Workspace) -> None:
    people = add_people(workspace, 25)
    plan(workspace, people)

    class Crashing(OutboxFolder):
        def hand_over(self, message):
            receipt = super().hand_over(message)
            if len(self.files()) == 10:
                raise KeyboardInterrupt  # nothing after this is written for the group
            return receipt

    Crashing.Settings = OutboxFolder.Settings
    channel = Crashing(outbox(workspace).settings, state_dir=workspace.state_dir)
    with pytest.raises(KeyboardInterrupt):
        deliver(workspace, CAMPAIGN, RUN, compose, channel)
    assert states(workspace)["handed"] == 25
    with workspace.store.transaction() as tx:
        tx.run("UPDATE messages SET lease_until = 0 WHERE state = 'handed'")
    report = deliver(workspace, CAMPAIGN, RUN, compose, outbox(workspace))
    assert report.recovered == 25
    assert states(workspace) == {"accepted: found_at_channel": 10, "accepted": 15}
    assert len(outbox(workspace).files()) == 25


def left(folder: Path, entries: dict[str, holder.Left], *, boot: str | None = None) -> str:
    """A dead holder that has left a journal; its name."""
    name = f"{boot or holder.boot_id()}-1-2"
    (folder / "senders").mkdir(exist_ok=True)
    living = holder.Holder(folder)
    with living:
        living.begin_group()
        for message_id, how_far in entries.items():
            living.note(message_id, "begun")
            if how_far != "begun":
                living.note(message_id, how_far)
        journal = (folder / "senders" / f"{living.name}.left").read_bytes()
    (folder / "senders" / f"{name}.lock").write_text("")
    (folder / "senders" / f"{name}.left").write_bytes(journal)
    return name


@pytest.mark.skipif(not holder.boot_id(), reason="this system does not tell its starts apart")
def test_the_journal_tells_what_has_left(workspace: Workspace, mailbox: Mailbox) -> None:
    plan(workspace, add_people(workspace, 6))
    with workspace.store.transaction() as tx:
        claims = ledger.claim(
            tx, campaign=CAMPAIGN, occurrence=RUN, owner="x", n=4, at=workspace.clock.now(),
            lease_seconds=300,
        )  # fmt: skip
        marks = [ledger.Mark(claim=claim, state="handed") for claim in claims]
        assert not ledger.mark(tx, marks, at=workspace.clock.now(), lease_seconds=300)
        ids = [claim.message_id for claim in claims]
        entries: dict[str, holder.Left] = {
            ids[0]: "begun", ids[1]: "accepted", ids[2]: "refused",
        }  # fmt: skip
        name = left(workspace.state_dir, entries)
        tx.run("UPDATE messages SET lease_owner = :o WHERE state = 'handed'", {"o": name})
    report = deliver(workspace, CAMPAIGN, RUN, compose, smtp(workspace, mailbox.port))
    assert (report.recovered, report.ambiguous, report.accepted) == (4, 1, 5)
    assert states(workspace) == {
        "accepted": 4, "accepted: found_in_journal": 1, "ambiguous: sender_died": 1,
    }  # fmt: skip
    assert not mailbox.of(ids[0])
    assert not mailbox.of(ids[1])
    assert len(mailbox.mails) == 4
    assert not list((workspace.state_dir / "senders").iterdir())


def test_a_journal_is_believed_of_the_dead_of_this_start_only(tmp_path: Path) -> None:
    entries: dict[str, holder.Left] = {"ab" * 16: "accepted"}
    earlier = left(tmp_path, entries, boot="0123")
    assert holder.left_by(tmp_path, earlier) is None
    with holder.Holder(tmp_path) as living:
        living.note("ab" * 16, "begun")
        assert holder.left_by(tmp_path, living.name) is None
    assert holder.left_by(tmp_path, living.name) is None
    if holder.boot_id():
        name = left(tmp_path, entries)
        assert holder.left_by(tmp_path, name) == entries
        # Cut off in the middle of an entry, as nothing but a broken disk does: not "not begun".
        journal = tmp_path / "senders" / f"{name}.left"
        journal.write_bytes(bytes.fromhex("cd" * 16))
        assert holder.left_by(tmp_path, name) == {"cd" * 16: "begun"}


def test_a_holder_lives_as_long_as_its_lock(workspace: Workspace) -> None:
    with holder.Holder(workspace.state_dir) as living:
        assert not holder.is_dead(workspace.state_dir, living.name)
        assert not holder.lost_power(living.name)
    assert not holder.is_dead(workspace.state_dir, living.name)  # gone in order: nothing to tell
    lock = workspace.state_dir / "senders" / "0123-1-2.lock"
    lock.write_text("")
    assert holder.is_dead(workspace.state_dir, "0123-1-2")
    assert holder.lost_power("0123-1-2")
    holder.forget(workspace.state_dir, except_for=["0123-1-2"])
    assert lock.exists()
    holder.forget(workspace.state_dir, except_for=[])
    assert not lock.exists()


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from post_office import CAMPAIGN, RUN, compose
from vocative.deliver.channels import channel_for
from vocative.deliver import sender
from vocative.errors import VocativeError
from vocative.workspace import Workspace

sender.RECONNECT_SECONDS = (0.01, 0.01)

def big(claims):
    import msgspec
    return [msgspec.structs.replace(made, text="full\\n" * 1_200_000) for made in compose(claims)]

with Workspace(Path(sys.argv[1])) as workspace:
    workspace.store.read().__enter__()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000_000, 5_000_000))
    try:
        sender.deliver(workspace, CAMPAIGN, RUN, big, channel_for(workspace, "outbox_folder"))
    except VocativeError as error:
        print(error)
"""


def test_a_full_disk_is_one_clear_error_and_nothing_is_lost(live: Workspace) -> None:
    people = add_people(live, 3)
    plan(live, people)
    here = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(live.root), here],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.startswith("the outbox folder cannot be written: File too large"), (
        done.stderr
    )
    assert "free some space" in done.stdout
    assert done.stderr == ""
    report = deliver(live, CAMPAIGN, RUN, compose, outbox(live))
    assert report.accepted == 3
    assert len(outbox(live).files()) == 3


def test_killed_again_and_again_everybody_gets_one_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Path(__file__).parents[2] / "bench"
    monkeypatch.syspath_prepend(str(bench))
    import exactly_once

    monkeypatch.setattr(exactly_once, "KILLS", 6)
    result = exactly_once.run(300)
    assert result["disturbances"] >= 3
    assert (result["missing"], result["doubled"]) == (0, 0)
    assert result["ambiguous"] <= result["disturbances"]
    assert result["accepted"] + result["ambiguous"] == 300
