"""One walk through a text that is Liquid as another system has it.

Every tag is written as Vocative's Liquid and noted; what is malformed is refused, and blocks that
were opened are closed, so that what comes out can always be read.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from liquid.exceptions import LiquidError

from vocative.compose.dialects._liquid_values import LiquidValues
from vocative.compose.dialects._tags import BraceTag, few, find_brace_tags, find_end
from vocative.compose.dialects._tokens import Token, tokens_of
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects.base import Translation
from vocative.compose.language.environments import Environment, environment

if TYPE_CHECKING:
    from vocative.compose.dialects._liquid_family import LiquidFamily

BLOCKS = {
    name: f"end{name}"
    for name in ("if", "unless", "case", "for", "tablerow", "capture", "ifchanged")
}
_ENDS = {end: name for name, end in BLOCKS.items()}
_BRANCHES = {
    "else": ("if", "unless", "case", "for"),
    "elsif": ("if", "unless"),
    "when": ("case",),
}
_MAX_PART_DEPTH = 10
_MAX_PART_CHARACTERS = 300_000
_MAX_BLOCK_DEPTH = 18


@dataclass
class _Open:
    """A block that is not closed yet."""

    name: str
    tag: BraceTag
    names: frozenset[str] = frozenset()
    """Names that end with it."""
    branched: bool = False
    """Whether a `when` or an `else` of it came already."""
    has_else: bool = False


@dataclass
class Walk:
    """One walk through a text, and what it has seen so far."""

    dialect: "LiquidFamily"
    translation: Translation
    values: LiquidValues
    depth: int = 0
    _open: list[_Open] = field(default_factory=list)

    def text(self) -> None:
        """Write the whole text."""
        kept, source = 0, self.translation.source
        for tag in few(find_brace_tags(source)):
            # What stands in a comment or a raw part is not read.
            if tag.start >= kept:
                self._keep(kept, tag.start)
                kept = self._tag(tag)
        self._keep(kept, len(source))

    def close(self) -> None:
        """Close what the author left open."""
        end = len(self.translation.source)
        while self._open:
            block = self._open.pop()
            self.refuse(
                block.tag,
                f"{{% {block.name} %}} is never closed; it was closed at the end of the text",
                f"write {{% {BLOCKS[block.name]} %}} where it ends",
            )
            self._end_block(block, end)

    def carried(self, tag: BraceTag) -> None:
        """Note that a tag means the same."""
        self.translation.carried(tag.start, tag.end)

    def refuse(self, tag: BraceTag, reason: str, fix: str) -> None:
        """Note that a tag was left out."""
        self.translation.refused(tag.start, tag.end, reason, fix)

    def differs(self, tag: BraceTag, difference: str, fix: str | None = None) -> None:
        """Note that a tag means nearly the same."""
        self.translation.approximated(tag.start, tag.end, difference, fix)

    def write(self, tag: BraceTag, words: str, *, output: bool = False) -> None:
        """Write a tag with the dashes of the foreign one."""
        left, right = "-" * tag.left_dash, "-" * tag.right_dash
        opening, closing = ("{{", "}}") if output else ("{%", "%}")
        self.translation.writer.liquid(f"{opening}{left} {words} {right}{closing}", tag.start)

    def inline(self, name: str, tag: BraceTag, what: str) -> None:
        """Write a piece that was handed along in the place of a tag; refuse one that was not."""
        passage = self.translation.parts.get(name)
        if passage is None:
            self.refuse(
                tag,
                f"the {what} {name!r} was not handed along",
                f"convert it with --parts FOLDER, where {name}.html holds its text",
            )
            return
        written = len(self.translation.writer.text) + len(passage.text)
        if self.depth >= _MAX_PART_DEPTH or written > _MAX_PART_CHARACTERS:
            self.refuse(tag, f"the {what} {name!r} holds itself, or too much", "write it out once")
            return
        inner = self.translation.within(passage)
        values = LiquidValues(self.dialect, inner, self.values.locals)
        walk = Walk(self.dialect, inner, values, self.depth + 1)
        walk.text()
        walk.close()
        self.translation.take(inner, tag.start)
        self.carried(tag)

    @property
    def _before_first_when(self) -> bool:
        """Whether what comes now stands between `case` and its first `when`."""
        return bool(self._open) and self._open[-1].name == "case" and not self._open[-1].branched

    def _keep(self, start: int, end: int) -> None:
        if not self._before_first_when:
            self.translation.keep(start, end)
        elif self.translation.source[start:end].strip():
            self.translation.refused(
                start, end, "text between case and its first when is never shown", "move it"
            )

    def _tag(self, tag: BraceTag) -> int:
        """Write one tag; returns the offset behind what it took."""
        if self._before_first_when and tag.name not in ("when", "else", "endcase"):
            self.refuse(
                tag, "what stands between case and its first when is never shown", "move it"
            )
        elif tag.kind == "unclosed":
            self.translation.refused(
                tag.start, min(tag.end, tag.start + 80), "this tag is never closed", "close it"
            )
            self.translation.keep(tag.start, tag.end)
        elif tag.kind == "output":
            self._output(tag)
        elif tag.name in ("comment", "raw", "doc"):
            return self._verbatim(tag)
        else:
            self._control(tag)
        return tag.end

    def _output(self, tag: BraceTag) -> None:
        tokens = tokens_of(tag.inside, tag.inside_start)
        if self.dialect.own_output(self, tag, tokens):
            return
        self._print(tag, tokens)

    def _print(self, tag: BraceTag, tokens: list[Token]) -> None:
        written = self.values.filtered(tokens, printed=True)
        if written is None or not _reads(f"{{{{ {written} }}}}"):
            self.refuse(tag, "this is no value that Liquid can print", "write it another way")
            return
        self.write(tag, written, output=True)
        self.carried(tag)

    def _verbatim(self, tag: BraceTag) -> int:
        """A comment or a raw part: what stands in it is not read."""
        source = self.translation.source
        end = find_end(source, tag.name, tag.end)
        if end is not None:
            if tag.name == "raw":
                self.translation.keep(tag.end, end.start())
            else:
                quiet = source[tag.end : end.start()].replace("{%", "{ %").replace("{{", "{ {")
                words = f"{{% comment %}}{quiet}{{% endcomment %}}"
                self.translation.writer.liquid(words, tag.start)
            self.carried(tag)
            return end.end()
        self.refuse(tag, f"{{% {tag.name} %}} is never closed", f"write {{% end{tag.name} %}}")
        return tag.end

    def _control(self, tag: BraceTag) -> None:
        own = self.dialect.own_tags.get(tag.name)
        writer = _TAGS.get(tag.name)
        if own is not None:
            own(self, tag)
        elif tag.name in _ENDS:
            self._end(tag)
        elif tag.name in _BRANCHES:
            self._branch(tag)
        elif writer is not None:
            writer(self, tag)
        elif tag.name == "#":
            self.carried(tag)
        else:
            self.refuse(
                tag,
                f"there is no tag {{% {tag.name or '?'} %}} here",
                "say it in Liquid's own tags, or leave it out",
            )

    def _end(self, tag: BraceTag) -> None:
        name = _ENDS[tag.name]
        if not self._open or self._open[-1].name != name:
            expected = f"{{% {BLOCKS[self._open[-1].name]} %}}" if self._open else "no end"
            self.refuse(tag, f"{expected} was expected here", "close the innermost block first")
            return
        self._end_block(self._open.pop(), tag.start)
        self.carried(tag)

    def _end_block(self, block: _Open, at: int) -> None:
        self.values.locals -= block.names
        if block.name == "case" and not block.branched:
            self.translation.writer.tag("else", at)
        self.translation.writer.tag(BLOCKS[block.name], at)

    def _branch(self, tag: BraceTag) -> None:
        block = self._open[-1] if self._open else None
        if block is None or block.name not in _BRANCHES[tag.name] or block.has_else:
            self.refuse(tag, f"{{% {tag.name} %}} belongs to no block here", "remove it")
            return
        words = tag.name
        if tag.name != "else":
            condition = self.values.condition(tokens_of(tag.rest, tag.rest_start))
            name, of = ("case", "x") if tag.name == "when" else ("if", "true")
            if not _reads(f"{{% {name} {of} %}}{{% {tag.name} {condition} %}}{{% end{name} %}}"):
                self.refuse(tag, "this condition cannot be read; it never holds", "rewrite it")
                condition = "false"
            words = f"{tag.name} {condition}"
        block.branched, block.has_else = True, tag.name == "else"
        self.write(tag, words)
        self.carried(tag)

    def _open_block(self, tag: BraceTag, words: str, names: frozenset[str] = frozenset()) -> None:
        if len(self._open) >= _MAX_BLOCK_DEPTH:
            raise Unreadable("blocks are nested too deep here", tag.start, "split the template")
        self.write(tag, words)
        new = names - self.values.locals
        self.values.locals |= names
        self._open.append(_Open(tag.name, tag, new))
        self.carried(tag)

    def _if(self, tag: BraceTag) -> None:
        condition = self.values.condition(tokens_of(tag.rest, tag.rest_start))
        if not _reads(f"{{% {tag.name} {condition} %}}{{% end{tag.name} %}}"):
            self.refuse(tag, "this condition cannot be read; its part is never shown", "rewrite it")
            condition = "true" if tag.name == "unless" else "false"
        self._open_block(tag, f"{tag.name} {condition}")

    def _case(self, tag: BraceTag) -> None:
        subject = self.values.condition(tokens_of(tag.rest, tag.rest_start))
        if not _reads(f"{{% case {subject} %}}{{% else %}}{{% endcase %}}"):
            self.refuse(tag, "this case cannot be read; none of its parts is shown", "rewrite it")
            subject = "nil"
        self._open_block(tag, f"case {subject}")

    def _for(self, tag: BraceTag) -> None:
        tokens = tokens_of(tag.rest, tag.rest_start)
        well_formed = len(tokens) > 2 and tokens[0].kind == "word" and tokens[1].text == "in"
        loop = self.values.condition(tokens[2:]) if well_formed else ""
        variable = tokens[0].text if well_formed else "item"
        words = f"{tag.name} {variable} in {loop}"
        if not well_formed or not _reads(f"{{% {words} %}}{{% end{tag.name} %}}"):
            self.refuse(tag, "this loop cannot be read; it has no rounds", "rewrite it")
            words = f"{tag.name} {variable} in (1..0)"
        self._open_block(tag, words, frozenset((variable, "forloop", "tablerowloop")))

    def _assign(self, tag: BraceTag) -> None:
        tokens = tokens_of(tag.rest, tag.rest_start)
        name = tokens[0].text if tokens and tokens[0].kind == "word" else ""
        value = self.values.filtered(tokens[2:], printed=False) if len(tokens) > 2 else None
        words = f"assign {name} = {value}"
        if value is None or not tokens[1].is_mark("=") or not _reads(f"{{% {words} %}}"):
            self.refuse(tag, "this assignment cannot be read", "rewrite it")
            return
        self.write(tag, words)
        self.values.locals.add(name)
        self.carried(tag)

    def _capture(self, tag: BraceTag) -> None:
        tokens = tokens_of(tag.rest, tag.rest_start)
        readable = tokens and tokens[0].kind in ("word", "string")
        name = tokens[0].text if readable else ""
        if not _reads(f"{{% capture {name} %}}{{% endcapture %}}"):
            self.refuse(tag, "capture needs a name; what it holds is not shown", "name it")
            name = self.translation.new_name("captured")
        self._open_block(tag, f"capture {name}")
        self.values.locals.add(name)

    def _ifchanged(self, tag: BraceTag) -> None:
        self._open_block(tag, "ifchanged")

    def _simple(self, tag: BraceTag) -> None:
        """A tag that only takes values: cycle, increment, decrement."""
        tokens = tokens_of(tag.rest, tag.rest_start)
        words = f"{tag.name} {self.values.condition(tokens)}"
        if tag.name != "cycle":
            words = f"{tag.name} {tag.rest.strip()}"
        if not _reads(f"{{% {words} %}}"):
            self.refuse(tag, "this tag cannot be read", "rewrite it")
            return
        if tag.name != "cycle" and tokens:
            self.values.locals.add(tokens[0].text)
        self.write(tag, words)
        self.carried(tag)

    def _leave(self, tag: BraceTag) -> None:
        """`break` and `continue`."""
        if not any(block.name == "for" and not block.branched for block in self._open):
            self.refuse(tag, f"{{% {tag.name} %}} stands outside of a loop", "remove it")
            return
        self.write(tag, tag.name)
        self.carried(tag)

    def _echo(self, tag: BraceTag) -> None:
        self._print(tag, tokens_of(tag.rest, tag.rest_start))

    def _liquid(self, tag: BraceTag) -> None:
        """`{% liquid … %}`: each line is a tag."""
        at = tag.rest_start
        for line in tag.rest.split("\n"):
            if line.strip():
                self._tag(BraceTag("control", at, at + len(line), line, at))
            at += len(line) + 1

    def _partial(self, tag: BraceTag) -> None:
        tokens = tokens_of(tag.rest, tag.rest_start)
        if len(tokens) != 1 or tokens[0].kind != "string":
            self.refuse(
                tag, "only a partial with a fixed name and no arguments is put in", "write it out"
            )
            return
        self.inline(tokens[0].text, tag, "partial")


_TAGS: dict[str, Callable[[Walk, BraceTag], None]] = {
    "assign": Walk._assign,
    "break": Walk._leave,
    "capture": Walk._capture,
    "case": Walk._case,
    "continue": Walk._leave,
    "cycle": Walk._simple,
    "decrement": Walk._simple,
    "echo": Walk._echo,
    "for": Walk._for,
    "if": Walk._if,
    "ifchanged": Walk._ifchanged,
    "include": Walk._partial,
    "increment": Walk._simple,
    "liquid": Walk._liquid,
    "render": Walk._partial,
    "tablerow": Walk._for,
    "unless": Walk._if,
}


def _reads(liquid: str) -> bool:
    """Whether a piece of Liquid is well-formed."""
    try:
        environment(Environment).from_string(liquid)
    except LiquidError:
        return False
    return True
