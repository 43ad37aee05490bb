"""WooCommerce: accounts, guests, orders and products of a shop on WordPress.

Orders and products are asked for by when they changed. Accounts cannot be: new ones are looked for
each time, and all of them are read again once a day. Webhooks tell of changes at once.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from vocative.clock import from_micros
from vocative.collect.sources._http import Http, Secret
from vocative.collect.sources._records import read_body, read_each, read_record
from vocative.collect.sources._shop import newest_of
from vocative.collect.sources._signatures import base64_hmac_sha256, require_signature
from vocative.collect.sources._woocommerce_records import (
    Customer,
    Deleted,
    Order,
    Product,
    Refund,
    account_deleted,
)
from vocative.collect.sources.base import Call, Event, Fault, NotGenuine, Page, Source
from vocative.errors import DataError

PER_PAGE = 100
OVERLAP = timedelta(minutes=61)
"""How far each pull looks back. WordPress reads the time it is given as one of the shop's own zone;
one that summer time leaves out there becomes an hour later."""
WHOLE_AGAIN = timedelta(days=1)
"""After how long all accounts are read again, for what changed about them."""
_ADDRESS = re.compile(r"(https://|http://(localhost|127\.0\.0\.1)\b)[^\s?#@]+")


class WooCommerceOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of this kind may say."""

    url: str
    """The shop's address, as in WordPress's general settings."""
    consumer_key: Secret
    """Of a key for the REST API that may read."""
    consumer_secret: Secret
    """Of the same key."""
    webhook_secret: Secret | None = None
    """What the shop signs its webhooks with."""
    user_id_prefix: str = "woocommerce-"
    """Put before account ids, which are small numbers here: another system may count people, too.
    Empty where the shop's own pages identify visitors by the bare number."""
    currency: str | None = None
    """Of prices in the catalog, such as GBP: products do not say it."""
    per_second: Annotated[float, Meta(gt=0, le=100)] = 5.0
    """How many requests a second the shop's server is asked, at most."""


class _Position(msgspec.Struct, kw_only=True):
    """How far accounts are read."""

    page: int = 1
    """The next one of all accounts; 0 once all were read."""
    highest: int = 0
    """The newest account that was read."""
    began_at: datetime
    """When the latest reading of all accounts began."""


class WooCommerce(Source):
    """A shop with WooCommerce."""

    Options: ClassVar[type[msgspec.Struct]] = WooCommerceOptions
    streams: ClassVar[tuple[str, ...]] = ("customers", "products", "orders")
    pushes: ClassVar[bool] = True
    options: WooCommerceOptions
    _http: Http | None = None

    @classmethod
    def faults(cls, options: WooCommerceOptions) -> Iterable[Fault]:
        """What is wrong with options that fit their types."""
        if not _ADDRESS.fullmatch(options.url):
            hint = "it begins with https:// (WooCommerce takes keys over nothing else)"
            yield ("url",), "this is no shop's address", hint

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """What changed since a cursor: a time, or how far accounts are read."""
        if stream == "customers":
            return self._customers(cursor)
        return self._changed(stream, cursor)

    def receive(self, call: Call) -> Page:
        """What a webhook tells, by its topic."""
        if call.body.startswith(b"webhook_id=") and len(call.body) < 40:
            # A shop that saves a webhook knocks first, unsigned; without an answer it gives up.
            return Page()
        secret = self.options.webhook_secret
        if not secret:
            raise NotGenuine("this source has no secret to check webhooks with")
        stated = call.headers.get("x-wc-webhook-signature")
        require_signature(stated, base64_hmac_sha256(secret, call.body))
        return self._told(call)

    def close(self) -> None:
        """Let go of the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _told(self, call: Call) -> Page:
        what, _, became = call.headers.get("x-wc-webhook-topic", "").partition(".")
        prefix = self.options.user_id_prefix
        if became == "deleted" and what in ("customer", "product"):
            gone = read_body(call.body, Deleted).id
            if what == "product":
                return Page(items=[{"item_id": str(gone), "active": False}])
            at = from_micros(call.received_at)
            return Page(events=[account_deleted(gone, prefix, at)])
        if became not in ("created", "updated", "restored"):
            return Page()
        if what == "customer":
            return Page(events=list(read_body(call.body, Customer).events(prefix)))
        if what == "order":
            # A refund is told of here without its day and its lines: the next pull brings it.
            return Page(events=list(read_body(call.body, Order).events(prefix, [])))
        if what == "product":
            return Page(items=[read_body(call.body, Product).item(self.options.currency)])
        return Page()

    def _changed(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """Orders or products that changed, oldest change first.

        Each question asks for what changed after the newest that was seen, so that nothing is
        passed over when something changes meanwhile. Only where a whole page changed within one
        second, further pages of the same question are asked for.
        """
        newest = _instant(cursor)
        if newest is None and self.place and stream == "orders":
            # Whatever happened to one that has not changed since then was before it.
            newest = self.place.since
        since = newest - OVERLAP if newest else None
        number = 1
        while True:
            params: dict[str, Any] = {"orderby": "modified", "order": "asc", "page": number}
            if since is not None:
                # Not at, but after. Without a zone, or WordPress would convert it to the shop's.
                after = (since - timedelta(seconds=1)).replace(tzinfo=None, microsecond=0)
                params |= {"modified_after": after.isoformat(), "dates_are_gmt": "true"}
            records = self._list(stream, params)
            page, changed_at = self._page(stream, records)
            newest = max((one for one in (newest, changed_at) if one), default=None)
            yield _with_cursor(page, newest.isoformat() if newest else None)
            if len(records) < PER_PAGE:
                return
            if changed_at is not None and (since is None or changed_at > since):
                since, number = changed_at, 1
            else:
                number += 1

    def _customers(self, cursor: str | None) -> Iterator[Page]:
        now = self.clock.now()
        at = _position(cursor) or _Position(began_at=now)
        if at.page == 0 and now - at.began_at >= WHOLE_AGAIN:
            at.page, at.began_at = 1, now
        if at.page == 0:
            yield from self._new_customers(at)
            return
        while at.page:
            records = self._list(
                "customers", {"role": "all", "orderby": "id", "order": "asc", "page": at.page}
            )
            page, _ = self._page("customers", records)
            at.highest = max([at.highest, *_ids(records)])
            at.page = at.page + 1 if len(records) == PER_PAGE else 0
            yield _with_cursor(page, msgspec.json.encode(at).decode())

    def _new_customers(self, at: _Position) -> Iterator[Page]:
        """Accounts that came after the newest that was read; newest first."""
        highest, number, more = at.highest, 1, True
        while more:
            records = self._list(
                "customers", {"role": "all", "orderby": "id", "order": "desc", "page": number}
            )
            new = [one for one in records if not _ids([one]) or _ids([one])[0] > at.highest]
            page, _ = self._page("customers", new)
            highest = max([highest, *_ids(records)])
            number, more = number + 1, len(new) == PER_PAGE
            # Only with the last page it is sure that none is missing in between.
            kept = _Position(page=0, highest=at.highest if more else highest, began_at=at.began_at)
            yield _with_cursor(page, msgspec.json.encode(kept).decode())

    def _page(self, stream: str, records: list[Any]) -> tuple[Page, datetime | None]:
        """What records tell, and the newest change among them."""
        events: list[Event] = []
        items: list[Mapping[str, Any]] = []
        told, rejected = read_each(
            records, lambda record: self._read(stream, record, events, items)
        )
        times = [one for one in told if one is not None]
        page = Page(events=events, items=items, rejected=rejected)
        return page, newest_of(times, self.clock.now())

    def _read(
        self,
        stream: str,
        record: Any,
        events: list[Event],
        items: list[Mapping[str, Any]],
    ) -> datetime | None:
        """Add what a record tells; returns when it changed, where its stream goes by that."""
        prefix = self.options.user_id_prefix
        if stream == "customers":
            events += read_record(record, Customer).events(prefix)
            return None
        if stream == "products":
            product = read_record(record, Product)
            items.append(product.item(self.options.currency))
            return product.changed_at
        order = read_record(record, Order)
        refunds = self._refunds(order.id) if order.refunds else []
        events += order.events(prefix, refunds)
        return order.changed_at

    def _refunds(self, order_id: int) -> list[Refund]:
        found: list[Refund] = []
        number, more = 1, True
        while more:
            records = self._list(f"orders/{order_id}/refunds", {"page": number})
            found += [read_record(one, Refund) for one in records]
            number, more = number + 1, len(records) == PER_PAGE
        return found

    def _list(self, path: str, params: Mapping[str, Any]) -> list[Any]:
        if self._http is None:
            options = self.options
            self._http = self.connect(
                f"{options.url.rstrip('/')}/wp-json/wc/v3",
                auth=(options.consumer_key, options.consumer_secret),
                per_second=options.per_second,
            )
        found = self._http.get(path, params={"per_page": PER_PAGE, **params}).json()
        if not isinstance(found, list):
            raise DataError(
                "the shop answered with no list",
                hint="look whether its address is right and its permalinks are not plain",
            )
        return found


def _with_cursor(page: Page, cursor: str | None) -> Page:
    return Page(events=page.events, items=page.items, rejected=page.rejected, cursor=cursor)


def _ids(records: list[Any]) -> list[int]:
    found = [one.get("id") for one in records if isinstance(one, dict)]
    return [one for one in found if isinstance(one, int)]


def _instant(cursor: str | None) -> datetime | None:
    if cursor is None:
        return None
    try:
        return datetime.fromisoformat(cursor).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _foreign() from None


def _position(cursor: str | None) -> _Position | None:
    if cursor is None:
        return None
    try:
        read = msgspec.json.decode(cursor, type=_Position)
    except msgspec.MsgspecError:
        raise _foreign() from None
    read.began_at = read.began_at.astimezone(UTC)
    return read


def _foreign() -> DataError:
    return DataError(
        "the cursor is not one of this source", hint="pull it again from the beginning"
    )
