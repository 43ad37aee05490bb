"""Segments for the web app: one in detail with sample people, and drafts."""

from datetime import datetime

import msgspec

from vocative import segment as stage
from vocative.campaign.explain import find_person
from vocative.segment import Membership, Size
from vocative.server.people import PersonRow, note_read, rows_of
from vocative.workspace import Workspace

SAMPLE = 8


class SegmentPage(msgspec.Struct, frozen=True, kw_only=True):
    """One segment: definition, size over time, sample people, the query behind it."""

    name: str
    describe: str
    where: str
    count: int | None
    share: float | None
    computed_at: datetime | None
    changed_at: datetime | None
    family: str | None
    sample: list[PersonRow]
    history: list[Size]
    uses: list[str]
    sql: str


class PreviewPage(msgspec.Struct, frozen=True, kw_only=True):
    """What an expression would select."""

    count: int
    people: int
    share: float
    as_of: datetime
    sample: list[PersonRow]


def show_segment(workspace: Workspace, name: str) -> SegmentPage:
    """One segment in detail.

    Args:
        workspace: Where.
        name: A segment, or one of a family such as `country:France`.
    """
    detail = stage.show_segment(workspace, name)
    return SegmentPage(
        name=detail.summary.name,
        describe=detail.summary.describe,
        where=detail.summary.where,
        count=detail.summary.count,
        share=detail.summary.share,
        computed_at=detail.summary.computed_at,
        changed_at=detail.summary.changed_at,
        family=detail.summary.family,
        sample=rows_of(workspace, detail.sample[:SAMPLE]),
        history=detail.sizes,
        uses=detail.uses,
        sql=detail.sql,
    )


def preview_segment(workspace: Workspace, where: str) -> PreviewPage:
    """How many people an expression selects, without saving it.

    Args:
        workspace: Where.
        where: A condition, as in a segment's definition.
    """
    preview = stage.preview_segment(workspace, where)
    return PreviewPage(
        count=preview.count,
        people=preview.people,
        share=preview.share,
        as_of=preview.as_of,
        sample=rows_of(workspace, preview.sample[:SAMPLE]),
    )


def segment_history(workspace: Workspace, person: str, *, limit: int = 200) -> list[Membership]:
    """When a person was in which segment, the latest first.

    Args:
        workspace: Where.
        person: A person id, an e-mail address or a user id.
        limit: How many intervals, at most 1,000.

    Raises:
        UnknownName: there is no such person.
    """
    person_id = find_person(workspace, person)
    note_read(workspace, "segment history", person_id)
    return stage.memberships_of(workspace, person_id, limit=limit)
