"""Points that decay leave a segment at the instant at which they fall to its number."""

from datetime import timedelta

import pytest

from vocative.collect.door import accept
from vocative.segment import advance, membership_changes

HALF_LIFE = timedelta(seconds=8)


@pytest.mark.parametrize("window", ["", ", window: 1h"])
@pytest.mark.parametrize(
    ("where", "halvings"),
    [("heat > 2", 2), ("heat between 4 and 100", 1), ("not heat <= 1", 3), ("0.5 < heat", 4)],
)
def test_points_fall_out_at_their_instant(workspace, define, clock, window, where, halvings):
    define(
        features=f"heat: {{points: {{View: 8}}, half_life: 8s{window}}}\n",
        segments=f'hot: {{where: "{where}"}}\n',
    )
    began = clock.now()
    viewed = {"type": "track", "event": "View", "userId": "u", "messageId": "1"}
    accept(workspace, [{**viewed, "timestamp": began.isoformat()}], source="test")
    advance(workspace)
    clock.advance(timedelta(minutes=5))
    advance(workspace)
    entered, exited = membership_changes(workspace).changes
    assert (entered.change, entered.at) == ("entered", began)
    # Points are compared as millionths: the last half of one still counts.
    assert exited.change == "exited"
    assert abs(exited.at - began - halvings * HALF_LIFE) < timedelta(microseconds=50)
    assert exited.cause == "time"
