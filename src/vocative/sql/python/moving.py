"""Expressions as lines of Python that also say how long their value stays.

Each value that depends on time comes with what is known of its course while only time passes:

- until `exact_until` it moves by `slope` with each microsecond of now (a condition, a number or a
  text has slope 0: it stays);
- until `until` it keeps within `wobble` of moving by `drift`. This looser law lets a comparison
  far from its turning point sleep until it is near: a month ago moves with now, except that days
  are missing at the ends of months; today() jumps once a day and is yet never far from now.

An absent instant is never. Both instants may be calls, which are made where they are needed.

A condition of several parts needs only some of them: `and` that is false stays so as long as the
most lasting of its false parts.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from vocative.sql.nodes import (
    Arithmetic,
    Between,
    Call,
    Case,
    Compare,
    In,
    InSegment,
    Is,
    Literal,
    Logic,
    Node,
    Not,
    Now,
    Score,
    Span,
)
from vocative.sql.nodes import FieldRef as Field
from vocative.sql.python.plain import (
    INVERSE,
    PYTHON,
    SWAPPED,
    Given,
    Plain,
    Value,
    as_type,
    between_logic,
    finite_test,
    given,
    in_logic,
)
from vocative.sql.python.writer import NEVER
from vocative.sql.runtime import DAY
from vocative.sql.types import MOMENTS, NUMERIC, Type

_NEVER = str(NEVER)
_ALWAYS = "if True:"  # Python leaves such a test out
_MONTH_WOBBLE = 4 * DAY
_ZONE_WOBBLE = 2 * DAY
"""Offsets from UTC go from -12 to +14 hours, so no change of them is larger."""
_UNITS = {
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": DAY,
    "isodow": DAY,
    "week": 7 * DAY,
    "month": 31 * DAY,
    "quarter": 92 * DAY,
    "year": 366 * DAY,
}


class Moving(Plain):
    """Writes the pieces of one expression, and until when each holds."""

    def moves(self, node: Node) -> bool:
        """Whether the value of a node depends on time."""
        if isinstance(node, Now):
            return True
        if isinstance(node, Given):
            return _moves(node.value)
        if isinstance(node, Field | InSegment | Score):
            operand = self.operands[node]
            return operand.until is not None or operand.slope != "0"
        found = self._moving.get(id(node))
        if found is None:
            found = self._moving[id(node)] = any(map(self.moves, node.children()))
            self._kept.append(node)
        return found

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._moving: dict[int, bool] = {}
        self._kept: list[Node] = []  # so that no id is used twice

    def value(self, node: Node) -> Value:
        """A piece that gives the node's value; a name if it moves."""
        if isinstance(node, Given):
            return node.value
        if not self.moves(node):
            return self.plain(node)
        if isinstance(node, Call):
            return _CALLS.get(node.function, _of_parts)(self, node)
        return _VALUES.get(type(node), _of_parts)(self, node)

    def truth(self, node: Node, *, wanted: bool = True) -> Value:
        """A piece that says whether the node is `wanted`; unknown is neither."""
        if not self.moves(node):
            return super().truth(node, wanted=wanted)
        special = _TRUTHS.get(type(node))
        if special is not None:
            return special(self, node, wanted=wanted)
        value = self.value(node)
        return replace(
            self.named(super().truth(given(value), wanted=wanted)), until=self.end(value)
        )

    # Instants of change

    def earliest(self, untils: Iterable[str | None]) -> str | None:
        """A name for the first of some instants."""
        known = list(dict.fromkeys(until for until in untils if until is not None))
        if len(known) < 2:
            return known[0] if known else None
        name = self.writer.fresh("u")
        self.writer.line(f"{name} = {known[0]}")
        for until in known[1:]:
            self.sooner(name, until)
        return name

    def end(self, value: Value) -> str | None:
        """Until when a value keeps to its slope."""
        return self.earliest([value.until, value.exact_until])

    def flat(self, value: Value) -> Value:
        """The value with its exact law only."""
        return replace(value, until=self.end(value), exact_until=None, drift=value.slope, wobble=0)

    def sooner(self, name: str, until: str | None) -> None:
        """Bring an instant forward."""
        if until is not None:
            until = self.writer.let(until, "u")
            self.writer.line(f"if {until} < {name}: {name} = {until}")

    def added(self, left: str, sign: str, right: str) -> str:
        """A slope plus or minus another."""
        if _is_static(left) and _is_static(right):
            return str(int(left) + int(right) if sign == "+" else int(left) - int(right))
        name = self.writer.fresh("s")
        self.writer.line(f"{name} = {left} {sign} {right}")
        return name


def _is_static(slope: str) -> bool:
    return slope.lstrip("-").isdigit()


def _moves(value: Value) -> bool:
    still = value.slope == "0" and value.drift == "0"
    return not still or value.until is not None or value.exact_until is not None


def _of_parts(moving: Moving, node: Node) -> Value:
    """A value that may change when any of its parts does."""
    untils: list[str | None] = []

    def settled(part: Any) -> Any:
        if isinstance(part, tuple):
            return tuple(settled(one) for one in part)
        if not isinstance(part, Node) or not moving.moves(part):
            return part
        value = moving.named(moving.value(part))
        untils.append(moving.end(value))
        return given(value)

    held = replace(node, **{name: settled(getattr(node, name)) for name in node.parts})
    made = moving.named(moving.plain(held))
    return replace(made, until=moving.earliest(untils))


# Leaves


def _field(moving: Moving, node: Field) -> Value:
    value = moving.plain(node)
    if node.type not in NUMERIC:
        return value
    return replace(
        value, crossing=lambda operator, number: moving.names.crossing(node, operator, number)
    )


def _plain_leaf(moving: Moving, node: Node) -> Value:
    return moving.plain(node)


# Conditions


def _logic(moving: Moving, node: Logic) -> Value:
    if not node.nullable:
        return moving.truth(node)
    decisive = node.operator == "or"
    found, until = moving.writer.fresh("b"), moving.writer.fresh("u")
    line, block = moving.writer.line, moving.writer.block
    still, moved = _parted(moving, node)
    if still is not None:
        line(f"{found}, {until} = {moving.plain(still).code}, {_NEVER}")
    for position, operand in enumerate(moved):
        first = still is None and position == 0
        with block(
            f"if {found} is not {decisive} or {until} < {_NEVER}:" if not first else _ALWAYS
        ):
            value = moving.named(moving.value(operand))
            part_until = moving.writer.let(moving.end(value) or _NEVER, "u")
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


def _logic_truth(moving: Moving, node: Logic, *, wanted: bool) -> Value:
    every = (node.operator == "and") is wanted
    no = "" if every else "not "
    found, until = moving.writer.fresh("b"), moving.writer.fresh("u")
    line, block = moving.writer.line, moving.writer.block
    still, moved = _parted(moving, node)
    if still is not None:
        line(f"{found}, {until} = {Plain.truth(moving, still, wanted=wanted).code}, {_NEVER}")
    for position, operand in enumerate(moved):
        first = still is None and position == 0
        with block(f"if {no}{found} or {until} < {_NEVER}:" if not first else _ALWAYS):
            part = moving.truth(operand, wanted=wanted)
            part_until = moving.writer.let(part.until or _NEVER, "u")
            if first:
                line(f"{found}, {until} = {part.code}, {part_until}")
                continue
            with block(f"if {no}{part.code}:"):
                line(f"if {no}{found} and {part_until} < {until}: {until} = {part_until}")
            line(f"elif {no}{found}: {found}, {until} = {not every}, {part_until}")
            line(f"elif {part_until} > {until}: {until} = {part_until}")
    return Value(code=found, type=Type.BOOLEAN, nullable=False, until=until)


def _parted(moving: Moving, node: Logic) -> tuple[Logic | None, list[Node]]:
    """The operands that do not depend on time, as one, and the others."""
    moved = [operand for operand in node.operands if moving.moves(operand)]
    still = tuple(operand for operand in node.operands if not moving.moves(operand))
    if not still:
        return None, moved
    return replace(node, operands=still, nullable=any(part.nullable for part in still)), moved


def _not_truth(moving: Moving, node: Not, *, wanted: bool) -> Value:
    return moving.truth(node.operand, wanted=not wanted)


def _is(moving: Moving, node: Is) -> Value:
    return moving.truth(node)


def _is_truth(moving: Moving, node: Is, *, wanted: bool) -> Value:
    if node.value is not None:
        asked = moving.truth(node.operand, wanted=node.value)
        if wanted:
            return asked
        return replace(asked, code=moving.writer.let(f"not {asked.code}"))
    value = moving.named(moving.value(node.operand))
    held = replace(node, operand=given(value))
    return replace(moving.named(Plain.truth(moving, held, wanted=wanted)), until=value.until)


def _compare(moving: Moving, node: Compare) -> Value:
    return _compared(moving, node, wanted=None)


def _compare_truth(moving: Moving, node: Compare, *, wanted: bool) -> Value:
    return _compared(moving, node, wanted=wanted)


def _compared(moving: Moving, node: Compare, *, wanted: bool | None) -> Value:
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
    moving: Moving, operator: str, left: Value, right: Value, *, wanted: bool | None
) -> Value:
    """Compares two instants or intervals of which at least one moves."""
    writer = moving.writer
    if not all(_is_static(s) for v in (left, right) for s in (v.slope, v.drift)):
        left, right = moving.flat(left), moving.flat(right)
    operator = INVERSE[operator] if wanted is False else operator
    found, until = writer.fresh("b"), writer.fresh("u")
    tests = [f"{side.code} is None" for side in (left, right) if side.nullable]
    if not tests:
        _run(moving, operator, left, right, found, until)
        return Value(code=found, type=Type.BOOLEAN, nullable=False, until=until)
    with writer.block(f"if {' or '.join(tests)}:"):
        ends = moving.earliest([left.until, right.until]) or _NEVER
        writer.line(f"{found}, {until} = {None if wanted is None else False}, {ends}")
    with writer.block("else:"):
        _run(moving, operator, left, right, found, until)
    return Value(code=found, type=Type.BOOLEAN, nullable=wanted is None, until=until)


def _run(moving: Moving, operator: str, left: Value, right: Value, found: str, until: str) -> None:
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
            writer.line(f"{until} = {down if drift < 0 else _NEVER}")
        with writer.block(f"elif {gap} < -{wobble}:"):
            writer.line(f"{until} = {up if drift > 0 else _NEVER}")
        with writer.block("else:"):
            writer.line(f"{until} = {_turn(moving, operator, gap, slope)}")
            moving.sooner(until, left.exact_until)
            moving.sooner(until, right.exact_until)
    moving.sooner(until, left.until)
    moving.sooner(until, right.until)


def _divided_up(code: str, by: int) -> str:
    return code if by == 1 else f"-(-{code} // {by})"


def _turn(moving: Moving, operator: str, gap: str, slope: str) -> str:
    """When `gap operator 0` changes, for a gap that moves by `slope`."""
    now = moving.names.now
    if slope == "0":
        return _NEVER
    if not _is_static(slope):
        return f"{moving.writer.runtime('turn')}({operator!r}, {gap}, {slope}, {now})"
    speed, falls = abs(int(slope)), int(slope) < 0
    # As if it fell: what rises falls when seen from the other side.
    operator = operator if falls else SWAPPED[operator]
    height = gap if falls else f"-{gap}"
    sign = ">" if falls else "<"
    reaches = f"{now} + {_divided_up(f'({height})', speed)}"
    passes = f"{now} + {_divided_down(f'({height})', speed)} + 1"
    if operator in ("<", ">="):
        return f"{passes} if {gap} {sign}= 0 else {_NEVER}"
    if operator in ("<=", ">"):
        return f"{reaches} if {gap} {sign} 0 else {_NEVER}"
    return f"{reaches} if {gap} {sign} 0 else {now} + 1 if {gap} == 0 else {_NEVER}"


def _divided_down(code: str, by: int) -> str:
    return code if by == 1 else f"{code} // {by}"


def _between(moving: Moving, node: Between) -> Value:
    return moving.value(between_logic(moving, node))


def _between_truth(moving: Moving, node: Between, *, wanted: bool) -> Value:
    return moving.truth(between_logic(moving, node), wanted=wanted)


def _in(moving: Moving, node: In) -> Value:
    if node.operand.type in (*NUMERIC, *MOMENTS, Type.INTERVAL):
        return moving.value(in_logic(moving, node))
    return _of_parts(moving, node)


def _in_truth(moving: Moving, node: In, *, wanted: bool) -> Value:
    if node.operand.type in (*NUMERIC, *MOMENTS, Type.INTERVAL):
        return moving.truth(in_logic(moving, node), wanted=wanted)
    value = _of_parts(moving, node)
    return replace(
        moving.named(Plain.truth(moving, given(value), wanted=wanted)), until=value.until
    )


# Instants and intervals


def _arithmetic(moving: Moving, node: Arithmetic) -> Value:
    if node.type not in (Type.INSTANT, Type.INTERVAL):
        return _of_parts(moving, node)
    left, right = (moving.named(moving.value(side)) for side in (node.left, node.right))
    if not all(_is_static(side.drift) for side in (left, right)):
        left, right = moving.flat(left), moving.flat(right)
    made = moving.named(
        moving.plain(replace(node, left=_held(node.left, left), right=_held(node.right, right)))
    )
    made = replace(
        made,
        slope=moving.added(left.slope, node.operator, right.slope),
        drift=moving.added(left.drift, node.operator, right.drift),
        wobble=left.wobble + right.wobble,
        until=moving.earliest([left.until, right.until]),
        exact_until=moving.earliest([left.exact_until, right.exact_until]),
    )
    if node.type is Type.INTERVAL:
        return made
    base, span = (right, node.left) if left.type is Type.INTERVAL else (left, node.right)
    if isinstance(span, Literal):
        months = isinstance(span.value, Span) and span.value.months
        return _with_months(moving, made, base) if months else made
    return made if base.finite else _unless_infinite(moving, made, base)


def _held(node: Node, value: Value) -> Node:
    return node if isinstance(node, Literal) else given(value)


def _unless_infinite(moving: Moving, made: Value, base: Value) -> Value:
    """Infinity stays where it is, whatever is added."""
    made = moving.flat(made)
    slope = moving.writer.fresh("s")
    finite = f"{base.code} is not None and {finite_test(base.code)}"
    moving.writer.line(f"{slope} = {made.slope} if {finite} else 0")
    return replace(made, slope=slope, drift=slope)


def _with_months(moving: Moving, made: Value, base: Value) -> Value:
    """Days are missing at the ends of months: the course holds until midnight (UTC)."""
    midnight = _turn_of(moving, "unit_turn", base, "'day'")
    if not _is_static(base.drift):
        return replace(made, until=moving.earliest([made.until, midnight]))
    return replace(
        made,
        wobble=made.wobble + _MONTH_WOBBLE,
        exact_until=moving.earliest([made.exact_until, midnight]),
    )


def _turn_of(moving: Moving, function: str, moved: Value, *arguments: str) -> str | None:
    """When a part of a moving instant turns; None when the instant does not move by itself."""
    if moved.slope == "0":
        return None
    call = ", ".join([moved.code, moved.slope, moving.names.now, *arguments])
    call = f"{moving.writer.runtime(function)}({call})"
    return f"({call} if {moved.code} is not None else {_NEVER})" if moved.nullable else call


def _step(moving: Moving, made: Value, moved: Value, turn: str | None, wobble: int) -> Value:
    """A value that stays until a moving instant gets to its next step."""
    exact = moving.earliest([moved.exact_until, turn])
    if not _is_static(moved.drift) or made.type is Type.INTEGER:
        return replace(made, until=moving.earliest([moved.until, exact]))
    return replace(
        made,
        until=moved.until,
        exact_until=exact,
        drift=moved.drift,
        wobble=moved.wobble + wobble if moved.drift != "0" else 0,
    )


def _calendar(moving: Moving, node: Call) -> Value:
    unit = str(node.arguments[0].value)  # type: ignore[attr-defined]
    moved = moving.named(moving.value(node.arguments[1]))
    held = replace(node, arguments=(node.arguments[0], given(moved)))
    made = moving.named(moving.plain(held))
    turn = _turn_of(moving, "unit_turn", moved, repr("day" if unit == "isodow" else unit))
    return _step(moving, made, moved, turn, _UNITS[unit])


def _local_date(moving: Moving, node: Call) -> Value:
    moved = moving.named(moving.value(node.arguments[0]))
    made = moving.named(moving.plain(replace(node, arguments=(given(moved), node.arguments[1]))))
    turn = _turn_of(moving, "local_date_turn", moved, moving.names.zone)
    return _step(moving, made, moved, turn, _ZONE_WOBBLE + DAY)


def _local_time(moving: Moving, node: Call) -> Value:
    moved = moving.named(moving.value(node.arguments[0]))
    made = moving.named(moving.plain(replace(node, arguments=(given(moved), node.arguments[1]))))
    turn = _turn_of(moving, "offset_turn", moved, moving.names.zone)
    return replace(_step(moving, made, moved, turn, _ZONE_WOBBLE), slope=moved.slope)


def _days_between(moving: Moving, node: Call) -> Value:
    earlier, later = (
        moving.flat(moving.named(moving.value(argument))) for argument in node.arguments
    )
    held = replace(node, arguments=(given(earlier), given(later)))
    made = moving.named(moving.plain(held))
    until = moving.earliest([earlier.until, later.until])
    slope = moving.added(later.slope, "-", earlier.slope)
    if slope == "0":
        return replace(made, until=until)
    writer, now = moving.writer, moving.names.now
    gap = f"{later.code} - {earlier.code}, {slope}, {now}"

    def turn(function: str, *arguments: object) -> str:
        call = f"{writer.runtime(function)}({', '.join([*map(repr, arguments), gap])})"
        return f"({call} if {made.code} is not None else {_NEVER})" if made.nullable else call

    def crossing(operator: str, number: int | float) -> str:
        return moving.earliest([turn("days_turn", operator, number), until]) or _NEVER

    return replace(made, until=moving.earliest([turn("next_day_turn"), until]), crossing=crossing)


def _anniversary(moving: Moving, node: Call) -> Value:
    day, today = (moving.flat(moving.named(moving.value(argument))) for argument in node.arguments)
    made = moving.named(moving.plain(replace(node, arguments=(given(day), given(today)))))
    writer = moving.writer

    def crossing(operator: str, number: int | float) -> str:
        call = f"({operator!r}, {number!r}, {made.code}, {today.until})"
        call = (
            f"({writer.runtime('countdown_turn')}{call} if {made.code} is not None else {_NEVER})"
        )
        return moving.earliest([call, day.until]) or _NEVER

    until = moving.earliest([day.until, today.until])
    return replace(made, until=until, crossing=crossing)


# Choices

Branch = tuple[str | None, str | None, Value]
"""A test (None: otherwise), until when its coming up holds, and the value."""


def _chosen(moving: Moving, branches: Sequence[Branch], kind: Type) -> Value:
    """The value of the first branch whose test is so."""
    writer = moving.writer
    found, until = writer.fresh(), writer.fresh("u")
    slopes = {value.slope for _, _, value in branches}
    slope = slopes.pop() if len(slopes) == 1 else writer.fresh("s")
    for position, (test, holds, value) in enumerate(branches):
        word = "else:" if test is None else f"{'el' if position else ''}if {test}:"
        with writer.block(word if position or test else _ALWAYS):
            writer.line(f"{found}, {until} = {value.code}, {holds or _NEVER}")
            moving.sooner(until, value.until)
            if slope != value.slope:
                writer.line(f"{slope} = {value.slope}")
    return Value(
        code=found,
        type=kind,
        nullable=any(value.nullable for _, _, value in branches),
        finite=all(value.finite for _, _, value in branches),
        until=until,
        slope=slope,
        drift=slope,
    )


def _settled(moving: Moving, node: Node, kind: Type) -> Value:
    """A value to choose from: under a name, of the type of all, with its exact law."""
    value = moving.flat(moving.named(moving.value(node)))
    made = moving.named(as_type(moving, value, kind))
    return replace(made, until=value.until, slope=value.slope, drift=value.slope)


def _case(moving: Moving, node: Case) -> Value:
    branches: list[Branch] = []
    holds: str | None = None
    for condition, result in node.branches:
        test = moving.named(moving.truth(condition))
        holds = moving.earliest([holds, test.until])
        branches.append((test.code, holds, _settled(moving, result, node.type)))
    otherwise = node.otherwise or Literal(value=None, type=node.type)
    branches.append((None, holds, _settled(moving, otherwise, node.type)))
    return _chosen(moving, branches, node.type)


def _coalesce(moving: Moving, node: Call) -> Value:
    branches: list[Branch] = []
    holds: str | None = None
    for argument in node.arguments:
        value = _settled(moving, argument, node.type)
        if not value.nullable:
            branches.append((None, holds, value))
            break
        branches.append((f"{value.code} is not None", holds, replace(value, nullable=False)))
        holds = moving.earliest([holds, value.until])
    else:
        branches.append((None, holds, Value(code="None", type=node.type)))
    return _chosen(moving, branches, node.type)


def _nullif(moving: Moving, node: Call) -> Value:
    first, second = (_settled(moving, argument, node.type) for argument in node.arguments)
    test = moving.truth(
        Compare(operator="=", left=given(first), right=given(second), type=Type.BOOLEAN)
    )
    holds = moving.earliest([test.until, first.until])
    nothing = Value(code="None", type=node.type)
    return _chosen(moving, [(test.code, holds, nothing), (None, holds, first)], node.type)


def _extreme(moving: Moving, node: Call) -> Value:
    values = [_settled(moving, argument, node.type) for argument in node.arguments]
    if all(value.slope == "0" for value in values):
        held = replace(node, arguments=tuple(map(given, values)))
        made = moving.named(moving.plain(held))
        return replace(made, until=moving.earliest(value.until for value in values))
    writer = moving.writer
    found, until, slope = writer.fresh(), writer.fresh("u"), writer.fresh("s")
    parts = ", ".join(f"({v.code}, {v.slope}, {v.until or _NEVER})" for v in values)
    sign = 1 if node.function == "greatest" else -1
    call = f"{writer.runtime('first_of')}({sign}, {moving.names.now}, {parts})"
    writer.line(f"{found}, {slope}, {until} = {call}")
    return Value(
        code=found,
        type=node.type,
        nullable=all(value.nullable for value in values),
        finite=all(value.finite for value in values),
        until=until,
        slope=slope,
        drift=slope,
    )


_VALUES: dict[type[Node], Callable[..., Value]] = {
    Field: _field,
    InSegment: _plain_leaf,
    Score: _plain_leaf,
    Now: _plain_leaf,
    Logic: _logic,
    Is: _is,
    Compare: _compare,
    Between: _between,
    In: _in,
    Arithmetic: _arithmetic,
    Case: _case,
}

_TRUTHS: dict[type[Node], Callable[..., Value]] = {
    Logic: _logic_truth,
    Not: _not_truth,
    Is: _is_truth,
    Compare: _compare_truth,
    Between: _between_truth,
    In: _in_truth,
}

_CALLS: dict[str, Callable[..., Value]] = {
    "coalesce": _coalesce,
    "nullif": _nullif,
    "greatest": _extreme,
    "least": _extreme,
    "date_trunc": _calendar,
    "date_part": _calendar,
    "days_between": _days_between,
    "local_time": _local_time,
    "local_date": _local_date,
    "days_to_anniversary": _anniversary,
}
