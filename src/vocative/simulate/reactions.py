"""What each mail means to its reader, and how the reader takes it.

In: delivered mails and the truth about their readers. Out: `Batch`, what each reader finds and
rolls, and `Reactions`, what follows. A mail's dice depend on the mail and the seed alone.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from vocative.clock import to_micros
from vocative.simulate.inbox import Contents, DeliveredMail, Eye
from vocative.simulate.localtime import LocalTime
from vocative.simulate.newsletters import (
    FAVOURITE_LIFT,
    OPENS_AFTER_DROPOUT,
    ORDER_AT_ONCE_RATE,
    POSITION_DECAY,
    SUBJECT_TASTE_WEIGHT,
    Reader,
    purchase_delays,
)
from vocative.simulate.people import (
    Choice,
    activity_by_hour,
    click_rate,
    open_rate,
    order_rates,
)
from vocative.simulate.truth import TrueAccount, Truth
from vocative.simulate.world import DAY_MS, MINUTE_MS, SECOND_MS, Bools, Floats, Ints, scatter

FATIGUE_DAYS = 28

# One uniform number per mail and question; the order is part of the world.
(
    DIE_OPEN,
    DIE_SLOT,
    DIE_MINUTE,
    DIE_CLICK,
    DIE_BUY,
    DIE_AT_ONCE,
    DIE_LATER,
    DIE_LEAVE,
    DIE_COMPLAIN,
    DIE_PROXY,
    DIE_PACE,
) = range(11)
_DICE = 11


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Mails that reach a living mailbox, in columns, with what each reader finds and rolls."""

    mails: list[DeliveredMail]
    accounts: list[TrueAccount]
    contents: list[Contents]
    person: Ints
    at_ms: Ints
    dice: Floats
    best: Ints
    affinity: Floats
    subject_lift: Floats
    recent: Floats
    value: Floats


@dataclass(frozen=True, kw_only=True)
class Reactions:
    """What follows from each mail of a batch."""

    open_rate: Floats
    click_rate: Floats
    after_click: Floats
    after_open: Floats
    opened: Bools
    clicked: Bools
    buys: Bools
    at_once: Bools
    opened_ms: Ints
    clicked_ms: Ints
    ordered_now_ms: Ints
    ordered_later_ms: Ints

    @property
    def ordered_ms(self) -> Ints:
        """When the order comes, if it comes."""
        now = self.clicked & self.at_once
        return np.asarray(np.where(now, self.ordered_now_ms, self.ordered_later_ms))


def read_mails(kept: list[tuple[DeliveredMail, TrueAccount]], truth: Truth, seed: int) -> Batch:
    """Look into every mail with its reader's eyes, and roll the dice."""
    eye = Eye(truth.items)
    choice = Choice(people=truth.people, items=truth.items, world=truth.world)
    count = len(kept)
    best, affinity, lift, value = (np.zeros(count) for _ in range(4))
    contents = []
    for n, (mail, account) in enumerate(kept):
        contents.append(eye.read(mail))
        best[n], affinity[n] = _best_of(contents[-1].items, account.person, truth, choice)
        lift[n] = _subject_lift(mail.subject, account, truth, eye, choice)
        value[n] = truth.items.price[int(best[n])]
    person = np.array([account.person for _, account in kept], dtype=np.int64)
    at_ms = np.array([to_micros(mail.at) // 1_000 for mail, _ in kept], dtype=np.int64)
    return Batch(
        mails=[mail for mail, _ in kept],
        accounts=[account for _, account in kept],
        contents=contents,
        person=person,
        at_ms=at_ms,
        dice=_roll([mail for mail, _ in kept], seed),
        best=best.astype(np.int64),
        affinity=affinity,
        subject_lift=lift,
        recent=_recent_mails(person, at_ms),
        value=value,
    )


def _roll(mails: list[DeliveredMail], seed: int) -> Floats:
    """Uniform numbers per mail that depend on nothing but the mail and the seed."""
    keys = [f"{seed}:{mail.message_id}:{mail.to_address.casefold()}".encode() for mail in mails]
    digests = b"".join(hashlib.blake2b(key, digest_size=8).digest() for key in keys)
    base = np.frombuffer(digests, dtype="<u8").view(np.int64)
    rolled = [scatter(scatter(base, die), die) for die in range(_DICE)]
    return (np.stack(rolled, axis=1).view(np.uint64) >> np.uint64(11)) / 2.0**53


def _best_of(
    shown: tuple[int, ...], person: int, truth: Truth, choice: Choice
) -> tuple[int, float]:
    """The item shown that appeals most and can be bought; without one, an own favourite."""
    weight = FAVOURITE_LIFT * truth.world.taste
    favourites = truth.people.favourites[person].tolist()
    best, appeal = -1, -np.inf
    for position, item in enumerate(shown):
        if not truth.items.for_sale[item]:
            continue
        liking = float(choice.affinity[person, item]) + weight * (item in favourites)
        liking *= POSITION_DECAY[min(position, len(POSITION_DECAY) - 1)]
        if liking > appeal:
            best, appeal = item, liking
    if best >= 0:
        return best, appeal
    own = [item for item in favourites if truth.items.for_sale[item]]
    return (own or [int(np.argmax(truth.items.popularity * truth.items.for_sale))])[0], 0.0


def _subject_lift(
    subject: str, account: TrueAccount, truth: Truth, eye: Eye, choice: Choice
) -> float:
    """Log-odds that this subject line adds for this person; what it says is all that counts."""
    world, person = truth.world, account.person
    lift = 0.0
    words = subject.casefold()
    name = account.first_name.strip().casefold()
    if name and f" {name} " in f" {''.join(c if c.isalnum() else ' ' for c in words)} ":
        lift += float(truth.people.name_liking[person])
    items, categories = eye.named_in_subject(subject)
    tastes = [float(truth.people.category_taste[person, c]) for c in categories]
    tastes += [float(choice.affinity[person, item]) for item in items]
    if tastes:
        lift += SUBJECT_TASTE_WEIGHT * max(tastes)
    if any(mark in subject for mark in ("{{", "{%", "*|", "%%")):
        lift -= 0.8
    return world.subject_weight * lift


def _recent_mails(person: Ints, at_ms: Ints) -> Floats:
    """How many earlier mails of the batch each person had in the four weeks before."""
    key = person * 2**42 + at_ms
    ordered = np.sort(key)
    before = np.searchsorted(ordered, key) - np.searchsorted(ordered, key - FATIGUE_DAYS * DAY_MS)
    return np.asarray(before, dtype=np.float64)


def react(batch: Batch, truth: Truth) -> Reactions:
    """Who opens, clicks and orders, when, and how likely each was."""
    people, world, dice = truth.people, truth.world, batch.dice
    local = LocalTime(int(batch.at_ms.min()) - DAY_MS, int(batch.at_ms.max()) + 3 * DAY_MS)
    choice = Choice(people=people, items=truth.items, world=world)
    reader = Reader(people=people, choice=choice, world=world, local=local)
    activity = activity_by_hour(people, world)
    here = people.dropout_ms[batch.person] > batch.at_ms
    opening = open_rate(
        people,
        batch.person,
        subject_lift=batch.subject_lift,
        activity=reader.activity_at(batch.person, batch.at_ms, activity),
        recent_mails=batch.recent,
        world=world,
    ) * np.where(here, 1.0, OPENS_AFTER_DROPOUT)
    can_click = np.array([clickable(contents) is not None for contents in batch.contents])
    clicking = click_rate(batch.affinity, world=world) * can_click
    after_click, after_open = order_rates(people, batch.person, batch.affinity, world=world)
    opened = dice[:, DIE_OPEN] < opening
    clicked = opened & (dice[:, DIE_CLICK] < clicking)
    delays = reader.open_delays(
        batch.person, batch.at_ms, activity, dice[:, [DIE_SLOT, DIE_MINUTE]]
    )
    opened_ms = batch.at_ms + delays
    clicked_ms = opened_ms + 5 * SECOND_MS + (dice[:, DIE_PACE] * 4 * MINUTE_MS).astype(np.int64)
    ordering = np.where(clicked, after_click, np.where(opened, after_open, 0.0))
    return Reactions(
        open_rate=opening,
        click_rate=clicking,
        after_click=after_click * here,
        after_open=after_open * here,
        opened=opened,
        clicked=clicked,
        buys=(dice[:, DIE_BUY] < ordering) & here,
        at_once=dice[:, DIE_AT_ONCE] < ORDER_AT_ONCE_RATE,
        opened_ms=opened_ms,
        clicked_ms=clicked_ms,
        ordered_now_ms=clicked_ms + 6 * MINUTE_MS,
        ordered_later_ms=opened_ms + purchase_delays(dice[:, DIE_LATER]) + 6 * MINUTE_MS,
    )


def clickable(contents: Contents) -> str | None:
    """A link to click, whichever; None when there is nothing but ways out."""
    return next(iter((*contents.item_links.values(), *contents.other_links)), None)
