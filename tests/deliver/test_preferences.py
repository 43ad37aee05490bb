"""The preference centre: what a person decides counts, with proof, and nothing else does."""

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from post_office import CAMPAIGN, RUN, Mailbox, add_people, compose, plan, set_channels, states
from starlette.applications import Starlette
from starlette.testclient import TestClient

from formed import told
from vocative.deliver.channels import channel_for
from vocative.deliver.links import LinkSigner, track
from vocative.deliver.opt_in import opt_in_routes, send_confirmations
from vocative.deliver.pages import routes
from vocative.deliver.preferences.changing import PAUSES, Choice, Proof, leave_all, save
from vocative.deliver.preferences.standing import find_preferences
from vocative.deliver.preferences.wording import KIND, version_of
from vocative.deliver.sender import deliver
from vocative.identify.apply import apply_log
from vocative.pages.words import LANGUAGES, word
from vocative.privacy import consent, suppression
from vocative.privacy.wishes import SPACINGS, Wishes, read_wishes
from vocative.stores import open_store
from vocative.workspace import Purpose, Workspace

ADDRESS = "person0@people.example"
PURPOSES = {
    "marketing": Purpose(
        title={"en": "News & offers", "de": "Neues"},
        describe={"en": "What is new", "de": "Was neu ist"},
    ),
    "events": Purpose(title="Events"),
    "orders": Purpose(title="Orders", describe="About an order", consent="opt_out"),
    "inner": Purpose(title="Not for people", consent="opt_out", listed=False),
}
PROOF = Proof(language="en", network=None)


@pytest.fixture
def shop(workspace: Workspace) -> Workspace:
    """A workspace with several purposes and one person who got a mail."""
    return stocked(workspace)


def stocked(workspace: Workspace) -> Workspace:
    changed = msgspec.structs.replace(workspace.settings, purposes=PURPOSES, languages=["de"])
    workspace.settings = changed
    (workspace.root / "traits.yaml").write_text("language: {type: text}\n")
    plan(workspace, add_people(workspace, 1))
    deliver(workspace, CAMPAIGN, RUN, compose, channel_for(workspace, "outbox_folder"))
    later(workspace, minutes=1)
    return workspace


def later(workspace: Workspace, **by: float) -> None:
    workspace.clock.advance(timedelta(**by))  # type: ignore[attr-defined]


def message_of(workspace: Workspace) -> str:
    with workspace.store.read() as tx:
        return str(tx.value("SELECT message_id FROM messages WHERE campaign = :c", {"c": CAMPAIGN}))


def person_of(workspace: Workspace) -> str:
    with workspace.store.read() as tx:
        return str(tx.value("SELECT person_id FROM messages WHERE campaign = :c", {"c": CAMPAIGN}))


def browser(workspace: Workspace, **headers: str) -> TestClient:
    app = Starlette(routes=[*routes(workspace, lambda _: None), *opt_in_routes(workspace)])
    return TestClient(app, headers=headers, client=("203.0.113.7", 4711))


def address_of(workspace: Workspace) -> str:
    return LinkSigner(workspace.key.sign, "").url("preferences", message_of(workspace))


def history(workspace: Workspace) -> list[tuple[str, str]]:
    """(purpose, status) in the order stated, without what the fixture stated."""
    with workspace.store.read() as tx:
        found = consent.history(tx, person_of(workspace))
    return sorted((one.purpose, one.status) for one in found if one.source != "test")


def form_of(html: str) -> dict[str, Any]:
    """What a browser would send of the first form of a page."""
    form = html[html.index("<form") : html.index("</form>")]
    sent: dict[str, Any] = dict(
        re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
    )
    boxes = re.findall(r'<input type="checkbox"[^>]*value="([^"]*)"( checked)?', form)
    sent["want"] = [unescape(value) for value, ticked in boxes if ticked]
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)">(.*?)</select>', form):
        [chosen] = re.findall(r'<option value="([^"]*)" selected>', options)
        sent[unescape(name)] = chosen
    return {**sent, "action": "save"}


def reasons(workspace: Workspace) -> list[str]:
    with workspace.store.read() as tx:
        found = suppression.address_hash(workspace.vault, "email", ADDRESS)
        return [one.reason for one in suppression.find(tx, found, channel="email")]


def send_once_more(workspace: Workspace, campaign: str) -> dict[str, int]:
    plan(workspace, [person_of(workspace)], campaign)
    deliver(workspace, campaign, RUN, compose, channel_for(workspace, "outbox_folder"))
    return states(workspace, campaign)


def test_looking_changes_nothing(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    for _ in range(2):
        page = client.get(address)
        assert page.status_code == 200
        assert client.head(address).content == b""
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert "News &amp; offers" in page.text
    assert "Not for people" not in page.text
    assert "“News &amp; offers”. You agreed to that on March 2, 2026" in page.text
    assert form_of(page.text)["want"] == ["marketing/email", "orders/email"]
    assert (history(shop), told(shop, "Consent Given")) == ([], [])


def test_a_choice_counts_at_once_and_has_its_proof(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    form = form_of(client.get(address).text)
    saved = client.post(address, data={**form, "want": ["events/email"]})
    assert word("saved", "en") in saved.text
    assert form_of(saved.text)["want"] == ["events/email"]
    expected = [("events", "given"), ("marketing", "withdrawn"), ("orders", "withdrawn")]
    assert history(shop) == expected
    with shop.store.read() as tx:
        found = consent.history(tx, person_of(shop))[-1]
        kept = tx.value(
            "SELECT body FROM definitions WHERE kind = :k AND name = :n",
            {"k": KIND, "n": found.wording},
        )
    assert found.wording == form["version"] == version_of(shop.settings, "en")
    assert msgspec.json.decode(kept)["marketing: title"] == "News & offers"
    assert found.source == "preference centre"
    assert found.evidence["message_id"] == message_of(shop)
    assert found.evidence["language"] == "en"
    assert "network_hash" in found.evidence
    assert "203.0.113" not in str(found.evidence)
    # The same event again, from the log, adds nothing; the same form again changes nothing.
    apply_log(shop)
    assert history(shop) == expected
    again = client.post(address, data={**form, "want": ["events/email"]})
    assert word("saved_nothing", "en") in again.text
    assert history(shop) == expected
    assert [one["event"] for one in told(shop, "Unsubscribed")] == ["Unsubscribed"]
    assert send_once_more(shop, "winter") == {"skipped: consent_withdrawn": 1}


def test_fewer_mails(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    form = form_of(client.get(address).text)
    saved = client.post(address, data={**form, "often/marketing": "7"})
    assert form_of(saved.text)["often/marketing"] == "7"
    assert send_once_more(shop, "soon") == {"skipped: wanted_less_often": 1}
    later(shop, days=7)
    assert send_once_more(shop, "a week later") == {"accepted": 1}
    later(shop, days=6)
    assert send_once_more(shop, "too soon") == {"skipped: wanted_less_often": 1}
    client.post(address, data=form)
    assert send_once_more(shop, "as usual") == {"accepted": 1}
    assert history(shop) == [("marketing", "given")] * 2


def test_what_a_merged_profile_got_counts_too(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    later(shop, days=10)
    client.post(address, data={**form_of(client.get(address).text), "often/marketing": "30"})
    [other] = add_people(shop, 1, start=1).values()
    plan(shop, [other], "to the other")
    deliver(shop, "to the other", RUN, compose, channel_for(shop, "outbox_folder"))
    later(shop, days=25)
    with shop.store.transaction() as tx:
        tx.run(
            "UPDATE profiles SET merged_into = :whole WHERE person_id = :part",
            {"whole": person_of(shop), "part": other},
        )
    assert send_once_more(shop, "later") == {"skipped: wanted_less_often": 1}


def test_a_break(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    form = form_of(client.get(address).text)
    for _ in range(2):  # sent twice by an impatient person
        saved = client.post(address, data={**form, "pause": "30"})
        later(shop, seconds=2)
    assert history(shop) == [("marketing", "given")]
    assert "until April 1, 2026" in saved.text
    assert send_once_more(shop, "in the break") == {"skipped: paused": 1}
    later(shop, days=1)
    kept = form_of(client.get(address).text)
    assert kept["pause"] == "keep"
    client.post(address, data={**kept, "often/marketing": "30"})
    with shop.store.read() as tx:
        newest = consent.history(tx, person_of(shop))[-1]
    assert read_wishes(newest.evidence) == Wishes(every_days=30, paused_until=date(2026, 4, 1))
    later(shop, days=30)
    assert send_once_more(shop, "after the break") == {"accepted": 1}


def test_mails_about_orders_are_not_put_off(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    page = client.get(address).text
    assert "often/orders" not in page
    client.post(address, data={**form_of(page), "pause": "30", "often/orders": "7"})
    assert history(shop) == [("marketing", "given")]


def test_everything_can_be_left_and_taken_back(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    left = client.post(address, data={"action": "leave"})
    assert "You get nothing from The Shop any more" in left.text
    assert form_of(left.text)["want"] == []
    everything = sorted((name, "withdrawn") for name in PURPOSES)
    assert (history(shop), reasons(shop)) == (everything, ["unsubscribe"])
    assert client.post(address, data={"action": "leave"}).status_code == 200
    assert history(shop) == everything
    assert 'name="email"' not in left.text
    later(shop, minutes=1)
    back = form_of(left.text)
    client.post(address, data={**back, "want": ["events/email"]})
    assert (("events", "given") in history(shop), reasons(shop)) == (True, [])
    found = find_preferences(shop, message_of(shop))
    assert found is not None
    assert [one.purpose for one in found.can_move] == ["events"]


def test_a_complaint_stands_whatever_is_chosen(shop: Workspace) -> None:
    with shop.store.transaction() as tx:
        found = suppression.address_hash(shop.vault, "email", ADDRESS)
        row = suppression.Suppression(
            address_hash=found, channel="email", reason="complaint", source="t",
            added_at=shop.clock.now(),
        )  # fmt: skip
        suppression.add(tx, row)
    client, address = browser(shop), address_of(shop)
    page = client.get(address)
    assert word("blocked", "en") in page.text
    client.post(address, data={**form_of(page.text), "want": ["events/email"]})
    assert reasons(shop) == ["complaint"]


def test_the_language_of_mails(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    form = form_of(client.get(address).text)
    assert form["language"] == "en"
    assert '<option value="de">Deutsch</option>' in client.get(address).text
    saved = client.post(address, data={**form, "language": "de"})
    assert form_of(saved.text)["language"] == "de"
    apply_log(shop)
    assert word("preferences_title", "de") in client.get(address).text
    # What nobody offers is not taken.
    client.post(address, data={**form_of(client.get(address).text), "language": "tlh"})
    apply_log(shop)
    page = browser(shop, **{"accept-language": "fr"}).get(address).text
    assert '<html lang="de">' in page
    assert "„Neues“" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_browser_says_the_language_of_who_says_none(shop: Workspace, language: str) -> None:
    client = browser(shop, **{"accept-language": f"{language}-XX,en;q=0.5"})
    page = client.get(address_of(shop)).text
    assert f'<html lang="{language}">' in page
    assert word("preferences_title", language) in page


def test_who_saw_another_text_looks_again(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    form = form_of(client.get(address).text)
    purposes = {**PURPOSES, "events": Purpose(title="Events and parties")}
    shop.settings = msgspec.structs.replace(shop.settings, purposes=purposes)
    client = browser(shop)
    late = client.post(address, data={**form, "want": ["events/email"]})
    assert late.status_code == 409
    assert word("texts_changed", "en") in late.text
    assert history(shop) == []
    assert client.post(address, data={**form_of(late.text), "want": []}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"action=save",
        b"action=&want=events/email",
        b"List-Unsubscribe=One-Click",
        b"&".join(b"want=events/email" for _ in range(600)) + b"&action=leave",
        b"\xff\x00%ff%00=%ff",
        b"x" * 100_000,
    ],
)
def test_what_no_page_of_ours_sends_changes_nothing(shop: Workspace, body: bytes) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = browser(shop).post(address_of(shop), content=body, headers=kind)
    assert answer.status_code in (200, 409)
    assert (history(shop), reasons(shop)) == ([], [])


def test_a_page_of_another_site_changes_nothing(shop: Workspace) -> None:
    client = browser(shop, **{"sec-fetch-site": "cross-site"})
    assert client.post(address_of(shop), data={"action": "leave"}).status_code == 200
    assert (history(shop), reasons(shop)) == ([], [])


def test_the_link_is_not_led_through_tracking(shop: Workspace) -> None:
    signer = LinkSigner(shop.key.sign, "https://mail.shop.example")
    link = signer.url("preferences", message_of(shop))
    html = f'<html><body><a href="{link}">Preferences</a></body></html>'
    tracked = track(html, link, signer=signer, message_id=message_of(shop))
    assert f'href="{link}"' in tracked[0]
    assert tracked[1] == link


def test_forged_links_and_people_who_are_gone(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    other = LinkSigner(shop.key.sign, "").url("unsubscribe", message_of(shop))
    stranger = LinkSigner(b"x" * 32, "").url("preferences", message_of(shop))
    for wrong in (address[:-2] + "AA", address + "A", other.replace("/u/", "/p/"), stranger):
        for answer in (client.get(wrong), client.post(wrong, data={"action": "leave"})):
            assert answer.status_code == 404
            assert word("invalid_title", "en") in answer.text
    assert history(shop) == []
    with shop.store.transaction() as tx:
        shop.vault.erase(tx, person_of(shop))
        tx.run("DELETE FROM profiles")
    for answer in (client.get(address), client.post(address, data={"action": "leave"})):
        assert word("link_gone_title", "en") in answer.text
        assert "people.example" not in answer.text


CHOICES = st.builds(
    Choice,
    wanted=st.dictionaries(
        st.sampled_from([*PURPOSES, "no such"]), st.sets(st.sampled_from(["email", "sms"]))
    ),
    every_days=st.dictionaries(st.sampled_from(list(PURPOSES)), st.sampled_from([0, 3, *SPACINGS])),
    pause_days=st.sampled_from([None, 0, 5, *PAUSES]),
)


@given(st.lists(st.one_of(st.none(), CHOICES), max_size=6))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_last_decision_is_what_counts(shop: Workspace, decisions: list[Choice | None]) -> None:
    """After any decisions the page shows the last one, and the log alone tells the same."""
    message_id = message_of(shop)
    for choice in decisions:
        later(shop, minutes=1)
        if choice is None:
            leave_all(shop, message_id, PROOF)
            wanted: dict[str, set[str]] = {}
        else:
            save(shop, message_id, choice, PROOF)
            wanted = {one: set(channels) for one, channels in choice.wanted.items()}
        found = find_preferences(shop, message_id)
        assert found is not None
        for subject in found.listed:
            assert subject.channels["email"].is_sent == ("email" in wanted.get(subject.purpose, ()))
    with shop.store.read() as tx:
        before = consent.history(tx, person_of(shop))
    apply_log(shop)
    with shop.store.read() as tx:
        assert consent.history(tx, person_of(shop)) == before
        assert tx.value("SELECT count(*) FROM rejected_events") == 0


def test_another_address_is_confirmed_by_its_owner(shop: Workspace, mailbox: Mailbox) -> None:
    set_channels(shop, f"{{smtp: {{host: 127.0.0.1, port: {mailbox.port}, security: none}}}}")
    shop.settings = msgspec.structs.replace(shop.settings, purposes=PURPOSES)
    client, address = browser(shop), address_of(shop)
    for typed in ("", "no address", "a@b@c", "x" * 500 + "@shop.example"):
        wrong = client.post(address, data={"action": "address", "email": typed})
        assert wrong.status_code == 422
        assert word("email", "en") in wrong.text
    for _ in range(2):
        asked = client.post(address, data={"action": "address", "email": " Ana@New.example "})
        assert word("address_sent", "en") in asked.text
    apply_log(shop)
    send_confirmations(shop)
    send_confirmations(shop)
    [(recipient, raw)] = mailbox.mails
    assert recipient == "ana@new.example"
    # Until then nothing has changed.
    assert history(shop) == []
    [link] = re.findall(rb"http://127\.0\.0\.1:8750(/confirm/[\w-]+)", raw)[:1]
    later(shop, minutes=1)
    assert word("confirmed_title", "en") in client.post(link.decode()).text
    apply_log(shop)
    assert history(shop) == [("marketing", "withdrawn")]
    with shop.store.read() as tx:
        new = tx.value(
            "SELECT person_id FROM identities WHERE namespace = 'email' AND value_hash = :h",
            {"h": shop.vault.lookup_hash("email", "ana@new.example")},
        )
        assert new != person_of(shop)
        assert shop.vault.get(tx, new) == {"email": "ana@new.example"}
        stated = consent.history(tx, new)
    given = [one for one in stated if one.status == "given"]
    assert sorted(one.purpose for one in given) == ["marketing"]
    assert {one.wording for one in given} == {version_of(shop.settings, "en")}


def test_a_link_cannot_be_used_to_write_to_many(shop: Workspace) -> None:
    client, address = browser(shop), address_of(shop)
    for number in range(8):
        data = {"action": "address", "email": f"somebody{number}@else.example"}
        assert client.post(address, data=data).status_code == 200
    assert len(told(shop, "Form Submitted")) == 5


def test_several_channels(shop: Workspace) -> None:
    from vocative.deliver.channels import CHANNELS

    if "sms_twilio" not in CHANNELS.names():
        pytest.skip("no channel carries text messages")
    sms: dict[str, Any] = {"outbox_folder": {}, "sms_twilio": {}}
    shop.settings = msgspec.structs.replace(shop.settings, channels=sms)
    with shop.store.transaction() as tx:
        shop.vault.put_many(tx, {person_of(shop): {"phone": "+442071838750"}})
    client, address = browser(shop), address_of(shop)
    page = client.get(address).text
    assert "<legend>News &amp; offers</legend>" in page
    client.post(address, data={**form_of(page), "want": ["marketing/sms"]})
    with shop.store.read() as tx:
        bound = {"purpose": "marketing", "channel": "sms"}
        stated = consent.latest(tx, [person_of(shop)], **bound)[person_of(shop)]
    assert stated.status == "given"
    client.post(address, data={"action": "leave"})
    with shop.store.read() as tx:
        phone = suppression.address_hash(shop.vault, "sms", "+442071838750")
        assert [one.reason for one in suppression.find(tx, phone, channel="sms")] == ["unsubscribe"]


@pytest.mark.postgres
def test_preferences_on_postgres(workspace: Workspace, postgres_url: str) -> None:
    with open_store(postgres_url) as store:
        workspace.store = store
        shop = stocked(workspace)
        client, address = browser(shop), address_of(shop)
        form = form_of(client.get(address).text)
        client.post(address, data={**form, "often/marketing": "7"})
        assert send_once_more(shop, "soon") == {"skipped: wanted_less_often": 1}
        later(shop, days=8)
        client.post(address, data={**form, "pause": "7"})
        assert send_once_more(shop, "paused") == {"skipped: paused": 1}
        assert apply_log(shop) is not None
