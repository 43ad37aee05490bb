"""What definitions say now, for a process that runs for long: a changed file is taken up.

A file that is wrong changes nothing: what was known before goes on.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

from vocative.errors import AuthorError
from vocative.workspace.definitions import definitions_stamp
from vocative.workspace.workspace import Workspace

LOOK_SECONDS = 1.0
"""How often files are looked at: for so long a changed one does not count yet."""

Found = TypeVar("Found")
One = TypeVar("One")


class Known(Generic[Found]):
    """What the definitions of one kind come to.

    Args:
        workspace: Whose.
        kind: Of which definitions.
        read: What they come to; raises AuthorError when a file is wrong.
        log: Where a file that is wrong is told of.
        otherwise: What happens then, in words.
    """

    def __init__(
        self,
        workspace: Workspace,
        kind: str,
        read: Callable[[Workspace], Found],
        *,
        log: logging.Logger,
        otherwise: str,
    ) -> None:
        self._workspace = workspace
        self._kind = kind
        self._read = read
        self._log = log
        self._otherwise = otherwise
        self._found: Found | None = None
        self._stamp: object = None
        self._looked_at = float("-inf")

    def now(self) -> Found:
        """What they come to as the folder has them, or had them within the last second.

        Raises:
            AuthorError: the files are wrong, and nothing is known from before.
        """
        if self._found is not None and time.monotonic() - self._looked_at <= LOOK_SECONDS:
            return self._found
        return self._look()

    def _look(self) -> Found:
        known = self._found
        stamp = definitions_stamp(self._workspace.root, self._kind)
        if known is None or stamp != self._stamp:
            try:
                known = self._read(self._workspace)
            except AuthorError as error:
                if known is None:
                    raise
                self._log.warning("%s; %s", error, self._otherwise)
        self._found, self._stamp, self._looked_at = known, stamp, time.monotonic()
        return known


class KnownByName(Known[Mapping[str, One]]):
    """Definitions of one kind that are asked for one by one."""

    def find(self, name: str) -> One | None:
        """The one of a name; None when there is none.

        Raises:
            AuthorError: the files are wrong, and nothing is known from before.
        """
        found = self.now().get(name)
        # Somebody unknown may be new: then at once.
        return self._look().get(name) if found is None else found
