"""The markup of a layout: MJML and HTML read strictly, with the author's place of everything.

In comes text without Liquid (every tag already stands as a plain word), out go pieces: start
tags with attributes, end tags, comments, text. Refused: what is not closed, closed twice, nested
too deep or unknown to MJML. MJML's own parser forgives much of that, and points nowhere.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NoReturn

from vocative.errors import AuthorError, Where, nearest

VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
# MJML components that hold other components; visible text must stand in one of the others.
CONTAINERS = frozenset(
    "mjml mj-head mj-body mj-section mj-column mj-wrapper mj-group mj-hero mj-navbar mj-social"
    " mj-accordion mj-accordion-element mj-carousel mj-attributes".split()
)
CONTENT = frozenset(
    "mj-text mj-button mj-image mj-divider mj-spacer mj-table mj-raw mj-title mj-preview mj-style"
    " mj-font mj-breakpoint mj-all mj-class mj-navbar-link mj-social-element mj-accordion-title"
    " mj-accordion-text mj-carousel-image mj-html-attributes mj-selector mj-html-attribute".split()
)
RAW_TEXT = frozenset(("mj-style", "mj-title", "style", "title"))
_KNOWN = CONTAINERS | CONTENT
REFUSED = {
    "script": "mail programs do not run scripts; remove it",
    "mj-include": "write {% render 'name' %} with the file in templates/blocks",
    "iframe": "mail programs do not show frames; link to the page",
    "form": "most mail programs block forms; link to a page that has one",
}
_MAX_DEPTH = 60
_NAME = r"[A-Za-z][\w:.-]*"
_START = re.compile(rf"<({_NAME})((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_END = re.compile(rf"</({_NAME})\s*>")
_ATTRIBUTE = re.compile(r"([^\s=/\"'<>]+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s\"'<>]+))?")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute; `start` is where its value stands, or its name when it has none."""

    name: str
    value: str | None
    start: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the markup, from `start` to `end`, inside the element `parent`."""

    kind: Literal["start", "end", "comment", "text"]
    start: int
    end: int
    parent: str
    name: str = ""
    attributes: tuple[Attribute, ...] = ()
    closed: bool = False
    """A start tag that is its own end."""

    def attribute(self, name: str) -> Attribute | None:
        """The attribute of that name."""
        return next((found for found in self.attributes if found.name == name), None)


class _Reader:
    def __init__(self, text: str, where: Callable[[int], Where], word: str) -> None:
        self.text = text
        self.word = word
        self.where = where
        self.open: list[tuple[str, int]] = []

    def pieces(self) -> Iterator[Piece]:
        text, at = self.text, 0
        while at < len(text):
            start = self._next_markup(at)
            if start < 0:
                start = len(text)
            if start > at:
                yield Piece("text", at, start, self._parent())
            if start == len(text):
                break
            piece = self._markup(start)
            if piece.kind != "comment" or text.startswith("<!--", start):
                yield piece
            at = piece.end
        if self.open:
            name, start = self.open[-1]
            self._refuse(f"<{name}> is never closed", start, f"write </{name}> where it ends")

    def _next_markup(self, at: int) -> int:
        if self._parent() in RAW_TEXT:
            return self.text.find("</", at)
        while (at := self.text.find("<", at)) >= 0:
            if self.text[at + 1 : at + 2] in "/!?" or self.text[at + 1 : at + 2].isalpha():
                return at
            at += 1
        return -1

    def _parent(self) -> str:
        return self.open[-1][0] if self.open else ""

    def _markup(self, start: int) -> Piece:
        text = self.text
        if text.startswith("<!--", start):
            return Piece("comment", start, self._after("-->", start), self._parent())
        if text.startswith(("<!", "<?"), start):
            return Piece("comment", start, self._after(">", start), self._parent())
        if text.startswith("</", start):
            return self._end_tag(start)
        return self._start_tag(start)

    def _after(self, closing: str, start: int) -> int:
        end = self.text.find(closing, start)
        if end < 0:
            self._refuse("this is never closed", start, f"write {closing} where it ends")
        return end + len(closing)

    def _start_tag(self, start: int) -> Piece:
        found = _START.match(self.text, start)
        if found is None:
            self._refuse("this tag is not closed, or a quote in it is not", start, "write >")
        name, inside = found[1], found[2]
        self._check_name(name, start)
        closed = inside.endswith("/") or name in VOID
        parent = self._parent()
        if not closed:
            self.open.append((name, start))
            if len(self.open) > _MAX_DEPTH:
                self._refuse(f"elements are nested more than {_MAX_DEPTH} deep", start, None)
        attributes = tuple(read_attributes(inside, found.start(2)))
        return Piece("start", start, found.end(), parent, name, attributes, closed)

    def _end_tag(self, start: int) -> Piece:
        found = _END.match(self.text, start)
        if found is None:
            self._refuse("this end tag is not closed", start, "write >")
        name = found[1]
        if name in VOID:
            return Piece("comment", start, found.end(), self._parent())
        if not self.open:
            self._refuse(f"</{name}> closes nothing", start, "remove it")
        expected, opened_at = self.open.pop()
        if expected != name:
            line = self.where(opened_at).line
            self._refuse(
                f"</{name}> closes nothing here: <{expected}> of line {line} is still open",
                start,
                f"write </{expected}> first; a Liquid branch must close what it opens",
            )
        return Piece("end", start, found.end(), self._parent(), name)

    def _check_name(self, name: str, start: int) -> None:
        if name.startswith(self.word):
            self._refuse("Liquid cannot write the name of an element", start, "write it out")
        if name in REFUSED:
            self._refuse(f"<{name}> is not allowed in a template", start, REFUSED[name])
        if name.startswith("mj") and name not in _KNOWN:
            guess = nearest(name, _KNOWN)
            hint = f"did you mean <{guess}>?" if guess else "see https://documentation.mjml.io"
            self._refuse(f"<{name}> is no MJML component", start, hint)

    def _refuse(self, message: str, start: int, hint: str | None) -> NoReturn:
        raise AuthorError(message, where=self.where(start), hint=hint)


def read_attributes(inside: str, start: int) -> Iterator[Attribute]:
    """The attributes of a start tag.

    Args:
        inside: What stands behind the element's name.
        start: Where that stands in the whole text.
    """
    for found in _ATTRIBUTE.finditer(inside):
        name, value = found[1], found[2]
        if value is None:
            yield Attribute(name, None, start + found.start(1))
        else:
            quoted = value[:1] in ("'", '"')
            place = start + found.start(2) + quoted
            yield Attribute(name, value[1:-1] if quoted else value, place)


def read_markup(text: str, where: Callable[[int], Where], *, word: str) -> list[Piece]:
    """The pieces of a layout, in order.

    Args:
        text: MJML without Liquid tags.
        where: The author's place of an offset in `text`.
        word: What the words that stand for Liquid tags begin with.

    Raises:
        AuthorError: the markup is not well-formed, or uses what mail cannot hold.
    """
    return list(_Reader(text, where, word).pieces())
