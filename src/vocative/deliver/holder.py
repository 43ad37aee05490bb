"""Who holds leases, and whether they still live.

A sender holds a locked file while it lives; the kernel lets go of it however the sender ends. So
after a crash the next sender on this machine need not wait for leases to run out. A name also
tells which start of the machine it belongs to: a holder from before a power cut may have handed
over more than the disk remembers.

Beside the lock lies a journal of what leaves: a few bytes for each message, written before its
first byte goes out and again when it is answered. What a process has written survives its death,
though not a power cut, so after a crash of the sender it is known which messages of a group that
was handed over have left. It costs a hundredth of a commit.
"""

import fcntl
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

from vocative.errors import StateError

_FOLDER = "senders"
Left = Literal["begun", "accepted", "refused"]
"""How far a message came: it may have left, the provider has it, or the provider has it not."""
_LETTERS: dict[Left, bytes] = {"begun": b"b", "accepted": b"a", "refused": b"r"}
_LEFT = {letter: left for left, letter in _LETTERS.items()}
_ID_BYTES = 16
_ENTRY_BYTES = _ID_BYTES + 1


class Holder:
    """This sender's name and its sign of life."""

    def __init__(self, state_dir: Path) -> None:
        self.name = f"{boot_id()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._path = state_dir / _FOLDER / f"{self.name}.lock"
        self._journal_path = _journal_path(state_dir, self.name)
        self._file: IO[str] | None = None
        self._journal: IO[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w")
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._journal = self._journal_path.open("wb", buffering=0)
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
        # Without a journal nothing is assumed, so it goes first.
        self._journal_path.unlink(missing_ok=True)
        self._path.unlink(missing_ok=True)
        for file in (self._journal, self._file):
            if file is not None:
                file.close()

    def begin_group(self) -> None:
        """Forget the entries: what they say is in the ledger, and nothing of the next has left.

        Raises:
            StateError: the disk refuses it.
        """
        assert self._journal is not None  # noqa: S101  # used inside `with` only
        try:
            self._journal.truncate(0)
            self._journal.seek(0)
        except OSError as error:
            raise _unwritten(error) from error

    def note(self, message_id: str, left: Left) -> None:
        """Write down how far a message came.

        Raises:
            StateError: the disk refuses it; the message must not leave then.
        """
        assert self._journal is not None  # noqa: S101  # used inside `with` only
        try:
            self._journal.write(bytes.fromhex(message_id) + _LETTERS[left])
        except OSError as error:
            raise _unwritten(error) from error


def _unwritten(error: OSError) -> StateError:
    return StateError(
        f"the sender cannot write its journal: {error.strerror}",
        where=f".vocative/{_FOLDER}",
        hint="free some space on the disk, then run the command again",
    )


def left_by(state_dir: Path, name: str) -> dict[str, Left] | None:
    """How far the messages came that a dead holder handed over last; absent: not begun.

    Returns:
        None when nobody can say: it may be alive, it is not from here, or the power was cut.
    """
    if not boot_id() or not name.startswith(f"{boot_id()}-") or not is_dead(state_dir, name):
        return None
    try:
        raw = _journal_path(state_dir, name).read_bytes()
    except OSError:
        return None
    entries = (raw[at : at + _ENTRY_BYTES] for at in range(0, len(raw), _ENTRY_BYTES))
    return {one[:_ID_BYTES].hex(): _LEFT.get(one[_ID_BYTES:], "begun") for one in entries}


def _journal_path(state_dir: Path, name: str) -> Path:
    return state_dir / _FOLDER / f"{name}.left"


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
            _journal_path(state_dir, path.stem).unlink(missing_ok=True)
            path.unlink(missing_ok=True)


def boot_id() -> str:
    """Which start of this machine we are in; empty where the system does not tell."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        return ""
    return text.strip().replace("-", "")[:12]
