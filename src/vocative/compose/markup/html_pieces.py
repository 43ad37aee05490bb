"""The markup of a template written in HTML, read as mail programs read it: forgivingly.

In comes text without Liquid (every tag already stands as a plain word), out go the pieces that
`markup` gives for MJML. What is not closed is left to the HTML parser, as in a browser. Refused:
what mail programs do not show or must not run, and Liquid that writes the name of an element.
"""

import re
from collections.abc import Callable, Iterator
from typing import NoReturn

from vocative.compose.markup.pieces import REFUSED, VOID, Piece, read_attributes
from vocative.errors import AuthorError, Where

RAW_TEXT = frozenset(("style", "title", "textarea", "xmp"))
_MARKUP = re.compile(
    r"<!--.*?-->|<![^>]*>|<\?[^>]*>"
    r"|</(?P<end>[A-Za-z][^\s>/]*)[^>]*>"
    r"|<(?P<start>[A-Za-z][^\s>/]*)(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>",
    re.DOTALL,
)
# What begins like markup and is not: it is refused, so that nothing is looked for twice.
_BEGINS = re.compile(r"<(?:!|\?|/?[A-Za-z])")
_REFUSED = {
    **{name: why for name, why in REFUSED.items() if not name.startswith("mj")},
    "object": "mail programs do not show it; link to the page",
    "embed": "mail programs do not show it; link to the page",
    "base": "write whole addresses, with https://",
}
_EVENT = re.compile(r"on[a-z]+", re.IGNORECASE)


def read_html(
    text: str, where: Callable[[int], Where], *, word: str, is_control: Callable[[int], bool]
) -> list[Piece]:
    """The pieces of a page, in order; the parent of each is the raw text that it stands in.

    Args:
        text: HTML without Liquid tags.
        where: The author's place of an offset in `text`.
        word: What the words that stand for Liquid tags begin with.
        is_control: Whether the tag of a number is a control tag.

    Raises:
        AuthorError: it holds what a mail cannot.
    """
    return list(_Reader(text, where, word, is_control).pieces())


class _Reader:
    def __init__(
        self,
        text: str,
        where: Callable[[int], Where],
        word: str,
        is_control: Callable[[int], bool],
    ) -> None:
        self.text, self.where, self.is_control = text, where, is_control
        self.tag = re.compile(rf"{word}(\d+)x")

    def pieces(self) -> Iterator[Piece]:
        text, at = self.text, 0
        while begun := _BEGINS.search(text, at):
            found = _MARKUP.match(text, begun.start())
            if found is None:
                message = "this is never closed, or a quote in it is not"
                self._refuse(message, begun.start(), "write > where the tag ends")
            if found.start() > at:
                yield Piece("text", at, found.start(), "")
            at = found.end()
            piece = self._piece(found)
            yield piece
            if piece.kind == "start" and piece.name in RAW_TEXT:
                closing = re.compile(rf"</{piece.name}\b", re.IGNORECASE).search(text, at)
                end = closing.start() if closing else len(text)
                if end > at:
                    yield Piece("text", at, end, piece.name)
                at = end
        if at < len(text):
            yield Piece("text", at, len(text), "")

    def _piece(self, found: re.Match[str]) -> Piece:
        start, end = found.span()
        if found["end"]:
            return Piece("end", start, end, "", found["end"].lower())
        if not found["start"]:
            return Piece("comment", start, end, "")
        name, behind = found["start"].lower(), found.end("start")
        if tag := self.tag.search(name):
            # A condition may follow the name at once: <td{% if … %} nowrap{% endif %}>.
            if not tag.start() or not self.is_control(int(tag[1])):
                self._refuse("Liquid cannot write the name of an element", start, "write it out")
            name, behind = name[: tag.start()], found.start("start") + tag.start()
        if name in _REFUSED:
            self._refuse(f"<{name}> is not allowed in a template", start, _REFUSED[name])
        inside = self.text[behind : end - 1]
        attributes = tuple(read_attributes(inside, behind))
        for one in attributes:
            if _EVENT.fullmatch(one.name):
                message = f"{one.name} runs a script, which no mail program does"
                self._refuse(message, one.start, "remove it")
        closed = name in VOID or inside.endswith("/")
        return Piece("start", start, end, "", name, attributes, closed)

    def _refuse(self, message: str, start: int, hint: str) -> NoReturn:
        raise AuthorError(message, where=self.where(start), hint=hint)
