"""An open workspace: its folder, settings, state and keys, in one value that stages receive."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vocative.clock import Clock, SystemClock
from vocative.errors import StateError
from vocative.privacy.keys import WorkspaceKey, create_key_file, read_key
from vocative.privacy.vault import Vault
from vocative.stores import Store, open_store
from vocative.workspace.definitions import Definition, read_together
from vocative.workspace.settings import Settings, Trait, read_settings, read_traits

if TYPE_CHECKING:
    from vocative.engines.base import Engine
    from vocative.streams.embedded import EmbeddedLog
    from vocative.streams.outside import Stream
    from vocative.workspace.history import History

STATE_FOLDER = ".vocative"
LOCK_SECONDS = 60.0
LOCK_PAUSE_SECONDS = 0.1


class Workspace:
    """One tenant. Parts open when they are first used and close together."""

    def __init__(self, root: Path, *, clock: Clock | None = None) -> None:
        self.root = root.resolve()
        self.clock: Clock = clock or SystemClock()
        self.settings: Settings = read_settings(self.root)

    @property
    def state_dir(self) -> Path:
        """The folder of everything that Vocative keeps itself."""
        return self.root / STATE_FOLDER

    @cached_property
    def traits(self) -> dict[str, Trait]:
        """The catalog of traits, by name."""
        return read_traits(self.root)

    @cached_property
    def key(self) -> WorkspaceKey:
        """The workspace's keys; PrivacyError when they are missing."""
        return read_key(self.state_dir / "key")

    @cached_property
    def vault(self) -> Vault:
        """The home of direct identifiers."""
        return Vault(self.key, self.clock)

    @cached_property
    def store(self) -> Store:
        """The operational store, its schema up to date."""
        import sqlalchemy

        from vocative.workspace.settings import secret

        if self.settings.store:
            return open_store(secret(self.settings.store, setting="store"))
        self.state_dir.mkdir(parents=True, exist_ok=True)
        # Built, not written: a folder's name may hold characters that mean something in a URL.
        path = str(self.state_dir / "store.db")
        return open_store(sqlalchemy.URL.create("sqlite", database=path))

    @cached_property
    def log(self) -> "EmbeddedLog":
        """The durable event log."""
        from vocative.streams.embedded import EmbeddedLog

        self.state_dir.mkdir(parents=True, exist_ok=True)
        return EmbeddedLog(self.state_dir / "log.db", self.key.log)

    @cached_property
    def stream(self) -> "Stream | None":
        """The stream in front of the log, if there is one; it connects when it is first used."""
        if self.settings.stream is None:
            return None
        from vocative.workspace.stream import open_stream

        return open_stream(self.root, self.settings.stream)

    @cached_property
    def history(self) -> "History":
        """The columnar history's files."""
        from vocative.workspace.history import History

        return History(self.state_dir / "history")

    def engine(self) -> "Engine":
        """A fresh analytic engine over what is committed now; the caller closes it."""
        from vocative.workspace.analytics import open_engine

        return open_engine(self)

    def definitions(self, kind: str) -> dict[str, Definition]:
        """The workspace's definitions of one kind, by name, as the folder has them now."""
        return self.definitions_together(kind)[kind]

    def definitions_together(self, *kinds: str) -> dict[str, dict[str, Definition]]:
        """Definitions of several kinds, by kind and name, as the folder has them at one moment."""
        return read_together(self.root, *kinds)

    @contextmanager
    def worker_lock(self, job: str, *, wait_seconds: float = LOCK_SECONDS) -> Iterator[None]:
        """Let one process at a time do a job that must not run twice, such as applying the log.

        Args:
            job: Its name.
            wait_seconds: How long to wait for another process that is doing it.

        Raises:
            StateError: another process is doing it and has not finished by then.
        """
        import fcntl

        self.state_dir.mkdir(parents=True, exist_ok=True)
        with (self.state_dir / f"{job}.lock").open("a") as file:
            until = time.monotonic() + wait_seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise StateError(
                            f"another process is doing this already ({job})",
                            hint="wait for it to finish, then run the command again",
                        ) from None
                    time.sleep(LOCK_PAUSE_SECONDS)
            yield

    def close(self) -> None:
        """Close what was opened."""
        for part in ("stream", "store", "log"):
            opened = self.__dict__.pop(part, None)
            if opened is not None:
                opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def prepare_state(root: Path) -> None:
    """Make the state folder and its key; an existing workspace is left as it is."""
    state = root / STATE_FOLDER
    state.mkdir(parents=True, exist_ok=True)
    create_key_file(state / "key")
    (state / ".gitignore").write_text("*\n", encoding="ascii")
