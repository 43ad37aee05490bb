"""What the server does with campaigns: begins runs when they are due, and goes on with them.

All of it is in the store, so whoever conducts after a restart goes on where it was. Runs that a
command sends are left to it.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

import msgspec

from vocative.campaign import canary
from vocative.campaign.definitions import Campaign, read_campaign
from vocative.campaign.halting import halted
from vocative.campaign.planning import launch
from vocative.campaign.runs import (
    Lease,
    Run,
    anything_due,
    anything_kept_back,
    anything_left,
    change_run,
    find_run,
    held_leases,
    list_runs,
)
from vocative.campaign.sending import drive, find_channel
from vocative.clock import to_micros
from vocative.deliver import holder, ledger
from vocative.errors import Retryable, StateError, VocativeError
from vocative.workspace import Workspace

LATEST = timedelta(days=1)
"""A run that could not begin for so long after its instant begins only when somebody says so."""
IDLE_SECONDS = 5.0
"""How long a run is left alone in which nothing is due."""
PAUSE_SECONDS = 30.0
"""How long a run is left alone with which something went wrong."""

log = logging.getLogger("vocative.campaigns")


class Conductor:
    """Takes every run a step further, again and again."""

    def __init__(self, workspace: Workspace, stop: Callable[[], bool]) -> None:
        self._workspace = workspace
        self._stop = stop
        self._again_at: dict[tuple[str, str], float] = {}

    def turn(self) -> bool:
        """Do what there is to do now; whether there was anything."""
        with self._workspace.store.read() as tx:
            runs = [run for run in list_runs(tx) if run.conductor == "server"]
        busy = False
        # Whoever came first goes first.
        for run in reversed(runs):
            if self._stop():
                break
            key = (run.campaign, run.occurrence)
            if time.monotonic() < self._again_at.get(key, float("-inf")):
                continue
            try:
                busy = self._step(run) or busy
            except VocativeError as error:
                self._again_at[key] = time.monotonic() + PAUSE_SECONDS
                self._note(run, error)
        return busy

    def _step(self, run: Run) -> bool:
        if run.status == "canceled":
            return self._clear(run)
        if run.status not in ("scheduled", "sending", "waiting"):
            return False
        workspace = self._workspace
        now = workspace.clock.now()
        with workspace.store.read() as tx:
            if halted(tx, run.campaign):
                return False
        if run.status == "scheduled":
            if run.starts_at is None or run.starts_at > now:
                return False
            return self._begin(run)
        if not self._is_due(run):
            self._again_at[run.campaign, run.occurrence] = time.monotonic() + IDLE_SECONDS
            return False
        self._send(run, read_campaign(workspace, run.campaign), is_new=False)
        return True

    def _begin(self, run: Run) -> bool:
        workspace = self._workspace
        late = workspace.clock.now() - (run.starts_at or run.planned_at)
        if late > LATEST:
            self._hold(run, f"it was due {late.days} days ago, when nothing was running")
            return True
        try:
            campaign = read_campaign(workspace, run.campaign)
            launch(workspace, campaign, run)
        except VocativeError as error:
            if isinstance(error, Retryable):
                raise
            # The same will happen the next time: somebody has to look at it.
            self._hold(run, error.message)
            log.warning("%s/%s is held: %s", run.campaign, run.occurrence, error.message)
            return True
        with workspace.store.read() as tx:
            planned = find_run(tx, run.campaign, run.occurrence)
        if planned is not None and planned.status == "sending":
            self._send(planned, campaign, is_new=True)
        return True

    def _send(self, run: Run, campaign: Campaign, *, is_new: bool) -> None:
        _, carrier = find_channel(self._workspace, campaign, run.channel)
        drive(
            self._workspace,
            campaign,
            run,
            carrier,
            stop=self._stop,
            tell_all=is_new,
            patience_seconds=0,
        )

    def _is_due(self, run: Run) -> bool:
        """Whether driving the run would do anything."""
        workspace = self._workspace
        now = workspace.clock.now()
        with workspace.store.read() as tx:
            if not anything_left(tx, run):
                return True  # It is finished, and nobody said so yet.
            if anything_due(tx, run, at=now):
                return True
            leases = held_leases(tx, run)
            kept_back = anything_kept_back(tx, run)
        if self._has_dead(leases):
            return True
        if not kept_back:
            return False
        campaign = read_campaign(workspace, run.campaign)
        # Without a first share in the definition any more, nothing is kept back.
        rules = campaign.canary
        return rules is None or canary.judge(workspace, run, rules) != canary.Verdict()

    def _has_dead(self, leases: list[Lease]) -> bool:
        """Whether a sender is gone that held messages."""
        now = to_micros(self._workspace.clock.now())
        state_dir = self._workspace.state_dir
        return any(
            lease.lease_until <= now or holder.is_dead(state_dir, lease.lease_owner)
            for lease in leases
        )

    def _clear(self, run: Run) -> bool:
        """Settle what a canceled run left in the hands of a sender that is gone."""
        workspace = self._workspace
        with workspace.store.read() as tx:
            left = anything_left(tx, run)
            leases = held_leases(tx, run)
        if not left or (leases and not self._has_dead(leases)):
            return False
        now = workspace.clock.now()
        ledger.recover(
            workspace.store,
            campaign=run.campaign,
            occurrence=run.occurrence,
            at=now,
            lookup=None,
            is_dead=lambda owner: holder.is_dead(workspace.state_dir, owner),
            lost_power=holder.lost_power,
        )
        with workspace.store.transaction() as tx:
            ledger.cancel(tx, campaign=run.campaign, occurrence=run.occurrence, at=now)
        return True

    def _hold(self, run: Run, why: str) -> None:
        details = msgspec.structs.replace(run.details, why=why)
        with self._workspace.store.transaction() as tx:
            change_run(tx, run, status="held", details=details)

    def _note(self, run: Run, error: VocativeError) -> None:
        """Say with the run what went wrong; it is tried again."""
        log.warning("%s/%s: %s", run.campaign, run.occurrence, error.message)
        if isinstance(error, StateError):
            return  # Somebody was faster: the run is another one by now.
        with self._workspace.store.transaction() as tx:
            now = find_run(tx, run.campaign, run.occurrence)
            if now is not None and now.status in ("scheduled", "sending", "waiting"):
                details = msgspec.structs.replace(now.details, why=error.message)
                change_run(tx, now, status=now.status, details=details)


def is_wanted(workspace: Workspace) -> bool:
    """Whether there is any run that the server is to conduct."""
    with workspace.store.read() as tx:
        found = tx.value(
            "SELECT 1 FROM campaign_runs WHERE conductor = 'server'"
            " AND status IN ('scheduled', 'sending', 'waiting') LIMIT 1"
        )
    return found is not None
