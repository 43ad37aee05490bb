"""HubSpot: contacts with what they subscribed to, deals, and webhooks of contacts.

Everything is listed once; after that, what changed is searched for. A search gives no more than
10,000 results, and its pages shift while records change: so each page begins a new search where
the one before it ended.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import unquote

import msgspec

from vocative.collect.sources._events import instant, shaped, text
from vocative.collect.sources._http import Http
from vocative.collect.sources._hubspot_records import (
    DEAL_PROPERTIES,
    HubSpotOptions,
    Notice,
    Record,
    Status,
    contact_events,
    deal_events,
    faults,
    millis,
    notice_events,
)
from vocative.collect.sources._json import read_json
from vocative.collect.sources._signatures import (
    base64_hmac_sha256,
    require_recent,
    require_signature,
)
from vocative.collect.sources.base import Call, Event, Fault, NotGenuine, NotReadable, Page, Source
from vocative.errors import DataError

PAGE_SIZE = 100
OVERLAP = timedelta(minutes=10)
"""What changed is found by searches a while later: what is younger than this is asked again."""
_PER_SECOND = 4.0
"""HubSpot takes 5 searches a second, of all apps of an account together."""
_NO_TIME = "no time of its latest change"


class _Cursor(msgspec.Struct, omit_defaults=True):
    """Where to go on."""

    since: int
    """Changes from here on are to be searched for; milliseconds since 1970."""
    listing: str | None = None
    """Where the list of everything goes on; empty: at its beginning; None: it is through."""
    above: str | None = None
    """Of what changed at `since` only records with ids above this are left."""


class _Next(msgspec.Struct):
    after: str


class _Paging(msgspec.Struct):
    next: _Next | None = None


class _Found(msgspec.Struct):
    """A page of a list or of a search."""

    results: list[Record]
    paging: _Paging | None = None


class _Subscriber(msgspec.Struct, rename="camel"):
    subscriber_id_string: str
    statuses: list[Status] = []


class _Subscribers(msgspec.Struct):
    results: list[_Subscriber]


class _Id(msgspec.Struct):
    id: str


class _Associated(msgspec.Struct, rename="camel"):
    to_object_id: int | str


class _Association(msgspec.Struct):
    deal: _Id = msgspec.field(name="from")
    to: list[_Associated] = []


class _Associations(msgspec.Struct):
    results: list[_Association]


class HubSpot(Source):
    """Contacts and deals of HubSpot."""

    Options = HubSpotOptions
    options: HubSpotOptions
    streams = ("contacts", "deals")
    pushes = True
    _changed_by: ClassVar[Mapping[str, str]] = {
        "contacts": "lastmodifieddate",
        "deals": "hs_lastmodifieddate",
    }
    """The property with the time of a record's latest change."""

    def __init__(self, options: HubSpotOptions, **given: Any) -> None:
        super().__init__(options, **given)
        self._opened: Http | None = None

    @classmethod
    def faults(cls, options: HubSpotOptions) -> Iterable[Fault]:
        """What is wrong with options that fit their types."""
        return faults(options)

    def offered(self) -> Sequence[str]:
        """Contacts, and deals where the definition says so."""
        return self.streams if self.options.deals else ("contacts",)

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """Everything, page by page; then what changed since then, oldest change first."""
        place = self._place(cursor)
        if place.listing is not None:
            yield from self._listed(stream, place)
        yield from self._changed(stream, place)

    def receive(self, call: Call) -> Page:
        """Changes of contacts; notices of anything else are passed over."""
        self._require_genuine(call)
        try:
            notices = msgspec.convert(read_json(call.body), list[Notice])
        except msgspec.ValidationError as error:
            raise NotReadable("not a list of notices") from error
        events: list[Event] = []
        rejected = 0
        for notice in notices:
            if notice.is_of_a_contact:
                events.extend(notice_events(self.options, notice))
                rejected += text(notice.object_id) is None or instant(notice.occurred_at) is None
        return Page(events=events, rejected={"no object or no time": rejected} if rejected else {})

    def close(self) -> None:
        """Let go of the connection."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _http(self) -> Http:
        if self._opened is None:
            headers = {"authorization": f"Bearer {self.options.token}"}
            self._opened = self.connect(self.options.url, headers=headers, per_second=_PER_SECOND)
        return self._opened

    def _place(self, cursor: str | None) -> _Cursor:
        if cursor is None:
            return _Cursor(since=self._settled(), listing="")
        try:
            return msgspec.json.decode(cursor, type=_Cursor)
        except msgspec.DecodeError as error:
            raise DataError("the source's cursor is none of HubSpot's") from error

    def _settled(self) -> int:
        """Up to where searches find everything by now."""
        return millis(self.clock.now() - OVERLAP)

    def _listed(self, stream: str, place: _Cursor) -> Iterator[Page]:
        after = place.listing
        while after is not None:
            params = {
                "limit": PAGE_SIZE,
                "after": after or None,
                "properties": ",".join(self._properties(stream)),
            }
            found = shaped(
                self._http.get(f"/crm/v3/objects/{stream}", params=params).json(), _Found
            )
            more = found.paging and found.paging.next
            after = more.after if more else None
            yield self._page(stream, found.results, _Cursor(since=place.since, listing=after))

    def _changed(self, stream: str, place: _Cursor) -> Iterator[Page]:
        settled = max(place.since, self._settled())
        since = place.since
        if place.above is not None:
            yield from self._of_one_time(stream, since, place.above, settled)
            since += 1
        while len(records := self._search(stream, since)) >= PAGE_SIZE:
            last = self._changed_at(stream, records[-1])
            if last is None:
                raise DataError(f"HubSpot answered with {stream} that have {_NO_TIME}")
            if millis(last) > since:
                since = millis(last)
                yield self._page(stream, records, _reached(since, settled))
            else:
                yield from self._of_one_time(stream, since, "0", settled)
                since += 1
        yield self._page(stream, records, _reached(settled, settled))

    def _of_one_time(self, stream: str, since: int, above: str, settled: int) -> Iterator[Page]:
        """More records than a page that changed in one millisecond, told apart by their ids."""
        while len(records := self._search(stream, since, above)) >= PAGE_SIZE:
            above = records[-1].id
            yield self._page(stream, records, _reached(since, settled, above))
        yield self._page(stream, records, _reached(since + 1, settled))

    def _search(self, stream: str, since: int, above: str | None = None) -> list[Record]:
        """Records from a time on, oldest change first; or those of that time with higher ids."""
        changed_by = self._changed_by[stream]
        filters = [_filter(changed_by, "GTE", since)]
        if above is not None:
            filters.append(_filter(changed_by, "LTE", since))
            filters.append(_filter("hs_object_id", "GT", above))
        sorted_by = changed_by if above is None else "hs_object_id"
        asked = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": sorted_by, "direction": "ASCENDING"}],
            "properties": self._properties(stream),
            "limit": PAGE_SIZE,
        }
        answer = self._http.post(f"/crm/v3/objects/{stream}/search", json=asked)
        return shaped(answer.json(), _Found).results

    def _page(self, stream: str, records: Sequence[Record], cursor: _Cursor) -> Page:
        events: list[Event] = []
        without_time = 0
        contacts = stream == "contacts"
        statuses = self._statuses(records) if contacts else {}
        contact_of = {} if contacts else self._contacts_of(records)
        for record in records:
            at = self._changed_at(stream, record)
            if at is None:
                without_time += 1
            elif contacts:
                email = text(record.properties.get("email")) or ""
                known = statuses.get(email.casefold(), ())
                events.extend(contact_events(self.options, record, known, at))
            elif record.id in contact_of:
                events.extend(deal_events(record, contact_of[record.id], at))
        return Page(
            events=events,
            cursor=msgspec.json.encode(cursor).decode(),
            rejected={_NO_TIME: without_time} if without_time else {},
        )

    def _statuses(self, contacts: Sequence[Record]) -> dict[str, list[Status]]:
        """What the contacts' addresses, in lower case, are subscribed to."""
        stated = (text(contact.properties.get("email")) for contact in contacts)
        emails = list(dict.fromkeys(email for email in stated if email))
        if not (emails and self.options.subscriptions):
            return {}
        answer = self._http.post(
            "/communication-preferences/v4/statuses/batch/read",
            params={"channel": "EMAIL"},
            json={"inputs": emails},
        )
        found = shaped(answer.json(), _Subscribers).results
        return {one.subscriber_id_string.casefold(): one.statuses for one in found}

    def _contacts_of(self, deals: Sequence[Record]) -> dict[str, str]:
        """The first contact of each deal that has any."""
        if not deals:
            return {}
        answer = self._http.post(
            "/crm/v4/associations/deals/contacts/batch/read",
            json={"inputs": [{"id": deal.id} for deal in deals]},
        )
        found = shaped(answer.json(), _Associations).results
        return {one.deal.id: str(one.to[0].to_object_id) for one in found if one.to}

    def _properties(self, stream: str) -> Sequence[str]:
        return self.options.contact_properties if stream == "contacts" else DEAL_PROPERTIES

    def _changed_at(self, stream: str, record: Record) -> datetime | None:
        return instant(record.properties.get(self._changed_by[stream]))

    def _require_genuine(self, call: Call) -> None:
        secret = self.options.client_secret
        if secret is None:
            raise NotGenuine("this source has no client_secret to check webhooks with")
        timestamp = call.headers.get("x-hubspot-request-timestamp", "")
        signed_at = instant(timestamp) if timestamp.isdigit() else None
        require_recent(signed_at, self.clock.now())
        content = b"".join([b"POST", _plain(call.url).encode(), call.body, timestamp.encode()])
        expected = base64_hmac_sha256(secret, content)
        require_signature(call.headers.get("x-hubspot-signature-v3"), expected)


def _reached(since: int, settled: int, above: str | None = None) -> _Cursor:
    """A place in the changes; never one behind what searches find by now."""
    return _Cursor(since=settled) if since > settled else _Cursor(since=since, above=above)


def _filter(property_name: str, operator: str, value: object) -> dict[str, str]:
    return {"propertyName": property_name, "operator": operator, "value": str(value)}


def _plain(url: str) -> str:
    """An address as HubSpot signs it: with these characters written out."""
    for sign in ":/?@!$'()*,;":
        encoded = f"%{ord(sign):02X}"
        url = url.replace(encoded, unquote(encoded)).replace(encoded.lower(), unquote(encoded))
    return url
