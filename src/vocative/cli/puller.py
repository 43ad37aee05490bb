"""The process that pulls sources, each in a thread of its own.

Started by `vocative serve` when there are sources to be pulled; it ends when its parent does.
"""

import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from vocative.collect.sourcing.runner import Runner
from vocative.errors import StateError, VocativeError, places
from vocative.workspace import Workspace

PAUSE_SECONDS = 5.0

log = logging.getLogger("vocative.sources")


class PullerLoop:
    """Runs the runner while nobody else does."""

    def __init__(self, root: Path, parent: int) -> None:
        self._root = root
        self._parent = parent
        self._stopped = False

    def stop(self, _: int, __: FrameType | None) -> None:
        """Finish the pages under way, then end."""
        self._stopped = True

    def run(self) -> None:
        """Work until stopped."""
        with Workspace(self._root) as workspace:
            while self._wanted():
                try:
                    # Two servers of one workspace must not pull everything twice.
                    with workspace.worker_lock("sources", wait_seconds=1.0):
                        Runner(self._root).run(self._wanted)
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


def main() -> None:
    """Run on the workspace and for the parent named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    # They tell every address that is asked, which can hold personal data.
    for chatty in ("httpx2", "httpcore2", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    os.nice(5)  # Whoever waits for an answer of the server comes first.
    loop = PullerLoop(Path(sys.argv[1]), int(sys.argv[2]))
    signal.signal(signal.SIGTERM, loop.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.run()
    logging.shutdown()
    # Threads that hang in a request are not waited for: what they leave is pulled again.
    os._exit(0)


if __name__ == "__main__":
    main()
