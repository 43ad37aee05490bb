"""What an edge can ask about segments and features: lists, one in detail, the catalog of fields."""

from datetime import datetime

from vocative.clock import from_micros
from vocative.errors import unknown_name
from vocative.segment.batch import segments_sql
from vocative.segment.plan import SegmentDef, base_name, build_plan
from vocative.segment.results import FeatureSummary, SegmentDetail, SegmentSummary, Size
from vocative.sql import Field, Type, to_text
from vocative.stores import Transaction
from vocative.workspace import Workspace

SAMPLE = 20


def list_features(workspace: Workspace) -> list[FeatureSummary]:
    """Every feature with its type, in the order of the files.

    Raises:
        AuthorError: a definition is wrong.
    """
    plan = build_plan(workspace)
    return [
        FeatureSummary(
            name=name,
            describe=plan.features[name].describe,
            type=plan.features[name].type,
            nullable=plan.features[name].nullable,
            definition=definition.body,
            file=str(definition.where("@key").file),
        )
        for name, definition in workspace.definitions("feature").items()
    ]


def list_segments(workspace: Workspace) -> list[SegmentSummary]:
    """Every segment with its size, families as one entry per value, in the order of the files.

    Raises:
        AuthorError: a definition is wrong.
    """
    plan = build_plan(workspace)
    with workspace.store.read() as tx:
        latest, people = _latest_sizes(tx), _people_count(tx)
    found: list[SegmentSummary] = []
    for name in workspace.definitions("segment"):
        segment = plan.segments[name]
        values = sorted(key for key in latest if base_name(key) == name and key != name)
        if segment.is_family and values:
            found.extend(_summary(value, segment, latest, people) for value in values)
        else:
            found.append(_summary(name, segment, latest, people))
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
        latest, people = _latest_sizes(tx), _people_count(tx)
        sizes = tx.rows(
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
        summary=_summary(name, segment, latest, people),
        sample=[row[0] for row in sample],
        sizes=[
            Size(computed_at=from_micros(row["computed_at"]), members=row["members"])
            for row in sizes
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


def _latest_sizes(tx: Transaction) -> dict[str, tuple[datetime, int]]:
    rows = tx.tuples(
        "SELECT s.segment, s.computed_at, s.members FROM segment_sizes AS s"
        " JOIN (SELECT segment, max(computed_at) AS latest FROM segment_sizes GROUP BY segment)"
        " AS l ON l.segment = s.segment AND l.latest = s.computed_at"
    )
    return {segment: (from_micros(at), members) for segment, at, members in rows}


def _people_count(tx: Transaction) -> int:
    return int(tx.value("SELECT count(*) FROM profiles WHERE merged_into IS NULL"))


def _summary(
    name: str, segment: SegmentDef, latest: dict[str, tuple[datetime, int]], people: int
) -> SegmentSummary:
    at, members = latest.get(name, (None, None))
    share = None if members is None or not people else members / people
    condition = to_text(segment.node)
    value = name.partition(":")[2]
    return SegmentSummary(
        name=name,
        describe=segment.describe,
        where=f"{condition} is {value}" if value else condition,
        count=members,
        share=share,
        computed_at=at,
        family=segment.name if segment.is_family else None,
    )
