"""The process that sends campaigns: begins runs when they are due, and goes on with them.

Started by `vocative serve` when there is a run to send; it ends when its parent does.
"""

import logging
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from vocative.campaign.conducting import Conductor
from vocative.errors import StateError, VocativeError, places
from vocative.workspace import Workspace

LOOK_SECONDS = 1.0
PAUSE_SECONDS = 5.0

log = logging.getLogger("vocative.campaigns")


class ConductorLoop:
    """Conducts while nobody else does."""

    def __init__(self, root: Path, parent: int) -> None:
        self._root = root
        self._parent = parent
        self._stopped = False

    def stop(self, _: int, __: FrameType | None) -> None:
        """Finish the message in flight, then end."""
        self._stopped = True

    def run(self) -> None:
        """Work until stopped."""
        while self._wanted():
            try:
                # A workspace reads its settings once: changed ones need another.
                with (
                    Workspace(self._root) as workspace,
                    # Two servers of one workspace must not plan the same run side by side.
                    workspace.worker_lock("campaigns", wait_seconds=1.0),
                ):
                    self._conduct(workspace)
            except StateError:
                continue
            except VocativeError as error:
                log.warning("%s", error.message)
                time.sleep(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001
                # A fault of ours. No campaign would go on any more.
                log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`
                time.sleep(PAUSE_SECONDS)

    def _conduct(self, workspace: Workspace) -> None:
        settings = _stamp(self._root)
        conductor = Conductor(workspace, lambda: not self._wanted())
        while self._wanted() and _stamp(self._root) == settings:
            if not conductor.turn():
                time.sleep(LOOK_SECONDS)

    def _wanted(self) -> bool:
        return not self._stopped and os.getppid() == self._parent


def _stamp(root: Path) -> int:
    return (root / "vocative.yaml").stat().st_mtime_ns


def main() -> None:
    """Run on the workspace and for the parent named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    os.nice(5)  # Whoever waits for an answer of the server comes first.
    loop = ConductorLoop(Path(sys.argv[1]), int(sys.argv[2]))
    signal.signal(signal.SIGTERM, loop.stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.run()


if __name__ == "__main__":
    main()
