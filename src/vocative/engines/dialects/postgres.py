"""PostgreSQL 13 and newer.

It raises errors where DuckDB gives infinity, zero or NULL (overflow, underflow, a cast that does
not fit), and rounds halves of doubles to even: a session defines the functions that do as DuckDB
does, in its own temporary schema. Text is compared byte by byte, whatever the database's collation:
columns are made with COLLATE "C" and text that no column gives says so itself.
"""

from vocative.engines.dialects.base import Dialect

_LARGEST = "1.7976931348623157e308"
_SMALLEST = "5e-324"


def _function(name: str, arguments: str, gives: str, body: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION pg_temp.{name}({arguments}) RETURNS {gives}"
        f" LANGUAGE sql IMMUTABLE PARALLEL RESTRICTED AS $$ SELECT {body} $$"
    )


_TWO = "a double precision, b double precision"
_INFINITE = "CAST('Infinity' AS double precision)"

# 2 to the power of 1023: half of what is too large for a double.
_HALF_OF_TOO_LARGE = "8.98846567431158e307"
# 2 to the powers of -512 and 512, by which doubles are scaled without rounding.
_DOWN, _UP = "7.458340731200207e-155", "1.3407807929942597e154"
_NO_CARE = "('Infinity', '-Infinity', 'NaN')"

PRELUDE = (
    _function(
        "plus",
        _TWO,
        "double precision",
        "CASE WHEN abs(a) < 8e307 AND abs(b) < 8e307 THEN a + b"
        f" WHEN a IN {_NO_CARE} OR b IN {_NO_CARE} THEN a + b"
        f" WHEN a / 2 + b / 2 >= {_HALF_OF_TOO_LARGE} THEN {_INFINITE}"
        f" WHEN a / 2 + b / 2 <= -{_HALF_OF_TOO_LARGE} THEN -{_INFINITE} ELSE a + b END",
    ),
    _function(
        "times",
        _TWO,
        "double precision",
        f"CASE WHEN a = 0 OR b = 0 OR a IN {_NO_CARE} OR b IN {_NO_CARE} THEN a * b"
        f" WHEN abs(a) > 1 AND abs(b) > 1 AND abs((a * {_DOWN}) * (b * {_DOWN})) >= 1"
        f" THEN sign(a) * sign(b) * {_INFINITE}"
        f" WHEN abs(a) < 1 AND abs(b) < {_SMALLEST} / abs(a) THEN 0"
        " ELSE a * b END",
    ),
    _function(
        "divided",
        _TWO,
        "double precision",
        f"CASE WHEN a = 0 OR a IN {_NO_CARE} OR b IN {_NO_CARE} THEN a / b"
        " WHEN abs(b) < 1 AND (abs(a) >= 1 OR abs(a) > 1e-16 AND abs(b) < 1e-300)"
        f" AND abs((a * {_DOWN}) / (b * {_UP})) >= 1 THEN sign(a) * sign(b) * {_INFINITE}"
        f" WHEN abs(b) > 1 AND abs(a) < 8e-16 AND abs(b) > abs(a) / {_SMALLEST} THEN 0"
        " ELSE a / b END",
    ),
    _function(
        "round_half_away",
        "a double precision",
        "double precision",
        "trunc(a) + CASE WHEN abs(a - trunc(a)) >= 0.5 THEN sign(a) ELSE 0 END",
    ),
    _function(
        "round_to",
        "a double precision, scale double precision",
        "double precision",
        f"CASE WHEN abs(a) < {_LARGEST} / scale"
        " THEN pg_temp.round_half_away(a * scale) / scale ELSE a END",
    ),
    _function(
        "whole_or_unknown",
        "a double precision",
        "bigint",
        "CASE WHEN a >= -9223372036854775808 AND a < 9223372036854775808"
        " THEN CAST(a AS bigint) END",
    ),
    _function(
        "micros",
        "a timestamp",
        "bigint",
        "CASE WHEN isfinite(a) THEN CAST(extract(epoch FROM a) * 1000000 AS bigint) END",
    ),
    _function(
        "part",
        "unit text, a timestamp",
        "bigint",
        "CASE WHEN isfinite(a) THEN CAST(floor(date_part(unit, a)) AS bigint) END",
    ),
)


def _json_text(column: str, keys: tuple[str, ...]) -> str:
    path = (
        "{" + ",".join('"' + k.replace("\\", "\\\\").replace('"', '\\"') + '"' for k in keys) + "}"
    )
    return f"""((CAST({column} AS json) #>> '{path.replace("'", "''")}') COLLATE "C")"""


FORMS = {
    "number literal": "CAST({0} AS DOUBLE PRECISION)",
    "text literal": '({0} COLLATE "C")',
    "as text": 'CAST({0} AS TEXT) COLLATE "C"',
    "plus": "pg_temp.plus({0}, {1})",
    "minus": "pg_temp.plus({0}, -{1})",
    "times": "pg_temp.times({0}, {1})",
    "divided": "pg_temp.divided({0}, {1})",
    "round": "pg_temp.round_half_away({0})",
    "round to": "pg_temp.round_to({0}, {1})",
    "whole or unknown": "pg_temp.whole_or_unknown({0})",
    "number or unknown": "CAST({0} AS DOUBLE PRECISION)",
    "match": "substring({0} FROM {1})",
    "micros": "pg_temp.micros({0})",
    "moved": "{0} {sign} INTERVAL '{1} {unit}'",
    "moved by micros": "{0} {sign} {1} * INTERVAL '1 MICROSECOND'",
    "start of": "date_trunc('{unit}', {0})",
    "part": "pg_temp.part('{unit}', {0})",
    "wall clock": "timezone({0}, timezone('UTC', {1}))",
    "like": "{0} LIKE {1} ESCAPE ''",
    "like ignoring case": (
        """lower({0} COLLATE "C.utf8") LIKE lower({1} COLLATE "C.utf8") ESCAPE ''"""
    ),
    "lower": 'lower({0} COLLATE "C.utf8") COLLATE "C"',
    "upper": """upper(translate({0}, 'ß', 'ẞ') COLLATE "C.utf8") COLLATE "C\"""",
    "days from to": "({1} - {0})",
    "date of": "make_date(CAST({0} AS INT), CAST({1} AS INT), CAST({2} AS INT))",
}

POSTGRES = Dialect(
    name="postgres",
    forms=FORMS,
    json_text=_json_text,
    # The whole is the group that substring() gives back.
    pattern=lambda pattern: f"({pattern})",
    prelude=PRELUDE,
    escapes_like=False,
    longest_name=63,
)
