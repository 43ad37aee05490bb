"""Rejected events on the command line: applied at once when they can be used now."""

from vocative.identify.retrying import Retried, retry_rejected
from vocative.segment import advance
from vocative.workspace import Workspace


def retry_events(
    workspace: Workspace, *, source: str | None = None, reason: str | None = None
) -> Retried:
    """Apply rejected events that can be used now, and bring segments up to now.

    Args:
        workspace: Whose.
        source: Only those of one source.
        reason: Only those that were rejected for this reason, as `vocative event rejected` says it.
    """
    done = retry_rejected(workspace, source=source, reason=reason)
    if done.put_back:
        advance(workspace)
    return done
