"""Slots of a layout, and the parts of a template's body that fill them.

A layout has `{% slot 'name' %}what stands there otherwise{% endslot %}`. A body says
`{% fill 'name' %}…{% endfill %}`; what stands outside of these is for the slot `content`. Refused:
what is not closed, and a part within a part.
"""

import re
from typing import NamedTuple

from vocative.compose.authoring.source import Passage
from vocative.compose.authoring.tags import LiquidTag, find_tags
from vocative.errors import AuthorError

CONTENT = "content"
SLOT_TAGS = frozenset(("slot", "endslot", "fill", "endfill"))
_NAMED = re.compile(r"""\{%-?\s*(?:slot|fill)\s+(["'])(\w+)\1\s*-?%\}""")


class Part(NamedTuple):
    """Where a part of a passage starts and ends."""

    start: int
    end: int


def slot_name(passage: Passage, tag: LiquidTag) -> str:
    """The name that `slot` or `fill` says.

    Raises:
        AuthorError: it says none.
    """
    named = _NAMED.fullmatch(tag.text)
    if named is None:
        raise AuthorError(
            f"{tag.name} needs a name in quotes",
            where=passage.where(tag.start),
            hint=f"write {{% {tag.name} 'hero' %}}",
        )
    return named[2]


def read_parts(body: Passage) -> dict[str, list[Part]]:
    """The parts of a body by the slot that each fills.

    Raises:
        AuthorError: a part is not closed, or stands in another.
    """
    parts: dict[str, list[Part]] = {}
    outside: list[Part] = []
    at, opened = 0, ""
    for tag in find_tags(body):
        if tag.name == "fill":
            if opened:
                raise AuthorError("fill stands in a fill", where=body.where(tag.start))
            outside.append(Part(at, tag.start))
            opened, at = slot_name(body, tag), tag.end
        elif tag.name == "endfill":
            if not opened:
                raise AuthorError("endfill closes nothing", where=body.where(tag.start))
            parts.setdefault(opened, []).append(Part(at, tag.start))
            opened, at = "", tag.end
    if opened:
        raise AuthorError(
            f"fill {opened!r} is never closed",
            where=body.where(at),
            hint="write {% endfill %} where it ends",
        )
    outside.append(Part(at, len(body.text)))
    if any(body.text[part.start : part.end].strip() for part in outside):
        parts.setdefault(CONTENT, []).extend(outside)
    return parts
