"""Makes the events of many requests durable at once.

A flush to disk takes as long for a hundred requests as for one. While one transaction commits, in
a thread of its own, others wait and are in the next one together; nobody waits longer than that.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from vocative.collect.door import accept_together
from vocative.collect.tracking.refusals import not_now
from vocative.errors import VocativeError, places
from vocative.workspace import Workspace

MOST_WAITING_BYTES = 64_000_000
MOST_AT_ONCE = 20_000
"""Events of one transaction."""
SLOW_SECONDS = 5.0
"""A commit that takes longer than this has trouble: more must not pile up behind it."""

log = logging.getLogger("vocative.tracking")


@dataclass(frozen=True)
class _Waiting:
    source: str
    events: Sequence[bytes]
    size: int
    done: "asyncio.Future[None]"


class Commits:
    """The one writer of the tracking API."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._thread = ThreadPoolExecutor(1, "commit")
        self._waiting: list[_Waiting] = []
        self._waiting_bytes = 0
        self._began: float | None = None
        """When the commit under way began."""
        self._task: asyncio.Task[None] | None = None

    def refuse_when_full(self) -> None:
        """Raises `Refused` while more would only wait."""
        slow = self._began is not None and time.monotonic() - self._began > SLOW_SECONDS
        if slow or self._waiting_bytes > MOST_WAITING_BYTES:
            raise not_now("more comes in than the disk takes", retry_seconds=5 if slow else 2)

    async def add(self, source: str, events: Sequence[bytes], size: int) -> None:
        """Make events durable; returns when they are.

        Raises:
            Refused: they are not.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(source, events, size, loop.create_future())
        self._waiting.append(waiting)
        self._waiting_bytes += size
        if self._began is None:
            self._began = time.monotonic()
            # Held until it is done: the loop itself keeps no task alive.
            self._task = loop.create_task(self._work())
        await waiting.done

    async def _work(self) -> None:
        """Commit until nobody waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                self._began = time.monotonic()
                taken = self._take()
                failed = await loop.run_in_executor(self._thread, self._commit, taken)
                self._waiting_bytes -= sum(one.size for one in taken)
                for one in taken:
                    if one.done.done():
                        continue  # Its client is gone.
                    if failed:
                        one.done.set_exception(not_now("the event log cannot be written now"))
                    else:
                        one.done.set_result(None)
        finally:
            self._began = None

    def _take(self) -> list[_Waiting]:
        events = 0
        for index, one in enumerate(self._waiting):
            events += len(one.events)
            if events > MOST_AT_ONCE and index:
                taken, self._waiting = self._waiting[:index], self._waiting[index:]
                return taken
        taken, self._waiting = self._waiting, []
        return taken

    def _commit(self, taken: Sequence[_Waiting]) -> bool:
        """Whether it failed."""
        try:
            accept_together(self._workspace, [(one.source, one.events) for one in taken])
        except VocativeError as error:
            log.warning("%s", error)
            return True
        except Exception as error:  # noqa: BLE001 - whoever waits must be answered
            log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`
            return True
        return False
