"""Values and conditions as Django's templates write them, parsed.

In comes what stands in a tag, out come values (a name, a string or a number, with filters) and
trees of conditions. What cannot be read is told with its place.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from vocative.compose.dialects._unreadable import Unreadable

Segment = str | int
_TOKEN = re.compile(
    r"""
    (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
  | (?P<number>[-+]?\d+(?:\.\d+)?(?![\w$.]))
  | (?P<name>[\w$][\w$-]*(?:\.[\w$][\w$-]*)*)
  | (?P<mark>==|!=|<>|<=|>=|[<>=|:,()])
  | (?P<junk>"(?:\\.|[^"\\])*\Z|'(?:\\.|[^'\\])*\Z|\S)  # a text never closed is one token
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_WORDS = frozenset(("and", "or", "not", "in", "is", "as", "by"))
_CONSTANTS = {"True": "true", "False": "false", "None": "nil"}
_CONSTANTS |= {"true": "true", "false": "false", "none": "nil", "null": "nil"}
_COMPARE = {
    "==": "==",
    "=": "==",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    ">": ">",
    "<=": "<=",
    ">=": ">=",
}
_MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Token:
    """One token and where it stands in the source."""

    kind: Literal["string", "number", "name", "mark", "junk"]
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Filter:
    """`|name:argument`."""

    name: str
    argument: "Value | None"
    start: int
    end: int


@dataclass(frozen=True)
class Value:
    """A name, a string, a number or a constant, with its filters."""

    kind: Literal["path", "string", "number", "constant"]
    text: str
    start: int
    end: int
    filters: tuple[Filter, ...] = ()

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The parts of a name."""
        parts = self.text.split(".")
        return tuple(
            int(part) if index and part.isdecimal() and len(part) < 10 else part.strip()
            for index, part in enumerate(parts)
        )


@dataclass(frozen=True)
class Test:
    """One comparison, or whether a value counts as true."""

    left: Value
    operator: Literal["truth", "==", "!=", "<", ">", "<=", ">=", "in", "not in"] = "truth"
    right: Value | None = None


@dataclass(frozen=True)
class Joined:
    """Conditions joined by `and`, by `or`, or one that is negated."""

    kind: Literal["and", "or", "not"]
    parts: "tuple[Joined | Test, ...]"


@dataclass
class Reader:
    """Reads what stands in one tag."""

    tokens: list[Token]
    end: int
    at: int = 0
    _depth: int = field(default=0, repr=False)

    @classmethod
    def of(cls, text: str, start: int) -> "Reader":
        """A reader of a text that stands at an offset of the source."""
        tokens = []
        for found in _TOKEN.finditer(text):
            kind = found.lastgroup or "junk"
            inside = found[kind]
            if kind == "string":
                inside = _ESCAPE.sub(r"\1", inside[1:-1])
            tokens.append(
                Token(kind, inside, start + found.start(), start + found.end())  # type: ignore[arg-type]
            )
        return cls(tokens, start + len(text))

    @property
    def is_done(self) -> bool:
        """Whether nothing is left."""
        return self.at >= len(self.tokens)

    def peek(self, *texts: str) -> bool:
        """Whether the next token is one of these words or marks."""
        if self.is_done or self.tokens[self.at].kind not in ("name", "mark"):
            return False
        return self.tokens[self.at].text in texts

    def take(self, *texts: str) -> str | None:
        """The next token's text if it is one of these, and step over it."""
        if not self.peek(*texts):
            return None
        self.at += 1
        return self.tokens[self.at - 1].text

    def word(self) -> str:
        """A name without dots."""
        if self.is_done or self.tokens[self.at].kind != "name" or "." in self.tokens[self.at].text:
            raise self.unreadable("a name is expected here")
        self.at += 1
        return self.tokens[self.at - 1].text

    def value(self) -> Value:
        """A value with its filters."""
        plain = self._plain()
        filters = []
        while self.take("|"):
            start = self.tokens[self.at - 1].start
            name = self.word()
            argument = self._plain() if self.take(":") else None
            filters.append(Filter(name, argument, start, self.tokens[self.at - 1].end))
        end = self.tokens[self.at - 1].end
        return Value(plain.kind, plain.text, plain.start, end, tuple(filters))

    def condition(self) -> Joined | Test:
        """A whole condition."""
        return self._joined("or")

    def expect_end(self) -> None:
        """Refuse anything that is left."""
        if not self.is_done:
            raise self.unreadable("this was not expected here")

    def unreadable(self, message: str) -> Unreadable:
        """What is wrong, at the next token."""
        at = self.end if self.is_done else self.tokens[self.at].start
        return Unreadable(message, at, "write it as Django's templates would")

    def _joined(self, kind: Literal["and", "or"]) -> Joined | Test:
        parts = [self._joined("and") if kind == "or" else self._negated()]
        while self.take(kind):
            parts.append(self._joined("and") if kind == "or" else self._negated())
        return parts[0] if len(parts) == 1 else Joined(kind, tuple(parts))

    def _negated(self) -> Joined | Test:
        negated = False
        while self.take("not"):
            negated = not negated
        test = self._test()
        return Joined("not", (test,)) if negated else test

    def _test(self) -> Joined | Test:
        if self.take("("):
            self._depth += 1
            if self._depth > _MAX_DEPTH:
                raise self.unreadable("this condition is nested too deep")
            inside = self._joined("or")
            if not self.take(")"):
                raise self.unreadable("a closing parenthesis is expected here")
            return inside
        left = self.value()
        sign = self.take(*_COMPARE)
        if sign:
            return Test(left, _COMPARE[sign], self.value())  # type: ignore[arg-type]
        if self.take("is"):
            operator = "!=" if self.take("not") else "=="
            return Test(left, operator, self.value())  # type: ignore[arg-type]
        if self.take("in"):
            return Test(left, "in", self.value())
        if self.peek("not") and self.at + 1 < len(self.tokens):
            self.at += 1
            if not self.take("in"):
                raise self.unreadable("not in is expected here")
            return Test(left, "not in", self.value())
        return Test(left)

    def _plain(self) -> Value:
        if self.is_done or self.peek(*_WORDS):
            raise self.unreadable("a value is expected here")
        token = self.tokens[self.at]
        if token.kind not in ("string", "number", "name"):
            raise self.unreadable("a value is expected here")
        self.at += 1
        if token.kind != "name":
            return Value(token.kind, token.text, token.start, token.end)
        if token.text in _CONSTANTS:
            return Value("constant", _CONSTANTS[token.text], token.start, token.end)
        return Value("path", token.text, token.start, token.end)
