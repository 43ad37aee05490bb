"""White space around tags: `~` takes it away, and a block tag alone on its line takes the line.

The same rules hold for Handlebars and Mustache. A text is judged as it was written, whatever a
neighbouring tag took from it, and is cut once from each side.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from vocative.compose.dialects._handlebars.scan import Piece, Plain, Tag

ALONE = frozenset(("open", "inverse", "else", "close", "partial", "comment"))
"""Kinds of tags that take their line when nothing else is on it."""
_BLANK_BEHIND = re.compile(r"[ \t]*\r?\n?")


@dataclass(slots=True)
class Cut:
    """A piece, and what of its text is left."""

    piece: Piece
    start: int = 0
    end: int = 0
    indent: str = ""
    """What stood before a partial that is alone on its line."""


def cut_lines(pieces: Sequence[Piece]) -> list[Cut]:
    """The pieces with the white space that their tags take away marked."""
    cuts = [Cut(one, 0, len(one.text) if isinstance(one, Plain) else 0) for one in pieces]
    for index, cut in enumerate(cuts):
        tag = cut.piece
        if not isinstance(tag, Tag):
            continue
        before = cuts[index - 1] if index else None
        behind = cuts[index + 1] if index + 1 < len(cuts) else None
        if tag.kind in ALONE and _is_alone(cuts, index):
            if before is not None and isinstance(before.piece, Plain):
                kept = len(before.piece.text.rstrip(" \t"))
                before.end = min(before.end, kept)
                indented = tag.kind == "partial" and not tag.trims_left
                cut.indent = before.piece.text[kept:] if indented else ""
            if behind is not None and isinstance(behind.piece, Plain):
                line = _BLANK_BEHIND.match(behind.piece.text)
                behind.start = max(behind.start, line.end() if line else 0)
        if tag.trims_left and before is not None and isinstance(before.piece, Plain):
            before.end = min(before.end, len(before.piece.text.rstrip()))
        if tag.trims_right and behind is not None and isinstance(behind.piece, Plain):
            text = behind.piece.text
            behind.start = max(behind.start, len(text) - len(text.lstrip()))
    return cuts


def _is_alone(cuts: Sequence[Cut], index: int) -> bool:
    return _begins_line(cuts, index) and _ends_line(cuts, index)


def _begins_line(cuts: Sequence[Cut], index: int) -> bool:
    if index == 0:
        return True
    before = cuts[index - 1].piece
    if not isinstance(before, Plain):
        return False
    if index == 1 and not before.text.strip(" \t"):
        return True
    return "\n" in before.text[len(before.text.rstrip()) :]


def _ends_line(cuts: Sequence[Cut], index: int) -> bool:
    if index + 1 == len(cuts):
        return True
    behind = cuts[index + 1].piece
    if not isinstance(behind, Plain):
        return False
    if index + 2 == len(cuts) and not behind.text.strip(" \t"):
        return True
    return "\n" in behind.text[: len(behind.text) - len(behind.text.lstrip())]
