"""Prints events as Segment-shaped JSON lines.

In: a `History`. Out: one line per event row: `messageId`, `type`, `event`, `userId` and/or
`anonymousId`, `timestamp`, `sentAt`, `properties`, `context`. Strings are assembled from
fragments made once per account, item and mail, because there are half a million of them.
"""

import json
from collections.abc import Iterator

import numpy as np

from vocative.simulate.history import History
from vocative.simulate.newsletters import HARD_BOUNCE, Newsletter
from vocative.simulate.telling import (
    ADDED,
    CHECKOUT,
    CLICKED,
    DEVICE,
    EVENT_NAMES,
    IDENTIFY,
    KNOWN,
    MACHINE_OPENED,
    MAIL_BOUNCED,
    MAIL_DELIVERED,
    ORDER,
    REFUND,
    SCANNED,
    UNKNOWN_DEVICE,
    Events,
)
from vocative.simulate.visits import ORDERED
from vocative.simulate.world import Ints, scatter

CHUNK_ROWS = 40_000

_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_IPHONE = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
BROWSERS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/138.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_IPHONE}",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:140.0) Gecko/20100101 Firefox/140.0",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 8) {_WEBKIT} Chrome/138.0.0.0 Mobile Safari/537.36",
)
# Apple's privacy proxy gives exactly this; scanners pretend to be an office computer.
PROXY_AGENT = "Mozilla/5.0"
SCANNER_AGENT = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT} Chrome/120.0.0.0 Safari/537.36 "
    "Edg/120.0.0.0"
)
CURRENCY = "GBP"


def browser_of(person: int) -> str:
    """The user agent a person browses and reads mail with."""
    return BROWSERS[person * 7 % 11 % len(BROWSERS)]


def address_of(person: int) -> str:
    """A person's IP address, from the ranges kept for documentation."""
    return f"198.51.100.{person % 250 + 1}" if person % 2 else f"203.0.113.{person % 250 + 1}"


def proxy_address_of(person: int) -> str:
    """The address a privacy proxy fetches a person's pictures from."""
    return f"17.58.{person % 200 + 10}.{person // 200 % 250 + 1}"


def scanner_address_of(person: int) -> str:
    """The address a security scanner fetches a person's links from."""
    return f"192.0.2.{person % 20 + 1}"


def product_url(item_id: str) -> str:
    """The shop page of an item."""
    return f"https://shop.example/p/{item_id}"


def iso_instants(at_ms: Ints) -> list[str]:
    """RFC 3339 UTC instants with milliseconds."""
    return [f"{text}Z" for text in np.datetime_as_string(at_ms.astype("datetime64[ms]")).tolist()]


class LinePrinter:
    """Prints the events of one history."""

    def __init__(self, history: History, seed: int) -> None:
        self._seed = seed
        self._lines = history.lines
        self._prepare_people(history)
        self._prepare_items(history)
        self._prepare_visits(history)
        self._prepare_mails(history)
        self._refund_visit = history.refunds.visit.tolist()
        self._refund_whole = history.refunds.whole.tolist()

    def print_lines(self, events: Events, numbers: Ints, sent_ms: Ints) -> Iterator[str]:
        """One line per row; a row's number makes its message id."""
        for start in range(0, len(events), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            ids = (scatter(numbers[rows], self._seed) & np.int64(2**62 - 1)).tolist()
            columns = (
                ids,
                iso_instants(events.at_ms[rows]),
                iso_instants(sent_ms[rows]),
                events.kind[rows].tolist(),
                events.identity[rows].tolist(),
                events.account[rows].tolist(),
                events.ref[rows].tolist(),
                events.part[rows].tolist(),
            )
            for number, at, sent, kind, identity, account, ref, part in zip(*columns, strict=True):
                yield (
                    f'{{"messageId":"evt-{number:016x}",{_HEAD[kind]}'
                    f"{self._who(identity, account, ref)},"
                    f'"timestamp":"{at}","sentAt":"{sent}",{self._body(kind, account, ref, part)}}}'
                )

    def _who(self, identity: int, account: int, ref: int) -> str:
        if identity == KNOWN:
            return self._user[account]
        if identity == DEVICE:
            return self._device[self._person[account]]
        if identity == UNKNOWN_DEVICE:
            visit = self._line_visit[ref]
            return f'"anonymousId":"anon-{self._stranger[visit]:012x}"'
        return f"{self._device[self._person[account]]},{self._user[account]}"

    def _body(self, kind: int, account: int, ref: int, part: int) -> str:
        person = self._person[account]
        if kind <= ADDED:
            return f"{self._line_body(kind, ref)},{self._web_context[person]}"
        if kind <= REFUND:
            return f"{self._order_body(kind, ref)},{self._web_context[person]}"
        if kind == IDENTIFY:
            return f"{self._traits[account]},{self._web_context[person]}"
        return self._mail_body(kind, person, ref, part)

    def _line_body(self, kind: int, line: int) -> str:
        item = self._item[self._line_item[line]]
        quantity = f',"quantity":{self._line_quantity[line]}' if kind == ADDED else ""
        return f'"properties":{{{item}{quantity},"currency":"{CURRENCY}"}}'

    def _order_body(self, kind: int, ref: int) -> str:
        visit, whole = ref, True
        if kind == REFUND:
            visit, whole = self._refund_visit[ref], self._refund_whole[ref]
        products, revenue = self._products(visit, whole=whole, bought=kind != CHECKOUT)
        order = "" if self._order_number[visit] < 0 else f'"order_id":"{self.order_id(visit)}",'
        amount = {CHECKOUT: "value", ORDER: "revenue", REFUND: "total"}[kind]
        return (
            f'"properties":{{{order}"{amount}":{revenue:.2f},"currency":"{CURRENCY}",'
            f'"products":[{products}]}}'
        )

    def _products(self, visit: int, *, whole: bool, bought: bool) -> tuple[str, float]:
        chosen = self._line_bought if bought else self._line_added
        parts, revenue = [], 0.0
        for line in range(self._first_line[visit], self._first_line[visit + 1]):
            if not chosen[line]:
                continue
            item, quantity = self._line_item[line], self._line_quantity[line]
            parts.append(f'{{{self._item[item]},"quantity":{quantity}}}')
            revenue += self._price[item] * quantity
            if not whole:
                break
        return ",".join(parts), round(revenue, 2)

    def _mail_body(self, kind: int, person: int, mail: int, part: int) -> str:
        issue = self._mail_issue[mail]
        extra = ""
        if kind in {CLICKED, SCANNED}:
            item = (
                self._mail_click_item[mail] if kind == CLICKED else self._issue_items[issue][part]
            )
            item_id = self._item_id[item]
            extra = f',"link_id":"{item_id}","link_url":"{product_url(item_id)}"'
        elif kind == MAIL_BOUNCED:
            hard = self._mail_state[mail] == HARD_BOUNCE
            extra = f',"bounce_type":"{"hard" if hard else "soft"}"'
        agent, address = browser_of(person), address_of(person)
        if kind == SCANNED or (kind == MACHINE_OPENED and self._is_scanner[person]):
            agent, address = SCANNER_AGENT, scanner_address_of(person)
        elif kind == MACHINE_OPENED:
            agent, address = PROXY_AGENT, proxy_address_of(person)
        context = f'"ip":"{address}","userAgent":"{agent}"'
        if kind in {MAIL_DELIVERED, MAIL_BOUNCED}:
            context = '"channel":"server"'
        return (
            f'"properties":{{{self._issue[issue]},"message_id":"{self._mail_id[mail]}"{extra}}},'
            f'"context":{{{context}}}'
        )

    def order_id(self, visit: int) -> str:
        """Orders are numbered as they were made."""
        return f"SO-{self._order_number[visit] + 100_001}"

    def _prepare_people(self, history: History) -> None:
        self._person = [account.person for account in history.accounts]
        self._user = [f'"userId":"{account.customer_id}"' for account in history.accounts]
        devices = scatter(np.arange(len(history.people)), self._seed + 1) & np.int64(2**48 - 1)
        self._device = [f'"anonymousId":"anon-{device:012x}"' for device in devices.tolist()]
        self._is_scanner = history.people.scanner.tolist()
        self._traits = [
            '"traits":'
            + json.dumps(
                {"email": account.email, "firstName": account.first_name},
                ensure_ascii=False,
                separators=(",", ":"),
            )
            for account in history.accounts
        ]
        self._web_context = [
            f'"context":{{"ip":"{address_of(person)}","userAgent":"{browser_of(person)}"}}'
            for person in range(len(history.people))
        ]

    def _prepare_items(self, history: History) -> None:
        items = history.items
        self._item_id = items.item_id
        self._price = items.price.tolist()
        self._item = [
            f'"product_id":"{item_id}","category":{json.dumps(category)},"price":{price:.2f}'
            for item_id, category, price in zip(
                items.item_id, items.category_name, self._price, strict=True
            )
        ]

    def _prepare_visits(self, history: History) -> None:
        lines, visits = self._lines, history.visits
        self._line_visit = lines.visit.tolist()
        self._line_item = lines.item.tolist()
        self._line_quantity = lines.quantity.tolist()
        self._line_added = lines.added.tolist()
        self._line_bought = lines.bought.tolist()
        self._first_line = np.searchsorted(lines.visit, np.arange(len(visits) + 1)).tolist()
        stranger = scatter(np.arange(len(visits)), self._seed + 2) & np.int64(2**48 - 1)
        self._stranger = stranger.tolist()
        number = np.full(len(visits), -1, dtype=np.int64)
        ordered = np.flatnonzero(visits.outcome == ORDERED)
        number[ordered[np.argsort(visits.at_ms[ordered], kind="stable")]] = np.arange(len(ordered))
        self._order_number = number.tolist()

    def _prepare_mails(self, history: History) -> None:
        mails = history.mails
        self._mail_issue = mails.issue.tolist()
        self._mail_state = mails.state.tolist()
        self._mail_click_item = mails.clicked_item.tolist()
        numbers = scatter(np.arange(len(mails)), self._seed + 3) & np.int64(2**48 - 1)
        self._mail_id = [
            f"{history.issues[issue].campaign_id}.{number:012x}"
            for issue, number in zip(self._mail_issue, numbers.tolist(), strict=True)
        ]
        self._issue = [_issue_properties(issue) for issue in history.issues]
        self._issue_items = [issue.items.tolist() for issue in history.issues]


def _head(kind: int) -> str:
    if kind == IDENTIFY:
        return '"type":"identify",'
    return f'"type":"track","event":"{EVENT_NAMES[kind]}",'


_HEAD = tuple(_head(kind) for kind in range(len(EVENT_NAMES)))


def _issue_properties(issue: Newsletter) -> str:
    subject = json.dumps(issue.subject)
    return (
        f'"campaign_id":"{issue.campaign_id}","campaign_name":"{issue.name}",'
        f'"email_subject":{subject}'
    )
