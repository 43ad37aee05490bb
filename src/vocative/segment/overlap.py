"""How segments overlap: who is in several of them at once."""

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated

import msgspec

from vocative.errors import AuthorError, unknown_name
from vocative.segment.plan import base_name
from vocative.segment.results import Overlap, Overlapping, SegmentSize
from vocative.workspace import Workspace

MOST = 8
Several = Annotated[
    list[str],
    msgspec.Meta(min_length=2, max_length=MOST, extra_json_schema={"uniqueItems": True}),
]


def overlap(workspace: Workspace, segments: Several) -> Overlap:
    """How segments overlap: sizes, and for every pair who is in both.

    Args:
        workspace: Where.
        segments: 2 to 8 segments, or ones of a family such as `country:France`.

    Raises:
        AuthorError: fewer than two or more than eight.
        UnknownName: there is no such segment.
    """
    names = list(dict.fromkeys(segments))
    if not 2 <= len(names) <= MOST:
        raise AuthorError(
            f"an overlap is of 2 to {MOST} different segments, not {len(names)}",
            hint="for example: vocative segment overlap lapsed high_value",
        )
    known = workspace.definitions("segment")
    for name in names:
        if base_name(name) not in known:
            raise unknown_name("segment", name, known)
        if name in known and "by" in known[name].body:
            raise AuthorError(
                f"{name!r} is a family of segments", hint=f"name one of them: {name}:VALUE"
            )
    return _overlap_of(names, _combinations(workspace, names))


def _combinations(workspace: Workspace, names: Sequence[str]) -> dict[int, int]:
    """How many people are in exactly which of the segments: bit n of the key is the n-th."""
    bits = " + ".join(
        f"{1 << n} * max(CASE WHEN segment = :s{n} THEN 1 ELSE 0 END)" for n in range(len(names))
    )
    listed = ", ".join(f":s{n}" for n in range(len(names)))
    with workspace.store.read() as tx:
        rows = tx.tuples(
            f"SELECT bits, count(*) FROM (SELECT person_id, {bits} AS bits FROM memberships"
            f" WHERE until_at IS NULL AND segment IN ({listed}) GROUP BY person_id) AS people"
            " GROUP BY bits",
            {f"s{n}": name for n, name in enumerate(names)},
        )
    return {int(bits): int(people) for bits, people in rows}


def _overlap_of(names: Sequence[str], people: dict[int, int]) -> Overlap:
    def having(wanted: int) -> int:
        return sum(count for bits, count in people.items() if bits & wanted == wanted)

    def touching(wanted: int) -> int:
        return sum(count for bits, count in people.items() if bits & wanted)

    pairs = []
    for (one, name), (other, other_name) in combinations(enumerate(names), 2):
        wanted = 1 << one | 1 << other
        both, either = having(wanted), touching(wanted)
        pairs.append(
            Overlapping(
                one=name,
                other=other_name,
                both=both,
                either=either,
                of_one=_part(both, having(1 << one)),
                of_other=_part(both, having(1 << other)),
                jaccard=_part(both, either),
            )
        )
    return Overlap(
        segments=[
            SegmentSize(name=name, members=having(1 << n), alone=people.get(1 << n, 0))
            for n, name in enumerate(names)
        ],
        pairs=pairs,
        in_all=having((1 << len(names)) - 1),
        in_any=sum(people.values()),
    )


def _part(some: int, whole: int) -> float | None:
    return some / whole if whole else None
