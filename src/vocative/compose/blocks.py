"""Blocks: pieces of a layout that templates share, put in where `{% render 'name' %}` stands.

MJML must see a whole document, so a block is put in before the layout is compiled. It keeps
Liquid's own meaning of `render`: a scope of its own, arguments, `with` and `for`. Refused: blocks
that do not exist, that contain themselves, or that add up to too much text.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping

from vocative.compose.source import MAX_SOURCE_CHARACTERS, Passage
from vocative.compose.tags import LiquidTag, find_tags
from vocative.errors import AuthorError, Where, unknown_name

SCOPE_TAG = "block_scope"
_MAX_DEPTH = 8
_CALL = re.compile(
    r"""\{%-?\s*render\s+(?P<quote>["'])(?P<name>.*?)(?P=quote)
        (?:\s+(?P<bind>with|for)\s+(?P<path>[^\s,%]+)(?:\s+as\s+(?P<alias>\w+))?)?
        \s*,?\s*(?P<arguments>.*?)\s*-?%\}""",
    re.VERBOSE | re.DOTALL,
)


class Expansion:
    """A layout being put together from passages, which remembers where each part came from."""

    def __init__(self, blocks: Mapping[str, Passage]) -> None:
        self._blocks = blocks
        self._parts: list[str] = []
        self._starts: list[int] = []
        self._origins: list[tuple[Passage, int, bool]] = []
        self._length = 0

    def passage(self) -> Passage:
        """What was put together, as one passage."""
        return Passage("".join(self._parts), self._where)

    def add(self, passage: Passage, inside: tuple[str, ...] = ()) -> None:
        """Write a passage, with its blocks put in."""
        at = 0
        for tag in find_tags(passage):
            if tag.name == "include":
                raise AuthorError(
                    "include is not supported: it would see and change the template's own names",
                    where=passage.where(tag.start),
                    hint="write {% render 'name' %} and hand over what the block needs",
                )
            if tag.name != "render":
                continue
            self._write(passage.text[at : tag.start], passage, at)
            self._call(passage, tag, inside)
            at = tag.end
        self._write(passage.text[at:], passage, at)

    def _call(self, passage: Passage, tag: LiquidTag, inside: tuple[str, ...]) -> None:
        call = _CALL.fullmatch(tag.text)
        place = passage.where(tag.start)
        if call is None:
            raise AuthorError(
                "render needs the name of a block in quotes",
                where=place,
                hint="write {% render 'footer' %} or {% render 'card', product: product %}",
            )
        name = call["name"]
        if name not in self._blocks:
            raise unknown_name("block", name, self._blocks, where=place)
        if name in inside or len(inside) >= _MAX_DEPTH:
            raise AuthorError(f"the block {name!r} contains itself", where=place)
        item = call["alias"] or name
        arguments = call["arguments"]
        if call["bind"]:
            value = item if call["bind"] == "for" else call["path"]
            arguments = f"{item}: {value}" + (f", {arguments}" if arguments else "")
        before = f"{{% {SCOPE_TAG} '{name}'{', ' if arguments else ''}{arguments} %}}"
        after = f"{{% end{SCOPE_TAG} %}}"
        if call["bind"] == "for":
            before = f"{{% for {item} in {call['path']} %}}{before}"
            after = f"{after}{{% endfor %}}"
        self._write(before, passage, tag.start, exact=False)
        self.add(self._blocks[name], (*inside, name))
        self._write(after, passage, tag.start, exact=False)

    def _write(self, text: str, passage: Passage, offset: int, *, exact: bool = True) -> None:
        if not text:
            return
        self._starts.append(self._length)
        self._origins.append((passage, offset, exact))
        self._parts.append(text)
        self._length += len(text)
        if self._length > MAX_SOURCE_CHARACTERS:
            raise AuthorError(
                f"with its blocks put in, the template has more than {MAX_SOURCE_CHARACTERS:,}"
                " characters",
                where=passage.where(offset),
            )

    def _where(self, offset: int) -> Where:
        index = max(bisect_right(self._starts, offset) - 1, 0)
        if not self._origins:
            return Where(file="template")
        passage, start, exact = self._origins[index]
        return passage.where(start + (offset - self._starts[index] if exact else 0))


def put_in_blocks(passage: Passage, blocks: Mapping[str, Passage]) -> Passage:
    """The layout with every `{% render 'name' %}` replaced by the block.

    Raises:
        AuthorError: a block is unknown, contains itself, or is called in a way Liquid has not.
    """
    expansion = Expansion(blocks)
    expansion.add(passage)
    return expansion.passage()
