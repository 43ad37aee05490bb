"""Templates in the web app: light, dark, phone and plain text, for nobody and for a person."""

from typing import Any

import pytest
from running_site import Site, Troubles
from test_whole_app import PHONE, RULES, settle

from chromium import AXE

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser

NAME = "weekly_picks"


def view(page: Any, label: str) -> None:
    page.get_by_role("radiogroup", name="View").get_by_text(label, exact=True).click()


def frame_background(page: Any) -> str:
    found: str = (
        page.frame_locator("iframe[title=Mail]")
        .locator("body")
        .evaluate("body => getComputedStyle(body).backgroundColor")
    )
    return found


def test_the_four_views(page: Any) -> None:
    page.goto("/templates")
    page.get_by_role("link", name=NAME).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    mail = page.frame_locator("iframe[title=Mail]")
    expect(mail.get_by_text("This week’s picks", exact=True)).to_be_visible()
    light = frame_background(page)
    view(page, "Dark")
    expect(page).to_have_url(f"{page.url.partition('?')[0]}?view=dark")
    expect(mail.locator("body")).to_have_css("background-color", "rgb(21, 23, 26)")
    assert light != "rgb(21, 23, 26)"
    view(page, "Phone")
    expect(mail.locator("body")).to_have_css("background-color", light)
    expect(page.locator("iframe[title=Mail]")).to_have_css("width", "390px")
    view(page, "Plain text")
    expect(page.get_by_label("Plain text").last).to_contain_text("Unsubscribe: ")
    assert page.locator("iframe").count() == 0


def test_for_nobody_and_for_a_person(page: Any, site: Site, troubles: Troubles) -> None:
    page.goto(f"/templates/{NAME}?view=text")
    who = page.get_by_role("radiogroup", name="For")
    who.get_by_text("Nobody", exact=True).click()
    expect(page.get_by_text("Hello, this week’s picks are here")).to_be_visible()
    who.get_by_text("A person", exact=True).click()
    expect(page.get_by_text("Whose mail?")).to_be_visible()
    page.get_by_label("Person", exact=True).fill("nobody@example.org")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert all("404" in told for told in troubles.console)
    troubles.console.clear()
    person = site.person_with("accepted")["person_id"]
    page.get_by_label("Person", exact=True).fill(person)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_label("Plain text").last).to_contain_text("Unsubscribe: ")


def test_versions_are_shown_and_compared(page: Any, own_site: Site, troubles: Troubles) -> None:
    folder = own_site.log.parent / "workspace" / "templates"
    page.goto(f"{own_site.url}/templates/{NAME}")
    versions = page.get_by_role("table", name="Versions")
    expect(versions.get_by_role("row").filter(has_text="Now")).to_have_count(1)
    text = (folder / f"{NAME}.yaml").read_text(encoding="utf-8")
    (folder / f"{NAME}.yaml").write_text(
        text.replace("picks are here", "finds are here"), encoding="utf-8"
    )
    page.reload()
    expect(versions.get_by_role("row").filter(has_text="not applied yet")).to_have_count(1)
    versions.get_by_role("link", name="Compare").click()
    expect(page.get_by_label("As written")).to_contain_text("finds are here")
    versions.get_by_role("link", name="Show").click()
    expect(page.get_by_role("heading", name="picks are here")).to_be_visible()
    page.goto("about:blank")  # that server goes away before this page does
    assert all(asked.startswith(own_site.url) for asked in troubles.strangers)
    troubles.strangers.clear()


def test_everybody_can_use_it(page: Any) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not here: npm ci in web/")
    for address in ("/templates", f"/templates/{NAME}", f"/templates/{NAME}?view=text&who=nobody"):
        page.goto(address)
        settle(page)
        page.evaluate(AXE.read_text())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_it_fits_a_phone(page: Any) -> None:
    for address in ("/templates", f"/templates/{NAME}"):
        page.goto(address)
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
