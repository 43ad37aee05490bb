"""The relay goes on by itself when what failed is back, and so do the processes beside `serve`."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

import pytest

from vocative.cli import children, relay
from vocative.cli.relay import RelayLoop
from vocative.collect.door import accept
from vocative.testing.memory_stream import MemoryStream, MemoryTopic
from vocative.workspace import Workspace


def wait_until(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not done():
        assert time.monotonic() < until
        time.sleep(0.02)


def event(number: int) -> dict[str, object]:
    return {"messageId": f"m{number}", "type": "track", "event": "Seen", "userId": "p"}


def test_the_loop_waits_for_a_stream_that_is_away_and_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "FIRST_PAUSE_SECONDS", 0.02)
    caplog.set_level(logging.INFO, "vocative.relay")
    topic = MemoryTopic()
    stream = MemoryStream(topic)
    workspace.__dict__["stream"] = stream
    accept(workspace, [event(1)], source="shop")
    topic.down = True
    loop = RelayLoop(workspace, stream, os.getppid())
    thread = threading.Thread(target=loop.run)
    thread.start()
    wait_until(lambda: caplog.text.count("trying again") >= 3)
    assert workspace.log.waiting(0) == 0
    topic.down = False
    wait_until(lambda: workspace.log.waiting(0) == 1)
    loop.stop(signal.SIGTERM, None)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert "the stream in memory is down; trying again in" in caplog.text
    assert "memory answers again" in caplog.text


def test_a_fault_of_our_own_does_not_end_the_loop(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "FIRST_PAUSE_SECONDS", 0.02)
    stream = MemoryStream(MemoryTopic())
    loop = RelayLoop(workspace, stream, os.getppid())

    private = "jane@example.com"

    def wrong(*_: object, **__: object) -> None:
        raise ValueError(private)

    with monkeypatch.context() as patch:
        patch.setattr(stream, "subscribe", wrong)
        thread = threading.Thread(target=loop.run)
        thread.start()
        wait_until(lambda: caplog.text.count("trying again") >= 2)
    workspace.__dict__["stream"] = stream
    accept(workspace, [event(1)], source="shop")
    wait_until(lambda: workspace.log.waiting(0) == 1)
    loop.stop(signal.SIGTERM, None)
    thread.join(timeout=20)
    assert "ValueError" in caplog.text
    assert private not in caplog.text


def test_a_process_that_dies_is_started_again_and_all_end_together(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "RESTART_SECONDS", 0.1)
    beside = children.Children(workspace.root, lambda: ["worker"])
    first = beside._processes["worker"]
    first.kill()
    wait_until(lambda: beside._processes["worker"] is not first)
    second = beside._processes["worker"]
    assert second.poll() is None
    beside.stop()
    assert second.poll() is not None
