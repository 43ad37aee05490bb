"""AMPscript read into statements.

In comes a text, out go its statements in order. Refused: what Salesforce would refuse, such as an
`if` without `endif`.
"""

from collections.abc import Callable

from vocative.compose.dialects._ampscript.scan import Token, scan
from vocative.compose.dialects._ampscript.tree import (
    Arm,
    Assign,
    Attribute,
    Both,
    Call,
    Choose,
    Constant,
    Declare,
    Do,
    Expression,
    Left,
    Loop,
    Not,
    Show,
    Statement,
    Text,
    Variable,
)
from vocative.compose.dialects._unreadable import Unreadable

MAX_DEPTH = 40
_LARGEST = 2**63
_COMPARISONS = frozenset(("==", "!=", "<>", "<", "<=", ">", ">=", "="))


def parse_ampscript(text: str) -> tuple[Statement, ...]:
    """The statements of a text.

    Raises:
        Unreadable: Salesforce would refuse it.
    """
    return _Reader(list(scan(text)), len(text)).read()


class _Reader:
    """Walks the tokens from left to right."""

    def __init__(self, tokens: list[Token], length: int) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0
        self._end = Token("end", "", length, length)

    def read(self) -> tuple[Statement, ...]:
        return self._statements(frozenset())

    def _statements(self, until: frozenset[str]) -> tuple[Statement, ...]:
        """Statements up to one of some words, which is left to be read."""
        found: list[Statement] = []
        self._deeper()
        while self._now.kind != "end" and not self._is_word(*until):
            found.append(self._statement())
        self._depth -= 1
        return tuple(found)

    def _statement(self) -> Statement:
        token = self._now
        if token.kind == "sea":
            self._at += 1
            return Text(token.text, token.start)
        if token.kind == "name":
            self._at += 1
            name = Attribute(token.text.strip(), token.start, token.end)
            return Show(name, token.start, token.end)
        if token.kind == "left":
            self._at += 1
            return Left(f"{token.text} is not carried", "say it in Liquid", token.start, token.end)
        if token.kind == "show":
            return self._show()
        words: dict[str, Callable[[], Statement]] = {
            "var": self._declare,
            "set": self._assign,
            "if": self._choose,
            "for": self._loop,
        }
        if token.kind == "word" and token.text.lower() in words:
            return words[token.text.lower()]()
        value = self._expression()
        return Do(value, token.start, self._before.end)

    def _show(self) -> Statement:
        """`%%=expression=%%`; one that cannot be read is left out for itself."""
        opened = self._take()
        depth = self._depth
        try:
            value = self._expression()
            if self._now.kind != "shown":
                raise self._wrong("=%%")
        except Unreadable as error:
            self._depth = depth
            while self._now.kind not in ("shown", "end"):
                self._at += 1
            end = self._take().end
            reason = f"{error.message}: this was left out"
            return Left(reason, error.hint, opened.start, end)
        return Show(value, opened.start, self._take().end)

    def _declare(self) -> Declare:
        start = self._take().start
        names = [self._variable()]
        while self._now.text == ",":
            self._at += 1
            names.append(self._variable())
        return Declare(tuple(names), start, self._before.end)

    def _assign(self) -> Assign:
        start = self._take().start
        name = self._variable()
        self._expect("=")
        value = self._expression()
        return Assign(name, value, start, self._before.end)

    def _choose(self) -> Choose:
        start = self._now.start
        arms: list[Arm] = []
        otherwise: tuple[Statement, ...] = ()
        ends = frozenset(("elseif", "else", "endif"))
        while self._is_word("if", "elseif"):
            opened = self._take()
            condition = self._expression()
            end = self._expect("then").end
            arms.append(Arm(condition, self._statements(ends), opened.start, end))
        if self._is_word("else"):
            self._at += 1
            otherwise = self._statements(frozenset(("endif",)))
        self._expect("endif")
        return Choose(tuple(arms), otherwise, start, arms[0].end)

    def _loop(self) -> Loop:
        start = self._take().start
        name = self._variable()
        self._expect("=")
        first = self._expression()
        down = self._is_word("downto")
        self._expect("downto" if down else "to")
        last = self._expression()
        end = self._expect("do").end
        body = self._statements(frozenset(("next",)))
        self._expect("next")
        if self._now.kind == "variable":
            self._at += 1
        return Loop(name, first, last, down, body, start, end)

    def _expression(self) -> Expression:
        self._deeper()
        found = self._joined("or", lambda: self._joined("and", self._negated))
        self._depth -= 1
        return found

    def _joined(self, word: str, inner: Callable[[], Expression]) -> Expression:
        found = inner()
        while self._is_word(word):
            self._at += 1
            right = inner()
            found = Both(word, found, right, found.start, right.end)
        return found

    def _negated(self) -> Expression:
        if not self._is_word("not"):
            return self._compared()
        start = self._take().start
        self._deeper()
        value = self._negated()
        self._depth -= 1
        return Not(value, start, value.end)

    def _compared(self) -> Expression:
        left = self._value()
        if self._now.kind == "operator" and self._now.text in _COMPARISONS:
            word = {"<>": "!=", "=": "=="}.get(self._now.text, self._now.text)
            self._at += 1
            right = self._value()
            return Both(word, left, right, left.start, right.end)
        return left

    def _value(self) -> Expression:
        token = self._take()
        if token.kind == "text":
            quote = token.text[0]
            inside = token.text[1:-1].replace(quote * 2, quote)
            return Constant(inside, token.start, token.end)
        if token.kind == "number":
            return Constant(_number(token.text), token.start, token.end)
        if token.kind == "variable":
            return Variable(token.text.lower(), token.start, token.end)
        if token.kind == "attribute":
            return Attribute(token.text[1:-1].strip(), token.start, token.end)
        if token.kind == "word" and self._now.text == "(":
            return self._call(token)
        if token.kind == "word" and token.text.lower() in ("true", "false"):
            return Constant(token.text.lower() == "true", token.start, token.end)
        if token.kind == "word":
            return Attribute(token.text, token.start, token.end)
        if token.text == "(":
            found = self._expression()
            self._expect(")")
            return found
        self._at -= 1
        raise self._wrong("a value")

    def _call(self, name: Token) -> Call:
        self._expect("(")
        arguments: list[Expression] = []
        while self._now.text != ")":
            arguments.append(self._expression())
            if self._now.text != ",":
                break
            self._at += 1
        end = self._expect(")").end
        return Call(name.text, tuple(arguments), name.start, end)

    def _variable(self) -> str:
        if self._now.kind != "variable":
            raise self._wrong("a variable")
        return self._take().text.lower()

    def _expect(self, text: str) -> Token:
        token = self._now
        if token.kind not in ("word", "operator") or token.text.lower() != text:
            raise self._wrong(text)
        return self._take()

    def _is_word(self, *words: str) -> bool:
        return self._now.kind == "word" and self._now.text.lower() in words

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise Unreadable(
                f"this is nested more than {MAX_DEPTH} deep", self._now.start, "take it apart"
            )

    def _take(self) -> Token:
        token = self._now
        self._at += 1
        return token

    @property
    def _now(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else self._end

    @property
    def _before(self) -> Token:
        return self._tokens[self._at - 1] if self._at else self._end

    def _wrong(self, expected: str) -> Unreadable:
        return Unreadable(f"expected {expected} here", self._now.start, f"write {expected}")


def _number(text: str) -> int | float:
    if "." in text:
        return float(text[:40])
    number = int(text[:40])
    # What does not fit into 64 bits is 0 there.
    return number if -_LARGEST <= number < _LARGEST and len(text) < 40 else 0
