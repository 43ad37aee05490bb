"""People as a step sees them: their row of `profiles` and what the step changes about them."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from vocative.privacy.vault import merge_statements
from vocative.stores import Transaction

Stated = dict[str, tuple[Any, int]]
"""Trait → (value, when it was stated in microseconds UTC)."""

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
        "first_seen_at",
        "merged_into",
        "moved",
        "named",
        "news",
        "person_id",
        "restated",
        "stored",
        "updated_at",
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
        """Whether a user id or an e-mail address leads here."""
        self.stored = stored
        self.moved = False
        """Its first or last instant changed and is not written yet."""
        self.restated = False
        """Its traits changed and are not written yet."""
        self.news = not stored
        """Its traits or its first instant changed in this step."""
        self.merged_into: Person | None = None
        self._texts = (traits, traits_at)
        self._stated: Stated | None = None
        self._traits: dict[str, Any] | None = None

    @property
    def living(self) -> "Person":
        """Who this person lives on as."""
        person = self
        while person.merged_into is not None:
            person = person.merged_into
        return person

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
            merge_statements(self._known(), {name: (value, at) for name, value in traits.items()})
        )

    def absorb(self, gone: "Person") -> None:
        """Take over what was known of a person who turned out to be this one."""
        gone.merged_into = self
        self.first_seen_at = min(self.first_seen_at, gone.first_seen_at)
        self.updated_at = max(self.updated_at, gone.updated_at)
        self.moved = self.news = True
        # On a tie the survivor's own statement counts: it is merged in last.
        self._restate(merge_statements(gone._known(), self._known()))

    def _known(self) -> Stated:
        if self._stated is None:
            times = _times_of(self._texts[1])
            self._stated = {
                name: (value, times.get(name, 0)) for name, value in self.traits.items()
            }
        return self._stated

    def _restate(self, stated: Stated) -> None:
        if stated == self._stated:
            return
        traits = {name: value for name, (value, _) in stated.items()}
        times = {name: at for name, (_, at) in stated.items()}
        self._texts = _encode(traits).decode(), _encode(times).decode()
        self._traits, self._stated = traits, stated
        self.restated = self.news = True

    def row(self) -> tuple[str, int, int, str, str]:
        """The row of `profiles`."""
        return (self.person_id, self.first_seen_at, self.updated_at, *self._texts)


def write_people(tx: Transaction, people: Iterable[Person]) -> None:
    """Write what changed about living people, in the order of their ids."""
    rows, times = [], []
    for person in sorted(people, key=_id):
        if person.restated or not person.stored:
            rows.append(person.row())
        elif person.moved:
            times.append((person.first_seen_at, person.updated_at, person.person_id))
        else:
            continue
        person.stored, person.moved, person.restated = True, False, False
    tx.run(
        "INSERT INTO profiles (person_id, first_seen_at, updated_at, traits, traits_at)"
        " VALUES (:person_id, :first_seen_at, :updated_at, :traits, :traits_at)"
        " ON CONFLICT (person_id) DO UPDATE SET first_seen_at = excluded.first_seen_at,"
        " updated_at = excluded.updated_at, traits = excluded.traits,"
        " traits_at = excluded.traits_at",
        rows,
    )
    tx.run(
        "UPDATE profiles SET first_seen_at = :first_seen_at, updated_at = :updated_at"
        " WHERE person_id = :person_id",
        times,
    )


def _id(person: Person) -> str:
    return person.person_id
