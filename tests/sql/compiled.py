"""Compiled expressions for tests: from text to an answer, in the values of live code."""

import math
from datetime import date, timedelta

import pyarrow as pa

from sql.random_expressions import CATALOG, COLUMNS, NOW
from vocative.sql import Names, check, parse, quote_name, to_sql
from vocative.sql.nodes import Span
from vocative.sql.python import Operand, PythonNames, Writer, write
from vocative.sql.python.pieces import micros_of, span_micros
from vocative.sql.runtime import MAX_INSTANT, MIN_INSTANT
from vocative.sql.types import Type

NAMES = Names(
    field=lambda ref: quote_name(ref.name),
    now="as_of",
    segment=lambda _: "TRUE",
    score=lambda _: "0.25e0",
)
PARAMETERS = [*COLUMNS, "now", "zone"]


def live(value):
    """A value as live code has it."""
    if isinstance(value, date):
        return micros_of(value)
    if isinstance(value, Span):
        return span_micros(value)
    if isinstance(value, timedelta):
        return value // timedelta(microseconds=1)
    if isinstance(value, pa.MonthDayNano):
        days = value.months * 30 + value.days
        return days * 86_400_000_000 + value.nanoseconds // 1000
    return value


def compiled(node, *, follow_time=False, truth=False, **more):
    """A function of the row's columns, now and zone."""
    writer = Writer()
    parameters = more.pop("parameters", [])
    known = {
        "field": lambda ref: Operand(code=ref.name),
        "segment": lambda _: Operand(code="True", nullable=False),
        "score": lambda _: Operand(code="0.25", nullable=False),
    }
    names = PythonNames(**{**known, **more})
    found = write(node, writer, names, follow_time=follow_time, truth=truth)
    until = found.until or "None"
    writer.line(
        f"return {found.code}, {until}, {found.slope}" if follow_time else f"return {found.code}"
    )
    made = writer.function("expression", [*PARAMETERS, *parameters])
    made.operand = found
    made.source = writer.text()
    return made


def arguments(row, now=NOW, zone="UTC"):
    values = [live(row.get(name)) for name in COLUMNS]
    return [*values, live(now), zone]


def duckdb_value(engine, node, row, now=NOW, zone="UTC"):
    """What DuckDB says, in the values of live code."""
    columns = {name: pa.array([row.get(name)], kind) for name, (_, kind) in COLUMNS.items()}
    columns["as_of"] = pa.array([now], pa.timestamp("us"))
    columns["local_zone"] = pa.array([zone])
    engine.register("subject", pa.table(columns))
    sql = to_sql(node, NAMES)
    if node.type in (Type.INSTANT, Type.DATE):
        sql = f"CAST({sql} AS TIMESTAMP)"
        infinite = f"WHEN TIMESTAMP 'infinity' THEN {MAX_INSTANT}"
        infinite += f" WHEN TIMESTAMP '-infinity' THEN {MIN_INSTANT}"
        sql = f"SELECT CASE x {infinite} ELSE epoch_us(x) END FROM (SELECT {sql} AS x FROM subject)"
    else:
        sql = f"SELECT {sql} FROM subject"
    return live(engine.value(sql))


def equal(found, expected):
    if isinstance(found, float) and isinstance(expected, float):
        return found == expected or (math.isnan(found) and math.isnan(expected))
    return found == expected and type(found) is type(expected)


def checked(text, **more):
    return check(parse(text), CATALOG, **more)
