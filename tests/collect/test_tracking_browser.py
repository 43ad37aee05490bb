"""@segment/analytics-next, unchanged, in a real browser on a page of another host."""

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from tracked import (
    CLIENTS,
    Between,
    Server,
    Stored,
    between,
    make_workspace,
    serving,
    stored,
    with_source,
)

from chromium import host_of

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.browser
CALLS = Counter(
    [
        "Identified",
        "Order Completed",
        "Past",
        "Odd",
        "Page Viewed",
        "Screen Viewed",
        "Grouped",
        "Aliased",
    ]
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server; each test sends to it from a source of its own."""
    with serving(make_workspace(tmp_path_factory.mktemp("browser") / "workspace")) as running:
        yield running
        assert "Traceback" not in running.printed()


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """A site that has the library from its npm package: the address of its page."""
    if not (CLIENTS / "node_modules").is_dir():
        pytest.skip("the library is not installed: bash scripts/setup.sh")
    with host_of(CLIENTS) as address:
        yield f"{address}/page.html"


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """A fresh visitor's tab; it may ask nobody but this machine."""
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    yield page
    context.close()
    assert [url for url in asked if not url.startswith("http://127.0.0.1:")] == []


def visit(tab: Any, shop: str, through: Between, key: str, **more: str) -> None:
    """Open the page, and wait until it has made its calls."""
    query = {"host": through.url, "key": key, **more}
    tab.goto(f"{shop}?{urlencode(query)}")
    assert tab.evaluate("window.done") == "sent"


def arrived(server: Server, source: str, calls: int, seconds: float = 40) -> Stored:
    """What is kept, once so many different events have come."""
    until = time.monotonic() + seconds
    while True:
        found = stored(server.root, source)
        if len(found.events) >= calls or time.monotonic() > until:
            return found
        time.sleep(0.3)


@pytest.mark.parametrize("more", [{}, {"batching": "1"}], ids=["one by one", "batching"])
def test_every_call_of_a_page_is_kept_once(
    server: Server, shop: str, tab: Any, more: dict[str, str]
) -> None:
    source, key = with_source(server.root)
    with between(server) as way:
        visit(tab, shop, way, key, **more)
        found = arrived(server, source, CALLS.total())
    assert found.names == CALLS
    assert len(found.on_log) == CALLS.total()
    assert found.refused == {}
    assert {path for method, path, _ in way.seen if method == "GET"} == {
        f"/v1/projects/{key}/settings"
    }
    # Where events go to is told by the settings: the page names the host once.
    assert {path for method, path, _ in way.seen if method == "POST"} == (
        {"/v1/b"} if more else {f"/v1/{kind[0]}" for kind in "ipgast"}
    )


@pytest.mark.parametrize(
    "troubles",
    [[429], [503, 503], ["cut"], ["lost"], [429, "lost", 503]],
    ids=["429", "two 503", "cut", "lost", "one after the other"],
)
def test_trouble_loses_nothing_and_doubles_nothing(
    server: Server, shop: str, tab: Any, troubles: list[int | str]
) -> None:
    source, key = with_source(server.root)
    with between(server, troubles) as way:
        visit(tab, shop, way, key)
        found = arrived(server, source, CALLS.total())
        if "lost" in troubles:
            until = time.monotonic() + 20
            while len(found.on_log) == CALLS.total() and time.monotonic() < until:
                time.sleep(0.3)
                found = stored(server.root, source)
            assert len(found.on_log) > CALLS.total(), "it was sent again, and both have come"
    assert found.names == CALLS


def test_a_page_that_loads_the_library_from_here(server: Server, shop: str, tab: Any) -> None:
    source, key = with_source(server.root)
    library = CLIENTS / "node_modules/@segment/analytics-next/dist/umd/standalone.js"
    shutil.copy(library, server.root / "sources" / "analytics.min.js")
    with between(server) as way:
        query = urlencode({"host": way.url, "key": key})
        tab.goto(f"{shop.replace('page.html', 'snippet.html')}?{query}")
        found = arrived(server, source, CALLS.total())
    assert found.names == CALLS
    assert len(found.on_log) == CALLS.total()


def test_a_browser_waits_as_long_as_it_is_told(server: Server, shop: str, tab: Any) -> None:
    source, key = with_source(server.root)
    with between(server, [429], retry_after=3) as way:
        began = time.monotonic()
        visit(tab, shop, way, key)
        found = arrived(server, source, CALLS.total())
    assert time.monotonic() - began >= 3
    assert found.names == CALLS


def test_a_page_that_is_left_at_once_loses_nothing(server: Server, shop: str, tab: Any) -> None:
    source, key = with_source(server.root)
    with between(server) as way:
        visit(tab, shop, way, key)
        tab.goto("about:blank")
        found = arrived(server, source, CALLS.total())
    assert found.names == CALLS
