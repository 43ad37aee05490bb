"""Who a condition selects, from the features everyone has now."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from vocative.segment.batch import score_column, segments_sql
from vocative.segment.current import open_current
from vocative.segment.plan import Plan, build_plan
from vocative.segment.results import Preview
from vocative.sql import Node, Place, Type, check, parse, quote_name
from vocative.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE = 10
FEW = 500
"""So many people are looked up by themselves; for more, everybody is computed."""
_CONDITION = "condition"


def checked_condition(plan: Plan, where: str, place: Place | None = None) -> Node:
    """A condition about a person, parsed and checked.

    Raises:
        AuthorError: it is wrong; the error points at the word.
    """
    return check(parse(where, place), plan.catalog, wanted=(Type.BOOLEAN,)).node


def preview_segment(workspace: Workspace, where: str) -> Preview:
    """How many people a condition would select, and some of them.

    Args:
        workspace: Where.
        where: A condition, as in a segment's `where`.

    Raises:
        AuthorError: the condition is wrong.
    """
    plan = build_plan(workspace)
    node = checked_condition(plan, where)
    with workspace.engine() as engine:
        as_of = open_current(workspace, engine, plan, [node])
        sql = segments_sql(
            plan,
            (),
            conditions={_CONDITION: node},
            select=lambda last: (
                f"SELECT count(*) AS people, count(*) FILTER (WHERE {_CONDITION}) AS found,"
                f" list_slice(list(person_id ORDER BY person_id) FILTER (WHERE {_CONDITION}),"
                f" 1, {SAMPLE}) AS sample FROM {last}"
            ),
        )
        row = engine.rows(sql)[0]
    return Preview(
        count=row["found"], people=row["people"], sample=row["sample"] or [], as_of=as_of
    )


def people_where(workspace: Workspace, where: str, place: Place | None = None) -> list[str]:
    """Ids of everyone for whom a condition is true, sorted.

    Raises:
        AuthorError: the condition is wrong.
    """
    plan = build_plan(workspace)
    node = checked_condition(plan, where, place)
    with workspace.engine() as engine:
        open_current(workspace, engine, plan, [node])
        sql = segments_sql(
            plan,
            (),
            conditions={_CONDITION: node},
            select=lambda last: (
                f"SELECT person_id FROM {last} WHERE {_CONDITION} ORDER BY person_id"
            ),
        )
        found: list[str] = engine.query(sql).column("person_id").to_pylist()
    return found


def people_table(workspace: Workspace, person_ids: Iterable[str] | None = None) -> "pa.Table":
    """What templates and rules may know of people: non-personal traits, features and scores.

    Args:
        workspace: Where.
        person_ids: Whose; everyone's unless told.

    Returns:
        One row per person: `person_id`, then a column by name. A model's score has the model's
        name. Instants are naive UTC.
    """
    import pyarrow as pa

    plan = build_plan(workspace)
    listed = None if person_ids is None else list(person_ids)
    wanted = "" if listed is None else " WHERE person_id IN (SELECT person_id FROM asked)"
    few = listed if listed is not None and len(listed) <= FEW else None
    columns = ["person_id", *plan.catalog.fields]
    chosen = [quote_name(name) for name in columns if not _is_personal(plan, name)]
    chosen += [f"{quote_name(score_column(model))} AS {quote_name(model)}" for model in plan.models]
    with workspace.engine() as engine:
        open_current(workspace, engine, plan, people=few)
        if listed is not None:
            asked = pa.table({"person_id": pa.array(listed, pa.string())})
            engine.register("asked", asked)
        return engine.query(
            segments_sql(
                plan, (), select=lambda last: f"SELECT {', '.join(chosen)} FROM {last}{wanted}"
            )
        )


def people_data(
    workspace: Workspace, person_ids: Iterable[str] | None = None
) -> dict[str, dict[str, Any]]:
    """The rows of `people_table` as dicts, by person id; for few people."""
    rows: list[dict[str, Any]] = people_table(workspace, person_ids).to_pylist()
    return {row.pop("person_id"): row for row in rows}


def _is_personal(plan: Plan, name: str) -> bool:
    field = plan.catalog.fields.get(name)
    return field is not None and field.personal
