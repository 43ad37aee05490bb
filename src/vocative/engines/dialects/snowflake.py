"""Snowflake.

Transpiled; a session runs the prelude first. FILTER becomes CASE, the latest of several values is
found with a window function, instants are TIMESTAMP_NTZ. Snowflake has no infinite instants: the
first and the last microsecond of the years 1 and 9999 stand for them.
"""

from vocative.engines.dialects.base import Dialect

_FINITE = (
    "NULLIF(NULLIF({0}, CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)),"
    " CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ))"
)

PRELUDE = (
    "ALTER SESSION SET TIMEZONE = 'UTC', WEEK_START = 1",
    (
        "CREATE OR REPLACE TEMPORARY FUNCTION WHOLE_OR_UNKNOWN(A DOUBLE) RETURNS NUMBER(19, 0)"
        " AS $$ CASE WHEN A >= -9223372036854775808 AND A < 9223372036854775808"
        " THEN CAST(A AS NUMBER(19, 0)) END $$"
    ),
)


def _json_text(column: str, keys: tuple[str, ...]) -> str:
    path = "".join('["' + key.replace("\\", "\\\\").replace('"', '\\"') + '"]' for key in keys)
    quoted = path.replace("\\", "\\\\").replace("'", "\\'")
    return f"CAST(GET_PATH(PARSE_JSON({column}), '{quoted}') AS VARCHAR)"


FORMS = {
    "number literal": "CAST({0} AS DOUBLE)",
    "round": "ROUND({0})",
    "round to": "ROUND({0} * {1}) / CAST({1} AS DOUBLE)",
    "whole or unknown": "WHOLE_OR_UNKNOWN({0})",
    "number or unknown": "TRY_CAST({0} AS DOUBLE)",
    "match": "REGEXP_SUBSTR({0}, {1})",
    "start of time": "CAST('0001-01-01 00:00:00' AS TIMESTAMP_NTZ)",
    "end of time": "CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP_NTZ)",
    "instant literal": "CAST('{0}' AS TIMESTAMP_NTZ)",
    "as instant": "CAST({0} AS TIMESTAMP_NTZ)",
    "moved": "DATEADD({unit}, {sign}{1}, CAST({0} AS TIMESTAMP_NTZ))",
    "moved by micros": "DATEADD(MICROSECOND, {sign}{1}, CAST({0} AS TIMESTAMP_NTZ))",
    "micros": f"DATE_PART(EPOCH_MICROSECOND, {_FINITE})",
    "start of": "DATE_TRUNC('{unit}', {0})",
    "part": f"DATE_PART({{unit}}, {_FINITE})",
    "part isodow": f"DATE_PART(DAYOFWEEKISO, {_FINITE})",
    "part week": f"DATE_PART(WEEKISO, {_FINITE})",
    "wall clock": "CONVERT_TIMEZONE('UTC', {0}, {1})",
    "like ignoring case": "LOWER({0}) LIKE LOWER({1})",
    "is true": "COALESCE({0}, FALSE)",
    "is false": "NOT COALESCE({0}, TRUE)",
    "date of": "DATE_FROM_PARTS({0}, {1}, {2})",
    "days from to": "DATEDIFF(DAY, {0}, {1})",
}

SNOWFLAKE = Dialect(
    name="snowflake",
    forms=FORMS,
    json_text=_json_text,
    prelude=PRELUDE,
    escapes_like=False,
    filters=False,
    longest_name=255,
)
