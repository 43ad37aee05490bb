"""BigQuery (GoogleSQL).

Transpiled. FILTER becomes CASE, the latest of several values is found with a window function,
instants are DATETIME. Arithmetic that would overflow gives NULL (BigQuery knows no other way than
an error). There are no infinite instants: the first and the last microsecond of the years 1 and
9999 stand for them.
"""

from vocative.engines.dialects.base import Dialect
from vocative.engines.dialects.letters import ASIDE, CAPITALS, SPECIAL

_START, _END = "DATETIME '0001-01-01 00:00:00'", "DATETIME '9999-12-31 23:59:59.999999'"
_FINITE = f"NULLIF(NULLIF({{0}}, {_START}), {_END})"


def _json_text(column: str, keys: tuple[str, ...]) -> str:
    path = "$" + "".join('."' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys)
    quoted = "'" + path.replace("\\", "\\\\").replace("'", "\\'") + "'"
    # JSON_VALUE gives numbers and texts, JSON_QUERY lists and objects.
    return (
        f"COALESCE(JSON_VALUE({column}, {quoted}), NULLIF(JSON_QUERY({column}, {quoted}), 'null'))"
    )


def _pattern(pattern: str) -> str:
    # A group would be what REGEXP_EXTRACT gives back.
    return pattern.replace("(", "(?:")


_LOWER = "LOWER(TRANSLATE({0}, 'İΣ', 'iσ'))"

FORMS = {
    "plus": "SAFE_ADD({0}, {1})",
    "minus": "SAFE_SUBTRACT({0}, {1})",
    "times": "SAFE_MULTIPLY({0}, {1})",
    "divided": "IEEE_DIVIDE({0}, {1})",
    "power": "SAFE.POW({0}, {1})",
    "round": "ROUND({0})",
    "round to": "ROUND(SAFE_MULTIPLY({0}, {1})) / {1}",
    "whole or unknown": "SAFE_CAST({0} AS INT64)",
    "number or unknown": "SAFE_CAST({0} AS FLOAT64)",
    "match": "REGEXP_EXTRACT({0}, {1})",
    "start of time": _START,
    "end of time": _END,
    "instant literal": "DATETIME '{0}'",
    "as instant": "CAST({0} AS DATETIME)",
    "moved": "DATETIME_{verb}(CAST({0} AS DATETIME), INTERVAL {1} {unit})",
    "endless moved": (
        "COALESCE(SAFE.DATETIME_{verb}(CAST({0} AS DATETIME), INTERVAL {1} {unit}), {0})"
    ),
    "moved by micros": "DATETIME_{verb}(CAST({0} AS DATETIME), INTERVAL {1} MICROSECOND)",
    "micros": f"DATETIME_DIFF({_FINITE}, DATETIME '1970-01-01 00:00:00', MICROSECOND)",
    "start of": "DATETIME_TRUNC({0}, {unit})",
    "start of week": "DATETIME_TRUNC({0}, ISOWEEK)",
    "part": f"EXTRACT({{unit}} FROM {_FINITE})",
    "part isodow": f"MOD(EXTRACT(DAYOFWEEK FROM {_FINITE}) + 5, 7) + 1",
    "part week": f"EXTRACT(ISOWEEK FROM {_FINITE})",
    "wall clock": "DATETIME(TIMESTAMP({1}, 'UTC'), {0})",
    "doubled backslashes": r"REPLACE({0}, '\\', '\\\\')",
    "like ignoring case": f"{_LOWER} LIKE {_LOWER.replace('{0}', '{1}')}",
    "lower": _LOWER,
    "upper": (
        f"TRANSLATE(UPPER(TRANSLATE({{0}}, '{SPECIAL}', '{ASIDE}')), '{ASIDE}', '{CAPITALS}')"
    ),
    "part of text": "SPLIT({0}, {1})[SAFE_OFFSET(0)]",
    "greatest": "(SELECT MAX(one) FROM UNNEST([{all}]) AS one)",
    "least": "(SELECT MIN(one) FROM UNNEST([{all}]) AS one)",
    "date of": "DATE({0}, {1}, {2})",
    "days from to": "DATE_DIFF({1}, {0}, DAY)",
}

BIGQUERY = Dialect(
    name="bigquery",
    forms=FORMS,
    json_text=_json_text,
    pattern=_pattern,
    filters=False,
    frames_with_nulls=False,
    longest_name=300,
    refused_in_names='!"$()*,./;?@[\\]^`{}~',
)
