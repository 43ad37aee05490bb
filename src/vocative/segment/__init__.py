"""Stage 3: what is true of a person now.

Definitions of features and segments come in with history, traits and scores; features per person
and memberships with since and until come out. The same plan serves batch recomputation, previews,
explanations and point-in-time datasets.
"""

from vocative.segment.audience import people_data, people_table, people_where, preview_segment
from vocative.segment.batch import compute_features, features_sql, point_in_time
from vocative.segment.explain import explain_condition, explain_membership
from vocative.segment.membership import recompute, segment_members
from vocative.segment.operations import field_catalog, list_features, list_segments, show_segment
from vocative.segment.plan import FeatureDef, Plan, SegmentDef, build_plan, check_definitions
from vocative.segment.results import (
    Condition,
    FeatureSummary,
    Preview,
    RecomputeReport,
    SegmentDetail,
    SegmentSummary,
    Size,
)

__all__ = [
    "Condition",
    "FeatureDef",
    "FeatureSummary",
    "Plan",
    "Preview",
    "RecomputeReport",
    "SegmentDef",
    "SegmentDetail",
    "SegmentSummary",
    "Size",
    "build_plan",
    "check_definitions",
    "compute_features",
    "explain_condition",
    "explain_membership",
    "features_sql",
    "field_catalog",
    "list_features",
    "list_segments",
    "people_data",
    "people_table",
    "people_where",
    "point_in_time",
    "preview_segment",
    "recompute",
    "segment_members",
    "show_segment",
]
