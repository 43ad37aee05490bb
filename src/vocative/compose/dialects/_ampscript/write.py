"""AMPscript written as Liquid.

A variable becomes a Liquid name (`@firstName` is `var_firstname`), a block its tags, a function the
filter `ampscript` unless Liquid has the same. What a condition compares is set before it.
"""

from collections.abc import Callable, Iterable

from vocative.compose.dialects._ampscript.desk import NOTHING, Desk, Value
from vocative.compose.dialects._ampscript.functions import (
    ADDRESS_PARTS,
    AS_CONTENT,
    FUNCTIONS,
    REFUSED,
)
from vocative.compose.dialects._ampscript.parse import parse_ampscript
from vocative.compose.dialects._ampscript.tree import (
    Assign,
    Attribute,
    Call,
    Choose,
    Constant,
    Declare,
    Do,
    Expression,
    Left,
    Loop,
    Show,
    Statement,
    Text,
)
from vocative.compose.dialects._ampscript.values import Values
from vocative.compose.dialects._ampscript.variables import Variables, named
from vocative.compose.dialects._handlebars.sendgrid import ALWAYS_THERE
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects._writing import Writer
from vocative.compose.dialects.base import Translation

MAX_BLOCKS_INSIDE = 8
MAX_CONTENT = 200
_CONTENT_BLOCKS = frozenset(
    (
        "contentarea",
        "contentareabyname",
        "contentblockbyid",
        "contentblockbykey",
        "contentblockbyname",
    )
)


class LiquidWriter:
    """Writes statements through a translation."""

    def __init__(self, translation: Translation) -> None:
        self._desk = Desk(translation)
        self._variables = Variables()
        self._values = Values(self._desk, self._variables, self._captured)
        self._inside = 0
        self._put_in = 0
        self._set_before: set[str] = set()

    def write(self, statements: tuple[Statement, ...]) -> None:
        """Write the statements of a whole text.

        Raises:
            Unreadable: it grows too large.
        """
        self._variables.note(statements)
        for name in self._variables.unset(statements):
            self._set_before.add(name)
            self._desk.tag(f"assign {named(name)} = nil", 0)
        self._statements(statements)

    def _statements(self, statements: Iterable[Statement]) -> None:
        writers: dict[type, Callable[..., None]] = {
            Text: self._text,
            Show: self._show,
            Declare: self._declare,
            Assign: self._assign,
            Choose: self._choose,
            Loop: self._loop,
            Do: self._do,
            Left: self._left,
        }
        for one in statements:
            self._desk.at = one.start
            writers[type(one)](one)

    def _left(self, one: Left) -> None:
        self._desk.refuse(one, one.reason, one.fix)

    def _text(self, one: Text) -> None:
        self._desk.check_size(len(one.value))
        exact = self._desk.place is None
        self._desk.translation.writer.literal(
            one.value, self._desk.span(one.start, 0)[0], exact=exact
        )

    def _show(self, one: Show) -> None:
        self._put(one.value, one.start, one.end)

    def _put(self, value: Expression, start: int, end: int, *, newline: bool = False) -> None:
        """Print what an expression gives."""
        if isinstance(value, Call):
            name = value.name.lower()
            if name in ("v", "output", "outputline") and len(value.arguments) == 1:
                self._put(value.arguments[0], start, end, newline=name == "outputline")
                return
            if self._put_content(value, start, end):
                return
            if name == "raiseerror":
                self._raise_error(value)
                return
        if isinstance(value, Attribute) and value.name.lower() in ADDRESS_PARTS:
            self._desk.approximate(value, "it stands in the postal address already", None)
            return
        found = self._values.value(value)
        self._desk.carried(start, end)
        self._print(found, start)
        if newline:
            self._desk.translation.writer.liquid("\n", self._desk.span(start, end)[0])

    def _print(self, found: Value, start: int) -> None:
        if found is NOTHING:
            return
        if found.gives in ("truth", "date", "anything") and (
            found.filtered or not found.text.startswith("person.")
        ):
            written = f'{found.text} | ampscript: "Text"'
        elif found.filtered or found.text in ALWAYS_THERE or found.text[0] in "\"'-0123456789":
            written = found.text
        else:
            fallback = self._desk.translation.string(found.fallback, start)
            kept = "" if found.fallback else ", allow_false: true"
            written = f"{found.text} | default: {fallback}{kept}"
        self._desk.check_size(len(written), tags=1)
        self._desk.translation.writer.output(written, self._desk.span(start, 0)[0])

    def _declare(self, one: Declare) -> None:
        self._desk.carried(one.start, one.end)
        for name in one.names:
            if name not in self._set_before:
                self._set_before.add(name)
                self._desk.tag(f"assign {named(name)} = nil", one.start)

    def _assign(self, one: Assign) -> None:
        value = one.value
        captured = self._captured(value) if isinstance(value, Call) else None
        found = captured or self._values.value(value)
        self._desk.carried(one.start, one.end)
        self._set_before.add(one.name)
        self._desk.tag(f"assign {named(one.name)} = {found.text}", one.start)

    def _choose(self, one: Choose) -> None:
        opened = 0
        for number, arm in enumerate(one.arms):
            outer, self._desk.translation.writer = self._desk.translation.writer, Writer()
            try:
                condition = self._values.condition(arm.condition)
                before = self._desk.translation.writer.text
            finally:
                self._desk.translation.writer = outer
            self._desk.carried(arm.start, arm.end)
            if number and not before:
                self._desk.tag(f"elsif {condition}", arm.start)
            else:
                if number:
                    self._desk.tag("else", arm.start)
                self._desk.translation.writer.liquid(before, self._desk.span(arm.start, 0)[0])
                self._desk.tag(f"if {condition}", arm.start)
                opened += 1
            self._statements(arm.body)
        if one.otherwise:
            self._desk.tag("else", one.start)
            self._statements(one.otherwise)
        for _ in range(opened):
            self._desk.tag("endif", one.start)

    def _loop(self, one: Loop) -> None:
        first, last = self._number(one.first), self._number(one.last)
        self._desk.carried(one.start, one.end)
        item = self._desk.translation.new_name("number")
        numbers = f"({last}..{first}) reversed" if one.down else f"({first}..{last})"
        self._desk.tag(f"for {item} in {numbers}", one.start)
        self._desk.tag(f"assign {named(one.name)} = {item}", one.start)
        self._statements(one.body)
        self._desk.tag("endfor", one.start)

    def _number(self, expression: Expression) -> str:
        if isinstance(expression, Constant) and isinstance(expression.value, int):
            return str(int(expression.value))
        found = self._desk.simple(self._values.value(expression))
        return self._desk.set(f'{found.text} | ampscript: "Number"', "number").text

    def _do(self, one: Do) -> None:
        """An expression in a block: only output, errors and what is refused matter."""
        if not isinstance(one.value, Call):
            return
        name = one.value.name.lower()
        if name in ("output", "outputline", "raiseerror") or name in REFUSED:
            self._put(one.value, one.start, one.end)
        elif name in _CONTENT_BLOCKS or name in AS_CONTENT:
            self._captured(one.value)
        elif name not in FUNCTIONS:
            self._values.value(one.value)

    def _raise_error(self, call: Call) -> None:
        reason = call.arguments[0] if call.arguments else None
        text = reason.value if isinstance(reason, Constant) else ""
        words = self._desk.translation.string(str(text)[:150] or "RaiseError", call.start)
        self._desk.carried(call.start, call.end)
        if words[0] not in "\"'":
            words = '"RaiseError"'
        self._desk.tag(f"skip_message {words}", call.start)

    def _put_content(self, call: Call, start: int, end: int) -> bool:
        """Put in a content block, or text that is known; whether that is what the call does."""
        name = call.name.lower()
        if name in _CONTENT_BLOCKS:
            self._content_block(call)
            return True
        text = self._content(call)
        if text is None:
            return False
        self._desk.carried(start, end)
        self._inner(text, call)
        return True

    def _captured(self, call: Call) -> Value | None:
        """What a content block gives, as a value."""
        if call.name.lower() not in _CONTENT_BLOCKS and self._content(call) is None:
            return None
        name = self._desk.translation.new_name("content")
        self._desk.tag(f"capture {name}", call.start)
        self._put_content(call, call.start, call.end)
        self._desk.tag("endcapture", call.start)
        return Value(name, "text")

    def _content_block(self, call: Call) -> None:
        named = call.arguments[0] if call.arguments else None
        if not isinstance(named, Constant):
            self._desk.refuse(call, "which block is put in depends on the data", "choose with if")
            return
        wanted = str(named.value)
        short = wanted.replace("/", "\\").rsplit("\\", 1)[-1]
        parts = {name.lower(): part for name, part in self._desk.translation.parts.items()}
        passage = parts.get(wanted.lower()) or parts.get(short.lower())
        if passage is None:
            self._desk.refuse(
                call, f"the content block {short!r} was not handed in", "hand it in, too"
            )
            return
        self._desk.carried(call.start, call.end)
        try:
            self._inner(passage.text.removeprefix("\ufeff"), call)
        except Unreadable as error:
            raise error.in_passage(passage) from error

    def _content(self, call: Call) -> str | None:
        """The AMPscript that a call runs, when it is known before any render."""
        name = call.name.lower()
        runs = name in AS_CONTENT or name in ("urlencode", "redirectto")
        if not runs or not call.arguments:
            return None
        text = self._variables.known(
            call.arguments[-1] if name == "treatascontentarea" else call.arguments[0]
        )
        if text is None or (name not in AS_CONTENT and "%%" not in text):
            return None
        return text

    def _inner(self, text: str, call: Call) -> None:
        """Write another text in the place of a call."""
        self._put_in += 1
        if self._inside >= MAX_BLOCKS_INSIDE or self._put_in > MAX_CONTENT:
            raise Unreadable("content blocks put in one another endlessly", call.start, "stop it")
        statements = parse_ampscript(text)
        self._variables.note(statements)
        outer = self._desk.place
        self._desk.place = self._desk.span(call.start, call.end)
        self._inside += 1
        self._statements(statements)
        self._inside -= 1
        self._desk.place = outer
