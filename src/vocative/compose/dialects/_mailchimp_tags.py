"""Merge tags, `*|NAME:argument|*`, found in any text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A tag may hold a bar in an argument ("a | b"), but no line break and no other tag.
_TAG = re.compile(r"\*\|((?:(?!\|\*|\*\|)[^\r\n]){0,2000})\|\*")


@dataclass(frozen=True, slots=True)
class MergeTag:
    """One merge tag."""

    start: int
    end: int
    name: str
    """In upper case, such as `IF` or `FNAME`."""
    argument: str
    """What stands behind the first colon, as written."""
    text: str
    """All of it between the bars."""
    kind: str = "merge"


def find_merge_tags(text: str) -> Iterator[MergeTag]:
    """The merge tags of a text, in order."""
    for found in _TAG.finditer(text):
        inside = found[1].strip()
        name, _, argument = inside.partition(":")
        yield MergeTag(found.start(), found.end(), name.strip().upper(), argument.strip(), inside)
