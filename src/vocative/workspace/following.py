"""A thread for each definition of a folder, as long as it is there and stays as it is."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from vocative.workspace.definitions import Definition, definitions_stamp
from vocative.workspace.workspace import Workspace

STOP_SECONDS = 2.0
"""How long threads may take to end what they do; what they leave undone is done again later."""


class Read(Protocol):
    """A definition that was read."""

    @property
    def definition(self) -> Definition:
        """As it is written."""


D = TypeVar("D", bound=Read)


class DefinitionThread(threading.Thread):
    """What is done for one definition.

    Args:
        name: For the log.
        definition: What it follows.
    """

    def __init__(self, name: str, definition: Read) -> None:
        # It may hang in a request; the process must be able to end all the same.
        super().__init__(name=name, daemon=True)
        self.body = definition.definition.body
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End after what is under way."""
        self._stopped.set()


class DefinitionThreads(Generic[D]):
    """The threads of one kind of definition.

    Args:
        kinds: The kinds of definitions whose change may matter.
        read: The definitions that can be followed, by name.
        thread: Makes the thread of one; it is started here.
    """

    def __init__(
        self,
        *kinds: str,
        read: Callable[[Workspace], Mapping[str, D]],
        thread: Callable[[D], DefinitionThread],
    ) -> None:
        self._kinds = kinds
        self._read = read
        self._thread = thread
        self._threads: dict[str, DefinitionThread] = {}
        self._leaving: list[DefinitionThread] = []
        self._stamp: object = None

    def follow(self, workspace: Workspace) -> None:
        """Follow the folder: a definition that changed gets a new thread.

        Raises:
            VocativeError: the folder cannot be read; everything stays as it was.
        """
        stamp = definitions_stamp(workspace.root, *self._kinds)
        if stamp == self._stamp:
            return
        found = self._read(workspace)
        self._stamp = stamp
        for name, thread in list(self._threads.items()):
            if name not in found or found[name].definition.body != thread.body:
                thread.stop()
                self._leaving.append(self._threads.pop(name))
        self._leaving = [thread for thread in self._leaving if thread.is_alive()]
        for name, definition in found.items():
            if name not in self._threads:
                self._threads[name] = self._thread(definition)
                self._threads[name].start()

    def stop(self) -> None:
        """End all of them, or leave them behind when they take too long."""
        threads = [*self._threads.values(), *self._leaving]
        for thread in threads:
            thread.stop()
        until = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
