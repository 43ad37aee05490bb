"""Expressions as Python: paths, comparisons, filters.

`value` writes the lines that compute an expression and gives the Python that names the result.
What depends on the campaign's constants alone is computed here, once.
"""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from liquid.builtin.expressions import BooleanExpression, FilteredExpression, Nil, Path
from liquid.builtin.expressions.filtered import Filter
from liquid.builtin.expressions.logical import (
    ContainsExpression,
    EqExpression,
    GeExpression,
    GtExpression,
    LeExpression,
    LogicalAndExpression,
    LogicalNotExpression,
    LogicalOrExpression,
    LtExpression,
    NeExpression,
)
from liquid.builtin.expressions.primitive import (
    Blank,
    Empty,
    FalseLiteral,
    FloatLiteral,
    IntegerLiteral,
    RangeLiteral,
    StringLiteral,
    TrueLiteral,
)
from liquid.exceptions import LiquidError
from liquid.expression import Expression
from liquid.undefined import is_undefined

from vocative.clock import SystemClock
from vocative.compose.compiler.chains import Chain, Give, Step, is_timeless, keeps_results
from vocative.compose.compiler.code import Code
from vocative.compose.compiler.names import Unit
from vocative.compose.compiler.quick import SHORT, quick_form
from vocative.compose.language.context import Context
from vocative.compose.language.limits import Run

if TYPE_CHECKING:
    from vocative.compose.language.environments import ParsedText

_LITERALS = (
    Blank, Empty, FalseLiteral, FloatLiteral, IntegerLiteral, Nil, StringLiteral, TrueLiteral,
)  # fmt: skip
_ODD_KEYS = frozenset(("size", "first", "last"))
# The variables of a loop: from its position, counted from 0, and its length.
_FORLOOP = {
    "index": "{at} + 1",
    "index0": "{at}",
    "rindex": "{length} - {at}",
    "rindex0": "{length} - {at} - 1",
    "first": "{at} == 0",
    "last": "{at} == {length} - 1",
    "length": "{length}",
}
_MAX_INPUTS = 4


class Unsupported(Exception):
    """A template, or something in it, that is left to the interpreter."""


class Names:
    """What the names of a template's data are in Python: roots of a dict, or columns."""

    def __init__(self, columns: tuple[tuple[str, ...], ...] | None) -> None:
        self.columns = columns
        self.roots: dict[str, str] = {}

    def find(self, path: list[Any]) -> tuple[str, list[Any]] | None:
        """The variable to begin at and the keys to follow; None when there is nothing.

        Raises:
            Unsupported: the path names what consists of several columns.
        """
        if self.columns is None:
            root = str(path[0])
            return self.roots.setdefault(root, f"root{len(self.roots)}"), path[1:]
        for number, column in enumerate(self.columns):
            if tuple(path[: len(column)]) == column:
                return f"column{number}", path[len(column) :]
            if column[: len(path)] == tuple(path):
                raise Unsupported("a name that consists of several columns")
        return None


class Expressions:
    """Writes the expressions of one template.

    Args:
        template: The parsed template.
        code: Where lines go.
        names: The names of its data.
        constants: Names whose values are known already.
        frozen: Names of lists whose items never change.
    """

    def __init__(
        self,
        template: "ParsedText",
        code: Code,
        names: Names,
        constants: Mapping[str, object],
        frozen: Collection[str] = (),
    ) -> None:
        self.template, self.code, self.names = template, code, names
        self.unit = Unit({})
        self._constants, self._frozen = constants, frozen
        self._static = Context(template, globals=constants)
        self._static.run = Run(SystemClock())  # all constants together take no more than a render
        # Which name is missing is told by the interpreter, so one object stands for all.
        self._undefined = template.env.undefined("", hint="", token=None)
        self._missing = code.object(self._undefined)

    def value(self, expression: Expression) -> str:
        """Python for an expression's value.

        Raises:
            Unsupported: there is no way to write it.
        """
        if isinstance(expression, FilteredExpression):
            if expression.filters:
                return self._chained(expression)
            expression = expression.left
        if self.is_constant(expression):
            return self._known(expression)
        if isinstance(expression, Path):
            return self._path(expression)
        if isinstance(expression, RangeLiteral):
            start, stop = self.value(expression.start), self.value(expression.stop)
            return self._kept(f"span({start}, {stop})")
        if isinstance(expression, BooleanExpression):
            return self.condition(expression)
        raise Unsupported(type(expression).__name__)

    def _known(self, expression: Expression) -> str:
        try:
            return self.code.object(self.constant(expression))
        except Unsupported:
            return self.refused()

    def refused(self) -> str:
        """Write that the interpreter is to refuse what comes here; Python for no value."""
        self.code.line("raise Unusual")
        return "None"

    # Constants

    def is_constant(self, expression: Expression) -> bool:
        """Whether an expression's value is known already."""
        if isinstance(expression, _LITERALS):
            return True
        if isinstance(expression, Path):
            return self._is_constant_path(expression)
        if isinstance(expression, FilteredExpression):
            filters = [one.name for one in expression.filters or ()]
            if not is_timeless(self.template.env, filters):
                return False
        elif not isinstance(
            expression,
            BooleanExpression | LogicalNotExpression | LogicalAndExpression | LogicalOrExpression
            | EqExpression | NeExpression | LtExpression | LeExpression | GtExpression
            | GeExpression | ContainsExpression,
        ):  # fmt: skip
            return False
        return all(self.is_constant(child) for child in expression.children())

    def _is_constant_path(self, path: Path) -> bool:
        root = path.path[0]
        if any(isinstance(key, Path) for key in path.path) or root not in self._constants:
            return False
        unit = self.unit
        own = root in unit.assigned or root in unit.given or unit.loop_of(str(root)) is not None
        return not own and not is_undefined(path.evaluate(self._static))

    def constant(self, expression: Expression) -> object:
        """The value of a constant expression.

        Raises:
            Unsupported: it cannot be computed; the interpreter tells why when it is its turn.
        """
        try:
            return expression.evaluate(self._static)
        except (LiquidError, ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise Unsupported("a constant that cannot be computed") from error

    def is_of_data(self, expression: Expression, but: str) -> bool:
        """Whether an expression depends on the data alone, and on no name but those of it.

        Args:
            expression: The expression.
            but: A name that means something else.
        """
        if isinstance(expression, FilteredExpression):
            filters = [one.name for one in expression.filters or ()]
            return is_timeless(self.template.env, filters) and all(
                self.is_of_data(child, but) for child in expression.children()
            )
        if not isinstance(expression, Path):
            return isinstance(expression, _LITERALS)
        root, unit = expression.path[0], self.unit
        if root in (but, "forloop", "partial") or expression.children():
            return False
        own = root in unit.assigned or root in unit.given or unit.loop_of(str(root)) is not None
        return isinstance(root, str) and not own

    def is_frozen(self, expression: Expression) -> bool:
        """Whether an expression is a list of the data whose items never change."""
        of_data = isinstance(expression, Path) and self.is_of_data(expression, "")
        return of_data and len(expression.path) == 1 and expression.path[0] in self._frozen  # type: ignore[attr-defined]

    # Paths

    def _path(self, path: Path) -> str:
        keys = list(path.path)
        if not isinstance(keys[0], str):
            raise Unsupported("a path that begins with brackets")
        if keys[0] == "forloop" and self.unit.loops:
            return self._forloop(keys[1:])
        return self._follow(*self._base(keys))

    def _base(self, keys: list[Any]) -> tuple[str, list[Any]]:
        """Python for the value where a path begins, and the keys from there."""
        name, unit = keys[0], self.unit
        loop = unit.loop_of(name)
        if loop is not None:
            return loop.item, keys[1:]
        if unit.is_whole and name == "partial":
            raise Unsupported("the name partial")
        own = unit.assigned.get(name)
        if name in unit.given:
            outer, rest = unit.given[name], keys[1:]
        else:
            outer, rest = self._of_data(keys)
        if own is None:
            return outer, rest
        if rest != keys[1:]:
            raise Unsupported("a column under a name that the template assigns")
        return self._kept(f"{own} if {own} is not UNSET else {outer}"), keys[1:]

    def _of_data(self, keys: list[Any]) -> tuple[str, list[Any]]:
        if keys[0] in self._constants:
            return self.code.object(self._constants[keys[0]]), keys[1:]
        found = self.names.find(keys)
        return found if found is not None else ("ABSENT", keys[1:])

    def _follow(self, base: str, keys: list[Any]) -> str:
        missing = self._missing
        if not keys:
            return self._kept(f"{base} if {base} is not ABSENT else {missing}")
        if any(isinstance(key, Path) for key in keys):
            written = [
                self.value(key) if isinstance(key, Path) else self.code.object(key) for key in keys
            ]
            return self._kept(f"find({base}, ({', '.join(written)},), {missing})")
        all_keys = self.code.object(tuple(keys))
        if any(type(key) is int or key in _ODD_KEYS for key in keys):
            return self._kept(f"find({base}, {all_keys}, {missing})")
        found = self.code.name("t")
        with self.code.block("try:"):
            self.code.line(f"{found} = {base}{''.join(f'[{key!r}]' for key in map(str, keys))}")
        with self.code.block("except LOOKUP:"):
            self.code.line(f"{found} = find({base}, {all_keys}, {missing})")
        return found

    def _forloop(self, keys: list[Any]) -> str:
        loops = list(self.unit.loops)
        while keys[:1] == ["parentloop"] and len(loops) > 1:
            loops.pop()
            keys = keys[1:]
        loop = loops[-1]
        if keys == ["name"]:
            return self.code.object(loop.title)
        if len(keys) != 1 or keys[0] not in _FORLOOP:
            raise Unsupported("forloop as a value")
        return f"({_FORLOOP[keys[0]].format(at=loop.position, length=loop.length)})"

    def kept(self, expression: Expression) -> str:
        """A Python variable for an expression's value.

        Raises:
            Unsupported: there is no way to write it.
        """
        return self._kept(self.value(expression))

    def counted(self, expression: Expression) -> str | None:
        """Python for a number that a loop counts; None for any other expression."""
        if isinstance(expression, FilteredExpression):
            expression = expression.left
        if not isinstance(expression, Path) or not self.unit.loops:
            return None
        root, *keys = expression.path
        if root != "forloop" or len(keys) != 1 or keys[0] in ("first", "last", "name"):
            return None
        return self._forloop(keys)

    def _kept(self, python: str) -> str:
        if python.isidentifier():
            return python
        name = self.code.name("t")
        self.code.line(f"{name} = {python}")
        return name

    # Conditions

    def condition(self, expression: Expression) -> str:
        """Python for whether a condition holds.

        Raises:
            Unsupported: there is no way to write it.
        """
        if self.is_constant(expression):
            return f"is_true({self._known(expression)})"
        if isinstance(expression, BooleanExpression):
            return self.condition(expression.expression)
        if isinstance(expression, LogicalNotExpression):
            return f"(not {self.condition(expression.right)})"
        if isinstance(expression, LogicalAndExpression | LogicalOrExpression):
            return self._joined(expression)
        if isinstance(expression, EqExpression):
            return self._equal(expression.left, expression.right)
        if isinstance(expression, NeExpression):
            return f"(not {self._equal(expression.left, expression.right)})"
        if isinstance(expression, LtExpression):
            return self._ordered("<", expression.left, expression.right)
        if isinstance(expression, GtExpression):
            return self._ordered(">", expression.left, expression.right)
        if isinstance(expression, LeExpression | GeExpression):
            left, right = self.value(expression.left), self.value(expression.right)
            turned = isinstance(expression, GeExpression)
            return f"le({right}, {left})" if turned else f"le({left}, {right})"
        if isinstance(expression, ContainsExpression):
            return f"contains(None, {self.value(expression.left)}, {self.value(expression.right)})"
        found = self.kept(expression)
        return (
            f"({found} is True or ({found} is not None and {found} is not False"
            f" and (type({found}) in PLAIN or is_true({found}))))"
        )

    def _joined(self, expression: LogicalAndExpression | LogicalOrExpression) -> str:
        """`and` and `or` look at the right side only when they have to."""
        condition, holds = self.condition(expression.left), self.code.name("t")
        self.code.line(f"{holds} = {condition}")
        is_and = isinstance(expression, LogicalAndExpression)
        with self.code.block(f"if {holds}:" if is_and else f"if not {holds}:"):
            self.code.line(f"{holds} = {self.condition(expression.right)}")
        return holds

    def _equal(self, left: Expression, right: Expression) -> str:
        first, second = self.value(left), self.value(right)
        general = f"eq({first}, {second})"
        if isinstance(right, StringLiteral):
            return f"({first} == {second} if type({first}) is str else {general})"
        if isinstance(right, IntegerLiteral):
            return f"({first} == {second} if type({first}) is int else {general})"
        return general

    def _ordered(self, sign: str, left: Expression, right: Expression) -> str:
        first, second = self.value(left), self.value(right)
        less, more = (second, first) if sign == ">" else (first, second)
        general = f"lt(None, {less}, {more})"
        if isinstance(right, IntegerLiteral | FloatLiteral):
            plain = f"type({first}) is int or type({first}) is float"
            return f"({first} {sign} {second} if {plain} else {general})"
        return general

    # Filters

    def _chained(self, expression: FilteredExpression) -> str:
        value, rest = self.quick(expression)
        if not rest:
            return value
        chain, inputs = self.chain(value, rest, printed=None)
        return self._kept(f"{chain}(state, {', '.join(inputs)})")

    def quick(
        self, expression: FilteredExpression, *, but_escape: bool = False
    ) -> tuple[str, list[Filter]]:
        """Python for a value behind the filters that have a quick form, and those that are left.

        Args:
            expression: A value and its filters.
            but_escape: Whether to leave an `escape` at the end: what is printed is escaped anyway.

        Raises:
            Unsupported: an argument cannot be written.
        """
        value = self.kept(expression.left)
        rest = list(expression.filters or ())
        while rest:
            called = self.quick_call(rest[0], value)
            if called is None or (but_escape and [one.name for one in rest] == ["escape"]):
                break
            value = self._kept(called)
            rest = rest[1:]
        return value, rest

    def quick_call(self, one: Filter, value: str) -> str | None:
        """Python for what a filter makes of a value; None when it has no quick form for it.

        Raises:
            Unsupported: an argument cannot be written.
        """
        environment = self.template.env
        quick = quick_form(environment.filters[one.name], escapes=environment.autoescape)
        if quick is None or any(_name_of(arg) for arg in one.args):
            return None
        most = 2 if one.name == "date" else 1
        if len(one.args) > most:
            return None
        # What a default is must be known to be short.
        if one.name == "default" and not all(self.is_constant(arg.value) for arg in one.args):
            return None
        given = [self.value(arg.value) for arg in one.args]
        call = f"{self.code.object(quick, 'quick')}(state, {', '.join([value, *given])})"
        if one.name == "default":
            return f"{value} if type({value}) is str and 0 < len({value}) < {SHORT} else {call}"
        return call

    def chain(
        self, value: str, filters: list[Filter], *, printed: Callable[[object], Any] | None
    ) -> tuple[str, list[str]]:
        """A chain of filters as an object, and Python for its inputs: first the value.

        Raises:
            Unsupported: an argument cannot be written.
        """
        inputs = [value]

        def give(one: Expression) -> Give:
            if self.is_constant(one):
                fixed = self.constant(one)
                return lambda _: fixed
            place = len(inputs)
            inputs.append(self.value(one))
            return lambda given: given[place]

        steps = []
        for one in filters:
            plain = [give(arg.value) for arg in one.args if not _name_of(arg)]
            named = {_name_of(arg): give(arg.value) for arg in one.args if _name_of(arg)}
            steps.append(Step(self.template.env.filters[one.name], plain, named))
        names = [one.name for one in filters]
        keeps = len(inputs) <= _MAX_INPUTS and keeps_results(self.template.env, names)
        chain = Chain(steps, printed=printed, missing=self._undefined, keeps=keeps)
        return self.code.object(chain, "chain"), inputs


def _name_of(argument: Any) -> str:
    return str(getattr(argument, "name", "") or "")
