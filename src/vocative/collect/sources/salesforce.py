"""Salesforce: contacts, leads, opportunities and orders, by SOQL.

Records come in by when they last changed; people, opt-outs and what happened go out.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from vocative.collect.sources._events import instant, shaped, text
from vocative.collect.sources._http import Answer
from vocative.collect.sources._salesforce_options import SalesforceOptions, faults
from vocative.collect.sources._salesforce_session import Session
from vocative.collect.sources._salesforce_streams import Records, Stream, Streams, written
from vocative.collect.sources.base import Event, Fault, Page, Source

OVERLAP = timedelta(minutes=15)
"""A change gets its time when it is made and is seen when its transaction ends, which Salesforce
allows to take 10 minutes: what is younger than this is asked for again."""


class Salesforce(Source):
    """Contacts, leads, opportunities and orders of Salesforce."""

    Options = SalesforceOptions
    options: SalesforceOptions
    streams = ("contacts", "leads", "opportunities", "orders")

    def __init__(self, options: SalesforceOptions, **given: Any) -> None:
        super().__init__(options, **given)
        self._session = Session(options, connect=self.connect, clock=self.clock)
        self._streams = Streams(options, lambda path: self._session.get(path).json())

    @classmethod
    def faults(cls, options: SalesforceOptions) -> Iterable[Fault]:
        """What is wrong with options that fit their types."""
        return faults(options)

    def offered(self) -> Sequence[str]:
        """Contacts, and what the definition switches on."""
        own = self.options
        on = {"leads": own.leads, "opportunities": own.opportunities, "orders": own.orders}
        return [stream for stream in self.streams if on.get(stream, True)]

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """Records that changed since the cursor, an instant, oldest change first."""
        asked = self._streams.named(stream)
        answer = self._session.get(
            f"/services/data/v{self.options.api_version}/query", {"q": _soql(asked, cursor)}
        )
        # What changed shortly before this instant may not all be seen yet.
        settled = self._answered_at(answer) - OVERLAP
        begin = instant(cursor)
        reached = begin
        while True:
            found = shaped(answer.json(), Records)
            events: list[Event] = []
            without_time = 0
            for record in found.records:
                changed_at = instant(record.get("SystemModstamp"))
                if changed_at is None or text(record.get("Id")) is None:
                    without_time += 1
                    continue
                events.extend(asked.events(record, changed_at))
                reached = changed_at
            more = found.next_records_url
            yield Page(
                events=events,
                cursor=_cursor(begin, min(reached, settled) if more and reached else settled),
                rejected={"no Id or no SystemModstamp": without_time} if without_time else {},
            )
            if more is None:
                return
            answer = self._session.get(more)

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def _answered_at(self, answer: Answer) -> datetime:
        """By Salesforce's clock, which the times of changes are of too; else by ours."""
        try:
            return parsedate_to_datetime(answer.headers.get("date", "")).astimezone(UTC)
        except ValueError:
            return self.clock.now()


def _cursor(begin: datetime | None, stop: datetime) -> str:
    """Where to go on: never before where the pull began."""
    return written(stop if begin is None else max(begin, stop))


def _soql(stream: Stream, since: str | None) -> str:
    # The cursor goes through a time: nothing but one can get into the query.
    begin = instant(since)
    after = "" if begin is None else f" WHERE SystemModstamp >= {written(begin)}"
    return (
        f"SELECT {', '.join(stream.fields)} FROM {stream.object_name}{after}"
        " ORDER BY SystemModstamp, Id"
    )
