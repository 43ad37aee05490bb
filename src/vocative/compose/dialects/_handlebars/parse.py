"""Handlebars read into a tree.

In comes a text, out go its nodes. Refused: what Handlebars itself refuses, such as a block closed
by another name.
"""

import re
from collections.abc import Iterator

from vocative.compose.dialects._handlebars.lines import Cut, cut_lines
from vocative.compose.dialects._handlebars.scan import Plain, Tag, Token, scan
from vocative.compose.dialects._handlebars.tree import (
    Block,
    Call,
    Expression,
    Inline,
    Literal,
    Node,
    Partial,
    Path,
    Print,
    Span,
    Text,
)
from vocative.compose.dialects._unreadable import Unreadable

MAX_DEPTH = 60
_CONSTANTS = {"true": True, "false": False, "null": None, "undefined": None}
_ESCAPED_QUOTE = re.compile(r"\\([\"'])")


def parse_handlebars(text: str) -> tuple[Node, ...]:
    """The nodes of a Handlebars text.

    Raises:
        Unreadable: Handlebars would refuse it.
    """
    return _Reader(cut_lines(scan(text))).read()


class _Reader:
    """Walks the pieces of a text from left to right."""

    def __init__(self, cuts: list[Cut]) -> None:
        self._cuts = cuts
        self._at = 0
        self._depth = 0

    def read(self) -> tuple[Node, ...]:
        nodes = self._nodes()
        if self._at < len(self._cuts):
            tag = self._tag()
            raise Unreadable(
                "this tag belongs to no block", tag.span.start, "open the block, or take it out"
            )
        return nodes

    def _nodes(self) -> tuple[Node, ...]:
        """Nodes until the tag that ends the block they stand in."""
        nodes: list[Node] = []
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(
                f"blocks are nested more than {MAX_DEPTH} deep",
                self._tag().span.start,
                "take some apart",
            )
        while self._at < len(self._cuts):
            cut = self._cuts[self._at]
            piece = cut.piece
            if isinstance(piece, Plain):
                if cut.start < cut.end:
                    span = Span(piece.at + cut.start, piece.at + cut.end)
                    nodes.append(Text(piece.text[cut.start : cut.end], span))
                self._at += 1
            elif piece.kind in ("else", "close") or (piece.kind == "inverse" and piece.mark != "^"):
                break
            else:
                self._at += 1
                nodes += self._node(piece, cut)
        self._depth -= 1
        return tuple(nodes)

    def _node(self, tag: Tag, cut: Cut) -> Iterator[Node]:
        if tag.kind in ("print", "raw"):
            yield Print(_Words(tag).call(), tag.span, escaped=tag.kind == "print")
        elif tag.kind == "partial":
            yield _Words(tag).partial(cut.indent)
        elif tag.kind == "verbatim":
            yield Text(tag.text, tag.span, moved=True)
        elif tag.kind in ("open", "inverse"):
            yield self._block(tag)

    def _block(self, tag: Tag) -> Node:
        words = _Words(tag)
        if tag.mark == "#>":
            partial = words.partial("")
            body = self._nodes()
            self._close(tag, partial.name or "")
            return Partial(partial.name, tag.span, partial.context, partial.named, "", body)
        call = words.call()
        names = words.block_names()
        body = self._nodes()
        if tag.mark == "#*":
            return self._inline(tag, call, body)
        otherwise = self._otherwise(tag)
        self._close(tag, call.path.original)
        if tag.kind == "inverse":
            body, otherwise = otherwise, body
        return Block(call, tag.span, body, otherwise, names)

    def _otherwise(self, opened: Tag) -> tuple[Node, ...]:
        """What stands behind `{{else}}`; `{{else if x}}` is a block of its own in there."""
        if self._at == len(self._cuts):
            return ()
        tag = self._tag()
        if tag.kind == "else":
            self._at += 1
            return self._nodes()
        if tag.kind == "inverse":
            self._at += 1
            self._depth += 1
            words = _Words(tag)
            call, names = words.call(), words.block_names()
            body = self._nodes()
            otherwise = self._otherwise(opened)
            self._depth -= 1
            return (Block(call, tag.span, body, otherwise, names),)
        return ()

    def _inline(self, tag: Tag, call: Call, body: tuple[Node, ...]) -> Inline:
        name = call.params[0] if call.params else None
        if call.path.original != "inline" or not isinstance(name, Literal):
            raise Unreadable(
                'only inline partials are known: {{#*inline "name"}}', tag.span.start, "take it out"
            )
        self._close(tag, "inline")
        return Inline(str(name.value), tag.span, body)

    def _close(self, opened: Tag, name: str) -> None:
        if self._at == len(self._cuts):
            raise Unreadable(
                f"this block is never closed: expected {{{{/{name}}}}}",
                opened.span.start,
                f"write {{{{/{name}}}}} where it ends",
            )
        tag = self._tag()
        self._at += 1
        if tag.kind != "close":
            raise Unreadable("a second else in one block", tag.span.start, "take one out")
        closing = _Words(tag).call().path.original
        if closing != name:
            raise Unreadable(
                f"{{{{/{closing}}}}} closes a block that {{{{#{name}}}}} opened",
                tag.span.start,
                f"write {{{{/{name}}}}}",
            )

    def _tag(self) -> Tag:
        piece = self._cuts[min(self._at, len(self._cuts) - 1)].piece
        if isinstance(piece, Tag):
            return piece
        return Tag("comment", "", (), Span(piece.at, piece.at))


class _Words:
    """The words of one tag, read from left to right."""

    def __init__(self, tag: Tag) -> None:
        self._tag = tag
        self._tokens = tag.tokens
        self._at = 0
        self._depth = 0

    def call(self) -> Call:
        """A name and what it is given."""
        head = self._value()
        params, named = self._given()
        if isinstance(head, Literal):
            path = Path((head.original,), original=head.original)
        elif isinstance(head, Path):
            path = head
        elif not params and not named:
            return head
        else:
            raise self._wrong()
        self._expect_end()
        return Call(path, params, named)

    def partial(self, indent: str) -> Partial:
        """The name of a partial, its context and its parameters."""
        head = self._value()
        params, named = self._given()
        self._expect_end()
        if len(params) > 1:
            raise Unreadable(
                f"a partial takes one context, not {len(params)}",
                self._tag.span.start,
                "keep one",
            )
        name = None if isinstance(head, Call) else head.original
        if isinstance(head, Path) and head.is_data:
            name = f"@{name}"
        if isinstance(head, Literal):
            name = str(head.value) if isinstance(head.value, str) else head.original
        return Partial(name, self._tag.span, params[0] if params else None, named, indent)

    def block_names(self) -> tuple[str, ...]:
        """`as |item index|`."""
        if self._peek() != "names":
            return ()
        self._at += 1
        names = []
        while self._peek() == "id":
            names.append(self._next().text)
        if self._peek() != "mark" or self._next().text != "|":
            raise self._wrong()
        self._expect_end()
        return tuple(names)

    def _given(self) -> tuple[tuple[Expression, ...], dict[str, Expression]]:
        params: list[Expression] = []
        named: dict[str, Expression] = {}
        while self._at < len(self._tokens) and self._peek() != "names":
            if self._text() in (")", "|"):
                break
            if self._peek() in ("id", "bracket") and self._text(1) == "=":
                name = self._next().text.strip("[]")
                self._at += 1
                named[name] = self._value()
            elif named:
                raise self._wrong()
            else:
                params.append(self._value())
        return tuple(params), named

    def _value(self) -> Expression:
        if self._at == len(self._tokens):
            raise self._wrong()
        token = self._tokens[self._at]
        if token.kind == "string":
            self._at += 1
            text = _ESCAPED_QUOTE.sub(r"\1", token.text[1:-1])
            return Literal(text, text)
        if token.kind == "number":
            self._at += 1
            number = float(token.text) if "." in token.text else int(token.text[:40])
            return Literal(number, token.text)
        if token.kind == "id" and token.text in _CONSTANTS and self._text(1) not in ("/", "."):
            self._at += 1
            return Literal(_CONSTANTS[token.text], token.text)
        if token.text == "(":
            return self._nested()
        return self._path()

    def _nested(self) -> Call:
        self._at += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong()
        head = self._value()
        params, named = self._given()
        if self._text() != ")" or isinstance(head, Literal):
            raise self._wrong()
        self._at += 1
        self._depth -= 1
        if isinstance(head, Call):
            return head
        return Call(head, params, named)

    def _path(self) -> Path:
        is_data = self._text() == "@"
        self._at += is_data
        parts: list[str] = []
        original, depth, scoped = "", 0, False
        while True:
            if self._at == len(self._tokens):
                raise self._wrong()
            token = self._next()
            literal = token.kind == "bracket"
            word = token.text[1:-1] if literal else token.text
            original += word
            if not literal and word in ("..", ".", "this"):
                if parts:
                    raise Unreadable(f"Invalid path: {original}", token.at, "write the name alone")
                depth += word == ".."
                scoped = True
            elif literal or token.kind in ("id", "number"):
                parts.append(word)
            else:
                raise self._wrong()
            if self._text() not in ("/", ".") or not self._is_joined():
                break
            original += self._next().text
        return Path(tuple(parts), depth, is_data, scoped, original)

    def _is_joined(self) -> bool:
        """Whether the separator stands right behind the word before it."""
        before, now = self._tokens[self._at - 1], self._tokens[self._at]
        return before.at + len(before.text) == now.at

    def _peek(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _text(self, further: int = 0) -> str:
        at = self._at + further
        return self._tokens[at].text if at < len(self._tokens) else ""

    def _next(self) -> Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect_end(self) -> None:
        if self._at < len(self._tokens) and self._peek() != "names":
            raise self._wrong()

    def _wrong(self) -> Unreadable:
        at = self._at if self._at < len(self._tokens) else len(self._tokens) - 1
        place = self._tokens[at].at if self._tokens else self._tag.span.start
        return Unreadable("this expression cannot be read", place, "repair it")
