"""What a check has to say about a template."""

from dataclasses import dataclass
from typing import Any, Literal

from liquid.exceptions import UnknownFilterError

from vocative.errors import AuthorError, UnknownName, Where

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


_FIXES = {
    "liquid": "see https://shopify.github.io/liquid for how it is written",
    "mjml": "see https://documentation.mjml.io for what may stand where",
    "unknown_block": "write the name of a file in templates/blocks",
    "render": "look at the value that comes in here; `default` replaces one that is missing",
}


def from_error(code: str, error: AuthorError) -> Finding:
    """A finding that says what an error says."""
    if isinstance(error, UnknownName):
        code = "unknown_block"
    fix = error.hint
    if isinstance(error.__cause__, UnknownFilterError):
        code = "unknown_filter"
        fix = "see the filters in docs/templates.md"
    return Finding(
        severity="error",
        code=code,
        message=error.message,
        where=error.where or Where(file="template"),
        fix=fix or _FIXES.get(code),
    )
