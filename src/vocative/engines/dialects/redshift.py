"""Amazon Redshift.

Transpiled; a session runs the prelude first. FILTER becomes CASE, the latest of several values is
found with a window function. Redshift raises errors where DuckDB gives infinity or NULL and has no
infinite instants: functions of our own do as DuckDB does, and the first and the last microsecond of
the years 1 and 9999 stand for infinity.
"""

from vocative.engines.dialects.base import Dialect
from vocative.engines.dialects.postgres import PRELUDE as _POSTGRES

_START, _END = (
    "CAST('0001-01-01 00:00:00' AS TIMESTAMP)",
    "CAST('9999-12-31 23:59:59.999999' AS TIMESTAMP)",
)
_FINITE = f"NULLIF(NULLIF({{0}}, {_START}), {_END})"


def _function(name: str, takes: str, gives: str, body: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {name}({takes}) RETURNS {gives} IMMUTABLE"
        f" AS $$ SELECT {body} $$ LANGUAGE sql"
    )


def _arithmetic(name: str) -> str:
    """One of the functions for PostgreSQL, with numbered arguments and a lasting name."""
    statement = next(text for text in _POSTGRES if f"pg_temp.{name}(" in text)
    body = statement.partition("SELECT ")[2].removesuffix(" $$")
    for argument, number in (("a", "$1"), ("b", "$2"), ("scale", "$2")):
        body = _whole_word(body, argument, number)
    takes = {"whole_or_unknown": "float", "round_half_away": "float"}.get(name, "float, float")
    gives = "bigint" if name == "whole_or_unknown" else "float"
    body = body.replace("pg_temp.", "f_").replace("double precision", "float")
    return _function(f"f_{name}", takes, gives, body)


def _whole_word(text: str, word: str, other: str) -> str:
    import re

    return re.sub(rf"\b{word}\b", other, text)


PRELUDE = (
    "SET enable_case_sensitive_identifier TO true",
    "SET timezone TO 'UTC'",
    *(
        _arithmetic(name)
        for name in ("plus", "times", "divided", "round_half_away", "round_to", "whole_or_unknown")
    ),
    _function(
        "f_micros",
        "timestamp",
        "bigint",
        "DATEDIFF(microsecond, CAST('1970-01-01' AS timestamp), $1)",
    ),
    _function(
        "f_wall_clock",
        "varchar(max), timestamp",
        "timestamp",
        "CONVERT_TIMEZONE('UTC', $1, $2)",
    ),
    _function(
        "f_json_text",
        "varchar(max), varchar(max)",
        "varchar(max)",
        "NULLIF(JSON_EXTRACT_PATH_TEXT($1, $2, TRUE), '')",
    ),
)
"""Of the last three `tests/engines/stand_ins.py` has PostgreSQL's own, to run queries there."""


def _json_text(column: str, keys: tuple[str, ...]) -> str:
    for key in keys:
        quoted = key.replace("\\", "\\\\").replace("'", "''")
        column = f"f_json_text({column}, '{quoted}')"
    return column


FORMS = {
    "number literal": "CAST({0} AS DOUBLE PRECISION)",
    "as text": "CAST({0} AS VARCHAR(65535))",
    "plus": "f_plus({0}, {1})",
    "minus": "f_plus({0}, -{1})",
    "times": "f_times({0}, {1})",
    "divided": "f_divided({0}, {1})",
    "round": "f_round_half_away({0})",
    "round to": "f_round_to({0}, {1})",
    "whole or unknown": "f_whole_or_unknown({0})",
    "number or unknown": "CAST(NULLIF({0}, '') AS DOUBLE PRECISION)",
    "match": "REGEXP_SUBSTR({0}, {1})",
    "start of time": _START,
    "end of time": _END,
    "instant literal": "CAST('{0}' AS TIMESTAMP)",
    "as instant": "CAST({0} AS TIMESTAMP)",
    "moved": "CAST({0} AS TIMESTAMP) {sign} INTERVAL '{1} {unit}'",
    "moved by micros": "CAST({0} AS TIMESTAMP) {sign} {1} * INTERVAL '1 microsecond'",
    "micros": f"f_micros({_FINITE})",
    "start of": "DATE_TRUNC('{unit}', {0})",
    "part": f"CAST(FLOOR(EXTRACT({{unit}} FROM {_FINITE})) AS BIGINT)",
    "part isodow": f"MOD(CAST(EXTRACT(DOW FROM {_FINITE}) AS INT) + 6, 7) + 1",
    "wall clock": "f_wall_clock({0}, {1})",
    "doubled backslashes": r"REPLACE({0}, '\\', '\\\\')",
    "like ignoring case": "LOWER({0}) LIKE LOWER({1})",
    "starts with": "LEFT({0}, LENGTH({1})) = {1}",
    "trim": "BTRIM({0}, {1})",
    "date of": "TO_DATE({0} || '-' || {1} || '-' || {2}, 'YYYY-MM-DD')",
    "days from to": "({1} - {0})",
}

REDSHIFT = Dialect(
    name="redshift",
    forms=FORMS,
    json_text=_json_text,
    prelude=PRELUDE,
    filters=False,
    longest_name=127,
    without={"by boolean": "Redshift does not turn true and false into text"},
)
