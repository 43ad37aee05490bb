"""Syncs every destination when it is time, each in a thread of its own.

A thread has its own connection to the store. So a destination that is slow, hangs or is dead delays
no other one. Definitions that come, go or change are taken up while it runs.
"""

import logging
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
from vocative.workspace.following import DefinitionThread, DefinitionThreads

LOOK_SECONDS = 1.0
"""How often to look whether something is due, was asked for or has changed."""
PAUSE_SECONDS = 10.0
"""After the store failed."""

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
        self._threads = DefinitionThreads(
            "destination",
            "segment",
            "model",
            read=usable_destinations,
            thread=lambda definition: _Syncer(root, definition, clock, connect),
        )

    def run(self, wanted: Callable[[], bool]) -> None:
        """Sync until it is not wanted any more."""
        with Workspace(self._root, clock=self._clock) as workspace:
            while wanted():
                try:
                    self._threads.follow(workspace)
                except VocativeError as error:
                    log.warning("%s; destinations go on as they were before", error)
                time.sleep(LOOK_SECONDS)
        self._threads.stop()


class _Syncer(DefinitionThread):
    """Syncs one destination."""

    def __init__(
        self, root: Path, definition: DestinationDefinition, clock: Clock | None, connect: Connect
    ) -> None:
        super().__init__(f"destination {definition.name}", definition)
        self._root = root
        self._definition = definition
        self._clock = clock
        self._connect = connect

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
