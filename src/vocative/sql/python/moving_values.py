"""How values move with now: instants and intervals, calendars, days, and choices of them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from vocative.sql.nodes import (
    Arithmetic,
    Call,
    Case,
    Compare,
    FieldRef,
    InSegment,
    Literal,
    Node,
    Now,
    Score,
    Span,
)
from vocative.sql.python.course import ALWAYS, NEVER_TEXT, Course, is_static, of_parts
from vocative.sql.python.pieces import (
    Value,
    finite_test,
    given,
)
from vocative.sql.python.values import as_type
from vocative.sql.runtime import DAY, FAR_DAYS
from vocative.sql.types import NUMERIC, Type

MONTH_WOBBLE = 4 * DAY
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


def _field(moving: Course, node: FieldRef) -> Value:
    value = moving.plain(node)
    if node.type not in NUMERIC:
        return value
    return replace(
        value, crossing=lambda operator, number: moving.names.crossing(node, operator, number)
    )


def _plain_leaf(moving: Course, node: Node) -> Value:
    return moving.plain(node)


def _arithmetic(moving: Course, node: Arithmetic) -> Value:
    if node.type not in (Type.INSTANT, Type.INTERVAL):
        return of_parts(moving, node)
    left, right = (moving.named(moving.value(side)) for side in (node.left, node.right))
    if not all(is_static(side.drift) for side in (left, right)):
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


def _unless_infinite(moving: Course, made: Value, base: Value) -> Value:
    """Infinity stays where it is, whatever is added."""
    made = moving.flat(made)
    slope = moving.writer.fresh("s")
    finite = f"{base.code} is not None and {finite_test(base.code)}"
    moving.writer.line(f"{slope} = {made.slope} if {finite} else 0")
    return replace(made, slope=slope, drift=slope)


def _with_months(moving: Course, made: Value, base: Value) -> Value:
    """Days are missing at the ends of months: the course holds until midnight (UTC)."""
    midnight = _turn_of(moving, "unit_turn", base, "'day'")
    if not is_static(base.drift):
        return replace(made, until=moving.earliest([made.until, midnight]))
    return replace(
        made,
        wobble=made.wobble + MONTH_WOBBLE,
        exact_until=moving.earliest([made.exact_until, midnight]),
    )


def _turn_of(moving: Course, function: str, moved: Value, *arguments: str) -> str | None:
    """When a part of a moving instant turns; None when the instant does not move by itself."""
    if moved.slope == "0":
        return None
    call = ", ".join([moved.code, moved.slope, moving.names.now, *arguments])
    call = f"{moving.writer.runtime(function)}({call})"
    return f"({call} if {moved.code} is not None else {NEVER_TEXT})" if moved.nullable else call


def _step(moving: Course, made: Value, moved: Value, turn: str | None, wobble: int) -> Value:
    """A value that stays until a moving instant gets to its next step."""
    exact = moving.earliest([moved.exact_until, turn])
    if not is_static(moved.drift) or made.type is Type.INTEGER:
        return replace(made, until=moving.earliest([moved.until, exact]))
    return replace(
        made,
        until=moved.until,
        exact_until=exact,
        drift=moved.drift,
        wobble=moved.wobble + wobble if moved.drift != "0" else 0,
    )


def _calendar(moving: Course, node: Call) -> Value:
    unit = str(node.arguments[0].value)  # type: ignore[attr-defined]
    moved = moving.named(moving.value(node.arguments[1]))
    held = replace(node, arguments=(node.arguments[0], given(moved)))
    made = moving.named(moving.plain(held))
    turn = _turn_of(moving, "unit_turn", moved, repr("day" if unit == "isodow" else unit))
    return _step(moving, made, moved, turn, _UNITS[unit])


def _local_date(moving: Course, node: Call) -> Value:
    moved = moving.named(moving.value(node.arguments[0]))
    made = moving.named(moving.plain(replace(node, arguments=(given(moved), node.arguments[1]))))
    turn = _turn_of(moving, "local_date_turn", moved, moving.names.zone)
    return _step(moving, made, moved, turn, _ZONE_WOBBLE + DAY)


def _local_time(moving: Course, node: Call) -> Value:
    moved = moving.named(moving.value(node.arguments[0]))
    made = moving.named(moving.plain(replace(node, arguments=(given(moved), node.arguments[1]))))
    turn = _turn_of(moving, "offset_turn", moved, moving.names.zone)
    return replace(_step(moving, made, moved, turn, _ZONE_WOBBLE), slope=moved.slope)


def _days_between(moving: Course, node: Call) -> Value:
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
        return f"({call} if {made.code} is not None else {NEVER_TEXT})" if made.nullable else call

    def crossing(operator: str, number: int | float) -> str:
        simple = slope == "1" and operator not in ("=", "<>") and abs(number) < FAR_DAYS
        if not simple:
            return moving.earliest([turn("days_turn", operator, number), until]) or NEVER_TEXT
        # The same as `days_turn`, without a call: this is what most conditions ask.
        first = math.floor(number) + 1 if operator in (">", "<=") else math.ceil(number)
        wait = f"{first * DAY} - {later.code} + {earlier.code}"
        test = f"{made.code} is not None and " if made.nullable else ""
        soon = f"({now} + {wait} if {test}{made.code} < {first} else {NEVER_TEXT})"
        return moving.earliest([soon, until]) or NEVER_TEXT

    return replace(made, until=moving.earliest([turn("next_day_turn"), until]), crossing=crossing)


def _anniversary(moving: Course, node: Call) -> Value:
    day, today = (moving.flat(moving.named(moving.value(argument))) for argument in node.arguments)
    made = moving.named(moving.plain(replace(node, arguments=(given(day), given(today)))))
    writer = moving.writer

    def crossing(operator: str, number: int | float) -> str:
        turn = writer.runtime("countdown_turn")
        call = f"{turn}({operator!r}, {number!r}, {made.code}, {today.until})"
        known = f"{call} if {made.code} is not None else {NEVER_TEXT}"
        return moving.earliest([f"({known})", day.until]) or NEVER_TEXT

    until = moving.earliest([day.until, today.until])
    return replace(made, until=until, crossing=crossing)


Branch = tuple[str | None, str | None, Value]
"""A test (None: otherwise), until when its coming up holds, and the value."""


def _chosen(moving: Course, branches: Sequence[Branch], kind: Type) -> Value:
    """The value of the first branch whose test is so."""
    writer = moving.writer
    found, until = writer.fresh(), writer.fresh("u")
    slopes = {value.slope for _, _, value in branches}
    slope = slopes.pop() if len(slopes) == 1 else writer.fresh("s")
    for position, (test, holds, value) in enumerate(branches):
        word = "else:" if test is None else f"{'el' if position else ''}if {test}:"
        with writer.block(word if position or test else ALWAYS):
            writer.line(f"{found}, {until} = {value.code}, {holds or NEVER_TEXT}")
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


def _settled(moving: Course, node: Node, kind: Type) -> Value:
    """A value to choose from: under a name, of the type of all, with its exact law."""
    value = moving.flat(moving.named(moving.value(node)))
    made = moving.named(as_type(moving, value, kind))
    return replace(made, until=value.until, slope=value.slope, drift=value.slope)


def _case(moving: Course, node: Case) -> Value:
    branches: list[Branch] = []
    holds: str | None = None
    for condition, result in node.branches:
        test = moving.named(moving.truth(condition))
        holds = moving.earliest([holds, test.until])
        branches.append((test.code, holds, _settled(moving, result, node.type)))
    otherwise = node.otherwise or Literal(value=None, type=node.type)
    branches.append((None, holds, _settled(moving, otherwise, node.type)))
    return _chosen(moving, branches, node.type)


def _coalesce(moving: Course, node: Call) -> Value:
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


def _nullif(moving: Course, node: Call) -> Value:
    first, second = (_settled(moving, argument, node.type) for argument in node.arguments)
    test = moving.truth(
        Compare(operator="=", left=given(first), right=given(second), type=Type.BOOLEAN)
    )
    holds = moving.earliest([test.until, first.until])
    nothing = Value(code="None", type=node.type)
    return _chosen(moving, [(test.code, holds, nothing), (None, holds, first)], node.type)


def _extreme(moving: Course, node: Call) -> Value:
    values = [_settled(moving, argument, node.type) for argument in node.arguments]
    if all(value.slope == "0" for value in values):
        held = replace(node, arguments=tuple(map(given, values)))
        made = moving.named(moving.plain(held))
        return replace(made, until=moving.earliest(value.until for value in values))
    writer = moving.writer
    found, until, slope = writer.fresh(), writer.fresh("u"), writer.fresh("s")
    parts = ", ".join(f"({v.code}, {v.slope}, {v.until or NEVER_TEXT})" for v in values)
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


MOVING_VALUES: dict[type[Node] | str, Callable[..., Value]] = {
    FieldRef: _field,
    InSegment: _plain_leaf,
    Score: _plain_leaf,
    Now: _plain_leaf,
    Arithmetic: _arithmetic,
    Case: _case,
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
