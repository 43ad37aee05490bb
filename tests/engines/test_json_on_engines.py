"""A property reads the same wherever it is read."""

import json

import pyarrow as pa
import pytest

VALUES = [
    *("plain", 'it\'s \\ "quoted"\n', "ä€😀", "", "1.5E7", "12"),
    *(0, -7, 123456789012345, 0.1, 2.5, 20.0, 12345678.5, -98765432.0, 0.0001, 999999.125),
    *(True, False, None, {"b": 1, "a": [2.5, "x"]}, [1, 2.5, None, "y"]),
]
PATHS = ["a", "with space", "it's", "a.b", "$", "missing"]


def rows(names):
    written = [json.dumps({name: value}, separators=(",", ":"), ensure_ascii=False)
               for name in names for value in VALUES]  # fmt: skip
    return pa.table({"n": list(range(len(written) + 1)), "properties": [*written, None]})


def read(engine, table, names):
    engine.register("sent", table)
    quoted = [name.replace("'", "''") for name in names]
    columns = ", ".join(
        f"json_extract_string(properties, '$.\"{name}\"') AS c{number}"
        for number, name in enumerate(quoted)
    )
    return engine.rows(f"SELECT n, {columns} FROM sent ORDER BY n")


def test_a_property_is_the_same_text(duckdb_engine, other):
    table = rows(PATHS[:-1])
    assert read(other, table, PATHS) == read(duckdb_engine, table, PATHS)


@pytest.mark.parametrize("number", ["1e16", "1e-7", "0.00001", "1e22"])
def test_extreme_numbers_are_the_same_numbers(duckdb_engine, other, number):
    for engine in (duckdb_engine, other):
        engine.register("sent", pa.table({"properties": [f'{{"a":{number}}}']}))
        text = "json_extract_string(properties, '$.\"a\"')"
        sql = f"SELECT TRY_CAST(regexp_extract({text}, '^.*$') AS DOUBLE) AS x FROM sent"
        assert engine.value(sql) == float(number)
