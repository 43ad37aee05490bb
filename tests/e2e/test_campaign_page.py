"""Campaigns in the web app: reach, sending by the server, approval, the kill switch."""

from collections.abc import Iterator
from typing import Any

import pytest
from closely import look_closely
from running_site import Site, Troubles

from vocative.campaign.conducting import Conductor
from vocative.collect.door import accept
from vocative.privacy import consent
from vocative.privacy.consent import Consent
from vocative.segment import advance
from vocative.workspace import Workspace

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser
MAIL = '<html><body>Hi <a href="{{ unsubscribe_url }}">Leave</a> {{ postal_address }}</body></html>'
PEOPLE = 12
WITHOUT_CONSENT = 2


@pytest.fixture
def shop(empty_site: Site) -> Iterator[Workspace]:
    """Twelve people, two of whom have not consented, and a campaign that needs approval."""
    root = empty_site.log.parent / "workspace"
    for file, text in (
        ("templates/hello.html", MAIL),
        ("templates/hello.yaml", "subject: Hello\n"),
        ("traits.yaml", "email: {personal: true}\n"),
        ("campaigns/news.yaml", "news: {template: hello, where: 'true', approve_above: 10}\n"),
    ):
        (root / file).parent.mkdir(exist_ok=True)
        (root / file).write_text(text)
    people = [
        {"type": "identify", "userId": f"c{n}", "traits": {"email": f"c{n}@shop.example"}}
        for n in range(PEOPLE)
    ]
    with Workspace(root) as workspace:
        accept(workspace, people, source="shop")
        advance(workspace)
        with workspace.store.transaction() as tx:
            known = tx.tuples("SELECT person_id FROM profiles ORDER BY person_id")
            consent.record(
                tx,
                [
                    Consent(
                        person_id=person_id,
                        purpose="marketing",
                        channel="email",
                        status="given",
                        at=workspace.clock.now(),
                        source="form",
                    )
                    for (person_id,) in known[WITHOUT_CONSENT:]
                ],
            )
        yield workspace


@pytest.fixture
def app(page: Any, empty_site: Site, troubles: Troubles) -> Iterator[Any]:
    """A tab in front of that site, which says yes whenever it is asked."""
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{empty_site.url}/campaigns")
    yield page
    page.goto("about:blank")  # that server goes away before this page does
    assert all(asked.startswith(empty_site.url) for asked in troubles.strangers)
    troubles.strangers.clear()


def test_a_campaign_from_reach_to_finished(app: Any, shop: Workspace) -> None:
    app.reload()
    app.get_by_role("link", name="news", exact=True).click()
    expect(app.get_by_text("It was not sent yet")).to_be_visible()
    app.get_by_role("button", name="Count").click()
    reach = app.get_by_role("region", name="Whom it would reach now")
    expect(reach).to_contain_text("2: this person has not consented")
    expect(reach).to_contain_text("Would get it now10")
    look_closely(app)
    app.get_by_role("button", name="Send", exact=True).click()
    run = app.get_by_role("article", name="Run 1")
    expect(run).to_contain_text("scheduled")
    conductor = Conductor(shop, lambda: False)
    conductor.turn()
    expect(run).to_contain_text("12 people: more than 10 need approval")
    expect(run).to_contain_text("0 of 12 done")
    run.get_by_role("button", name="Approve").click()
    expect(run).to_contain_text("waiting")

    app.get_by_role("link", name="Campaigns").first.click()
    app.get_by_role("button", name="Stop everything").click()
    expect(app.get_by_role("alert")).to_contain_text("everything is halted")
    look_closely(app)
    assert not conductor.turn()
    app.get_by_role("button", name="Go on sending").click()
    expect(app.get_by_role("button", name="Stop everything")).to_be_visible()

    app.get_by_role("link", name="news", exact=True).click()
    run.get_by_role("button", name="pause").click()
    expect(run).to_contain_text("paused")
    assert not conductor.turn()
    run.get_by_role("button", name="resume").click()
    expect(run).to_contain_text("waiting")
    assert conductor.turn()
    expect(run).to_contain_text("12 of 12 done")
    expect(run).to_contain_text("finished")
    look_closely(app)
