"""Days lived through by the worker's own code under a clock that stops at every timer."""

from collections.abc import Callable
from datetime import datetime, timedelta

from vocative.campaign.journeys.runner import JourneyRunner
from vocative.clock import FixedClock, to_micros
from vocative.workspace import Workspace


def pass_time(
    workspace: Workspace,
    clock: FixedClock,
    until: datetime,
    journeys: JourneyRunner,
    follow: Callable[[], object] = lambda: None,
) -> None:
    """Move the clock on, letting the worker go on whenever a timer is due.

    Args:
        workspace: Whose.
        clock: Its clock.
        until: To when.
        journeys: The worker's code for journeys.
        follow: What else the worker does then.
    """
    while True:
        with workspace.store.read() as tx:
            due = tx.value("SELECT min(wake_at) FROM journey_runs WHERE state = 'active'")
        if due is None or due > to_micros(until):
            break
        clock.advance(timedelta(microseconds=max(due - to_micros(clock.now()), 0)))
        follow()
        journeys.run()
    clock.advance(max(until - clock.now(), timedelta()))
