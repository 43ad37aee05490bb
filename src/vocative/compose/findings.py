"""What a check has to say about a template."""

from dataclasses import dataclass
from typing import Any, Literal

from vocative.errors import AuthorError, Where

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that is wrong, or that an author should look at."""

    severity: Severity
    code: str
    message: str
    where: Where
    fix: str | None = None

    def __str__(self) -> str:
        text = f"{self.severity}: {self.message} [{self.code}]\n  at {self.where}"
        return text + (f"\n  fix: {self.fix}" if self.fix else "")

    def as_error(self) -> AuthorError:
        """The finding as the error that stops a send."""
        return AuthorError(self.message, where=self.where, hint=self.fix)

    def as_json(self) -> dict[str, Any]:
        """The finding for the API."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "where": {
                "file": self.where.file,
                "line": self.where.line,
                "column": self.where.column,
                "source_line": self.where.source_line,
            },
            "fix": self.fix,
        }


def from_error(code: str, error: AuthorError) -> Finding:
    """A finding that says what an error says."""
    return Finding(
        severity="error",
        code=code,
        message=error.message,
        where=error.where or Where(file="template"),
        fix=error.hint,
    )
