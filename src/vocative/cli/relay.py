"""The relay process: carries what the stream in front of the log holds over to the log.

Started by `vocative serve` when the workspace names a stream; it ends when its parent does. What
fails is tried again, later each time.
"""

import logging
import os
import random
import signal
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import FrameType

from vocative.collect.relay import Relay
from vocative.errors import StateError, VocativeError, places
from vocative.streams.inbox import Overtaken
from vocative.streams.outside import Stream
from vocative.workspace import Workspace

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
TELL_SECONDS = 60.0
"""How often to say what was taken in."""

log = logging.getLogger("vocative.relay")


class RelayLoop:
    """Relays until stopped."""

    def __init__(self, workspace: Workspace, stream: Stream, parent: int) -> None:
        self._workspace = workspace
        self._stream = stream
        self._parent = parent
        self._relay = Relay(workspace, stream)
        self._stopped = False
        self._failures = 0
        self._failed_at = 0.0
        self._taken = 0
        self._told_at = time.monotonic()

    def stop(self, _: int, __: FrameType | None) -> None:
        """Finish the step under way, then end."""
        self._stopped = True

    def run(self) -> None:
        """Work until stopped."""
        while self._wanted():
            try:
                with self._turn():
                    log.info("taking in %s", self._stream.name)
                    while self._wanted():
                        self._note(self._relay.step())
            except Overtaken as error:
                log.info("%s; going on from there", error.message)
            except VocativeError as error:
                self._pause(error.message)
            except Exception as error:  # noqa: BLE001
                # A fault of ours. Nothing would be taken in any more without a relay.
                self._pause(f"{type(error).__name__}\n{places(error)}")
        self._relay.leave()

    def _wanted(self) -> bool:
        return not self._stopped and os.getppid() == self._parent

    def _turn(self) -> AbstractContextManager[None]:
        """Alone, unless the stream itself shares its partitions among relays."""
        if "shares" in self._stream.capabilities:
            return nullcontext()
        return self._workspace.worker_lock("relay")

    def _pause(self, why: str) -> None:
        self._failures += 1
        self._failed_at = time.monotonic()
        longest = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2**self._failures)
        # Not the same for all relays: they must not all come back at the same moment.
        seconds = random.uniform(longest / 2, longest)  # noqa: S311 - no secret
        log.warning("%s; trying again in %.1f s", why, seconds)
        until = time.monotonic() + seconds
        while self._wanted() and time.monotonic() < until:
            time.sleep(0.1)

    def _note(self, taken: int) -> None:
        now = time.monotonic()
        self._taken += taken
        # A stream that is away may be silent for a while before it says so.
        if self._failures and (taken or now - self._failed_at > LONGEST_PAUSE_SECONDS):
            log.info("%s answers again", self._stream.name)
            self._failures = 0
        if now - self._told_at > TELL_SECONDS:
            if self._taken:
                log.info("took in %s records", self._taken)
            self._taken, self._told_at = 0, now


def main() -> None:
    """Run on the workspace and for the parent named on the command line."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    with Workspace(Path(sys.argv[1])) as workspace:
        stream = workspace.stream
        if stream is None:
            raise StateError("this workspace has no stream", where="vocative.yaml")
        loop = RelayLoop(workspace, stream, int(sys.argv[2]))
        signal.signal(signal.SIGTERM, loop.stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        loop.run()


if __name__ == "__main__":
    main()
