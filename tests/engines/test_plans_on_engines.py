"""Whole plans give the same rows on every engine, to the last bit.

Random workspaces and histories that go to the edges, and what `vocative init` and its packs bring.
"""

import pytest

from vocative.testing.parity_answers import batch_answers, draw_world, opened, scored
from vocative.testing.random_histories import people_at

SEEDS = range(4)


def differences(expected, found):
    return [
        f"{name} of {person} at {at}: DuckDB says {row[name]!r}, not {found[person, at][name]!r}"
        for (person, at), row in expected.items()
        for name in row
        if row[name] != found[person, at][name]
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_workspace_has_the_same_answers(duckdb_engine, other, seed):
    world = draw_world(seed, people=25, instants=3)
    people = scored(people_at(world.lives))
    with opened(world) as (_, plan):
        expected = batch_answers(duckdb_engine, plan, people, world.instants)
        found = batch_answers(other, plan, people, world.instants)
    assert found.keys() == expected.keys()
    assert not (wrong := differences(expected, found)), "\n".join(wrong[:20])
