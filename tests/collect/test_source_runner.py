"""The runner: every source in its own time, whatever another one does."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from asked_shop import QUICK, Shop, define, orders_of
from tracked import Server

from scripted_server import ScriptedServer, Told, scripted_server
from vocative.cli import puller
from vocative.clock import SystemClock
from vocative.collect.sourcing import cursors
from vocative.collect.sourcing import runner as module
from vocative.collect.sourcing.cursors import StreamState
from vocative.collect.sourcing.listing import show_source
from vocative.collect.sourcing.runner import Runner, lock_of, pullable
from vocative.collect.sourcing.runs import PullRun, ask_for_pull, show_run
from vocative.errors import AuthorError, UnknownName
from vocative.workspace import Workspace


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)


@pytest.fixture
def now_here(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace, by the clock of this machine."""
    with Workspace(workspace.root) as opened:
        yield opened


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    for number in range(1, 11):
        made.sell(number)
    return made


@pytest.fixture
def server(shop: Shop) -> Iterator[ScriptedServer]:
    with scripted_server(shop.answer) as running:
        yield running


@contextmanager
def running(workspace: Workspace) -> Iterator[None]:
    """A runner in this process."""
    stopped = threading.Event()
    runner = Runner(workspace.root, clock=SystemClock(), connect=QUICK)
    thread = threading.Thread(target=runner.run, args=(lambda: not stopped.is_set(),))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join(timeout=20)
        assert not thread.is_alive()


def stream(workspace: Workspace, name: str = "shop") -> StreamState | None:
    streams = show_source(workspace, name).streams
    return streams[0] if streams else None


def wait_until(true: Callable[[], Any], seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def test_a_source_that_hangs_delays_no_other(now_here: Workspace, server: ScriptedServer) -> None:
    with scripted_server(lambda _: Told(hang_seconds=60)) as dead:
        define(now_here.root, "dead", dead.url)
        define(now_here.root, "shop", server.url)
        with running(now_here):
            wait_until(lambda: (found := stream(now_here)) and found.pulled_at)
            wait_until(lambda: (found := stream(now_here, "dead")) and found.state == "down")
        assert orders_of(now_here) == [str(n) for n in range(1, 11)]


def test_it_is_asked_again_when_its_time_has_come(
    now_here: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    define(now_here.root, "shop", server.url, every="1s")
    with running(now_here):
        wait_until(lambda: len(server.asked) >= 4)
        shop.sell(11, day=2)
        wait_until(lambda: stream(now_here).events >= 22)  # type: ignore[union-attr]
    assert orders_of(now_here) == [str(n) for n in range(1, 12)]
    assert 4 <= len(server.asked) <= 8


def test_one_that_asks_us_to_wait_is_left_alone(
    now_here: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    shop.trouble = lambda _: Told(429, headers={"Retry-After": "100"})
    define(now_here.root, "shop", server.url, every="1s")
    with running(now_here):
        wait_until(lambda: (found := stream(now_here)) and found.state == "down")
        time.sleep(0.3)
        assert len(server.asked) == 1


def test_one_that_refuses_us_waits_until_its_secret_changes(
    now_here: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    shop.trouble = lambda asked: (
        None if asked.headers["authorization"] == "Bearer right" else Told(401)
    )
    define(now_here.root, "shop", server.url, every="1s")
    with running(now_here):
        wait_until(lambda: (found := stream(now_here)) and found.state == "refused")
        time.sleep(0.3)
        assert len(server.asked) == 1
        (now_here.root / "secret.txt").write_text("right")
        wait_until(lambda: (found := stream(now_here)) and found.pulled_at)


def test_definitions_come_change_and_go_while_it_runs(
    now_here: Workspace, server: ScriptedServer, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    with running(now_here):
        time.sleep(0.1)
        define(now_here.root, "shop", server.url)
        wait_until(lambda: (found := stream(now_here)) and found.pulled_at)
        before = len(server.asked)
        define(now_here.root, "shop", server.url, describe="the same, looked at anew")
        wait_until(lambda: len(server.asked) > before)
        (now_here.root / "sources" / "wrong.yaml").write_text("kind: rest\n")
        wait_until(lambda: "sources/wrong.yaml" in caplog.text)
        shop.sell(11, day=2)
        define(now_here.root, "other", server.url)
        wait_until(lambda: (found := stream(now_here, "other")) and found.pulled_at)
        (now_here.root / "sources" / "shop.yaml").unlink()
    assert len(orders_of(now_here, "other")) == 11


def test_a_pull_that_was_asked_for_is_done(
    now_here: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    define(now_here.root, "shop", server.url)
    first = ask_for_pull(now_here, "shop")
    assert first.state == "waiting"
    assert ask_for_pull(now_here, "shop").run == first.run
    again = ask_for_pull(now_here, "shop", stream="orders", again=True)
    wrong = ask_for_pull(now_here, "shop", stream="carts")
    with running(now_here):
        for run in (first, again, wrong):
            wait_until(lambda run=run: show_run(now_here, run.run).finished_at)  # type: ignore[misc]
        done = show_run(now_here, again.run)
        assert (done.state, done.pages, done.events, done.error) == ("done", 4, 20, None)
        failed = show_run(now_here, wrong.run)
        assert (failed.state, failed.events) == ("failed", 0)
        assert "unknown stream 'carts'" in (failed.error or "")
    assert orders_of(now_here) == [str(n) for n in range(1, 11)]


def test_a_run_that_was_cut_off_goes_on_and_does_not_begin_again(
    now_here: Workspace, server: ScriptedServer
) -> None:
    define(now_here.root, "shop", server.url)
    run = ask_for_pull(now_here, "shop", again=True)
    with now_here.store.transaction() as tx:
        # As a killed process leaves it, two pages on.
        tx.run("UPDATE source_runs SET state = 'running', again = 0")
        tx.run(
            "INSERT INTO source_cursors (source, stream, cursor, state, fingerprint, failures,"
            " events, items, rejected) VALUES ('shop', 'orders', '{\"next\":\"6\"}', 'pulling', '',"
            " 0, 6, 0, '{}')"
        )
    with running(now_here):
        wait_until(lambda: show_run(now_here, run.run).finished_at)
    assert server.asked[0].query["after"] == "6"
    assert show_run(now_here, run.run).state == "done"


def test_a_run_that_fails_says_why(now_here: Workspace, server: ScriptedServer, shop: Shop) -> None:
    shop.trouble = lambda asked: (
        Told(400, json={"message": "no"}) if "after" in asked.query else None
    )
    define(now_here.root, "shop", server.url)
    run = ask_for_pull(now_here, "shop")
    with running(now_here):
        wait_until(lambda: show_run(now_here, run.run).finished_at)
    found = show_run(now_here, run.run)
    assert (found.state, found.pages, found.events) == ("failed", 1, 6)
    assert found.error == "the source answered 400 Bad Request: no"


@pytest.mark.postgres
def test_cursors_and_runs_are_kept_in_postgresql(
    now_here: Workspace, server: ScriptedServer, shop: Shop, postgres_url: str
) -> None:
    settings = now_here.root / "vocative.yaml"
    settings.write_text(f"{settings.read_text()}store: {postgres_url}\n")
    define(now_here.root, "shop", server.url)
    with Workspace(now_here.root) as workspace:
        shop.orders[3]["at"] = "yesterday"
        shop.trouble = lambda asked: Told(500) if "after" in asked.query else None
        run = ask_for_pull(workspace, "shop", again=True)
        assert ask_for_pull(workspace, "shop", again=True).run == run.run
        with running(workspace):
            wait_until(lambda: show_run(workspace, run.run).finished_at)
            assert show_run(workspace, run.run).state == "failed"
            shop.trouble = lambda _: None
            again = ask_for_pull(workspace, "shop")
            wait_until(lambda: show_run(workspace, again.run).finished_at)
        assert show_run(workspace, again.run).state == "done"
        with workspace.store.transaction() as tx:
            cursors.note_received(tx, "shop", at=1, events=2, items=3, rejected={"x": 1})
            cursors.note_received(tx, "shop", at=2, events=2, items=3, rejected={"x": 1})
        orders, hook = show_source(workspace, "shop").streams
        assert (orders.state, orders.events, len(orders.rejected)) == ("waiting", 18, 1)
        assert (hook.stream, hook.events, hook.items, hook.rejected) == ("webhook", 4, 6, {"x": 2})
        assert len(orders_of(workspace)) == 9


def test_what_cannot_be_asked_for(now_here: Workspace, server: ScriptedServer) -> None:
    from vocative.collect.sourcing.starters import new_source

    new_source(now_here, "web")
    with pytest.raises(AuthorError, match="cannot be pulled"):
        ask_for_pull(now_here, "web")
    with pytest.raises(UnknownName):
        ask_for_pull(now_here, "nobody")
    with pytest.raises(UnknownName):
        show_run(now_here, "r1")
    assert pullable(now_here) == {}


def test_whoever_pulls_by_hand_is_not_disturbed(
    now_here: Workspace, server: ScriptedServer
) -> None:
    define(now_here.root, "shop", server.url)
    with running(now_here):
        with now_here.worker_lock(lock_of("shop"), wait_seconds=20):
            before = len(server.asked)
            run = ask_for_pull(now_here, "shop")
            time.sleep(0.2)
            assert len(server.asked) == before
        wait_until(lambda: show_run(now_here, run.run).finished_at)


def asked_over_http(url: str, body: bytes | None = None) -> tuple[int, Any]:
    request = Request(url, body, {"content-type": "application/json"})
    with urlopen(request, timeout=20) as answer:
        return answer.status, json.loads(answer.read())


def test_a_server_pulls_what_it_is_asked_for(
    workspace: Workspace, server: ScriptedServer, shop: Shop
) -> None:
    """The whole of it: a source that is defined while `vocative serve` runs, and a scheduler."""
    site = ServerThatPulls(workspace.root)
    site.start()
    try:
        define(workspace.root, "shop", server.url, every="1h")
        status, asked = asked_over_http(f"{site.url}/api/sources/shop/pull", b"{}")
        assert (status, asked["state"]) == (202, "waiting")

        def found() -> PullRun:
            _, told = asked_over_http(f"{site.url}/api/source-runs/{asked['run']}")
            return told["state"] == "done"  # type: ignore[no-any-return]

        wait_until(found, 60)
        _, listed = asked_over_http(f"{site.url}/api/sources/shop")
        assert listed["streams"][0]["events"] >= 20
        wait_until(lambda: asked_over_http(f"{site.url}/api/sources/shop")[1]["applied"] == 20, 60)
    finally:
        site.stop()
    assert "Traceback" not in site.printed()
    assert "c1@example.com" not in site.printed()
    assert orders_of(workspace) == [str(n) for n in range(1, 11)]


class ServerThatPulls(Server):
    """With its worker and its puller."""

    def start(self) -> None:
        command = [sys.executable, "-m", "vocative", "serve", "-w", str(self.root)]
        with (self.root / "serve.log").open("ab") as out:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port)], stdout=out, stderr=out, env={**os.environ}
            )
        wait_until(self._answers, 60)

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/health", timeout=2):
                return True
        except OSError:
            return False


def test_the_process_ends_with_its_parent_even_while_a_source_hangs(workspace: Workspace) -> None:
    with scripted_server(lambda _: Told(hang_seconds=60)) as dead:
        define(workspace.root, "dead", dead.url)
        command = [sys.executable, "-m", "vocative.cli.puller", str(workspace.root)]
        process = subprocess.Popen([*command, str(os.getpid())], stderr=subprocess.PIPE, text=True)
        wait_until(lambda: dead.asked, 60)
        process.terminate()
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in said
        assert "http" not in said  # no address of a request


def test_two_servers_do_not_pull_twice(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(workspace.root, "shop", server.url)
    loop = puller.PullerLoop(workspace.root, os.getppid())
    thread = threading.Thread(target=loop.run)
    with workspace.worker_lock("sources"):
        thread.start()
        time.sleep(0.5)
        assert server.asked == []
    wait_until(lambda: server.asked)
    loop.stop(15, None)
    thread.join(timeout=20)
    assert not thread.is_alive()


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(AuthorError):
        Runner(tmp_path).run(lambda: False)
