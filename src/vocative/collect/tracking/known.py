"""The sources that a running server knows: a file that comes, goes or changes is taken up."""

import logging
import time

from vocative.collect.sourcing.definitions import SourceDefinition, read_tracking
from vocative.errors import AuthorError
from vocative.workspace import Workspace
from vocative.workspace.definitions import definitions_stamp

LOOK_SECONDS = 1.0
"""How long a source that is gone may still send."""

log = logging.getLogger("vocative.tracking")


class KnownSources:
    """The sources as the folder has them now, by write key.

    A file that is wrong changes nothing: what was known before goes on.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._by_key: dict[str, SourceDefinition] | None = None
        self._stamp: object = None
        self._looked_at = 0.0

    def find(self, write_key: str) -> SourceDefinition | None:
        """The source that has a write key.

        Raises:
            AuthorError: the files are wrong, and nothing is known from before.
        """
        # Somebody unknown may be new: then at once.
        if time.monotonic() - self._looked_at > LOOK_SECONDS or not self._knows(write_key):
            self._look()
        return self._by_key.get(write_key) if self._by_key else None

    def _knows(self, write_key: str) -> bool:
        return self._by_key is not None and write_key in self._by_key

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        stamp = definitions_stamp(self._workspace.root, "source")
        if stamp == self._stamp and self._by_key is not None:
            return
        try:
            found = read_tracking(self._workspace)
        except AuthorError as error:
            if self._by_key is None:
                raise
            log.warning("%s; sources go on as they were before", error)
        else:
            self._by_key = {source.options.write_key: source for source in found}
        self._stamp = stamp
