# Instants are naive UTC here, as in analytic engines.
"""A second opinion on the expression language: plain Python, written from its description.

A checked tree and what is known of one subject come in, the value comes out; None is unknown.
Slow and obvious on purpose, and nothing is shared with the SQL printer or the live compiler:
tests hold all of them equal.

Values: number float, integer int, text str, boolean bool, instant naive UTC datetime, date date,
interval timedelta. `-infinity` and `infinity` are datetime.min and datetime.max.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from vocative.sql import nodes as n
from vocative.sql.types import Type


def _unasked(_: str) -> Any:
    raise AssertionError("segments and scores are not known in this place")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What an expression can ask about: fields, now, the local zone, segments, scores."""

    field: Callable[[n.FieldRef], Any]
    now: datetime = datetime.min  # noqa: DTZ901
    zone: str = "UTC"
    in_segment: Callable[[str], Any] = _unasked
    score: Callable[[str], Any] = _unasked


def subject_of(row: Mapping[str, Any], **known: Any) -> Subject:
    """A subject whose fields are the entries of a mapping."""
    return Subject(field=lambda ref: row[ref.name], **known)


def evaluate(node: n.Node, subject: Subject) -> Any:
    """The value of a checked tree for one subject; None when it is unknown."""
    found = _MEANINGS[type(node)](node, subject)
    # Where whole numbers stand beside others, they become such themselves.
    return float(found) if type(found) is int and node.type is Type.NUMBER else found


def _literal(node: n.Literal, _: Subject) -> Any:
    return node.value


def _field(node: n.FieldRef, subject: Subject) -> Any:
    return subject.field(node)


def _now(_: n.Now, subject: Subject) -> Any:
    return subject.now


def _zone(_: n.Zone, subject: Subject) -> Any:
    return subject.zone


def _in_segment(node: n.InSegment, subject: Subject) -> Any:
    return subject.in_segment(node.segment)


def _score(node: n.Score, subject: Subject) -> Any:
    return subject.score(node.model)


def _logic(node: n.Logic, subject: Subject) -> Any:
    return _joined(node.operator, [evaluate(part, subject) for part in node.operands])


def _joined(operator: str, values: list[Any]) -> bool | None:
    decisive = operator == "or"
    if any(value is decisive for value in values):
        return decisive
    return None if None in values else not decisive


def _not(node: n.Not, subject: Subject) -> Any:
    found = evaluate(node.operand, subject)
    return None if found is None else not found


def _is(node: n.Is, subject: Subject) -> Any:
    return evaluate(node.operand, subject) is node.value


def _compare(node: n.Compare, subject: Subject) -> Any:
    return compared(node.operator, evaluate(node.left, subject), evaluate(node.right, subject))


def compared(operator: str, left: Any, right: Any) -> bool | None:
    """How two values compare; unknown when one of them is."""
    if left is None or right is None:
        return None
    left, right = _ordered(left), _ordered(right)
    answers: dict[str, bool] = {
        "=": left == right,
        "<>": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }
    return answers[operator]


def _ordered(value: Any) -> Any:
    """Something that Python orders as the language does."""
    if isinstance(value, n.Span):
        return timedelta(days=30 * value.months + value.days, microseconds=value.micros)
    return _instant(value) if isinstance(value, date) else value


def _instant(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def _endless(*instants: datetime) -> bool:
    return any(at in (datetime.min, datetime.max) for at in instants)  # noqa: DTZ901


def _in(node: n.In, subject: Subject) -> Any:
    operand = evaluate(node.operand, subject)
    return _joined("or", [compared("=", operand, evaluate(o, subject)) for o in node.options])


def _between(node: n.Between, subject: Subject) -> Any:
    operand = evaluate(node.operand, subject)
    low, high = evaluate(node.low, subject), evaluate(node.high, subject)
    return _joined("and", [compared(">=", operand, low), compared("<=", operand, high)])


def _like(node: n.Like, subject: Subject) -> Any:
    text, pattern = evaluate(node.operand, subject), evaluate(node.pattern, subject)
    if text is None or pattern is None:
        return None
    if node.ignore_case:
        text, pattern = _lower(text), _lower(pattern)
    parts = {"%": ".*", "_": "."}
    expression = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _negate(node: n.Negate, subject: Subject) -> Any:
    found = evaluate(node.operand, subject)
    if found is None:
        return None
    return _whole(-float(found)) if node.type is Type.INTEGER else -found


def _arithmetic(node: n.Arithmetic, subject: Subject) -> Any:
    left, right = evaluate(node.left, subject), evaluate(node.right, subject)
    if left is None or right is None:
        return None
    if node.type is Type.INTERVAL:
        left, right = _instant(left), _instant(right)
        return None if _endless(left, right) else left - right
    if node.type is Type.INSTANT:
        if isinstance(left, n.Span | timedelta):
            left, right = right, left
        if isinstance(right, timedelta):
            right = n.Span(micros=right // timedelta(microseconds=1))
        return _shifted(_instant(left), right if node.operator == "+" else right.negated())
    # Whole numbers too are reckoned with as doubles.
    left, right = float(left), float(right)
    if node.operator == "/":
        return None if right == 0 else left / right
    found = {"+": left + right, "-": left - right, "*": left * right}[node.operator]
    return _whole(found) if node.type is Type.INTEGER else found


def _shifted(at: datetime, span: n.Span) -> datetime:
    if _endless(at):
        return at
    month = at.month - 1 + span.months
    year, month = at.year + month // 12, month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    moved = at.replace(year=year, month=month, day=min(at.day, last))
    return moved + timedelta(days=span.days, microseconds=span.micros)


def _case(node: n.Case, subject: Subject) -> Any:
    for test, then in node.branches:
        if evaluate(test, subject):
            return evaluate(then, subject)
    return None if node.otherwise is None else evaluate(node.otherwise, subject)


def _call(node: n.Call, subject: Subject) -> Any:
    arguments = [evaluate(part, subject) for part in node.arguments]
    known = [argument for argument in arguments if argument is not None]
    if node.function == "coalesce":
        return known[0] if known else None
    if node.function == "greatest":
        return max(known, key=_ordered, default=None)
    if node.function == "least":
        return min(known, key=_ordered, default=None)
    if node.function == "nullif":
        first, second = arguments
        return None if compared("=", first, second) else first
    if None in arguments:
        return None
    return _CALLS[node.function](*arguments)


def _lower(text: str) -> str:
    """Letter by letter: no letter becomes two, none depends on its neighbours."""
    return "".join(letter.lower()[:1] for letter in text)


def _upper(text: str) -> str:
    return "".join(
        _CAPITALS.get(letter) or (letter.upper() if len(letter.upper()) == 1 else letter)
        for letter in text
    )


_CAPITALS = {"ß": "ẞ"}


def _round(value: float, digits: int = 0) -> float:
    scaled = abs(value) * 10**digits
    if not math.isfinite(scaled):
        return float(value)
    whole = math.floor(scaled) + (scaled - math.floor(scaled) >= 0.5)
    return math.copysign(whole / 10**digits, value)


def _whole(value: float) -> int | None:
    """A whole number of 64 bits."""
    return int(value) if -(2.0**63) <= value < 2.0**63 else None


def _trunc(unit: str, on: date) -> datetime:
    at = _instant(on)
    if _endless(at):
        return at
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "minute": at.replace(second=0, microsecond=0),
        "hour": at.replace(minute=0, second=0, microsecond=0),
        "day": day,
        "week": day - timedelta(days=at.weekday()),
        "month": day.replace(day=1),
        "quarter": day.replace(day=1, month=1 + 3 * ((at.month - 1) // 3)),
        "year": day.replace(day=1, month=1),
    }[unit]


def _part(unit: str, on: date) -> int | None:
    at = _instant(on)
    if _endless(at):
        return None
    special = {
        "isodow": at.isoweekday(),
        "week": at.isocalendar().week,
        "quarter": 1 + (at.month - 1) // 3,
    }
    return special[unit] if unit in special else int(getattr(at, unit))


def _days_between(earlier: date, later: date) -> int | None:
    earlier, later = _instant(earlier), _instant(later)
    return None if _endless(earlier, later) else (later - earlier) // timedelta(days=1)


def _to_number(text: str) -> float | None:
    text = text.strip(" ")
    if not re.fullmatch(
        r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", text, re.ASCII
    ):
        return None
    return float(text)


def local_time(at: date, zone: str) -> datetime:
    """What a clock in a zone shows at an instant."""
    at = _instant(at)
    if _endless(at):
        return at
    return at.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def _local_date(at: date, zone: str) -> date:
    local = local_time(at, zone)
    return local if _endless(local) else local.date()


def _days_to_anniversary(day: date, today: date) -> int:
    this_year = _anniversary(day, today.year)
    following = this_year if this_year >= today else _anniversary(day, today.year + 1)
    return (following - today).days


def _anniversary(day: date, year: int) -> date:
    """29 February is kept on the 28th in common years."""
    common = year % 4 != 0 or (year % 100 == 0 and year % 400 != 0)
    return date(year, day.month, 28 if (day.month, day.day, common) == (2, 29, True) else day.day)


_CALLS: dict[str, Callable[..., Any]] = {
    "lower": _lower,
    "upper": _upper,
    "length": len,
    "starts_with": str.startswith,
    "trim": lambda text: text.strip(" "),
    "concat": lambda text, more: text + more,
    "before": lambda text, mark: text.partition(mark)[0] if mark else text,
    "contains": lambda values, value: value in values,
    "to_number": _to_number,
    "abs": lambda value: float(abs(value)),
    "round": _round,
    "floor": lambda value: _whole(math.floor(float(value))) if math.isfinite(value) else None,
    "ceil": lambda value: _whole(math.ceil(float(value))) if math.isfinite(value) else None,
    "date_trunc": _trunc,
    "date_part": _part,
    "days_between": _days_between,
    "local_time": local_time,
    "local_date": _local_date,
    "days_to_anniversary": _days_to_anniversary,
}

_MEANINGS: dict[type[n.Node], Callable[..., Any]] = {
    n.Literal: _literal,
    n.FieldRef: _field,
    n.Now: _now,
    n.Zone: _zone,
    n.InSegment: _in_segment,
    n.Score: _score,
    n.Logic: _logic,
    n.Not: _not,
    n.Is: _is,
    n.Compare: _compare,
    n.In: _in,
    n.Between: _between,
    n.Like: _like,
    n.Negate: _negate,
    n.Arithmetic: _arithmetic,
    n.Case: _case,
    n.Call: _call,
}
