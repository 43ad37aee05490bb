"""Where the values of a layout end up in its HTML: as text, in an address, in a style.

Escaping makes a value harmless as text. It does not make a whole address out of it safe, nor a
rule of CSS; the check has to know which tag stands where.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from vocative.compose.markup.pieces import Piece
from vocative.compose.markup.protect import Protected

Place = Literal["address", "style", "event", "comment"]
ADDRESSES = frozenset("href src action background background-url poster srcset xlink:href".split())
# Attributes of MJML components that say something of their content; all others become CSS.
_NOT_STYLES = frozenset(
    "alt title name rel target class css-class mj-class id lang dir icon role usemap value"
    " padding-mode mode hamburger thumbnails direction".split()
)
_EVENT = re.compile(r"on[a-z]{3,}")
_NAME = re.compile(r"[\w:-]{1,40}$")
_NEAR = 2_000
"""An attribute that is longer is none of those that matter."""


@dataclass(frozen=True)
class Context:
    """Where one tag stands, when that is not simply in text."""

    place: Place
    first: bool = True
    """Nothing stands before it in its attribute."""


def contexts(protected: Protected) -> Mapping[int, Context]:
    """The context of each tag that is not in text, by the tag's offset in the layout."""
    found: dict[int, Context] = {}
    for piece in protected.pieces:
        for number, context in _of_piece(piece, protected):
            found[protected.tags[number].start] = context
    return found


def _of_piece(piece: Piece, protected: Protected) -> Iterator[tuple[int, Context]]:
    word = re.compile(rf"{protected.word}(\d+)x")
    if piece.kind == "start":
        for attribute in piece.attributes:
            place = _place(attribute.name, piece.name)
            value = attribute.value or ""
            if place is not None:
                for one in word.finditer(value):
                    before = value[: one.start()]
                    yield int(one[1]), Context(place, _is_first(before, protected))
        return
    text = protected.plain[piece.start : piece.end]
    if piece.kind == "comment":
        yield from _of_comment(text, word, protected)
    elif piece.kind == "text" and piece.parent in ("style", "mj-style"):
        for one in word.finditer(text):
            yield int(one[1]), Context("style")


def _of_comment(
    text: str, word: re.Pattern[str], protected: Protected
) -> Iterator[tuple[int, Context]]:
    """Outlook reads what stands in a conditional comment; nobody sees any other."""
    conditional = text.startswith("<!--[if")
    for one in word.finditer(text):
        if not conditional:
            yield int(one[1]), Context("comment")
            continue
        attribute, before = _open_attribute(text[max(0, one.start() - _NEAR) : one.start()])
        place = _place(attribute, "")
        if place is not None:
            yield int(one[1]), Context(place, _is_first(before, protected))


def _open_attribute(text: str) -> tuple[str, str]:
    """The attribute in whose value a text ends, and what stands in it; or empty texts."""
    at = max(text.rfind('="'), text.rfind("='"))
    if at < 0 or text[at + 1] in text[at + 2 :]:
        return "", ""
    name = _NAME.search(text[:at])
    return (name[0].lower() if name else ""), text[at + 2 :]


def _place(attribute: str, element: str) -> Place | None:
    if attribute in ADDRESSES:
        return "address"
    if _EVENT.fullmatch(attribute):
        return "event"
    if attribute == "style":
        return "style"
    if element.startswith("mj-") and attribute not in _NOT_STYLES:
        return "style"
    return None


def _is_first(before: str, protected: Protected) -> bool:
    """Whether a value begins an attribute, whichever branches before it are taken."""
    if protected.without_tags(before).strip():
        return False
    tags = protected.tags_in(before)
    return not tags or tags[-1].kind == "control"
