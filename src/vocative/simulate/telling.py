"""Turns what happened into events, under the names the shop knew people by at the time.

In: visits, lines, mails, refunds. Out: `Events`, one row per event that refers back to them.
"""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from vocative.simulate.accounts import DUPLICATE_KINDS, Account
from vocative.simulate.baskets import Lines, Pace, Refunds
from vocative.simulate.newsletters import DELIVERED, ITEMS_PER_ISSUE, Mails
from vocative.simulate.people import NEVER_MS
from vocative.simulate.visits import (
    BEFORE_SIGNUP,
    CHECKED_OUT,
    MAIL,
    ORDERED,
    SIGNUP,
    STRANGER,
    Visits,
)
from vocative.simulate.world import SECOND_MS, Bools, Ints, World

# Event kinds: the number is the place in EVENT_NAMES.
VIEWED, ADDED, CHECKOUT, ORDER, REFUND, IDENTIFY = range(6)
MAIL_DELIVERED, MAIL_BOUNCED, OPENED, MACHINE_OPENED, CLICKED, SCANNED, UNSUBSCRIBED = range(6, 13)
EVENT_NAMES = (
    "Product Viewed",
    "Product Added",
    "Checkout Started",
    "Order Completed",
    "Order Refunded",
    "identify",
    "Email Delivered",
    "Email Bounced",
    "Email Opened",
    "Email Opened",
    "Email Link Clicked",
    "Email Link Clicked",
    "Unsubscribed",
)

# Under which name an event is sent.
KNOWN, DEVICE, UNKNOWN_DEVICE, BOTH = range(4)


@dataclass(frozen=True, kw_only=True)
class Events:
    """One row per event; `ref` is a row of lines, visits, refunds or mails, after `kind`."""

    at_ms: Ints
    kind: Ints
    identity: Ints
    account: Ints
    ref: Ints
    part: Ints

    def __len__(self) -> int:
        return len(self.at_ms)

    def take(self, rows: Ints | Bools) -> Self:
        """The chosen rows, in that order."""
        return replace(self, **{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def join_events(parts: list[Events]) -> Events:
    """All events by instant; equal instants in the order of their kinds."""
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Events)}
    joined = Events(**columns)
    return joined.take(np.lexsort((joined.part, joined.ref, joined.kind, joined.at_ms)))


class Telling:
    """Remembers who had which account when."""

    def __init__(
        self, *, accounts: list[Account], count: int, world: World, rng: np.random.Generator
    ) -> None:
        self._world = world
        self._rng = rng
        self._second = np.full(count, -1, dtype=np.int64)
        self._second_from_ms = np.full(count, NEVER_MS, dtype=np.int64)
        for row, account in enumerate(accounts):
            if account.kind in DUPLICATE_KINDS:
                self._second[account.person] = row
                self._second_from_ms[account.person] = account.signup_ms

    def of_shop(self, visits: Visits, lines: Lines, pace: Pace, refunds: Refunds) -> Events:
        """Looks, carts, checkouts, orders, refunds and log-ins."""
        account, identity = self._names(visits)
        late_identity = np.where(identity == DEVICE, KNOWN, identity)
        checked_out = np.flatnonzero(visits.outcome >= CHECKED_OUT)
        ordered = np.flatnonzero(visits.outcome == ORDERED)
        added = np.flatnonzero(lines.added)
        every = np.arange(len(lines))
        back = np.arange(len(refunds.visit))

        def rows(kind: int, at_ms: Ints, ref: Ints, visit: Ints, names: Ints) -> Events:
            return _rows(kind, at_ms, ref, account[visit], names[visit])

        return join_events(
            [
                rows(VIEWED, pace.viewed_ms, every, lines.visit, identity),
                rows(ADDED, pace.added_ms[added], added, lines.visit[added], identity),
                rows(
                    CHECKOUT, pace.checkout_ms[checked_out], checked_out, checked_out, late_identity
                ),
                rows(ORDER, pace.ordered_ms[ordered], ordered, ordered, late_identity),
                rows(REFUND, refunds.at_ms, back, refunds.visit, late_identity),
                self._identifications(visits, pace, account, identity),
            ]
        )

    def _names(self, visits: Visits) -> tuple[Ints, Ints]:
        second = (visits.at_ms >= self._second_from_ms[visits.person]) & (
            self._rng.random(len(visits)) < 0.5
        )
        account = np.where(second, self._second[visits.person], visits.person)
        logged_out = self._rng.random(len(visits)) < self._world.anonymous_visit_rate
        identity = np.where(logged_out, DEVICE, KNOWN)
        identity[(visits.reason == SIGNUP) | (visits.reason == MAIL)] = KNOWN
        identity[visits.reason == BEFORE_SIGNUP] = DEVICE
        identity[visits.reason == STRANGER] = UNKNOWN_DEVICE
        return account, identity

    def _identifications(self, visits: Visits, pace: Pace, account: Ints, identity: Ints) -> Events:
        """Log-ins: at sign-up, before a checkout begun logged out, or at the end of a visit."""
        signup = np.flatnonzero(visits.reason == SIGNUP)
        out = (identity == DEVICE) & (visits.reason != BEFORE_SIGNUP)
        by_will = self._rng.random(len(visits)) < 0.3
        login = np.flatnonzero(out & ((visits.outcome >= CHECKED_OUT) | by_will))
        visit = np.concatenate([signup, login])
        at_ms = np.concatenate(
            [visits.at_ms[signup] - SECOND_MS // 2, pace.checkout_ms[login] - 2 * SECOND_MS]
        )
        names = np.full(len(visit), BOTH, dtype=np.int64)
        return _rows(IDENTIFY, at_ms, visit, account[visit], names)

    def of_mail(self, mails: Mails) -> Events:
        """Deliveries, bounces, opens and clicks of people and machines, unsubscribes."""
        rows = np.arange(len(mails))
        arrived = mails.state == DELIVERED
        happened = [
            (MAIL_DELIVERED, rows[arrived], mails.delivered_ms),
            (MAIL_BOUNCED, rows[~arrived], mails.delivered_ms),
            # A privacy proxy shows the picture it fetched on arrival: nobody sees the person look.
            (OPENED, rows[(mails.opened_ms < NEVER_MS) & ~self._proxied(mails)], mails.opened_ms),
            (MACHINE_OPENED, rows[mails.machine_opened_ms < NEVER_MS], mails.machine_opened_ms),
            (CLICKED, rows[mails.clicked_ms < NEVER_MS], mails.clicked_ms),
            (UNSUBSCRIBED, rows[mails.unsubscribed_ms < NEVER_MS], mails.unsubscribed_ms),
        ]
        parts = [self._mail_rows(mails, kind, ref, at_ms[ref]) for kind, ref, at_ms in happened]
        scanned = rows[mails.scanned_ms < NEVER_MS]
        parts.append(self._mail_rows(mails, MACHINE_OPENED, scanned, mails.scanned_ms[scanned]))
        each = np.repeat(scanned, ITEMS_PER_ISSUE)
        link = np.tile(np.arange(ITEMS_PER_ISSUE), len(scanned))
        at_ms = mails.scanned_ms[each] + 90 * link + self._rng.integers(0, 80, len(each))
        clicks = self._mail_rows(mails, SCANNED, each, at_ms)
        parts.append(replace(clicks, part=link))
        return join_events(parts)

    def _proxied(self, mails: Mails) -> Bools:
        return np.asarray(mails.machine_opened_ms < NEVER_MS)

    def _mail_rows(self, mails: Mails, kind: int, ref: Ints, at_ms: Ints) -> Events:
        return _rows(kind, at_ms, ref, mails.person[ref], np.full(len(ref), KNOWN, dtype=np.int64))


def _rows(kind: int, at_ms: Ints, ref: Ints, account: Ints, identity: Ints) -> Events:
    count = len(at_ms)
    return Events(
        at_ms=at_ms.astype(np.int64),
        kind=np.full(count, kind, dtype=np.int64),
        identity=identity.astype(np.int64),
        account=account.astype(np.int64),
        ref=ref.astype(np.int64),
        part=np.zeros(count, dtype=np.int64),
    )
