"""A second process on a workspace, for work that takes a core of its own.

It reads what is committed and tells what it found; it writes nothing. Whatever happens to it,
whoever asked it can do the same work alone: a question without an answer is answered by None.
"""

import gc
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future, ProcessPoolExecutor
from pathlib import Path
from typing import Concatenate, Generic, ParamSpec, TypeVar

from vocative.errors import VocativeError, places
from vocative.workspace.workspace import Workspace

WATCH_SECONDS = 1.0
"""How often it looks whether the process that started it is still there."""

P = ParamSpec("P")
T = TypeVar("T")
log = logging.getLogger("vocative.second")


class SecondProcess:
    """The process, as the first one sees it. It runs from `start` to `stop`.

    Args:
        root: The workspace's folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._pool: ProcessPoolExecutor | None = None
        self._begun: Asked[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it runs and has begun to answer."""
        return self._begun is not None and self._begun.done()

    def start(self, prepare: Callable[[Workspace], None]) -> None:
        """Let it run, if it does not; it is ready after a second or so.

        The main module of this process is imported by that one.

        Args:
            prepare: What it does before it is ready.
        """
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(self._root, os.getpid()),
            )
            self._begun = self.ask(prepare)

    def stop(self) -> None:
        """Let it end when it has finished what it does."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = self._begun = None

    def ask(
        self, work: "Callable[Concatenate[Workspace, P], T]", *args: P.args, **kwargs: P.kwargs
    ) -> "Asked[T]":
        """Let it do something, after what it was asked before.

        Args:
            work: A function of a module, called with a workspace of that process. What it raises is
                logged there.
            args: Whatever else it takes; these, and what it returns, can be pickled.
            kwargs: The same by name.
        """
        future: Future[T | None] = Future()
        if self._pool is not None:
            try:
                future = self._pool.submit(_answer, work, args, kwargs)
            except BrokenExecutor:
                self._ended()
                future.set_result(None)
        else:
            future.set_result(None)
        return Asked(future, self._ended)

    def _ended(self) -> None:
        if self._pool is not None:
            log.warning("the second process ended; the first one goes on alone")
            self.stop()


class Asked(Generic[T]):
    """A question under way."""

    def __init__(self, future: "Future[T | None]", ended: Callable[[], None]) -> None:
        self._future = future
        self._ended = ended

    def done(self) -> bool:
        """Whether `result` would not have to wait."""
        return self._future.done()

    def cancel(self) -> None:
        """The answer is not wanted any more."""
        self._future.cancel()

    def result(self) -> T | None:
        """The answer; None when there is none, because something failed or it was cancelled."""
        try:
            return self._future.result()
        except CancelledError:
            return None
        except BrokenExecutor:
            self._ended()
            return None


# In that process

_workspace: Workspace | None = None


def _begin(root: Path, parent: int) -> None:
    global _workspace  # noqa: PLW0603 - what a pool's process keeps is in its module
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    gc.disable()  # see `_answer`
    _workspace = Workspace(root)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def _answer(
    work: Callable[..., T], args: Sequence[object], named: Mapping[str, object]
) -> T | None:
    try:
        return work(_workspace, *args, **named)
    except VocativeError as error:
        log.warning("%s", error.message)
    except Exception as error:  # noqa: BLE001 - whoever asked does it alone, and tells its own fault
        log.error("%s\n%s", type(error).__name__, places(error))  # noqa: TRY400 - see `places`
    finally:
        # Once per question, when there is least to look through.
        gc.collect()
    return None
