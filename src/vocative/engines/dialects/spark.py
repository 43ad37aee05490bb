"""Spark 4 and newer, with ANSI mode on and instants as TIMESTAMP_NTZ.

Spark has no infinite instants: two that no fact can have stand for them. Both are a Monday that
begins a year, so that date_trunc leaves them as they are. Spark's upper() and lower() follow Java,
which turns `ß` into `SS` and knows a final sigma; DuckDB maps letter by letter. A list of one and a
lambda give an operand a name where a form needs it twice.
"""

from vocative.engines.dialects.base import Dialect
from vocative.engines.dialects.letters import ASIDE, CAPITALS, SPECIAL

START = "TIMESTAMP_NTZ '-197999-01-01 00:00:00'"
END = "TIMESTAMP_NTZ '+202001-01-01 00:00:00'"
_FINITE = f"nullif(nullif({{0}}, {START}), {END})"


def _with(operand: str, body: str) -> str:
    """`body` about x, which stands for the operand."""
    return f"element_at(transform(array({operand}), x -> {body}), 1)"


def text_literal(text: str) -> str:
    """A text of Spark's, where a backslash begins an escape."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _json_text(column: str, keys: tuple[str, ...]) -> str:
    """Text, lists and objects as they were sent.

    Of a number from_json() gives Java's text, `1.2345678E7`; as a VARIANT it keeps its digits.
    """
    found = column
    for key in keys:
        found = f"try_element_at(from_json({found}, 'MAP<STRING,STRING>'), {text_literal(key)})"
    path = "$" + "".join(f'["{key}"]' if "'" in key else f"['{key}']" for key in keys)
    number = f"try_variant_get(try_parse_json({column}), {text_literal(path)}, 'variant')"
    plain = f"CAST({number} AS STRING)"
    return _with(
        found,
        "CASE WHEN x RLIKE '^-?[0-9.]+E-?[0-9]+$'"
        f" AND schema_of_variant({number}) LIKE 'DECIMAL%'"
        f" THEN {plain} || if({plain} LIKE '%.%', '', '.0') ELSE x END",
    )


_LOWER = "lower(translate({0}, 'İΣ', 'iσ'))"

FORMS = {
    "number literal": "{0}D",
    "round": "round({0})",
    "round to": _with(
        "{0}",
        "CASE WHEN abs(x) < 1.797693134862315e308 / {1} THEN round(x * {1}) / {1} ELSE x END",
    ),
    # Spark takes 2 to the power of 63 for the largest BIGINT.
    "whole or unknown": "nullif(try_cast({0} AS BIGINT), 9223372036854775807)",
    "number or unknown": "try_cast({0} AS DOUBLE)",
    "match": "regexp_extract({0}, {1}, 0)",
    "start of time": START,
    "end of time": END,
    "instant literal": "TIMESTAMP_NTZ '{0}'",
    "as instant": "CAST({0} AS TIMESTAMP_NTZ)",
    "moved": "CAST({0} AS TIMESTAMP_NTZ) {sign} INTERVAL '{1}' {unit}",
    "moved by micros": "CAST({0} AS TIMESTAMP_NTZ) {sign} {1} * INTERVAL '1' MICROSECOND",
    "micros": f"unix_micros(CAST({_FINITE} AS TIMESTAMP_LTZ))",
    "start of": "CAST(date_trunc('{unit}', {0}) AS TIMESTAMP_NTZ)",
    "part": f"CAST(floor(date_part('{{unit}}', {_FINITE})) AS BIGINT)",
    "part isodow": f"CAST(date_part('dow_iso', {_FINITE}) AS BIGINT)",
    "wall clock": "convert_timezone('UTC', {0}, {1})",
    "doubled backslashes": r"replace({0}, '\\', '\\\\')",
    "like ignoring case": f"{_LOWER} LIKE {_LOWER.replace('{0}', '{1}')}",
    "lower": _LOWER,
    "upper": (
        f"translate(upper(translate({{0}}, '{SPECIAL}', '{ASIDE}')), '{ASIDE}', '{CAPITALS}')"
    ),
    "floor": _with("{0}", "CASE WHEN abs(x) < 1e18 THEN CAST(floor(x) AS DOUBLE) ELSE x END"),
    "ceil": _with("{0}", "CASE WHEN abs(x) < 1e18 THEN CAST(ceil(x) AS DOUBLE) ELSE x END"),
    # Adding to an end of time leaves it as it is.
    "endless moved": _with(
        "{0}",
        f"CASE WHEN x IN ({START}, {END}) THEN x ELSE x {{sign}} INTERVAL '{{1}}' {{unit}} END",
    ),
    "days from to": "datediff({1}, {0})",
    "date of": "make_date(CAST({0} AS INT), CAST({1} AS INT), CAST({2} AS INT))",
}

SPARK = Dialect(
    name="spark",
    forms=FORMS,
    json_text=_json_text,
    # In Java `$` also matches before a line end.
    pattern=lambda pattern: pattern.removesuffix("$") + "\\z",
    picks_by_tuple="struct",
)
