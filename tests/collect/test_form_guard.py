"""Submissions that are hardly a person's: answered like others, kept aside, then decided."""

import re
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from formed import NEWSLETTER, Visit, person_with, site_of, told, visitor, write_form
from vocative.collect.forms import guard, held
from vocative.collect.forms.definition import Guard
from vocative.collect.forms.guard import ADDRESS_SECONDS, Counter, FormGuard
from vocative.collect.forms.held import discard_submission, release_submission
from vocative.errors import UnknownName
from vocative.server.forms import list_forms, list_submissions, show_answers, show_form
from vocative.workspace import Workspace

STRICT = NEWSLETTER.replace("{min_seconds: 0}", "{min_seconds: 2, per_network: 3, per_address: 2}")


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    write_form(workspace, "newsletter", STRICT)
    return visitor(workspace)


def send(
    workspace: Workspace,
    client: TestClient,
    email: str = "ana@shop.example",
    seconds: int = 5,
    **fields: str,
) -> Visit:
    visit = Visit(client, "newsletter")
    workspace.clock.advance(timedelta(seconds=seconds))  # type: ignore[attr-defined]
    return visit.send(email=email, news="yes", **fields)


def reasons(workspace: Workspace) -> list[str]:
    page = list_submissions(workspace, "newsletter")
    return sorted(one.reason for one in page.held)


def test_programs_get_the_same_answer(workspace: Workspace, client: TestClient) -> None:
    person = send(workspace, client)
    program = send(workspace, client, "spam@shop.example", _website="http://spam.example")
    hasty = send(workspace, client, "hasty@shop.example", seconds=1)
    assert program.html.replace(_nonces(program), "") == person.html.replace(_nonces(person), "")
    assert (program.at, hasty.at) == (person.at, person.at)
    assert reasons(workspace) == ["honeypot", "too_fast"]
    assert len(told(workspace, "Form Submitted")) == 1
    # Sending exactly the same again does not make it a person's.
    program.send(email="spam@shop.example", news="yes", _website="x")
    assert len(told(workspace, "Form Submitted")) == 1
    raw = (workspace.state_dir / "store.db").read_bytes()
    raw += (workspace.state_dir / "store.db-wal").read_bytes()
    assert b"spam@shop" not in raw


def _nonces(visit: Visit) -> str:
    return re.findall(r'nonce="([^"]+)"', visit.html)[0]


def test_one_form_is_not_sent_for_many(workspace: Workspace, client: TestClient) -> None:
    visit = Visit(client, "newsletter")
    workspace.clock.advance(timedelta(seconds=5))  # type: ignore[attr-defined]
    body = {**visit.hidden(), "news": "yes", "_go": "next"}
    for number in range(3):
        client.post("/f/newsletter", data={**body, "email": f"a{number}@shop.example"})
    assert reasons(workspace) == ["sent_again", "sent_again"]
    assert len(told(workspace, "Form Submitted")) == 1


def test_many_submissions_are_kept_aside(workspace: Workspace) -> None:
    write_form(workspace, "newsletter", STRICT)
    site = site_of(workspace)
    client = visitor(workspace, site=site)
    for number in range(4):
        send(workspace, client, f"a{number}@shop.example")
    assert reasons(workspace) == ["many_from_network"]
    for place in range(3):
        elsewhere = visitor(workspace, ip=f"198.51.{place}.1", site=site)
        send(workspace, elsewhere, "one@shop.example")
    assert reasons(workspace) == ["many_for_address", "many_from_network"]


def test_a_flood_is_told_to_come_back(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_REQUESTS", 20)
    for _ in range(20):
        answer = client.post("/f/newsletter", data={"email": "x"})
    assert answer.status_code == 403
    answer = client.post("/f/newsletter", data={"email": "x"})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"


def test_what_is_kept_aside_is_released(workspace: Workspace, client: TestClient) -> None:
    send(workspace, client, "hasty@shop.example", seconds=1, first_name="Hasty")
    [found] = list_submissions(workspace, "newsletter").held
    assert found.words == "the form was sent faster than a person can"
    assert list_forms(workspace)[0].held == 1
    assert release_submission(workspace, found.submission).state == "released"
    assert person_with(workspace, "hasty@shop.example") is not None
    page = list_submissions(workspace, "newsletter")
    assert page.held == []
    [taken] = page.submissions
    assert (taken.email, taken.waits) == ("hasty@shop.example", True)
    assert taken.submission == found.submission
    answers = show_answers(workspace, taken.submission).answers
    assert answers == {"email": "hasty@shop.example", "first_name": "Hasty", "news": True}
    with pytest.raises(UnknownName):
        release_submission(workspace, found.submission)
    with workspace.store.read() as tx:
        audited = [row[0] for row in tx.tuples("SELECT action FROM audit")]
    assert "show submission" in audited


def test_what_is_kept_aside_is_forgotten(workspace: Workspace, client: TestClient) -> None:
    send(workspace, client, "a@shop.example", seconds=1)
    [found] = list_submissions(workspace, "newsletter").held
    assert discard_submission(workspace, found.submission).state == "discarded"
    with pytest.raises(UnknownName):
        release_submission(workspace, found.submission)
    send(workspace, client, "b@shop.example", seconds=1)
    workspace.clock.advance(held.KEPT + timedelta(seconds=1))  # type: ignore[attr-defined]
    send(workspace, client, "c@shop.example", seconds=1)
    assert len(list_submissions(workspace, "newsletter").held) == 1


def test_the_funnel_is_counted(workspace: Workspace, client: TestClient) -> None:
    Visit(client, "newsletter")
    send(workspace, client)
    person_with(workspace, "ana@shop.example")
    shown = show_form(workspace, "newsletter")
    assert [(one.name, one.visits) for one in shown.funnel] == [
        ("shown", 2), ("sent", 1), ("confirmed", 0),
    ]  # fmt: skip
    assert 'data-form="newsletter"' in shown.embed
    with pytest.raises(UnknownName, match="did you mean 'newsletter'"):
        show_form(workspace, "newsleter")


def test_a_form_may_ask_for_work(workspace: Workspace) -> None:
    write_form(workspace, "newsletter", STRICT.replace("{min", "{proof_of_work: true, min"))
    client = visitor(workspace)
    send(workspace, client, "lazy@shop.example")
    send(workspace, client, "wrong@shop.example", _proof="0")
    assert reasons(workspace) == ["no_proof", "no_proof"]
    visit = Visit(client, "newsletter")
    known = re.findall(r'data-visit="(\w+)"', visit.html)[0]
    number = next(str(one) for one in range(10**6) if guard.is_proof(known, str(one)))
    workspace.clock.advance(timedelta(seconds=5))  # type: ignore[attr-defined]
    visit.send(email="ana@shop.example", news="yes", _proof=number)
    assert len(told(workspace, "Form Submitted")) == 1


@pytest.mark.parametrize("number", ["", "-1", "x", "9" * 13, "١"])
def test_what_is_no_number_proves_nothing(number: str) -> None:
    assert not guard.is_proof("v", number)


def test_counts_fade() -> None:
    now = [0.0]
    counter = Counter(10, lambda: now[0])
    assert [counter.count("a") for _ in range(3)] == [1, 2, 3]
    now[0] = 11
    assert (counter.count("a"), counter.count("b")) == (1, 1)


def test_an_hour_later_an_address_may_come_again() -> None:
    now = [0.0]
    judge = FormGuard(lambda: now[0])

    def judged(visit: str) -> str | None:
        return judge.suspicion(
            Guard(per_address=1),
            honeypot="",
            seconds=9,
            proof="",
            visit=visit,
            digest=b"",
            network="n",
            address="a",
        )

    assert [judged("1"), judged("2")] == [None, "many_for_address"]
    now[0] = ADDRESS_SECONDS + 1
    assert judged("3") is None
