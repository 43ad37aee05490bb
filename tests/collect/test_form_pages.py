"""Forms as visitors see them: pages, steps, faults, what is kept, and where it leads."""

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
    assert names == ["Form Viewed", "identify", "Form Submitted", "Consent Requested"]
    [sent] = told(workspace, "Form Submitted")
    assert sent["properties"]["answers"] == {"news": True}
    person = person_with(workspace, "ana@shop.example")
    # Until its owner confirms it, the address is all that is known.
    assert vault_of(workspace, person) == {"email": "ana@shop.example"}
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
