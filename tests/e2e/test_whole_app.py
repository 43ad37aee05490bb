"""What holds on every page: nothing leaves the host, nothing breaks, everybody can use it."""

import re
from typing import Any

import pytest
from running_site import API_KEY, CAMPAIGN, Site, Troubles

from chromium import AXE

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def every_page(site: Site) -> list[str]:
    row = site.person_with("accepted")
    person, message = row["person_id"], row["message_id"]
    return [
        "/",
        "/people",
        f"/people/{person}",
        f"/people/{person}?tab=features",
        f"/people/{person}?tab=segments",
        f"/people/{person}?tab=messages",
        f"/people/{person}/explain?campaign={CAMPAIGN}",
        "/segments?where=spend_180d+%3E+100",
        "/segments/mailable",
        "/matches",
        "/matches?tab=many",
        "/overlap",
        "/overlap?segments=mailable,lapsed,engaged",
        "/packs",
        "/packs?pack=rfm",
        "/campaigns",
        f"/campaigns/{CAMPAIGN}",
        f"/messages?campaign={CAMPAIGN}&message={message}",
        f"/messages?campaign={CAMPAIGN}&message={message}&view=text",
        "/models",
        "/models/purchase_30d",
        "/models/for_you",
        "/templates",
        "/templates/weekly_picks",
        "/forms",
        "/sources",
        "/quality",
        "/imports",
        "/no-such-page",
    ]


def settle(page: Any) -> None:
    expect(page.get_by_role("heading", level=1).first).to_be_visible()
    expect(page.get_by_role("status", name="Loading")).to_have_count(0)
    page.wait_for_load_state("networkidle")


def test_no_request_leaves_the_host_and_the_console_stays_clean(
    page: Any, site: Site, troubles: Troubles
) -> None:
    for address in every_page(site):
        page.goto(address)
        settle(page)
        assert troubles == Troubles(), address


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_nothing_is_wider_than_a_phone(page: Any, site: Site) -> None:
    for address in every_page(site):
        page.goto(address)
        settle(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE["viewport"]["width"], address  # type: ignore[index]


@pytest.mark.parametrize("page", [PHONE], indirect=True)
def test_a_phone_has_the_menu_behind_a_button(page: Any) -> None:
    page.goto("/")
    settle(page)
    page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Segments").click()
    expect(page.get_by_role("heading", level=1, name="Segments")).to_be_in_viewport()


def test_axe_finds_nothing_in_light_or_dark(page: Any, site: Site) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    for address in every_page(site):
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.goto(address)
        settle(page)
        page.evaluate(AXE.read_text())
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
            found = page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
            faults = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]
            assert faults == [], f"{address} in {scheme}"


def test_colours_follow_the_system_until_somebody_chooses(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    root = page.locator("html")
    expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
    page.get_by_role("button", name=re.compile("^Colours follow the system")).click()
    expect(root).to_have_attribute("data-mantine-color-scheme", "light")
    page.reload()
    expect(root).to_have_attribute("data-mantine-color-scheme", "light")


def test_the_keyboard_reaches_people_and_pages(page: Any) -> None:
    page.goto("/campaigns")
    settle(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_label("Search people")).to_be_focused()


def test_a_server_that_stops_says_what_to_do(page: Any, troubles: Troubles) -> None:
    page.goto("/")
    settle(page)
    page.route("**/api/campaigns", lambda route: route.abort())
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Campaigns").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The server does not answer")
    page.unroute("**/api/campaigns")
    alert.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("table", name="Campaigns")).to_be_visible()
    troubles.console.clear()


def test_an_unknown_person_says_so_and_the_page_stands(page: Any, troubles: Troubles) -> None:
    page.goto("/people/pnobody")
    expect(page.get_by_role("alert")).to_contain_text("person")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    troubles.console.clear()


def test_a_server_with_a_key_asks_for_it(
    page: Any, site: Site, locked_site: Site, troubles: Troubles
) -> None:
    page.goto(f"{locked_site.url}/people")
    expect(page.get_by_role("alert")).to_contain_text("key")
    page.get_by_role("textbox", name="API key").fill("wrong")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    page.get_by_role("textbox", name="API key").fill(API_KEY)
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("table", name="People")).to_be_visible()

    message = site.person_with("accepted")["message_id"]
    page.goto(f"{locked_site.url}/messages?campaign={CAMPAIGN}&message={message}")
    expect(page.frame_locator("iframe").get_by_text("Unsubscribe").first).to_be_visible()
    page.goto("about:blank")  # that server goes away before this page does
    assert all("status of 403" in said for said in troubles.console)
    assert all(asked.startswith(locked_site.url) for asked in troubles.strangers)
    troubles.console.clear()
    troubles.strangers.clear()
