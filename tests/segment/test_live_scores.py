"""A new score changes who is in the segments that ask for it, without an event."""

import pytest

from vocative.clock import to_micros
from vocative.collect.door import accept
from vocative.segment import advance, segment_members
from vocative.segment.live.runner import LiveRunner
from vocative.segment.live.state import judge_everybody


@pytest.fixture
def shop(define, clock):
    workspace = define(
        features="orders: {count: Bought}\n",
        segments="likely: {where: \"score('buys') > 0.5\"}\nbuyers: {where: orders > 0}\n",
        models="buys: {predict: Bought, within: 30d}\n",
    )
    event = {"type": "track", "event": "Bought", "timestamp": clock.now().isoformat()}
    accept(
        workspace,
        [{**event, "userId": f"u{n}", "messageId": f"m{n}"} for n in range(3)],
        source="t",
    )
    advance(workspace)
    return workspace


def scored(workspace, value):
    with workspace.worker_lock("apply"), workspace.store.transaction() as tx:
        tx.run("DELETE FROM scores")
        tx.run(
            "INSERT INTO scores (person_id, model, value, version, scored_at, reasons)"
            " SELECT person_id, 'buys', :value, '1', 0, '[]' FROM profiles",
            {"value": value},
        )
        judge_everybody(tx, to_micros(workspace.clock.now()))


def test_scores_move_people_at_once(shop):
    assert segment_members(shop, "likely") == []
    scored(shop, 0.7)
    advance(shop)
    assert segment_members(shop, "likely") == segment_members(shop, "buyers")
    scored(shop, 0.3)
    advance(shop)
    assert segment_members(shop, "likely") == []


def test_a_runner_that_remembers_people_looks_again(shop):
    runner = LiveRunner(shop)
    runner.advance()
    scored(shop, 0.7)
    runner.advance()
    assert len(segment_members(shop, "likely")) == 3
