"""A workspace's engine refuses what it cannot answer when it is written."""

import pytest

from vocative.errors import AuthorError, UnknownName
from vocative.segment import build_plan
from vocative.segment.engine import unsupported
from vocative.workspace import Workspace

SETTINGS = "workspace: t\nsender: {email: a@shop.example, name: A}\npostal_address: B\n"
FEATURES = """\
seen:
  count: Product Viewed
  where: "upper(category) = 'SHOES'"
run: {streak: Product Viewed, by: week}
after:
  sequence: [Product Viewed, {then: Order Completed, within: 1d, where: "length(source) > 3"}]
"""
SEGMENTS = """\
loud: {where: "upper(country) = 'FR' and seen > 1"}
ever: {by: vip}
"""


@pytest.fixture
def write(tmp_path):
    def make(engine):
        (tmp_path / "vocative.yaml").write_text(f"{SETTINGS}engine: {engine}\n")
        (tmp_path / "traits.yaml").write_text("country: {type: text}\nvip: {type: boolean}\n")
        for kind, text in (("features", FEATURES), ("segments", SEGMENTS)):
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / "t.yaml").write_text(text)
        return tmp_path

    return make


def refused(root, without):
    with Workspace(root) as workspace:
        plan = build_plan(workspace)
    return [
        (str(error.where.file), error.where.line, error.where.column, error.message)
        for error in unsupported(plan, "slowsql", without)
    ]


def test_a_function_is_refused_at_its_word(write):
    found = refused(write("duckdb"), {"upper": "it has no capitals"})
    assert found == [
        ("features/t.yaml", 3, 11, "the engine slowsql cannot answer upper: it has no capitals"),
        ("segments/t.yaml", 1, 16, "the engine slowsql cannot answer upper: it has no capitals"),
    ]


def test_a_step_of_a_sequence_is_looked_at_too(write):
    (found,) = refused(write("duckdb"), {"length": "no"})
    lines = FEATURES.splitlines()
    assert found[1:3] == (6, lines[5].index("length") + 1)


def test_a_kind_of_feature_is_refused_at_its_key(write):
    (found,) = refused(write("duckdb"), {"streak": "no"})
    assert found[:3] == ("features/t.yaml", 4, 7)


def test_the_workspace_is_not_planned_for_an_engine_that_cannot(write):
    with Workspace(write("redshift")) as workspace, pytest.raises(AuthorError) as refusal:
        build_plan(workspace)
    assert "the engine redshift cannot answer a family by true and false" in str(refusal.value)
    assert (refusal.value.where.line, refusal.value.where.column) == (2, 12)


@pytest.mark.parametrize("engine", ["postgres", "spark", "snowflake", "bigquery", "clickhouse"])
def test_the_other_engines_can_answer_all_of_it(write, engine):
    with Workspace(write(engine)) as workspace:
        assert build_plan(workspace).features


def test_an_unknown_engine_is_refused_where_it_is_written(write):
    with pytest.raises(UnknownName, match="did you mean 'spark'") as refusal:
        Workspace(write("sparks"))
    assert refusal.value.where.line == 4
