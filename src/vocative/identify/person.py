"""People as a step sees them: their row of `profiles` and what the step changes about them.

A `Person` is whoever was first seen under some identity. Nearly always that is all there is to a
person. When several turn out to be one, each of them goes on as an *origin* of the whole
(`whole.py`) and keeps what it stated itself, so that it can be given back.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from vocative.privacy.vault import merge_statements
from vocative.stores import Transaction

if TYPE_CHECKING:
    from vocative.identify.whole import Whole

Stated = dict[str, tuple[Any, int]]
"""Trait → (value, when it was stated in microseconds UTC)."""
ProfileRow = tuple[str, int, int, str, str]
"""Of `profiles`: the person's id, first and last instant, traits and when they were stated."""

SAME_VISIT = 30 * 60 * 1_000_000
"""By so much `updated_at` may be older than the newest event; microseconds."""

PERSON_COLUMNS = "p.person_id, p.first_seen_at, p.updated_at, p.traits, p.traits_at"
"""Of `profiles AS p`, in the order that `Person` takes them."""

_traits_of = msgspec.json.Decoder(dict[str, Any]).decode
_times_of = msgspec.json.Decoder(dict[str, int]).decode
_encode = msgspec.json.Encoder().encode


class Person:
    """One person. Traits are decoded when they are asked for: most events state none."""

    __slots__ = (
        "_stated",
        "_texts",
        "_traits",
        "filed",
        "first_seen_at",
        "home",
        "joined_to",
        "moved",
        "named",
        "news",
        "person_id",
        "restated",
        "stored",
        "updated_at",
        "whole",
    )

    def __init__(
        self,
        person_id: str,
        first_seen_at: int,
        updated_at: int,
        traits: str = "{}",
        traits_at: str = "{}",
        *,
        stored: bool = True,
    ) -> None:
        self.person_id = person_id
        self.first_seen_at = first_seen_at
        self.updated_at = updated_at
        self.named = False
        """Whether a user id or an e-mail address leads here, itself and not by way of others."""
        self.stored = stored
        self.moved = False
        """Its first or last instant changed and is not written yet."""
        self.restated = False
        """Its traits changed and are not written yet."""
        self.news = not stored
        """Its traits or its first instant changed in this step."""
        self.joined_to: Person | None = None
        """Whom a rule took it for. What people decide about it counts in `whole` alone."""
        self.whole: Whole | None = None
        """The several that it is one of; None: it is a person by itself."""
        self.home = person_id
        """Who it is part of as the store has it."""
        self.filed = False
        """Whether the store has it among the origins."""
        self._texts = (traits, traits_at)
        self._stated: Stated | None = None
        self._traits: dict[str, Any] | None = None

    @property
    def root(self) -> "Person":
        """The one that the rules took for the same, as far as they go."""
        person = self
        while person.joined_to is not None:
            person = person.joined_to
        return person

    @property
    def living(self) -> "Person":
        """Who this person lives on as."""
        return self if self.whole is None else self.whole.survivor

    @property
    def traits(self) -> dict[str, Any]:
        """Trait → value; not to be changed."""
        if self._traits is None:
            self._traits = _traits_of(self._texts[0])
        return self._traits

    def seen(self, at: int) -> None:
        """Something happened at an instant.

        A visit of many events would write the row again with each of them: `updated_at` moves on
        by half an hour at least. That depends on the events' order alone, not on the steps.
        """
        if at >= self.updated_at + SAME_VISIT:
            self.updated_at = at
            self.moved = True
        if at < self.first_seen_at:
            self.first_seen_at = at
            self.moved = self.news = True

    def state(self, traits: Mapping[str, Any], at: int) -> None:
        """Traits were stated at an instant; what was stated later stays."""
        self._restate(
            merge_statements(self.stated(), {name: (value, at) for name, value in traits.items()})
        )

    def stated(self) -> Stated:
        """What it stated: trait → (value, instant); not to be changed."""
        if self._stated is None:
            times = _times_of(self._texts[1])
            self._stated = {
                name: (value, times.get(name, 0)) for name, value in self.traits.items()
            }
        return self._stated

    def _restate(self, stated: Stated) -> None:
        if stated == self._stated:
            return
        self._texts = stated_texts(stated)
        self._traits, self._stated = {name: value for name, (value, _) in stated.items()}, stated
        self.restated = self.news = True

    def row(self) -> ProfileRow:
        """The row of `profiles`."""
        return (self.person_id, self.first_seen_at, self.updated_at, *self._texts)


def stated_texts(stated: Stated) -> tuple[str, str]:
    """Traits and their instants, as tables hold them."""
    traits = {name: value for name, (value, _) in stated.items()}
    times = {name: at for name, (_, at) in stated.items()}
    return _encode(traits).decode(), _encode(times).decode()


def write_people(tx: Transaction, people: Iterable[Person]) -> None:
    """Write what changed about people, in the order of their ids."""
    rows, times = [], []
    for person in sorted(people, key=_id):
        if person.restated or not person.stored:
            rows.append(person.row())
        elif person.moved:
            times.append((person.first_seen_at, person.updated_at, person.person_id))
        else:
            continue
        person.stored, person.moved, person.restated = True, False, False
    write_rows(tx, rows)
    tx.run(
        "UPDATE profiles SET first_seen_at = :first_seen_at, updated_at = :updated_at"
        " WHERE person_id = :person_id",
        times,
    )


def write_rows(tx: Transaction, rows: Sequence[ProfileRow]) -> None:
    """Write rows of `profiles`; who was merged into whom stays as it is."""
    tx.run(
        "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits, traits_at)"
        " VALUES (:person_id, :first_seen_at, :updated_at, :traits, :traits_at)"
        " ON CONFLICT (person_id) DO UPDATE SET first_seen_at = excluded.first_seen_at,"
        " updated_at = excluded.updated_at, traits = excluded.traits,"
        " traits_at = excluded.traits_at",
        rows,
    )


def _id(person: Person) -> str:
    return person.person_id
