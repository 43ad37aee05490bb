"""A campaign looked at before it is sent: all is rendered, nothing sent, one page told."""

from vocative.campaign.preflight.report import Preflight
from vocative.campaign.preflight.walking import look_at, preflight

__all__ = ["Preflight", "look_at", "preflight"]
