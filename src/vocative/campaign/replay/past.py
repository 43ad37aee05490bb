"""What happened that a journey looks at, by person: events, changes of segments, dates.

Events count at the instant they happened, as if each had come at once. Changes of segments are
those that were recorded when they happened; traits are what they are today.
"""

from collections.abc import Iterable, Iterator
from datetime import date, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from vocative.campaign.journeys.calendar import anniversaries, instant_of, local_day
from vocative.campaign.journeys.definition import Journey
from vocative.campaign.journeys.entering import Trigger
from vocative.campaign.journeys.matching import COLUMNS
from vocative.campaign.journeys.run import Happened
from vocative.campaign.journeys.steps.wait import time_of
from vocative.campaign.replay.walk import Occasion
from vocative.clock import from_micros, naive_utc
from vocative.engines.base import Engine
from vocative.sql import quote_name, quote_text
from vocative.stores import Transaction

_INSTANTS = ("at", "received_at")
_MORNING = time(9)


class Period(NamedTuple):
    """From when until when (microseconds), both inclusive."""

    since: int
    until: int


class PastEvents:
    """Events of the past, by person."""

    def __init__(self, engine: Engine, names: Iterable[str], period: Period) -> None:
        self.count = 0
        self.of: dict[str, list[Occasion]] = {}
        for event in _events(engine, sorted(names), period):
            self.of.setdefault(event.person_id, []).append(Occasion(at=event.at, event=event))
            self.count += 1


def _events(engine: Engine, names: list[str], period: Period) -> Iterator[Happened]:
    if not names:
        return
    since, until = (naive_utc(from_micros(at)).isoformat(sep=" ") for at in period)
    columns = ", ".join(
        f"epoch_us(e.{quote_name(name)}) AS {quote_name(name)}"
        if name in _INSTANTS
        else f"e.{quote_name(name)}"
        for name in COLUMNS
    )
    table = engine.query(
        f"SELECT {columns} FROM events AS e WHERE name IN ({', '.join(map(quote_text, names))})"
        f" AND e.at BETWEEN TIMESTAMP '{since}' AND TIMESTAMP '{until}'"
        " ORDER BY person_id, e.at, position, event_id"
    )
    for fact in zip(*(table.column(name).to_pylist() for name in COLUMNS), strict=True):
        row = dict(zip(COLUMNS, fact, strict=True))
        yield Happened(
            event_id=row["event_id"],
            person_id=row["person_id"],
            name=row["name"],
            at=row["at"],
            fact=fact,
        )


def segment_occasions(
    tx: Transaction, journey: Journey, period: Period
) -> Iterator[tuple[str, Occasion]]:
    """Recorded changes of segments that bring people in or end their runs, by person."""
    rule = journey.body.enter
    entered_by = {"entered": rule.segment, "exited": rule.leaves}
    names = {rule.segment, rule.leaves, *(one.segment for one in journey.exits)} - {None}
    for name in sorted(str(name) for name in names):
        rows = tx.tuples(
            'SELECT coalesce(p.merged_into, c.person_id), c.change, c."at", c.seq, c.cause'
            " FROM membership_changes c LEFT JOIN profiles p ON p.person_id = c.person_id"
            ' WHERE c.segment = :segment AND c."at" BETWEEN :since AND :until ORDER BY c.seq',
            {"segment": name, "since": period.since, "until": period.until},
        )
        for person_id, change, at, seq, cause in rows:
            # Whoever is found to be in a segment when it is defined did not come into it.
            comes_in = entered_by.get(change) == name and cause != "definition"
            trigger = Trigger(kind="segment", id=str(seq), at=at) if comes_in else None
            yield person_id, Occasion(at=at, trigger=trigger)


def date_occasions(
    journey: Journey, people: Iterable[tuple[str, Any, ZoneInfo]], period: Period
) -> Iterator[tuple[str, Occasion]]:
    """Anniversaries of a trait that is a date, by person.

    Args:
        journey: Which people enter by a date.
        people: Person id, the date or None, and the zone of each.
        period: When.
    """
    rule = journey.body.enter
    at_local = time_of(rule.at) or _MORNING
    shift, day = timedelta(days=rule.days), timedelta(days=1)
    for person_id, stated, zone in people:
        if not isinstance(stated, date):
            continue
        start = local_day(period.since, zone) - day - shift
        end = local_day(period.until, zone) + day - shift
        for found in anniversaries(stated, rule.every, start, end):
            at = instant_of(found + shift, at_local, zone)
            if period.since < at <= period.until:
                key = found.isoformat()
                trigger = Trigger(kind="date", id=key, at=at, key=key, entry={"date": key})
                yield person_id, Occasion(at=at, trigger=trigger)
