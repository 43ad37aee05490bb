"""Sends the mails that ask for confirmation, through the ledger like every other mail."""

import time
from collections.abc import Callable

import msgspec

from vocative.clock import to_micros
from vocative.collect.forms.definition import read_forms
from vocative.deliver import holder
from vocative.deliver.channels import CHANNELS, Channel, channel_for
from vocative.deliver.ledger import LEASED
from vocative.deliver.opt_in.mail import ConfirmationMails
from vocative.deliver.opt_in.planning import CAMPAIGN, plan_confirmations
from vocative.deliver.sender import deliver
from vocative.errors import AuthorError
from vocative.workspace import Workspace

MEDIUM = "email"
LOOK_SECONDS = 30.0
"""How often to look for mails that were put off, or left behind by a sender that died."""
_WAITING = ("planned", "deferred", *LEASED)


class SentConfirmations(msgspec.Struct, kw_only=True):
    """What one round did."""

    planned: int = 0
    """Submissions that came to be asked about."""
    accepted: int = 0
    skipped: int = 0
    deferred: int = 0
    ambiguous: int = 0
    failed: int = 0


def send_confirmations(
    workspace: Workspace, *, stop: Callable[[], bool] | None = None
) -> SentConfirmations:
    """Send every mail of double opt-in that waits.

    Args:
        workspace: Whose.
        stop: Asked between mails; True finishes the one in flight.

    Raises:
        ProviderError: the channel cannot be used; sending again goes on from there.
    """
    report = SentConfirmations(planned=plan_confirmations(workspace))
    for occurrence in _due(workspace):
        mails = ConfirmationMails(workspace, read_forms(workspace))
        done = deliver(
            workspace,
            CAMPAIGN,
            occurrence,
            mails.compose,
            _channel(workspace),
            personal=mails.addresses,
            stop=stop or (lambda: False),
            patience_seconds=0,
        )
        report.accepted += done.accepted
        report.skipped += done.skipped
        report.deferred += done.deferred
        report.ambiguous += done.ambiguous
        report.failed += done.failed + done.bounced
    return report


class Confirmations:
    """The worker's part: a look every second, which costs nothing while nothing waits."""

    def __init__(self, workspace: Workspace, stop: Callable[[], bool]) -> None:
        self._workspace = workspace
        self._stop = stop
        self._looked_at = float("-inf")

    def turn(self) -> None:
        """Plan what came in, and send when there is anything to send.

        Raises:
            VocativeError: something cannot be done now; the next turns try again.
        """
        planned = plan_confirmations(self._workspace)
        if planned or time.monotonic() - self._looked_at > LOOK_SECONDS:
            self._looked_at = time.monotonic()
            send_confirmations(self._workspace, stop=self._stop)


def _channel(workspace: Workspace) -> Channel:
    """The first channel of the settings that carries mail."""
    for name in workspace.settings.channels:
        if CHANNELS.load(name).medium == MEDIUM:
            return channel_for(workspace, name)
    raise AuthorError(
        "vocative.yaml names no channel that carries mail",
        where="vocative.yaml",
        hint="double opt-in needs one: add `channels: {outbox_folder: {}}`",
    )


def _due(workspace: Workspace) -> list[str]:
    """The occurrences in which a mail waits for a sender."""
    now = to_micros(workspace.clock.now())
    states = ", ".join(f"'{state}'" for state in _WAITING)
    with workspace.store.read() as tx:
        rows = tx.rows(
            "SELECT DISTINCT occurrence, state, lease_owner, lease_until, next_attempt_at"
            f" FROM messages WHERE campaign = :campaign AND state IN ({states})",
            {"campaign": CAMPAIGN},
        )
    due = set()
    for row in rows:
        if row["state"] in LEASED:
            over = row["lease_until"] <= now
            if over or holder.is_dead(workspace.state_dir, row["lease_owner"]):
                due.add(row["occurrence"])
        elif row["state"] == "planned" or (row["next_attempt_at"] or 0) <= now:
            due.add(row["occurrence"])
    return sorted(due)
