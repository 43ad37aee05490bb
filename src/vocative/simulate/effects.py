"""What mails truly change: the expected effect of each one, known because we drew the world.

In: one `MailEffect` per mail. Out: sums over any set of them (an arm, a variant, everything).
An effect is the difference to what the same person does in the same days without the mail.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from vocative.simulate.newsletters import ORDER_AT_ONCE_RATE, WEEK_MS
from vocative.simulate.people import SLEEPING_DOG
from vocative.simulate.reactions import Batch, Reactions
from vocative.simulate.truth import Truth


@dataclass(frozen=True, kw_only=True)
class MailEffect:
    """One mail that reached a customer; rates are expectations before the dice fell."""

    message_id: str
    customer_id: str
    person: int
    open_rate: float
    click_rate: float
    baseline_converted: bool
    incremental_conversion_rate: float
    incremental_revenue: float
    opened: bool
    clicked: bool
    ordered_because: bool


@dataclass(frozen=True, kw_only=True)
class EffectSummary:
    """The truth about a set of mails. Rates are per mail; `incremental_*` are expectations.

    `open_rate` counts everybody who reads, also those whose reading no picture can see.
    """

    mails: int
    open_rate: float
    click_rate: float
    baseline_conversion_rate: float
    incremental_conversion_rate: float
    incremental_conversions: float
    incremental_revenue: float
    opened: int
    clicked: int
    ordered_because: int


@dataclass(frozen=True, kw_only=True)
class TrueEffects:
    """Effects of all answered mails. `unknown_addresses` and `dead_mailboxes` had none."""

    mails: tuple[MailEffect, ...]
    unknown_addresses: int
    dead_mailboxes: int

    def summary(self, message_ids: Collection[str] | None = None) -> EffectSummary:
        """Sums over the mails named, or over all."""
        wanted = None if message_ids is None else set(message_ids)
        chosen = [m for m in self.mails if wanted is None or m.message_id in wanted]
        count = len(chosen)

        def mean(total: float) -> float:
            return total / count if count else 0.0

        extra = sum(mail.incremental_conversion_rate for mail in chosen)
        return EffectSummary(
            mails=count,
            open_rate=mean(sum(mail.open_rate for mail in chosen)),
            click_rate=mean(sum(mail.click_rate for mail in chosen)),
            baseline_conversion_rate=mean(sum(mail.baseline_converted for mail in chosen)),
            incremental_conversion_rate=mean(extra),
            incremental_conversions=extra,
            incremental_revenue=sum(mail.incremental_revenue for mail in chosen),
            opened=sum(mail.opened for mail in chosen),
            clicked=sum(mail.clicked for mail in chosen),
            ordered_because=sum(mail.ordered_because for mail in chosen),
        )


def _own_orders(baseline: list[dict[str, Any]], truth: Truth) -> dict[int, list[tuple[int, float]]]:
    """Instant and revenue of the orders people make of their own accord."""
    person_of = {account.customer_id: account.person for account in truth.accounts}
    orders: dict[int, list[tuple[int, float]]] = {}
    for event in baseline:
        if event.get("event") == "Order Completed":
            at_ms = int(np.datetime64(event["timestamp"][:-1], "ms").astype(np.int64))
            revenue = float(event["properties"]["revenue"])
            orders.setdefault(person_of[event["userId"]], []).append((at_ms, revenue))
    return orders


def expect_effects(
    batch: Batch,
    reactions: Reactions,
    truth: Truth,
    baseline: list[dict[str, Any]],
    horizon_ms: int,
    until_ms: int,
) -> Iterator[MailEffect]:
    """Expected change per mail, given what the person does anyway and when they would react."""
    orders = _own_orders(baseline, truth)
    last_ms = np.minimum(batch.at_ms + horizon_ms, until_ms)
    in_time_now = reactions.ordered_now_ms <= last_ms
    in_time_later = reactions.ordered_later_ms <= last_ms
    soon = ORDER_AT_ONCE_RATE * in_time_now + (1 - ORDER_AT_ONCE_RATE) * in_time_later
    clicking = reactions.click_rate
    extra = reactions.open_rate * (
        clicking * reactions.after_click * soon
        + (1 - clicking) * reactions.after_open * in_time_later
    )
    stays_away = truth.world.suppression_rate
    for n, mail in enumerate(batch.mails):
        person, at_ms = int(batch.person[n]), int(batch.at_ms[n])
        own = [(at, worth) for at, worth in orders.get(person, ()) if at_ms < at <= last_ms[n]]
        change = 0.0 if own else float(extra[n])
        revenue = float(extra[n] * batch.value[n])
        if truth.people.uplift_class[person] == SLEEPING_DOG:
            at_risk = [worth for at, worth in own if at <= at_ms + WEEK_MS]
            change = -(stays_away ** len(own)) if own and len(at_risk) == len(own) else change
            revenue -= stays_away * sum(at_risk)
        yield MailEffect(
            message_id=mail.message_id,
            customer_id=batch.accounts[n].customer_id,
            person=person,
            open_rate=float(reactions.open_rate[n]),
            click_rate=float(reactions.open_rate[n] * clicking[n]),
            baseline_converted=bool(own),
            incremental_conversion_rate=change,
            incremental_revenue=revenue,
            opened=bool(reactions.opened[n]),
            clicked=bool(reactions.clicked[n]),
            ordered_because=bool(reactions.buys[n] and reactions.ordered_ms[n] <= last_ms[n]),
        )
