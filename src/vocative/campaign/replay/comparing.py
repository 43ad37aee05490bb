"""What two lists of messages of one journey have in common, and what not.

Messages are told apart by person, key of the run, template, and which of several with the same
template it is. Step ids may change from one version to the next.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from vocative.campaign.replay.results import Differences, MessageDifference
from vocative.clock import from_micros

SAME_MICROS = 60_000_000
"""Less than that apart is at the same time."""


class Planned(NamedTuple):
    """A message, from a replay or from the ledger."""

    person_id: str
    key: str
    template: str
    at: int
    message_id: str


def compare(
    new: Iterable[Planned], old: Iterable[Planned], *, against: str, most: int
) -> Differences:
    """What changed from an old list to a new one.

    Args:
        new: Of the draft.
        old: What it is held against.
        against: What that is.
        most: So many differences are listed; all are counted.
    """
    ours, theirs = _numbered(new), _numbered(old)
    found = []
    same = 0
    for place in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(place), theirs.get(place)
        if mine and other and abs(mine.at - other.at) < SAME_MICROS:
            same += 1
        else:
            found.append(_difference(mine, other))
    count = defaultdict[str, int](int)
    for one in found:
        count[one.change] += 1
    return Differences(
        against=against,
        same=same,
        new=count["new"],
        gone=count["gone"],
        moved=count["moved"],
        messages=found[:most],
    )


def _numbered(messages: Iterable[Planned]) -> dict[tuple[str, str, str, int], Planned]:
    counted = defaultdict[tuple[str, str, str], int](int)
    found = {}
    for one in sorted(messages, key=lambda message: (message.at, message.message_id)):
        group = (one.person_id, one.key, one.template)
        found[(*group, counted[group])] = one
        counted[group] += 1
    return found


def _difference(mine: Planned | None, other: Planned | None) -> MessageDifference:
    shown = mine or other
    if shown is None:
        raise AssertionError("one of the two is there")
    return MessageDifference(
        change="moved" if mine and other else "new" if mine else "gone",
        person_id=shown.person_id,
        key=shown.key,
        template=shown.template,
        at=from_micros(mine.at) if mine else None,
        before=from_micros(other.at) if other else None,
    )
