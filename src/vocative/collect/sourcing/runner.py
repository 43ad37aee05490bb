"""Pulls every source when it is time, each in a thread of its own.

A thread has its own connections to store and log. So a source that is slow, hangs or is dead delays
no other one. Definitions that come, go or change are taken up while it runs.
"""

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from vocative.clock import Clock, to_micros
from vocative.collect.sources._http import Connect, connect
from vocative.collect.sourcing import cursors, runs
from vocative.collect.sourcing.definitions import SourceDefinition, read_source
from vocative.collect.sourcing.opening import fingerprint
from vocative.collect.sourcing.pulling import (
    Choose,
    Outcome,
    Pulled,
    Told,
    expected_streams,
    only,
    pull_source,
)
from vocative.errors import AuthorError, StateError, VocativeError, places
from vocative.workspace import Workspace
from vocative.workspace.definitions import Definition
from vocative.workspace.following import DefinitionThread, DefinitionThreads

LOOK_SECONDS = 1.0
"""How often to look whether something is due, was asked for or has changed."""
PAUSE_SECONDS = 10.0
"""After the store or the log failed."""

log = logging.getLogger("vocative.sources")


def lock_of(source: str) -> str:
    """The name of the lock that whoever pulls a source holds."""
    return f"source-{source}"


def pullable(workspace: Workspace) -> dict[str, SourceDefinition]:
    """The sources that are to be pulled, by name; wrong ones are left out, and told in the log."""
    found = {}
    for name, definition in workspace.definitions("source").items():
        read = _read(name, definition)
        if read is not None and read.can_be_pulled:
            found[name] = read
    return found


def _read(name: str, definition: Definition) -> SourceDefinition | None:
    try:
        return read_source(name, definition)
    except AuthorError as error:
        log.warning("%s; this source is not pulled", error)
        return None


class Runner:
    """Keeps one thread per source.

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
            "source",
            "mapping",
            read=pullable,
            thread=lambda definition: _Puller(root, definition, clock, connect),
        )

    def run(self, wanted: Callable[[], bool]) -> None:
        """Pull until it is not wanted any more."""
        with Workspace(self._root, clock=self._clock) as workspace:
            with workspace.store.transaction() as tx:
                runs.take_up_again(tx)
            while wanted():
                try:
                    self._threads.follow(workspace)
                except VocativeError as error:
                    log.warning("%s; sources go on as they were before", error)
                time.sleep(LOOK_SECONDS)
        self._threads.stop()


class _Puller(DefinitionThread):
    """Pulls one source."""

    def __init__(
        self, root: Path, definition: SourceDefinition, clock: Clock | None, connect: Connect
    ) -> None:
        super().__init__(f"source {definition.name}", definition)
        self._root = root
        self._definition = definition
        self._clock = clock
        self._connect = connect
        self._streams: Sequence[str] = expected_streams(definition)
        """Those it has, as far as that is known."""

    def run(self) -> None:
        """Pull whenever it is time."""
        with Workspace(self._root, clock=self._clock) as workspace:
            while not self._stopped.is_set():
                try:
                    seconds = LOOK_SECONDS if self._turn(workspace) else 0.0
                except VocativeError as error:
                    log.warning("%s: %s", self._definition.name, error.message)
                    seconds = PAUSE_SECONDS
                except Exception as error:  # noqa: BLE001
                    # A fault of ours. Nothing would be pulled any more without the thread.
                    log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`
                    seconds = PAUSE_SECONDS
                self._stopped.wait(seconds)

    def _turn(self, workspace: Workspace) -> bool:
        """Do what there is to do; whether there was nothing."""
        with workspace.store.read() as tx:
            asked = runs.waits(tx, self._definition.name)
        if not asked and not self._due(workspace, self._streams):
            return True
        try:
            with workspace.worker_lock(lock_of(self._definition.name), wait_seconds=0):
                if asked:
                    self._do_run(workspace)
                else:
                    self._pull_due(workspace)
        except StateError:
            return True  # Somebody pulls it by hand.
        return False

    def _do_run(self, workspace: Workspace) -> None:
        name = self._definition.name
        with workspace.store.transaction() as tx:
            run = runs.next_run(tx, name, at=to_micros(workspace.clock.now()))
        if run is None:
            return
        streams: dict[str, Pulled] = {}

        def choose(known: Sequence[str]) -> Sequence[str]:
            chosen = only(run.stream)(known)
            if run.again:
                with workspace.store.transaction() as tx:
                    cursors.restart(tx, name, chosen)
                    runs.note_restarted(tx, run.run)
            return chosen

        def note(pulled: Pulled) -> None:
            streams[pulled.stream] = pulled
            with workspace.store.transaction() as tx:
                runs.note_progress(tx, run.run, [*streams.values()])

        try:
            outcome = self._pull(workspace, choose, told=note)
        except AuthorError as error:  # it has no such stream
            outcome = Outcome(failure=error)
        with workspace.store.transaction() as tx:
            if self._stopped.is_set() and outcome.failure is None:
                runs.take_up_again(tx, run.run)
            else:
                runs.end_run(tx, run.run, outcome, at=to_micros(workspace.clock.now()))

    def _pull_due(self, workspace: Workspace) -> None:
        def choose(known: Sequence[str]) -> Sequence[str]:
            self._streams = known
            return self._due(workspace, known)

        self._pull(workspace, choose)

    def _pull(
        self, workspace: Workspace, choose: Choose, *, told: Told = lambda _: None
    ) -> Outcome:
        return pull_source(
            workspace,
            self._definition,
            choose,
            connect=self._connect,
            wanted=lambda: not self._stopped.is_set(),
            told=told,
        )

    def _due(self, workspace: Workspace, streams: Sequence[str]) -> list[str]:
        """The streams that it is time for; none while the source asked us to wait."""
        now = to_micros(workspace.clock.now())
        try:
            mark = fingerprint(workspace, self._definition)
        except AuthorError:
            mark = ""  # A secret is missing, which is told when it is tried to open the source.
        due = []
        with workspace.store.read() as tx:
            for stream in streams:
                at = cursors.reached(tx, self._definition.name, stream)
                changed = mark not in ("", at.fingerprint)
                if at.next_at <= now or changed:
                    due.append(stream)
                elif at.state == "down":
                    return []
        return due
