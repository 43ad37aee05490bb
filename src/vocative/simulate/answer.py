"""Customers answer real mails: machines and people fetch links, buy, leave, complain; or do not.

In: delivered mails and the folder of the world whose customers they reached. Out: `Answers`: the
HTTP requests their mail programs and they would make, the events the shop would record until a
given instant (also those of everybody who got no mail), and the true effect. Nothing is sent
from here. Refuses: an instant beyond the world's known future.

The same mail gets the same answer whatever else is in the batch, and people go on with their own
lives identically whether or not mails are answered, so batches can be compared mail by mail.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from vocative.clock import from_micros, to_micros
from vocative.errors import DataError
from vocative.simulate.effects import MailEffect, TrueEffects, expect_effects
from vocative.simulate.inbox import Contents, DeliveredMail
from vocative.simulate.lines import (
    CURRENCY,
    PROXY_AGENT,
    SCANNER_AGENT,
    address_of,
    browser_of,
    iso_instants,
    proxy_address_of,
    scanner_address_of,
)
from vocative.simulate.newsletters import (
    WEEK_MS,
    leave_rate,
)
from vocative.simulate.people import (
    SLEEPING_DOG,
)
from vocative.simulate.reactions import (
    DIE_COMPLAIN,
    DIE_LEAVE,
    DIE_PACE,
    DIE_PROXY,
    Batch,
    Reactions,
    clickable,
    react,
    read_mails,
)
from vocative.simulate.truth import TrueAccount, Truth, read_truth
from vocative.simulate.world import (
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
)

ONE_CLICK_BODY = "List-Unsubscribe=One-Click"
FATIGUE_DAYS = 28


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One HTTP request that a person or a machine makes because of a mail."""

    method: str
    url: str
    at: datetime
    user_agent: str
    ip: str
    body: str = ""


@dataclass(frozen=True, kw_only=True)
class Answers:
    """Requests and events by instant, and the truth about what the mails did.

    `events` are Segment-shaped: those of people's own lives and those that mails caused.
    """

    visits: list[Visit]
    events: list[dict[str, Any]]
    truth: TrueEffects


@dataclass
class _Story:
    """Collects requests and events."""

    seed: int
    until_ms: int
    visits: list[tuple[int, Visit]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def fetch(
        self,
        at_ms: int,
        url: str | None,
        *,
        agent: str,
        ip: str,
        method: str = "GET",
        body: str = "",
    ) -> None:
        if url is None or at_ms > self.until_ms:
            return
        at = from_micros(at_ms * 1_000)
        visit = Visit(method=method, url=url, at=at, user_agent=agent, ip=ip, body=body)
        self.visits.append((at_ms, visit))

    def tell(
        self,
        at_ms: int,
        name: str,
        mail: DeliveredMail,
        customer_id: str,
        properties: dict[str, Any],
    ) -> None:
        if at_ms > self.until_ms:
            return
        at = iso_instants(np.array([at_ms]))[0]
        key = f"{self.seed}:{mail.message_id}:{mail.to_address}:{name}:{at}".encode()
        self.events.append(
            {
                "messageId": f"sim-{hashlib.blake2b(key, digest_size=12).hexdigest()}",
                "type": "track",
                "event": name,
                "userId": customer_id,
                "timestamp": at,
                "sentAt": at,
                "properties": properties,
                "context": {},
            }
        )


def answer(
    mails: Iterable[DeliveredMail],
    folder_of_world: Path,
    *,
    seed: int,
    until: datetime,
    since: datetime | None = None,
    horizon: timedelta = timedelta(days=7),
) -> Answers:
    """Let the customers of a world react to mails, and everybody live on until `until`.

    Args:
        mails: Mails as delivered; addresses nobody has are counted and ignored.
        folder_of_world: What `generate` wrote.
        seed: Decides how the dice fall for each mail.
        until: Aware instant; nothing after it is returned.
        since: People's own events begin after this; by default after the first mail, or after
            the end of the world's records when there is none.
        horizon: The true effect counts orders within this long after each mail.

    Returns:
        Requests and events sorted by instant, and the true effects.

    Raises:
        DataError: no world there, or `until` lies beyond its known future.
    """
    truth = read_truth(folder_of_world)
    until_ms = to_micros(until) // 1_000
    if until_ms > truth.future_ms:
        last = from_micros(truth.future_ms * 1_000)
        raise DataError(
            f"this world is known until {last:%Y-%m-%d %H:%M} UTC only",
            where=folder_of_world,
            hint="generate a world that ends later",
        )
    sent = sorted(mails, key=lambda mail: (mail.at, mail.message_id, mail.to_address))
    since_ms = truth.end_ms if since is None else to_micros(since) // 1_000
    if since is None and sent:
        since_ms = to_micros(sent[0].at) // 1_000
    story = _Story(seed=seed, until_ms=until_ms)
    baseline = list(truth.future_events(since_ms, until_ms))
    batch, unknown, dead = _sort_mails(sent, truth, story, seed)
    effects: list[MailEffect] = []
    if batch.mails:
        reactions = react(batch, truth)
        _tell_machines(batch, truth, story)
        _tell_people(batch, reactions, truth, story)
        horizon_ms = horizon // timedelta(milliseconds=1)
        effects = list(expect_effects(batch, reactions, truth, baseline, horizon_ms, until_ms))
        baseline = list(_without_put_off(baseline, batch, truth, seed))
    story.events.extend(baseline)
    return Answers(
        visits=[visit for _, visit in sorted(story.visits, key=lambda pair: pair[0])],
        events=sorted(story.events, key=lambda event: (event["timestamp"], event["messageId"])),
        truth=TrueEffects(mails=tuple(effects), unknown_addresses=unknown, dead_mailboxes=dead),
    )


def _sort_mails(
    sent: list[DeliveredMail], truth: Truth, story: _Story, seed: int
) -> tuple[Batch, int, int]:
    """Keep what somebody can read; dead mailboxes answer with a bounce."""
    kept: list[tuple[DeliveredMail, TrueAccount]] = []
    unknown = dead = 0
    for mail in sent:
        account = truth.by_address.get(mail.to_address.casefold())
        if account is None:
            unknown += 1
        elif truth.people.dead_mailbox[account.person]:
            dead += 1
            at_ms = to_micros(mail.at) // 1_000 + 2 * MINUTE_MS
            properties = {"message_id": mail.message_id, "bounce_type": "hard"}
            story.tell(at_ms, "Email Bounced", mail, account.customer_id, properties)
        else:
            kept.append((mail, account))
    return read_mails(kept, truth, seed), unknown, dead


def _tell_machines(batch: Batch, truth: Truth, story: _Story) -> None:
    for n, contents in enumerate(batch.contents):
        person, at_ms = int(batch.person[n]), int(batch.at_ms[n])
        if truth.people.scanner[person]:
            _scan(contents, person, at_ms, story)
        if _prefetched(batch, truth, n):
            story.fetch(
                at_ms + SECOND_MS + int(batch.dice[n, DIE_PACE] * 20 * SECOND_MS),
                contents.pixel,
                agent=PROXY_AGENT,
                ip=proxy_address_of(person),
            )


def _prefetched(batch: Batch, truth: Truth, n: int) -> bool:
    return bool(truth.people.privacy_proxy[batch.person[n]] and batch.dice[n, DIE_PROXY] < 0.93)


def _scan(contents: Contents, person: int, at_ms: int, story: _Story) -> None:
    """A security scanner tries every link, ways out included, within a second."""
    method = "HEAD" if person % 2 else "GET"
    step = 900 // max(1, len(contents.all_links))
    for place, url in enumerate(contents.all_links):
        story.fetch(
            at_ms + 300 + place * step,
            url,
            agent=SCANNER_AGENT,
            ip=scanner_address_of(person),
            method=method,
        )


def _tell_people(batch: Batch, reactions: Reactions, truth: Truth, story: _Story) -> None:
    left_before = truth.people.unsubscribed_ms[batch.person] < batch.at_ms
    leaving = leave_rate(batch.recent, batch.affinity, truth.world)
    ordered_ms = reactions.ordered_ms
    for n, contents in enumerate(batch.contents):
        person = int(batch.person[n])
        own = {"agent": browser_of(person), "ip": address_of(person)}
        if reactions.opened[n] and not _prefetched(batch, truth, n):
            story.fetch(int(reactions.opened_ms[n]), contents.pixel, **own)
        if reactions.clicked[n]:
            at_ms = int(reactions.clicked_ms[n])
            link = contents.item_links.get(int(batch.best[n])) or clickable(contents)
            story.fetch(at_ms, link, **own)
            _look(batch, n, at_ms + 4 * SECOND_MS, truth, story)
        if reactions.buys[n]:
            _buy(batch, n, int(ordered_ms[n]), truth, story, seen=bool(reactions.clicked[n]))
        _maybe_leave(batch, n, reactions, leaving[n], truth, story, left=bool(left_before[n]))


def _maybe_leave(
    batch: Batch,
    n: int,
    reactions: Reactions,
    leaving: float,
    truth: Truth,
    story: _Story,
    *,
    left: bool,
) -> None:
    """Some unsubscribe; some complain instead, above all those who had unsubscribed before."""
    contents, mail = batch.contents[n], batch.mails[n]
    person, at_ms = int(batch.person[n]), int(batch.at_ms[n])
    opened_ms = int(reactions.opened_ms[n])
    at_ms = opened_ms if reactions.opened[n] else at_ms + 3 * HOUR_MS
    complaining = 0.3 if left else truth.world.complaint_rate
    leaves = batch.dice[n, DIE_LEAVE] < leaving
    if leaves and contents.leave_url is None:
        complaining = 1.0
    if batch.dice[n, DIE_COMPLAIN] < complaining:
        properties = {"message_id": mail.message_id}
        customer_id = batch.accounts[n].customer_id
        story.tell(at_ms + MINUTE_MS, "Email Marked as Spam", mail, customer_id, properties)
    elif leaves:
        story.fetch(
            at_ms + 40 * SECOND_MS,
            contents.leave_url,
            agent=browser_of(person),
            ip=address_of(person),
            method="POST",
            body=ONE_CLICK_BODY,
        )


def _product(item: int, truth: Truth) -> dict[str, Any]:
    return {
        "product_id": truth.items.item_id[item],
        "category": truth.items.category_name[item],
        "price": float(truth.items.price[item]),
    }


def _look(batch: Batch, n: int, at_ms: int, truth: Truth, story: _Story) -> None:
    product = {**_product(int(batch.best[n]), truth), "currency": CURRENCY}
    mail, customer_id = batch.mails[n], batch.accounts[n].customer_id
    story.tell(at_ms, "Product Viewed", mail, customer_id, product)


def _buy(batch: Batch, n: int, at_ms: int, truth: Truth, story: _Story, *, seen: bool) -> None:
    mail, customer_id = batch.mails[n], batch.accounts[n].customer_id
    product = {**_product(int(batch.best[n]), truth), "quantity": 1}
    if not seen:
        _look(batch, n, at_ms - 5 * MINUTE_MS, truth, story)
    added = {**product, "currency": CURRENCY}
    story.tell(at_ms - 4 * MINUTE_MS, "Product Added", mail, customer_id, added)
    key = f"{story.seed}:{mail.message_id}:{mail.to_address}".encode()
    revenue = product["price"]
    order = {
        "order_id": f"SM-{hashlib.blake2b(key, digest_size=6).hexdigest()}",
        "currency": CURRENCY,
        "products": [product],
    }
    checkout = {**order, "value": revenue}
    story.tell(at_ms - 3 * MINUTE_MS, "Checkout Started", mail, customer_id, checkout)
    story.tell(at_ms, "Order Completed", mail, customer_id, {**order, "revenue": revenue})


def _without_put_off(
    baseline: list[dict[str, Any]], batch: Batch, truth: Truth, seed: int
) -> Iterator[dict[str, Any]]:
    """Drop the orders that sleeping dogs no longer make in the week after a mail."""
    rate = truth.world.suppression_rate
    person_of = {account.customer_id: account.person for account in truth.accounts}
    mailed: dict[int, list[int]] = {}
    for person, at_ms in zip(batch.person.tolist(), batch.at_ms.tolist(), strict=True):
        if truth.people.uplift_class[person] == SLEEPING_DOG:
            mailed.setdefault(person, []).append(at_ms)
    dropped: set[str] = set()
    for event in baseline:
        person = person_of.get(event.get("userId", ""), -1)
        order_id = str(event.get("properties", {}).get("order_id", ""))
        if event.get("event") == "Order Completed" and person in mailed:
            at_ms = int(np.datetime64(event["timestamp"][:-1], "ms").astype(np.int64))
            within = any(sent < at_ms <= sent + WEEK_MS for sent in mailed[person])
            key = f"{seed}:{event['messageId']}".encode()
            die = int.from_bytes(hashlib.blake2b(key, digest_size=7).digest()) / 2.0**56
            if within and die < rate:
                dropped.add(order_id)
        if not (order_id in dropped and event.get("event", "").startswith("Order ")):
            yield event
