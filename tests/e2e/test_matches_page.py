"""Matches in the web app: the queue, a pair beside each other, many at once, and taking back."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from closely import look_closely
from running_site import Site, Troubles

from formed import person_with
from matched import propose
from vocative.collect.door import accept
from vocative.segment import advance
from vocative.workspace import Workspace

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser

NAMES = ("ana", "anna", "bo", "boe", "cy", "cyd")
_numbers = count()


@pytest.fixture
def host() -> str:
    """Where this test's people have their addresses: whom another one joined are not among them."""
    return f"shop{next(_numbers)}.example"


@pytest.fixture
def workspace(empty_site: Site) -> Iterator[Workspace]:
    """The site's, with an empty queue."""
    with Workspace(empty_site.log.parent / "workspace") as found:
        with found.store.transaction() as tx:
            tx.run("DELETE FROM match_candidates")
        yield found


@pytest.fixture
def people(workspace: Workspace, host: str) -> dict[str, str]:
    """Six people's ids, by the name before the @ of their addresses."""
    for name in NAMES:
        state(workspace, f"{name}@{host}", email=f"{name}@{host}", first_name=name)
    return {name: str(person_with(workspace, f"{name}@{host}")) for name in NAMES}


def state(workspace: Workspace, user: str, **traits: str) -> None:
    """Say something of an account."""
    accept(workspace, [{"type": "identify", "userId": user, "traits": traits}], source="shop")
    advance(workspace)


@pytest.fixture
def queue(workspace: Workspace, people: dict[str, str]) -> list[str]:
    """Three pairs that wait, the most probable first."""
    pairs = (("ana", "anna", 0.9996), ("bo", "boe", 0.93), ("cy", "cyd", 0.8))
    return propose(workspace, *((people[one], people[other], p) for one, other, p in pairs))


@pytest.fixture
def app(page: Any, empty_site: Site, troubles: Troubles) -> Iterator[Any]:
    """A tab in front of that site."""
    page.goto(f"{empty_site.url}/matches")
    yield page
    page.goto("about:blank")  # that server goes away before this page does
    assert all(asked.startswith(empty_site.url) for asked in troubles.strangers)
    troubles.strangers.clear()


def state_of(workspace: Workspace, pair: str) -> str:
    one, _, other = pair.partition("_")
    with workspace.store.read() as tx:
        return str(
            tx.value(
                "SELECT state FROM match_candidates WHERE one = :one AND other = :other",
                {"one": one, "other": other},
            )
        )


def test_an_empty_queue_says_what_fills_it(app: Any, workspace: Workspace) -> None:
    app.reload()
    expect(app.get_by_role("heading", level=1)).to_have_text("Matches")
    expect(app.get_by_text("vocative match find")).to_be_visible()
    look_closely(app)
    app.get_by_role("tab", name="Many at once").click()
    expect(app.get_by_text("No pair waits")).to_be_visible()
    app.get_by_role("tab", name="Accepted").click()
    expect(app.get_by_text("No pair was accepted")).to_be_visible()


def test_a_queue_that_cannot_be_had_says_so(app: Any, queue: list[str], troubles: Troubles) -> None:
    app.route("**/api/matches?*", lambda route: route.abort())
    app.reload()
    expect(app.get_by_role("alert")).to_contain_text("The server does not answer")
    app.unroute("**/api/matches?*")
    app.get_by_role("alert").get_by_role("button", name="Try again").click()
    expect(app.get_by_role("list", name="Pairs").get_by_role("listitem")).to_have_count(3)
    troubles.console.clear()


def test_pairs_are_looked_through_one_by_one(
    app: Any, queue: list[str], workspace: Workspace, people: dict[str, str], host: str
) -> None:
    first, second, third = queue
    app.reload()
    pairs = app.get_by_role("list", name="Pairs")
    expect(pairs.get_by_role("link")).to_have_count(3)
    assert "@" not in pairs.inner_text()
    pairs.get_by_role("link", name="over 99.9%").click()
    expect(app).to_have_url(re.compile(f"pair={first}"))
    pair = app.get_by_role("region", name="Pair")
    compared = pair.get_by_role("table", name="What was compared")
    row = compared.get_by_role("row").filter(has_text="e-mail")
    expect(row).to_contain_text(f"ana@{host}")
    expect(row).to_contain_text(f"anna@{host}")
    expect(compared).to_contain_text("first name the same but for a typing error (clearly for")
    look_closely(app)

    # Without a mouse: a decision leads on to the next pair, and the keyboard with it.
    pair.get_by_role("button", name="They are two people").focus()
    app.keyboard.press("Enter")
    expect(app).to_have_url(re.compile(f"pair={second}"))
    expect(pair).to_be_focused()
    expect(app.get_by_text("the pair is not proposed again")).to_be_visible()
    assert state_of(workspace, first) == "rejected"
    pair.get_by_role("button", name="They are one person").click()
    expect(app).to_have_url(re.compile(f"pair={third}"))
    expect(pairs.get_by_role("link")).to_have_count(1)
    assert person_with(workspace, f"bo@{host}") == person_with(workspace, f"boe@{host}")

    app.get_by_role("link", name="Take it back").click()
    expect(app).to_have_url(re.compile("tab=accepted"))
    look_closely(app)
    pair.get_by_role("button", name="Take it back").click()
    question = pair.get_by_role("group", name="Who would have what")
    for name in ("bo", "boe"):
        expect(question.get_by_role("link", name=people[name])).to_be_visible()
    look_closely(app)
    question.get_by_role("button", name="Make them two people again").click()
    expect(app.get_by_text("They are two people again")).to_be_visible()
    expect(app.get_by_text("No pair was accepted")).to_be_visible()
    assert person_with(workspace, f"bo@{host}") == people["bo"]

    app.get_by_role("tab", name="Rejected").click()
    app.get_by_role("list", name="Pairs").get_by_role("link").click()
    pair.get_by_role("button", name="Put it back into the queue").click()
    expect(app.get_by_text("No pair was rejected")).to_be_visible()
    assert {state_of(workspace, one) for one in queue} == {"open"}


def test_many_are_accepted_after_being_asked(
    app: Any, queue: list[str], workspace: Workspace, troubles: Troubles
) -> None:
    app.reload()
    app.get_by_role("tab", name="Many at once").click()
    expected = app.get_by_role("table", name="What to expect")
    row = expected.get_by_role("row").filter(has_text="From 90%")
    expect(row).to_contain_text("96.5%")
    row.get_by_role("button").click()
    question = app.get_by_role("group", name="Accept pairs from 90%")
    expect(question).to_be_focused()
    expect(question).to_contain_text("Accept 2 pairs?")
    expect(question).to_contain_text("Expected precision 96.5%: about 0.07 of them")
    look_closely(app)

    # The queue is another one meanwhile: nothing is accepted that nobody was asked about.
    with workspace.store.transaction() as tx:
        tx.run("UPDATE match_candidates SET probability = 0.95 WHERE probability = 0.8")
    question.get_by_role("button", name="Accept 2 pairs").click()
    expect(question.get_by_role("alert")).to_contain_text("the queue has changed")
    assert all("status of 409" in said for said in troubles.console)
    troubles.console.clear()
    assert {state_of(workspace, one) for one in queue} == {"open"}
    question.get_by_role("button", name="Try again").click()
    question.get_by_role("button", name="Accept 3 pairs").click()
    expect(app.get_by_text("3 pairs accepted")).to_be_visible()
    expect(question).to_have_count(0)
    assert {state_of(workspace, one) for one in queue} == {"accepted"}
    app.get_by_role("link", name="Look at what is accepted").click()
    expect(app.get_by_role("list", name="Pairs").get_by_role("link")).to_have_count(3)


def test_the_queue_begins_at_a_probability(app: Any, queue: list[str]) -> None:
    app.reload()
    app.get_by_role("tab", name="Many at once").click()
    app.get_by_role("link", name="2 pairs from 90%").click()
    expect(app).to_have_url(re.compile("above=0.9"))
    expect(app.get_by_role("list", name="Pairs").get_by_role("link")).to_have_count(2)
    app.get_by_role("combobox", name="From a probability of").click()
    app.get_by_role("option", name="From 99%").click()
    expect(app.get_by_role("list", name="Pairs").get_by_role("link")).to_have_count(1)


def test_a_merge_of_a_rule_is_taken_back_on_the_page_of_the_person(
    app: Any, empty_site: Site, workspace: Workspace, host: str
) -> None:
    for traits in ({}, {"email": f"shared@{host}"}):
        for user in ("dan", "dana"):
            state(workspace, user, **traits)
    person = str(person_with(workspace, f"shared@{host}"))
    app.goto(f"{empty_site.url}/people/{person}")
    merged = app.get_by_role("region", name="Merged profiles")
    expect(merged).to_contain_text("by a rule")
    merged.get_by_role("button", name=re.compile("^Separate")).click()
    question = merged.get_by_role("group", name=re.compile("^Who would have what"))
    expect(question.get_by_role("link", name=person)).to_be_visible()
    look_closely(app)
    question.get_by_role("button", name="Separate them").click()
    expect(merged).to_contain_text("is a person of their own again")
    other = str(merged.get_by_role("link").inner_text())
    assert other != person
    merged.get_by_role("link").click()
    expect(app).to_have_url(re.compile(f"/people/{other}"))
    expect(app.get_by_role("region", name="Merged profiles")).to_have_count(0)
