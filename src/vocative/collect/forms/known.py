"""The forms that a running server knows: a file that comes, goes or changes is taken up."""

import logging
import time

from vocative.collect.forms.definition import Form, read_forms
from vocative.errors import AuthorError
from vocative.workspace import Workspace
from vocative.workspace.definitions import definitions_stamp

LOOK_SECONDS = 1.0

log = logging.getLogger("vocative.forms")


class KnownForms:
    """The forms as the folder has them now, by name.

    A file that is wrong changes nothing: what was known before goes on.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._forms: dict[str, Form] | None = None
        self._stamp: object = None
        self._looked_at = float("-inf")

    def find(self, name: str) -> Form | None:
        """The form of a name; None when there is none.

        Raises:
            AuthorError: the files are wrong, and nothing is known from before.
        """
        is_new = self._forms is None or name not in self._forms
        if is_new or time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._look()
        return self._forms.get(name) if self._forms else None

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        stamp = definitions_stamp(self._workspace.root, "form")
        if stamp == self._stamp and self._forms is not None:
            return
        try:
            self._forms = read_forms(self._workspace)
        except AuthorError as error:
            if self._forms is None:
                raise
            log.warning("%s; forms go on as they were before", error)
        self._stamp = stamp
