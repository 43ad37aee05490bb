"""Expressions as Python expressions: one string per node, no lines, nothing evaluated twice.

Every piece is total: it never raises, whatever the values. So pieces may be evaluated where their
value is not needed in the end, and Python's own `and`, `or` and `if` skip what they can.

A condition is written in one of two ways. `value` gives True, False or None. `truth` asks "is it
true?" or "is it false?" and gives True or False; it needs no third value anywhere below.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time

from vocative.clock import to_micros
from vocative.sql.nodes import (
    Arithmetic,
    Between,
    Call,
    Case,
    Compare,
    FieldRef,
    In,
    InSegment,
    Is,
    Like,
    Literal,
    Logic,
    Negate,
    Node,
    Not,
    Now,
    Score,
    Span,
    Zone,
)
from vocative.sql.python.writer import Operand, PythonNames, Writer, is_atom
from vocative.sql.runtime import DAY, MAX_INSTANT, MIN_INSTANT, like_pattern, lower
from vocative.sql.types import MOMENTS, Type

_DEEPEST = 12
"""Brackets in one piece; Python reads at most 200, deeper pieces get a name."""
_EXACT = 2**53
_LIMIT = "9.223372036854775808e18"
INVERSE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
SWAPPED = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
PYTHON = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True, kw_only=True)
class Value:
    """A piece of Python that gives the value of a node.

    `constant` is set when it is a known literal. `crossing` writes when the answer to `value
    operator number` may change, where more is known than when the value does. The last five say
    how the value changes as time passes, see `moving.py`.
    """

    code: str
    type: Type
    nullable: bool = True
    finite: bool = True
    constant: int | float | None = None
    crossing: Callable[[str, int | float], str | None] | None = None
    depth: int = 0
    until: str | None = None
    slope: str = "0"
    exact_until: str | None = None
    drift: str = "0"
    wobble: int = 0


@dataclass(frozen=True, kw_only=True)
class Given(Node):
    """A value that is already there, to stand in a tree."""

    value: Value


def given(value: Value) -> Given:
    """A node for a value."""
    return Given(value=value, type=value.type, nullable=value.nullable)


def micros_of(value: date | datetime) -> int:
    """A literal date or instant as microseconds."""
    at = value if isinstance(value, datetime) else datetime.combine(value, time())
    return to_micros(at.replace(tzinfo=UTC))


def span_micros(span: Span) -> int:
    """A length as intervals compare: a month counts 30 days."""
    return (30 * span.months + span.days) * DAY + span.micros


class Plain:
    """Writes the pieces of one expression, for one instant."""

    def __init__(self, writer: Writer, names: PythonNames) -> None:
        self.writer = writer
        self.names = names
        self.operands: dict[Node, Operand] = {}

    def ask(self, node: Node) -> None:
        """Ask for every name below a node, before anything is written."""
        for part in node.walk():
            if part in self.operands:
                continue
            if isinstance(part, FieldRef):
                self.operands[part] = self.names.field(part)
            elif isinstance(part, InSegment):
                self.operands[part] = self.names.segment(part.segment)
            elif isinstance(part, Score):
                self.operands[part] = self.names.score(part.model)

    # Pieces

    def value(self, node: Node) -> Value:
        """A piece that gives the node's value."""
        return self.plain(node)

    def plain(self, node: Node) -> Value:
        """The piece of a node whose parts are pieces."""
        made = _VALUES[type(node)](self, node)
        return self.named(made) if made.depth > _DEEPEST else made

    def truth(self, node: Node, *, wanted: bool = True) -> Value:
        """A piece that says whether the node is `wanted`; unknown is neither."""
        made = _TRUTHS.get(type(node), _plain_truth)(self, node, wanted=wanted)
        return self.named(made) if made.depth > _DEEPEST else made

    def named(self, value: Value) -> Value:
        """The value under a local name."""
        return replace(value, code=self.writer.let(value.code), depth=0)

    def made(self, code: str, kind: Type, *parts: Value, **more: object) -> Value:
        """A piece made of others."""
        depth = 1 + max((part.depth for part in parts), default=0)
        return replace(Value(code=code, type=kind, depth=depth), **more)  # type: ignore[arg-type]

    def known(self, values: Sequence[Value], word: str = "is") -> tuple[list[str], list[str]]:
        """Tests for None of those that can be, and what to call each after the tests."""
        tests, codes = [], []
        for value in values:
            code = value.code
            if value.nullable:
                if not is_atom(code):
                    name = self.writer.fresh()
                    tests.append(f"({name} := {code}) {word} None")
                    codes.append(name)
                    continue
                tests.append(f"{code} {word} None")
            codes.append(code)
        return tests, codes

    def strict(
        self,
        node: Node,
        values: Sequence[Value],
        build: Callable[..., str],
        *,
        nullable: bool = False,
        finite: bool = True,
    ) -> Value:
        """What is unknown as soon as a part is; `build` takes the codes of known parts."""
        tests, codes = self.known(values)
        body = build(*codes)
        code = f"(None if {' or '.join(tests)} else {body})" if tests else body
        return self.made(code, node.type, *values, nullable=bool(tests) or nullable, finite=finite)

    def asked(
        self, values: Sequence[Value], build: Callable[..., str], *, nullable: bool = False
    ) -> Value:
        """A condition that is not so as soon as a part is unknown."""
        tests, codes = self.known(values, "is not")
        body = build(*codes)
        code = " and ".join([*tests, f"{body} is True" if nullable else body])
        return self.made(f"({code})" if tests else code, Type.BOOLEAN, *values, nullable=False)

    def twice(self, code: str) -> tuple[str, str]:
        """How to mention a piece first and again."""
        if is_atom(code):
            return code, code
        name = self.writer.fresh()
        return f"({name} := {code})", name


def _double(value: Value, code: str) -> str:
    """A number as a double, with what an integer loses beyond 2**53."""
    if value.type is not Type.INTEGER:
        return code
    return repr(float(value.constant)) if value.constant is not None else f"({code} + 0.0)"


def _pair(left: Value, left_code: str, right: Value, right_code: str) -> tuple[str, str]:
    """Two codes that compare as the engine compares them: an integer with a number as doubles."""
    if left.type is right.type or Type.NUMBER not in (left.type, right.type):
        return left_code, right_code
    if _is_small(left) or _is_small(right):
        return left_code, right_code
    return _double(left, left_code), _double(right, right_code)


def _is_small(value: Value) -> bool:
    return value.constant is not None and abs(value.constant) < _EXACT


# Leaves


def _literal(_: Plain, node: Literal) -> Value:
    value = node.value
    kind = node.type
    match value:
        case None:
            return Value(code="None", type=kind)
        case bool() | str():
            return Value(code=repr(value), type=kind, nullable=False)
        case int() | float():
            number = float(value) if kind is Type.NUMBER else value
            return Value(code=repr(number), type=kind, nullable=False, constant=number)
        case Span():
            micros = span_micros(value)
            return Value(code=repr(micros), type=kind, nullable=False, constant=micros)
        case date():
            micros = micros_of(value)
            return Value(
                code=repr(micros),
                type=kind,
                nullable=False,
                finite=MIN_INSTANT < micros < MAX_INSTANT,
                constant=micros,
            )
    raise AssertionError(value)


def _given(_: Plain, node: Given) -> Value:
    return node.value


def _name(plain: Plain, node: Node) -> Value:
    operand = plain.operands[node]
    return Value(
        code=operand.code,
        type=node.type,
        nullable=operand.nullable,
        finite=operand.finite or node.type not in (Type.NUMBER, *MOMENTS),
        until=operand.until,
        slope=operand.slope,
        drift=operand.slope,
    )


def _now(plain: Plain, _: Now) -> Value:
    return Value(code=plain.names.now, type=Type.INSTANT, nullable=False, slope="1", drift="1")


def _zone(plain: Plain, _: Zone) -> Value:
    return Value(code=plain.names.zone, type=Type.TEXT, nullable=False)


# Conditions


def _logic(plain: Plain, node: Logic) -> Value:
    if not node.nullable:
        return plain.truth(node)
    decisive = node.operator == "or"
    decided, unknown = [], []
    values = [plain.value(operand) for operand in node.operands]
    for value in values:
        first, again = plain.twice(value.code)
        decided.append(f"{first} is {decisive}")
        if value.nullable:
            unknown.append(f"{again} is None")
    rest = f"None if {' or '.join(unknown)} else {not decisive}" if unknown else f"{not decisive}"
    code = f"({decisive} if {' or '.join(decided)} else {rest})"
    return plain.made(code, Type.BOOLEAN, *values, nullable=bool(unknown))


def _logic_truth(plain: Plain, node: Logic, *, wanted: bool) -> Value:
    parts = [plain.truth(operand, wanted=wanted) for operand in node.operands]
    word = " and " if (node.operator == "and") is wanted else " or "
    return plain.made(
        f"({word.join(part.code for part in parts)})", Type.BOOLEAN, *parts, nullable=False
    )


def _not(plain: Plain, node: Not) -> Value:
    if not node.nullable:
        return plain.truth(node.operand, wanted=False)
    return plain.strict(node, [plain.value(node.operand)], "(not {})".format)


def _not_truth(plain: Plain, node: Not, *, wanted: bool) -> Value:
    return plain.truth(node.operand, wanted=not wanted)


def _is(plain: Plain, node: Is) -> Value:
    return plain.truth(node)


def _is_truth(plain: Plain, node: Is, *, wanted: bool) -> Value:
    if node.value is not None:
        asked = plain.truth(node.operand, wanted=node.value)
        code = asked.code if wanted else f"(not {asked.code})"
        return plain.made(code, Type.BOOLEAN, asked, nullable=False)
    value = plain.value(node.operand)
    code = (
        f"({value.code} is {'' if wanted else 'not '}None)" if value.nullable else f"{not wanted}"
    )
    return plain.made(code, Type.BOOLEAN, value, nullable=False)


def _plain_truth(plain: Plain, node: Node, *, wanted: bool) -> Value:
    value = plain.value(node)
    if value.nullable:
        return plain.made(f"({value.code} is {wanted})", Type.BOOLEAN, value, nullable=False)
    code = value.code if wanted else f"(not {value.code})"
    return plain.made(code, Type.BOOLEAN, value, nullable=False)


def _compare(plain: Plain, node: Compare) -> Value:
    sides = [plain.value(node.left), plain.value(node.right)]
    return plain.strict(node, sides, lambda *codes: compared(plain, node.operator, sides, codes))


def _compare_truth(plain: Plain, node: Compare, *, wanted: bool) -> Value:
    sides = [plain.value(node.left), plain.value(node.right)]
    operator = node.operator if wanted else INVERSE[node.operator]
    return plain.asked(sides, lambda *codes: compared(plain, operator, sides, codes))


def compared(plain: Plain, operator: str, sides: Sequence[Value], codes: Sequence[str]) -> str:
    """A comparison of known values; what is not a number equals itself and is larger than all."""
    left, right = _pair(sides[0], codes[0], sides[1], codes[1])
    strange = [side.type is Type.NUMBER and not side.finite for side in sides]
    if strange == [False, True]:
        return compared(plain, SWAPPED[operator], sides[::-1], codes[::-1])
    if strange == [True, False] and operator in (">", ">="):
        return f"(not {left} {INVERSE[operator]} {right})"
    if strange == [True, True]:
        return _strange_order(plain, operator, left, right)
    return f"({left} {PYTHON[operator]} {right})"


def _strange_order(plain: Plain, operator: str, left: str, right: str) -> str:
    if operator in (">", ">="):
        return _strange_order(plain, SWAPPED[operator], right, left)
    (first_left, left), (first_right, right) = plain.twice(left), plain.twice(right)
    first = f"{first_left} {PYTHON[operator]} {first_right}"
    return {
        "=": f"({first} or {left} != {left} and {right} != {right})",
        "<>": f"({first} and ({left} == {left} or {right} == {right}))",
        "<": f"({first} or {right} != {right} and {left} == {left})",
        "<=": f"({first} or {right} != {right})",
    }[operator]


def between_logic(plain: Plain, node: Between) -> Logic:
    """`low <= x and x <= high`, with x evaluated once."""
    operand = given(plain.named(plain.value(node.operand)))
    ends = (
        Compare(
            operator=operator,
            left=operand,
            right=end,
            type=Type.BOOLEAN,
            nullable=node.operand.nullable or end.nullable,
        )
        for operator, end in ((">=", node.low), ("<=", node.high))
    )
    return Logic(operator="and", operands=tuple(ends), type=Type.BOOLEAN, nullable=node.nullable)


def _between(plain: Plain, node: Between) -> Value:
    if node.low.nullable or node.high.nullable:
        return plain.value(between_logic(plain, node))
    values = [plain.value(part) for part in node.children()]
    return plain.strict(node, values, lambda *codes: _inside(plain, values, codes))


def _between_truth(plain: Plain, node: Between, *, wanted: bool) -> Value:
    if not wanted and (node.low.nullable or node.high.nullable):
        return plain.truth(between_logic(plain, node), wanted=False)
    values = [plain.value(part) for part in node.children()]
    word = "" if wanted else "not "
    return plain.asked(values, lambda *codes: f"({word}{_inside(plain, values, codes)})")


def _inside(plain: Plain, values: Sequence[Value], codes: Sequence[str]) -> str:
    operand, low, high = values
    first, again = plain.twice(codes[0])
    above = compared(plain, "<=", (low, operand), (codes[1], first))
    return f"({above} and {compared(plain, '<=', (operand, high), (again, codes[2]))})"


def in_logic(plain: Plain, node: In) -> Logic:
    """`x = a or x = b …`, with x evaluated once."""
    operand = given(plain.named(plain.value(node.operand)))
    tests = (
        Compare(
            operator="=",
            left=operand,
            right=option,
            type=Type.BOOLEAN,
            nullable=node.operand.nullable or option.nullable,
        )
        for option in node.options
    )
    return Logic(operator="or", operands=tuple(tests), type=Type.BOOLEAN, nullable=node.nullable)


def _in_set(plain: Plain, node: In, operand: Value) -> Callable[..., str] | None:
    """The test of a list of literals, or None when the list has others."""
    options = [plain.value(option) for option in node.options if isinstance(option, Literal)]
    if len(options) != len(node.options) or operand.type is Type.TEXT_LIST:
        return None
    kinds = {value.type for value in (operand, *options)}
    doubles = Type.NUMBER in kinds and not all(_is_small(option) for option in options)
    codes = dict.fromkeys(_double(o, o.code) if doubles else o.code for o in options)

    def build(code: str) -> str:
        code = _double(operand, code) if doubles else code
        return f"({code} in {{{', '.join(codes)}}})"

    return build


def _in(plain: Plain, node: In) -> Value:
    operand = plain.value(node.operand)
    build = _in_set(plain, node, operand)
    if build is None or not node.options:
        return plain.value(in_logic(plain, replace(node, operand=given(operand))))
    return plain.strict(node, [operand], build)


def _in_truth(plain: Plain, node: In, *, wanted: bool) -> Value:
    operand = plain.value(node.operand)
    build = _in_set(plain, node, operand)
    if build is None:
        return plain.truth(in_logic(plain, replace(node, operand=given(operand))), wanted=wanted)
    return plain.asked([operand], lambda code: build(code) if wanted else f"(not {build(code)})")


def _like(plain: Plain, node: Like) -> Value:
    text, pattern = plain.value(node.operand), plain.value(node.pattern)
    if isinstance(node.pattern, Literal) and isinstance(node.pattern.value, str):
        build = _like_literal(plain, node.pattern.value, ignore_case=node.ignore_case)
        return plain.strict(node, [text], build)
    name = plain.writer.runtime("ilike" if node.ignore_case else "like")
    return plain.strict(node, [text, pattern], (name + "({}, {})").format)


def _like_truth(plain: Plain, node: Like, *, wanted: bool) -> Value:
    if not isinstance(node.pattern, Literal) or not isinstance(node.pattern.value, str):
        return _plain_truth(plain, node, wanted=wanted)
    build = _like_literal(plain, node.pattern.value, ignore_case=node.ignore_case)
    text = plain.value(node.operand)
    return plain.asked([text], lambda code: build(code) if wanted else f"(not {build(code)})")


def _like_literal(plain: Plain, pattern: str, *, ignore_case: bool) -> Callable[[str], str]:
    if ignore_case:
        pattern = lower(pattern)
        name = plain.writer.runtime("lower")
        wrap = f"{name}({{}})".format
    else:
        wrap = "{}".format
    body = pattern.strip("%")
    if "_" in pattern or "%" in body or not body:
        match = plain.writer.constant(like_pattern(pattern), "like")
        return lambda code: f"({match}({wrap(code)}) is not None)"
    starts, ends = not pattern.startswith("%"), not pattern.endswith("%")
    text = repr(body)
    if starts and ends:
        return lambda code: f"({wrap(code)} == {text})"
    if starts:
        return lambda code: f"{wrap(code)}.startswith({text})"
    if ends:
        return lambda code: f"{wrap(code)}.endswith({text})"
    return lambda code: f"({text} in {wrap(code)})"


# Arithmetic


def _arithmetic(plain: Plain, node: Arithmetic) -> Value:
    left, right = plain.value(node.left), plain.value(node.right)
    if node.type is Type.INTERVAL:
        return plain.strict(
            node, [left, right], lambda a, b: _difference(plain, left, a, right, b), nullable=True
        )
    if node.type is Type.INSTANT:
        return _moved(plain, node, left, right)
    if node.operator == "/":
        return _divided(plain, node, left, right)
    if node.type is Type.INTEGER:
        build = f"({{}} + 0.0) {node.operator} {{}}".format
        return plain.strict(node, [left, right], lambda *c: _whole(plain, build(*c)), nullable=True)
    build = f"({{}} {node.operator} {{}})".format
    return plain.strict(node, [left, right], build, finite=False)


def _whole(plain: Plain, code: str) -> str:
    """A double as an integer, or None when it is too large for one."""
    name = plain.writer.fresh()
    return f"(int({name}) if -{_LIMIT} <= ({name} := {code}) < {_LIMIT} else None)"


def _divided(plain: Plain, node: Arithmetic, left: Value, right: Value) -> Value:
    both_whole = left.type is not Type.NUMBER and right.type is not Type.NUMBER

    def build(above: str, below: str) -> str:
        above = f"({above} + 0.0)" if both_whole else above
        if right.constant:
            return f"({above} / {_double(right, below)})"
        first, again = plain.twice(below)
        return f"({above} / {again} if {first} else None)"

    nullable = not right.constant
    return plain.strict(node, [left, right], build, nullable=nullable, finite=False)


def _difference(plain: Plain, left: Value, a: str, right: Value, b: str) -> str:
    first_a, a = plain.twice(a) if not left.finite else (a, a)
    first_b, b = plain.twice(b) if not right.finite else (b, b)
    tests = [
        finite_test(code) for side, code in ((left, first_a), (right, first_b)) if not side.finite
    ]
    return f"({a} - {b} if {' and '.join(tests)} else None)" if tests else f"({a} - {b})"


def finite_test(code: str) -> str:
    """Whether an instant is not infinite; mentions it once."""
    return f"{MIN_INSTANT} != {code} != {MAX_INSTANT}"


def _moved(plain: Plain, node: Arithmetic, left: Value, right: Value) -> Value:
    """An instant and an interval; what is infinite stays so."""
    base, span, span_node = left, right, node.right
    if left.type is Type.INTERVAL:
        base, span, span_node = right, left, node.left
    sign = node.operator

    def build(instant: str, by: str) -> str:
        first, again = plain.twice(instant) if not base.finite else (instant, instant)
        moved = shifted_code(plain, again, span_node, by, sign)
        return moved if base.finite else f"({moved} if {finite_test(first)} else {again})"

    return plain.strict(node, [base, span], build, finite=base.finite)


def shifted_code(plain: Plain, instant: str, span: Node, by: str, sign: str) -> str:
    """An instant moved by a literal span or an interval."""
    value = span.value if isinstance(span, Literal) else None
    if not isinstance(value, Span) or not value.months:
        return (
            f"({instant} {sign} {by})" if not by.startswith("-") else f"({instant} {sign} ({by}))"
        )
    value = value if sign == "+" else value.negated()
    rest = value.days * DAY + value.micros
    months = f"{plain.writer.runtime('add_months')}({instant}, {value.months})"
    return f"({months} + {rest})" if rest else months


def _negate(plain: Plain, node: Negate) -> Value:
    operand = plain.value(node.operand)
    if node.type is Type.INTEGER:
        build = "-({} + 0.0)".format
        return plain.strict(node, [operand], lambda c: _whole(plain, build(c)), nullable=True)
    return plain.strict(node, [operand], "(-{})".format, finite=operand.finite)


# Choices


def _case(plain: Plain, node: Case) -> Value:
    tests = [plain.truth(condition) for condition, _ in node.branches]
    values = [plain.value(value) for _, value in node.branches]
    last = plain.value(node.otherwise) if node.otherwise else Value(code="None", type=node.type)
    values = [as_type(plain, value, node.type) for value in (*values, last)]
    code = values[-1].code
    for test, value in zip(reversed(tests), reversed(values[:-1]), strict=True):
        code = f"{value.code} if {test.code} else {code}"
    return plain.made(
        f"({code})",
        node.type,
        *tests,
        *values,
        nullable=any(value.nullable for value in values),
        finite=all(value.finite for value in values),
    )


def as_type(plain: Plain, value: Value, kind: Type) -> Value:
    """An integer among numbers as a double; anything else as it is."""
    if kind is not Type.NUMBER or value.type is not Type.INTEGER:
        return value
    node = Literal(value=None, type=Type.NUMBER)
    made = plain.strict(node, [value], lambda code: _double(value, code))
    return replace(made, constant=None if value.constant is None else float(value.constant))


def _same(plain: Plain, node: Call) -> list[Value]:
    return [as_type(plain, plain.value(argument), node.type) for argument in node.arguments]


def _coalesce(plain: Plain, node: Call) -> Value:
    values = _same(plain, node)
    if any(not value.nullable for value in values):
        values = values[: 1 + next(i for i, value in enumerate(values) if not value.nullable)]
    code = values[-1].code
    for value in reversed(values[:-1]):
        first, again = plain.twice(value.code)
        code = f"{again} if {first} is not None else {code}"
    return plain.made(
        f"({code})",
        node.type,
        *values,
        nullable=values[-1].nullable,
        finite=all(value.finite for value in values),
    )


def _nullif(plain: Plain, node: Call) -> Value:
    values = _same(plain, node)
    first, again = plain.twice(values[0].code)
    code = f"(None if {first} == {values[1].code} else {again})"
    if node.type is Type.NUMBER and not any(value.finite for value in values):
        (one, again), (two, other) = plain.twice(first), plain.twice(values[1].code)
        code = f"(None if {one} == {two} or {again} != {again} and {other} != {other} else {again})"
    return plain.made(code, node.type, *values, nullable=True, finite=values[0].finite)


def _extreme(plain: Plain, node: Call) -> Value:
    values = _same(plain, node)
    finite = all(value.finite for value in values)
    name = node.function + ("_number" if node.type is Type.NUMBER and not finite else "")
    nullable = all(value.nullable for value in values)
    if not any(value.nullable for value in values) and not name.endswith("_number"):
        name = {"greatest": "max", "least": "min"}[name]
    else:
        name = plain.writer.runtime(name)
    # Python's max of one value wants a sequence.
    codes = [value.code for value in values] * (2 if len(values) == 1 else 1)
    return plain.made(
        f"{name}({', '.join(codes)})", node.type, *values, nullable=nullable, finite=finite
    )


# Functions


def _call(plain: Plain, node: Call) -> Value:
    return _CALLS[node.function](plain, node)


def _simple(template: str, *runtime: str) -> Callable[[Plain, Call], Value]:
    """A function that is unknown when an argument is."""

    def call(plain: Plain, node: Call) -> Value:
        names = {name: plain.writer.runtime(name) for name in runtime}
        values = [plain.value(argument) for argument in node.arguments]
        return plain.strict(
            node,
            values,
            lambda *codes: template.format(*codes, **names),
            nullable=node.function == "to_number",
        )

    return call


def _abs(plain: Plain, node: Call) -> Value:
    value = plain.value(node.arguments[0])
    return plain.strict(
        node, [value], lambda code: f"abs({_double(value, code)})", finite=value.finite
    )


def _round(plain: Plain, node: Call) -> Value:
    value = plain.value(node.arguments[0])
    digits = node.arguments[1].value if len(node.arguments) > 1 else 0  # type: ignore[attr-defined]
    name = plain.writer.runtime("round_number")
    return plain.strict(
        node,
        [value],
        lambda code: f"{name}({_double(value, code)}, {float(10**digits)!r})",
        finite=False,
    )


def _floor(plain: Plain, node: Call) -> Value:
    value = plain.value(node.arguments[0])
    name = plain.writer.runtime(node.function)

    def build(code: str) -> str:
        first, again = plain.twice(_double(value, code))
        return f"({name}({again}) if -{_LIMIT} <= {first} < {_LIMIT} else None)"

    return plain.strict(node, [value], build, nullable=True)


def _date_trunc(plain: Plain, node: Call) -> Value:
    name = plain.writer.runtime(f"trunc_{node.arguments[0].value}")  # type: ignore[attr-defined]
    value = plain.value(node.arguments[1])

    def build(code: str) -> str:
        if value.finite:
            return f"{name}({code})"
        first, again = plain.twice(code)
        return f"({name}({again}) if {finite_test(first)} else {again})"

    return plain.strict(node, [value], build, finite=value.finite)


def _date_part(plain: Plain, node: Call) -> Value:
    name = plain.writer.runtime(f"part_{node.arguments[0].value}")  # type: ignore[attr-defined]
    value = plain.value(node.arguments[1])

    def build(code: str) -> str:
        if value.finite:
            return f"{name}({code})"
        first, again = plain.twice(code)
        return f"({name}({again}) if {finite_test(first)} else None)"

    return plain.strict(node, [value], build, nullable=not value.finite)


def _days_between(plain: Plain, node: Call) -> Value:
    earlier, later = (plain.value(argument) for argument in node.arguments)
    name = plain.writer.runtime("floor")

    def build(a: str, b: str) -> str:
        gap = _difference(plain, later, b, earlier, a)
        if later.finite and earlier.finite:
            return f"{name}({gap} / 86400000000.0)"
        body, _, rest = gap[1:-1].partition(" if ")
        return f"({name}(({body}) / 86400000000.0) if {rest})"

    nullable = not (later.finite and earlier.finite)
    return plain.strict(node, [earlier, later], build, nullable=nullable)


def _local(plain: Plain, node: Call) -> Value:
    values = [plain.value(argument) for argument in node.arguments]
    name = plain.writer.runtime(node.function)
    nullable = node.type is Type.INTEGER
    build = (name + "({}, {})").format
    return plain.strict(node, values, build, nullable=nullable, finite=values[0].finite)


_CALLS: dict[str, Callable[[Plain, Call], Value]] = {
    "coalesce": _coalesce,
    "nullif": _nullif,
    "greatest": _extreme,
    "least": _extreme,
    "lower": _simple("{lower}({0})", "lower"),
    "upper": _simple("{upper}({0})", "upper"),
    "length": _simple("len({0})"),
    "starts_with": _simple("{0}.startswith({1})"),
    "trim": _simple("{0}.strip(' ')"),
    "concat": _simple("({0} + {1})"),
    "before": _simple("{0}.partition({1})[0]"),
    "contains": _simple("({1} in {0})"),
    "to_number": _simple("{to_number}({0})", "to_number"),
    "abs": _abs,
    "round": _round,
    "floor": _floor,
    "ceil": _floor,
    "date_trunc": _date_trunc,
    "date_part": _date_part,
    "days_between": _days_between,
    "local_time": _local,
    "local_date": _local,
    "days_to_anniversary": _local,
}

_VALUES: dict[type[Node], Callable[..., Value]] = {
    Literal: _literal,
    Given: _given,
    FieldRef: _name,
    InSegment: _name,
    Score: _name,
    Now: _now,
    Zone: _zone,
    Logic: _logic,
    Not: _not,
    Compare: _compare,
    Arithmetic: _arithmetic,
    Negate: _negate,
    Is: _is,
    In: _in,
    Between: _between,
    Like: _like,
    Case: _case,
    Call: _call,
}

_TRUTHS: dict[type[Node], Callable[..., Value]] = {
    Logic: _logic_truth,
    Not: _not_truth,
    Is: _is_truth,
    Compare: _compare_truth,
    In: _in_truth,
    Between: _between_truth,
    Like: _like_truth,
}
