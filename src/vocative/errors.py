"""Every failure a user can meet, grouped by who repairs it.

    VocativeError
    ├── AuthorError      a definition, template, setting or command line is wrong(ValueError)
    │   └── UnknownName  a name that nothing answers to                       (LookupError)
    ├── DataError        what came in from outside is wrong                   (ValueError)
    ├── StateError       the operation does not fit what the workspace is doing now
    ├── EngineError      a store, stream or analytic engine failed
    ├── ProviderError    a mail server or other service failed
    ├── PrivacyError     contact, or a read of personal data, is not allowed
    └── Unsupported      a plug-in was asked for what it does not claim       (NotImplementedError)

`Retryable` and `Permanent` are mixed in where a worker must know whether to try again.
A message says what is wrong, where, and what to do next. It never holds a personal datum.
"""

import difflib
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SHOWN_WIDTH = 160


@dataclass(frozen=True, kw_only=True)
class Where:
    """A place in a text: file, 1-based line and column, and the line itself."""

    file: str
    line: int | None = None
    column: int | None = None
    source_line: str | None = None

    def __str__(self) -> str:
        place = ":".join(
            str(part) for part in (self.file, self.line, self.column) if part is not None
        )
        if self.source_line is None:
            return place
        shown = self.source_line.rstrip("\n").replace("\t", " ")
        # Of a very long line only the part around the caret is of use.
        start = max(0, (self.column or 1) - _SHOWN_WIDTH // 2)
        caret = "" if self.column is None else "\n  " + " " * (self.column - 1 - start) + "^"
        return f"{place}\n  {shown[start : start + _SHOWN_WIDTH]}{caret}"

    @classmethod
    def in_text(cls, file: str, text: str, offset: int, *, first_line: int = 1) -> "Where":
        """The place of the 0-based character `offset`; `first_line` is where `text` starts."""
        offset = max(0, min(offset, len(text)))
        before = text[:offset]
        start = before.rfind("\n") + 1
        end = text.find("\n", offset)
        return cls(
            file=file,
            line=first_line + before.count("\n"),
            column=offset - start + 1,
            source_line=text[start : len(text) if end < 0 else end],
        )


class VocativeError(Exception):
    """Something Vocative was asked to do cannot be done."""

    kind = "error"
    status = 500

    def __init__(
        self, message: str, *, where: Where | Path | str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = Where(file=str(where)) if isinstance(where, str | Path) else where
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.message]
        if self.where is not None:
            parts.append(f"  at {self.where}".replace("\n", "\n  "))
        if self.hint:
            parts.append(f"  hint: {self.hint}")
        return "\n".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The one JSON shape of every error: `{"error": {"kind", "message", "where", "hint"}}`."""
        where = None
        if self.where is not None:
            where = {
                "file": self.where.file,
                "line": self.where.line,
                "column": self.where.column,
                "source_line": self.where.source_line,
            }
        return {
            "error": {"kind": self.kind, "message": self.message, "where": where, "hint": self.hint}
        }


class Retryable(VocativeError):
    """Trying again later can succeed."""


class Permanent(VocativeError):
    """Trying again without a change will fail again."""


class AuthorError(VocativeError, ValueError):
    """A definition, template, setting or command line is wrong."""

    kind = "author"
    status = 422


class UnknownName(AuthorError, LookupError):
    """A name that nothing answers to."""

    kind = "unknown_name"
    status = 404


class DataError(VocativeError, ValueError):
    """What came in from outside is wrong."""

    kind = "data"
    status = 400


class StateError(VocativeError):
    """The operation does not fit what the workspace is doing now."""

    kind = "state"
    status = 409


class EngineError(VocativeError):
    """A store, stream or analytic engine failed."""

    kind = "engine"


class ProviderError(VocativeError):
    """A mail server or another service failed."""

    kind = "provider"
    status = 502


class PrivacyError(VocativeError):
    """Contact, or a read of personal data, is not allowed."""

    kind = "privacy"
    status = 403


class Unsupported(VocativeError, NotImplementedError):
    """A plug-in was asked for what it does not claim to do."""

    kind = "unsupported"
    status = 501


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when none is close.

    >>> nearest("spend_18d", ["spend_180d", "country"])
    'spend_180d'
    """
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def unknown_name(
    what: str,
    name: str,
    known: Iterable[str],
    *,
    where: Where | Path | str | None = None,
    hint: str | None = None,
) -> UnknownName:
    """An `UnknownName` that offers the nearest known name, or lists what there is."""
    known = sorted(known)
    guess = nearest(name, known)
    if guess is not None:
        advice = f"did you mean {guess!r}?"
    elif known:
        shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
        advice = f"known: {shown}"
    else:
        advice = f"there is no {what} yet"
    return UnknownName(f"unknown {what} {name!r}; {advice}", where=where, hint=hint)


def places(error: BaseException) -> str:
    """Where in the code something failed, for a log.

    Places only: what was asked for, and what a driver says, can hold personal data.
    """
    return "".join(traceback.format_tb(error.__traceback__))
