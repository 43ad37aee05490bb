"""AMPscript written as Liquid.

A variable becomes a Liquid name (`@firstName` is `var_firstname`), a block its tags, a function the
filter `ampscript` unless Liquid has the same. What a condition compares is set before it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from vocative.compose.dialects._ampscript.functions import (
    ADDRESS_PARTS,
    FUNCTIONS,
    NAMES,
    REFUSED,
    Function,
    Kind,
)
from vocative.compose.dialects._ampscript.parse import parse_ampscript
from vocative.compose.dialects._ampscript.tree import (
    Assign,
    Attribute,
    Both,
    Call,
    Choose,
    Constant,
    Declare,
    Do,
    Expression,
    Left,
    Loop,
    Not,
    Show,
    Statement,
    Text,
    Variable,
)
from vocative.compose.dialects._handlebars.sendgrid import ALWAYS_THERE
from vocative.compose.dialects._unreadable import Unreadable
from vocative.compose.dialects._writing import Writer
from vocative.compose.dialects.base import Translation
from vocative.compose.source import MAX_SOURCE_CHARACTERS
from vocative.compose.tags import MAX_TAGS
from vocative.errors import nearest

MAX_BLOCKS_INSIDE = 8
MAX_CONTENT = 200
_TABLES = frozenset(("catalog", "items", "products"))
_CONTENT_BLOCKS = frozenset(
    (
        "contentblockbyname",
        "contentblockbyid",
        "contentblockbykey",
        "contentarea",
        "contentareabyname",
    )
)
_AS_CONTENT = frozenset(("treatascontent", "treatascontentarea"))
_LINKS = frozenset(("redirectto", "cloudpagesurl"))
_LOOKUPS = {
    "lookup": "Lookup",
    "lookuprows": "LookupRows",
    "lookuporderedrows": "LookupOrderedRows",
}
_NOW = '"now" | date: "%Y-%m-%dT%H:%M:%S" | ampscript: "DateParse"'


@dataclass(frozen=True, slots=True)
class Value:
    """A Liquid expression and what kind of value it gives."""

    text: str
    gives: Kind = "anything"
    filtered: bool = False
    """It has filters, and so can stand only where filters may."""
    fallback: str = ""


NOTHING = Value("nil")


class LiquidWriter:
    """Writes statements through a translation."""

    def __init__(self, translation: Translation) -> None:
        self._translation = translation
        self._kinds: dict[str, set[Kind]] = {}
        self._texts: dict[str, list[str | None]] = {}
        self._place: tuple[int, int] | None = None
        """Where to point while a content block is put in."""
        self._inside = 0
        self._put_in = 0
        self._written = 0
        self._tags = 0
        self._at = 0
        self._set_before: set[str] = set()

    def write(self, statements: tuple[Statement, ...]) -> None:
        """Write the statements of a whole text.

        Raises:
            Unreadable: it grows too large.
        """
        self._note_variables(statements)
        for name in self._unset(statements):
            self._set_before.add(name)
            self._tag(f"assign {_named(name)} = nil", 0)
        self._statements(statements)

    def _note_variables(self, statements: Iterable[Statement]) -> None:
        for one in _every(statements):
            if isinstance(one, Assign):
                kinds = self._kinds.setdefault(one.name, set())
                kinds.add(self._kind(one.value))
                value = one.value
                constant = value.value if isinstance(value, Constant) else None
                texts = self._texts.setdefault(one.name, [])
                texts.append(constant if isinstance(constant, str) else None)
            elif isinstance(one, Loop):
                self._kinds.setdefault(one.name, set()).add("number")

    def _unset(self, statements: tuple[Statement, ...]) -> list[str]:
        """Variables that may be asked for before anything is set."""
        certain: set[str] = set()
        unset: set[str] = set()
        for one in statements:
            if isinstance(one, Declare):
                certain.update(one.names)
            elif isinstance(one, Assign):
                unset |= _names_in(one.value) - certain
                certain.add(one.name)
            else:
                own = {one.name} if isinstance(one, Loop) else set()
                unset |= _variables_of(one) - certain - own
                certain |= own
        return sorted(unset)

    def _kind(self, expression: Expression) -> Kind:
        if isinstance(expression, Constant):
            if isinstance(expression.value, bool):
                return "truth"
            return "text" if isinstance(expression.value, str) else "number"
        if isinstance(expression, Both | Not):
            return "truth"
        if isinstance(expression, Variable):
            return "anything"
        if isinstance(expression, Call):
            name = expression.name.lower()
            if name in FUNCTIONS:
                return FUNCTIONS[name].gives
            if name in ("now", "getsendtime", "systemdatetolocaldate", "localdatetosystemdate"):
                return "date"
            if name in ("v", "iif") or name in _LOOKUPS:
                return "anything"
            return "truth" if name.startswith("is") else "text"
        return "text"

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
            self._at = one.start
            writers[type(one)](one)

    def _left(self, one: Left) -> None:
        self._refuse(one, one.reason, one.fix)

    def _text(self, one: Text) -> None:
        self._check_size(len(one.value))
        exact = self._place is None
        self._translation.writer.literal(one.value, self._span(one.start, 0)[0], exact=exact)

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
            self._approximate(value, "it stands in the postal address already", None)
            return
        found = self._value(value)
        self._carried(start, end)
        self._print(found, start)
        if newline:
            self._translation.writer.liquid("\n", self._span(start, end)[0])

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
            fallback = self._translation.string(found.fallback, start)
            kept = "" if found.fallback else ", allow_false: true"
            written = f"{found.text} | default: {fallback}{kept}"
        self._check_size(len(written), tags=1)
        self._translation.writer.output(written, self._span(start, 0)[0])

    def _declare(self, one: Declare) -> None:
        self._carried(one.start, one.end)
        for name in one.names:
            if name not in self._set_before:
                self._set_before.add(name)
                self._tag(f"assign {_named(name)} = nil", one.start)

    def _assign(self, one: Assign) -> None:
        value = one.value
        captured = self._captured(value) if isinstance(value, Call) else None
        found = captured or self._value(value)
        self._carried(one.start, one.end)
        self._set_before.add(one.name)
        self._tag(f"assign {_named(one.name)} = {found.text}", one.start)

    def _choose(self, one: Choose) -> None:
        opened = 0
        for number, arm in enumerate(one.arms):
            outer, self._translation.writer = self._translation.writer, Writer()
            try:
                condition = self._condition(arm.condition)
                before = self._translation.writer.text
            finally:
                self._translation.writer = outer
            self._carried(arm.start, arm.end)
            if number and not before:
                self._tag(f"elsif {condition}", arm.start)
            else:
                if number:
                    self._tag("else", arm.start)
                self._translation.writer.liquid(before, self._span(arm.start, 0)[0])
                self._tag(f"if {condition}", arm.start)
                opened += 1
            self._statements(arm.body)
        if one.otherwise:
            self._tag("else", one.start)
            self._statements(one.otherwise)
        for _ in range(opened):
            self._tag("endif", one.start)

    def _loop(self, one: Loop) -> None:
        first, last = self._number(one.first), self._number(one.last)
        self._carried(one.start, one.end)
        item = self._translation.new_name("number")
        numbers = f"({last}..{first}) reversed" if one.down else f"({first}..{last})"
        self._tag(f"for {item} in {numbers}", one.start)
        self._tag(f"assign {_named(one.name)} = {item}", one.start)
        self._statements(one.body)
        self._tag("endfor", one.start)

    def _number(self, expression: Expression) -> str:
        if isinstance(expression, Constant) and isinstance(expression.value, int):
            return str(int(expression.value))
        found = self._simple(self._value(expression))
        return self._set(f'{found.text} | ampscript: "Number"', "number").text

    def _do(self, one: Do) -> None:
        """An expression in a block: only output, errors and what is refused matter."""
        if not isinstance(one.value, Call):
            return
        name = one.value.name.lower()
        if name in ("output", "outputline", "raiseerror") or name in REFUSED:
            self._put(one.value, one.start, one.end)
        elif name in _CONTENT_BLOCKS or name in _AS_CONTENT:
            self._captured(one.value)
        elif name not in FUNCTIONS:
            self._value(one.value)

    def _raise_error(self, call: Call) -> None:
        reason = call.arguments[0] if call.arguments else None
        text = reason.value if isinstance(reason, Constant) else ""
        words = self._translation.string(str(text)[:150] or "RaiseError", call.start)
        self._carried(call.start, call.end)
        if words[0] not in "\"'":
            words = '"RaiseError"'
        self._tag(f"skip_message {words}", call.start)

    def _put_content(self, call: Call, start: int, end: int) -> bool:
        """Put in a content block, or text that is known; whether that is what the call does."""
        name = call.name.lower()
        if name in _CONTENT_BLOCKS:
            self._content_block(call)
            return True
        text = self._content(call)
        if text is None:
            return False
        self._carried(start, end)
        self._inner(text, call)
        return True

    def _captured(self, call: Call) -> Value | None:
        """What a content block gives, as a value."""
        if call.name.lower() not in _CONTENT_BLOCKS and self._content(call) is None:
            return None
        name = self._translation.new_name("content")
        self._tag(f"capture {name}", call.start)
        self._put_content(call, call.start, call.end)
        self._tag("endcapture", call.start)
        return Value(name, "text")

    def _content_block(self, call: Call) -> None:
        named = call.arguments[0] if call.arguments else None
        if not isinstance(named, Constant):
            self._refuse(call, "which block is put in depends on the data", "choose with if")
            return
        wanted = str(named.value)
        short = wanted.replace("/", "\\").rsplit("\\", 1)[-1]
        parts = {name.lower(): part for name, part in self._translation.parts.items()}
        passage = parts.get(wanted.lower()) or parts.get(short.lower())
        if passage is None:
            self._refuse(call, f"the content block {short!r} was not handed in", "hand it in, too")
            return
        self._carried(call.start, call.end)
        try:
            self._inner(passage.text.removeprefix("\ufeff"), call)
        except Unreadable as error:
            raise error.in_passage(passage) from error

    def _content(self, call: Call) -> str | None:
        """The AMPscript that a call runs, when it is known before any render."""
        name = call.name.lower()
        runs = name in _AS_CONTENT or name in ("urlencode", "redirectto")
        if not runs or not call.arguments:
            return None
        text = self._known(
            call.arguments[-1] if name == "treatascontentarea" else call.arguments[0]
        )
        if text is None or (name not in _AS_CONTENT and "%%" not in text):
            return None
        return text

    def _known(self, expression: Expression) -> str | None:
        """The text of an expression, when no data have a part in it."""
        if isinstance(expression, Constant) and not isinstance(expression.value, bool):
            return str(expression.value)
        if isinstance(expression, Variable):
            texts = self._texts.get(expression.name, [])
            return texts[0] if len(texts) == 1 else None
        if isinstance(expression, Call) and expression.name.lower() == "concat":
            parts = [self._known(one) for one in expression.arguments]
            return None if None in parts else "".join(part for part in parts if part is not None)
        return None

    def _inner(self, text: str, call: Call) -> None:
        """Write another text in the place of a call."""
        self._put_in += 1
        if self._inside >= MAX_BLOCKS_INSIDE or self._put_in > MAX_CONTENT:
            raise Unreadable("content blocks put in one another endlessly", call.start, "stop it")
        statements = parse_ampscript(text)
        self._note_variables(statements)
        outer = self._place
        self._place = self._span(call.start, call.end)
        self._inside += 1
        self._statements(statements)
        self._inside -= 1
        self._place = outer

    def _value(self, expression: Expression) -> Value:
        """The value of an expression; what has to be set for it is written."""
        if isinstance(expression, Constant):
            return self._constant(expression)
        if isinstance(expression, Variable):
            kinds = self._kinds.get(expression.name, {"text"})
            gives: Kind = next(iter(kinds)) if len(kinds) == 1 else "anything"
            return Value(_named(expression.name), gives)
        if isinstance(expression, Attribute):
            return self._attribute(expression)
        if isinstance(expression, Both | Not):
            return Value(self._truth(expression), "truth")
        return self._call(expression)

    def _constant(self, one: Constant) -> Value:
        if isinstance(one.value, str):
            return Value(self._translation.string(one.value, self._span(one.start, 0)[0]), "text")
        if isinstance(one.value, bool):
            return Value("true" if one.value else "false", "truth")
        return Value(str(one.value), "number")

    def _attribute(self, one: Attribute) -> Value:
        start, end = self._span(one.start, one.end)
        named = self._translation.field(one.name, start, end, NAMES.get(one.name.lower()))
        return Value(named.path, "text", fallback=named.fallback)

    def _condition(self, expression: Expression) -> str:
        """A condition as Liquid."""
        if isinstance(expression, Both) and expression.operator in ("and", "or"):
            sides = list(_sides(expression, expression.operator))
            return f" {expression.operator} ".join(self._truth(one) for one in sides)
        return self._truth(expression)

    def _truth(self, expression: Expression) -> str:
        """Whether an expression holds, as a name that is set before."""
        if isinstance(expression, Not):
            inner = self._truth(expression.value)
            return self._set(f'{inner} | ampscript: "not"', "truth").text
        if isinstance(expression, Both):
            join = expression.operator in ("and", "or")
            left: str = (
                self._truth(expression.left)
                if join
                else self._simple(self._value(expression.left)).text
            )
            right = (
                self._truth(expression.right)
                if join
                else self._simple(self._value(expression.right)).text
            )
            return self._set(f'{left} | ampscript: "{expression.operator}", {right}', "truth").text
        found = self._value(expression)
        if found.gives == "truth":
            return self._simple(found).text
        return self._set(f'{found.text} | ampscript: "true"', "truth").text

    def _call(self, call: Call) -> Value:
        name = call.name.lower()
        special: dict[str, Callable[[Call], Value]] = {
            "v": self._only,
            "output": self._only,
            "iif": self._either,
            "concat": self._concat,
            "attributevalue": self._attribute_value,
            "isnull": self._is_null,
            "isnulldefault": self._null_default,
            "now": self._now,
            "getsendtime": self._now,
            "systemdatetolocaldate": self._local,
            "localdatetosystemdate": self._local,
        }
        if name in special:
            return special[name](call)
        if name in _LINKS:
            return self._link(call)
        if name in _LOOKUPS:
            return self._looked_up(call)
        captured = self._captured(call)
        if captured is not None:
            return captured
        function = FUNCTIONS.get(name)
        if function is not None:
            return self._function(call, function)
        if name in REFUSED:
            return self._refuse(call, f"{call.name}: {REFUSED[name][0]}", REFUSED[name][1])
        if name in _AS_CONTENT:
            return self._refuse(
                call, "code that the data hold is not run", "write it into the template"
            )
        guess = nearest(name, [one.name.lower() for one in FUNCTIONS.values()])
        fix = f"did you mean {FUNCTIONS[guess].name}?" if guess else "say it in Liquid"
        return self._refuse(call, f"the function {call.name} is not known here", fix)

    def _function(self, call: Call, function: Function) -> Value:
        count = len(call.arguments)
        if not function.least <= count <= function.most:
            return self._refuse(
                call,
                f"{function.name} takes {function.least} to {function.most} values, not {count}",
                "give it what it takes",
            )
        given = [self._simple(self._value(one)).text for one in call.arguments]
        rest = "".join(f", {one}" for one in given[1:])
        return Value(f'{given[0]} | ampscript: "{function.name}"{rest}', function.gives, True)

    def _only(self, call: Call) -> Value:
        if len(call.arguments) != 1:
            return self._refuse(call, f"{call.name} takes one value", "give it one")
        return self._value(call.arguments[0])

    def _concat(self, call: Call) -> Value:
        """Joined as markup stays markup: only `append` may do that."""
        if not call.arguments:
            return Value('""', "text")
        given = [self._as_text(one) for one in call.arguments]
        joined = "".join(f" | append: {one}" for one in given[1:])
        return Value(f"{given[0]}{joined}" if joined else given[0], "text", bool(joined))

    def _as_text(self, expression: Expression) -> str:
        found = self._simple(self._value(expression))
        if found.gives in ("text", "number") and not isinstance(expression, Attribute):
            return found.text if found.text != "nil" else '""'
        if isinstance(expression, Attribute):
            return self._set(f'{found.text} | default: "", allow_false: true', "text").text
        return self._set(f'{found.text} | ampscript: "Text"', "text").text

    def _either(self, call: Call) -> Value:
        if len(call.arguments) != 3:
            return self._refuse(call, "IIF takes three values", "give it three")
        condition = self._condition(call.arguments[0])
        name = self._translation.new_name("either")
        self._tag(f"if {condition}", call.start)
        self._tag(f"assign {name} = {self._value(call.arguments[1]).text}", call.start)
        self._tag("else", call.start)
        self._tag(f"assign {name} = {self._value(call.arguments[2]).text}", call.start)
        self._tag("endif", call.start)
        kinds = {self._kind(one) for one in call.arguments[1:]}
        return Value(name, kinds.pop() if len(kinds) == 1 else "anything")

    def _attribute_value(self, call: Call) -> Value:
        named = call.arguments[0] if call.arguments else None
        if isinstance(named, Constant):
            return self._attribute(Attribute(str(named.value), named.start, named.end))
        if isinstance(named, Attribute):
            return self._attribute(named)
        return self._refuse(call, "which attribute is meant depends on the data", "name it")

    def _is_null(self, call: Call) -> Value:
        """Only an attribute or a field can be null; a variable that was never set is not."""
        if not call.arguments:
            return self._refuse(call, "IsNull takes one value", "give it one")
        argument = call.arguments[0]
        of_call = isinstance(argument, Call) and argument.name.lower() in ("field", "lookup")
        of_data = (
            isinstance(argument, Attribute)
            or of_call
            or (isinstance(argument, Call) and argument.name.lower() == "attributevalue")
        )
        if not of_data:
            return Value("false", "truth")
        found = self._simple(self._value(argument))
        return Value(f'{found.text} | ampscript: "IsNull"', "truth", True)

    def _null_default(self, call: Call) -> Value:
        if len(call.arguments) != 2:
            return self._refuse(call, "IsNullDefault takes two values", "give it two")
        found, default = (self._simple(self._value(one)).text for one in call.arguments)
        return Value(f'{found} | ampscript: "IsNullDefault", {default}', "anything", True)

    def _now(self, call: Call) -> Value:
        self._approximate(
            call, "the time is that of UTC, not of Salesforce's servers", "add the hours you mean"
        )
        return Value(_NOW, "date", True)

    def _local(self, call: Call) -> Value:
        self._approximate(call, "all times are UTC: nothing is added", "add the hours you mean")
        return self._only(call)

    def _link(self, call: Call) -> Value:
        if call.name.lower() == "redirectto":
            captured = self._captured(call)
            return captured or self._only(call)
        return self._refuse(
            call, "there are no CloudPages here", "link to a page of your own, or to a form"
        )

    def _looked_up(self, call: Call) -> Value:
        """A lookup in the chosen products, or in a table that the mapping names."""
        table = call.arguments[0] if call.arguments else None
        known = str(table.value) if isinstance(table, Constant) else ""
        name = _LOOKUPS[call.name.lower()]
        least = {"Lookup": 4, "LookupRows": 3, "LookupOrderedRows": 5}[name]
        if not known or len(call.arguments) < least:
            return self._refuse(call, f"{name} does not say what to look for", "name its table")
        mapped = self._translation.maps(known)
        if not mapped and known.lower() not in _TABLES:
            return self._refuse(
                call,
                f"there is no data extension {known!r} here",
                "bring it in as traits, or map its name to a list in the file of --fields",
            )
        start, end = self._span(call.start, call.end)
        path = self._translation.field(known, start, end, "products").path
        given = [self._simple(self._value(one)).text for one in call.arguments[1:]]
        self._approximate(
            call, f"it reads {path}: what was chosen for this person", "check that this is meant"
        )
        gives: Kind = "anything" if name == "Lookup" else "rows"
        return Value(f'{path} | ampscript: "{name}", {", ".join(given)}', gives, True)

    def _simple(self, value: Value) -> Value:
        """The value as one that can stand anywhere."""
        return self._set(value.text, value.gives) if value.filtered else value

    def _set(self, text: str, gives: Kind) -> Value:
        name = self._translation.new_name("value")
        self._tag(f"assign {name} = {text}", self._at)
        return Value(name, gives)

    def _refuse(self, one: Expression | Left, reason: str, fix: str) -> Value:
        start, end = self._span(one.start, one.end)
        self._translation.refused(start, end, reason, fix)
        return NOTHING

    def _approximate(self, one: Expression, difference: str, fix: str | None) -> None:
        start, end = self._span(one.start, one.end)
        self._translation.approximated(start, end, difference, fix)

    def _carried(self, start: int, end: int) -> None:
        if self._place is None:
            self._translation.carried(start, end)

    def _span(self, start: int, end: int) -> tuple[int, int]:
        return self._place or (start, end)

    def _tag(self, words: str, at: int) -> None:
        self._check_size(len(words) + 6, tags=1)
        self._translation.writer.tag(words, self._span(at, 0)[0])

    def _check_size(self, more: int, *, tags: int = 0) -> None:
        self._tags += tags
        if self._tags > MAX_TAGS:
            raise Unreadable(
                f"a template may have {MAX_TAGS:,} Liquid tags", self._at, "use loops instead"
            )
        self._written += more
        if self._written > MAX_SOURCE_CHARACTERS:
            raise Unreadable(
                "written as Liquid, this text would be too long", self._at, "cut it down"
            )


def _named(variable: str) -> str:
    return "var_" + variable.lstrip("@")


def _sides(expression: Expression, operator: str) -> Iterator[Expression]:
    """The sides of a chain of one operator, from left to right."""
    if isinstance(expression, Both) and expression.operator == operator:
        yield from _sides(expression.left, operator)
        yield from _sides(expression.right, operator)
    else:
        yield expression


def _every(statements: Iterable[Statement]) -> Iterator[Statement]:
    """Statements and all that stand in them, from left to right."""
    for one in statements:
        yield one
        if isinstance(one, Choose):
            for arm in one.arms:
                yield from _every(arm.body)
            yield from _every(one.otherwise)
        elif isinstance(one, Loop):
            yield from _every(one.body)


def _variables_of(statement: Statement) -> set[str]:
    names: set[str] = set()
    for one in _every((statement,)):
        if isinstance(one, Declare):
            names.update(one.names)
        elif isinstance(one, Assign):
            names |= {one.name, *_names_in(one.value)}
        elif isinstance(one, Loop):
            names |= {one.name, *_names_in(one.first), *_names_in(one.last)}
        elif isinstance(one, Choose):
            for arm in one.arms:
                names |= _names_in(arm.condition)
        elif isinstance(one, Show | Do):
            names |= _names_in(one.value)
    return names


def _names_in(expression: Expression) -> set[str]:
    if isinstance(expression, Variable):
        return {expression.name}
    if isinstance(expression, Call):
        return {name for one in expression.arguments for name in _names_in(one)}
    if isinstance(expression, Both):
        return _names_in(expression.left) | _names_in(expression.right)
    return _names_in(expression.value) if isinstance(expression, Not) else set()
