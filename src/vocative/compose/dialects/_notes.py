"""What became of each part of a foreign template, at the author's line."""

from dataclasses import dataclass
from typing import Any, Literal

from vocative.errors import Where

Outcome = Literal["carried", "approximated", "refused"]
"""It means the same; it means nearly the same; it was left out and somebody must act."""
_LONGEST_SOURCE = 120


@dataclass(frozen=True, kw_only=True)
class Note:
    """What became of one tag or name."""

    outcome: Outcome
    source: str
    """What stood there, cut off where it is long."""
    where: Where
    message: str = ""
    """How it differs (approximated) or why it could not be carried (refused)."""
    fix: str | None = None
    """What the author must do, if anything."""

    def __str__(self) -> str:
        told = f": {self.message}" if self.message else ""
        text = f"{self.outcome}: {self.source}{told}\n  at {self.where}"
        return text + (f"\n  fix: {self.fix}" if self.fix else "")

    def as_json(self) -> dict[str, Any]:
        """The note for a machine."""
        return {
            "outcome": self.outcome,
            "source": self.source,
            "message": self.message,
            "where": {
                "file": self.where.file,
                "line": self.where.line,
                "column": self.where.column,
                "source_line": self.where.source_line,
            },
            "fix": self.fix,
        }


def shown(source: str) -> str:
    """A piece of source as a note shows it: one line, not too long."""
    line = " ".join(source.split())
    return line if len(line) <= _LONGEST_SOURCE else f"{line[:_LONGEST_SOURCE]}…"
