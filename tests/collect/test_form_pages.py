"""Forms as visitors see them: pages, steps, faults, what is kept, and where it leads."""

import re
import sqlite3
import time
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from formed import (
    NEWSLETTER,
    SURVEY,
    Visit,
    person_with,
    told,
    vault_of,
    visitor,
    write_form,
)
from vocative.privacy import consent
from vocative.server.forms import list_forms, list_submissions
from vocative.workspace import Workspace


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    write_form(workspace, "newsletter", NEWSLETTER)
    write_form(workspace, "survey", SURVEY)
    return visitor(workspace)


def test_a_form_is_filled_in_and_thanked_for(workspace: Workspace, client: TestClient) -> None:
    visit = Visit(client, "newsletter")
    assert visit.status == 200
    assert "News &amp; offers" in visit.html
    visit.send(email=" Ana@Shop.example ", first_name="Ana", news="yes")
    assert (visit.status, visit.at) == (200, "/f/newsletter/thanks")
    assert "confirm" in visit.html
    names = [event.get("event", event["type"]) for event in told(workspace)]
    assert names == ["Form Viewed", "Form Submitted", "Consent Requested"]
    [sent] = told(workspace, "Form Submitted")
    assert sent["properties"]["answers"] == {"news": True}
    person = person_with(workspace, "ana@shop.example")
    # Until its owner confirms it, nothing is stated about anybody, not even the address.
    assert vault_of(workspace, person) == {}
    [listed] = list_submissions(workspace, "newsletter").submissions
    assert (listed.email, listed.waits) == ("ana@shop.example", True)
    with workspace.store.read() as tx:
        [asked] = consent.history(tx, str(person))
    assert (asked.status, asked.wording, asked.source) == ("pending", "2026-11", "form newsletter")
    assert asked.evidence["submission"] == sent["properties"]["submission"]


def test_steps_and_questions_depend_on_answers(workspace: Workspace, client: TestClient) -> None:
    visit = Visit(client, "survey").send(has_children="no", topics=["shoes", "bags"])
    assert "Where to write" in visit.html
    visit.send("back")
    assert 'value="bags" checked' in visit.html
    visit.send(has_children="yes", topics=["shoes"])
    assert "Which size?" in visit.html
    visit.send(children="2", shoe_size="30")
    visit.send("back").send("back").send(has_children="yes", topics=["bags"])
    assert "Which size?" not in visit.html
    visit.send(children="3").send(email="bo@shop.example", birthday="1990-02-03")
    assert visit.at == "/f/survey/thanks"
    [sent] = told(workspace, "Form Submitted")
    assert sent["properties"]["answers"] == {
        "has_children": True,
        "topics": ["bags"],
        "children": 3.0,
    }
    person = person_with(workspace, "bo@shop.example")
    assert vault_of(workspace, person)["birthday"] == "1990-02-03"
    steps = [event["properties"]["step"] for event in told(workspace, "Form Step Completed")]
    assert 1 in steps


def test_the_language_is_the_visitors(workspace: Workspace) -> None:
    write_form(workspace, "newsletter", NEWSLETTER)
    german = visitor(workspace, **{"accept-language": "fr;q=0.2, de-AT, en;q=0.5"})
    assert "Unser Newsletter" in Visit(german, "newsletter").html
    visit = Visit(german, "newsletter").send(email="ana", news="yes")
    assert visit.faults()["email"].startswith("Das ist keine E-Mail-Adresse")
    assert 'lang="de"' in visit.html
    assert "Our newsletter" in Visit(german, "newsletter", "?lang=en").html
    # No title is in French: then the form's own language.
    assert "Our newsletter" in Visit(visitor(workspace), "newsletter", "?lang=fr").html


def test_what_the_address_says_is_filled_in_but_no_consent(client: TestClient) -> None:
    visit = Visit(
        client, "newsletter", "?email=ana@shop.example&news=yes&nonsense=1&first_name=%3Cb"
    )
    assert 'value="ana@shop.example"' in visit.html
    assert 'value="&lt;b"' in visit.html
    assert "checked" not in visit.html


def test_everything_an_author_or_a_visitor_writes_is_escaped(workspace: Workspace) -> None:
    hostile = """<script>alert(1)</script>"&'"""
    text = NEWSLETTER.replace(
        "Send me the newsletter", f"'{hostile.replace(chr(39), chr(39) * 2)}'"
    )
    write_form(workspace, "newsletter", text)
    visit = Visit(visitor(workspace), "newsletter", f"?first_name={hostile}")
    visit.send(email=hostile, first_name=hostile)
    assert visit.status == 422
    assert "<script" not in visit.html
    assert visit.html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3


def test_pages_load_and_run_nothing_and_lead_nowhere_else(client: TestClient) -> None:
    visit = Visit(client, "newsletter")
    policy = visit.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "img-src 'none'" in policy
    assert "frame-ancestors 'self' https://shop.example" in policy
    assert "form-action 'self' https://shop.example" in policy
    assert "<script" not in visit.html
    assert "set-cookie" not in visit.answer.headers
    framed = Visit(client, "newsletter", "?framed=1")
    nonce = re.search(r'<script nonce="([^"]+)"', framed.html)
    assert nonce is not None
    assert f"script-src 'nonce-{nonce[1]}'" in framed.answer.headers["content-security-policy"]


def test_a_redirect_leads_where_the_file_says(workspace: Workspace) -> None:
    write_form(
        workspace, "survey", SURVEY + "thanks: {redirect: 'https://shop.example/thanks'}\n"
        "sites: ['https://shop.example']\n",
    )  # fmt: skip
    client = visitor(workspace)
    client.follow_redirects = False
    visit = Visit(client, "survey", "?redirect=https://evil.example&next=//evil.example")
    visit.send(has_children="no").send()
    assert visit.status == 303
    assert visit.answer.headers["location"] == "https://shop.example/thanks"
    framed = Visit(client, "survey", "?framed=1").send(has_children="no").send()
    assert framed.answer.headers["location"] == "/f/survey/thanks?lang=en&framed=1"


def test_a_form_sent_twice_counts_once(workspace: Workspace, client: TestClient) -> None:
    visit = Visit(client, "survey").send(has_children="no")
    body = {**visit.hidden(), "email": "bo@shop.example", "_go": "next"}
    for _ in range(3):
        client.post("/f/survey", data=body)
    person_with(workspace, "bo@shop.example")
    assert [one.submissions for one in list_forms(workspace) if one.name == "survey"] == [1]


def test_a_form_that_changed_or_grew_old_is_shown_again_filled_in(
    workspace: Workspace, client: TestClient
) -> None:
    visit = Visit(client, "survey").send(has_children="yes", topics=["shoes"])
    write_form(workspace, "survey", SURVEY.replace("How many?", "How many now?"))
    time.sleep(1.1)  # until the server looks again
    visit.send(children="2", shoe_size="30")
    assert visit.status == 422
    assert "Please send it once more" in visit.html
    assert 'value="shoes" checked' in visit.html
    visit.send(has_children="yes", topics=["shoes"])
    assert "How many now?" in visit.html
    assert 'value="30"' in visit.html
    workspace.clock.advance(timedelta(hours=25))  # type: ignore[attr-defined]
    visit.send(children="2", shoe_size="30")
    assert visit.status == 422
    assert told(workspace, "Form Submitted") == []


@pytest.mark.parametrize("token", ["", "nonsense", "A" * 200_000, "ÄÖ", "newsletter's"])
def test_a_forged_state_begins_anew(workspace: Workspace, client: TestClient, token: str) -> None:
    other = Visit(client, "newsletter").hidden()["_state"]
    body = {"_state": other if token == "newsletter's" else token, "has_children": "no"}
    answer = client.post("/f/survey", data=body)
    assert answer.status_code in (400, 403, 422)
    assert told(workspace, "Form Submitted") == []


def test_another_site_sends_everything_at_once(workspace: Workspace, client: TestClient) -> None:
    shop = {"origin": "https://shop.example", "accept": "application/json"}
    asked = client.options("/f/newsletter", headers=shop)
    assert asked.headers["access-control-allow-origin"] == "https://shop.example"
    told_wrong = client.post("/f/newsletter", json={"email": "ana"}, headers=shop)
    assert told_wrong.status_code == 422
    assert set(told_wrong.json()["faults"]) == {"email", "news"}
    answers = {"email": "ana@shop.example", "news": True, "_anonymous": "a-1"}
    for _ in range(2):
        done = client.post("/f/newsletter", json=answers, headers=shop)
        assert done.json()["sent"] is True
        assert done.headers["access-control-allow-origin"] == "https://shop.example"
    person_with(workspace, "ana@shop.example")
    [listed] = [one for one in list_forms(workspace) if one.name == "newsletter"]
    assert listed.submissions == 1
    [sent, _] = told(workspace, "Form Submitted")
    assert sent["properties"]["site"] == "https://shop.example"
    # A page of its own without scripts goes on here where something is wrong.
    page = client.post("/f/newsletter", data={"email": "bo"}, headers={"origin": shop["origin"]})
    assert page.status_code == 422
    assert 'value="bo"' in page.text


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "https://shop.example.evil"]
)
def test_strangers_cannot_send_it(
    workspace: Workspace, client: TestClient, origin: str | None
) -> None:
    headers = {"origin": origin} if origin else {}
    answer = client.post(
        "/f/newsletter", data={"email": "a@b.example", "news": "yes"}, headers=headers
    )
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert told(workspace, "Form Submitted") == []


def test_what_fails_to_be_kept_is_not_thanked_for(workspace: Workspace, client: TestClient) -> None:
    visit = Visit(client, "survey").send(has_children="no")
    log = workspace.state_dir / "log.db"
    with sqlite3.connect(log) as held:
        held.execute("BEGIN EXCLUSIVE")
        workspace.log._connection.execute("PRAGMA busy_timeout = 50")
        visit.send(email="bo@shop.example")
    assert visit.status == 503
    assert "Nothing was lost" in visit.html


def test_unknown_forms(client: TestClient) -> None:
    assert client.get("/f/nothing").status_code == 404
    assert client.post("/f/nothing", data={"a": "b"}).status_code == 404
    assert client.get("/f/..%2Fnewsletter").status_code == 404


def test_looking_at_the_header_is_no_view(workspace: Workspace, client: TestClient) -> None:
    assert client.head("/f/survey").status_code == 200
    assert told(workspace) == []
