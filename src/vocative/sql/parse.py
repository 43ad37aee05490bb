"""Text to tree.

sqlglot splits the text into words and builds its tree with the table in `dialect.py`; this module
admits what belongs to the subset, piece by piece, and refuses the rest with the place of the
word. Refused before sqlglot's parser sees them: comments, semicolons, brackets, parameters, texts
above 10,000 characters and brackets deeper than 32.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from vocative.errors import AuthorError
from vocative.sql.nodes import FieldRef, InSegment, Node, Now, Score
from vocative.sql.place import Place, in_line

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

MAX_CHARACTERS = 10_000
MAX_TOKENS = 2_000
MAX_DEPTH = 32

_STATEMENTS = frozenset(
    re.findall(
        r"\w+",
        "select with values insert update delete drop create alter attach detach copy export import"
        " install load pragma set call truncate merge vacuum union exists any all some cast",
    )
)


@dataclass(frozen=True, kw_only=True)
class Expression:
    """A parsed expression and what it names."""

    text: str
    node: Node
    place: Place

    @cached_property
    def fields(self) -> frozenset[str]:
        """Names of traits, features and columns."""
        return frozenset(node.name for node in self.node.walk() if isinstance(node, FieldRef))

    @cached_property
    def segments(self) -> frozenset[str]:
        """Segments asked for with in_segment('…')."""
        found = (node for node in self.node.walk() if isinstance(node, InSegment))
        return frozenset(node.segment for node in found)

    @cached_property
    def scores(self) -> frozenset[str]:
        """Models asked for with score('…')."""
        return frozenset(node.model for node in self.node.walk() if isinstance(node, Score))

    @cached_property
    def uses_now(self) -> bool:
        """Whether the answer can change without a new fact."""
        return any(isinstance(node, Now) for node in self.node.walk())


def parse(text: str, place: Place | None = None) -> Expression:
    """The tree of an expression.

    Args:
        text: One expression of the subset.
        place: Where its characters stand, for errors; a text on its own unless told.

    Raises:
        AuthorError: the text is not an expression of the subset.

    >>> sorted(parse("spend > 5 and in_segment('vip')").fields)
    ['spend']
    """
    place = place or in_line(text)
    refuse = Refusal(place)
    if not text.strip():
        raise AuthorError("the expression is empty", where=place(0))
    if len(text) > MAX_CHARACTERS:
        raise refuse(
            MAX_CHARACTERS,
            f"an expression has at most {MAX_CHARACTERS:,} characters, this one {len(text):,}",
            "split it into several segments and join them with in_segment('…')",
            quoted=False,
        )
    for offset, character in enumerate(text):
        if not character.isprintable() and character not in "\n\t\r ":
            raise refuse(offset, "this character is not allowed in an expression")
    try:
        tokens = _tokens(text, refuse)
        tree = _tree(text, tokens, refuse)
        from vocative.sql.lower import Lowering

        return Expression(text=text, node=Lowering(refuse).node(tree), place=place)
    except RecursionError:
        raise refuse(
            0, "the expression is nested too deeply", "name its parts as segments"
        ) from None


class Refusal:
    """Makes the error for an offset of the expression."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def __call__(
        self, offset: int, message: str, hint: str | None = None, *, quoted: bool = True
    ) -> AuthorError:
        """The error; `quoted` False leaves the source line out."""
        where = self.place(offset)
        if not quoted:
            where = type(where)(file=where.file, line=where.line)
        return AuthorError(message, where=where, hint=hint)


def _tokens(text: str, refuse: Refusal) -> "list[Token]":
    from sqlglot.errors import TokenError

    from vocative.sql.dialect import ALLOWED_TOKENS, SUBSET

    try:
        tokens = SUBSET.tokenize(text)
    except TokenError as error:
        raise refuse(
            _unclosed(text),
            "this text is not closed",
            "end it with the same quote; double a quote inside: 'it''s'",
        ) from error
    if len(tokens) > MAX_TOKENS:
        raise refuse(tokens[MAX_TOKENS].start, f"an expression has at most {MAX_TOKENS:,} words")
    depth = 0
    for index, token in enumerate(tokens):
        if token.comments:
            at = min(
                (text.find(mark) for mark in ("--", "/*") if mark in text), default=token.start
            )
            raise refuse(at, "a comment is not part of an expression", "use `describe:` for notes")
        if token.token_type not in ALLOWED_TOKENS:
            raise refuse(
                token.start, f"{_shown(token)} is not part of an expression", _advice(token)
            )
        depth += (
            {"(": 1, ")": -1}.get(token.text, 0) if token.token_type.name.endswith("PAREN") else 0
        )
        if depth > MAX_DEPTH:
            raise refuse(token.start, f"brackets are nested deeper than {MAX_DEPTH}")
        _refuse_statement(tokens, index, refuse)
    return tokens


def _unclosed(text: str) -> int:
    """Where the text starts that has no closing quote."""
    opened: int | None = None
    for offset, character in enumerate(text):
        if opened is None and character in "'\"":
            opened = offset
        elif opened is not None and character == text[opened]:
            opened = None
    return opened or 0


def _refuse_statement(tokens: "list[Token]", index: int, refuse: Refusal) -> None:
    token = tokens[index]
    if token.token_type.name != "VAR" or token.text.lower() not in _STATEMENTS:
        return
    after_dot = index > 0 and tokens[index - 1].text == "."
    if not after_dot:
        raise refuse(
            token.start,
            f"{token.text!r} is not part of an expression: only values and conditions are",
            f'a field with that name is written in double quotes: "{token.text}"',
        )


def _shown(token: "Token") -> str:
    return repr(token.text[:20])


def _advice(token: "Token") -> str | None:
    return {
        ";": "one expression stands alone",
        "%": "remainders are not supported",
        "|": "joining texts is not supported",
        "[": "write a list as in ('a', 'b')",
        ":": "casts are not supported; use to_number(…) for text",
    }.get(token.text[:1])


def _tree(text: str, tokens: "list[Token]", refuse: Refusal) -> Any:
    from sqlglot.errors import ParseError

    from vocative.sql.dialect import SUBSET

    try:
        trees = SUBSET.parser().parse(tokens, text)
    except ParseError as error:
        raise _explained(error, tokens, refuse) from error
    if len(trees) != 1 or trees[0] is None:
        raise refuse(0, "this is not one expression")
    return trees[0]


def _explained(error: Any, tokens: "list[Token]", refuse: Refusal) -> AuthorError:
    """The parser's complaint at the word it stopped at, in our words."""
    first = error.errors[0] if error.errors else {}
    said = str(first.get("description") or "")
    at = next(
        (
            token
            for token in tokens
            if token.line == first.get("line") and token.col == first.get("col")
        ),
        tokens[-1],
    )
    for known, words in _COMPLAINTS.items():
        if known in said:
            return refuse(at.start, words.format(word=repr(at.text[:40])))
    return refuse(at.start, f"{at.text[:40]!r} does not fit here")


_COMPLAINTS = {
    "Required keyword": "something is missing beside {word}",
    "Expecting )": "a closing bracket ) is missing after {word}",
    "Expected END": "a case needs `when … then …` and `end`, near {word}",
    "Expected FROM": "extract is written extract(day from field), near {word}",
}
