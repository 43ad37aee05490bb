"""Judging visits by hand: those that wait, or all of them once more."""

import msgspec

from vocative.deliver.feedback.visits import reclassify, settle
from vocative.errors import UnknownName
from vocative.workspace import Workspace


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What judging changed."""

    settled: int
    """Visits that waited and have a verdict now."""
    changed: int
    """Verdicts that are others than before."""


def judge_visits(
    workspace: Workspace, *, campaign: str | None = None, again: bool = False
) -> Judged:
    """Judge who made visits, people or machines.

    Args:
        workspace: Whose visits.
        campaign: With --again: only those of this campaign.
        again: Judge also those that have a verdict, by the rules and the networks of now.

    Raises:
        UnknownName: nothing was sent for that campaign.
    """
    with workspace.store.read() as tx:
        rows = tx.tuples("SELECT DISTINCT campaign FROM messages ORDER BY campaign")
    campaigns = [name for (name,) in rows]
    if campaign is not None and campaign not in campaigns:
        raise UnknownName(f"nothing was sent for a campaign {campaign!r}")
    settled = settle(workspace)
    wanted = campaigns if campaign is None else [campaign]
    changed = sum(reclassify(workspace, name) for name in wanted) if again else 0
    return Judged(settled=settled, changed=changed)
