"""Who holds leases, and whether they still live.

A sender holds a locked file while it lives; the kernel lets go of it however the sender ends. So
after a crash the next sender on this machine need not wait for leases to run out. A name also
tells which start of the machine it belongs to: a holder from before a power cut may have handed
over more than the disk remembers.
"""

import fcntl
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from vocative.errors import StateError

_FOLDER = "senders"


class Holder:
    """This sender's name and its sign of life."""

    def __init__(self, state_dir: Path) -> None:
        self.name = f"{boot_id()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._path = state_dir / _FOLDER / f"{self.name}.lock"
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StateError(
                f"the sender cannot make its lock file: {error.strerror}",
                where=f"{self._path.parent.parent.name}/{_FOLDER}",
                hint="check the disk's free space and who owns the workspace folder",
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._path.unlink(missing_ok=True)
        if self._file is not None:
            self._file.close()


def is_dead(state_dir: Path, name: str) -> bool:
    """True when the holder lived in this folder and its lock is free; False also when unknown."""
    try:
        with (state_dir / _FOLDER / f"{name}.lock").open("r") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def lost_power(name: str) -> bool:
    """True when the machine was started again since this holder took its name."""
    before, now = name.partition("-")[0], boot_id()
    return bool(before and now) and before != now


def forget(state_dir: Path, *, except_for: Iterable[str]) -> None:
    """Remove the lock files of dead holders that hold nothing any more."""
    kept = set(except_for)
    for path in (state_dir / _FOLDER).glob("*.lock"):
        if path.stem not in kept and is_dead(state_dir, path.stem):
            path.unlink(missing_ok=True)


def boot_id() -> str:
    """Which start of this machine we are in; empty where the system does not tell."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return ""
    return text.strip().replace("-", "")[:12]
