"""A foreign text that cannot be read, at the offset where it goes wrong."""

from vocative.compose.authoring.source import Passage
from vocative.errors import AuthorError


class Unreadable(Exception):
    """Something that its own system could not read either."""

    def __init__(self, message: str, at: int, hint: str) -> None:
        super().__init__(message)
        self.message, self.at, self.hint = message, at, hint

    def in_passage(self, passage: Passage) -> AuthorError:
        """The error for the author, with the place."""
        return AuthorError(self.message, where=passage.where(self.at), hint=self.hint)
