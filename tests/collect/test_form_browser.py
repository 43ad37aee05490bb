"""Forms in a real browser: hosted with and without scripts, and in pages of another host."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tracked import WRITE_KEY, Server, make_workspace, serving

from chromium import AXE, host_of
from formed import SURVEY
from vocative.workspace import Workspace

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NEWSLETTER = """\
title: Our newsletter
sites: ["SHOP"]
guard: {{min_seconds: 0, per_network: 1000, proof_of_work: true}}
thanks: {{title: Nearly done}}
steps:
  - questions:
      - {{name: email, kind: email, label: E-mail, required: true}}
      - {{name: country, kind: choice, label: Country, choices: {{{countries}}}}}
      - {{name: born, kind: date, label: Birthday}}
      - {{name: likes, kind: many, label: Likes, choices: {{a: Shoes, b: Bags}}, required: true}}
      - name: news
        kind: consent
        label: Send me the newsletter
        purpose: marketing
        wording: 2026-11
        required: true
""".format(countries=", ".join(f"{code}: {code}" for code in "DE FR GB AT NL ES IT PL".split()))
PAGE = """<!doctype html><html lang="en"><title>A shop</title><body><h1>A shop</h1>
<script>
(function (w, d, src) {
  w.vocative = w.vocative || function () { (w.vocative.q = w.vocative.q || []).push(arguments) };
  var s = d.createElement("script"); s.async = 1; s.src = src; d.head.appendChild(s);
})(window, document, "SERVER/v.js?key=KEY");
vocative("page");
document.addEventListener("vocative:sent", (event) => { document.title = event.detail.form });
</script>
<button data-vocative-form="newsletter">Newsletter</button>
<script src="SERVER/f.js" data-form="newsletter" data-title="Newsletter"MORE async></script>
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Pages of another host, and their folder."""
    folder = tmp_path_factory.mktemp("shop")
    # Another name than the server's is another site to a browser.
    with host_of(folder, "localhost") as address:
        yield address, folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, shop: tuple[str, Path]) -> Iterator[Server]:
    root = make_workspace(tmp_path_factory.mktemp("forms") / "workspace")
    (root / "forms").mkdir()
    (root / "forms" / "newsletter.yaml").write_text(NEWSLETTER.replace("SHOP", shop[0]))
    (root / "forms" / "survey.yaml").write_text(SURVEY)
    with serving(root) as running:
        for name, more in {"inline": "", "popup": ' data-popup data-after="0.3"'}.items():
            text = PAGE.replace("SERVER", running.url).replace("KEY", WRITE_KEY)
            (shop[1] / f"{name}.html").write_text(text.replace("MORE", more))
        yield running
        assert "Traceback" not in running.printed()


@pytest.fixture
def tab(browser: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A fresh visitor's tab, whose pages must break none of their own rules."""
    context = browser.new_context(**getattr(request, "param", {}))
    context.set_default_timeout(15_000)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: "Content Security" in said.text and errors.append(said.text))
    yield page
    context.close()
    assert errors == []


def told(server: Server, name: str, email: str) -> list[dict[str, Any]]:
    """Events of a name with an address in their context."""
    found = []
    with Workspace(server.root) as workspace:
        for batch in workspace.log.read(0):
            for raw in batch.events:
                event = msgspec.json.decode(raw)
                if event.get("event") == name and email in str(event["context"]):
                    found.append(event)
    return found


def fill_in(page: Any, email: str) -> None:
    page.fill("#q-email", email)
    page.check("#q-likes-1")
    page.check("#q-news")
    page.click("button:has-text('Send')")


@pytest.mark.browser
@pytest.mark.parametrize("tab", [{}, {"java_script_enabled": False}], indirect=True)
def test_a_hosted_form_works_with_and_without_scripts(server: Server, tab: Any) -> None:
    tab.goto(f"{server.url}/f/survey")
    tab.check("text=Yes")
    tab.check("text=Shoes")
    tab.keyboard.press("Enter")
    tab.fill("#q-children", "2")
    tab.click("text=Continue")
    # What is missing is said, has the focus, and leads to where it can be mended.
    summary = tab.locator(".faults")
    assert "Which size?" in summary.inner_text()
    assert tab.locator("#q-shoe_size").get_attribute("aria-invalid") == "true"
    assert tab.locator("#q-shoe_size").get_attribute("aria-describedby") == "f-shoe_size"
    tab.click(".faults a")
    tab.keyboard.type("30")
    tab.keyboard.press("Enter")
    tab.fill("#q-email", "hosted@shop.example")
    tab.click("text=Send")
    tab.wait_for_url("**/f/survey/thanks**")
    tab.reload()  # sends nothing again
    [sent] = told(server, "Form Submitted", "hosted@shop.example")[-1:]
    assert sent["properties"]["answers"] == {
        "has_children": True, "topics": ["shoes"], "children": 2.0,
    }  # fmt: skip


@pytest.mark.browser
def test_what_is_wrong_has_the_focus(server: Server, tab: Any) -> None:
    tab.goto(f"{server.url}/f/newsletter")
    tab.click("button:has-text('Send')")
    assert tab.evaluate("document.activeElement.className") == "faults"
    assert tab.title().startswith("Please look at this again")


@pytest.mark.browser
def test_in_a_page_of_another_site(server: Server, shop: tuple[str, Path], tab: Any) -> None:
    tab.goto(f"{shop[0]}/inline.html")
    frame = tab.frame_locator("iframe")
    frame.locator("#q-email").wait_for()
    # As high as the form: nobody scrolls within it.
    tab.wait_for_function("document.querySelector('iframe').offsetHeight > 300")
    fill_in(frame_of(tab), "inline@shop.example")
    frame.locator("text=Nearly done").wait_for()
    tab.wait_for_function("document.title === 'newsletter'")
    [sent] = told(server, "Form Submitted", "inline@shop.example")
    # Whose browser it was waits for the confirmation, as everything else does.
    anonymous = tab.evaluate("JSON.parse(localStorage.getItem('vocative.id'))")
    assert sent["context"]["formWaiting"]["anonymous_id"] == anonymous
    assert anonymous


def frame_of(tab: Any) -> Any:
    """The document of the form."""
    return tab.query_selector("iframe").content_frame()


@pytest.mark.browser
def test_over_a_page(server: Server, shop: tuple[str, Path], tab: Any) -> None:
    tab.goto(f"{shop[0]}/popup.html")
    tab.wait_for_selector("dialog[open] iframe")  # by itself, after a moment
    tab.keyboard.press("Escape")
    tab.wait_for_selector("dialog", state="detached")
    tab.reload()
    time.sleep(0.6)
    assert tab.query_selector("dialog") is None  # not again after it was closed
    tab.click("text=Newsletter")
    tab.frame_locator("iframe").locator("#q-email").wait_for()
    assert tab.query_selector("dialog").get_attribute("aria-label") == "Newsletter"
    fill_in(frame_of(tab), "popup@shop.example")
    tab.frame_locator("iframe").locator("text=Nearly done").wait_for()
    tab.click("[aria-label=Close]")
    assert len(told(server, "Form Submitted", "popup@shop.example")) == 1


@pytest.mark.browser
def test_no_other_site_can_frame_it(server: Server, shop: tuple[str, Path], browser: Any) -> None:
    (shop[1] / "stolen.html").write_text(f'<iframe src="{server.url}/f/survey?framed=1"></iframe>')
    context = browser.new_context()
    page = context.new_page()
    with page.expect_console_message(lambda said: "frame-ancestors" in said.text):
        page.goto(f"{shop[0]}/stolen.html")
    assert "has_children" not in frame_of(page).content()
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), [("light", 1000), ("dark", 360)])
def test_axe_finds_nothing(server: Server, browser: Any, scheme: str, width: int) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not installed: npm ci in web/")
    context = browser.new_context(
        viewport={"width": width, "height": 700}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()

    def check() -> None:
        page.evaluate(AXE.read_text())
        found = page.evaluate("() => axe.run(document)")["violations"]
        assert [(one["id"], one["help"]) for one in found] == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.goto(f"{server.url}/f/newsletter")
    check()
    page.click("button:has-text('Send')")
    check()
    fill_in(page, f"{scheme}{width}@shop.example")
    page.wait_for_url("**/thanks**")
    check()
    context.close()
