"""`wait_until`: an event, or a length of time in which it does not come."""

from typing import Any, ClassVar

import msgspec

from vocative.campaign.journeys.matching import EventRule
from vocative.campaign.journeys.run import Go, Moment, Outcome, Run, Stay
from vocative.campaign.journeys.steps.base import Author, Step, StepKind, Written
from vocative.campaign.journeys.steps.wait import micros_of

HAPPENED, TIMED_OUT = "then", "otherwise"


class WaitUntilBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which event, how long, and the steps for either case."""

    event: str
    timeout: str
    where: str | None = None
    key: str | None = None
    then: Written = []
    otherwise: Written = []


class WaitUntil(StepKind):
    """Waits for an event."""

    name = "wait_until"
    Body = WaitUntilBody

    listens: ClassVar = "event"

    def arms(self, body: WaitUntilBody) -> dict[str, tuple[Written, tuple[str | int, ...]]]:
        """What follows in either case."""
        return {
            HAPPENED: (body.then, ("then",)),
            TIMED_OUT: (body.otherwise, ("otherwise",)),
        }

    def check(self, body: WaitUntilBody, author: Author) -> None:
        """Check the event and the length of time."""
        author.length(body.timeout, "timeout")
        rule = EventRule(event=body.event, where=body.where, key=body.key)
        author.listen(self.listens, rule)

    def take(self, step: Step, run: Run, moment: Moment) -> Outcome:
        """Go on when it has happened, or no longer can."""
        until = run.arrived_at + micros_of(step.body.timeout)
        event = moment.event
        if event is not None and run.arrived_at <= event.at <= until:
            matcher = step.matchers[self.listens]
            if matcher.meets(event.name, event.fact, run.key):
                saw: dict[str, Any] = {"event": event.name, "event_id": event.event_id}
                return Go(did=f"{event.name} happened", arm=HAPPENED, saw=saw, at=event.at)
        if moment.due < until:
            return Stay(until=until, did=f"waits for {step.body.event}")
        return Go(did=f"{step.body.event} did not happen", arm=TIMED_OUT, at=until)
