"""ClickHouse 25 and newer.

A session runs the prelude first: without it ClickHouse joins with zeros instead of NULL. Instants
are DateTime64(6, 'UTC'), which holds the years 1900 to 2299; its first and last microsecond stand
for infinity. A list of one and a lambda give an operand a name where a form needs it twice.
"""

from vocative.engines.dialects.base import Dialect
from vocative.engines.dialects.letters import ASIDE, CAPITALS, SPECIAL

_START = "toDateTime64('1900-01-01 00:00:00', 6, 'UTC')"
_END = "toDateTime64('2299-12-31 23:59:59.999999', 6, 'UTC')"
_FINITE = f"nullIf(nullIf({{0}}, {_START}), {_END})"
_INSTANT = "CAST({0} AS Nullable(DateTime64(6, 'UTC')))"

_START_OF = "CAST({} AS Nullable(DateTime64(6, 'UTC')))"

PRELUDE = (
    "SET join_use_nulls = 1",
    "SET aggregate_functions_null_for_empty = 1",
    "SET prefer_column_name_to_alias = 1",
    "SET precise_float_parsing = 1",
    "SET enable_extended_results_for_datetime_functions = 1",
    "SET allow_nonconst_timezone_arguments = 1",
    "SET session_timezone = 'UTC'",
)


def _with(operand: str, body: str) -> str:
    """`body` about x, which stands for the operand."""
    return f"arrayMap(x -> {body}, [{operand}])[1]"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _json_text(column: str, keys: tuple[str, ...]) -> str:
    at = f"{column}, {', '.join(map(_text, keys))}"
    raw = f"JSONExtractRaw({at})"
    # Of 20.0 the raw text is 20.
    number = f"if(match({raw}, '[.e]'), {raw}, concat({raw}, '.0'))"
    return (
        f"multiIf(JSONType({at}) = 'String', JSONExtractString({at}),"
        f" JSONType({at}) = 'Null', NULL, JSONType({at}) = 'Double', {number}, {raw})"
    )


def _rounded(operand: str) -> str:
    # round() of a float takes halves to the even neighbour.
    return f"(trunc({operand}) + if(abs({operand} - trunc({operand})) >= 0.5, sign({operand}), 0))"


_LOWER = "lowerUTF8(translateUTF8({0}, 'İΣ', 'iσ'))"

FORMS = {
    "round": _with("{0}", _rounded("x")),
    "round to": _with(
        "{0}",
        f"if(abs(x) < 1.7976931348623157e308 / {{1}}, {_rounded('(x * {1})')} / {{1}}, x)",
    ),
    "whole or unknown": "accurateCastOrNull({0}, 'Int64')",
    "number or unknown": "toFloat64OrNull({0})",
    "match": "extract({0}, {1})",
    "start of time": _START,
    "end of time": _END,
    "instant literal": "toDateTime64('{0}', 6, 'UTC')",
    "as instant": _INSTANT,
    "as date": "CAST({0} AS Nullable(Date32))",
    "moved": f"{_INSTANT} {{sign}} INTERVAL {{1}} {{unit}}",
    "moved by micros": f"{_INSTANT} {{sign}} toIntervalMicrosecond({{1}})",
    "endless moved": _with(
        _INSTANT, f"if(x IN ({_START}, {_END}), x, x {{sign}} INTERVAL {{1}} {{unit}})"
    ),
    "micros": f"toUnixTimestamp64Micro({_FINITE})",
    # dateTrunc() knows no years before 1970.
    "start of minute": "toStartOfMinute({0})",
    "start of hour": "toStartOfHour({0})",
    "start of day": _START_OF.format("toStartOfDay({0})"),
    "start of week": _START_OF.format("toStartOfWeek({0}, 1)"),
    "start of month": _START_OF.format("toStartOfMonth({0})"),
    "start of quarter": _START_OF.format("toStartOfQuarter({0})"),
    "start of year": _START_OF.format("toStartOfYear({0})"),
    "part second": f"toInt64(toSecond({_FINITE}))",
    "part minute": f"toInt64(toMinute({_FINITE}))",
    "part hour": f"toInt64(toHour({_FINITE}))",
    "part day": f"toInt64(toDayOfMonth({_FINITE}))",
    "part isodow": f"toInt64(toDayOfWeek({_FINITE}))",
    "part week": f"toInt64(toISOWeek({_FINITE}))",
    "part month": f"toInt64(toMonth({_FINITE}))",
    "part quarter": f"toInt64(toQuarter({_FINITE}))",
    "part year": f"toInt64(toYear({_FINITE}))",
    "wall clock": "toDateTime64(toString({1}, {0}), 6, 'UTC')",
    "doubled backslashes": r"replaceAll({0}, '\\', '\\\\')",
    "like ignoring case": f"{_LOWER} LIKE {_LOWER.replace('{0}', '{1}')}",
    "lower": _LOWER,
    "upper": (
        f"translateUTF8(upperUTF8(translateUTF8({{0}}, '{SPECIAL}', '{ASIDE}')),"
        f" '{ASIDE}', '{CAPITALS}')"
    ),
    "trim": "trimBoth({0})",
    "length": "toInt64(lengthUTF8({0}))",
    "part of text": _with(
        "{0}", "if(position(x, {1}) = 0, x, substring(x, 1, position(x, {1}) - 1))"
    ),
    "max of booleans": "max({0})",
    "date of": "makeDate32({0}, {1}, {2})",
    "days from to": "dateDiff('day', {0}, {1})",
}

CLICKHOUSE = Dialect(
    name="clickhouse",
    forms=FORMS,
    json_text=_json_text,
    # The first group is what extract() gives back.
    pattern=lambda pattern: f"({pattern})",
    prelude=PRELUDE,
    picks_by_tuple="tuple",
    names_columns=True,
)
