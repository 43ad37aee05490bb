"""A compiled expression gives what DuckDB gives for its SQL."""

import pytest
from hypothesis import example, given, settings

from sql.compiled import arguments, checked, compiled, duckdb_value, equal
from sql.random_expressions import NOW, ROWS, ZONES, deeper
from vocative.engines.duckdb import DuckDbEngine
from vocative.sql.types import Type


@pytest.fixture(scope="module")
def engine():
    with DuckDbEngine(history_files={}, threads=1) as opened:
        yield opened


@settings(max_examples=500, deadline=None)
@given(deeper(3), ROWS, ZONES)
@example("days_between(at, case when b then now() else today() end)", {"at": NOW}, "UTC")
def test_random_expressions_give_what_duckdb_gives(engine, text, row, zone):
    node = checked(text).node
    expected = duckdb_value(engine, node, row, zone=zone)
    function = compiled(node)
    found = function(*arguments(row, zone=zone))
    assert equal(found, expected), (
        f"{text}: DuckDB {expected!r}, compiled {found!r}\n{function.source}"
    )
    if not function.operand.nullable:
        assert found is not None
    if node.type is Type.BOOLEAN:
        asked = compiled(node, truth=True)
        assert asked(*arguments(row, zone=zone)) is (expected is True), asked.source
