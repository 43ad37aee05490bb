"""What is refused, named and bound when a query is written for another engine."""

import pytest

from vocative.engines.dialects import DIALECTS, CannotBeWritten, dialect_of
from vocative.engines.dialects.names import fitting
from vocative.engines.dialects.rewrite import long_names, rewrite, with_values
from vocative.errors import UnknownName

LONG = "segment " + "a_long_name_" * 8


@pytest.mark.parametrize("name", DIALECTS)
def test_a_function_without_an_equal_is_refused_instead_of_passed_on(name):
    with pytest.raises(CannotBeWritten, match=r"soundness\(\) has no equal in the SQL of " + name):
        rewrite("SELECT soundness(x) FROM t", dialect_of(name))


def test_an_unknown_engine_has_the_nearest_name():
    with pytest.raises(UnknownName, match="did you mean 'postgres'"):
        dialect_of("postgress")


@pytest.mark.parametrize("name", DIALECTS)
def test_two_long_names_stay_two(name):
    dialect = dialect_of(name)
    one, two = fitting(f"{LONG}1", dialect), fitting(f"{LONG}2", dialect)
    assert one != two
    if dialect.longest_name:
        assert len(one.encode()) <= dialect.longest_name
    assert fitting("ä" * 40, dialect).encode().decode().startswith("ä")


def test_a_short_name_is_known_by_the_long_one_again(postgres_engine):
    names = [f"{LONG}1", f"{LONG}2", "plain"]
    sql = "SELECT 1 AS " + ", 2 AS ".join(f'"{name}"' for name in names)
    assert postgres_engine.query(sql).schema.names == names
    assert long_names(sql, dialect_of("postgres")).keys() == {
        fitting(name, dialect_of("postgres")) for name in names[:2]
    }


def test_a_name_without_refused_characters_stays_what_it_is():
    bigquery = dialect_of("bigquery")
    assert fitting("segment country:FR", bigquery) == "segment country:FR"
    assert not set(fitting("segment country:U.S.", bigquery)) & set(bigquery.refused_in_names)


def test_values_become_literals_that_cannot_end_early():
    sql = with_values("SELECT $a AS a, $b AS b", {"a": "x'; DROP TABLE t; --", "b": 2})
    assert sql == "SELECT 'x''; DROP TABLE t; --' AS a, 2 AS b"
    assert with_values("SELECT ? + ?", [1, 2.5]) == "SELECT 1 + 2.5"


@pytest.mark.parametrize(
    ("sql", "written"),
    [
        ("count(*) FILTER (WHERE x > 1)", "COUNT(CASE WHEN `x` > 1 THEN 1 END)"),
        (
            "count(DISTINCT y) FILTER (WHERE x > 1)",
            "COUNT(DISTINCT CASE WHEN `x` > 1 THEN `y` END)",
        ),
        ("greatest(x)", "`x`"),
        ("x IS TRUE", "`x` IS TRUE"),
        ("y LIKE 'a\\_'", r"`y` LIKE 'a\\\\_'"),
        ("starts_with(y, 'a%')", "STARTS_WITH(`y`, 'a%')"),
    ],
)
def test_bigquery_says(sql, written):
    assert rewrite(f"SELECT {sql} FROM t", dialect_of("bigquery")) == f"SELECT {written} FROM `t`"


def test_true_is_asked_for_without_null_where_an_engine_has_no_word_for_it():
    assert 'COALESCE("x", FALSE)' in rewrite("SELECT x IS TRUE FROM t", dialect_of("snowflake"))
