"""The newsletters of the past year and what they led to.

In: people, their accounts' consent, the catalogue. Out: `Newsletters`, `Mails` (one row per mail
handed to a mailbox, with when it was opened, clicked or refused, by a person or a machine) and
the shop visits it caused. Each weekly issue goes to a random fifth of the list, so its effect
can be read from history.
"""

from dataclasses import dataclass, replace

import numpy as np

from vocative.simulate.accounts import Account
from vocative.simulate.items import Items
from vocative.simulate.localtime import LocalTime
from vocative.simulate.people import (
    NEVER_MS,
    SLEEPING_DOG,
    Choice,
    People,
    activity_by_hour,
    click_rate,
    open_rate,
    order_rates,
)
from vocative.simulate.visits import BROWSED, MAIL, ORDERED, Visits
from vocative.simulate.words import CATEGORIES
from vocative.simulate.world import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    Bools,
    Floats,
    Ints,
    World,
    sigmoid,
)

ITEMS_PER_ISSUE = 6
WEEK_MS = 7 * DAY_MS
POSITION_DECAY = np.array([1.0, 0.95, 0.9, 0.85, 0.8, 0.75])

# Share of the orders after a click that are made in that very visit.
ORDER_AT_ONCE_RATE = 0.55
SUBJECT_TASTE_WEIGHT = 0.3
FAVOURITE_LIFT = 0.8
# Somebody who has left for good still opens mail now and then.
OPENS_AFTER_DROPOUT = 0.45

DELIVERED, SOFT_BOUNCE, HARD_BOUNCE = range(3)


@dataclass(frozen=True, kw_only=True)
class Newsletter:
    """One issue: subject line, the departments it is about, and the items it shows."""

    campaign_id: str
    name: str
    subject: str
    about: int
    personal: bool
    at_ms: int
    items: Ints


@dataclass(frozen=True, kw_only=True)
class Mails:
    """Columns, one row per mail. An instant that never came is `NEVER_MS`."""

    person: Ints
    issue: Ints
    delivered_ms: Ints
    state: Ints
    opened_ms: Ints
    clicked_ms: Ints
    clicked_item: Ints
    machine_opened_ms: Ints
    scanned_ms: Ints
    unsubscribed_ms: Ints

    def __len__(self) -> int:
        return len(self.person)


def plan_issues(
    items: Items, *, start_ms: int, end_ms: int, rng: np.random.Generator
) -> list[Newsletter]:
    """One issue a week, about two departments, at varying hours; names no person."""
    issues = []
    weeks = max(1, (end_ms - start_ms) // WEEK_MS)
    for week in range(weeks):
        about, also = rng.choice(len(CATEGORIES), 2, replace=False).tolist()
        hour = int(rng.choice([6, 8, 10, 12, 15, 17, 19]))
        day_ms = (start_ms + week * WEEK_MS) // DAY_MS * DAY_MS + DAY_MS
        kind = week % 3
        first, second = CATEGORIES[about].name, CATEGORIES[also].name
        subject = (
            f"{first} and {second}: new this week",
            "{first_name}, something for you this week",
            "This week at the shop",
        )[kind]
        issues.append(
            Newsletter(
                campaign_id=f"newsletter-{week + 1:03d}",
                name=f"Weekly newsletter {week + 1}",
                subject=subject,
                about=about if kind == 0 else -1,
                personal=kind == 1,
                at_ms=day_ms + hour * HOUR_MS,
                items=_best_sellers(items, about, also),
            )
        )
    return [issue for issue in issues if issue.at_ms < end_ms - 2 * HOUR_MS]


def _best_sellers(items: Items, about: int, also: int) -> Ints:
    half = ITEMS_PER_ISSUE // 2
    shown = []
    for category in (about, also):
        rows = np.flatnonzero((items.category == category) & items.for_sale)
        shown.append(rows[np.argsort(-items.popularity[rows], kind="stable")[:half]])
    return np.stack(shown, axis=1).reshape(-1)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Works out how people take to mails; shared by the past and by real mails answered later."""

    people: People
    choice: Choice
    world: World
    local: LocalTime

    def best_shown(self, person: Ints, shown: Ints) -> tuple[Ints, Floats]:
        """The item that appeals most to each person, lower positions less, and its affinity."""
        decay = POSITION_DECAY[np.minimum(np.arange(len(shown)), len(POSITION_DECAY) - 1)]
        loved = (shown[None, :, None] == self.people.favourites[person][:, None, :]).any(axis=2)
        appeal = self.choice.affinity[np.ix_(person, shown)] + loved * (
            FAVOURITE_LIFT * self.world.taste
        )
        appeal = appeal * decay
        best = np.argmax(appeal, axis=1)
        return shown[best], appeal[np.arange(len(person)), best].astype(np.float64)

    def activity_at(self, person: Ints, at_ms: Ints, activity: Floats) -> Floats:
        """Each person's activity in their local hour, mean 1 over the day."""
        return activity[person, self.local.hour(at_ms, self.people.place[person])]

    def open_delays(self, person: Ints, at_ms: Ints, activity: Floats, dice: Floats) -> Ints:
        """Milliseconds from arrival until the mail is read: an hour in which the person is up.

        `dice` holds two uniform numbers per mail, [mails, 2].
        """
        later = np.arange(48)
        hour = self.local.hour(at_ms, self.people.place[person])
        weight = activity[person[:, None], (hour[:, None] + later[None, :]) % 24]
        edges = np.cumsum(weight * np.exp(-later / 9.0), axis=1)
        slot = (edges <= (dice[:, 0] * edges[:, -1])[:, None]).sum(axis=1)
        within = 90 * SECOND_MS + dice[:, 1] * (HOUR_MS - 90 * SECOND_MS)
        return np.asarray(slot * HOUR_MS + within, dtype=np.int64)


def send_newsletters(
    reader: Reader,
    accounts: list[Account],
    issues: list[Newsletter],
    *,
    rng: np.random.Generator,
) -> tuple[Mails, Visits]:
    """Send every issue to a fifth of those who may get it; returns mails and the visits they cause.

    Writes to the truth when somebody unsubscribes.
    """
    people = reader.people
    first_accounts = accounts[: len(people)]
    welcome_ms = np.array([_writable_from(account) for account in first_accounts], dtype=np.int64)
    activity = activity_by_hour(people, reader.world)
    gone_ms = np.full(len(people), NEVER_MS, dtype=np.int64)
    recent = np.zeros((4, len(people)))
    parts: list[Mails] = []
    visits: list[Visits] = []
    for number, issue in enumerate(issues):
        on_list = (welcome_ms <= issue.at_ms) & (gone_ms > issue.at_ms)
        chosen = on_list & (rng.random(len(people)) < reader.world.newsletter_share)
        person = np.flatnonzero(chosen)
        mails, caused = _send_issue(
            reader, issue, number, person, recent.sum(axis=0), activity, rng
        )
        left = np.minimum(mails.unsubscribed_ms, _bounced_away(mails))
        np.minimum.at(gone_ms, mails.person, left)
        np.minimum.at(people.unsubscribed_ms, mails.person, mails.unsubscribed_ms)
        recent[number % 4] = chosen
        parts.append(mails)
        visits.append(caused)
    columns = Mails.__dataclass_fields__
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in columns}
    return Mails(**joined), Visits.join(visits)


def _writable_from(account: Account) -> int:
    usable = account.consent == "yes" and not account.malformed_email
    return account.consent_ms if usable else NEVER_MS


def _bounced_away(mails: Mails) -> Ints:
    return np.where(mails.state == HARD_BOUNCE, mails.delivered_ms, NEVER_MS)


def _send_issue(
    reader: Reader,
    issue: Newsletter,
    number: int,
    person: Ints,
    recent: Floats,
    activity: Floats,
    rng: np.random.Generator,
) -> tuple[Mails, Visits]:
    people, world = reader.people, reader.world
    count = len(person)
    delivered = issue.at_ms + rng.integers(SECOND_MS, 20 * MINUTE_MS, count)
    state = np.where(rng.random(count) < 0.004, SOFT_BOUNCE, DELIVERED)
    state[people.dead_mailbox[person]] = HARD_BOUNCE
    arrived = state == DELIVERED
    chance = open_rate(
        people,
        person,
        subject_lift=_issue_subject_lift(people, person, issue, world),
        activity=reader.activity_at(person, delivered, activity),
        recent_mails=recent[person],
        world=world,
    )
    still_here = people.dropout_ms[person] > issue.at_ms
    opens = arrived & (rng.random(count) < chance * np.where(still_here, 1.0, OPENS_AFTER_DROPOUT))
    opened = np.where(
        opens,
        delivered + reader.open_delays(person, delivered, activity, rng.random((count, 2))),
        NEVER_MS,
    )
    best, affinity = reader.best_shown(person, issue.items)
    clicks = opens & (rng.random(count) < click_rate(affinity, world=world))
    clicked = np.where(clicks, opened + rng.integers(5 * SECOND_MS, 4 * MINUTE_MS, count), NEVER_MS)
    leaves = arrived & (rng.random(count) < leave_rate(recent[person], affinity, world))
    scanned = np.where(
        arrived & people.scanner[person], delivered + rng.integers(200, 1500, count), NEVER_MS
    )
    prefetched = arrived & people.privacy_proxy[person] & (rng.random(count) < 0.93)
    mails = Mails(
        person=person,
        issue=np.full(count, number, dtype=np.int64),
        delivered_ms=delivered,
        state=state.astype(np.int64),
        opened_ms=opened,
        clicked_ms=clicked,
        clicked_item=best,
        machine_opened_ms=np.where(
            prefetched, delivered + rng.integers(SECOND_MS, 25 * SECOND_MS, count), NEVER_MS
        ),
        scanned_ms=scanned,
        unsubscribed_ms=np.where(leaves, np.minimum(opened, delivered + 3 * HOUR_MS), NEVER_MS),
    )
    after_click, after_open = order_rates(people, person, affinity, world=world)
    buys = rng.random(count) < np.where(clicks, after_click, np.where(opens, after_open, 0.0))
    return mails, _caused_visits(mails, buys & still_here, rng)


def _issue_subject_lift(people: People, person: Ints, issue: Newsletter, world: World) -> Floats:
    if issue.personal:
        return world.subject_weight * people.name_liking[person]
    if issue.about >= 0:
        lift = (
            world.subject_weight * SUBJECT_TASTE_WEIGHT * people.category_taste[person, issue.about]
        )
        return np.asarray(lift, dtype=np.float64)
    return np.zeros(len(person))


def leave_rate(recent_mails: Floats, affinity: Floats, world: World) -> Floats:
    """Chance that a mail makes somebody unsubscribe: more after many mails, less when it fits."""
    base = np.log(world.unsubscribe_rate / (1 - world.unsubscribe_rate))
    return sigmoid(base + 0.15 * recent_mails - 0.35 * affinity)


def _caused_visits(mails: Mails, buys: Bools, rng: np.random.Generator) -> Visits:
    """Visits by those who clicked, ordering at once or not, and orders made later."""
    clicked = mails.clicked_ms < NEVER_MS
    at_once = Visits.of(mails.person[clicked], mails.clicked_ms[clicked] + 3 * SECOND_MS, MAIL)
    now = rng.random(len(mails)) < ORDER_AT_ONCE_RATE
    at_once.outcome[:] = np.where((buys & now)[clicked], ORDERED, BROWSED)
    at_once.first_item[:] = mails.clicked_item[clicked]
    later_rows = np.flatnonzero(buys & ~(clicked & now))
    delay = purchase_delays(rng.random(len(later_rows)))
    later = Visits.of(mails.person[later_rows], mails.opened_ms[later_rows] + delay, MAIL)
    later.outcome[:] = ORDERED
    later.first_item[:] = mails.clicked_item[later_rows]
    return Visits.join([at_once, later])


def purchase_delays(dice: Floats) -> Ints:
    """Milliseconds from reading to an order made later: a day and a half on average."""
    delays = HOUR_MS - np.log1p(-dice) * 1.4 * DAY_MS
    return np.minimum(delays, 6 * DAY_MS).astype(np.int64)


def put_off_sleeping_dogs(
    visits: Visits, mails: Mails, people: People, *, world: World, rng: np.random.Generator
) -> Visits:
    """Orders that people whom mail annoys would have made within a week of one, made no more."""
    dog = people.uplift_class[mails.person] == SLEEPING_DOG
    had = np.sort(mails.person[dog] * (2**42) + mails.delivered_ms[dog])
    # Persons and instants in one sorted key: is there a mail in the week before the visit?
    key = visits.person * (2**42) + visits.at_ms
    in_week = np.searchsorted(had, key) > np.searchsorted(had, key - WEEK_MS)
    suppressed = rng.random(len(visits)) < world.suppression_rate
    stays_away = in_week & suppressed & (visits.outcome == ORDERED)
    return replace(visits, outcome=np.where(stays_away, BROWSED, visits.outcome))
