"""The worker's part: journeys go on while it does other things, in two threads of their own."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from vocative.campaign.journeys.handing import hand_over
from vocative.campaign.journeys.runner import JourneyRunner
from vocative.errors import VocativeError, places
from vocative.workspace import Workspace

TURN_SECONDS = 1.0
"""How long one look takes at most before others may have the lock."""

log = logging.getLogger("vocative.journeys")


class Journeys:
    """A look every time it is asked: at whom time or an event takes on, and at what is to be sent.

    A mail server may take its time: what leaves is in a thread apart, so that timers keep theirs.
    """

    def __init__(self, workspace: Workspace, stop: Callable[[], bool]) -> None:
        self._runner = JourneyRunner(workspace)
        self._workspace = workspace
        self._stop = stop
        self._threads = ThreadPoolExecutor(2, "journeys")
        self._under_way: dict[str, Future[Any]] = {}
        self._broken: dict[str, str] = {}

    def look(self) -> None:
        """Begin what is not under way."""
        self._begin("stepping", self._step)
        self._begin("handing over", self._hand_over)

    def close(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()

    def _begin(self, name: str, work: Callable[[], None]) -> None:
        before = self._under_way.get(name)
        if before is None or before.done():
            self._under_way[name] = self._threads.submit(self._guarded, name, work)

    def _guarded(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except VocativeError as error:
            log.warning("%s waits: %s", name, error.message)
        except Exception as error:  # noqa: BLE001 - it is tried again, and nobody else stops
            log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`

    def _step(self) -> None:
        until = time.monotonic() + TURN_SECONDS
        while not self._stop() and time.monotonic() < until and self._runner.turn():
            pass
        broken = self._runner.report.broken
        for journey in broken.keys() - self._broken.keys():
            log.warning("the journey %s stands still: %s", journey, broken[journey])
        self._broken = dict(broken)

    def _hand_over(self) -> None:
        hand_over(self._workspace, stop=self._stop)
