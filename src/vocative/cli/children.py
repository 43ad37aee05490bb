"""The processes beside `vocative serve`: started with it, again when one dies, ended with it."""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

RESTART_SECONDS = 2.0
"""How long one that died stays away, so that a lasting fault does not use up the machine."""
STOP_SECONDS = 20.0

log = logging.getLogger("vocative.serve")


class Children:
    """Modules of `vocative.cli` that run as processes of their own on one workspace.

    Args:
        root: The workspace's folder.
        names: Says which are wanted now; one that was started stays.
    """

    def __init__(self, root: Path, names: Callable[[], Sequence[str]]) -> None:
        self._root = root
        self._names = names
        self._processes = {name: self._started(name) for name in names()}
        self._stopping = threading.Event()
        self._watch = threading.Thread(target=self._look, name="children", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """End all of them, those that do not listen by force."""
        self._stopping.set()
        self._watch.join()
        for process in self._processes.values():
            process.terminate()
        for name, process in self._processes.items():
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                log.warning("the %s did not end and was killed; nothing is lost by it", name)
                process.kill()
                process.wait()

    def _look(self) -> None:
        while not self._stopping.wait(RESTART_SECONDS):
            for name, process in self._processes.items():
                if process.poll() is not None:
                    log.warning("the %s ended with %s; starting it again", name, process.returncode)
                    self._processes[name] = self._started(name)
            for name in self._names():
                if name not in self._processes:
                    self._processes[name] = self._started(name)

    def _started(self, name: str) -> "subprocess.Popen[bytes]":
        module = f"vocative.cli.{name}"
        command = [sys.executable, "-m", module, str(self._root), str(os.getpid())]
        return subprocess.Popen(command)  # noqa: S603 - our own modules
