"""One walk through a text that is Liquid as another system has it.

Every tag is written as Vocative's Liquid and noted; what is malformed is refused, and blocks that
were opened are closed, so that what comes out can always be read.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from liquid.exceptions import LiquidError

from vocative.compose.dialects._fields import Named
from vocative.compose.dialects._liquid_rules import SAME, or_else
from vocative.compose.dialects._tags import BraceTag, find_brace_tags, find_end
from vocative.compose.dialects._tokens import Path, Token, read_path, tokens_of, write_path
from vocative.compose.dialects.base import Translation
from vocative.compose.language import Environment, environment

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
_LITERALS = frozenset(("true", "false", "nil", "null", "blank", "empty"))
_OPERATORS = frozenset(("and", "or", "contains", "in", "reversed", "offset", "continue"))
_PROPERTIES = frozenset(("size", "first", "last"))
_ALWAYS_THERE = frozenset(
    ("postal_address", "sender_name", "unsubscribe_url", "view_url", "campaign.name", "preheader")
)
_LOOP = re.compile(r"(?:forloop|tablerowloop)\.\w+\Z")
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
    locals: set[str] = field(default_factory=set)
    """Names that the text has set itself."""
    depth: int = 0
    _open: list[_Open] = field(default_factory=list)

    def text(self) -> None:
        """Write the whole text."""
        kept, source = 0, self.translation.source
        tags = list(find_brace_tags(source))
        index = 0
        while index < len(tags):
            tag = tags[index]
            if tag.start < kept:
                index += 1
                continue
            self._keep(kept, tag.start)
            kept = self._tag(tag)
            index += 1
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
        walk = Walk(self.dialect, inner, self.locals, self.depth + 1)
        walk.text()
        walk.close()
        self.translation.take(inner, tag.start)
        self.carried(tag)

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
        written = self.filtered(tokens, printed=True)
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
        self.locals -= block.names
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
            condition = self.condition(tokens_of(tag.rest, tag.rest_start))
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
            self.refuse(tag, "blocks are nested too deep here", "split the template into blocks")
            return
        self.write(tag, words)
        new = names - self.locals
        self.locals |= names
        self._open.append(_Open(tag.name, tag, new))
        self.carried(tag)

    def _if(self, tag: BraceTag) -> None:
        condition = self.condition(tokens_of(tag.rest, tag.rest_start))
        if not _reads(f"{{% {tag.name} {condition} %}}{{% end{tag.name} %}}"):
            self.refuse(tag, "this condition cannot be read; its part is never shown", "rewrite it")
            condition = "true" if tag.name == "unless" else "false"
        self._open_block(tag, f"{tag.name} {condition}")

    def _case(self, tag: BraceTag) -> None:
        subject = self.condition(tokens_of(tag.rest, tag.rest_start))
        if not _reads(f"{{% case {subject} %}}{{% else %}}{{% endcase %}}"):
            self.refuse(tag, "this case cannot be read; none of its parts is shown", "rewrite it")
            subject = "nil"
        self._open_block(tag, f"case {subject}")

    def _for(self, tag: BraceTag) -> None:
        tokens = tokens_of(tag.rest, tag.rest_start)
        well_formed = len(tokens) > 2 and tokens[0].kind == "word" and tokens[1].text == "in"
        loop = self.condition(tokens[2:]) if well_formed else ""
        variable = tokens[0].text if well_formed else "item"
        words = f"{tag.name} {variable} in {loop}"
        if not well_formed or not _reads(f"{{% {words} %}}{{% end{tag.name} %}}"):
            self.refuse(tag, "this loop cannot be read; it has no rounds", "rewrite it")
            words = f"{tag.name} {variable} in (1..0)"
        self._open_block(tag, words, frozenset((variable, "forloop", "tablerowloop")))

    def _assign(self, tag: BraceTag) -> None:
        tokens = tokens_of(tag.rest, tag.rest_start)
        name = tokens[0].text if tokens and tokens[0].kind == "word" else ""
        value = self.filtered(tokens[2:], printed=False) if len(tokens) > 2 else None
        words = f"assign {name} = {value}"
        if value is None or not tokens[1].is_mark("=") or not _reads(f"{{% {words} %}}"):
            self.refuse(tag, "this assignment cannot be read", "rewrite it")
            return
        self.write(tag, words)
        self.locals.add(name)
        self.carried(tag)

    def _capture(self, tag: BraceTag) -> None:
        tokens = tokens_of(tag.rest, tag.rest_start)
        readable = tokens and tokens[0].kind in ("word", "string")
        name = tokens[0].text if readable else ""
        if not _reads(f"{{% capture {name} %}}{{% endcapture %}}"):
            self.refuse(tag, "capture needs a name; what it holds is not shown", "name it")
            name = self.translation.new_name("captured")
        self._open_block(tag, f"capture {name}")
        self.locals.add(name)

    def _ifchanged(self, tag: BraceTag) -> None:
        self._open_block(tag, "ifchanged")

    def _simple(self, tag: BraceTag) -> None:
        """A tag that only takes values: cycle, increment, decrement."""
        tokens = tokens_of(tag.rest, tag.rest_start)
        words = f"{tag.name} {self.condition(tokens)}"
        if tag.name != "cycle":
            words = f"{tag.name} {tag.rest.strip()}"
        if not _reads(f"{{% {words} %}}"):
            self.refuse(tag, "this tag cannot be read", "rewrite it")
            return
        if tag.name != "cycle" and tokens:
            self.locals.add(tokens[0].text)
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
        written = ""
        at = 0
        while at < len(tokens):
            token = tokens[at]
            follows = at + 1 < len(tokens) and tokens[at + 1].is_mark(":")
            if token.kind == "sigil" or (
                token.kind == "word" and token.text not in _OPERATORS and not follows
            ):
                path, at = read_path(tokens, at)
                written += f" {self.path(path)}"
                continue
            at += 1
            if token.kind == "string":
                quote = "'" if '"' in token.text else '"'
                written += f" {quote}{token.text}{quote}"
            elif token.is_mark(":", ",", ")", "]", ".."):
                written += token.text
            elif token.is_mark("<>"):
                written += " !="
            elif written.endswith(("(", "..")):
                written += token.text
            else:
                written += f" {token.text}"
        return written.replace("( ", "(").replace(".. ", "..").strip(" ") if written else ""

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


_NO_PATH = Named("")
"""Stands for a value that is no path."""

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


def _reads(liquid: str) -> bool:
    """Whether a piece of Liquid is well-formed."""
    try:
        environment(Environment).from_string(liquid)
    except LiquidError:
        return False
    return True
