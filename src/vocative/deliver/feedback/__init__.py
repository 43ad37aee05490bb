"""What comes back: visits of links, and mails and calls that say what became of a message."""

from vocative.deliver.feedback.judging import Verdict, Visit, judge
from vocative.deliver.feedback.visits import HOLD, reclassify, record_visit, settle

__all__ = ["HOLD", "Verdict", "Visit", "judge", "reclassify", "record_visit", "settle"]
