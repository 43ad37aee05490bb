"""What recipients see, and that looking changes nothing."""

import re
import time

import pytest
from post_office import CAMPAIGN, RUN, add_people, compose, plan, states
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vocative.deliver import feedback
from vocative.deliver.channels import channel_for
from vocative.deliver.feedback import visits
from vocative.deliver.links import LinkSigner
from vocative.deliver.pages import routes
from vocative.deliver.sender import deliver
from vocative.identify.apply import apply_log
from vocative.pages.words import word
from vocative.privacy import consent, suppression
from vocative.workspace import Workspace


@pytest.fixture
def message_id(workspace: Workspace) -> str:
    """A delivered message."""
    plan(workspace, add_people(workspace, 1))
    deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "outbox_folder"))
    with workspace.store.read() as tx:
        return str(tx.value("SELECT message_id FROM messages"))


@pytest.fixture
def client(workspace: Workspace, message_id: str) -> TestClient:
    shown = {message_id: "<html><body>The mail</body></html>"}
    return TestClient(Starlette(routes=routes(workspace, shown.get)), follow_redirects=False)


@pytest.fixture
def signer(workspace: Workspace) -> LinkSigner:
    return LinkSigner(workspace.key.sign, "")


def standing(workspace: Workspace) -> tuple[str, list[str]]:
    """(latest consent, reasons for which the address is suppressed)"""
    with workspace.store.read() as tx:
        person_id = tx.value("SELECT person_id FROM messages")
        stated = consent.latest(tx, [person_id], purpose="marketing", channel="email")
        address = suppression.address_hash(workspace.vault, "email", "person0@people.example")
        reasons = [one.reason for one in suppression.find(tx, address, channel="email")]
    return stated[person_id].status, reasons


def test_looking_never_unsubscribes(
    workspace: Workspace, client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    url = signer.url("unsubscribe", message_id)
    for _ in range(3):
        page = client.get(url)
        assert page.status_code == 200
        assert word("unsubscribe_button", "en") in page.text
    assert client.head(url).status_code == 200
    assert client.head(url).content == b""
    assert standing(workspace) == ("given", [])


@pytest.mark.parametrize(
    ("body", "source"),
    [
        ({"content": "List-Unsubscribe=One-Click"}, "one-click"),
        ({"files": {"List-Unsubscribe": (None, "One-Click")}}, "one-click"),
        ({"content": ""}, "one-click"),
        ({"data": {"action": "leave"}}, "unsubscribe page"),
    ],
)
def test_one_post_unsubscribes_and_one_takes_it_back(
    workspace: Workspace,
    client: TestClient,
    signer: LinkSigner,
    message_id: str,
    body: dict[str, object],
    source: str,
) -> None:
    url = signer.url("unsubscribe", message_id)
    done = client.post(url, **body)
    assert done.status_code == 200
    assert word("unsubscribed_title", "en") in done.text
    assert standing(workspace) == ("withdrawn", ["unsubscribe"])
    with workspace.store.read() as tx:
        person_id = tx.value("SELECT person_id FROM messages")
        assert consent.history(tx, person_id)[-1].source == source
        assert consent.history(tx, person_id)[-1].evidence == {"message_id": message_id}
    assert word("resubscribe_button", "en") in client.get(url).text
    plan(workspace, [person_id], "winter")
    deliver(workspace, "winter", RUN, compose, channel_for(workspace, "outbox_folder"))
    assert states(workspace, "winter") == {"skipped: suppressed_unsubscribe": 1}
    workspace.clock.at += feedback.HOLD  # type: ignore[attr-defined]
    assert word("resubscribed_title", "en") in client.post(url, data={"action": "undo"}).text
    assert standing(workspace) == ("given", [])
    # Applying the events that were told changes nothing more.
    apply_log(workspace)
    assert standing(workspace) == ("given", [])
    with workspace.store.read() as tx:
        assert [one.status for one in consent.history(tx, person_id)] == [
            "given", "withdrawn", "given",
        ]  # fmt: skip
        assert tx.value("SELECT count(*) FROM rejected_events") == 0


def test_an_undo_leaves_a_complaint_standing(
    workspace: Workspace, client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    with workspace.store.transaction() as tx:
        address = suppression.address_hash(workspace.vault, "email", "person0@people.example")
        row = suppression.Suppression(
            address_hash=address, channel="email", reason="complaint", source="t",
            added_at=workspace.clock.now(),
        )  # fmt: skip
        suppression.add(tx, row)
    url = signer.url("unsubscribe", message_id)
    client.post(url)
    client.post(url, data={"action": "undo"})
    assert standing(workspace)[1] == ["complaint"]


def test_somebody_erased_gets_a_kind_answer(
    workspace: Workspace, client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    with workspace.store.transaction() as tx:
        tx.run("DELETE FROM profiles")
        tx.run("DELETE FROM messages")
    url = signer.url("unsubscribe", message_id)
    assert word("link_gone_title", "en") in client.get(url).text
    assert word("link_gone_title", "en") in client.post(url).text
    assert client.get(signer.url("open", message_id)).status_code == 200


def test_a_click_leads_where_the_token_says(
    workspace: Workspace, client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    target = "https://shop.example/a?b=c&d=é"
    url = signer.url("click", message_id, number=1, url=target)
    answer = client.get(url, headers={"user-agent": "Firefox"})
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://shop.example/a?b=c&d=%C3%A9"
    assert client.head(url).status_code == 302
    with workspace.store.read() as tx:
        found = tx.tuples("SELECT kind, link, method, agent FROM visits ORDER BY method")
    assert found[0] == ("click", f"1 {target}", "GET", "Firefox")
    assert found[1][2] == "HEAD"


@pytest.mark.parametrize("path", ["/c/", "/u/", "/v/"])
def test_forged_links_lead_nowhere(
    client: TestClient, signer: LinkSigner, message_id: str, workspace: Workspace, path: str
) -> None:
    genuine = signer.url("click", message_id, number=1, url="https://shop.example/")
    token = genuine.rpartition("/")[2]
    stranger = LinkSigner(b"x" * 32, "").url("click", message_id, url="https://evil.example/")
    for forged in (token[:-5] + "AAAAA", token[:10], "https:%2F%2Fevil.example", "é", stranger[3:]):
        answer = client.get(path + forged)
        assert answer.status_code == 404
        assert "location" not in answer.headers
        assert word("invalid_title", "en") in answer.text or "%2F" in forged
    assert client.post(f"/u/{token}").status_code == 404
    assert client.get(f"/o/{token}.gif").status_code == 404
    assert standing(workspace) == ("given", [])


def test_the_picture_is_one_and_never_kept(
    client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    answer = client.get(signer.url("open", message_id))
    assert answer.content[:6] == b"GIF89a"
    assert answer.headers["cache-control"] == "no-store"


def test_a_mail_opens_in_the_browser_without_scripts(
    client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    answer = client.get(signer.url("view", message_id))
    assert "The mail" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert client.get(signer.url("view", "ff" * 16)).status_code == 410


def test_pages_need_no_script_and_can_be_read_aloud(
    client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    page = client.get(signer.url("unsubscribe", message_id)).text
    assert "<script" not in page
    assert '<html lang="en">' in page
    assert page.count("<h1>") == 1
    assert "<main>" in page
    assert re.search(r'<form method="post">\s*<button[^>]*>[^<]+</button>', page)
    assert "1 High Street, London" in page


def test_pages_speak_the_language_of_the_browser(
    client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    url = signer.url("unsubscribe", message_id)
    french = client.get(url, headers={"accept-language": "fr-CA,en;q=0.3"}).text
    assert '<html lang="fr">' in french
    assert word("unsubscribe_button", "fr") in french
    gone = client.get(signer.url("view", "ff" * 16), headers={"accept-language": "es"})
    assert word("view_gone_title", "es") in gone.text


def test_who_wants_less_finds_the_preferences(
    client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    page = client.get(signer.url("unsubscribe", message_id)).text
    [address] = re.findall(r'<a href="\.\.(/p/[^"]+)">', page)
    assert address == signer.url("preferences", message_id)
    assert word("preferences_title", "en") in client.get(address).text


def test_no_page_may_be_framed_or_tell_its_address(
    client: TestClient, signer: LinkSigner, message_id: str
) -> None:
    for kind in ("unsubscribe", "preferences", "view"):
        headers = client.get(signer.url(kind, message_id)).headers  # type: ignore[arg-type]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex"
        assert "frame-ancestors" in headers["content-security-policy"]


def test_visits_are_judged_by_themselves(
    live: Workspace, signer: LinkSigner, message_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    monkeypatch.setattr(feedback, "HOLD", timedelta(seconds=0.1))
    monkeypatch.setattr(visits, "HOLD", timedelta(seconds=0.1))
    app = Starlette(routes=routes(live, lambda _: None))
    with TestClient(app) as client:
        client.get(signer.url("open", message_id))
        for _ in range(50):
            time.sleep(0.05)
            with live.store.read() as tx:
                if tx.value("SELECT verdict FROM visits"):
                    break
        else:
            pytest.fail("the visit was never judged")
