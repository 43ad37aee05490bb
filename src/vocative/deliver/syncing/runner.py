"""Syncs every destination when it is time, each in a thread of its own.

A thread has its own connection to the store. So a destination that is slow, hangs or is dead delays
no other one. Definitions that come, go or change are taken up while it runs.
"""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from vocative.clock import Clock, to_micros
from vocative.collect.sources._http import connect
from vocative.deliver.destinations.base import Connect
from vocative.deliver.syncing import states
from vocative.deliver.syncing.definitions import (
    DestinationDefinition,
    check_names,
    read_destination,
)
from vocative.deliver.syncing.opening import fingerprint
from vocative.deliver.syncing.syncing import lock_of, sync_destination
from vocative.errors import AuthorError, StateError, VocativeError, places
from vocative.workspace import Workspace
from vocative.workspace.definitions import definitions_stamp

LOOK_SECONDS = 1.0
"""How often to look whether something is due, was asked for or has changed."""
PAUSE_SECONDS = 10.0
"""After the store failed."""
STOP_SECONDS = 2.0
"""How long threads may take to end their batch. What they leave in doubt is told again."""

log = logging.getLogger("vocative.destinations")


def usable_destinations(workspace: Workspace) -> dict[str, DestinationDefinition]:
    """The destinations by name; wrong ones are left out, and told in the log."""
    found = {}
    for name, definition in workspace.definitions("destination").items():
        try:
            found[name] = read_destination(name, definition)
            check_names(workspace, found[name])
        except AuthorError as error:
            log.warning("%s; this destination is told nothing", error)
            found.pop(name, None)
    return found


class Runner:
    """Keeps one thread per destination.

    Args:
        root: The workspace's folder.
        clock: The workspace's clock.
        connect: Opens the HTTP client.
    """

    def __init__(
        self, root: Path, *, clock: Clock | None = None, connect: Connect = connect
    ) -> None:
        self._root = root
        self._clock = clock
        self._connect = connect
        self._threads: dict[str, _Syncer] = {}
        self._leaving: list[_Syncer] = []
        self._stamp: object = None

    def run(self, wanted: Callable[[], bool]) -> None:
        """Sync until it is not wanted any more."""
        with Workspace(self._root, clock=self._clock) as workspace:
            while wanted():
                try:
                    self._take_up(workspace)
                except VocativeError as error:
                    log.warning("%s; destinations go on as they were before", error)
                time.sleep(LOOK_SECONDS)
        self._stop()

    def _take_up(self, workspace: Workspace) -> None:
        """Follow the folder: a definition that changed gets a new thread."""
        stamp = definitions_stamp(self._root, "destination", "segment", "model")
        if stamp == self._stamp:
            return
        found = usable_destinations(workspace)
        self._stamp = stamp
        for name, thread in list(self._threads.items()):
            if name not in found or found[name].definition.body != thread.body:
                thread.stop()
                self._leaving.append(self._threads.pop(name))
        self._leaving = [thread for thread in self._leaving if thread.is_alive()]
        for name, definition in found.items():
            if name not in self._threads:
                self._threads[name] = _Syncer(self._root, definition, self._clock, self._connect)
                self._threads[name].start()

    def _stop(self) -> None:
        threads = [*self._threads.values(), *self._leaving]
        for thread in threads:
            thread.stop()
        until = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


class _Syncer(threading.Thread):
    """Syncs one destination."""

    def __init__(
        self, root: Path, definition: DestinationDefinition, clock: Clock | None, connect: Connect
    ) -> None:
        # It may hang in a request; the process must be able to end all the same.
        super().__init__(name=f"destination {definition.name}", daemon=True)
        self.body = definition.definition.body
        self._root = root
        self._definition = definition
        self._clock = clock
        self._connect = connect
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End after the batch under way."""
        self._stopped.set()

    def run(self) -> None:
        """Sync whenever it is time."""
        name = self._definition.name
        with Workspace(self._root, clock=self._clock) as workspace:
            while not self._stopped.is_set():
                seconds = LOOK_SECONDS
                try:
                    if self._due(workspace):
                        self._sync(workspace)
                except StateError:
                    pass  # Somebody syncs it by hand.
                except VocativeError as error:
                    log.warning("%s: %s", name, error.message)
                except Exception as error:  # noqa: BLE001
                    # A fault of ours. Nothing would be told any more without the thread.
                    log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`
                    seconds = PAUSE_SECONDS
                self._stopped.wait(seconds)

    def _sync(self, workspace: Workspace) -> None:
        with workspace.worker_lock(lock_of(self._definition.name), wait_seconds=0):
            sync_destination(
                workspace,
                self._definition,
                connect=self._connect,
                wanted=lambda: not self._stopped.is_set(),
            )

    def _due(self, workspace: Workspace) -> bool:
        with workspace.store.read() as tx:
            state = states.state_of(tx, self._definition.name)
        if state.next_at <= to_micros(workspace.clock.now()):
            return True
        try:
            return fingerprint(workspace, self._definition) != state.fingerprint
        except AuthorError:
            return False  # A secret is missing; it is told when the time has come.
