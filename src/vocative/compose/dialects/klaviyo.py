"""Klaviyo: templates in the manner of Django, over a person, an event and an organization."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from vocative.compose.dialects._conditions import write_condition
from vocative.compose.dialects._django import Joined, Reader, Test, Value
from vocative.compose.dialects._fields import MESSAGE_NAMES
from vocative.compose.dialects._klaviyo_values import Values
from vocative.compose.dialects._php_dates import strftime_of
from vocative.compose.dialects._tags import BraceTag, few, find_brace_tags, find_end
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects.base import Dialect, Translation
from vocative.errors import AuthorError

_MAX_DEPTH = 18
_MAX_PART_DEPTH = 10
_MAX_PART_CHARACTERS = 300_000
_REWRITE = "write it as Django's templates would, or in Liquid"
_LINKS = {
    "unsubscribe": ("unsubscribe_url", "Unsubscribe", ""),
    "manage_preferences": (
        'preferences_url | default: ""',
        "Manage preferences",
        "there is one page of preferences, Vocative's own",
    ),
    "update_preferences": (
        'preferences_url | default: ""',
        "Update preferences",
        "there is one page of preferences, Vocative's own",
    ),
    "web_view": ("view_url", "View in browser", ""),
    "view_in_browser": ("view_url", "View in browser", ""),
}
_ADDRESSES = {
    "unsubscribe_link": "unsubscribe_url",
    "unsubscribe_url": "unsubscribe_url",
    "manage_preferences_link": 'preferences_url | default: ""',
    "update_preferences_link": 'preferences_url | default: ""',
    "web_view_link": "view_url",
    "view_in_browser_link": "view_url",
}
_CURRENT = {
    "current_year": "%Y",
    "current_month": "%-m",
    "current_month_name": "%B",
    "current_day": "%-d",
    "current_weekday": "%A",
    "current_date": "%Y-%m-%d",
    "current_timestamp": "%Y-%m-%d %H:%M:%S",
}
_IN_UTC = "the day is that in UTC, not in the account's time zone"


@dataclass
class _Block:
    """A block that is not closed yet."""

    tag: BraceTag
    name: str
    closing: str
    """What ends it in Liquid."""
    closers: int = 1
    outer: dict[str, str] = field(default_factory=dict)
    """The names as they were before it."""
    has_else: bool = False
    """Whether its `{% else %}`, or `{% empty %}` of a loop, came already."""


@dataclass
class _Walk:
    """One walk through a text."""

    translation: Translation
    values: Values
    depth: int = 0
    open: list[_Block] = field(default_factory=list)

    def text(self) -> None:
        """Write the whole text."""
        kept, source = 0, self.translation.source
        for tag in few(find_brace_tags(source, comments=True)):
            if tag.start < kept:
                continue
            self.translation.keep(kept, tag.start)
            kept = tag.end
            if tag.kind == "unclosed":
                self._refuse(tag, "this tag is never closed", "close it")
                self.translation.keep(tag.start, tag.end)
            elif tag.kind == "comment":
                self._carried(tag)
            else:
                kept = self._read(tag)
        self.translation.keep(kept, len(source))
        while self.open:
            block = self.open.pop()
            self._refuse(
                block.tag,
                f"{{% {block.name} %}} is never closed; it was closed at the end of the text",
                f"write {{% end{block.name} %}} where it ends",
            )
            self.translation.writer.liquid(block.closing * block.closers, len(source))

    def _read(self, tag: BraceTag) -> int:
        """Read one tag; returns the offset behind what it took."""
        try:
            if tag.kind == "output":
                self._output(tag)
            elif tag.name in ("comment", "verbatim", "raw"):
                return self._verbatim(tag)
            else:
                self._control(tag)
        except Unreadable as error:
            self.values.before.clear()
            self.translation.refused(error.at, tag.end, error.message, _REWRITE)
            if tag.name in _BLOCKS:
                # Its end must find a beginning.
                self._open(tag, "{% if false %}", "{% endif %}")
        return tag.end

    def _output(self, tag: BraceTag) -> None:
        reader = Reader.of(tag.inside, tag.inside_start)
        value = reader.value()
        reader.expect_end()
        if self._plural(tag, value):
            return
        expression = self.values.printed(value)
        self._write(tag, f"{{{{ {expression} }}}}")
        self._carried(tag)

    def _plural(self, tag: BraceTag, value: Value) -> bool:
        """`{{ count|pluralize:"y,ies" }}`."""
        last = value.filters[-1] if value.filters else None
        if last is None or last.name not in ("pluralize", "yesno"):
            return False
        words = (last.argument.text if last.argument else "").split(",")
        number = Value(value.kind, value.text, value.start, value.end, value.filters[:-1])
        if last.name == "yesno":
            first, other = (words[0] or "yes"), [*words, "no"][1]
            opening, otherwise = self._condition(Test(number)), "else"
        else:
            first, other = ("", words[0] or "s") if len(words) == 1 else (words[0], words[1])
            name = self.values.set(f"{self.values.assigned(number)} | as_number", "number")
            opening, otherwise = f"{name} == 1", f"elsif {name}"
        self._write(tag, f"{{% if {opening} %}}")
        self.translation.writer.literal(first, tag.start, exact=False)
        self._write(tag, f"{{% {otherwise} %}}")
        self.translation.writer.literal(other, tag.start, exact=False)
        self._write(tag, "{% endif %}")
        self._carried(tag)
        return True

    def _verbatim(self, tag: BraceTag) -> int:
        source = self.translation.source
        end = find_end(source, tag.name, tag.end)
        if end is not None:
            if tag.name != "comment":
                self.translation.keep(tag.end, end.start())
            self._carried(tag)
            return end.end()
        self._refuse(tag, f"{{% {tag.name} %}} is never closed", f"write {{% end{tag.name} %}}")
        return tag.end

    def _control(self, tag: BraceTag) -> None:
        name = tag.name
        if name in _LINKS:
            self._link(tag)
        elif name in _ADDRESSES:
            self._write(tag, f"{{{{ {_ADDRESSES[name]} }}}}")
            self._carried(tag)
        elif name in _CURRENT:
            self._write(tag, f'{{{{ "now" | date: "{_CURRENT[name]}" }}}}')
            self._differs(tag, _IN_UTC)
        elif name.startswith("end"):
            self._end(tag)
        elif name in _TAGS:
            _TAGS[name](self, tag)
        else:
            self._refuse(tag, f"there is no tag {{% {name or '?'} %}} here", _REWRITE)

    def _link(self, tag: BraceTag) -> None:
        """A link to one of the message's own pages."""
        address, words, difference = _LINKS[tag.name]
        reader = Reader.of(tag.rest, tag.rest_start)
        if not reader.is_done:
            value = reader.value()
            words = value.text if value.kind == "string" else words
        medium, writer = self.translation.medium, self.translation.writer
        if medium == "html":
            writer.liquid(f'<a href="{{{{ {address} }}}}">', tag.start)
            writer.literal(words, tag.start, exact=False)
            writer.liquid("</a>", tag.start)
        else:
            writer.literal(f"{words} " if medium == "text" else "", tag.start, exact=False)
            printed = f"{{{{ {address} }}}}"
            writer.liquid(f"<{printed}>" if medium == "text" else printed, tag.start)
        if difference:
            self._differs(tag, difference)
        else:
            self._carried(tag)

    def _condition(self, tree: Joined | Test) -> str:
        return write_condition(self.values.condition(tree), self.values.decide)

    def _read_condition(self, tag: BraceTag) -> str:
        reader = Reader.of(tag.rest, tag.rest_start)
        tree = reader.condition()
        reader.expect_end()
        return self._condition(tree)

    def _if(self, tag: BraceTag) -> None:
        self._open(tag, f"{{% if {self._read_condition(tag)} %}}", "{% endif %}")
        self._carried(tag)

    def _if_equal(self, tag: BraceTag) -> None:
        reader = Reader.of(tag.rest, tag.rest_start)
        operator = "==" if tag.name == "ifequal" else "!="
        test = Test(reader.value(), operator, reader.value())  # type: ignore[arg-type]
        reader.expect_end()
        self._open(tag, f"{{% if {self._condition(test)} %}}", "{% endif %}")
        self._carried(tag)

    def _else_if(self, tag: BraceTag) -> None:
        block = self.open[-1] if self.open else None
        if block is None or block.name != "if" or block.has_else:
            self._refuse(tag, f"{{% {tag.name} %}} belongs to no condition here", "remove it")
            return
        try:
            condition = self._read_condition(tag)
        except Unreadable as error:
            self.values.before.clear()
            self.translation.refused(error.at, tag.end, error.message, _REWRITE)
            condition = "false"
        if not self.values.before:
            self._write(tag, f"{{% elsif {condition} %}}")
        else:
            # Something must be set first, and nothing can be set between two branches.
            self._check_depth(tag)
            self.translation.writer.tag("else", tag.start)
            self._write(tag, f"{{% if {condition} %}}")
            block.closers += 1
        self._carried(tag)

    def _else(self, tag: BraceTag) -> None:
        block = self.open[-1] if self.open else None
        wanted = "for" if tag.name == "empty" else "if"
        fits = block is not None and block.name.startswith(wanted) and not block.has_else
        if block is None or not fits or not block.closing:
            self._refuse(tag, f"{{% {tag.name} %}} belongs to no block here", "remove it")
            return
        block.has_else = True
        self.values.loops -= tag.name == "empty"
        self._write(tag, "{% else %}")
        self._carried(tag)

    def _for(self, tag: BraceTag) -> None:
        reader = Reader.of(tag.rest, tag.rest_start)
        names = [reader.word()]
        while reader.take(","):
            names.append(reader.word())
        if not reader.take("in"):
            raise reader.unreadable("in is expected here")
        value = reader.value()
        is_reversed = reader.take("reversed") is not None
        reader.expect_end()
        pairs = len(names) == 2 and value.text.endswith(".items") and not value.filters
        if len(names) > 1 and not pairs:
            raise Unreadable("only pairs of a mapping are taken apart", tag.start, _REWRITE)
        if pairs:
            text = value.text.removesuffix(".items")
            value = Value(value.kind, text, value.start, value.end)
        over = self.values.operand(value)
        outer = dict(self.values.locals)
        variable = self.translation.new_name("pair") if pairs else self._local(names[0])
        suffix = " reversed" if is_reversed else ""
        self._open(tag, f"{{% for {variable} in {over}{suffix} %}}", "{% endfor %}", outer)
        self.values.loops += 1
        for index, name in enumerate(names if pairs else []):
            self._write(tag, f"{{% assign {self._local(name)} = {variable}[{index}] %}}")
        self._carried(tag)

    def _with(self, tag: BraceTag) -> None:
        outer = dict(self.values.locals)
        reader = Reader.of(tag.rest, tag.rest_start)
        given: list[tuple[str, str]] = []
        while not reader.is_done:
            if reader.at + 1 < len(reader.tokens) and reader.tokens[reader.at + 1].text == "=":
                name = reader.word()
                reader.take("=")
                given.append((name, self.values.assigned(reader.value())))
                continue
            value = self.values.assigned(reader.value())
            if not reader.take("as"):
                raise reader.unreadable("as is expected here")
            given.append((reader.word(), value))
        names = [(self._local(name), value) for name, value in given]
        words = "".join(f"{{% assign {name} = {value} %}}" for name, value in names)
        self._open(tag, words, "", outer)
        self._carried(tag)

    def _local(self, name: str) -> str:
        """A name for Liquid; one that means something else there gets a new one."""
        plain = name.isidentifier() and name.isascii()
        taken = name in MESSAGE_NAMES or name in self.values.locals.values()
        self.values.locals[name] = (
            self.translation.new_name(name if plain else "name") if (taken or not plain) else name
        )
        return self.values.locals[name]

    def _open(
        self, tag: BraceTag, words: str, closing: str, outer: dict[str, str] | None = None
    ) -> None:
        self._check_depth(tag)
        self._write(tag, words)
        before = dict(self.values.locals) if outer is None else outer
        self.open.append(_Block(tag, tag.name, closing, outer=before))

    def _check_depth(self, tag: BraceTag) -> None:
        if sum(block.closers for block in self.open) >= _MAX_DEPTH:
            deep = "blocks are nested too deep here"
            raise AuthorError(
                deep, where=self.translation.passage.where(tag.start), hint="split the template"
            )

    def _end(self, tag: BraceTag) -> None:
        name = tag.name.removeprefix("end")
        if not self.open or self.open[-1].name != name:
            expected = f"{{% end{self.open[-1].name} %}}" if self.open else "no end"
            self._refuse(tag, f"{expected} was expected here", "close the innermost block first")
            return
        block = self.open.pop()
        self.values.loops -= block.closing == "{% endfor %}" and not block.has_else
        if block.name in ("for", "with"):
            self.values.locals = block.outer
        self.translation.writer.liquid(block.closing * block.closers, tag.start)
        self._carried(tag)

    def _today(self, tag: BraceTag) -> None:
        """`{% today "%Y" as name %}`."""
        reader = Reader.of(tag.rest, tag.rest_start)
        pattern = "%Y-%m-%d" if reader.is_done or reader.peek("as") else reader.value().text
        written = f'"now" | date: {self.values.string(pattern)}'
        if reader.take("as"):
            self._write(tag, f"{{% assign {self._local(reader.word())} = {written} %}}")
        else:
            self._write(tag, f"{{{{ {written} }}}}")
        self._differs(tag, _IN_UTC)

    def _now(self, tag: BraceTag) -> None:
        pattern = Reader.of(tag.rest, tag.rest_start).value().text
        written, lost = strftime_of(pattern, django=True)
        self._write(tag, f'{{{{ "now" | date: {self.values.string(written)} }}}}')
        self._differs(tag, _IN_UTC + (f"; left out of the format: {lost}" if lost else ""))

    def _catalog(self, tag: BraceTag) -> None:
        self._open(tag, "{% if false %}", "{% endif %}")
        self.values.locals["catalog_item"] = "catalog_item"
        self._refuse(
            tag,
            "an item is not looked up by a tag here; this part is never shown",
            "let the campaign choose products, and loop over products",
        )

    def _coupon(self, tag: BraceTag) -> None:
        self._write(tag, '{{ offer.code | default: "" }}')
        self._differs(tag, "the code is that of the offer which the campaign chose")

    def _currency(self, tag: BraceTag) -> None:
        value = self.values.printed(Reader.of(tag.rest, tag.rest_start).value())
        self._write(tag, f"{{{{ {value} | money }}}}")
        self._differs(tag, 'the currency must be named: money: "EUR"')

    def _cycle(self, tag: BraceTag) -> None:
        reader = Reader.of(tag.rest, tag.rest_start)
        operands = []
        while not reader.is_done:
            operands.append(self.values.operand(reader.value()))
        self._write(tag, f"{{% cycle {', '.join(operands) or 'nil'} %}}")
        self._carried(tag)

    def _include(self, tag: BraceTag) -> None:
        value = Reader.of(tag.rest, tag.rest_start).value()
        passage = self.translation.parts.get(value.text)
        if passage is None:
            fix = f"convert it with --parts FOLDER, where {value.text}.html holds its text"
            self._refuse(tag, "this part was not handed along", fix)
            return
        size = len(self.translation.writer.text) + len(passage.text)
        if self.depth >= _MAX_PART_DEPTH or size > _MAX_PART_CHARACTERS:
            self._refuse(tag, "this part holds itself, or too much", "write it out once")
            return
        inner = self.translation.within(passage)
        walk = _Walk(inner, Values(inner, dict(self.values.locals)), self.depth + 1)
        walk.text()
        self.translation.take(inner, tag.start)
        self._carried(tag)

    def _transparent(self, tag: BraceTag) -> None:
        """A block that changes how its inside is written, not what it says."""
        self._open(tag, "", "")
        if tag.name == "autoescape" and "off" in tag.rest:
            self._differs(tag, "markup in a value is shown as text, never obeyed")
        else:
            self._carried(tag)

    def _ignored(self, tag: BraceTag) -> None:
        self._carried(tag)

    def _write(self, tag: BraceTag, words: str) -> None:
        """Write what must be set first, and the tag itself."""
        for one in self.values.before:
            self.translation.writer.liquid(one, tag.start)
        self.values.before.clear()
        self.translation.writer.liquid(words, tag.start)

    def _carried(self, tag: BraceTag) -> None:
        self.translation.carried(tag.start, tag.end)

    def _differs(self, tag: BraceTag, difference: str) -> None:
        self.translation.approximated(tag.start, tag.end, difference)

    def _refuse(self, tag: BraceTag, reason: str, fix: str) -> None:
        end = tag.end if tag.kind != "unclosed" else min(tag.end, tag.start + 80)
        self.translation.refused(tag.start, end, reason, fix)


_BLOCKS = frozenset(
    ("if", "ifequal", "ifnotequal", "for", "with", "catalog", "autoescape", "spaceless")
)
_TAGS: dict[str, Callable[[_Walk, BraceTag], None]] = {
    "autoescape": _Walk._transparent,
    "catalog": _Walk._catalog,
    "coupon_code": _Walk._coupon,
    "currency_format": _Walk._currency,
    "cycle": _Walk._cycle,
    "elif": _Walk._else_if,
    "else": _Walk._else,
    "elseif": _Walk._else_if,
    "elsif": _Walk._else_if,
    "empty": _Walk._else,
    "for": _Walk._for,
    "if": _Walk._if,
    "ifequal": _Walk._if_equal,
    "ifnotequal": _Walk._if_equal,
    "include": _Walk._include,
    "load": _Walk._ignored,
    "now": _Walk._now,
    "spaceless": _Walk._transparent,
    "today": _Walk._today,
    "with": _Walk._with,
}


class Klaviyo(Dialect):
    """Templates of Klaviyo."""

    title: ClassVar[str] = "Klaviyo"

    def translate(self, translation: Translation) -> None:
        """Read Django-like tags and write Liquid."""
        _Walk(translation, Values(translation)).text()
