"""The pages of forms in the web app: funnel, codes for pages, submissions, those kept aside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_site import Site, Troubles
from test_whole_app import RULES, settle

from chromium import AXE
from formed import NEWSLETTER, Visit, person_with, visitor, write_form
from vocative.workspace import Workspace

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser


def root_of(site: Site) -> Path:
    return site.log.parent / "workspace"


@pytest.fixture
def forms(page: Any, empty_site: Site, troubles: Troubles) -> Iterator[Any]:
    """The list of forms, one of which was sent by a person and by a program."""
    with Workspace(root_of(empty_site)) as workspace:
        write_form(workspace, "newsletter", NEWSLETTER)
        Visit(visitor(workspace), "newsletter").send(email="ana@shop.example", news="yes")
        program = Visit(visitor(workspace), "newsletter")
        program.send(email="spam@shop.example", news="yes", _website="x")
        person_with(workspace, "ana@shop.example")
    page.goto(f"{empty_site.url}/forms")
    yield page
    page.goto("about:blank")  # that server goes away before this page does
    assert all(asked.startswith(empty_site.url) for asked in troubles.strangers)
    troubles.strangers.clear()


def test_a_form_in_the_web_app(forms: Any, empty_site: Site) -> None:
    table = forms.get_by_role("table", name="Forms")
    expect(table).to_contain_text("Our newsletter")
    table.get_by_role("link", name="Our newsletter").click()
    expect(forms.get_by_role("heading", level=1)).to_have_text("Our newsletter")
    funnel = forms.get_by_role("table", name="How far visitors come")
    expect(funnel.get_by_role("row", name="sent 1")).to_be_visible()
    expect(forms.get_by_text('data-form="newsletter" async')).to_be_visible()
    sent = forms.get_by_role("table", name="Submissions")
    expect(sent).to_contain_text("ana@shop.example")
    expect(sent).to_contain_text("not confirmed")
    settle(forms)
    if AXE.exists():
        forms.evaluate(AXE.read_text())
        found = forms.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
        assert [one["id"] for one in found] == []
    held = forms.get_by_role("table", name="Kept aside")
    expect(held).to_contain_text("a field was filled in that people cannot see")
    held.get_by_role("button", name="Take in").click()
    expect(held).to_have_count(0)
    with Workspace(root_of(empty_site)) as workspace:
        assert person_with(workspace, "spam@shop.example") is not None
