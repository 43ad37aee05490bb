"""What came of it: reports on campaigns, with experiments that may be looked at any time."""

from vocative.measure.report import report
from vocative.measure.results import CampaignReport
from vocative.measure.words import summary_lines

__all__ = ["CampaignReport", "report", "summary_lines"]
