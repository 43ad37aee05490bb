# ruff: noqa: C901, DTZ901 - one case per kind of node; instants are naive UTC
"""A second opinion: the expression language in plain Python, written from its description.

None is unknown. Nothing here is shared with the SQL printer.
"""

import math
import re
from datetime import date, datetime, time, timedelta

from vocative.sql import nodes as n
from vocative.sql.types import Type


def evaluate(node, row, now, in_segment=None, score=None):
    def value(part):
        return evaluate(part, row, now, in_segment, score)

    match node:
        case n.Literal():
            return node.value
        case n.FieldRef():
            return row[node.name]
        case n.Now():
            return now
        case n.InSegment():
            return in_segment(node.segment)
        case n.Score():
            return score(node.model)
        case n.Logic():
            return _logic(node.operator, [value(part) for part in node.operands])
        case n.Not():
            found = value(node.operand)
            return None if found is None else not found
        case n.Is():
            return value(node.operand) is node.value
        case n.Compare():
            return compare(node.operator, value(node.left), value(node.right))
        case n.In():
            operand = value(node.operand)
            return _logic("or", [compare("=", operand, value(option)) for option in node.options])
        case n.Between():
            operand = value(node.operand)
            return _logic(
                "and",
                [compare(">=", operand, value(node.low)), compare("<=", operand, value(node.high))],
            )
        case n.Like():
            return _like(value(node.operand), value(node.pattern), node.ignore_case)
        case n.Negate():
            found = value(node.operand)
            return None if found is None else -found
        case n.Arithmetic():
            return _arithmetic(node, value(node.left), value(node.right))
        case n.Case():
            for test, then in node.branches:
                if value(test):
                    return value(then)
            return None if node.otherwise is None else value(node.otherwise)
        case n.Call():
            return _call(node.function, [value(part) for part in node.arguments])
    raise AssertionError(node)


def _logic(operator, values):
    decisive = operator == "or"
    if any(value is decisive for value in values):
        return decisive
    return None if None in values else not decisive


def compare(operator, left, right):
    if left is None or right is None:
        return None
    left, right = _comparable(left), _comparable(right)
    return {
        "=": left == right,
        "<>": left != right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
    }[operator]


def _comparable(value):
    if isinstance(value, n.Span):
        return timedelta(days=30 * value.months + value.days, microseconds=value.micros)
    return _instant(value) if isinstance(value, date) else value


def _instant(value):
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time())


def _like(text, pattern, ignore_case):
    if text is None or pattern is None:
        return None
    if ignore_case:
        text, pattern = text.lower(), pattern.lower()
    parts = {"%": ".*", "_": "."}
    expression = "".join(parts.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _arithmetic(node, left, right):
    if left is None or right is None:
        return None
    if node.type is Type.INTERVAL:
        left, right = _instant(left), _instant(right)
        if {datetime.min, datetime.max} & {left, right}:
            return None
        return left - right
    if node.type is Type.INSTANT:
        if isinstance(left, n.Span):
            left, right = right, left
        return _shifted(_instant(left), right if node.operator == "+" else right.negated())
    if node.operator == "/":
        return None if right == 0 else left / right
    found = {"+": left + right, "-": left - right, "*": left * right}[node.operator]
    if node.type is Type.INTEGER:
        found = int(float(left) * float(right)) if node.operator == "*" else found
        return found if abs(found) < 2**63 else None
    return float(found)


def _shifted(at, span):
    if at in (datetime.min, datetime.max):
        return at
    month = at.month - 1 + span.months
    year, month = at.year + month // 12, month % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    moved = at.replace(year=year, month=month, day=min(at.day, last))
    return moved + timedelta(days=span.days, microseconds=span.micros)


def _call(function, arguments):
    known = [argument for argument in arguments if argument is not None]
    if function == "coalesce":
        return known[0] if known else None
    if function in ("greatest", "least"):
        choose = max if function == "greatest" else min
        return choose(known, key=_comparable) if known else None
    if function == "nullif":
        first, second = arguments
        return None if compare("=", first, second) else first
    if None in arguments:
        return None
    return _CALLS[function](*arguments)


def _round(value, digits=0):
    scaled = abs(value) * 10**digits
    whole = math.floor(scaled) + (scaled - math.floor(scaled) >= 0.5)
    return math.copysign(whole / 10**digits, value)


def _whole(value):
    return value if abs(value) < 2**63 else None


def _trunc(unit, at):
    at = _instant(at)
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


def _part(unit, at):
    at = _instant(at)
    special = {
        "isodow": at.isoweekday(),
        "week": at.isocalendar().week,
        "quarter": 1 + (at.month - 1) // 3,
    }
    return special[unit] if unit in special else getattr(at, unit)


def _days_between(earlier, later):
    earlier, later = _instant(earlier), _instant(later)
    if {datetime.min, datetime.max} & {earlier, later}:
        return None
    return (later - earlier) // timedelta(days=1)


def _to_number(text):
    text = text.strip(" ")
    if not re.fullmatch(
        r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,2})?", text, re.ASCII
    ):
        return None
    return float(text)


_CALLS = {
    "lower": str.lower,
    "upper": str.upper,
    "length": len,
    "starts_with": str.startswith,
    "trim": lambda text: text.strip(" "),
    "concat": lambda text, more: text + more,
    "before": lambda text, mark: text.partition(mark)[0] if mark else text,
    "contains": lambda values, value: value in values,
    "to_number": _to_number,
    "abs": lambda value: float(abs(value)),
    "round": _round,
    "floor": lambda value: _whole(math.floor(value)),
    "ceil": lambda value: _whole(math.ceil(value)),
    "date_trunc": _trunc,
    "date_part": _part,
    "days_between": _days_between,
}
