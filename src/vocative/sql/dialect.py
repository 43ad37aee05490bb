"""The subset as a table of differences for sqlglot: fewer keywords, no statements, no functions.

Imported only when an expression is parsed, because sqlglot takes a third of a second to load.
Every function call arrives as an anonymous call, so that `functions.py` alone says what exists.
"""

from typing import Any, ClassVar

from sqlglot import exp, parser, tokens
from sqlglot.dialects.dialect import Dialect
from sqlglot.tokenizer_core import TokenType

_WORDS = {
    "AND": TokenType.AND,
    "OR": TokenType.OR,
    "NOT": TokenType.NOT,
    "IS": TokenType.IS,
    "IN": TokenType.IN,
    "BETWEEN": TokenType.BETWEEN,
    "LIKE": TokenType.LIKE,
    "ILIKE": TokenType.ILIKE,
    "CASE": TokenType.CASE,
    "WHEN": TokenType.WHEN,
    "THEN": TokenType.THEN,
    "ELSE": TokenType.ELSE,
    "END": TokenType.END,
    "NULL": TokenType.NULL,
    "TRUE": TokenType.TRUE,
    "FALSE": TokenType.FALSE,
    "INTERVAL": TokenType.INTERVAL,
    "FROM": TokenType.FROM,
    "DATE": TokenType.DATE,
    "TIMESTAMP": TokenType.TIMESTAMP,
}

ALLOWED_TOKENS = frozenset(
    {
        *_WORDS.values(),
        TokenType.VAR,
        TokenType.IDENTIFIER,
        TokenType.STRING,
        TokenType.NUMBER,
        TokenType.L_PAREN,
        TokenType.R_PAREN,
        TokenType.COMMA,
        TokenType.DOT,
        TokenType.EQ,
        TokenType.NEQ,
        TokenType.LT,
        TokenType.LTE,
        TokenType.GT,
        TokenType.GTE,
        TokenType.PLUS,
        TokenType.DASH,
        TokenType.STAR,
        TokenType.SLASH,
    }
)


class Subset(Dialect):
    """Expressions only."""

    class Tokenizer(tokens.Tokenizer):
        """Words."""

        QUOTES: ClassVar[list[Any]] = ["'"]
        IDENTIFIERS: ClassVar[list[Any]] = ['"']
        STRING_ESCAPES: ClassVar[list[str]] = ["'"]
        COMMENTS: ClassVar[list[Any]] = ["--", ("/*", "*/")]
        COMMANDS: ClassVar[set[TokenType]] = set()
        KEYWORDS: ClassVar[dict[str, TokenType]] = {
            **_WORDS,
            "<>": TokenType.NEQ,
            "!=": TokenType.NEQ,
            "<=": TokenType.LTE,
            ">=": TokenType.GTE,
        }

    class Parser(parser.Parser):
        """Grammar."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {}
        NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            "EXTRACT": parser.Parser.FUNCTION_PARSERS["EXTRACT"]
        }
        NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            "CASE": parser.Parser.NO_PAREN_FUNCTION_PARSERS["CASE"]
        }
        PRIMARY_PARSERS: ClassVar[dict[Any, Any]] = {
            **parser.Parser.PRIMARY_PARSERS,
            TokenType.NULL: lambda _, token: _placed(exp.Null(), token),
            TokenType.TRUE: lambda _, token: _placed(exp.Boolean(this=True), token),
            TokenType.FALSE: lambda _, token: _placed(exp.Boolean(this=False), token),
        }
        STATEMENT_PARSERS: ClassVar[dict[Any, Any]] = {}
        QUERY_MODIFIER_PARSERS: ClassVar[dict[Any, Any]] = {}

        # sqlglot gives these no place of their own; an error must point at them.
        def _parse_interval(self, *args: Any, **kwargs: Any) -> Any:
            token = self._curr
            return _placed(super()._parse_interval(*args, **kwargs), token)

        def _parse_case(self) -> Any:
            token = self._prev
            return _placed(super()._parse_case(), token)


def _placed(node: Any, token: Any) -> Any:
    if isinstance(node, exp.Interval | exp.Case | exp.Null | exp.Boolean):
        node.update_positions(token)
    return node


SUBSET = Subset()
