"""From an offset in an expression to a place in the file that holds it.

YAML folds lines and drops indentation, so the offset in the value is not the offset in the file.
Folding changes white space only; counting the other characters finds the place again.
"""

from collections.abc import Callable

from vocative.errors import Where

Place = Callable[[int], Where]
"""The place of a 0-based offset of an expression."""


def in_line(text: str, *, shown_as: str = "expression") -> Place:
    """Places in a text that stands alone, for example on a command line."""
    return lambda offset: Where.in_text(shown_as, text, offset)


def in_document(text: str, *, file: str, document: str, start: Where) -> Place:
    """Places of an expression that is a value in a YAML document.

    Args:
        text: The expression as YAML gave it.
        file: The name to show.
        document: The whole YAML text.
        start: Where the value starts in it.
    """
    offsets = _aligned(text, document, _offset_of(document, start))

    def place(offset: int) -> Where:
        return Where.in_text(file, document, offsets[max(0, min(offset, len(text)))])

    return place


def _offset_of(document: str, start: Where) -> int:
    lines = document.splitlines(keepends=True)
    before = sum(len(line) for line in lines[: (start.line or 1) - 1])
    return before + (start.column or 1) - 1


def _aligned(text: str, document: str, start: int) -> list[int]:
    """For each character of `text` (and its end) the offset in the document."""
    if document[start : start + 1] in ("|", ">"):
        line_end = document.find("\n", start)
        start = len(document) if line_end < 0 else line_end + 1
    offsets = []
    at = start
    for character in text:
        if character.isspace():
            offsets.append(at)
            continue
        found = document.find(character, at)
        # Escapes in a double-quoted scalar may not be found; stay near then.
        if found >= 0 and (found == at or found - at <= _GAP):
            at = found
        offsets.append(at)
        at += 1
    return [*offsets, max(start, at - 1)]


_GAP = 400
