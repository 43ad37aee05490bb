"""What the operations of this stage give back: plain values that any edge can print."""

from datetime import datetime
from typing import Any

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
    """One segment with its size when it was last computed (None: not yet).

    `share` is the count's part of everyone with a profile, in [0, 1]. `family` is the definition
    that a segment such as `country:FR` comes from.
    """

    name: str
    describe: str
    where: str
    count: int | None
    share: float | None
    computed_at: datetime | None
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
    """What a recomputation found and changed."""

    as_of: datetime
    people: int
    features: int
    segments: int
    entered: int
    left: int
    seconds: float


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """One atomic condition, what it saw and what came out (None: unknown).

    `because` holds the conditions of another segment that it asked about.
    """

    text: str
    values: dict[str, Any]
    verdict: bool | None
    because: list["Condition"] = []
