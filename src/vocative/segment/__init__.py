"""Stage 3: what is true of a person now.

Definitions of features and segments come in with history, traits and scores; features per person
and memberships with since and until come out. The same plan serves batch recomputation, previews,
explanations and point-in-time datasets.
"""

from vocative.segment.audience import people_data, people_table, people_where, preview_segment
from vocative.segment.batch import compute_features, features_sql, point_in_time
from vocative.segment.changes import membership_changes, memberships_of
from vocative.segment.explain import explain_condition, explain_membership
from vocative.segment.growth import growth
from vocative.segment.membership import advance, recompute, segment_members
from vocative.segment.operations import field_catalog, list_features, list_segments, show_segment
from vocative.segment.overlap import overlap
from vocative.segment.packs import add_pack, list_packs, show_pack
from vocative.segment.plan import FeatureDef, Plan, SegmentDef, build_plan, check_definitions
from vocative.segment.queries import feature_plan, segment_plan
from vocative.segment.results import (
    AddedPack,
    Condition,
    FeatureSummary,
    Growth,
    GrowthDay,
    Membership,
    MembershipChange,
    MembershipChanges,
    Overlap,
    Overlapping,
    Pack,
    PackDefinition,
    PackFile,
    PackSummary,
    PlanText,
    Preview,
    RecomputeReport,
    SegmentDetail,
    SegmentSize,
    SegmentSummary,
    Size,
)

__all__ = [
    "AddedPack",
    "Condition",
    "FeatureDef",
    "FeatureSummary",
    "Growth",
    "GrowthDay",
    "Membership",
    "MembershipChange",
    "MembershipChanges",
    "Overlap",
    "Overlapping",
    "Pack",
    "PackDefinition",
    "PackFile",
    "PackSummary",
    "Plan",
    "PlanText",
    "Preview",
    "RecomputeReport",
    "SegmentDef",
    "SegmentDetail",
    "SegmentSize",
    "SegmentSummary",
    "Size",
    "add_pack",
    "advance",
    "build_plan",
    "check_definitions",
    "compute_features",
    "explain_condition",
    "explain_membership",
    "feature_plan",
    "features_sql",
    "field_catalog",
    "growth",
    "list_features",
    "list_packs",
    "list_segments",
    "membership_changes",
    "memberships_of",
    "overlap",
    "people_data",
    "people_table",
    "people_where",
    "point_in_time",
    "preview_segment",
    "recompute",
    "segment_members",
    "segment_plan",
    "show_pack",
    "show_segment",
]
