"""Zendesk: users, tickets and ratings by incremental exports, and webhooks of users and tickets."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from vocative.collect.sources._events import instant, shaped, text
from vocative.collect.sources._http import Http
from vocative.collect.sources._json import read_json
from vocative.collect.sources._signatures import (
    base64_hmac_sha256,
    require_recent,
    require_signature,
)
from vocative.collect.sources._zendesk_records import (
    Change,
    ZendeskOptions,
    faults,
    is_customer,
    notice_events,
    rating_events,
    ticket_events,
    user_events,
)
from vocative.collect.sources.base import Call, Event, Fault, NotGenuine, NotReadable, Page, Source
from vocative.errors import DataError

RATED_WITHIN = timedelta(days=30)
"""How long after it was asked for a rating may come. Zendesk does not say whether it lists ratings
from a time on by when they were asked for or by when they came."""
OVERLAP = timedelta(hours=1)
_LISTS_PER_SECOND = 1.0
"""The smallest plan may ask 200 times a minute, all of its apps together."""
_UNUSABLE = "no id or no time"


class _Users(msgspec.Struct):
    users: list[dict[str, Any]]
    after_cursor: str | None = None
    end_of_stream: bool = True


class _Tickets(msgspec.Struct):
    tickets: list[dict[str, Any]]
    users: list[dict[str, Any]] = []
    metric_sets: list[dict[str, Any]] = []
    after_cursor: str | None = None
    end_of_stream: bool = True


class _Meta(msgspec.Struct):
    has_more: bool = False
    after_cursor: str | None = None


class _Ratings(msgspec.Struct):
    satisfaction_ratings: list[dict[str, Any]]
    meta: _Meta = msgspec.field(default_factory=_Meta)


class _RatingsCursor(msgspec.Struct, omit_defaults=True):
    """Where the ratings go on."""

    since: str | None = None
    """What came from this instant on is new; None: everything is."""
    after: str | None = None
    """Where the list goes on that was begun; None: it is to be begun."""
    until: str | None = None
    """Of a list that was begun: up to when everything is in it."""


class Zendesk(Source):
    """Users, tickets and ratings of Zendesk."""

    Options = ZendeskOptions
    options: ZendeskOptions
    streams = ("users", "tickets", "ratings")
    pushes = True

    def __init__(self, options: ZendeskOptions, **given: Any) -> None:
        super().__init__(options, **given)
        self._opened: dict[float, Http] = {}

    @classmethod
    def faults(cls, options: ZendeskOptions) -> Iterable[Fault]:
        """What is wrong with options that fit their types."""
        return faults(options)

    def offered(self) -> Sequence[str]:
        """Users and tickets, and ratings unless the definition says no."""
        return self.streams if self.options.ratings else self.streams[:2]

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """What changed since the cursor, which for users and tickets is Zendesk's own."""
        if stream == "ratings":
            yield from self._ratings(cursor)
            return
        while True:
            page, ended = self._users(cursor) if stream == "users" else self._tickets(cursor)
            yield page
            # Without an end and without a new cursor it would go round for ever.
            if ended or page.cursor == cursor:
                return
            cursor = page.cursor

    def receive(self, call: Call) -> Page:
        """Users and tickets that were made or changed; notices of anything else are passed over."""
        self._require_genuine(call)
        try:
            change = msgspec.convert(read_json(call.body), Change)
        except msgspec.ValidationError as error:
            raise NotReadable("no event of Zendesk's") from error
        kind, _, what = change.type.rpartition(":")[2].partition(".")
        if kind == "user" and "deleted" not in what:
            return Page(events=list(user_events(self.options, change.detail, by_notice=True)))
        if kind == "ticket":
            return Page(events=list(notice_events(what, change)))
        return Page()

    def close(self) -> None:
        """Let go of the connections."""
        while self._opened:
            self._opened.popitem()[1].close()

    def _get(self, path: str, params: dict[str, Any], *, per_second: float) -> Any:
        """JSON, at a pace that differs by what is asked."""
        if per_second not in self._opened:
            self._opened[per_second] = self._connected(per_second)
        return self._opened[per_second].get(path, params=params).json()

    def _connected(self, per_second: float) -> Http:
        own = self.options
        if own.oauth_token is not None:
            headers = {"authorization": f"Bearer {own.oauth_token}"}
            return self.connect(own.url, headers=headers, per_second=per_second)
        auth = (f"{own.email}/token", own.api_token or "")
        return self.connect(own.url, auth=auth, per_second=per_second)

    def _exported(self, what: str, cursor: str | None, include: str | None = None) -> Any:
        begin = {"start_time": 0} if cursor is None else {"cursor": cursor}
        return self._get(
            f"/api/v2/incremental/{what}/cursor.json",
            {**begin, "include": include},
            per_second=self.options.requests_per_minute / 60,
        )

    def _users(self, cursor: str | None) -> tuple[Page, bool]:
        found = shaped(self._exported("users", cursor), _Users)
        events: list[Event] = []
        unusable = 0
        for user in found.users:
            events.extend(user_events(self.options, user))
            unusable += text(user.get("id")) is None or instant(user.get("updated_at")) is None
        return _page(events, found.after_cursor or cursor, unusable), found.end_of_stream

    def _tickets(self, cursor: str | None) -> tuple[Page, bool]:
        found = shaped(self._exported("tickets", cursor, "users,metric_sets"), _Tickets)
        users = {text(user.get("id")): user for user in found.users}
        metrics = {text(one.get("ticket_id")): one for one in found.metric_sets}
        events: list[Event] = []
        unusable = 0
        for ticket in found.tickets:
            requester = users.get(text(ticket.get("requester_id")), {})
            if ticket.get("status") == "deleted" or not is_customer(requester):
                continue
            made = list(ticket_events(ticket, metrics.get(text(ticket.get("id")), {})))
            events.extend(made)
            unusable += not made
        return _page(events, found.after_cursor or cursor, unusable), found.end_of_stream

    def _ratings(self, cursor: str | None) -> Iterator[Page]:
        """Ratings that came since the cursor, in whatever order they are listed."""
        place = _ratings_cursor(cursor)
        since = instant(place.since)
        until = instant(place.until) or self.clock.now() - OVERLAP
        after = place.after
        while True:
            asked: dict[str, Any] = {"score": "received", "page[size]": 100, "page[after]": after}
            if since is not None:
                asked["start_time"] = int((since - RATED_WITHIN).timestamp())
            found = shaped(
                self._get("/api/v2/satisfaction_ratings.json", asked, per_second=_LISTS_PER_SECOND),
                _Ratings,
            )
            events: list[Event] = []
            unusable = 0
            for rating in found.satisfaction_ratings:
                at = instant(rating.get("updated_at"))
                if at is None:
                    unusable += 1
                elif since is None or at >= since:
                    events.extend(rating_events(rating, at))
            after = found.meta.after_cursor if found.meta.has_more else None
            if after is None:
                place = _RatingsCursor(since=max(until, since or until).isoformat())
            else:
                place = _RatingsCursor(since=place.since, after=after, until=until.isoformat())
            yield _page(events, msgspec.json.encode(place).decode(), unusable)
            if after is None:
                return

    def _require_genuine(self, call: Call) -> None:
        secret = self.options.signing_secret
        if secret is None:
            raise NotGenuine("this source has no signing_secret to check webhooks with")
        timestamp = call.headers.get("x-zendesk-webhook-signature-timestamp", "")
        require_recent(instant(timestamp), self.clock.now())
        expected = base64_hmac_sha256(secret, timestamp.encode("utf-8", "replace") + call.body)
        require_signature(call.headers.get("x-zendesk-webhook-signature"), expected)


def _ratings_cursor(cursor: str | None) -> _RatingsCursor:
    try:
        return msgspec.json.decode(cursor or "{}", type=_RatingsCursor)
    except msgspec.DecodeError as error:
        raise DataError("the source's cursor is none of Zendesk's ratings") from error


def _page(events: Sequence[Event], cursor: str | None, unusable: int) -> Page:
    rejected = {_UNUSABLE: unusable} if unusable else {}
    return Page(events=events, cursor=cursor, rejected=rejected)
