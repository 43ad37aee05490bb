"""Tags in braces, found in any text: `{{ … }}`, `{% … %}`, `{# … #}`.

In comes a text, out come its tags in order. A tag that is never closed is told as such and ends
the search, because nobody can say where it was meant to end.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from vocative.compose.authoring.tags import MAX_TAG_CHARACTERS, MAX_TAGS
from vocative.errors import AuthorError


class _Found(Protocol):
    """What every tag has, of whichever language."""

    @property
    def kind(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...


Tag = TypeVar("Tag", bound=_Found)

_OPEN = re.compile(r"\{\{|\{%|\{#")
_CLOSE = {"{{": "}}", "{%": "%}", "{#": "#}"}
_NAME = re.compile(r"\s*(#|[^\W\d]\w*)?\s*")
_SIGIL = re.compile(r"\$\{[^}]{0,200}\}|\}\}")


@dataclass(frozen=True, slots=True)
class BraceTag:
    """One tag; the inside is without braces and dashes."""

    kind: Literal["output", "control", "comment", "unclosed"]
    start: int
    end: int
    inside: str
    inside_start: int
    left_dash: bool = False
    right_dash: bool = False

    @property
    def name(self) -> str:
        """The first word of a control tag."""
        found = _NAME.match(self.inside)
        return found[1] or "" if found else ""

    @property
    def rest(self) -> str:
        """What stands behind the name of a control tag."""
        found = _NAME.match(self.inside)
        return self.inside[found.end() :] if found else self.inside

    @property
    def rest_start(self) -> int:
        """Where `rest` begins in the source."""
        return self.inside_start + len(self.inside) - len(self.rest)


def find_brace_tags(text: str, *, comments: bool = False, at: int = 0) -> Iterator[BraceTag]:
    """The tags of a text, in order.

    Args:
        text: The text.
        comments: Whether `{# … #}` is a comment there.
        at: Where to begin.
    """
    while found := _OPEN.search(text, at):
        start, opening = found.start(), found[0]
        if opening == "{#" and not comments:
            at = start + 2
            continue
        close = _closing(text, start, opening)
        if close < 0:
            yield BraceTag("unclosed", start, len(text), text[start + 2 :], start + 2)
            return
        at = close + 2
        begin, end = start + 2, close
        left_dash = text[begin : begin + 1] == "-" and begin < end
        right_dash = text[end - 1 : end] == "-" and end - 1 > begin
        begin, end = begin + left_dash, end - right_dash
        kind: Literal["output", "control", "comment"] = (
            "output" if opening == "{{" else "control" if opening == "{%" else "comment"
        )
        yield BraceTag(kind, start, at, text[begin:end], begin, left_dash, right_dash)


def few(tags: Iterable[Tag]) -> Iterator[Tag]:
    """The tags, as long as there are not more, and none longer, than a template may have.

    Raises:
        AuthorError: there are.
    """
    for number, tag in enumerate(tags):
        if number == MAX_TAGS:
            raise AuthorError(
                f"a template may have {MAX_TAGS:,} tags",
                hint="split it, or loop over a list instead of writing every part out",
            )
        if tag.kind != "unclosed" and tag.end - tag.start > MAX_TAG_CHARACTERS:
            raise AuthorError(f"a tag may have {MAX_TAG_CHARACTERS:,} characters")
        yield tag


def find_end(text: str, name: str, at: int) -> re.Match[str] | None:
    """The tag that ends a part which is not read, such as a comment; None when there is none."""
    return re.compile(rf"\{{%-?\s*end{re.escape(name)}\s*-?%\}}").search(text, at)


def _closing(text: str, start: int, opening: str) -> int:
    """Where the tag that opens at `start` closes, or -1; `${…}` may stand inside."""
    if opening != "{{":
        return text.find(_CLOSE[opening], start + 2)
    for found in _SIGIL.finditer(text, start + 2):
        if found[0] == "}}":
            return found.start()
    return -1
