"""A PostgreSQL server of a test's own, which it may stop, freeze and kill."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


class PrivatePostgres:
    """A running server; `url` names its only database."""

    def __init__(self) -> None:
        found = sorted(
            Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: float(one.parts[-2])
        )
        on_path = shutil.which("initdb")
        if not found and on_path is None:
            pytest.skip("no PostgreSQL server is installed: there is no initdb")
        self._bin = found[-1] if found else Path(on_path or "").parent
        # pytest's own folders are closed to the user that the server runs as.
        self._folder = Path(tempfile.mkdtemp(prefix="vocative-postgres-"))
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres")
        self._data = self._folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._run("initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale")
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = (
            f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories="
            " -c fsync=off"
        )
        self._run("pg_ctl", "-w", "-s", "-l", str(self._folder / "log"), "-o", options, "start")

    def kill(self) -> None:
        """End every process of it at once."""
        processes = self._signal(signal.SIGKILL)
        while any(_lives(process) for process in processes):
            time.sleep(0.01)
        # A process that nobody has asked about yet counts as one that runs.
        (self._data / "postmaster.pid").unlink()

    def freeze(self) -> None:
        """It takes connections still, and says nothing more."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def remove(self) -> None:
        """End it and delete its files."""
        if (self._data / "postmaster.pid").exists():
            self.thaw()
            self._run("pg_ctl", "-s", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _signal(self, which: signal.Signals) -> list[int]:
        first = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        processes = [first, *map(int, children)]
        for process in processes:
            os.kill(process, which)
        return processes

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), "-D", str(self._data), *arguments]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=60, cwd="/")


def _lives(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
