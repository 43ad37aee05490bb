"""Random histories that go to the edges: what people did, when it happened and when it arrived.

Out of a generator of chance come *lives*: everything that comes in about one human being, under
one, two or three names that may turn out to be one person's. Instants lie on the edges of windows
and one microsecond beside them, at local midnights and clock changes, at the very same instant as
others, up to a day ahead; events arrive late, out of order and twice; values are missing; refunds
count backwards. The same seed gives the same lives.

`people_at` says who is known by an instant and by what facts, worked out without the identity
graph; `Happened.wire` is the same event as a client would send it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from vocative.ids import event_id_for
from vocative.testing.random_plans import (
    AMOUNTS,
    CATEGORIES,
    COLOURS,
    COUNTRIES,
    EVENTS,
    PRODUCTS,
    WINDOWS,
    WORKSPACE_ZONE,
)
from vocative.testing.segment_oracle import Person

SOURCE = "drawn"
MICRO = timedelta(microseconds=1)
AHEAD = timedelta(days=1)
"""How far ahead of its arrival an event may say it happened."""
ZONES = (
    "Europe/London",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "America/St_Johns",
    "UTC",
    "Mars/Olympus",
)
"""The last one is none: the workspace's zone stands in."""
BEGINNINGS = (
    datetime(2026, 3, 28, 22, 30, tzinfo=UTC),  # clocks go forward in Europe
    datetime(2025, 10, 25, 23, 0, tzinfo=UTC),  # and back
    datetime(2025, 11, 2, 4, 0, tzinfo=UTC),  # back in America
    datetime(2026, 4, 4, 13, 0, tzinfo=UTC),  # back in Lord Howe and New Zealand
    datetime(2025, 12, 31, 20, 0, tzinfo=UTC),
    datetime(2024, 2, 28, 22, 0, tzinfo=UTC),
    datetime(2025, 2, 27, 23, 59, tzinfo=UTC),
    datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
)
_WITH_PRODUCTS = frozenset({"Order Completed", "Order Refunded", "Product Added"})
_BACKWARDS = "Order Refunded"


@dataclass(frozen=True, kw_only=True)
class Happened:
    """One event as it came in. Instants are naive UTC."""

    message_id: str
    name: str
    at: datetime
    arrives_at: datetime
    user: str | None = None
    device: str | None = None
    email: str | None = None
    columns: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    products: tuple[dict[str, Any], ...] = ()
    traits: dict[str, Any] = field(default_factory=dict)

    @property
    def event_id(self) -> str:
        """Its key in history."""
        return event_id_for(SOURCE, self.message_id)

    @property
    def names(self) -> set[tuple[str, str]]:
        """Whom it is about, by any name it mentions."""
        stated = (("user_id", self.user), ("anonymous_id", self.device), ("email", self.email))
        return {(kind, value) for kind, value in stated if value}

    def wire(self) -> dict[str, Any]:
        """The event as a client sends it."""
        sent: dict[str, Any] = {
            "messageId": self.message_id,
            "timestamp": self.at.isoformat() + "Z",
            "userId": self.user,
            "anonymousId": self.device,
        }
        if self.name == "Identified":
            stated = {name: _written(value) for name, value in self.traits.items()}
            return sent | {"type": "identify", "traits": {**stated, **self._email()}}
        columns = dict(self.columns)
        if self.name == _BACKWARDS and columns.get("revenue") is not None:
            columns["revenue"] = -columns["revenue"]
        properties = {**columns, **self.properties}
        if self.products:
            properties["products"] = list(self.products)
        return sent | {"type": "track", "event": self.name, "properties": properties}

    def _email(self) -> dict[str, str]:
        return {} if self.email is None else {"email": self.email}

    def fact(self) -> dict[str, Any]:
        """The row of `events` it becomes."""
        return {
            "event_id": self.event_id,
            "name": self.name,
            "at": self.at,
            "received_at": self.arrives_at,
            "source": SOURCE,
            **self.columns,
            "properties": self.properties,
        }

    def lines(self) -> list[dict[str, Any]]:
        """The rows of `order_lines` it becomes."""
        return [self._line(product) for product in self.products]

    def _line(self, product: dict[str, Any]) -> dict[str, Any]:
        pieces = 1.0 if product["quantity"] is None else product["quantity"]
        pieces = -pieces if self.name == _BACKWARDS else pieces
        return {
            "event_id": self.event_id,
            "name": self.name,
            "at": self.at,
            "order_id": self.columns.get("order_id"),
            **product,
            "quantity": pieces,
            "revenue": None if product["price"] is None else pieces * product["price"],
        }


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else value


Life = tuple[Happened, ...]
"""Everything that comes in about one human being, in the order in which it arrives."""


def draw_instants(rng: Random, *, count: int = 5) -> list[datetime]:
    """Instants to ask about, ascending: some a microsecond apart, some exactly a window."""
    at = rng.choice(BEGINNINGS).replace(tzinfo=None)
    at += rng.choice([timedelta(0), MICRO, timedelta(seconds=rng.random() * 86_400)])
    steps = [MICRO, *(timedelta(seconds=seconds) for seconds in WINDOWS.values() if seconds < 1e7)]
    found = [at]
    while len(found) < count:
        step = rng.choice([*steps, timedelta(seconds=rng.random() * 7_200), timedelta(hours=3)])
        found.append(found[-1] + step + rng.choice([timedelta(0), timedelta(0), MICRO]))
    return found


Steps = Sequence[dict[str, Any]]
_Drawn = list[tuple[str, datetime]]
"""Names of events and when they happened."""


def draw_life(
    rng: Random, number: int, instants: Sequence[datetime], sequences: Sequence[Steps] = ()
) -> Life:
    """A life.

    Args:
        rng: Where chance comes from.
        number: Tells this life from others.
        instants: Those asked about, ascending; events arrive at these instants.
        sequences: Steps that some of what happens follows, more or less.
    """
    user, second, device = f"u{number}", f"v{number}", f"a{number}"
    drawn = _scattered(rng, instants)
    if sequences:
        for _ in range(rng.choice([0, 0, 1, 3])):
            drawn += _followed(rng, instants, rng.choice(sequences))
    happened: list[Happened] = []
    for index, (name, at) in enumerate(drawn):
        # Nothing may say that it happened more than a day after it arrived.
        at = min(at, instants[-1] + AHEAD)  # noqa: PLW2901
        who = rng.random()
        happened.append(
            Happened(
                message_id=f"{number}-{index}-{rng.randrange(1000)}",
                at=at,
                arrives_at=_arrival(rng, instants, at),
                user=None if who < 0.25 else second if who < 0.35 else user,
                device=device if who < 0.25 or who > 0.95 else None,
                **_what(rng, name),
            )
        )
    happened += _statements(rng, number, instants, user, second)
    happened += _twice(rng, instants, happened)
    return tuple(sorted(happened, key=lambda event: event.arrives_at))


def _scattered(rng: Random, instants: Sequence[datetime]) -> _Drawn:
    """Events at instants that matter, with no regard to what they are."""
    anchors = [_instant(rng, instants, None)]
    for _ in range(rng.choice([0, 1, 3, 6, 12, 20, 30, 50])):
        anchors.append(_instant(rng, instants, rng.choice(anchors)))
    return [(rng.choice(EVENTS), at) for at in anchors[1:]]


def _followed(rng: Random, instants: Sequence[datetime], steps: Steps) -> _Drawn:
    """A run through the steps of a sequence, complete about when it is asked about, or nearly."""
    found: list[tuple[str, timedelta]] = []
    after = gap = timedelta(0)
    for step in steps:
        named = step.get("event") or step.get("then") or step["no"]
        name = named if isinstance(named, str) else rng.choice(named)
        gap = timedelta(seconds=WINDOWS[step["within"]]) if "within" in step else gap
        beside = rng.choice([-MICRO, timedelta(0), MICRO])
        if "no" in step:
            if rng.random() < 0.4:
                found.append((name, after + rng.choice([gap + beside, timedelta(0), MICRO])))
            continue
        if "then" in step:
            after += rng.choice([gap, gap, gap + beside, gap * rng.random(), timedelta(0)])
        found.append((name, after))
        if rng.random() < 0.15:
            found.append((name, after))
    waits = gap if "no" in steps[-1] else timedelta(0)
    ends = rng.choice(instants) + rng.choice([timedelta(0), MICRO, -MICRO, -gap * rng.random()])
    return [(name, ends - waits - after + offset) for name, offset in found]


def _instant(rng: Random, instants: Sequence[datetime], near: datetime | None) -> datetime:
    asked = rng.choice(instants)
    beside = rng.choice([-MICRO, timedelta(0), timedelta(0), MICRO])
    length = timedelta(seconds=rng.choice(list(WINDOWS.values())))
    style = rng.random()
    if style < 0.25:
        return asked - length + beside
    if style < 0.35:
        return asked + beside
    if style < 0.5 and near is not None:
        return near + rng.choice([length, -length, timedelta(0)]) + beside
    if style < 0.6 and near is not None:
        return near
    if style < 0.7:
        return _midnight(rng, asked) + beside
    if style < 0.75:
        return asked + AHEAD * rng.random()
    return asked - timedelta(seconds=rng.choice([600, 86_400, 3e6, 4e7]) * rng.random())


def _midnight(rng: Random, asked: datetime) -> datetime:
    """The beginning of some day of the last weeks, as clocks somewhere show it."""
    zone = ZoneInfo(rng.choice(ZONES[:-1]))
    day = asked.replace(tzinfo=UTC).astimezone(zone).date() - timedelta(days=rng.randrange(20))
    begins = datetime.combine(day, datetime.min.time(), zone)
    return begins.astimezone(UTC).replace(tzinfo=None)


def _arrival(rng: Random, instants: Sequence[datetime], at: datetime) -> datetime:
    possible = [instant for instant in instants if at <= instant + AHEAD]
    return possible[0] if rng.random() < 0.6 else rng.choice(possible)


def _what(rng: Random, name: str) -> dict[str, Any]:
    revenue = rng.choice([None, None, *AMOUNTS])
    columns = {
        "order_id": rng.choice([None, "o1", "o2"]),
        "product_id": rng.choice([None, *PRODUCTS]),
        "category": rng.choice([None, *CATEGORIES]),
        "price": rng.choice([None, *AMOUNTS]),
        "quantity": rng.choice([None, 1.0, 2.0, 0.5]),
        "revenue": -revenue if revenue is not None and name == _BACKWARDS else revenue,
        "currency": rng.choice([None, "EUR", "GBP"]),
        "campaign": rng.choice([None, "summer", "winter"]),
    }
    properties = {
        "colour": rng.choice([None, *COLOURS, 7, 12.5]),
        "verdict": rng.choice([None, "human", "machine"]),
        "size": rng.choice([None, "3", "12.5", "big", 4]),
    }
    count = rng.choice([0, 1, 2, 3]) if name in _WITH_PRODUCTS else 0
    return {
        "name": name,
        "columns": columns,
        "properties": {name: value for name, value in properties.items() if value is not None},
        "products": tuple(_product(rng) for _ in range(count)),
    }


def _product(rng: Random) -> dict[str, Any]:
    return {
        "product_id": rng.choice([None, *PRODUCTS]),
        "category": rng.choice([None, *CATEGORIES]),
        "price": rng.choice([None, *AMOUNTS]),
        "quantity": rng.choice([None, 1.0, 2.0, 0.5]),
    }


def _statements(
    rng: Random, number: int, instants: Sequence[datetime], user: str, second: str
) -> Iterator[Happened]:
    """What people say of themselves; an address that two accounts share makes them one person."""
    beginning = instants[0] - timedelta(days=rng.choice([1, 40, 500]))
    for index in range(rng.choice([0, 1, 2, 3])):
        # No two statements of one instant: which of them counts is nobody's promise.
        at = beginning + timedelta(hours=index, microseconds=rng.randrange(10**6))
        yield Happened(
            message_id=f"{number}-says-{index}",
            name="Identified",
            at=at,
            arrives_at=_arrival(rng, instants, at),
            user=second if index == 2 else user,
            # A device that goes by one name is nobody else's: only one account uses it.
            device=f"a{number}" if index != 2 and rng.random() < 0.3 else None,
            email=f"person{number}@{rng.choice(['shop', 'mail'])}.example" if index != 1 else None,
            traits=_traits(rng, instants),
        )


def _traits(rng: Random, instants: Sequence[datetime]) -> dict[str, Any]:
    asked = rng.choice(instants)
    length = timedelta(seconds=rng.choice(list(WINDOWS.values())))
    drawn = {
        "country": rng.choice([None, *COUNTRIES]),
        "club": rng.choice(CATEGORIES),
        "timezone": rng.choice(ZONES),
        "visits": rng.choice([None, 0.0, 1.0, 2.5, 10.3]),
        "level": rng.randrange(-1, 4),
        "vip": rng.choice([None, True, False]),
        "renews_on": rng.choice(
            [date(2024, 2, 29), asked.date(), asked.date() - timedelta(days=rng.randrange(-9, 400))]
        ),
        "signed_at": rng.choice([asked - length, asked - length + MICRO, asked + MICRO]),
    }
    return {name: value for name, value in drawn.items() if rng.random() < 0.7}


def _twice(
    rng: Random, instants: Sequence[datetime], happened: list[Happened]
) -> Iterator[Happened]:
    """Some events once more under the same id, with other values: these must not count."""
    for event in happened:
        if event.name != "Identified" and rng.random() < 0.1:
            later = [instant for instant in instants if instant >= event.arrives_at]
            columns = {**event.columns, "revenue": 999.0, "category": "c"}
            yield replace(event, arrives_at=rng.choice(later), columns=columns, products=())


# Who is known by an instant


def people_at(lives: Iterable[Life], now: datetime | None = None) -> dict[str, Person]:
    """Everybody who is known once all that arrives until an instant was taken in.

    Args:
        lives: Everything that ever arrives.
        now: Naive UTC; the end of time unless told.

    Returns:
        People by the first of their names, as "namespace value".
    """
    found: dict[str, Person] = {}
    for life in lives:
        arrived = first_of_each(event for event in life if now is None or event.arrives_at <= now)
        for names, events in _parted(arrived):
            found[names[0]] = _person(events)
    return found


def first_of_each(events: Iterable[Happened]) -> list[Happened]:
    """Events without those that came a second time."""
    found: dict[str, Happened] = {}
    for event in events:
        found.setdefault(event.event_id, event)
    return list(found.values())


def _parted(events: Sequence[Happened]) -> list[tuple[list[str], list[Happened]]]:
    """Events by the people they turn out to belong to: a name in common makes them one."""
    groups: list[tuple[set[tuple[str, str]], list[Happened]]] = []
    for event in events:
        joined = [group for group in groups if group[0] & event.names]
        groups = [group for group in groups if group not in joined]
        names = event.names.union(*(group[0] for group in joined))
        groups.append((names, [e for group in joined for e in group[1]] + [event]))
    return [(sorted(f"{kind} {value}" for kind, value in names), found) for names, found in groups]


def _person(events: Sequence[Happened]) -> Person:
    traits: dict[str, Any] = {}
    for event in sorted(events, key=lambda event: event.at):
        traits |= event.traits
        if event.email is not None:
            traits["email_domain"] = event.email.partition("@")[2]
    traits["first_seen_at"] = min(event.at for event in events)
    stated = traits.get("timezone")
    return Person(
        facts=[event.fact() for event in events],
        lines=[line for event in events for line in event.lines()],
        traits=traits,
        zone=stated if stated in _known_zones() else WORKSPACE_ZONE,
    )


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def told(life: Life) -> str:
    """A life in lines of text, for people to read."""
    shown = [
        f"{event.arrives_at.isoformat()} {json.dumps(event.wire(), default=str)}" for event in life
    ]
    return "\n".join(shown)
