"""The query behind one definition, whole and readable: from history to its answer."""

from vocative.engines.dialects import DIALECTS, dialect_of
from vocative.errors import unknown_name
from vocative.segment.batch import everyone_sql, features_sql, segment_column, segments_sql
from vocative.segment.plan import Plan, base_name, build_plan
from vocative.segment.results import PlanText
from vocative.sql import quote_name, quote_text
from vocative.workspace import Workspace

OWN_ENGINE = "duckdb"


def feature_plan(workspace: Workspace, name: str, *, engine: str = OWN_ENGINE) -> PlanText:
    """The query that computes one feature of everyone, as of now.

    Args:
        workspace: Where.
        name: A feature.
        engine: Whose SQL to write, such as `postgres`.

    Raises:
        UnknownName: there is no such feature or engine.
        EngineError: the engine has nothing equal to what the feature needs.
    """
    plan = build_plan(workspace)
    if name not in plan.features:
        raise unknown_name("feature", name, plan.features)
    sql = features_sql(plan, everyone_sql(workspace.clock.now()), [name])
    return PlanText(
        kind="feature",
        name=name,
        describe=plan.features[name].describe,
        uses=sorted(plan.features[name].needs),
        engine=engine,
        sql=_written_for(engine, sql),
    )


def segment_plan(workspace: Workspace, name: str, *, engine: str = OWN_ENGINE) -> PlanText:
    """The query that finds the people of one segment, as of now, with every feature it needs.

    Args:
        workspace: Where.
        name: A segment, or one of a family such as `country:France`.
        engine: Whose SQL to write, such as `postgres`.

    Raises:
        UnknownName: there is no such segment or engine.
        EngineError: the engine has nothing equal to what the segment needs.
    """
    plan = build_plan(workspace)
    found = plan.segments.get(base_name(name))
    if found is None:
        raise unknown_name("segment", name, plan.segments)
    features = features_sql(
        plan, everyone_sql(workspace.clock.now()), _features_of(plan, found.name)
    )
    members = segments_sql(plan, [found.name], select=lambda last: _members_sql(plan, name, last))
    sql = f"WITH current_features AS (\n{features}\n)\nSELECT * FROM (\n{members}\n) AS members"
    return PlanText(
        kind="segment",
        name=name,
        describe=found.describe,
        uses=sorted({*found.fields, *found.segments, *found.scores}),
        engine=engine,
        sql=_written_for(engine, sql),
    )


def _features_of(plan: Plan, segment: str) -> list[str]:
    fields = {name for found in plan.segments_needed([segment]).values() for name in found.fields}
    return [name for name in plan.features if name in fields]


def _members_sql(plan: Plan, name: str, last: str) -> str:
    column = quote_name(segment_column(base_name(name)))
    value = name.partition(":")[2]
    if value:
        return f"SELECT person_id FROM {last} WHERE {column} = {quote_text(value)}"
    if plan.segments[name].is_family:
        return f"SELECT person_id, {column} AS value FROM {last} WHERE {column} IS NOT NULL"
    return f"SELECT person_id FROM {last} WHERE {column}"


def _written_for(engine: str, sql: str) -> str:
    if engine == OWN_ENGINE:
        return sql
    if engine not in DIALECTS:
        raise unknown_name("engine", engine, [OWN_ENGINE, *DIALECTS])
    from vocative.engines.dialects.rewrite import rewrite

    return rewrite(sql, dialect_of(engine), pretty=True)
