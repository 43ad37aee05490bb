"""Values as pieces: leaves, arithmetic, choices and functions."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

from vocative.sql.nodes import (
    Arithmetic,
    Call,
    Case,
    FieldRef,
    InSegment,
    Literal,
    Negate,
    Node,
    Now,
    Score,
    Span,
    Zone,
)
from vocative.sql.python.pieces import (
    LIMIT,
    Given,
    Pieces,
    Value,
    double,
    finite_test,
    micros_of,
    span_micros,
)
from vocative.sql.runtime import DAY, MAX_INSTANT, MIN_INSTANT
from vocative.sql.types import MOMENTS, Type


def _literal(_: Pieces, node: Literal) -> Value:
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


def _given(_: Pieces, node: Given) -> Value:
    return node.value


def _name(pieces: Pieces, node: Node) -> Value:
    operand = pieces.operands[node]
    return Value(
        code=operand.code,
        type=node.type,
        nullable=operand.nullable,
        finite=operand.finite or node.type not in (Type.NUMBER, *MOMENTS),
        until=operand.until,
        slope=operand.slope,
        drift=operand.slope,
    )


def _now(pieces: Pieces, _: Now) -> Value:
    return Value(code=pieces.names.now, type=Type.INSTANT, nullable=False, slope="1", drift="1")


def _zone(pieces: Pieces, _: Zone) -> Value:
    return Value(code=pieces.names.zone, type=Type.TEXT, nullable=False)


def _arithmetic(pieces: Pieces, node: Arithmetic) -> Value:
    left, right = pieces.value(node.left), pieces.value(node.right)
    if node.type is Type.INTERVAL:
        return pieces.strict(
            node, [left, right], lambda *c: _difference(pieces, (left, right), c), nullable=True
        )
    if node.type is Type.INSTANT:
        return _moved(pieces, node, left, right)
    if node.operator == "/":
        return _divided(pieces, node, left, right)
    if node.type is Type.INTEGER:
        build = f"({{}} + 0.0) {node.operator} {{}}".format
        return pieces.strict(
            node, [left, right], lambda *c: _whole(pieces, build(*c)), nullable=True
        )
    build = f"({{}} {node.operator} {{}})".format
    return pieces.strict(node, [left, right], build, finite=False)


def _whole(pieces: Pieces, code: str) -> str:
    """A double as an integer, or None when it is too large for one."""
    name = pieces.writer.fresh()
    return f"(int({name}) if -{LIMIT} <= ({name} := {code}) < {LIMIT} else None)"


def _divided(pieces: Pieces, node: Arithmetic, left: Value, right: Value) -> Value:
    both_whole = left.type is not Type.NUMBER and right.type is not Type.NUMBER

    def build(above: str, below: str) -> str:
        above = f"({above} + 0.0)" if both_whole else above
        if right.constant:
            return f"({above} / {double(right, below)})"
        first, again = pieces.twice(below)
        return f"({above} / {again} if {first} else None)"

    nullable = not right.constant
    return pieces.strict(node, [left, right], build, nullable=nullable, finite=False)


def _difference(
    pieces: Pieces, sides: Sequence[Value], codes: Sequence[str], shape: str = "({})"
) -> str:
    """The first instant minus the second, in a shape, or None when one is infinite."""
    tests, known = [], []
    for side, code in zip(sides, codes, strict=True):
        first, again = (code, code) if side.finite else pieces.twice(code)
        known.append(again)
        if not side.finite:
            tests.append(finite_test(first))
    gap = shape.format(f"{known[0]} - {known[1]}")
    return f"({gap} if {' and '.join(tests)} else None)" if tests else gap


def _moved(pieces: Pieces, node: Arithmetic, left: Value, right: Value) -> Value:
    """An instant and an interval; what is infinite stays so."""
    base, span, span_node = left, right, node.right
    if left.type is Type.INTERVAL:
        base, span, span_node = right, left, node.left
    sign = node.operator

    def build(instant: str, by: str) -> str:
        first, again = pieces.twice(instant) if not base.finite else (instant, instant)
        moved = shifted_code(pieces, again, span_node, by, sign)
        return moved if base.finite else f"({moved} if {finite_test(first)} else {again})"

    return pieces.strict(node, [base, span], build, finite=base.finite)


def shifted_code(pieces: Pieces, instant: str, span: Node, by: str, sign: str) -> str:
    """An instant moved by a literal span or an interval."""
    value = span.value if isinstance(span, Literal) else None
    if not isinstance(value, Span) or not value.months:
        return (
            f"({instant} {sign} {by})" if not by.startswith("-") else f"({instant} {sign} ({by}))"
        )
    value = value if sign == "+" else value.negated()
    rest = value.days * DAY + value.micros
    months = f"{pieces.writer.runtime('add_months')}({instant}, {value.months})"
    return f"({months} + {rest})" if rest else months


def _negate(pieces: Pieces, node: Negate) -> Value:
    operand = pieces.value(node.operand)
    if node.type is Type.INTEGER:
        build = "-({} + 0.0)".format
        return pieces.strict(node, [operand], lambda c: _whole(pieces, build(c)), nullable=True)
    return pieces.strict(node, [operand], "(-{})".format, finite=operand.finite)


def _case(pieces: Pieces, node: Case) -> Value:
    tests = [pieces.truth(condition) for condition, _ in node.branches]
    values = [pieces.value(value) for _, value in node.branches]
    last = pieces.value(node.otherwise) if node.otherwise else Value(code="None", type=node.type)
    values = [as_type(pieces, value, node.type) for value in (*values, last)]
    code = values[-1].code
    for test, value in zip(reversed(tests), reversed(values[:-1]), strict=True):
        code = f"{value.code} if {test.code} else {code}"
    return pieces.made(
        f"({code})",
        node.type,
        *tests,
        *values,
        nullable=any(value.nullable for value in values),
        finite=all(value.finite for value in values),
    )


def as_type(pieces: Pieces, value: Value, kind: Type) -> Value:
    """An integer among numbers as a double; anything else as it is."""
    if kind is not Type.NUMBER or value.type is not Type.INTEGER:
        return value
    node = Literal(value=None, type=Type.NUMBER)
    made = pieces.strict(node, [value], lambda code: double(value, code))
    return replace(made, constant=None if value.constant is None else float(value.constant))


def _same(pieces: Pieces, node: Call) -> list[Value]:
    return [as_type(pieces, pieces.value(argument), node.type) for argument in node.arguments]


def _coalesce(pieces: Pieces, node: Call) -> Value:
    values = _same(pieces, node)
    if any(not value.nullable for value in values):
        values = values[: 1 + next(i for i, value in enumerate(values) if not value.nullable)]
    code = values[-1].code
    for value in reversed(values[:-1]):
        first, again = pieces.twice(value.code)
        code = f"{again} if {first} is not None else {code}"
    return pieces.made(
        f"({code})",
        node.type,
        *values,
        nullable=values[-1].nullable,
        finite=all(value.finite for value in values),
    )


def _nullif(pieces: Pieces, node: Call) -> Value:
    values = _same(pieces, node)
    first, again = pieces.twice(values[0].code)
    code = f"(None if {first} == {values[1].code} else {again})"
    if node.type is Type.NUMBER and not any(value.finite for value in values):
        (one, again), (two, other) = pieces.twice(first), pieces.twice(values[1].code)
        code = f"(None if {one} == {two} or {again} != {again} and {other} != {other} else {again})"
    return pieces.made(code, node.type, *values, nullable=True, finite=values[0].finite)


def _extreme(pieces: Pieces, node: Call) -> Value:
    values = _same(pieces, node)
    finite = all(value.finite for value in values)
    name = node.function + ("_number" if node.type is Type.NUMBER and not finite else "")
    nullable = all(value.nullable for value in values)
    if not any(value.nullable for value in values) and not name.endswith("_number"):
        name = {"greatest": "max", "least": "min"}[name]
    else:
        name = pieces.writer.runtime(name)
    # Python's max of one value wants a sequence.
    codes = [value.code for value in values] * (2 if len(values) == 1 else 1)
    return pieces.made(
        f"{name}({', '.join(codes)})", node.type, *values, nullable=nullable, finite=finite
    )


def _simple(template: str, *runtime: str) -> Callable[[Pieces, Call], Value]:
    """A function that is unknown when an argument is."""

    def call(pieces: Pieces, node: Call) -> Value:
        names = {name: pieces.writer.runtime(name) for name in runtime}
        values = [pieces.value(argument) for argument in node.arguments]
        return pieces.strict(
            node,
            values,
            lambda *codes: template.format(*codes, **names),
            nullable=node.function == "to_number",
        )

    return call


def _abs(pieces: Pieces, node: Call) -> Value:
    value = pieces.value(node.arguments[0])
    return pieces.strict(
        node, [value], lambda code: f"abs({double(value, code)})", finite=value.finite
    )


def _round(pieces: Pieces, node: Call) -> Value:
    value = pieces.value(node.arguments[0])
    digits = node.arguments[1].value if len(node.arguments) > 1 else 0  # type: ignore[attr-defined]
    name = pieces.writer.runtime("round_number")
    return pieces.strict(
        node,
        [value],
        lambda code: f"{name}({double(value, code)}, {float(10**digits)!r})",
        finite=False,
    )


def _floor(pieces: Pieces, node: Call) -> Value:
    value = pieces.value(node.arguments[0])
    name = pieces.writer.runtime(node.function)

    def build(code: str) -> str:
        first, again = pieces.twice(double(value, code))
        return f"({name}({again}) if -{LIMIT} <= {first} < {LIMIT} else None)"

    return pieces.strict(node, [value], build, nullable=True)


def _date_trunc(pieces: Pieces, node: Call) -> Value:
    name = pieces.writer.runtime(f"trunc_{node.arguments[0].value}")  # type: ignore[attr-defined]
    value = pieces.value(node.arguments[1])

    def build(code: str) -> str:
        if value.finite:
            return f"{name}({code})"
        first, again = pieces.twice(code)
        return f"({name}({again}) if {finite_test(first)} else {again})"

    return pieces.strict(node, [value], build, finite=value.finite)


def _date_part(pieces: Pieces, node: Call) -> Value:
    name = pieces.writer.runtime(f"part_{node.arguments[0].value}")  # type: ignore[attr-defined]
    value = pieces.value(node.arguments[1])

    def build(code: str) -> str:
        if value.finite:
            return f"{name}({code})"
        first, again = pieces.twice(code)
        return f"({name}({again}) if {finite_test(first)} else None)"

    return pieces.strict(node, [value], build, nullable=not value.finite)


def _days_between(pieces: Pieces, node: Call) -> Value:
    earlier, later = (pieces.value(argument) for argument in node.arguments)
    name = pieces.writer.runtime("floor")

    def build(a: str, b: str) -> str:
        return _difference(pieces, (later, earlier), (b, a), name + "(({}) / 86400000000.0)")

    nullable = not (later.finite and earlier.finite)
    return pieces.strict(node, [earlier, later], build, nullable=nullable)


def _local(pieces: Pieces, node: Call) -> Value:
    values = [pieces.value(argument) for argument in node.arguments]
    name = pieces.writer.runtime(node.function)
    nullable = node.type is Type.INTEGER
    build = (name + "({}, {})").format
    return pieces.strict(node, values, build, nullable=nullable, finite=values[0].finite)


_CALLS: dict[str, Callable[[Pieces, Call], Value]] = {
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


def _call(pieces: Pieces, node: Call) -> Value:
    return _CALLS[node.function](pieces, node)


VALUES: dict[type[Node], Callable[..., Value]] = {
    Literal: _literal,
    Given: _given,
    FieldRef: _name,
    InSegment: _name,
    Score: _name,
    Now: _now,
    Zone: _zone,
    Arithmetic: _arithmetic,
    Negate: _negate,
    Case: _case,
    Call: _call,
}
