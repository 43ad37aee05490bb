"""The oracle, batch SQL and the live runner say the same of random definitions and histories.

`vocative bench parity --size 1000000` does the same at length.
"""

from dataclasses import replace
from datetime import date, datetime

import pytest

from vocative.testing.parity import KINDS, MISSING, kind_of, same, settled_round, shrink, tell
from vocative.testing.parity_answers import draw_world, opened, oracle_answers
from vocative.testing.random_histories import people_at
from vocative.testing.random_plans import FEATURE_KINDS

SETTLED = [4, 8, 12]
ARRIVING = [1, 2, 6, 9, 10, 13, 31, 81]
RANKED = [3, 7, 11, 47]


@pytest.mark.parametrize("seed", SETTLED + ARRIVING + RANKED)
def test_all_ways_give_the_same_answers(seed):
    kind = KINDS[kind_of(seed)]
    world = kind.world(seed)
    outcome = kind.run(world)
    assert outcome.cases > 1_000
    assert not outcome.mismatches, next(tell(world, outcome, kind.run))


def test_a_seed_gives_the_same_world():
    assert draw_world(3, people=5) == draw_world(3, people=5)
    assert draw_world(3, people=5) != draw_world(4, people=5)


def test_every_kind_of_feature_is_drawn_and_has_something_to_say():
    said: dict[str, set[str]] = {kind: set() for kind in FEATURE_KINDS}
    for seed in range(3):
        world = draw_world(seed, people=20, without=frozenset({"score"}))
        with opened(world) as (_, plan):
            found = oracle_answers(plan, people_at(world.lives), world.instants)
        for name in plan.features:
            kind = name.split("_")[1]
            said[kind] |= {repr(row[name]) for row in found.values()}
    assert {kind for kind, values in said.items() if len(values) < 2} == set()


def test_lives_have_duplicates_late_events_ties_merges_and_edges():
    world = draw_world(1, people=40)
    events = [event for life in world.lives for event in life]
    assert len({event.event_id for event in events}) < len(events)
    assert any(event.at < event.arrives_at for event in events)
    assert any(event.at > event.arrives_at for event in events)
    assert len({(event.user, event.at) for event in events}) < len(events)
    first, last = (len(people_at(world.lives, now)) for now in (world.instants[0], None))
    named = {name for event in events for name in event.names}
    assert first != last < len(named)


def test_a_difference_is_found_and_made_small():
    """A batch that forgets one event's revenue is caught, and little more than it is told."""

    def wrong(world):
        return settled_round(replace(world, lives=tuple(map(_cheaper, world.lives))), truth=world)

    definitions = draw_world(1, features=1, segments=0).definitions
    body = {"sum": "revenue", "of": "Order Completed"}
    world = replace(
        draw_world(1, people=15, instants=2),
        definitions=replace(definitions, features={"spend": body}),
    )
    outcome = wrong(world)
    assert outcome.mismatches
    smaller, left = shrink(world, outcome.mismatches[0], wrong)
    assert left.definition == "spend"
    assert left.said["oracle"] != left.said["batch"]
    assert sum(len(life) for life in smaller.lives) <= 2
    assert len(smaller.instants) == 1
    assert "spend" in next(tell(world, outcome, wrong))


def _cheaper(life):
    return tuple(
        replace(event, columns={**event.columns, "revenue": None})
        if event.columns.get("revenue") == 25.5
        else event
        for event in life
    )


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (0.1 + 0.2, 0.3, True),
        (1.0, 1.000001, False),
        (1, 1.0, False),
        (1, True, False),
        (None, None, True),
        (None, 0, False),
        ("a", MISSING, False),
        (datetime(2026, 3, 1), date(2026, 3, 1), False),  # noqa: DTZ001 - naive UTC
    ],
)
def test_answers_are_equal_in_value_and_type(one, other, equal):
    assert same(one, other) is equal
    assert same(other, one) is equal
