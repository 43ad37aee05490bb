"""The process that pulls sources, each in a thread of its own.

Started by `vocative serve` when there are sources to be pulled; it ends when its parent does.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Protocol

from vocative.collect.sourcing.runner import Runner
from vocative.errors import StateError, VocativeError, places
from vocative.workspace import Workspace

PAUSE_SECONDS = 5.0

log = logging.getLogger("vocative.sources")


class Running(Protocol):
    """Does a job until it is not wanted any more."""

    def run(self, wanted: Callable[[], bool]) -> None:
        """Do it."""
        ...


class PullerLoop:
    """Runs a runner while nobody else does.

    Args:
        root: The workspace's folder.
        parent: The process without which it ends.
        job: The name of the lock.
        runner: Makes the runner for a workspace's folder.
    """

    def __init__(
        self,
        root: Path,
        parent: int,
        job: str = "sources",
        runner: Callable[[Path], Running] = Runner,
    ) -> None:
        self._root = root
        self._parent = parent
        self._job = job
        self._runner = runner
        self._stopped = False

    def stop(self, _: int, __: FrameType | None) -> None:
        """Finish the pages under way, then end."""
        self._stopped = True

    def run(self) -> None:
        """Work until stopped."""
        with Workspace(self._root) as workspace:
            while self._wanted():
                try:
                    # Two servers of one workspace must not do everything twice.
                    with workspace.worker_lock(self._job, wait_seconds=1.0):
                        self._runner(self._root).run(self._wanted)
                except StateError:
                    continue
                except VocativeError as error:
                    log.warning("%s", error.message)
                    time.sleep(PAUSE_SECONDS)
                except Exception as error:  # noqa: BLE001
                    # A fault of ours. Nothing would be pulled any more.
                    log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`
                    time.sleep(PAUSE_SECONDS)

    def _wanted(self) -> bool:
        return not self._stopped and os.getppid() == self._parent


def main(job: str = "sources", runner: Callable[[Path], Running] = Runner) -> None:
    """Run on the workspace and for the parent named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # They tell every address that is asked, which can hold personal data.
    for chatty in ("httpx2", "httpcore2", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    os.nice(5)  # Whoever waits for an answer of the server comes first.
    loop = PullerLoop(Path(sys.argv[1]), int(sys.argv[2]), job, runner)
    signal.signal(signal.SIGTERM, loop.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.run()
    logging.shutdown()
    # Threads that hang in a request are not waited for: what they leave is pulled again.
    os._exit(0)


if __name__ == "__main__":
    main()
