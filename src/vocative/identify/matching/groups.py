"""From pairs to people: who would become one if likely pairs were joined.

Joining pair by pair would chain: A is like B, B is like C, and a stranger comes in at the end.
Two groups become one only if, over all pairs between them, being one person is more likely than
not; a pair that nobody scored counts as unlikely. (Average linkage over probabilities.)
"""

from collections.abc import Collection, Iterable

Pair = tuple[str, str]


def group(
    pairs: Iterable[tuple[str, str, float]],
    *,
    at_least: float,
    apart: Collection[Pair] = (),
    agreement: float = 0.5,
) -> list[tuple[str, ...]]:
    """The groups of people who would become one.

    Args:
        pairs: (one, other, probability), each pair once; those below `at_least` join nobody, and
            still count for the agreement.
        at_least: The probability from which a pair joins.
        apart: Pairs that are known to be two people: they are never in one group.
        agreement: The least mean probability over the pairs between two groups.

    Returns:
        Groups of two and more, each in order, in the order of their first members. The order in
        which pairs come in makes no difference.
    """
    found: dict[Pair, float] = {}
    for one, other, probability in pairs:
        found[_ordered(one, other)] = probability
    strangers = {_ordered(*pair) for pair in apart}
    groups: dict[str, list[str]] = {}
    for one, other in sorted(found, key=lambda pair: (-found[pair], pair)):
        if found[one, other] < at_least:
            break
        left = groups.setdefault(one, [one])
        right = groups.setdefault(other, [other])
        if left is right:
            continue
        between = [_ordered(a, b) for a in left for b in right]
        if not strangers.isdisjoint(between):
            continue
        if sum(found.get(pair, 0.0) for pair in between) >= agreement * len(between):
            left.extend(right)
            for member in right:
                groups[member] = left
    members = {id(one): one for one in groups.values() if len(one) > 1}
    return sorted(tuple(sorted(one)) for one in members.values())


def _ordered(one: str, other: str) -> Pair:
    return (one, other) if one < other else (other, one)
