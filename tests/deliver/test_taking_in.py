"""Bounces and complaints, from the way in to the event and the address that is left alone."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from imap_server import ImapServer
from post_office import CAMPAIGN, RUN, add_people, compose, plan

from vocative.clock import FixedClock
from vocative.deliver.channels import channel_for
from vocative.deliver.feedback.mailbox import MailboxAway, collect_returned
from vocative.deliver.feedback.returned_mail import Report
from vocative.deliver.feedback.taking_in import TakenIn, take_in
from vocative.deliver.sender import deliver
from vocative.deliver.suppressing import add_suppression, list_suppressions, remove_suppression
from vocative.errors import AuthorError, ProviderError, UnknownName
from vocative.identify.apply import apply_log
from vocative.privacy import audit
from vocative.workspace import Workspace

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def sent(workspace: Workspace) -> dict[str, str]:
    """Ids of messages that were sent, by address."""
    addresses = add_people(workspace, 4)
    plan(workspace, addresses)
    deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "outbox_folder"))
    with workspace.store.read() as tx:
        ids = dict(tx.tuples("SELECT person_id, message_id FROM messages"))
    return {address: ids[person] for address, person in addresses.items()}


def reported(address: str, message_id: str, kind: str = "hard", **more: object) -> Report:
    fields = {
        "kind": kind, "reason": "unknown_address", "rule": "test", "recipient": address,
        "message_id": message_id,
    }  # fmt: skip
    return Report(**{**fields, **more})  # type: ignore[arg-type]


def standing(workspace: Workspace, address: str) -> list[str]:
    return [one.reason for one in list_suppressions(workspace, address=address).suppressions]


def events(workspace: Workspace) -> list[tuple[str, dict[str, object]]]:
    apply_log(workspace)
    with workspace.engine() as engine:
        rows = engine.rows(
            "SELECT name, properties FROM events WHERE name LIKE 'Email %' ORDER BY name"
        )
    return [(row["name"], json.loads(row["properties"])) for row in rows]


def dsn(message_id: str, address: str, status: str = "5.1.1", said: str = "user unknown") -> bytes:
    return (
        "From: MAILER-DAEMON@mx.example\nSubject: Undelivered\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n"
        f"Final-Recipient: rfc822; {address}\nAction: failed\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {status} {said}\n\n"
        "--b\nContent-Type: text/rfc822-headers\n\n"
        f"Message-ID: <{message_id}@shop.example>\n--b--\n"
    ).encode()


def test_a_hard_bounce_is_told_once_and_the_address_left_alone(
    workspace: Workspace, sent: dict[str, str]
) -> None:
    [address, other, *_] = sent
    one = reported(address, sent[address], status="5.1.1")
    assert take_in(workspace, [one], source="mailbox") == TakenIn(reports=1, noted=1, suppressed=1)
    assert take_in(workspace, [one, one], source="ses") == TakenIn(reports=2, doubled=2)
    assert standing(workspace, address) == ["bounce"]
    assert standing(workspace, other) == []
    [(name, told)] = events(workspace)
    assert name == "Email Bounced"
    assert (told["bounce_type"], told["reason"], told["source"]) == (
        "hard", "unknown_address", "mailbox",
    )  # fmt: skip
    assert told["status"] == "5.1.1"
    assert address not in json.dumps(told)


@pytest.mark.parametrize(
    ("kind", "name", "reasons"),
    [
        ("complaint", "Email Marked as Spam", ["complaint"]),
        ("block", "Email Bounced", []),
        ("soft", "Email Bounced", []),
        ("delayed", "Email Delayed", []),
        ("auto_reply", "Email Auto-Replied", []),
        ("challenge", "Email Challenged", []),
    ],
)
def test_what_each_kind_does(
    workspace: Workspace, sent: dict[str, str], kind: str, name: str, reasons: list[str]
) -> None:
    address = next(iter(sent))
    take_in(workspace, [reported(address, sent[address], kind)], source="mailbox")
    assert standing(workspace, address) == reasons
    assert [one for one, _ in events(workspace)] == [name]


def test_nobody_can_suppress_somebody_else(workspace: Workspace, sent: dict[str, str]) -> None:
    [mine, victim, *_] = sent
    done = take_in(workspace, [reported(victim, sent[mine])], source="mailbox")
    assert (done.noted, done.suppressed) == (1, 0)
    unknown = [reported(victim, "0" * 32), reported(victim, sent[victim], "other")]
    assert take_in(workspace, unknown, source="mailbox").unknown == 2
    assert standing(workspace, victim) == standing(workspace, mine) == []


def test_soft_bounces_add_up_and_wear_off(workspace: Workspace, clock: FixedClock) -> None:
    addresses = add_people(workspace, 1)
    address = next(iter(addresses))
    ids = []
    for number in range(7):
        plan(workspace, addresses, campaign=f"c{number}")
        with workspace.store.read() as tx:
            ids.append(
                tx.value("SELECT message_id FROM messages WHERE campaign = :c", {"c": f"c{number}"})
            )

    def bounces(number: int, days: int) -> list[str]:
        clock.at = NOW + timedelta(days=days)
        one = reported(address, ids[number], "soft", reason="mailbox_full")
        take_in(workspace, [one, one], source="mailbox")
        return standing(workspace, address)

    assert bounces(0, 0) == []
    assert bounces(1, 20) == []  # the first has worn off
    assert bounces(2, 22) == []
    assert bounces(3, 24) == ["soft_bounce"]
    [paused] = list_suppressions(workspace, reason="soft_bounce").suppressions
    assert paused.expires_at == NOW + timedelta(days=54)
    clock.at = NOW + timedelta(days=55)
    assert standing(workspace, address) == []
    assert bounces(4, 56) == []  # it starts anew


def test_suppressions_are_added_listed_and_taken_back(
    workspace: Workspace, sent: dict[str, str], clock: FixedClock
) -> None:
    address = next(iter(sent))
    take_in(workspace, [reported(address, sent[address], "complaint")], source="ses")
    assert add_suppression(workspace, address.upper(), days=2).reasons == ["manual"]
    assert sorted(standing(workspace, address)) == ["complaint", "manual"]
    listed = list_suppressions(workspace)
    assert address not in str(listed)
    assert (listed.total, list_suppressions(workspace, limit=1).total) == (2, 2)
    assert remove_suppression(workspace, address).reasons == ["manual"]
    with pytest.raises(UnknownName, match="not left alone") as refused:
        remove_suppression(workspace, address)
    assert "complaint" in str(refused.value.hint)
    assert remove_suppression(workspace, address, reason="complaint").reasons == ["complaint"]
    add_suppression(workspace, address, days=2)
    clock.at = NOW + timedelta(days=3)
    assert list_suppressions(workspace).total == 0
    with workspace.store.read() as tx:
        assert audit.first_broken(tx) is None
        actions = [one for (one,) in tx.tuples("SELECT action FROM audit ORDER BY entry")]
    assert actions == ["suppress", "unsuppress", "unsuppress", "suppress"]


@pytest.fixture
def imap() -> Iterator[ImapServer]:
    server = ImapServer()
    yield server
    server.close()


@pytest.fixture
def configured(workspace: Workspace) -> Callable[[str], None]:
    """Writes `feedback` into vocative.yaml."""

    def write(text: str) -> None:
        file = workspace.root / "vocative.yaml"
        with file.open("a") as out:
            out.write(f"feedback: {text}\n")
        from vocative.workspace.settings import read_settings

        workspace.__dict__["settings"] = read_settings(workspace.root)

    return write


def test_an_imap_mailbox_is_read(
    workspace: Workspace,
    sent: dict[str, str],
    imap: ImapServer,
    configured: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BOUNCES", imap.password)
    configured(
        f"{{mailbox: {{host: 127.0.0.1, port: {imap.port}, security: none, username: b,"
        ' password: "env:BOUNCES", done: Handled}}'
    )
    [address, other, *_] = sent
    bounced = imap.put(dsn(sent[address], address))
    letter = imap.put(b"From: ana@example.com\nSubject: Hello\n\nHow are you?\n")
    assert collect_returned(workspace).noted == 1
    assert standing(workspace, address) == ["bounce"]
    assert imap.copies == {"Handled": [bounced]}
    assert imap.flags[letter] == {"VocativeSeen"}
    assert collect_returned(workspace).mails == 0
    again = imap.put(dsn(sent[other], other))
    imap.hang_up_at = "STORE"
    with pytest.raises(MailboxAway):
        collect_returned(workspace)
    imap.hang_up_at = None
    done = collect_returned(workspace)
    assert (done.noted, done.doubled) == (0, 1)
    assert again not in imap.mails
    assert len(events(workspace)) == 2


def test_a_mailbox_that_refuses_us_is_told(
    workspace: Workspace, imap: ImapServer, configured: Callable[[str], None]
) -> None:
    with pytest.raises(AuthorError, match="no mailbox"):
        collect_returned(workspace)
    configured(
        f"{{mailbox: {{host: 127.0.0.1, port: {imap.port}, security: none, username: b,"
        " password: hunter22}}"
    )
    with pytest.raises(ProviderError, match="log-in") as refused:
        collect_returned(workspace)
    assert "hunter22" not in str(refused.value)


def test_a_maildir_is_read(
    workspace: Workspace,
    sent: dict[str, str],
    configured: Callable[[str], None],
    tmp_path: Path,
) -> None:
    configured(f"{{mailbox: {{maildir: '{tmp_path / 'box'}'}}}}")
    with pytest.raises(AuthorError, match="no Maildir"):
        collect_returned(workspace)
    new = tmp_path / "box" / "new"
    new.mkdir(parents=True)
    address = next(iter(sent))
    (new / "1").write_bytes(dsn(sent[address], address))
    (new / "2").write_bytes(b"Subject: Hello\n\nHow are you?\n")
    done = collect_returned(workspace)
    assert (done.mails, done.noted, done.left_to_people) == (2, 1, 1)
    names = sorted(path.name for path in (tmp_path / "box" / "cur").iterdir())
    assert names == ["1:2,S", "2:2,"]
    assert collect_returned(workspace).mails == 0
