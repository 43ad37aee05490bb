"""Mailchimp: merge tags (`*|FNAME|*`) and conditional blocks (`*|IF:…|*`)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from vocative.compose.dialects._fields import Named
from vocative.compose.dialects._liquid_rules import or_else
from vocative.compose.dialects._mailchimp_names import (
    ALWAYS,
    NEARLY,
    PRINTS,
    REFUSED,
    USUAL,
    WRITE_IT,
)
from vocative.compose.dialects._mailchimp_tags import MergeTag, find_merge_tags
from vocative.compose.dialects._php_dates import strftime_of
from vocative.compose.dialects._tags import few
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects._writing import quoted
from vocative.compose.dialects.base import Dialect, Translation

_NAME = re.compile(r"[A-Z_][\w-]*\Z", re.IGNORECASE)
_COMPARED = re.compile(r"\s*([A-Z_][\w-]*)\s*(!=|<>|>=|<=|==|=|>|<)\s*(.*)\Z", re.IGNORECASE)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z", re.ASCII)
_GROUP = re.compile(r"([^:]*):(.*)\Z", re.DOTALL)
_CASES = {"TITLE": "title_case", "UPPER": "upcase", "LOWER": "downcase"}
_MAX_DEPTH = 18


@dataclass
class _Block:
    """A condition that is not closed yet."""

    tag: MergeTag
    kind: str = "IF"
    closers: int = 1
    """How many `{% endif %}` end it."""
    has_else: bool = False


@dataclass
class _Walk:
    """One walk through a text."""

    translation: Translation
    open: list[_Block] = field(default_factory=list)

    def text(self) -> None:
        """Write the whole text."""
        kept = 0
        for tag in few(find_merge_tags(self.translation.source)):
            self.translation.keep(kept, tag.start)
            self._tag(tag)
            kept = tag.end
        self.translation.keep(kept, len(self.translation.source))
        while self.open:
            block = self.open.pop()
            self._refuse(
                block.tag,
                f"*|{block.kind}|* is never closed; it was closed at the end of the text",
                f"write *|END:{block.kind}|* where it ends",
            )
            self._end_ifs(block, len(self.translation.source))

    def _tag(self, tag: MergeTag) -> None:
        handler = _HANDLERS.get(tag.name)
        full = f"{tag.name}:{tag.argument}".upper() if tag.argument else tag.name
        if full in PRINTS or full in REFUSED:
            self._known(tag, full)
        elif handler is not None:
            handler(self, tag)
        elif tag.name in REFUSED or tag.name in ("COUPON", "PROMO_CODE"):
            self._known(tag, tag.name)
        elif tag.name in _CASES and tag.argument:
            self._print_field(tag, tag.argument, [_CASES[tag.name]])
        elif not tag.argument and _NAME.match(tag.name):
            self._print_field(tag, tag.name, [])
        else:
            self._refuse(tag, "this merge tag is not known", WRITE_IT)

    def _known(self, tag: MergeTag, name: str) -> None:
        if name in REFUSED:
            self._refuse(tag, *REFUSED[name])
            return
        self.translation.writer.output(PRINTS[name], tag.start)
        self._note(tag, NEARLY.get(name, ""))

    def _print_field(self, tag: MergeTag, name: str, filters: list[str]) -> None:
        named = self._field(tag, name)
        chain = " | ".join([named.path, or_else(named), *filters])
        self.translation.writer.output(chain, tag.start)
        self._note(tag, NEARLY.get(tag.name, ""))

    def _if(self, tag: MergeTag) -> None:
        self._open(tag, "IF", negated=False)

    def _if_not(self, tag: MergeTag) -> None:
        self._open(tag, "IF", negated=True)

    def _open(self, tag: MergeTag, kind: str, *, negated: bool) -> None:
        self._check_depth(tag)
        condition = self._condition(tag, negated=negated)
        self.translation.writer.tag(f"if {condition}", tag.start)
        self.open.append(_Block(tag, kind))

    def _check_depth(self, tag: MergeTag) -> None:
        if sum(block.closers for block in self.open) >= _MAX_DEPTH:
            deep = "conditions are nested too deep here"
            raise Unreadable(deep, tag.start, "split the template")

    def _else_if(self, tag: MergeTag) -> None:
        block = self.open[-1] if self.open else None
        if block is None or block.has_else or block.kind != "IF":
            self._refuse(tag, "this belongs to no condition", "remove it")
            return
        compared = _COMPARED.match(tag.argument)
        if compared is not None and _needs_a_name(compared[2], compared[3]):
            self._check_depth(tag)
            # What is compared is set first, and nothing can be set between two branches.
            self.translation.writer.tag("else", tag.start)
            condition = self._condition(tag, negated=False)
            self.translation.writer.tag(f"if {condition}", tag.start)
            block.closers += 1
            return
        condition = self._condition(tag, negated=False)
        self.translation.writer.tag(f"elsif {condition}", tag.start)

    def _else(self, tag: MergeTag) -> None:
        block = self.open[-1] if self.open else None
        if block is None or block.has_else:
            self._refuse(tag, "this belongs to no condition", "remove it")
            return
        block.has_else = True
        self.translation.writer.tag("else", tag.start)
        self.translation.carried(tag.start, tag.end)

    def _end(self, tag: MergeTag) -> None:
        kind = tag.argument.upper()
        block = self.open[-1] if self.open else None
        if block is None or kind not in ("", block.kind):
            expected = f"*|END:{block.kind}|*" if block else "no end"
            self._refuse(tag, f"{expected} was expected here", "close the innermost block first")
            return
        self._end_ifs(self.open.pop(), tag.start)
        self.translation.carried(tag.start, tag.end)

    def _end_ifs(self, block: _Block, at: int) -> None:
        self.translation.writer.liquid("{% endif %}" * block.closers, at)

    def _interested(self, tag: MergeTag) -> None:
        """`*|INTERESTED:Group:One,Two|*`: whoever chose one of them, or anything of the group."""
        found = _GROUP.match(tag.argument)
        group, choices = (found[1], found[2].split(",")) if found else (tag.argument, [])
        self._check_depth(tag)
        named = self._field(tag, group.strip())
        wanted = [choice.strip() for choice in choices if choice.strip()]
        parts = [f"{named.path} contains {self._string(choice, tag)}" for choice in wanted]
        condition = " or ".join(parts) or f"{named.path} != blank"
        self.translation.writer.tag(f"if {condition}", tag.start)
        self.open.append(_Block(tag, "INTERESTED"))
        self._note(
            tag,
            "the group is a trait that lists the chosen names; in a text, parts of names count",
        )

    def _group_list(self, tag: MergeTag) -> None:
        """`*|INTERESTS|*` and `*|HTML:INTERESTED|*`: what was chosen."""
        named = self._field(tag, tag.argument or "INTERESTS")
        self.translation.writer.output(f'{named.path} | default: "" | join: ", "', tag.start)
        self.translation.carried(tag.start, tag.end)

    def _date(self, tag: MergeTag) -> None:
        pattern, lost = strftime_of(tag.argument or "Y-m-d")
        expression = quoted(pattern)
        if expression is None or len(pattern) > 90:
            self._refuse(tag, "this date format cannot be carried", WRITE_IT)
            return
        self.translation.writer.output(f'"now" | date: {expression}', tag.start)
        told = "today is the day in UTC"
        if lost:
            told += f"; the letters {lost} of the format were left out"
        self._note(tag, told)

    def _mc(self, tag: MergeTag) -> None:
        name = tag.argument.upper()
        if name == "SUBJECT":
            self._subject(tag)
        elif name == "DATE":
            self.translation.writer.output('"now" | date: "%m/%d/%Y"', tag.start)
            self._note(tag, "today is the day in UTC")
        else:
            self._refuse(tag, "this merge tag is not known", WRITE_IT)

    def _subject(self, tag: MergeTag) -> None:
        subject = self.translation.subject
        if subject is None or self.translation.medium == "line":
            self._refuse(tag, "the subject was not handed along", "convert it with --subject")
            return
        inner = self.translation.within(subject)
        _Walk(inner).text()
        self.translation.take(inner, tag.start)
        self.translation.carried(tag.start, tag.end)

    def _html(self, tag: MergeTag) -> None:
        if not _NAME.match(tag.argument):
            self._refuse(tag, "this merge tag is not known", WRITE_IT)
            return
        named = self._field(tag, tag.argument)
        self.translation.writer.output(f"{named.path} | {or_else(named)}", tag.start)
        self._note(tag, "markup in the value is shown as text, never obeyed")

    def _condition(self, tag: MergeTag, *, negated: bool) -> str:
        compared = _COMPARED.match(tag.argument)
        if compared is not None:
            name, operator, value = compared.groups()
            condition = self._comparison(tag, name, operator, value, negated=negated)
            self.translation.carried(tag.start, tag.end)
            return condition
        name = tag.argument.rstrip(":").strip()
        upper = name.upper()
        if upper == "ARCHIVE_PAGE":
            # The page of a message is the message as it was sent.
            self._note(tag, "what is only for the mail is on its page, too")
            return "true" if negated else "false"
        if upper.partition(":")[0] in REFUSED and upper not in USUAL:
            self._note(tag, "there is none here, so this is never shown")
            return "true" if negated else "false"
        if upper in ALWAYS:
            self.translation.carried(tag.start, tag.end)
            return "false" if negated else "true"
        if not _NAME.match(name):
            self._refuse(tag, "this condition cannot be read; it never holds", "rewrite it")
            return "false"
        path = self._field(tag, name).path
        self.translation.carried(tag.start, tag.end)
        return f"{path} == blank" if negated else f"{path} and {path} != blank"

    def _comparison(
        self, tag: MergeTag, name: str, operator: str, value: str, *, negated: bool
    ) -> str:
        named = self._field(tag, name)
        value = _unquoted(value)
        if operator in (">", "<", ">=", "<="):
            number = self.translation.new_name("number")
            self.translation.writer.tag(
                f"assign {number} = {named.path} | as_number | default: 0", tag.start
            )
            told = value if _NUMBER.match(value) else "0"
            if negated:
                operator = {">": "<=", "<": ">=", ">=": "<", "<=": ">"}[operator]
            return f"{number} {operator} {told}"
        equal = (operator in ("=", "==")) != negated
        return self._equality(tag, named, value, equal=equal)

    def _equality(self, tag: MergeTag, named: Named, value: str, *, equal: bool) -> str:
        if not value:
            return f"{named.path} == blank" if equal else f"{named.path} != blank"
        texts = [self._string(value, tag)]
        if _NUMBER.match(value):
            # Merge fields hold text; a trait may hold the number itself.
            texts = [value] if named.type == "number" else [*texts, value]
        sign, joined = ("==", " or ") if equal else ("!=", " and ")
        return joined.join(f"{named.path} {sign} {text}" for text in texts)

    def _field(self, tag: MergeTag, name: str) -> Named:
        return self.translation.field(name, tag.start, tag.end, USUAL.get(name.upper()))

    def _string(self, text: str, tag: MergeTag) -> str:
        return quoted(text) or self.translation.string(text, tag.start)

    def _note(self, tag: MergeTag, difference: str) -> None:
        if difference:
            self.translation.approximated(tag.start, tag.end, difference)
        else:
            self.translation.carried(tag.start, tag.end)

    def _refuse(self, tag: MergeTag, reason: str, fix: str) -> None:
        self.translation.refused(tag.start, tag.end, reason, fix)


def _needs_a_name(operator: str, value: str) -> bool:
    """Whether a comparison is of something that must be set first."""
    return operator in ("<", ">", "<=", ">=") or quoted(_unquoted(value)) is None


def _unquoted(value: str) -> str:
    for quote in ("'", '"'):
        if len(value) > 1 and value[0] == value[-1] == quote:
            return value[1:-1]
    return value


_HANDLERS: dict[str, Callable[[_Walk, MergeTag], None]] = {
    "IF": _Walk._if,
    "IFNOT": _Walk._if_not,
    "ELSEIF": _Walk._else_if,
    "ELSE": _Walk._else,
    "END": _Walk._end,
    "INTERESTED": _Walk._interested,
    "INTERESTS": _Walk._group_list,
    "DATE": _Walk._date,
    "MC": _Walk._mc,
    "HTML": _Walk._html,
}


class Mailchimp(Dialect):
    """Merge tags of Mailchimp."""

    title: ClassVar[str] = "Mailchimp merge tags"

    def translate(self, translation: Translation) -> None:
        """Read merge tags and write Liquid."""
        _Walk(translation).text()
