r"""Handlebars cut into text and tags, in one pass.

In comes a text, out go pieces in order. Refused: a tag that is never closed, and a character that
no expression can hold. Escapes (`\\{{`) are resolved here.
"""

import re
from dataclasses import dataclass
from typing import Literal

from vocative.compose.dialects._handlebars.tree import Span
from vocative.compose.dialects._unreadable import Unreadable

TagKind = Literal[
    "print", "raw", "open", "inverse", "else", "close", "partial", "comment", "verbatim", "setting"
]
_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<string>"(?:\\["\\]|[^"])*"|'(?:\\['\\]|[^'])*')
  | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?=[~}\s)\]]))
  | (?P<bracket>\[(?:\\\]|[^\]])*\])
  | (?P<names>as\s+\|)
  | (?P<up>\.\.)
  | (?P<mark>[=@()|./])
  | (?P<id>[^\s!"\#%-,./;->@\[-^`{-~]+)
    """,
    re.VERBOSE,
)
_OPENER = re.compile(r"\{\{")
_COMMENT = re.compile(r"\{\{(~?)!(?:--(?P<long>[\s\S]*?)--(~?)\}\}|(?P<short>[\s\S]*?)\}\})")
_KIND = re.compile(
    r"\{\{(?P<left>~?)(?P<mark>\{|&|>|\#>|\#\*|\#|/|\^|\s*else\b(?=\s*~?\}\}|\s+)|\*)?"
)
_KINDS: dict[str, TagKind] = {
    "{": "raw",
    "&": "raw",
    ">": "partial",
    "#>": "open",
    "#*": "open",
    "#": "open",
    "/": "close",
    "^": "inverse",
    "else": "inverse",
    "": "print",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of an expression."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, not yet understood."""

    kind: TagKind
    mark: str
    """What follows the braces, such as `#` or `#>`."""
    tokens: tuple[Token, ...]
    span: Span
    trims_left: bool = False
    trims_right: bool = False
    text: str = ""
    """What a verbatim block holds."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Text between tags."""

    text: str
    at: int


Piece = Plain | Tag


def scan(text: str) -> list[Piece]:
    """The pieces of a Handlebars text.

    Raises:
        Unreadable: a tag is not closed, or holds what no expression can hold.
    """
    pieces: list[Piece] = []
    at = 0
    while found := _OPENER.search(text, at):
        start = found.start()
        before = text[at:start]
        if before.endswith("\\") and not before.endswith("\\\\"):
            at = _add_escaped(pieces, text, at, start)
            continue
        if before.endswith("\\\\"):
            before = before[:-1]
        if before:
            pieces.append(Plain(before, at))
        tag = _tag_at(text, start)
        pieces.append(tag)
        at = tag.span.end
    if at < len(text):
        pieces.append(Plain(text[at:], at))
    return pieces


def _add_escaped(pieces: list[Piece], text: str, at: int, start: int) -> int:
    r"""Add text before and behind `\\{{`; where it ends."""
    if start - 1 > at:
        pieces.append(Plain(text[at : start - 1], at))
    end = text.find("{{", start + 2)
    if end < 0:
        end = len(text)
    else:
        while end > start + 2 and text[end - 1] == "\\":
            end -= 1
    pieces.append(Plain(text[start:end], start))
    return end


def _tag_at(text: str, start: int) -> Tag:
    comment = _COMMENT.match(text, start)
    if comment is not None:
        right = bool(comment[3]) or (comment["short"] or "").endswith("~")
        return Tag("comment", "!", (), Span(start, comment.end()), bool(comment[1]), right)
    if text.startswith("{{{{", start):
        return _verbatim(text, start)
    opened = _KIND.match(text, start)
    assert opened is not None  # noqa: S101 - the text has braces there
    mark = (opened["mark"] or "").strip()
    tokens, end, trims_right = _tokens(text, opened.end(), start, triple=mark == "{")
    kind = _KINDS.get(mark)
    if kind is None:
        raise Unreadable("a decorator that is no inline partial", start, "take it out")
    if kind == "inverse" and not tokens:
        kind = "else"
    return Tag(kind, mark, tokens, Span(start, end), bool(opened["left"]), trims_right)


def _tokens(text: str, at: int, start: int, *, triple: bool) -> tuple[tuple[Token, ...], int, bool]:
    """The words of an expression, where its tag ends, and whether it trims what follows."""
    tokens: list[Token] = []
    closing = re.compile(r"\}(~?)\}\}") if triple else re.compile(r"(~?)\}\}")
    while at < len(text):
        closed = closing.match(text, at)
        if closed is not None and not triple and text.startswith("}", closed.end()):
            raise Unreadable("three braces close what two have opened", start, "take one away")
        if closed is not None:
            return tuple(tokens), closed.end(), bool(closed[1])
        found = _TOKEN.match(text, at)
        if found is None:
            break
        if found.lastgroup != "space":
            tokens.append(Token(str(found.lastgroup), found[0], at))
        at = found.end()
    message = "this tag is never closed" if at >= len(text) else "this tag cannot be read"
    raise Unreadable(message, start, "repair the expression between the braces")


def _verbatim(text: str, start: int) -> Tag:
    """`{{{{name}}}} … {{{{/name}}}}`: text in which nothing is a tag."""
    opened = re.compile(r"\{\{\{\{\s*([\w-]+)\s*\}\}\}\}").match(text, start)
    if opened is None:
        raise Unreadable("this raw block cannot be read", start, "write {{{{name}}}}")
    closing = f"{{{{{{{{/{opened[1]}}}}}}}}}"
    end = text.find(closing, opened.end())
    if end < 0:
        raise Unreadable("this raw block is never closed", start, f"write {closing}")
    span = Span(start, end + len(closing))
    return Tag("verbatim", opened[1], (), span, text=text[opened.end() : end])
