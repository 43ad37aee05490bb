"""Expressions of AMPscript as Liquid: what a function gives, what a condition compares."""

from collections.abc import Callable, Iterator

from vocative.compose.dialects._ampscript.desk import Desk, Value
from vocative.compose.dialects._ampscript.functions import (
    AS_CONTENT,
    FUNCTIONS,
    LOOKUPS,
    NAMES,
    REFUSED,
    Function,
    Kind,
)
from vocative.compose.dialects._ampscript.tree import (
    Attribute,
    Both,
    Call,
    Constant,
    Expression,
    Not,
    Variable,
)
from vocative.compose.dialects._ampscript.variables import Variables, named
from vocative.compose.dialects._handlebars.values import in_liquid
from vocative.errors import nearest

_TABLES = frozenset(("catalog", "items", "products"))
_LINKS = frozenset(("redirectto", "cloudpagesurl"))
_NOW = '"now" | date: "%Y-%m-%dT%H:%M:%S" | ampscript: "DateParse"'


class Values:
    """Writes expressions.

    Args:
        desk: What is being written.
        variables: What the text says of its variables.
        captured: Gives the name of a call's content, if content is what it puts in.
    """

    def __init__(
        self, desk: Desk, variables: Variables, captured: Callable[[Call], Value | None]
    ) -> None:
        self._desk, self._variables, self._captured = desk, variables, captured

    def value(self, expression: Expression) -> Value:
        """The value of an expression; what has to be set for it is written."""
        if isinstance(expression, Constant):
            return self._constant(expression)
        if isinstance(expression, Variable):
            return Value(named(expression.name), self._variables.kind_of(expression.name))
        if isinstance(expression, Attribute):
            return self._attribute(expression)
        if isinstance(expression, Both | Not):
            return Value(self._truth(expression), "truth")
        return self._call(expression)

    def _constant(self, one: Constant) -> Value:
        if isinstance(one.value, str):
            return Value(
                self._desk.translation.string(one.value, self._desk.span(one.start, 0)[0]), "text"
            )
        if isinstance(one.value, bool):
            return Value("true" if one.value else "false", "truth")
        return Value(str(one.value), "number")

    def _attribute(self, one: Attribute) -> Value:
        start, end = self._desk.span(one.start, one.end)
        named = self._desk.translation.field(one.name, start, end, NAMES.get(one.name.lower()))
        return Value(in_liquid(named.path), "text", fallback=named.fallback)

    def condition(self, expression: Expression) -> str:
        """A condition as Liquid."""
        if isinstance(expression, Both) and expression.operator in ("and", "or"):
            sides = list(_sides(expression, expression.operator))
            return f" {expression.operator} ".join(self._truth(one) for one in sides)
        return self._truth(expression)

    def _truth(self, expression: Expression) -> str:
        """Whether an expression holds, as a name that is set before."""
        if isinstance(expression, Not):
            inner = self._truth(expression.value)
            return self._desk.set(f'{inner} | ampscript: "not"', "truth").text
        if isinstance(expression, Both):
            side = self._truth if expression.operator in ("and", "or") else self._operand
            left, right = side(expression.left), side(expression.right)
            compared = f'{left} | ampscript: "{expression.operator}", {right}'
            return self._desk.set(compared, "truth").text
        found = self.value(expression)
        if found.gives == "truth":
            return self._desk.simple(found).text
        return self._desk.set(f'{found.text} | ampscript: "true"', "truth").text

    def _operand(self, expression: Expression) -> str:
        return self._desk.simple(self.value(expression)).text

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
        if name in LOOKUPS:
            return self._looked_up(call)
        captured = self._captured(call)
        if captured is not None:
            return captured
        function = FUNCTIONS.get(name)
        if function is not None:
            return self._function(call, function)
        if name in REFUSED:
            return self._desk.refuse(call, f"{call.name}: {REFUSED[name][0]}", REFUSED[name][1])
        if name in AS_CONTENT:
            return self._desk.refuse(
                call, "code that the data hold is not run", "write it into the template"
            )
        guess = nearest(name, [one.name.lower() for one in FUNCTIONS.values()])
        fix = f"did you mean {FUNCTIONS[guess].name}?" if guess else "say it in Liquid"
        return self._desk.refuse(call, f"the function {call.name} is not known here", fix)

    def _function(self, call: Call, function: Function) -> Value:
        count = len(call.arguments)
        if not function.least <= count <= function.most:
            return self._desk.refuse(
                call,
                f"{function.name} takes {function.least} to {function.most} values, not {count}",
                "give it what it takes",
            )
        given = [self._desk.simple(self.value(one)).text for one in call.arguments]
        rest = "".join(f", {one}" for one in given[1:])
        return Value(f'{given[0]} | ampscript: "{function.name}"{rest}', function.gives, True)

    def _only(self, call: Call) -> Value:
        if len(call.arguments) != 1:
            return self._desk.refuse(call, f"{call.name} takes one value", "give it one")
        return self.value(call.arguments[0])

    def _concat(self, call: Call) -> Value:
        """Joined as markup stays markup: only `append` may do that."""
        if not call.arguments:
            return Value('""', "text")
        given = [self.as_text(one) for one in call.arguments]
        joined = "".join(f" | append: {one}" for one in given[1:])
        return Value(f"{given[0]}{joined}" if joined else given[0], "text", bool(joined))

    def as_text(self, expression: Expression) -> str:
        found = self._desk.simple(self.value(expression))
        if found.gives in ("text", "number") and not isinstance(expression, Attribute):
            return found.text if found.text != "nil" else '""'
        if isinstance(expression, Attribute):
            return self._desk.set(f'{found.text} | default: "", allow_false: true', "text").text
        return self._desk.set(f'{found.text} | ampscript: "Text"', "text").text

    def _either(self, call: Call) -> Value:
        if len(call.arguments) != 3:
            return self._desk.refuse(call, "IIF takes three values", "give it three")
        condition = self.condition(call.arguments[0])
        name = self._desk.translation.new_name("either")
        self._desk.tag(f"if {condition}", call.start)
        self._desk.tag(f"assign {name} = {self.value(call.arguments[1]).text}", call.start)
        self._desk.tag("else", call.start)
        self._desk.tag(f"assign {name} = {self.value(call.arguments[2]).text}", call.start)
        self._desk.tag("endif", call.start)
        kinds = {self._variables.kind(one) for one in call.arguments[1:]}
        return Value(name, kinds.pop() if len(kinds) == 1 else "anything")

    def _attribute_value(self, call: Call) -> Value:
        named = call.arguments[0] if call.arguments else None
        if isinstance(named, Constant):
            return self._attribute(Attribute(str(named.value), named.start, named.end))
        if isinstance(named, Attribute):
            return self._attribute(named)
        return self._desk.refuse(call, "which attribute is meant depends on the data", "name it")

    def _is_null(self, call: Call) -> Value:
        """Only an attribute or a field can be null; a variable that was never set is not."""
        if not call.arguments:
            return self._desk.refuse(call, "IsNull takes one value", "give it one")
        argument = call.arguments[0]
        of_call = isinstance(argument, Call) and argument.name.lower() in ("field", "lookup")
        of_data = (
            isinstance(argument, Attribute)
            or of_call
            or (isinstance(argument, Call) and argument.name.lower() == "attributevalue")
        )
        if not of_data:
            return Value("false", "truth")
        found = self._desk.simple(self.value(argument))
        return Value(f'{found.text} | ampscript: "IsNull"', "truth", True)

    def _null_default(self, call: Call) -> Value:
        if len(call.arguments) != 2:
            return self._desk.refuse(call, "IsNullDefault takes two values", "give it two")
        found, default = (self._desk.simple(self.value(one)).text for one in call.arguments)
        return Value(f'{found} | ampscript: "IsNullDefault", {default}', "anything", True)

    def _now(self, call: Call) -> Value:
        self._desk.approximate(
            call, "the time is that of UTC, not of Salesforce's servers", "add the hours you mean"
        )
        return Value(_NOW, "date", True)

    def _local(self, call: Call) -> Value:
        self._desk.approximate(
            call, "all times are UTC: nothing is added", "add the hours you mean"
        )
        return self._only(call)

    def _link(self, call: Call) -> Value:
        if call.name.lower() == "redirectto":
            captured = self._captured(call)
            return captured or self._only(call)
        return self._desk.refuse(
            call, "there are no CloudPages here", "link to a page of your own, or to a form"
        )

    def _looked_up(self, call: Call) -> Value:
        """A lookup in the chosen products, or in a table that the mapping names."""
        table = call.arguments[0] if call.arguments else None
        known = str(table.value) if isinstance(table, Constant) else ""
        name = LOOKUPS[call.name.lower()]
        least = {"Lookup": 4, "LookupRows": 3, "LookupOrderedRows": 5}[name]
        if not known or len(call.arguments) < least:
            return self._desk.refuse(
                call, f"{name} does not say what to look for", "name its table"
            )
        mapped = self._desk.translation.maps(known)
        if not mapped and known.lower() not in _TABLES:
            return self._desk.refuse(
                call,
                f"there is no data extension {known!r} here",
                "bring it in as traits, or map its name to a list in the file of --fields",
            )
        start, end = self._desk.span(call.start, call.end)
        path = self._desk.translation.field(known, start, end, "products").path
        given = [self._desk.simple(self.value(one)).text for one in call.arguments[1:]]
        self._desk.approximate(
            call, f"it reads {path}: what was chosen for this person", "check that this is meant"
        )
        gives: Kind = "anything" if name == "Lookup" else "rows"
        return Value(f'{path} | ampscript: "{name}", {", ".join(given)}', gives, True)


def _sides(expression: Expression, operator: str) -> Iterator[Expression]:
    """The sides of a chain of one operator, from left to right."""
    if isinstance(expression, Both) and expression.operator == operator:
        yield from _sides(expression.left, operator)
        yield from _sides(expression.right, operator)
    else:
        yield expression
