"""Rows of people wait a little to be written: nobody sees it, and a crash costs nothing."""

from datetime import timedelta

import pytest

from vocative.collect.door import accept
from vocative.segment import build_plan, recompute
from vocative.segment.live import people as people_module
from vocative.segment.live.reading import features_now
from vocative.segment.live.runner import LiveRunner

FEATURES = """\
views: {count: View}
views_1m: {count: View, window: 1m}
"""
SEGMENTS = """\
seen: {where: "views > 0"}
here: {where: "views_1m > 0"}
keen: {where: "views >= 3"}
"""


@pytest.fixture
def shop(define):
    return define(features=FEATURES, segments=SEGMENTS)


@pytest.fixture
def runner(shop):
    runner = LiveRunner(shop, rows_wait=True)
    runner.refresh()
    runner.settle()
    return runner


def view(shop, number, user="u", **more):
    event = {"type": "track", "event": "View", "messageId": f"m{number}", "userId": user}
    accept(shop, [{**event, "timestamp": shop.clock.now().isoformat(), **more}], source="t")


def rows(shop):
    with shop.store.read() as tx:
        return tx.value("SELECT count(*) FROM live_people"), tx.value(
            "SELECT count(*) FROM live_unwritten"
        )


def changes(shop):
    with shop.store.read() as tx:
        return tx.tuples("SELECT segment, change FROM membership_changes ORDER BY seq")


def features(shop, user="u"):
    with shop.store.read() as tx:
        found = tx.value(
            "SELECT person_id FROM identities WHERE value_hash = :hash",
            {"hash": shop.vault.lookup_hash("user_id", user)},
        )
    return features_now(shop, build_plan(shop), found)


def test_rows_wait_and_are_written_in_their_time(shop, runner, clock):
    for number in range(3):
        view(shop, number)
        runner.step()
    assert [segment for segment, _ in changes(shop)] == ["here", "seen", "keen"]
    assert rows(shop) == (0, 1)  # noted once, however many steps somebody waits
    assert runner.settle_rows() == 0
    clock.advance(timedelta(microseconds=people_module.WAIT))
    assert runner.settle_rows() == 0
    clock.advance(timedelta(microseconds=people_module.GRACE))
    assert runner.settle_rows() == 1
    assert rows(shop) == (1, 0)
    assert runner.settle_rows() == 0


def test_steps_write_what_has_waited_and_what_is_too_much(shop, runner, clock, monkeypatch):
    view(shop, 1, "a")
    runner.step()
    clock.advance(timedelta(microseconds=people_module.WAIT))
    view(shop, 2, "b")
    runner.step()
    assert rows(shop) == (1, 1)
    monkeypatch.setattr(people_module, "MOST_WAITING", 1)
    view(shop, 3, "c")
    runner.step()
    assert rows(shop) == (2, 1)
    runner.close()
    assert rows(shop) == (3, 0)


def test_others_see_features_as_they_are(shop, runner, clock):
    view(shop, 1)
    runner.step()
    runner.close()
    for number in (2, 3):
        view(shop, number)
        runner.step()
    assert rows(shop) == (1, 1)
    assert features(shop) == {"views": 3, "views_1m": 3}
    clock.advance(timedelta(seconds=61))
    assert features(shop) == {"views": 3, "views_1m": 0}


def test_after_a_crash_people_are_as_they_were(shop, runner):
    view(shop, 1)
    runner.step()
    runner.close()
    for number in (2, 3):
        view(shop, number)
        runner.step()
    told = changes(shop)
    another = LiveRunner(shop)
    another.advance()
    assert rows(shop) == (1, 0)
    assert changes(shop) == told
    assert features(shop) == {"views": 3, "views_1m": 3}
    view(shop, 4)
    another.step()
    assert features(shop) == {"views": 4, "views_1m": 4}
    # The first one was not dead, only slow: what it had in memory counts no more.
    view(shop, 5)
    while runner.step() is not None:
        pass
    runner.close()
    assert features(shop) == {"views": 5, "views_1m": 5}


def test_what_time_changed_meanwhile_changed_at_its_instant(shop, runner, clock):
    view(shop, 1)
    runner.step()
    began = clock.now()
    clock.advance(timedelta(hours=1))
    LiveRunner(shop).advance()
    with shop.store.read() as tx:
        left = tx.value("SELECT at FROM membership_changes WHERE change = 'exited'")
    assert left == int((began + timedelta(minutes=1)).timestamp() * 1_000_000)
    assert recompute(shop).differences == 0


def test_somebody_who_changes_soon_does_not_wait(shop, runner, clock):
    view(shop, 1, timestamp=(clock.now() - timedelta(seconds=55)).isoformat())
    runner.step()
    assert rows(shop) == (1, 0)
    clock.advance(timedelta(seconds=6))
    assert runner.fire() == 1
    assert changes(shop)[-1] == ("here", "exited")


def test_people_who_are_found_to_be_one_do_not_wait(shop, runner):
    """The row of one of them is gone: what it held must be in the other's."""
    view(shop, 1, "a")
    view(shop, 2, "b")
    runner.step()
    runner.close()
    for number, user in ((3, "a"), (4, "b")):
        view(
            shop,
            number,
            user,
            type="identify",
            traits={"email": "one@shop.example"},
        )
    runner.step()
    LiveRunner(shop).advance()
    assert features(shop, "b") == {"views": 2, "views_1m": 2}
    assert recompute(shop).differences == 0


def test_new_definitions_find_the_rows_that_waited(shop, runner, define):
    view(shop, 1)
    runner.step()
    define(
        features=FEATURES + "views_5m: {count: View, window: 5m}\n",
        segments=SEGMENTS + 'long: {where: "views_5m > 0"}\n',
    )
    view(shop, 2)
    LiveRunner(shop).advance()  # another process takes them up
    assert features(shop) == {"views": 2, "views_1m": 2, "views_5m": 2}
    assert recompute(shop).differences == 0
