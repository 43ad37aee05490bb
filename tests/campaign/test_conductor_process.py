"""The process that sends what is scheduled: killed in the middle, it leaves nothing undone."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from conducted import add_people, numbered, sent, stands, write_shop

from vocative.campaign.steering import schedule
from vocative.clock import SystemClock
from vocative.workspace import Workspace

PEOPLE = 600
NEWS = "news: {template: hello, where: 'true', purpose: service}\n"


@pytest.fixture
def shop(workspace: Workspace) -> Iterator[Workspace]:
    """Six hundred people, on the real clock."""
    write_shop(workspace.root, NEWS)
    with Workspace(workspace.root, clock=SystemClock()) as found:
        add_people(found, numbered(PEOPLE))
        yield found


@contextmanager
def conductor(shop: Workspace) -> Iterator["subprocess.Popen[bytes]"]:
    """The real process, as `vocative serve` starts it."""
    command = [sys.executable, "-m", "vocative.cli.conductor", str(shop.root), str(os.getpid())]
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_killed_conductor_leaves_nothing_undone_and_doubles_nothing(shop: Workspace) -> None:
    schedule(shop, "news")
    with conductor(shop):
        wait_for(lambda: len(sent(shop)) > 0)
    with conductor(shop) as second:
        wait_for(lambda: stands(shop).status == "finished")
        second.terminate()
        assert second.wait(timeout=60) == 0
    # What was in the dead one's hands is looked up in the outbox: nobody is left in doubt.
    assert set(stands(shop).counts) <= {"accepted", "accepted: found_at_channel"}
    outbox = list((shop.root / ".vocative" / "outbox" / "new").iterdir())
    assert len({file.name.partition(".")[0] for file in outbox}) == len(outbox) == PEOPLE


def wait_for(holds: Callable[[], bool]) -> None:
    """Until something is so."""
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end, "it did not come to be so"
        time.sleep(0.02)
