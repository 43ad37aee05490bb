"""Stage 8: the conductor. Who gets a campaign, with what, and why; delivery once."""

from vocative.campaign.definitions import Campaign, check_definitions, read_campaign
from vocative.campaign.explain import Explanation, explain, find_person
from vocative.campaign.sending import CampaignSummary, SendReport, list_campaigns, send

__all__ = [
    "Campaign",
    "CampaignSummary",
    "Explanation",
    "SendReport",
    "check_definitions",
    "explain",
    "find_person",
    "list_campaigns",
    "read_campaign",
    "send",
]
