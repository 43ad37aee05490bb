"""Values of Liquid as another system has it, written as Vocative's Liquid.

In come the tokens of an expression, out goes the expression with our names and filters in it; what
has no meaning here is noted.
"""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vocative.compose.dialects._fields import Named
from vocative.compose.dialects._liquid_rules import SAME, or_else
from vocative.compose.dialects._tokens import Path, Token, read_path, write_path
from vocative.compose.dialects.base import Translation
from vocative.compose.language.environments import Environment, environment

if TYPE_CHECKING:
    from vocative.compose.dialects._liquid_family import LiquidFamily

_LITERALS = frozenset(("true", "false", "nil", "null", "blank", "empty"))
_OPERATORS = frozenset(("and", "or", "contains", "in", "reversed", "offset", "continue"))
_PROPERTIES = frozenset(("size", "first", "last"))
_ALWAYS_THERE = frozenset(
    ("postal_address", "sender_name", "unsubscribe_url", "view_url", "campaign.name", "preheader")
)
_LOOP = re.compile(r"(?:forloop|tablerowloop)\.\w+\Z")
_NO_PATH = Named("")
"""Stands for a value that is no path."""


@dataclass
class LiquidValues:
    """Writes the expressions of one text."""

    dialect: "LiquidFamily"
    translation: Translation
    locals: set[str] = field(default_factory=set)
    """Names that the text has set itself."""

    def path(self, path: Path) -> str:
        """A path as Liquid."""
        return self.named_path(path)[0]

    def named_path(self, path: Path) -> tuple[str, Named | None]:
        """A path as Liquid, and the field it stands for unless the text set the name itself."""
        root = str(path.segments[0])
        if not path.sigil and (root in self.locals or root in _LITERALS):
            return self._written(path.segments), None
        names = _foreign_names(path)
        mapped = next(
            (
                names[:count]
                for count in range(len(names), 0, -1)
                if self.translation.maps(".".join(names[:count]))
            ),
            names,
        )
        named = self.translation.field(
            ".".join(mapped), path.start, path.end, self.dialect.usual(mapped)
        )
        return named.path + self._rest(path.segments[len(mapped) :]), named

    def filtered(self, tokens: list[Token], *, printed: bool) -> str | None:
        """A value with its filters as Liquid, or None when there is no value.

        Args:
            tokens: What stands in the tag.
            printed: Whether it is printed, so that nothing must become an empty text.
        """
        parts = _split(tokens, "|")
        if not parts[0]:
            return None
        filters = [part for part in parts[1:] if part and part[0].kind == "word"]
        names = [part[0].text for part in filters]
        written, named = self._operand(parts[0])
        chain: list[str] = []
        may_be_missing = named is not _NO_PATH and written not in _ALWAYS_THERE
        wants_text = (printed or names) and names[:1] not in (["default"], ["sum"])
        if may_be_missing and wants_text and not _LOOP.match(written):
            chain.append(or_else(named))
        zone: list[Token] = []
        for part in filters:
            rule = self.dialect.filters.get(part[0].text, SAME)
            if rule.is_zone:
                zone = part[2:]
            elif written_filter := self._filter(part):
                at_zone = f", {self._joined(zone)}" if zone and part[0].text == "date" else ""
                chain.append(written_filter + at_zone)
        return " | ".join([written, *chain])

    def condition(self, tokens: list[Token]) -> str:
        """Tokens of a condition or a loop as Liquid: its paths are ours, the rest stays."""
        return self._joined(tokens)

    def _operand(self, tokens: list[Token]) -> tuple[str, Named | None]:
        """The value before the filters, and the field it stands for if it is a path."""
        if tokens[0].kind in ("word", "sigil"):
            path, after = read_path(tokens, 0)
            if after == len(tokens) and (path.sigil or path.segments[0] not in _LITERALS):
                return self.named_path(path)
        return self._joined(tokens), _NO_PATH

    def _filter(self, tokens: list[Token]) -> str | None:
        name, arguments = tokens[0].text, tokens[1:]
        rule = self.dialect.filters.get(name)
        if rule is None:
            if name not in environment(Environment).filters:
                self.translation.refused(
                    tokens[0].start,
                    tokens[-1].end,
                    f"there is no filter {name} here",
                    "say it with Liquid's own filters; the value is printed without it",
                )
                return None
            rule = SAME
        if _has_keyword(arguments) and not rule.formats and rule.arguments:
            self.translation.refused(
                tokens[0].start,
                tokens[-1].end,
                f"the filter {name} takes no named values here",
                "say it another way; the value is printed without it",
            )
            return None
        if rule.formats and len(arguments) > 2 and arguments[1].text == "format":
            return self._named_date(arguments[-1], rule.formats)
        if rule.difference:
            self.translation.approximated(tokens[0].start, tokens[-1].end, rule.difference)
        written = rule.liquid or name
        if not arguments or not rule.arguments or written.endswith(")"):
            return written
        return f"{written}{self._joined(arguments)}"

    def _named_date(self, name: Token, formats: Mapping[str, str]) -> str:
        """`date: format: "short"`: the pattern that such a name stands for."""
        pattern = formats.get(name.text, formats["default"])
        self.translation.approximated(
            name.start, name.end, f"dates named {name.text!r} are written as {pattern}, in English"
        )
        return f'date: "{pattern}"'

    def _joined(self, tokens: list[Token]) -> str:
        """Tokens as Liquid, with a space where one belongs."""
        pieces: list[str] = []
        at = 0
        while at < len(tokens):
            token = tokens[at]
            is_keyword = at + 1 < len(tokens) and tokens[at + 1].is_mark(":")
            is_name = token.kind == "word" and token.text not in _OPERATORS and not is_keyword
            glued = token.is_mark(":", ",", ")", "]", "..")
            if token.kind == "sigil" or is_name:
                path, at = read_path(tokens, at)
                piece = self.path(path)
            else:
                piece, at = _plain(token), at + 1
            glued = glued or not pieces or pieces[-1] in ("(", "..")
            pieces += (piece,) if glued else (" ", piece)
        return "".join(pieces)

    def _written(self, segments: tuple[str | int | Path, ...]) -> str:
        return write_path((str(segments[0]),)) + self._rest(segments[1:])

    def _rest(self, segments: tuple[str | int | Path, ...]) -> str:
        """What follows a name: `.name`, `["a name"]`, `[0]`, `[another.path]`."""
        written = ""
        for segment in segments:
            if isinstance(segment, Path):
                written += f"[{self.path(segment)}]"
            else:
                one = write_path((segment,))
                written += one if one.startswith("[") else f".{one}"
        return written


def _has_keyword(arguments: list[Token]) -> bool:
    """Whether a filter is given values by name that no filter takes here."""
    return any(
        one.kind == "word" and after.is_mark(":") and one.text != "allow_false"
        for one, after in itertools.pairwise(arguments)
    )


def _foreign_names(path: Path) -> tuple[str, ...]:
    names = path.names
    for index, name in enumerate(names[1:], start=1):
        if name in _PROPERTIES:
            return names[:index]
    return names


def _split(tokens: list[Token], mark: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token.is_mark(mark):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _plain(token: Token) -> str:
    """A token that is no name."""
    if token.kind == "string":
        quote = "'" if '"' in token.text else '"'
        return f"{quote}{token.text}{quote}"
    return "!=" if token.is_mark("<>") else token.text
