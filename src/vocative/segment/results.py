"""What the operations of this stage give back: plain values that any edge can print."""

from datetime import date, datetime
from typing import Any, Literal

import msgspec

from vocative.sql import Type


class FeatureSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One feature."""

    name: str
    describe: str
    type: Type
    nullable: bool
    definition: dict[str, Any]
    file: str


class SegmentSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One segment with its size now (None: not computed yet).

    `share` is the count's part of everyone with a profile, in [0, 1]. `family` is the definition
    that a segment such as `country:FR` comes from. `computed_at` is the latest recomputation,
    `changed_at` when somebody entered or left last.
    """

    name: str
    describe: str
    where: str
    count: int | None
    share: float | None
    computed_at: datetime | None
    changed_at: datetime | None = None
    family: str | None = None


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large a segment was at an instant."""

    computed_at: datetime
    members: int


class SegmentDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One segment, some of its people (pseudonymous ids), its history and its query."""

    summary: SegmentSummary
    sample: list[str]
    sizes: list[Size]
    uses: list[str]
    sql: str


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a condition would select, as of an instant."""

    count: int
    people: int
    sample: list[str]
    as_of: datetime

    @property
    def share(self) -> float:
        """The part of everyone, in [0, 1]."""
        return self.count / self.people if self.people else 0.0


class RecomputeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a recomputation found and changed.

    `differences` are memberships that history sees in another way than they were kept: it should
    be 0; where it is not, everybody has been built anew from history.
    """

    as_of: datetime
    people: int
    features: int
    segments: int
    entered: int
    left: int
    seconds: float
    differences: int = 0


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic condition, what it saw and what came out (None: unknown).

    `because` holds the conditions of another segment that it asked about.
    """

    text: str
    values: dict[str, Any]
    verdict: bool | None
    because: list["Condition"] = []


class Overlapping(msgspec.Struct, frozen=True, kw_only=True):
    """Two segments and the people who are in both.

    `of_one` and `of_other` are their parts of each, `jaccard` that of those who are in either, in
    [0, 1]; None when there is nobody to be a part of.
    """

    one: str
    other: str
    both: int
    either: int
    of_one: float | None
    of_other: float | None
    jaccard: float | None


class SegmentSize(msgspec.Struct, frozen=True, kw_only=True):
    """How many people are in a segment now, and how many of them in none of the others."""

    name: str
    members: int
    alone: int


class Overlap(msgspec.Struct, frozen=True, kw_only=True):
    """How segments overlap: sizes, every pair, and those who are in all or in any of them."""

    segments: list[SegmentSize]
    pairs: list[Overlapping]
    in_all: int
    in_any: int


class GrowthDay(msgspec.Struct, frozen=True, kw_only=True):
    """What one local day brought: who entered, who left, how many were in at its end.

    `recounted` is how many more (or fewer) a computation by a new definition found.
    """

    on: date
    entered: int
    left: int
    recounted: int
    members: int


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How a segment grew, by day of the workspace's time zone.

    Memberships are known from `recorded_since` on (None: not computed yet). Whoever was in on that
    day is in `started_with` and not counted as entering: nobody knows when they did.
    `redefined_at` are the instants at which another definition was applied.
    """

    segment: str
    timezone: str
    recorded_since: datetime | None
    started_with: int
    redefined_at: list[datetime]
    days: list[GrowthDay]


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """That a person was in a segment from `since_at` until `until_at` (None: still is)."""

    segment: str
    since_at: datetime
    until_at: datetime | None


class MembershipChange(msgspec.Struct, frozen=True, kw_only=True):
    """That a person entered or left a segment: when it became true, and when it was noticed."""

    seq: int
    person_id: str
    segment: str
    change: Literal["entered", "exited"]
    at: datetime
    recorded_at: datetime
    cause: str | None


class MembershipChanges(msgspec.Struct, frozen=True, kw_only=True):
    """A page of changes, oldest first; `next` is the `after` of the next page.

    `last` is where to go on from later, when this page is the last one now.
    """

    changes: list[MembershipChange]
    next: int | None
    last: int


class PlanText(msgspec.Struct, frozen=True, kw_only=True):
    """The query behind one definition, as an engine runs it."""

    kind: Literal["feature", "segment"]
    name: str
    describe: str
    uses: list[str]
    engine: str
    sql: str


class PackSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A set of ready definitions.

    `state` says whether the workspace has it: `added`, `edited` (some of its names are there with
    another meaning), `partly` (some of them are there) or `absent`.
    """

    name: str
    title: str
    describe: str
    features: int
    segments: int
    state: Literal["absent", "added", "partly", "edited"]


class PackDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One feature or segment of a pack."""

    kind: Literal["feature", "segment"]
    name: str
    describe: str
    definition: dict[str, Any]


class PackFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that a pack puts into the workspace's folder."""

    path: str
    text: str


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack in detail: what it defines, and its files as they would be written."""

    summary: PackSummary
    definitions: list[PackDefinition]
    files: list[PackFile]


class AddedPack(msgspec.Struct, frozen=True, kw_only=True):
    """What adding a pack did; `added` is false when it was all there already."""

    name: str
    added: bool
    files: list[str]
    features: list[str]
    segments: list[str]
