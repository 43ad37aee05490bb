"""A real browser in front of a real `vocative serve` over the finished demo."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from running_site import API_KEY, PICTURES, Site, Troubles, make_workspace

from chromium import chromium
from demo_site import Demo

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
sync_api.expect.set_options(timeout=20_000)  # pages look for news every 5 s

STATIC = Path(__file__).parents[2] / "src" / "vocative" / "server" / "static"


@pytest.fixture(scope="session")
def site(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """`vocative serve` over the demo's workspace."""
    with _serving(demo, tmp_path_factory.mktemp("serve")) as found:
        yield found


@pytest.fixture
def locked_site(demo: Demo, tmp_path: Path) -> Iterator[Site]:
    """The same behind an API key."""
    with _serving(demo, tmp_path, "--no-worker", VOCATIVE_API_KEY=API_KEY) as found:
        yield found


@pytest.fixture
def own_site(demo: Demo, tmp_path: Path) -> Iterator[Site]:
    """The same for one test alone, which may change it."""
    with _serving(demo, tmp_path, "--no-worker") as found:
        yield found


@pytest.fixture(scope="module")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same over a workspace without people, which the tests of a file may change."""
    folder = tmp_path_factory.mktemp("empty")
    make_workspace(folder / "made")
    with _serving(Demo("", folder / "made", folder), folder, "--no-worker") as found:
        yield found


@contextmanager
def _serving(demo: Demo, folder: Path, *options: str, **env: str) -> Iterator[Site]:
    """A server over a copy: files that a worker writes to cannot be copied for another one."""
    if not (STATIC / "index.html").exists():
        pytest.skip("the web app is not built: make web")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    workspace = shutil.copytree(demo.workspace, folder / "workspace")
    found = Site(f"http://127.0.0.1:{port}", folder / "log")
    without_key = {name: text for name, text in os.environ.items() if name != "VOCATIVE_API_KEY"}
    with found.log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "vocative", "serve", "--port", str(port), *options],
            cwd=workspace,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**without_key, **env},
        )
        try:
            _wait_for(found, server)
            yield found
        finally:
            server.terminate()
            server.wait(timeout=20)
            print(f"{found.url} printed:\n{found.printed()}")


def _wait_for(site: Site, server: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            with urlopen(f"{site.url}/health", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"vocative serve does not answer: {site.printed()}")


@pytest.fixture(scope="session")
def browser(site: Site) -> Iterator[Any]:
    """Chromium; the catalog's pictures come from the same server."""
    with chromium(f"MAP {PICTURES} {site.url.removeprefix('http://')}") as launched:
        yield launched


@pytest.fixture
def troubles() -> Troubles:
    """What goes wrong while a test looks at pages; nothing may."""
    return Troubles()


@pytest.fixture
def page(
    browser: Any, site: Site, troubles: Troubles, request: pytest.FixtureRequest
) -> Iterator[Any]:
    """A fresh tab at the server; a test fails if its console or its network shows trouble.

    `@pytest.mark.parametrize("page", [{...}], indirect=True)` chooses options of the context.
    """
    options = {"viewport": {"width": 1280, "height": 860}, "locale": "en-GB"}
    context = browser.new_context(base_url=site.url, **{**options, **getattr(request, "param", {})})
    context.set_default_timeout(15_000)
    opened = context.new_page()
    watch(opened, site, troubles)
    yield opened
    context.close()
    if troubles != Troubles():
        print(f"{site.url} printed:\n{site.printed()}")
    assert troubles == Troubles(), troubles


def watch(page: Any, site: Site, troubles: Troubles) -> None:
    """Write down console errors, requests to other hosts, and what the server could not answer."""
    own = (site.url, f"http://{PICTURES}/", "data:", "blob:", "about:")
    page.on("console", lambda said: said.type == "error" and troubles.console.append(said.text))
    page.on("pageerror", lambda error: troubles.console.append(str(error)))
    page.on(
        "response",
        lambda answer: (
            troubles.failures.append(f"{answer.status} {answer.request.method} {answer.url}")
            if answer.status >= 500
            else None
        ),
    )
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(own) else troubles.strangers.append(asked.url),
    )
