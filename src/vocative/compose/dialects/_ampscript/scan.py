"""AMPscript cut into text, personalization strings and the words of its blocks, in one pass."""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from vocative.compose.dialects._unreadable import Unreadable

_OPENING = re.compile(
    r"""
    %%\[
  | %%=
  | %%(?P<name>[A-Za-z_](?:[\w.\- ]{0,98}[\w.\-])?)%%
  | <script\b(?P<script>[^>]{0,300})>
  | \{\{\.(?:slot|block)\b[^{}]{0,200}\}\}
  | \{\{/(?:slot|block)\}\}
  | \{\{\.data(?:source)?\b[^{}]{0,200}\}\}
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SCRIPT_END = re.compile(r"</script\s*>", re.IGNORECASE)
_DATA_END = re.compile(r"\{\{/data(?:source)?\}\}", re.IGNORECASE)
_WORD = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<comment>/\*[\s\S]*?\*/)
  | (?P<text>"(?:""|[^"])*"|'(?:''|[^'])*'|“[^”]*”)
  | (?P<number>-?\d+(?:\.\d+)?(?![\w]))
  | (?P<variable>@@?[A-Za-z_]\w*)
  | (?P<attribute>\[[^\]\[%]{1,100}\])
  | (?P<word>[A-Za-z_][\w]*)
  | (?P<operator>==|!=|<>|<=|>=|<|>|=|\(|\)|,)
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of text (`sea`), a personalization string (`name`), or a word of a block.

    `show` opens and `shown` closes `%%= … =%%`; `left` is a part that cannot be carried.
    """

    kind: str
    text: str
    start: int
    end: int


def scan(text: str) -> Iterator[Token]:
    """The tokens of a text.

    Raises:
        Unreadable: a block is not closed, or holds what AMPscript does not know.
    """
    at = 0
    while found := _OPENING.search(text, at):
        start = found.start()
        if start > at:
            yield Token("sea", text[at:start], at, start)
        opening = found[0].lower()
        if found["name"]:
            yield Token("name", found["name"], start, found.end())
            at = found.end()
        elif opening == "%%[":
            at = yield from _words(text, found.end(), start, "]%%")
        elif opening == "%%=":
            yield Token("show", "%%=", start, found.end())
            at = yield from _words(text, found.end(), start, "=%%")
            yield Token("shown", "=%%", at - 3, at)
        elif opening.startswith("<script"):
            at = yield from _script(text, found)
        elif opening.startswith("{{.data"):
            closed = _DATA_END.search(text, found.end())
            at = closed.end() if closed else found.end()
        else:
            at = found.end()
    if at < len(text):
        yield Token("sea", text[at:], at, len(text))


def _script(text: str, opened: re.Match[str]) -> Generator[Token, None, int]:
    """A script element: AMPscript, another language of the server, or the browser's own."""
    attributes = opened["script"].lower()
    start, at = opened.span()
    on_server = re.search(r"runat\s*=\s*[\"']?server", attributes) is not None
    if not on_server:
        yield Token("sea", opened[0], start, at)
        return at
    if "ampscript" in attributes:
        return (yield from _words(text, at, start, "</script>"))
    closed = _SCRIPT_END.search(text, at)
    end = closed.end() if closed else len(text)
    yield Token("left", "a server-side script in JavaScript", start, end)
    return end


def _words(text: str, at: int, start: int, closing: str) -> Generator[Token, None, int]:
    """The words of a block up to its end; returns where it ends."""
    while at < len(text):
        if text[at : at + len(closing)].lower() == closing:
            return at + len(closing)
        found = _WORD.match(text, at)
        if found is None:
            raise Unreadable("this is not AMPscript", at, "repair the block")
        kind = str(found.lastgroup)
        if kind not in ("space", "comment"):
            yield Token(kind, found[0], at, found.end())
        at = found.end()
    raise Unreadable(f"this block is never closed: expected {closing}", start, f"write {closing}")
