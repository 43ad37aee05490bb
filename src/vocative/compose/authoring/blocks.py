"""A template put together: its body in its layout, and blocks where `{% render 'name' %}` stands.

MJML must see a whole document, so all is put together before it is compiled. A block keeps
Liquid's own meaning of `render`: a scope of its own, arguments, `with` and `for`; it may declare
its parameters, with what they are when they are not given. What a layout takes in sees the
template's names. Refused: blocks that do not exist, that contain themselves, or
that add up to too much text; parts for a slot that the layout has not.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping

from vocative.compose.authoring.slots import CONTENT, SLOT_TAGS, Part, read_parts, slot_name
from vocative.compose.authoring.source import MAX_SOURCE_CHARACTERS, Passage, TemplateSource
from vocative.compose.authoring.tags import LiquidTag, find_tags
from vocative.errors import AuthorError, Where, unknown_name

SCOPE_TAG = "block_scope"
_PARAMETERS = "parameters"
_MAX_DEPTH = 8
_ARGUMENT = re.compile(r"""(\w+)\s*:\s*("[^"]*"|'[^']*'|[^\s,%]+)""")
_CALL = re.compile(
    r"""\{%-?\s*render\s+(?P<quote>["'])(?P<name>.*?)(?P=quote)
        (?:\s+(?P<bind>with|for)\s+(?P<path>[^\s,%]+)(?:\s+as\s+(?P<alias>\w+))?)?
        \s*,?\s*(?P<arguments>.*?)\s*-?%\}""",
    re.VERBOSE | re.DOTALL,
)


class Expansion:
    """A template being put together from passages, which remembers where each part came from."""

    def __init__(self, blocks: Mapping[str, Passage]) -> None:
        self.used: set[str] = set()
        """Names of the blocks put in so far."""
        self._blocks = blocks
        self._parts: list[str] = []
        self._starts: list[int] = []
        self._origins: list[tuple[Passage, int, bool]] = []
        self._length = 0

    def passage(self) -> Passage:
        """What was put together, as one passage."""
        return Passage("".join(self._parts), self._where)

    def add(self, passage: Passage, inside: tuple[str, ...] = (), part: Part | None = None) -> None:
        """Write a passage, or a part of it, with its blocks put in."""
        at, end = (part.start, part.end) if part else (0, len(passage.text))
        for tag in find_tags(passage):
            if not at <= tag.start < end:
                continue
            if tag.name in SLOT_TAGS:
                raise AuthorError(
                    f"{{% {tag.name} %}} means something in a template with a layout only",
                    where=passage.where(tag.start),
                    hint="name the layout in the template's YAML: layout: NAME",
                )
            if tag.name == "include":
                raise AuthorError(
                    "include is not supported: it would see and change the template's own names",
                    where=passage.where(tag.start),
                    hint="write {% render 'name' %} and hand over what the block needs",
                )
            if tag.name not in ("render", _PARAMETERS):
                continue
            self._write(passage.text[at : tag.start], passage, at)
            if tag.name == "render":
                self._call(passage, tag, inside)
            elif not inside:
                raise AuthorError(
                    "only a block has parameters", where=passage.where(tag.start), hint="remove it"
                )
            at = tag.end
        self._write(passage.text[at:end], passage, at)

    def add_layout(self, layout: Passage, body: Passage) -> None:
        """Write a layout with the parts of a body in its slots."""
        parts = read_parts(body)
        slots: list[str] = []
        at, default_from = 0, -1
        for tag in find_tags(layout):
            if tag.name not in ("slot", "endslot"):
                continue
            if tag.name == "slot":
                if default_from >= 0:
                    raise AuthorError("a slot stands in a slot", where=layout.where(tag.start))
                self.add(layout, part=Part(at, tag.start))
                slots.append(slot_name(layout, tag))
                default_from = tag.end
            elif default_from < 0:
                raise AuthorError("endslot closes nothing", where=layout.where(tag.start))
            else:
                filled = parts.get(slots[-1])
                if filled is None:
                    self.add(layout, part=Part(default_from, tag.start))
                for one in filled or ():
                    self.add(body, part=one)
                default_from = -1
            at = tag.end
        if default_from >= 0:
            raise AuthorError(f"the slot {slots[-1]!r} is never closed", where=layout.where(at))
        self.add(layout, part=Part(at, len(layout.text)))
        for name, (first, *_) in parts.items():
            if name not in slots:
                where = body.where(first.start)
                if name == CONTENT:
                    raise AuthorError(
                        "the layout has no slot 'content' for this",
                        where=where,
                        hint="put it between {% fill 'NAME' %} and {% endfill %}",
                    )
                raise unknown_name("slot", name, slots, where=where)

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
        self.used.add(name)
        if name in inside or len(inside) >= _MAX_DEPTH:
            raise AuthorError(f"the block {name!r} contains itself", where=place)
        item = call["alias"] or name
        arguments = call["arguments"]
        if call["bind"]:
            value = item if call["bind"] == "for" else call["path"]
            arguments = f"{item}: {value}" + (f", {arguments}" if arguments else "")
        arguments = _with_defaults(name, self._blocks[name], arguments, place)
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


def _with_defaults(name: str, block: Passage, arguments: str, place: Where) -> str:
    """The arguments of a call, and what the block says of parameters that it was not given."""
    tag = next((one for one in find_tags(block) if one.name == _PARAMETERS), None)
    if tag is None:
        return arguments
    declared = dict(_ARGUMENT.findall(tag.text))
    given = dict(_ARGUMENT.findall(arguments))
    for argument in given:
        if argument not in declared:
            raise unknown_name(f"parameter of {name!r}", argument, declared, where=place)
    left = [f"{one}: {value}" for one, value in declared.items() if one not in given]
    return ", ".join(filter(None, (arguments, *left)))


def assemble(source: TemplateSource) -> Passage:
    """The whole page of a template: its body in its layout, every block in its place.

    Raises:
        AuthorError: a block or a slot is unknown, a block contains itself, or is called in a way
            Liquid has not.
    """
    return _expanded(source).passage()


def used_blocks(source: TemplateSource) -> set[str]:
    """Names of the blocks that a template puts in, directly or through another.

    Raises:
        AuthorError: see `assemble`.
    """
    return _expanded(source).used


def _expanded(source: TemplateSource) -> Expansion:
    expansion = Expansion(source.blocks)
    if source.layout is None:
        expansion.add(source.body)
    else:
        expansion.add_layout(source.layout, source.body)
    return expansion
