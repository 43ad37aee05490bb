"""Mail into a Maildir folder instead of the world: what a fresh workspace uses.

Each message is one file named after its id, written under `tmp/` and moved to `new/`, so that a
reader never sees half a mail and handing a message over twice leaves one file. Any mail reader,
and the web app, can open the folder.
"""

import os
from pathlib import Path
from typing import ClassVar

import msgspec

from vocative.deliver.channels.base import Channel, ChannelDown
from vocative.deliver.message import OutgoingMessage, Receipt
from vocative.deliver.mime import assemble
from vocative.errors import AuthorError

_HOST = "vocative"


class OutboxFolderSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`channels.outbox_folder` in vocative.yaml."""

    folder: str | None = None
    """Where the Maildir is; relative to the state folder. Default: `outbox`."""
    fsync: bool = False
    """Flush every mail to the disk before it counts as accepted: slower, survives power cuts."""


class OutboxFolder(Channel):
    """A Maildir on this machine."""

    capabilities = frozenset({"lookup"})
    group_size = 100
    Settings: ClassVar[type[msgspec.Struct]] = OutboxFolderSettings
    settings: OutboxFolderSettings

    def __init__(self, settings: OutboxFolderSettings, *, state_dir: Path) -> None:
        super().__init__(settings, state_dir=state_dir)
        self.folder = state_dir / (settings.folder or "outbox")
        self._unsynced: list[str] = []

    def open(self) -> None:
        """Make the folder."""
        try:
            for part in ("tmp", "new", "cur"):
                (self.folder / part).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise AuthorError(
                "channels.outbox_folder.folder: a file is in the way of this folder",
                where="vocative.yaml",
                hint="name a folder that does not exist yet, or an existing Maildir",
            ) from error
        except OSError as error:
            raise _down(error) from error

    def hand_over(self, message: OutgoingMessage) -> Receipt:
        """Write one mail."""
        raw = assemble(message)
        name = self._name(message.message_id)
        # Plain strings: pathlib would take longer than the system calls.
        unfinished, finished = (f"{self.folder}/{part}/{name}" for part in ("tmp", "new"))
        try:
            if not os.path.exists(finished):  # noqa: PTH110
                self._write(unfinished, raw)
                os.rename(unfinished, finished)  # noqa: PTH104
                self._unsynced.append(finished)
        except OSError as error:
            Path(unfinished).unlink(missing_ok=True)
            raise _down(error) from error
        return Receipt(outcome="accepted", reply="written to the outbox")

    @staticmethod
    def _write(path: str, raw: bytes) -> None:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            rest = memoryview(raw)
            # A nearly full disk takes part of a write and refuses the next one.
            while rest:
                rest = rest[os.write(handle, rest) :]
        finally:
            os.close(handle)

    def flush(self) -> None:
        """With `fsync: true`, wait until the disk has every mail written so far."""
        written, self._unsynced = self._unsynced, []
        if not (self.settings.fsync and written):
            return
        try:
            for path in (*written, f"{self.folder}/new"):
                handle = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
        except OSError as error:
            raise _down(error) from error

    def lookup(self, message_id: str) -> bool:
        """Whether the mail is in the folder, read or unread."""
        return self._file(message_id) is not None

    def files(self) -> list[Path]:
        """Every mail in the folder, read or unread."""
        return sorted(path for part in ("new", "cur") for path in (self.folder / part).glob("*"))

    def read(self, message_id: str) -> bytes | None:
        """The mail with an id, None when it is not in the folder."""
        path = self._file(message_id)
        return None if path is None else path.read_bytes()

    def _file(self, message_id: str) -> Path | None:
        name = self._name(message_id)
        unread = self.folder / "new" / name
        # Mail readers move a mail to cur/ and add flags after its name.
        return unread if unread.exists() else next((self.folder / "cur").glob(f"{name}*"), None)

    def close(self) -> None:
        """Nothing is held open."""
        self._unsynced.clear()

    @staticmethod
    def _name(message_id: str) -> str:
        return f"{message_id}.{_HOST}"


def _down(error: OSError) -> ChannelDown:
    return ChannelDown(
        f"the outbox folder cannot be written: {error.strerror or type(error).__name__}",
        where="channels.outbox_folder",
        hint="free some space on the disk or check who owns the folder, then run the command"
        " again; nothing is lost and nobody is mailed twice",
    )
