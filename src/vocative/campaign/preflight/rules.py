"""Rules of a campaign that stop a send: how many people may have a problem at most."""

from collections.abc import Mapping
from typing import Any

from vocative.campaign.definitions import Campaign, parse_share
from vocative.campaign.preflight.report import Broken
from vocative.campaign.problems import WITHOUT


def broken_rules(
    campaign: Campaign, problems: Mapping[Any, int], gaps: Mapping[str, int], people: int
) -> list[Broken]:
    """The rules that do not hold.

    Args:
        campaign: Whose rules.
        problems: How many people have each problem.
        gaps: How many people are without each field.
        people: How many were rendered.
    """
    found = []
    for rule, written in campaign.body.preflight.at_most.items():
        allowed = parse_share(campaign.definition, written, "preflight", "at_most", rule)
        counted = (
            gaps.get(rule.removeprefix(WITHOUT), 0)
            if rule.startswith(WITHOUT)
            else problems.get(rule, 0)
        )
        share = counted / people if people else 0.0
        if share > allowed:
            found.append(Broken(rule=rule, allowed=allowed, found=share))
    return found
