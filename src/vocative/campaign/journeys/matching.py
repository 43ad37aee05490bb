"""Which events a journey means: by name, a condition about the event, and a key.

A rule of a definition comes in, a function of a fact goes out. What can be named is what a
feature's `where:` can name of an event: its columns and `properties.…`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from vocative.engines.base import HISTORY_COLUMNS
from vocative.sql import Catalog, Expression, Type, check
from vocative.sql.python import event_function
from vocative.workspace.facts import fact_fields, json_columns

COLUMNS = tuple(HISTORY_COLUMNS["events"])
MOST_KEY_LETTERS = 200


class EventRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event that a journey listens to."""

    event: str
    where: str | None = None
    """A condition about the event."""
    key: str | None = None
    """An expression about the event: it is meant for the run that has the same key."""


@dataclass(frozen=True, kw_only=True)
class Matcher:
    """A checked rule."""

    event: str
    holds: Callable[[tuple[Any, ...]], Any]
    key: Callable[[tuple[Any, ...]], Any] | None

    def matches(self, name: str, fact: tuple[Any, ...]) -> bool:
        """Whether an event is meant."""
        return name == self.event and bool(self.holds(fact))

    def key_of(self, fact: tuple[Any, ...]) -> str:
        """The key that an event states; empty when it states none."""
        found = None if self.key is None else self.key(fact)
        return "" if found is None else str(found)[:MOST_KEY_LETTERS]

    def meets(self, name: str, fact: tuple[Any, ...], key: str) -> bool:
        """Whether an event is meant, and for the run with this key."""
        return self.matches(name, fact) and (self.key is None or self.key_of(fact) == key)


@cache
def events_catalog() -> Catalog:
    """What can be named of an event."""
    return Catalog(
        fields=fact_fields("events"),
        now=False,
        json_columns=json_columns("events"),
        about="an event",
    )


def matcher(event: str, where: Expression | None, key: Expression | None) -> Matcher:
    """The function of a rule.

    Raises:
        AuthorError: an expression is wrong; the error points at the word.
    """
    catalog = events_catalog()
    condition = None if where is None else check(where, catalog, wanted=(Type.BOOLEAN,)).node
    value = None if key is None else check(key, catalog, wanted=_KEYS).node
    return Matcher(
        event=event,
        holds=event_function(condition, COLUMNS, "properties", truth=True),
        key=None if value is None else event_function(value, COLUMNS, "properties"),
    )


_KEYS = (Type.TEXT, Type.INTEGER, Type.NUMBER, Type.DATE)
