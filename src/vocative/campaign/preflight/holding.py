"""Before a send: the rules of a campaign hold, or somebody says why it goes out all the same."""

import getpass
from collections.abc import Callable

from vocative.campaign.definitions import Campaign
from vocative.campaign.preflight.walking import look_at
from vocative.errors import AuthorError, StateError
from vocative.privacy import audit
from vocative.workspace import Workspace

_MOST_CHARACTERS = 500


def hold_rules(
    workspace: Workspace,
    campaign: Campaign,
    occurrence: str,
    *,
    override: str | None = None,
    progress: Callable[..., None] | None = None,
) -> None:
    """Let a campaign pass whose rules hold, or that has none.

    Args:
        workspace: Where.
        campaign: The campaign that is to be planned.
        occurrence: Which of its runs.
        override: Why to send although a rule does not hold.
        progress: Told how far the pre-flight is.

    Raises:
        StateError: a rule does not hold, and nobody said why to send.
        AuthorError: the reason is empty or long.
    """
    if override is not None and not 0 < len(override.strip()) <= _MOST_CHARACTERS:
        raise AuthorError(f"an override needs a reason of at most {_MOST_CHARACTERS} characters")
    if not campaign.body.preflight.at_most:
        return
    looked = look_at(
        workspace,
        campaign,
        occurrence,
        sample=campaign.body.preflight.sample,
        progress=progress,
    )
    if looked.may_be_sent:
        return
    broken = "; ".join(str(rule) for rule in looked.broken_rules)
    if override is None:
        raise StateError(
            f"the pre-flight of {campaign.name} stops it: {broken}",
            where=campaign.definition.where("preflight", "at_most"),
            hint=f"see `vocative campaign preflight {campaign.name}`,"
            ' or send it with --override "why"',
        )
    with workspace.store.transaction() as tx:
        audit.append(
            tx,
            at=workspace.clock.now(),
            actor=getpass.getuser(),
            action=f"sent against its pre-flight ({broken}): {override.strip()}",
            subject=f"campaign {campaign.name}/{occurrence}",
        )
