"""Liquid as other systems have it: the same tags, other names, some filters and tags of their own.

A dialect of the family is a table of differences: what its names stand for, what its filters are
called here, and the few tags that only it has. The rest of Liquid is carried as it stands, with
one change: a value that may be missing prints nothing, as it does elsewhere, where Vocative would
call it a mistake.
"""

from abc import ABC
from collections.abc import Callable, Mapping
from typing import ClassVar

from vocative.compose.dialects._fields import trait_name
from vocative.compose.dialects._liquid_rules import FilterRule
from vocative.compose.dialects._liquid_values import LiquidValues
from vocative.compose.dialects._liquid_walk import Walk
from vocative.compose.dialects._tags import BraceTag
from vocative.compose.dialects._tokens import Token
from vocative.compose.dialects.base import Dialect, Translation

OwnTag = Callable[[Walk, BraceTag], None]


class LiquidFamily(Dialect, ABC):
    """A dialect that is Liquid but for a table of differences."""

    people: ClassVar[frozenset[str]] = frozenset()
    """Names before which a person's traits stand (`customer.first_name`)."""
    prefixes: ClassVar[Mapping[str, str]] = {}
    """Names before which other data stands, and what its traits begin with here."""
    names: ClassVar[Mapping[str, str]] = {}
    """Names that stand for something every message has, or a trait spelled another way."""
    filters: ClassVar[Mapping[str, FilterRule]] = {}
    """Filters that are not Liquid's own or differ."""
    own_tags: ClassVar[Mapping[str, OwnTag]] = {}
    """Tags that only this system has."""

    def translate(self, translation: Translation) -> None:
        """Read a text of this family and write it as Vocative's Liquid."""
        walk = Walk(self, translation, LiquidValues(self, translation))
        walk.text()
        walk.close()

    def usual(self, names: tuple[str, ...]) -> str:
        """The Liquid path that a foreign name stands for unless a mapping says otherwise."""
        foreign = ".".join(names)
        if foreign in self.names:
            return self.names[foreign]
        if names[0] in self.people and len(names) > 1:
            return f"person.{trait_name('.'.join(names[1:]))}"
        if names[0] in self.prefixes and len(names) > 1:
            return f"person.{self.prefixes[names[0]]}_{trait_name('.'.join(names[1:]))}"
        return f"person.{trait_name(foreign)}"

    def own_output(self, walk: Walk, tag: BraceTag, tokens: list[Token]) -> bool:  # noqa: ARG002
        """Write an output tag that only this system has; False when it is an ordinary one."""
        return False


def refusing(reason: str, fix: str) -> OwnTag:
    """A tag that is always refused."""
    return lambda walk, tag: walk.refuse(tag, reason, fix)


def printing(liquid: str, difference: str = "") -> OwnTag:
    """A tag that prints something which every message has."""

    def write(walk: Walk, tag: BraceTag) -> None:
        walk.write(tag, liquid, output=True)
        if difference:
            walk.differs(tag, difference)
        else:
            walk.carried(tag)

    return write
