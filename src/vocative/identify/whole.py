"""A person who consists of several: which origins, what joins them, and what they state together.

Two things join origins. A rule (a shared address, a device somebody signed in on) lets one origin
be `joined_to` another; the rules go on as though nobody had decided anything. A decision is a
`Link` between any two. What is known of the whole is made anew from what its origins stated, so
taking a join away gives back exactly what was there: nothing was ever mixed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from vocative.identify.person import Person, ProfileRow, stated_texts
from vocative.privacy.vault import merge_statements

T = TypeVar("T")
_NOTHING = ("{}", "{}")
_traits_of = msgspec.json.Decoder(dict[str, Any]).decode


class Link(msgspec.Struct, frozen=True, gc=False):
    """A decision that two origins are one person."""

    number: int
    """Decisions are numbered in the order of the log."""
    gone: str
    kept: str
    """The one whose person goes on."""


class Whole:
    """Several origins that are one person now."""

    __slots__ = ("links", "news", "origins", "shown", "survivor")

    def __init__(self, origins: Iterable[Person], links: Iterable[Link], survivor: Person) -> None:
        self.origins = {origin.person_id: origin for origin in origins}
        self.links = sorted(links, key=_number)
        self.survivor = survivor
        self.shown: ProfileRow | None = None
        """The row of `profiles` as the store has it; None: not as it is now."""
        self.news = False
        """Its traits or its first instant changed in this step."""
        for origin in self.origins.values():
            origin.whole = self

    def row(self) -> ProfileRow:
        """The row of `profiles`: what all of them stated."""
        everybody = self.ordered()
        speaking = [origin for origin in everybody if origin.row()[3:] != _NOTHING]
        if len(speaking) > 1:
            texts = stated_texts(together(one.stated() for one in speaking))
        else:
            texts = speaking[0].row()[3:] if speaking else _NOTHING
        return (
            self.survivor.person_id,
            min(origin.first_seen_at for origin in everybody),
            max(origin.updated_at for origin in everybody),
            *texts,
        )

    def ordered(self) -> list[Person]:
        """Everybody, the survivor last: of what two state of one instant, the last counts."""
        survivor = self.survivor
        return sorted(self.origins.values(), key=lambda one: (one is survivor, one.person_id))

    @property
    def person_id(self) -> str:
        """Who survives."""
        return self.survivor.person_id

    @property
    def first_seen_at(self) -> int:
        """As the store has it; microseconds UTC."""
        return (self.shown or self.row())[1]

    @property
    def traits(self) -> Mapping[str, Any]:
        """Trait → value, as the store has it."""
        return _traits_of((self.shown or self.row())[3])


def together(statements: Iterable[Mapping[str, tuple[T, int]]]) -> dict[str, tuple[T, int]]:
    """What several state, in their order: the latest of each, on a tie the last one's."""
    found: dict[str, tuple[T, int]] = {}
    for stated in statements:
        found = merge_statements(found, stated)
    return found


def cluster(root: Person) -> list[Person]:
    """Everybody whom the rules take for one with a root, itself included."""
    if root.whole is None:
        return [root]
    return [origin for origin in root.whole.origins.values() if origin.root is root]


def branch(origin: Person) -> set[str]:
    """An origin and everybody whom rules joined to it."""
    everybody = [origin] if origin.whole is None else origin.whole.origins.values()
    return {one.person_id for one in everybody if _comes_by(one, origin)}


def parts(
    origins: Mapping[str, Person], links: Sequence[Link]
) -> list[tuple[Person, list[Person]]]:
    """Who is one person: by the rules, and by decisions between whom the rules leave apart.

    Who survives depends on the joins that are left alone, not on those that were taken back.

    Args:
        origins: By id.
        links: Between these.

    Returns:
        For each person who survives, and all its origins.
    """
    over: dict[str, str] = {}
    """Somebody's root → whose it is by decision."""

    def top(person_id: str) -> str:
        found = origins[person_id].root.person_id
        while found in over:
            found = over[found]
        return found

    for link in sorted(links, key=_number):
        gone, kept = top(link.gone), top(link.kept)
        if gone != kept:
            over[gone] = kept
    found: dict[str, list[Person]] = {}
    for person_id in sorted(origins):
        found.setdefault(top(person_id), []).append(origins[person_id])
    return [(origins[survivor], members) for survivor, members in found.items()]


def _comes_by(one: Person, other: Person) -> bool:
    person: Person | None = one
    while person is not None and person is not other:
        person = person.joined_to
    return person is other


def _number(link: Link) -> int:
    return link.number
