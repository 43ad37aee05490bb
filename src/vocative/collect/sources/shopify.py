"""Shopify: customers and what they allow, orders, products, checkouts that were begun.

The Admin GraphQL API is asked for what changed since the last time; webhooks tell the same at once.
A shop gives so many points a second, and questions cost points: who has none left has to wait.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

import msgspec

from vocative.clock import Clock, from_micros
from vocative.collect.sources._http import Connect, Http, Secret, SourceDown, SourceRefused
from vocative.collect.sources._records import read_each, read_record
from vocative.collect.sources._shop import newest_of
from vocative.collect.sources._shopify_queries import (
    API_VERSION,
    FILTERS,
    LISTS,
    MORE_LINES,
    REFUND,
    CheckoutNode,
    Cost,
    CustomerNode,
    LineNode,
    Nodes,
    OrderLines,
    OrderNode,
    ProductNode,
    RefundLineNode,
    RefundNode,
)
from vocative.collect.sources._shopify_records import (
    Refund,
    checkout_events,
    customer_events,
    order_events,
)
from vocative.collect.sources._shopify_webhooks import read_webhook
from vocative.collect.sources._signatures import base64_hmac_sha256, require_signature
from vocative.collect.sources._words import words_of
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

OVERLAP = timedelta(minutes=10)
"""Shopify's search learns of a change a little after it happened: each pull looks back this far."""
CHECKOUT_OVERLAP = timedelta(days=2)
"""A checkout is told of once it was left, or once its buyer said who they are."""
PAGE_SIZES = {"customers": 100, "products": 100, "orders": 20, "checkouts": 20}
"""As many as one question can pay for; orders have lines, which cost, too."""
MOST_WAITS = 10
"""How often one question may be turned away for its cost before the pull gives up for now."""
LONGEST_WAIT_SECONDS = 60.0
_SHOP = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com")
T = TypeVar("T")


class ShopifyOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a definition of this kind may say."""

    shop: str
    """The shop's own name at Shopify, such as `fern-hollow.myshopify.com`."""
    token: Secret | None = None
    """An access token of the Admin API; or else `client_id` and `client_secret`."""
    client_id: str | None = None
    """Of an app that gets its tokens itself."""
    client_secret: Secret | None = None
    """Of the same app; its webhooks are signed with it, too."""
    webhook_secret: Secret | None = None
    """What webhooks are signed with that were made in the shop's settings."""


class Shopify(Source):
    """A shop at Shopify."""

    Options: ClassVar[type[msgspec.Struct]] = ShopifyOptions
    streams: ClassVar[tuple[str, ...]] = ("customers", "products", "orders", "checkouts")
    pushes: ClassVar[bool] = True
    options: ShopifyOptions

    def __init__(
        self,
        options: ShopifyOptions,
        *,
        connect: Connect,
        clock: Clock,
        place: Place | None = None,
    ) -> None:
        super().__init__(options, connect=connect, clock=clock, place=place)
        self._http: Http | None = None
        self._token = options.token
        self._not_before = 0.0
        """By the monotonic clock: when there are points enough for the next question."""

    @classmethod
    def faults(cls, options: ShopifyOptions) -> Iterable[Fault]:
        """What is wrong with options that fit their types."""
        if not _SHOP.fullmatch(options.shop):
            hint = "it ends in .myshopify.com, and stands in Shopify's settings under Domains"
            yield ("shop",), "this is no shop's own name at Shopify", hint
        if options.client_id and not options.client_secret:
            yield ("client_id",), "client_id stands without client_secret", "give both, or a token"
        if not (options.token or options.client_id or options.webhook_secret):
            hint = "give client_id and client_secret, or a token"
            yield (), "there is nothing to ask Shopify with", hint

    def offered(self) -> Sequence[str]:
        """All streams; none of a source that only takes webhooks."""
        return self.streams if self.options.token or self.options.client_id else ()

    def pull(self, stream: str, cursor: str | None) -> Iterator[Page]:
        """What changed since a cursor: the time of the newest change that was read."""
        newest = _instant(cursor)
        if newest is None and self.place and stream in ("orders", "checkouts"):
            # Whatever happened to one that has not changed since then was before it.
            newest = self.place.since
        search = None
        if newest is not None:
            # Quoted: a colon separates names from values in Shopify's search.
            since = newest - (CHECKOUT_OVERLAP if stream == "checkouts" else OVERLAP)
            search = f"{FILTERS[stream]}:>='{since.isoformat()}'"
        after, size, more = None, PAGE_SIZES[stream], True
        while more:
            variables = {"first": size, "after": after, "query": search}
            try:
                (answer,) = self._ask(LISTS[stream], variables).values()
            except _TooDear:
                if size == 1:
                    raise DataError("Shopify finds one record too dear to tell") from None
                size = max(1, size // 2)
                continue
            found = _read(answer, Nodes[dict[str, Any]])
            page, changed_at = self._page(stream, found.nodes)
            newest = max((one for one in (newest, changed_at) if one), default=None)
            yield Page(
                events=page.events,
                items=page.items,
                rejected=page.rejected,
                cursor=newest.isoformat() if newest else None,
            )
            after, more = found.page_info.end_cursor, found.page_info.has_next_page

    def receive(self, call: Call) -> Page:
        """What a webhook tells, by its topic."""
        secret = self.options.webhook_secret or self.options.client_secret
        if not secret:
            raise NotGenuine("this source has no secret to check webhooks with")
        stated = call.headers.get("x-shopify-hmac-sha256")
        require_signature(stated, base64_hmac_sha256(secret, call.body))
        # An app has one secret for all shops that installed it.
        if call.headers.get("x-shopify-shop-domain", self.options.shop) != self.options.shop:
            raise NotReadable("this is about another shop")
        topic = call.headers.get("x-shopify-topic", "")
        return read_webhook(topic, call.body, from_micros(call.received_at))

    def close(self) -> None:
        """Let go of the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _page(self, stream: str, nodes: Sequence[dict[str, Any]]) -> tuple[Page, datetime | None]:
        """What nodes tell, and the newest change among them."""
        events: list[Event] = []
        items: list[dict[str, Any]] = []
        times, rejected = read_each(nodes, lambda node: self._told(stream, node, events, items))
        page = Page(events=events, items=items, rejected=rejected)
        return page, newest_of(times, self.clock.now())

    def _told(
        self, stream: str, node: dict[str, Any], events: list[Event], items: list[dict[str, Any]]
    ) -> datetime:
        """Add what a node tells; returns the time that its stream goes by."""
        if stream == "customers":
            customer = _read(node, CustomerNode)
            events += customer_events(customer.record())
            return customer.updated_at
        if stream == "products":
            product = _read(node, ProductNode)
            items.append(product.item())
            return product.updated_at
        if stream == "orders":
            order = _read(node, OrderNode)
            refunds = [self._refund(one.id) for one in order.refunds]
            events += order_events(order.record(self._lines(order), refunds))
            return order.updated_at
        checkout = _read(node, CheckoutNode)
        events += checkout_events(checkout.record())
        return checkout.created_at

    def _lines(self, order: OrderNode) -> list[LineNode]:
        """All lines of an order; the list of orders has only the first of them."""
        lines, page = list(order.line_items.nodes), order.line_items.page_info
        while page.has_next_page:
            answer = self._ask(MORE_LINES, {"id": order.id, "after": page.end_cursor})
            more = _read(answer.get("order"), OrderLines).line_items
            lines += more.nodes
            page = more.page_info
        return lines

    def _refund(self, refund_id: str) -> Refund:
        lines: list[RefundLineNode] = []
        after = None
        while True:
            answer = self._ask(REFUND, {"id": refund_id, "after": after})
            refund = _read(answer.get("refund"), RefundNode)
            lines += refund.refund_line_items.nodes
            page = refund.refund_line_items.page_info
            if not page.has_next_page:
                return refund.record(lines)
            after = page.end_cursor

    def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """The data that answers a query.

        Raises:
            SourceDown: there are no points for it in reasonable time, or Shopify fails.
            SourceRefused: it is not allowed, or wrong.
            _TooDear: it would cost more than any question may.
        """
        for _ in range(MOST_WAITS):
            time.sleep(max(0.0, self._not_before - time.monotonic()))
            answer = self._posted({"query": query, "variables": variables})
            wait = self._keep_account(answer)
            codes, words = _errors(answer)
            if "MAX_COST_EXCEEDED" in codes:
                raise _TooDear
            if "THROTTLED" in codes:
                if wait > LONGEST_WAIT_SECONDS:
                    raise SourceDown("Shopify has no points left for us", wait_seconds=wait)
                continue
            if "INTERNAL_SERVER_ERROR" in codes or "TIMEOUT" in codes:
                raise SourceDown("Shopify could not answer")
            if words:
                hint = None
                if "ACCESS_DENIED" in codes:
                    hint = "give the app the scopes that this source needs"
                raise SourceRefused(f"Shopify refused a question: {words}", hint=hint)
            data = answer.get("data")
            if not isinstance(data, dict):
                raise DataError("Shopify answered with neither data nor errors")
            return data
        raise SourceDown("Shopify has no points left for us", wait_seconds=LONGEST_WAIT_SECONDS)

    def _keep_account(self, answer: dict[str, Any]) -> float:
        """Note how long to wait until the same question can be paid again, in seconds."""
        try:
            told = msgspec.convert(answer.get("extensions"), _Extensions, strict=False)
        except msgspec.ValidationError:
            return 0.0
        throttle = told.cost.throttle_status
        if throttle is None or throttle.restore_rate <= 0:
            return 0.0
        lacking = told.cost.requested_query_cost - throttle.currently_available
        wait = max(0.0, lacking / throttle.restore_rate)
        self._not_before = time.monotonic() + min(wait, LONGEST_WAIT_SECONDS)
        return wait

    def _posted(self, question: dict[str, Any]) -> dict[str, Any]:
        """The answer to a question, with a new token where the present one has run out."""
        fresh = self._token is None
        try:
            answer = self._post(question)
        except SourceRefused as refusal:
            if fresh or refusal.answer_status != 401 or not self.options.client_id:
                raise
            self._token = None
            answer = self._post(question)
        if not isinstance(answer, dict):
            raise DataError("Shopify answered with something that is no object")
        return answer

    def _post(self, question: dict[str, Any]) -> Any:
        if self._http is None:
            self._http = self.connect(f"https://{self.options.shop}")
        if self._token is None:
            self._token = self._new_token(self._http)
        path = f"/admin/api/{API_VERSION}/graphql.json"
        headers = {"x-shopify-access-token": self._token}
        return self._http.post(path, json=question, headers=headers).json()

    def _new_token(self, http: Http) -> str:
        """A token for a day, by the grant of client credentials (RFC 6749, 4.4)."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.options.client_id or "",
            "client_secret": self.options.client_secret or "",
        }
        return _read(http.post("/admin/oauth/access_token", form=form).json(), _Grant).access_token


class _TooDear(Exception):
    """A question would cost more than any may."""


class _Extensions(msgspec.Struct, frozen=True):
    cost: Cost


class _Grant(msgspec.Struct, frozen=True):
    access_token: str


def _errors(answer: dict[str, Any]) -> tuple[set[str], str]:
    """The codes of an answer's errors, and what they say; neither where there are none."""
    errors = answer.get("errors")
    if not errors:
        return set(), ""
    told = errors if isinstance(errors, list) else []
    extensions = [one.get("extensions") for one in told if isinstance(one, dict)]
    codes = {str(one.get("code")) for one in extensions if isinstance(one, dict)}
    return codes, words_of(msgspec.json.encode(errors)) or "without a word"


def _read(value: Any, shape: type[T]) -> T:
    # Amounts and ids are written as text.
    return read_record(value, shape, strict=False)


def _instant(cursor: str | None) -> datetime | None:
    """The time a cursor stands for.

    Raises:
        DataError: it is none of this source's.
    """
    if cursor is None:
        return None
    try:
        return datetime.fromisoformat(cursor).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DataError(
            "the cursor is not one of this source", hint="pull it again from the beginning"
        ) from None
