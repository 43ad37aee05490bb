"""Stripe: customers, payments, refunds, subscriptions, invoices, and consent given at its checkout.

Lists give history, from the newest to the oldest; what changed is read from the list of Stripe's
events, which webhooks tell at once. A sweep through a list that is cut off goes on where it was.
"""

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, ClassVar, Literal

import msgspec

from vocative.clock import Clock, from_micros
from vocative.collect.sources._http import Connect, Http, Secret
from vocative.collect.sources._records import OddRecord, read_body, read_each, read_record
from vocative.collect.sources._signatures import require_recent
from vocative.collect.sources._stripe_records import (
    Charge,
    Checkout,
    Customer,
    Invoice,
    InvoiceLine,
    InvoiceLines,
    Meaning,
    Refund,
    Seconds,
    Subscription,
)
from vocative.collect.sources.base import (
    Call,
    Event,
    Fault,
    NotGenuine,
    NotReadable,
    Page,
    Place,
    Source,
)
from vocative.errors import DataError

API_VERSION = "2026-10-28.endive"
OVERLAP = timedelta(minutes=10)
"""How far each sweep looks back behind the beginning of the one before."""
EVENTS_ARE_KEPT = timedelta(days=30)
PER_PAGE = 100

_LISTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "customers": ("customers", {}),
    "payments": ("charges", {}),
    "refunds": ("refunds", {"expand[]": ["data.charge"]}),
    "subscriptions": ("subscriptions", {"status": "all"}),
    "invoices": ("invoices", {"status": "paid"}),
    "checkouts": ("checkout/sessions", {}),
    "changes": (
        "events",
        {
            "types[]": [
                "customer.created",
                "customer.updated",
                "charge.succeeded",
                "charge.captured",
                "charge.failed",
                "refund.created",
                "refund.updated",
                "customer.subscription.created",
                "customer.subscription.updated",
                "customer.subscription.deleted",
                "invoice.paid",
                "checkout.session.completed",
            ]
        },
    ),
}
"""By stream: its path, and what is asked of it."""


class StripeOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of this kind may say."""

    api_key: Secret | None = None
    """A restricted key that may read; without one only webhooks are taken."""
    webhook_secret: Secret | None = None
    """The signing secret of the webhook's endpoint."""
    orders: Literal["none", "payments", "invoices"] = "none"
    """What counts as an order: nothing, `payments`, or `invoices`. Leave it at `none` where a shop
    is a source, too: it tells of the same orders."""
    user_id_key: str | None = None
    """The key of customers' metadata under which your shop keeps its account id."""
    order_id_key: str | None = None
    """The key of payments' metadata under which your shop keeps its order id."""


class _Position(msgspec.Struct, kw_only=True, frozen=True):
    """How far a sweep is."""

    since: int | None = None
    """Unix seconds: nothing older is asked for; None: everything is."""
    began_at: Seconds
    """Unix seconds: when this sweep began, or the last one that came to its end."""
    after: str | None = None
    """The last object that was read; None: the sweep came to its end."""


class _List(msgspec.Struct, kw_only=True):
    data: list[dict[str, Any]]
    has_more: bool = False


class _Data(msgspec.Struct, kw_only=True):
    object: dict[str, Any]


class _Happened(msgspec.Struct, kw_only=True):
    """An event of Stripe's."""

    id: str
    type: str
    created: Seconds
    data: _Data


class Stripe(Source):
    """An account at Stripe."""

    Options: ClassVar[type[msgspec.Struct]] = StripeOptions
    streams: ClassVar[tuple[str, ...]] = tuple(_LISTS)
    pushes: ClassVar[bool] = True
    options: StripeOptions

    def __init__(
        self,
        options: StripeOptions,
        *,
        connect: Connect,
        clock: Clock,
        place: Place | None = None,
    ) -> None:
        super().__init__(options, connect=connect, clock=clock, place=place)
        self._http: Http | None = None
        self._meaning = Meaning(
            orders=options.orders,
            user_id_key=options.user_id_key,
            order_id_key=options.order_id_key,
        )

    @classmethod
    def faults(cls, options: StripeOptions) -> Iterable[Fault]:
        """What is wrong with options that fit their types."""
        if not (options.api_key or options.webhook_secret):
            told = "there is nothing to ask Stripe with, and nothing to check its webhooks with"
            yield (), told, "give api_key, webhook_secret or both"

    def offered(self) -> Sequence[str]:
        """All streams; none of a source that only takes webhooks."""
        return self.streams if self.options.api_key else ()

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """Everything since the last sweep, newest first; the cursor says how far this one is."""
        at = self._begun(stream, cursor)
        path, params = _LISTS[stream]
        more = True
        while more:
            asked: dict[str, Any] = {**params, "limit": PER_PAGE, "starting_after": at.after}
            if at.since is not None:
                asked["created[gte]"] = at.since
            found = read_record(self._get(path, asked), _List)
            more = found.has_more and bool(found.data)
            told, rejected = read_each(
                reversed(found.data), lambda one: list(self._events(stream, one))
            )
            if more:
                at = msgspec.structs.replace(at, after=_id(found.data[-1]))
            else:
                at = _Position(since=at.began_at, began_at=at.began_at)
            kept = msgspec.json.encode(at).decode()
            yield Page(events=[*chain(*told)], rejected=rejected, cursor=kept)

    def receive(self, call: Call) -> Page:
        """What an event tells."""
        if not self.options.webhook_secret:
            raise NotGenuine("this source has no secret to check webhooks with")
        _check(call, self.options.webhook_secret)
        try:
            told = read_body(call.body, _Happened)
            return Page(events=list(self._changed(told, ask=False)))
        except OddRecord as odd:
            raise NotReadable(odd.message) from None

    def close(self) -> None:
        """Let go of the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _begun(self, stream: str, cursor: str | None) -> _Position:
        """Where to go on: in the middle of a sweep, or at the beginning of a new one."""
        now = self.clock.now()
        began_at = int(now.timestamp())
        if cursor is None:
            wanted = self.place.since if self.place and stream in _HAPPEN_ONCE else None
            since = int(wanted.timestamp()) if wanted else None
            return _Position(since=since, began_at=began_at)
        try:
            last = msgspec.json.decode(cursor, type=_Position)
        except msgspec.MsgspecError:
            raise DataError(
                "the cursor is not one of this source", hint="pull it again from the beginning"
            ) from None
        begin = datetime.fromtimestamp(last.began_at, UTC) - OVERLAP
        if stream == "changes" and begin < now - EVENTS_ARE_KEPT:
            raise DataError(
                "what changed since the last pull is not known: it was too long ago, and Stripe"
                f" keeps events for {EVENTS_ARE_KEPT.days} days",
                hint="pull everything again: vocative source pull NAME --again",
            )
        if last.after is not None:
            return last
        return _Position(since=int(begin.timestamp()), began_at=began_at)

    def _events(self, stream: str, told: dict[str, Any]) -> Iterator[Event]:
        """What an object of a stream tells."""
        if stream == "changes":
            return self._changed(read_record(told, _Happened), ask=True)
        if stream == "customers":
            # A customer does not say when it changed: this is how it is now.
            customer = read_record(told, Customer)
            return customer.events(self._meaning, at=self.clock.now(), version_of=None)
        return self._object(_KINDS[stream], told, ask=True)

    def _changed(self, told: _Happened, *, ask: bool) -> Iterator[Event]:
        """What an event of Stripe's tells."""
        thing = told.data.object
        if told.type in ("customer.created", "customer.updated"):
            at = datetime.fromtimestamp(told.created, UTC)
            customer = read_record(thing, Customer)
            return customer.events(self._meaning, at=at, version_of=told.id)
        return self._object(str(thing.get("object")), thing, ask=ask)

    def _object(self, kind: str, told: dict[str, Any], *, ask: bool) -> Iterator[Event]:
        """What an object tells.

        Args:
            kind: Of object, as Stripe names it.
            told: The object.
            ask: Whether what it leaves out may be asked for. A webhook waits for no answers: the
                next pull has them.
        """
        if kind == "charge":
            return read_record(told, Charge).events(self._meaning)
        if kind == "subscription":
            return read_record(told, Subscription).events()
        if kind == "checkout.session":
            return read_record(told, Checkout).events()
        if kind == "refund":
            return self._refunded(told, ask=ask)
        if kind == "invoice":
            return self._invoiced(read_record(told, Invoice), ask=ask)
        return iter(())

    def _refunded(self, told: dict[str, Any], *, ask: bool) -> Iterator[Event]:
        charge = told.get("charge")
        if isinstance(charge, str) and ask:
            charge = self._get(f"charges/{charge}", {})
        if isinstance(charge, dict):
            # Whose it was is said by what was paid back.
            yield from read_record(told, Refund).events(self._meaning, read_record(charge, Charge))

    def _invoiced(self, invoice: Invoice, *, ask: bool) -> Iterator[Event]:
        lines: list[InvoiceLine] = list(invoice.lines.data)
        if invoice.lines.has_more:
            if not ask:
                return
            lines = self._lines(invoice.id)
        yield from invoice.events(self._meaning, lines)

    def _lines(self, invoice_id: str) -> list[InvoiceLine]:
        lines: list[InvoiceLine] = []
        after, more = None, True
        while more:
            params = {"limit": PER_PAGE, "starting_after": after}
            answer = self._get(f"invoices/{invoice_id}/lines", params)
            page = read_record(answer, InvoiceLines)
            lines += page.data
            more = page.has_more and bool(page.data)
            after = _id(answer["data"][-1]) if more else None
        return lines

    def _get(self, path: str, params: Mapping[str, Any]) -> Any:
        if self._http is None:
            headers = {
                "authorization": f"Bearer {self.options.api_key}",
                "stripe-version": API_VERSION,
            }
            self._http = self.connect("https://api.stripe.com/v1", headers=headers, per_second=20)
        return self._http.get(path, params=params).json()


_HAPPEN_ONCE = ("payments", "refunds", "checkouts", "changes")
"""Streams of what lies behind us once it was created; others may go on."""
_KINDS: Mapping[str, str] = {
    "payments": "charge",
    "refunds": "refund",
    "subscriptions": "subscription",
    "invoices": "invoice",
    "checkouts": "checkout.session",
}
"""By stream: the kind of object that it has."""


def _check(call: Call, secret: str) -> None:
    """Check `Stripe-Signature`: a time, and signatures of the time and the body.

    There are several while a secret is being exchanged for another.
    """
    parts = [part.partition("=") for part in call.headers.get("stripe-signature", "").split(",")]
    times = [value for name, _, value in parts if name.strip() == "t" and value.isdecimal()]
    stated = [value for name, _, value in parts if name.strip() == "v1"]
    if len(times) != 1 or not times[0].isascii() or len(times[0]) > 11:
        raise NotGenuine("there is no time in the signature")
    signed = times[0].encode() + b"." + call.body
    expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not any(hmac.compare_digest(one.encode(), expected.encode()) for one in stated):
        raise NotGenuine("the signature is wrong, or there is none")
    require_recent(datetime.fromtimestamp(int(times[0]), UTC), from_micros(call.received_at))


def _id(told: dict[str, Any]) -> str:
    """The id of an object after which a list goes on.

    Raises:
        DataError: it has none.
    """
    found = told.get("id")
    if not isinstance(found, str):
        raise DataError("Stripe answered with a list that cannot be gone on with")
    return found
