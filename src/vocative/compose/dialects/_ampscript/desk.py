"""What everything that writes AMPscript as Liquid works with: names to set, notes, and places."""

from dataclasses import dataclass

from vocative.compose.authoring.source import MAX_SOURCE_CHARACTERS
from vocative.compose.authoring.tags import MAX_TAGS
from vocative.compose.dialects._ampscript.functions import Kind
from vocative.compose.dialects._ampscript.tree import Expression, Left
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects.base import Translation


@dataclass(frozen=True, slots=True)
class Value:
    """A Liquid expression and what kind of value it gives."""

    text: str
    gives: Kind = "anything"
    filtered: bool = False
    """It has filters, and so can stand only where filters may."""
    fallback: str = ""


NOTHING = Value("nil")


class Desk:
    """One translation on its way, and where it is."""

    def __init__(self, translation: Translation) -> None:
        self.translation = translation
        self.place: tuple[int, int] | None = None
        """Where to point while a content block is put in."""
        self.at = 0
        """Where the statement stands that is being written."""
        self._written = 0
        self._tags = 0

    def simple(self, value: Value) -> Value:
        """The value as one that can stand anywhere."""
        return self.set(value.text, value.gives) if value.filtered else value

    def set(self, text: str, gives: Kind) -> Value:
        """Set a name to an expression, and give the name."""
        name = self.translation.new_name("value")
        self.tag(f"assign {name} = {text}", self.at)
        return Value(name, gives)

    def refuse(self, one: Expression | Left, reason: str, fix: str) -> Value:
        """Note what cannot be carried; nothing stands for it."""
        start, end = self.span(one.start, one.end)
        self.translation.refused(start, end, reason, fix)
        return NOTHING

    def approximate(self, one: Expression, difference: str, fix: str | None) -> None:
        """Note what is carried with a difference."""
        start, end = self.span(one.start, one.end)
        self.translation.approximated(start, end, difference, fix)

    def carried(self, start: int, end: int) -> None:
        """Note that a part of the text itself means the same in Liquid."""
        if self.place is None:
            self.translation.carried(start, end)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where a part stands; within a content block, where that is put in."""
        return self.place or (start, end)

    def tag(self, words: str, at: int) -> None:
        """Write `{% words %}`."""
        self.check_size(len(words) + 6, tags=1)
        self.translation.writer.tag(words, self.span(at, 0)[0])

    def check_size(self, more: int, *, tags: int = 0) -> None:
        """Refuse to write more than a template may hold."""
        self._tags += tags
        if self._tags > MAX_TAGS:
            raise Unreadable(
                f"a template may have {MAX_TAGS:,} Liquid tags", self.at, "use loops instead"
            )
        self._written += more
        if self._written > MAX_SOURCE_CHARACTERS:
            raise Unreadable(
                "written as Liquid, this text would be too long", self.at, "cut it down"
            )
