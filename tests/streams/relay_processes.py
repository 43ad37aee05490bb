"""Relays as processes of their own, which can be killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path


class Relays:
    """Relay processes, as `vocative serve` starts them."""

    def __init__(self, root: Path) -> None:
        self._command = [sys.executable, "-m", "vocative.cli.relay", str(root), str(os.getpid())]
        self.running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self.running.append(subprocess.Popen(self._command))

    def kill(self) -> None:
        process = self.running.pop(0)
        process.kill()
        process.wait()

    def end(self) -> None:
        for process in self.running:
            process.terminate()
        # One that has barely begun does not listen yet.
        assert {process.wait(timeout=20) for process in self.running} <= {0, -signal.SIGTERM}
        self.running = []
