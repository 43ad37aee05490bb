"""Mustache read into the same tree as Handlebars; its delimiters may change on the way."""

import re

from vocative.compose.dialects._handlebars.lines import Cut, cut_lines
from vocative.compose.dialects._handlebars.scan import Piece, Plain, Tag, TagKind, Token
from vocative.compose.dialects._handlebars.tree import (
    Block,
    Call,
    Node,
    Partial,
    Path,
    Print,
    Span,
    Text,
)
from vocative.compose.dialects._unreadable import Unreadable

_KINDS: dict[str, TagKind] = {
    "#": "open",
    "^": "inverse",
    "/": "close",
    ">": "partial",
    "!": "comment",
    "&": "raw",
    "{": "raw",
    "=": "setting",
}
_OPTIONAL = {"<": "inheritance (<)", "$": "inheritance ($)"}
MAX_DEPTH = 60


def parse_mustache(text: str) -> tuple[Node, ...]:
    """The nodes of a Mustache text.

    Raises:
        Unreadable: a tag or a section is not closed, or the tag is of an optional module.
    """
    cuts = cut_lines(_scan(text))
    nodes, at = _read(cuts, 0, None, 0)
    if at < len(cuts):
        tag = cuts[at].piece
        start = tag.span.start if isinstance(tag, Tag) else 0
        raise Unreadable("this tag closes no section", start, "open it, or take the tag out")
    return nodes


def _scan(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    opening, closing = "{{", "}}"
    at = 0
    while (start := text.find(opening, at)) >= 0:
        if start > at:
            pieces.append(Plain(text[at:start], at))
        inside = start + len(opening)
        mark = text[inside : inside + 1]
        ending = f"}}{closing}" if mark == "{" else f"={closing}" if mark == "=" else closing
        end = text.find(ending, inside + (mark in _KINDS))
        if end < 0:
            raise Unreadable("this tag is never closed", start, f"write {ending} where it ends")
        words = text[inside + (mark in _KINDS) : end].strip()
        at = end + len(ending)
        span = Span(start, at)
        if mark in _OPTIONAL:
            raise Unreadable(
                f"{_OPTIONAL[mark]} is an optional part of Mustache that is not carried",
                start,
                "write the text out, or use a partial",
            )
        if mark == "=":
            opening, closing = _delimiters(words, start)
        kind = _KINDS.get(mark, "print")
        if kind == "setting":
            kind = "comment"
        pieces.append(Tag(kind, mark, (Token("id", words, inside),), span))
    if at < len(text):
        pieces.append(Plain(text[at:], at))
    return pieces


def _delimiters(words: str, at: int) -> tuple[str, str]:
    found = re.fullmatch(r"([^\s=]{1,20})\s+([^\s=]{1,20})", words)
    if found is None:
        raise Unreadable("delimiters are two words: {{=<% %>=}}", at, "repair them")
    return found[1], found[2]


def _read(cuts: list[Cut], at: int, opened: Tag | None, depth: int) -> tuple[tuple[Node, ...], int]:
    """The nodes until the section that is open ends, and where the next piece is."""
    nodes: list[Node] = []
    if depth > MAX_DEPTH and opened is not None:
        message = f"sections are nested more than {MAX_DEPTH} deep"
        raise Unreadable(message, opened.span.start, "take some apart")
    while at < len(cuts):
        cut = cuts[at]
        piece = cut.piece
        at += 1
        if isinstance(piece, Plain):
            if cut.start < cut.end:
                span = Span(piece.at + cut.start, piece.at + cut.end)
                nodes.append(Text(piece.text[cut.start : cut.end], span))
            continue
        name = piece.tokens[0].text
        if piece.kind == "close":
            if opened is None:
                return tuple(nodes), at - 1
            if opened.tokens[0].text != name:
                raise Unreadable(
                    f"this closes {name}, but {opened.tokens[0].text} is open",
                    piece.span.start,
                    "close sections in the order they were opened",
                )
            return tuple(nodes), at
        if piece.kind in ("open", "inverse"):
            body, at = _read(cuts, at, piece, depth + 1)
            kept, otherwise = (body, ()) if piece.kind == "open" else ((), body)
            nodes.append(Block(Call(_path(name)), piece.span, kept, otherwise))
        elif piece.kind == "partial":
            nodes.append(_partial(name, piece, cut))
        elif piece.kind in ("print", "raw"):
            nodes.append(Print(Call(_path(name)), piece.span, escaped=piece.kind == "print"))
    if opened is not None:
        raise Unreadable(
            "this section is never closed", opened.span.start, "close it where it ends"
        )
    return tuple(nodes), at


def _partial(name: str, tag: Tag, cut: Cut) -> Partial:
    # A name that the data hold is of the optional module of dynamic names.
    known = None if name.startswith("*") else name
    return Partial(known, tag.span, indent=cut.indent)


def _path(name: str) -> Path:
    if name == ".":
        return Path((), scoped=True, original=name)
    return Path(tuple(part.strip() for part in name.split(".")), original=name)
