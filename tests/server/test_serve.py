"""`vocative serve` as it runs: real HTTP, the worker beside it, links from a real mail."""

import json
import mailbox
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path

import pytest

from demo_site import Demo
from vocative.workspace import Workspace

BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"


@dataclass(frozen=True)
class Served:
    """A running server and the workspace it serves."""

    base: str
    workspace: Path

    def get(self, path: str, **headers: str) -> tuple[int, str, str]:
        """(status, body, location)."""
        return self.send("GET", path, **headers)

    def send(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[int, str, str]:
        request = urllib.request.Request(
            self.base + path, data=body, method=method, headers={"User-Agent": BROWSER, **headers}
        )
        try:
            with _OPENER.open(request, timeout=20) as answer:
                return answer.status, answer.read().decode("utf-8", "replace"), ""
        except urllib.error.HTTPError as error:
            text = error.read().decode("utf-8", "replace")
            return error.code, text, error.headers.get("Location") or ""


class _StayHere(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_StayHere())


@pytest.fixture(scope="module")
def served(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "workspace"
    shutil.copytree(demo.workspace, folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "vocative", "serve", "--port", str(port), "-w", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    found = Served(f"http://127.0.0.1:{port}", folder)
    wait_until(lambda: _answers(found), "the server answers")
    yield found
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=30)
    assert "Traceback" not in said, said


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return
        time.sleep(0.3)
    pytest.fail(f"waited {seconds} s: {what}")


def _answers(served: Served) -> bool:
    try:
        return served.get("/health")[0] == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def mail(served: Served) -> dict[str, str]:
    """Links of one delivered mail, as paths."""
    box = mailbox.Maildir(served.workspace / ".vocative" / "outbox", create=False)
    message = next(iter(box))
    html = next(p for p in message.walk() if p.get_content_type() == "text/html")
    body = unescape(html.get_payload(decode=True).decode())
    path = r'"http://localhost:8750(/{}/[^"]+)"'
    return {
        "id": message["Message-ID"].strip("<>").partition("@")[0],
        "open": re.search(path.format("o"), body)[1],
        "click": re.search(path.format("c"), body)[1],
        "view": re.search(path.format("v"), body)[1],
        "unsubscribe": re.search(r"<http://localhost:8750(/u/[^>]+)>", message["List-Unsubscribe"])[
            1
        ],
    }


def events_about(served: Served, message_id: str) -> dict[str, int]:
    with Workspace(served.workspace) as workspace, workspace.engine() as engine:
        rows = engine.rows(
            "SELECT name, count(*) AS n FROM events WHERE message_id = $m GROUP BY name",
            {"m": message_id},
        )
    return {row["name"]: int(row["n"]) for row in rows}


def test_the_web_app_and_the_api_answer(served: Served) -> None:
    assert served.get("/api/overview")[0] == 200
    assert served.get("/")[0] in (200, 503)
    assert served.get("/segments/engaged")[0] in (200, 503)


def test_an_open_and_a_click_become_events(served: Served, mail: dict[str, str]) -> None:
    before = events_about(served, mail["id"])
    assert served.get(mail["open"])[0] == 200
    time.sleep(3.5)  # a person needs a moment before the click
    status, _, location = served.get(mail["click"])
    assert status == 302
    assert location.startswith("https://")

    def counted() -> bool:
        now = events_about(served, mail["id"])
        return all(
            now.get(name, 0) > before.get(name, 0)
            for name in ("Email Opened", "Email Link Clicked")
        )

    wait_until(counted, "the worker has applied the open and the click")


def test_a_forged_link_leads_nowhere(served: Served, mail: dict[str, str]) -> None:
    forged = mail["click"][:-4] + "AAAA"
    status, _, location = served.get(forged)
    assert status in (400, 404)
    assert not location


def test_a_mail_can_be_viewed_in_the_browser(served: Served, mail: dict[str, str]) -> None:
    status, body, _ = served.get(mail["view"])
    assert status == 200
    assert "Fern" in body


def test_looking_at_the_unsubscribe_page_changes_nothing(
    served: Served, mail: dict[str, str]
) -> None:
    def withdrawn() -> int:
        with Workspace(served.workspace) as workspace, workspace.store.read() as tx:
            return int(tx.value("SELECT count(*) FROM suppressions") or 0)

    before = withdrawn()
    assert served.get(mail["unsubscribe"])[0] == 200
    assert served.send("HEAD", mail["unsubscribe"])[0] == 200
    assert withdrawn() == before
    status, _, _ = served.send(
        "POST",
        mail["unsubscribe"],
        b"List-Unsubscribe=One-Click",
        **{"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert status == 200
    assert withdrawn() == before + 1
    with Workspace(served.workspace) as workspace, workspace.store.read() as tx:
        person = tx.value("SELECT person_id FROM messages WHERE message_id = :m", {"m": mail["id"]})
    shown = json.loads(served.get(f"/api/people/{person}")[1])
    assert shown["consents"][0]["status"] == "withdrawn"
    assert shown["suppressed"]
