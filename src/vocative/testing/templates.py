"""Random templates, random data for them, and whether both ways to render agree.

A template is drawn from everything that Liquid has, data is a person's with some of it spoilt:
missing, of another type, huge, hostile. The interpreter and the compiled form must give the same
text, take the same branches and refuse the same renders with the same words; the bytes of a body
must be that text.
"""

import quopri
import random
import re
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from liquid.exceptions import LiquidError, ResourceLimitError

from vocative.clock import SystemClock
from vocative.compose.compiler import (
    CompiledBody,
    CompiledText,
    Unsupported,
    compile_body,
    compile_text,
)
from vocative.compose.language.environments import (
    Environment,
    HtmlEnvironment,
    ParsedText,
    TextEnvironment,
    environment,
)
from vocative.compose.language.limits import Run
from vocative.compose.links import refuse_unsafe_links

KINDS: tuple[Callable[[], Environment], ...] = (HtmlEnvironment, TextEnvironment, Environment)
PEOPLE = 60
"""How many people each drawn template is rendered for, in each environment."""
CONSTANTS: dict[str, Any] = {"campaign": {"name": "Spring & Co", "year": 2026, "items": [1, 2]}}
_SPACE = re.compile(rb"\r\n|[ \t\r\n]")
_OUT_OF_TIME = "processor time"

_PATHS = (
    "person.name", "person.city", "person.points", "person.spend", "person.joined_at",
    "person.tags",
    "person.address.street", "person.address", "person.nothing", "person['name']", "person[key]",
    "products", "products[0].title", "products.first.title", "products.last.price", "products.size",
    "key", "campaign.name", "campaign.year",
    "person.name.size", "person.tags.first", "campaign.items", "order.lines", "offer",
)  # fmt: skip
_ABSENT = ("nowhere", "nowhere.deeper", "person.nobody", "products[9].title")
_LITERALS = (
    "'x'", '"<b>"', "''", "0", "1", "3", "2.5", "true", "false", "nil", "blank", "empty", "'a,b,c'",
    "'2026-03-04'", "(1..3)", "'now'",
)  # fmt: skip
_FILTERS = (
    "default: 'there'", "default: person.city", "default: false, allow_false: true", "capitalize",
    "upcase", "downcase", "escape", "escape_once", "size", "first", "last", "append: '!'",
    "append: person.city", "prepend: nil", "strip", "truncate: 5", "truncatewords: 1", "split: ','",
    "join: '-'", "map: 'title'", "where: 'title', 'Lamp'", "sort", "sort: 'price'", "uniq",
    "reverse", "compact", "concat: products", "plus: 1", "minus: person.points", "times: 2",
    "divided_by: 2", "divided_by: 0", "modulo: 3", "round", "round: 1", "ceil", "abs", "at_most: 5",
    "date: '%d %B %Y'", "date: '%H:%M'", "date: '%Y-%m-%d', 'Europe/Berlin'", "date: 'short'",
    "date: person.name", "money: 'EUR'", "money: person.city", "money", "money: 'JPY'",
    "money: 'EUR', 'de'", "replace: 'a', '<'", "remove: 'a'", "newline_to_br", "strip_html",
    "strip_newlines", "url_encode", "url_decode", "slice: 1", "slice: -2, 2", "number: 'de'",
)  # fmt: skip
# These take whatever they are given.
_EASY_FILTERS = (
    "default: 'there'", "capitalize", "upcase", "downcase", "escape", "size", "append: '!'",
    "append: key", "prepend: nil", "strip", "truncate: 5", "split: ','", "join: '-'",
    "replace: 'a', '<'", "newline_to_br", "strip_html", "url_encode", "plus: 1", "times: 2",
    "first",
)  # fmt: skip
_TEXTS = (
    "Hello ", "\n", "  ", "é & <i>", "</p>\n<p class=\"a b\">", '<a href="https://s.example/?a=1&b=',
    '">', '<a href="', "<!-- [x] -->", "", "…", "x" * 300,
)  # fmt: skip
_ODD_VALUES: tuple[Any, ...] = (
    None, "", " ", False, True, 0, -1, 7, 2.5, -0.0, float("nan"), float("inf"), 10**6,  "x" * 500,
    "<script>alert(1)</script>", 'a"b\'c&d', "line\r\nBcc: a@b.example", "\0\x1b", "é😀\u202e",
    "{{ person.name }}", "javascript:alert(1)", "2026-02-30", "2026-03-04T05:06:07+02:00",
    "1700000000", "now", [], ["a", None, 1], {}, {"size": 3, "first": "f"}, [[1, [2]], 3], (1, 2),
    Decimal("1.005"),
    date(2026, 3, 4), datetime(2026, 3, 4, 5, 6, tzinfo=UTC), [{"title": "Lamp", "price": 3}] * 3,
)  # fmt: skip
_HUGE = ("x" * 5_000, "y" * 120_000, 2**200, list(range(2_500)))


def count(seed: int) -> Counter[str]:
    """Render one drawn template for drawn people in every way.

    Returns:
        How many renders were compared (`renders`), how many differ (`differences`), how many were
        refused by the interpreter (`refused`) and how many compiled ones were left to it
        (`interpreted`), whether it refused or not; drawn `templates`, and how often one was not
        Liquid (`invalid`) or is not compiled (`unsupported`), per environment.
    """
    drawn = random.Random(seed)  # noqa: S311 - not a secret
    text = Drawing(drawn).template()
    people = [spoilt(drawn, person(drawn)) for _ in range(PEOPLE)]
    total: Counter[str] = Counter(templates=1)
    for kind in KINDS:
        try:
            parsed: Any = environment(kind).from_string(text)
        except LiquidError:
            total["invalid"] += 1
            continue
        total += compare(parsed, people)
    return total


def compare(
    parsed: ParsedText, people: list[dict[str, Any]], constants: dict[str, Any] | None = None
) -> Counter[str]:
    """Render a template for people in every way; see `count`.

    Args:
        parsed: The template.
        people: The data of each render.
        constants: What is the same for all.
    """
    total: Counter[str] = Counter()
    known = CONSTANTS if constants is None else constants
    try:
        compiled = compile_text(parsed, known, frozen=("products",))
        body = compile_body(parsed, known, frozen=("products",)) if _escapes(parsed) else None
    except Unsupported:
        return Counter(unsupported=1)
    for one in people:
        data = {**one, **known}
        expected = outcome(parsed, data)
        total["renders"] += 1
        total["refused"] += expected[0] is None
        total["differences"] += differs(expected, outcome(compiled, data))
        if body is not None and isinstance(expected[0], str):
            total["renders"] += 1
            total["differences"] += not _is_body_of(body, data, expected[0])
    total["interpreted"] += compiled.interpreted
    return total


def outcome(way: ParsedText | CompiledText, data: dict[str, Any]) -> tuple[Any, ...]:
    """A text and the branches taken, or what it was refused with."""
    run = Run(SystemClock())
    try:
        return way.render_run(data, run), tuple(run.taken)
    except (LiquidError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as e:
        # What wrong values are told in Python's own words may say where they are in memory.
        return None, type(e), str(e) if isinstance(e, LiquidError) else ""


def differs(expected: tuple[Any, ...], found: tuple[Any, ...]) -> bool:
    """Whether two outcomes differ; how much time there was left is nobody's fault."""
    late = any(one[0] is None and _OUT_OF_TIME in one[2] for one in (expected, found))
    return expected != found and not late


def _escapes(parsed: ParsedText) -> bool:
    return bool(parsed.env.autoescape)


def _is_body_of(body: CompiledBody, data: dict[str, Any], text: str) -> bool:
    try:
        found = body.render_run(data, Run(SystemClock()))
    except ResourceLimitError:
        return False
    expected = refuse_unsafe_links(text)
    if found.transfer_encoding == "7bit":
        encoded = expected.encode("ascii", "xmlcharrefreplace")
        lines = found.content.split(b"\r\n")
        return _flat(found.content) == _flat(encoded) and max(map(len, lines)) <= 998
    decoded = quopri.decodestring(found.content)
    return _flat(decoded) == _flat(expected.encode(errors="replace"))


def _flat(body: bytes) -> bytes:
    return _SPACE.sub(b" ", body)


def person(drawn: random.Random) -> dict[str, Any]:
    """Data as a campaign has it."""
    return {
        "person": {
            "name": drawn.choice(["Ann", "zoë", "O'Neill & Co"]),
            "city": drawn.choice(["London", "EUR", "Århus"]),
            "points": drawn.randrange(1_000),
            "spend": drawn.randrange(100_000) / 100,
            "joined_at": f"2025-{drawn.randrange(1, 13):02d}-11T08:30:00+00:00",
            "tags": drawn.sample(["a", "b", "c"], 2),
            "address": {"street": "High Street", "city": "Leeds"},
            "nothing": None,
        },
        "products": [
            {
                "title": drawn.choice(["Lamp", "<New> Chair", "Café"]),
                "price": drawn.choice([3, 3.0, 12.5, 1_234.5, True]),
                "url": "https://s.example/p",
                "currency": "EUR",
                "tags": ["x", "y"],
            }
            for _ in range(drawn.randrange(4))
        ],
        "order": {"lines": [[1, 2], [3]]},
        "offer": drawn.choice([None, {"code": "a1", "text": "10 %"}]),
        "key": drawn.choice(["name", "city", "none"]),
    }


def spoilt(drawn: random.Random, data: dict[str, Any]) -> dict[str, Any]:
    """Data with some of it missing or replaced."""
    changed = deepcopy(data)
    for _ in range(drawn.choice([0, 0, 1, 1, 2, 4])):
        holder: Any = changed
        while isinstance(holder, dict | list) and holder:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            key = drawn.choice(keys)
            inside = holder[key]
            if isinstance(inside, dict | list) and inside and drawn.random() < 0.8:
                holder = inside
                continue
            if isinstance(holder, dict) and drawn.random() < 0.25:
                del holder[key]
            else:
                holder[key] = drawn.choice(_HUGE if drawn.random() < 0.02 else _ODD_VALUES)
            break
    return changed


class Drawing:
    """Draws templates."""

    def __init__(self, drawn: random.Random) -> None:
        self._drawn = drawn
        self._names: list[str] = []
        self._loops = 0

    def template(self) -> str:
        """A template of some nodes."""
        return self._nodes(self._drawn.randrange(2, 9), depth=0)

    def _nodes(self, number: int, depth: int) -> str:
        return "".join(self._node(depth) for _ in range(number))

    def _node(self, depth: int) -> str:
        drawn = self._drawn
        kinds: list[Callable[[int], str]] = [
            self._text,
            self._output,
            self._output,
            self._assign,
            self._cycle,
            self._odd,
        ]
        if depth < 3:
            kinds += [self._if, self._if, self._for, self._for, self._case, self._capture]
        return drawn.choice(kinds)(depth)

    def _inside(self, depth: int) -> str:
        known = len(self._names)
        inside = self._nodes(self._drawn.randrange(1, 4), depth + 1)
        # What a branch assigns is not always there behind it.
        del self._names[known:]
        return inside

    def _text(self, _: int, /) -> str:
        return self._drawn.choice(_TEXTS)

    def _output(self, _: int, /) -> str:
        filters = "".join(
            f" | {self._filter()}" for _ in range(self._drawn.choice([0, 0, 0, 1, 1, 2]))
        )
        return f"{{{{ {self._value()}{filters} }}}}"

    def _filter(self) -> str:
        return self._drawn.choice(_EASY_FILTERS if self._drawn.random() < 0.85 else _FILTERS)

    def _value(self) -> str:
        drawn = self._drawn
        if self._names and drawn.random() < 0.4:
            name = drawn.choice(self._names)
            odd = f"{name}{drawn.choice(['.title', '.size', '[0]'])}"
            return odd if "." not in name and drawn.random() < 0.05 else name
        return drawn.choice(drawn.choices((_PATHS, _LITERALS, _ABSENT), (80, 18, 2))[0])

    def _condition(self) -> str:
        drawn = self._drawn
        one = self._value()
        if drawn.random() < 0.7:
            sign = drawn.choice(["==", "==", "==", "!=", "!=", "<=", ">="])
            if drawn.random() < 0.1:
                one, sign = drawn.choice([one, "person.points"]), drawn.choice(["<", ">"])
            elif drawn.random() < 0.1:
                one, sign = drawn.choice([one, "person.tags", "key"]), "contains"
            one = f"{one} {sign} {drawn.choice([self._value(), drawn.choice(_LITERALS)])}"
        if drawn.random() < 0.3:
            one = f"{one} {drawn.choice(['and', 'or'])} {self._value()}"
        return one

    def _if(self, depth: int, /) -> str:
        drawn = self._drawn
        word = drawn.choice(["if", "if", "unless"])
        middle = f"{{% elsif {self._condition()} %}}{self._inside(depth)}"
        rest = f"{{% else %}}{self._inside(depth)}"
        return (
            f"{{% {word} {self._condition()} %}}{self._inside(depth)}"
            f"{drawn.choice(['', middle])}{drawn.choice(['', rest])}{{% end{word} %}}"
        )

    def _case(self, depth: int, /) -> str:
        whens = "".join(
            f"{{% when {', '.join(self._value() for _ in range(self._drawn.choice([1, 1, 2])))} %}}"
            f"{self._inside(depth)}"
            for _ in range(2)
        )
        return (
            f"{{% case {self._value()} %}}{whens}{{% else %}}{self._inside(depth)}{{% endcase %}}"
        )

    def _for(self, depth: int, /) -> str:
        drawn = self._drawn
        name = drawn.choice(["p", "p", "q", "q", "q", "person"])
        items = drawn.choice(["products", "products", "person.tags", "(1..4)", self._value()])
        limits = drawn.choice(
            ["", "", " limit: 2", " offset: 1", " reversed", " limit: 3 offset: 1"]
        )
        limits = limits if drawn.random() > 0.03 else " limit: key"
        outer = len(self._names)
        fields = [f"{name}.title", f"{name}.price"] if items == "products" else [name]
        self._names += [*fields, "forloop.index", "forloop.last"]
        if self._loops:
            self._names.append("forloop.parentloop.index")
        self._loops += 1
        body = self._nodes(drawn.randrange(1, 5), depth + 1)
        self._loops -= 1
        del self._names[outer:]
        jump = drawn.choice(
            ["", "", "{% if p.price == 3 %}{% break %}{% endif %}", "{% continue %}"]
        )
        rest = drawn.choice(["", f"{{% else %}}{self._inside(depth)}"])
        return f"{{% for {name} in {items}{limits} %}}{body}{jump}{rest}{{% endfor %}}"

    def _assign(self, _: int, /) -> str:
        name = self._drawn.choice(["a", "b", "key"])
        self._names.append(name)
        return f"{{% assign {name} = {self._output(0)[3:-3]} %}}"

    def _capture(self, depth: int, /) -> str:
        name = self._drawn.choice(["a", "b"])
        inside = self._inside(depth)
        self._names.append(name)
        return f"{{% capture {name} %}}{inside}{{% endcapture %}}"

    def _cycle(self, _: int, /) -> str:
        return self._drawn.choice(
            [
                "{% cycle 'x', 'y' %}",
                "{% cycle key: 1, person.city %}",
                "{% comment %}c{% endcomment %}",
            ]
        )

    def _odd(self, _: int, /) -> str:
        odd = "{% increment i %}" if self._drawn.random() < 0.05 else ""
        return self._drawn.choice(
            ["{% echo person.name | upcase %}", "{% liquid assign z = 1\n echo z %}", "", odd]
        )
