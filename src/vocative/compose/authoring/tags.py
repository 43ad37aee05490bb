"""Liquid tags in a text, found in one pass and without understanding them.

In comes a passage, out go its tags in order. Refused: a tag that is never closed, so that no
later step has to look for an end that is not there.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vocative.compose.authoring.source import Passage
from vocative.errors import AuthorError

MAX_TAG_CHARACTERS = 10_000
MAX_TAGS = 3_000
_OPEN = re.compile(r"\{\{|\{%")
_NAME = re.compile(r"\{%-?\s*(#|\w+)")


@dataclass(frozen=True, slots=True)
class LiquidTag:
    """`{{ … }}` (output), `{% … %}` (control) or a whole comment, from start to end."""

    kind: Literal["output", "control", "comment"]
    name: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.text)


def find_tags(passage: Passage) -> Iterator[LiquidTag]:
    """The tags of a passage, in order; what stands between raw and endraw is no tag.

    Raises:
        AuthorError: a tag, a comment or a raw part is not closed.
    """
    text, at = passage.text, 0
    while found := _OPEN.search(text, at):
        start = found.start()
        tag = _tag_at(passage, start)
        if tag.name in ("comment", "doc"):
            end = _end_of(passage, tag)
            yield LiquidTag("comment", tag.name, text[start:end], start)
            at = end
        elif tag.name == "raw":
            end = _end_of(passage, tag)
            close = text.rindex("{%", tag.end, end)
            yield tag
            yield LiquidTag("control", "endraw", text[close:end], close)
            at = end
        else:
            yield tag
            at = tag.end


def check_tags(passage: Passage) -> None:
    """Refuse a passage with too many tags, or one that is not closed, before it is parsed.

    Raises:
        AuthorError: so it is.
    """
    for number, tag in enumerate(find_tags(passage)):
        if number == MAX_TAGS:
            raise AuthorError(
                f"a template may have {MAX_TAGS:,} Liquid tags",
                where=passage.where(tag.start),
                hint="loop over a list instead of writing every part out",
            )


def _tag_at(passage: Passage, start: int) -> LiquidTag:
    text = passage.text
    output = text.startswith("{{", start)
    closing = "}}" if output else "%}"
    end = text.find(closing, start + 2)
    if end < 0:
        raise AuthorError(
            f"this tag is never closed: expected {closing}",
            where=passage.where(start),
            hint=f"write {closing} where the tag ends",
        )
    if end - start > MAX_TAG_CHARACTERS:
        raise AuthorError(
            f"a tag may have {MAX_TAG_CHARACTERS:,} characters", where=passage.where(start)
        )
    inside = text[start : end + 2]
    if output:
        return LiquidTag("output", "", inside, start)
    named = _NAME.match(inside)
    if named is None:
        raise AuthorError("this tag has no name", where=passage.where(start))
    kind: Literal["control", "comment"] = "comment" if named[1] == "#" else "control"
    return LiquidTag(kind, named[1], inside, start)


def _end_of(passage: Passage, tag: LiquidTag) -> int:
    """Where the part that `tag` opens ends; comments nest, raw and doc do not."""
    pattern = re.compile(rf"\{{%-?\s*(end)?{tag.name}\b[^%]*%\}}")
    depth = 1
    for found in pattern.finditer(passage.text, tag.end):
        if found[1]:
            depth -= 1
        elif tag.name == "comment":
            depth += 1
        if depth == 0:
            return found.end()
    raise AuthorError(
        f"{{% {tag.name} %}} is never closed",
        where=passage.where(tag.start),
        hint=f"write {{% end{tag.name} %}}",
    )
