"""A calendar month and 30 days stay two lengths of time, also beside each other in one query."""

from datetime import datetime

import duckdb
import pytest

from vocative.sql import Catalog, Field, Names, Type, check, parse, quote_name, to_sql

CATALOG = Catalog(fields={"x": Field(name="x", kind="trait", type=Type.INSTANT)})
NAMES = Names(field=lambda ref: quote_name(ref.name), now="now", segment=str, score=str)


@pytest.mark.parametrize("operator", ["+", "-"])
def test_a_month_is_not_computed_as_thirty_days(operator):
    columns = ", ".join(
        to_sql(check(parse(f"x {operator} interval '{length}'"), CATALOG).node, NAMES)
        for length in ("30 days", "1 month", "720 hours")
    )
    given = "SELECT TIMESTAMP '2026-02-27' + INTERVAL (n) HOUR AS x FROM range(2) AS r(n)"
    rows = duckdb.sql(f"SELECT {columns} FROM ({given}) ORDER BY x").fetchall()
    thirty, month = {
        "+": (datetime(2026, 3, 29), datetime(2026, 3, 27)),  # noqa: DTZ001 - naive UTC
        "-": (datetime(2026, 1, 28), datetime(2026, 1, 27)),  # noqa: DTZ001 - naive UTC
    }[operator]
    assert rows[0] == (thirty, month, thirty)
