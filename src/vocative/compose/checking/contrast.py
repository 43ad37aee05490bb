"""Whether text can be told from what is behind it.

In comes a protected layout, out come the places where the contrast of WCAG 2.2 (1.4.3, level AA) is
missed. Read from the styles as they are sent: the layout is compiled once with every element
marked, then colours are inherited downwards as a mail program does. Where a colour is not known (a
value of a template, a picture behind the text), nothing is said. Behind everything is white.
"""

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vocative.compose.markup.layout import to_html
from vocative.compose.markup.protect import Protected
from vocative.errors import Where

if TYPE_CHECKING:
    from lxml.html import HtmlElement  # type: ignore[import-untyped]

LEAST = 4.5
LEAST_LARGE = 3.0
"""For text of 24 px, or of 18.66 px when it is bold."""
_LARGE_PX = 24.0
_LARGE_BOLD_PX = 18.66
_BOLD = 600
_START = re.compile(r"<([A-Za-z][\w-]*)((?:[^<>\"]|\"[^\"]*\")*?)(/?)>")
_CLASS = re.compile(r'(\bcss-class=")')
# These take no class, or are not written as elements.
_UNMARKED = frozenset(("mj-raw", "mj-style", "mj-attributes", "style", "title"))
_MARK = "lqmark"
_HEX = re.compile(r"#([0-9a-f]{3}|[0-9a-f]{6})")
_RGB = re.compile(r"rgb\((\d{1,3})[, ]+(\d{1,3})[, ]+(\d{1,3})\)")
_NAMED = {
    "black": "#000000", "silver": "#c0c0c0", "gray": "#808080", "grey": "#808080",
    "white": "#ffffff", "maroon": "#800000", "red": "#ff0000", "purple": "#800080",
    "fuchsia": "#ff00ff", "green": "#008000", "lime": "#00ff00", "olive": "#808000",
    "yellow": "#ffff00", "navy": "#000080", "blue": "#0000ff", "teal": "#008080",
    "aqua": "#00ffff", "orange": "#ffa500", "lightgray": "#d3d3d3", "lightgrey": "#d3d3d3",
    "darkgray": "#a9a9a9", "darkgrey": "#a9a9a9", "pink": "#ffc0cb",
}  # fmt: skip
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class _Look:
    """How text looks at some place; None: not known."""

    colour: Colour | None = (0, 0, 0)
    behind: Colour | None = (255, 255, 255)
    size_px: float = 16.0
    bold: bool = False
    hidden: bool = False
    mark: int | None = None


@dataclass(frozen=True, kw_only=True)
class PoorContrast:
    """Text that is hard to read."""

    where: Where
    ratio: float
    least: float
    colour: str
    behind: str


def poor_contrasts(protected: Protected) -> Iterator[PoorContrast]:
    """Each element of a layout whose text does not stand out enough.

    Raises:
        AuthorError: the layout cannot be compiled.
    """
    from lxml.html import document_fromstring

    marked, places = _marked(protected)
    html = to_html(marked, preheader=False)
    body = document_fromstring(html.removeprefix(protected.prologue)).find("body")
    seen: set[int | None] = set()
    for node, look in _looks(body, _Look(), protected):
        if look.mark in seen or look.hidden or look.colour is None or look.behind is None:
            continue
        ratio = contrast(look.colour, look.behind)
        large = look.size_px >= (_LARGE_BOLD_PX if look.bold else _LARGE_PX)
        least = LEAST_LARGE if large else LEAST
        if ratio < least and _has_words(node, protected):
            seen.add(look.mark)
            yield PoorContrast(
                where=protected.where_text(places[look.mark] if look.mark is not None else 0),
                ratio=ratio,
                least=least,
                colour=_written(look.colour),
                behind=_written(look.behind),
            )


def contrast(one: Colour, other: Colour) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio").

    >>> round(contrast((0, 0, 0), (255, 255, 255)), 2)
    21.0
    """
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: Colour) -> float:
    parts = []
    for value in colour:
        share = value / 255
        parts.append(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _marked(protected: Protected) -> tuple[Protected, list[int]]:
    """The layout with a mark on every element of its body, and where each of them stands."""
    places: list[int] = []
    start = re.search(r"<(?:mj-)?body\b", protected.text)
    begin = start.start() if start else 0

    def mark(found: re.Match[str]) -> str:
        name, inside, closing = found[1], found[2], found[3]
        if found.start() < begin or name in _UNMARKED:
            return found[0]
        places.append(found.start())
        number = len(places) - 1
        if not name.startswith("mj-"):
            return f'<{name}{inside} data-{_MARK}="{number}"{closing}>'
        word = f"{_MARK}{number}e"
        if _CLASS.search(inside):
            inside = _CLASS.sub(rf"\g<1>{word} ", inside, count=1)
        else:
            inside += f' css-class="{word}"'
        return f"<{name}{inside}{closing}>"

    marked = copy.copy(protected)
    marked.text = _START.sub(mark, protected.text)
    return marked, places


def _looks(
    node: "HtmlElement", around: _Look, protected: Protected
) -> Iterator[tuple["HtmlElement", _Look]]:
    """Every element below a node with how its own text looks."""
    pending = [(node, around)]
    while pending:
        one, inherited = pending.pop()
        if not isinstance(one.tag, str) or one.tag in ("style", "title"):
            continue
        look = _look_of(one, inherited, protected)
        yield one, look
        pending += [(child, look) for child in reversed(list(one))]


def _look_of(node: "HtmlElement", around: _Look, protected: Protected) -> _Look:
    look = replace(around, mark=_mark_of(node, around.mark))
    if node.tag == "a":
        # Without a colour of its own a link is as blue as the mail program likes.
        look = replace(look, colour=None)
    if node.tag in ("b", "strong", "h1", "h2", "h3", "th"):
        look = replace(look, bold=True)
    if node.tag in ("h1", "h2", "h3"):
        look = replace(look, size_px=max(look.size_px, 18.72))
    if node.get("bgcolor"):
        look = replace(look, behind=_colour(node.get("bgcolor")))
    if node.get("background"):
        look = replace(look, behind=None)
    if node.tag == "font" and node.get("color"):
        look = replace(look, colour=_colour(node.get("color")))
    for name, value in _declarations(node.get("style", "")):
        look = _with(look, name, value, inherited=around)
    if node.get("style") and protected.tags_in(node.get("style")):
        look = replace(look, colour=None, behind=None)
    return look


def _with(look: _Look, name: str, value: str, *, inherited: _Look) -> _Look:
    if name == "color":
        return replace(
            look, colour=inherited.colour if value in ("inherit", "unset") else _colour(value)
        )
    if name == "background-color" or (name == "background" and "url(" not in value):
        if value in ("transparent", "none", "inherit", "initial"):
            return look
        first = value if value.startswith("rgb") else value.split(maxsplit=1)[0]
        return replace(look, behind=_colour(first))
    if name in ("background", "background-image") and value != "none":
        return replace(look, behind=None)
    if name == "font-size":
        return replace(look, size_px=_pixels(value, look.size_px))
    if name == "font-weight":
        return replace(look, bold=value in ("bold", "bolder") or _number(value) >= _BOLD)
    if name == "opacity":
        return replace(look, colour=look.colour if _number(value) == 1 else None)
    if (name, value) in (("display", "none"), ("visibility", "hidden")):
        return replace(look, hidden=True)
    return look


def _declarations(style: str) -> Iterator[tuple[str, str]]:
    for part in style.split(";"):
        name, colon, value = part.partition(":")
        if colon:
            yield name.strip().lower(), value.replace("!important", "").strip().lower()


def _mark_of(node: "HtmlElement", around: int | None) -> int | None:
    own = node.get(f"data-{_MARK}")
    if own is not None:
        return int(own)
    # MJML writes the class of a group for Outlook, too: `lqmark3e-outlook`.
    found = re.search(rf"{_MARK}(\d+)e\b(?!-)", node.get("class", ""))
    return int(found[1]) if found else around


def _has_words(node: "HtmlElement", protected: Protected) -> bool:
    """Whether text stands directly in an element."""
    texts = [node.text or "", *(child.tail or "" for child in node)]
    words = " ".join(texts).replace("\xa0", " ")
    printed = any(tag.kind == "output" for tag in protected.tags_in(words))
    return printed or any(one.isalnum() for one in protected.without_tags(words))


def _colour(written: str) -> Colour | None:
    written = _NAMED.get(written.strip().lower(), written.strip().lower())
    found = _HEX.fullmatch(written)
    if found:
        digits = found[1] if len(found[1]) == 6 else "".join(one * 2 for one in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    found = _RGB.fullmatch(written)
    if found:
        return min(int(found[1]), 255), min(int(found[2]), 255), min(int(found[3]), 255)
    return None


def _written(colour: Colour) -> str:
    return "#" + "".join(f"{value:02x}" for value in colour)


def _pixels(written: str, around: float) -> float:
    found = re.fullmatch(r"(\d*\.?\d+)(px|pt|em|rem|%)?", written)
    if found is None:
        return around
    factor = {"pt": 4 / 3, "em": around, "rem": 16.0, "%": around / 100}.get(found[2] or "px", 1.0)
    return float(found[1]) * factor


def _number(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        return 0.0
