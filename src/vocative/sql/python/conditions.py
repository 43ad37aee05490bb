"""Conditions as pieces: `and`, `or`, `not`, `is`, comparisons, lists and patterns."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from vocative.sql.nodes import (
    Between,
    Compare,
    In,
    Is,
    Like,
    Literal,
    Logic,
    Node,
    Not,
)
from vocative.sql.python.pieces import (
    INVERSE,
    PYTHON,
    SWAPPED,
    Pieces,
    Value,
    double,
    given,
    is_small,
)
from vocative.sql.runtime import like_pattern, lower
from vocative.sql.types import Type


def _pair(left: Value, left_code: str, right: Value, right_code: str) -> tuple[str, str]:
    """Two codes that compare as the engine compares them: an integer with a number as doubles."""
    if left.type is right.type or Type.NUMBER not in (left.type, right.type):
        return left_code, right_code
    if is_small(left) or is_small(right):
        return left_code, right_code
    return double(left, left_code), double(right, right_code)


def _logic(pieces: Pieces, node: Logic) -> Value:
    if not node.nullable:
        return pieces.truth(node)
    decisive = node.operator == "or"
    decided, unknown = [], []
    values = [pieces.value(operand) for operand in node.operands]
    for value in values:
        first, again = pieces.twice(value.code)
        decided.append(f"{first} is {decisive}")
        if value.nullable:
            unknown.append(f"{again} is None")
    rest = f"None if {' or '.join(unknown)} else {not decisive}" if unknown else f"{not decisive}"
    code = f"({decisive} if {' or '.join(decided)} else {rest})"
    return pieces.made(code, Type.BOOLEAN, *values, nullable=bool(unknown))


def _logic_truth(pieces: Pieces, node: Logic, *, wanted: bool) -> Value:
    parts = [pieces.truth(operand, wanted=wanted) for operand in node.operands]
    word = " and " if (node.operator == "and") is wanted else " or "
    return pieces.made(
        f"({word.join(part.code for part in parts)})", Type.BOOLEAN, *parts, nullable=False
    )


def _not(pieces: Pieces, node: Not) -> Value:
    if not node.nullable:
        return pieces.truth(node.operand, wanted=False)
    return pieces.strict(node, [pieces.value(node.operand)], "(not {})".format)


def _not_truth(pieces: Pieces, node: Not, *, wanted: bool) -> Value:
    return pieces.truth(node.operand, wanted=not wanted)


def _is(pieces: Pieces, node: Is) -> Value:
    return pieces.truth(node)


def _is_truth(pieces: Pieces, node: Is, *, wanted: bool) -> Value:
    if node.value is not None:
        asked = pieces.truth(node.operand, wanted=node.value)
        code = asked.code if wanted else f"(not {asked.code})"
        return pieces.made(code, Type.BOOLEAN, asked, nullable=False)
    value = pieces.value(node.operand)
    code = (
        f"({value.code} is {'' if wanted else 'not '}None)" if value.nullable else f"{not wanted}"
    )
    return pieces.made(code, Type.BOOLEAN, value, nullable=False)


def plain_truth(pieces: Pieces, node: Node, *, wanted: bool) -> Value:
    """Whether a condition that is a value of its own is so."""
    value = pieces.value(node)
    if value.nullable:
        return pieces.made(f"({value.code} is {wanted})", Type.BOOLEAN, value, nullable=False)
    code = value.code if wanted else f"(not {value.code})"
    return pieces.made(code, Type.BOOLEAN, value, nullable=False)


def _compare(pieces: Pieces, node: Compare) -> Value:
    sides = [pieces.value(node.left), pieces.value(node.right)]
    return pieces.strict(node, sides, lambda *codes: compared(pieces, node.operator, sides, codes))


def _compare_truth(pieces: Pieces, node: Compare, *, wanted: bool) -> Value:
    sides = [pieces.value(node.left), pieces.value(node.right)]
    operator = node.operator if wanted else INVERSE[node.operator]
    return pieces.asked(sides, lambda *codes: compared(pieces, operator, sides, codes))


def compared(pieces: Pieces, operator: str, sides: Sequence[Value], codes: Sequence[str]) -> str:
    """A comparison of known values; what is not a number equals itself and is larger than all."""
    left, right = _pair(sides[0], codes[0], sides[1], codes[1])
    strange = [side.type is Type.NUMBER and not side.finite for side in sides]
    if strange == [False, True]:
        return compared(pieces, SWAPPED[operator], sides[::-1], codes[::-1])
    if strange == [True, False] and operator in (">", ">="):
        return f"(not {left} {INVERSE[operator]} {right})"
    if strange == [True, True]:
        return _strange_order(pieces, operator, left, right)
    return f"({left} {PYTHON[operator]} {right})"


def _strange_order(pieces: Pieces, operator: str, left: str, right: str) -> str:
    if operator in (">", ">="):
        return _strange_order(pieces, SWAPPED[operator], right, left)
    (first_left, left), (first_right, right) = pieces.twice(left), pieces.twice(right)
    first = f"{first_left} {PYTHON[operator]} {first_right}"
    return {
        "=": f"({first} or {left} != {left} and {right} != {right})",
        "<>": f"({first} and ({left} == {left} or {right} == {right}))",
        "<": f"({first} or {right} != {right} and {left} == {left})",
        "<=": f"({first} or {right} != {right})",
    }[operator]


def between_logic(pieces: Pieces, node: Between) -> Logic:
    """`low <= x and x <= high`, with x evaluated once."""
    operand = given(pieces.named(pieces.value(node.operand)))
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


def _between(pieces: Pieces, node: Between) -> Value:
    if node.low.nullable or node.high.nullable:
        return pieces.value(between_logic(pieces, node))
    values = [pieces.value(part) for part in node.children()]
    return pieces.strict(node, values, lambda *codes: _inside(pieces, values, codes))


def _between_truth(pieces: Pieces, node: Between, *, wanted: bool) -> Value:
    if not wanted and (node.low.nullable or node.high.nullable):
        return pieces.truth(between_logic(pieces, node), wanted=False)
    values = [pieces.value(part) for part in node.children()]
    word = "" if wanted else "not "
    return pieces.asked(values, lambda *codes: f"({word}{_inside(pieces, values, codes)})")


def _inside(pieces: Pieces, values: Sequence[Value], codes: Sequence[str]) -> str:
    operand, low, high = values
    first, again = pieces.twice(codes[0])
    above = compared(pieces, "<=", (low, operand), (codes[1], first))
    return f"({above} and {compared(pieces, '<=', (operand, high), (again, codes[2]))})"


def in_logic(pieces: Pieces, node: In) -> Logic:
    """`x = a or x = b …`, with x evaluated once."""
    operand = given(pieces.named(pieces.value(node.operand)))
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


def _in_set(pieces: Pieces, node: In, operand: Value) -> Callable[..., str] | None:
    """The test of a list of literals, or None when the list has others."""
    options = [pieces.value(option) for option in node.options if isinstance(option, Literal)]
    if len(options) != len(node.options) or operand.type is Type.TEXT_LIST:
        return None
    kinds = {value.type for value in (operand, *options)}
    doubles = Type.NUMBER in kinds and not all(is_small(option) for option in options)
    codes = dict.fromkeys(double(o, o.code) if doubles else o.code for o in options)

    def build(code: str) -> str:
        code = double(operand, code) if doubles else code
        return f"({code} in {{{', '.join(codes)}}})"

    return build


def _in(pieces: Pieces, node: In) -> Value:
    operand = pieces.value(node.operand)
    build = _in_set(pieces, node, operand)
    if build is None or not node.options:
        return pieces.value(in_logic(pieces, replace(node, operand=given(operand))))
    return pieces.strict(node, [operand], build)


def _in_truth(pieces: Pieces, node: In, *, wanted: bool) -> Value:
    operand = pieces.value(node.operand)
    build = _in_set(pieces, node, operand)
    if build is None:
        return pieces.truth(in_logic(pieces, replace(node, operand=given(operand))), wanted=wanted)
    return pieces.asked([operand], lambda code: build(code) if wanted else f"(not {build(code)})")


def _like(pieces: Pieces, node: Like) -> Value:
    text, pattern = pieces.value(node.operand), pieces.value(node.pattern)
    if isinstance(node.pattern, Literal) and isinstance(node.pattern.value, str):
        build = _like_literal(pieces, node.pattern.value, ignore_case=node.ignore_case)
        return pieces.strict(node, [text], build)
    name = pieces.writer.runtime("ilike" if node.ignore_case else "like")
    return pieces.strict(node, [text, pattern], (name + "({}, {})").format)


def _like_truth(pieces: Pieces, node: Like, *, wanted: bool) -> Value:
    if not isinstance(node.pattern, Literal) or not isinstance(node.pattern.value, str):
        return plain_truth(pieces, node, wanted=wanted)
    build = _like_literal(pieces, node.pattern.value, ignore_case=node.ignore_case)
    text = pieces.value(node.operand)
    return pieces.asked([text], lambda code: build(code) if wanted else f"(not {build(code)})")


def _like_literal(pieces: Pieces, pattern: str, *, ignore_case: bool) -> Callable[[str], str]:
    if ignore_case:
        pattern = lower(pattern)
        name = pieces.writer.runtime("lower")
        wrap = f"{name}({{}})".format
    else:
        wrap = "{}".format
    body = pattern.strip("%")
    if "_" in pattern or "%" in body or not body:
        match = pieces.writer.constant(like_pattern(pattern), "like")
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


CONDITIONS: dict[type[Node], Callable[..., Value]] = {
    Logic: _logic,
    Not: _not,
    Compare: _compare,
    Is: _is,
    In: _in,
    Between: _between,
    Like: _like,
}
TRUTHS: dict[type[Node], Callable[..., Value]] = {
    Logic: _logic_truth,
    Not: _not_truth,
    Is: _is_truth,
    Compare: _compare_truth,
    In: _in_truth,
    Between: _between_truth,
    Like: _like_truth,
}
