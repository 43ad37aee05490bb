"""Any JSON API over HTTP: what to ask, how it pages, what is new, and a mapping for its records.

A cursor is a JSON object: `since`, the newest value of the incremental field that was read when a
pull ended; during a pull also `newest`, and where the `next` page is if that place stays where it
is. While a pull goes on, `since` does not move: a page that is asked for twice counts once, a page
that is left out is lost.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from vocative.clock import micros_from_unix, to_micros
from vocative.collect.records import RecordMapper, value_at
from vocative.collect.sources._http import SourceRefused
from vocative.collect.sources._paging import Paging, Place, next_place, params_of
from vocative.collect.sources._sign_in import Auth, SignedIn
from vocative.collect.sources.base import Fault, Page, Source
from vocative.errors import AuthorError, DataError
from vocative.workspace.durations import seconds_of

MOST_PAGES = 1_000_000
_RESUMED_TOO_LATE = (400, 404, 410, 422)
_NO_OBJECT = "a record that is no object"


Changed = str | int | None
"""When a record changed, as ISO 8601 in UTC, or its number; None: nothing is known yet."""


class Incremental(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to ask only for what is new."""

    field: str
    """Where a record says when it changed, or its growing number."""
    param: str
    """What the request says it with."""
    format: Literal["iso", "unix", "unix_ms", "number"] = "iso"
    """How the request says it; `number` is for ids that only grow."""
    overlap: str = "60s"
    """How much to ask for again: records can become visible later than their time says."""


class Resource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of record of the API: a stream."""

    path: str
    """Behind the base address."""
    mapping: str
    """The name of the mapping that says what its records mean."""
    records: str = ""
    """Where the answer has the list of records; nothing: the answer is the list."""
    params: dict[str, str | int | float | bool] = {}
    """Sent with every request."""
    paging: Paging | None = None
    incremental: Incremental | None = None


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An API and what to ask it for."""

    base_url: str
    """What all addresses of the API begin with."""
    resources: dict[str, Resource]
    """What to ask for, by the names that its streams shall have."""
    auth: Auth | None = None
    """How to show who we are: `bearer`, `basic`, `header` or `oauth2`."""
    headers: dict[str, str] = {}
    """Sent with every request; they hold no secrets."""
    per_second: float | None = None
    """How many requests a second, at most."""


class Rest(Source):
    """Any JSON API over HTTP, its records mapped by a mapping."""

    Options = Options

    @classmethod
    def faults(cls, options: Any) -> Iterator[Fault]:
        """What the types of the options do not tell."""
        if not options.base_url.startswith(("https://", "http://")):
            yield ("base_url",), "this is no web address", "begin it with https://"
        if options.auth is not None and len(options.auth.chosen()) != 1:
            yield ("auth",), "say one way to sign in", "bearer, basic, header or oauth2"
        if not options.resources:
            yield ("resources",), "there is nothing to ask for", "name at least one resource"
        if options.per_second is not None and options.per_second <= 0:
            yield ("per_second",), "more than 0", "leave it out to set no limit"
        for name, resource in options.resources.items():
            yield from _resource_faults(("resources", name), resource)

    @classmethod
    def mappings(cls, options: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """One for each resource."""
        for name, resource in options.resources.items():
            yield ("resources", name, "mapping"), resource.mapping

    def offered(self) -> Sequence[str]:
        """A stream for each resource."""
        return list(self.options.resources)

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """What changed since the cursor, page by page."""
        resource: Resource = self.options.resources[stream]
        if self.place is None:
            raise AuthorError("this source needs a workspace for its mapping")
        mapper = RecordMapper(
            self.place.mapping(resource.mapping),
            timezone=self.place.timezone,
            origin=self.place.source,
        )
        http = SignedIn(
            self.connect,
            self.options.base_url,
            self.options.auth,
            headers=self.options.headers,
            per_second=self.options.per_second,
        )
        try:
            yield from self._pages(http, mapper, resource, _read_cursor(cursor))
        finally:
            http.close()
            mapper.close()

    def _pages(
        self, http: SignedIn, mapper: RecordMapper, resource: Resource, at: "_Cursor"
    ) -> Iterator[Page]:
        place: Place = at.next
        newest = at.newest if at.newest is not None else at.since
        for _ in range(MOST_PAGES):
            try:
                answer = self._ask(http, resource, at.since, place)
            except SourceRefused as refused:
                if place != at.next or place is None:
                    raise
                if refused.answer_status not in _RESUMED_TOO_LATE:
                    raise
                # The place where the last pull ended is gone by now: everything once more.
                place = at.next = None
                continue
            value = answer.json()
            records = _records(value, resource.records)
            newest = _newest(newest, records, resource.incremental, self.clock.now())
            after = next_place(resource.paging, place, answer, value, len(records))
            yield self._page(mapper, records, _cursor(at.since, newest, after, resource))
            if after is None:
                return
            place = after
        raise DataError(f"the source has over {MOST_PAGES:,} pages")

    def _ask(self, http: SignedIn, resource: Resource, since: Changed, place: Place) -> Any:
        by = resource.paging.by if resource.paging else None
        if by in ("next_link", "link_header") and place is not None:
            return http.get(_path(str(place), self.options.base_url), {})
        params = {**resource.params, **params_of(resource.paging, place)}
        if resource.incremental is not None:
            params |= self._since(resource.incremental, since)
        return http.get(resource.path, params)

    def _since(self, asked: Incremental, since: Changed) -> dict[str, Any]:
        """The parameter that asks only for what is new; none the first time."""
        if asked.format == "number":
            return {} if since is None else {asked.param: since}
        if since is None:
            at = self.place.since if self.place else None
            if at is None:
                return {}
        else:
            overlap = timedelta(seconds=seconds_of(asked.overlap) or 0)
            at = datetime.fromisoformat(str(since)) - overlap
        return {asked.param: _written(at, asked.format)}

    def _page(self, mapper: RecordMapper, records: list[Any], cursor: str | None) -> Page:
        usable = [record for record in records if isinstance(record, Mapping)]
        mapped = mapper.map(usable, now=self.clock.now())
        rejected = Counter(mapped.refused.values())
        if len(usable) < len(records):
            rejected[_NO_OBJECT] += len(records) - len(usable)
        return Page(events=mapped.events, items=mapped.items, cursor=cursor, rejected=rejected)


class _Cursor(msgspec.Struct, omit_defaults=True):
    """How far a stream is."""

    since: Changed = None
    newest: Changed = None
    next: Place = None


def _read_cursor(cursor: str | None) -> _Cursor:
    try:
        return _Cursor() if cursor is None else msgspec.json.decode(cursor, type=_Cursor)
    except msgspec.MsgspecError as error:
        raise DataError(
            "this cursor is not of a source of kind 'rest'",
            hint="pull it with --again to begin at the beginning",
        ) from error


def _cursor(since: Changed, newest: Changed, after: Place, resource: Resource) -> str | None:
    """Where to go on: at the next page, or the next time."""
    if after is None:
        found = _Cursor(since=newest)
    elif resource.paging is not None and resource.paging.can_be_resumed:
        found = _Cursor(since=since, newest=newest, next=after)
    else:
        return None
    return msgspec.json.encode(found).decode()


def _records(value: Any, at: str) -> list[Any]:
    found = value
    if at:
        found = value_at(value, at) if isinstance(value, Mapping) else None
    if found is None:
        found = []
    if isinstance(found, Mapping):
        found = [found]
    if not isinstance(found, list):
        where = f"at {at!r}" if at else "in its answer"
        raise DataError(f"the source has no list of records {where}", hint="check `records:`")
    return found


def _newest(
    newest: Changed, records: list[Any], asked: Incremental | None, now: datetime
) -> Changed:
    """The greatest value of the incremental field up to here.

    Raises:
        DataError: a record has none, so that nothing new could be told from what is known.
    """
    if asked is None:
        return None
    for record in records:
        if not isinstance(record, Mapping):
            continue
        stated = value_at(record, asked.field)
        try:
            value = int(stated) if asked.format == "number" else _instant(stated, now)
        except (TypeError, ValueError, OverflowError, OSError) as error:
            raise DataError(
                f"a record does not say at {asked.field!r} when it changed",
                hint="check `incremental:` of this resource",
            ) from error
        newest = value if newest is None else max(newest, value, key=_order)
    return newest


def _order(value: str | int) -> int:
    return value if isinstance(value, int) else to_micros(datetime.fromisoformat(value))


def _instant(stated: Any, now: datetime) -> str:
    """An instant as ISO 8601 in UTC, of text or a Unix time.

    One in the future is a fault of the source: until then, nothing would be new any more.
    """
    if isinstance(stated, int | float) and not isinstance(stated, bool):
        at = datetime.fromtimestamp(micros_from_unix(stated) / 1_000_000, UTC)
    else:
        at = datetime.fromisoformat(stated)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(at, now).astimezone(UTC).isoformat()


def _written(at: datetime, form: str) -> str | int:
    if form == "iso":
        return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return int(at.timestamp() * (1_000 if form == "unix_ms" else 1))


def _path(link: str, base_url: str) -> str:
    """A link of the source as a whole address; many leave out their host."""
    if link.startswith("/"):
        scheme, _, rest = base_url.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}{link}"
    return link


def _resource_faults(path: tuple[str | int, ...], resource: Resource) -> Iterator[Fault]:
    paging, asked = resource.paging, resource.incremental
    if paging is not None and (lacks := paging.lacks()):
        message = f"paging by {paging.by} needs `{lacks}:`"
        yield (*path, "paging"), message, "docs/sources/rest.md shows each way"
    if paging is not None and paging.size < 1:
        yield (*path, "paging", "size"), "at least 1", None
    if asked is not None and asked.overlap != "0" and not seconds_of(asked.overlap):
        yield (*path, "incremental", "overlap"), "this is no length of time", "60s, or 0 for none"
