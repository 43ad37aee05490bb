"""Liquid being written from a foreign text, piece by piece, with the way back to its source.

Text of the author that happens to look like Liquid stays text. Whatever is written says where it
came from, so that an error in the Liquid is told at the foreign line.
"""

import re

from vocative.compose.markup.offsets import Offsets

_LOOKS_LIKE_LIQUID = re.compile(r"\{(?=[{%])")
_OPENING_BRACE = "{{ '{' }}"
# A string in Liquid has no escapes: a quote inside must be of the other kind.
_QUOTES = ('"', "'")


class Writer:
    """Grows a Liquid text from left to right."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._offsets = Offsets()
        self._length = 0

    def literal(self, text: str, at: int, *, exact: bool = True) -> None:
        """Text that means itself, from offset `at` of the source on.

        Text that is not in the source letter by letter is not `exact`: all of it came from `at`.
        """
        end = 0
        for found in _LOOKS_LIKE_LIQUID.finditer(text):
            self._add(text[end : found.start()], at + end * exact, exact=exact)
            self._add(_OPENING_BRACE, at + found.start() * exact)
            end = found.end()
        self._add(text[end:], at + end * exact, exact=exact)

    def liquid(self, text: str, at: int) -> None:
        """Liquid, all of which came from the tag at offset `at`."""
        self._add(text, at)

    def output(self, expression: str, at: int) -> None:
        """`{{ expression }}`."""
        self._add(f"{{{{ {expression} }}}}", at)

    def tag(self, words: str, at: int) -> None:
        """`{% words %}`."""
        self._add(f"{{% {words} %}}", at)

    @property
    def text(self) -> str:
        """What is written so far."""
        return "".join(self._parts)

    def source(self, offset: int) -> int:
        """The offset in the foreign text that an offset in `text` came from."""
        return self._offsets.source(offset)

    def _add(self, text: str, at: int, *, exact: bool = False) -> None:
        if text:
            # A brace that stands at the end of one part must not open a tag with the next.
            if self._parts and self._parts[-1].endswith("{") and text[0] in "{%":
                self._parts[-1] = self._parts[-1][:-1] + _OPENING_BRACE
                self._length += len(_OPENING_BRACE) - 1
            self._offsets.add(self._length, at, exact=exact)
            self._parts.append(text)
            self._length += len(text)


def quoted(text: str) -> str | None:
    """A text as a Liquid string, or None when it holds quotes of both kinds or a tag's end."""
    for quote in _QUOTES:
        if quote not in text and "}}" not in text and "%}" not in text:
            return f"{quote}{text}{quote}"
    return None
