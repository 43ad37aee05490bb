"""Expressions between braces, cut into tokens, and the paths in them.

Liquid and the languages that look like it write values alike: strings, numbers, names with dots
and brackets, operators, filters behind `|`. Any text can be cut; what has no meaning is a token of
its own kind, so that whoever reads it can refuse it.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "number", "word", "sigil", "mark", "junk"]
_TOKEN = re.compile(
    r"""
    (?P<string>"[^"]*"|'[^']*')
  | (?P<number>-?\d+(?:\.\d+)?(?![\w-]))
  | \$\{(?P<sigil>[^}]{0,200})\}
  | (?P<word>[^\W\d][\w-]*\??|\d+[\w-]+)
  | (?P<mark>\.\.|==|!=|<>|<=|>=|[-<>=|:,.()\[\]])
  | (?P<junk>"[^"]*\Z|'[^']*\Z|\S)  # a text that is never closed is one token
    """,
    re.VERBOSE,
)
_PLAIN_NAME = re.compile(r"[^\W\d][\w-]*\Z")


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `text` is what it holds, without quotes and sigils."""

    kind: Kind
    text: str
    start: int
    end: int

    def is_mark(self, *marks: str) -> bool:
        """Whether it is one of these marks."""
        return self.kind == "mark" and self.text in marks


@dataclass(frozen=True, slots=True)
class Path:
    """A name and what follows it: names, indexes, and paths in brackets."""

    segments: "tuple[str | int | Path, ...]"
    start: int
    end: int
    sigil: bool = False
    """Whether it began with `${…}`."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names it begins with, up to an index or a path in brackets."""
        found: list[str] = []
        for segment in self.segments:
            if not isinstance(segment, str):
                break
            found.append(segment)
        return tuple(found)


def tokens_of(text: str, start: int = 0) -> list[Token]:
    """The tokens of an expression.

    Args:
        text: The expression.
        start: The offset at which it stands in the source; offsets of tokens count from there.
    """
    found = []
    for match in _TOKEN.finditer(text):
        kind: Kind = match.lastgroup  # type: ignore[assignment]
        inside = match[kind]
        if kind == "string":
            inside = inside[1:-1]
        elif kind == "sigil":
            inside = inside.strip()
        found.append(Token(kind, inside, start + match.start(), start + match.end()))
    return found


def read_path(tokens: list[Token], at: int) -> tuple[Path, int]:
    """The path that begins with a word or sigil, and the index of the token behind it."""
    first = tokens[at]
    segments: list[str | int | Path] = [first.text]
    end = first.end
    at += 1
    while at < len(tokens):
        if tokens[at].is_mark(".") and at + 1 < len(tokens):
            named = tokens[at + 1]
            if named.kind == "number" and named.text.isdigit():
                segments.append(int(named.text))
            elif named.kind in ("word", "sigil", "string"):
                segments.append(named.text)
            else:
                break
            end, at = named.end, at + 2
        elif tokens[at].is_mark("[") and at + 2 < len(tokens):
            inside, after = _in_brackets(tokens, at + 1)
            if inside is None or after >= len(tokens) or not tokens[after].is_mark("]"):
                break
            segments.append(inside)
            end, at = tokens[after].end, after + 1
        else:
            break
    return Path(tuple(segments), first.start, end, first.kind == "sigil"), at


def _in_brackets(tokens: list[Token], at: int) -> tuple["str | int | Path | None", int]:
    token = tokens[at]
    if token.kind == "string":
        return token.text, at + 1
    if token.kind == "number" and "." not in token.text:
        return int(token.text[:18]), at + 1
    if token.kind in ("word", "sigil"):
        return read_path(tokens, at)
    return None, at


def write_path(segments: tuple[str | int, ...]) -> str:
    """A path as Liquid writes it; `segments` are names and indexes.

    >>> write_path(("person", "first name", 0))
    'person["first name"][0]'
    """
    written = ""
    for segment in segments:
        if isinstance(segment, int):
            written += f"[{segment}]"
        elif _PLAIN_NAME.match(segment):
            written += f".{segment}" if written else segment
        else:
            quote = "'" if '"' in segment else '"'
            written += f"[{quote}{segment}{quote}]"
    return written
