"""Vocative's own script for pages, in a real browser on a page of another host."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from tracked import Between, Server, Stored, between, make_workspace, serving, stored, with_source

from chromium import host_of
from vocative.collect.tracking.snippet import script

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
HEAD = """\
(function (w, d, src) {
  w.vocative = w.vocative || function () { (w.vocative.q = w.vocative.q || []).push(arguments) };
  var s = d.createElement("script"); s.async = 1; s.src = src; d.head.appendChild(s);
})(window, document, ADDRESS);
vocative("page");
"""
"""What a shop puts into its pages."""
PAGES = {
    "plain.html": """<!doctype html><title>A shop</title>
<script>const ADDRESS = new URLSearchParams(location.search).get("src");</script>
<script>HEAD</script>
<form data-vocative="newsletter" action="thanks.html">
  <input name="email"><input name="first_name"><input name="secret" type="password">
  <input name="card" autocomplete="cc-number"><input name="news" type="checkbox" checked>
  <label><input name="size" type="radio" value="S">S</label>
  <label><input name="size" type="radio" value="M" checked>M</label><button>Join</button>
</form>
<form id="other" action="thanks.html"><input name="q"><button>Search</button></form>
""".replace("HEAD", HEAD),
    # A tag manager puts scripts into the page as elements that it makes.
    "manager.html": """<!doctype html><title>A shop</title><script>
const tag = document.createElement("script");
const ADDRESS = new URLSearchParams(location.search).get("src");
tag.text = HEAD;
setTimeout(() => document.body.appendChild(tag), 200);
</script><body></body>""".replace("HEAD", json.dumps(HEAD)),
    "thanks.html": "<!doctype html><title>Thanks</title>",
}


def test_it_is_small() -> None:
    plain, packed = script()
    assert len(packed) < len(plain) < 5_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(make_workspace(tmp_path_factory.mktemp("snippet") / "workspace")) as running:
        yield running
        assert "Traceback" not in running.printed()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("shop")
    for name, text in PAGES.items():
        (folder / name).write_text(text)
    with host_of(folder) as address:
        yield address


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A fresh visitor's tab, whose pages must make no error."""
    context = browser.new_context()
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def visit(tab: Any, page: str, through: Between, key: str, **more: str) -> None:
    """Open a page, and wait for the script."""
    address = f"{through.url}/v.js?{urlencode({'key': key, **more})}"
    tab.goto(f"{page}?{urlencode({'src': address})}")
    tab.wait_for_function("window.vocative && !window.vocative.q")


def arrived(server: Server, source: str, calls: int, seconds: float = 30) -> Stored:
    """What is kept, once so many different events have come."""
    until = time.monotonic() + seconds
    while True:
        found = stored(server.root, source)
        if len(found.events) >= calls or time.monotonic() > until:
            return found
        time.sleep(0.2)


@pytest.mark.browser
@pytest.mark.parametrize("page", ["plain.html", "manager.html"])
def test_calls_of_a_page(server: Server, shop: str, tab: Any, page: str) -> None:
    source, key = with_source(server.root)
    with between(server) as way:
        visit(tab, f"{shop}/{page}", way, key)
        tab.evaluate("vocative('identify', 'ana', {email: 'ana@shop.example', plan: 'pro'})")
        tab.evaluate("vocative('track', 'Product Added', {product_id: 'T1', price: 4.5})")
        found = arrived(server, source, 3)
    assert found.names == Counter(["Page Viewed", "Identified", "Product Added"])
    assert len(found.on_log) == 3
    added = next(event for event in found.on_log if event.get("event"))
    assert (added["userId"], added["properties"]["product_id"]) == ("ana", "T1")
    assert added["context"]["page"]["title"] == "A shop"
    assert len({event["anonymousId"] for event in found.on_log}) == 1
    assert len({event["person_id"] for event in found.events}) == 1
    # One request without a question before it.
    assert {method for method, path, _ in way.seen if path.startswith("/v1/")} == {"POST"}


@pytest.mark.browser
def test_a_visitor_is_known_again_and_can_be_forgotten(server: Server, shop: str, tab: Any) -> None:
    source, key = with_source(server.root)
    with between(server) as way:
        for _ in range(2):
            visit(tab, f"{shop}/plain.html", way, key)
            tab.evaluate("vocative('identify', 'ana')")
        arrived(server, source, 4)
        tab.evaluate("vocative('track', 'Left'); vocative('reset'); vocative('track', 'Came')")
        found = arrived(server, source, 6)
    known = {event.get("event"): event for event in found.on_log}
    ids = {event["anonymousId"] for event in found.on_log if event.get("event") != "Came"}
    assert (len(ids), known["Left"]["userId"]) == (1, "ana")
    assert known["Came"]["anonymousId"] not in ids
    assert known["Came"]["userId"] is None


@pytest.mark.browser
def test_nothing_is_kept_or_sent_before_there_is_consent(
    server: Server, shop: str, tab: Any
) -> None:
    source, key = with_source(server.root)
    with between(server) as way:
        visit(tab, f"{shop}/plain.html", way, key, consent="ask")
        tab.evaluate("vocative('track', 'Looked'); vocative('identify', 'di')")
        time.sleep(1)
        assert [path for _, path, _ in way.seen if path.startswith("/v1/")] == []
        assert tab.evaluate("[localStorage.length, document.cookie]") == [0, ""]
        tab.evaluate("vocative('consent', {analytics: true, marketing: false})")
        found = arrived(server, source, 3)
        assert found.names == Counter(["Page Viewed", "Looked", "Identified"])
        assert {event["userId"] for event in found.on_log} == {"di"}
        assert all(
            event["context"]["consent"]["categoryPreferences"]
            == {"analytics": True, "marketing": False}
            for event in found.on_log
        )
        # Taken back: nothing more is sent, and what was kept is gone.
        tab.evaluate("vocative('consent', false); vocative('track', 'Hidden')")
        time.sleep(1)
        assert tab.evaluate("Object.keys(localStorage)") == ["vocative.consent"]
        tab.goto(f"{shop}/thanks.html")
        time.sleep(0.5)
    assert len(arrived(server, source, 4, seconds=1).events) == 3


@pytest.mark.browser
def test_a_form_says_who_sent_it(server: Server, shop: str, tab: Any) -> None:
    source, key = with_source(server.root)
    with between(server) as way:
        visit(tab, f"{shop}/plain.html", way, key)
        for name, text in {"email": "bo@shop.example", "first_name": "Bo", "secret": "s"}.items():
            tab.fill(f"[name={name}]", text)
        tab.fill("[name=card]", "4111111111111111")
        tab.click("text=Join")  # leads away at once
        tab.wait_for_url("**/thanks.html**")
        found = arrived(server, source, 3)
    assert found.names == Counter(["Page Viewed", "Identified", "Form Submitted"])
    told = next(event for event in found.on_log if event["type"] == "identify")["traits"]
    assert told == {"email": "bo@shop.example", "first_name": "Bo", "news": True, "size": "M"}
    sent = next(event for event in found.on_log if event.get("event"))
    assert sent["properties"] == {"form": "newsletter"}


@pytest.mark.browser
def test_other_forms_are_nobodys_business(server: Server, shop: str, tab: Any) -> None:
    source, key = with_source(server.root)
    with between(server) as way:
        visit(tab, f"{shop}/plain.html", way, key)
        tab.fill("[name=q]", "lamps")
        tab.click("text=Search")
        tab.wait_for_url("**/thanks.html**")
        time.sleep(1)
    assert arrived(server, source, 2, seconds=1).names == Counter(["Page Viewed"])


@pytest.mark.browser
@pytest.mark.parametrize(
    "troubles", [[429], [503, 503], ["cut"], ["lost"], [429, "lost", 503]], ids=str
)
def test_trouble_loses_nothing_and_doubles_nothing(
    server: Server, shop: str, tab: Any, troubles: list[int | str]
) -> None:
    source, key = with_source(server.root)
    with between(server, troubles) as way:
        visit(tab, f"{shop}/plain.html", way, key)
        for number in range(60):  # more than one request holds
            tab.evaluate(f"vocative('track', 'Clicked', {{number: {number}}})")
        found = arrived(server, source, 61)
        tab.wait_for_function("(localStorage.getItem('vocative.unsent') || '[]') === '[]'")
    assert found.names == Counter({"Clicked": 60, "Page Viewed": 1})
    assert way.troubles == []


@pytest.mark.browser
def test_what_could_not_be_sent_is_sent_by_the_next_page(
    server: Server, shop: str, tab: Any
) -> None:
    source, key = with_source(server.root)
    with between(server, ["cut"] * 2, retry_after=None) as way:
        visit(tab, f"{shop}/plain.html", way, key)
        tab.evaluate("vocative('track', 'Clicked')")
        time.sleep(0.5)
        tab.goto(f"{shop}/thanks.html")
        visit(tab, f"{shop}/plain.html", way, key)
        found = arrived(server, source, 3)
    assert found.names == Counter({"Clicked": 1, "Page Viewed": 2})


@pytest.mark.browser
def test_a_browser_that_keeps_nothing(server: Server, shop: str, tab: Any) -> None:
    source, key = with_source(server.root)
    tab.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden') }})"
    )
    with between(server) as way:
        visit(tab, f"{shop}/plain.html", way, key)
        tab.evaluate("vocative('identify', 'cy'); vocative('track', 'Clicked')")
        found = arrived(server, source, 3)
    assert found.names == Counter(["Page Viewed", "Identified", "Clicked"])
    assert len({event["anonymousId"] for event in found.on_log}) == 1


@pytest.mark.browser
def test_wrong_commands_break_no_page(server: Server, shop: str, tab: Any) -> None:
    source, key = with_source(server.root)
    with between(server) as way:
        visit(tab, f"{shop}/plain.html", way, key)
        tab.evaluate("vocative('nonsense', 1); vocative(); vocative('identify'); vocative('track')")
        found = arrived(server, source, 2)
    assert found.names == Counter(["Page Viewed", "Identified"])
    assert found.refused == {"a track event without a name": 1}
