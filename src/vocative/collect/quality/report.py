"""How good is what comes in: by source, by event, by property, day by day."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import msgspec

from vocative.clock import from_micros, to_micros
from vocative.collect.quality.alerts import DAY, QualityAlert, read_alerts
from vocative.collect.quality.expectations import Expectation, read_expectations
from vocative.collect.quality.faults import WORDS, What
from vocative.collect.quality.plan import PlanBody, read_plans
from vocative.stores import Transaction
from vocative.workspace import Workspace

DAYS = 14
MOST_DAYS = 366


class QualityFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong about some events."""

    property: str
    """Empty: the event as a whole."""
    fault: What
    told: str
    """The same in words: is missing."""
    outcome: str
    """What became of them: kept, flagged or rejected."""
    events: int
    sample: str
    """One of them: its id in history, or its place on the log as position:index."""


class FilledProperty(msgspec.Struct, frozen=True, kw_only=True):
    """How often a required property is there, in events that were applied."""

    property: str
    share: float
    by_day: list[float | None]
    """In the order of the report's `days`; None: no such event came in on that day."""


class EventQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of a source's events."""

    event: str
    events: int
    filled: list[FilledProperty]
    faults: list[QualityFault]


class SourceQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One source."""

    source: str
    events: int
    """Applied."""
    rejected: int
    by_day: list[int]
    """Events applied, in the order of the report's `days`."""
    last_received_at: datetime | None
    expected_every_seconds: int | None
    late: bool
    """Nothing came in for longer than was declared."""
    plan: str | None
    """The tracking plan that its events are judged by."""
    event_kinds: list[EventQuality]


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What came in on some days, and what was wrong with it."""

    days: list[date]
    """UTC, the oldest first; the last is today."""
    alerts: list[QualityAlert]
    """That are open, or were on these days."""
    sources: list[SourceQuality]


@dataclass
class _Found:
    """What the store counted of one source."""

    events: Counter[tuple[str, int]] = field(default_factory=Counter)
    """By name and day."""
    missing: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    """By name, property and day, of events that were applied."""
    faults: dict[str, list[QualityFault]] = field(default_factory=dict)
    rejected: int = 0
    last: int | None = None


def quality(workspace: Workspace, *, days: int = DAYS) -> Quality:
    """How fresh and how complete each source is, what is off its plan, and what is alarming.

    Args:
        workspace: Whose.
        days: Of how many days, today included; at least 1, at most 366.

    Raises:
        AuthorError: a plan or an expectation is wrong.
    """
    days = max(1, min(days, MOST_DAYS))
    now = to_micros(workspace.clock.now())
    since = now // DAY * DAY - (days - 1) * DAY
    expectations = read_expectations(workspace)
    plans = read_plans(workspace.definitions("plan"), workspace.traits)
    with workspace.store.read() as tx:
        found = _found(tx, since)
        alerts = read_alerts(tx, "ended_at IS NULL OR ended_at >= :since", {"since": since})
    for source in expectations:
        found.setdefault(source, _Found())
    numbers = [since + number * DAY for number in range(days)]
    return Quality(
        days=[from_micros(at).date() for at in numbers],
        alerts=alerts,
        sources=[
            _source(name, one, expectations.get(name, Expectation()), plans, numbers, now)
            for name, one in sorted(found.items())
        ],
    )


def _found(tx: Transaction, since: int) -> dict[str, _Found]:
    found: dict[str, _Found] = {}
    bound = {"since": since}
    for source, last in tx.tuples(
        "SELECT source, max(last_received_at) FROM event_counts GROUP BY source"
    ):
        found[source] = _Found(last=int(last))
    for source, name, day, events in tx.tuples(
        "SELECT source, name, day_at, events FROM event_counts WHERE day_at >= :since", bound
    ):
        found[source].events[name, int(day)] += int(events)
    for source, name, part, day, events in tx.tuples(
        "SELECT source, name, property, day_at, events FROM event_faults"
        " WHERE day_at >= :since AND fault = 'missing' AND outcome <> 'reject'",
        bound,
    ):
        found.setdefault(source, _Found()).missing[name, part, int(day)] += int(events)
    for source, name, part, fault, outcome, events, sample in tx.tuples(
        "SELECT source, name, property, fault, outcome, sum(events), max(sample)"
        " FROM event_faults WHERE day_at >= :since"
        " GROUP BY source, name, property, fault, outcome"
        " ORDER BY sum(events) DESC, name, property",
        bound,
    ):
        found.setdefault(source, _Found()).faults.setdefault(name, []).append(
            QualityFault(
                property=part,
                fault=fault,
                told=WORDS[fault],
                outcome=_OUTCOMES[outcome],
                events=int(events),
                sample=sample,
            )
        )
    for source, events in tx.tuples(
        "SELECT source, count(*) FROM rejected_events WHERE rejected_at >= :since GROUP BY source",
        bound,
    ):
        found.setdefault(source, _Found()).rejected = int(events)
    return found


_OUTCOMES = {"keep": "kept", "flag": "flagged", "reject": "rejected"}


def _source(
    name: str,
    found: _Found,
    expected: Expectation,
    plans: Mapping[str, PlanBody],
    days: list[int],
    now: int,
) -> SourceQuality:
    plan = _plan_of(name, plans)
    required = _required(plans[plan]) if plan else {}
    every = expected.every_seconds
    kinds = {event for event, _ in found.events} | found.faults.keys()
    by_day = Counter[int]()
    for (_, day), events in found.events.items():
        by_day[day] += events
    return SourceQuality(
        source=name,
        events=by_day.total(),
        rejected=found.rejected,
        by_day=[by_day[day] for day in days],
        last_received_at=None if found.last is None else from_micros(found.last),
        expected_every_seconds=every,
        late=bool(every and found.last is not None and found.last + every * 1_000_000 < now),
        plan=plan,
        event_kinds=sorted(
            (_event(event, found, required.get(event, ()), days) for event in kinds),
            key=lambda one: (-one.events, one.event),
        ),
    )


def _plan_of(source: str, plans: Mapping[str, PlanBody]) -> str | None:
    for wanted in (source, None):
        for name, plan in plans.items():
            if wanted in plan.for_sources:
                return name
    return None


def _required(plan: PlanBody) -> dict[str, list[str]]:
    """The required properties of each event, as its newest version has them."""
    found = {
        name: [part for part, said in event.properties.items() if said.required]
        for name, event in plan.events.items()
    }
    found["Identified"] = [name for name, said in plan.traits.items() if said.required]
    return found


def _event(event: str, found: _Found, required: Sequence[str], days: list[int]) -> EventQuality:
    events = [found.events[event, day] for day in days]
    filled = []
    for part in required:
        missing = [found.missing[event, part, day] for day in days]
        if total := sum(events):
            filled.append(
                FilledProperty(
                    property=part,
                    share=1 - sum(missing) / total,
                    by_day=[
                        1 - lacks / there if there else None
                        for lacks, there in zip(missing, events, strict=True)
                    ],
                )
            )
    return EventQuality(
        event=event, events=sum(events), filled=filled, faults=found.faults.get(event, [])
    )
