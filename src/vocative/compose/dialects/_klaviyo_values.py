"""Klaviyo's values as Liquid: what its names stand for and what its filters are here.

What Liquid cannot say within one tag is set beforehand; `before` collects these tags until the tag
that needs them is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from vocative.compose.dialects._conditions import All, Atom, Condition, Not, Some, equality
from vocative.compose.dialects._django import Filter, Joined, Test, Value
from vocative.compose.dialects._fields import Named, trait_name
from vocative.compose.dialects._liquid_rules import or_else
from vocative.compose.dialects._php_dates import strftime_of
from vocative.compose.dialects._tokens import write_path
from vocative.compose.dialects._writing import Writer, quoted
from vocative.compose.dialects.base import Translation

_NAMES = {
    "organization.name": "sender_name",
    "organization.full_address": "postal_address",
    "organization.address": "postal_address",
    "message.name": "campaign.name",
    "campaign.name": "campaign.name",
    "person.phone_number": "person.phone",
    "person.organization": "person.company",
    "now": '"now"',
}
_ALWAYS_THERE = frozenset(("sender_name", "postal_address", "campaign.name", '"now"'))
_LOOP = {
    "counter": "index",
    "counter0": "index0",
    "revcounter": "rindex",
    "revcounter0": "rindex0",
    "first": "first",
    "last": "last",
    "parentloop": "parentloop",
}
_SHIFTED = "Klaviyo shows the moment in the account's time zone, here it is UTC"
_MARKUP = "markup in the value is shown as text, never obeyed"


@dataclass(frozen=True)
class _Rule:
    liquid: str
    difference: str = ""
    argument: bool = True


_FILTERS: Mapping[str, _Rule] = {
    "capfirst": _Rule("capitalize", "all but the first letter become small, too"),
    "cut": _Rule("remove"),
    "divide": _Rule("divided_by"),
    "divided_by": _Rule("divided_by"),
    "escape": _Rule("escape"),
    "first": _Rule("first"),
    "floatformat": _Rule("fixed_places"),
    "force_escape": _Rule("escape"),
    "intcomma": _Rule("group_digits"),
    "join": _Rule("join"),
    "last": _Rule("last"),
    "length": _Rule("size"),
    "linebreaks": _Rule("newline_to_br", "lines are broken, paragraphs are not made"),
    "linebreaksbr": _Rule("newline_to_br"),
    "lower": _Rule("downcase"),
    "minus": _Rule("minus"),
    "multiply": _Rule("times"),
    "slugify": _Rule('downcase | replace: " ", "-"', "only spaces are replaced"),
    "split": _Rule("split"),
    "striptags": _Rule("strip_html"),
    "subtract": _Rule("minus"),
    "times": _Rule("times"),
    "title": _Rule("title_case"),
    "trim": _Rule("strip"),
    "truncatechars": _Rule("truncate"),
    "truncatewords": _Rule("truncatewords"),
    "upper": _Rule("upcase"),
    "urlencode": _Rule('url_encode | replace: "+", "%20" | replace: "%2F", "/"'),
}
_ELLIPSIS = {"truncatechars": ', "…"', "truncatewords": ', " …"'}
_AS_IT_IS = frozenset(("format_date_string", "format_date", "date_string", "string_to_date"))
"""Filters that make a date of a text; `date` here reads both."""
_NO_TEXT = '""'
_DISPLAY = frozenset(("safe", "safeseq"))


@dataclass
class Values:
    """Writes values and conditions, and remembers what must be set before them."""

    translation: Translation
    locals: dict[str, str] = field(default_factory=dict)
    """Names that the text has set, and what they are called in Liquid."""
    before: list[str] = field(default_factory=list)
    loops: int = 0
    """How many loops are open."""

    def printed(self, value: Value) -> str:
        """A value that is printed: nothing where it is missing."""
        return self._chain(value, printed=True)

    def assigned(self, value: Value) -> str:
        """A value that is kept in a name."""
        return self._chain(value, printed=False)

    def operand(self, value: Value) -> str:
        """A value in a condition or loop, which takes no filters: they are applied before."""
        if not value.filters or self._is_lookup_only(value):
            return self._left(value)[0]
        return self.set(self._chain(value, printed=False))

    def set(self, expression: str, word: str = "value") -> str:
        """Set a new name to an expression before the tag that uses it."""
        name = self.translation.new_name(word)
        self.before.append(f"{{% assign {name} = {expression} %}}")
        return name

    def decide(self, condition: str) -> str:
        """Decide a condition before the tag that uses it."""
        name = self.translation.new_name("flag")
        self.before.append(
            f"{{% assign {name} = false %}}{{% if {condition} %}}"
            f"{{% assign {name} = true %}}{{% endif %}}"
        )
        return name

    def string(self, text: str) -> str:
        """A text as Liquid."""
        simple = quoted(text)
        if simple is not None:
            return simple
        writer = Writer()
        writer.literal(text, 0)
        name = self.translation.new_name("text")
        self.before.append(f"{{% capture {name} %}}{writer.text}{{% endcapture %}}")
        return name

    def condition(self, tree: Joined | Test) -> Condition:
        """A condition with Django's rules of what is true and what compares."""
        if isinstance(tree, Joined):
            parts = tuple(self.condition(part) for part in tree.parts)
            if tree.kind == "not":
                return Not(parts[0])
            return All(parts) if tree.kind == "and" else Some(parts)
        if tree.operator == "truth" or tree.right is None:
            return self._truth(tree.left)
        if tree.operator in ("in", "not in"):
            return self._holds(tree.left, tree.right, negated=tree.operator == "not in")
        if tree.operator in ("==", "!="):
            left, right = self.operand(tree.left), self.operand(tree.right)
            return equality(left, right, equal=tree.operator == "==")
        return self._order(tree, tree.right)

    def _holds(self, part: Value, whole: Value, *, negated: bool) -> Condition:
        """`in`: what is no text or list holds nothing, and does not lack it either."""
        container = self.operand(whole)
        named = self._left(whole)[1] if whole.kind == "path" and not whole.filters else None
        if whole.kind != "string" and (named is None or named.type != "text"):
            container = self.set(f"{container} | only_container")
        holds = Atom(f"{container} contains {self.operand(part)}")
        return All((Atom(container), Not(holds))) if negated else holds

    def _truth(self, value: Value) -> Condition:
        if value.kind == "constant":
            return Atom("true" if value.text == "true" else "false")
        if value.kind != "path":
            return Atom("true" if value.text.strip("0.") else "false")
        if self._is_flag(value):
            return equality(self._left(value)[0], "true")
        name = self.operand(value)
        named = self._left(value)[1] if not value.filters else None
        # 0, "", [] and {} are false in Django, and true in Liquid.
        kind = named.type if named else None
        missing = Some((equality(name, "nil"), equality(name, "false")))
        parts: list[Condition] = [Atom(name, missing)]
        if kind not in ("number", "integer", "boolean", "instant", "date"):
            parts.append(equality(name, "empty", equal=False))
        if kind in ("number", "integer", None):
            parts.append(equality(name, "0", equal=False))
        return All(tuple(parts))

    def _order(self, test: Test, right: Value) -> Condition:
        """`<` and its kind: in Django nothing is smaller or greater than what is no such thing."""
        if "string" in (test.left.kind, right.kind):
            names = [self._as_text(one) for one in (test.left, right)]
        else:
            names = [self._as_number(one) for one in (test.left, right)]
        if all(one.kind == "path" for one in (test.left, right)):
            self.translation.approximated(
                test.left.start, right.end, "both are compared as numbers; other values never are"
            )
        return Atom(f"{names[0]} {test.operator} {names[1]}")

    def _as_number(self, value: Value) -> str:
        if value.kind == "number":
            return value.text.removeprefix("+")
        if value.kind == "constant":
            return "nil"
        if not value.filters:
            path, named = self._left(value)
            if (named and named.type in ("number", "integer")) or path.startswith("forloop."):
                return path
        return self.set(f"{self._chain(value, printed=False)} | only_number", "number")

    def _as_text(self, value: Value) -> str:
        if value.kind == "string":
            return self.string(value.text)
        return self.set(f'{self.operand(value)} | append: ""', "text")

    def _chain(self, value: Value, *, printed: bool) -> str:
        left, named = self._left(value)
        filters = _without_lookups(value)
        chain = [left]
        first = filters[0].name if filters else ""
        is_path = (
            value.kind == "path" and left not in _ALWAYS_THERE and not left.startswith("forloop.")
        )
        has_own = first in ("default", "default_if_none")
        if is_path and not has_own and (printed or filters):
            chain.append(or_else(named))
        for one in filters:
            chain += self._filter(one, named if one is filters[0] else None)
        return " | ".join(chain)

    def _filter(self, one: Filter, named: Named | None) -> list[str]:
        """What a filter is in Liquid; one that is unknown is refused and left out."""
        argument = self._argument(one.argument)
        if one.name == "default":
            return self._default(named, argument)
        if one.name == "default_if_none":
            self._differs(one, "an empty text is replaced, too")
            return [f"default: {argument or _NO_TEXT}, allow_false: true"]
        if one.name in _AS_IT_IS and one.argument is None:
            return []
        if one.name in ("date", *_AS_IT_IS):
            return self._date(one)
        if one.name in _DISPLAY:
            self._differs(one, _MARKUP)
            return []
        if one.name == "add":
            texts = one.argument is not None and one.argument.kind == "string"
            if not texts:
                self._differs(one, "what is no number counts as 0")
            return [f"{'append' if texts else 'plus'}: {argument or 0}"]
        if one.name == "slice":
            return self._slice(one)
        rule = _FILTERS.get(one.name)
        if rule is None:
            self.translation.refused(
                one.start,
                one.end,
                f"there is no filter {one.name} here",
                "say it with Liquid's own filters; the value is printed without it",
            )
            return []
        if rule.difference:
            self._differs(one, rule.difference)
        written = rule.liquid
        if argument is not None:
            written += f": {argument}"
        return [written + (_ELLIPSIS.get(one.name, "") if argument is not None else "")]

    def _default(self, named: Named | None, argument: str | None) -> list[str]:
        # Django replaces 0 as well, which no text can be.
        is_text = named is not None and named.type not in (None, "number", "integer")
        zero = [] if is_text else ["zero_as_nothing"]
        return [*zero, f"default: {argument or _NO_TEXT}"]

    def _date(self, one: Filter) -> list[str]:
        pattern = one.argument.text if one.argument and one.argument.kind == "string" else "N j, Y"
        if "%" in pattern:
            written, lost = pattern, ""
            self._differs(one, "letters behind % are read as strftime does")
        else:
            written, lost = strftime_of(pattern, django=True)
            self._differs(one, _SHIFTED + (f"; left out of the format: {lost}" if lost else ""))
        return [f"date: {self.string(written)}"]

    def _slice(self, one: Filter) -> list[str]:
        parts = (one.argument.text if one.argument else "").split(":")
        numbers = [part.strip() for part in parts]
        if len(numbers) != 2 or not all(part.isdecimal() or not part for part in numbers):
            self.translation.refused(
                one.start, one.end, "only slices such as :3 or 2:5 are carried", "rewrite it"
            )
            return []
        start = int((numbers[0] or "0")[:9])
        # Without an end it is the rest: more than any list may hold.
        count = max(0, int(numbers[1][:9]) - start) if numbers[1] else 100_000
        return [f"slice: {start}, {count}"]

    def _argument(self, value: Value | None) -> str | None:
        if value is None:
            return None
        if value.kind == "string":
            return self.string(value.text)
        if value.kind == "path":
            return self.set(f'{self._left(value)[0]} | default: ""')
        return value.text.removeprefix("+")

    def _left(self, value: Value) -> tuple[str, Named | None]:
        """A value without its filters, and the field that it is."""
        if value.kind == "string":
            return self.string(value.text), None
        if value.kind != "path":
            return value.text.removeprefix("+"), None
        segments = value.segments
        root = str(segments[0])
        looked_up = _lookups(value)
        if root == "forloop":
            return self._loop(segments, value), None
        if root in self.locals:
            return write_path((self.locals[root], *segments[1:], *looked_up)), None
        return self._field((*segments, *looked_up), value)

    def _field(self, segments: tuple[str | int, ...], value: Value) -> tuple[str, Named | None]:
        names: list[str] = []
        for segment in segments:
            if isinstance(segment, int):
                break
            names.append(segment.removeprefix("$"))
        count = next(
            (n for n in range(len(names), 0, -1) if self.translation.maps(".".join(names[:n]))),
            len(names),
        )
        foreign = ".".join(names[:count])
        named = self.translation.field(foreign, value.start, value.end, _usual(names[:count]))
        rest = segments[count:]
        written = write_path(("x", *rest))[1:] if rest else ""
        return named.path + written, named

    def _loop(self, segments: tuple[str | int, ...], value: Value) -> str:
        written = ["forloop"]
        for segment in segments[1:]:
            name = _LOOP.get(str(segment))
            if name is None or self.loops < segments.count("parentloop") + 1:
                self.translation.refused(
                    value.start, value.end, f"no loop has {segment} here", "use forloop.counter"
                )
                return "nil"
            written.append(name)
        return ".".join(written) if len(written) > 1 else "nil"

    def _is_flag(self, value: Value) -> bool:
        return value.kind == "path" and value.text in ("forloop.first", "forloop.last")

    def _is_lookup_only(self, value: Value) -> bool:
        return not _without_lookups(value)

    def _differs(self, one: Filter, difference: str) -> None:
        self.translation.approximated(one.start, one.end, difference)


def _lookups(value: Value) -> tuple[str | int, ...]:
    """The names that leading `lookup` filters add to a path."""
    found: list[str | int] = []
    for one in value.filters:
        if one.name != "lookup" or one.argument is None or one.argument.kind == "path":
            break
        argument = one.argument
        is_index = argument.kind == "number" and argument.text.isdecimal()
        found.append(int(argument.text[:9]) if is_index else argument.text)
    return tuple(found)


def _without_lookups(value: Value) -> tuple[Filter, ...]:
    return value.filters[len(_lookups(value)) :] if value.kind == "path" else value.filters


def _usual(names: list[str]) -> str:
    foreign = ".".join(names)
    if foreign in _NAMES:
        return _NAMES[foreign]
    if names[0] == "person" and len(names) > 1:
        return f"person.{trait_name('.'.join(names[1:]))}"
    return f"person.{trait_name(foreign)}"
