"""What an edge can ask about segments and features: lists, one in detail, the catalog of fields."""

from vocative.clock import from_micros
from vocative.errors import unknown_name
from vocative.segment.batch import segments_sql
from vocative.segment.plan import SegmentDef, base_name, build_plan, plan_definitions
from vocative.segment.results import FeatureSummary, SegmentDetail, SegmentSummary, Size
from vocative.segment.sizes import CurrentSizes, read_sizes
from vocative.sql import Field, Type, to_text
from vocative.workspace import Workspace

SAMPLE = 20


def list_features(workspace: Workspace) -> list[FeatureSummary]:
    """Every feature with its type, in the order of the files.

    Raises:
        AuthorError: a definition is wrong.
    """
    definitions = plan_definitions(workspace)
    plan = build_plan(workspace, definitions)
    return [
        FeatureSummary(
            name=name,
            describe=plan.features[name].describe,
            type=plan.features[name].type,
            nullable=plan.features[name].nullable,
            definition=definition.body,
            file=str(definition.where("@key").file),
        )
        for name, definition in definitions["feature"].items()
    ]


def list_segments(workspace: Workspace) -> list[SegmentSummary]:
    """Every segment with its size, families as one entry per value, in the order of the files.

    Raises:
        AuthorError: a definition is wrong.
    """
    definitions = plan_definitions(workspace)
    plan = build_plan(workspace, definitions)
    with workspace.store.read() as tx:
        sizes = read_sizes(tx)
    found: list[SegmentSummary] = []
    for name in definitions["segment"]:
        segment = plan.segments[name]
        values = sorted(key for key in sizes.known if base_name(key) == name and key != name)
        if segment.is_family and values:
            found.extend(_summary(value, segment, sizes) for value in values)
        else:
            found.append(_summary(name, segment, sizes))
    return found


def show_segment(workspace: Workspace, name: str) -> SegmentDetail:
    """One segment: its size over time, some of its people, and the query behind it.

    Raises:
        UnknownName: there is no such segment.
        AuthorError: a definition is wrong.
    """
    plan = build_plan(workspace)
    segment = plan.segments.get(base_name(name))
    if segment is None:
        raise unknown_name("segment", name, plan.segments)
    with workspace.store.read() as tx:
        sizes = read_sizes(tx, name)
        history = tx.rows(
            "SELECT computed_at, members FROM segment_sizes WHERE segment = :segment"
            " ORDER BY computed_at",
            {"segment": name},
        )
        sample = tx.tuples(
            "SELECT person_id FROM memberships WHERE segment = :segment AND until_at IS NULL"
            " ORDER BY person_id LIMIT :n",
            {"segment": name, "n": SAMPLE},
        )
    return SegmentDetail(
        summary=_summary(name, segment, sizes),
        sample=[row[0] for row in sample],
        sizes=[
            Size(computed_at=from_micros(row["computed_at"]), members=row["members"])
            for row in history
        ],
        uses=sorted({*segment.fields, *segment.segments, *segment.scores}),
        sql=segments_sql(plan, [name]),
    )


def field_catalog(workspace: Workspace) -> dict[str, Field]:
    """Everything a template may name about a person: traits (also personal), features, scores.

    Raises:
        AuthorError: a definition is wrong.
    """
    plan = build_plan(workspace)
    scores = {
        model: Field(name=model, kind="score", type=Type.NUMBER, describe=f"score of {model}")
        for model in plan.models
    }
    return {**scores, **plan.catalog.fields}


def _summary(name: str, segment: SegmentDef, sizes: CurrentSizes) -> SegmentSummary:
    members = sizes.members_of(name)
    condition = to_text(segment.node)
    value = name.partition(":")[2]
    return SegmentSummary(
        name=name,
        describe=segment.describe,
        where=f"{condition} is {value}" if value else condition,
        count=members,
        share=None if members is None or not sizes.people else members / sizes.people,
        computed_at=sizes.computed_at.get(name),
        changed_at=sizes.changed_at.get(name),
        family=segment.name if segment.is_family else None,
    )
