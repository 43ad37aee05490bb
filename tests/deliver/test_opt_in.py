"""Double opt-in from the form to the consent, over a real mail server."""

import re
import signal
import subprocess
import sys
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import msgspec
import pytest
from post_office import Mailbox, Server, set_channels, set_settings

from formed import NEWSLETTER, Visit, person_with, told, vault_of, visitor, write_form
from vocative.clock import SystemClock
from vocative.collect.door import accept
from vocative.collect.forms.held import release_submission
from vocative.deliver.opt_in import send_confirmations
from vocative.deliver.opt_in.planning import CAMPAIGN, plan_confirmations
from vocative.errors import ProviderError
from vocative.identify.apply import apply_log
from vocative.privacy import consent, suppression
from vocative.server.forms import list_submissions
from vocative.server.messages import show_message
from vocative.workspace import Workspace

ANA = "ana@shop.example"


@pytest.fixture
def shop(workspace: Workspace, mailbox: Mailbox) -> Workspace:
    write_form(workspace, "newsletter", NEWSLETTER)
    set_channels(workspace, f"{{smtp: {{host: 127.0.0.1, port: {mailbox.port}, security: none}}}}")
    return workspace


def subscribe(workspace: Workspace, email: str = ANA, **fields: str) -> None:
    query = fields.pop("query", "")
    visit = Visit(visitor(workspace), "newsletter", query)
    visit.send(**{"email": email, "first_name": "Ana", "news": "yes", **fields})
    assert visit.at == "/f/newsletter/thanks"
    apply_log(workspace)


def link_in(mailbox: Mailbox, place: int = -1) -> str:
    mail = message_from_bytes(mailbox.mails[place][1], policy=policy.default)
    text = mail.get_body(("plain",)).get_content()
    [path] = re.findall(r"http://127\.0\.0\.1:8750(/confirm/\S+)", text)
    return str(path)


def statuses(workspace: Workspace, email: str = ANA) -> list[str]:
    person = person_with(workspace, email)
    with workspace.store.read() as tx:
        return [one.status for one in consent.history(tx, str(person))]


def rows(workspace: Workspace) -> list[tuple[str, str | None]]:
    with workspace.store.read() as tx:
        return tx.tuples(
            "SELECT state, reason FROM messages WHERE campaign = :c ORDER BY planned_at, state",
            {"c": CAMPAIGN},
        )


def test_the_owner_of_an_address_confirms_it(shop: Workspace, mailbox: Mailbox) -> None:
    subscribe(shop, query="?anonymous=a-1&lang=de")
    assert send_confirmations(shop).accepted == 1
    [(recipient, raw)] = mailbox.mails
    mail = message_from_bytes(raw, policy=policy.default)
    assert (recipient, mail["Subject"]) == (ANA, "Bitte bestätigen Sie Ihre Adresse")
    assert mail["List-Unsubscribe"] is None
    assert mail["Auto-Submitted"] == "auto-generated"
    path = link_in(mailbox)
    assert ANA not in path
    shown = show_message(shop, str(mail["Message-ID"]).strip("<>").partition("@")[0])
    assert (shown.subject, shown.to) == (mail["Subject"], ANA)
    # Programs that look at links before people do confirm nothing.
    scanner = visitor(shop, ip="198.51.100.1")
    assert (scanner.get(path).status_code, scanner.head(path).status_code) == (200, 200)
    assert statuses(shop) == ["pending"]
    page = visitor(shop).post(path)
    assert "Bestätigt" in page.text
    assert statuses(shop) == ["pending", "given"]
    person = person_with(shop, ANA)
    assert vault_of(shop, person) == {"email": ANA, "first_name": "Ana"}
    with shop.store.read() as tx:
        given = consent.history(tx, str(person))[-1]
        message_id = tx.value("SELECT message_id FROM messages")
        owner = tx.value(
            "SELECT person_id FROM identities WHERE namespace = 'anonymous_id'"
            " AND value_hash = :hash",
            {"hash": shop.vault.lookup_hash("anonymous_id", "a-1")},
        )
    assert owner == person
    assert given.wording == "2026-11"
    assert given.evidence["message_id"] == message_id
    assert {"form", "version", "submission", "language", "network_hash", "confirmed_from"} <= set(
        given.evidence
    )
    # Pressing again, or looking again, changes nothing.
    assert "Bestätigt" in visitor(shop).post(path).text
    assert "Bestätigt" in visitor(shop).get(path).text
    apply_log(shop)
    assert len(told(shop, "Form Confirmed")) == 1
    assert statuses(shop) == ["pending", "given"]


def test_an_unconfirmed_address_becomes_nobodys(shop: Workspace, mailbox: Mailbox) -> None:
    now = "ana@new.example"
    for email in (ANA, now):
        shop.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
        stated = {"type": "identify", "userId": "u1", "traits": {"email": email}}
        accept(shop, [stated], source="shop")
        apply_log(shop)
    shop.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    ana = person_with(shop, ANA)
    assert ana == person_with(shop, now)
    subscribe(shop, first_name="A stranger")
    subscribe(shop, "bo@shop.example")
    # It leads to whoever has had it, and changes nothing for them or for anybody new.
    assert vault_of(shop, ana) == {"email": now}
    bo = person_with(shop, "bo@shop.example")
    assert vault_of(shop, bo) == {}
    assert send_confirmations(shop).accepted == 2
    assert {recipient for recipient, _ in mailbox.mails} == {ANA, "bo@shop.example"}
    assert vault_of(shop, ana) == {"email": now}
    for place in range(2):
        shop.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
        assert visitor(shop).post(link_in(mailbox, place)).status_code == 200
    assert vault_of(shop, person_with(shop, ANA))["email"] == ANA
    assert vault_of(shop, bo)["email"] == "bo@shop.example"
    assert statuses(shop) == ["pending", "given"]


def test_whose_submission_the_log_has_no_more_is_not_asked(
    shop: Workspace, mailbox: Mailbox
) -> None:
    subscribe(shop)
    assert plan_confirmations(shop) == 1
    with shop.store.transaction() as tx:
        [(decision,)] = tx.tuples("SELECT decision FROM messages")
        changed = msgspec.json.encode({**msgspec.json.decode(decision), "position": 10**6})
        tx.run("UPDATE messages SET decision = :d", {"d": changed.decode()})
    assert send_confirmations(shop).skipped == 1
    assert (mailbox.mails, rows(shop)) == ([], [("skipped", "no_address")])


def test_a_submission_is_asked_about_once(shop: Workspace, mailbox: Mailbox) -> None:
    client = visitor(shop)
    visit = Visit(client, "newsletter")
    body = {**visit.hidden(), "email": ANA, "news": "yes", "_go": "next"}
    for _ in range(3):  # sent again by an impatient visitor
        assert client.post("/f/newsletter", data=body).status_code == 200
    apply_log(shop)
    for _ in range(3):
        send_confirmations(shop)
    assert len(mailbox.mails) == 1
    assert rows(shop) == [("accepted", None)]


def test_nobody_can_be_flooded_with_mails(shop: Workspace, mailbox: Mailbox) -> None:
    for number in range(6):
        subscribe(shop, first_name=f"Ana {number}")
        send_confirmations(shop)
    assert len(mailbox.mails) == 3
    assert rows(shop).count(("skipped", "too_many_confirmations")) == 3
    shop.clock.advance(timedelta(days=1, seconds=1))  # type: ignore[attr-defined]
    subscribe(shop)
    send_confirmations(shop)
    assert len(mailbox.mails) == 4
    # Each of the links works: whichever mail is opened first.
    assert visitor(shop).post(link_in(mailbox, 1)).status_code == 200
    assert statuses(shop)[-1] == "given"


def test_a_form_takes_no_consent_of_anybody_back(shop: Workspace, mailbox: Mailbox) -> None:
    subscribe(shop)
    send_confirmations(shop)
    visitor(shop).post(link_in(mailbox))
    shop.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    subscribe(shop, first_name="A stranger")
    send_confirmations(shop)
    assert len(mailbox.mails) == 2
    person = person_with(shop, ANA)
    with shop.store.read() as tx:
        stated = consent.latest(tx, [str(person)], purpose="marketing", channel="email")
    assert stated[str(person)].status == "given"
    assert vault_of(shop, person)["first_name"] == "Ana"


def test_who_unsubscribed_can_come_back_by_confirming_only(
    shop: Workspace, mailbox: Mailbox
) -> None:
    address = suppression.address_hash(shop.vault, "email", ANA)
    gone = suppression.Suppression(
        address_hash=address,
        channel="email",
        reason="unsubscribe",
        source="test",
        added_at=shop.clock.now(),
    )
    with shop.store.transaction() as tx:
        suppression.add(tx, gone)
    subscribe(shop)
    send_confirmations(shop)
    with shop.store.read() as tx:
        assert suppression.find(tx, address, channel="email") == [gone]
    visitor(shop).post(link_in(mailbox))
    with shop.store.read() as tx:
        assert suppression.find(tx, address, channel="email") == []
    # An old link does not do it a second time.
    apply_log(shop)
    with shop.store.transaction() as tx:
        suppression.add(tx, gone)
    visitor(shop).post(link_in(mailbox))
    with shop.store.read() as tx:
        assert suppression.find(tx, address, channel="email") == [gone]


@pytest.mark.parametrize("reason", ["bounce", "complaint", "manual"])
def test_some_addresses_are_never_asked(
    shop: Workspace, mailbox: Mailbox, reason: suppression.Reason
) -> None:
    found = suppression.Suppression(
        address_hash=suppression.address_hash(shop.vault, "email", ANA),
        channel="email",
        reason=reason,
        source="test",
        added_at=shop.clock.now(),
    )
    with shop.store.transaction() as tx:
        suppression.add(tx, found)
    subscribe(shop)
    assert send_confirmations(shop).skipped == 1
    assert mailbox.mails == []
    assert rows(shop) == [("skipped", f"suppressed_{reason}")]


def test_a_link_grows_old(shop: Workspace, mailbox: Mailbox) -> None:
    subscribe(shop)
    send_confirmations(shop)
    shop.clock.advance(timedelta(days=7, seconds=1))  # type: ignore[attr-defined]
    page = visitor(shop).post(link_in(mailbox))
    assert page.status_code == 410
    assert "/f/newsletter" in page.text
    assert statuses(shop) == ["pending"]


def test_a_forged_link_leads_nowhere(shop: Workspace, mailbox: Mailbox) -> None:
    subscribe(shop)
    send_confirmations(shop)
    path = link_in(mailbox)
    unsubscribe = path.replace("/confirm/", "/confirm/u")
    for wrong in (
        path[:-2] + "AA",
        path + "A",
        unsubscribe,
        "/confirm/%00",
        "/confirm/" + "A" * 9000,
    ):
        assert visitor(shop).post(wrong).status_code == 404
    assert statuses(shop) == ["pending"]


def test_nothing_is_lost_when_the_mail_server_is_away(shop: Workspace) -> None:
    subscribe(shop)
    box = Mailbox()
    gone = Server(box)
    port = gone.port
    gone.close()
    set_channels(shop, f"{{smtp: {{host: 127.0.0.1, port: {port}, security: none}}}}")
    with pytest.raises(ProviderError):
        send_confirmations(shop)
    back = Server(box, port=port)
    try:
        assert send_confirmations(shop).accepted == 1
        assert send_confirmations(shop).accepted == 0
    finally:
        back.close()
    assert len(box.mails) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from formed import Visit, visitor
from vocative.deliver.opt_in.planning import plan_confirmations
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

workspace = Workspace(Path(sys.argv[1]))
if sys.argv[2] == "submitted":
    visit = Visit(visitor(workspace), "newsletter")
    visit.send(email="ana@shop.example", news="yes")
else:
    apply_log(workspace)
    assert plan_confirmations(workspace) == 1
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_crash_between_submission_and_mail_loses_and_doubles_nothing(
    shop: Workspace, mailbox: Mailbox
) -> None:
    shop.clock = SystemClock()
    tests = str(Path(__file__).parents[1])
    for moment in ("submitted", "planned"):
        child = [sys.executable, "-c", KILLED, str(shop.root), moment, tests]
        assert subprocess.run(child, check=False).returncode == -signal.SIGKILL
    assert send_confirmations(shop).accepted == 1
    assert send_confirmations(shop).accepted == 0
    assert [recipient for recipient, _ in mailbox.mails] == [ANA]


def test_an_erased_person_is_not_asked(shop: Workspace, mailbox: Mailbox) -> None:
    subscribe(shop)
    send_confirmations(shop)
    person = person_with(shop, ANA)
    with shop.store.transaction() as tx:
        shop.vault.erase(tx, str(person))
        tx.run("DELETE FROM identities WHERE person_id = :p", {"p": person})
        tx.run("DELETE FROM profiles WHERE person_id = :p", {"p": person})
    assert visitor(shop).post(link_in(mailbox)).status_code == 404


@pytest.mark.postgres
def test_the_whole_way_on_postgres(
    workspace: Workspace, mailbox: Mailbox, postgres_url: str
) -> None:
    write_form(workspace, "newsletter", NEWSLETTER)
    set_channels(workspace, f"{{smtp: {{host: 127.0.0.1, port: {mailbox.port}, security: none}}}}")
    set_settings(workspace, store=postgres_url)
    subscribe(workspace)
    subscribe(workspace, "bo@shop.example", _website="x")
    [held] = list_submissions(workspace, "newsletter").held
    release_submission(workspace, held.submission)
    apply_log(workspace)
    assert send_confirmations(workspace).accepted == 2
    workspace.clock.advance(timedelta(minutes=1))  # type: ignore[attr-defined]
    for place in range(2):
        assert visitor(workspace).post(link_in(mailbox, place)).status_code == 200
    assert statuses(workspace) == ["pending", "given"]
    assert statuses(workspace, "bo@shop.example") == ["pending", "given"]
    assert send_confirmations(workspace).planned == 0
