"""When conditions turn: of several parts the lasting ones, of two instants where they meet."""

from collections.abc import Callable
from dataclasses import replace

from vocative.sql.nodes import (
    Between,
    Compare,
    In,
    Is,
    Logic,
    Node,
    Not,
)
from vocative.sql.python.conditions import between_logic, in_logic
from vocative.sql.python.course import ALWAYS, NEVER_TEXT, Course, is_static, of_parts
from vocative.sql.python.pieces import (
    INVERSE,
    PYTHON,
    SWAPPED,
    Value,
    given,
)
from vocative.sql.python.plain import Plain
from vocative.sql.types import MOMENTS, NUMERIC, Type


def _logic(moving: Course, node: Logic) -> Value:
    if not node.nullable:
        return moving.truth(node)
    decisive = node.operator == "or"
    found, until = moving.writer.fresh("b"), moving.writer.fresh("u")
    line, block = moving.writer.line, moving.writer.block
    still, moved = _parted(moving, node)
    if still is not None:
        line(f"{found}, {until} = {moving.plain(still).code}, {NEVER_TEXT}")
    for position, operand in enumerate(moved):
        first = still is None and position == 0
        with block(
            f"if {found} is not {decisive} or {until} < {NEVER_TEXT}:" if not first else ALWAYS
        ):
            value = moving.named(moving.value(operand))
            part_until = moving.writer.let(moving.end(value) or NEVER_TEXT, "u")
            if first:
                line(f"{found}, {until} = {value.code}, {part_until}")
                continue
            with block(f"if {value.code} is {decisive}:"):
                line(f"if {found} is not {decisive}: {found}, {until} = {decisive}, {part_until}")
                line(f"elif {part_until} > {until}: {until} = {part_until}")
            with block(f"elif {found} is not {decisive}:"):
                line(f"if {part_until} < {until}: {until} = {part_until}")
                line(f"if {value.code} is None: {found} = None")
    return Value(code=found, type=Type.BOOLEAN, until=until)


def _logic_truth(moving: Course, node: Logic, *, wanted: bool) -> Value:
    every = (node.operator == "and") is wanted
    no = "" if every else "not "
    found, until = moving.writer.fresh("b"), moving.writer.fresh("u")
    line, block = moving.writer.line, moving.writer.block
    still, moved = _parted(moving, node)
    if still is not None:
        line(f"{found}, {until} = {Plain.truth(moving, still, wanted=wanted).code}, {NEVER_TEXT}")
    for position, operand in enumerate(moved):
        first = still is None and position == 0
        with block(f"if {no}{found} or {until} < {NEVER_TEXT}:" if not first else ALWAYS):
            part = moving.truth(operand, wanted=wanted)
            part_until = moving.writer.let(part.until or NEVER_TEXT, "u")
            if first:
                line(f"{found}, {until} = {part.code}, {part_until}")
                continue
            with block(f"if {no}{part.code}:"):
                line(f"if {no}{found} and {part_until} < {until}: {until} = {part_until}")
            line(f"elif {no}{found}: {found}, {until} = {not every}, {part_until}")
            line(f"elif {part_until} > {until}: {until} = {part_until}")
    return Value(code=found, type=Type.BOOLEAN, nullable=False, until=until)


def _parted(moving: Course, node: Logic) -> tuple[Logic | None, list[Node]]:
    """The operands that do not depend on time, as one, and the others."""
    moved = [operand for operand in node.operands if moving.moves(operand)]
    still = tuple(operand for operand in node.operands if not moving.moves(operand))
    if not still:
        return None, moved
    return replace(node, operands=still, nullable=any(part.nullable for part in still)), moved


def _not_truth(moving: Course, node: Not, *, wanted: bool) -> Value:
    return moving.truth(node.operand, wanted=not wanted)


def _is(moving: Course, node: Is) -> Value:
    return moving.truth(node)


def _is_truth(moving: Course, node: Is, *, wanted: bool) -> Value:
    if node.value is not None:
        asked = moving.truth(node.operand, wanted=node.value)
        if wanted:
            return asked
        return replace(asked, code=moving.writer.let(f"not {asked.code}"))
    value = moving.named(moving.value(node.operand))
    held = replace(node, operand=given(value))
    return replace(moving.named(Plain.truth(moving, held, wanted=wanted)), until=value.until)


def _compare(moving: Course, node: Compare) -> Value:
    return _compared(moving, node, wanted=None)


def _compare_truth(moving: Course, node: Compare, *, wanted: bool) -> Value:
    return _compared(moving, node, wanted=wanted)


def _compared(moving: Course, node: Compare, *, wanted: bool | None) -> Value:
    left, right = (moving.named(moving.value(side)) for side in (node.left, node.right))
    if {left.slope, left.drift, right.slope, right.drift} != {"0"}:
        return _race(moving, node.operator, left, right, wanted=wanted)
    held = replace(node, left=given(left), right=given(right))
    if wanted is None:
        answer = moving.named(moving.plain(held))
    else:
        answer = moving.named(Plain.truth(moving, held, wanted=wanted))
    until = _crossing(node.operator, left, right)
    if until is None:
        until = moving.earliest([moving.end(left), moving.end(right)])
    return replace(answer, until=until)


def _crossing(operator: str, left: Value, right: Value) -> str | None:
    """What a side knows about when it crosses a literal."""
    if left.crossing is not None and right.constant is not None:
        return left.crossing(operator, right.constant)
    if right.crossing is not None and left.constant is not None:
        return right.crossing(SWAPPED[operator], left.constant)
    return None


def _race(
    moving: Course, operator: str, left: Value, right: Value, *, wanted: bool | None
) -> Value:
    """Compares two instants or intervals of which at least one moves."""
    writer = moving.writer
    if not all(is_static(s) for v in (left, right) for s in (v.slope, v.drift)):
        left, right = moving.flat(left), moving.flat(right)
    operator = INVERSE[operator] if wanted is False else operator
    found, until = writer.fresh("b"), writer.fresh("u")
    tests = [f"{side.code} is None" for side in (left, right) if side.nullable]
    if not tests:
        _run(moving, operator, left, right, found, until)
        return Value(code=found, type=Type.BOOLEAN, nullable=False, until=until)
    with writer.block(f"if {' or '.join(tests)}:"):
        ends = moving.earliest([left.until, right.until]) or NEVER_TEXT
        writer.line(f"{found}, {until} = {None if wanted is None else False}, {ends}")
    with writer.block("else:"):
        _run(moving, operator, left, right, found, until)
    return Value(code=found, type=Type.BOOLEAN, nullable=wanted is None, until=until)


def _run(moving: Course, operator: str, left: Value, right: Value, found: str, until: str) -> None:
    """Write the answer for two known values, and when it turns."""
    writer = moving.writer
    gap = writer.fresh("d")
    writer.line(f"{gap} = {left.code} - {right.code}")
    writer.line(f"{found} = {gap} {PYTHON[operator]} 0")
    slope = moving.added(left.slope, "-", right.slope)
    wobble = left.wobble + right.wobble
    if not wobble:
        writer.line(f"{until} = {_turn(moving, operator, gap, slope)}")
    else:
        drift = int(moving.added(left.drift, "-", right.drift))
        down = f"{moving.names.now} + {_divided_up(f'({gap} - {wobble})', -drift)}"
        up = f"{moving.names.now} + {_divided_up(f'(-{gap} - {wobble})', drift)}"
        with writer.block(f"if {gap} > {wobble}:"):
            writer.line(f"{until} = {down if drift < 0 else NEVER_TEXT}")
        with writer.block(f"elif {gap} < -{wobble}:"):
            writer.line(f"{until} = {up if drift > 0 else NEVER_TEXT}")
        with writer.block("else:"):
            writer.line(f"{until} = {_turn(moving, operator, gap, slope)}")
            moving.sooner(until, left.exact_until)
            moving.sooner(until, right.exact_until)
    moving.sooner(until, left.until)
    moving.sooner(until, right.until)


def _divided_up(code: str, by: int) -> str:
    return code if by == 1 else f"-(-{code} // {by})"


def _turn(moving: Course, operator: str, gap: str, slope: str) -> str:
    """When `gap operator 0` changes, for a gap that moves by `slope`."""
    now = moving.names.now
    if slope == "0":
        return NEVER_TEXT
    if not is_static(slope):
        return f"{moving.writer.runtime('turn')}({operator!r}, {gap}, {slope}, {now})"
    speed, falls = abs(int(slope)), int(slope) < 0
    # As if it fell: what rises falls when seen from the other side.
    operator = operator if falls else SWAPPED[operator]
    height = gap if falls else f"-{gap}"
    sign = ">" if falls else "<"
    reaches = f"{now} + {_divided_up(f'({height})', speed)}"
    passes = f"{now} + {_divided_down(f'({height})', speed)} + 1"
    if operator in ("<", ">="):
        return f"{passes} if {gap} {sign}= 0 else {NEVER_TEXT}"
    if operator in ("<=", ">"):
        return f"{reaches} if {gap} {sign} 0 else {NEVER_TEXT}"
    return f"{reaches} if {gap} {sign} 0 else {now} + 1 if {gap} == 0 else {NEVER_TEXT}"


def _divided_down(code: str, by: int) -> str:
    return code if by == 1 else f"{code} // {by}"


def _between(moving: Course, node: Between) -> Value:
    return moving.value(between_logic(moving, node))


def _between_truth(moving: Course, node: Between, *, wanted: bool) -> Value:
    return moving.truth(between_logic(moving, node), wanted=wanted)


def _in(moving: Course, node: In) -> Value:
    if node.operand.type in (*NUMERIC, *MOMENTS, Type.INTERVAL):
        return moving.value(in_logic(moving, node))
    return of_parts(moving, node)


def _in_truth(moving: Course, node: In, *, wanted: bool) -> Value:
    if node.operand.type in (*NUMERIC, *MOMENTS, Type.INTERVAL):
        return moving.truth(in_logic(moving, node), wanted=wanted)
    value = of_parts(moving, node)
    return replace(
        moving.named(Plain.truth(moving, given(value), wanted=wanted)), until=value.until
    )


MOVING_CONDITIONS: dict[type[Node] | str, Callable[..., Value]] = {
    Logic: _logic,
    Is: _is,
    Compare: _compare,
    Between: _between,
    In: _in,
}
MOVING_TRUTHS: dict[type[Node], Callable[..., Value]] = {
    Logic: _logic_truth,
    Not: _not_truth,
    Is: _is_truth,
    Compare: _compare_truth,
    Between: _between_truth,
    In: _in_truth,
}
