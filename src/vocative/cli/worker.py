"""The worker process: judges visits, applies what comes in and keeps segments current.

Started by `vocative serve`; it ends when its parent does.
"""

import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from vocative.deliver.feedback import settle
from vocative.errors import VocativeError
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

POLL_SECONDS = 0.5
RECOMPUTE_SECONDS = 15.0

log = logging.getLogger("vocative.worker")


class Worker:
    """Applies the log as it grows; recomputes segments when something changed."""

    def __init__(self, workspace: Workspace, parent: int) -> None:
        self._workspace = workspace
        self._parent = parent
        self._stopped = False
        self._stale = False
        self._recomputed_at = 0.0

    def stop(self, _: int, __: FrameType | None) -> None:
        """Finish the step under way, then end."""
        self._stopped = True

    def run(self) -> None:
        """Work until stopped."""
        while not self._stopped and os.getppid() == self._parent:
            try:
                self._step()
            except VocativeError as error:
                # Nothing of the step was kept; the next one starts where it did.
                log.warning("%s", error.message)
                time.sleep(5)
            time.sleep(POLL_SECONDS)

    def _step(self) -> None:
        settle(self._workspace)
        report = apply_log(self._workspace)
        self._stale = self._stale or report.applied > 0
        if self._stale and time.monotonic() - self._recomputed_at > RECOMPUTE_SECONDS:
            from vocative.segment import recompute

            recompute(self._workspace)
            self._stale, self._recomputed_at = False, time.monotonic()


def main() -> None:
    """Run on the workspace and for the parent named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(10)
    with Workspace(Path(sys.argv[1])) as workspace:
        worker = Worker(workspace, int(sys.argv[2]))
        signal.signal(signal.SIGTERM, worker.stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        worker.run()


if __name__ == "__main__":
    main()
