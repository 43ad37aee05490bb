"""What can be wrong about an event that can be read. Nothing here ever holds a value of one."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

What = Literal[
    "missing",
    "wrong_type",
    "not_allowed",
    "off_pattern",
    "too_small",
    "too_large",
    "unreadable",
    "unknown_property",
    "unknown_event",
    "unknown_version",
    "retired_version",
    "disposable",
    "role",
    "misspelt",
]
WORDS: Mapping[What, str] = {
    "missing": "is missing",
    "wrong_type": "has the wrong type",
    "not_allowed": "has a value that is not allowed",
    "off_pattern": "does not fit its pattern",
    "too_small": "is too small",
    "too_large": "is too large",
    "unreadable": "cannot be brought to its standard form",
    "unknown_property": "is not in the plan",
    "unknown_event": "is not in the plan",
    "unknown_version": "is of a version that the plan does not have",
    "retired_version": "is of a version that is retired",
    "disposable": "is a disposable address",
    "role": "is an address of a role",
    "misspelt": "is probably misspelt",
}
Outcome = Literal["keep", "flag", "reject"]

OTHER = "(another name)"
_SHOWN = re.compile(r"[^\W\d_][\w .:/()&$-]{0,79}")
_MOST_DIGITS = 5


class Fault(NamedTuple):
    """One thing that is wrong about one event."""

    event: str
    """Its name; safe to show."""
    property: str
    """Which of its properties or traits; empty for the event as a whole."""
    what: What
    outcome: Outcome

    def told(self) -> str:
        """In words.

        >>> Fault("Order Completed", "revenue", "missing", "flag").told()
        'Order Completed: revenue is missing'
        """
        subject = f"{self.event}: {self.property}" if self.property else self.event
        return f"{subject} {WORDS[self.what]}"


def shown_name(name: str) -> str:
    """A name that a client made up, as it may stand in a table; `OTHER` when it may be data.

    >>> shown_name("Order Completed"), shown_name("ana@example.com")
    ('Order Completed', '(another name)')
    """
    plain = _SHOWN.fullmatch(name) is not None
    return name if plain and sum(map(str.isdigit, name)) <= _MOST_DIGITS else OTHER
