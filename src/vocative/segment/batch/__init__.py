"""The plan as SQL, and its answers.

    scope ─► groups ─► aggregates, streaks, sequences ─► features ─► segments

A plan comes in; one text for every use goes out: everyone's features now, training sets as of any
instants, who is in which segment. Each step is a named relation from a pure function, so that the
text reads like the plan.
"""

from vocative.segment.batch.features import (
    compute_features,
    everyone_sql,
    features_at_sql,
    features_sql,
    point_in_time,
)
from vocative.segment.batch.groups import Group, groups_of
from vocative.segment.batch.names import (
    LOCAL_ZONE,
    person_names,
    score_column,
    segment_column,
    trait_sql,
    uses_zone,
)
from vocative.segment.batch.relations import Relation, with_relations
from vocative.segment.batch.segments import empty_scores, segments_sql

__all__ = [
    "LOCAL_ZONE",
    "Group",
    "Relation",
    "compute_features",
    "empty_scores",
    "everyone_sql",
    "features_at_sql",
    "features_sql",
    "groups_of",
    "person_names",
    "point_in_time",
    "score_column",
    "segment_column",
    "segments_sql",
    "trait_sql",
    "uses_zone",
    "with_relations",
]
