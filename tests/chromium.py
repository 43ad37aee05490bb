"""A real Chromium for tests, and hosts with pages for it."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

NOWHERE_ELSE = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
"""So that no page finds a host but this machine."""
AXE = Path(__file__).parents[1] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@contextmanager
def chromium(hosts: str = NOWHERE_ELSE) -> Iterator[Any]:
    """A browser; without Chromium the test is skipped.

    Args:
        hosts: Where it finds them, as `--host-resolver-rules` has it.
    """
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    path = next(found, None)
    if path is None:
        pytest.skip("there is no chromium: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", f"--host-resolver-rules={hosts}"]
        )
        yield launched
        launched.close()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def host_of(folder: Path, name: str = "127.0.0.1") -> Iterator[str]:
    """The address of a host that has the pages of a folder.

    Args:
        folder: What it has.
        name: What a browser calls it: another name is another site.
    """
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=str(folder)))
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield f"http://{name}:{site.server_address[1]}"
    site.shutdown()
    thread.join()
    site.server_close()
